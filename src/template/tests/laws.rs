//! Laws: whatever the values are, they stay values.
//!
//! Each template is rendered with a harmless value and with a naughty one; what comes out has the
//! same shape, or there is a fault.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{RequestTemplate, render};
use super::with_body;

/// Bodies with a value in every position that there is.
const BODIES: &[&str] = &[
    r#"{"a": "{{ event.v }}"}"#,
    r#"{"a": {{ event.v }}}"#,
    r#"{"a": "x{{ event.v }}y{{ event.v }}", "b": [{{ event.v }}, "{{ event.v|safe }}"]}"#,
    r#"{"k{{ event.v }}": 1, "b": 2}"#,
    r#"{ {{ event.v }}: 1}"#,
    r#"[{% for i in event.list %}{"n": "{{ i }}", "m": {{ i }}}{% if not forloop.last %},{% endif %}{% endfor %}]"#,
    r#"[{% for i in event.list %}{% for j in event.list %}"{{ i }}-{{ j }}",{% endfor %}{% endfor %}0]"#,
    r#"{"a": "{% if event.v == 'x' %}yes{% else %}{{ event.v|upper }}{% endif %}"}"#,
    r#"{"a": "{{ event.object }}", "b": "{{ event.list }}"}"#,
    r#"{"a": "{{ event.v|tojson }}", "b": {{ event.v|tojson }}}"#,
    r#"{"a": "{% autoescape off %}{{ event.v|safe|append:'!' }}{% endautoescape %}"}"#,
    r#"["{% spaceless %}<i> {{ event.v }} </i>{% endspaceless %}", {{ event.v }}]"#,
    r#"["{% for i in event.list %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}"]"#,
    r#"["{% firstof event.v 'x' %}", {% cycle event.v %}, {{ event.v|default:'null' }}]"#,
    r#"["{{ event.v|escape }}", "{{ event.v|linebreaksbr }}", {{ event.v|striptags }}]"#,
    r#"[{{ event.v|replace_first:'a|"' }}, {{ event.v|slice:':3' }}, {{ event.v|truncatechars:4 }}]"#,
    r#"[{{ 1|yesno:event.words }}, {{ event.nothing|default:event.v }}, {% firstof event.v %}]"#,
    r#"["\\{{ event.v }}\\", "\"{{ event.v }}\"", "\u00e4{{ event.v }}"]"#,
];

/// Texts that have broken something somewhere.
fn naughty() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        r#"","admin":true,"x":""#,
        r#""}],"a":[{"b":""#,
        "\\",
        "\\\"",
        "\\u0022",
        "\\ud800",
        "\"",
        "'",
        "\u{0}\u{1}\u{1f}\u{7f}",
        "\r\nX-Admin: 1",
        "\u{2028}\u{2029}",
        "\u{feff}\u{200b}\u{202e}",
        "</script><script>",
        "<!--",
        "{{ event.secret }}",
        "{% if 1 %}",
        "{# #}",
        "}}",
        "null",
        "true",
        "1e999",
        "[1]",
        "{\"a\":1}",
        "../..",
        "..",
        ".",
        "%2e%2e%2f",
        "@evil.example",
        "//evil.example/",
        "?a=b&c=d#e",
        "a b+c",
        "\t",
        "",
        "\u{1f600}",
    ]);
    let any = any::<String>();
    let signs = r#"["'\\{}\[\]:,/?&#%<>.@ \n\r\t\x00a1]{0,20}"#;
    prop_oneof![
        known.prop_map(str::to_owned),
        signs,
        any,
        (naughty_part(), naughty_part()).prop_map(|(a, b)| a + &b)
    ]
}

fn naughty_part() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["\"", "\\", ",", ":", "{", "}", "a", "\n", "\\u", "00", "22"])
        .prop_map(str::to_owned)
}

/// A value of any kind, made of naughty texts.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => naughty().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn context(value: &Value, text: &str) -> Value {
    let mut object = serde_json::Map::new();
    object.insert(text.to_owned(), value.clone());
    let words = format!("{text},{text}");
    json!({"event": {"v": value, "words": words, "list": [value, "x", text], "object": object}})
}

