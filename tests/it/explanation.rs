//! "Why did my endpoint not get this event?", for each answer that there is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Ask, Daemon, Event, Receiver, Reply, ToText as _, eventually, webhook_document, webhook_patch,
};

const TOPIC: &str = "event:api.viewed_product";
const OTHER: &str = "event:api.placed_order";
const SECOND: Duration = Duration::from_secs(1);

async fn explained(daemon: &Daemon, event: &str) -> Value {
    let answer = daemon.get(&format!("/api/events/{event}/explanation")).await;
    assert_eq!(answer["data"]["type"], "event-explanation");
    assert_eq!(answer["data"]["id"], event);
    answer["data"]["attributes"].clone()
}

/// What the explanation says of one webhook.
async fn reaction(daemon: &Daemon, event: &str, webhook: &str) -> Value {
    let path = format!("/api/events/{event}/explanation?filter=equals(webhook_id,%22{webhook}%22)");
    let reactions = daemon.get(&path).await["data"]["attributes"]["reactions"].clone();
    let [only] = reactions.as_array().expect("reactions are a list").as_slice() else {
        panic!("{reactions}")
    };
    assert_eq!((&only["id"], &only["kind"]), (&json!(webhook), &json!("webhook")));
    only.clone()
}

#[track_caller]
fn assert_told(reaction: &Value, verdict: &str, part: &str) {
    assert_eq!(reaction["verdict"], verdict, "{reaction}");
    let reason = reaction["reason"].to_text();
    assert!(reason.contains(part), "{reason}");
    let has_reacted = !reaction["deliveries"].as_array().expect("it is a list").is_empty();
    assert_eq!(reaction["reacted"], has_reacted);
}

/// A webhook with a filter: the event's brand is X, or the person lives in Bonn.
async fn filtering(daemon: &Daemon, url: &str, condition: Value) -> String {
    let mut document = webhook_document(url, &[TOPIC]);
    document["data"]["attributes"]["filter"] =
        json!({ "condition_groups": [{ "conditions": [condition] }] });
    daemon.ask(Ask::post("/api/webhooks", document)).await.expect(201)["data"]["id"].to_text()
}

fn equals(value: &str) -> Value {
    json!({ "type": "string", "operator": "equals", "value": value })
}

fn brand(value: &str) -> Value {
    json!({ "type": "metric-property", "field": "Brand", "filter": equals(value) })
}

fn city(value: &str) -> Value {
    let property = "properties['city']";
    json!({ "type": "profile-property", "property": property, "filter": equals(value) })
}

async fn change(daemon: &Daemon, webhook: &str, attributes: Value) {
    let body = webhook_patch(webhook, attributes);
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), body)).await.expect(200);
}

