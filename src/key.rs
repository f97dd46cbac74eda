//! API keys: who may call the API, and what for.
//!
//! A key is 256 random bits behind `pk_`; it is shown once and stored as its SHA-256, which is
//! enough for a secret that nobody chose. [`Keys`] holds all of them in memory, by hash, because
//! every request asks; the rows are the truth.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::id::KeyId;
use crate::json::{self, Fault};
use crate::limits;
use crate::secret::Secret;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// What a key may be allowed, as the contract names it (operations.tsv), and what is ours:
/// deliveries and keys.
pub const SCOPES: [&str; 21] = [
    "accounts:read",
    "data-privacy:read",
    "data-privacy:write",
    "deliveries:read",
    "deliveries:write",
    "events:read",
    "events:write",
    "flows:read",
    "flows:write",
    "keys:read",
    "keys:write",
    "lists:read",
    "lists:write",
    "metrics:read",
    "profiles:read",
    "profiles:write",
    "segments:read",
    "segments:write",
    "subscriptions:write",
    "webhooks:read",
    "webhooks:write",
];
/// The scope that stands for all of them.
pub const FULL: &str = "full";

const KEYS: Table<KeyId, KeyRow> = Table::new("keys");
const PREFIX: &str = "pk_";
const HINT_CHARS: usize = 4;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct KeyRow {
    hash: [u8; 32],
    name: String,
    scopes: Vec<String>,
    hint: String,
    created_micros: i64,
    /// Zero while it is good.
    revoked_micros: i64,
}

impl Row for KeyRow {
    const SCHEMA: u8 = 1;
}

/// A key as it is listed: all but itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Its name, for people.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// Its last characters, to tell it from others.
    pub hint: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked; `None` while it is good.
    pub revoked: Option<Timestamp>,
}

impl Key {
    /// Whether the key allows what `scope` names.
    #[must_use]
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| own == FULL || own == scope)
    }
}

/// A key as a client asked for it; checked.
#[derive(Debug)]
pub struct NewKey {
    name: String,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "type")]
    kind: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    name: String,
    scopes: Vec<String>,
}

impl NewKey {
    /// A key that allows everything.
    #[must_use]
    pub fn full(name: &str) -> Self {
        Self { name: name.to_owned(), scopes: vec![FULL.to_owned()] }
    }

    /// What the key is to allow.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Reads the body of `POST /api/keys`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        if data.kind != "key" {
            return Err(Fault::new("/data/type", "must be `key`"));
        }
        let Attributes { name, scopes } = data.attributes;
        let name = name.trim().to_owned();
        let (length, most) = (name.chars().count(), limits::KEY_NAME_CHARS_MAX);
        if length == 0 || length > most {
            let why = format!("has {length} characters; 1 to {most} may be");
            return Err(Fault::new("/data/attributes/name", why));
        }
        if scopes.is_empty() {
            let why = format!("name at least one scope, or `{FULL}`");
            return Err(Fault::new("/data/attributes/scopes", why));
        }
        for (place, scope) in scopes.iter().enumerate() {
            if scope != FULL && !SCOPES.contains(&scope.as_str()) {
                let known = SCOPES.join(", ");
                return Err(Fault::new(
                    format!("/data/attributes/scopes/{place}"),
                    format!("no scope `{scope}`; there are {FULL}, {known}"),
                ));
            }
        }
        Ok(Self { name, scopes })
    }
}

/// Why a key was not made or revoked.
#[derive(Debug)]
pub enum KeyError {
    /// There is no such key.
    Unknown(KeyId),
    /// There are [`limits::KEYS_MAX`] already.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// All keys, in memory. Clones share it.
#[derive(Clone, Default)]
pub struct Keys(Arc<RwLock<Index>>);

#[derive(Default)]
struct Index {
    by_id: BTreeMap<KeyId, Arc<Key>>,
    by_hash: HashMap<[u8; 32], Arc<Key>>,
}

impl Keys {
    /// Reads all keys from the store.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn load(from: &impl Read) -> Result<Self, StoreError> {
        let keys = Self::default();
        let everything = (Bound::Unbounded, Bound::Unbounded);
        for (id, row) in from.page(&KEYS, everything, Order::Ascending, limits::KEYS_MAX * 2)? {
            let hash = row.hash;
            keys.learn(hash, key(id, row));
        }
        Ok(keys)
    }

