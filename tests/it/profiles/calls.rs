//! Making people, bringing them up to date, changing them: what each call answers, and how it
//! refuses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, ToText as _};

/// The body of a call about a person.
pub(super) fn person(attributes: Value) -> Value {
    json!({ "data": { "type": "profile", "attributes": attributes } })
}

pub(super) async fn make(daemon: &Daemon, attributes: Value) -> String {
    let made = daemon.ask(Ask::post("/api/profiles", person(attributes))).await;
    made.expect(201)["data"]["id"].to_text()
}

pub(super) async fn change(daemon: &Daemon, id: &str, attributes: Value, meta: Value) -> Value {
    let body = json!({ "data": {
        "type": "profile", "id": id, "attributes": attributes, "meta": meta,
    } });
    let changed = daemon.ask(Ask::patch(&format!("/api/profiles/{id}"), body)).await;
    changed.expect(200)["data"]["attributes"].clone()
}

pub(super) async fn attributes_of(daemon: &Daemon, id: &str) -> Value {
    daemon.get(&format!("/api/profiles/{id}")).await["data"]["attributes"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_made_once() {
    let daemon = Daemon::start().await;
    let body = person(json!({
        "email": "ann@example.org", "phone_number": "+15005550006", "external_id": "ann",
        "first_name": "Ann", "last_name": null, "image": "http://h/i.png",
        "location": { "city": "Bonn", "latitude": 50.7 }, "properties": { "plan": "pro" },
    }));
    let made = daemon.ask(Ask::post("/api/profiles", &body)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let shown = &made["data"]["attributes"];
    for name in ["anonymous_id", "whatsapp_bsuid", "last_event_date", "last_name", "title"] {
        assert!(shown.as_object().expect("it is one").contains_key(name), "{name} is shown");
        assert!(shown[name].is_null(), "{name}");
    }
    assert_eq!(shown["location"]["latitude"], 50.7);
    assert!(shown["location"]["ip"].is_null());
    assert_eq!(shown["created"], "2026-09-04T13:38:55+00:00");
    let at = format!("{}/api/profiles/{id}", daemon.base());
    assert_eq!(made["data"]["links"]["self"], format!("{at}/"));
    for name in ["lists", "segments", "push-tokens", "conversation"] {
        let links = &made["data"]["relationships"][name]["links"];
        assert_eq!(links["self"], format!("{at}/relationships/{name}/"));
        assert_eq!(links["related"], format!("{at}/{name}/"));
    }
    assert_eq!(daemon.get(&format!("/api/profiles/{id}")).await["data"], made["data"]);
    for taken in [
        json!({ "email": "ANN@example.org", "external_id": "other" }),
        json!({ "phone_number": "+15005550006" }),
        json!({ "external_id": "ann" }),
    ] {
        let again = daemon.ask(Ask::post("/api/profiles", person(taken))).await.refused(409);
        assert_eq!(again["code"], "duplicate_profile");
        assert_eq!(again["title"], "Conflict.");
        let detail = "A profile already exists with one of these identifiers.";
        assert_eq!(again["detail"], detail);
        assert_eq!(again["source"], json!({ "pointer": "/data/attributes" }));
        assert_eq!(again["meta"], json!({ "duplicate_profile_id": id }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_makes_or_brings_up_to_date() {
    let daemon = Daemon::start().await;
    let import = |data: Value| Ask::post("/api/profile-import", json!({ "data": data }));
    let first = json!({
        "type": "profile",
        "attributes": { "email": "ann@example.org", "_kx": "x", "properties": { "tags": ["a"], "n": 1 } },
    });
    let made = daemon.ask(import(first)).await.expect(201);
    let id = made["data"]["id"].to_text();
    daemon.advance(Duration::from_secs(60));
    let second = json!({
        "type": "profile",
        "attributes": { "email": "ann@example.org", "external_id": "ann", "properties": { "n": null } },
        "meta": { "patch_properties": { "append": { "tags": "b" }, "unset": ["nothing"] } },
    });
    let known = daemon.ask(import(second.clone())).await.expect(200);
    assert_eq!(known["data"]["id"], id);
    let shown = &known["data"]["attributes"];
    assert_eq!(shown["properties"], json!({ "tags": ["a", "b"] }));
    assert_eq!(shown["updated"], "2026-09-04T13:39:55+00:00");
    daemon.advance(Duration::from_secs(60));
    let same = daemon.ask(import(second)).await.expect(200);
    assert_eq!(same["data"]["attributes"], *shown, "nothing changed");
    let by_id = json!({ "type": "profile", "id": id, "attributes": { "title": "Dr" } });
    let known = daemon.ask(import(by_id)).await.expect(200);
    assert_eq!(known["data"]["attributes"]["title"], "Dr");
    let stranger = json!({ "type": "profile", "id": "01KP4EGHH8QJ3N3AY2Z6V7RMDK" });
    let refused = daemon.ask(import(stranger)).await.refused(404);
    assert_eq!(refused["source"]["pointer"], "/data/id");
    let bob = make(&daemon, json!({ "external_id": "bob" })).await;
    let both = json!({
        "type": "profile", "attributes": { "email": "ann@example.org", "external_id": "bob" },
    });
    // The external id decides, and the address belongs to somebody else.
    let refused = daemon.ask(import(both)).await.refused(409);
    assert_eq!(refused["meta"]["duplicate_profile_id"], id);
    assert!(attributes_of(&daemon, &bob).await["email"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_sets_clears_and_leaves_the_rest() {
    let daemon = Daemon::start().await;
    let id = make(
        &daemon,
        json!({
            "email": "ann@example.org", "first_name": "Ann", "title": "Dr",
            "location": { "city": "Bonn", "zip": "53111" }, "properties": { "a": 1, "b": [1, 2], "c": 3 },
        }),
    )
    .await;
    let meta = json!({ "patch_properties": {
        "append": { "b": 3 }, "unappend": { "b": [1] }, "unset": "c",
    } });
    let attributes = json!({
        "email": "new@example.org", "title": null, "location": { "city": null }, "properties": { "a": null },
    });
    let shown = change(&daemon, &id, attributes, meta).await;
    assert_eq!((&shown["email"], &shown["first_name"]), (&"new@example.org".into(), &"Ann".into()));
    assert!(shown["title"].is_null() && shown["location"]["city"].is_null());
    assert_eq!(shown["location"]["zip"], "53111");
    assert_eq!(shown["properties"], json!({ "b": [2, 3] }));
    assert_eq!(attributes_of(&daemon, &id).await, shown);
    // The old address is free again; without any, the person is still there.
    make(&daemon, json!({ "email": "ann@example.org" })).await;
    let shown = change(&daemon, &id, json!({ "email": null }), json!({})).await;
    assert!(shown["email"].is_null());
    make(&daemon, json!({ "email": "new@example.org" })).await;
    let body = json!({ "data": { "type": "profile", "id": id,
        "attributes": { "email": "new@example.org" } } });
    let refused = daemon.ask(Ask::patch(&format!("/api/profiles/{id}"), body)).await.refused(409);
    assert_eq!(refused["code"], "duplicate_profile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_identifiers_are_added_and_taken_away() {
    let daemon = Daemon::start().await;
    let ann = make(&daemon, json!({ "email": "ann@example.org" })).await;
    let bob = make(&daemon, json!({ "email": "bob@example.org" })).await;
    let patch = |append: Value, unappend: Value| json!({ "patch_identifiers": { "append": append, "unappend": unappend } });
    let appended = patch(json!({ "email": ["ann@work.example"], "external_id": "ann" }), json!({}));
    let shown = change(&daemon, &ann, json!({}), appended).await;
    assert_eq!(
        (&shown["email"], &shown["external_id"]),
        (&"ann@example.org".into(), &"ann".into())
    );
    daemon
        .event(Event::of("Seen").about(json!({ "email": "ann@work.example", "title": "Dr" })))
        .await;
    assert_eq!(attributes_of(&daemon, &ann).await["title"], "Dr");
    let taken = json!({ "data": { "type": "profile", "attributes": {},
        "meta": patch(json!({ "email": "bob@example.org" }), json!({})) } });
    let refused = daemon.ask(Ask::patch(&format!("/api/profiles/{ann}"), taken)).await.refused(409);
    assert_eq!(refused["meta"]["duplicate_profile_id"], bob);
    let unappended = patch(json!({}), json!({ "email": "ann@example.org" }));
    let shown = change(&daemon, &ann, json!({}), unappended).await;
    assert_eq!(shown["email"], "ann@work.example", "the other one takes its place");
    make(&daemon, json!({ "email": "ann@example.org" })).await;
    let many: Vec<_> = (0..501).map(|number| format!("{number}@example.org")).collect();
    let too_many = json!({ "data": { "type": "profile", "attributes": {},
        "meta": patch(json!({ "email": many }), json!({})) } });
    let refused =
        daemon.ask(Ask::patch(&format!("/api/profiles/{ann}"), too_many)).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/meta/patch_identifiers/append");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_call_is_refused_at_its_field() {
    let daemon = Daemon::start().await;
    let id = make(&daemon, json!({ "email": "ann@example.org" })).await;
    let at = format!("/api/profiles/{id}");
    for (body, pointer, part) in [
        (json!({}), "/data", "required"),
        (json!({ "data": { "type": "person" } }), "/data/type", "must be `profile`"),
        (
            json!({ "data": { "type": "profile", "id": "01KP4EGHH8QJ3N3AY2Z6V7RMDK" } }),
            "/data/id",
            "as in the path",
        ),
        (person(json!({ "frist_name": "A" })), "/data/attributes/frist_name", "`first_name`?"),
        (person(json!({ "plan": "pro" })), "/data/attributes/plan", "`properties`"),
        (person(json!({ "subscriptions": {} })), "/data/attributes/subscriptions", "subscription"),
        (person(json!({ "email": "ann" })), "/data/attributes/email", "name@host"),
        (person(json!({ "title": 5 })), "/data/attributes/title", "text in quotes"),
        (person(json!({ "location": { "moon": 1 } })), "/data/attributes/location/moon", "city"),
        (
            person(json!({ "properties": { "x": "y".repeat(96 * 1024) } })),
            "/data/attributes/properties",
            "larger than",
        ),
    ] {
        let refused = daemon.ask(Ask::patch(&at, &body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{body}");
        assert!(refused["detail"].to_text().contains(part), "{refused}");
    }
    let half = json!({ "properties": { "x": "y".repeat(60 * 1024) } });
    change(&daemon, &id, half, json!({})).await;
    let other_half = person(json!({ "properties": { "z": "y".repeat(60 * 1024) } }));
    let refused = daemon.ask(Ask::patch(&at, other_half)).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/properties");
    for path in ["/api/profiles", "/api/profile-import"] {
        let nobody = person(json!({ "first_name": "A", "email": null }));
        let refused = daemon.ask(Ask::post(path, nobody)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], "/data/attributes");
    }
    let stranger = "/api/profiles/01KP4EGHH8QJ3N3AY2Z6V7RMDK";
    daemon.ask(Ask::patch(stranger, person(json!({})))).await.refused(404);
    daemon.ask(Ask::patch("/api/profiles/x", person(json!({})))).await.refused(404);
    let reader = daemon.make_key(&["profiles:read"]).await;
    let body = person(json!({ "email": "x@example.org" }));
    daemon.send(Ask::post("/api/profiles", body).key(&reader)).await.refused(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_shows_what_is_asked_for() {
    let daemon = Daemon::start().await;
    let id = make(&daemon, json!({ "email": "a@b.org", "location": { "city": "Bonn" } })).await;
    let get = async |query: &str| {
        let path = format!("/api/profiles/{id}?{query}");
        daemon.get(&path).await["data"]["attributes"].clone()
    };
    let some = get("fields[profile]=email,location.city").await;
    assert_eq!(some, json!({ "email": "a@b.org", "location": { "city": "Bonn" } }));
    let all = get("additional-fields[profile]=subscriptions,predictive_analytics").await;
    assert_eq!(all["predictive_analytics"], json!({}));
    assert_eq!(all["subscriptions"]["email"]["marketing"]["consent"], "NEVER_SUBSCRIBED");
    assert!(get("").await.get("subscriptions").is_none());
    let part = get("fields[profile]=subscriptions.email.marketing.consent").await;
    let consent = json!({ "email": { "marketing": { "consent": "NEVER_SUBSCRIBED" } } });
    assert_eq!(part, json!({ "subscriptions": consent }));
    get("include=lists,segments,push-tokens,conversations").await;
    for (query, parameter) in [
        ("fields[profile]=emial", "fields[profile]"),
        ("additional-fields[profile]=orders", "additional-fields[profile]"),
        ("include=events", "include"),
        ("sort=id", "sort"),
    ] {
        let refused =
            daemon.ask(Ask::get(&format!("/api/profiles/{id}?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
    daemon.event(Event::of("Seen").about(json!({ "email": "a@b.org" }))).await;
    let date = get("fields[profile]=last_event_date").await;
    assert_eq!(date["last_event_date"], "2026-09-04T13:38:55+00:00");
}
