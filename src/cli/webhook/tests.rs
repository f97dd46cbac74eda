//! The actions of `tidings webhook` against a fake daemon.

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

/// The answer that shows a secret.
fn with_secret() -> String {
    ONE.replace(r#""enabled":true,"#, r#""enabled":true,"secret_key":"whsec_made","#)
}

#[tokio::test]
async fn a_secret_is_made_and_shown_once() {
    let daemon = FakeDaemon::answering(&[(201, &with_secret())]);
    let made = perform(&daemon.session(), action(&creating(&[]))).await.unwrap();
    let document = sent(&daemon);
    assert_eq!(document["data"]["attributes"]["generate_secret"], true);
    assert_eq!(made.output, format!("{SHOWN}secret       whsec_made\n"));
    assert_eq!(made.notes, ["The secret is not shown again; keep it now."]);
    let topics = &document["data"]["relationships"]["webhook-topics"]["data"];
    assert_eq!(topics[1]["id"], "event:api.b");
    assert!(document["data"]["attributes"].get("description").is_none());
}

#[tokio::test]
async fn a_made_secret_is_in_the_document_too() {
    let daemon = FakeDaemon::answering(&[(201, &with_secret())]);
    let made = perform(&daemon.json_session(), action(&creating(&[]))).await.unwrap();
    let shown: Value = serde_json::from_str(&made.output).unwrap();
    assert_eq!(shown["data"]["attributes"]["secret_key"], "whsec_made");
    assert_eq!(made.notes.len(), 1);
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
        ID                          NAME  STATE    URL                  TOPICS\n\
        01M1PAC5N9PMXJ7672AC8B75VN  crm   enabled  https://h.example/x  event:api.a,event:api.b\n";
    assert_eq!(told, expected);
}

fn patch(attributes: &str) -> String {
    format!(
        r#"PATCH /api/webhooks/{ID} {{"data":{{"type":"webhook","id":"{ID}","attributes":{attributes}}}}}"#
    )
}

#[tokio::test]
async fn each_switch_changes_one_thing() {
    for (line, attributes, word) in [
        (
            vec!["w", "enable", ID, "--backlog=skip"],
            r#"{"enabled":true,"backlog":"skip"}"#,
            "enabled",
        ),
        (vec!["w", "disable", ID], r#"{"enabled":false}"#, "disabled"),
        (vec!["w", "pause", ID], r#"{"paused":true}"#, "paused"),
        (vec!["w", "resume", ID], r#"{"paused":false}"#, "resumed"),
    ] {
        let daemon = FakeDaemon::answering(&[(200, ONE)]);
        let told = perform(&daemon.session(), action(&line)).await.unwrap();
        assert_eq!(told.output, format!("Webhook {ID} is {word}.\n"));
        assert_eq!(daemon.requests(), [patch(attributes)]);
    }
}

#[tokio::test]
async fn enabling_repeats_the_id() {
    let daemon = FakeDaemon::answering(&[(200, ONE)]);
    let told = perform(&daemon.session(), action(&["w", "enable", ID])).await.unwrap();
    assert_eq!(told.output, format!("Webhook {ID} is enabled.\n"));
    assert_eq!(daemon.requests(), [patch(r#"{"enabled":true}"#)]);
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

/// The answer to a test whose attempt ended so.
fn tested(succeeded: bool, status: &str) -> String {
    let body = r#"{\"meta\":{},\"data\":[1.10]}"#;
    format!(
        r#"{{"data":{{"type":"webhook-test","id":"01HF7AYTK76RHR4F17G6DGTRGF","attributes":{{
        "topic":"event:api.a","event_id":null,"is_sample":true,"passes_filter":null,
        "is_subscribed":true,"filter_explanation":null,"succeeded":{succeeded},
        "request":{{"method":"POST","url":"https://h.example/x","body":"{body}","curl":"",
            "is_exact":true,"headers":[{{"name":"authorization","value":"*****"}}]}},
        "attempt":{{"at":"2026-04-13T22:50:12+00:00","duration_ms":3.0,"status":{status},
            "error":null,"summary":"answered {status} after 3 ms","remote_address":"192.0.2.1:443",
            "tls_version":"TLSv1.3","request_bytes":4,"response_headers":"x-a: b\n",
            "response_excerpt":"ok","phases":{{"queue_ms":0.0,"dns_ms":0.5,"connect_ms":null,
            "tls_ms":null,"first_byte_ms":2.0}}}}}}}}}}"#
    )
}

const TOLD: &str = "\
POST https://h.example/x
authorization: *****

{
  \"meta\": {},
  \"data\": [
    1.10
  ]
}

connected to 192.0.2.1:443, TLSv1.3; look-up 0.5 ms, first byte 2.0 ms, end 3.0 ms
x-a: b

ok

It works with a made-up event of event:api.a: answered 204 after 3 ms.
";

#[tokio::test]
async fn a_test_tells_what_was_sent_and_what_came_back() {
    let daemon = FakeDaemon::answering(&[(200, &tested(true, "204"))]);
    let told = perform(&daemon.session(), action(&["w", "test", ID])).await.unwrap();
    assert_eq!(told.output, TOLD);
    assert!(!told.failed);
    let body = r#"{"data":{"type":"webhook-test","attributes":{"topic":null,"event_id":null}}}"#;
    assert_eq!(daemon.requests(), [format!("POST /api/webhooks/{ID}/test {body}")]);
}

#[tokio::test]
async fn a_test_that_fails_fails_the_command() {
    let answer = tested(false, "503")
        .replace(r#""is_subscribed":true"#, r#""is_subscribed":false"#)
        .replace(r#""filter_explanation":null"#, r#""filter_explanation":"group 1\n  no: x""#);
    let line = ["w", "test", ID, "--topic", "event:api.a", "--event", "4RmYkUNDW5o"];
    for session in [FakeDaemon::session, FakeDaemon::json_session] {
        let daemon = FakeDaemon::answering(&[(200, &answer)]);
        let session = session(&daemon);
        let told = perform(&session, action(&line)).await.unwrap();
        assert!(told.failed);
        assert!(daemon.requests()[0].contains(r#""topic":"event:api.a","event_id":"4RmYkUNDW5o""#));
        let end = "It failed with a made-up event of event:api.a: answered 503 after 3 ms.\n\
            The webhook does not subscribe to this topic: it gets no such events.\n\
            Its filter would not have let the event through:\n  group 1\n    no: x\n";
        assert_eq!(told.output.ends_with(end), !session.json, "{}", told.output);
    }
}
