//! Merging people: who stays, what they take, where the others' ids lead.

use serde_json::{Value, json};

use super::calls::{attributes_of, change, make};
use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, eventually};

const SOURCES: &str = "/data/relationships/profiles/data";

fn merging(into: &str, sources: &[&str]) -> Ask {
    let sources: Vec<Value> =
        sources.iter().map(|id| json!({ "type": "profile", "id": id })).collect();
    let body = json!({ "data": {
        "type": "profile-merge", "id": into, "relationships": { "profiles": { "data": sources } },
    } });
    Ask::post("/api/profile-merge", body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_become_one() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &["event:klaviyo.merged_profile"]).await;
    let ann = make(&daemon, json!({ "email": "ann@example.org", "first_name": "Ann" })).await;
    let old = make(
        &daemon,
        json!({ "email": "old@example.org", "phone_number": "+15005550006",
            "first_name": "Anna", "last_name": "B", "properties": { "plan": "pro" } }),
    )
    .await;
    daemon.event(Event::of("Seen").about(json!({ "email": "old@example.org" })).unique("1")).await;
    let merged = daemon.ask(merging(&ann, &[&old])).await.expect(201);
    let link = format!("{}/api/profiles/{ann}/", daemon.base());
    assert_eq!(
        merged["data"],
        json!({ "type": "profile", "id": ann, "links": { "self": link } }),
        "who stays, by the id alone"
    );
    let shown = attributes_of(&daemon, &ann).await;
    assert_eq!((&shown["email"], &shown["first_name"]), (&"ann@example.org".into(), &"Ann".into()));
    assert_eq!(
        (&shown["phone_number"], &shown["last_name"]),
        (&"+15005550006".into(), &"B".into())
    );
    assert_eq!(shown["properties"], json!({ "plan": "pro" }));
    assert_eq!(shown["last_event_date"], "2026-09-04T13:38:55+00:00", "the history comes along");
    let gone = daemon.ask(Ask::get(&format!("/api/profiles/{old}"))).await.refused(404);
    assert!(gone["detail"].to_text().contains(&ann), "{gone}");
    let by_patch = Ask::patch(
        &format!("/api/profiles/{old}"),
        json!({ "data": { "type": "profile", "attributes": {} } }),
    );
    daemon.ask(by_patch).await.refused(404);
    // Both of the others' ways lead to the one who stays.
    daemon.event(Event::of("Seen").profile(&old).about(json!({ "title": "Dr" })).unique("2")).await;
    assert_eq!(attributes_of(&daemon, &ann).await["title"], "Dr");
    let by_mail = json!({ "email": "OLD@example.org", "organization": "O" });
    daemon.event(Event::of("Seen").about(by_mail).unique("3")).await;
    let shown = attributes_of(&daemon, &ann).await;
    assert_eq!((&shown["organization"], &shown["email"]), (&"O".into(), &"ann@example.org".into()));
    let delivered =
        eventually("the event arrives", async || receiver.recorded().first().map(|one| one.json()))
            .await;
    let event = &delivered["data"][0]["payload"]["data"];
    assert_eq!(event["relationships"]["profile"]["data"]["id"], ann);
    assert_eq!(event["attributes"]["event_properties"]["merged_profile_ids"], json!([old]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_not_be_merged_is_named() {
    let daemon = Daemon::start().await;
    let ann = make(&daemon, json!({ "external_id": "ann" })).await;
    let bob = make(&daemon, json!({ "external_id": "bob" })).await;
    let eve = make(&daemon, json!({ "external_id": "eve" })).await;
    let stranger = "01KP4EGHH8QJ3N3AY2Z6V7RMDK";
    for (into, sources, status, pointer) in [
        (ann.as_str(), &[ann.as_str()][..], 400, format!("{SOURCES}/0/id")),
        (&ann, &[&bob, &bob], 400, format!("{SOURCES}/1/id")),
        (&ann, &[], 400, SOURCES.to_owned()),
        (&ann, &["x"], 400, format!("{SOURCES}/0/id")),
        ("x", &[&bob], 400, "/data/id".to_owned()),
        (stranger, &[&bob], 404, "/data/id".to_owned()),
        (&ann, &[&bob, stranger], 404, format!("{SOURCES}/1/id")),
    ] {
        let refused = daemon.ask(merging(into, sources)).await.refused(status);
        assert_eq!(refused["source"]["pointer"], pointer, "{into} {sources:?}");
    }
    assert_eq!(attributes_of(&daemon, &bob).await["external_id"], "bob", "nothing was done");
    daemon.ask(merging(&ann, &[&bob])).await.expect(201);
    let refused = daemon.ask(merging(&eve, &[&bob])).await.refused(404);
    assert!(refused["detail"].to_text().contains(&ann), "{refused}");
    assert_eq!(refused["source"]["pointer"], format!("{SOURCES}/0/id"));
    let refused = daemon.ask(merging(&bob, &[&eve])).await.refused(404);
    assert_eq!(refused["source"]["pointer"], "/data/id");
    // Over a restart, and along a chain.
    let mut daemon = daemon;
    daemon.ask(merging(&eve, &[&ann])).await.expect(201);
    daemon.restart().await;
    daemon.event(Event::of("Seen").profile(&bob).about(json!({ "title": "Dr" }))).await;
    assert_eq!(attributes_of(&daemon, &eve).await["title"], "Dr");
    let other = json!({ "patch_identifiers": { "unappend": { "external_id": ["ann", "bob"] } } });
    change(&daemon, &eve, json!({}), other).await;
    make(&daemon, json!({ "external_id": "bob" })).await;
}
