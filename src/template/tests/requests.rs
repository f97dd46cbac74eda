//! Whole requests: URL, query, headers, bounds, and their crossing to a worker.

use serde_json::json;

use super::super::{Escaping, Prepared, RequestTemplate, check, render};
use super::{all_equal, message, shop, with_body};
use crate::limits::TEMPLATE_HEADER_VALUE_BYTES_MAX;

fn to(url: &str) -> RequestTemplate {
    RequestTemplate { url: url.to_owned(), ..with_body("") }
}

fn with_header(name: &str, value: &str) -> RequestTemplate {
    let mut template = with_body("");
    template.headers.push((name.to_owned(), value.to_owned()));
    template
}

#[test]
fn of_one_rendering_nothing_is_left_for_the_next() {
    let body = r#"{"c": [{% for x in event.list %}{% cycle 1 2 3 %},{% endfor %}0],
        "i": "{% for x in event.list %}{% ifchanged x %}{{ x }}{% endifchanged %}{% endfor %}",
        "n": {{ event.n|divide:event.by }}, "who": "{{ first_name }}"}"#;
    let template = with_header("X-Who", "{{ first_name }}");
    let template = RequestTemplate { body: body.to_owned(), ..template };
    let mut prepared = Prepared::new(template.clone());
    let context = |name: &str, by: u32| {
        json!({ "event": { "list": [7, 7], "n": 8, "by": by },
            "person": { "first_name": name }, "now": "2026-09-04T13:38:55Z", "timezone": "UTC" })
    };
    // A fault in between leaves nothing either.
    for (name, by) in [("Ann", 2), ("Bob", 4), ("Cid", 0), ("Dan", 2), ("", 1)] {
        let context = context(name, by);
        assert_eq!(prepared.render(&context), render(&template, &context), "{name}");
    }
}

#[test]
fn a_value_in_a_url_is_percent_encoded() {
    let cases = [
        (
            "https://x.example/{{ event.html }}",
            "https://x.example/%3Cb%3Ebold%3C%2Fb%3E%20%26%20%22q%22",
        ),
        (
            "https://x.example:8443/a?u={{ event.extra.url }}",
            "https://x.example:8443/a?u=https%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D2",
        ),
        (
            "http://x.example/{% if event.flag %}a{% endif %}/{{ event.nothing }}/b",
            "http://x.example/a//b",
        ),
        (
            "https://x.example/{{ event.html|safe }}",
            "https://x.example/%3Cb%3Ebold%3C%2Fb%3E%20%26%20%22q%22",
        ),
        ("https://x.example", "https://x.example/"),
        ("HTTPS://X.example?a={{ event.n }}", "https://x.example/?a=7"),
    ];
    all_equal(cases.map(|(source, url)| {
        (source.to_owned(), render(&to(source), &shop()).map(|r| r.url), Ok(url.to_owned()))
    }));
}

#[test]
fn the_query_is_put_behind_the_url() {
    let mut template = to("https://x.example/a?b=1");
    template.query = vec![
        ("q".to_owned(), "{{ event.extra.url }}".to_owned()),
        ("n{{ event.n }}".to_owned(), "ü".to_owned()),
    ];
    let url = render(&template, &shop()).unwrap().url;
    assert_eq!(
        url,
        "https://x.example/a?b=1&q=https%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D2&n7=%C3%BC"
    );
    template.query.push(("e".to_owned(), "{{ a".to_owned()));
    assert_eq!(check(&template).unwrap_err().field, "/query/e");
}

#[test]
fn a_url_without_its_origin_written_out_is_refused_at_save() {
    for (url, why) in [
        ("{{ event.extra.url }}", "must begin with https://"),
        ("https://{{ event.n }}/a", "must be written out"),
        ("https://x{{ event.n }}", "must be written out"),
        ("https://x.example{{ event.n }}/a", "must be written out"),
        ("https://x.example:{{ event.n }}/", "must be written out"),
        ("ftp://x.example/", "must begin with https://"),
        ("https://u:p@x.example/", "user or password"),
        ("https:///a", "can not be used"),
        ("https://x.example/a b", "blanks"),
        ("https://x.example\\y.example/", "blanks, control characters or backslashes"),
        ("https://x.example/../a", "would leave its place"),
        ("https://x.example/{{ a|foo }}", "unknown filter"),
        ("", "must begin with https://"),
    ] {
        let fault = check(&to(url)).unwrap_err();
        assert!(fault.message.contains(why), "{url}: {fault}");
        assert_eq!(fault.field, "/url");
    }
}

