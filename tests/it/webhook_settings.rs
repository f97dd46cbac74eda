//! What a webhook may say beyond the original: told, read back without its secrets, changed in
//! parts; and the consent of endpoints that want to be asked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Receiver, Reply, ToText as _, webhook_document, webhook_patch};

const URL: &str = "https://203.0.114.7/hooks/token";
const TOPIC: &str = "event:api.viewed_product";

/// A certificate and its key, in PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]);
    let made = made.expect("a certificate can be made");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Every setting, none with its default. The secrets among them begin with `s3cret`.
fn everything(certificate: &str, key: &str) -> Value {
    json!({
        "method": "PUT",
        "headers": { "X-Gateway-Token": "s3cret-header", "X-Team": "s3cret-team" },
        "filter": { "condition_groups": [{ "conditions": [{
            "type": "metric-property", "field": "Brand",
            "filter": { "type": "string", "operator": "equals", "value": "X" },
        }] }] },
        "include": ["metric", "profile"],
        "timeout_seconds": 30,
        "retry_schedule": ["5s", "2m", "1h", "7d"],
        "retry_max_age": "3d",
        "concurrency": 1,
        "rate_limit": { "requests": 10, "period": "second" },
        "ordering": "strict",
        "park_after": "1h",
        "batch": { "max_events": 50, "max_wait_ms": 500, "max_bytes": 65536 },
        "tls": { "ca": certificate, "client_certificate": certificate, "client_key": key },
        "auth": {
            "type": "oauth2", "token_url": "https://203.0.114.7/oauth/token",
            "client_id": "us", "client_secret": "s3cret-client", "scope": "hooks",
        },
        "signatures": ["standard", "ed25519"],
        "paused": true,
        "handshake": "none",
    })
}

fn document(url: &str, settings: &Value) -> Value {
    let mut document = webhook_document(url, &[TOPIC]);
    let attributes = document["data"]["attributes"].as_object_mut().expect("it has attributes");
    attributes.extend(settings.as_object().expect("settings are an object").clone());
    document
}

async fn create(daemon: &Daemon, url: &str, settings: &Value) -> Value {
    daemon.ask(Ask::post("/api/webhooks", document(url, settings))).await.expect(201)["data"]
        .clone()
}

