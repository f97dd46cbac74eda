//! The actions of `tidings webhook` against a fake daemon.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

const ID: &str = "01M1PAC5N9PMXJ7672AC8B75VN";
const ONE: &str = r#"{"data":{"type":"webhook","id":"01M1PAC5N9PMXJ7672AC8B75VN","attributes":{
    "name":"crm","description":null,"endpoint_url":"https://h.example/x","enabled":true,
    "created_at":"2026-04-13T22:50:12+00:00","updated_at":"2026-04-13T22:50:12+00:00"},
    "relationships":{"webhook-topics":{"data":[{"type":"webhook-topic","id":"event:api.a"},
    {"type":"webhook-topic","id":"event:api.b"}]}}}}"#;
const SHOWN: &str = "\
id           01M1PAC5N9PMXJ7672AC8B75VN
name         crm
description  -
url          https://h.example/x
enabled      yes
created      2026-04-13 22:50:12Z
updated      2026-04-13 22:50:12Z
topic        event:api.a
topic        event:api.b
";

fn action(line: &[&str]) -> Action {
    parsed::<WebhookArgs>(line).unwrap().action
}

fn creating<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut line = vec!["w", "create", "--name=crm", "--url=https://h.example/x"];
    line.extend(["--topic", "event:api.a", "event:api.b"]);
    line.extend(more);
    line
}

/// The document of the first request.
fn sent(daemon: &FakeDaemon) -> Value {
    let request = daemon.requests().remove(0);
    serde_json::from_str(request.strip_prefix("POST /api/webhooks ").unwrap()).unwrap()
}

#[tokio::test]
async fn a_secret_is_made_and_shown_once() {
    let daemon = FakeDaemon::answering(&[(201, ONE)]);
    let made = perform(&daemon.session(), action(&creating(&[]))).await.unwrap();
    let document = sent(&daemon);
    let secret = document["data"]["attributes"]["secret_key"].as_str().unwrap();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    assert_eq!(key.len(), 24);
    assert_eq!(made.output, format!("{SHOWN}secret       {secret}\n"));
    assert_eq!(made.notes, ["The secret is not shown again; keep it now."]);
    let topics = &document["data"]["relationships"]["webhook-topics"]["data"];
    assert_eq!(topics[1]["id"], "event:api.b");
    assert!(document["data"]["attributes"].get("description").is_none());
}

#[tokio::test]
async fn a_made_secret_is_in_the_document_too() {
    let daemon = FakeDaemon::answering(&[(201, ONE)]);
    let made = perform(&daemon.json_session(), action(&creating(&[]))).await.unwrap();
    let shown: Value = serde_json::from_str(&made.output).unwrap();
    assert_eq!(
        shown["data"]["attributes"]["secret_key"],
        sent(&daemon)["data"]["attributes"]["secret_key"]
    );
    assert_eq!(shown["data"]["relationships"]["webhook-topics"]["data"][0]["id"], "event:api.a");
}

#[tokio::test]
async fn a_given_secret_is_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, "from-a-file-0123456789\n").unwrap();
    let file = file.to_str().unwrap();
    let cases = [
        (["--secret", "on-the-command-line"], "on-the-command-line"),
        (["--secret-file", file], "from-a-file-0123456789"),
    ];
    for (arguments, secret) in cases {
        let daemon = FakeDaemon::answering(&[(201, ONE)]);
        let made = perform(&daemon.session(), action(&creating(&arguments))).await.unwrap();
        assert_eq!((made.output.as_str(), made.notes.len()), (SHOWN, 0));
        assert_eq!(sent(&daemon)["data"]["attributes"]["secret_key"], secret);
    }
    let both = creating(&["--secret=a", "--secret-file", file]);
    assert_eq!(parsed::<WebhookArgs>(&both).unwrap_err().exit_code(), 2);
}

