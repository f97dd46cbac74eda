//! What an update makes of a person, in a store; and what is no update.

use redb::backends::InMemoryBackend;

use super::*;
use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::profile;
use crate::profile::Profile;
use crate::store::Store;
use crate::store::StoreError;

fn try_parse(operations: &Value) -> Result<ProfileUpdate, Fault> {
    let data = json!({ "profile_operations": operations, "status": "live" });
    ProfileUpdate::parse(&RawValue::from_string(data.to_string()).unwrap(), "/data")
}

fn parse(operations: &Value) -> ProfileUpdate {
    try_parse(operations).unwrap_or_else(|fault| panic!("{operations}: {fault}"))
}

fn set(kind: &str, key: &str, value: &Value) -> Value {
    json!({"operator": "update", "property_type": kind, "property_key": key,
        "property_value": value})
}

fn list(edit: &Value, key: &str, value: &str) -> Value {
    json!({"operator": "update", "property_type": "list", "property_operation": edit,
        "property_key": key, "property_value": value})
}

fn delete(key: &str) -> Value {
    json!({"operator": "delete", "property_key": key})
}

/// A person with these attributes after the update.
async fn updated(attributes: Value, operations: &Value) -> Profile {
    let clock = Clock::manual(Timestamp::from_seconds(1_788_529_135));
    let (store, _writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
    let update = parse(operations);
    let body = json!({"data": {"type": "profile", "attributes": attributes}}).to_string();
    let new = ProfilePatch::of_new(body.as_bytes()).unwrap();
    let changed = store.commit(move |tx| {
        let id = profile::create(tx, &new).unwrap().id;
        profile::update(tx, id, &update.patch("2026-04-15".parse().unwrap())).unwrap();
        Ok::<_, StoreError>(id)
    });
    let id = changed.await.unwrap();
    profile::get(&store.snapshot().unwrap(), id).unwrap().unwrap()
}

#[tokio::test]
async fn properties() {
    let before =
        json!({"plan": "free", "n": 1, "tags": ["a", "b", "a"], "single": "x", "empty": []});
    for (operations, after) in [
        (json!([set("string", "plan", &json!("pro"))]), json!({"plan": "pro"})),
        (json!([set("string", "new", &json!(""))]), json!({"new": ""})),
        (json!([set("boolean", "vip", &json!(true))]), json!({"vip": true})),
        (json!([set("numeric", "n", &json!(-2))]), json!({"n": -2})),
        (json!([set("numeric", "n", &json!(1.5))]), json!({"n": 1.5})),
        (json!([set("date", "d", &json!("today"))]), json!({"d": "2026-04-15"})),
        (json!([set("date", "d", &json!("2024-02-29"))]), json!({"d": "2024-02-29"})),
        // `create` sets the value as well, whether or not there is one.
        (
            json!([{"operator": "create", "property_type": "string", "property_key": "plan",
                "property_value": "pro"}]),
            json!({"plan": "pro"}),
        ),
        (json!([list(&json!("add"), "tags", "c")]), json!({"tags": ["a", "b", "a", "c"]})),
        (json!([list(&json!(null), "tags", "c")]), json!({"tags": ["a", "b", "a", "c"]})),
        (json!([list(&json!("add"), "tags", "b")]), json!({})),
        (json!([list(&json!("remove"), "tags", "a")]), json!({"tags": ["b"]})),
        (json!([list(&json!("remove"), "tags", "z")]), json!({})),
        (json!([list(&json!("add"), "missing", "a")]), json!({"missing": ["a"]})),
        (json!([list(&json!("remove"), "missing", "a")]), json!({})),
        (json!([list(&json!("add"), "single", "y")]), json!({"single": ["x", "y"]})),
        (json!([list(&json!("remove"), "single", "x")]), json!({"single": []})),
        (json!([list(&json!("remove"), "single", "y")]), json!({})),
        (json!([list(&json!("add"), "n", "1")]), json!({"n": [1, "1"]})),
        (json!([list(&json!("add"), "empty", "a")]), json!({"empty": ["a"]})),
        (
            json!([
                list(&json!("add"), "tags", "c"),
                list(&json!("remove"), "tags", "a"),
                list(&json!("add"), "tags", "d"),
            ]),
            json!({"tags": ["b", "c", "d"]}),
        ),
        (json!([delete("plan")]), json!({"plan": null})),
        (json!([delete("missing")]), json!({})),
        (
            json!([delete("n"), set("string", "a/b.c", &json!("\u{1F600}\"\\"))]),
            json!({"n": null, "a/b.c": "\u{1F600}\"\\"}),
        ),
    ] {
        let attributes = json!({"external_id": "1", "properties": before});
        let person = updated(attributes, &operations).await;
        let mut expected = before.clone();
        for (key, value) in after.as_object().unwrap() {
            expected[key] = value.clone();
        }
        expected.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let given: Value = serde_json::from_str(&person.properties.to_text()).unwrap();
        assert_eq!(given, expected, "{operations}");
    }
}

#[tokio::test]
async fn attributes() {
    let person = updated(
        json!({"external_id": "1", "first_name": "A", "title": "Dr", "location": {"city": "Bonn",
            "zip": "53111"}}),
        &json!([
            set("string", "$first_name", &json!("B")),
            delete("$title"),
            delete("$zip"),
            set("string", "$country", &json!("DE")),
            set("numeric", "$latitude", &json!(50.7)),
            set("string", "city", &json!("a custom property")),
        ]),
    )
    .await;
    assert_eq!(person.texts.clone().map(Option::unwrap_or_default), ["B", "", "", "", "", ""]);
    let location = r#"{"city":"Bonn","country":"DE","latitude":50.7}"#;
    assert_eq!(person.location.to_text(), location);
    assert_eq!(person.properties.to_text(), r#"{"city":"a custom property"}"#);
    assert_eq!(person.identifier(Identifier::ExternalId), Some("1"));
}

#[test]
fn what_was_read_is_written() {
    let operations = json!([
        set("string", "plan", &json!("pro")),
        {"operator": "create", "property_type": "boolean", "property_key": "vip",
            "property_value": false},
        set("numeric", "n", &json!(1.5)),
        set("date", "d", &json!("today")),
        set("date", "e", &json!("2026-04-15")),
        list(&json!("remove"), "tags", "x"),
        list(&json!(null), "tags", "y"),
        set("string", "$city", &json!("Bonn")),
        delete("$title"),
        delete("gone"),
    ]);
    assert_eq!(parse(&operations).to_json(), operations);
    let mut short = list(&json!(null), "tags", "y");
    short.as_object_mut().unwrap().remove("property_operation");
    assert_eq!(parse(&json!([short])).to_json(), json!([list(&json!(null), "tags", "y")]));
}

/// Checks faults: where each points, from `profile_operations` on, and a part of the sentence.
fn check_faults(rows: &[(Value, &str, &str)]) {
    for (operations, pointer, part) in rows {
        let fault = try_parse(operations).expect_err(&operations.to_string());
        let at = format!("/data/profile_operations{pointer}");
        assert_eq!(fault.pointer, at, "{operations}: {fault}");
        assert!(fault.detail.contains(part), "{operations}: {fault}");
    }
}

#[test]
fn each_fault_points_at_its_field() {
    check_faults(&[
        (json!([]), "", "has 0 items; 1 to 100 may be"),
        (json!(vec![delete("a"); 101]), "", "has 101 items"),
        (json!({}), "", "must be a list"),
        (json!([1]), "/0", "must be an object of `operator`"),
        (json!([{"property_key": "a"}]), "/0/operator", "is required"),
        (json!([{"operator": "set"}]), "/0/operator", "possible are `create`, `update`, `delete`"),
        (json!([{"operator": "delete"}]), "/0/property_key", "is required"),
        (
            json!([{"operator": "delete", "property_key": "a", "property_value": 1}]),
            "/0/property_value",
            "is not a member here",
        ),
        (json!([{"operator": "update", "property_key": "a"}]), "/0/property_type", "is required"),
        (json!([set("text", "a", &json!("x"))]), "/0/property_type", "possible are `string`"),
        (
            json!([delete("b"), set("string", "a", &json!(1))]),
            "/1/property_value",
            "text in quotes",
        ),
        (json!([set("string", "a", &json!(null))]), "/0/property_value", "is required"),
        (json!([set("boolean", "a", &json!("true"))]), "/0/property_value", "`true` or `false`"),
        (json!([set("numeric", "a", &json!("1"))]), "/0/property_value", "must be a number"),
        (json!([set("date", "a", &json!("tomorrow"))]), "/0/property_value", "or `today`"),
        (json!([set("date", "a", &json!("2026-02-29"))]), "/0/property_value", "a date such as"),
        (
            json!([set("date", "a", &json!("2026-04-15T10:00:00"))]),
            "/0/property_value",
            "a date such as",
        ),
        (json!([set("list", "a", &json!(["x"]))]), "/0/property_value", "text in quotes"),
        (json!([list(&json!("append"), "a", "x")]), "/0/property_operation", "`add`, `remove`"),
        (
            json!([{"operator": "update", "property_type": "string", "property_operation": "add",
                "property_key": "a", "property_value": "x"}]),
            "/0/property_operation",
            "is not a member here",
        ),
    ]);
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let fault = ProfileUpdate::parse(&raw("{}"), "/data").unwrap_err();
    assert_eq!(fault.pointer, "/data/profile_operations");
    let fault = ProfileUpdate::parse(&raw(r#"{"operations":[]}"#), "/data").unwrap_err();
    assert_eq!(fault.pointer, "/data/operations");
}

#[test]
fn what_can_not_be_changed_or_is_too_much() {
    let key = |key: &str| set("string", key, &json!("x"));
    let long = "x".repeat(60 * 1024);
    let text = |key: &str| set("string", key, &json!(long));
    check_faults(&[
        (json!([key("")]), "/0/property_key", "has 0 bytes; 1 to 1024 may be"),
        (json!([key("properties['a']")]), "/0/property_key", "the bare name"),
        (json!([key("first_name")]), "/0/property_key", "write `$first_name` to change it"),
        (json!([key("$frist_name")]), "/0/property_key", "those are `$first_name`, `$last_name`"),
        (json!([key("$email")]), "/0/property_key", "identifiers tell people apart"),
        (json!([delete("phone_number")]), "/0/property_key", "identifiers tell people apart"),
        (json!([key("$id")]), "/0/property_key", "is nothing that a flow changes"),
        (json!([set("boolean", "$title", &json!(true))]), "/0/property_type", "takes a string"),
        (json!([set("numeric", "$title", &json!(1))]), "/0/property_type", "takes a string"),
        (json!([list(&json!("add"), "$city", "x")]), "/0/property_type", "takes a string"),
        (json!([key("a"), delete("b"), delete("a")]), "/2/property_key", "by an earlier operation"),
        (
            json!([list(&json!("add"), "a", "x"), list(&json!("remove"), "a", "x")]),
            "/1/property_key",
            "by an earlier operation",
        ),
        (json!([list(&json!("add"), "a", "x"), key("a")]), "/1/property_key", "by an earlier"),
        (json!([text("a"), text("b")]), "", "has strings of 122880 bytes in all; at most 102400"),
        (
            json!([set("string", "$title", &json!("x".repeat(2_049)))]),
            "",
            "has more than 2048 characters",
        ),
        (json!([set("string", "a", &json!("x".repeat(98_000)))]), "", "is larger than 97280 bytes"),
    ]);
}
