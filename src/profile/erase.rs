//! Forgetting a person: their row, everything that leads to it, their former ids, and what waits
//! for followers and names them.

use std::collections::BTreeSet;

use super::{Alias, Identifier, changes, forget_change, get, merges, rows};
use crate::clock::Timestamp;
use crate::id::{ChangeId, ProfileId};
use crate::store::{Read, StoreError, Tx};

/// What was known of a person who is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The ids under which they were known before they were merged; events may still name them.
    pub former: Vec<ProfileId>,
    /// What led to them.
    pub identifiers: Vec<Alias>,
}

/// Removes the person of this id from every table of profiles, and tells what is needed to remove
/// them from others. Of somebody unknown, nothing is left to remove.
///
/// What waits for followers and names the person by their id is left; see [`traces`].
///
/// # Errors
/// Where the store fails.
pub fn erase(tx: &mut Tx<'_, '_>, id: ProfileId) -> Result<Erased, StoreError> {
    let former = merges::forget(tx, id)?;
    let Some(profile) = get(tx, id)? else {
        return Ok(Erased { former, identifiers: Vec::new() });
    };
    let aliases = rows::aliases(tx, id)?;
    rows::remove(tx, &profile, &aliases);
    let shown = Identifier::ALL.into_iter().filter_map(|kind| {
        profile.identifier(kind).map(|text| Alias { kind, text: text.to_owned() })
    });
    Ok(Erased { former, identifiers: shown.chain(aliases).collect() })
}

/// What waits for a follower and names people who are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Places in the order of the last changes that the sweeper has not come to.
    places: Vec<(Timestamp, ProfileId)>,
    /// Changes that nobody followed yet.
    changes: Vec<ChangeId>,
}

impl Traces {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len() + self.changes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Up to `most` of each kind of trace of these people. It reads all that waits for followers, which
/// is what happened within a second or so: not in a command.
///
/// # Errors
/// Where the store can not be read.
pub fn traces(
    from: &impl Read,
    people: &BTreeSet<ProfileId>,
    most: usize,
) -> Result<Traces, StoreError> {
    Ok(Traces {
        places: rows::stale_of(from, people, most)?,
        changes: changes::changes_of(from, people, most)?,
    })
}

/// Removes traces. What follows from the changes of somebody who is gone is nothing.
pub fn erase_traces(tx: &mut Tx<'_, '_>, traces: &Traces) {
    traces.places.iter().for_each(|place| rows::remove_stale(tx, *place));
    traces.changes.iter().for_each(|id| forget_change(tx, *id));
}
