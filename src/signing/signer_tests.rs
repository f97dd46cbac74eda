//! What the signer makes with two secrets and two key pairs: against constants that another
//! implementation computed, against independent verifiers, and each way to be refused.

use webhook_verify::{Provider, VerifyOptions};

use super::tests::{BODY, ENCODED, NOW, TOLERANCE, headers, secret, signed, value};
use super::*;
use crate::clock::{Clock, Timestamp};

const BEFORE: &str = "the secret before it";
/// The key pairs of the seeds 0, 1, …, 31 and 32, 33, …, 63.
const PRIVATE: [&str; 2] = [
    "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==",
    "whsk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8prLrhQbzK8LIuGpTTTQvHNh5SbQv+EsiXlLyTIpZt1w==",
];
const PUBLIC: [&str; 2] = [
    "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    "whpk_Kay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=",
];
/// Of `BODY` at `NOW` with the current secret and with the one before it, by Python's hmac and
/// cryptography.
const KLAVIYO: [&str; 2] = [
    "5b6bc7e6fed2e2128db1e4b03da9f0ba5bf233b8060dbe42e05460eae21b63b1",
    "675300208ecdf8d3bc92a483cd8e335754ae8c9e4147055be0a8f0be8621f86d",
];
const GITHUB: [&str; 2] = [
    "sha256=9e494a1d8a8efcfed1081da1569ab67f01a21a85bbd381484e1aaaf740dcf1a3",
    "sha256=3370a3564f7e9f143a3e918b8f01603529342dce74e562e7a3ea3cff2c4f35c8",
];
const STRIPE: [&str; 2] = [
    "v1=cc714456a50941a03d01c9e56154bd9b1182644a8beee25f7d5da137a918a34b",
    "v1=0b4afbb642f21a71f241cbb3ef1e331b0b833b50cd2670f4d3e9def26c477ad7",
];
const SHARED: [&str; 2] = [
    "v1,vZMrA9fFl9CEc7tA/YFuajCCy5Ly6I8eMMbZKEQSU20=",
    "v1,oPMv2GzU9Rm4Pt9Md/C83mPkZBsRf1w+L8pIdaC5pE4=",
];
const PAIRED: [&str; 2] = [
    "v1a,CSA87S9+8A3FgPI+wVXw/hh5MFQCaXP9W/mFjD4/E9XJ9UkMjbcW2HdxqY/Wv7kEwEfqN97yHId2qbenvwp/Ag==",
    "v1a,hQ53uMO/DHYklGI7XvIrUCSoF/z4JJM3pNqJ5JVN21dBfJtBDZskUETLlzO7xokql8wNMDZZNwJtxrRg7e0eBQ==",
];

/// Two secrets and two key pairs, in the middle of a rotation.
fn rotating(klaviyo_with: Which) -> Keys {
    let [current, previous] = PRIVATE.map(|text| Ed25519Key::from_text(text).unwrap());
    Keys {
        current: secret(ENCODED),
        previous: Some(secret(BEFORE)),
        klaviyo_with,
        ed25519: Some(current),
        ed25519_previous: Some(previous),
    }
}

fn public(index: usize) -> Ed25519PublicKey {
    PUBLIC[index].parse().unwrap()
}

#[test]
fn a_rotation_signs_lists_twice_and_single_values_once() {
    for (which, index) in [(Which::Current, 0), (Which::Previous, 1)] {
        let headers = signed(&rotating(which), &Scheme::ALL, BODY, NOW);
        assert_eq!(value(&headers, KLAVIYO_SIGNATURE), KLAVIYO[index]);
        assert_eq!(value(&headers, GITHUB_SIGNATURE), GITHUB[index]);
        let [current, previous] = STRIPE;
        assert_eq!(value(&headers, STRIPE_SIGNATURE), format!("t=1704391525,{current},{previous}"));
        assert_eq!(value(&headers, STANDARD_SIGNATURE), [SHARED, PAIRED].concat().join(" "));
        assert_eq!(headers.len(), headers.keys_len(), "no header is repeated");
    }
}

#[test]
fn without_a_previous_secret_every_value_is_single() {
    let keys = Keys { klaviyo_with: Which::Previous, ..Keys::new(secret(ENCODED)) };
    let headers = signed(&keys, &Scheme::ALL, BODY, NOW);
    assert_eq!(value(&headers, KLAVIYO_SIGNATURE), KLAVIYO[0]);
    assert_eq!(value(&headers, GITHUB_SIGNATURE), GITHUB[0]);
    assert_eq!(value(&headers, STRIPE_SIGNATURE), format!("t=1704391525,{}", STRIPE[0]));
    assert_eq!(value(&headers, STANDARD_SIGNATURE), SHARED[0]);
}

/// The chosen schemes and the headers that they add to the message id and the time.
type Choice<'a> = (&'a [Scheme], &'a [&'a str]);

