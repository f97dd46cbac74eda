//! Webhooks over the API: made, read, changed and deleted as the contract has it (wire.md §1.6).

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Ask, Daemon, Event, Receiver, SECRET, ToText as _, assert_signed, webhook_document,
    webhook_patch, webhook_with,
};

const URL: &str = "https://203.0.114.7/hooks/token";
const TOPIC: &str = "event:api.viewed_product";
const SMS: &str = "event:klaviyo.sent_sms";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_answered_as_the_original_answers() {
    let daemon = Daemon::start().await;
    let answer = daemon.ask(Ask::post("/api/webhooks", webhook_document(URL, &[TOPIC, SMS]))).await;
    let made = answer.expect(201);
    let id = made["data"]["id"].to_text();
    let at = "2026-09-04T13:38:55.000000+00:00";
    // What tidings knows beyond the original stands behind these and changes none of them.
    let mut original = made.clone();
    let attributes = original["data"]["attributes"].as_object_mut().expect("it has attributes");
    let names = ["name", "description", "endpoint_url", "enabled", "created_at", "updated_at"];
    assert!(attributes.keys().take(names.len()).eq(names));
    attributes.retain(|name, _| names.contains(&name.as_str()));
    assert_eq!(
        original,
        json!({
            "data": {
                "type": "webhook", "id": id,
                "attributes": {
                    "name": "n", "description": "d", "endpoint_url": URL, "enabled": true,
                    "created_at": at, "updated_at": at,
                },
                "relationships": { "webhook-topics": { "data": [
                    { "type": "webhook-topic", "id": TOPIC },
                    { "type": "webhook-topic", "id": SMS },
                ] } },
                "links": { "self": format!("{}/api/webhooks/{id}/", daemon.base()) },
            },
            "links": { "self": format!("{}/api/webhooks", daemon.base()) },
        })
    );
    assert!(!answer.body.contains(SECRET));
    let read = daemon.get(&format!("/api/webhooks/{id}")).await;
    assert_eq!(read["data"], made["data"], "a client finds what it has been told of");
    let listed = daemon.get("/api/webhooks").await;
    assert_eq!(listed["data"], json!([made["data"]]));
    assert_eq!(
        listed["links"],
        json!({ "self": format!("{}/api/webhooks", daemon.base()), "next": null, "prev": null })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_full_keys_see_what_follows_the_host() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC]).await;
    // A paused webhook keeps its delivery, so that there is one to show and nothing is sent.
    let paused = webhook_patch(&id, json!({ "paused": true }));
    daemon.ask(Ask::patch(&format!("/api/webhooks/{id}"), paused)).await.expect(200);
    daemon.event(Event::of("Viewed Product")).await;
    let reader = daemon
        .make_key(&["webhooks:read", "webhooks:write", "deliveries:read", "events:read"])
        .await;
    let path = format!("/api/webhooks/{id}");
    let masked = "https://203.0.114.7/*****";
    for ask in [
        Ask::get(&path),
        Ask::get("/api/webhooks"),
        Ask::patch(&path, webhook_patch(&id, json!({ "name": "other" }))),
        Ask::post("/api/webhooks", webhook_document(URL, &[TOPIC])),
        Ask::get("/api/deliveries"),
    ] {
        let answer = daemon.send(ask.key(&reader)).await;
        assert!(answer.body.contains(masked), "{}", answer.body);
        assert!(!answer.body.contains("token"), "{}", answer.body);
    }
    let shown = daemon.operator(Ask::get(&path)).await.expect(200);
    assert_eq!(shown["data"]["attributes"]["endpoint_url"], URL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC]).await;
    let path = format!("/api/webhooks/{id}");
    let before = daemon.get(&path).await["data"].clone();
    daemon.advance(Duration::from_secs(1));
    let patch = |attributes: Value| daemon.ask(Ask::patch(&path, webhook_patch(&id, attributes)));
    let changed = patch(json!({ "name": "other" })).await.expect(200)["data"].clone();
    let mut expected = before.clone();
    expected["attributes"]["name"] = "other".into();
    expected["attributes"]["updated_at"] = "2026-09-04T13:38:56.000000+00:00".into();
    assert_eq!(changed, expected);
    let cleared = patch(json!({ "description": null })).await.expect(200);
    assert!(cleared["data"]["attributes"]["description"].is_null());
    let off = patch(json!({ "enabled": false })).await.expect(200);
    assert_eq!(off["data"]["attributes"]["enabled"], false);

    let mut topics = webhook_patch(&id, json!({}));
    topics["data"]["relationships"] =
        json!({ "webhook-topics": { "data": [{ "type": "webhook-topic", "id": SMS }] } });
    let replaced = daemon.ask(Ask::patch(&path, topics)).await.expect(200);
    let data = &replaced["data"]["relationships"]["webhook-topics"]["data"];
    assert_eq!(*data, json!([{ "type": "webhook-topic", "id": SMS }]));
    assert_eq!(daemon.get(&path).await["data"], replaced["data"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_address_secret_and_topic_hold_for_the_next_delivery() {
    const NEW_SECRET: &str = "another-secret-of-28-letters";
    let daemon = Daemon::start().await;
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    let id = daemon.webhook(&old.url(), &[SMS]).await;
    let mut change =
        webhook_patch(&id, json!({ "endpoint_url": new.url(), "secret_key": NEW_SECRET }));
    change["data"]["relationships"] =
        json!({ "webhook-topics": { "data": [{ "type": "webhook-topic", "id": TOPIC }] } });
    daemon.ask(Ask::patch(&format!("/api/webhooks/{id}"), change)).await.expect(200);
    daemon.event(Event::of("Sent SMS").service("klaviyo")).await;
    daemon.event(Event::of("Viewed Product")).await;
    assert_signed(&new.received(1).await[0], NEW_SECRET);
    assert!(old.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_webhook_is_gone() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC]).await;
    let path = format!("/api/webhooks/{id}");
    let deleted = daemon.ask(Ask::delete(&path)).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    daemon.ask(Ask::get(&path)).await.refused(404);
    daemon.ask(Ask::delete(&path)).await.refused(404);
    daemon.ask(Ask::patch(&path, webhook_patch(&id, json!({})))).await.refused(404);
    assert_eq!(daemon.get("/api/webhooks").await["data"], json!([]));
    daemon.event(Event::of("Viewed Product")).await;
    assert!(daemon.deliveries("").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_and_include_shape_the_answer() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC, SMS]).await;
    daemon.webhook(URL, &[TOPIC]).await;
    // Both spellings of brackets and commas are in use.
    for query in ["fields[webhook]=name,enabled", "fields%5Bwebhook%5D=name%2Cenabled"] {
        let one = daemon.get(&format!("/api/webhooks/{id}?{query}")).await;
        assert_eq!(one["data"]["attributes"], json!({ "name": "n", "enabled": true }));
        assert!(one["data"]["relationships"].is_object());
    }
    let listed = daemon.get("/api/webhooks?include=webhook-topics").await;
    let included = listed["included"].as_array().expect("something is included");
    let ids: Vec<_> = included.iter().map(|topic| topic["id"].to_text()).collect();
    assert_eq!(ids, [TOPIC, SMS], "each once");
    assert!(daemon.get("/api/webhooks").await.get("included").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_webhook_can_not_be_is_refused_at_its_field() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC]).await;
    let document = |change: &dyn Fn(&mut Value)| {
        let mut document = webhook_document(URL, &[TOPIC]);
        change(&mut document["data"]);
        document
    };
    for (body, pointer) in [
        (document(&|data| data["type"] = "event".into()), "/data/type"),
        (document(&|data| data["attributes"]["name"] = " ".into()), "/data/attributes/name"),
        (
            document(&|data| data["attributes"]["secret_key"] = "fifteen-letters".into()),
            "/data/attributes/secret_key",
        ),
        (
            document(&|data| data["attributes"]["endpoint_url"] = "ftp://h.example/".into()),
            "/data/attributes/endpoint_url",
        ),
        (
            document(&|data| data["attributes"]["enabled"] = false.into()),
            "/data/attributes/enabled",
        ),
        (document(&|data| data["relationships"] = json!({})), "/data/relationships/webhook-topics"),
        (
            webhook_document(URL, &[TOPIC, "profile.created"]),
            "/data/relationships/webhook-topics/data/1/id",
        ),
        (
            webhook_document(URL, &["event:klaviyo.sent_smss"]),
            "/data/relationships/webhook-topics/data/0/id",
        ),
    ] {
        let refused = daemon.ask(Ask::post("/api/webhooks", &body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{body}");
        assert!(!refused.to_string().contains(SECRET));
    }
    let path = format!("/api/webhooks/{id}");
    let other = "01KP4928STE8FKCWB6WDHZ4ZB7";
    let refused = daemon.ask(Ask::patch(&path, webhook_patch(other, json!({})))).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/id");
    assert_eq!(daemon.get("/api/webhooks").await["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_can_not_send_itself_what_it_may_not_read() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let writer = daemon.make_key(&["webhooks:write"]).await;
    let reader = daemon.make_key(&["webhooks:write", "events:read"]).await;
    let plain = webhook_document(&receiver.url(), &["event:api.x"]);
    let person = serde_json::json!({ "include": ["profile"] });
    let person = webhook_with(&receiver.url(), &["event:api.x"], person);
    let create = |body: &Value| Ask::post("/api/webhooks", body.clone());
    for (key, body, status) in [
        (&writer, &plain, 403),
        (&reader, &plain, 201),
        (&reader, &person, 403),
        (&daemon.key().to_owned(), &person, 201),
    ] {
        daemon.send(create(body).key(key)).await.expect(status);
    }
    let webhook = daemon.webhook(&receiver.url(), &["event:api.x"]).await;
    let path = format!("/api/webhooks/{webhook}");
    let change = |attributes| Ask::patch(&path, webhook_patch(&webhook, attributes));
    let url = receiver.url().replace("/hook", "/other");
    let elsewhere = || serde_json::json!({ "endpoint_url": url.clone() });
    daemon.send(change(elsewhere()).key(&writer)).await.expect(403);
    let renamed = serde_json::json!({ "name": "renamed" });
    daemon.send(change(renamed).key(&writer)).await.expect(200);
    daemon.send(change(elsewhere()).key(&reader)).await.expect(200);
}
