//! Who an event is about: the rules that `tidings::profile` promises, seen from outside. Beneath it:
//! the calls about people, their listing, their lists and segments, and what is told of changes.

mod calls;
mod groups;
mod listing;
mod merging;
mod suppressed;
mod told;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _};

/// A daemon that says which profile each event found.
struct People {
    daemon: Daemon,
    _receiver: Receiver,
    events: usize,
}

impl People {
    async fn new() -> Self {
        let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
        daemon.webhook(&receiver.url(), &["event:api.seen"]).await;
        Self { daemon, _receiver: receiver, events: 0 }
    }

    /// Posts an event and returns the profile as it is afterwards.
    async fn seen(&mut self, event: Event) -> Value {
        self.events += 1;
        let event = self.daemon.recorded(event.unique(&self.events.to_string())).await;
        self.daemon.get(&format!("/api/events/{event}/profile")).await["data"].clone()
    }

    async fn about(&mut self, attributes: Value) -> Value {
        self.seen(Event::of("Seen").about(attributes)).await
    }

    async fn profile(&self, profile: &Value) -> Value {
        let id = profile["id"].to_text();
        self.daemon.get(&format!("/api/profiles/{id}")).await["data"]["attributes"].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_identifier_finds_the_person_and_new_ones_are_added() {
    let mut people = People::new().await;
    let first = people.about(json!({ "email": "Ann@Example.org" })).await;
    let with_phone =
        people.about(json!({ "email": "ann@example.ORG", "phone_number": "+15005550006" })).await;
    assert_eq!(with_phone["id"], first["id"], "e-mail is compared without regard to case");
    let by_phone =
        people.about(json!({ "phone_number": "+15005550006", "external_id": "u1" })).await;
    let by_external = people.about(json!({ "external_id": "u1", "anonymous_id": "c-1" })).await;
    let by_cookie = people.about(json!({ "anonymous_id": "c-1" })).await;
    for found in [&by_phone, &by_external, &by_cookie] {
        assert_eq!(found["id"], first["id"]);
    }
    let shown = &by_cookie["attributes"];
    assert_eq!(shown["phone_number"], "+15005550006");
    assert_eq!((&shown["external_id"], &shown["anonymous_id"]), (&"u1".into(), &"c-1".into()));
    let other = people.about(json!({ "email": "bob@example.org" })).await;
    assert_ne!(other["id"], first["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identifiers_of_two_people_neither_merge_them_nor_move() {
    let mut people = People::new().await;
    let ann = people.about(json!({ "email": "ann@example.org" })).await;
    let bob = people.about(json!({ "external_id": "bob", "phone_number": "+15005550006" })).await;
    assert_ne!(ann["id"], bob["id"]);
    // `external_id` comes before `email` in the order of resolution.
    let both = people.about(json!({ "email": "ann@example.org", "external_id": "bob" })).await;
    assert_eq!(both["id"], bob["id"]);
    assert!(both["attributes"]["email"].is_null(), "the address stays with Ann");
    assert_eq!(people.profile(&ann).await["email"], "ann@example.org");
    // `email` comes before `phone_number`.
    let both =
        people.about(json!({ "email": "ann@example.org", "phone_number": "+15005550006" })).await;
    assert_eq!(both["id"], ann["id"]);
    assert!(both["attributes"]["phone_number"].is_null(), "the number stays with Bob");
    assert_eq!(people.profile(&bob).await["phone_number"], "+15005550006");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identifier_nobody_has_takes_the_place_of_the_old_one() {
    let mut people = People::new().await;
    let ann = people.about(json!({ "external_id": "ann", "email": "old@example.org" })).await;
    let moved = people.about(json!({ "external_id": "ann", "email": "new@example.org" })).await;
    assert_eq!(moved["id"], ann["id"]);
    assert_eq!(moved["attributes"]["email"], "new@example.org");
    let found = people.about(json!({ "email": "new@example.org" })).await;
    assert_eq!(found["id"], ann["id"]);
    let stranger = people.about(json!({ "email": "old@example.org" })).await;
    assert_ne!(stranger["id"], ann["id"], "the old address is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_a_profile_decides_before_everything_else() {
    let mut people = People::new().await;
    let ann = people.about(json!({ "email": "ann@example.org" })).await;
    let bob = people.about(json!({ "email": "bob@example.org" })).await;
    let id = bob["id"].to_text();
    let event = Event::of("Seen").about(json!({ "email": "ann@example.org" })).profile(&id);
    let found = people.seen(event).await;
    assert_eq!(found["id"], bob["id"]);
    assert_eq!(found["attributes"]["email"], "bob@example.org", "Ann's address stays with Ann");
    assert_eq!(people.profile(&ann).await["email"], "ann@example.org");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_and_an_unknown_id_are_refused() {
    let people = People::new().await;
    for (event, pointer) in [
        (
            Event::of("Seen").about(json!({ "first_name": "A" })),
            "/data/attributes/profile/data/attributes",
        ),
        (
            Event::of("Seen").profile("01KP4EGHH8QJ3N3AY2Z6V7RMDK"),
            "/data/attributes/profile/data/id",
        ),
    ] {
        let answer = people.daemon.ask(Ask::post("/api/events", event.document())).await;
        assert_eq!(answer.refused(400)["source"]["pointer"], pointer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_brings_its_person_up_to_date() {
    let mut people = People::new().await;
    let made = people
        .about(json!({
            "email": "ann@example.org", "first_name": "Ann", "title": "Dr",
            "location": { "city": "Bonn", "latitude": 50.7 },
            "properties": { "plan": "free", "tags": ["a"] },
        }))
        .await;
    assert_eq!(made["attributes"]["location"]["city"], "Bonn");
    assert!(made["attributes"]["location"]["country"].is_null(), "every field is shown");
    people.daemon.advance(Duration::from_secs(60));
    let changed = people
        .about(json!({
            "email": "ann@example.org", "first_name": "Anna", "properties": { "plan": "pro" },
        }))
        .await;
    let shown = &changed["attributes"];
    assert_eq!((&shown["first_name"], &shown["title"]), (&"Anna".into(), &"Dr".into()));
    assert_eq!(shown["properties"], json!({ "plan": "pro", "tags": ["a"] }));
    assert_eq!(shown["created"], "2026-09-04T13:38:55+00:00");
    assert_eq!(shown["updated"], "2026-09-04T13:39:55+00:00");
    people.daemon.advance(Duration::from_secs(60));
    let same = people.about(json!({ "email": "ann@example.org", "first_name": "Anna" })).await;
    assert_eq!(same["attributes"]["updated"], shown["updated"], "nothing changed");
}
