//! Flows: what is done, step by step, with people to whom something happens (contract: wire.md
//! §2.5, §2.6).
//!
//! A [`Flow`] has one trigger and a graph of actions, its [`Definition`], which was checked as a
//! whole before it was stored: every link leads somewhere, every action can be reached, nothing
//! goes round without a delay. Somebody's way through it is a [`Run`]. A run is a row with a place
//! in the due index; what moves runs is `automation`, one layer up.
//!
//! | file | holds |
//! |---|---|
//! | `definition.rs`, `step.rs`, `webhook.rs` | the graph, what its actions are, how they are written out |
//! | `parse/` | from a request to a checked definition |
//! | `graph.rs` | what makes a graph one that can be walked |
//! | `calendar.rs`, `delay.rs`, `target_date.rs`, `date_trigger.rs`, `reentry.rs` | decisions about time, pure |
//! | `update.rs`, `outputs.rs` | what an action does to a person, and takes from a response, pure |
//! | `registry.rs`, `rows.rs` | all flows in memory, and their table |
//! | `run/` | runs: their states, timelines, tables and counts |
//!
//! # What the contract leaves open, and what is chosen here
//!
//! | question | answer |
//! |---|---|
//! | who enters | nobody while the flow is a draft, or all its actions that have a status are; else whom the trigger, its filter, the profile filter and the re-entry rule let in |
//! | an action that is `disabled` | is passed like a draft, and its runs say so |
//! | the flow is changed while people wait in it | a person waits until the moment that was set when the wait began; what comes then is read from the definition of then |
//! | the action somebody waits in is deleted | the run ends, and says so |
//! | a split is put before the action somebody is about to do | they are asked by it like everybody: they are not in it yet |
//! | the flow is deleted | its runs end where they are; what is in the outbox is cancelled |
//! | the person is erased | the run goes with them |
//! | people are merged | the run goes on as the person who stays |
//! | the clock is set back | nothing is done twice: a run has one next moment, and it only comes later |
//! | a list or segment flow, and the person has left | actions that send are skipped; the others are done |
//! | what happens in the moment of two actions | they are done in the order of the links, and each commit has the action and the run's advance together |

mod date_plan;
mod definition;
mod document;
mod error;
mod graph;
mod parse;
mod registry;
mod rows;
pub mod run;
mod step;
mod webhook;

pub mod calendar;
mod date_trigger;
pub mod delay;
mod members;
mod outputs;
mod reentry;
mod target_date;
mod update;

pub use calendar::{Zone, day_of};
pub use date_plan::{DatePlan, forget_plan, forget_touched, plan, put_plan, touch, touched};
pub use date_trigger::{DateTrigger, Entry};
pub use definition::{Conditions, Definition, Trigger};
pub use delay::TimeDelay;
pub use document::message_id;
pub use error::FlowError;
pub use outputs::{OutputSplit, Outputs};
pub use parse::{
    FORBIDDEN_TRIGGERS, FlowPatch, Group, Known, Names, NewFlow, parse_action, parse_message,
};
pub use reentry::Reentry;
pub use registry::{Flows, Live, webhook_ids};
pub use rows::{leaving, left, revision};
pub use run::{Run, RunState};
pub use step::{Action, ActionStatus, Branch, Step};
pub use target_date::{Occasion, TargetDate};
pub use update::ProfileUpdate;
pub use webhook::WebhookStep;

use crate::clock::Timestamp;
use crate::id::FlowId;
use crate::webhook::Secrets;

/// A flow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Its name, for people.
    pub name: String,
    /// Whether people enter it.
    pub status: Status,
    /// What it does.
    pub definition: Definition,
    /// What its webhooks are signed with.
    pub secrets: Secrets,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Grows with every change: what was decided on an older one is decided anew.
    pub revision: u32,
}

/// Whether people enter a flow (contract: wire.md §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody does.
    Draft,
    /// They do, and what it would send or change waits for a person's approval.
    Manual,
    /// They do.
    Live,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Manual, Self::Live];

    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Manual => "manual",
            Self::Live => "live",
        }
    }
}

impl Flow {
    /// Whether anybody can enter: it is no draft, and not all its actions are.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let mut statuses = self.definition.actions.iter().filter_map(|action| action.step.status());
        let some_act = match statuses.next() {
            None => true,
            Some(first) => first.acts() || statuses.any(ActionStatus::acts),
        };
        self.status != Status::Draft && some_act
    }
}