#[test]
fn a_scheme_adds_its_headers_and_no_others() {
    let cases: [Choice<'_>; 6] = [
        (&[], &[]),
        (&[Scheme::Klaviyo], &[KLAVIYO_TIMESTAMP, KLAVIYO_SIGNATURE]),
        (&[Scheme::Standard], &[STANDARD_SIGNATURE]),
        (&[Scheme::Ed25519], &[STANDARD_SIGNATURE]),
        (&[Scheme::Github], &[GITHUB_SIGNATURE]),
        (&[Scheme::Stripe], &[STRIPE_SIGNATURE]),
    ];
    for (schemes, expected) in cases {
        let headers = signed(&rotating(Which::Current), schemes, BODY, NOW);
        assert_eq!(value(&headers, STANDARD_ID), "msg_1");
        assert_eq!(value(&headers, STANDARD_TIMESTAMP), "1704391525");
        assert_eq!(headers.len(), 2 + expected.len(), "{schemes:?}");
        assert!(expected.iter().all(|name| headers.contains_key(*name)), "{schemes:?}");
        assert_eq!(carried(&headers), schemes.iter().copied().collect());
    }
    let broken = headers(&[(STANDARD_SIGNATURE, "AAAA")]);
    assert_eq!(carried(&broken), Schemes::NONE.with(Scheme::Standard));
    let unsigned = signed(&Keys::new(secret(ENCODED)), &[Scheme::Ed25519], BODY, NOW);
    assert!(!unsigned.contains_key(STANDARD_SIGNATURE), "there is no key pair to sign with");
}

#[test]
fn receivers_accept_a_rotation_with_either_secret() {
    let now = Clock::system().now();
    let headers = signed(&rotating(Which::Current), &Scheme::ALL, BODY, now);
    for key in [ENCODED.as_bytes(), BEFORE.as_bytes()] {
        // The standard's own library decodes the base64 after `whsec_`.
        let standard = match key {
            [b'w', b'h', ..] => standardwebhooks::Webhook::new(ENCODED),
            raw => standardwebhooks::Webhook::from_bytes(raw.to_vec()),
        };
        standard.unwrap().verify(BODY, &headers).unwrap();
    }
    let verify = |provider, name: &str, of: &str, text: &str| {
        let pairs = [(name.to_owned(), value(&headers, of).to_owned())];
        let theirs = webhook_verify::Secret::new(text);
        webhook_verify::verify(provider, &pairs, BODY, &theirs, VerifyOptions::default())
    };
    for text in [ENCODED, BEFORE] {
        verify(Provider::Stripe, "Stripe-Signature", STRIPE_SIGNATURE, text).unwrap();
    }
    verify(Provider::GitHub, GITHUB_SIGNATURE, GITHUB_SIGNATURE, ENCODED).unwrap();
    let other = verify(Provider::GitHub, GITHUB_SIGNATURE, GITHUB_SIGNATURE, BEFORE);
    assert!(other.is_err(), "its one value was made with the current secret");
}

#[test]
fn our_own_checks_accept_a_rotation_and_refuse_a_stranger() {
    let headers = signed(&rotating(Which::Previous), &Scheme::ALL, BODY, NOW);
    for (text, all, single) in [(ENCODED, true, false), (BEFORE, true, true), ("x", false, false)] {
        let text = secret(text);
        assert_eq!(verify_standard(&text, &headers, BODY, NOW, TOLERANCE).is_ok(), all);
        assert_eq!(verify_stripe(&text, &headers, BODY, NOW, TOLERANCE).is_ok(), all);
        assert_eq!(verify_github(&text, &headers, BODY).is_ok(), single);
    }
    for index in [0, 1] {
        assert_eq!(verify_ed25519(&public(index), &headers, BODY, NOW, TOLERANCE), Ok(()));
    }
    let other = Ed25519Key::from_seed(Zeroizing::new([7; 32])).public();
    let refused = verify_ed25519(&other, &headers, BODY, NOW, TOLERANCE);
    assert_eq!(refused, Err(Rejection::Mismatch(None)));
    let refused = verify_ed25519(&public(0), &headers, b"changed", NOW, TOLERANCE);
    assert_eq!(refused, Err(Rejection::Mismatch(None)));
}

#[test]
fn age_is_judged_where_the_time_is_signed() {
    let headers = signed(&rotating(Which::Current), &Scheme::ALL, BODY, NOW);
    let later = Timestamp::from_seconds(NOW.seconds() + 301);
    let told = Err(Rejection::TooOld { seconds: 301, tolerance_seconds: 300 });
    assert_eq!(verify_stripe(&secret(ENCODED), &headers, BODY, later, TOLERANCE), told);
    assert_eq!(verify_ed25519(&public(0), &headers, BODY, later, TOLERANCE), told);
}

