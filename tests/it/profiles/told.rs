//! Changes of people are events of tidings' own: of whatever caused them, to whoever asks, and no
//! further ones follow.

use serde_json::{Value, json};

use super::calls::{change, make, person};
use crate::harness::{Ask, Daemon, Event, Receiver, Recorded, ToText as _, bulk, eventually};

const CREATED: &str = "event:tidings.profile_created";
const UPDATED: &str = "event:tidings.profile_updated";

/// What arrived, in order: topic, person, properties without those that every event has.
fn told(receiver: &Receiver) -> Vec<(String, String, Value)> {
    let items = receiver
        .recorded()
        .into_iter()
        .flat_map(|one: Recorded| one.json()["data"].as_array().expect("data is a list").clone());
    items
        .map(|item| {
            let event = &item["payload"]["data"];
            let mut properties = event["attributes"]["event_properties"].clone();
            properties.as_object_mut().expect("they are an object").remove("$event_id");
            let person = event["relationships"]["profile"]["data"]["id"].to_text();
            (item["topic"].to_text(), person, properties)
        })
        .collect()
}

async fn told_of(receiver: &Receiver, count: usize) -> Vec<(String, String, Value)> {
    let mut all = eventually(&format!("{count} are told"), async || {
        Some(told(receiver)).filter(|all| all.len() >= count)
    })
    .await;
    all.sort_by(|a, b| (&a.0, &a.2.to_string()).cmp(&(&b.0, &b.2.to_string())));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_told_with_the_names_of_what_changed() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &[CREATED, UPDATED]).await;
    let ann = make(&daemon, json!({ "email": "ann@example.org", "external_id": "ann" })).await;
    let about =
        json!({ "email": "ann@example.org", "title": "Dr", "properties": { "b": 1, "a": 1 } });
    daemon.event(Event::of("Seen").about(about.clone()).unique("1")).await;
    // Nothing changes: nothing is told.
    daemon.event(Event::of("Seen").about(about).unique("2")).await;
    let gone = json!({ "patch_properties": { "unset": "a" } });
    change(&daemon, &ann, json!({ "location": { "city": "Bonn" } }), gone.clone()).await;
    change(&daemon, &ann, json!({ "location": { "city": "Bonn" } }), gone).await;
    let import = person(json!({ "external_id": "ann", "first_name": "A" }));
    daemon.ask(Ask::post("/api/profile-import", import)).await.expect(200);
    let some = [
        Event::of("Seen").about(json!({ "anonymous_id": "c", "title": "X" })).unique("3"),
        Event::of("Seen").about(json!({ "anonymous_id": "c", "title": "Y" })).unique("4"),
    ];
    daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&some))).await.expect(202);
    let all = told_of(&receiver, 6).await;
    let cookie = all[0].1.clone();
    let expected = [
        (CREATED, &cookie, json!({ "identifiers": ["anonymous_id"] })),
        (CREATED, &ann, json!({ "identifiers": ["email", "external_id"] })),
        (UPDATED, &ann, json!({ "changed": ["first_name"] })),
        (UPDATED, &ann, json!({ "changed": ["location.city", "properties.a"] })),
        (UPDATED, &ann, json!({ "changed": ["properties.a", "properties.b", "title"] })),
        (UPDATED, &cookie, json!({ "changed": ["title"] })),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(topic, of, properties)| (topic.to_owned(), of.clone(), properties))
        .collect();
    assert_eq!(all, expected);
    // A merge is told by what the one who stays took.
    let body = json!({ "data": { "type": "profile-merge", "id": ann,
        "relationships": { "profiles": { "data": [{ "type": "profile", "id": cookie }] } } } });
    daemon.ask(Ask::post("/api/profile-merge", body)).await.expect(201);
    let all = told_of(&receiver, 7).await;
    let merged = (UPDATED.to_owned(), ann, json!({ "changed": ["anonymous_id"] }));
    assert!(all.contains(&merged), "{all:?}");
    assert_eq!(all.len(), 7, "of events about changes, no further ones");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_would_hear_is_not_recorded() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &["event:api.seen"]).await;
    daemon.event(Event::of("Seen")).await;
    let webhook = daemon.webhook(&receiver.url(), &[CREATED]).await;
    make(&daemon, json!({ "email": "new@example.org" })).await;
    let all = told_of(&receiver, 2).await;
    assert_eq!(all.iter().filter(|(topic, ..)| topic == CREATED).count(), 1);
    // They are deliveries like others: one that fails for good is announced.
    let shown = &daemon.deliveries(&format!("equals(webhook_id,'{webhook}')")).await[0];
    assert_eq!(shown["attributes"]["source"], "event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_segment_counts_is_recorded_without_a_webhook() {
    let daemon = Daemon::start().await;
    let metrics = daemon.get("/api/metrics").await;
    let named = |metric: &&Value| metric["attributes"]["name"] == "Profile Created";
    let created = metrics["data"].as_array().and_then(|all| all.iter().find(named));
    let created = created.expect("it is seeded")["id"].to_text();
    let of_it = format!("/api/events?filter=equals(metric_id,%22{created}%22)");
    make(&daemon, json!({ "email": "one@example.org" })).await;
    assert_eq!(daemon.get(&of_it).await["data"], json!([]));
    let definition = json!({ "condition_groups": [{ "conditions": [{
        "type": "profile-metric", "metric_id": created, "measurement": "count",
        "measurement_filter": { "type": "numeric", "operator": "greater-than", "value": 0 },
        "timeframe_filter": { "type": "date", "operator": "alltime" },
    }] }] });
    let segment = json!({ "data": { "type": "segment", "attributes": {
        "name": "New", "definition": definition,
    } } });
    daemon.ask(Ask::post("/api/segments", segment)).await.expect(201);
    make(&daemon, json!({ "email": "two@example.org" })).await;
    let recorded = daemon.get(&of_it).await;
    assert_eq!(recorded["data"].as_array().map(Vec::len), Some(1));
}
