//! What the deliveries of a webhook are signed with, and for how long two secrets are good.
//!
//! While a secret is being replaced, receivers may have the old one or the new one. Headers that
//! can hold several signatures carry both; Klaviyo's and GitHub's hold one, so it is a choice whose. When the
//! overlap ends, only the new secret signs, whatever was chosen. Pure: the time is handed in.

use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::signing::{Ed25519Key, Keys, Which};

/// What the deliveries of a webhook are signed with.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The secret that stays.
    pub current: Secret,
    /// The private key that stays, where the webhook has one.
    pub ed25519: Option<Ed25519Key>,
    /// What was there before them. It may have expired: ask [`Secrets::previous_at`].
    pub previous: Option<Previous>,
}

/// The secrets that are on their way out.
#[derive(Clone, Debug)]
pub struct Previous {
    /// The secret.
    pub secret: Secret,
    /// The private key.
    pub ed25519: Option<Ed25519Key>,
    /// From this moment on they sign nothing.
    pub expires: Timestamp,
    /// Whether this secret signs, while it lasts, in headers that hold one signature: Klaviyo's and
    /// GitHub's.
    pub signs_klaviyo: bool,
}

impl Secrets {
    /// One secret and nothing else.
    #[must_use]
    pub const fn new(current: Secret) -> Self {
        Self { current, ed25519: None, previous: None }
    }

    /// The previous secrets, while they last.
    #[must_use]
    pub fn previous_at(&self, now: Timestamp) -> Option<&Previous> {
        self.previous.as_ref().filter(|previous| now < previous.expires)
    }

    /// Which secret signs in headers that hold one signature.
    #[must_use]
    pub fn klaviyo_with(&self, now: Timestamp) -> Which {
        match self.previous_at(now) {
            Some(previous) if previous.signs_klaviyo => Which::Previous,
            _ => Which::Current,
        }
    }

    /// What a delivery of that moment is signed with.
    #[must_use]
    pub fn keys_at(&self, now: Timestamp) -> Keys {
        let previous = self.previous_at(now);
        Keys {
            current: self.current.clone(),
            previous: previous.map(|previous| previous.secret.clone()),
            klaviyo_with: self.klaviyo_with(now),
            ed25519: self.ed25519.clone(),
            ed25519_previous: previous.and_then(|previous| previous.ed25519.clone()),
        }
    }

    /// Puts another secret into the place of the current one, at once: there is no overlap.
    pub(super) fn replace(&mut self, secret: Secret) {
        self.current = secret;
        self.previous = None;
    }

    /// Puts other secrets into the place of the current ones, which stay good until `expires`. A
    /// webhook without a private key gets none.
    pub(super) fn rotate(&mut self, to: Fresh, expires: Timestamp, signs_klaviyo: bool) {
        let secret = std::mem::replace(&mut self.current, to.secret);
        let ed25519 = self.ed25519.take();
        self.ed25519 = ed25519.is_some().then_some(to.ed25519);
        self.previous = Some(Previous { secret, ed25519, expires, signs_klaviyo });
    }

    /// Forgets previous secrets that are good for nothing any more.
    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        if self.previous_at(now).is_none() {
            self.previous = None;
        }
    }
}

/// What a rotation brings in.
pub(super) struct Fresh {
    pub(super) secret: Secret,
    pub(super) ed25519: Ed25519Key,
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn key(seed: u8) -> Ed25519Key {
        Ed25519Key::from_seed(Zeroizing::new([seed; 32]))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn rotated(signs_klaviyo: bool) -> Secrets {
        let mut secrets = Secrets::new(Secret::new("old".to_owned()));
        secrets.ed25519 = Some(key(1));
        let fresh = Fresh { secret: Secret::new("new".to_owned()), ed25519: key(2) };
        secrets.rotate(fresh, at(100), signs_klaviyo);
        secrets
    }

    #[test]
    fn an_overlap_ends_at_its_moment() {
        for (second, signs_klaviyo, has_previous, klaviyo_with) in [
            (99, true, true, Which::Previous),
            (99, false, true, Which::Current),
            (100, true, false, Which::Current),
            (101, true, false, Which::Current),
        ] {
            let keys = rotated(signs_klaviyo).keys_at(at(second));
            assert_eq!(keys.current.expose(), "new");
            assert_eq!(keys.ed25519.unwrap().seed(), &[2; 32]);
            assert_eq!(keys.previous.is_some(), has_previous, "{second}");
            assert_eq!(keys.ed25519_previous.is_some(), has_previous, "{second}");
            assert_eq!(keys.klaviyo_with, klaviyo_with, "{second}");
        }
    }

    #[test]
    fn a_webhook_without_a_private_key_gets_none_by_a_rotation() {
        let mut secrets = Secrets::new(Secret::new("old".to_owned()));
        let fresh = Fresh { secret: Secret::new("new".to_owned()), ed25519: key(2) };
        secrets.rotate(fresh, at(100), false);
        assert!(secrets.keys_at(at(0)).ed25519.is_none());
    }

    #[test]
    fn replacing_a_secret_ends_an_overlap() {
        let mut secrets = rotated(true);
        secrets.replace(Secret::new("third".to_owned()));
        assert!(secrets.previous_at(at(0)).is_none());
        let mut expired = rotated(true);
        expired.forget_expired(at(99));
        assert!(expired.previous.is_some());
        expired.forget_expired(at(100));
        assert!(expired.previous.is_none());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let shown = format!("{:?}", rotated(true));
        assert!(!shown.contains("old") && !shown.contains("new"), "{shown}");
    }
}
