//! What a restart keeps: everything that was acknowledged.

use std::time::Duration;

use crate::harness::{Ask, Daemon, Event, Receiver, Reply, SECRET, assert_signed, eventually};

const TOPIC: &str = "event:api.viewed_product";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    // A webhook that is switched off between commit and attempt keeps its rows in the outbox.
    receiver.hold();
    for number in 0..40 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
    }
    let under_way = tidings::limits::WINDOW_FIRST;
    receiver.received(under_way).await;
    daemon.enable(&webhook, false).await;
    receiver.release();
    daemon.settled(40 - under_way, "scheduled").await;
    assert_eq!(receiver.recorded().len(), under_way);

    daemon.restart().await;
    assert_eq!(receiver.recorded().len(), under_way, "a disabled webhook stays disabled");
    daemon.enable(&webhook, true).await;
    let mut ids: Vec<_> =
        receiver.received(40).await.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 40, "each message once");
    daemon.settled(40, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_attempt_is_made_after_a_restart_without_being_asked_for() {
    let (mut daemon, gone) = (Daemon::start().await, Receiver::start().await);
    gone.hold();
    daemon.webhook(&gone.url(), &[TOPIC]).await;
    for number in 0..100 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
    }
    gone.received(tidings::limits::WINDOW_FIRST).await;
    gone.release();
    daemon.restart().await;
    eventually("all hundred arrive", async || (gone.recorded().len() >= 100).then_some(())).await;
    daemon.settled(100, "delivered").await;
    gone.received(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_made_after_a_restart() {
    let mut daemon = Daemon::start().await;
    let receiver = Receiver::scripted([Reply::Status(503), Reply::Status(503)]).await;
    daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product")).await;
    let due = daemon.attempted(1).await["due_at"].clone();

    daemon.restart().await;
    assert_eq!(daemon.attempted(1).await["due_at"], due, "a restart does not move it");
    daemon.advance(Duration::from_millis(5_750));
    daemon.attempted(2).await;

    daemon.stop().await;
    daemon.advance(Duration::from_millis(34_500));
    daemon.restart().await;
    let delivered = daemon.attempted(3).await;
    assert_eq!(delivered["state"], "delivered", "what became due meanwhile is made at once");
    for attempt in receiver.received(3).await {
        assert_signed(&attempt, SECRET);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_webhooks_metrics_and_events_survive() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let (kept, dev) = (daemon.make_key(&["webhooks:read"]).await, daemon.key().to_owned());
    let event = daemon.recorded(Event::of("Viewed Product").properties(r#"{"a": 1.0}"#)).await;
    let paths =
        ["/api/accounts", "/api/metrics", "/api/webhooks", "/api/keys", "/api/webhook-topics"];
    let path_of_event = format!("/api/events/{event}");
    let mut before = Vec::new();
    for path in paths.into_iter().chain([path_of_event.as_str()]) {
        let base = daemon.base();
        before.push((path.to_owned(), daemon.ask(Ask::get(path)).await.body.replace(&base, "")));
    }

    daemon.restart().await;
    for (path, body) in before {
        let base = daemon.base();
        assert_eq!(daemon.ask(Ask::get(&path)).await.body.replace(&base, ""), body, "{path}");
    }
    assert_eq!(daemon.key(), dev, "the key of --dev stays the same");
    let path = format!("/api/webhooks/{webhook}");
    daemon.send(Ask::get(&path).key(&kept)).await.expect(200);
    receiver.received(1).await;
    daemon.event(Event::of("Viewed Product").unique("after")).await;
    assert_signed(&receiver.received(2).await[1], SECRET);
}
