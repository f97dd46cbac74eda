//! The actions of `tidings flow` against a fake daemon.

use serde_json::Value;

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

const RUN: &str = "01M1PAC5N9PMXJ7672AC8B75VN";
const PERSON: &str = "01HF7AYTK76RHR4F17G6DGTRGF";

fn action(line: &[&str]) -> Action {
    parsed::<FlowArgs>(&[&["flow"], line].concat()).unwrap().action
}

async fn told(daemon: &FakeDaemon, line: &[&str]) -> Report {
    perform(&daemon.session(), action(line)).await.unwrap()
}

fn attributes() -> Value {
    json!({ "name": "Welcome\u{1b}", "status": "live", "archived": false,
        "created": "2026-04-13T22:50:12+00:00", "updated": "2026-04-13T22:50:13+00:00",
        "trigger_type": "Metric", "counts": { "entered": 12, "active": 3 } })
}

fn flow_document() -> Value {
    json!({ "data": { "type": "flow", "id": "T23ivh", "attributes": attributes() } })
}

#[tokio::test]
async fn all_pages_are_listed() {
    let page = |id: &str, next: Option<&str>| {
        let data = json!([{ "type": "flow", "id": id, "attributes": attributes() }]);
        json!({ "data": data, "links": { "next": next } }).to_string()
    };
    let first = page("T23ivh", Some("http://h/api/flows?page%5Bcursor%5D=abc&page%5Bsize%5D=50"));
    let daemon = FakeDaemon::answering(&[(200, &first), (200, &page("AbCdEf", None))]);
    let expected = "\
ID      NAME           STATUS  TRIGGER  ENTERED  ACTIVE  UPDATED
T23ivh  Welcome\\u{1b}  live    Metric   12       3       2026-04-13 22:50:13Z
AbCdEf  Welcome\\u{1b}  live    Metric   12       3       2026-04-13 22:50:13Z
";
    assert_eq!(told(&daemon, &["list"]).await.output, expected);
    let paths = [
        "GET /api/flows?page%5Bsize%5D=50",
        "GET /api/flows?page%5Bsize%5D=50&page%5Bcursor%5D=abc",
    ];
    assert_eq!(daemon.requests(), paths);
}

/// A wait, a split of two ways that meet again, and a loop back to the wait.
fn whole() -> Value {
    let split = json!({ "condition_groups": [{ "conditions": [{ "type": "profile-property",
        "property": "plan", "filter": { "type": "string", "operator": "equals", "value": "pro" } }] }] });
    let delay = |id: &str, next: &str| {
        json!({ "id": id, "type": "time-delay", "links": { "next": next },
            "data": { "unit": "days", "value": 1, "timezone": "profile" } })
    };
    let definition = json!({
        "triggers": [{ "type": "metric", "id": "SkDfHe", "trigger_filter": null }],
        "profile_filter": null, "entry_action_id": "1",
        "reentry_criteria": { "duration": 1, "unit": "alltime" },
        "actions": [
            delay("1", "2"),
            { "id": "2", "type": "conditional-split", "data": { "profile_filter": split },
                "links": { "next_if_true": "3", "next_if_false": "4" } },
            { "id": "3", "type": "send-webhook", "links": { "next": "4" },
                "data": { "status": "draft", "message": { "url": "https://h/" } } },
            { "id": "4", "type": "multi-branch-split", "links": null, "data": { "name": "n",
                "branches": [
                    { "branch_id": "b", "name": "pros", "is_else": false, "branch_filter": split,
                        "links": { "next": "1" } },
                    { "branch_id": "e", "name": null, "is_else": true, "branch_filter": null,
                        "links": { "next": null } }] } },
        ],
    });
    let mut document = flow_document();
    document["data"]["attributes"]["definition"] = definition;
    document["included"] = json!([{ "type": "flow-action", "id": "1",
        "attributes": { "counts": { "waiting": 3, "done": 9, "failed": 0, "in_review": 0 } } }]);
    document
}

const OUTLINE: &str = "\
1 time-delay  1 day  (3 waiting, 9 done)
2 conditional-split  plan equals \"pro\"
  yes:
    3 send-webhook [draft]  POST https://h/
    → 4
  no:
    → 4
4 multi-branch-split  n
  pros — if plan equals \"pro\":
    → 1
  else (e):
    the end
";

#[tokio::test]
async fn a_flow_is_shown_as_an_outline() {
    let metric = r#"{"data":{"type":"metric","id":"SkDfHe","attributes":{"name":"Ordered"}}}"#;
    let daemon = FakeDaemon::answering(&[(200, &whole().to_string()), (200, metric)]);
    let told = told(&daemon, &["show", "T23ivh"]).await.output;
    let parts: Vec<_> = told.split("\n\n").collect();
    assert!(parts[0].contains("people   12 entered, 3 are in it\n"), "{told}");
    assert_eq!(format!("{}\n", parts[1]), OUTLINE);
    let tail = "\
trigger        an event \"Ordered\" (SkDfHe)
if the event   -
if the person  -
again          never
";
    assert_eq!(parts[2], tail);
    let paths = [
        "GET /api/flows/T23ivh?additional-fields%5Bflow%5D=definition&include=flow-actions",
        "GET /api/metrics/SkDfHe",
    ];
    assert_eq!(daemon.requests(), paths);
}