async fn patch(daemon: &Daemon, id: &str, attributes: Value) -> crate::harness::Answer {
    daemon.ask(Ask::patch(&format!("/api/webhooks/{id}"), webhook_patch(id, attributes))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_says_nothing_more_is_the_original() {
    let daemon = Daemon::start().await;
    let made = create(&daemon, URL, &json!({})).await;
    for (name, value) in [
        ("method", json!("POST")),
        ("headers", json!({})),
        ("filter", json!(null)),
        ("include", json!([])),
        ("timeout_seconds", json!(null)),
        ("retry_schedule", json!("standard")),
        ("retry_max_age", json!(null)),
        ("concurrency", json!(null)),
        ("rate_limit", json!(null)),
        ("ordering", json!("none")),
        ("park_after", json!(null)),
        ("batch", json!(null)),
        ("tls", json!(null)),
        ("auth", json!(null)),
        ("signatures", json!(["klaviyo", "standard"])),
        ("paused", json!(false)),
        ("handshake", json!("none")),
        ("disabled_at", json!(null)),
        ("disabled_reason", json!(null)),
        ("disabled_detail", json!(null)),
        ("previous_secret_expires_at", json!(null)),
        ("klaviyo_signed_with", json!("current")),
        ("ed25519_public_key", json!(null)),
    ] {
        assert_eq!(made["attributes"][name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_was_told_is_read_back_without_its_secrets() {
    let mut daemon = Daemon::start().await;
    let (certificate, key) = certificate();
    let told = everything(&certificate, &key);
    let made = create(&daemon, URL, &told).await;
    let mut expected = told.clone();
    for secret in
        ["/headers/X-Gateway-Token", "/headers/X-Team", "/tls/client_key", "/auth/client_secret"]
    {
        *expected.pointer_mut(secret).expect("it is there") = "*****".into();
    }
    for (name, value) in expected.as_object().expect("it is an object") {
        assert_eq!(made["attributes"][name], *value, "{name}");
    }
    assert!(made["attributes"]["ed25519_public_key"].to_text().starts_with("whpk_"));
    let path = format!("/api/webhooks/{}", made["id"].to_text());
    for answer in [daemon.get(&path).await, daemon.get("/api/webhooks").await] {
        let text = answer.to_string();
        assert!(!text.contains("s3cret") && !text.contains("PRIVATE KEY"), "{text}");
    }
    // Only full keys see what follows a host; the address of tokens is like that of deliveries.
    let reader = daemon.make_key(&["webhooks:read"]).await;
    let shown = daemon.send(Ask::get(&path).key(&reader)).await.expect(200);
    let shown = &shown["data"]["attributes"];
    assert_eq!(shown["auth"]["token_url"], "https://203.0.114.7/*****");

    let before = daemon.get(&path).await["data"]["attributes"].clone();
    daemon.restart().await;
    assert_eq!(daemon.get(&path).await["data"]["attributes"], before, "a restart keeps it all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_may_be_sent_back() {
    let daemon = Daemon::start().await;
    let (certificate, key) = certificate();
    let made = create(&daemon, URL, &everything(&certificate, &key)).await;
    let id = made["id"].to_text();
    daemon.advance(Duration::from_secs(1));
    let mut attributes = made["attributes"].clone();
    attributes["timeout_seconds"] = 31.into();
    let changed = patch(&daemon, &id, attributes.clone()).await.expect(200);
    attributes["updated_at"] = "2026-09-04T13:38:56.000000+00:00".into();
    assert_eq!(changed["data"]["attributes"], attributes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_merged_and_null_resets() {
    let daemon = Daemon::start().await;
    let headers = json!({ "headers": { "X-A": "a", "X-B": "b" }, "timeout_seconds": 9 });
    let id = create(&daemon, URL, &headers).await["id"].to_text();
    for (change, name, expected) in [
        (
            json!({ "headers": { "X-B": null, "X-C": "c" } }),
            "headers",
            json!({ "X-A": "*****", "X-C": "*****" }),
        ),
        (json!({ "name": "other" }), "timeout_seconds", json!(9)),
        (json!({ "timeout_seconds": null }), "timeout_seconds", json!(null)),
        (json!({ "headers": null }), "headers", json!({})),
        (
            json!({ "batch": {} }),
            "batch",
            json!({ "max_events": 100, "max_wait_ms": 1000, "max_bytes": 1048576 }),
        ),
        (json!({ "signatures": ["github"] }), "signatures", json!(["github"])),
        (json!({ "signatures": null }), "signatures", json!(["klaviyo", "standard"])),
    ] {
        let changed = patch(&daemon, &id, change.clone()).await.expect(200);
        assert_eq!(changed["data"]["attributes"][name], expected, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_the_field_and_changes_nothing() {
    let daemon = Daemon::start().await;
    let id = create(&daemon, URL, &json!({ "ordering": "by-profile" })).await["id"].to_text();
    let path = format!("/api/webhooks/{id}");
    let before = daemon.get(&path).await;
    for (change, pointer) in [
        (json!({ "name": "other", "batch": {} }), "batch"),
        (json!({ "headers": { "Host": "h.example" } }), "headers/Host"),
        (json!({ "filter": { "condition_groups": [{}] } }), "filter/condition_groups/0/conditions"),
        (json!({ "auth": { "type": "bearer", "token": "*****" } }), "auth/token"),
        (json!({ "klaviyo_signed_with": "previous" }), "klaviyo_signed_with"),
        (json!({ "generate_secret": true }), "generate_secret"),
        (json!({ "enabled": false, "backlog": "skip" }), "backlog"),
    ] {
        let refused = patch(&daemon, &id, change.clone()).await.refused(400);
        let expected = format!("/data/attributes/{pointer}");
        assert_eq!(refused["source"]["pointer"], expected, "{change}: {refused}");
        assert_eq!(daemon.get(&path).await, before, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_tells_since_when_and_why_it_is_off() {
    let daemon = Daemon::start().await;
    let id = daemon.webhook(URL, &[TOPIC]).await;
    daemon.advance(Duration::from_secs(1));
    let off = patch(&daemon, &id, json!({ "enabled": false })).await.expect(200);
    let off = &off["data"]["attributes"];
    assert_eq!(off["disabled_at"], "2026-09-04T13:38:56.000000+00:00");
    assert_eq!(
        (&off["disabled_reason"], &off["disabled_detail"]),
        (&json!("manual"), &json!(null))
    );
    let on = patch(&daemon, &id, json!({ "enabled": true, "backlog": "skip" })).await.expect(200);
    let on = &on["data"]["attributes"];
    assert_eq!((&on["disabled_at"], &on["disabled_reason"]), (&json!(null), &json!(null)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_asked_for_its_consent_when_its_address_is_saved() {
    const YES: Reply = Reply::Headers(200, &[("WebHook-Allowed-Origin", "127.0.0.1")]);
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([YES, YES]).await;
    let settings = json!({
        "handshake": "cloudevents", "rate_limit": { "requests": 2, "period": "second" },
    });
    let id = create(&daemon, &receiver.url(), &settings).await["id"].to_text();
    let asked = receiver.received(1).await.remove(0);
    assert_eq!((asked.method.as_str(), asked.body.len()), ("OPTIONS", 0));
    assert_eq!(asked.header("WebHook-Request-Origin"), "127.0.0.1");
    assert_eq!(asked.header("WebHook-Request-Rate"), "120");
    patch(&daemon, &id, json!({ "name": "other", "endpoint_url": receiver.url() }))
        .await
        .expect(200);
    receiver.received(1).await;
    let elsewhere = format!("{}/elsewhere", receiver.url());
    patch(&daemon, &id, json!({ "endpoint_url": elsewhere })).await.expect(200);
    assert_eq!(receiver.received(2).await[1].path, "/hook/elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_does_not_consent_gets_no_webhook() {
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([
        Reply::Status(405),
        Reply::Status(200),
        Reply::Headers(200, &[("WebHook-Allowed-Origin", "other.example")]),
        Reply::Close,
    ])
    .await;
    let settings = json!({ "handshake": "cloudevents" });
    for told in ["405", "no WebHook-Allowed-Origin", "other.example", "closed"] {
        let ask = Ask::post("/api/webhooks", document(&receiver.url(), &settings));
        let refused = daemon.ask(ask).await.refused(400);
        assert_eq!(refused["source"]["pointer"], "/data/attributes/endpoint_url");
        assert!(refused["detail"].to_text().contains(told), "{told}: {refused}");
    }
    assert_eq!(daemon.get("/api/webhooks").await["data"], json!([]));
    // Nor is one changed.
    let id = daemon.webhook(URL, &[TOPIC]).await;
    let refusing = Receiver::scripted([Reply::Status(404)]).await;
    let change = json!({ "endpoint_url": refusing.url(), "handshake": "cloudevents" });
    patch(&daemon, &id, change).await.refused(400);
    let kept = daemon.get(&format!("/api/webhooks/{id}")).await;
    assert_eq!(kept["data"]["attributes"]["endpoint_url"], URL);
    assert_eq!(kept["data"]["attributes"]["handshake"], "none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_may_ask_for_a_lower_rate() {
    const SLOWLY: Reply =
        Reply::Headers(204, &[("WebHook-Allowed-Origin", "*"), ("WebHook-Allowed-Rate", "60")]);
    let daemon = Daemon::start().await;
    let receiver = Receiver::scripted([SLOWLY, SLOWLY]).await;
    let made = create(&daemon, &receiver.url(), &json!({ "handshake": "cloudevents" })).await;
    let expected = json!({ "requests": 60, "period": "minute" });
    assert_eq!(made["attributes"]["rate_limit"], expected);
    let faster = json!({
        "handshake": "cloudevents", "rate_limit": { "requests": 2, "period": "second" },
    });
    let ask = Ask::post("/api/webhooks", document(&receiver.url(), &faster));
    let refused = daemon.ask(ask).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/rate_limit");
    assert!(refused["detail"].to_text().contains("60 requests per minute"), "{refused}");
}
