//! The options of webhooks: what they become in a request, and how a webhook that says more than
//! the original is shown.

use serde_json::Value;

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

const ID: &str = "01M1PAC5N9PMXJ7672AC8B75VN";
const ONE: &str = r#"{"data":{"type":"webhook","id":"01M1PAC5N9PMXJ7672AC8B75VN","attributes":{
    "name":"crm","endpoint_url":"https://h.example/x","enabled":true}}}"#;

fn action(line: &[&str]) -> Action {
    parsed::<WebhookArgs>(line).unwrap_or_else(|error| panic!("{error}")).action
}

/// The attributes that an update with these options sends.
async fn updated(options: &[&str]) -> Value {
    let daemon = FakeDaemon::answering(&[(200, ONE)]);
    let line: Vec<_> = ["w", "update", ID].into_iter().chain(options.iter().copied()).collect();
    perform(&daemon.session(), action(&line)).await.unwrap();
    let request = daemon.requests().remove(0);
    let document = request.strip_prefix(&format!("PATCH /api/webhooks/{ID} ")).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["data"]["id"], ID);
    document["data"]["attributes"].clone()
}

#[tokio::test]
async fn each_option_is_an_attribute() {
    for (options, expected) in [
        (vec!["--name=n", "--url=u"], r#"{"name":"n","endpoint_url":"u"}"#),
        (vec!["--method=put"], r#"{"method":"PUT"}"#),
        (vec!["--header=X-A: a: b", "--header=X-B:"], r#"{"headers":{"X-A":"a: b","X-B":null}}"#),
        (vec![r#"--filter={"condition_groups":[]}"#], r#"{"filter":{"condition_groups":[]}}"#),
        (vec!["--include=metric,profile"], r#"{"include":["metric","profile"]}"#),
        (vec!["--timeout=30", "--max-age=3d"], r#"{"timeout_seconds":30,"retry_max_age":"3d"}"#),
        (vec!["--retry=fast"], r#"{"retry_schedule":"fast"}"#),
        (vec!["--retry=none"], r#"{"retry_schedule":[]}"#),
        (vec!["--retry=5s, 2m"], r#"{"retry_schedule":["5s","2m"]}"#),
        (vec!["--concurrency=4"], r#"{"concurrency":4}"#),
        (vec!["--rate=10/second"], r#"{"rate_limit":{"requests":10,"period":"second"}}"#),
        (
            vec!["--ordering=strict", "--park-after=1h"],
            r#"{"ordering":"strict","park_after":"1h"}"#,
        ),
        (
            vec!["--batch-events=5", "--batch-wait=10", "--batch-bytes=2048"],
            r#"{"batch":{"max_events":5,"max_wait_ms":10,"max_bytes":2048}}"#,
        ),
        (vec!["--paused"], r#"{"paused":true}"#),
        (vec!["--signature=github", "--signature=stripe"], r#"{"signatures":["github","stripe"]}"#),
        (vec!["--handshake=cloudevents"], r#"{"handshake":"cloudevents"}"#),
        (vec!["--basic=us"], r#"{"auth":{"type":"basic","username":"us"}}"#),
        (
            vec!["--oauth-token-url=u", "--oauth-client-id=c", "--oauth-scope=s"],
            r#"{"auth":{"type":"oauth2","token_url":"u","client_id":"c","scope":"s"}}"#,
        ),
        (vec!["--unset=batch,tls"], r#"{"batch":null,"tls":null}"#),
    ] {
        assert_eq!(updated(&options).await.to_string(), expected, "{options:?}");
    }
}

#[tokio::test]
async fn secrets_come_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (secret, pem) = (file("secret", "hidden\n"), file("pem", "a\nb\n"));
    for (options, expected) in [
        (vec![format!("--header=X-A: @{secret}")], r#"{"headers":{"X-A":"hidden"}}"#),
        (
            vec!["--basic=us".to_owned(), format!("--password-file={secret}")],
            r#"{"auth":{"type":"basic","username":"us","password":"hidden"}}"#,
        ),
        (vec![format!("--bearer-file={secret}")], r#"{"auth":{"type":"bearer","token":"hidden"}}"#),
        (
            vec![
                "--oauth-token-url=u".to_owned(),
                "--oauth-client-id=c".to_owned(),
                format!("--oauth-secret-file={secret}"),
            ],
            r#"{"auth":{"type":"oauth2","token_url":"u","client_id":"c","client_secret":"hidden"}}"#,
        ),
        (
            vec![
                format!("--ca={pem}"),
                format!("--client-cert={pem}"),
                format!("--client-key={pem}"),
            ],
            r#"{"tls":{"ca":"a\nb\n","client_certificate":"a\nb\n","client_key":"a\nb\n"}}"#,
        ),
    ] {
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        assert_eq!(updated(&options).await.to_string(), expected, "{options:?}");
    }
    let empty = file("empty", "\n");
    let daemon = FakeDaemon::answering(&[]);
    let line = ["w", "update", ID, "--bearer-file", &empty];
    let refused = perform(&daemon.session(), action(&line)).await.unwrap_err();
    assert!(refused.lines()[0].ends_with("is empty"));
}

#[tokio::test]
async fn an_update_that_says_nothing_or_contradicts_itself_is_not_sent() {
    let daemon = FakeDaemon::answering(&[]);
    for (options, told) in [
        (vec![], "nothing is to be changed; see `tidings webhook update --help`"),
        (vec!["--timeout=5", "--unset=timeout_seconds"], "timeout_seconds is both set and --unset"),
    ] {
        let line: Vec<_> = ["w", "update", ID].into_iter().chain(options).collect();
        let refused = perform(&daemon.session(), action(&line)).await.unwrap_err();
        assert_eq!(refused.lines(), [told]);
    }
    for wrong in [
        vec!["--header=X-A"],
        vec!["--rate=10"],
        vec!["--rate=10/day"],
        vec!["--unset=name"],
        vec!["--client-key=k"],
        vec!["--basic=a", "--bearer-file=f"],
        vec!["--oauth-token-url=u"],
    ] {
        let line: Vec<_> = ["w", "update", ID].into_iter().chain(wrong).collect();
        assert_eq!(parsed::<WebhookArgs>(&line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    assert!(daemon.requests().is_empty());
}

#[tokio::test]
async fn topics_are_replaced() {
    let daemon = FakeDaemon::answering(&[(200, ONE)]);
    let line = ["w", "update", ID, "--topic", "event:api.a,event:api.b"];
    perform(&daemon.session(), action(&line)).await.unwrap();
    let request = daemon.requests().remove(0);
    assert!(
        request
            .contains(r#""webhook-topics":{"data":[{"type":"webhook-topic","id":"event:api.a"}"#)
    );
}

#[tokio::test]
async fn only_what_differs_from_the_original_is_shown() {
    let settings = r#""enabled":true,"method":"PUT","headers":{"X-A":"*****"},"filter":null,
        "include":["metric"],"timeout_seconds":30,"retry_schedule":["5s","2m"],
        "retry_max_age":null,"concurrency":null,"rate_limit":{"requests":10,"period":"second"},
        "ordering":"none","park_after":null,
        "batch":{"max_events":5,"max_wait_ms":10,"max_bytes":2048},
        "tls":{"ca":"pem","client_certificate":null,"client_key":null},
        "auth":{"type":"basic","username":"us","password":"*****"},
        "signatures":["klaviyo","standard"],"paused":true,"handshake":"none",
        "disabled_at":"2026-04-13T22:50:12+00:00","disabled_reason":"gone",
        "disabled_detail":"it answered 410",
        "previous_secret_expires_at":"2026-04-14T22:50:12+00:00",
        "klaviyo_signed_with":"previous","ed25519_public_key":null"#;
    let one = ONE.replace(r#""enabled":true"#, settings);
    let daemon = FakeDaemon::answering(&[(200, &one)]);
    let told = perform(&daemon.session(), action(&["w", "show", ID])).await.unwrap().output;
    let expected = "\
id                01M1PAC5N9PMXJ7672AC8B75VN
name              crm
description       -
url               https://h.example/x
enabled           yes
created           -
updated           -
disabled at       2026-04-13 22:50:12Z
reason            gone
because           it answered 410
paused            yes
method            PUT
include           metric
timeout           30 s
retries           5s, 2m
rate              10/second
batch             5 events, 10 ms, 2048 bytes
tls               own authorities
auth              basic as us
header            X-A: *****
old secret until  2026-04-14 22:50:12Z
klaviyo by        the previous secret
";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_rotation_tells_what_to_do_next() {
    let attributes = r#""enabled":true,"secret_key":"whsec_new","klaviyo_signed_with":"current",
        "previous_secret_expires_at":"2026-04-14T22:50:12+00:00""#;
    let one = ONE.replace(r#""enabled":true"#, attributes);
    let daemon = FakeDaemon::answering(&[(200, &one), (204, "")]);
    let line = ["w", "rotate-secret", ID, "--overlap=7d", "--klaviyo=current"];
    let told = perform(&daemon.session(), action(&line)).await.unwrap();
    assert!(told.output.contains("whsec_new"));
    assert_eq!(told.notes.len(), 2);
    assert!(told.notes[1].contains(&format!("end-rotation {ID}")));
    let line = ["w", "end-rotation", ID];
    let told = perform(&daemon.session(), action(&line)).await.unwrap();
    assert!(told.output.contains(ID));
    let sent = [
        format!(
            r#"POST /api/webhooks/{ID}/rotate-secret {{"data":{{"type":"webhook","attributes":{{"overlap":"7d","klaviyo_signed_with":"current"}}}}}}"#
        ),
        format!("DELETE /api/webhooks/{ID}/previous-secret"),
    ];
    assert_eq!(daemon.requests(), sent);
}