#[tokio::test]
async fn a_status_is_set() {
    let daemon = FakeDaemon::answering(&[(200, &flow_document().to_string())]);
    let told = told(&daemon, &["status", "T23ivh", "live"]).await.output;
    assert_eq!(told, "Flow T23ivh \"Welcome\\u{1b}\" is live; 3 are in it.\n");
    let sent = r#"PATCH /api/flows/T23ivh {"data":{"type":"flow","id":"T23ivh","attributes":{"status":"live"}}}"#;
    assert_eq!(daemon.requests(), [sent]);
    assert!(parsed::<FlowArgs>(&["flow", "status", "T23ivh", "on"]).is_err());
}

#[tokio::test]
async fn deleting_asks_or_is_told_not_to() {
    let daemon = FakeDaemon::answering(&[(204, "")]);
    let refused = perform(&daemon.session(), action(&["delete", "T23ivh"])).await.unwrap_err();
    assert!(refused.lines()[0].contains("--yes"), "{refused:?}");
    assert!(daemon.requests().is_empty());
    let told = told(&daemon, &["delete", "T23ivh", "--yes"]).await.output;
    assert_eq!(told, "Flow T23ivh is deleted.\n");
    assert_eq!(daemon.requests(), ["DELETE /api/flows/T23ivh"]);
}

fn run_document() -> Value {
    let moment = |at: &str, action: Option<&str>, event: &str, detail: Option<&str>| {
        json!({ "at": format!("2026-04-{at}.000000+00:00"), "action_id": action, "event": event,
            "detail": detail })
    };
    let to = |kind: &str, id: &str| json!({ "data": { "type": kind, "id": id } });
    json!({ "data": {
        "type": "flow-run", "id": RUN,
        "attributes": { "state": "waiting", "entered_at": "2026-04-13T10:00:00.000000+00:00",
            "due_at": "2026-04-14T10:00:00.000000+00:00", "date": null,
            "timeline_dropped_count": 2, "outputs": { "crm": { "id": 5 } },
            "timeline": [
                moment("13T10:00:00", None, "entered", Some("entered the flow")),
                moment("13T10:05:30", Some("1"), "failed", Some("nothing was sent: line 1\n  why")),
                moment("13T12:00:00", Some("9"), "branch", None)] },
        "relationships": { "flow": to("flow", "T23ivh"), "flow-action": to("flow-action", "1"),
            "profile": to("profile", PERSON), "event": { "data": null },
            "delivery": { "data": null } } } })
}

#[tokio::test]
async fn runs_are_listed_by_what_they_are_about() {
    let mut page = run_document();
    page["data"] = json!([page["data"].clone()]);
    page["links"] = json!({ "next": "http://h/api/flow-runs?page%5Bcursor%5D=x" });
    let daemon = FakeDaemon::answering(&[(200, &page.to_string())]);
    let line = ["runs", "--flow=T23ivh", "--profile", PERSON, "--state=waiting", "--limit=1"];
    let report = told(&daemon, &line).await;
    let row = format!(
        "{RUN}  waiting  T23ivh  1       {PERSON}  2026-04-13 10:00:00Z  2026-04-14 10:00:00Z\n"
    );
    assert!(report.output.ends_with(&row), "{}", report.output);
    assert_eq!(report.notes, ["There may be more; a greater --limit shows them."]);
    let asked = url::Url::parse(&format!("http://h{}", &daemon.requests()[0].replace("GET ", "")));
    let asked = asked.unwrap();
    let query: Vec<_> = asked.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let filter = format!(
        "equals(flow_id,\"T23ivh\"),equals(profile_id,\"{PERSON}\"),equals(state,\"waiting\")"
    );
    assert_eq!(query, [filter.as_str(), "1"]);
}

#[tokio::test]
async fn a_run_is_told_moment_by_moment() {
    let daemon =
        FakeDaemon::answering(&[(200, &run_document().to_string()), (200, &whole().to_string())]);
    let told = told(&daemon, &["run", RUN]).await.output;
    let (head, timeline) = told.split_once("\n\n").unwrap();
    assert!(head.contains("goes on  2026-04-14 10:00:00Z (in 11 h)"), "{head}");
    assert!(head.contains("outputs  crm: {\"id\":5}"), "{head}");
    let expected = "\
AT                    AFTER        ACTION        WHAT
2026-04-13 10:00:00Z  +0 s                       entered the flow
2026-04-13 10:05:30Z  +5 min 30 s  1 time-delay  nothing was sent: line 1; why
2026-04-13 12:00:00Z  +2 h         9             branch

2 moments after the first were dropped.
";
    assert_eq!(timeline, expected);
}

