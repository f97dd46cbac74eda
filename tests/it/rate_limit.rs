//! The rate limit, where one is configured: refusals and headers as the official SDKs read them
//! (contract: wire.md §4.1, §5.1).

use std::num::NonZeroU32;
use std::time::Duration;

use crate::harness::{Ask, Daemon};

async fn limited() -> Daemon {
    Daemon::start_with(|config| {
        config.rate_limit.requests_per_second = NonZeroU32::new(2);
        config.rate_limit.requests_per_minute = NonZeroU32::new(3);
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_told_when_to_come_back() {
    let daemon = limited().await;
    let ask = || daemon.ask(Ask::get("/api/accounts"));
    let first = ask().await;
    first.expect(200);
    assert_eq!(first.header("ratelimit-limit"), Some("2, 2;w=1, 3;w=60"));
    assert_eq!(first.header("ratelimit-remaining"), Some("1"));
    assert_eq!(first.header("ratelimit-reset"), Some("1"));
    ask().await.expect(200);

    let refused = ask().await;
    let error = refused.refused(429);
    assert_eq!(error["code"], "throttled");
    assert_eq!(error["detail"], "Request was throttled. Expected available in 1 second.");
    assert_eq!(error["source"]["pointer"], "/data");
    assert!(refused.header("ratelimit-limit").is_none());
    // PHP and Ruby look it up in exactly this spelling, and Python wants a whole number.
    assert!(refused.head.contains("\r\nRetry-After: 1"), "{}", refused.head);

    daemon.advance(Duration::from_secs(1));
    let third = ask().await;
    third.expect(200);
    assert_eq!(third.header("ratelimit-remaining"), Some("0"));
    // 13:38:56: the minute's window opens again in four seconds.
    let refused = ask().await;
    refused.refused(429);
    assert!(refused.head.contains("\r\nRetry-After: 4"), "{}", refused.head);
    daemon.advance(Duration::from_secs(4));
    ask().await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_has_its_own_share_and_the_operator_needs_none() {
    let daemon = limited().await;
    let other = daemon.operator(Ask::post(
        "/api/keys",
        crate::harness::key_document("other", &["accounts:read"]),
    ));
    let other = other.await.expect(201)["data"]["attributes"]["key"].clone();
    let other = other.as_str().expect("a key is text").to_owned();
    for _ in 0..2 {
        daemon.ask(Ask::get("/api/accounts")).await.expect(200);
    }
    daemon.ask(Ask::get("/api/accounts")).await.refused(429);
    daemon.send(Ask::get("/api/accounts").key(&other)).await.expect(200);
    for _ in 0..5 {
        daemon.operator(Ask::get("/api/accounts")).await.expect(200);
        daemon.send(Ask::get("/healthz")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_limit_nothing_is_said_of_one() {
    let daemon = Daemon::start().await;
    for _ in 0..50 {
        let answer = daemon.ask(Ask::get("/api/accounts")).await;
        answer.expect(200);
        assert!(!answer.head.to_ascii_lowercase().contains("ratelimit"), "{}", answer.head);
    }
}
