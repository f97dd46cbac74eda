//! What `apply` asks of a fake daemon, and what it says.

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

fn written(definition: &Value) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.json");
    std::fs::write(&path, json!({ "name": "f", "definition": definition }).to_string()).unwrap();
    let shown = path.display().to_string();
    (directory, shown)
}

fn webhook(id: &str, status: Option<&str>) -> Value {
    let mut action = json!({ "temporary_id": id, "type": "send-webhook", "links": { "next": null },
        "data": { "message": { "url": format!("https://{id}.example/") } } });
    if let Some(status) = status {
        action["data"]["status"] = status.into();
    }
    action
}

/// A definition in which each leads to the next.
fn definition(actions: &[Value]) -> Value {
    let mut chained = actions.to_vec();
    for (action, next) in chained.iter_mut().zip(actions.iter().skip(1)) {
        action["links"]["next"] = next["temporary_id"].clone();
    }
    json!({ "triggers": [{ "type": "metric", "id": "Ordered" }], "actions": chained,
        "entry_action_id": actions[0]["temporary_id"] })
}

/// The same as a daemon shows it, whose actions have these ids.
fn stored(actions: &[Value], ids: &[&str]) -> Value {
    let (_directory, path) = written(&definition(actions));
    let mut definition = FlowFile::read(path.as_ref()).unwrap().normal().unwrap();
    definition["triggers"][0]["id"] = json!("SkDfHe");
    let mut text = definition.to_string();
    for (action, id) in definition["actions"].as_array().unwrap().iter().zip(ids) {
        text = text.replace(&action["id"].to_string(), &format!("\"{id}\""));
    }
    serde_json::from_str(&text).unwrap()
}

fn answer(status: &str, definition: &Value, waiting: u32) -> String {
    let included = definition["actions"].as_array().unwrap().iter().map(|action| {
        json!({ "type": "flow-action", "id": action["id"],
            "attributes": { "counts": { "waiting": waiting } } })
    });
    let included: Vec<Value> = included.collect();
    let attributes = json!({ "name": "f", "status": status, "definition": definition });
    let data = json!({ "type": "flow", "id": "T23ivh", "attributes": attributes });
    json!({ "data": data, "included": included }).to_string()
}

const FOUND: &str =
    r#"{"data":[{"type":"flow","id":"T23ivh","attributes":{"name":"f","status":"live"}}]}"#;
const METRIC: &str = r#"{"data":{"type":"metric","id":"SkDfHe","attributes":{"name":"Ordered"}}}"#;

fn args(line: &[&str]) -> ApplyArgs {
    parsed(&[&["apply"], line].concat()).unwrap()
}

/// The definition of the last request.
fn sent(daemon: &FakeDaemon) -> Value {
    let request = daemon.requests().pop().unwrap();
    let (_, body) = request.split_once(" {").unwrap();
    let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
    body["data"]["attributes"].clone()
}

