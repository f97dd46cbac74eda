//! The store's own knowledge of its master key: a check, by which another key is noticed.
//!
//! A start with another key would go well until the first webhook is read, or, in a store without
//! any, seal new secrets with a key that the next start may not have. So the check is the first
//! thing that is read, and the first that a new store gets. The key itself is the vault's affair.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::store::{Read as _, Row, Store, StoreError, Table};
use crate::vault::{self, KeySources, Vault, VaultError};

const MASTER_KEY: Table<(), CheckRow> = Table::new("master_key");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CheckRow(Vec<u8>);

impl Row for CheckRow {
    const SCHEMA: u8 = 1;
}

/// Why there is no vault for a store.
#[derive(Debug)]
pub enum MasterKeyError {
    /// The store failed.
    Store(StoreError),
    /// There is no key, or it is not the store's.
    Vault(VaultError),
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for MasterKeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VaultError> for MasterKeyError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// The vault with the key that the store knows; a store that knows none gets to know the one that
/// is found or, in its data directory, made.
///
/// # Errors
/// Where there is no key, it is not the store's, or the store fails.
pub async fn open(
    store: &Store,
    configured: Option<PathBuf>,
    data_dir: PathBuf,
) -> Result<Vault, MasterKeyError> {
    let known = store.snapshot()?.get(&MASTER_KEY, &())?;
    let vault = vault::load(&KeySources {
        configured,
        credentials_dir: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        data_dir,
        may_make: known.is_none(),
    })?;
    if let Some(CheckRow(check)) = known {
        vault.verify(&check)?;
        return Ok(vault);
    }
    let check = CheckRow(vault.key_check()?);
    store.commit(move |tx| tx.put(&MASTER_KEY, &(), &check)).await?;
    if let Some(file) = vault.file().filter(|_| vault.is_new()) {
        let file = file.display();
        warn!(%file, "a master key was made: keep a copy of it, apart from backups of the store");
    }
    Ok(vault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        const FROZEN: &str = "010201028cd71821c70361ba";
        assert_eq!(hex_of(&CheckRow(vec![1, 2])), FROZEN);
        assert_eq!(from_hex::<CheckRow>(FROZEN), Ok(CheckRow(vec![1, 2])));
    }
}
