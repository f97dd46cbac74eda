//! Whom an event is about: finding or making the profile, by the rules of the module above.

use super::draft::{Done, Draft, DraftError};
use super::{Identifier, ProfilePatch, current, get, rows};
use crate::id::ProfileId;
use crate::store::{Read, StoreError, Tx};

/// Why an event's person could not be resolved.
#[derive(Debug)]
pub enum ResolveError {
    /// The given profile id belongs to nobody.
    Unknown(ProfileId),
    /// With this patch the profile would be larger than a profile may be.
    TooLarge(ProfileId),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ResolveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Finds or makes the profile that `patch` names and brings it up to date.
///
/// # Errors
/// Where the patch names an id that nobody has, or makes the profile too large, or the store
/// fails.
pub fn resolve(tx: &mut Tx<'_, '_>, patch: &ProfilePatch) -> Result<Done, ResolveError> {
    let owners = owners(tx, patch)?;
    let given = patch.id.map(|id| current(tx, id)).transpose()?;
    let mut draft = match given.or_else(|| owners.iter().copied().flatten().next()) {
        Some(id) => Draft::of(get(tx, id)?.ok_or(ResolveError::Unknown(id))?),
        None => Draft::fresh(tx)?,
    };
    for kind in Identifier::ALL {
        let Some(Some(given)) = &patch.identifiers[kind as usize] else { continue };
        let shown = draft.profile.identifier(kind);
        let is_free = owners[kind as usize].is_none();
        // Another spelling of the one that is shown; a further identifier stays what it is.
        let is_shown = shown.is_some_and(|shown| kind.is_same(shown, given));
        if is_free || is_shown {
            draft.show(kind, given);
        }
    }
    patch.apply(&mut draft.profile, &mut draft.changed);
    draft.finish(tx).map_err(|error| match error {
        // An event gives nobody further identifiers.
        DraftError::TooLarge(id) | DraftError::TooManyIdentifiers(id) => ResolveError::TooLarge(id),
        DraftError::Store(error) => ResolveError::Store(error),
    })
}

/// Who has each of the patch's identifiers now.
pub(super) fn owners(
    from: &impl Read,
    patch: &ProfilePatch,
) -> Result<[Option<ProfileId>; 4], StoreError> {
    let mut owners = [None; 4];
    for kind in Identifier::ALL {
        if let Some(Some(given)) = &patch.identifiers[kind as usize] {
            owners[kind as usize] = rows::owner(from, kind, given)?;
        }
    }
    Ok(owners)
}
