//! The schemes with one secret against fixed vectors and independent verifiers, and each way to be
//! refused. Rotation, the key pairs and the further schemes are in `signer_tests`.

use std::time::{Duration, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use webhook_verify::{CustomScheme, Encoding, HashAlg, Provider, VerifyOptions};

use super::*;
use crate::clock::{Clock, Timestamp};

/// Secret, body, timestamp, signature: the values of the contract's `signature-vectors.json`.
const VECTORS: [[&str; 4]; 3] = [
    [
        "klaviyo-test-secret",
        r#"{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}"#,
        "Thu, 04 Jan 2024 18:05:25 GMT",
        "5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b",
    ],
    [
        "0123456789abcdef0123456789abcdef",
        r#"{"data":[],"meta":{"timestamp":"2026-01-02T03:04:05.000000+00:00","klaviyo_webhook_id":"01HF7AYTK76RHR4F17G6DGTRGF","klaviyo_account_id":"AbC123","version":"2026-07-15"}}"#,
        "Fri, 02 Jan 2026 03:04:05 GMT",
        "c0cf0045fa305ea2ccc66cbe1c58ed4c4cbbbd73126aa0936d4273abf95e748c",
    ],
    [
        "sécret-with-ünicode-16",
        r#"{"data":[],"meta":{"note":"ça va → 日本"}}"#,
        "Sat, 28 Feb 2026 23:59:59 GMT",
        "ecfdca6fa0c1dc3e60afc359839966fd28ccaead2bb679522503fbac5073637d",
    ],
];

pub(super) const BODY: &[u8] = br#"{"meta":{"klaviyo_webhook_id":"w1"},"data":[]}"#;
pub(super) const ENCODED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const TOLERANCE: Duration = Duration::from_secs(300);
/// Thu, 04 Jan 2024 18:05:25 GMT.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_704_391_525);

pub(super) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(super) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn klaviyo_headers(signature: &str, stamp: &str) -> HeaderMap {
    headers(&[
        (KLAVIYO_WEBHOOK_ID, "w1"),
        (KLAVIYO_TIMESTAMP, stamp),
        (KLAVIYO_SIGNATURE, signature),
    ])
}

fn standard_headers(signature: &str) -> HeaderMap {
    headers(&[
        (STANDARD_ID, "msg_1"),
        (STANDARD_TIMESTAMP, "1704391525"),
        (STANDARD_SIGNATURE, signature),
    ])
}

/// The headers of one attempt for `msg_1`.
pub(super) fn signed(keys: &Keys, schemes: &[Scheme], body: &[u8], at: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let message = Message { id: "msg_1", at, body };
    Signer::new(keys).sign(schemes.iter().copied().collect(), &message, &mut headers);
    headers
}

pub(super) fn value<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).unwrap().to_str().unwrap()
}

fn klaviyo_at(text: &str, body: &[u8], at: Timestamp) -> String {
    let headers = signed(&Keys::new(secret(text)), &[Scheme::Klaviyo], body, at);
    value(&headers, KLAVIYO_SIGNATURE).to_owned()
}

fn standard_at(text: &str, seconds: i64) -> String {
    let at = Timestamp::from_seconds(seconds);
    let headers = signed(&Keys::new(secret(text)), &[Scheme::Standard], BODY, at);
    value(&headers, STANDARD_SIGNATURE).to_owned()
}

/// The refusal of a Klaviyo delivery signed with `key` over `signed`, checked with `ours`.
fn klaviyo_refusal(ours: &str, key: &[u8], signed: &[&[u8]]) -> Rejection {
    let mut signature = String::new();
    push_hex(&mut signature, &mac(&keyed(key), signed));
    let headers = klaviyo_headers(&signature, &NOW.http_date());
    verify_klaviyo(&secret(ours), &headers, BODY, NOW, TOLERANCE).unwrap_err()
}

fn standard_refusal(ours: &str, key: &[u8], signed: &[&[u8]]) -> Rejection {
    let signature = format!("v1,{}", STANDARD.encode(mac(&keyed(key), signed)));
    verify_standard(&secret(ours), &standard_headers(&signature), BODY, NOW, TOLERANCE).unwrap_err()
}

