//! What became of the signatures of one received request, and the answer they deserve.
//!
//! Pure; called by `receiver` for each request. A request is refused with 401 when a signature is
//! wrong, or when there is something to check signatures with and it carries none to check.

use std::fmt;

use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};

use crate::clock::Timestamp;
use crate::limits::SIGNATURE_TOLERANCE as TOLERANCE;
use crate::secret::Secret;
use crate::signing::{
    Ed25519PublicKey, KLAVIYO_SIGNATURE, Rejection, STANDARD_SIGNATURE, Scheme, carried,
    verify_ed25519, verify_github, verify_klaviyo, verify_standard, verify_stripe,
};

/// What signatures are checked with; one of each kind is enough for a right one. With nothing in
/// it they are shown and not checked.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The secrets of the sender: two while one is being changed.
    pub secrets: Vec<Secret>,
    /// The public keys of the sender, for [`Scheme::Ed25519`].
    pub public_keys: Vec<Ed25519PublicKey>,
}

impl Trust {
    /// Whether signatures are checked at all.
    #[must_use]
    pub const fn checks(&self) -> bool {
        !self.secrets.is_empty() || !self.public_keys.is_empty()
    }
}

/// What became of one scheme's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request has no headers of this scheme.
    Absent,
    /// There is one, and nothing to check it with.
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

/// The verdict on each scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts([Verdict; Scheme::ALL.len()]);

impl Verdicts {
    /// Asks for the verdict on each scheme.
    pub fn by(judge: impl FnMut(Scheme) -> Verdict) -> Self {
        Self(Scheme::ALL.map(judge))
    }

    /// The verdict on one scheme.
    #[must_use]
    pub const fn of(&self, scheme: Scheme) -> &Verdict {
        &self.0[scheme as usize]
    }

    /// Each scheme with its verdict.
    pub fn iter(&self) -> impl Iterator<Item = (Scheme, &Verdict)> {
        Scheme::ALL.into_iter().zip(&self.0)
    }

    /// Whether a signature was checked and found right, and none wrong.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.0.contains(&Verdict::Verified) && self.refusal().is_none()
    }

    /// Why the body could not be read, where that is so.
    #[must_use]
    pub fn unread(&self) -> Option<Unread> {
        self.0.iter().find_map(|verdict| match verdict {
            Verdict::Unread(unread) => Some(*unread),
            _ => None,
        })
    }

    /// Every reason against the request, in words.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        if let Some(unread) = self.unread() {
            return Some(unread.to_string());
        }
        let reason = |(scheme, verdict): (Scheme, &Verdict)| match verdict {
            Verdict::Rejected(why) => Some(format!("{scheme} signature refused: {why}")),
            _ => None,
        };
        let reasons: Vec<_> = self.iter().filter_map(reason).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// The status that a strict receiver answers with.
    pub(super) fn status(&self) -> StatusCode {
        match self.unread() {
            Some(Unread::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Some(Unread::CutOff) => StatusCode::BAD_REQUEST,
            None if self.refusal().is_some() => StatusCode::UNAUTHORIZED,
            None => StatusCode::OK,
        }
    }
}

/// Checks every signature that came.
pub(super) fn check(
    trust: &Trust,
    headers: &HeaderMap,
    body: &Result<Bytes, Unread>,
    now: Timestamp,
) -> Verdicts {
    let body = match body {
        Ok(body) => body,
        Err(unread) => return Verdicts::by(|_| Verdict::Unread(*unread)),
    };
    let carried = carried(headers);
    let by_secret =
        |verify: &dyn Fn(&Secret) -> Result<(), Rejection>| best(trust.secrets.iter().map(verify));
    let verdicts = Verdicts::by(|scheme| match scheme {
        _ if !carried.contains(scheme) => Verdict::Absent,
        Scheme::Klaviyo => by_secret(&|one| verify_klaviyo(one, headers, body, now, TOLERANCE)),
        Scheme::Standard => by_secret(&|one| verify_standard(one, headers, body, now, TOLERANCE)),
        Scheme::Ed25519 => best(
            trust.public_keys.iter().map(|one| verify_ed25519(one, headers, body, now, TOLERANCE)),
        ),
        Scheme::Github => by_secret(&|one| verify_github(one, headers, body)),
        Scheme::Stripe => by_secret(&|one| verify_stripe(one, headers, body, now, TOLERANCE)),
    });
    let judged = |(_, verdict): (Scheme, &Verdict)| {
        matches!(verdict, Verdict::Verified | Verdict::Rejected(_))
    };
    if trust.checks() && !verdicts.iter().any(judged) { unsigned(trust, headers) } else { verdicts }
}

/// The verdict by several secrets or keys: one that fits is enough.
fn best(results: impl Iterator<Item = Result<(), Rejection>>) -> Verdict {
    let mut told: Option<Rejection> = None;
    for result in results {
        let Err(why) = result else { return Verdict::Verified };
        // Whatever says more than "another secret" was found with the right one.
        if told.as_ref().is_none_or(|told| *told == Rejection::Mismatch(None)) {
            told = Some(why);
        }
    }
    told.map_or(Verdict::Unchecked, Verdict::Rejected)
}

