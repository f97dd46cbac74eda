//! What runs of flows send, as people see it: among the deliveries, and not among those of webhooks.

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, runs};

const TOPIC: &str = "event:api.viewed_product";

/// A daemon that was sent an event, took it to a webhook, and has what a run left of it.
struct World {
    daemon: Daemon,
    webhook: String,
    event: String,
    profile: String,
    left: runs::Left,
    _receiver: Receiver,
}

impl World {
    async fn new() -> Self {
        let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
        let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
        let event = daemon.recorded(Event::of("Viewed Product")).await;
        daemon.settled(1, "delivered").await;
        let found = daemon.get(&format!("/api/events/{event}/relationships/profile")).await;
        let profile = found["data"]["id"].to_text();
        daemon.stop().await;
        let of = (profile.as_str(), Some(event.as_str()));
        let left = runs::leave(&daemon, of, r#"{"a":1}"#, "line 3: no filter `shout`").await;
        daemon.restart().await;
        // There is no such action, so that what was to be sent is cancelled.
        daemon.settled(1, "cancelled").await;
        Self { daemon, webhook, event, profile, left, _receiver: receiver }
    }
}

fn related(delivery: &Value, to: &str) -> Value {
    delivery["relationships"][to]["data"]["id"].clone()
}

fn ids(found: &[Value]) -> Vec<String> {
    found.iter().map(|one| one["id"].to_text()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_listed_by_their_action_their_event_and_their_person() {
    let World { daemon, webhook, event, profile, left, _receiver } = World::new().await;
    let (parked, request) = (left.parked.to_string(), left.request.to_string());
    let both = [parked.as_str(), request.as_str()];
    let action = format!("equals(flow_action_id,%22{}%22)", runs::ACTION);
    assert_eq!(ids(&daemon.deliveries(&action).await), both);
    for filter in
        [format!("equals(event_id,%22{event}%22)"), format!("equals(profile_id,%22{profile}%22)")]
    {
        let found = ids(&daemon.deliveries(&filter).await);
        assert_eq!((found.len(), &found[..2]), (3, &both.map(str::to_owned)[..]), "{filter}");
    }
    let of_webhook = daemon.deliveries(&format!("equals(webhook_id,%22{webhook}%22)")).await;
    assert_eq!(of_webhook.len(), 1);
    assert_eq!(related(&of_webhook[0], "webhook"), webhook.as_str());

    let one = daemon.get(&format!("/api/deliveries/{parked}")).await["data"].clone();
    let shown = &one["attributes"];
    assert_eq!((&shown["source"], &shown["state"]), (&json!("flow"), &json!("parked")));
    assert_eq!(shown["last_error"], "template");
    assert_eq!(shown["summary"], "parked: nothing was sent: line 3: no filter `shout`");
    for (to, id) in [
        ("flow-action", json!(runs::ACTION.to_string())),
        ("flow-run", json!(left.run.to_string())),
        ("flow", Value::Null),
        ("event", json!(event)),
        ("profile", json!(profile)),
        ("webhook", Value::Null),
    ] {
        assert_eq!(related(&one, to), id, "{to}");
    }
    let gone =
        daemon.get(&format!("/api/deliveries/{request}")).await["data"]["attributes"].clone();
    assert_eq!((&gone["state"], &gone["last_error"]), (&json!("cancelled"), &json!("gone")));
    // As webhooks are.
    let attempts = daemon.get(&format!("/api/delivery-attempts?filter={action}")).await;
    assert_eq!(attempts["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(related(&attempts["data"][0], "flow-action"), runs::ACTION.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_no_webhook_and_its_deliveries_are_not_of_the_event() {
    let World { daemon, webhook, event, left, .. } = World::new().await;
    let step = tidings::id::WebhookId::of_action(tidings::id::ActionId::from_u64(runs::ACTION));
    let filter = format!("/api/deliveries?filter=equals(webhook_id,%22{step}%22)");
    let refused = daemon.ask(Ask::get(&filter)).await.refused(400);
    assert!(refused["detail"].to_text().contains("flow_action_id"), "{refused}");
    daemon.ask(Ask::get(&format!("/api/webhooks/{step}"))).await.refused(404);
    let explained = daemon.get(&format!("/api/events/{event}/explanation")).await;
    let reactions = explained["data"]["attributes"]["reactions"].as_array().expect("a list");
    assert_eq!(reactions.len(), 1);
    assert_eq!((&reactions[0]["id"], &reactions[0]["reacted"]), (&json!(webhook), &json!(true)));
    for id in [left.parked, left.request] {
        let resend = Ask::new("POST", &format!("/api/deliveries/{id}/resend"));
        let refused = daemon.ask(resend).await.refused(409);
        assert!(refused["detail"].to_text().contains("flow action"), "{refused}");
    }
}
