//! What tidings does about endpoints that answer badly: it waits, slows down, stops, tells.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, Reply, ToText as _, eventually};

const TOPIC: &str = "event:api.viewed_product";
const OWN: [&str; 3] = [
    "event:tidings.webhook_disabled",
    "event:tidings.webhook_recovered",
    "event:tidings.delivery_exhausted",
];
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn viewed(number: usize) -> Event {
    Event::of("Viewed Product").unique(&number.to_string())
}

async fn scripted(script: impl IntoIterator<Item = Reply>) -> (Daemon, Receiver, String) {
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    (daemon, receiver, webhook)
}

/// The properties of the operational events that a receiver got.
fn told(watcher: &Receiver) -> Vec<(String, Value)> {
    let one = |delivered: crate::harness::Recorded| {
        let item = &delivered.json()["data"][0];
        let properties = item["payload"]["data"]["attributes"]["event_properties"].clone();
        (item["topic"].to_text(), properties)
    };
    watcher.recorded().into_iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_comes_when_the_receiver_asks_for_it() {
    for (header, seconds) in [("120", 120.0), ("Fri, 04 Sep 2026 13:40:55 GMT", 120.0)] {
        let reply = match header {
            "120" => Reply::Headers(503, &[("retry-after", "120")]),
            _ => Reply::Headers(429, &[("retry-after", "Fri, 04 Sep 2026 13:40:55 GMT")]),
        };
        let (daemon, receiver, _) = scripted([reply]).await;
        daemon.event(viewed(1)).await;
        let failed = daemon.attempted(1).await;
        assert_eq!(failed["due_at"], "2026-09-04T13:40:55.000000+00:00", "{header}");
        daemon.advance(Duration::from_secs_f64(seconds - 0.5));
        // The whole endpoint is left alone: what is new waits as well.
        daemon.event(viewed(2)).await;
        daemon.event(Event::of("Something Else")).await;
        assert_eq!(receiver.count(), 1);
        daemon.advance(SECOND);
        receiver.received(3 - 1 + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_retry_after_is_a_day() {
    let reply = Reply::Headers(503, &[("retry-after", "99999999999999999999")]);
    let (daemon, _receiver, _) = scripted([reply]).await;
    daemon.event(viewed(1)).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(failed["due_at"], "2026-09-05T13:38:55.000000+00:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_is_disabled_at_once_and_that_is_an_event() {
    let (daemon, receiver, webhook) = scripted([Reply::Status(410)]).await;
    let watcher = Receiver::start().await;
    daemon.webhook(&watcher.url(), &OWN).await;
    daemon.event(viewed(1)).await;
    watcher.received(1).await;
    let (topic, properties) = told(&watcher).remove(0);
    assert_eq!((topic.as_str(), &properties["reason"]), (OWN[0], &json!("gone")));
    assert_eq!(properties["webhook_id"], webhook);
    assert_eq!(properties["webhook_name"], "n");
    let now = daemon.webhook_now(&webhook).await;
    assert_eq!((&now["enabled"], &now["disabled_reason"]), (&json!(false), &json!("gone")));
    // What was under way is kept for the choice at re-enabling.
    daemon.advance(24 * HOUR);
    assert_eq!(receiver.count(), 1);
    daemon.enable(&webhook, true).await;
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_can_abort_a_delivery_and_disable_its_webhook() {
    let abort = Reply::Headers(500, &[("webhook-delivery", "abort")]);
    let disable = Reply::Headers(200, &[("webhook-delivery", "disable")]);
    let (daemon, receiver, webhook) = scripted([abort, disable]).await;
    daemon.event(viewed(1)).await;
    daemon.settled(1, "cancelled").await;
    let aborted = &daemon.deliveries("equals(state,%22cancelled%22)").await[0];
    let path = format!("/api/deliveries/{}", aborted["id"].to_text());
    let told = daemon.get(&path).await["data"]["attributes"]["summary"].to_text();
    assert!(told.contains("asked for no more of this (webhook-delivery: abort)"), "{told}");
    daemon.event(viewed(2)).await;
    daemon.settled(1, "delivered").await;
    let now = daemon.webhook_now(&webhook).await;
    assert_eq!((&now["enabled"], &now["disabled_reason"]), (&json!(false), &json!("receiver")));
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_took_nothing_for_long_is_disabled_also_over_a_restart() {
    let broken = std::iter::repeat_n(Reply::Status(500), 100);
    let (mut daemon, receiver) = (
        Daemon::start_with(|config| config.delivery.disable_after = Some(2 * HOUR)).await,
        Receiver::scripted(broken).await,
    );
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(viewed(1)).await;
    daemon.attempted(1).await;
    daemon.advance(HOUR);
    daemon.attempted(2).await;
    assert_eq!(daemon.webhook_now(&webhook).await["enabled"], true);
    daemon.restart().await;
    daemon.advance(HOUR);
    eventually("the webhook is disabled", async || {
        (daemon.webhook_now(&webhook).await["disabled_reason"] == "failing").then_some(())
    })
    .await;
    let detail = daemon.webhook_now(&webhook).await["disabled_detail"].to_text();
    assert!(detail.contains("answered 500"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_is_delivered_or_skipped_as_chosen() {
    for (choice, arrive, state) in [("deliver", 4, "delivered"), ("skip", 1, "cancelled")] {
        let (daemon, receiver, webhook) = scripted([]).await;
        daemon.change(&webhook, json!({ "paused": true })).await;
        for number in 0..3 {
            daemon.event(viewed(number)).await;
        }
        daemon.change(&webhook, json!({ "enabled": false, "paused": false })).await;
        daemon.event(viewed(3)).await;
        daemon.settled(3, "scheduled").await;
        daemon.change(&webhook, json!({ "enabled": true, "backlog": choice })).await;
        daemon.event(viewed(4)).await;
        receiver.received(arrive).await;
        daemon.settled(if choice == "skip" { 3 } else { 4 }, state).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_webhook_takes_events_and_sends_them_when_it_goes_on() {
    let (daemon, receiver, webhook) = scripted([]).await;
    daemon.change(&webhook, json!({ "paused": true })).await;
    daemon.event(viewed(1)).await;
    daemon.settled(1, "scheduled").await;
    assert_eq!(receiver.count(), 0);
    daemon.change(&webhook, json!({ "paused": false })).await;
    receiver.received(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_keeps_failing_is_probed_and_then_has_its_backlog() {
    // The first that open the breaker, and probes over more than a minute.
    let broken = std::iter::repeat_n(Reply::Status(500), 14);
    let (daemon, receiver, webhook) = scripted(broken).await;
    let watcher = Receiver::start().await;
    daemon.webhook(&watcher.url(), &OWN).await;
    for number in 0..50 {
        daemon.event(viewed(number)).await;
    }
    let opened = tidings::limits::BREAKER_FAILURES as usize;
    eventually("the endpoint is left alone", async || {
        (daemon.webhook_now(&webhook).await["failing_since"].is_string()).then_some(())
    })
    .await;
    // At most what was in the window when it opened.
    assert!(receiver.count() <= opened + tidings::limits::WINDOW_FIRST, "{}", receiver.count());
    let before = receiver.count();
    daemon.advance(Duration::from_millis(500));
    assert_eq!(receiver.count(), before);
    eventually("the backlog is delivered", async || {
        daemon.advance(2 * SECOND);
        let page = daemon.deliveries("equals(state,%22scheduled%22)").await;
        page.is_empty().then_some(())
    })
    .await;
    receiver.received(64).await;
    assert!(daemon.webhook_now(&webhook).await["failing_since"].is_null());
    watcher.received(1).await;
    assert_eq!(told(&watcher)[0].0, OWN[1], "it recovered after more than a minute");
    daemon.settled(51, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_delivery_is_an_event_and_failing_to_tell_it_is_none() {
    let mut daemon = Daemon::start().await;
    daemon.reconfigure(|config| config.delivery.retry_schedule = vec![]);
    daemon.restart().await;
    let broken = || std::iter::repeat_n(Reply::Status(500), 50);
    let (receiver, watcher) =
        (Receiver::scripted(broken()).await, Receiver::scripted(broken()).await);
    daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.webhook(&watcher.url(), &OWN).await;
    daemon.event(viewed(1)).await;
    watcher.received(1).await;
    let (topic, properties) = told(&watcher).remove(0);
    assert_eq!(topic, OWN[2]);
    assert!(properties["detail"].to_text().contains("answered 500"));
    daemon.settled(2, "exhausted").await;
    // Time for one more, if there were one.
    daemon.event(viewed(2)).await;
    watcher.received(2).await;
    daemon.settled(4, "exhausted").await;
    let page = daemon.get("/api/deliveries?page[size]=100").await;
    assert_eq!(page["data"].as_array().map(Vec::len), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_spreads_deliveries() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let limit = json!({ "rate_limit": { "requests": 2, "period": "minute" } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], limit).await;
    for number in 0..4 {
        daemon.event(viewed(number)).await;
    }
    for arrived in 1..=4 {
        receiver.received(arrived).await;
        daemon.advance(29 * SECOND);
        daemon.event(Event::of("Something Else").unique(&arrived.to_string())).await;
        assert_eq!(receiver.count(), arrived, "half a minute is not over");
        daemon.advance(SECOND);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_and_an_age_of_its_own_end_a_delivery_earlier() {
    let broken = || Receiver::scripted(std::iter::repeat_n(Reply::Status(500), 50));
    for (own, attempts) in [
        (json!({ "retry_schedule": ["1m"] }), 2),
        (json!({ "retry_schedule": "fast" }), 9),
        (json!({ "retry_schedule": ["1m", "1m", "1m"], "retry_max_age": "90s" }), 2),
    ] {
        let (daemon, receiver) = (Daemon::start().await, broken().await);
        daemon.webhook_with(&receiver.url(), &[TOPIC], own.clone()).await;
        daemon.event(viewed(1)).await;
        for made in 1..=attempts {
            daemon.attempted(made).await;
            daemon.advance(Duration::from_secs(if attempts == 9 { 360 } else { 70 }));
        }
        let ended = daemon.attempted(attempts).await;
        assert_eq!(ended["state"], "exhausted", "{own}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_do_not_starve_what_is_fresh() {
    let script = std::iter::repeat_n(Reply::Status(400), 40);
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    daemon.webhook_with(&receiver.url(), &[TOPIC], json!({ "concurrency": 1 })).await;
    for number in 0..40 {
        daemon.event(viewed(number)).await;
    }
    receiver.received(40).await;
    eventually("all wait for a retry", async || {
        let all = daemon.deliveries("").await;
        all.iter().all(|one| one["attributes"]["phase"] == "due").then_some(())
    })
    .await;
    receiver.hold();
    daemon.advance(HOUR);
    eventually("a retry is under way", async || (receiver.count() == 41).then_some(())).await;
    for number in 100..110 {
        daemon.event(viewed(number)).await;
    }
    receiver.release();
    let all = receiver.received(90).await;
    let fresh = |one: &crate::harness::Recorded| one.unique_id().len() == 3;
    let last_fresh = all.iter().rposition(fresh).expect("they arrived");
    assert!(last_fresh < 41 + 20, "ten fresh ones among forty retries: the last is {last_fresh}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_webhook_cancels_what_waits_for_it() {
    let (daemon, receiver, webhook) = scripted([Reply::Status(500)]).await;
    daemon.event(viewed(1)).await;
    daemon.attempted(1).await;
    daemon.ask(Ask::delete(&format!("/api/webhooks/{webhook}"))).await.expect(204);
    daemon.advance(HOUR);
    daemon.settled(1, "cancelled").await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_webhook_begins_anew() {
    let broken = std::iter::repeat_n(Reply::Status(500), 100);
    let daemon = Daemon::start_with(|config| config.delivery.disable_after = Some(2 * HOUR)).await;
    let receiver = Receiver::scripted(broken).await;
    let own = json!({ "retry_schedule": ["1h", "1h", "1h", "1h"] });
    let webhook = daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(viewed(1)).await;
    for (made, is_paused) in [(1, true), (2, false)] {
        daemon.attempted(made).await;
        daemon.change(&webhook, json!({ "paused": is_paused })).await;
        daemon.change(&webhook, json!({ "paused": false })).await;
        assert!(daemon.webhook_now(&webhook).await["failing_since"].is_null() || !is_paused);
        daemon.advance(Duration::from_secs(4_200));
    }
    daemon.attempted(3).await;
    // Two hours and twenty minutes after the first failure, but not of one failure.
    assert_eq!(daemon.webhook_now(&webhook).await["enabled"], true);
    daemon.advance(Duration::from_secs(4_200));
    daemon.attempted(4).await;
    eventually("the webhook is disabled", async || {
        (daemon.webhook_now(&webhook).await["disabled_reason"] == "failing").then_some(())
    })
    .await;
}
