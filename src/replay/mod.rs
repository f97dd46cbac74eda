//! Replays: durable jobs that send events of the past to one webhook.
//!
//! ```text
//!   create ──► running ◄──► paused          by a person; paused by itself where the webhook is off
//!                 │            │
//!                 ├────────────┴──► cancelled   by a person, or the webhook was deleted
//!                 ├──► completed                the cursor reached the end
//!                 └──► failed                   a row could not be read
//! ```
//!
//! A replay goes through a stretch of the log in its order. Each event whose topic is wanted and
//! which fits the filter is judged by what became of it at this webhook ([`Standing`]): without a
//! delivery, or delivered, it gets a new one; exhausted, cancelled or parked, its delivery is sent
//! again under the same message id; scheduled, it is left alone. So a webhook that is younger than
//! its events can have them, and a replay that runs twice does nothing the second time.
//!
//! What a replay wants is fixed when it is made: topics and filter that it takes from the webhook
//! are copied, and its end is the last event that was there. Both ends are seconds of receipt,
//! which event ids begin with.
//!
//! - `parse.rs` makes requests into checked values.
//! - `standing.rs` and `pace.rs` decide, purely: what becomes of an event, and when it is time.
//! - `look.rs` reads ahead in snapshots, for the job and for previews.
//! - `step.rs` is the command: deliveries and the cursor that passed them commit together, so
//!   that a crash neither loses nor doubles.
//! - `worker.rs` is the loop; `registry.rs` the handle of others; `rows.rs` has the table.
//!
//! The rate is the only bound: a replay does not wait for its deliveries. What a slow endpoint has
//! not taken yet waits in the outbox like everything else, in the webhook's own order and rate; a
//! person who sees it grow pauses the replay.

mod look;
mod pace;
mod parse;
mod registry;
mod rows;
mod standing;
mod step;
mod worker;

pub use look::{Preview, preview};
pub use parse::{NewReplay, WEBHOOK_AT, status_patch};
pub use registry::{ReplayError, Replays};
pub use rows::{get, page};
pub use standing::{Choice, Standing};
pub use worker::Worker;

use crate::clock::Timestamp;
use crate::id::{EventId, ReplayId, WebhookId};

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// What people call it.
    pub name: Option<String>,
    /// What it sends, and where to.
    pub wanted: Wanted,
    /// Deliveries that it schedules in a second, at most.
    pub rate_per_second: u32,
    /// Where it stands.
    pub status: Status,
    /// Why, where nobody asked for it: one sentence.
    pub reason: Option<String>,
    /// The part of the log that it goes through.
    pub stretch: Stretch,
    /// The last event that it passed; just before the first one where it passed none.
    pub cursor: EventId,
    /// What it found and did.
    pub counts: Counts,
    /// When it was made.
    pub created: Timestamp,
    /// When it last got on, or was changed.
    pub updated: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

/// What a replay sends, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The webhook.
    pub webhook: WebhookId,
    /// From this moment of receipt, its second included.
    pub from: Timestamp,
    /// To this moment of receipt, its second included.
    pub to: Timestamp,
    /// The topics, sorted.
    pub topics: Vec<String>,
    /// What became of events that are wanted, sorted.
    pub states: Vec<Choice>,
    /// The conditions, as they were written; `None` for every event.
    pub filter: Option<String>,
}

/// A part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Just before its first event.
    pub after: EventId,
    /// Its last event.
    pub to: EventId,
}

/// What a replay found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that it passed.
    pub scanned: u64,
    /// Those of a wanted topic that fit the filter.
    pub matched: u64,
    /// Those that it put into the outbox.
    pub scheduled: u64,
    /// Those that were in the outbox already.
    pub skipped: u64,
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.scanned += more.scanned;
        self.matched += more.matched;
        self.scheduled += more.scheduled;
        self.skipped += more.skipped;
    }
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It goes on by itself.
    Running,
    /// It goes on when a person says so.
    Paused,
    /// It reached its end.
    Completed,
    /// Nobody wants it any more; what it scheduled stays.
    Cancelled,
    /// It can not go on.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Paused, Self::Completed, Self::Cancelled, Self::Failed];

    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        !matches!(self, Self::Running | Self::Paused)
    }
}

impl Replay {
    /// How much of its stretch it passed, from 0 to 1, by event ids.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more precision than f64 has")]
    pub fn progress(&self) -> f64 {
        let Stretch { after, to } = self.stretch;
        let whole = to.as_u64().saturating_sub(after.as_u64());
        let passed = self.cursor.as_u64().saturating_sub(after.as_u64());
        match (self.status, whole) {
            (Status::Completed, _) => 1.0,
            (_, 0) => 0.0,
            _ => (passed as f64 / whole as f64).min(1.0),
        }
    }

    /// The moment of receipt that it got to; `None` where it passed no event.
    #[must_use]
    pub fn cursor_time(&self) -> Option<Timestamp> {
        (self.cursor > self.stretch.after).then(|| self.cursor.received())
    }

    /// Ends or pauses it.
    fn leave(&mut self, status: Status, reason: Option<String>, now: Timestamp) {
        self.status = status;
        self.reason = reason;
        self.updated = now;
        self.finished = status.is_finished().then_some(now);
    }
}
