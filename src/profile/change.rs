//! What the calls about people do: make somebody, bring somebody up to date, or either.

use super::draft::{Done, Draft, DraftError};
use super::resolve::owners;
use super::{Identifier, ProfilePatch, current, get, rows};
use crate::id::ProfileId;
use crate::store::{Read, StoreError, Tx};

/// Why a call about a person is refused.
#[derive(Debug)]
pub enum ChangeError {
    /// Nobody has this id.
    Unknown(ProfileId),
    /// The person of the first id was merged and is now known by the second.
    Merged(ProfileId, ProfileId),
    /// One of the identifiers belongs to this person.
    Taken(ProfileId),
    /// The profile would be larger than a profile may be.
    TooLarge(ProfileId),
    /// The person would have more identifiers than one may have.
    TooManyIdentifiers(ProfileId),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DraftError> for ChangeError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::TooLarge(id) => Self::TooLarge(id),
            DraftError::TooManyIdentifiers(id) => Self::TooManyIdentifiers(id),
            DraftError::Store(error) => Self::Store(error),
        }
    }
}

/// What naming a further identifier of a person does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// It finds the person, and that is all.
    Finds,
    /// It becomes the one that is shown.
    Shows,
}

/// Makes a person.
///
/// # Errors
/// Where somebody has one of the identifiers, or there is too much of something, or the store
/// fails.
pub fn create(tx: &mut Tx<'_, '_>, patch: &ProfilePatch) -> Result<Done, ChangeError> {
    let mut draft = Draft::fresh(tx)?;
    take(tx, &mut draft, patch, Naming::Finds)?;
    Ok(draft.finish(tx)?)
}

/// Changes the person of this id.
///
/// # Errors
/// Where nobody has the id, or another person has one of the identifiers, or there is too much of
/// something, or the store fails.
pub fn update(
    tx: &mut Tx<'_, '_>,
    id: ProfileId,
    patch: &ProfilePatch,
) -> Result<Done, ChangeError> {
    let mut draft = Draft::whole(tx, existing(tx, id)?)?;
    take(tx, &mut draft, patch, Naming::Shows)?;
    Ok(draft.finish(tx)?)
}

/// Changes the person whom the patch names by its id or its identifiers, in the order of
/// resolution, or makes one. A former id leads to the person as it does in events.
///
/// # Errors
/// As [`update`].
pub fn upsert(tx: &mut Tx<'_, '_>, patch: &ProfilePatch) -> Result<Done, ChangeError> {
    let found = match patch.id {
        Some(id) => Some(current(tx, id)?),
        None => owners(tx, patch)?.into_iter().flatten().next(),
    };
    let mut draft = match found {
        Some(id) => Draft::whole(tx, get(tx, id)?.ok_or(ChangeError::Unknown(id))?)?,
        None => Draft::fresh(tx)?,
    };
    take(tx, &mut draft, patch, Naming::Finds)?;
    Ok(draft.finish(tx)?)
}

/// The person of this id, which must not be a former one.
pub(super) fn existing(from: &impl Read, id: ProfileId) -> Result<super::Profile, ChangeError> {
    if let Some(profile) = get(from, id)? {
        return Ok(profile);
    }
    let now = current(from, id)?;
    Err(if now == id { ChangeError::Unknown(id) } else { ChangeError::Merged(id, now) })
}

fn take(
    from: &impl Read,
    draft: &mut Draft,
    patch: &ProfilePatch,
    naming: Naming,
) -> Result<(), ChangeError> {
    let expect_free = |kind: Identifier, text: &str| match rows::owner(from, kind, text)? {
        Some(owner) if owner != draft.profile.id => Err(ChangeError::Taken(owner)),
        Some(_) | None => Ok(()),
    };
    for kind in Identifier::ALL {
        if let Some(Some(given)) = &patch.identifiers[kind as usize] {
            expect_free(kind, given)?;
        }
    }
    for alias in &patch.append_identifiers {
        expect_free(alias.kind, &alias.text)?;
    }
    for kind in Identifier::ALL {
        match &patch.identifiers[kind as usize] {
            None => {}
            Some(None) => draft.clear(kind),
            Some(Some(given)) => {
                let is_further = draft.aliases.iter().any(|alias| alias.is(kind, given));
                if naming == Naming::Shows || !is_further {
                    draft.show(kind, given);
                }
            }
        }
    }
    patch.append_identifiers.iter().for_each(|alias| draft.append(alias.kind, &alias.text));
    patch.unappend_identifiers.iter().for_each(|alias| draft.unappend(alias.kind, &alias.text));
    patch.apply(&mut draft.profile, &mut draft.changed);
    Ok(())
}