#[test]
fn klaviyo_signatures_equal_the_vectors() {
    for [text, body, stamp, signature] in VECTORS {
        let at = httpdate::parse_http_date(stamp).unwrap().duration_since(UNIX_EPOCH).unwrap();
        let at = Timestamp::from_seconds(at.as_secs().try_into().unwrap());
        let headers = signed(&Keys::new(secret(text)), &[Scheme::Klaviyo], body.as_bytes(), at);
        assert_eq!(value(&headers, KLAVIYO_TIMESTAMP), stamp);
        assert_eq!(value(&headers, KLAVIYO_SIGNATURE), signature);
    }
}

/// Klaviyo's scheme, told to a verifier that has no built-in for it.
const KLAVIYO_AS_CUSTOM: CustomScheme = CustomScheme {
    hash: HashAlg::Sha256,
    signature_header: KLAVIYO_SIGNATURE,
    timestamp_header: None,
    encoding: Encoding::Hex,
    prefix: None,
    signed_string: |headers, body| {
        [body, headers.get(KLAVIYO_TIMESTAMP).unwrap().as_bytes()].concat()
    },
};

#[test]
fn webhook_verify_accepts_both_schemes() {
    let now = Clock::system().now();
    let stamp = now.http_date();
    let verify = |provider, pairs: [(&str, String); 3]| {
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value)).into();
        let theirs = webhook_verify::Secret::new(ENCODED);
        webhook_verify::verify(provider, &pairs, BODY, &theirs, VerifyOptions::default())
    };
    let klaviyo = [
        (KLAVIYO_WEBHOOK_ID, "w1".to_owned()),
        (KLAVIYO_TIMESTAMP, stamp),
        (KLAVIYO_SIGNATURE, klaviyo_at(ENCODED, BODY, now)),
    ];
    verify(Provider::Custom(KLAVIYO_AS_CUSTOM), klaviyo).unwrap();
    let standard = [
        (STANDARD_ID, "msg_1".to_owned()),
        (STANDARD_TIMESTAMP, now.seconds().to_string()),
        (STANDARD_SIGNATURE, standard_at(ENCODED, now.seconds())),
    ];
    verify(Provider::StandardWebhooks, standard).unwrap();
}

#[test]
fn standardwebhooks_makes_the_same_signature() {
    let theirs = standardwebhooks::Webhook::new(ENCODED).unwrap();
    let ours = standard_at(ENCODED, 1_704_391_525);
    assert_eq!(ours, theirs.sign("msg_1", 1_704_391_525, BODY).unwrap());
    for raw in ["klaviyo-test-secret", "whsec_not base64", "whsec_"] {
        let theirs = standardwebhooks::Webhook::from_bytes(raw.into()).unwrap();
        let ours = standard_at(raw, 7);
        assert_eq!(ours, theirs.sign("msg_1", 7, BODY).unwrap());
    }
}

#[test]
fn what_the_signer_makes_is_accepted() {
    for text in [ENCODED, "klaviyo-test-secret"] {
        let stamp = NOW.http_date();
        let lower = klaviyo_at(text, BODY, NOW);
        let one = standard_at(text, NOW.seconds());
        let text = secret(text);
        for signature in [lower.to_uppercase(), lower] {
            let headers = klaviyo_headers(&signature, &stamp);
            assert_eq!(verify_klaviyo(&text, &headers, BODY, NOW, TOLERANCE), Ok(()));
        }
        let other = standard_at("rotated away", NOW.seconds());
        for list in [one.clone(), format!("v1a,x {other} {one}")] {
            let headers = standard_headers(&list);
            assert_eq!(verify_standard(&text, &headers, BODY, NOW, TOLERANCE), Ok(()));
        }
    }
}

#[test]
fn malformed_klaviyo_headers_are_named() {
    let (text, stamp) = (secret("s"), NOW.http_date());
    let reason = |headers: &HeaderMap| {
        verify_klaviyo(&text, headers, BODY, NOW, TOLERANCE).unwrap_err().to_string()
    };
    assert_eq!(reason(&HeaderMap::new()), "missing header Klaviyo-Webhook-Id");
    let mut twice = klaviyo_headers("00", &stamp);
    twice.append(KLAVIYO_SIGNATURE, HeaderValue::from_static("11"));
    assert_eq!(reason(&twice), "header Klaviyo-Signature is repeated");
    assert_eq!(
        reason(&klaviyo_headers("sha256=00", &stamp)),
        "signature is not 64 hex digits (9 characters came)"
    );
    for date in ["1704391525", "Thursday, 04-Jan-24 18:05:25 GMT", "Thu Jan  4 18:05:25 2024"] {
        let expected = format!("Klaviyo-Timestamp {date:?} is not an IMF-fixdate");
        assert_eq!(reason(&klaviyo_headers("00", date)), expected);
    }
}

