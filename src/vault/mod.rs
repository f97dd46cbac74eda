//! The vault: secrets at rest, sealed with one master key that is not in the store.
//!
//! Rows keep what [`Vault::seal`] makes of a secret, so that a copy of the store alone gives none
//! of them away. It is no store itself and knows no rows; where the key comes from is in `file`.
//!
//! What is sealed has this form, which never changes for version 1:
//!
//! | bytes | |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | key id: the first bytes of a hash of the key, so that a wrong key is told from damage |
//! | 12 | nonce, random |
//! | n + 16 | the plain bytes and the tag, by AES-256-GCM-SIV |
//!
//! Version, key id and the caller's context are authenticated with it, so that a sealed value can
//! not be put into another row. AES-GCM-SIV because nonces are random: should one ever repeat, all
//! that is given away is whether two values are equal.

mod error;
mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::limits;
use crate::secret::Secret;

pub use self::error::VaultError;
pub use self::file::{KeySources, load};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;
/// Version and key id.
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES;
const TAG_BYTES: usize = 16;
/// Keeps the key id apart from any other hash of the key.
const KEY_ID_LABEL: &[u8] = b"tidings master key id\0";
const CHECK_CONTEXT: &[u8] = b"key check";
const CHECK_PLAIN: &[u8] = b"tidings";

type MasterKey = Zeroizing<[u8; KEY_BYTES]>;

/// A master key, ready for use. Clones share it.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    key: RandomizedNonceKey,
    id: [u8; KEY_ID_BYTES],
    file: Option<PathBuf>,
    is_new: bool,
}

impl Vault {
    /// A vault with this key, which comes from no file.
    #[must_use]
    pub fn from_key(key: &Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self::new(key, None, false)
    }

    fn new(key: &MasterKey, file: Option<PathBuf>, is_new: bool) -> Self {
        let hash = Sha256::new().chain_update(KEY_ID_LABEL).chain_update(key.as_slice()).finalize();
        let (id, _) = hash.split_first_chunk().expect("a SHA-256 is longer than a key id");
        let id = *id;
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_slice());
        let key = key.expect("a key of AES-256 has 32 bytes");
        Self(Arc::new(Inner { key, id, file, is_new }))
    }

    /// The file that the key was read from.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Whether the key was made just now: the operator should be told to keep a copy of it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.0.is_new
    }

    /// Seals `plain`. `context` says whose it is, such as the row's id; only with the same context
    /// does it open again.
    ///
    /// # Errors
    /// Where it is larger than [`limits::SEALED_BYTES_MAX`], or the system has no randomness.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        if plain.len() > limits::SEALED_BYTES_MAX {
            return Err(VaultError::TooLong(plain.len()));
        }
        let head = self.head();
        // All of the room at once: growing would leave a copy of the plain bytes behind.
        let room = HEAD_BYTES + NONCE_LEN + plain.len() + TAG_BYTES;
        let mut sealed = Zeroizing::new(Vec::with_capacity(room));
        for part in [&head, [0; NONCE_LEN].as_slice(), plain] {
            sealed.extend_from_slice(part);
        }
        let (before, body) = sealed.split_at_mut(HEAD_BYTES + NONCE_LEN);
        let bound = Aad::from([&head, context].concat());
        let (nonce, tag) = self
            .0
            .key
            .seal_in_place_separate_tag(bound, body)
            .map_err(|_| VaultError::NoRandomness)?;
        let (_, place) = before.split_at_mut(HEAD_BYTES);
        place.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(std::mem::take(&mut *sealed))
    }

    /// Opens what was sealed with the same context.
    ///
    /// # Errors
    /// Where it was sealed with another key, with another context, or was changed since.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (head, rest) = sealed.split_first_chunk::<HEAD_BYTES>().ok_or(VaultError::NotSealed)?;
        let [version, id @ ..] = head;
        if *version != VERSION {
            return Err(VaultError::NotSealed);
        }
        if *id != self.0.id {
            return Err(VaultError::OtherKey(self.0.file.clone()));
        }
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::NotSealed)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let bound = Aad::from([head, context].concat());
        let opened = self.0.key.open_in_place(nonce, bound, &mut plain);
        let length = opened.map_err(|_| VaultError::Changed)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Opens what was sealed from the text of a secret.
    ///
    /// # Errors
    /// As [`Vault::open`], and where it is not text.
    pub fn open_secret(&self, context: &[u8], sealed: &[u8]) -> Result<Secret, VaultError> {
        let mut plain = self.open(context, sealed)?;
        match String::from_utf8(std::mem::take(&mut *plain)) {
            Ok(text) => Ok(Secret::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(VaultError::NotText)
            }
        }
    }

    /// What a store keeps to know its key again: a constant, sealed.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn key_check(&self) -> Result<Vec<u8>, VaultError> {
        self.seal(CHECK_CONTEXT, CHECK_PLAIN)
    }

    /// Whether this is the key whose check a store keeps.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`] where it is not, [`VaultError::CheckDamaged`] where that can not
    /// be told.
    pub fn verify(&self, check: &[u8]) -> Result<(), VaultError> {
        match self.open(CHECK_CONTEXT, check) {
            Ok(plain) if *plain == CHECK_PLAIN => Ok(()),
            Err(error @ VaultError::OtherKey(_)) => Err(error),
            Ok(_) | Err(_) => Err(VaultError::CheckDamaged),
        }
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        let mut head = [VERSION; HEAD_BYTES];
        let [_, id @ ..] = &mut head;
        id.copy_from_slice(&self.0.id);
        head
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}
