//! What an operator decides, seen from outside: the address guard, public names, the account,
//! and one daemon per data directory.

use tidings::config::Config;
use tidings::server::{Server, StartError};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, webhook_document, webhook_patch};

const TOPIC: &str = "event:api.seen";

/// A daemon as it runs in earnest.
fn in_earnest(config: &mut Config) {
    config.dev = false;
    config.egress.allow_http = false;
    config.egress.allow_loopback = false;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_not_public_https_is_refused_when_it_is_saved() {
    let daemon = Daemon::start_with(in_earnest).await;
    let good = daemon.webhook("https://203.0.114.7/hook", &[TOPIC]).await;
    for url in [
        "http://203.0.114.7/hook",
        "https://127.0.0.1/hook",
        "https://127.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://0/hook",
        "https://localhost/hook",
        "https://intranet/hook",
        "https://user:secret@203.0.114.7/hook",
        "file:///etc/passwd",
        "hook",
        "",
    ] {
        let refused = daemon.ask(Ask::post("/api/webhooks", webhook_document(url, &[TOPIC]))).await;
        let pointer = refused.refused(400)["source"]["pointer"].to_text();
        assert_eq!(pointer, "/data/attributes/endpoint_url", "{url}");
        let patch = webhook_patch(&good, serde_json::json!({ "endpoint_url": url }));
        daemon.ask(Ask::patch(&format!("/api/webhooks/{good}"), patch)).await.refused(400);
    }
    let kept = daemon.get(&format!("/api/webhooks/{good}")).await;
    assert_eq!(kept["data"]["attributes"]["endpoint_url"], "https://203.0.114.7/hook");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_loopback_is_refused_when_it_is_dialled() {
    let receiver = Receiver::start().await;
    let config = |config: &mut Config| {
        in_earnest(config);
        config.egress.allow_http = true;
        // Somebody who allows a network may have names for it, so names are not judged when saved.
        config.egress.allow = vec!["10.0.0.0/8".parse().expect("a network")];
    };
    let daemon = Daemon::start_with(config).await;
    let url = receiver.url().replace("127.0.0.1", "localhost");
    daemon.webhook(&url, &[TOPIC]).await;
    daemon.event(Event::of("Seen")).await;
    assert_eq!(daemon.attempted(1).await["last_error"], "address_refused");
    assert!(receiver.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_stricter_rules_forbid_fails_and_says_so() {
    let receiver = Receiver::start().await;
    let mut daemon = Daemon::start().await;
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.reconfigure(in_earnest);
    daemon.restart().await;
    daemon.get(&format!("/api/webhooks/{webhook}")).await;
    daemon.event(Event::of("Seen")).await;
    let failed = daemon.attempted(1).await;
    assert_eq!(
        (&failed["state"], &failed["last_error"]),
        (&"scheduled".into(), &"address_refused".into())
    );
    assert!(receiver.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_one_data_directory_is_refused_with_a_reason() {
    let daemon = Daemon::start().await;
    let refused = Server::start(daemon.config(), daemon.clock().clone()).await;
    let Err(error @ StartError::Store(_)) = refused else { panic!("it started") };
    let told = error.to_string();
    assert!(told.contains("another tidings daemon runs on this data directory"), "{told}");
    assert!(told.contains(&daemon.config().data_dir.display().to_string()), "{told}");
    // The first one goes on, and so does its socket.
    daemon.operator(Ask::get("/api/accounts")).await.expect(200);
    daemon.get("/api/accounts").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_use_is_refused_with_a_way_out() {
    let daemon = Daemon::start().await;
    let other = tempfile::tempdir().expect("a directory can be made");
    let mut config = Config::default_for(other.path().join("data"));
    config.listen = daemon.base().trim_start_matches("http://").parse().expect("an address");
    let refused = Server::start(&config, daemon.clock().clone()).await;
    let Err(error @ StartError::Listen(..)) = refused else { panic!("it started") };
    assert!(error.to_string().contains("--listen"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_begin_with_the_public_url() {
    let config = |config: &mut Config| {
        config.public_url = url::Url::parse("https://hooks.example.com/tidings/").ok();
    };
    let (daemon, receiver) = (Daemon::start_with(config).await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let link =
        daemon.get(&format!("/api/webhooks/{webhook}")).await["data"]["links"]["self"].clone();
    assert_eq!(link, format!("https://hooks.example.com/tidings/api/webhooks/{webhook}/"));
    daemon.event(Event::of("Seen")).await;
    let delivered = receiver.received(1).await.remove(0);
    let link = &delivered.json()["data"][0]["payload"]["data"]["links"]["self"];
    let expected = format!("https://hooks.example.com/tidings/api/events/{}/", delivered.event());
    assert_eq!(*link, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_is_the_configured_one() {
    let config = |config: &mut Config| {
        config.account.public_api_key = Some("AbC123".to_owned());
        config.account.organization_name = "Ink & Sons".to_owned();
        config.account.preferred_currency = "EUR".to_owned();
    };
    let mut daemon = Daemon::start_with(config).await;
    for _ in 0..2 {
        let account = daemon.get("/api/accounts").await["data"][0].clone();
        let shown = &account["attributes"];
        assert_eq!(
            (&account["id"], &shown["public_api_key"]),
            (&"AbC123".into(), &"AbC123".into())
        );
        assert_eq!(shown["contact_information"]["organization_name"], "Ink & Sons");
        assert_eq!(shown["preferred_currency"], "EUR");
        assert_eq!(daemon.get("/api/accounts/AbC123").await["data"], account);
        daemon.restart().await;
    }
}