#[test]
fn malformed_standard_headers_are_named() {
    let refused = |stamp: &str, list: &str| {
        let headers = headers(&[
            (STANDARD_ID, "msg_1"),
            (STANDARD_TIMESTAMP, stamp),
            (STANDARD_SIGNATURE, list),
        ]);
        verify_standard(&secret("s"), &headers, BODY, NOW, TOLERANCE).unwrap_err()
    };
    assert_eq!(
        refused("+5", "v1,").to_string(),
        "webhook-timestamp \"+5\" is not a number of seconds"
    );
    assert_eq!(
        refused("5", "v1a,AAAA v2,AAAA").to_string(),
        "no v1 signature in webhook-signature"
    );
    assert_eq!(refused("5", "v1,AAAA").to_string(), "the v1 signature is not base64 of 32 bytes");
}

#[test]
fn age_counts_from_the_signed_time_in_both_directions() {
    let (text, stamp) = (secret("s"), NOW.http_date());
    let headers = klaviyo_headers(&klaviyo_at("s", BODY, NOW), &stamp);
    let at = |seconds: i64| {
        let now = Timestamp::from_seconds(NOW.seconds() + seconds);
        verify_klaviyo(&text, &headers, BODY, now, TOLERANCE).map_err(|why| why.to_string())
    };
    assert_eq!(at(300), Ok(()));
    assert_eq!(at(-300), Ok(()));
    assert_eq!(at(412), Err("timestamp 412 s in the past, tolerance 300 s".to_owned()));
    assert_eq!(at(-301), Err("timestamp 301 s in the future, tolerance 300 s".to_owned()));
    assert!(at(-18_000).unwrap_err().contains("five hours"));
}

#[test]
fn header_and_body_must_name_the_same_webhook() {
    let (text, stamp) = (secret("s"), NOW.http_date());
    let reason = |body: &str| {
        let signature = klaviyo_at("s", body.as_bytes(), NOW);
        let headers = klaviyo_headers(&signature, &stamp);
        verify_klaviyo(&text, &headers, body.as_bytes(), NOW, TOLERANCE).unwrap_err().to_string()
    };
    let other = reason(r#"{"meta":{"klaviyo_webhook_id":"w2"}}"#);
    assert!(other.starts_with(r#"Klaviyo-Webhook-Id "w1" differs from"#), "{other}");
    assert!(reason("{}").ends_with("the body has no meta.klaviyo_webhook_id"));
}

/// Our secret, the sender's key, what the sender signed, and what is found out.
type Mistake<'a> = (&'a str, &'a [u8], &'a [&'a [u8]], Option<Hint>);

#[test]
fn common_mistakes_are_recognised() {
    let stamp = NOW.http_date();
    let stamp = stamp.as_bytes();
    let decoded_key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let right: &[&[u8]] = &[BODY, stamp];
    let cases: [Mistake<'_>; 7] = [
        ("s", b"s", &[BODY], Some(Hint::BodyAlone)),
        ("s", b"s", &[stamp, BODY], Some(Hint::TimestampFirst)),
        ("s\n", b"s", right, Some(Hint::SpaceHere)),
        ("s", b"s\n", right, Some(Hint::NewlineThere)),
        (ENCODED, &decoded_key, right, Some(Hint::SecretDecoded)),
        ("s", b"other", right, None),
        ("s", b"s", &[b"changed", stamp], None),
    ];
    for (ours, key, signed, hint) in cases {
        assert_eq!(klaviyo_refusal(ours, key, signed), Rejection::Mismatch(hint));
    }
    let stamp: &[u8] = b"1704391525";
    let right: &[&[u8]] = &[b"msg_1.", stamp, b".", BODY];
    let cases: [Mistake<'_>; 4] = [
        (ENCODED, ENCODED.as_bytes(), right, Some(Hint::SecretRaw)),
        (ENCODED, b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", right, Some(Hint::SecretUnprefixed)),
        ("s", b"s", &[stamp, b".", BODY], Some(Hint::NoMessageId)),
        ("s", b"other", right, None),
    ];
    for (ours, key, signed, hint) in cases {
        assert_eq!(standard_refusal(ours, key, signed), Rejection::Mismatch(hint));
    }
}
