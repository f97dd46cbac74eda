//! Replays: events of the past, sent to a webhook by a job that can be watched, held and ended,
//! and that neither loses nor doubles.

mod bounds;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Ask, Daemon, Event, Receiver, Recorded, Reply, SECRET, ToText as _, assert_signed, bulk,
    eventually, webhook_patch,
};

const TOPIC: &str = "event:api.viewed_product";
const SECOND: Duration = Duration::from_secs(1);
/// Before everything that a test records.
const FROM: &str = "2026-09-04T00:00:00Z";

/// The body of `POST /api/replays`, with more attributes.
fn document(webhook: &str, more: Value) -> Value {
    let mut attributes = json!({ "from": FROM });
    for (name, value) in more.as_object().expect("attributes are an object") {
        attributes[name] = value.clone();
    }
    json!({ "data": {
        "type": "replay",
        "attributes": attributes,
        "relationships": { "webhook": { "data": { "type": "webhook", "id": webhook } } },
    } })
}

async fn created(daemon: &Daemon, webhook: &str, more: Value) -> String {
    let made = daemon.ask(Ask::post("/api/replays", document(webhook, more))).await.expect(202);
    assert_eq!(made["data"]["attributes"]["status"], "running");
    made["data"]["id"].to_text()
}

async fn previewed(daemon: &Daemon, webhook: &str, more: Value) -> Value {
    let ask = Ask::post("/api/replay-previews", document(webhook, more));
    let found = daemon.ask(ask).await.expect(200);
    assert_eq!(found["data"]["type"], "replay-preview");
    assert_eq!(found["data"]["attributes"]["is_complete"], true);
    found["data"]["attributes"].clone()
}

async fn shown(daemon: &Daemon, id: &str) -> Value {
    daemon.get(&format!("/api/replays/{id}")).await["data"]["attributes"].clone()
}

/// The replay once it has this status.
async fn once(daemon: &Daemon, id: &str, status: &str) -> Value {
    eventually(&format!("the replay is {status}"), async || {
        let replay = shown(daemon, id).await;
        (replay["status"] == status).then_some(replay)
    })
    .await
}

/// Waits until the replay has scheduled so many; it must not have scheduled more.
async fn scheduled(daemon: &Daemon, id: &str, count: u64) {
    let found = eventually(&format!("{count} are scheduled"), async || {
        let found = shown(daemon, id).await["scheduled_count"].as_u64();
        found.filter(|found| *found >= count)
    })
    .await;
    assert_eq!(found, count, "more were scheduled than the rate allows");
}

async fn ask_status(daemon: &Daemon, id: &str, status: &str) -> crate::harness::Answer {
    let body =
        json!({ "data": { "type": "replay", "id": id, "attributes": { "status": status } } });
    daemon.ask(Ask::patch(&format!("/api/replays/{id}"), body)).await
}

async fn cancel(daemon: &Daemon, id: &str) -> crate::harness::Answer {
    daemon.ask(Ask::new("POST", &format!("/api/replays/{id}/cancel"))).await
}

/// Records events of one metric, whose unique ids are their places.
async fn record(daemon: &Daemon, metric: &str, count: usize) {
    let events: Vec<_> =
        (0..count).map(|number| Event::of(metric).unique(&number.to_string())).collect();
    daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
}

