//! What a wrong signature was probably made of.
//!
//! Called by `verify` after a mismatch, never to accept one. Each attempt changes one thing, the
//! key or the signed text, so that a diagnosis costs a handful of hashes.

use std::fmt;

use zeroize::Zeroizing;

use super::{ENCODED_PREFIX, MacBytes, decoded, keyed, mac};

/// A mistake that explains a signature, found by making the same mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Only the body was signed.
    BodyAlone,
    /// The timestamp was signed before the body.
    TimestampFirst,
    /// The timestamp and the body were signed, without the message id.
    NoMessageId,
    /// Our secret has white space around it that the sender's has not.
    SpaceHere,
    /// The sender's secret ends with a newline.
    NewlineThere,
    /// The sender took the text of the secret as the key.
    SecretRaw,
    /// The sender took the text after `whsec_` as the key, without decoding it.
    SecretUnprefixed,
    /// The sender decoded the secret from base64.
    SecretDecoded,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyAlone => "the sender signed the body alone, without the timestamp",
            Self::TimestampFirst => "the sender signed the timestamp before the body",
            Self::NoMessageId => "the sender signed timestamp and body, without the message id",
            Self::SpaceHere => "it matches without the white space around the secret given here",
            Self::NewlineThere => "the sender's secret ends with a newline",
            Self::SecretRaw => "the sender used the secret's text as the key, undecoded",
            Self::SecretUnprefixed => "the sender used the text after whsec_ as the key, undecoded",
            Self::SecretDecoded => "the sender decoded the secret from base64 to get the key",
        })
    }
}

/// What was checked and found wrong, and how to tell that a guess is right.
pub(super) struct Suspect<'a> {
    /// The text of the secret.
    pub(super) secret: &'a str,
    /// How the scheme makes a key of a secret.
    pub(super) key_of: fn(&str) -> Zeroizing<Vec<u8>>,
    /// What the scheme signs.
    pub(super) signed: &'a [&'a [u8]],
    /// What senders sign by mistake.
    pub(super) mistaken: &'a [(Hint, &'a [&'a [u8]])],
    /// Whether a signature equals one that came.
    pub(super) came: &'a dyn Fn(&MacBytes) -> bool,
}

impl Suspect<'_> {
    /// The first mistake that makes the signature that came.
    pub(super) fn explain(&self) -> Option<Hint> {
        let right = keyed(&(self.key_of)(self.secret));
        let by_text = self.mistaken.iter().find(|(_, parts)| (self.came)(&mac(&right, parts)));
        if let Some((hint, _)) = by_text {
            return Some(*hint);
        }
        let made = |key: &[u8]| (self.came)(&mac(&keyed(key), self.signed));
        self.other_keys().into_iter().find(|(_, key)| made(key)).map(|(hint, _)| hint)
    }

    fn other_keys(&self) -> Vec<(Hint, Zeroizing<Vec<u8>>)> {
        let secret = self.secret;
        let trimmed = secret.trim();
        let rest = secret.strip_prefix(ENCODED_PREFIX);
        let raw = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let ended = |end: &str| Zeroizing::new([secret.as_bytes(), end.as_bytes()].concat());
        let mut keys = vec![
            (Hint::SpaceHere, (self.key_of)(trimmed)),
            (Hint::NewlineThere, ended("\n")),
            (Hint::NewlineThere, ended("\r\n")),
            (Hint::SecretRaw, raw(secret)),
        ];
        keys.extend(rest.map(|rest| (Hint::SecretUnprefixed, raw(rest))));
        keys.extend(decoded(rest.unwrap_or(secret)).map(|key| (Hint::SecretDecoded, key)));
        keys
    }
}
