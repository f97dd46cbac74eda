//! Profiles: the people that events are about.
//!
//! An event names a person by up to five identifiers. [`resolve`] finds or makes the profile:
//!
//! 1. The identifiers are tried in this order: `id`, `external_id`, `email`, `phone_number`,
//!    `anonymous_id`. The first that some profile has decides; if none has one, a profile is made.
//! 2. Identifiers that nobody has are given to that profile; where it had another value of that
//!    kind, the new one takes its place.
//! 3. An identifier that belongs to *another* profile stays there, and the event's profile is not
//!    given it: an event never merges two people and never takes an identifier away from one.
//!    Merging is a call of its own.
//!
//! E-mail addresses are compared without regard to case. A profile's row is written only when the
//! event changes it.

mod changes;
mod document;
mod merges;
mod patch;
mod rows;

use std::fmt;

pub use changes::{Aspect, Change, Names, changes, forget_change, last_change, note};
pub use merges::{current, sources};
pub(crate) use patch::ProfileDocument;
pub use patch::ProfilePatch;
pub use rows::get;

use crate::clock::Timestamp;
use crate::condition::LOCATION;
use crate::id::ProfileId;
use crate::json::RawObject;
use crate::store::{Read, StoreError, Tx};

/// What can identify a person, besides a profile's own id; in the order of resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifier {
    /// The producer's own id of the person.
    ExternalId,
    /// An e-mail address.
    Email,
    /// A phone number in E.164 form.
    PhoneNumber,
    /// The id of a visitor who is not known by name.
    AnonymousId,
}

impl Identifier {
    /// All of them, in the order of resolution.
    pub const ALL: [Self; 4] =
        [Self::ExternalId, Self::Email, Self::PhoneNumber, Self::AnonymousId];

    /// The attribute's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::Email => "email",
            Self::PhoneNumber => "phone_number",
            Self::AnonymousId => "anonymous_id",
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The short texts of a profile, in the order in which a read shows them.
pub const TEXTS: [&str; 6] =
    ["first_name", "last_name", "organization", "locale", "title", "image"];

/// A person.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's id.
    pub id: ProfileId,
    /// Identifiers, in the order of [`Identifier::ALL`].
    pub identifiers: [Option<String>; 4],
    /// Texts, in the order of [`TEXTS`].
    pub texts: [Option<String>; 6],
    /// The location, its values as they were received.
    pub location: RawObject,
    /// The custom properties, their values as they were received.
    pub properties: RawObject,
    /// When the profile was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Profile {
    fn new(id: ProfileId, now: Timestamp) -> Self {
        Self {
            id,
            identifiers: [const { None }; 4],
            texts: [const { None }; 6],
            location: RawObject::default(),
            properties: RawObject::default(),
            created: now,
            updated: now,
        }
    }

    /// The profile's identifier of this kind.
    #[must_use]
    pub fn identifier(&self, kind: Identifier) -> Option<&str> {
        self.identifiers[kind as usize].as_deref()
    }
}

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

/// Finds or makes the profile that `patch` names and brings it up to date; returns its id.
///
/// # Errors
/// Where the patch names an id that nobody has, or makes the profile too large, or the store
/// fails.
pub fn resolve(tx: &mut Tx<'_, '_>, patch: &ProfilePatch) -> Result<ProfileId, ResolveError> {
    let owners = owners(tx, patch)?;
    let given = patch.id.map(|id| current(tx, id)).transpose()?;
    let decided = given.or_else(|| owners.iter().copied().flatten().next());
    let mut changed = Names::default();
    let mut profile = match decided {
        Some(id) => get(tx, id)?.ok_or(ResolveError::Unknown(id))?,
        None => {
            changed.add("created");
            Profile::new(ProfileId::from_u128(tx.ulid()?), tx.now())
        }
    };
    let before = profile.identifiers.clone();
    for kind in Identifier::ALL {
        let Some(given) = &patch.identifiers[kind as usize] else { continue };
        let belongs_to_another = owners[kind as usize].is_some_and(|owner| owner != profile.id);
        if !belongs_to_another && profile.identifier(kind) != Some(given) {
            profile.identifiers[kind as usize] = Some(given.clone());
            changed.add(kind.name());
        }
    }
    patch.apply(&mut profile, &mut changed);
    if !changed.is_empty() {
        if patch::is_too_large(&profile) {
            return Err(ResolveError::TooLarge(profile.id));
        }
        profile.updated = tx.now();
        changed.add("updated");
        rows::put(tx, &profile, &before, changed)?;
    }
    Ok(profile.id)
}

/// Who has each of the patch's identifiers now.
fn owners(from: &impl Read, patch: &ProfilePatch) -> Result<[Option<ProfileId>; 4], StoreError> {
    let mut owners = [None; 4];
    for kind in Identifier::ALL {
        if let Some(given) = &patch.identifiers[kind as usize] {
            owners[kind as usize] = rows::owner(from, kind, given)?;
        }
    }
    Ok(owners)
}
