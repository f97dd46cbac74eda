//! The calls of pages in browsers: off until the operator wants them, then open to the account's
//! public key and to the pages that are named.

use serde_json::{Value, json};

use crate::harness::{Answer, Ask, Daemon, Event, Receiver, ToText as _};

const SHOP: &str = "https://shop.example.com";

/// A daemon that lets pages of the shop in, and its public key.
async fn open() -> (Daemon, String) {
    let daemon = Daemon::start_with(|config| {
        config.client.enabled = true;
        config.client.allowed_origins = vec![SHOP.to_owned()];
    })
    .await;
    let account = daemon.get("/api/accounts").await;
    let key = account["data"][0]["id"].to_text();
    (daemon, key)
}

/// Posts without a key.
async fn post(daemon: &Daemon, call: &str, company: &str, body: impl ToString) -> Answer {
    daemon.send(Ask::post(&format!("/client/{call}?company_id={company}"), body)).await
}

fn subscription(person: Value, list: Option<&str>) -> Value {
    let mut document = json!({ "data": { "type": "subscription", "attributes":
        { "custom_source": "Footer", "profile": { "data": person } } } });
    if let Some(list) = list {
        let list = json!({ "data": { "type": "list", "id": list } });
        document["data"]["relationships"] = json!({ "list": list });
    }
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_off_until_the_operator_wants_them() {
    let daemon = Daemon::start().await;
    let refused =
        post(&daemon, "events", "AbC123", Event::of("Seen").document()).await.refused(403);
    assert!(refused["detail"].to_text().contains("[client]"), "it says how to switch them on");
    let preflight = Ask::new("OPTIONS", "/client/events").header("Origin", SHOP);
    let answer = daemon.send(preflight).await;
    answer.refused(403);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_named_may_post_and_sees_the_answer() {
    let (daemon, key) = open().await;
    let asked = Ask::new("OPTIONS", &format!("/client/events?company_id={key}"))
        .header("Origin", SHOP)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type");
    let preflight = daemon.send(asked).await;
    assert_eq!((preflight.status, preflight.body.as_str()), (204, ""));
    assert_eq!(preflight.header("access-control-allow-origin"), Some(SHOP));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("content-type"));

    let path = format!("/client/events?company_id={key}");
    let event = Ask::post(&path, Event::of("Seen").document());
    let answer = daemon.send(event.clone().header("Origin", SHOP)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (202, Some(SHOP)));
    let refusal = daemon.send(Ask::post(&path, "{}").header("Origin", SHOP)).await;
    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.header("access-control-allow-origin"), Some(SHOP), "errors are seen too");

    let stranger = daemon.send(event.clone().header("Origin", "https://evil.example")).await;
    let detail = stranger.refused(403)["detail"].to_text();
    assert!(detail.contains("https://evil.example") && detail.contains("allowed_origins"));
    assert_eq!(stranger.header("access-control-allow-origin"), None);
    assert_eq!(daemon.send(event.clone()).await.status, 202, "an app has no origin");
    let elsewhere = event.header("Host", "evil.example");
    assert_eq!(daemon.send(elsewhere).await.status, 421, "the gate stays");
    let other = daemon.ask(Ask::get("/api/metrics").header("Origin", SHOP)).await;
    assert_eq!(other.header("access-control-allow-origin"), None, "nothing else is opened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_must_be_named() {
    let (daemon, _) = open().await;
    let body = Event::of("Seen").document();
    for call in ["events", "event-bulk-create", "profiles", "subscriptions"] {
        for query in ["", "?company_id=", "?company_id=XXXXXX"] {
            let path = format!("/client/{call}{query}");
            let refused = daemon.send(Ask::post(&path, &body)).await.refused(400);
            assert_eq!(refused["source"]["parameter"], "company_id", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_people_of_pages_are_recorded() {
    let (daemon, key) = open().await;
    let told = Receiver::start().await;
    daemon.webhook(&told.url(), &["event:api.seen"]).await;
    post(&daemon, "events", &key, Event::of("Seen").document()).await.expect(202);
    let metric = json!({ "data": { "type": "metric", "attributes": { "name": "Seen" } } });
    let entry = |unique: &str| {
        json!({ "type": "event", "attributes":
            { "properties": {}, "metric": metric, "unique_id": unique } })
    };
    let bulk = |events: Vec<Value>| {
        json!({ "data": { "type": "event-bulk-create", "attributes": {
            "profile": { "data": { "type": "profile", "attributes": { "email": "ann@x.org" } } },
            "events": { "data": events },
        } } })
    };
    let two = bulk(vec![entry("1"), entry("2")]);
    post(&daemon, "event-bulk-create", &key, two).await.expect(202);
    told.received(3).await;

    let twice = bulk(vec![entry("1"), entry("1")]);
    let refused = post(&daemon, "event-bulk-create", &key, twice).await.refused(400);
    let pointer = "/data/attributes/events/data/1/attributes/unique_id";
    assert_eq!(refused["source"]["pointer"], pointer);
    let none = post(&daemon, "event-bulk-create", &key, bulk(Vec::new())).await.refused(400);
    assert_eq!(none["source"]["pointer"], "/data/attributes/events/data");
    let spoofed = Event::of("Subscribed to List").service("klaviyo").document();
    let refused = post(&daemon, "events", &key, spoofed).await.refused(400);
    assert!(refused["detail"].to_text().contains("needs a key"));

    let person = json!({ "data": { "type": "profile", "attributes":
        { "email": "ann@x.org", "first_name": "Ann" } } });
    post(&daemon, "profiles", &key, person).await.expect(202);
    let of_event = daemon.recorded(Event::of("Seen").about(json!({ "email": "ann@x.org" }))).await;
    let ann = daemon.get(&format!("/api/events/{of_event}/profile")).await;
    assert_eq!(ann["data"]["attributes"]["first_name"], "Ann");
    let wrong = json!({ "data": { "type": "profile", "attributes": { "email": "nobody" } } });
    let refused = post(&daemon, "profiles", &key, wrong).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/email");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_subscribes_a_person_at_once() {
    let (daemon, key) = open().await;
    let body = json!({ "data": { "type": "list", "attributes": { "name": "News" } } });
    let list = daemon.ask(Ask::post("/api/lists", body)).await.expect(201)["data"]["id"].to_text();
    let ann = json!({ "type": "profile", "attributes":
        { "email": "ann@x.org", "phone_number": "+15005550006", "first_name": "Ann" } });
    post(&daemon, "subscriptions", &key, subscription(ann, Some(&list))).await.expect(202);
    let bob = json!({ "type": "profile", "attributes": { "email": "bob@x.org", "subscriptions":
        { "email": { "marketing": { "consent": "SUBSCRIBED" } } } } });
    post(&daemon, "subscriptions", &key, subscription(bob, Some(&list))).await.expect(202);
    let path = format!("/api/lists/{list}/profiles?additional-fields[profile]=subscriptions");
    let members = daemon.get(&path).await;
    let ann = &members["data"][0]["attributes"];
    assert_eq!(ann["first_name"], "Ann");
    let email = &ann["subscriptions"]["email"]["marketing"];
    assert_eq!((&email["consent"], &email["method"]), (&"SUBSCRIBED".into(), &"CLIENT_API".into()));
    assert_eq!(email["custom_method_detail"], "Footer");
    assert_eq!(ann["subscriptions"]["sms"]["marketing"]["consent"], "SUBSCRIBED");
    let bob = &members["data"][1]["attributes"]["subscriptions"];
    assert_eq!(bob["sms"]["marketing"]["consent"], "NEVER_SUBSCRIBED");

    let nameless = json!({ "type": "profile", "attributes": { "first_name": "Who" } });
    let wrong_type = json!({ "data": { "type": "profile", "attributes":
        { "profile": { "data": nameless } } } });
    for (body, pointer) in [
        (wrong_type, "/data/type"),
        (subscription(nameless, None), "/data/attributes/profile/data/attributes"),
        (
            subscription(
                json!({ "type": "profile", "attributes": { "email": "a@b" } }),
                Some("AAAAAA"),
            ),
            "/data/relationships/list/data/id",
        ),
    ] {
        let refused = post(&daemon, "subscriptions", &key, body).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{}", refused["detail"]);
    }
}
