//! What became of the signatures of one received request, and the answer they deserve.
//!
//! Pure; called by `receiver` for each request. A request is refused with 401 when a signature is
//! wrong, or when a secret is set and it carries no signature at all.

use std::fmt;

use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};

use crate::clock::Timestamp;
use crate::limits::SIGNATURE_TOLERANCE;
use crate::secret::Secret;
use crate::signing::{
    KLAVIYO_SIGNATURE, KLAVIYO_TIMESTAMP, KLAVIYO_WEBHOOK_ID, Rejection, STANDARD_SIGNATURE,
    STANDARD_TIMESTAMP, verify_klaviyo, verify_standard,
};

/// What became of one scheme's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request has no headers of this scheme.
    Absent,
    /// There is one, and no secret to check it with.
    Unchecked,
    /// It was not checked because the body could not be read.
    Unread(Unread),
    /// It is right.
    Verified,
    /// It is wrong.
    Rejected(Rejection),
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than the receiver takes.
    TooLarge,
    /// It ended early or stalled.
    CutOff,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is larger than 16 MiB",
            Self::CutOff => "the body ended early or stalled",
        })
    }
}

/// The verdicts on Klaviyo's and on the Standard Webhooks signature.
pub(super) fn check(
    secret: Option<&Secret>,
    headers: &HeaderMap,
    body: &Result<Bytes, Unread>,
    now: Timestamp,
) -> (Verdict, Verdict) {
    let body = match body {
        Ok(body) => body,
        Err(unread) => return (Verdict::Unread(*unread), Verdict::Unread(*unread)),
    };
    let has = |names: &[&str]| names.iter().any(|name| headers.contains_key(*name));
    let klaviyo = has(&[KLAVIYO_WEBHOOK_ID, KLAVIYO_TIMESTAMP, KLAVIYO_SIGNATURE]);
    // `webhook-id` alone is a message id, and no signature that lost its other headers.
    let standard = has(&[STANDARD_TIMESTAMP, STANDARD_SIGNATURE]);
    let verdict = |present: bool, verify: Verify| match secret {
        _ if !present => Verdict::Absent,
        None => Verdict::Unchecked,
        Some(secret) => verify(secret, headers, body, now, SIGNATURE_TOLERANCE)
            .map_or_else(Verdict::Rejected, |()| Verdict::Verified),
    };
    let unsigned = secret.is_some() && !klaviyo && !standard;
    if unsigned {
        let missing = |header| Verdict::Rejected(Rejection::Missing(header));
        return (missing(KLAVIYO_SIGNATURE), missing(STANDARD_SIGNATURE));
    }
    (verdict(klaviyo, verify_klaviyo), verdict(standard, verify_standard))
}

type Verify =
    fn(&Secret, &HeaderMap, &[u8], Timestamp, std::time::Duration) -> Result<(), Rejection>;

/// The status that a strict receiver answers with.
pub(super) fn auto_status(klaviyo: &Verdict, standard: &Verdict) -> StatusCode {
    match (klaviyo, standard) {
        (Verdict::Unread(Unread::TooLarge), _) => StatusCode::PAYLOAD_TOO_LARGE,
        (Verdict::Unread(Unread::CutOff), _) => StatusCode::BAD_REQUEST,
        (Verdict::Rejected(_), _) | (_, Verdict::Rejected(_)) => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    }
}

/// Every reason against the request, in words.
pub(super) fn refusal(klaviyo: &Verdict, standard: &Verdict) -> Option<String> {
    let mut reasons = Vec::new();
    for (scheme, verdict) in [("klaviyo", klaviyo), ("standard", standard)] {
        match verdict {
            Verdict::Unread(unread) => return Some(unread.to_string()),
            Verdict::Rejected(why) => reasons.push(format!("{scheme} signature refused: {why}")),
            Verdict::Absent | Verdict::Unchecked | Verdict::Verified => {}
        }
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
