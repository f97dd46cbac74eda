//! Previews and test sends: what would be sent, for whom, and what came of it.

use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Ask, Event, ToText as _};

fn wish(attributes: Value) -> Value {
    json!({ "data": { "type": "flow-preview", "attributes": attributes } })
}

/// A flow with a webhook, and two people who ordered: the action, and their events.
async fn stage(world: &World) -> (String, Vec<Value>) {
    let flow = world.made("f", world.one_webhook().await).await["id"].to_text();
    for (person, number) in [("ann@example.org", 1), ("bob@example.org", 2)] {
        let event = Event::of("Ordered").about(json!({ "email": person })).unique(person);
        world.daemon.event(event.properties(&format!(r#"{{"number":{number}}}"#))).await;
        world.daemon.advance(std::time::Duration::from_secs(1));
    }
    let events = world.daemon.get("/api/events?sort=datetime").await["data"].clone();
    let ordered = events.as_array().expect("a list").iter().skip(1).cloned().collect();
    (world.action_of(&flow).await, ordered)
}

fn body(shown: &Value) -> Value {
    serde_json::from_str(&shown["request"]["body"].to_text()).expect("it is JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_the_request_and_sends_nothing() {
    let world = World::new().await;
    let (action, events) = stage(&world).await;
    let path = format!("/api/flow-actions/{action}/preview");
    let preview = async |attributes: Value| {
        let answer = world.daemon.ask(Ask::post(&path, wish(attributes))).await.expect(200);
        answer["data"].clone()
    };
    let first = events[0]["id"].to_text();
    let shown = preview(json!({ "event_id": first })).await;
    assert_eq!((&shown["type"], &shown["id"]), (&json!("flow-preview"), &json!(action)));
    let shown = &shown["attributes"];
    assert_eq!(shown["event_id"], first);
    let person = events[0]["relationships"]["profile"]["data"]["id"].to_text();
    assert_eq!(shown["profile_id"], person);
    assert_eq!((&shown["attempt"], &shown["succeeded"]), (&Value::Null, &Value::Null));
    let request = &shown["request"];
    assert_eq!(
        (&request["method"], &request["url"]),
        (&json!("POST"), &json!(world.receiver.url()))
    );
    assert_eq!(body(shown)["event"]["number"], 1);
    let headers = request["headers"].as_array().expect("a list");
    let value = |name: &str| {
        let named = headers.iter().find(|header| header["name"] == name);
        named.unwrap_or_else(|| panic!("no {name}: {headers:?}"))["value"].clone()
    };
    assert_eq!(value("x-key"), "*****");
    assert!(request["curl"].to_text().starts_with("curl "));
    // The newest, where nothing is said; and of a person, theirs.
    let newest = world.daemon.ask(Ask::new("POST", &path)).await.expect(200);
    assert_eq!(body(&newest["data"]["attributes"])["event"]["number"], 2);
    let theirs = preview(json!({ "profile_id": person })).await;
    assert_eq!(theirs["attributes"]["event_id"], first);
    // Before it is saved.
    let message = json!({ "url": "https://other.example/y", "method": "PUT", "body": "{}",
        "headers": { "X-Key": "*****", "Content-Type": "application/json" } });
    let unsaved = preview(json!({ "message": message })).await["attributes"]["request"].clone();
    assert_eq!((&unsaved["method"], &unsaved["body"]), (&json!("PUT"), &json!("{}")));
    assert_eq!(unsaved["url"], "https://other.example/y");
    assert!(world.receiver.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_sends_it_past_the_outbox() {
    let world = World::new().await;
    let (action, events) = stage(&world).await;
    let path = format!("/api/flow-actions/{action}/test");
    let event = events[1]["id"].to_text();
    let answer = world.daemon.ask(Ask::post(&path, wish(json!({ "event_id": event })))).await;
    let shown = answer.expect(200)["data"]["attributes"].clone();
    assert_eq!((&shown["succeeded"], &shown["attempt"]["status"]), (&json!(true), &json!(200)));
    let requests = world.receiver.recorded();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!(String::from_utf8_lossy(&request.body), shown["request"]["body"].to_text());
    assert_eq!(request.header("x-key"), "v");
    assert!(world.daemon.deliveries("").await.is_empty());
    assert!(world.daemon.get("/api/flow-runs").await["data"] == json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_shown_is_refused_where_it_stands() {
    let world = World::new().await;
    let (action, _) = stage(&world).await;
    let path = format!("/api/flow-actions/{action}/preview");
    let at = "/data/attributes";
    for (attributes, pointer, words) in [
        (json!({ "event_id": "x" }), "/event_id", "11 characters"),
        (json!({ "event_id": "7qWkC6JPz7g" }), "/event_id", "no event 7qWkC6JPz7g"),
        (json!({ "profile_id": "x" }), "/profile_id", "26 characters"),
        (json!({ "profile_id": "01M1PAC5N9PMXJ7672AC8B75VN" }), "/profile_id", "no profile"),
        (json!({ "message": 5 }), "/message", "object"),
        (json!({ "message": { "url": 5 } }), "/message/url", "a string"),
        (
            json!({ "message": { "url": "https://h.example/", "colour": 1 } }),
            "/message/colour",
            "key",
        ),
    ] {
        let refused = world.daemon.ask(Ask::post(&path, wish(attributes))).await.refused(400);
        assert_eq!(refused["source"]["pointer"], format!("{at}{pointer}"), "{refused}");
        assert!(refused["detail"].to_text().contains(words), "{refused}");
    }
    let wrong = json!({ "data": { "type": "flow", "attributes": {} } });
    let refused = world.daemon.ask(Ask::post(&path, wrong)).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/type");
    // A delay sends nothing.
    let metric = world.known_metric("Ordered").await;
    let waits = super::world::definition(&metric, &[super::world::delay("d", 1, None)]);
    let made = world.made("g", waits).await;
    let delay = made["attributes"]["definition"]["actions"][0]["id"].to_text();
    let ask = Ask::new("POST", &format!("/api/flow-actions/{delay}/preview"));
    let refused = world.daemon.ask(ask).await.refused(400);
    assert!(refused["detail"].to_text().contains("sends nothing"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_anybody_to_preview_it_for_one_is_asked_for() {
    let world = World::new().await;
    let list = world.list().await;
    let action = super::world::webhook("w", &world.receiver.url(), None);
    let of_list = json!({ "triggers": [{ "type": "list", "id": list }], "actions": [action],
        "entry_action_id": "w" });
    let flow = world.made("f", of_list).await["id"].to_text();
    let action = world.action_of(&flow).await;
    let ask = Ask::new("POST", &format!("/api/flow-actions/{action}/preview"));
    let refused = world.daemon.ask(ask).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/profile_id");
}
