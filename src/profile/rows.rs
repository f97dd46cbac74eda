//! The tables of profiles: the profile by id, and its id by each identifier.

use serde::{Deserialize, Serialize};

use super::changes;
use super::{Aspect, Change, Identifier, Names, Profile};
use crate::clock::Timestamp;
use crate::id::ProfileId;
use crate::json::RawObject;
use crate::store::{DecodeError, Read, Row, StoreError, Table, Tx};

const PROFILES: Table<ProfileId, ProfileRow> = Table::new("profiles");
/// Kind of identifier, identifier → profile.
const PROFILE_IDENTIFIERS: Table<(u8, String), IdRow> = Table::new("profile_identifiers");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ProfileRow {
    identifiers: [Option<String>; 4],
    texts: [Option<String>; 6],
    /// JSON objects as text.
    location: String,
    properties: String,
    created_micros: i64,
    updated_micros: i64,
}

impl Row for ProfileRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct IdRow(ProfileId);

impl Row for IdRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const fn kind_number(kind: Identifier) -> u8 {
    match kind {
        Identifier::ExternalId => 1,
        Identifier::Email => 2,
        Identifier::PhoneNumber => 3,
        Identifier::AnonymousId => 4,
    }
}

fn key(kind: Identifier, text: &str) -> (u8, String) {
    let text = match kind {
        Identifier::Email => text.to_lowercase(),
        _ => text.to_owned(),
    };
    (kind_number(kind), text)
}

/// The profile with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: ProfileId) -> Result<Option<Profile>, StoreError> {
    let Some(row) = from.get(&PROFILES, &id)? else { return Ok(None) };
    let object = |text: &str| {
        serde_json::from_str::<RawObject>(text).map_err(|_| StoreError::Corrupt {
            table: PROFILES.name(),
            error: DecodeError::Content,
        })
    };
    Ok(Some(Profile {
        id,
        location: object(&row.location)?,
        properties: object(&row.properties)?,
        identifiers: row.identifiers,
        texts: row.texts,
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
    }))
}

pub(super) fn owner(
    from: &impl Read,
    kind: Identifier,
    text: &str,
) -> Result<Option<ProfileId>, StoreError> {
    Ok(from.get(&PROFILE_IDENTIFIERS, &key(kind, text))?.map(|IdRow(id)| id))
}

/// Writes a profile and its identifiers, drops those it had `before` and has no more, and notes
/// what changed.
pub(super) fn put(
    tx: &mut Tx<'_, '_>,
    profile: &Profile,
    before: &[Option<String>; 4],
    changed: Names,
) -> Result<(), StoreError> {
    for kind in Identifier::ALL {
        let (old, new) = (before[kind as usize].as_deref(), profile.identifier(kind));
        if old == new {
            continue;
        }
        if let Some(old) = old {
            tx.remove(&PROFILE_IDENTIFIERS, &key(kind, old));
        }
        if let Some(new) = new {
            tx.put(&PROFILE_IDENTIFIERS, &key(kind, new), &IdRow(profile.id))?;
        }
    }
    let row = ProfileRow {
        identifiers: profile.identifiers.clone(),
        texts: profile.texts.clone(),
        location: profile.location.to_text(),
        properties: profile.properties.to_text(),
        created_micros: profile.created.micros(),
        updated_micros: profile.updated.micros(),
    };
    tx.put(&PROFILES, &profile.id, &row)?;
    let change = Change { profile: profile.id, aspect: Aspect::Attributes(changed), quiet: false };
    changes::note(tx, change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = ProfileRow {
            identifiers: [Some("u1".to_owned()), Some("a@b.c".to_owned()), None, None],
            texts: [Some("A".to_owned()), None, None, None, None, None],
            location: "{}".to_owned(),
            properties: r#"{"plan":"pro"}"#.to_owned(),
            created_micros: 1,
            updated_micros: 2,
        };
        const FROZEN: &str = "010102753101056140622e6300000101410000000000027b7d0e7b22706c616e223a2270726f227d02045f8fc056ff4aa880";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<ProfileRow>(FROZEN), Ok(row));
        assert_eq!(hex_of(&IdRow(ProfileId::from_u128(1))), "0101f36568a7d6800d07");
    }
}