#[tokio::test]
async fn a_run_is_cancelled() {
    let ended = run_document().to_string().replace("\"waiting\"", "\"cancelled\"");
    let daemon = FakeDaemon::answering(&[(200, &ended)]);
    let told = told(&daemon, &["cancel", RUN]).await.output;
    assert_eq!(told, format!("Run {RUN} is cancelled.\n"));
    assert_eq!(daemon.requests(), [format!("POST /api/flow-runs/{RUN}/cancel")]);
}

#[tokio::test]
async fn reviews_are_listed_approved_and_discarded() {
    let id = format!("{RUN}-17");
    let to = |kind: &str, id: &str| json!({ "data": { "type": kind, "id": id } });
    let page = json!({ "data": [{ "type": "flow-review", "id": id,
        "attributes": { "queued_at": "2026-04-13T10:00:00.000000+00:00" },
        "relationships": { "flow": to("flow", "T23ivh"), "flow-action": to("flow-action", "17"),
            "profile": to("profile", PERSON) } }] });
    let daemon = FakeDaemon::answering(&[(200, &page.to_string())]);
    let listed = told(&daemon, &["reviews", "--flow", "T23ivh"]).await.output;
    let row = format!("{id}  T23ivh  17      {PERSON}  2026-04-13 10:00:00Z\n");
    assert!(listed.ends_with(&row), "{listed}");
    let gone = r#"{"errors":[{"detail":"Nothing waits for approval there."}]}"#;
    for (verb, done) in [("approve", "approved"), ("discard", "discarded")] {
        let run = run_document().to_string();
        let daemon = FakeDaemon::answering(&[(404, gone), (200, &run)]);
        let other = format!("{RUN}-18");
        let report = told(&daemon, &[verb, &other, &id]).await;
        assert_eq!(report.output, format!("{id} is {done}.\n"));
        let note = format!("error: {other}: Nothing waits for approval there.");
        assert_eq!((report.notes, report.failed), (vec![note], true));
        assert_eq!(daemon.requests()[1], format!("POST /api/flow-reviews/{id}/{verb}"));
    }
    let wrong = parsed::<FlowArgs>(&["flow", "approve", "17"]).unwrap_err().to_string();
    assert!(wrong.contains("RUN-ACTION"), "{wrong}");
}

fn preview_document(succeeded: Option<bool>) -> String {
    let attempt = json!({ "summary": "answered 503 Service Unavailable", "duration_ms": 12.0,
        "phases": { "dns_ms": null, "connect_ms": 1.0, "tls_ms": null, "first_byte_ms": 2.0 },
        "remote_address": "127.0.0.1:80", "tls_version": null, "response_headers": "server: x",
        "response_excerpt": "busy" });
    let request = json!({ "method": "PUT", "url": "https://h.example/a?b=c",
        "headers": [{ "name": "x-key", "value": "*****" }], "body": "{\"n\":1.10}",
        "is_exact": null, "curl": "curl -i 'a\nb\u{1b}'" });
    let attributes = json!({ "event_id": "4RmYkUNDW5o", "profile_id": PERSON, "request": request,
        "succeeded": succeeded, "attempt": succeeded.map(|_| attempt) });
    json!({ "data": { "type": "flow-preview", "id": "17", "attributes": attributes } }).to_string()
}

const REQUEST: &str = "\
For event 4RmYkUNDW5o of profile 01HF7AYTK76RHR4F17G6DGTRGF:

* https://h.example/a?b=c
> PUT /a?b=c HTTP/1.1
> x-key: *****
>
{
  \"n\": 1.10
}

";

#[tokio::test]
async fn a_preview_is_the_request_and_its_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let message = directory.path().join("m.json");
    std::fs::write(&message, "{\"url\":\n\"https://h/\"}").unwrap();
    let message = message.display().to_string();
    let daemon = FakeDaemon::answering(&[(200, &preview_document(None))]);
    let line = ["preview", "17", "--event=4RmYkUNDW5o", "--message", &message];
    let report = told(&daemon, &line).await;
    assert_eq!(report.output, format!("{REQUEST}curl -i 'a\nb\\u{{1b}}'\n"));
    assert!(!report.failed);
    let sent = "POST /api/flow-actions/17/preview {\"data\":{\"type\":\"flow-preview\",\
        \"attributes\":{\"event_id\":\"4RmYkUNDW5o\",\"message\":{\"url\":\n\"https://h/\"}}}}";
    assert_eq!(daemon.requests(), [sent]);
}

#[tokio::test]
async fn a_test_shows_the_answer_and_fails_with_it() {
    let daemon = FakeDaemon::answering(&[(200, &preview_document(Some(false)))]);
    let report = told(&daemon, &["test", "17"]).await;
    let answer = "\
* connected to 127.0.0.1:80, no TLS; connection 1.0 ms, first byte 2.0 ms, end 12.0 ms
< server: x

busy

It failed: answered 503 Service Unavailable.
";
    assert_eq!(report.output, format!("{REQUEST}{answer}"));
    assert!(report.failed);
    assert!(daemon.requests()[0].starts_with("POST /api/flow-actions/17/test "));
}
