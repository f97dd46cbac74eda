//! Why a signature was not accepted, as a fact with the values that explain it.
//!
//! Made by `verify`, printed by `tidings listen` and in the log of `tidings demo`. The text names
//! headers and times, and never the secret or the signature that would have been right.

use std::fmt;

use super::{Hint, KLAVIYO_TIMESTAMP, KLAVIYO_WEBHOOK_ID, STANDARD_SIGNATURE, STANDARD_TIMESTAMP};

/// Live deliveries of Klaviyo are stamped five hours ahead of the time (contract: wire.md §1.2).
const KLAVIYO_AHEAD_SECONDS: u64 = 5 * 60 * 60;

/// The reason why a delivery's signature was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A header that the scheme needs is not there.
    Missing(&'static str),
    /// A header that must be single came more than once.
    Repeated(&'static str),
    /// A header holds bytes that are not visible ASCII.
    NotText(&'static str),
    /// `Klaviyo-Timestamp` is not an IMF-fixdate; holds what came.
    NotHttpDate(String),
    /// `webhook-timestamp` is not a number of seconds; holds what came.
    NotSeconds(String),
    /// `Klaviyo-Signature` is not 64 hex digits; holds how many characters came.
    NotHex(usize),
    /// `webhook-signature` lists no signature of version 1.
    NoVersionOne,
    /// No version 1 signature in `webhook-signature` is base64 of 32 bytes.
    NotBase64,
    /// The signature is well formed and wrong, with the likely cause where one was found.
    Mismatch(Option<Hint>),
    /// The signature is right, and too long ago.
    TooOld {
        /// How far the time stamp lies in the past.
        seconds: u64,
        /// How far it may.
        tolerance_seconds: u64,
    },
    /// The signature is right, and from the future.
    TooNew {
        /// How far the time stamp lies in the future.
        seconds: u64,
        /// How far it may.
        tolerance_seconds: u64,
    },
    /// `Klaviyo-Webhook-Id` and the body disagree about the webhook.
    WebhookIdDiffers {
        /// The value of the header.
        header: String,
        /// `meta.klaviyo_webhook_id`, where the body has one.
        body: Option<String>,
    },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(header) => write!(f, "missing header {header}"),
            Self::Repeated(header) => write!(f, "header {header} is repeated"),
            Self::NotText(header) => write!(f, "header {header} is not visible ASCII"),
            Self::NotHttpDate(value) => {
                write!(f, "{KLAVIYO_TIMESTAMP} {value:?} is not an IMF-fixdate")
            }
            Self::NotSeconds(value) => {
                write!(f, "{STANDARD_TIMESTAMP} {value:?} is not a number of seconds")
            }
            Self::NotHex(characters) => {
                write!(f, "signature is not 64 hex digits ({characters} characters came)")
            }
            Self::NoVersionOne => write!(f, "no v1 signature in {STANDARD_SIGNATURE}"),
            Self::NotBase64 => write!(f, "the v1 signature is not base64 of 32 bytes"),
            Self::Mismatch(None) => {
                f.write_str("signature does not match: the body was changed, or another secret")
            }
            Self::Mismatch(Some(hint)) => write!(f, "signature does not match: {hint}"),
            Self::TooOld { seconds, tolerance_seconds } => {
                write!(f, "timestamp {seconds} s in the past, tolerance {tolerance_seconds} s")
            }
            Self::TooNew { seconds, tolerance_seconds } => {
                write!(f, "timestamp {seconds} s in the future, tolerance {tolerance_seconds} s")?;
                explain_five_hours(*seconds, *tolerance_seconds, f)
            }
            Self::WebhookIdDiffers { header, body: Some(body) } => write!(
                f,
                "{KLAVIYO_WEBHOOK_ID} {header:?} differs from meta.klaviyo_webhook_id {body:?} \
                 in the body"
            ),
            Self::WebhookIdDiffers { body: None, .. } => {
                write!(f, "{KLAVIYO_WEBHOOK_ID} came, but the body has no meta.klaviyo_webhook_id")
            }
        }
    }
}

impl std::error::Error for Rejection {}

fn explain_five_hours(seconds: u64, tolerance: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if seconds.abs_diff(KLAVIYO_AHEAD_SECONDS) <= tolerance {
        f.write_str(" (Klaviyo's own deliveries are known to be stamped five hours ahead)")?;
    }
    Ok(())
}
