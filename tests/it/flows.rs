//! Flows over the API: made, read, changed, deleted, with their actions and messages; what is
//! refused, and where; and what is our own: runs, reviews, previews.
//!
//! Not here: what people go through, and what templates make.

mod actions;
mod listing;
mod previews;
mod refusals;
mod reviews;
mod runs;
mod shapes;
mod triggers;
pub(crate) mod world;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Receiver, ToText as _};
use world::World;

/// The example of the contract (wire.md §2.6), literally but for the metric.
const EXAMPLE: &str = r#"{"data": {"type": "flow", "attributes": {"name": "f", "definition": {
  "triggers": [{"type": "metric", "id": "SkDfHe",
     "trigger_filter": {"condition_groups": [{"conditions": [
        {"type": "metric-property", "metric_id": "SkDfHe", "field": "Brand",
         "filter": {"type": "string", "operator": "equals", "value": "X"}}]}]}}],
  "profile_filter": {"condition_groups": [{"conditions": [
        {"type": "profile-property", "property": "properties['plan']",
         "filter": {"type": "string", "operator": "equals", "value": "pro"}}]}]},
  "reentry_criteria": {"duration": 1, "unit": "day"},
  "entry_action_id": "a1",
  "actions": [
    {"temporary_id": "a1", "type": "time-delay", "links": {"next": "a2"},
     "data": {"unit": "minutes", "value": 5, "timezone": "profile"}},
    {"temporary_id": "a2", "type": "send-webhook", "links": {"next": null},
     "data": {"status": "live", "message": {"name": "w", "url": "https://example.com/x",
        "headers": {"X-Key": "v"}, "body": "{\"email\": \"{{ person.email }}\"}"}}}]}}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_the_contract_is_made() {
    let world = World::new().await;
    let metric = world.metric("Viewed Product").await;
    let body = EXAMPLE.replace("SkDfHe", &metric);
    let answer = world.daemon.ask(Ask::post("/api/flows", &body)).await;
    let made = answer.expect(201)["data"].clone();
    let shown = &made["attributes"];
    assert_eq!((&made["type"], &shown["name"]), (&json!("flow"), &json!("f")));
    // Always a draft, whatever its actions say.
    assert_eq!((&shown["status"], &shown["archived"]), (&json!("draft"), &json!(false)));
    assert_eq!(shown["trigger_type"], "Metric");
    assert_eq!(shown["created"], "2026-09-04T13:38:55+00:00");
    assert_eq!(shown["counts"], json!({ "entered": 0, "active": 0 }));
    let id = made["id"].to_text();
    assert_eq!((id.len(), id.bytes().all(|b| b.is_ascii_alphanumeric())), (6, true));

    let sent: Value = serde_json::from_str(&body).expect("it is JSON");
    let sent = &sent["data"]["attributes"]["definition"];
    let definition = &shown["definition"];
    for same in ["triggers", "profile_filter", "reentry_criteria"] {
        assert_eq!(definition[same], sent[same], "{same}");
    }
    let [first, second] = [0, 1].map(|place| &definition["actions"][place]);
    let ids = [first, second].map(|action| action["id"].to_text());
    assert!(ids.iter().all(|id| id.len() == 9 && id.parse::<u64>().is_ok()), "{ids:?}");
    assert_eq!(definition["entry_action_id"], ids[0]);
    assert_eq!(first["links"], json!({ "next": ids[1] }));
    assert_eq!(second["links"], json!({ "next": null }));
    assert_eq!((&first["type"], &second["type"]), (&json!("time-delay"), &json!("send-webhook")));
    assert_eq!(first["data"]["secondary_value"], Value::Null);
    let message = &second["data"]["message"];
    assert_eq!(message["body"], r#"{"email": "{{ person.email }}"}"#);
    assert_eq!(message["headers"], json!({ "X-Key": "*****" }));
    let at = format!("{}/api/flows/{id}", world.daemon.base());
    assert_eq!(made["links"]["self"], format!("{at}/"));
    for to in ["flow-actions", "tags"] {
        let links = json!({ "links": {
            "self": format!("{at}/relationships/{to}/"), "related": format!("{at}/{to}/"),
        } });
        assert_eq!(made["relationships"][to], links);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_shown_to_whom_it_was_made_for() {
    let world = World::new().await;
    let definition = world.one_webhook().await;
    let made = world.made("f", definition.clone()).await;
    let secret = made["attributes"]["secret_key"].to_text();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let at = format!("/api/flows/{}", made["id"].to_text());
    let read = world.daemon.get(&at).await;
    assert_eq!(read["data"]["attributes"].get("secret_key"), None);
    // Whatever fields are asked for.
    let body = world::document("g", definition.clone());
    let sparse = Ask::post("/api/flows?fields[flow]=name", &body);
    let sparse = world.daemon.ask(sparse).await.expect(201)["data"]["attributes"].clone();
    assert_eq!(sparse.as_object().map(serde_json::Map::len), Some(2), "{sparse}");
    assert!(sparse["secret_key"].is_string());
    // Who brings one knows it.
    let mut body = world::document("h", definition);
    body["data"]["attributes"]["secret_key"] = json!("0123456789abcdef");
    let own = world.daemon.ask(Ask::post("/api/flows", &body)).await.expect(201);
    assert_eq!(own["data"]["attributes"].get("secret_key"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_is_shown_to_who_asks_for_it() {
    let world = World::new().await;
    let made = world.made("f", world.one_webhook().await).await;
    let definition = &made["attributes"]["definition"];
    let at = format!("/api/flows/{}", made["id"].to_text());
    let shown = async |query: &str| {
        world.daemon.get(&format!("{at}{query}")).await["data"]["attributes"].clone()
    };
    assert_eq!(shown("").await.get("definition"), None);
    assert_eq!(&shown("?additional-fields[flow]=definition").await["definition"], definition);
    let part =
        shown("?fields[flow]=name,definition.actions,definition.reentry_criteria.unit").await;
    assert_eq!(part, json!({ "name": "f", "definition": definition }));
    let both = shown("?fields[flow]=name&additional-fields[flow]=definition").await;
    assert_eq!(both, part);
    let refused = world.daemon.ask(Ask::get(&format!("{at}?fields[flow]=nam"))).await.refused(400);
    assert_eq!(refused["source"]["parameter"], "fields[flow]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_that_of_all_actions() {
    let world = World::new().await;
    let mut definition = world.one_webhook().await;
    let actions = definition["actions"].as_array_mut().expect("a list");
    actions.push(json!({ "temporary_id": "off", "type": "send-webhook",
        "data": { "status": "disabled", "message": { "url": world.receiver.url() } } }));
    actions[0]["links"] = json!({ "next": "off" });
    let made = world.made("f", definition).await;
    let id = made["id"].to_text();
    let statuses = async || {
        let at = format!("/api/flows/{id}?additional-fields[flow]=definition");
        let actions =
            world.daemon.get(&at).await["data"]["attributes"]["definition"]["actions"].clone();
        let statuses = actions.as_array().expect("a list").iter();
        statuses.map(|action| action["data"]["status"].to_text()).collect::<Vec<_>>()
    };
    assert_eq!(statuses().await, ["live", "disabled"]);
    for status in ["manual", "live", "draft"] {
        let changed = world.change(&id, json!({ "status": status })).await;
        assert_eq!(changed["attributes"]["status"], status);
        assert_eq!(changed["attributes"].get("definition"), None);
        // What was switched off for good stays so.
        assert_eq!(statuses().await, [status, "disabled"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_and_a_definition_are_changed_and_actions_keep_their_ids() {
    let world = World::new().await;
    let made = world.made("f", world.one_webhook().await).await;
    let (id, before) = (made["id"].to_text(), made["attributes"]["definition"].clone());
    let kept = before["actions"][0]["id"].to_text();
    world.daemon.advance(std::time::Duration::from_secs(60));
    let mut definition = before.clone();
    definition["actions"][0]["links"] = json!({ "next": "new" });
    definition["actions"][0]["data"]["message"]["body"] = json!("{}");
    definition["actions"].as_array_mut().expect("a list").push(json!({
        "temporary_id": "new", "type": "time-delay", "data": { "unit": "days", "value": 1 },
    }));
    let attributes = json!({ "name": " g ", "definition": definition });
    let changed = world.change(&id, attributes).await;
    assert_eq!(changed["attributes"]["name"], "g");
    assert_eq!(changed["attributes"]["updated"], "2026-09-04T13:39:55+00:00");
    assert_eq!(changed["attributes"]["created"], made["attributes"]["created"]);
    let at = format!("/api/flows/{id}?additional-fields[flow]=definition");
    let after = world.daemon.get(&at).await["data"]["attributes"]["definition"].clone();
    assert_eq!(after["actions"][0]["id"], kept.as_str());
    let added = after["actions"][1]["id"].to_text();
    assert!(added.parse::<u64>().unwrap() > kept.parse::<u64>().unwrap());
    assert_eq!(after["actions"][0]["links"]["next"], added);
    // The original's call does nothing with what it is not told of.
    let same = world.change(&id, json!({})).await;
    assert_eq!(same["attributes"]["name"], "g");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_is_deleted_and_survives_a_restart_until_then() {
    let mut world = World::new().await;
    let id = world.made("f", world.one_webhook().await).await["id"].to_text();
    let at = format!("/api/flows/{id}?additional-fields[flow]=definition");
    let before = world.daemon.get(&at).await;
    world.daemon.restart().await;
    let after = world.daemon.get(&at).await;
    assert_eq!(after["data"]["attributes"], before["data"]["attributes"]);
    let action = before["data"]["attributes"]["definition"]["actions"][0]["id"].to_text();
    let gone = world.daemon.ask(Ask::delete(&format!("/api/flows/{id}"))).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    for path in [format!("/api/flows/{id}"), format!("/api/flow-actions/{action}")] {
        let refused = world.daemon.ask(Ask::get(&path)).await.refused(404);
        assert_eq!(refused["source"]["pointer"], "/data/", "{path}");
    }
    world.daemon.ask(Ask::delete(&format!("/api/flows/{id}"))).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_workers_one_is_asked_to_come_back() {
    let daemon = Daemon::start_with(|config| {
        config.sandbox.program = Some("/nowhere/tidings".into());
    });
    let world = World { daemon: daemon.await, receiver: Receiver::start().await };
    let body = world::document("f", world.one_webhook().await);
    let answer = world.daemon.ask(Ask::post("/api/flows", body)).await;
    answer.refused(503);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(world.daemon.get("/api/flows").await["data"], json!([]));
    // What needs no template is made all the same.
    let metric = world.known_metric("Ordered").await;
    world.made("g", world::definition(&metric, &[world::delay("d", 1, None)])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_are_asked_for() {
    let world = World::new().await;
    let id = world.made("f", world.one_webhook().await).await["id"].to_text();
    let action = world.action_of(&id).await;
    let reader = world.daemon.make_key(&["flows:read"]).await;
    let writer = world.daemon.make_key(&["flows:write"]).await;
    for (key, ask, status) in [
        (&reader, Ask::get(&format!("/api/flows/{id}")), 200),
        (&writer, Ask::get(&format!("/api/flows/{id}")), 403),
        (&reader, Ask::get("/api/flow-runs"), 200),
        (&reader, Ask::get("/api/flow-reviews"), 200),
        (&reader, Ask::delete(&format!("/api/flows/{id}")), 403),
        (&reader, Ask::new("POST", &format!("/api/flow-actions/{action}/preview")), 403),
        (&writer, Ask::new("POST", &format!("/api/flow-actions/{action}/test")), 403),
        (&writer, Ask::delete(&format!("/api/flows/{id}")), 204),
    ] {
        let answer = world.daemon.send(ask.clone().key(key)).await;
        assert_eq!(answer.status, status, "{ask:?}: {}", answer.body);
    }
}