/// The verdicts on a request that carries nothing which could be checked: what is missing.
fn unsigned(trust: &Trust, headers: &HeaderMap) -> Verdicts {
    let unlisted = |version| match headers.contains_key(STANDARD_SIGNATURE) {
        true => Rejection::NoVersion { version, header: STANDARD_SIGNATURE },
        false => Rejection::Missing(STANDARD_SIGNATURE),
    };
    let by_secret = !trust.secrets.is_empty();
    Verdicts::by(|scheme| match scheme {
        Scheme::Klaviyo if by_secret => Verdict::Rejected(Rejection::Missing(KLAVIYO_SIGNATURE)),
        Scheme::Standard if by_secret => Verdict::Rejected(unlisted("v1")),
        Scheme::Ed25519 if !trust.public_keys.is_empty() => Verdict::Rejected(unlisted("v1a")),
        _ => Verdict::Absent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{Ed25519Key, Keys, Message, Schemes, Signer};

    const NOW: Timestamp = Timestamp::from_seconds(1_704_391_525);
    const BODY: &[u8] = br#"{"meta":{"klaviyo_webhook_id":"w1"}}"#;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn pair() -> Ed25519Key {
        Ed25519Key::from_seed(zeroize::Zeroizing::new([7; 32]))
    }

    /// The names of the schemes that verified, or the refusal.
    fn told(trust: &Trust, schemes: &[Scheme], body: &'static [u8]) -> Result<String, String> {
        let keys = Keys {
            previous: Some(secret("old")),
            ed25519: Some(pair()),
            ..Keys::new(secret("new"))
        };
        let mut headers = HeaderMap::new();
        let schemes: Schemes = schemes.iter().copied().collect();
        let message = Message { id: "msg_1", at: NOW, body: BODY };
        Signer::new(&keys).sign(schemes, &message, &mut headers);
        headers.insert("klaviyo-webhook-id", "w1".parse().unwrap());
        let verdicts = check(trust, &headers, &Ok(Bytes::from_static(body)), NOW);
        let verified = verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Verified);
        let names: Vec<_> = verified.map(|(scheme, _)| scheme.name()).collect();
        verdicts.refusal().map_or_else(|| Ok(names.join(" ")), Err)
    }

    fn trust(secrets: &[&str], public_keys: &[Ed25519PublicKey]) -> Trust {
        let secrets = secrets.iter().map(|text| secret(text)).collect();
        Trust { secrets, public_keys: public_keys.to_vec() }
    }

    #[test]
    fn each_scheme_is_checked_with_what_there_is() {
        let key = pair().public();
        let all = &Scheme::ALL;
        assert_eq!(told(&trust(&[], &[]), all, BODY).unwrap(), "");
        let by_secret = "klaviyo standard github stripe";
        assert_eq!(told(&trust(&["new"], &[]), all, BODY).unwrap(), by_secret);
        assert_eq!(told(&trust(&["other", "old", "new"], &[]), all, BODY).unwrap(), by_secret);
        assert_eq!(told(&trust(&[], &[key]), all, BODY).unwrap(), "ed25519");
        let whole = "klaviyo standard ed25519 github stripe";
        assert_eq!(told(&trust(&["new"], &[key]), all, BODY).unwrap(), whole);
        // Lists carry the previous secret too; Klaviyo's and GitHub's value does not.
        let lists = &[Scheme::Standard, Scheme::Stripe];
        assert_eq!(told(&trust(&["old"], &[]), lists, BODY).unwrap(), "standard stripe");
        let refused = told(&trust(&["old"], &[]), all, BODY).unwrap_err();
        assert!(refused.contains("klaviyo signature refused"), "{refused}");
        assert!(refused.contains("github signature refused"), "{refused}");
        let changed = told(&trust(&["new"], &[key]), all, b"{}").unwrap_err();
        assert_eq!(changed.matches("signature refused").count(), 5, "{changed}");
    }

    #[test]
    fn what_can_not_be_checked_is_refused_where_checks_were_asked_for() {
        let key = pair().public();
        let cases: [(Trust, &[Scheme], &str); 4] = [
            (
                trust(&["new"], &[]),
                &[],
                "klaviyo signature refused: missing header Klaviyo-Signature; \
                 standard signature refused: missing header webhook-signature",
            ),
            (
                trust(&["new"], &[]),
                &[Scheme::Ed25519],
                "klaviyo signature refused: missing header Klaviyo-Signature; \
                 standard signature refused: no v1 signature in webhook-signature",
            ),
            (
                trust(&[], &[key]),
                &[Scheme::Standard],
                "ed25519 signature refused: no v1a signature in webhook-signature",
            ),
            (
                trust(&[], &[key]),
                &[Scheme::Github],
                "ed25519 signature refused: missing header webhook-signature",
            ),
        ];
        for (trust, schemes, expected) in cases {
            assert_eq!(told(&trust, schemes, BODY).unwrap_err(), expected);
        }
        assert_eq!(told(&trust(&["new"], &[]), &[Scheme::Github], BODY).unwrap(), "github");
    }

    #[test]
    fn of_several_refusals_the_telling_one_is_told() {
        let mismatch = || Err::<(), _>(Rejection::Mismatch(None));
        let old = || Err::<(), _>(Rejection::TooOld { seconds: 301, tolerance_seconds: 300 });
        for order in [[mismatch(), old()], [old(), mismatch()]] {
            assert_eq!(Verdict::Rejected(old().unwrap_err()), best(order.into_iter()));
        }
        assert_eq!(best([mismatch(), Ok(())].into_iter()), Verdict::Verified);
        assert_eq!(best(std::iter::empty()), Verdict::Unchecked);
    }
}
