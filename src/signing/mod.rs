//! Signatures of deliveries: making them, and checking them the way a strict receiver does.
//!
//! Two schemes are spoken. Klaviyo's signs the body followed by the text of the timestamp header,
//! in hex (contract: wire.md §1.2). Standard Webhooks signs `id.timestamp.body`, in base64, with a
//! version before it. [`Signer`] makes both; [`verify_klaviyo`] and [`verify_standard`] check them
//! and say in a [`Rejection`] precisely what is wrong. Pure: no clock is read here, `now` is given.

mod diagnosis;
mod rejection;
mod verify;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

pub use self::diagnosis::Hint;
pub use self::rejection::Rejection;
pub use self::verify::{verify_klaviyo, verify_standard};

/// Names the webhook that a delivery belongs to; equals `meta.klaviyo_webhook_id` in the body.
pub const KLAVIYO_WEBHOOK_ID: &str = "Klaviyo-Webhook-Id";
/// The time of sending as an HTTP date, which is also signed.
pub const KLAVIYO_TIMESTAMP: &str = "Klaviyo-Timestamp";
/// 64 lower-case hex digits.
pub const KLAVIYO_SIGNATURE: &str = "Klaviyo-Signature";
/// The message id, the same in every attempt.
pub const STANDARD_ID: &str = "webhook-id";
/// The time of sending in seconds since the epoch.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// One or more `v1,<base64>`, separated by spaces.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";

/// Says that what follows in a secret is base64 of the key (Standard Webhooks).
const ENCODED_PREFIX: &str = "whsec_";
/// Comes before a signature made with HMAC-SHA256 (Standard Webhooks).
const STANDARD_VERSION: &str = "v1,";

type HmacSha256 = Hmac<Sha256>;
type MacBytes = [u8; 32];

/// Makes the signatures of one secret.
///
/// The hash states that depend on the secret alone are computed once; a signature copies them.
#[derive(Clone)]
pub struct Signer {
    klaviyo: HmacSha256,
    standard: HmacSha256,
}

impl Signer {
    /// Prepares the keys of both schemes.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let standard = keyed(&standard_key(secret.expose()));
        Self { klaviyo: keyed(secret.expose().as_bytes()), standard }
    }

    /// The value of [`KLAVIYO_SIGNATURE`]; `timestamp` is the value of [`KLAVIYO_TIMESTAMP`],
    /// exactly as it is sent.
    #[must_use]
    pub fn klaviyo(&self, body: &[u8], timestamp: &str) -> String {
        hex(&mac(&self.klaviyo, &[body, timestamp.as_bytes()]))
    }

    /// The value of [`STANDARD_SIGNATURE`].
    #[must_use]
    pub fn standard(&self, message_id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let seconds = timestamp_seconds.to_string();
        let parts = [message_id.as_bytes(), b".", seconds.as_bytes(), b".", body];
        format!("{STANDARD_VERSION}{}", STANDARD.encode(mac(&self.standard, &parts)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn mac(keyed: &HmacSha256, parts: &[&[u8]]) -> MacBytes {
    let mut state = keyed.clone();
    for part in parts {
        state.update(part);
    }
    state.finalize().into_bytes().into()
}

/// The key of the standard scheme: the decoded rest of a `whsec_` secret where that is base64,
/// otherwise the bytes of the secret.
fn standard_key(secret: &str) -> Zeroizing<Vec<u8>> {
    let encoded = secret.strip_prefix(ENCODED_PREFIX).and_then(decoded);
    encoded.unwrap_or_else(|| Zeroizing::new(secret.as_bytes().to_vec()))
}

fn decoded(base64: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key = Zeroizing::new(STANDARD.decode(base64).ok()?);
    (!key.is_empty()).then_some(key)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).map(char::from).collect()
}

#[cfg(test)]
mod tests;
