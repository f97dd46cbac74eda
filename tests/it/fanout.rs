//! Who gets an event: every enabled webhook of its topic, once, and nobody else.

use std::time::Duration;

use crate::harness::{Ask, Daemon, Event, Receiver, Recorded, Reply, ToText as _, bulk};

const TOPIC: &str = "event:api.viewed_product";
const OTHER: &str = "event:api.placed_order";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_webhook_of_a_topic_gets_each_event_once() {
    let daemon = Daemon::start().await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    for receiver in &receivers {
        daemon.webhook(&receiver.url(), &[TOPIC, "event:klaviyo.sent_sms"]).await;
    }
    let bystander = Receiver::start().await;
    daemon.webhook(&bystander.url(), &[OTHER]).await;
    let events: Vec<_> =
        (0..20).map(|n| Event::of("Viewed Product").unique(&n.to_string())).collect();
    daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
    daemon.settled(60, "delivered").await;
    let mut messages = Vec::new();
    for receiver in &receivers {
        let received = receiver.received(20).await;
        let mut ids: Vec<_> = received.iter().map(Recorded::unique_id).collect();
        ids.sort_by_key(|id| id.parse::<usize>().ok());
        assert_eq!(ids, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
        messages.extend(received.iter().map(|one| one.header("webhook-id").to_owned()));
    }
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 60, "each delivery has an id of its own");
    assert!(bystander.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_party_topic_is_reached_by_its_service() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &["event:klaviyo.sent_sms"]).await;
    daemon.event(Event::of("Sent SMS")).await;
    assert!(daemon.deliveries("").await.is_empty(), "without the service it is event:api.sent_sms");
    daemon.event(Event::of("Sent SMS").service("klaviyo")).await;
    assert_eq!(receiver.received(1).await[0].json()["data"][0]["topic"], "event:klaviyo.sent_sms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_webhook_gets_nothing_new_and_goes_on_with_the_old() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([Reply::Status(503)]).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product").unique("before")).await;
    daemon.attempted(1).await;

    daemon.enable(&webhook, false).await;
    daemon.event(Event::of("Viewed Product").unique("while off")).await;
    assert_eq!(daemon.deliveries("").await.len(), 1, "nothing new is scheduled");
    daemon.advance(Duration::from_secs(60));
    // Another delivery comes and goes: the loop has looked.
    let other = Receiver::start().await;
    daemon.webhook(&other.url(), &[OTHER]).await;
    daemon.event(Event::of("Placed Order")).await;
    other.received(1).await;
    assert_eq!(receiver.recorded().len(), 1, "what is due waits");
    let test = daemon.ask(Ask::new("POST", &format!("/api/webhooks/{webhook}/test"))).await;
    assert_eq!(test.expect(200)["data"]["attributes"]["succeeded"], true, "a test arrives");
    receiver.received(2).await;

    daemon.enable(&webhook, true).await;
    assert_eq!(receiver.received(3).await[2].unique_id(), "before");
    daemon.event(Event::of("Viewed Product").unique("after")).await;
    assert_eq!(receiver.received(4).await[3].unique_id(), "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_deleted_webhook_is_cancelled() {
    for is_disabled_first in [false, true] {
        let daemon = Daemon::start().await;
        let receiver = Receiver::scripted([Reply::Status(503)]).await;
        let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
        daemon.event(Event::of("Viewed Product")).await;
        daemon.attempted(1).await;
        if is_disabled_first {
            daemon.enable(&webhook, false).await;
        }
        daemon.ask(Ask::delete(&format!("/api/webhooks/{webhook}"))).await.expect(204);
        daemon.advance(Duration::from_secs(60));
        daemon.settled(1, "cancelled").await;
        let cancelled = daemon.deliveries("").await.remove(0);
        assert_eq!(cancelled["attributes"]["last_error"], "gone");
        assert!(cancelled["attributes"]["destination"].is_null());
        assert_eq!(receiver.recorded().len(), 1, "no request is made for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_attempted_for_a_deleted_webhook_is_cancelled() {
    let mut daemon = Daemon::start_with(|config| config.delivery.concurrency = 1).await;
    let receiver = Receiver::start().await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let path = format!("/api/webhooks/{webhook}");
    receiver.hold();
    for number in 0..3 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
    }
    receiver.received(1).await;
    daemon.enable(&webhook, false).await;
    receiver.release();
    daemon.settled(1, "delivered").await;
    daemon.restart().await;
    daemon.settled(2, "scheduled").await;
    daemon.ask(Ask::delete(&path)).await.expect(204);
    daemon.settled(2, "cancelled").await;
    assert_eq!(receiver.recorded().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_receiver_does_not_hold_up_another() {
    let daemon = Daemon::start_with(|config| config.delivery.concurrency = 1).await;
    let (stuck, quick) = (Receiver::start().await, Receiver::start().await);
    stuck.hold();
    daemon.webhook(&stuck.url(), &[TOPIC]).await;
    daemon.webhook(&quick.url(), &[TOPIC]).await;
    for number in 0..30 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
    }
    quick.received(30).await;
    assert_eq!(stuck.recorded().len(), 1, "one attempt at a time");
    stuck.release();
    stuck.received(30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_listed_newest_first_filtered_and_paged() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.webhook(&receiver.url(), &[OTHER]).await;
    for number in 0..5 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
    }
    daemon.event(Event::of("Placed Order")).await;
    daemon.settled(6, "delivered").await;
    let filter = format!("equals(webhook_id,'{webhook}')");
    let of_webhook = daemon.deliveries(&filter).await;
    assert_eq!(of_webhook.len(), 5);
    let ids: Vec<_> = of_webhook.iter().map(|one| one["id"].to_text()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let event = of_webhook[2]["relationships"]["event"]["data"]["id"].to_text();
    let of_event = daemon.deliveries(&format!("equals(event_id,'{event}')")).await;
    assert_eq!(of_event.len(), 1);

    let mut paged = Vec::new();
    let mut path = format!("/api/deliveries?page[size]=2&filter={filter}");
    loop {
        let page = daemon.get(&path).await;
        paged.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].to_text()));
        let Some(next) = page["links"]["next"].as_str() else { break };
        path = next.strip_prefix(&daemon.base()).unwrap().to_owned();
    }
    assert_eq!(paged, ids);
}
