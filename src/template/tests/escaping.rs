//! What a value becomes in each context.

use super::super::{Escaping, TextKind, check, render, render_text};
use super::{all_equal, message, rendered, shop, with_body};

#[test]
fn json_decides_by_where_the_value_stands() {
    let cases = [
        (r#"{"a": "{{ person.quote }}"}"#, r#"{"a": "a\"b\\c\n"}"#),
        (r#"{"a": {{ person.quote }}}"#, r#"{"a": "a\"b\\c\n"}"#),
        (r#"{"a":{{ event.nested }}}"#, r#"{"a":{"a":true,"b":null,"c":[1,"x"]}}"#),
        (r#"{"a": "{{ event.nested }}"}"#, r#"{"a": "{\"a\":true,\"b\":null,\"c\":[1,\"x\"]}"}"#),
        (
            "[{{ event.flag }},{{ event.zero }},{{ event.nothing }},{{ event.none }}]",
            "[true,0,null,null]",
        ),
        (
            r#"["{{ event.flag }}","{{ event.zero }}","{{ event.nothing }}","{{ event.none }}"]"#,
            r#"["true","0","",""]"#,
        ),
        (r#"{"{{ person.quote }}": 1}"#, r#"{"a\"b\\c\n": 1}"#),
        (r#"{ {{ first_name }}: 1}"#, r#"{ "Zoë": 1}"#),
        ("[{{ person.quote|safe }}]", r#"["a\"b\\c\n"]"#),
        (
            r#"["{% autoescape off %}{{ person.quote|safe }}{% endautoescape %}"]"#,
            r#"["a\"b\\c\n"]"#,
        ),
        ("[{{ event.html }}]", r#"["<b>bold</b> & \"q\""]"#),
        ("[{{ event.nested|tojson }}]", r#"[{"a":true,"b":null,"c":[1,"x"]}]"#),
        (r#"["{{ 'a"'|tojson }}"]"#, r#"["\"a\\\"\""]"#),
        ("[{{ event.nothing|default:'null' }},{{ event.nothing|default:'x' }}]", r#"[null,"x"]"#),
        ("[{{ event.flag|yesno:'true,false' }},{{ 9.5|floatformat:2 }}]", "[true,9.50]"),
        ("[{{ event.flag|yesno:event.pair }},{{ event.pair|slice:':1' }}]", r#"["1","1"]"#),
        ("[{{ 9.5|floatformat:2|safe }},{{ event.nothing|default:'[]'|safe }}]", "[9.50,[]]"),
        ("[{{ event.nested.c|tojson|safe }}]", r#"[[1,"x"]]"#),
        ("[{{ event.n }}]", r#"["7"]"#),
        (
            r#"[{% for i in event.items %}{"n": "{{ i.name }}", "p": {{ i.price }}}{% if not forloop.last %},{% endif %}{% endfor %}]"#,
            r#"[{"n": "cap", "p": 9.5},{"n": "Hat", "p": 20}]"#,
        ),
        (r#"["{% if event.flag %}{{ person.quote }}{% else %}x{% endif %}"]"#, r#"["a\"b\\c\n"]"#),
        (r#"["a\\{{ event.text }}"]"#, r#"["a\\a,b"]"#),
        (r#"["{% spaceless %}<a> <b>{% endspaceless %}", {{ event.zero }}]"#, r#"["<a><b>", 0]"#),
    ];
    all_equal(cases.map(|(source, text)| {
        (source.to_owned(), rendered(source, TextKind::Json), Ok(text.to_owned()))
    }));
}

#[test]
fn a_body_that_is_no_json_is_a_fault_with_its_place() {
    let cases = [
        ("{\"a\":\n {{ event.zero }} 1 x}", 2, 19, "expected `,` or `}`"),
        ("{\"a\": 1,\n\"a\": {{ event.zero }}}", 2, 3, "the key `a` stands twice"),
        ("[\"\\{{ event.text }}\"]", 1, 7, "a value can not stand within an escape"),
        ("[\"\\u00{{ event.text }}\"]", 1, 10, "a value can not stand within an escape"),
        ("[\"{{ event.text }}", 1, 6, "EOF while parsing a string"),
        ("{% if event.zero %}[]{% endif %}", 1, 1, "what came out is empty"),
        (
            "{% for i in [1,1,1] %}{% ifchanged %}[\n{% endifchanged %}{% endfor %}\n x",
            3,
            2,
            "expected value",
        ),
        ("{ {{ event.zero }}: 1}", 1, 6, "key must be a string"),
    ];
    all_equal(cases.map(|(body, line, column, why)| {
        let fault = render(&with_body(body), &shop()).unwrap_err();
        let is_right = fault.message.contains(why) && fault.field == "/body";
        (format!("{body}: {fault}"), (fault.line, fault.column, is_right), (line, column, true))
    }));
    assert!(message(check(&with_body("{\"a\": }"))).contains("not valid JSON"));
    assert_eq!(render(&with_body(""), &shop()).unwrap().body, "");
}

#[test]
fn other_kinds_of_body() {
    let values = "{{ event.html }}|{{ event.html|safe }}|{{ event.nested.c }}";
    for (content_type, expected) in [
        (
            "text/html; charset=utf-8",
            "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;q&quot;|<b>bold</b> & \"q\"|[1,&quot;x&quot;]",
        ),
        (
            "application/atom+xml",
            "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;q&quot;|<b>bold</b> & \"q\"|[1,&quot;x&quot;]",
        ),
        ("text/plain", "<b>bold</b> & \"q\"|<b>bold</b> & \"q\"|[1,\"x\"]"),
        (
            "application/x-www-form-urlencoded",
            "%3Cb%3Ebold%3C%2Fb%3E%20%26%20%22q%22|%3Cb%3Ebold%3C%2Fb%3E%20%26%20%22q%22|%5B1%2C%22x%22%5D",
        ),
    ] {
        let mut template = with_body(values);
        template.headers.push(("content-type".to_owned(), content_type.to_owned()));
        assert_eq!(render(&template, &shop()).unwrap().body, expected, "{content_type}");
    }
    for content_type in ["application/json", "Application/Problem+JSON; charset=utf-8"] {
        let mut template = with_body("{{ event.zero }} {{ event.zero }}");
        template.headers.push(("Content-Type".to_owned(), content_type.to_owned()));
        assert!(message(render(&template, &shop())).contains("not valid JSON"), "{content_type}");
    }
}

#[test]
fn the_old_way_of_klaviyo_on_request() {
    let cases = [
        ("{{ event.html }}", "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;q&quot;"),
        (
            "{{ event.html|safe }}{% autoescape off %}{{ event.html }}{% endautoescape %}",
            "<b>bold</b> & \"q\"<b>bold</b> & \"q\"",
        ),
        ("{{ event.nested|safe }}", "{'a': True, 'b': None, 'c': [1, 'x']}"),
        (
            "{{ event.nested }}",
            "{&#x27;a&#x27;: True, &#x27;b&#x27;: None, &#x27;c&#x27;: [1, &#x27;x&#x27;]}",
        ),
        ("{{ event.flag }} {{ event.none }} [{{ event.nothing }}]", "True None []"),
        ("{\"a\": \"{{ person.last_name }}\" ", "{\"a\": \"O&#x27;Neil\" "),
        ("{{ event.nothing|default:'<i>' }}", "<i>"),
        ("{{ person.last_name|upper|escape }}", "O&#x27;NEIL"),
    ];
    all_equal(cases.map(|(source, expected)| {
        let text = render_text(source, TextKind::Json, Escaping::Klaviyo, &shop());
        (source.to_owned(), text, Ok(expected.to_owned()))
    }));
}
