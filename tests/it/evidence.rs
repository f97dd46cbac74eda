//! What is known of a delivery afterwards: how each attempt went, what it sent, where it stands;
//! and what a person can do about it.

use std::time::Duration;

use serde_json::{Value, json};
use tidings::config::Config;

use crate::harness::{
    Answer, Ask, Daemon, Event, Receiver, Recorded, Reply, ToText as _, eventually, webhook_patch,
};

const TOPIC: &str = "event:api.viewed_product";
/// The first delay with all the jitter it may have.
const FIRST_RETRY: Duration = Duration::from_millis(5_750);

/// A daemon with one event on its way to a receiver that answers so; the webhook's id.
async fn daemon_with(
    script: impl IntoIterator<Item = Reply>,
    change: impl FnOnce(&mut Config),
) -> (Daemon, Receiver, String) {
    let (daemon, receiver) = (Daemon::start_with(change).await, Receiver::scripted(script).await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(Event::of("Viewed Product").properties(r#"{"a": "it's"}"#)).await;
    (daemon, receiver, webhook)
}

/// Two attempts, and it is over.
fn one_retry(config: &mut Config) {
    config.delivery.retry_schedule = vec![Duration::from_secs(5)];
}

async fn change(daemon: &Daemon, webhook: &str, attributes: Value) {
    let path = format!("/api/webhooks/{webhook}");
    daemon.ask(Ask::patch(&path, webhook_patch(webhook, attributes))).await.expect(200);
}

/// The id of the only delivery there is.
async fn only(daemon: &Daemon) -> String {
    let all = daemon.deliveries("").await;
    assert_eq!(all.len(), 1);
    all[0]["id"].to_text()
}

async fn act(daemon: &Daemon, id: &str, action: &str) -> Answer {
    daemon.ask(Ask::new("POST", &format!("/api/deliveries/{id}/{action}"))).await
}

/// The delivery's attributes with its requests, for the holder of this key.
async fn with_request(daemon: &Daemon, id: &str, key: &str) -> Value {
    let path = format!("/api/deliveries/{id}?additional-fields%5Bdelivery%5D=request");
    let answer = daemon.send(Ask::get(&path).key(key)).await;
    answer.expect(200)["data"]["attributes"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_succeeded_tells_how_it_went() {
    let (daemon, receiver, webhook) = daemon_with([], |_| {}).await;
    let delivered = daemon.attempted(1).await;
    let sent = receiver.received(1).await.remove(0);
    let attempt = &delivered["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(200), &Value::Null));
    assert_eq!(attempt["request_bytes"], sent.body.len());
    assert_eq!(attempt["response_excerpt"], "as scripted");
    assert!(attempt["response_headers"].to_text().contains("content-length: 11\n"));
    let remote = attempt["remote_address"].to_text();
    assert!(receiver.url().contains(&remote), "{remote}");
    assert!(attempt["tls_version"].is_null() && attempt["phases"]["tls_ms"].is_null());
    let ms = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    let parts = ["connect_ms", "first_byte_ms"].map(|part| ms(&attempt["phases"][part]));
    assert!(parts.iter().sum::<f64>() <= ms(&attempt["duration_ms"]), "{attempt}");
    assert!(delivered["summary"].to_text().starts_with("delivered at its 1st attempt: answered"));
    let whole = daemon.get(&format!("/api/deliveries/{}", only(&daemon).await)).await;
    let related = &whole["data"]["relationships"];
    assert_eq!(related["webhook"]["data"]["id"], webhook);
    assert_eq!(related["events"]["data"], json!([{ "type": "event", "id": sent.event() }]));
    let profile = related["profile"]["data"]["id"].to_text();
    daemon.get(&format!("/api/profiles/{profile}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_failure_is_told_apart() {
    let quick = |config: &mut Config| config.delivery.timeout = Duration::from_secs(1);
    for (reply, status, error, told) in [
        (Reply::Status(500), Some(500), None, "the endpoint failed"),
        (Reply::Status(503), Some(503), None, "the endpoint asks for less"),
        (Reply::Redirect("http://h.example/".to_owned()), Some(302), None, "not followed"),
        (Reply::Hang, None, Some("timeout"), "1 s"),
        (Reply::Close, None, Some("protocol"), "after"),
    ] {
        let (daemon, _receiver, _) = daemon_with([reply.clone()], quick).await;
        let failed = daemon.attempted(1).await;
        let attempt = &failed["attempts"][0];
        assert_eq!(
            (&failed["last_status"], &failed["last_error"]),
            (&json!(status), &json!(error))
        );
        assert_eq!(attempt["status"], json!(status), "{reply:?}");
        let summary = attempt["summary"].to_text();
        assert!(summary.contains(told), "{reply:?}: {summary}");
        let stands = failed["summary"].to_text();
        assert!(stands.starts_with("waits for its 2nd attempt at 2026-09-04T13:"), "{stands}");
        assert!(stands.ends_with(&format!("; last: {summary}")), "{stands}");
        assert!(attempt["request_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_sent_is_told_too() {
    let (daemon, _receiver, webhook) = daemon_with([Reply::Status(500)], |_| {}).await;
    daemon.attempted(1).await;
    daemon.ask(Ask::delete(&format!("/api/webhooks/{webhook}"))).await.expect(204);
    daemon.advance(FIRST_RETRY);
    let gone = daemon.attempted(2).await;
    assert_eq!((&gone["state"], &gone["last_error"]), (&json!("cancelled"), &json!("gone")));
    assert!(gone["summary"].to_text().contains("its webhook was deleted"));
    assert_eq!(gone["destination"], Value::Null);
    let id = only(&daemon).await;
    let shown = with_request(&daemon, &id, daemon.key()).await;
    assert!(shown["request"].is_null() && shown["attempts"][1]["request"].is_null());
    let refused = act(&daemon, &id, "resend").await.refused(409);
    assert!(refused["detail"].to_text().contains("was deleted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_made_again_is_what_was_sent_until_the_webhook_changes() {
    let (daemon, receiver, webhook) = daemon_with([Reply::Status(503)], |_| {}).await;
    daemon.attempted(1).await;
    daemon.advance(FIRST_RETRY);
    daemon.attempted(2).await;
    let id = only(&daemon).await;
    let plain = daemon.get(&format!("/api/deliveries/{id}")).await;
    assert!(plain["data"]["attributes"]["request"].is_null(), "only where it is asked for");

    let shown = with_request(&daemon, &id, daemon.key()).await;
    let received = receiver.received(2).await;
    for (attempt, sent) in shown["attempts"].as_array().unwrap().iter().zip(&received) {
        assert_same_head(&attempt["request"], sent);
        assert_eq!(attempt["request"]["is_exact"], true);
        assert!(attempt["request"].get("body").is_none(), "the body stands once");
    }
    let request = &shown["request"];
    assert_same_head(request, &received[1]);
    assert_eq!(request["body"].to_text().as_bytes(), received[1].body, "byte for byte");
    assert_eq!(
        (&request["is_exact"], &request["sent_at"]),
        (&json!(true), &shown["attempts"][1]["at"])
    );
    assert_eq!(request["url"], receiver.url());
    let curl = request["curl"].to_text();
    assert!(curl.starts_with("curl -i -X POST 'http://127.0.0.1:"), "{curl}");
    assert!(curl.contains(r#"it'\''s"#) && curl.contains(&format!("webhook-id: {id}")), "{curl}");

    change(&daemon, &webhook, json!({ "include": ["metric"] })).await;
    let shown = with_request(&daemon, &id, daemon.key()).await;
    assert_eq!(shown["request"]["is_exact"], false);
    assert_eq!(shown["attempts"][0]["request"]["is_exact"], false);
    assert_ne!(shown["request"]["body"].to_text().as_bytes(), received[1].body);
}

/// Method and headers as the receiver saw them; its own are those that HTTP adds.
fn assert_same_head(request: &Value, sent: &Recorded) {
    assert_eq!(request["method"], sent.method);
    let headers = request["headers"].as_array().expect("headers are a list");
    for header in headers {
        let (name, value) = (header["name"].to_text(), header["value"].to_text());
        assert_eq!(sent.header(&name), value, "{name}");
    }
    let own = ["host", "content-length", "accept", "accept-encoding", "connection"];
    let names = sent.headers.keys().filter(|name| !own.contains(&name.as_str()));
    assert_eq!(names.count(), headers.len(), "{:?}", sent.headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_bodies_are_for_those_who_may_see_them() {
    let (daemon, receiver, webhook) = daemon_with([], |_| {}).await;
    receiver.received(1).await;
    let headers = json!({ "headers": { "X-Token": "very-secret" } });
    change(&daemon, &webhook, headers).await;
    let id = only(&daemon).await;
    daemon.settled(1, "delivered").await;
    let reader = daemon.make_key(&["deliveries:read"]).await;
    let shown = with_request(&daemon, &id, &reader).await;
    assert!(shown["request"]["body"].is_null() && shown["request"]["curl"].is_null());
    assert!(shown["request"]["url"].to_text().ends_with("/*****"));
    let both = daemon.make_key(&["deliveries:read", "events:read"]).await;
    for key in [both.as_str(), daemon.key()] {
        let shown = with_request(&daemon, &id, key).await;
        assert!(shown["request"]["body"].is_string());
        assert!(!shown.to_string().contains("very-secret"));
        assert!(shown["request"]["curl"].to_text().contains("'x-token: *****'"));
    }
    let writes = [format!("/api/deliveries/{id}/resend"), format!("/api/deliveries/{id}/cancel")];
    for path in writes {
        daemon.send(Ask::new("POST", &path).key(&both)).await.refused(403);
    }
    let wrong = format!("/api/deliveries/{id}?additional-fields%5Bdelivery%5D=secrets");
    let refused = daemon.ask(Ask::get(&wrong)).await.refused(400);
    assert_eq!(refused["source"]["parameter"], "additional-fields[delivery]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_attempt_it_is_shown_what_would_be_sent() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    change(&daemon, &webhook, json!({ "paused": true })).await;
    let event = daemon.recorded(Event::of("Viewed Product")).await;
    let id = only(&daemon).await;
    let shown = with_request(&daemon, &id, daemon.key()).await;
    assert!(shown["request"]["body"].to_text().contains(&event));
    assert!(shown["request"]["is_exact"].is_null() && shown["request"]["sent_at"].is_null());
    assert_eq!(shown["summary"], "held: its webhook is paused");
    let refused = act(&daemon, &id, "resend").await.refused(409);
    assert!(refused["detail"].to_text().contains("`paused: false`"));
    change(&daemon, &webhook, json!({ "paused": false, "enabled": false })).await;
    let refused = act(&daemon, &id, "resend").await.refused(409);
    assert!(refused["detail"].to_text().contains("`enabled: true`"));
    assert_eq!(receiver.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_delivery_is_sent_now_and_its_schedule_goes_on() {
    let (daemon, receiver, _) = daemon_with([Reply::Status(503), Reply::Status(500)], |_| {}).await;
    daemon.attempted(1).await;
    let id = only(&daemon).await;
    let resent = act(&daemon, &id, "resend").await.expect(202);
    assert_eq!(resent["data"]["attributes"]["state"], "scheduled");
    // The endpoint asked for a second's peace.
    daemon.advance(Duration::from_secs(1));
    let failed = daemon.attempted(2).await;
    assert_eq!((&failed["state"], &failed["resent_at"]), (&json!("scheduled"), &Value::Null));
    assert!(failed["summary"].to_text().starts_with("waits for its 3rd attempt at"));
    // The second step of the default schedule, with all its jitter.
    daemon.advance(Duration::from_millis(34_500));
    assert_eq!(daemon.attempted(3).await["state"], "delivered");
    receiver.received(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_delivery_is_sent_again_with_its_schedule_from_the_beginning() {
    let script = [500, 500, 500, 200].map(Reply::Status);
    let (daemon, receiver, _) = daemon_with(script, one_retry).await;
    daemon.attempted(1).await;
    daemon.advance(FIRST_RETRY);
    let exhausted = daemon.attempted(2).await;
    assert_eq!(exhausted["state"], "exhausted");
    assert!(exhausted["summary"].to_text().starts_with("given up after 2 attempts; last: "));
    let id = only(&daemon).await;
    act(&daemon, &id, "resend").await.expect(202);
    let failed = daemon.attempted(3).await;
    assert_eq!(failed["state"], "scheduled", "a failed attempt of a person's is no end");
    assert!(failed["resent_at"].is_string());
    daemon.advance(FIRST_RETRY);
    assert_eq!(daemon.attempted(4).await["state"], "delivered");
    // And what was delivered, too.
    act(&daemon, &id, "resend").await.expect(202);
    assert_eq!(daemon.attempted(5).await["state"], "delivered");
    let received = receiver.received(5).await;
    assert!(received.iter().all(|one| one.header("webhook-id") == id), "always the same message");
    act(&daemon, "none", "resend").await.refused(404);
    act(&daemon, "01M1PAC5N9PMXJ7672AC8B75VN", "resend").await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_delivery_is_not_sent() {
    let (daemon, receiver, _) = daemon_with([Reply::Status(503)], |_| {}).await;
    daemon.attempted(1).await;
    let id = only(&daemon).await;
    let cancelled = act(&daemon, &id, "cancel").await.expect(200);
    assert_eq!(cancelled["data"]["attributes"]["state"], "cancelled");
    let summary = cancelled["data"]["attributes"]["summary"].to_text();
    assert!(summary.starts_with("cancelled after one attempt; last: answered 503"), "{summary}");
    let refused = act(&daemon, &id, "cancel").await.refused(409);
    assert!(refused["detail"].to_text().contains("is cancelled already"));
    daemon.advance(Duration::from_secs(86_400));
    // Another delivery comes and goes: the loop has looked.
    daemon.event(Event::of("Viewed Product").unique("other")).await;
    receiver.received(2).await;
    daemon.settled(1, "delivered").await;
    act(&daemon, "01M1PAC5N9PMXJ7672AC8B75VN", "cancel").await.refused(404);
    act(&daemon, &id, "resend").await.expect(202);
    receiver.received(3).await;
    daemon.settled(2, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_cancelled_before_its_first_attempt_is_not_sent() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    change(&daemon, &webhook, json!({ "paused": true })).await;
    daemon.event(Event::of("Viewed Product")).await;
    act(&daemon, &only(&daemon).await, "cancel").await.expect(200);
    change(&daemon, &webhook, json!({ "paused": false })).await;
    let event = daemon.recorded(Event::of("Viewed Product").unique("other")).await;
    daemon.settled(1, "delivered").await;
    assert_eq!(receiver.received(1).await[0].event(), event);
}

async fn attempts(daemon: &Daemon, query: &str) -> Value {
    daemon.get(&format!("/api/delivery-attempts{query}")).await
}

fn numbers(page: &Value) -> Vec<u64> {
    let data = page["data"].as_array().expect("data is a list");
    data.iter().map(|one| one["id"].to_text().parse().expect("ids are numbers")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_sees_each_attempt_once_and_is_told_what_it_missed() {
    let (mut daemon, receiver, webhook) = daemon_with([Reply::Status(500)], |_| {}).await;
    daemon.attempted(1).await;
    let first = eventually("the attempt is told", async || {
        let page = attempts(&daemon, "").await;
        (numbers(&page) == [1]).then_some(page)
    })
    .await;
    assert_eq!(first["meta"], json!({ "last": 1, "missed": 0 }));
    let shown = &first["data"][0];
    assert_eq!(shown["attributes"]["status"], 500);
    assert_eq!(shown["attributes"]["state"], "scheduled");
    assert!(shown["attributes"]["due_at"].is_string());
    assert_eq!(shown["relationships"]["webhook"]["data"]["id"], webhook);
    assert_eq!(shown["relationships"]["delivery"]["data"]["id"], only(&daemon).await);

    let other = Receiver::start().await;
    daemon.webhook(&other.url(), &["event:api.other"]).await;
    // More than are remembered.
    for first in (0..3_000).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000)
            .map(|number| Event::of("Other").unique(&number.to_string()))
            .collect();
        let body = crate::harness::bulk(&events);
        daemon.ask(Ask::post("/api/event-bulk-create-jobs", body)).await.expect(202);
    }
    let all = eventually("all are told", async || {
        let page = attempts(&daemon, "").await;
        (page["meta"]["last"] == 3_001).then_some(page)
    })
    .await;
    assert_eq!(numbers(&all), (2_982..=3_001).collect::<Vec<_>>(), "the newest, oldest first");
    let (mut seen, mut last) = (Vec::new(), 1);
    loop {
        let page = attempts(&daemon, &format!("?page%5Bcursor%5D={last}")).await;
        let missed = if seen.is_empty() { 3_000 - 2_048 } else { 0 };
        assert_eq!(page["meta"]["missed"], missed);
        seen.extend(numbers(&page));
        last = page["meta"]["last"].as_u64().expect("it is a number");
        assert!(page["links"]["next"].to_text().ends_with(&format!("page%5Bcursor%5D={last}")));
        if numbers(&page).is_empty() {
            break;
        }
    }
    assert_eq!(seen, (3_001 - 2_047..=3_001).collect::<Vec<_>>());
    let filter = format!("?filter=equals(webhook_id,%22{webhook}%22)");
    assert_eq!(attempts(&daemon, &filter).await["meta"]["last"], 3_001);

    daemon.restart().await;
    daemon.event(Event::of("Viewed Product").unique("after")).await;
    receiver.received(2).await;
    eventually("a number of an earlier start is none", async || {
        let page = attempts(&daemon, &format!("?page%5Bcursor%5D={last}")).await;
        (numbers(&page) == [1]).then_some(())
    })
    .await;
    for wrong in ["?page%5Bcursor%5D=x", "?filter=equals(state,x)"] {
        daemon.ask(Ask::get(&format!("/api/delivery-attempts{wrong}"))).await.refused(400);
    }
}