fn message_ids(recorded: &[Recorded]) -> BTreeSet<String> {
    recorded.iter().map(|one| one.header("webhook-id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_gets_the_events_from_before_its_time_in_order_and_signed() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 20).await;
    record(&daemon, "Placed Order", 3).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let one_by_one = webhook_patch(&webhook, json!({ "concurrency": 1 }));
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), one_by_one)).await.expect(200);
    let preview = previewed(&daemon, &webhook, json!({})).await;
    assert_eq!((&preview["event_count"], &preview["delivery_count"]), (&json!(20), &json!(20)));
    assert_eq!(
        (&preview["by_state"]["never"], &preview["scanned_events"]),
        (&json!(20), &json!(23))
    );
    assert_eq!(preview["oldest"], "2026-09-04T13:38:55.000000+00:00");
    assert!(daemon.deliveries("").await.is_empty(), "a preview changes nothing");

    let id = created(&daemon, &webhook, json!({ "name": "hello" })).await;
    let received = receiver.received(20).await;
    let order: Vec<_> = received.iter().map(Recorded::unique_id).collect();
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(order, expected);
    received.iter().for_each(|one| assert_signed(one, SECRET));
    daemon.settled(20, "delivered").await;
    assert!(daemon.deliveries("").await.iter().all(|one| one["attributes"]["source"] == "replay"));

    let done = once(&daemon, &id, "completed").await;
    for (name, expected) in [
        ("scanned_count", json!(23)),
        ("matched_count", json!(20)),
        ("scheduled_count", preview["delivery_count"].clone()),
        ("skipped_count", json!(0)),
        ("progress", json!(1.0)),
        ("name", json!("hello")),
        ("topics", json!([TOPIC])),
        ("states", json!(["never", "exhausted", "cancelled", "parked"])),
        ("filter", Value::Null),
        ("failure", Value::Null),
        ("rate_per_second", json!(100)),
        ("cursor_time", json!("2026-09-04T13:38:55.000000+00:00")),
    ] {
        assert_eq!(done[name], expected, "{name}");
    }
    assert!(done["finished_at"].is_string());
    let again = previewed(&daemon, &webhook, json!({})).await;
    assert_eq!(
        (&again["delivery_count"], &again["by_state"]["delivered"]),
        (&json!(0), &json!(20))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_an_event_decides_whether_and_how_it_is_sent_again() {
    let daemon = Daemon::start_with(|config| config.delivery.retry_schedule = Vec::new()).await;
    let receiver = Receiver::scripted([Reply::Status(200), Reply::Status(500)]).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product").unique("taken")).await;
    let taken = receiver.received(1).await[0].header("webhook-id").to_owned();
    daemon.event(Event::of("Viewed Product").unique("refused")).await;
    let refused = receiver.received(2).await[1].header("webhook-id").to_owned();
    daemon.settled(1, "exhausted").await;

    let preview = previewed(&daemon, &webhook, json!({})).await;
    assert_eq!(
        preview["by_state"],
        json!({ "never": 0, "exhausted": 1, "cancelled": 0, "parked": 0, "delivered": 1,
            "scheduled": 0 })
    );
    assert_eq!(preview["delivery_count"], 1);
    let nothing = previewed(&daemon, &webhook, json!({ "states": ["never", "parked"] })).await;
    assert_eq!((&nothing["event_count"], &nothing["delivery_count"]), (&json!(2), &json!(0)));

    let first = created(&daemon, &webhook, json!({})).await;
    let again = receiver.received(3).await.remove(2);
    assert_eq!((again.unique_id(), again.header("webhook-id")), ("refused".into(), &*refused));
    once(&daemon, &first, "completed").await;
    daemon.settled(2, "delivered").await;

    let second = created(&daemon, &webhook, json!({ "states": ["delivered"] })).await;
    let received = receiver.received(5).await;
    let all = message_ids(&received);
    assert_eq!(all.len(), 4, "both have a new message id");
    assert!(all.contains(&taken) && all.contains(&refused));
    let done = once(&daemon, &second, "completed").await;
    assert_eq!((&done["matched_count"], &done["scheduled_count"]), (&json!(2), &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_filter_and_range_choose_and_come_from_the_webhook_where_nothing_is_said() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    for (metric, brand) in [("Viewed Product", "X"), ("Viewed Product", "Y"), ("Bought", "X")] {
        let properties = json!({ "Brand": brand }).to_string();
        daemon.event(Event::of(metric).unique(brand).properties(&properties)).await;
        daemon.advance(SECOND * 60);
    }
    let brand = |brand: &str| {
        json!({ "condition_groups": [{ "conditions": [{ "type": "metric-property",
            "field": "Brand",
            "filter": { "type": "string", "operator": "equals", "value": brand } }] }] })
    };
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let own = webhook_patch(&webhook, json!({ "filter": brand("X") }));
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), own)).await.expect(200);
    let bought = "event:api.bought";
    for (more, expected) in [
        (json!({}), 1),
        (json!({ "filter": null }), 2),
        (json!({ "filter": brand("Y") }), 1),
        (json!({ "topics": [bought, TOPIC, bought] }), 2),
        (json!({ "topics": [bought, TOPIC], "filter": null }), 3),
        (json!({ "filter": null, "from": "2026-09-04T13:39:55Z" }), 1),
        (json!({ "filter": null, "to": "2026-09-04T13:39:54Z" }), 1),
        (json!({ "filter": null, "to": "2026-09-04T13:39:55Z" }), 2),
        (json!({ "to": "2026-09-04T13:00:00Z" }), 0),
        (json!({ "to": "2099-01-01T00:00:00Z" }), 1),
    ] {
        let preview = previewed(&daemon, &webhook, more.clone()).await;
        assert_eq!(preview["delivery_count"], expected, "{more}");
    }
    // A webhook that changes afterwards does not change what its replay wants.
    let more = json!({ "topics": [bought, TOPIC], "rate_per_second": 1 });
    let id = created(&daemon, &webhook, more).await;
    scheduled(&daemon, &id, 1).await;
    let none = webhook_patch(&webhook, json!({ "filter": brand("Z") }));
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), none)).await.expect(200);
    daemon.advance(SECOND);
    let done = once(&daemon, &id, "completed").await;
    assert_eq!((&done["filter"], &done["topics"]), (&brand("X"), &json!([bought, TOPIC])));
    let received = receiver.received(2).await;
    assert!(received.iter().all(|one| one.unique_id() == "X"));
    let empty = created(&daemon, &webhook, json!({ "to": "2026-09-04T13:00:00Z" })).await;
    let done = once(&daemon, &empty, "completed").await;
    assert_eq!((&done["scanned_count"], &done["progress"]), (&json!(0), &json!(1.0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_schedules_no_more_than_the_rate_and_replays_run_side_by_side() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 25).await;
    let slow = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let slow = created(&daemon, &slow, json!({ "rate_per_second": 10 })).await;
    scheduled(&daemon, &slow, 10).await;
    receiver.received(10).await;
    // Another one is not held up, and shows that the loop has been round since.
    let quick = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let quick = created(&daemon, &quick, json!({ "rate_per_second": 10_000 })).await;
    once(&daemon, &quick, "completed").await;
    scheduled(&daemon, &slow, 10).await;
    let half = shown(&daemon, &slow).await["progress"].as_f64().expect("it is a number");
    assert!((half - 0.4).abs() < 1e-9, "{half}");
    daemon.advance(SECOND / 2);
    daemon.advance(SECOND / 2);
    scheduled(&daemon, &slow, 20).await;
    receiver.received(45).await;
    // Time that passed unused is not made up for.
    daemon.advance(SECOND * 10);
    once(&daemon, &slow, "completed").await;
    receiver.received(50).await;
    let listed = daemon.get("/api/replays?page[size]=1").await;
    assert_eq!(listed["data"][0]["id"], quick, "newest first");
    let next = listed["links"]["next"].to_text().replace(&daemon.base(), "");
    let listed = daemon.get(&next).await;
    assert_eq!((&listed["data"][0]["id"], &listed["links"]["next"]), (&json!(slow), &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_paused_resumed_and_cancelled() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 5).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let id = created(&daemon, &webhook, json!({ "rate_per_second": 1 })).await;
    scheduled(&daemon, &id, 1).await;
    for _ in 0..2 {
        let paused = ask_status(&daemon, &id, "paused").await.expect(200);
        assert_eq!(paused["data"]["attributes"]["status"], "paused");
    }
    daemon.advance(SECOND * 5);
    let other = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let other = created(&daemon, &other, json!({})).await;
    once(&daemon, &other, "completed").await;
    scheduled(&daemon, &id, 1).await;

    ask_status(&daemon, &id, "running").await.expect(200);
    scheduled(&daemon, &id, 2).await;
    let cancelled = cancel(&daemon, &id).await.expect(200)["data"]["attributes"].clone();
    assert_eq!(
        (&cancelled["status"], &cancelled["scheduled_count"]),
        (&json!("cancelled"), &json!(2))
    );
    assert!(cancelled["finished_at"].is_string());
    cancel(&daemon, &id).await.expect(200);
    let refused = ask_status(&daemon, &id, "running").await.refused(409);
    assert!(refused["detail"].to_text().contains("cancelled for good"), "{refused}");
    cancel(&daemon, &other).await.refused(409);
    daemon.advance(SECOND);
    receiver.received(7).await;
    daemon.settled(7, "delivered").await;
    let missing = "01KP4928STE8FKCWB6WDHZ4ZB7";
    cancel(&daemon, missing).await.refused(404);
    ask_status(&daemon, missing, "paused").await.refused(404);
    let refused = ask_status(&daemon, &id, "completed").await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/status");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 30).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let id = created(&daemon, &webhook, json!({ "rate_per_second": 7 })).await;
    for _ in 0..4 {
        daemon.restart().await;
        daemon.advance(SECOND);
    }
    eventually("the replay ends", async || {
        daemon.advance(SECOND);
        (shown(&daemon, &id).await["status"] == "completed").then_some(())
    })
    .await;
    let received = receiver.received(30).await;
    assert_eq!(message_ids(&received).len(), 30);
    let unique: BTreeSet<_> = received.iter().map(Recorded::unique_id).collect();
    assert_eq!(unique.len(), 30, "each event once");
    let done = shown(&daemon, &id).await;
    assert_eq!((&done["scanned_count"], &done["scheduled_count"]), (&json!(30), &json!(30)));
    daemon.restart().await;
    daemon.settled(30, "delivered").await;
    assert_eq!(receiver.count(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_is_left_alone() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    receiver.hold();
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    record(&daemon, "Viewed Product", 3).await;
    let preview = previewed(&daemon, &webhook, json!({ "states": ["delivered", "never"] })).await;
    assert_eq!(
        (&preview["by_state"]["scheduled"], &preview["delivery_count"]),
        (&json!(3), &json!(0))
    );
    let id = created(&daemon, &webhook, json!({ "states": ["delivered", "never"] })).await;
    let done = once(&daemon, &id, "completed").await;
    assert_eq!((&done["skipped_count"], &done["scheduled_count"]), (&json!(3), &json!(0)));
    receiver.release();
    receiver.received(3).await;
    daemon.settled(3, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_failed_is_sent_again_once() {
    let daemon = Daemon::start_with(|config| config.delivery.retry_schedule = Vec::new()).await;
    let receiver = Receiver::scripted([Reply::Status(500)]).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let batch = webhook_patch(&webhook, json!({ "batch": { "max_events": 4 } }));
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), batch)).await.expect(200);
    record(&daemon, "Viewed Product", 4).await;
    daemon.settled(1, "exhausted").await;
    let preview = previewed(&daemon, &webhook, json!({})).await;
    assert_eq!(
        (&preview["by_state"]["exhausted"], &preview["delivery_count"]),
        (&json!(4), &json!(1))
    );
    let id = created(&daemon, &webhook, json!({})).await;
    let done = once(&daemon, &id, "completed").await;
    assert_eq!((&done["scheduled_count"], &done["skipped_count"]), (&json!(1), &json!(3)));
    let received = receiver.received(2).await;
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].json()["data"], received[1].json()["data"]);
    daemon.settled(1, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_off_or_gone_stops_its_replays() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 4).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let id = created(&daemon, &webhook, json!({ "rate_per_second": 1 })).await;
    scheduled(&daemon, &id, 1).await;
    receiver.received(1).await;
    daemon.enable(&webhook, false).await;
    daemon.advance(SECOND);
    let paused = once(&daemon, &id, "paused").await;
    assert!(paused["failure"].to_text().contains("disabled"), "{paused}");
    assert_eq!((&paused["scheduled_count"], &paused["finished_at"]), (&json!(1), &Value::Null));
    ask_status(&daemon, &id, "running").await.refused(409);
    let again = Ask::post("/api/replays", document(&webhook, json!({})));
    daemon.ask(again).await.refused(409);

    daemon.enable(&webhook, true).await;
    ask_status(&daemon, &id, "running").await.expect(200);
    scheduled(&daemon, &id, 2).await;
    assert_eq!(shown(&daemon, &id).await["failure"], Value::Null);
    daemon.ask(Ask::delete(&format!("/api/webhooks/{webhook}"))).await.expect(204);
    daemon.advance(SECOND);
    let cancelled = once(&daemon, &id, "cancelled").await;
    assert!(cancelled["failure"].to_text().contains("deleted"), "{cancelled}");
    let gone = daemon.ask(Ask::post("/api/replays", document(&webhook, json!({})))).await;
    assert_eq!(gone.refused(404)["source"]["pointer"], "/data/relationships/webhook/data/id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_as_the_api_describes_them() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 1).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let id = created(&daemon, &webhook, json!({})).await;
    let described = daemon.get("/openapi.json").await;
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().expect("it is an object").keys().cloned().collect()
    };
    let preview = previewed(&daemon, &webhook, json!({})).await;
    for (shown, schema) in
        [(shown(&daemon, &id).await, "ReplayAttributes"), (preview, "ReplayPreviewAttributes")]
    {
        let properties = &described["components"]["schemas"][schema]["properties"];
        assert_eq!(keys(&shown), keys(properties), "{schema}");
    }
    receiver.received(1).await;
}
