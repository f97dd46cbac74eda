//! Flow files: their three forms, and what is wrong with them.

use super::*;

fn of(value: &Value) -> Result<FlowFile, Fault> {
    FlowFile::of(Path::new("f.json"), &value.to_string())
}

fn definition() -> Value {
    json!({
        "triggers": [{ "type": "metric", "id": "Placed Order" }],
        "entry_action_id": "w",
        "actions": [
            { "temporary_id": "w", "type": "time-delay", "links": { "next": "17" },
                "data": { "unit": "days", "value": 1 } },
            { "id": "17", "temporary_id": null, "type": "send-webhook",
                "data": { "message": { "url": "http://10.0.0.1/", "headers": { "X-Key": MASK } } } },
        ],
    })
}

#[test]
fn three_forms_say_the_same() {
    let short = json!({ "name": " f ", "definition": definition() });
    let body = json!({ "data": { "type": "flow", "attributes": short } });
    let mut read = body.clone();
    read["data"]["id"] = json!("T23ivh");
    read["data"]["attributes"]["status"] = json!("live");
    read["data"]["attributes"]["counts"] = json!({ "entered": 1, "active": 0 });
    for form in [&short, &body, &read] {
        let file = of(form).unwrap();
        assert_eq!((file.name.as_str(), file.labels()), ("f", vec!["w".into(), "17".into()]));
        let attributes = &file.body()["data"]["attributes"];
        assert_eq!(attributes["name"], "f");
        let actions = attributes["definition"]["actions"].clone();
        assert_eq!((&actions[1]["temporary_id"], &actions[1].get("id")), (&json!("17"), &None));
    }
}

#[test]
fn ids_take_the_place_of_names() {
    let file = of(&json!({ "name": "f", "definition": definition() })).unwrap();
    let sent = file.definition_with(&[Some("5".to_owned()), None]);
    assert_eq!(sent["entry_action_id"], "5");
    let (first, second) = (&sent["actions"][0], &sent["actions"][1]);
    assert_eq!((&first["id"], first.get("temporary_id")), (&json!("5"), None));
    // `17` could be the id of another action of the flow.
    assert_eq!(
        (&first["links"]["next"], &second["temporary_id"]),
        (&json!("new-2"), &json!("new-2"))
    );
    assert_eq!(second.get("id"), None);
}

#[test]
fn the_normal_form_has_the_defaults() {
    let file = of(&json!({ "name": "f", "definition": definition() })).unwrap();
    let normal = file.normal().unwrap();
    assert_eq!(normal["triggers"][0]["id"], "Placed Order");
    assert_eq!(normal["actions"][0]["data"]["timezone"], "profile");
    assert_eq!(normal["actions"][1]["data"]["message"]["headers"]["X-Key"], MASK);
    // A trigger split may name the metric, and a list flow may put people on other lists.
    let filter = json!({ "condition_groups": [{ "conditions": [{ "type": "metric-property",
        "field": "a", "filter": { "type": "existence", "operator": "is-set" } }] }] });
    let mut with_split = definition();
    with_split["actions"][1] = json!({ "temporary_id": "17", "type": "trigger-split",
        "data": { "trigger_id": "SkDfHe", "trigger_filter": filter } });
    of(&json!({ "name": "f", "definition": with_split })).unwrap().normal().unwrap();
    let mut of_segment = definition();
    of_segment["triggers"] = json!([{ "type": "segment", "id": "SegMen" }]);
    of_segment["actions"][1] = json!({ "temporary_id": "17", "type": "list-update",
        "data": { "list_id": "LisTid" } });
    of(&json!({ "name": "f", "definition": of_segment })).unwrap().normal().unwrap();
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let flow = |name: &str, value: Value| {
        let mut flow = json!({ "name": "f", "definition": definition() });
        flow[name] = value;
        flow
    };
    for (file, pointer, words) in [
        (json!([]), "", "must be an object"),
        (json!({}), "/name", "is required"),
        (json!({ "name": "f" }), "/definition", "is required"),
        (flow("name", json!(5)), "/name", "must be a string"),
        (flow("nmae", json!("f")), "/nmae", "did you mean `name`"),
        (flow("status", json!("live")), "/status", "--live"),
        (json!({ "data": { "type": "list" } }), "/data/type", "must be `flow`"),
        (json!({ "data": { "type": "flow" } }), "/data/attributes", "must be an object"),
        (
            json!({ "data": { "type": "flow", "attributes": { "name": "f" } } }),
            "/data/attributes/definition",
            "is required",
        ),
    ] {
        let fault = of(&file).unwrap_err();
        assert!(fault.pointer == pointer && fault.detail.contains(words), "{file}: {fault}");
    }
    let twice = FlowFile::of(Path::new("f"), r#"{"name":"a","name":"b"}"#).unwrap_err();
    assert_eq!(twice.pointer, "/name");
    let broken = FlowFile::of(Path::new("f"), "{\n5").unwrap_err();
    assert!(broken.detail.starts_with("this is not JSON") && broken.detail.contains("line 2"));
}

#[test]
fn faults_of_the_definition_point_into_the_file() {
    let mut wrong = definition();
    wrong["actions"][0]["links"]["next"] = json!("nowhere");
    let short = json!({ "name": "f", "definition": wrong });
    let body = json!({ "data": { "type": "flow", "attributes": short } });
    for (file, at) in [(short, "/definition"), (body, "/data/attributes/definition")] {
        let told = of(&file).unwrap().normal().unwrap_err().lines();
        let expected = format!("f.json: {at}/actions/0/links/next: no action has the id or");
        assert!(told[0].starts_with(&expected), "{told:?}");
    }
    let file = of(&json!({ "name": "f", "definition": definition() })).unwrap();
    let refused = CliError::Refused(vec!["/data/attributes/definition/x: why".to_owned()]);
    assert_eq!(file.told(refused).lines(), ["f.json: /definition/x: why"]);
}
