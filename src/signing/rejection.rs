//! Why a signature was not accepted, as a fact with the values that explain it.
//!
//! Made by `verify`, printed by `tidings listen` and in the log of `tidings demo`. The text names
//! headers and times, and never the secret or the signature that would have been right.

use std::fmt;

use super::{
    GITHUB_PREFIX, GITHUB_SIGNATURE, Hint, KLAVIYO_TIMESTAMP, KLAVIYO_WEBHOOK_ID, STRIPE_SIGNATURE,
};

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
    /// A time is not a number of seconds.
    NotSeconds {
        /// The header that holds the time.
        header: &'static str,
        /// What came.
        value: String,
    },
    /// `Tidings-Signature` has not exactly one time.
    NoTime,
    /// `X-Hub-Signature-256` does not name its hash.
    NoHash,
    /// A signature is not 64 hex digits; holds how many characters came.
    NotHex(usize),
    /// A header that lists signatures has none of the scheme's version.
    NoVersion {
        /// The version that was looked for.
        version: &'static str,
        /// The header that was read.
        header: &'static str,
    },
    /// No signature of the scheme's version is base64 of the right length.
    NotBase64 {
        /// The version that was looked for.
        version: &'static str,
        /// How many bytes a signature has.
        bytes: usize,
    },
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
            Self::NotSeconds { header, value } => {
                write!(f, "{header} {value:?} is not a number of seconds")
            }
            Self::NoTime => write!(f, "{STRIPE_SIGNATURE} has not exactly one t=<seconds>"),
            Self::NoHash => write!(f, "{GITHUB_SIGNATURE} does not begin with {GITHUB_PREFIX}"),
            Self::NotHex(characters) => {
                write!(f, "signature is not 64 hex digits ({characters} characters came)")
            }
            Self::NoVersion { version, header } => write!(f, "no {version} signature in {header}"),
            Self::NotBase64 { version, bytes } => {
                write!(f, "the {version} signature is not base64 of {bytes} bytes")
            }
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
