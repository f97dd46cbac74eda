//! Who may call what: keys, scopes, and the operator's socket.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{Ask, Daemon, Event, ToText as _, key_document};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_key_there_is_a_401() {
    let daemon = Daemon::start().await;
    let accounts = || Ask::get("/api/accounts");
    let key = daemon.key();
    for ask in [
        accounts(),
        accounts().header("Authorization", ""),
        accounts().header("Authorization", key),
        accounts().header("Authorization", &format!("Basic {key}")),
        accounts().key(""),
        accounts().key("pk_wrong"),
        accounts().key(&key.to_uppercase()),
    ] {
        let answer = daemon.send(ask.clone()).await;
        let refused = answer.refused(401);
        assert_eq!(refused["code"], "authentication_failed", "{ask:?}");
        assert_eq!(refused["title"], "Incorrect authentication credentials.");
        assert_eq!(answer.header("www-authenticate"), Some("Klaviyo-API-Key"));
        assert!(!answer.body.contains(key), "a refusal does not repeat a key");
    }
    for scheme in ["Klaviyo-API-Key", "klaviyo-api-key", "Bearer"] {
        let given = format!("{scheme} {key}");
        daemon.send(accounts().header("Authorization", &given)).await.expect(200);
    }
}

/// Every call that needs scopes, from the document that the daemon gives out itself.
async fn protected(daemon: &Daemon) -> Vec<(&'static str, String, Vec<String>)> {
    let document = daemon.send(Ask::get("/openapi.json")).await.expect(200);
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        for (name, method) in
            [("get", "GET"), ("post", "POST"), ("patch", "PATCH"), ("delete", "DELETE")]
        {
            let Some(scopes) = methods[name]["x-scopes"].as_array() else { continue };
            let scopes = scopes.iter().map(Value::to_text).collect();
            calls.push((method, path.replace("{id}", "none"), scopes));
        }
    }
    assert!(calls.len() > 20);
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_asks_for_its_scopes() {
    let daemon = Daemon::start().await;
    let other = daemon.make_key(&["keys:read"]).await;
    let others = daemon.make_key(&["events:write"]).await;
    for (method, path, scopes) in protected(&daemon).await {
        let useless = if scopes == ["keys:read"] { &others } else { &other };
        let refused = daemon.send(Ask::new(method, &path).key(useless)).await.refused(403);
        assert_eq!(refused["code"], "permission_denied", "{method} {path}");
        daemon.send(Ask::new(method, &path)).await.refused(401);
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let enough = daemon.make_key(&scopes).await;
        let allowed = daemon.send(Ask::new(method, &path).key(&enough)).await;
        assert!(![401, 403].contains(&allowed.status), "{method} {path} with {scopes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_needs_no_key() {
    let daemon = Daemon::start().await;
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        daemon.send(Ask::get(path)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_good_for_nothing_at_once_and_for_good() {
    let mut daemon = Daemon::start().await;
    let made = daemon.ask(Ask::post("/api/keys", key_document("app", &["events:write"]))).await;
    let made = made.expect(201)["data"].clone();
    let key = made["attributes"]["key"].to_text();
    let post = || Ask::post("/api/events", Event::of("Seen").document()).key(&key);
    daemon.send(post()).await.expect(202);
    let path = format!("/api/keys/{}", made["id"].to_text());
    daemon.ask(Ask::delete(&path)).await.expect(204);
    daemon.send(post()).await.refused(401);
    daemon.ask(Ask::delete(&path)).await.expect(204);
    daemon.restart().await;
    daemon.send(post()).await.refused(401);
    daemon.ask(Ask::delete("/api/keys/none")).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once() {
    let daemon = Daemon::start().await;
    let key = daemon.make_key(&["events:write"]).await;
    assert!(key.starts_with("pk_") && key.len() > 40, "256 bits");
    let listed = daemon.ask(Ask::get("/api/keys")).await;
    assert!(!listed.body.contains(&key));
    let newest = listed.expect(200)["data"].as_array().and_then(|all| all.last().cloned());
    let newest = newest.expect("there is a key");
    assert_eq!(newest["attributes"]["hint"], format!("…{}", key.split_at(key.len() - 4).1));
    assert_eq!(newest["attributes"]["scopes"], serde_json::json!(["events:write"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hands_out_more_than_they_have() {
    let daemon = Daemon::start().await;
    let own = daemon.make_key(&["keys:write", "events:read"]).await;
    for scopes in [&["full"][..], &["events:write"], &["events:read", "webhooks:read"]] {
        let ask = Ask::post("/api/keys", key_document("more", scopes)).key(&own);
        daemon.send(ask).await.refused(403);
    }
    let ask = Ask::post("/api/keys", key_document("less", &["events:read"])).key(&own);
    daemon.send(ask).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_socket_needs_no_key_and_is_the_owners_alone() {
    let daemon = Daemon::start().await;
    daemon.operator(Ask::get("/api/keys")).await.expect(200);
    let made = daemon.operator(Ask::post("/api/keys", key_document("any", &["full"]))).await;
    made.expect(201);
    // There is no host name on this way that could be a wrong one.
    daemon.operator(Ask::get("/api/keys").header("Host", "tidings")).await.expect(200);
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode(daemon.socket()), 0o600);
    let directory = &daemon.config().data_dir;
    assert_eq!(mode(directory), 0o700);
    assert_eq!(mode(&directory.join(tidings::server::DEV_KEY_FILE)), 0o600);
}