fn viewed() -> Event {
    Event::of("Viewed Product").properties(r#"{"Brand":"Y"}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_could_react_is_told_the_nearest_first() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let url = receiver.url();
    let other = daemon.webhook(&url, &[OTHER]).await;
    let similar = daemon.webhook(&url, &["event:api.viewed_products"]).await;
    let off = daemon.webhook(&url, &[TOPIC]).await;
    daemon.enable(&off, false).await;
    let filtered = filtering(&daemon, &url, brand("X")).await;
    let reacts = daemon.webhook(&url, &[TOPIC]).await;
    daemon.advance(SECOND);
    let event = daemon.recorded(viewed()).await;
    daemon.settled(1, "delivered").await;
    daemon.advance(SECOND);
    let later = daemon.webhook(&url, &[TOPIC]).await;

    let explanation = explained(&daemon, &event).await;
    assert_eq!(explanation["left_out"], 0);
    assert_eq!(explanation["event"]["topic"], TOPIC);
    assert_eq!(explanation["event"]["metric"], "Viewed Product");
    assert_eq!(explanation["event"]["received"], "2026-09-04T13:38:56.000000+00:00");
    let reactions = explanation["reactions"].as_array().expect("it is a list");
    let told: Vec<_> =
        reactions.iter().map(|one| (one["id"].to_text(), one["verdict"].to_text())).collect();
    let expected = [
        (reacts, "delivered"),
        (off, "disabled"),
        (filtered, "filtered"),
        (later, "created_later"),
        (other, "not_subscribed"),
        (similar, "not_subscribed"),
    ];
    assert_eq!(told, expected.map(|(id, verdict)| (id, verdict.to_owned())));
    for (one, part) in reactions.iter().zip([
        "delivered after 1 attempt: answered 200 OK",
        "has been disabled since 2026-09-04T13:38:55+00:00: a person switched it off",
        "its filter does not fit the event: `Brand` is \"Y\", not equal to \"X\"",
        "replay it: tidings replay create --webhook",
        "does not subscribe to `event:api.viewed_product`",
        "it does to the similar `event:api.viewed_products`",
    ]) {
        assert_told(one, &one["verdict"].to_text(), part);
    }
    let groups = json!([{ "held": false, "conditions": [
        { "held": false, "reason": "`Brand` is \"Y\", not equal to \"X\"" },
    ] }]);
    assert_eq!(reactions[2]["filter"], groups);
    assert!(reactions[0]["filter"].is_null() && reactions[4]["filter"].is_null());
    receiver.received(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_followed_from_its_first_failure_to_its_end() {
    let daemon = Daemon::start_with(|config| config.delivery.retry_schedule.truncate(2)).await;
    let receiver = Receiver::scripted((0..3).map(|_| Reply::Status(500))).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(viewed()).await;
    daemon.attempted(1).await;
    let told = reaction(&daemon, &event, &webhook).await;
    assert_told(&told, "scheduled", "waits for its next attempt at 2026-09-04T13:39:");
    let delivery = &told["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["source"]), (&json!("scheduled"), &json!("event")));
    assert_eq!((&delivery["attempt_count"], &delivery["last_status"]), (&json!(1), &json!(500)));
    assert!(delivery["due_at"].is_string() && delivery["finished_at"].is_null());
    assert_eq!(delivery["summary"], told["reason"]);

    change(&daemon, &webhook, json!({ "paused": true })).await;
    let told = reaction(&daemon, &event, &webhook).await;
    assert_told(&told, "scheduled", "waits: the webhook is paused; so far it had 1 attempt");
    change(&daemon, &webhook, json!({ "paused": false })).await;
    daemon.enable(&webhook, false).await;
    let told = reaction(&daemon, &event, &webhook).await;
    assert_told(&told, "scheduled", "waits: the webhook is disabled");
    daemon.enable(&webhook, true).await;

    for attempts in 2..=3 {
        daemon.advance(Duration::from_secs(3_600));
        daemon.attempted(attempts).await;
    }
    let told = reaction(&daemon, &event, &webhook).await;
    assert_told(&told, "exhausted", "given up after 3 attempts: answered 500");
    assert!(told["deliveries"][0]["finished_at"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_ordered_webhook_it_is_told_who_waits_and_what_was_parked() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted((0..2).map(|_| Reply::Status(500))).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    change(&daemon, &webhook, json!({ "ordering": "by-profile", "park_after": "1m" })).await;
    let first = daemon.recorded(viewed()).await;
    daemon.attempted(1).await;
    let second = daemon.recorded(viewed().unique("2")).await;
    eventually("the second waits behind the first", async || {
        let reason = reaction(&daemon, &second, &webhook).await["reason"].to_text();
        reason.contains("about the same person").then_some(())
    })
    .await;
    daemon.advance(Duration::from_secs(120));
    daemon.settled(1, "parked").await;
    daemon.settled(1, "delivered").await;
    let told = reaction(&daemon, &first, &webhook).await;
    assert_told(&told, "parked", "because it kept others about the same person waiting");
    assert_told(&reaction(&daemon, &second, &webhook).await, "delivered", "delivered after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_in_a_batch_is_told_when_the_batch_leaves() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let batch = json!({ "max_events": 2, "max_wait_ms": 60_000 });
    change(&daemon, &webhook, json!({ "batch": batch })).await;
    let event = daemon.recorded(viewed()).await;
    let told = reaction(&daemon, &event, &webhook).await;
    let part = "waits for more events of its batch, until 2026-09-04T13:39:55+00:00 at the latest";
    assert_told(&told, "scheduled", part);
    daemon.event(viewed().unique("2")).await;
    daemon.settled(1, "delivered").await;
    assert_told(&reaction(&daemon, &event, &webhook).await, "delivered", "delivered after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_webhook_is_still_told_of() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([Reply::Status(503)]).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(viewed()).await;
    daemon.attempted(1).await;
    daemon.ask(Ask::delete(&format!("/api/webhooks/{webhook}"))).await.expect(204);
    daemon.advance(Duration::from_secs(60));
    daemon.settled(1, "cancelled").await;
    let told = reaction(&daemon, &event, &webhook).await;
    assert_told(&told, "cancelled", "its webhook was deleted");
    assert!(told["name"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_since_is_not_taken_for_a_reason() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let url = receiver.url();
    let subscribed_since = daemon.webhook(&url, &[OTHER]).await;
    let was_off = daemon.webhook(&url, &[TOPIC]).await;
    daemon.enable(&was_off, false).await;
    let by_person = filtering(&daemon, &url, city("Bonn")).await;
    let was_stricter = filtering(&daemon, &url, brand("X")).await;
    daemon.advance(SECOND);
    let witness = daemon.webhook(&url, &[TOPIC]).await;
    let event = daemon.recorded(viewed()).await;
    let told = reaction(&daemon, &event, &by_person).await;
    assert_told(&told, "filtered", "`properties['city']` is not set");
    assert!(!told["reason"].to_text().contains("changed"), "{told}");

    daemon.advance(SECOND);
    let mut document = webhook_patch(&subscribed_since, json!({}));
    document["data"]["relationships"] =
        webhook_document(&url, &[TOPIC])["data"]["relationships"].clone();
    let path = format!("/api/webhooks/{subscribed_since}");
    daemon.ask(Ask::patch(&path, document)).await.expect(200);
    daemon.enable(&was_off, true).await;
    let looser = json!({ "condition_groups": [{ "conditions": [brand("Y")] }] });
    change(&daemon, &was_stricter, json!({ "filter": looser })).await;
    for webhook in [&subscribed_since, &was_off, &was_stricter] {
        let told = reaction(&daemon, &event, webhook).await;
        assert_told(&told, "changed_since", "it was changed at 2026-09-04T13:38:57+00:00");
    }

    // The person moves: first elsewhere, then where the filter wants them.
    for (unique, to, verdict, part) in [
        ("2", "Köln", "filtered", "the person was changed at 2026-09-04T13:38:57+00:00"),
        ("3", "Bonn", "changed_since", "looks at the person, who was changed at"),
    ] {
        let person = json!({ "email": "a@example.org", "properties": { "city": to } });
        daemon.event(viewed().unique(unique).about(person)).await;
        assert_told(&reaction(&daemon, &event, &by_person).await, verdict, part);
    }
    assert_told(&reaction(&daemon, &event, &witness).await, "delivered", "delivered after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_checked() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(viewed()).await;
    let path = format!("/api/events/{event}/explanation");
    daemon.ask(Ask::get("/api/events/________zzw/explanation")).await.refused(404);
    daemon.ask(Ask::get("/api/events/x/explanation")).await.refused(400);
    let nobody = "01M1PAC5N9PMXJ7672AC8B75VN";
    for (filter, part) in [
        (format!("equals(webhook_id,%22{nobody}%22)"), "there is no webhook"),
        ("equals(webhook_id,%22x%22)".to_owned(), "x: "),
        ("equals(state,%22x%22)".to_owned(), "there is webhook_id"),
        (
            format!("equals(webhook_id,%22{webhook}%22),equals(webhook_id,%22{webhook}%22)"),
            "more than one",
        ),
    ] {
        let refused = daemon.ask(Ask::get(&format!("{path}?filter={filter}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], "filter");
        assert!(refused["detail"].to_text().contains(part), "{refused}");
    }
    for missing in ["events:read", "deliveries:read", "webhooks:read"] {
        let scopes = ["events:read", "deliveries:read", "webhooks:read"];
        let scopes: Vec<_> = scopes.into_iter().filter(|scope| *scope != missing).collect();
        let key = daemon.make_key(&scopes).await;
        daemon.send(Ask::get(&path).key(&key)).await.refused(403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_is_cut_behind_those_that_matter() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    for _ in 0..110 {
        daemon.webhook(&receiver.url(), &[OTHER]).await;
    }
    let last = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(viewed()).await;
    let explanation = explained(&daemon, &event).await;
    assert_eq!(explanation["left_out"], 11);
    let reactions = explanation["reactions"].as_array().expect("it is a list");
    assert_eq!((reactions.len(), &reactions[0]["id"]), (100, &json!(last)));
}
