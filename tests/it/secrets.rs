//! Signing secrets: made, rotated with an overlap, sealed on disk.
//!
//! Signatures are checked without `tidings::signing`: a mistake made there must not be made here.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tidings::server::{STORE_FILE, Server};

use crate::harness::{
    Ask, Daemon, Event, Receiver, Recorded, SECRET, ToText as _, assert_signed, webhook_document,
    webhook_patch,
};

const TOPIC: &str = "event:api.viewed_product";

/// Which of these secrets signed Klaviyo's header, and which the standard's.
fn signed_by<'s>(delivered: &Recorded, secrets: &[&'s str]) -> (Vec<&'s str>, Vec<&'s str>) {
    let klaviyo = |secret: &&&str| {
        let date = delivered.header("Klaviyo-Timestamp");
        let mut state = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        state.update(&delivered.body);
        state.update(date.as_bytes());
        let bytes = state.finalize().into_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        delivered.header("Klaviyo-Signature") == hex
    };
    let standard = |secret: &&&str| {
        let stranger = match secret.strip_prefix("whsec_") {
            Some(_) => standardwebhooks::Webhook::new(secret),
            None => standardwebhooks::Webhook::from_bytes(secret.as_bytes().to_vec()),
        };
        let seconds = delivered.header("webhook-timestamp").parse().expect("whole seconds");
        let id = delivered.header("webhook-id");
        let signed = stranger.and_then(|own| own.sign(id, seconds, &delivered.body));
        let signed = signed.expect("the stranger can sign");
        delivered.header("webhook-signature").split(' ').any(|one| one == signed)
    };
    (
        secrets.iter().filter(klaviyo).copied().collect(),
        secrets.iter().filter(standard).copied().collect(),
    )
}

/// Whether the owner of this public key signed.
fn ed25519_signed(delivered: &Recorded, public: &str) -> bool {
    let key = STANDARD.decode(public.strip_prefix("whpk_").expect("it is a public key"));
    let key = UnparsedPublicKey::new(&ED25519, key.expect("the rest is base64"));
    let (id, seconds) = (delivered.header("webhook-id"), delivered.header("webhook-timestamp"));
    let message = [id.as_bytes(), b".", seconds.as_bytes(), b".", &delivered.body].concat();
    delivered.header("webhook-signature").split(' ').any(|one| {
        let signature = one.strip_prefix("v1a,").and_then(|text| STANDARD.decode(text).ok());
        signature.is_some_and(|signature| key.verify(&message, &signature).is_ok())
    })
}

async fn rotate(daemon: &Daemon, id: &str, attributes: Value) -> crate::harness::Answer {
    let body = json!({ "data": { "type": "webhook", "attributes": attributes } });
    daemon.ask(Ask::post(&format!("/api/webhooks/{id}/rotate-secret"), body)).await
}

