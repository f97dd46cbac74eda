//! Duplicates: profile, metric and `unique_id` together name an event, and the first one wins
//! (contract: wire.md §4.2).

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Ask, Daemon, Event, Receiver, Recorded, bulk};

const TOPIC: &str = "event:api.viewed_product";

async fn subscribed() -> (Daemon, Receiver) {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &[TOPIC, "event:api.other"]).await;
    (daemon, receiver)
}

fn event(properties: &str) -> Event {
    Event::of("Viewed Product").properties(properties)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_event_with_a_unique_id_wins_also_after_a_restart() {
    let (mut daemon, receiver) = subscribed().await;
    daemon.event(event(r#"{"n":1}"#).unique("u")).await;
    daemon.event(event(r#"{"n":2}"#).unique("u")).await;
    daemon.restart().await;
    daemon.event(event(r#"{"n":3}"#).unique("u")).await;
    daemon.settled(1, "delivered").await;
    let only = receiver.received(1).await.remove(0);
    let payload = &only.json()["data"][0]["payload"]["data"];
    assert_eq!(payload["attributes"]["event_properties"]["n"], 1);
    assert_eq!(daemon.deliveries("").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_events_posted_at_the_same_time_one_is_the_first() {
    let (daemon, receiver) = subscribed().await;
    let daemon = Arc::new(daemon);
    let mut posts = JoinSet::new();
    for number in 0..90 {
        let daemon = Arc::clone(&daemon);
        let event = event("{}").unique(&(number % 30).to_string());
        posts.spawn(async move { daemon.event(event).await });
    }
    posts.join_all().await;
    daemon.settled(30, "delivered").await;
    let mut ids: Vec<_> = receiver.received(30).await.iter().map(Recorded::unique_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_of_two_people_or_two_metrics_is_no_duplicate() {
    let (daemon, receiver) = subscribed().await;
    daemon.event(event("{}").unique("u")).await;
    daemon.event(event("{}").unique("u").about(json!({ "email": "b@example.org" }))).await;
    daemon.event(Event::of("Other").unique("u")).await;
    daemon.event(event("{}").unique("U")).await;
    receiver.received(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_unique_id_events_of_one_second_are_one() {
    let (daemon, receiver) = subscribed().await;
    daemon.event(event("{}")).await;
    daemon.advance(Duration::from_millis(900));
    daemon.event(event("{}")).await;
    daemon.event(event("{}").about(json!({ "email": "b@example.org" }))).await;
    daemon.advance(Duration::from_millis(100));
    daemon.event(event("{}")).await;
    daemon.settled(3, "delivered").await;
    let ids: Vec<_> = receiver.received(3).await.iter().map(|one| one.unique_id()).collect();
    assert_eq!(ids.iter().filter(|id| *id == "1788529135").count(), 2);
    assert_eq!(ids.iter().filter(|id| *id == "1788529136").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_forgotten_after_its_window() {
    let (daemon, receiver) = subscribed().await;
    daemon.event(event("{}").unique("u")).await;
    daemon.advance(Duration::from_secs(7 * 86_400 - 1));
    daemon.event(event("{}").unique("u")).await;
    assert_eq!(daemon.deliveries("").await.len(), 1);
    daemon.advance(Duration::from_secs(2));
    daemon.event(event("{}").unique("u")).await;
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_one_bulk_request_the_first_of_a_second_wins() {
    let (daemon, receiver) = subscribed().await;
    let events = [event(r#"{"n":1}"#), event(r#"{"n":2}"#), event("{}").unique("u")];
    daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
    daemon.settled(2, "delivered").await;
    let received = receiver.received(2).await;
    assert!(received.iter().any(|one| one.json().to_string().contains(r#""n":1"#)));
    // What was recorded by a bulk request is a duplicate for all that comes later.
    daemon.event(event("{}").unique("u")).await;
    assert_eq!(daemon.deliveries("").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_request_is_recorded_whole_or_not_at_all() {
    let (daemon, receiver) = subscribed().await;
    const AT: &str = "/data/attributes/events-bulk-create/data/1";
    let good = event("{}").unique("good");
    for (bad, pointer) in [
        (event("{}").unique("good"), format!("{AT}/attributes/events/data/0/attributes/unique_id")),
        (event("[]"), format!("{AT}/attributes/events/data/0/attributes/properties")),
        (
            Event::of("").unique("x"),
            format!("{AT}/attributes/events/data/0/attributes/metric/data/attributes/name"),
        ),
    ] {
        let body = bulk(&[good.clone(), bad]);
        let refused = daemon.ask(Ask::post("/api/event-bulk-create-jobs", body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer.as_str());
    }
    // Only the store can tell that nobody has this id, when the first event is staged already.
    let stranger = event("{}").profile("01KP4EGHH8QJ3N3AY2Z6V7RMDK").unique("x");
    let body = bulk(&[good.clone(), stranger]);
    let refused = daemon.ask(Ask::post("/api/event-bulk-create-jobs", body)).await.refused(400);
    let pointer = format!("{AT}/attributes/events/data/0/attributes/profile/data/id");
    assert_eq!(refused["source"]["pointer"], pointer.as_str());
    assert!(daemon.deliveries("").await.is_empty(), "nothing of any of them was recorded");
    daemon.event(good).await;
    receiver.received(1).await;
}
