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
//!    Merging is a call of its own ([`absorb`]).
//! 4. `null` for an identifier or a text says nothing; what an event leaves out it does not clear.
//!
//! The calls about people ([`create`], [`upsert`], [`update`]) differ in two points: an identifier
//! of another profile refuses the call, and `null` clears. A cleared kind of identifier is gone
//! with all its values.
//!
//! Besides the identifier of each kind that is shown, a person may have others ([`Alias`]): they
//! lead to the person like the one that is shown. They come from merges, and from
//! `patch_identifiers` (contract: wire.md §4.5).
//!
//! E-mail addresses are compared without regard to case. A profile's row is written only when
//! something changes it.

mod absorb;
mod call;
mod change;
mod changes;
mod check;
mod document;
mod draft;
mod erase;
mod event;
mod fields;
mod index;
#[cfg(test)]
mod laws;
mod listing;
mod merges;
mod patch;
mod resolve;
mod rows;
mod sweep;
#[cfg(test)]
mod tests;

use std::fmt;

pub use absorb::{AbsorbError, Absorbed, absorb};
pub use change::{ChangeError, create, update, upsert};
pub use changes::{Aspect, Change, Names, changes, forget_change, note};
pub use document::View;
pub use draft::{Done, Effect};
pub use erase::{Erased, Traces, erase, erase_traces, traces};
pub(crate) use event::ProfileDocument;
pub use fields::FIELDS;
pub use index::catch_up;
pub use listing::{Listing, Place, Sort, by_id, find, gather, page};
pub use merges::{current, redirect, sources};
pub use patch::ProfilePatch;
pub use resolve::{ResolveError, resolve};
pub use rows::{exists, get, ids_after, number};
pub use sweep::Sweeper;

use crate::clock::Timestamp;
use crate::condition::LOCATION;
use crate::id::ProfileId;
use crate::json::RawObject;

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

    /// The form in which identifiers of this kind are compared.
    fn folded(self, text: &str) -> String {
        match self {
            Self::Email => text.to_lowercase(),
            Self::ExternalId | Self::PhoneNumber | Self::AnonymousId => text.to_owned(),
        }
    }

    fn is_same(self, a: &str, b: &str) -> bool {
        a == b || (self == Self::Email && a.to_lowercase() == b.to_lowercase())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An identifier of a person besides the one of its kind that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its kind.
    pub kind: Identifier,
    /// The identifier.
    pub text: String,
}

impl Alias {
    /// Whether this is the same identifier, whatever its spelling.
    fn is(&self, kind: Identifier, text: &str) -> bool {
        self.kind == kind && kind.is_same(&self.text, text)
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
