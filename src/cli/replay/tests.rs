//! The actions of `tidings replay` against a fake daemon.

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

const ID: &str = "01M1PAC5N9PMXJ7672AC8B75VN";
const HOOK: &str = "01HF7AYTK76RHR4F17G6DGTRGF";

fn action(line: &[&str]) -> Action {
    parsed::<ReplayArgs>(line).unwrap().action
}

fn replay(status: &str, progress: f64) -> String {
    let failure = (status == "paused").then_some("the webhook is disabled");
    let data = json!({
        "type": "replay", "id": ID,
        "attributes": {
            "name": "outage", "status": status, "failure": failure,
            "from": "2026-04-12T00:00:00.000000+00:00", "to": "2026-04-13T00:00:00.000000+00:00",
            "topics": ["event:api.a", "event:api.b"], "states": ["never", "exhausted"],
            "filter": null, "rate_per_second": 50, "progress": progress, "scanned_count": 900,
            "matched_count": 800, "scheduled_count": 700, "skipped_count": 3,
            "cursor_time": null, "created_at": "2026-04-13T22:50:12+00:00",
            "updated_at": "2026-04-13T22:50:12+00:00", "finished_at": null,
        },
        "relationships": { "webhook": { "data": { "type": "webhook", "id": HOOK } } },
    });
    json!({ "data": data }).to_string()
}

const SHOWN: &str = "\
id            01M1PAC5N9PMXJ7672AC8B75VN
name          outage
status        paused
because       the webhook is disabled
progress      [############............] 50%
scheduled     700
on their way  3
matched       800
looked at     900
got to        -
webhook       01HF7AYTK76RHR4F17G6DGTRGF
from          2026-04-12 00:00:00Z
to            2026-04-13 00:00:00Z
states        never,exhausted
filter        -
rate          50 a second
created       2026-04-13 22:50:12Z
finished      -
topic         event:api.a
topic         event:api.b
";

#[tokio::test]
async fn a_replay_is_shown_with_its_progress() {
    let daemon = FakeDaemon::answering(&[(200, &replay("paused", 0.5))]);
    let told = perform(&daemon.session(), action(&["r", "show", ID])).await.unwrap();
    assert_eq!((told.output.as_str(), told.failed), (SHOWN, false));
    assert_eq!(daemon.requests(), [format!("GET /api/replays/{ID}")]);
}

#[tokio::test]
async fn following_ends_with_the_replay() {
    for (last, failed) in [("completed", false), ("cancelled", true), ("paused", true)] {
        let (running, last) = (replay("running", 0.1), replay(last, 1.0));
        let daemon = FakeDaemon::answering(&[(200, &running), (200, &last)]);
        let line = ["r", "show", ID, "--follow"];
        let told = perform(&daemon.session(), action(&line)).await.unwrap();
        assert_eq!(told.failed, failed, "{last}");
        assert!(told.output.contains("100%"), "{}", told.output);
        assert_eq!(daemon.requests().len(), 2);
    }
}

#[tokio::test]
async fn replays_are_a_table() {
    let one = replay("running", 0.999);
    let one = one.strip_prefix("{\"data\":").unwrap().strip_suffix('}').unwrap();
    let daemon = FakeDaemon::answering(&[(200, &format!("{{\"data\":[{one}]}}"))]);
    let told = perform(&daemon.session(), action(&["r", "list", "--limit=5"])).await.unwrap();
    let expected = "\
        ID                          STATUS   DONE  SCHEDULED  WEBHOOK                     FROM                  TO                    NAME\n\
        01M1PAC5N9PMXJ7672AC8B75VN  running  99%   700        01HF7AYTK76RHR4F17G6DGTRGF  2026-04-12 00:00:00Z  2026-04-13 00:00:00Z  outage\n";
    assert_eq!(told.output, expected);
    assert_eq!(daemon.requests(), ["GET /api/replays?page%5Bsize%5D=5"]);
}

#[tokio::test]
async fn a_replay_is_paused_resumed_and_cancelled() {
    let patch = |status: &str| {
        format!(
            r#"PATCH /api/replays/{ID} {{"data":{{"type":"replay","id":"{ID}","attributes":{{"status":"{status}"}}}}}}"#
        )
    };
    for (word, status, expected) in [
        ("pause", "paused", patch("paused")),
        ("resume", "running", patch("running")),
        ("cancel", "cancelled", format!("POST /api/replays/{ID}/cancel")),
    ] {
        let daemon = FakeDaemon::answering(&[(200, &replay(status, 0.5))]);
        let told = perform(&daemon.session(), action(&["r", word, ID])).await.unwrap();
        assert_eq!(told.output, format!("Replay {ID} is {status}; it scheduled 700.\n"));
        assert_eq!(daemon.requests(), [expected]);
    }
}

#[tokio::test]
async fn what_is_said_is_what_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.json");
    std::fs::write(&path, "{\"condition_groups\": []}\n").unwrap();
    let filter = format!("--filter=@{}", path.display());
    let made = replay("running", 0.0);
    let daemon = FakeDaemon::answering(&[(202, made.as_str()); 2]);
    let short = ["r", "create", "--webhook", HOOK, "--since=24h", "--yes"];
    let made = perform(&daemon.session(), action(&short)).await.unwrap();
    assert!(made.output.contains("status        running"), "{}", made.output);
    let whole = [
        "r",
        "create",
        "--webhook",
        HOOK,
        "--from=2026-04-12T00:00:00Z",
        "--to=2026-04-13T00:00:00Z",
        "--topic=event:api.a,event:api.b",
        "--state=never,exhausted",
        &filter,
        "--rate=50",
        "--name=outage",
        "--yes",
    ];
    perform(&daemon.session(), action(&whole)).await.unwrap();
    let expected = |attributes: &str| {
        format!(
            r#"POST /api/replays {{"data":{{"type":"replay","attributes":{{{attributes}}},"relationships":{{"webhook":{{"data":{{"type":"webhook","id":"{HOOK}"}}}}}}}}}}"#
        )
    };
    let attributes = [
        r#""from":"2026-04-12T22:50:12.000000+00:00""#,
        r#""from":"2026-04-12T00:00:00Z","to":"2026-04-13T00:00:00Z","topics":["event:api.a","event:api.b"],"states":["never","exhausted"],"filter":{"condition_groups": []},"rate_per_second":50,"name":"outage""#,
    ];
    assert_eq!(daemon.requests(), attributes.map(expected));
}

