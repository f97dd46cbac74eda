//! Subscribing and unsubscribing: what a person's consents say afterwards, and what is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Receiver, ToText as _, eventually};

const SUBSCRIBE: &str = "profile-subscription-bulk-create-job";
const UNSUBSCRIBE: &str = "profile-subscription-bulk-delete-job";
const TOPICS: [&str; 6] = [
    "event:klaviyo.subscribed_to_email_marketing",
    "event:klaviyo.subscribed_to_list",
    "event:klaviyo.subscribed_to_sms_marketing",
    "event:klaviyo.unsubscribed_from_email_marketing",
    "event:klaviyo.unsubscribed_from_list",
    "event:klaviyo.unsubscribed_from_sms_marketing",
];

/// A daemon, a receiver of what it tells, and a list.
struct World {
    daemon: Daemon,
    told: Receiver,
    list: String,
}

impl World {
    async fn new() -> Self {
        let (daemon, told) = (Daemon::start().await, Receiver::start().await);
        daemon.webhook(&told.url(), &TOPICS).await;
        let body = json!({ "data": { "type": "list", "attributes": { "name": "News" } } });
        let made = daemon.ask(Ask::post("/api/lists", body)).await.expect(201);
        Self { list: made["data"]["id"].to_text(), daemon, told }
    }

    fn document(&self, kind: &str, person: Value, on_list: bool, more: Value) -> Value {
        let mut document = json!({ "data": { "type": kind, "attributes":
            { "profiles": { "data": [{ "type": "profile", "attributes": person }] } } } });
        let Value::Object(more) = more else { panic!("attributes are an object") };
        let attributes = document["data"]["attributes"].as_object_mut();
        attributes.expect("it is one").extend(more);
        if on_list {
            let list = json!({ "type": "list", "id": self.list });
            document["data"]["relationships"] = json!({ "list": { "data": list } });
        }
        document
    }

    /// Posts a job about one person and waits for its end.
    async fn done(&self, kind: &str, body: Value) {
        let answer = self.daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "as the original has it");
        let id = answer.header("tidings-job-id").expect("the answer names the job").to_owned();
        let path = format!("/api/{kind}s/{id}");
        let shown = eventually("the job ends", async || {
            let shown = self.daemon.get(&path).await["data"]["attributes"].clone();
            (shown["status"] == "complete").then_some(shown)
        })
        .await;
        assert_eq!((&shown["completed_count"], &shown["failed_count"]), (&1.into(), &0.into()));
    }

    /// The consents of the first member of the list.
    async fn consents(&self) -> Value {
        let query = "additional-fields[profile]=subscriptions";
        let path = format!("/api/lists/{}/profiles?{query}", self.list);
        self.daemon.get(&path).await["data"][0]["attributes"]["subscriptions"].clone()
    }

    /// The topics that were told so far, sorted, once there are `count`.
    async fn topics(&self, count: usize) -> Vec<String> {
        let told = self.told.received(count).await;
        let mut topics: Vec<_> =
            told.iter().map(|one| one.json()["data"][0]["topic"].to_text()).collect();
        topics.sort();
        topics
    }
}