#[tokio::test]
async fn an_action_without_a_status_keeps_its_own_and_a_new_one_has_the_flows() {
    let before = stored(&[webhook("a", Some("manual")), webhook("b", Some("live"))], &["1", "2"]);
    let new = [webhook("a", None), webhook("b", Some("disabled")), webhook("c", None)];
    let (_directory, path) = written(&definition(&new));
    let whole = answer("live", &before, 0);
    let daemon =
        FakeDaemon::answering(&[(200, FOUND), (200, &whole), (200, METRIC), (200, &whole)]);
    let told = perform(&daemon.session(), &args(&[&path])).await.unwrap();
    let actions = sent(&daemon)["definition"]["actions"].clone();
    let of =
        |place: usize| (actions[place]["id"].clone(), actions[place]["data"]["status"].clone());
    assert_eq!(of(0), (json!("1"), json!("manual")));
    assert_eq!(of(1), (json!("2"), json!("disabled")));
    assert_eq!(of(2), (Value::Null, json!("live")));
    assert!(told.output.contains("(next, status)"), "{}", told.output);
    assert!(!told.output.contains("triggers"), "the metric is named by its name: {}", told.output);
    let requests = daemon.requests();
    assert_eq!(requests[0], "GET /api/flows?filter=equals%28name%2C%22f%22%29");
    assert_eq!(requests[2], "GET /api/metrics/SkDfHe");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let before = stored(&[webhook("a", None)], &["1"]);
    let (_directory, path) = written(&definition(&[webhook("z", None)]));
    let whole = answer("draft", &before, 3);
    let answers = [(200, FOUND), (200, whole.as_str()), (200, METRIC)];
    let daemon = FakeDaemon::answering(&answers);
    let told = perform(&daemon.session(), &args(&[&path, "--dry-run", "--live"])).await.unwrap();
    let expected = "\
Flow T23ivh \"f\" would be changed.
changed  status
changed  1       send-webhook POST https://z.example/  (url)
";
    assert_eq!(told.output, expected);
    assert!(daemon.requests().iter().all(|request| request.starts_with("GET ")));
    let daemon = FakeDaemon::answering(&answers);
    let told = perform(&daemon.json_session(), &args(&[&path, "--dry-run"])).await.unwrap();
    let told: Value = serde_json::from_str(&told.output).unwrap();
    let action =
        json!({ "id": "1", "type": "send-webhook", "what": "changed", "changes": ["url"] });
    assert_eq!(told, json!({ "flow_id": "T23ivh", "changed": [], "actions": [action] }));
}

#[tokio::test]
async fn what_is_made_is_told_with_its_secret() {
    let (_directory, path) = written(&definition(&[webhook("a", None)]));
    let mut made: Value =
        serde_json::from_str(&answer("draft", &stored(&[webhook("a", None)], &["1"]), 0)).unwrap();
    made["data"]["attributes"]["secret_key"] = json!("whsec_made");
    let made = made.to_string();
    let none = r#"{"data":[]}"#;
    let daemon = FakeDaemon::answering(&[(200, none), (201, &made), (200, FOUND)]);
    let told = perform(&daemon.session(), &args(&[&path, "--manual"])).await.unwrap();
    let expected = "\
Flow T23ivh \"f\" is made, and is manual.
created  1  send-webhook POST https://a.example/

secret  whsec_made
";
    assert_eq!(told.output, expected);
    assert_eq!(told.notes, ["The secret is not shown again; keep it now."]);
    assert_eq!(sent(&daemon), json!({ "status": "manual" }));
    // Where only the second step is refused, it is said what there is.
    let why = r#"{"errors":[{"detail":"no","source":{"pointer":"/data/attributes/status"}}]}"#;
    let daemon = FakeDaemon::answering(&[(200, none), (201, &made), (400, why)]);
    let told = perform(&daemon.session(), &args(&[&path, "--live"])).await.unwrap_err().lines();
    assert_eq!(told[0], format!("{path}: /status: no"));
    assert_eq!(told[1], "the flow T23ivh was made, and is a draft");
}

#[tokio::test]
async fn people_who_wait_and_flows_of_one_name_are_asked_about() {
    let before = stored(&[webhook("a", None)], &["1"]);
    let wait = json!({ "temporary_id": "w", "type": "time-delay",
        "data": { "unit": "days", "value": 1 } });
    let (_directory, path) = written(&definition(&[wait]));
    let whole = answer("live", &before, 3);
    let daemon = FakeDaemon::answering(&[(200, FOUND), (200, &whole), (200, METRIC)]);
    let told = perform(&daemon.session(), &args(&[&path])).await.unwrap_err();
    assert!(told.lines()[0].contains("3 in action 1; --yes does it all the same"), "{told:?}");
    assert!(daemon.requests().iter().all(|request| request.starts_with("GET ")));
    let two = FOUND.replace(
        "}]}",
        r#"},{"type":"flow","id":"AbCdEf","attributes":{"name":"f","status":"live"}}]}"#,
    );
    let daemon = FakeDaemon::answering(&[(200, &two)]);
    let told = perform(&daemon.session(), &args(&[&path])).await.unwrap_err().lines();
    assert_eq!(told, ["several flows are called \"f\" (T23ivh, AbCdEf); choose one with --flow"]);
}
