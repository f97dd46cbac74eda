//! The attributes beyond the original: what they may say, what a change keeps, and what does not
//! fit together.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::webhook::Secrets;
use crate::webhook::settings::{Auth, Batch, Method, Ordering, Period, Schedule};

const ID: WebhookId = WebhookId::from_u128(1);
const FILTER: &str = r#"{ "condition_groups":[{"conditions":[{"type":"metric-property","field":"Brand","filter":{"type":"string","operator":"equals","value":"X"}}]}]}"#;

fn webhook() -> Webhook {
    Webhook {
        id: ID,
        flow: None,
        name: "n".to_owned(),
        description: None,
        endpoint_url: "https://h.example/x".to_owned(),
        secrets: Secrets::new(Secret::new("sixteen-letters!".to_owned())),
        enabled: true,
        disabled: None,
        skip_before: None,
        topics: vec!["event:api.x".to_owned()],
        settings: Settings::default(),
        created: Timestamp::EPOCH,
        updated: Timestamp::EPOCH,
    }
}

fn patched(webhook: &mut Webhook, attributes: &str) -> Result<(), Fault> {
    let text =
        format!(r#"{{"data":{{"type":"webhook","id":"{ID}","attributes":{{{attributes}}}}}}}"#);
    let (policy, metrics) = (Policy::default(), Metrics::default());
    let patch = WebhookPatch::parse(text.as_bytes(), ID, &policy, &metrics)?;
    patch.apply(webhook, Timestamp::from_seconds(7))
}

/// The settings of a fresh webhook after one change.
#[track_caller]
fn settings(attributes: &str) -> Settings {
    let mut webhook = webhook();
    patched(&mut webhook, attributes).unwrap_or_else(|fault| panic!("{attributes}: {fault}"));
    webhook.settings
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_attribute_is_read() {
    let read = settings(&format!(
        r#""method":"PUT","filter":{FILTER},"include":["profile","metric"],"timeout_seconds":120,
           "retry_max_age":"3d","concurrency":1,"rate_limit":{{"requests":10,"period":"second"}},
           "ordering":"strict","park_after":"1h","signatures":["github","ed25519"],"paused":true,
           "handshake":"cloudevents","batch":{{"max_events":5}}"#
    ));
    assert_eq!(read.method, Method::Put);
    assert_eq!(read.filter.unwrap().text, FILTER, "kept as it came");
    assert!(read.include.metric && read.include.profile);
    assert_eq!((read.timeout, read.max_age), (Some(seconds(120)), Some(seconds(3 * 86_400))));
    assert_eq!((read.concurrency, read.park_after), (Some(1), Some(seconds(3_600))));
    assert_eq!(read.rate_limit, Some(RateLimit { requests: 10, period: Period::Second }));
    assert_eq!(read.ordering, Ordering::Strict);
    let batch = Batch { max_events: 5, max_wait: seconds(1), max_bytes: 1024 * 1024 };
    assert_eq!(read.batch, Some(batch));
    let signatures: Vec<_> = read.signatures.0.iter().map(|one| one.name()).collect();
    assert_eq!(signatures, ["github", "ed25519"]);
    assert!(read.is_paused && read.has_handshake);
    for (text, schedule) in [
        (r#""standard""#, Schedule::Standard),
        (r#""klaviyo""#, Schedule::Klaviyo),
        (r#""fast""#, Schedule::Fast),
        ("[]", Schedule::Custom(Vec::new())),
        (r#"["5s","2m"]"#, Schedule::Custom(vec![seconds(5), seconds(120)])),
    ] {
        assert_eq!(settings(&format!(r#""retry_schedule":{text}"#)).schedule, schedule, "{text}");
    }
}

#[test]
fn null_is_the_default_and_absence_changes_nothing() {
    let mut webhook = webhook();
    let given = format!(
        r#""method":"PUT","headers":{{"X-A":"a"}},"filter":{FILTER},"include":["metric"],
           "timeout_seconds":9,"retry_schedule":"fast","retry_max_age":"1d","concurrency":3,
           "rate_limit":{{"requests":1,"period":"hour"}},"ordering":"by-profile",
           "park_after":"1h","auth":{{"type":"bearer","token":"t"}},"signatures":["stripe"],
           "paused":true,"handshake":"cloudevents""#
    );
    patched(&mut webhook, &given).unwrap();
    let before = webhook.settings.clone();
    patched(&mut webhook, r#""name":"other""#).unwrap();
    assert_eq!(webhook.settings, before);
    let nulls: Vec<_> = json!([
        "method",
        "headers",
        "filter",
        "include",
        "timeout_seconds",
        "retry_schedule",
        "retry_max_age",
        "concurrency",
        "rate_limit",
        "ordering",
        "park_after",
        "batch",
        "tls",
        "auth",
        "signatures",
        "paused",
        "handshake"
    ])
    .as_array()
    .unwrap()
    .iter()
    .map(|name| format!("{name}:null"))
    .collect();
    patched(&mut webhook, &nulls.join(",")).unwrap();
    assert_eq!(webhook.settings, Settings::default());
}

/// Asserts that each of these changes is refused at its attribute.
#[track_caller]
fn assert_refused<S: AsRef<str>>(cases: impl IntoIterator<Item = (S, &'static str)>) {
    for (attributes, pointer) in cases {
        let attributes = attributes.as_ref();
        let fault = patched(&mut webhook(), attributes).expect_err(attributes);
        assert_eq!(fault.pointer, format!("/data/attributes/{pointer}"), "{attributes}: {fault}");
    }
}

#[test]
fn a_header_is_refused_at_its_name() {
    let long = "x".repeat(4_097);
    assert_refused([
        (r#""headers":["X-A"]"#.to_owned(), "headers"),
        (r#""headers":{"":"a"}"#.to_owned(), "headers/"),
        (r#""headers":{"X A":"a"}"#.to_owned(), "headers/X A"),
        (r#""headers":{"a/b":"a"}"#.to_owned(), "headers/a~1b"),
        (r#""headers":{"Host":"a"}"#.to_owned(), "headers/Host"),
        (r#""headers":{"content-TYPE":"a"}"#.to_owned(), "headers/content-TYPE"),
        (r#""headers":{"Klaviyo-X":"a"}"#.to_owned(), "headers/Klaviyo-X"),
        (r#""headers":{"webhook-id":"a"}"#.to_owned(), "headers/webhook-id"),
        (r#""headers":{"X-A":"a","x-a":"b"}"#.to_owned(), "headers/x-a"),
        (r#""headers":{"X-A":""}"#.to_owned(), "headers/X-A"),
        (r#""headers":{"X-A":"a\r\nX-B: b"}"#.to_owned(), "headers/X-A"),
        (r#""headers":{"X-A":" a"}"#.to_owned(), "headers/X-A"),
        (r#""headers":{"X-A":3}"#.to_owned(), "headers/X-A"),
        (r#""headers":{"X-A":"*****"}"#.to_owned(), "headers/X-A"),
        (format!(r#""headers":{{"X-A":"{long}"}}"#), "headers/X-A"),
    ]);
}

#[test]
fn each_fault_points_at_its_field() {
    let retries = vec![r#""1s""#; 33].join(",");
    assert_refused([
        (r#""method":"GET""#.to_owned(), "method"),
        (r#""filter":[]"#.to_owned(), "filter"),
        (r#""filter":{"groups":[]}"#.to_owned(), "filter/groups"),
        (r#""include":"metric""#.to_owned(), "include"),
        (r#""include":["metric","event"]"#.to_owned(), "include/1"),
        (r#""timeout_seconds":0"#.to_owned(), "timeout_seconds"),
        (r#""timeout_seconds":121"#.to_owned(), "timeout_seconds"),
        (r#""timeout_seconds":"5s""#.to_owned(), "timeout_seconds"),
        (r#""retry_schedule":"slow""#.to_owned(), "retry_schedule"),
        (r#""retry_schedule":["5s","8d"]"#.to_owned(), "retry_schedule/1"),
        (r#""retry_schedule":["0s"]"#.to_owned(), "retry_schedule/0"),
        (format!(r#""retry_schedule":[{retries}]"#), "retry_schedule"),
        (r#""retry_max_age":"31d""#.to_owned(), "retry_max_age"),
        (r#""concurrency":257"#.to_owned(), "concurrency"),
        (r#""rate_limit":5"#.to_owned(), "rate_limit"),
        (r#""rate_limit":{"requests":5}"#.to_owned(), "rate_limit/period"),
        (r#""rate_limit":{"requests":0,"period":"second"}"#.to_owned(), "rate_limit/requests"),
        (r#""rate_limit":{"requests":1,"period":"day"}"#.to_owned(), "rate_limit/period"),
        (r#""rate_limit":{"requests":1,"period":"hour","x":1}"#.to_owned(), "rate_limit/x"),
        (r#""ordering":"fifo""#.to_owned(), "ordering"),
        (r#""park_after":60"#.to_owned(), "park_after"),
        (r#""batch":true"#.to_owned(), "batch"),
        (r#""batch":{"max_events":1001}"#.to_owned(), "batch/max_events"),
        (r#""batch":{"max_wait_ms":0}"#.to_owned(), "batch/max_wait_ms"),
        (r#""batch":{"max_bytes":1023}"#.to_owned(), "batch/max_bytes"),
        (r#""tls":{"ca":"no"}"#.to_owned(), "tls/ca"),
        (r#""tls":{"cert":"no"}"#.to_owned(), "tls/cert"),
        (r#""tls":{"client_key":"k"}"#.to_owned(), "tls/client_certificate"),
        (r#""tls":{"client_certificate":"c"}"#.to_owned(), "tls/client_key"),
        (r#""auth":"bearer""#.to_owned(), "auth"),
        (r#""auth":{}"#.to_owned(), "auth/type"),
        (r#""auth":{"type":"digest"}"#.to_owned(), "auth/type"),
        (r#""auth":{"type":"basic","password":"p"}"#.to_owned(), "auth/username"),
        (r#""auth":{"type":"basic","username":"a:b","password":"p"}"#.to_owned(), "auth/username"),
        (r#""auth":{"type":"basic","username":"a"}"#.to_owned(), "auth/password"),
        (r#""auth":{"type":"bearer","token":"a b"}"#.to_owned(), "auth/token"),
        (r#""auth":{"type":"bearer","token":"t","x":1}"#.to_owned(), "auth/x"),
        (
            r#""auth":{"type":"oauth2","token_url":"http://h.example/","client_id":"c"}"#
                .to_owned(),
            "auth/token_url",
        ),
        (r#""signatures":[]"#.to_owned(), "signatures"),
        (r#""signatures":["standard","standard"]"#.to_owned(), "signatures/1"),
        (r#""signatures":["md5"]"#.to_owned(), "signatures/0"),
        (r#""paused":"yes""#.to_owned(), "paused"),
        (r#""handshake":"websub""#.to_owned(), "handshake"),
        (r#""backlog":"skip""#.to_owned(), "backlog"),
        (r#""enabled":true,"backlog":"drop""#.to_owned(), "backlog"),
        (r#""klaviyo_signed_with":"previous""#.to_owned(), "klaviyo_signed_with"),
        (r#""generate_secret":true"#.to_owned(), "generate_secret"),
        (r#""method":"PUT","method":"PUT""#.to_owned(), "method"),
    ]);
}

#[test]
fn what_does_not_fit_together_is_refused_however_it_came_about() {
    for (first, second, pointer) in [
        (r#""ordering":"strict","park_after":"1h""#, r#""ordering":null"#, "park_after"),
        (r#""batch":{}"#, r#""ordering":"by-profile""#, "batch"),
        (r#""concurrency":2"#, r#""ordering":"strict""#, "concurrency"),
        (
            r#""headers":{"authorization":"x"}"#,
            r#""auth":{"type":"bearer","token":"t"}"#,
            "headers/authorization",
        ),
    ] {
        let mut webhook = webhook();
        patched(&mut webhook, first).unwrap_or_else(|fault| panic!("{first}: {fault}"));
        let fault = patched(&mut webhook, second).unwrap_err();
        assert_eq!(fault.pointer, format!("/data/attributes/{pointer}"));
    }
    let many: Vec<_> = (0..33).map(|place| format!(r#""X-{place}":"a""#)).collect();
    let fault = patched(&mut webhook(), &format!(r#""headers":{{{}}}"#, many.join(",")));
    assert_eq!(fault.unwrap_err().pointer, "/data/attributes/headers");
    let large = "x".repeat(4_000);
    let large = format!(r#""headers":{{"X-A":"{large}","X-B":"{large}","X-C":"{large}"}}"#);
    assert_eq!(patched(&mut webhook(), &large).unwrap_err().pointer, "/data/attributes/headers");
}

#[test]
fn headers_are_merged_and_masks_keep_what_there_is() {
    let mut webhook = webhook();
    patched(&mut webhook, r#""headers":{"X-A":"a","X-B":"b","X-C":"c"}"#).unwrap();
    patched(&mut webhook, r#""headers":{"x-a":"*****","X-B":"new","x-c":null,"X-D":"d"}"#).unwrap();
    let headers = |webhook: &Webhook| -> Vec<String> {
        let headers = webhook.settings.headers.iter();
        headers.map(|(name, value)| format!("{name}: {}", value.expose())).collect()
    };
    assert_eq!(headers(&webhook), ["X-A: a", "X-B: new", "X-D: d"]);
    patched(&mut webhook, r#""headers":null"#).unwrap();
    assert!(headers(&webhook).is_empty());
}

#[test]
fn secrets_of_auth_stay_where_they_belong() {
    let oauth2 = |url: &str, secret: &str| {
        format!(
            r#""auth":{{"type":"oauth2","token_url":"{url}","client_id":"c","scope":"s"{secret}}}"#
        )
    };
    let (url, other) = ("https://h.example/token", "https://h.example/other");
    for (first, second, kept) in [
        (
            r#""auth":{"type":"basic","username":"a","password":"p"}"#.to_owned(),
            r#""auth":{"type":"basic","username":"b","password":"*****"}"#.to_owned(),
            Ok("p"),
        ),
        (
            r#""auth":{"type":"basic","username":"a","password":"p"}"#.to_owned(),
            r#""auth":{"type":"bearer"}"#.to_owned(),
            Err("/data/attributes/auth/token"),
        ),
        (oauth2(url, r#","client_secret":"p""#), oauth2(url, ""), Ok("p")),
        (
            oauth2(url, r#","client_secret":"p""#),
            oauth2(other, r#","client_secret":"*****""#),
            Err("/data/attributes/auth/client_secret"),
        ),
    ] {
        let mut webhook = webhook();
        patched(&mut webhook, &first).unwrap();
        let changed = patched(&mut webhook, &second).map_err(|fault| fault.pointer);
        let found = changed.map(|()| match &webhook.settings.auth {
            Some(Auth::Basic { password: secret, .. })
            | Some(Auth::Bearer { token: secret })
            | Some(Auth::OAuth2 { client_secret: secret, .. }) => secret.expose().to_owned(),
            None => panic!("the auth is gone"),
        });
        assert_eq!(found.as_deref().map_err(String::as_str), kept, "{second}");
    }
}

#[test]
fn a_masked_address_that_comes_back_changes_nothing() {
    let auth = |url: &str, more: &str| {
        format!(r#""auth":{{"type":"oauth2","token_url":"{url}","client_id":"c"{more}}}"#)
    };
    let mut webhook = webhook();
    patched(&mut webhook, &auth("https://h.example/token", r#","client_secret":"p""#)).unwrap();
    let before = webhook.settings.clone();
    let masked = format!(
        r#""endpoint_url":"https://h.example/*****",{}"#,
        auth("https://h.example/*****", "")
    );
    patched(&mut webhook, &masked).unwrap();
    assert_eq!(
        (webhook.endpoint_url.as_str(), &webhook.settings),
        ("https://h.example/x", &before)
    );
    let elsewhere = r#""endpoint_url":"https://other.example/*****","auth":null"#;
    patched(&mut webhook, elsewhere).unwrap();
    assert_eq!(webhook.endpoint_url, "https://other.example/*****");
}

#[test]
fn secrets_do_not_go_to_another_host_by_themselves() {
    let with = r#""headers":{"X-Key":"k"},"auth":{"type":"bearer","token":"t"}"#;
    let fresh = || {
        let mut webhook = webhook();
        patched(&mut webhook, with).unwrap();
        webhook
    };
    const ELSEWHERE: &str = r#""endpoint_url":"https://other.example/x""#;
    for more in [
        "",
        r#","headers":{"X-Key":"k2"}"#,
        r#","auth":null"#,
        r#","headers":{"X-Key":"*****"},"auth":null"#,
        r#","headers":null,"auth":{"type":"bearer","token":"*****"}"#,
    ] {
        let mut webhook = fresh();
        assert!(patched(&mut webhook, &format!("{ELSEWHERE}{more}")).is_err(), "{more}");
    }
    let mut webhook = fresh();
    let anew = r#","headers":{"X-Key":"k2"},"auth":{"type":"bearer","token":"t2"}"#;
    patched(&mut webhook, &format!("{ELSEWHERE}{anew}")).unwrap();
    assert_eq!(webhook.settings.headers[0].1.expose(), "k2");
    let mut webhook = fresh();
    patched(&mut webhook, r#""endpoint_url":"https://h.example/another-path""#).unwrap();
    assert_eq!(webhook.settings.headers[0].1.expose(), "k", "the same host keeps them");
}

#[test]
fn switching_off_is_remembered_until_it_is_switched_on() {
    let mut webhook = webhook();
    patched(&mut webhook, r#""enabled":false"#).unwrap();
    let disabled = webhook.disabled.clone().unwrap();
    assert_eq!((disabled.at, disabled.reason), (Timestamp::from_seconds(7), DisableReason::Manual));
    webhook.disabled =
        Some(Disabled { reason: DisableReason::Gone, detail: "410".to_owned(), ..disabled });
    patched(&mut webhook, r#""enabled":false"#).unwrap();
    let kept = webhook.disabled.clone().unwrap();
    assert_eq!(kept.reason, DisableReason::Gone, "what is off already keeps its reason");
    patched(&mut webhook, r#""enabled":true,"backlog":"skip""#).unwrap();
    assert!(webhook.enabled && webhook.disabled.is_none());
}
