//! Deliveries: events on their way to one endpoint, from the outbox until delivered or given up.
//!
//! ```text
//!   gathering ──► scheduled ──► an attempt ──► policy::after ──┬──► delivered
//!   (a batch)        ▲  ▲                                      ├──► exhausted   the last retry failed
//!                    │  └──────────── retry due ───────────────┤
//!                    │                                         ├──► parked      it blocked its key too long,
//!                    │                                         │                or its template failed
//!                    └── resend ◄── any finished state         └──► cancelled   nobody wants it any more
//! ```
//!
//! A delivery is a row of the *outbox* while it is scheduled and a row of the *log* afterwards;
//! the row moves and is never in both (invariant 3). Its attempts are part of the row. Its id is
//! the message id that the receiver sees on every attempt (invariant 4). It holds one event, or,
//! where its webhook gathers, a batch whose content is fixed before the first attempt; or, put there
//! by the run of a flow, a request that was rendered before and lies beside it, while the events are
//! only what caused it, if any did.
//!
//! - `policy.rs` decides, purely, what follows an attempt, for the delivery and for its endpoint.
//! - `lanes/` holds what is ready, in memory: bounded, fair, in the order that a webhook asks for,
//!   with its breaker, its rate and its window.
//! - `message.rs` makes what is sent, `attempt.rs` signs and sends it, `oauth.rs` gets tokens.
//! - `ready_made.rs` takes requests that were rendered before, `content.rs` is where their way and
//!   that of events meet.
//! - `worker.rs` is the loop, `drain.rs` its hands; `recorder.rs` writes the results down, many in
//!   one commit.
//! - `listing/` finds deliveries; `index.rs` keeps up the index that it uses; `summary.rs` says in a
//!   sentence where a delivery stands.
//! - `rows/` has the tables; `gather.rs` fills batches; `notice.rs` tells upper layers, in the
//!   store, what an operator should know.
//!
//! A delivery knows where it came from only by its [`Source`]; who put it into the outbox is none
//! of this module's business. Where that was a run, what became of it is left in the store as a
//! [`DeliveryResult`], in the commit in which it is finished.

mod attempt;
mod content;
mod drain;
mod gather;
mod handle;
mod health;
mod index;
mod lanes;
mod listing;
mod message;
mod notice;
mod oauth;
pub mod policy;
mod ready_made;
mod recent;
mod recorder;
mod request;
mod rows;
mod summary;
#[cfg(test)]
mod tests;
mod worker;

use std::net::SocketAddr;
use std::time::Duration;

pub use attempt::{API_VERSION, Sender, Trial};
pub use handle::{CompleteBatch, Deliveries, Order, Tasks};
pub use index::keep_ids_growing;
pub use lanes::Standing;
pub use listing::{Created, Filter, OfEvents, of_event, page};
pub use message::Messages;
pub use notice::{Notice, NoticeKind, remove as remove_notice, waiting as waiting_notices};
pub use oauth::Tokens;
pub use ready_made::{ForRun, NewRequest, ResendError, StoredRequest};
pub use recent::{Recent, RecentAttempt};
pub use recorder::Policies;
pub use request::{Sent, sentence};
pub use rows::{
    Carriers, DeliveryResult, blocked_profiles, forget_result, get, has_backlog,
    request as stored_request, result, results,
};
pub use summary::{sentence_of_recent, summary};

use crate::clock::Timestamp;
use crate::egress::SendErrorKind;
use crate::egress::TlsVersion;
use crate::id::{DeliveryId, EventId, ProfileId, RunId, WebhookId};

/// Why there is a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An event was recorded.
    Event,
    /// An event of tidings' own was recorded: what becomes of its deliveries is never announced
    /// by further events.
    Operational,
    /// A person asked for it, long after the event.
    Replay,
    /// A person asked for a test; only versions before 0.2 put those into the outbox.
    Test,
    /// The run of a flow came to a webhook step.
    Flow,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] =
        [Self::Event, Self::Operational, Self::Replay, Self::Test, Self::Flow];

    /// The source's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Operational => "operational",
            Self::Replay => "replay",
            Self::Test => "test",
            Self::Flow => "flow",
        }
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It waits for its first attempt, or its next.
    Scheduled,
    /// The receiver took it.
    Delivered,
    /// The last retry failed.
    Exhausted,
    /// Nobody wants it any more: its webhook was deleted, its backlog skipped, a person or the
    /// receiver said so.
    Cancelled,
    /// It kept others waiting for longer than its webhook allows, or there is nothing to send
    /// because a template failed; a person may resend it when that is mended.
    Parked,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Scheduled, Self::Delivered, Self::Exhausted, Self::Cancelled, Self::Parked];

    /// The state's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
        }
    }
}

