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
use zeroize::Zeroizing;

use super::diagnosis::{Hint, Suspect};
use super::{
    KLAVIYO_SIGNATURE, KLAVIYO_TIMESTAMP, KLAVIYO_WEBHOOK_ID, MacBytes, Rejection, STANDARD_ID,
    STANDARD_SIGNATURE, STANDARD_TIMESTAMP, STANDARD_VERSION, keyed, mac, standard_key,
};
use crate::clock::Timestamp;
use crate::secret::Secret;

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
        key_of: |text| Zeroizing::new(text.as_bytes().to_vec()),
        signed: &[body, stamp],
        mistaken: &mistaken,
        came: &|made| same(made, &given),
    })?;
    recent(sent, now, tolerance)?;
    names_same_webhook(webhook_id, body)
}

/// Checks the three `webhook-…` headers against the body, by Standard Webhooks.
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
    let id = single(headers, STANDARD_ID)?.as_bytes();
    let stamp = single(headers, STANDARD_TIMESTAMP)?;
    let list = single(headers, STANDARD_SIGNATURE)?;
    let sent = seconds(stamp).ok_or_else(|| Rejection::NotSeconds(stamp.to_owned()))?;
    let given = version_one(list)?;

    let stamp = stamp.as_bytes();
    judge(&Suspect {
        secret: secret.expose(),
        key_of: standard_key,
        signed: &[id, b".", stamp, b".", body],
        mistaken: &[(Hint::BodyAlone, &[body]), (Hint::NoMessageId, &[stamp, b".", body])],
        came: &|made| given.iter().any(|one| same(made, one)),
    })?;
    recent(sent, now, tolerance)
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

fn seconds(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().map(Timestamp::from_seconds) } else { None }
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

fn version_one(list: &str) -> Result<Vec<MacBytes>, Rejection> {
    let mut encoded =
        list.split(' ').filter_map(|one| one.strip_prefix(STANDARD_VERSION)).peekable();
    if encoded.peek().is_none() {
        return Err(Rejection::NoVersionOne);
    }
    let decode = |one: &str| MacBytes::try_from(STANDARD.decode(one).ok()?).ok();
    let given: Vec<_> = encoded.filter_map(decode).collect();
    if given.is_empty() { Err(Rejection::NotBase64) } else { Ok(given) }
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
