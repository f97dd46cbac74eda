//! What follows a failure: a retry when its time has come, and an end when there are no more.

use std::time::Duration;

use tidings::config::Config;

use crate::harness::{Daemon, Event, Receiver, Reply, SECRET, assert_signed};

const TOPIC: &str = "event:api.viewed_product";
/// The first delay with all the jitter it may have.
const FIRST_RETRY: Duration = Duration::from_millis(5_750);

/// A daemon with one event on its way to a receiver that answers so.
async fn failing(script: impl IntoIterator<Item = Reply>) -> (Daemon, Receiver) {
    failing_with(script, |_| {}).await
}

async fn failing_with(
    script: impl IntoIterator<Item = Reply>,
    change: impl FnOnce(&mut Config),
) -> (Daemon, Receiver) {
    let (daemon, receiver) = (Daemon::start_with(change).await, Receiver::scripted(script).await);
    daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product")).await;
    (daemon, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_the_same_message_stamped_and_signed_anew() {
    let (daemon, receiver) = failing([Reply::Status(503)]).await;
    let failed = daemon.attempted(1).await;
    assert_eq!((&failed["state"], &failed["last_status"]), (&"scheduled".into(), &503.into()));
    assert_eq!(failed["attempts"][0]["response_excerpt"], "as scripted");
    daemon.advance(FIRST_RETRY);
    let delivered = daemon.attempted(2).await;
    assert_eq!(delivered["state"], "delivered");
    assert!(delivered["due_at"].is_null() && delivered["finished_at"].is_string());

    let [first, second] = receiver.received(2).await.try_into().expect("there are two");
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.event(), second.event());
    for attempt in [&first, &second] {
        assert_signed(attempt, SECRET);
    }
    for stamped in
        ["Klaviyo-Timestamp", "Klaviyo-Signature", "webhook-timestamp", "webhook-signature"]
    {
        assert_ne!(first.header(stamped), second.header(stamped), "{stamped}");
    }
    assert_eq!(second.json()["meta"]["timestamp"], "2026-09-04T13:39:00.750000+00:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_waits_for_its_time() {
    let (daemon, receiver) = failing([Reply::Status(500)]).await;
    daemon.attempted(1).await;
    daemon.advance(Duration::from_secs(4));
    // Another delivery comes and goes: the loop has looked.
    let other = Receiver::start().await;
    daemon.webhook(&other.url(), &["event:api.other"]).await;
    daemon.event(Event::of("Other")).await;
    other.received(1).await;
    assert_eq!(receiver.recorded().len(), 1, "four seconds are fewer than five");
    daemon.advance(Duration::from_millis(1_750));
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_schedule_ends_after_thirteen_attempts() {
    let broken = std::iter::repeat_n(Reply::Status(500), 20);
    let (daemon, receiver) = failing(broken).await;
    let schedule = daemon.config().delivery.retry_schedule.clone();
    assert_eq!(schedule.len(), 12);
    for (retry, delay) in schedule.iter().enumerate() {
        let waiting = daemon.attempted(retry + 1).await;
        assert_eq!(waiting["state"], "scheduled");
        daemon.advance(delay.mul_f64(1.15));
    }
    let given_up = daemon.attempted(13).await;
    assert_eq!(given_up["state"], "exhausted");
    assert!(given_up["due_at"].is_null());
    daemon.advance(Duration::from_secs(30 * 86_400));
    let received = receiver.received(13).await;
    let last = received.last().expect("there are thirteen");
    assert_eq!(received[0].header("webhook-id"), last.header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = Receiver::start().await;
    let (daemon, _receiver) = failing([Reply::Redirect(elsewhere.url())]).await;
    let failed = daemon.attempted(1).await;
    assert_eq!((&failed["state"], &failed["last_status"]), (&"scheduled".into(), &302.into()));
    assert!(elsewhere.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_2xx_is_a_success() {
    for status in [200, 201, 202, 204] {
        let (daemon, _receiver) = failing([Reply::Status(status)]).await;
        let delivered = daemon.attempted(1).await;
        assert_eq!(
            (&delivered["state"], &delivered["last_status"]),
            (&"delivered".into(), &status.into())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_costs_one_attempt_and_its_time() {
    let one_second = |config: &mut Config| config.delivery.timeout = Duration::from_secs(1);
    let (daemon, receiver) = failing_with([Reply::Hang], one_second).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(failed["last_error"], "timeout");
    assert!(failed["attempts"][0]["duration_ms"].as_f64().is_some_and(|ms| ms >= 1_000.0));
    daemon.advance(FIRST_RETRY);
    assert_eq!(daemon.attempted(2).await["state"], "delivered");
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_without_an_answer_is_a_failure_of_the_protocol() {
    let (daemon, _receiver) = failing([Reply::Close]).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(
        (&failed["state"], &failed["last_error"]),
        (&"scheduled".into(), &"protocol".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_is_recorded() {
    let daemon = Daemon::start().await;
    let gone = Receiver::start().await.stopped().await;
    daemon.webhook(&gone, &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product")).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(failed["last_error"], "connect");
    assert!(failed["last_status"].is_null());
    let error = &failed["attempts"][0]["error"];
    assert_eq!(error["kind"], "connect");
    assert!(error["detail"].as_str().is_some_and(|detail| detail.contains("127.0.0.1")));
}