#[tokio::test]
async fn a_preview_says_what_would_be_sent() {
    let found = |is_complete: bool| {
        json!({ "data": { "type": "replay-preview", "attributes": {
            "event_count": 30, "delivery_count": 12, "states": ["never", "parked"],
            "by_state": { "never": 11, "exhausted": 5, "cancelled": 0, "parked": 1,
                "delivered": 11, "scheduled": 2 },
            "is_complete": is_complete, "scanned_events": 99,
            "oldest": "2026-04-12T00:00:01+00:00", "newest": "2026-04-12T00:00:09+00:00" } } })
        .to_string()
    };
    let daemon = FakeDaemon::answering(&[(200, &found(true)), (200, &found(false))]);
    let line = ["r", "create", "--webhook", HOOK, "--since=24h", "--preview", "--filter=null"];
    let told = perform(&daemon.session(), action(&line)).await.unwrap();
    let expected = "\
        STATE      EVENTS  SENT\n\
        never      11      yes\n\
        exhausted  5       no\n\
        cancelled  0       no\n\
        parked     1       yes\n\
        delivered  11      no\n\
        scheduled  2       on their way already\n\
        12 to be sent, received from 2026-04-12T00:00:01Z to 2026-04-12T00:00:09Z; of 99 events, 30 match.\n";
    assert_eq!(told.output, expected);
    let cut_off = perform(&daemon.session(), action(&line)).await.unwrap().output;
    assert!(cut_off.contains("or more: the preview ended after 99 events"), "{cut_off}");
    let request = daemon.requests().remove(0);
    assert!(request.starts_with("POST /api/replay-previews "), "{request}");
    assert!(request.contains(r#""filter":null"#), "{request}");
}

#[tokio::test]
async fn what_can_not_be_asked_for_is_a_usage_error() {
    let base = ["r", "create", "--webhook", HOOK];
    for more in [
        &[][..],
        &["--since=24"],
        &["--since=1h", "--from=2026-04-12T00:00:00Z"],
        &["--since=1h", "--state=lost"],
        &["--since=1h", "--rate=0"],
        &["--since=1h", "--preview", "--yes"],
    ] {
        let line = [&base[..], more].concat();
        assert_eq!(parsed::<ReplayArgs>(&line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    let daemon = FakeDaemon::answering(&[]);
    for (more, expected) in [
        ("--name=n", "a replay needs --yes where there is no terminal"),
        ("--filter={", "--filter: this is not JSON"),
    ] {
        let line = [&base[..], &["--since=1h", more]].concat();
        let refused = perform(&daemon.session(), action(&line)).await.unwrap_err().lines();
        assert!(refused[0].starts_with(expected), "{refused:?}");
    }
    assert!(daemon.requests().is_empty());
}