#[tokio::test]
async fn webhooks_are_a_table() {
    let one = ONE.strip_prefix("{\"data\":").unwrap().strip_suffix('}').unwrap();
    let daemon = FakeDaemon::answering(&[(200, &format!("{{\"data\":[{one}]}}"))]);
    let told = perform(&daemon.session(), Action::List).await.unwrap().output;
    let expected = "\
        ID                          NAME  ENABLED  URL                  TOPICS\n\
        01M1PAC5N9PMXJ7672AC8B75VN  crm   yes      https://h.example/x  event:api.a,event:api.b\n";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn enabling_repeats_the_id() {
    let daemon = FakeDaemon::answering(&[(200, ONE)]);
    let told = perform(&daemon.session(), action(&["w", "enable", ID])).await.unwrap();
    assert_eq!(told.output, format!("Webhook {ID} is enabled.\n"));
    let expected = format!(
        r#"PATCH /api/webhooks/{ID} {{"data":{{"type":"webhook","id":"{ID}","attributes":{{"enabled":true}}}}}}"#
    );
    assert_eq!(daemon.requests(), [expected]);
}

#[tokio::test]
async fn deleting_without_a_terminal_needs_yes() {
    let daemon = FakeDaemon::answering(&[(204, "")]);
    let refused = perform(&daemon.session(), action(&["w", "delete", ID])).await.unwrap_err();
    assert_eq!(refused.lines(), ["deleting needs --yes where there is no terminal to ask on"]);
    assert!(daemon.requests().is_empty());
    let done = perform(&daemon.session(), action(&["w", "delete", ID, "--yes"])).await.unwrap();
    assert_eq!(done.output, format!("Webhook {ID} is deleted.\n"));
    assert_eq!(daemon.requests(), [format!("DELETE /api/webhooks/{ID}")]);
}

#[test]
fn only_a_yes_agrees() {
    let cases = [("y\n", true), ("Yes\n", true), ("\n", false), ("", false), ("yep\n", false)];
    for (line, expected) in cases {
        assert_eq!(agreed(&mut line.as_bytes()).unwrap(), expected, "{line:?}");
    }
}

/// The document of a test delivery with these attempts.
fn delivery(state: &str, attempts: &str) -> String {
    format!(
        r#"{{"data":{{"type":"delivery","id":"01HF7AYTK76RHR4F17G6DGTRGF","attributes":{{
        "state":"{state}","source":"test","destination":"https://h.example/x",
        "created_at":"2026-04-13T22:50:12+00:00","due_at":null,"finished_at":null,
        "attempt_count":1,"last_status":null,"last_error":null,"attempts":[{attempts}]}}}}}}"#
    )
}

#[tokio::test]
async fn a_test_waits_for_its_first_attempt() {
    let attempt = |status| {
        format!(
            r#"{{"at":"2026-04-13T22:50:12+00:00","duration_ms":3.0,"status":{status},
            "error":null,"response_excerpt":"ok"}}"#
        )
    };
    let waiting = delivery("scheduled", "");
    let cases = [
        (delivery("delivered", &attempt(204)), false),
        (delivery("scheduled", &attempt(503)), true),
        (delivery("cancelled", ""), true),
    ];
    for (last, failed) in cases {
        let daemon = FakeDaemon::answering(&[(202, &waiting), (200, &waiting), (200, &last)]);
        let told = perform(&daemon.session(), action(&["w", "test", ID])).await.unwrap();
        assert_eq!(told.failed, failed, "{}", told.output);
        assert!(told.output.starts_with("id           01HF7AYTK76RHR4F17G6DGTRGF\n"));
        let look = "GET /api/deliveries/01HF7AYTK76RHR4F17G6DGTRGF";
        let expected = [format!("POST /api/webhooks/{ID}/test"), look.into(), look.into()];
        assert_eq!(daemon.requests(), expected);
    }
}

#[tokio::test]
async fn a_test_without_an_attempt_is_given_up() {
    let waiting = delivery("scheduled", "");
    let daemon = FakeDaemon::answering(&[(202, &waiting), (200, &waiting)]);
    let (session, wait) = (daemon.session(), Duration::from_millis(100));
    let told = trial::perform(&session, "/api/webhooks/x", wait).await.unwrap();
    assert!(told.failed && told.output.is_empty());
    let note = "No attempt within 0 s; see `tidings delivery show 01HF7AYTK76RHR4F17G6DGTRGF`.";
    assert_eq!(told.notes, [note]);
}
