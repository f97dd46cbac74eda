//! Who became whom: people that were merged, by their former ids.
//!
//! The events of a merged person are not written again. What they are read by leads from the
//! former id to the present one ([`current`]), and from a person to the ids whose events they
//! have besides their own ([`sources`]).

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::id::ProfileId;
use crate::limits;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Former id → present id, which is never a former one.
const PROFILE_MERGES: Table<ProfileId, IntoRow> = Table::new("profile_merges");
/// Present id, former id.
const PROFILE_SOURCES: Table<(ProfileId, ProfileId), ()> = Table::new("profile_sources");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct IntoRow {
    into: ProfileId,
}

impl Row for IntoRow {
    const SCHEMA: u8 = 1;
}

/// The id under which the person of this id is known now.
///
/// # Errors
/// Where the store can not be read.
pub fn current(from: &impl Read, id: ProfileId) -> Result<ProfileId, StoreError> {
    Ok(from.get(&PROFILE_MERGES, &id)?.map_or(id, |row| row.into))
}

/// The former ids of a person.
///
/// # Errors
/// Where the store can not be read.
pub fn sources(from: &impl Read, id: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
    let first = (id, ProfileId::from_u128(0));
    let last = (id, ProfileId::from_u128(u128::MAX));
    let range = (Bound::Included(first), Bound::Included(last));
    let rows = from.page(&PROFILE_SOURCES, range, Order::Ascending, limits::MERGED_INTO_ONE_MAX)?;
    Ok(rows.into_iter().map(|((_, source), ())| source).collect())
}

/// Makes `source` a former id of `into`, with the former ids that it has itself.
///
/// # Errors
/// Where the store fails.
pub fn redirect(tx: &mut Tx<'_, '_>, source: ProfileId, into: ProfileId) -> Result<(), StoreError> {
    let mut former = sources(tx, source)?;
    for id in &former {
        tx.remove(&PROFILE_SOURCES, &(source, *id));
    }
    former.push(source);
    for id in former {
        tx.put(&PROFILE_MERGES, &id, &IntoRow { into })?;
        tx.put(&PROFILE_SOURCES, &(into, id), &())?;
    }
    Ok(())
}

/// Forgets the former ids of a person; returns them.
///
/// # Errors
/// Where the store fails.
pub(super) fn forget(tx: &mut Tx<'_, '_>, id: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
    let former = sources(tx, id)?;
    for source in &former {
        tx.remove(&PROFILE_MERGES, source);
        tx.remove(&PROFILE_SOURCES, &(id, *source));
    }
    Ok(former)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = IntoRow { into: ProfileId::from_u128(5) };
        const FROZEN: &str = "01055b5afc973f00083b";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<IntoRow>(FROZEN), Ok(row));
    }
}
