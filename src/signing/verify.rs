//! The checks of a strict receiver, one function for each scheme.
//!
//! The order is: are the headers there and well formed, is the signature right, is it recent, do
//! header and body agree. The signature comes before its age, so that "too old" means that
//! everything else was right. Signatures are compared in constant time.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::diagnosis::{Hint, Suspect};
use super::ed25519::{Ed25519PublicKey, SIGNATURE_BYTES};
use super::{
    ED25519_VERSION, GITHUB_PREFIX, GITHUB_SIGNATURE, KLAVIYO_SIGNATURE, KLAVIYO_TIMESTAMP,
    KLAVIYO_WEBHOOK_ID, MacBytes, Rejection, STANDARD_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP,
    STANDARD_VERSION, STRIPE_SIGNATURE, STRIPE_TIME, STRIPE_VERSION, Scheme, Schemes, keyed, mac,
    raw_key, standard_key,
};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// The schemes whose signatures these headers carry, or seem to have carried. A message id and a
/// time alone are no signature.
#[must_use]
pub fn carried(headers: &HeaderMap) -> Schemes {
    let list = headers.get(STANDARD_SIGNATURE).map(|list| list.to_str().unwrap_or_default());
    let lists =
        |version| list.is_some_and(|list| list.split(' ').any(|one| one.starts_with(version)));
    let is_there = |scheme: &Scheme| match scheme {
        Scheme::Klaviyo => {
            headers.contains_key(KLAVIYO_SIGNATURE) || headers.contains_key(KLAVIYO_TIMESTAMP)
        }
        // A list without any version is a broken one of the scheme that everybody has.
        Scheme::Standard => list.is_some() && (lists(STANDARD_VERSION) || !lists(ED25519_VERSION)),
        Scheme::Ed25519 => lists(ED25519_VERSION),
        Scheme::Github => headers.contains_key(GITHUB_SIGNATURE),
        Scheme::Stripe => headers.contains_key(STRIPE_SIGNATURE),
    };
    Scheme::ALL.into_iter().filter(is_there).collect()
}

/// Checks the three `Klaviyo-…` headers against the body.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn verify_klaviyo(
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Rejection> {
    let webhook_id = single(headers, KLAVIYO_WEBHOOK_ID)?;
    let stamp = single(headers, KLAVIYO_TIMESTAMP)?;
    let signature = single(headers, KLAVIYO_SIGNATURE)?;
    let sent = fixdate(stamp).ok_or_else(|| Rejection::NotHttpDate(stamp.to_owned()))?;
    let given = unhex(signature).ok_or(Rejection::NotHex(signature.len()))?;

    let stamp = stamp.as_bytes();
    let mistaken: [(Hint, &[&[u8]]); 3] = [
        (Hint::BodyAlone, &[body]),
        (Hint::TimestampFirst, &[stamp, body]),
        (Hint::TimestampFirst, &[stamp, b".", body]),
    ];
    judge(&Suspect {
        secret: secret.expose(),
        key_of: raw_key,
        signed: &[body, stamp],
        mistaken: &mistaken,
        came: &|made| same(made, &given),
    })?;
    recent(sent, now, tolerance)?;
    names_same_webhook(webhook_id, body)
}

/// Checks the three `webhook-…` headers against the body, by Standard Webhooks with a shared
/// secret (`v1`). One right signature among several is enough.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn verify_standard(
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Rejection> {
    let standard = Standard::read(headers)?;
    let given = version::<32>(standard.list, STANDARD_VERSION)?;
    let Standard { id, stamp, .. } = standard;
    judge(&Suspect {
        secret: secret.expose(),
        key_of: standard_key,
        signed: &[id, b".", stamp, b".", body],
        mistaken: &[(Hint::BodyAlone, &[body]), (Hint::NoMessageId, &[stamp, b".", body])],
        came: &|made| given.iter().any(|one| same(made, one)),
    })?;
    recent(standard.sent, now, tolerance)
}

/// Checks the three `webhook-…` headers against the body, by Standard Webhooks with a public key
/// (`v1a`). One right signature among several is enough.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn verify_ed25519(
    key: &Ed25519PublicKey,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Rejection> {
    let standard = Standard::read(headers)?;
    let given = version::<SIGNATURE_BYTES>(standard.list, ED25519_VERSION)?;
    let Standard { id, stamp, .. } = standard;
    let came = |signed: &[&[u8]]| {
        let message = signed.concat();
        given.iter().any(|one| key.has_signed(&message, one))
    };
    if !came(&[id, b".", stamp, b".", body]) {
        let mistaken: [(Hint, &[&[u8]]); 2] =
            [(Hint::BodyAlone, &[body]), (Hint::NoMessageId, &[stamp, b".", body])];
        let found = mistaken.into_iter().find(|(_, signed)| came(signed));
        return Err(Rejection::Mismatch(found.map(|(hint, _)| hint)));
    }
    recent(standard.sent, now, tolerance)
}

/// Checks `X-Hub-Signature-256` against the body, as receivers of GitHub's webhooks do. The time
/// of sending is not signed and so can not be judged.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn verify_github(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Result<(), Rejection> {
    let value = single(headers, GITHUB_SIGNATURE)?;
    let signature = value.strip_prefix(GITHUB_PREFIX).ok_or(Rejection::NoHash)?;
    let given = unhex(signature).ok_or(Rejection::NotHex(signature.len()))?;
    judge(&Suspect {
        secret: secret.expose(),
        key_of: raw_key,
        signed: &[body],
        mistaken: &[],
        came: &|made| same(made, &given),
    })
}

