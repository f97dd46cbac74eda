//! Jobs: long work on many people, done bit by bit, with a status that can be asked for.
//!
//! ```text
//!   queued ──► processing ──► complete      every person was taken, whatever became of each
//!                   └───────► cancelled     it can not go on
//! ```
//!
//! A job's work is either the people that its request named, kept as they were received in chunks
//! of a step each, or the members of a group. A chunk leaves the store in the commit that did it,
//! with the counts and the cursor, so that a crash neither loses a person nor does one twice.
//!
//! This is what a job is and how far it got; what its kinds do is [`jobs`](crate::jobs)'s.

mod errors;
mod format;
mod rows;

pub use errors::{errors, fail_item, forget_some};
pub use rows::{chunk, create, finish, get, give_up, next, page, start, step_done};

use crate::clock::Timestamp;
use crate::id::{GroupId, JobId, ProfileId};
use crate::store::StoreError;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Makes or updates people.
    Import,
    /// Holds back mail.
    Suppress,
    /// Lifts that.
    Unsuppress,
    /// Subscribes people.
    Subscribe,
    /// Unsubscribes people.
    Unsubscribe,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Import, Self::Suppress, Self::Unsuppress, Self::Subscribe, Self::Unsubscribe];

    /// The type of its resource in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "profile-bulk-import-job",
            Self::Suppress => "profile-suppression-bulk-create-job",
            Self::Unsuppress => "profile-suppression-bulk-delete-job",
            Self::Subscribe => "profile-subscription-bulk-create-job",
            Self::Unsubscribe => "profile-subscription-bulk-delete-job",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// Some of it is done.
    Processing,
    /// All of it is.
    Complete,
    /// It could not go on.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Processing, Self::Complete, Self::Cancelled];

    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled)
    }
}

/// A group whose members a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A list.
    List(GroupId),
    /// A segment.
    Segment(GroupId),
}

impl Over {
    /// The group's id.
    #[must_use]
    pub const fn group(self) -> GroupId {
        match self {
            Self::List(id) | Self::Segment(id) => id,
        }
    }
}

/// What is asked of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it does.
    pub kind: Kind,
    /// The lists that people join or leave besides.
    pub lists: Vec<GroupId>,
    /// The group whose members it takes, instead of people that the request named.
    pub over: Option<Over>,
    /// Whether it is about consents of the past.
    pub is_historical: bool,
    /// Where people said so, as the client calls it.
    pub custom_source: Option<String>,
}

/// How many people a job took, and with what result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that it is about.
    pub total: u64,
    /// Those that are done.
    pub completed: u64,
    /// Those that were so already.
    pub skipped: u64,
    /// Those that could not be done.
    pub failed: u64,
}

impl Counts {
    /// How many were taken so far.
    #[must_use]
    pub const fn taken(self) -> u64 {
        self.completed + self.skipped + self.failed
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id, which knows when it was made.
    pub id: JobId,
    /// What is asked of it.
    pub task: Task,
    /// Where it stands.
    pub status: Status,
    /// How far it got.
    pub counts: Counts,
    /// When the first of its people was taken.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// The next chunk.
    chunk: u32,
    /// Of a group's members, the last one that was taken.
    pub after: Option<ProfileId>,
    /// How many errors are kept.
    errors: u32,
}

/// What was wrong with one person of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// Its number within the job.
    pub number: u32,
    /// JSON pointer into the request.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
    /// The person as received.
    pub original: String,
}

/// Why a job was not made.
#[derive(Debug)]
pub enum JobError {
    /// There are [`limits::JOBS_UNFINISHED_MAX`](crate::limits::JOBS_UNFINISHED_MAX) waiting.
    TooMany,
    /// It names a group that there is not; where the request does so.
    NoGroup(&'static str, GroupId),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
