//! The forms of events, and what is wrong with them.

use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_788_529_135);

fn parsed(text: &str) -> Input {
    parse(text, NOW).unwrap()
}

fn fault(text: &str) -> (usize, String) {
    let (line, fault) = parse(text, NOW).unwrap_err();
    (line, fault.to_string())
}

fn body(attributes: &Value) -> Value {
    let metric = json!({ "data": { "type": "metric", "attributes": { "name": "Seen" } } });
    let profile = json!({ "data": { "type": "profile", "attributes": { "email": "a@b.c" } } });
    let mut event = json!({ "metric": metric, "profile": profile, "properties": {} });
    for (name, value) in attributes.as_object().unwrap() {
        event[name] = value.clone();
    }
    json!({ "data": { "type": "event", "attributes": event } })
}

#[test]
fn a_short_event_keeps_its_bytes() {
    let text = r#"{"metric":"Seen","profile":{"email":"a@b.c"},"time":"2030-02-07T00:00:00Z",
        "properties":{"n": 1.10},"value":9.90,"value_currency":"EUR","backfill":true}"#;
    let input = parsed(text);
    let event = &input.events[0];
    assert_eq!((event.metric.name(), event.metric.service()), ("Seen", "api"));
    assert_eq!(event.properties, r#"{"n": 1.10}"#);
    assert_eq!((event.value.as_deref(), event.backfill), (Some("9.90"), true));
    assert_eq!(event.time.rfc3339_seconds(), "2030-02-07T00:00:00+00:00", "years ahead");
    let of_service = r#"{"metric":{"name":"Seen","service":"shop"},"profile":{"email":"a@b.c"}}"#;
    assert_eq!(parsed(of_service).events[0].metric.service(), "shop");
}

#[test]
fn short_events_of_one_second_are_two() {
    let one = r#"{"metric":"Seen","profile":{"email":"a@b.c"}}"#;
    let ids = |text: &str| -> Vec<_> {
        parsed(text).events.iter().map(|event| event.unique_id.clone()).collect()
    };
    assert_eq!(ids(&format!("{one}{one}")), ["simulated-1", "simulated-2"]);
    let own = r#"{"metric":"Seen","profile":{"email":"a@b.c"},"properties":{"$event_id":"x"}}"#;
    assert_eq!(ids(own), ["x"]);
    let body = body(&json!({})).to_string();
    assert_eq!(ids(&body), [NOW.seconds().to_string()], "as the API has it");
}

#[test]
fn bodies_of_the_api_are_taken() {
    let one = body(&json!({ "unique_id": "u", "time": "2026-02-07T00:00:00Z" }));
    let entry = json!({ "type": "event", "attributes": { "properties": {},
        "metric": { "data": { "type": "metric", "attributes": { "name": "Seen" } } } } });
    let person = json!({ "data": { "type": "profile", "attributes": { "email": "a@b.c" } } });
    let bulk = json!({ "data": { "type": "event-bulk-create-job", "attributes": {
        "events-bulk-create": { "data": [{ "type": "event-bulk-create", "attributes": {
            "profile": person, "events": { "data": [entry] } } }] } } } });
    let input = parsed(&format!("{one:#}\n{bulk}"));
    assert_eq!(input.events.len(), 2);
    assert_eq!(input.events[0].pointer, "1: /data");
    let line = format!("{one:#}").lines().count() + 1;
    let at = format!("{line}: /data/attributes/events-bulk-create/data/0/attributes/events/data/0");
    assert_eq!(input.events[1].pointer, at);
}

fn page() -> Value {
    let event = |id: &str, profile: &str| {
        json!({ "type": "event", "id": id,
            "attributes": { "timestamp": 1_770_422_400, "datetime": "2026-02-07T00:00:00+00:00",
                "uuid": "u", "event_properties": { "n": 1, "$event_id": id, "$value": 5 } },
            "relationships": {
                "metric": { "data": { "type": "metric", "id": "SkDfHe" } },
                "profile": { "data": { "type": "profile", "id": profile } } } })
    };
    json!({
        "data": [event("e1", "P1"), event("e2", "P2")],
        "included": [
            { "type": "metric", "id": "SkDfHe",
                "attributes": { "name": "Seen", "integration": { "key": "shop" } } },
            { "type": "profile", "id": "P1", "attributes": { "email": "a@b.c", "title": null,
                "created": "2026-02-07T00:00:00+00:00", "location": { "city": "Rome", "zip": null },
                "properties": { "plan": "pro" } } },
        ],
    })
}

#[test]
fn events_that_were_read_are_taken() {
    let input = parsed(&page().to_string());
    let [first, second] = input.events.as_slice() else { panic!("{input:?}") };
    assert_eq!((first.metric.service(), first.unique_id.as_str()), ("shop", "e1"));
    assert_eq!((first.value.as_deref(), second.unique_id.as_str()), (Some("5"), "e2"));
    assert!(format!("{:?}", first.profile).contains("a@b.c"));
    assert!(format!("{:?}", second.profile).contains("P2"), "known by the id alone");
    let [(id, name)] = input.metrics.as_slice() else { panic!("{input:?}") };
    assert_eq!((id.as_str(), name.name()), ("SkDfHe", "Seen"));
    let mut one = page();
    one["data"] = one["data"][0].clone();
    assert_eq!(parsed(&one.to_string()).events.len(), 1);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_pointer() {
    let good = r#"{"metric":"Seen","profile":{"email":"a@b.c"}}"#;
    let mut without = page();
    without["included"] = json!([]);
    for (text, line, told) in [
        (String::new(), 1, ": there are no events here".to_owned()),
        (format!("{good}\n[]"), 2, ": is no event".to_owned()),
        (format!("{good}\n{{}}"), 2, ": is no event".to_owned()),
        (format!("{good}\n\n{{\"a\""), 3, ": this is not JSON: EOF".to_owned()),
        (r#"{"metric":"Seen"}"#.to_owned(), 1, "/profile: `profile` is required".to_owned()),
        (good.replace("Seen", "!"), 1, "/metric/name: a metric's name needs a letter".to_owned()),
        (good.replace("a@b.c", "nobody"), 1, "/profile/email: ".to_owned()),
        (good.replace("email", "mail"), 1, "/profile/mail: ".to_owned()),
        (good.replace("}}", "},\"at\":1}"), 1, "/at: ".to_owned()),
        (good.replace("}}", "},\"time\":\"soon\"}"), 1, "/time: is not an ISO 8601".to_owned()),
        (
            good.replace("}}", "},\"properties\":[]}"),
            1,
            "/properties: must be an object".to_owned(),
        ),
        (
            body(&json!({ "value": "9" })).to_string(),
            1,
            "/data/attributes/value: must be a number".to_owned(),
        ),
        (
            without.to_string(),
            1,
            "/data/0/relationships/metric/data/id: metric SkDfHe is not among".to_owned(),
        ),
    ] {
        let found = fault(&text);
        assert!(found.0 == line && found.1.starts_with(&told), "{text}: {found:?}");
    }
}