    /// Makes a key; the text is not to be had again.
    ///
    /// # Errors
    /// Where there are too many or the store fails.
    pub fn create(&self, tx: &mut Tx<'_, '_>, new: NewKey) -> Result<(Key, Secret), KeyError> {
        if self.0.read().expect("no holder panics").by_id.len() >= limits::KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let mut bits = Vec::with_capacity(32);
        for _ in 0..4 {
            bits.extend_from_slice(&tx.random()?.to_be_bytes());
        }
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits));
        let hint = text.get(text.len() - HINT_CHARS..).unwrap_or_default().to_owned();
        let row = KeyRow {
            hash: digest(&text),
            name: new.name,
            scopes: new.scopes,
            hint,
            created_micros: tx.now().micros(),
            revoked_micros: 0,
        };
        let id = KeyId::from_u128(tx.ulid()?);
        tx.put(&KEYS, &id, &row)?;
        let hash = row.hash;
        let made = key(id, row);
        let (keys, learned) = (self.clone(), made.clone());
        tx.after_commit(move || keys.learn(hash, learned));
        Ok((made, Secret::new(text)))
    }

    /// Makes a key good for nothing, at once and for good. It stays listed.
    ///
    /// # Errors
    /// Where there is no such key or the store fails.
    pub fn revoke(&self, tx: &mut Tx<'_, '_>, id: KeyId) -> Result<(), KeyError> {
        let mut row = tx.get(&KEYS, &id)?.ok_or(KeyError::Unknown(id))?;
        if row.revoked_micros == 0 {
            row.revoked_micros = tx.now().micros();
            tx.put(&KEYS, &id, &row)?;
        }
        let hash = row.hash;
        let revoked = key(id, row);
        let keys = self.clone();
        tx.after_commit(move || keys.learn(hash, revoked));
        Ok(())
    }

    fn learn(&self, hash: [u8; 32], key: Key) {
        let key = Arc::new(key);
        let mut index = self.0.write().expect("no holder panics");
        index.by_id.insert(key.id, Arc::clone(&key));
        if key.revoked.is_none() {
            index.by_hash.insert(hash, key);
        } else {
            index.by_hash.remove(&hash);
        }
    }

    /// The good key with this text. Looking it up by its hash leaks nothing about other keys
    /// through time: the hash of a guess is unrelated to theirs.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Arc<Key>> {
        self.0.read().expect("no holder panics").by_hash.get(&digest(text)).cloned()
    }

    /// Every key, oldest first, revoked ones included.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Key>> {
        self.0.read().expect("no holder panics").by_id.values().cloned().collect()
    }
}

fn key(id: KeyId, row: KeyRow) -> Key {
    Key {
        id,
        name: row.name,
        scopes: row.scopes,
        hint: row.hint,
        created: Timestamp::from_micros(row.created_micros),
        revoked: (row.revoked_micros != 0).then(|| Timestamp::from_micros(row.revoked_micros)),
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = KeyRow {
            hash: [7; 32],
            name: "app".to_owned(),
            scopes: vec!["events:write".to_owned()],
            hint: "abcd".to_owned(),
            created_micros: 1,
            revoked_micros: 0,
        };
        const FROZEN: &str = "01070707070707070707070707070707070707070707070707070707070707070703617070010c6576656e74733a777269746504616263640200e79c3e0f69341118";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<KeyRow>(FROZEN), Ok(row));
    }

    #[test]
    fn scopes_are_checked_by_name() {
        let parse = |scopes: &str| {
            let attributes = format!(r#"{{"name":"n","scopes":{scopes}}}"#);
            NewKey::parse(
                format!(r#"{{"data":{{"type":"key","attributes":{attributes}}}}}"#).as_bytes(),
            )
        };
        assert!(parse(r#"["events:write"]"#).is_ok());
        assert_eq!(parse("[]").unwrap_err().pointer, "/data/attributes/scopes");
        let wrong = parse(r#"["full","event:write"]"#).unwrap_err();
        assert_eq!(wrong.pointer, "/data/attributes/scopes/1");
    }
}
