//! The keys of Ed25519 signatures, and how they are written (Standard Webhooks): `whsk_` before the
//! base64 of seed and public key together, `whpk_` before that of the public key alone.
//!
//! The key that is stored is the seed; everything else follows from it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::Secret;

const PUBLIC_PREFIX: &str = "whpk_";
const PRIVATE_PREFIX: &str = "whsk_";
const KEY_BYTES: usize = 32;
const PAIR_BYTES: usize = 2 * KEY_BYTES;
/// Length of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// A private key, as the seed that it is made from; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Ed25519Key(Zeroizing<[u8; KEY_BYTES]>);

impl Ed25519Key {
    /// The key made from this seed: 32 random bytes for a new key.
    #[must_use]
    pub const fn from_seed(seed: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(seed)
    }

    /// The seed, which is the key. Whoever calls this must not store the result unsealed.
    #[must_use]
    pub fn seed(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key that receivers check signatures with.
    #[must_use]
    pub fn public(&self) -> Ed25519PublicKey {
        public(&self.pair())
    }

    /// The key as text: `whsk_…`.
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut bytes = Zeroizing::new([0; PAIR_BYTES]);
        let (seed, public) = bytes.split_at_mut(KEY_BYTES);
        seed.copy_from_slice(self.seed());
        public.copy_from_slice(&self.public().0);
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Secret::new([PRIVATE_PREFIX, &encoded].concat())
    }

    /// Reads `whsk_…`.
    ///
    /// # Errors
    /// Where it is not base64 of a seed and the public key that belongs to it.
    pub fn from_text(text: &str) -> Result<Self, KeyTextError> {
        let encoded = text.strip_prefix(PRIVATE_PREFIX).ok_or(KeyTextError::NoPrivatePrefix)?;
        let bytes = STANDARD.decode(encoded).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| KeyTextError::NotBase64)?;
        if bytes.len() != PAIR_BYTES {
            return Err(KeyTextError::Length { expected: PAIR_BYTES, came: bytes.len() });
        }
        let (seed, public) = bytes.split_at(KEY_BYTES);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(seed);
        let key = Self(key);
        if key.public().0 != public { Err(KeyTextError::OtherPublic) } else { Ok(key) }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(self.seed()).expect("any 32 bytes are a seed")
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key(…)")
    }
}

/// A public key. Displays as `whpk_…`, which is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519PublicKey([u8; KEY_BYTES]);

impl Ed25519PublicKey {
    /// Whether this key's owner signed exactly this.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for Ed25519PublicKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let encoded = text.strip_prefix(PUBLIC_PREFIX).ok_or(KeyTextError::NoPublicPrefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyTextError::NotBase64)?;
        let came = bytes.len();
        let key = bytes.try_into();
        key.map(Self).map_err(|_| KeyTextError::Length { expected: KEY_BYTES, came })
    }
}

/// Why a text is not a key. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTextError {
    /// A public key begins with `whpk_`.
    NoPublicPrefix,
    /// A private key begins with `whsk_`.
    NoPrivatePrefix,
    /// What follows the prefix is not base64.
    NotBase64,
    /// It is base64 of so many bytes too few or too many.
    Length {
        /// How many a key of this kind has.
        expected: usize,
        /// How many there are.
        came: usize,
    },
    /// The public half of a private key is not the seed's.
    OtherPublic,
}

impl fmt::Display for KeyTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPublicPrefix => {
                write!(f, "a public key begins with {PUBLIC_PREFIX}")
            }
            Self::NoPrivatePrefix => write!(f, "a private key begins with {PRIVATE_PREFIX}"),
            Self::NotBase64 => f.write_str("what follows the prefix of the key is not base64"),
            Self::Length { expected, came } => {
                write!(f, "the key is base64 of {came} bytes, not of {expected}")
            }
            Self::OtherPublic => {
                f.write_str("the second half of the key is not the public key of the first")
            }
        }
    }
}

impl std::error::Error for KeyTextError {}

/// A key pair that is ready to sign. Clones share it.
#[derive(Clone)]
pub(super) struct Ed25519Signer(Arc<Ed25519KeyPair>);

impl Ed25519Signer {
    pub(super) fn new(key: &Ed25519Key) -> Self {
        Self(Arc::new(key.pair()))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.0.sign(message);
        signature.as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

fn public(pair: &Ed25519KeyPair) -> Ed25519PublicKey {
    let bytes = pair.public_key().as_ref().try_into();
    Ed25519PublicKey(bytes.expect("an Ed25519 public key has 32 bytes"))
}
