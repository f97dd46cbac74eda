//! What a receiver gets: the contract's body and headers (wire.md §1.1), signed, once, and with
//! the producer's bytes unchanged (invariant 11).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::harness::{
    Ask, Daemon, Event, Receiver, Recorded, SECRET, ToText as _, assert_signed, bulk, eventually,
};

const TOPIC: &str = "event:api.viewed_product";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Delivered<'a> {
    #[serde(borrow)]
    data: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    payload: Document<'a>,
}

/// The event of a delivery, byte for byte.
fn payload(delivered: &Recorded) -> String {
    let Delivered { data } = serde_json::from_slice(&delivered.body).expect("it is a delivery");
    data[0].payload.data.get().to_owned()
}

/// The event as the API shows it, byte for byte.
async fn shown(daemon: &Daemon, event: &str) -> String {
    let answer = daemon.ask(Ask::get(&format!("/api/events/{event}"))).await;
    answer.expect(200);
    serde_json::from_str::<Document>(&answer.body).expect("it is a document").data.get().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_posted_is_delivered_as_the_contract_has_it() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = Event::of("Viewed Product")
        .properties(r#"{"Brand":"X"}"#)
        .unique("order-1")
        .with("time", r#""2026-02-07T01:00:00+01:00""#)
        .with("value", "9.990")
        .with("value_currency", r#""USD""#);
    daemon.event(event).await;

    let delivered = receiver.received(1).await.remove(0);
    assert_eq!((delivered.method.as_str(), delivered.path.as_str()), ("POST", "/hook"));
    assert_eq!(delivered.header("content-type"), "application/json");
    assert_eq!(delivered.header("user-agent"), concat!("tidings/", env!("CARGO_PKG_VERSION")));
    assert_eq!(delivered.header("Klaviyo-Webhook-Id"), webhook);
    assert_eq!(delivered.header("Klaviyo-Timestamp"), "Fri, 04 Sep 2026 13:38:55 GMT");
    assert_eq!(delivered.header("webhook-timestamp"), "1788529135");
    assert_signed(&delivered, SECRET);

    let body = delivered.json();
    let account = daemon.get("/api/accounts").await["data"][0]["id"].to_text();
    assert_eq!(
        body["meta"],
        json!({
            "timestamp": "2026-09-04T13:38:55.000000+00:00", "klaviyo_webhook_id": webhook,
            "klaviyo_account_id": account, "version": "2026-07-15",
        })
    );
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().expect("it is an object").keys().cloned().collect()
    };
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(keys(&body), named(&["data", "meta"]));
    let item = &body["data"][0];
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(keys(item), named(&["external_id", "payload", "topic"]));
    assert_eq!(item["topic"], TOPIC);
    let resource = &item["payload"]["data"];
    assert_eq!(keys(resource), named(&["attributes", "id", "links", "relationships", "type"]));
    assert_eq!(resource["id"], item["external_id"]);
    assert_eq!(
        keys(&resource["attributes"]),
        named(&["datetime", "event_properties", "timestamp", "uuid"])
    );
    assert_eq!(resource["attributes"]["timestamp"], 1_770_422_400);
    assert_eq!(resource["attributes"]["datetime"], "2026-02-07T00:00:00+00:00");
    let id = delivered.event();
    assert_eq!(
        resource["relationships"]["metric"]["links"]["related"],
        format!("{}/api/events/{id}/metric/", daemon.base())
    );
    assert_eq!(payload(&delivered), shown(&daemon, &id).await, "a read shows the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn properties_pass_byte_for_byte_through_store_read_and_delivery() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let long = "ü".repeat(40_000);
    let bodies = [
        r#"{ "z" : 12345678901234567890123456789 ,"a":1.10,"m":-0.0,"e":1E+2 "#.to_owned(),
        "{\"b\":1,\n\t\"a\" : [ 1 ,2 ],\r\n \"nested\":{\"z\":{},\"a\":[]}".to_owned(),
        r#"{"é":"\u00e9","emoji":"😀","pair":"\ud83d\ude00","esc":"\/\"\\\u0000""#.to_owned(),
        format!(r#"{{"long":"{long}""#),
    ];
    for (place, open) in bodies.iter().enumerate() {
        let event = Event::of("Viewed Product").properties(&format!("{open}}}"));
        daemon.event(event.unique(&format!("u-{place}"))).await;
    }
    daemon.settled(bodies.len(), "delivered").await;
    for delivered in receiver.received(bodies.len()).await {
        let unique_id = delivered.unique_id();
        let place: usize = unique_id.trim_start_matches("u-").parse().unwrap();
        let expected =
            format!(r#""event_properties":{},"$event_id":"{unique_id}"}}"#, bodies[place]);
        let (sent, read) = (payload(&delivered), shown(&daemon, &delivered.event()).await);
        assert!(sent.contains(&expected), "{sent}");
        assert_eq!(sent, read);
        assert_signed(&delivered, SECRET);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_once_when_lanes_overflow() {
    const EVENTS: usize = 5_000;
    let daemon = Daemon::start_with(|config| config.delivery.concurrency = 3).await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    for receiver in [&slow, &quick] {
        daemon.webhook(&receiver.url(), &[TOPIC]).await;
    }
    // One receiver takes nothing while all of it comes in; one scan then serves two lanes that
    // have got to different places.
    slow.hold();
    for first in (0..EVENTS).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000)
            .map(|number| Event::of("Viewed Product").unique(&number.to_string()))
            .collect();
        daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
    }
    eventually("half of it arrives at one", async || (quick.count() > EVENTS / 2).then_some(()))
        .await;
    slow.release();
    let mut messages = BTreeSet::new();
    for receiver in [&slow, &quick] {
        // In parts, each with a patience of its own: a slow host needs longer for all.
        for part in (1_000..EVENTS).step_by(1_000) {
            let what = format!("{part} of {EVENTS} arrive");
            eventually(&what, async || (receiver.count() >= part).then_some(())).await;
        }
        let received = receiver.received(EVENTS).await;
        let ids: BTreeSet<String> = received.iter().map(Recorded::unique_id).collect();
        assert_eq!(ids.len(), EVENTS, "each event once");
        messages.extend(received.iter().map(|one| one.header("webhook-id").to_owned()));
    }
    assert_eq!(messages.len(), 2 * EVENTS, "each message id once");
    daemon.settled(0, "scheduled").await;
    assert_eq!([slow.count(), quick.count()], [EVENTS; 2], "and nothing came afterwards");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_delivery_says_that_it_is_one() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let path = format!("/api/webhooks/{webhook}/test");
    let tested = daemon.ask(Ask::new("POST", &path)).await.expect(200);
    assert_eq!(tested["data"]["attributes"]["is_sample"], true);
    let delivered = receiver.received(1).await.remove(0);
    assert_signed(&delivered, SECRET);
    assert_eq!(delivered.header("webhook-id"), tested["data"]["id"]);
    let item = &delivered.json()["data"][0];
    assert_eq!(item["topic"], TOPIC);
    assert_eq!(item["payload"]["data"]["attributes"]["event_properties"]["test"], true);
    let missing = daemon.ask(Ask::get(&format!("/api/events/{}", delivered.event()))).await;
    missing.refused(404);
    assert!(daemon.deliveries("").await.is_empty(), "a test is no delivery");
}
