//! Runs: each is one person's way through one flow.
//!
//! ```text
//!  begun ──► moving ◄──► waiting, answering
//!    │          │             │
//!    ▼          ├──► finished └──► cancelled: by a person, or because the flow,
//!  not let in:  └──► cancelled                the action or the person is gone
//!  the row goes
//! ```
//!
//! A run that is *begun* is let in, or not, by the automation loop: the trigger let it through, and
//! what else decides is asked when its moment comes. One that is *moving* does its next action; a
//! *waiting* one is in a delay; one that is *answering* waits for the result of a delivery. Each
//! has a place in the due index, the last so that it does not wait for ever. Counts say how many runs wait in each action and what became of it.

mod counts;
mod entered;
mod entries;
mod moment;
mod reviews;
mod rows;

pub use counts::{Count, Counts, Tally, counts, of_flow};
pub use entered::{carry_over, has_entered, last_entered, put_entered};
pub use entries::{Begin, begin, entries, entries_of};
pub use moment::{Moment, What};
pub use reviews::{Review, review, reviews, set_review};
pub use rows::{
    Due, Filter, Page, again, drop_some, due, end_of_profile, forget_due, get, next_due,
    of_profile, page, put, remove,
};

use crate::clock::Timestamp;
use crate::id::{ActionId, DeliveryId, EventId, FlowId, ProfileId, RunId};

/// One person's way through one flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The flow.
    pub flow: FlowId,
    /// The person.
    pub profile: ProfileId,
    /// The event that let them in, where one did.
    pub event: Option<EventId>,
    /// When the trigger let them through; for a date flow, the moment that was planned.
    pub entered: Timestamp,
    /// The day that a date flow is about, as days since 1970.
    pub day: Option<i32>,
    /// When they had entered the flow before.
    pub entered_before: Option<Timestamp>,
    /// Where it stands.
    pub state: RunState,
    /// The action that it waits in, or does next.
    pub action: Option<ActionId>,
    /// When it goes on; `None` once it has ended.
    pub due: Option<Timestamp>,
    /// The delivery whose result it waits for.
    pub delivery: Option<DeliveryId>,
    /// How often it moved: who decided on an older one decides anew.
    pub revision: u32,
    /// Outputs of its steps: the step's name, the output's name, the value as JSON.
    pub outputs: Vec<(String, String, String)>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Entries of the timeline that were dropped.
    pub dropped: u32,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunState {
    /// The trigger let the person through; whether they enter is asked at its moment.
    Begun,
    /// It is about to do its action.
    Moving,
    /// It waits in its action, until its moment.
    Waiting,
    /// It waits for the response to a webhook.
    Answering,
    /// It came to an end of the flow.
    Finished,
    /// It was ended on the way.
    Cancelled,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Begun,
        Self::Moving,
        Self::Waiting,
        Self::Answering,
        Self::Finished,
        Self::Cancelled,
    ];

    /// The state's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Answering => "answering",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

impl Run {
    /// Adds to the timeline; of one that is full, the oldest after the first is dropped.
    pub fn note(&mut self, at: Timestamp, action: Option<ActionId>, what: What) {
        if self.timeline.len() >= crate::limits::RUN_TIMELINE_MAX {
            self.timeline.remove(1);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.timeline.push(Moment { at, action, what });
    }

    /// Ends it.
    pub fn end(&mut self, at: Timestamp, state: RunState, what: What) {
        self.note(at, self.action, what);
        self.state = state;
        self.due = None;
        self.delivery = None;
    }
}
