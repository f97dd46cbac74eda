//! The change log: what changed of whom, in the order of the commits.
//!
//! A row is written in the commit of the change, under a key that only grows, and removed by the
//! one who follows the log once everything that depends on it was looked at. So nothing that can
//! change a segment is ever missed, also over a crash.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::id::{ChangeId, GroupId, ProfileId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const PROFILE_CHANGES: Table<ChangeId, ChangeRow> = Table::new("profile_changes");

/// The variants' order is the format: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum AspectRow {
    Attributes(u64),
    Group(GroupId),
    Consents,
    Everything,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ChangeRow {
    profile: ProfileId,
    aspect: AspectRow,
    quiet: bool,
}

impl Row for ChangeRow {
    const SCHEMA: u8 = 1;
}

/// A set of names of attributes: `email`, `location.city`, `properties.plan`. Two sets may seem
/// to share a name that they do not share (one in 64 for two single names), never the reverse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        self.0 |= 1 << (xxh3_64(name.as_bytes()) % 64);
    }

    /// Whether it has no name.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the two share a name, or seem to.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What changed of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Attributes of these names.
    Attributes(Names),
    /// Whether they belong to this list or segment.
    Group(GroupId),
    /// Their subscriptions or suppressions.
    Consents,
    /// Anything, their history too.
    Everything,
}

/// A change of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub profile: ProfileId,
    /// Of what.
    pub aspect: Aspect,
    /// What follows from it is told to nobody: who enters a segment because two people turned out
    /// to be one did not just enter it.
    pub quiet: bool,
}

/// Appends a change to the log.
///
/// # Errors
/// Where the store fails.
pub fn note(tx: &mut Tx<'_, '_>, change: Change) -> Result<(), StoreError> {
    let aspect = match change.aspect {
        Aspect::Attributes(names) => AspectRow::Attributes(names.0),
        Aspect::Group(group) => AspectRow::Group(group),
        Aspect::Consents => AspectRow::Consents,
        Aspect::Everything => AspectRow::Everything,
    };
    let id = ChangeId::from_u128(tx.ulid()?);
    let row = ChangeRow { profile: change.profile, aspect, quiet: change.quiet };
    tx.put(&PROFILE_CHANGES, &id, &row)
}

/// The oldest changes of the log, up to `most`.
///
/// # Errors
/// Where the store can not be read.
pub fn changes(from: &impl Read, most: usize) -> Result<Vec<(ChangeId, Change)>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let mut rows = Vec::new();
    // One that does not verify stays behind, and the others are followed.
    from.scan_intact(&PROFILE_CHANGES, all, Order::Ascending, |id, row| {
        rows.push((id, row));
        if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let change = |row: ChangeRow| Change {
        profile: row.profile,
        aspect: match row.aspect {
            AspectRow::Attributes(names) => Aspect::Attributes(Names(names)),
            AspectRow::Group(group) => Aspect::Group(group),
            AspectRow::Consents => Aspect::Consents,
            AspectRow::Everything => Aspect::Everything,
        },
        quiet: row.quiet,
    };
    Ok(rows.into_iter().map(|(id, row)| (id, change(row))).collect())
}

/// Up to `most` changes of these people that wait to be followed.
pub(super) fn changes_of(
    from: &impl Read,
    people: &BTreeSet<ProfileId>,
    most: usize,
) -> Result<Vec<ChangeId>, StoreError> {
    let mut found = Vec::new();
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan_intact(&PROFILE_CHANGES, all, Order::Ascending, |id, row: ChangeRow| {
        if people.contains(&row.profile) {
            found.push(id);
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// Removes a change that was followed.
pub fn forget_change(tx: &mut Tx<'_, '_>, id: ChangeId) {
    tx.remove(&PROFILE_CHANGES, &id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn sets_that_share_a_name_meet() {
        let set = |names: &[&str]| {
            let mut set = Names::default();
            names.iter().for_each(|name| set.add(name));
            set
        };
        assert!(set(&["email", "properties.plan"]).meets(set(&["properties.plan"])));
        assert!(!set(&["email"]).meets(Names::default()));
        assert!(!set(&["email"]).meets(set(&["location.city"])));
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let group = "SkDfHe".parse().unwrap();
        for (aspect, frozen) in [
            (AspectRow::Attributes(5), "01050005010096c8a7a0b7a734"),
            (AspectRow::Group(group), "010501536b4466486501634e1e9e6757483a"),
            (AspectRow::Consents, "010502012b749b0a33627f38"),
            (AspectRow::Everything, "010503019ab04fcb805aefc8"),
        ] {
            let row = ChangeRow { profile: ProfileId::from_u128(5), aspect, quiet: true };
            assert_eq!(hex_of(&row), frozen);
            assert_eq!(from_hex::<ChangeRow>(frozen), Ok(row));
        }
    }
}