/// The objects and lists with their keys, without the values in them.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), shape(value))).collect()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        _ => Value::Null,
    }
}

/// The same with the keys counted instead of named.
fn outline(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.values().map(outline).collect(),
        Value::Array(items) => items.iter().map(outline).collect(),
        _ => Value::Null,
    }
}

fn body(source: &str, context: &Value) -> Option<Value> {
    let request = render(&with_body(source), context).ok()?;
    Some(serde_json::from_str(&request.body).expect("what comes out is JSON"))
}

fn request(url: &str, query: &[(&str, &str)], headers: &[(&str, &str)]) -> RequestTemplate {
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (query, headers) = (owned(query), owned(headers));
    RequestTemplate { url: url.to_owned(), query, headers, ..with_body("") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_body_is_json_of_the_same_shape(value in value(), text in naughty()) {
        for source in BODIES {
            let harmless = body(source, &context(&json!("x"), "y"));
            let Some(harmless) = harmless else { panic!("{source} does not work at all") };
            if let Some(naughty) = body(source, &context(&value, &text)) {
                if source.contains("event.v }}\": 1") || source.contains("{ {{") {
                    prop_assert_eq!(outline(&naughty), outline(&harmless), "{}", source);
                } else {
                    prop_assert_eq!(shape(&naughty), shape(&harmless), "{}", source);
                }
            } else if value.is_string() && !source.contains("ifchanged") {
                // Texts fit everywhere but where a number of steps or a key is wanted.
                prop_assert!(source.contains("k{{") || source.contains("words"), "{}", source);
            }
        }
    }

    #[test]
    fn a_text_arrives_as_it_was(text in naughty()) {
        let context = json!({"event": {"v": text, "o": {"k": text}}});
        let source = r#"["{{ event.v }}", {{ event.v }}, {{ event.o }}, "{{ event.o }}"]"#;
        let read = body(source, &context).expect("a text fits anywhere");
        prop_assert_eq!(&read[0], &json!(text));
        prop_assert_eq!(&read[1], &json!(text));
        prop_assert_eq!(&read[2], &json!({"k": text}));
        let inner: Value = serde_json::from_str(read[3].as_str().unwrap()).unwrap();
        prop_assert_eq!(&inner, &json!({"k": text}));
    }

    #[test]
    fn a_url_keeps_its_origin_its_path_and_its_keys(value in value()) {
        let context = json!({"event": {"v": value}});
        let template = request(
            "https://x.example:8443/a/{{ event.v }}/b{{ event.v|safe }}?c={{ event.v }}&d=1",
            &[("q", "{{ event.v }}"), ("r", "1")],
            &[],
        );
        if let Ok(rendered) = render(&template, &context) {
            let url = url::Url::parse(&rendered.url).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), "https://x.example:8443");
            prop_assert_eq!(url.path_segments().unwrap().count(), 3);
            prop_assert_eq!(url.fragment(), None);
            prop_assert_eq!(url.username(), "");
            let keys: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
            prop_assert_eq!(keys, ["c", "d", "q", "r"]);
            let text = match &value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            if !value.is_f64() {
                let values: Vec<String> = url.query_pairs().map(|(_, v)| v.into_owned()).collect();
                prop_assert_eq!(values, [text.as_str(), "1", &text, "1"]);
            }
        }
    }

    #[test]
    fn a_header_is_one_line(value in value()) {
        let context = json!({"event": {"v": value}});
        let template = request("https://x.example/", &[], &[("X-A", "Bearer {{ event.v|safe }}")]);
        if let Ok(rendered) = render(&template, &context) {
            prop_assert_eq!(rendered.headers.len(), 1);
            let (_, value) = &rendered.headers[0];
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }

    #[test]
    fn no_source_makes_it_panic(source in r#"(\{\{|\}\}|\{%|%\}|\{#|#\}|if|for|in|with|else|end|[a-z |:.,'"()\[\]0-9=<>~+*/%-]){0,30}"#) {
        drop(render(&with_body(&source), &json!({"event": {"a": [1, "x"]}})));
    }
}