/// Checks `Tidings-Signature` against the body, as receivers of Stripe's webhooks check theirs.
/// One right signature among several is enough.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn verify_stripe(
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Rejection> {
    let list = single(headers, STRIPE_SIGNATURE)?;
    let stamp = single_time(list).ok_or(Rejection::NoTime)?;
    let sent = seconds(STRIPE_SIGNATURE, stamp)?;
    let given = hex_version_one(list)?;
    let stamp = stamp.as_bytes();
    judge(&Suspect {
        secret: secret.expose(),
        key_of: raw_key,
        signed: &[stamp, b".", body],
        mistaken: &[(Hint::BodyAlone, &[body])],
        came: &|made| given.iter().any(|one| same(made, one)),
    })?;
    recent(sent, now, tolerance)
}

/// The headers that both schemes of Standard Webhooks share.
struct Standard<'h> {
    id: &'h [u8],
    stamp: &'h [u8],
    sent: Timestamp,
    list: &'h str,
}

impl<'h> Standard<'h> {
    fn read(headers: &'h HeaderMap) -> Result<Self, Rejection> {
        let id = single(headers, STANDARD_ID)?.as_bytes();
        let stamp = single(headers, STANDARD_TIMESTAMP)?;
        let list = single(headers, STANDARD_SIGNATURE)?;
        let sent = seconds(STANDARD_TIMESTAMP, stamp)?;
        Ok(Self { id, stamp: stamp.as_bytes(), sent, list })
    }
}

fn judge(suspect: &Suspect<'_>) -> Result<(), Rejection> {
    let key = (suspect.key_of)(suspect.secret);
    if (suspect.came)(&mac(&keyed(&key), suspect.signed)) {
        return Ok(());
    }
    Err(Rejection::Mismatch(suspect.explain()))
}

fn same(left: &MacBytes, right: &MacBytes) -> bool {
    left.ct_eq(right).into()
}

fn single<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Rejection> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Rejection::Missing(name))?;
    if values.next().is_some() {
        return Err(Rejection::Repeated(name));
    }
    value.to_str().map_err(|_| Rejection::NotText(name))
}

/// Reads an IMF-fixdate and nothing else: the obsolete forms of HTTP dates do not read back the
/// same.
fn fixdate(text: &str) -> Option<Timestamp> {
    let moment = httpdate::parse_http_date(text).ok()?;
    let since = moment.duration_since(UNIX_EPOCH).ok()?;
    let sent = Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?);
    (sent.http_date() == text).then_some(sent)
}

fn seconds(header: &'static str, text: &str) -> Result<Timestamp, Rejection> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    let refused = || Rejection::NotSeconds { header, value: text.to_owned() };
    seconds.map(Timestamp::from_seconds).ok_or_else(refused)
}

/// The time of a Stripe-like list; two of them would leave open which one was signed.
fn single_time(list: &str) -> Option<&str> {
    let mut times = list.split(',').filter_map(|item| item.strip_prefix(STRIPE_TIME));
    let time = times.next()?;
    times.next().is_none().then_some(time)
}

fn unhex(text: &str) -> Option<MacBytes> {
    let digits = text.as_bytes();
    let mut bytes = MacBytes::default();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// The signatures of one version in the list of Standard Webhooks, each of `BYTES` bytes.
fn version<const BYTES: usize>(
    list: &str,
    prefix: &'static str,
) -> Result<Vec<[u8; BYTES]>, Rejection> {
    let version = prefix.trim_end_matches(',');
    let mut encoded = list.split(' ').filter_map(|one| one.strip_prefix(prefix)).peekable();
    if encoded.peek().is_none() {
        return Err(Rejection::NoVersion { version, header: STANDARD_SIGNATURE });
    }
    let decode = |one: &str| STANDARD.decode(one).ok()?.try_into().ok();
    let given: Vec<_> = encoded.filter_map(decode).collect();
    if given.is_empty() { Err(Rejection::NotBase64 { version, bytes: BYTES }) } else { Ok(given) }
}

/// The signatures of version 1 in a Stripe-like list.
fn hex_version_one(list: &str) -> Result<Vec<MacBytes>, Rejection> {
    let encoded = || list.split(',').filter_map(|item| item.strip_prefix(STRIPE_VERSION));
    let version = STRIPE_VERSION.trim_end_matches('=');
    let none = Rejection::NoVersion { version, header: STRIPE_SIGNATURE };
    let first = encoded().next().ok_or(none)?;
    let given: Vec<_> = encoded().filter_map(unhex).collect();
    if given.is_empty() { Err(Rejection::NotHex(first.len())) } else { Ok(given) }
}

fn recent(sent: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), Rejection> {
    let tolerance_seconds = tolerance.as_secs();
    let seconds = now.seconds().abs_diff(sent.seconds());
    if seconds <= tolerance_seconds {
        Ok(())
    } else if sent < now {
        Err(Rejection::TooOld { seconds, tolerance_seconds })
    } else {
        Err(Rejection::TooNew { seconds, tolerance_seconds })
    }
}

#[derive(Deserialize)]
struct SignedBody {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    klaviyo_webhook_id: String,
}

fn names_same_webhook(header: &str, body: &[u8]) -> Result<(), Rejection> {
    let body: Option<SignedBody> = serde_json::from_slice(body).ok();
    let body = body.map(|body| body.meta.klaviyo_webhook_id);
    if body.as_deref() == Some(header) {
        return Ok(());
    }
    Err(Rejection::WebhookIdDiffers { header: header.to_owned(), body })
}
