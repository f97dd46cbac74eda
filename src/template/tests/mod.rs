//! Tests of templates: every filter and tag by table, every context, every bound.

mod escaping;
mod filters;
mod hostile;
mod language;
mod laws;
mod requests;

use serde_json::{Value, json};

use super::{Escaping, RequestTemplate, TemplateFault, TextKind, render_text};

/// A person who bought things, at a moment in Berlin.
fn shop() -> Value {
    json!({
        "event": {
            "$value": 29.5,
            "Item Name": "Cap \"Öl\" & co",
            "items": [
                {"name": "cap", "price": 9.5, "tags": ["a", "b"]},
                {"name": "Hat", "price": 20, "tags": []},
            ],
            "when": "2016-02-11T16:46:08-05:00",
            "day": "2026-03-01",
            "flag": true, "none": null, "zero": 0, "text": "a,b", "pair": "1,2", "n": "7",
            "extra": {"url": "https://x.example/?a=1&b=2", "deep": {"er": 1}},
            "nested": {"a": true, "b": null, "c": [1, "x"]},
            "html": "<b>bold</b> & \"q\"",
            "lines": "one\ntwo",
        },
        "person": {
            "first_name": "Zoë", "last_name": "O'Neil", "email": "z@example.com",
            "organization": "Theirs", "Favourite Colour": "blue", "quote": "a\"b\\c\n",
        },
        "organization": {"name": "Ours"},
        "flow": {"id": "T23ivh", "name": "welcome"},
        "outputs": {"ask": {"id": 7}},
        "now": "2026-07-04T22:30:00Z",
        "timezone": "Europe/Berlin",
    })
}

/// What a plain text comes out as.
fn plain(source: &str) -> Result<String, String> {
    rendered(source, TextKind::Plain)
}

fn rendered(source: &str, kind: TextKind) -> Result<String, String> {
    render_text(source, kind, Escaping::Context, &shop()).map_err(|fault| fault.message)
}

/// A request with a body, and nothing else of note.
fn with_body(body: &str) -> RequestTemplate {
    RequestTemplate {
        url: "https://example.com/hook".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: body.to_owned(),
        escaping: Escaping::Context,
        is_strict: false,
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, TemplateFault>) -> String {
    result.unwrap_err().message
}

/// Checks all cases of a table, and shows every one that differs.
fn all_equal<A: PartialEq + std::fmt::Debug>(cases: impl IntoIterator<Item = (String, A, A)>) {
    let differing: Vec<String> = cases
        .into_iter()
        .filter(|(_, is, should)| is != should)
        .map(|(of, is, should)| format!("{of}\n     is {is:?}\n should {should:?}"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
