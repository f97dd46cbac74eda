//! Lists: groups of people that somebody puts together by hand or by request.
//!
//! Who is a member stands in [`membership`](crate::membership), which segments share; here is what
//! a list itself is. Lists are few ([`limits::LISTS_MAX`](crate::limits::LISTS_MAX)), so that all
//! of them are read where some are looked for, and nothing is held in memory.
//!
//! A list that is deleted is gone at once for everybody who asks. Its members leave it afterwards,
//! some in each command ([`drop_some`]), and what depends on them follows; until the last one left,
//! its id stays taken, also over a crash.

mod parse;
mod rows;

pub use parse::{ListPatch, NewList};
pub use rows::{all, carry_over, create, drop_some, get, has_removed, of, remove, update};

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::store::StoreError;

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its id.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// What subscribers are told about confirming. It is kept and shown; tidings sends no mail, and
    /// takes every subscription as it comes.
    pub opt_in: OptIn,
    /// When it was made.
    pub created: Timestamp,
    /// When its name or its process last changed.
    pub updated: Timestamp,
}

/// How a subscription to a list comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// By asking for it.
    Single,
    /// By asking for it and confirming that.
    Double,
}

impl OptIn {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Single, Self::Double];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single_opt_in",
            Self::Double => "double_opt_in",
        }
    }
}

/// Why a list was not made or changed.
#[derive(Debug)]
pub enum ListError {
    /// There is no such list.
    Unknown(GroupId),
    /// There are [`limits::LISTS_MAX`](crate::limits::LISTS_MAX) already.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
