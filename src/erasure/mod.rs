//! Erasing a person: from every table, every index, the outbox and the log, with a receipt.
//!
//! ```text
//!   queued ──► processing ──► complete
//! ```
//!
//! It waits for the jobs that were asked for before it, because one of them may bring the person
//! in. Then:
//!
//! 1. The profile with its identifiers, memberships, timers and consents is gone in one command,
//!    and with it whatever could lead a new event to it. What is left is a [`Trail`] of ids.
//! 2. What jobs kept of entries that failed and that name the person is blanked (`search.rs`).
//! 3. What is about these ids is looked for and removed, until a look finds nothing (`look.rs`):
//!    events; every delivery that carries one of them, sent or not, while a batch goes on with the
//!    events of others; and bare ids, in notes for followers, in groups that are being removed, in
//!    a computation that stopped at this person. Only then it is complete, and not before the index
//!    of events has come as far as the log was at the first step, because it is what events are
//!    found by.
//!
//! Each step is a command of its own with its progress in it, so a crash in between loses nothing.
//! One erasure is done after the other. Whoever turns up under an identifier of the person
//! afterwards is somebody new.
//!
//! The receipt counts what was erased and holds no personal data: ids are random numbers, and the
//! identifiers are kept as digests only, each of the receipt's id and the identifier. Who knows an
//! address can check that the receipt is about it; nobody can read it off. [`remaining`] looks
//! again, at any time.
//!
//! What it does not reach: pages of the file that are free, until they are used again; backups; what
//! endpoints were sent; what operators wrote themselves, as a segment that names an address.

mod look;
mod parse;
mod rows;
mod search;
mod step;
mod worker;

pub use look::remaining;
pub use parse::{JOB, parse};
pub use rows::{create, get, page};
pub use worker::Worker;

use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::id::{EventId, JobId, ProfileId};
use crate::profile::Identifier;
use crate::store::StoreError;

/// Who is to be erased, as the request names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By the profile's id.
    Id(ProfileId),
    /// By an identifier.
    By(Identifier, String),
}

/// What leads to all that is left of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Their ids: the present one and the former ones.
    pub people: Vec<ProfileId>,
    /// The last event that can be theirs.
    pub events_to: Option<EventId>,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Profiles, with those that were merged into one.
    pub profiles: u64,
    /// Memberships of lists and segments.
    pub memberships: u64,
    /// Events.
    pub events: u64,
    /// Deliveries that carried one of the events.
    pub deliveries: u64,
}

/// What is left of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remaining {
    /// What a receipt counts; of many, at least so many.
    pub counts: Erased,
    /// Other places that have an id of theirs.
    pub traces: u64,
}

/// Where an erasure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// The profile is gone, and the rest is going.
    Processing,
    /// Nothing is left.
    Complete,
}

impl Status {
    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Complete => "complete",
        }
    }
}

/// An erasure; when it is complete, its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Its id.
    pub id: JobId,
    /// Where it stands.
    pub status: Status,
    /// Who is to be erased; forgotten with the first step.
    pub named: Option<Named>,
    /// The identifiers of the person, until no job mentions them.
    pub identifiers: Vec<String>,
    /// Up to which error the jobs were searched.
    pub searched_to: Option<(JobId, u32)>,
    /// Whether all of them were.
    pub is_searched: bool,
    /// The kinds of the identifiers, each with its [`digest`].
    pub digests: Vec<(Identifier, [u8; 32])>,
    /// What leads to the rest.
    pub trail: Trail,
    /// What was erased so far.
    pub erased: Erased,
    /// When the profile was gone.
    pub begun: Option<Timestamp>,
    /// When nothing was left.
    pub finished: Option<Timestamp>,
}

/// Why an erasure was not taken on.
#[derive(Debug)]
pub enum ErasureError {
    /// There are [`limits::ERASURES_UNFINISHED_MAX`](crate::limits::ERASURES_UNFINISHED_MAX)
    /// already.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ErasureError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a receipt keeps of an identifier: SHA-256 of the receipt's id, a colon and the identifier,
/// an e-mail address in lower case.
#[must_use]
pub fn digest(receipt: JobId, kind: Identifier, text: &str) -> [u8; 32] {
    let text = match kind {
        Identifier::Email => text.to_lowercase(),
        _ => text.to_owned(),
    };
    Sha256::digest(format!("{receipt}:{text}")).into()
}
