//! Webhooks and changes from the bodies of requests: the attributes of the original.

use super::*;

fn parse(attributes: &str, topics: &str) -> Result<NewWebhook, Fault> {
    let text = format!(
        r#"{{"data":{{"type":"webhook","attributes":{{{attributes}}},
            "relationships":{{"webhook-topics":{{"data":[{topics}]}}}}}}}}"#
    );
    NewWebhook::parse(text.as_bytes(), &Policy::default(), &Metrics::default())
}

#[test]
fn each_fault_points_at_its_field() {
    const TOPIC: &str = r#"{"type":"webhook-topic","id":"event:api.x"}"#;
    const NAME: &str = r#""name":"n""#;
    const URL: &str = r#""endpoint_url":"https://h.example/x""#;
    const SECRET: &str = r#""secret_key":"sixteen-letters!""#;
    let all = [NAME, URL, SECRET].join(",");
    assert!(parse(&all, TOPIC).is_ok());
    for (attributes, topics, pointer) in [
        ([URL, SECRET].join(","), TOPIC, "/data/attributes/name"),
        ([NAME, SECRET].join(","), TOPIC, "/data/attributes/endpoint_url"),
        ([NAME, URL].join(","), TOPIC, "/data/attributes/secret_key"),
        ([NAME, URL, r#""secret_key":"short""#].join(","), TOPIC, "/data/attributes/secret_key"),
        (
            [NAME, SECRET, r#""endpoint_url":"http://h.example/""#].join(","),
            TOPIC,
            "/data/attributes/endpoint_url",
        ),
        (
            [NAME, SECRET, r#""endpoint_url":"https://127.0.0.1/""#].join(","),
            TOPIC,
            "/data/attributes/endpoint_url",
        ),
        ([&all, r#""enabled":true"#].join(","), TOPIC, "/data/attributes/enabled"),
        ([&all, r#""generate_secret":true"#].join(","), TOPIC, "/data/attributes/generate_secret"),
        ([&all, NAME].join(","), TOPIC, "/data/attributes/name"),
        ([NAME, URL, r#""secret_key":3"#].join(","), TOPIC, "/data/attributes/secret_key"),
        (all.clone(), "", "/data/relationships/webhook-topics/data"),
        (
            all.clone(),
            r#"{"type":"webhook-topic","id":"profile.created"}"#,
            "/data/relationships/webhook-topics/data/0/id",
        ),
        (
            all.clone(),
            r#"{"type":"webhook-topic","id":"event:klaviyo.no_such"}"#,
            "/data/relationships/webhook-topics/data/0/id",
        ),
    ] {
        assert_eq!(parse(&attributes, topics).unwrap_err().pointer, pointer, "{attributes}");
    }
}

#[test]
fn null_clears_a_description_and_absence_keeps_it() {
    let id = WebhookId::from_u128(1);
    let patch = |attributes: &str| {
        let text =
            format!(r#"{{"data":{{"type":"webhook","id":"{id}","attributes":{{{attributes}}}}}}}"#);
        WebhookPatch::parse(text.as_bytes(), id, &Policy::default(), &Metrics::default())
    };
    assert_eq!(patch(r#""description":null"#).unwrap().description, Some(None));
    assert_eq!(patch("").unwrap().description, None);
}

#[test]
fn a_secret_is_given_or_made() {
    const TOPIC: &str = r#"{"type":"webhook-topic","id":"event:api.x"}"#;
    const REST: &str = r#""name":"n","endpoint_url":"https://h.example/x""#;
    let made = parse(&format!(r#"{REST},"generate_secret":true"#), TOPIC).unwrap();
    assert!(made.makes_secret());
    let given = parse(&format!(r#"{REST},"secret_key":"sixteen-letters!""#), TOPIC).unwrap();
    assert!(!given.makes_secret());
    let neither = parse(&format!(r#"{REST},"generate_secret":false"#), TOPIC).unwrap_err();
    assert_eq!(neither.pointer, "/data/attributes/secret_key");
}

#[test]
fn an_empty_list_is_how_php_writes_no_attributes() {
    let id = WebhookId::from_u128(1);
    let text = format!(r#"{{"data":{{"type":"webhook","id":"{id}","attributes":[]}}}}"#);
    let patch =
        WebhookPatch::parse(text.as_bytes(), id, &Policy::default(), &Metrics::default()).unwrap();
    assert!(patch.name.is_none() && patch.changes.is_empty());
}

#[test]
fn a_misspelt_attribute_is_refused_and_what_answers_show_is_not() {
    const TOPIC: &str = r#"{"type":"webhook-topic","id":"event:api.x"}"#;
    let fault = |more: &str| {
        let all = r#""name":"n","endpoint_url":"https://h.example/","generate_secret":true"#;
        parse(&format!("{all},{more}"), TOPIC).err().map(|fault| (fault.pointer, fault.detail))
    };
    let refused =
        |name: &str, why: &str| Some((format!("/data/attributes/{name}"), why.to_owned()));
    assert_eq!(
        fault(r#""filters":null"#),
        refused("filters", "is not an attribute; did you mean `filter`?")
    );
    let (_, strange) = fault(r#""zzz":1"#).unwrap();
    assert!(strange.contains("possible are `method`, `headers`,"), "{strange}");
    assert_eq!(fault(r#""created_at":"2026-01-01T00:00:00Z","breaker":"closed""#), None);

    let rotation = br#"{"data":{"type":"webhook","attributes":{"overlaps":"1h"}}}"#;
    assert_eq!(
        Rotation::parse(rotation).unwrap_err().detail,
        "is not an attribute; did you mean `overlap`?"
    );
}
