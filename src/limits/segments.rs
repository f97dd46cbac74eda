//! Bounds of segments, of following people for them, and of erasing people.

use std::time::Duration;

/// Segments in all: each change of a person asks all of them whether it can touch them.
pub const SEGMENTS_MAX: usize = 1_000;
/// A list's or segment's name, in characters.
pub const GROUP_NAME_CHARS_MAX: usize = 255;
/// A segment's definition: far more than conditions that a person can still oversee.
pub const SEGMENT_DEFINITION_BYTES_MAX: usize = 256 * 1024;
/// Events, changes of people and timers that are each followed in one round: its evaluation takes
/// some tens of milliseconds and shares its commits, and who has many of them is asked once.
pub const FOLLOWED_AT_ONCE_MAX: usize = 2_000;
/// Questions after which a round takes no more events, changes and timers: at some microseconds
/// each, a snapshot is held well under a second.
pub const QUESTIONS_AT_ONCE_MAX: usize = 20_000;
/// Events of a person and a metric that are kept while several conditions ask about them.
pub const HISTORY_KEPT: usize = 64;
/// Questions whether a person belongs to a segment that one round of a computation asks.
pub const BACKFILLED_AT_ONCE_MAX: usize = 2_000;
/// Memberships and timers that one command writes: others wait for the writer no longer than for a
/// bulk request.
pub const VERDICTS_AT_ONCE_MAX: usize = 500;
/// A timer is late by no more than this after the host slept or its clock was set.
pub const TIMERS_LOOKED_AT_EVERY: Duration = Duration::from_secs(60);
/// What happens within this time is followed together: commits are shared, and nobody waits for a
/// segment as long as this.
pub const FOLLOW_PAUSE: Duration = Duration::from_millis(20);
/// Events, and what else is left of a person, that one command of an erasure takes out of every
/// table: as much as a bulk request writes, so that others wait for the writer no longer.
pub const ERASED_AT_ONCE_MAX: usize = 100;
/// Deliveries that one command of an erasure removes or rewrites.
pub const DELIVERIES_ERASED_AT_ONCE_MAX: usize = 500;
/// Errors of jobs that one command of an erasure looks through for the person.
pub const JOB_ERRORS_LOOKED_AT_ONCE: usize = 500;
/// Erasures that are not complete: more than a court could ask for in a day.
pub const ERASURES_UNFINISHED_MAX: usize = 10_000;
/// Receipts on one page.
pub const ERASURES_PAGE_MAX: usize = 100;
