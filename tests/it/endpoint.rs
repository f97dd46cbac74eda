//! What a webhook may say about its endpoint: how deliveries look and how tidings proves itself.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Daemon, Event, Receiver, Reply, SECRET, assert_signed};

const TOPIC: &str = "event:api.viewed_product";

async fn delivered_with(own: serde_json::Value) -> crate::harness::Recorded {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(Event::of("Viewed Product")).await;
    let one = receiver.received(1).await.remove(0);
    assert_signed(&one, SECRET);
    one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_and_method_are_the_webhooks_own() {
    let own = json!({ "method": "PUT", "headers": { "X-Tenant": "acme", "X-Key": "k-1" } });
    let one = delivered_with(own).await;
    assert_eq!(one.method, "PUT");
    assert_eq!((one.header("X-Tenant"), one.header("X-Key")), ("acme", "k-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn basic_and_bearer_prove_who_sends() {
    let basic = json!({ "auth": { "type": "basic", "username": "u", "password": "pass" } });
    assert_eq!(delivered_with(basic).await.header("authorization"), "Basic dTpwYXNz");
    let bearer = json!({ "auth": { "type": "bearer", "token": "t0k" } });
    assert_eq!(delivered_with(bearer).await.header("authorization"), "Bearer t0k");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metric_and_profile_are_included_where_asked_for() {
    let one = delivered_with(json!({ "include": ["metric", "profile"] })).await;
    let body = one.json();
    let included = &body["data"][0]["payload"]["included"];
    assert_eq!(included[0]["type"], "metric");
    assert_eq!(included[0]["attributes"]["name"], "Viewed Product");
    assert_eq!(included[1]["attributes"]["email"], "a@example.org");
    let relationships = &body["data"][0]["payload"]["data"]["relationships"];
    assert_eq!(included[1]["id"], relationships["profile"]["data"]["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_lets_through_what_fits() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let filter = json!({ "filter": { "condition_groups": [
        { "conditions": [
            { "type": "metric-property", "field": "Brand",
              "filter": { "type": "string", "operator": "equals", "value": "X" } },
            { "type": "metric-property", "field": "$value",
              "filter": { "type": "numeric", "operator": "greater-than", "value": 100 } }] },
        { "conditions": [
            { "type": "profile-property", "property": "properties['plan']",
              "filter": { "type": "string", "operator": "not-equals", "value": "free" } }] },
    ] } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], filter).await;
    let event = |unique: &str, properties: &str| {
        Event::of("Viewed Product").unique(unique).properties(properties)
    };
    let free = json!({ "email": "f@example.org", "properties": { "plan": "free" } });
    daemon.event(event("brand", r#"{"Brand":"X"}"#)).await;
    daemon.event(event("other brand", r#"{"Brand":"Y"}"#)).await;
    daemon.event(event("value", "{}").with("value", "100.5")).await;
    daemon.event(event("small value", "{}").with("value", "100")).await;
    daemon.event(event("free", r#"{"Brand":"X"}"#).about(free)).await;
    let mut sent: Vec<_> = receiver.received(2).await.iter().map(|one| one.unique_id()).collect();
    sent.sort();
    assert_eq!(sent, ["brand", "value"]);
    assert_eq!(daemon.deliveries("").await.len(), 2, "what does not fit is never scheduled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_got_once_and_again_when_it_is_not_accepted() {
    let tokens = Receiver::scripted([
        Reply::Json(r#"{"access_token":"first","token_type":"bearer","expires_in":3600}"#),
        Reply::Json(r#"{"access_token":"second","token_type":"bearer","expires_in":3600}"#),
    ])
    .await;
    let script = [Reply::Status(200), Reply::Status(200), Reply::Status(401)];
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    let own = json!({ "concurrency": 1, "auth": { "type": "oauth2", "token_url": tokens.url(),
        "client_id": "tidings", "client_secret": "s3cret", "scope": "hooks" } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    for number in 0..3 {
        daemon.event(Event::of("Viewed Product").unique(&number.to_string())).await;
        receiver.received(number + 1).await;
    }
    daemon.settled(2, "delivered").await;
    daemon.advance(Duration::from_secs(6));
    let all = receiver.received(4).await;
    let used: Vec<_> = all.iter().map(|one| one.header("authorization").to_owned()).collect();
    assert_eq!(used, ["Bearer first", "Bearer first", "Bearer first", "Bearer second"]);
    let asked = tokens.received(2).await;
    let form = String::from_utf8_lossy(&asked[0].body).into_owned();
    let expected =
        "grant_type=client_credentials&client_id=tidings&client_secret=s3cret&scope=hooks";
    assert_eq!(form, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_sent_and_the_reason_is_told() {
    let tokens = Receiver::scripted([Reply::Status(403)]).await;
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let own = json!({ "auth": { "type": "oauth2", "token_url": tokens.url(),
        "client_id": "tidings", "client_secret": "s3cret" } });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(Event::of("Viewed Product")).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(failed["last_error"], "no_token");
    let summary = failed["attempts"][0]["summary"].as_str().unwrap_or_default().to_owned();
    assert!(summary.contains("answered 403"), "{summary}");
    assert!(!failed.to_string().contains("s3cret"));
    assert_eq!(receiver.count(), 0);
}
