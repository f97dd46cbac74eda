//! Segments: groups of people that define themselves by conditions (contract: wire.md §4.6).
//!
//! This is what a segment is: its definition, how it is read and stored, and which of all segments
//! something can touch ([`Segments`]). Who belongs to it is in [`membership`](crate::membership),
//! under the segment's id; finding out who does is the work of `segmentation`.
//!
//! A definition that is new or was changed is computed in the background, person by person; while
//! it is, the segment has a [`Backfill`]. A moment at which the answer for a person can next change
//! although nothing happens is kept as a timer, in `rows.rs`.

mod parse;
mod registry;
mod rows;

pub use parse::{NewSegment, SegmentPatch, check_names, check_references};
pub use registry::{Live, SegmentError, Segments, View};
pub use rows::{
    Watch, backfill, backfills, drop_watches, due, get, ids, leaving, left, next_due, put_backfill,
    remove_backfill, set_watch, watch,
};

use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};

/// A group of people that defines itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Who belongs to it: `{"condition_groups": […]}`, as it was received.
    pub definition: String,
    /// Whether a person marked it.
    pub is_starred: bool,
    /// Whether it follows what happens; while it does not, its members stay who they are.
    pub is_active: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed by a request.
    pub updated: Timestamp,
    /// Counts its definitions: what was found out for one says nothing about the next.
    pub revision: u32,
}

/// How far the computation of a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The last person, by id, who was looked at.
    pub cursor: Option<ProfileId>,
    /// How many were looked at.
    pub evaluated: u64,
    /// How many people there were at its start.
    pub total: u64,
}

impl Backfill {
    /// Whether this person was looked at.
    #[must_use]
    pub fn has_passed(&self, profile: ProfileId) -> bool {
        self.cursor.is_some_and(|cursor| profile <= cursor)
    }
}
