//! Signatures of deliveries: making them, and checking them the way a strict receiver does.
//!
//! Five schemes are spoken, all over the exact bytes of the body:
//!
//! | scheme | header | signs | with |
//! |---|---|---|---|
//! | [`Scheme::Klaviyo`] | `Klaviyo-Signature` | body, text of `Klaviyo-Timestamp` | HMAC-SHA256, hex (contract: wire.md §1.2) |
//! | [`Scheme::Standard`] | `webhook-signature`, `v1,…` | `id.seconds.body` | HMAC-SHA256, base64 (Standard Webhooks) |
//! | [`Scheme::Ed25519`] | `webhook-signature`, `v1a,…` | `id.seconds.body` | Ed25519, base64 (Standard Webhooks) |
//! | [`Scheme::Github`] | `X-Hub-Signature-256` | body | HMAC-SHA256, hex after `sha256=` |
//! | [`Scheme::Stripe`] | `Tidings-Signature` | `seconds.body` | HMAC-SHA256, hex, as `t=…,v1=…` |
//!
//! A `whsec_` secret is the key in base64 for Standard Webhooks; the other HMACs take its text as
//! the key, as Klaviyo's, GitHub's and Stripe's own receivers do. The last scheme is Stripe's in
//! all but the header's name: their libraries are handed the header's value, so they check it.
//!
//! [`Signer`] makes the headers; the `verify_…` functions check them and say in a [`Rejection`]
//! precisely what is wrong. Pure: no clock and no randomness is read here, both are given.

mod diagnosis;
mod ed25519;
mod rejection;
mod scheme;
mod signer;
mod verify;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

pub use self::diagnosis::Hint;
pub use self::ed25519::{Ed25519Key, Ed25519PublicKey, KeyTextError};
pub use self::rejection::Rejection;
pub use self::scheme::{Scheme, Schemes};
pub use self::signer::{Keys, Message, Signer, Which};
pub use self::verify::{
    carried, verify_ed25519, verify_github, verify_klaviyo, verify_standard, verify_stripe,
};

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
/// One or more `v1,<base64>` and `v1a,<base64>`, separated by spaces.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";
/// `sha256=` and 64 lower-case hex digits.
pub const GITHUB_SIGNATURE: &str = "X-Hub-Signature-256";
/// `t=<seconds>` and one or more `v1=<64 hex digits>`, separated by commas.
pub const STRIPE_SIGNATURE: &str = "Tidings-Signature";

/// Says that what follows in a secret is base64 of the key (Standard Webhooks).
const ENCODED_PREFIX: &str = "whsec_";
/// Comes before a signature made with HMAC-SHA256 (Standard Webhooks).
const STANDARD_VERSION: &str = "v1,";
/// Comes before a signature made with Ed25519 (Standard Webhooks).
const ED25519_VERSION: &str = "v1a,";
/// Comes before GitHub's hex digits, and names the hash.
const GITHUB_PREFIX: &str = "sha256=";
/// Comes before the time in [`STRIPE_SIGNATURE`].
const STRIPE_TIME: &str = "t=";
/// Comes before each signature in [`STRIPE_SIGNATURE`].
const STRIPE_VERSION: &str = "v1=";

type HmacSha256 = Hmac<Sha256>;
type MacBytes = [u8; 32];

/// A new secret made of random bytes that the caller drew: `whsec_` and their base64, which is
/// within the 24 to 64 bytes that Standard Webhooks asks for.
#[must_use]
pub fn generate_secret(random: &Zeroizing<[u8; 32]>) -> Secret {
    let encoded = Zeroizing::new(STANDARD.encode(random.as_slice()));
    Secret::new([ENCODED_PREFIX, &encoded].concat())
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
    encoded.unwrap_or_else(|| raw_key(secret))
}

/// The key of every other scheme: the text of the secret.
fn raw_key(secret: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.as_bytes().to_vec())
}

fn decoded(base64: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key = Zeroizing::new(STANDARD.decode(base64).ok()?);
    (!key.is_empty()).then_some(key)
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod signer_tests;
#[cfg(test)]
mod tests;