/// What a scheduled delivery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its first attempt, as soon as there is a slot.
    Fresh,
    /// More events, until its batch is complete or its time is up.
    Gathering,
    /// The moment of its next attempt.
    Due,
    /// An earlier delivery about the same profile.
    Behind,
}

impl Phase {
    /// The phase's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Gathering => "gathering",
            Self::Due => "due",
            Self::Behind => "behind",
        }
    }
}

/// Events, or a request that was rendered before, for one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id, and the message id of every attempt.
    pub id: DeliveryId,
    /// The subscription, or the step of a flow, that it belongs to.
    pub webhook: WebhookId,
    /// Why there is one.
    pub source: Source,
    /// The run that put it there, whose request it carries; `None` for what carries its events.
    pub run: Option<RunId>,
    /// The events in the order of the log: at least one, or for a run the one that triggered it,
    /// if one did.
    pub events: Vec<EventId>,
    /// Whom it is about; `None` for a batch.
    pub profile: Option<ProfileId>,
    /// Where it stands.
    pub state: State,
    /// What it waits for, while it is scheduled.
    pub phase: Phase,
    /// When it was scheduled first.
    pub created: Timestamp,
    /// When its next attempt is due, or its batch complete; `None` once it is finished.
    pub due: Option<Timestamp>,
    /// When it was delivered or given up.
    pub finished: Option<Timestamp>,
    /// When a person resent it after it was finished, and its schedule began anew.
    pub resent: Option<Timestamp>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// The first of its events; only what a run put there may have none.
    #[must_use]
    pub fn event(&self) -> Option<EventId> {
        self.events.first().copied()
    }
}

/// One request that was made, or could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began: also the moment that it was stamped with.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// How it went on the wire.
    pub trace: Trace,
    /// Length of the body that was sent, in bytes.
    pub body_bytes: u32,
    /// A hash of the body that was sent: tells whether one that is made again is the same.
    pub body_hash: u64,
    /// The response's headers, a line each, as far as they are kept.
    pub response_head: String,
    /// The beginning of the response's body, as text; what is not UTF-8 is replaced.
    pub excerpt: String,
}

/// How an attempt went on the wire. What did not happen is `None`: a connection that was still
/// open needs no look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// From being ready (or due) until it began.
    pub queue: Duration,
    /// The look-up of the name.
    pub dns: Option<Duration>,
    /// Until the connection stood.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls_handshake: Option<Duration>,
    /// From the start until the head of the response.
    pub first_byte: Option<Duration>,
    /// From the start to the end.
    pub total: Duration,
    /// Whom we were connected to.
    pub remote: Option<SocketAddr>,
    /// The version of TLS.
    pub tls: Option<TlsVersion>,
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
    /// There is no token to send with; no request was made.
    NoToken {
        /// One sentence for the operator.
        detail: String,
    },
    /// There is no webhook, or nothing to send any more; no request was made.
    Gone,
    /// It belongs to a backlog that was skipped, or a person cancelled it; no request was made.
    Unwanted,
    /// What was to be sent could not be read from the store; no request was made.
    Unreadable {
        /// One sentence for the operator.
        detail: String,
    },
    /// The request that a template made of it can not be sent, or it made none; no request was
    /// made.
    Unrendered {
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

    /// The status, if there was an answer.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(*status),
            _ => None,
        }
    }

    /// The kind of failure, by its name in the API; `None` where there was an answer.
    #[must_use]
    pub const fn error(&self) -> Option<&'static str> {
        match self {
            Self::Answered(_) => None,
            Self::Failed { kind, .. } => Some(kind.as_str()),
            Self::NoToken { .. } => Some("no_token"),
            Self::Gone => Some("gone"),
            Self::Unwanted => Some("unwanted"),
            Self::Unreadable { .. } => Some("unreadable"),
            Self::Unrendered { .. } => Some("template"),
        }
    }
}
