//! Who enters and leaves a segment, and when.
//!
//! A loop follows what happens and keeps memberships true:
//!
//! 1. *Look*: the events of the log that were indexed since the last round, the changes of people
//!    that were noted, and the timers that are due say whose answer for which segment may have
//!    changed. Where a definition is being computed, the next people in the order of their ids are
//!    added.
//! 2. *Evaluate*: for each of them the segment's conditions are asked, on a snapshot and beside
//!    the writer. The answer is whether they belong to it, and until when that stays so if nothing
//!    happens.
//! 3. *Apply*: one command writes the memberships that changed with their events, moves the
//!    timers, moves the cursor and removes the changes that were followed.
//!
//! So what an event costs depends on how many segments it can touch and not on how many there are;
//! and what was evaluated is applied before the same person is looked at again, because there is
//! one loop. A crash between two rounds loses nothing: the cursor moves with what it led to.
//!
//! Timers are lazy. Where the answer holds longer than the timer of a person says, the timer stays;
//! it fires, and the next one is set then. An active person costs one write in a window and not
//! two for each of their events.
//!
//! # Who is told
//!
//! Entering and leaving become events, `event:tidings.segment_entered` and
//! `event:tidings.segment_left`, in the commit of the membership. Not told is what follows from a
//! definition alone, its first computation or a change, and from a merge of two people: nobody did
//! anything (contract: wire.md §2.5).

mod apply;
mod look;
mod rows;
#[cfg(test)]
mod tests;
mod worker;

pub use rows::followed_to;
pub use worker::Worker;

/// The name of the metric of entries.
pub const ENTERED: &str = "Segment Entered";
/// The name of the metric of exits.
pub const LEFT: &str = "Segment Left";
/// The names of the metrics.
pub const METRICS: [&str; 2] = [ENTERED, LEFT];