fn consent(consent: &str) -> Value {
    json!({ "marketing": { "consent": consent } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_subscribes_is_made_subscribed_and_told_of() {
    let world = World::new().await;
    let subscriptions = json!({ "email": consent("SUBSCRIBED"), "sms": consent("SUBSCRIBED") });
    let ann = json!({ "email": "ann@x.org", "phone_number": "+15005550006",
        "subscriptions": subscriptions });
    let body = world.document(SUBSCRIBE, ann.clone(), true, json!({ "custom_source": "Footer" }));
    world.done(SUBSCRIBE, body.clone()).await;
    let shown = world.consents().await;
    let email = &shown["email"]["marketing"];
    assert_eq!((&email["consent"], &email["method"]), (&"SUBSCRIBED".into(), &"API".into()));
    assert_eq!(email["custom_method_detail"], "Footer");
    assert_eq!(email["consent_timestamp"], "2026-09-04T13:38:55+00:00");
    assert_eq!(shown["sms"]["marketing"]["can_receive_sms_marketing"], true);
    assert_eq!(world.topics(3).await, [TOPICS[0], TOPICS[1], TOPICS[2]]);
    let told = world.told.recorded();
    let events = told.iter().map(|one| one.json()["data"][0].clone());
    for event in events {
        let properties = &event["payload"]["data"]["attributes"]["event_properties"];
        match event["topic"].as_str().expect("it is text") {
            topic if topic == TOPICS[0] => assert_eq!(properties["email_address"], "ann@x.org"),
            topic if topic == TOPICS[2] => assert_eq!(properties["phone_number"], "+15005550006"),
            _ => assert_eq!(properties["List"], "News"),
        }
    }

    world.daemon.advance(Duration::from_secs(60));
    world.done(SUBSCRIBE, body).await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!(email["consent_timestamp"], "2026-09-04T13:38:55+00:00", "the first one is kept");
    world.daemon.settled(3, "delivered").await;
    assert_eq!(world.told.count(), 3, "what changes nothing is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_unsubscribes_is_held_back_until_they_subscribe_again() {
    let world = World::new().await;
    let ann = |consent_now: &str| json!({ "email": "ann@x.org", "subscriptions": { "email": consent(consent_now) } });
    let subscribe = world.document(SUBSCRIBE, ann("SUBSCRIBED"), true, json!({}));
    world.done(SUBSCRIBE, subscribe.clone()).await;
    world.daemon.advance(Duration::from_secs(60));
    world
        .done(UNSUBSCRIBE, world.document(UNSUBSCRIBE, ann("UNSUBSCRIBED"), false, json!({})))
        .await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!(email["consent"], "UNSUBSCRIBED");
    assert_eq!(email["can_receive_email_marketing"], false);
    let held = json!([{ "reason": "UNSUBSCRIBE", "timestamp": "2026-09-04T13:39:55+00:00" }]);
    assert_eq!(email["suppression"], held);

    world.done(SUBSCRIBE, subscribe.clone()).await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!((&email["consent"], &email["suppression"]), (&"SUBSCRIBED".into(), &json!([])));

    let off = world.document(UNSUBSCRIBE, ann("UNSUBSCRIBED"), true, json!({}));
    world.done(UNSUBSCRIBE, off).await;
    assert_eq!(world.consents().await, Value::Null, "nobody is on the list");
    world.done(SUBSCRIBE, subscribe).await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!(email["list_suppressions"], json!([]), "whoever joins again wants it again");
    let expected = [vec![TOPICS[0]; 3], vec![TOPICS[1]; 2], vec![TOPICS[3]; 2], vec![TOPICS[4]; 1]];
    assert_eq!(world.topics(8).await, expected.concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_of_the_past_is_history_and_undoes_nothing() {
    let world = World::new().await;
    let then = |moment: &str| {
        json!({ "email": "ann@x.org", "subscriptions":
            { "email": { "marketing": { "consent": "SUBSCRIBED", "consented_at": moment } } } })
    };
    let historical = json!({ "historical_import": true });
    let in_2020 = then("2020-01-01T00:00:00+00:00");
    let body = world.document(SUBSCRIBE, in_2020, true, historical.clone());
    world.done(SUBSCRIBE, body).await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!(email["consent_timestamp"], "2020-01-01T00:00:00+00:00");
    assert_eq!(email["last_updated"], "2026-09-04T13:38:55+00:00");
    for one in world.told.received(2).await {
        let event = one.json()["data"][0]["payload"]["data"]["attributes"].clone();
        assert_eq!(event["datetime"], "2020-01-01T00:00:00+00:00", "it is told as of then");
    }

    let off =
        json!({ "email": "ann@x.org", "subscriptions": { "email": consent("UNSUBSCRIBED") } });
    world.done(UNSUBSCRIBE, world.document(UNSUBSCRIBE, off, false, json!({}))).await;
    let in_2021 = then("2021-01-01T00:00:00+00:00");
    world.done(SUBSCRIBE, world.document(SUBSCRIBE, in_2021, true, historical)).await;
    let email = world.consents().await["email"]["marketing"].clone();
    assert_eq!(email["consent"], "UNSUBSCRIBED", "they said so later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_by_id_who_is_not_there_fails_with_an_error_that_is_kept() {
    let world = World::new().await;
    let mut body = world.document(
        SUBSCRIBE,
        json!({ "subscriptions": { "email": consent("SUBSCRIBED") } }),
        false,
        json!({}),
    );
    body["data"]["attributes"]["profiles"]["data"][0]["id"] = "01GDDKASAP8TKDDA2GRZDSVP4H".into();
    let answer = world.daemon.ask(Ask::post(&format!("/api/{SUBSCRIBE}s"), body)).await;
    let id = answer.header("tidings-job-id").expect("the answer names the job").to_owned();
    let path = format!("/api/{SUBSCRIBE}s/{id}/errors");
    let error = eventually("the error is kept", async || {
        world.daemon.get(&path).await["data"].get(0).cloned()
    })
    .await;
    let pointer = "/data/attributes/profiles/data/0/id";
    assert_eq!(error["attributes"]["source"]["pointer"], pointer);
}
