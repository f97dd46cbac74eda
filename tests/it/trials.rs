//! Test sends: what was sent and answered is shown, and nothing of it is kept.

use serde_json::{Value, json};

use crate::harness::{
    Answer, Ask, Daemon, Event, Receiver, Reply, SECRET, ToText as _, assert_signed, eventually,
    webhook_patch,
};

const TOPIC: &str = "event:api.viewed_product";
const OTHER: &str = "event:api.placed_order";

fn asking(webhook: &str, attributes: Value) -> Ask {
    let body = json!({ "data": { "type": "webhook-test", "attributes": attributes } });
    Ask::post(&format!("/api/webhooks/{webhook}/test"), body)
}

/// The attributes of the answer to a test.
async fn tested(daemon: &Daemon, webhook: &str, attributes: Value) -> Value {
    daemon.ask(asking(webhook, attributes)).await.expect(200)["data"]["attributes"].clone()
}

async fn change(daemon: &Daemon, webhook: &str, attributes: Value) {
    let body = webhook_patch(webhook, attributes);
    daemon.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), body)).await.expect(200);
}

/// The request that an answer shows, as `name: value` lines in small letters.
fn headers(test: &Value) -> Vec<String> {
    let headers = test["request"]["headers"].as_array().expect("headers are a list");
    let line = |of: &Value| format!("{}: {}", of["name"].to_text(), of["value"].to_text());
    headers.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_made_up_event_is_of_the_topic_that_is_asked_for() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &["event:api.never_seen", TOPIC]).await;
    for (number, (attributes, topic, is_subscribed)) in [
        // No metric exists yet: the first topic.
        (json!({}), "event:api.never_seen", true),
        (json!({ "topic": TOPIC }), TOPIC, true),
        (json!({ "topic": "event:klaviyo.sent_sms" }), "event:klaviyo.sent_sms", false),
    ]
    .into_iter()
    .enumerate()
    {
        let test = tested(&daemon, &webhook, attributes).await;
        assert_eq!(test["topic"], topic);
        assert_eq!(test["is_subscribed"], is_subscribed);
        assert_eq!((&test["is_sample"], &test["event_id"]), (&json!(true), &Value::Null));
        let delivered = receiver.received(number + 1).await.remove(number);
        assert_eq!(delivered.json()["data"][0]["topic"], topic);
        assert_signed(&delivered, SECRET);
    }
    // Now the second topic has a metric, so that it is the one to test with.
    daemon.enable(&webhook, false).await;
    daemon.event(Event::of("Viewed Product")).await;
    assert_eq!(tested(&daemon, &webhook, json!({})).await["topic"], TOPIC);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_event_is_sent_as_a_delivery_would_send_it() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let subscriber = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = Event::of("Viewed Product").properties(r#"{"Brand": "Y", "n": 1.10}"#);
    let event = daemon.recorded(event).await;
    let first = receiver.received(1).await.remove(0);

    let other = daemon.webhook(&receiver.url(), &[OTHER]).await;
    for (count, (webhook, is_subscribed)) in [(subscriber, true), (other, false)].iter().enumerate()
    {
        let test = tested(&daemon, webhook, json!({ "event_id": event })).await;
        assert_eq!((&test["event_id"], &test["topic"]), (&json!(event), &json!(TOPIC)));
        assert_eq!(
            (&test["is_sample"], &test["is_subscribed"]),
            (&json!(false), &json!(is_subscribed))
        );
        assert!(test["passes_filter"].is_null(), "there is no filter");
        let delivered = receiver.received(count + 2).await.remove(count + 1);
        assert_eq!(delivered.json()["data"], first.json()["data"]);
        assert_eq!(test["request"]["body"].to_text().as_bytes(), delivered.body);
        assert_signed(&delivered, SECRET);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_tells_what_the_filter_would_have_said() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let ours = daemon.recorded(Event::of("Viewed Product").properties(r#"{"Brand":"X"}"#)).await;
    let theirs = Event::of("Viewed Product").properties(r#"{"Brand":"Y"}"#).unique("2");
    let theirs = daemon.recorded(theirs).await;
    daemon.settled(2, "delivered").await;
    let filter = json!({ "condition_groups": [{ "conditions": [{
        "type": "metric-property", "field": "Brand",
        "filter": { "type": "string", "operator": "equals", "value": "X" },
    }] }] });
    change(&daemon, &webhook, json!({ "filter": filter })).await;
    let test = tested(&daemon, &webhook, json!({ "event_id": ours })).await;
    assert_eq!((&test["passes_filter"], &test["filter_explanation"]), (&json!(true), &Value::Null));
    let test = tested(&daemon, &webhook, json!({ "event_id": theirs })).await;
    assert_eq!((&test["passes_filter"], &test["succeeded"]), (&json!(false), &json!(true)));
    let told = test["filter_explanation"].to_text();
    assert!(told.contains("`Brand` is \"Y\", not equal to \"X\""), "{told}");
    let test = tested(&daemon, &webhook, json!({})).await;
    assert!(test["passes_filter"].is_null(), "no filter is about made-up events");
    receiver.received(5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_sent_is_refused_by_name() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let event = daemon.recorded(Event::of("Viewed Product")).await;
    receiver.received(1).await;
    let nobody = "/////////zw".replace('/', "_");
    for (attributes, at, part) in [
        (
            json!({ "topic": "event:klaviyo.sent_smss" }),
            "topic",
            "did you mean `event:klaviyo.sent_sms`?",
        ),
        (json!({ "topic": "x" }), "topic", "no topic `x`"),
        (json!({ "event_id": "x" }), "event_id", "11 characters"),
        (json!({ "event_id": nobody }), "event_id", "there is no event"),
        (json!({ "event_id": event, "topic": OTHER }), "topic", "is of `event:api.viewed_product`"),
        (json!({ "event": event }), "event", "not a field"),
    ] {
        let refused = daemon.ask(asking(&webhook, attributes.clone())).await.refused(400);
        assert_eq!(refused["source"]["pointer"], format!("/data/attributes/{at}"), "{attributes}");
        assert!(refused["detail"].to_text().contains(part), "{refused}");
    }
    daemon.ask(asking("01M1PAC5N9PMXJ7672AC8B75VN", json!({}))).await.refused(404);
    let text = Ask::post(&format!("/api/webhooks/{webhook}/test"), "x");
    daemon.ask(text.header("Content-Type", "text/plain")).await.refused(415);
    let writer = daemon.make_key(&["webhooks:write"]).await;
    let shown = asking(&webhook, json!({ "event_id": event }));
    let refused = daemon.send(shown.key(&writer)).await.refused(403);
    assert!(refused["detail"].to_text().contains("events:read"), "{refused}");
    assert_eq!(receiver.count(), 1, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ending_is_told_and_none_is_kept() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([
        Reply::Status(204),
        Reply::Status(500),
        Reply::Status(410),
        Reply::Hang,
    ])
    .await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    change(&daemon, &webhook, json!({ "timeout_seconds": 1 })).await;
    for (status, succeeded) in [(204, true), (500, false), (410, false)] {
        let test = tested(&daemon, &webhook, json!({})).await;
        assert_eq!(test["succeeded"], succeeded);
        assert_eq!(test["attempt"]["status"], status);
        let summary = test["attempt"]["summary"].to_text();
        assert!(summary.starts_with(&format!("answered {status}")), "{summary}");
        assert!(test["attempt"]["phases"]["first_byte_ms"].is_number());
    }
    let test = tested(&daemon, &webhook, json!({})).await;
    assert_eq!((&test["succeeded"], &test["attempt"]["status"]), (&json!(false), &Value::Null));
    assert_eq!(test["attempt"]["error"]["kind"], "timeout");
    assert!(test["request"].is_object(), "what was sent is shown");
    receiver.received(4).await;

    let closed = receiver.stopped().await;
    change(&daemon, &webhook, json!({ "endpoint_url": closed })).await;
    let test = tested(&daemon, &webhook, json!({})).await;
    assert_eq!(test["succeeded"], false);
    assert_eq!(test["attempt"]["error"]["kind"], "connect");

    let auth = json!({
        "type": "oauth2", "token_url": closed, "client_id": "c", "client_secret": "the-secret",
    });
    change(&daemon, &webhook, json!({ "auth": auth })).await;
    let test = tested(&daemon, &webhook, json!({})).await;
    assert_eq!(test["attempt"]["error"]["kind"], "no_token");
    assert!(test["request"].is_null(), "nothing was sent");

    assert!(daemon.deliveries("").await.is_empty(), "neither in the outbox nor in the log");
    let shown = daemon.get(&format!("/api/webhooks/{webhook}")).await;
    assert_eq!(shown["data"]["attributes"]["enabled"], true, "a test's 410 switches nothing off");
}

/// Five failures open a breaker, and one would be an alarm: those of tests are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_do_not_count_for_the_health_of_an_endpoint() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted((0..8).map(|_| Reply::Status(500))).await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    for _ in 0..8 {
        assert_eq!(tested(&daemon, &webhook, json!({})).await["succeeded"], false);
    }
    daemon.event(Event::of("Viewed Product")).await;
    let delivered = daemon.attempted(1).await;
    assert_eq!((&delivered["state"], &delivered["source"]), (&json!("delivered"), &json!("event")));
    assert_eq!(daemon.deliveries("").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_and_a_paused_webhook_can_be_tested() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    change(&daemon, &webhook, json!({ "paused": true })).await;
    assert_eq!(tested(&daemon, &webhook, json!({})).await["succeeded"], true);
    daemon.enable(&webhook, false).await;
    assert_eq!(tested(&daemon, &webhook, json!({})).await["succeeded"], true);
    receiver.received(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_reach_the_endpoint_and_nobody_else() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let url = receiver.url().replace("/hook", "/hook-with-token");
    let webhook = daemon.webhook(&url, &[TOPIC]).await;
    let auth = json!({ "type": "bearer", "token": "the-bearer-token" });
    let settings = json!({ "headers": { "X-Gate": "the-gate-word" }, "auth": auth });
    change(&daemon, &webhook, settings).await;
    let writer = daemon.make_key(&["webhooks:write"]).await;
    let by_writer = daemon.send(asking(&webhook, json!({})).key(&writer)).await;
    let by_admin = daemon.ask(asking(&webhook, json!({}))).await;
    for delivered in receiver.received(2).await {
        assert_eq!(delivered.header("X-Gate"), "the-gate-word");
        assert_eq!(delivered.header("authorization"), "Bearer the-bearer-token");
        assert_signed(&delivered, SECRET);
    }
    let test = |answer: &Answer| answer.expect(200)["data"]["attributes"].clone();
    for (answer, sees_url) in [(&by_writer, false), (&by_admin, true)] {
        for secret in ["the-gate-word", "the-bearer-token", SECRET] {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
        assert_eq!(answer.body.contains("with-token"), sees_url, "{}", answer.body);
        let shown = headers(&test(answer));
        for line in ["x-gate: *****", "authorization: *****"] {
            assert!(shown.iter().any(|own| own.eq_ignore_ascii_case(line)), "{shown:?}");
        }
        assert!(test(answer)["request"]["curl"].to_text().starts_with("curl -i -X POST 'http://"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_tests_at_once_than_there_may_be_are_put_off() {
    const AT_ONCE: usize = 16;
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    receiver.hold();
    let many = (0..AT_ONCE).map(|_| daemon.ask(asking(&webhook, json!({}))));
    let too_many = async {
        eventually("all places are taken", async || (receiver.count() == AT_ONCE).then_some(()))
            .await;
        let put_off = daemon.ask(asking(&webhook, json!({}))).await;
        assert_eq!(put_off.header("retry-after"), Some("5"));
        assert!(put_off.refused(429)["detail"].to_text().contains("16 test sends"));
        receiver.release();
    };
    let (answers, ()) = tokio::join!(futures_of(many), too_many);
    for answer in answers {
        assert_eq!(answer.expect(200)["data"]["attributes"]["succeeded"], true);
    }
    tested(&daemon, &webhook, json!({})).await;
}

/// The results of futures that run side by side.
async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        let mut place = 0;
        while place < pending.len() {
            match pending[place].as_mut().poll(context) {
                std::task::Poll::Ready(result) => {
                    done.push(result);
                    drop(pending.swap_remove(place));
                }
                std::task::Poll::Pending => place += 1,
            }
        }
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
