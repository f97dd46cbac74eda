//! Deliveries: one event for one endpoint, from the outbox until it is delivered or given up.
//!
//! ```text
//!            ┌───────────── retry due ─────────────┐
//!            ▼                                     │
//!   scheduled ──► an attempt ──► policy::after ────┼──► delivered
//!       │                                          ├──► exhausted
//!       └── its webhook is gone ───────────────────┴──► cancelled
//! ```
//!
//! A delivery is a row of the *outbox* while it is scheduled and a row of the *log* afterwards;
//! the row moves and is never in both (invariant 3). Its attempts are part of the row. Its id is
//! the message id that the receiver sees on every attempt (invariant 4).
//!
//! - `policy.rs` decides, purely, what follows an attempt.
//! - `lanes.rs` holds what is ready, bounded and fair, in memory.
//! - `message.rs` makes what is sent, `attempt.rs` signs and sends it.
//! - `worker.rs` is the loop; `recorder.rs` writes the results down, many in one commit.
//!
//! A delivery knows where it came from only by its [`Source`]; who put it into the outbox is none
//! of this module's business.

mod attempt;
mod lanes;
mod message;
pub mod policy;
mod recorder;
mod rows;
mod worker;

use std::time::Duration;

pub use attempt::{API_VERSION, Sender};
pub use message::Messages;
pub use policy::Schedule;
pub use rows::{Filter, get, has_backlog, page};
pub use worker::{Deliveries, Tasks};

use crate::clock::Timestamp;
use crate::egress::SendErrorKind;
use crate::id::{DeliveryId, EventId, WebhookId};

/// What a delivery delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A recorded event.
    Event(EventId),
    /// A recorded event, sent because a person asked for a test.
    Test(EventId),
}

impl Source {
    /// The event.
    #[must_use]
    pub const fn event(self) -> EventId {
        match self {
            Self::Event(id) | Self::Test(id) => id,
        }
    }

    /// The source's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Test(_) => "test",
        }
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its first attempt, or its next.
    Scheduled,
    /// The receiver took it.
    Delivered,
    /// The last retry failed.
    Exhausted,
    /// Its webhook was deleted before it was delivered.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Delivered, Self::Exhausted, Self::Cancelled];

    /// The state's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One event for one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id, and the message id of every attempt.
    pub id: DeliveryId,
    /// The subscription it belongs to.
    pub webhook: WebhookId,
    /// What it delivers.
    pub source: Source,
    /// Where it stands.
    pub state: State,
    /// When it was scheduled first.
    pub created: Timestamp,
    /// When its next attempt is due; `None` once it is finished.
    pub due: Option<Timestamp>,
    /// When it was delivered or given up.
    pub finished: Option<Timestamp>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One request that was made, or could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: Outcome,
    /// The beginning of the response's body, as text; what is not UTF-8 is replaced.
    pub excerpt: String,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered with this status.
    Answered(u16),
    /// There was no answer.
    Failed {
        /// What kind of failure it was.
        kind: SendErrorKind,
        /// One sentence for the operator.
        detail: String,
    },
    /// There is no webhook or no event to send any more; no request was made.
    Gone,
    /// What was to be sent could not be read from the store; no request was made.
    Unreadable {
        /// One sentence for the operator.
        detail: String,
    },
}

impl Outcome {
    /// Whether the receiver took the message: any 2xx (contract: wire.md §1.4).
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}
