//! What a replay can not be, how many there can be, and what ends one that can not go on.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings::id::ProfileId;
use tidings::limits::{REPLAYS_KEPT_MAX, REPLAYS_UNFINISHED_MAX};
use tidings::server::STORE_FILE;
use tidings::store::{Row, Store, Table, Tx};

use super::{FROM, TOPIC, cancel, created, document, once, record, scheduled, shown};
use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _};

/// A row that tidings can not have written.
#[derive(Serialize, Deserialize)]
struct Strange(u8);

impl Row for Strange {
    const SCHEMA: u8 = 99;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_can_not_be_read_fails_its_replay_and_no_other() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(Event::of("Viewed Product")).await;
    daemon.settled(1, "delivered").await;
    let event = daemon.get(&format!("/api/events/{event}")).await;
    let person = event["data"]["relationships"]["profile"]["data"]["id"].to_text();
    daemon.stop().await;
    let file = daemon.config().data_dir.join(STORE_FILE);
    let (store, writer) =
        Store::open(&file, 1024 * 1024, daemon.clock().clone()).expect("it is there");
    let person: ProfileId = person.parse().expect("it is the id of a profile");
    let spoil = move |tx: &mut Tx<'_, '_>| {
        tx.put(&Table::<ProfileId, Strange>::new("profiles"), &person, &Strange(7))
    };
    store.commit(spoil).await.expect("it is a row");
    drop(store);
    writer.join().expect("it was not used otherwise");
    daemon.restart().await;

    let about_people = json!({ "condition_groups": [{ "conditions": [{
        "type": "profile-property", "property": "email",
        "filter": { "type": "existence", "operator": "is-set" } }] }] });
    let more = json!({ "states": ["delivered"], "filter": about_people });
    let failing = created(&daemon, &webhook, more).await;
    let failed = once(&daemon, &failing, "failed").await;
    assert!(failed["failure"].to_text().contains("profiles"), "{failed}");
    assert!(failed["finished_at"].is_string());
    cancel(&daemon, &failing).await.refused(409);
    let other = created(&daemon, &webhook, json!({ "states": ["delivered"] })).await;
    once(&daemon, &other, "completed").await;
    receiver.received(2).await;
    daemon.settled(2, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replay_can_not_be_is_refused_at_its_field() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 1).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let at = |name: &str| format!("/data/attributes/{name}");
    let cases = [
        (json!({ "from": "yesterday" }), at("from")),
        (json!({ "from": null }), at("from")),
        (json!({ "from": "2026-09-05T00:00:00Z" }), at("from")),
        (json!({ "to": FROM }), at("from")),
        (json!({ "to": "2026-09-04" }), at("to")),
        (json!({ "topics": [] }), at("topics")),
        (json!({ "topics": [TOPIC, "event:api.viewed_produkt"] }), at("topics/1")),
        (json!({ "states": [] }), at("states")),
        (json!({ "states": ["never", "scheduled"] }), at("states/1")),
        (json!({ "filter": {} }), at("filter/condition_groups")),
        (json!({ "rate_per_second": 0 }), at("rate_per_second")),
        (json!({ "rate_per_second": 10_001 }), at("rate_per_second")),
        (json!({ "name": " " }), at("name")),
        (json!({ "speed": 1 }), at("speed")),
    ];
    for (more, pointer) in cases {
        for path in ["/api/replays", "/api/replay-previews"] {
            let body = document(&webhook, more.clone());
            let refused = daemon.ask(Ask::post(path, body)).await.refused(400);
            assert_eq!(refused["source"]["pointer"], pointer, "{refused}");
        }
    }
    let slip = document(&webhook, json!({ "topics": ["event:api.viewed_produkt"] }));
    let refused = daemon.ask(Ask::post("/api/replays", slip)).await.refused(400);
    assert!(refused["detail"].to_text().contains(&format!("did you mean `{TOPIC}`?")));
    for (pointer, value, expected) in [
        ("/data/type", "webhook", "/data/type"),
        ("/data/relationships/webhook/data/type", "event", "/data/relationships/webhook/data/type"),
        ("/data/relationships/webhook/data/id", "x", "/data/relationships/webhook/data/id"),
    ] {
        let mut body = document(&webhook, json!({}));
        *body.pointer_mut(pointer).expect("it is there") = value.into();
        let refused = daemon.ask(Ask::post("/api/replays", body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], expected);
    }
    let none = daemon.get("/api/replays").await;
    assert_eq!(none["data"], json!([]));

    let reader = daemon.make_key(&["deliveries:read", "events:read"]).await;
    let ask = |path| Ask::post(path, document(&webhook, json!({}))).key(&reader);
    daemon.send(ask("/api/replay-previews")).await.expect(200);
    daemon.send(ask("/api/replays")).await.refused(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_an_end_to_how_many_are_not_finished_and_how_many_are_kept() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    record(&daemon, "Viewed Product", 2).await;
    // Each schedules one of its two events, and then waits for time to move.
    let mut unfinished = Vec::new();
    let mut webhook = String::new();
    for _ in 0..REPLAYS_UNFINISHED_MAX {
        webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
        unfinished.push(created(&daemon, &webhook, json!({ "rate_per_second": 1 })).await);
    }
    let one_more = Ask::post("/api/replays", document(&webhook, json!({})));
    let refused = daemon.ask(one_more.clone()).await.refused(409);
    assert!(refused["detail"].to_text().contains("100 replays"), "{refused}");
    for id in &unfinished {
        scheduled(&daemon, id, 1).await;
    }
    cancel(&daemon, &unfinished[0]).await.expect(200);
    let of_nothing = json!({ "to": "2026-09-04T13:00:00Z" });
    for _ in 0..REPLAYS_KEPT_MAX {
        let id = created(&daemon, &webhook, of_nothing.clone()).await;
        once(&daemon, &id, "completed").await;
    }
    let path = format!("/api/replays/{}", unfinished[0]);
    daemon.ask(Ask::get(&path)).await.expect(200);
    created(&daemon, &webhook, of_nothing).await;
    daemon.ask(Ask::get(&path)).await.refused(404);
    assert_eq!(shown(&daemon, &unfinished[1]).await["status"], "running", "these are not dropped");
}
