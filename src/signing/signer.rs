//! Makes the signature headers of attempts, with keys that were prepared once.
//!
//! While a secret is being changed there are two: the current one and the previous one. Headers
//! that may carry several signatures (Standard Webhooks, Stripe) carry one of each, so that
//! receivers with either secret accept the delivery. Headers that receivers compare as a whole
//! (Klaviyo, GitHub) carry one; [`Keys::klaviyo_with`] says whose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::ed25519::{Ed25519Key, Ed25519Signer};
use super::{
    ED25519_VERSION, GITHUB_PREFIX, HmacSha256, STANDARD_VERSION, STRIPE_TIME, STRIPE_VERSION,
    Scheme, Schemes, keyed, mac, push_hex, raw_key, standard_key,
};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// The names as hyper keeps them; receivers read header names without regard to case (RFC 9110
/// §5.1).
mod names {
    use hyper::header::HeaderName;

    pub(super) static KLAVIYO_TIMESTAMP: HeaderName = HeaderName::from_static("klaviyo-timestamp");
    pub(super) static KLAVIYO_SIGNATURE: HeaderName = HeaderName::from_static("klaviyo-signature");
    pub(super) static STANDARD_ID: HeaderName = HeaderName::from_static("webhook-id");
    pub(super) static STANDARD_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
    pub(super) static STANDARD_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
    pub(super) static GITHUB_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
    pub(super) static STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("tidings-signature");
}

/// One of two secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The one that stays.
    #[default]
    Current,
    /// The one that goes; where there is none any more, the current one.
    Previous,
}

/// What deliveries to one webhook are signed with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The secret.
    pub current: Secret,
    /// The secret before it, while receivers may still have that one.
    pub previous: Option<Secret>,
    /// Whose signature the single-valued headers carry: Klaviyo's and GitHub's.
    pub klaviyo_with: Which,
    /// The private key of [`Scheme::Ed25519`]; without one that scheme signs nothing.
    pub ed25519: Option<Ed25519Key>,
    /// The private key before it, while receivers may still have its public key.
    pub ed25519_previous: Option<Ed25519Key>,
}

impl Keys {
    /// One secret and nothing else.
    #[must_use]
    pub const fn new(current: Secret) -> Self {
        Self {
            current,
            previous: None,
            klaviyo_with: Which::Current,
            ed25519: None,
            ed25519_previous: None,
        }
    }
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The message id: visible ASCII without a full stop, which separates it from what follows.
    pub id: &'a str,
    /// The time of sending.
    pub at: Timestamp,
    /// The body, exactly as it is sent.
    pub body: &'a [u8],
}

/// Makes the signatures of one webhook.
///
/// The hash states that depend on a secret alone are computed once; a signature copies them.
#[derive(Clone)]
pub struct Signer {
    /// The states of schemes that take the text of a secret as the key: current, then previous.
    raw: Rotation<HmacSha256>,
    standard: Rotation<HmacSha256>,
    ed25519: Vec<Ed25519Signer>,
    single: Which,
}

#[derive(Clone)]
struct Rotation<T> {
    current: T,
    previous: Option<T>,
}

impl<T> Rotation<T> {
    fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn one(&self, which: Which) -> &T {
        match which {
            Which::Current => &self.current,
            Which::Previous => self.previous.as_ref().unwrap_or(&self.current),
        }
    }
}

impl Signer {
    /// Prepares the keys of all schemes.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        let rotation = |prepare: fn(&Secret) -> HmacSha256| Rotation {
            current: prepare(&keys.current),
            previous: keys.previous.as_ref().map(prepare),
        };
        let pairs = keys.ed25519.iter().chain(&keys.ed25519_previous);
        Self {
            raw: rotation(|secret| keyed(&raw_key(secret.expose()))),
            standard: rotation(|secret| keyed(&standard_key(secret.expose()))),
            ed25519: pairs.map(Ed25519Signer::new).collect(),
            single: keys.klaviyo_with,
        }
    }

    /// Adds the headers of `schemes` for one attempt, and `webhook-id` and `webhook-timestamp`,
    /// which say what the message is and when it was sent whether or not they are signed.
    ///
    /// # Panics
    /// Where the message id is not visible ASCII.
    pub fn sign(&self, schemes: Schemes, message: &Message<'_>, headers: &mut HeaderMap) {
        let mut add = |name: &HeaderName, value: String| {
            let value = HeaderValue::try_from(value);
            headers.insert(name, value.expect("ids, dates, hex and base64 are header text"));
        };
        let seconds = message.at.seconds().to_string();
        if schemes.contains(Scheme::Klaviyo) {
            let date = message.at.http_date();
            add(&names::KLAVIYO_SIGNATURE, self.klaviyo(message.body, &date));
            add(&names::KLAVIYO_TIMESTAMP, date);
        }
        let standard = self.standard(schemes, message, &seconds);
        if !standard.is_empty() {
            add(&names::STANDARD_SIGNATURE, standard);
        }
        if schemes.contains(Scheme::Github) {
            add(&names::GITHUB_SIGNATURE, self.github(message.body));
        }
        if schemes.contains(Scheme::Stripe) {
            add(&names::STRIPE_SIGNATURE, self.stripe(message.body, &seconds));
        }
        add(&names::STANDARD_ID, message.id.to_owned());
        add(&names::STANDARD_TIMESTAMP, seconds);
    }

    fn klaviyo(&self, body: &[u8], timestamp: &str) -> String {
        let mut value = String::with_capacity(64);
        let state = self.raw.one(self.single);
        push_hex(&mut value, &mac(state, &[body, timestamp.as_bytes()]));
        value
    }

    fn github(&self, body: &[u8]) -> String {
        let mut value = String::with_capacity(GITHUB_PREFIX.len() + 64);
        value.push_str(GITHUB_PREFIX);
        push_hex(&mut value, &mac(self.raw.one(self.single), &[body]));
        value
    }

    fn stripe(&self, body: &[u8], seconds: &str) -> String {
        let mut value = [STRIPE_TIME, seconds].concat();
        for state in self.raw.all() {
            value.push(',');
            value.push_str(STRIPE_VERSION);
            push_hex(&mut value, &mac(state, &[seconds.as_bytes(), b".", body]));
        }
        value
    }

    /// The list of signatures of Standard Webhooks; empty where nothing of it is chosen.
    fn standard(&self, schemes: Schemes, message: &Message<'_>, seconds: &str) -> String {
        let parts: [&[u8]; 5] =
            [message.id.as_bytes(), b".", seconds.as_bytes(), b".", message.body];
        let mut list = String::with_capacity(STANDARD_VERSION.len() + 44);
        let mut add = |version: &str, signature: &[u8]| {
            if !list.is_empty() {
                list.push(' ');
            }
            list.push_str(version);
            STANDARD.encode_string(signature, &mut list);
        };
        if schemes.contains(Scheme::Standard) {
            for state in self.standard.all() {
                add(STANDARD_VERSION, &mac(state, &parts));
            }
        }
        if schemes.contains(Scheme::Ed25519) && !self.ed25519.is_empty() {
            // Ed25519 hashes its message twice, so it takes it in one piece.
            let whole = parts.concat();
            for pair in &self.ed25519 {
                add(ED25519_VERSION, &pair.sign(&whole));
            }
        }
        list
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}
