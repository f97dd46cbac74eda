//! Runs: found, read with their timeline, ended.

use serde_json::{Value, json};

use super::world::{World, definition, delay, webhook};
use crate::harness::{Ask, Event, ToText as _};

/// Two people of whom each is in a flow that sends and then waits.
async fn two(world: &World) -> (String, Vec<Value>) {
    let (metric, url) = (world.metric("Ordered").await, world.receiver.url());
    let actions = [webhook("a", &url, Some("b")), delay("b", 2, None)];
    let flow = world.live(definition(&metric, &actions)).await;
    for person in ["ann@example.org", "bob@example.org"] {
        let event = Event::of("Ordered").about(json!({ "email": person })).unique(person);
        world.daemon.event(event).await;
    }
    let runs = world.runs("?filter=equals(state,%22waiting%22)", 2).await;
    world.daemon.settled(2, "delivered").await;
    (flow, runs)
}

fn related(run: &Value, to: &str) -> String {
    run["relationships"][to]["data"]["id"].to_text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_found_by_what_they_are_about() {
    let world = World::new().await;
    let (flow, runs) = two(&world).await;
    let newest = &runs[0];
    assert!(newest["id"].to_text() > runs[1]["id"].to_text(), "the newest comes first");
    let id = newest["id"].to_text();
    let (profile, event) = (related(newest, "profile"), related(newest, "event"));
    let action = related(newest, "flow-action");
    for (filter, count) in [
        (format!("equals(flow_id,%22{flow}%22)"), 2),
        ("equals(flow_id,%22Zzzzzz%22)".to_owned(), 0),
        (format!("equals(profile_id,%22{profile}%22)"), 1),
        (format!("equals(event_id,%22{event}%22)"), 1),
        (format!("equals(action_id,%22{action}%22)"), 2),
        ("equals(action_id,%225%22)".to_owned(), 0),
        (format!("equals(flow_id,%22{flow}%22),equals(state,%22finished%22)"), 0),
    ] {
        world.runs(&format!("?filter={filter}"), count).await;
    }
    let first = world.daemon.get("/api/flow-runs?page[size]=1").await;
    assert_eq!(first["data"][0]["id"], id.as_str());
    let next = first["links"]["next"].to_text();
    let next = next.strip_prefix(&world.daemon.base()).expect("it is ours");
    assert_eq!(world.daemon.get(next).await["data"][0]["id"], runs[1]["id"]);
    for (query, parameter) in [
        ("filter=equals(state,%22lost%22)", "filter"),
        ("filter=equals(color,%22x%22)", "filter"),
        ("page[size]=101", "page[size]"),
        ("page[cursor]=eA", "page[cursor]"),
    ] {
        let ask = Ask::get(&format!("/api/flow-runs?{query}"));
        let refused = world.daemon.ask(ask).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tells_what_happened_and_is_counted() {
    let world = World::new().await;
    let (flow, runs) = two(&world).await;
    let run = runs[0]["id"].to_text();
    let shown = world.daemon.get(&format!("/api/flow-runs/{run}")).await["data"].clone();
    let attributes = &shown["attributes"];
    assert_eq!((&attributes["state"], &attributes["date"]), (&json!("waiting"), &Value::Null));
    assert_eq!(attributes["due_at"], "2026-09-06T13:38:55.000000+00:00");
    let timeline = attributes["timeline"].as_array().expect("a list");
    let events: Vec<_> = timeline.iter().map(|moment| moment["event"].to_text()).collect();
    assert_eq!(events[..2], ["entered", "sent"], "{attributes}");
    assert!(events.contains(&"waits".to_owned()), "{attributes}");
    let sent = timeline.iter().find(|moment| moment["event"] == "sent").expect("it was sent");
    let delivery = sent["delivery_id"].to_text();
    let delivery = world.daemon.get(&format!("/api/deliveries/{delivery}")).await["data"].clone();
    assert_eq!(related(&delivery, "flow-run"), run);
    assert_eq!(related(&shown, "flow"), flow);

    let flow_now = world.daemon.get(&format!("/api/flows/{flow}")).await["data"].clone();
    assert_eq!(flow_now["attributes"]["counts"], json!({ "entered": 2, "active": 2 }));
    let actions =
        world.daemon.get(&format!("/api/flows/{flow}/flow-actions")).await["data"].clone();
    assert_eq!(actions[1]["attributes"]["counts"]["waiting"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_ended_once() {
    let world = World::new().await;
    let (flow, runs) = two(&world).await;
    let cancel = format!("/api/flow-runs/{}/cancel", runs[0]["id"].to_text());
    let ended = world.daemon.ask(Ask::new("POST", &cancel)).await.expect(200)["data"].clone();
    assert_eq!(
        (&ended["attributes"]["state"], &ended["attributes"]["due_at"]),
        (&json!("cancelled"), &Value::Null)
    );
    let refused = world.daemon.ask(Ask::new("POST", &cancel)).await.refused(409);
    assert!(refused["detail"].to_text().contains("cancelled already"), "{refused}");
    let flow_now = world.daemon.get(&format!("/api/flows/{flow}")).await["data"].clone();
    assert_eq!(flow_now["attributes"]["counts"], json!({ "entered": 2, "active": 1 }));
    world.runs("?filter=equals(state,%22cancelled%22)", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tells_of_the_person_is_for_who_may_read_people() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let filter = json!({ "condition_groups": [{ "conditions": [{
        "type": "profile-property", "property": "email",
        "filter": { "type": "string", "operator": "equals", "value": "ann@example.org" } }] }] });
    let split = json!({ "temporary_id": "s", "type": "conditional-split",
        "links": { "next_if_true": "d", "next_if_false": null },
        "data": { "profile_filter": filter } });
    let waits = [split, delay("d", 1, None)];
    world.live(definition(&metric, &waits)).await;
    world.daemon.event(Event::of("Ordered").about(json!({ "email": "ann@example.org" }))).await;
    let run = world.runs("?filter=equals(state,%22waiting%22)", 1).await[0]["id"].to_text();
    let path = format!("/api/flow-runs/{run}");
    let reader = world.daemon.make_key(&["flows:read"]).await;
    let little = world.daemon.send(Ask::get(&path).key(&reader)).await.expect(200);
    let all = world.daemon.get(&path).await;
    let branch = |document: &Value| {
        let timeline = document["data"]["attributes"]["timeline"].as_array().expect("a list");
        timeline.iter().find(|moment| moment["event"] == "branch").expect("it branched").clone()
    };
    assert!(branch(&all)["detail"].to_text().contains("ann@example.org"), "{all}");
    assert!(!little.to_string().contains("ann@example.org"));
    assert_eq!(
        (&branch(&little)["branch"], &branch(&little)["detail"]),
        (&json!("true"), &Value::Null)
    );
    assert_eq!(little["data"]["attributes"]["outputs"], Value::Null);
    assert_eq!(all["data"]["attributes"]["outputs"], json!({}));
}
