//! Batches: several events in one delivery, fixed before the first attempt, lost never.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Daemon, Event, Receiver, Recorded, Reply, SECRET, ToText as _, assert_signed, eventually,
};

const TOPIC: &str = "event:api.viewed_product";
const SECOND: Duration = Duration::from_secs(1);

fn viewed(number: usize) -> Event {
    Event::of("Viewed Product").unique(&format!("{number:03}"))
}

fn ids(delivered: &Recorded) -> Vec<String> {
    let body = delivered.json();
    let items = body["data"].as_array().expect("data is a list");
    let id = |item: &serde_json::Value| {
        item["payload"]["data"]["attributes"]["event_properties"]["$event_id"].to_text()
    };
    items.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_batch_leaves_at_once_and_the_rest_when_its_time_is_over() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "batch": { "max_events": 4, "max_wait_ms": 10_000 } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    for number in 0..10 {
        daemon.event(viewed(number)).await;
    }
    receiver.received(2).await;
    let gathering = daemon.deliveries("equals(state,%22scheduled%22)").await;
    assert_eq!(gathering[0]["attributes"]["phase"], "gathering");
    assert_eq!(gathering[0]["attributes"]["event_count"], 2);
    daemon.advance(11 * SECOND);
    let all = receiver.received(3).await;
    let mut sent: Vec<_> = all.iter().map(ids).collect();
    sent.sort();
    let numbers = |range: std::ops::Range<usize>| range.map(|n| format!("{n:03}")).collect();
    assert_eq!(sent, [numbers(0..4), numbers(4..8), numbers(8..10)] as [Vec<String>; 3]);
    all.iter().for_each(|one| assert_signed(one, SECRET));
    daemon.settled(3, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_stays_within_its_bytes() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "batch": { "max_events": 100, "max_wait_ms": 1_000, "max_bytes": 20_000 } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(5_000));
    for number in 0..9 {
        daemon.event(viewed(number).properties(&large)).await;
    }
    daemon.advance(2 * SECOND);
    let all = receiver.received(3).await;
    assert!(all.iter().all(|one| one.body.len() <= 20_500 && ids(one).len() == 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retried_batch_is_the_same_message() {
    let script = [Reply::Status(500)];
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    let own = json!({ "batch": { "max_events": 3, "max_wait_ms": 1_000 } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    for number in 0..3 {
        daemon.event(viewed(number)).await;
    }
    daemon.attempted(1).await;
    daemon.event(viewed(3)).await;
    daemon.advance(6 * SECOND);
    let all = receiver.received(3).await;
    let of_three: Vec<_> = all.iter().filter(|one| ids(one).len() == 3).collect();
    assert_eq!(of_three.len(), 2);
    assert_eq!(of_three[0].header("webhook-id"), of_three[1].header("webhook-id"));
    assert_eq!(ids(of_three[0]), ids(of_three[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gathering_survives_a_restart() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "batch": { "max_events": 100, "max_wait_ms": 60_000 } });
    let webhook = daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(viewed(0)).await;
    daemon.restart().await;
    daemon.event(viewed(1)).await;
    daemon.advance(61 * SECOND);
    assert_eq!(ids(&receiver.received(1).await[0]), ["000", "001"]);
    // A change of the webhook completes what gathers, so that nothing waits under old rules.
    daemon.event(viewed(2)).await;
    daemon.change(&webhook, json!({ "batch": null })).await;
    assert_eq!(ids(&receiver.received(2).await[1]), ["002"]);
    daemon.event(viewed(3)).await;
    assert_eq!(ids(&receiver.received(3).await[2]), ["003"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skipped_backlog_takes_its_batch_along_and_no_new_event() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "batch": { "max_events": 100, "max_wait_ms": 60_000 } });
    let webhook = daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(viewed(0)).await;
    daemon.change(&webhook, json!({ "enabled": false })).await;
    daemon.change(&webhook, json!({ "enabled": true, "backlog": "skip" })).await;
    daemon.event(viewed(1)).await;
    daemon.settled(1, "cancelled").await;
    daemon.advance(61 * SECOND);
    assert_eq!(ids(&receiver.received(1).await[0]), ["001"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_events_of_one_request_are_ten_deliveries() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "batch": {} });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    let events: Vec<_> = (0..1_000).map(viewed).collect();
    let bulk = crate::harness::bulk(&events);
    let path = "/api/event-bulk-create-jobs";
    daemon.ask(crate::harness::Ask::post(path, bulk)).await.expect(202);
    let all = receiver.received(10).await;
    let mut sent: Vec<_> = all.iter().flat_map(ids).collect();
    sent.sort();
    assert_eq!(sent.len(), 1_000);
    eventually("they are recorded", async || {
        (daemon.deliveries("equals(state,%22delivered%22)").await.len() == 10).then_some(())
    })
    .await;
}
