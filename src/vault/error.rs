//! Why a vault can not be had, or does not seal or open, in words for whoever starts the daemon.
//!
//! The texts name files and modes; never a key, a secret, or what a file holds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits;

/// What went wrong with a master key or a sealed value. Displays as one line.
#[derive(Debug)]
pub enum VaultError {
    /// There is no key where one must be: the store was sealed with it.
    Missing(PathBuf),
    /// The key's file can not be read.
    Unreadable(PathBuf, io::Error),
    /// Others may read or change the key's file.
    Exposed {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not that of a master key.
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, after "the master key FILE".
        what: &'static str,
    },
    /// A new key could not be written.
    NotMade(PathBuf, io::Error),
    /// The system has no randomness.
    NoRandomness,
    /// Sealed with another key than this one, which comes from this file.
    OtherKey(Option<PathBuf>),
    /// The store's own check of the key does not open although the key seems right.
    CheckDamaged,
    /// Nothing that a vault of this version has made.
    NotSealed,
    /// Sealed with this key, and changed or moved since.
    Changed,
    /// It opens to bytes that are not text.
    NotText,
    /// Too many bytes to seal.
    TooLong(usize),
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(file) => write!(
                f,
                "the master key is missing: {}; the secrets in the store are sealed with it: \
                 restore it from a backup, or say in `secrets.master_key_file` where it is; \
                 nothing was changed",
                file.display()
            ),
            Self::Unreadable(file, error) => {
                write!(f, "cannot read the master key {}: {error}", file.display())
            }
            Self::Exposed { file, mode } => {
                let file = file.display();
                write!(
                    f,
                    "the master key {file} is open to others than its owner (its mode is \
                     {mode:04o}); run: chmod 0400 {file}"
                )
            }
            Self::Malformed { file, what } => {
                write!(f, "the master key {} {what}", file.display())
            }
            Self::NotMade(file, error) => {
                write!(f, "cannot make the master key {}: {error}", file.display())
            }
            Self::NoRandomness => f.write_str("the system has no randomness"),
            Self::OtherKey(file) => other_key(file.as_deref(), f),
            Self::CheckDamaged => f.write_str(
                "the store's check of its master key is damaged; restore the store from a backup",
            ),
            Self::NotSealed => f.write_str("not a sealed value of a version that is known"),
            Self::Changed => f.write_str("the sealed value was changed, or belongs elsewhere"),
            Self::NotText => f.write_str("the sealed value is not text"),
            Self::TooLong(bytes) => {
                let most = limits::SEALED_BYTES_MAX;
                write!(f, "{bytes} bytes are more than the {most} that can be sealed")
            }
        }
    }
}

impl std::error::Error for VaultError {}

fn other_key(file: Option<&Path>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the master key ")?;
    match file {
        Some(file) => write!(f, "in {} ", file.display())?,
        None => f.write_str("given ")?,
    }
    f.write_str("is not the one this store was sealed with; nothing was changed")
}
