//! Forgetting a person: their row, everything that leads to it, and their former ids.

use super::{Alias, Identifier, get, merges, rows};
use crate::id::ProfileId;
use crate::store::{StoreError, Tx};

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
/// Changes of theirs that nobody followed yet stay in the log of changes, which names people by
/// their ids alone.
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