#[test]
fn malformed_headers_of_the_further_schemes_are_named() {
    let of = |name: &'static str, value: &str| headers(&[(name, value)]);
    let github = |value: &str| {
        verify_github(&secret("s"), &of(GITHUB_SIGNATURE, value), BODY).unwrap_err().to_string()
    };
    assert_eq!(github("00"), "X-Hub-Signature-256 does not begin with sha256=");
    assert_eq!(github("sha256=00"), "signature is not 64 hex digits (2 characters came)");
    let stripe = |value: &str| {
        let headers = of(STRIPE_SIGNATURE, value);
        verify_stripe(&secret("s"), &headers, BODY, NOW, TOLERANCE).unwrap_err().to_string()
    };
    for times in ["", "v1=00", "t=1,t=2,v1=00"] {
        assert_eq!(stripe(times), "Tidings-Signature has not exactly one t=<seconds>");
    }
    assert_eq!(stripe("t=-1,v1=00"), "Tidings-Signature \"-1\" is not a number of seconds");
    assert_eq!(stripe("t=1,v0=00"), "no v1 signature in Tidings-Signature");
    assert_eq!(stripe("t=1,v1=zz"), "signature is not 64 hex digits (2 characters came)");
    let paired = |list: &str| {
        let headers = headers(&[
            (STANDARD_ID, "msg_1"),
            (STANDARD_TIMESTAMP, "1704391525"),
            (STANDARD_SIGNATURE, list),
        ]);
        verify_ed25519(&public(0), &headers, BODY, NOW, TOLERANCE).unwrap_err().to_string()
    };
    assert_eq!(paired("v1,AAAA"), "no v1a signature in webhook-signature");
    assert_eq!(paired("v1a,AAAA"), "the v1a signature is not base64 of 64 bytes");
}

#[test]
fn common_mistakes_are_recognised_in_the_further_schemes() {
    let mut value = "t=1704391525,v1=".to_owned();
    push_hex(&mut value, &mac(&keyed(b"s"), &[BODY]));
    let headers_ = headers(&[(STRIPE_SIGNATURE, &value)]);
    let refused = verify_stripe(&secret("s"), &headers_, BODY, NOW, TOLERANCE);
    assert_eq!(refused, Err(Rejection::Mismatch(Some(Hint::BodyAlone))));

    let mut value = GITHUB_PREFIX.to_owned();
    push_hex(&mut value, &mac(&keyed(b"s"), &[BODY]));
    let headers_ = headers(&[(GITHUB_SIGNATURE, &value)]);
    let refused = verify_github(&secret("s\n"), &headers_, BODY);
    assert_eq!(refused, Err(Rejection::Mismatch(Some(Hint::SpaceHere))));

    let pair = ed25519::Ed25519Signer::new(&Ed25519Key::from_text(PRIVATE[0]).unwrap());
    let signature = pair.sign(&[b"1704391525.", BODY].concat());
    let headers_ = headers(&[
        (STANDARD_ID, "msg_1"),
        (STANDARD_TIMESTAMP, "1704391525"),
        (STANDARD_SIGNATURE, &format!("v1a,{}", STANDARD.encode(signature))),
    ]);
    let refused = verify_ed25519(&public(0), &headers_, BODY, NOW, TOLERANCE);
    assert_eq!(refused, Err(Rejection::Mismatch(Some(Hint::NoMessageId))));
}

#[test]
fn keys_are_written_and_read_as_the_standard_says() {
    for (index, first) in [(0, 0), (1, 32)] {
        let seed: [u8; 32] = std::array::from_fn(|at| first + at as u8);
        let key = Ed25519Key::from_seed(Zeroizing::new(seed));
        assert_eq!(key.text().expose(), PRIVATE[index]);
        assert_eq!(key.public().to_string(), PUBLIC[index]);
        assert_eq!(Ed25519Key::from_text(PRIVATE[index]).unwrap().seed(), &seed);
        assert_eq!(public(index), key.public());
        assert_eq!(format!("{key:?}"), "Ed25519Key(…)");
    }
    let wrong = [
        (PUBLIC[0].to_owned(), "a private key begins with whsk_"),
        ("whsk_*".to_owned(), "what follows the prefix of the key is not base64"),
        ("whsk_AAAA".to_owned(), "the key is base64 of 3 bytes, not of 64"),
        (
            format!("whsk_{}", STANDARD.encode([7; 64])),
            "the second half of the key is not the public key of the first",
        ),
    ];
    for (text, told) in wrong {
        assert_eq!(Ed25519Key::from_text(&text).unwrap_err().to_string(), told);
    }
    let wrong = [
        (PRIVATE[0], "a public key begins with whpk_"),
        ("whpk_*", "what follows the prefix of the key is not base64"),
        ("whpk_AAAA", "the key is base64 of 3 bytes, not of 32"),
    ];
    for (text, told) in wrong {
        assert_eq!(text.parse::<Ed25519PublicKey>().unwrap_err().to_string(), told);
    }
}

#[test]
fn a_new_secret_is_base64_of_its_random_bytes() {
    let made = generate_secret(&Zeroizing::new([0xff; 32]));
    assert_eq!(made.expose(), "whsec_//////////////////////////////////////////8=");
    assert_eq!(*standard_key(made.expose()), [0xff; 32]);
    standardwebhooks::Webhook::new(made.expose()).unwrap();
}

#[test]
fn nothing_of_the_keys_is_printed() {
    let keys = rotating(Which::Current);
    let shown = format!("{keys:?} {:?}", Signer::new(&keys));
    for hidden in [BEFORE, ENCODED, PRIVATE[0], PRIVATE[1], "[0, 1, 2"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