#[test]
fn no_value_climbs_out_of_its_place_in_the_path() {
    let template = to("https://x.example/users/{{ event.a }}{{ event.b }}/x");
    check(&template).unwrap();
    for (a, b, is_fine) in [
        ("..", "", false),
        (".", ".", false),
        (".", "", false),
        ("%2e%2e", "", true),
        ("a/../b", "", true),
        ("...", "", true),
        ("@evil.example", "", true),
    ] {
        let result = render(&template, &json!({"event": {"a": a, "b": b}}));
        assert_eq!(result.is_ok(), is_fine, "{a}{b}: {result:?}");
        if let Ok(request) = result {
            assert!(request.url.starts_with("https://x.example/users/"), "{}", request.url);
            assert!(request.url.ends_with("/x"), "{}", request.url);
        }
    }
    let half = to("https://x.example/%2E{{ event.a }}/x");
    assert!(message(render(&half, &json!({"event": {"a": "."}}))).contains("leave its place"));
    let long = json!({"event": {"a": "a".repeat(9_000)}});
    assert!(message(render(&template, &long)).contains("longer than"));
}

#[test]
fn headers_are_filled_in_or_refused_by_name() {
    let request = render(&with_header("X-Key", "{{ flow.id }} {{ event.n }}"), &shop()).unwrap();
    assert_eq!(request.headers, [("X-Key".to_owned(), "T23ivh 7".to_owned())]);

    let long = "a".repeat(TEMPLATE_HEADER_VALUE_BYTES_MAX + 1);
    for (value, why) in [
        ("a\r\nX-Admin: 1", "with a line break"),
        ("a\nb", "with a line break"),
        ("a\0b", "with a NUL"),
        ("a\u{7f}", "with the control character U+007F"),
        ("ü", "with `ü`, which is not ASCII"),
        ("\u{2028}", "which is not ASCII"),
        (&long, "longer than"),
    ] {
        let template = with_header("X-Key", "v {{ event.a }}");
        let fault = render(&template, &json!({"event": {"a": value}})).unwrap_err();
        assert_eq!(fault.field, "/headers/X-Key");
        assert!(fault.message.starts_with("the value of `X-Key` came out"), "{fault}");
        assert!(fault.message.contains(why), "{fault}");
    }
    for (name, value, why) in [
        ("Host", "a", "set by the sender"),
        ("content-length", "1", "set by the sender"),
        ("Transfer-Encoding", "chunked", "set by the sender"),
        ("Connection", "close", "set by the sender"),
        ("Klaviyo-Signature", "a", "set by the sender"),
        ("X-{{ a }}", "a", "is no name of a header"),
        ("", "a", "is no name of a header"),
        ("X-A", "a\nb", "visible ASCII"),
        ("X-A", "{{ a|foo }}", "unknown filter"),
        ("Content-Type", "{{ a }}", "no tags"),
    ] {
        let fault = check(&with_header(name, value)).unwrap_err();
        assert!(fault.message.contains(why), "{name}: {fault}");
        assert!(fault.field.starts_with("/headers/"), "{name}");
    }
    let mut twice = with_header("X-A", "1");
    twice.headers.push(("x-a".to_owned(), "2".to_owned()));
    assert_eq!(message(check(&twice)), "`x-a` stands twice");
}

#[test]
fn what_the_body_is_is_said() {
    let request = render(&with_body("[]"), &shop()).unwrap();
    assert_eq!(request.headers, [("Content-Type".to_owned(), "application/json".to_owned())]);
    let mut html = with_header("content-type", "text/html");
    html.body = "<p>{{ event.html }}</p>".to_owned();
    assert_eq!(render(&html, &shop()).unwrap().headers.len(), 1);
}

#[test]
fn the_sample_of_the_contract_works_unchanged() {
    let body = r#"{"email": "{{ person.email }}", "item": "{{ event|lookup:'Item Name' }}", "value": {{ event|lookup:'$value' }}}"#;
    let request = render(&with_body(body), &shop()).unwrap();
    let read: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(read, json!({"email": "z@example.com", "item": "Cap \"Öl\" & co", "value": 29.5}));
}

#[test]
fn everything_crosses_to_a_worker_and_back() {
    let mut template = with_header("X-A", "{{ a }}");
    template.escaping = Escaping::Klaviyo;
    template.query.push(("q".to_owned(), "1".to_owned()));
    let text = serde_json::to_string(&template).unwrap();
    assert_eq!(serde_json::from_str::<RequestTemplate>(&text).unwrap(), template);
    let fault = check(&with_body("{{ a|foo }}")).unwrap_err();
    let text = serde_json::to_string(&fault).unwrap();
    assert_eq!(serde_json::from_str::<super::TemplateFault>(&text).unwrap(), fault);
}