/// The delivery of one more event.
async fn delivered(daemon: &Daemon, receiver: &Receiver) -> Recorded {
    let before = receiver.count();
    daemon.event(Event::of("Viewed Product").unique(&before.to_string())).await;
    receiver.received(before + 1).await.pop().expect("one has come")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_made_is_shown_once() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let mut document = webhook_document(&receiver.url(), &[TOPIC]);
    let attributes = document["data"]["attributes"].as_object_mut().expect("it has attributes");
    attributes.remove("secret_key");
    attributes.insert("generate_secret".to_owned(), true.into());
    // Whatever fields are asked for.
    let ask = Ask::post("/api/webhooks?fields[webhook]=name", document);
    let made = daemon.ask(ask).await.expect(201);
    let secret = made["data"]["attributes"]["secret_key"].to_text();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let path = format!("/api/webhooks/{}", made["data"]["id"].to_text());
    assert!(!daemon.ask(Ask::get(&path)).await.body.contains(&secret));
    let (klaviyo, standard) = signed_by(&delivered(&daemon, &receiver).await, &[&secret]);
    assert_eq!((klaviyo.len(), standard.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_secrets_sign_until_the_overlap_ends() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let id = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let path = format!("/api/webhooks/{id}");
    let rotated = rotate(&daemon, &id, json!({ "overlap": "2h" })).await.expect(200);
    let told = &rotated["data"]["attributes"];
    assert_eq!(told["previous_secret_expires_at"], "2026-09-04T15:38:55.000000+00:00");
    assert_eq!(told["klaviyo_signed_with"], "previous");
    let new = told["secret_key"].to_text();
    let both = [SECRET, new.as_str()];
    let expect = |delivered: &Recorded, klaviyo: &str| {
        assert_eq!(signed_by(delivered, &both), (vec![klaviyo], both.to_vec()));
    };
    expect(&delivered(&daemon, &receiver).await, SECRET);
    daemon.restart().await;
    expect(&delivered(&daemon, &receiver).await, SECRET);
    let choose = webhook_patch(&id, json!({ "klaviyo_signed_with": "current" }));
    daemon.ask(Ask::patch(&path, choose)).await.expect(200);
    expect(&delivered(&daemon, &receiver).await, &new);
    let choose = webhook_patch(&id, json!({ "klaviyo_signed_with": "previous" }));
    daemon.ask(Ask::patch(&path, choose)).await.expect(200);

    daemon.advance(Duration::from_secs(7_200));
    let last = delivered(&daemon, &receiver).await;
    assert_eq!(signed_by(&last, &both), (vec![new.as_str()], vec![new.as_str()]));
    let after = daemon.get(&path).await["data"]["attributes"].clone();
    assert_eq!(after["previous_secret_expires_at"], json!(null));
    assert_eq!(after["klaviyo_signed_with"], "current");
    assert!(after.get("secret_key").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overlap_ends_before_the_next_rotation() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let id = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let previous = format!("/api/webhooks/{id}/previous-secret");
    daemon.ask(Ask::delete(&previous)).await.refused(404);
    let second = "the-second-secret-of-this-webhook";
    rotate(&daemon, &id, json!({ "secret_key": second })).await.expect(200);
    let refused = rotate(&daemon, &id, json!({})).await.refused(409);
    assert!(refused["detail"].to_text().contains(&previous), "{refused}");
    assert_eq!(daemon.ask(Ask::delete(&previous)).await.status, 204);
    assert_signed(&delivered(&daemon, &receiver).await, second);

    // Without a body everything is as it comes; without an overlap the old secret ends at once.
    let ask = Ask::new("POST", &format!("/api/webhooks/{id}/rotate-secret"));
    let third = daemon.ask(ask).await.expect(200)["data"]["attributes"]["secret_key"].to_text();
    assert_eq!(daemon.ask(Ask::delete(&previous)).await.status, 204);
    let (klaviyo, standard) = signed_by(&delivered(&daemon, &receiver).await, &[second, &third]);
    assert_eq!((klaviyo, standard), (vec![third.as_str()], vec![third.as_str()]));
    let given = rotate(&daemon, &id, json!({ "secret_key": SECRET, "overlap": "0s" })).await;
    let given = given.expect(200);
    assert_eq!(given["data"]["attributes"]["previous_secret_expires_at"], json!(null));
    assert!(given["data"]["attributes"].get("secret_key").is_none(), "a given one is not repeated");
    assert_signed(&delivered(&daemon, &receiver).await, SECRET);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_pair_is_made_and_rotated_with_the_secret() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let id = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    let path = format!("/api/webhooks/{id}");
    let patch = webhook_patch(&id, json!({ "signatures": ["ed25519", "klaviyo"] }));
    let changed = daemon.ask(Ask::patch(&path, patch)).await.expect(200);
    let old = changed["data"]["attributes"]["ed25519_public_key"].to_text();
    assert!(ed25519_signed(&delivered(&daemon, &receiver).await, &old));
    let rotated = rotate(&daemon, &id, json!({ "overlap": "1h" })).await.expect(200);
    let new = rotated["data"]["attributes"]["ed25519_public_key"].to_text();
    assert_ne!(old, new);
    let both = delivered(&daemon, &receiver).await;
    assert!(ed25519_signed(&both, &old) && ed25519_signed(&both, &new));
    daemon.advance(Duration::from_secs(3_600));
    let last = delivered(&daemon, &receiver).await;
    assert!(!ed25519_signed(&last, &old) && ed25519_signed(&last, &new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_lies_in_the_store_and_all_are_there_after_a_restart() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]);
    let made = made.expect("a certificate can be made");
    let key = made.signing_key.serialize_pem();
    let mut document = webhook_document(&receiver.url(), &[TOPIC]);
    let attributes = document["data"]["attributes"].as_object_mut().expect("it has attributes");
    let settings = json!({
        "headers": { "X-Token": "find-me-header" },
        "auth": { "type": "bearer", "token": "find-me-token" },
        "tls": { "client_certificate": made.cert.pem(), "client_key": key },
        "secret_key": "find-me-first-secret",
    });
    attributes.extend(settings.as_object().expect("it is an object").clone());
    let made = daemon.ask(Ask::post("/api/webhooks", document)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let second = json!({ "secret_key": "find-me-second-secret" });
    rotate(&daemon, &id, second).await.expect(200);

    daemon.stop().await;
    let file = std::fs::read(daemon.config().data_dir.join(STORE_FILE)).expect("it is a file");
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("X-Token"), "the clear part is in the file, so this search finds things");
    let line_of_key = key.lines().nth(1).expect("a key has lines");
    for secret in ["find-me", line_of_key] {
        assert!(!holds(secret), "{secret}");
    }
    daemon.restart().await;
    let secrets = ["find-me-first-secret", "find-me-second-secret"];
    let (klaviyo, standard) = signed_by(&delivered(&daemon, &receiver).await, &secrets);
    assert_eq!((klaviyo, standard), (vec![secrets[0]], secrets.to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_another_master_key_does_not_start() {
    let mut daemon = Daemon::start().await;
    daemon.webhook("https://203.0.114.7/", &[TOPIC]).await;
    daemon.stop().await;
    let key = daemon.config().data_dir.join("master-key");
    let hidden = key.with_extension("hidden");
    std::fs::rename(&key, &hidden).expect("the key lies in its file");
    let refused = async || {
        let started = Server::start(daemon.config(), daemon.clock().clone()).await;
        started.err().expect("it must not start").to_string()
    };
    let missing = refused().await;
    assert!(missing.contains("master-key"), "{missing}");
    // Another daemon's key, in the right form and in the right place.
    let mut other = Daemon::start().await;
    other.stop().await;
    std::fs::copy(other.config().data_dir.join("master-key"), &key).expect("it can be copied");
    let wrong = refused().await;
    assert!(wrong.contains("master key"), "{wrong}");
    std::fs::rename(&hidden, &key).expect("it can be put back");
    daemon.restart().await;
}
