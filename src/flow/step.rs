//! The actions of a flow: what each is, and where it leads.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::definition::Conditions;
use super::delay::TimeDelay;
use super::outputs::OutputSplit;
use super::target_date::TargetDate;
use super::update::ProfileUpdate;
use super::webhook::WebhookStep;
use crate::id::{ActionId, GroupId};

/// An action of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// What is done.
    pub step: Step,
}

/// Where an action leads; `None` is the end.
pub(super) type Next = Option<ActionId>;

/// What an action does.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Waits for a time.
    TimeDelay {
        /// How long.
        delay: TimeDelay,
        /// Where it leads.
        next: Next,
    },
    /// Waits until the date that the flow is about.
    TargetDate {
        /// When on that day.
        target: TargetDate,
        /// Where it leads.
        next: Next,
    },
    /// Asks something about the person.
    ConditionalSplit {
        /// What.
        conditions: Conditions,
        /// Where it leads those of whom it holds, and the others.
        next: [Next; 2],
    },
    /// Asks something about the event that the person entered by.
    TriggerSplit {
        /// What.
        conditions: Conditions,
        /// Which trigger it is about, as the contract has it: shown, and used for nothing.
        trigger: Map<String, Value>,
        /// Where it leads where it holds, and where not.
        next: [Next; 2],
    },
    /// Asks something about an output of an earlier action.
    OutputSplit {
        /// What.
        split: OutputSplit,
        /// Where it leads where it holds, and where not.
        next: [Next; 2],
    },
    /// Asks several things in turn; the first that holds leads on.
    MultiBranchSplit {
        /// Its name, for people.
        name: String,
        /// The branches in the order in which they are asked, the one for everybody else last.
        branches: Vec<Branch>,
    },
    /// Changes properties of the person.
    UpdateProfile {
        /// How.
        update: ProfileUpdate,
        /// Whether it is done.
        status: ActionStatus,
        /// Where it leads.
        next: Next,
    },
    /// Puts the person on a list, or takes them off it.
    ListUpdate {
        /// Its name, for people.
        name: String,
        /// The list.
        list: GroupId,
        /// Whether they join.
        joins: bool,
        /// Whether it is done.
        status: ActionStatus,
        /// Where it leads.
        next: Next,
    },
    /// Holds mail to the person back, or lifts that: our own.
    Suppress {
        /// Whether it is held back.
        suppresses: bool,
        /// Whether it is done.
        status: ActionStatus,
        /// Where it leads.
        next: Next,
    },
    /// Sends a request that templates make.
    SendWebhook {
        /// Which.
        webhook: Arc<WebhookStep>,
        /// Whether it is sent.
        status: ActionStatus,
        /// Where it leads.
        next: Next,
    },
    /// Runs a function. Known, and not done yet: a flow that has one can not be activated.
    Code {
        /// Where it leads.
        next: Next,
    },
}

/// A branch of a multi-branch split.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its id within the split.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// Who takes it; `None` is everybody else.
    pub conditions: Option<Conditions>,
    /// Where it leads.
    pub next: Next,
}

/// Whether an action is done (contract: wire.md §2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionStatus {
    /// It is passed.
    #[default]
    Draft,
    /// It waits for a person's approval, and the run goes on.
    Manual,
    /// It is done.
    Live,
    /// It is passed, and was switched off for good.
    Disabled,
}

impl ActionStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Manual, Self::Live, Self::Disabled];

    /// The status's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Manual => "manual",
            Self::Live => "live",
            Self::Disabled => "disabled",
        }
    }

    /// Whether something comes of it.
    #[must_use]
    pub const fn acts(self) -> bool {
        matches!(self, Self::Manual | Self::Live)
    }
}

impl Step {
    /// Every type that a definition may hold.
    pub const TYPES: [&'static str; 12] = [
        "send-webhook",
        "time-delay",
        "target-date",
        "conditional-split",
        "trigger-split",
        "multi-branch-split",
        "action-output-split",
        "update-profile",
        "list-update",
        "suppress-profile",
        "unsuppress-profile",
        "code",
    ];

    /// The step's name in the API.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::TimeDelay { .. } => "time-delay",
            Self::TargetDate { .. } => "target-date",
            Self::ConditionalSplit { .. } => "conditional-split",
            Self::TriggerSplit { .. } => "trigger-split",
            Self::OutputSplit { .. } => "action-output-split",
            Self::MultiBranchSplit { .. } => "multi-branch-split",
            Self::UpdateProfile { .. } => "update-profile",
            Self::ListUpdate { .. } => "list-update",
            Self::Suppress { suppresses: true, .. } => "suppress-profile",
            Self::Suppress { suppresses: false, .. } => "unsuppress-profile",
            Self::SendWebhook { .. } => "send-webhook",
            Self::Code { .. } => "code",
        }
    }

    /// Whether it is done; `None` of steps that are always taken.
    #[must_use]
    pub const fn status(&self) -> Option<ActionStatus> {
        match self {
            Self::UpdateProfile { status, .. }
            | Self::ListUpdate { status, .. }
            | Self::Suppress { status, .. }
            | Self::SendWebhook { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Sets whether it is done, where it has a status.
    pub const fn set_status(&mut self, to: ActionStatus) {
        match self {
            Self::UpdateProfile { status, .. }
            | Self::ListUpdate { status, .. }
            | Self::Suppress { status, .. }
            | Self::SendWebhook { status, .. } => *status = to,
            _ => {}
        }
    }

    /// Whether everybody who comes to it waits.
    #[must_use]
    pub fn is_delay(&self) -> bool {
        match self {
            Self::TimeDelay { delay, .. } => delay.always_waits(),
            _ => false,
        }
    }

    /// What it asks.
    pub fn conditions(&self) -> impl Iterator<Item = &Conditions> {
        let (one, branches) = match self {
            Self::ConditionalSplit { conditions, .. } | Self::TriggerSplit { conditions, .. } => {
                (Some(conditions), [].as_slice())
            }
            Self::MultiBranchSplit { branches, .. } => (None, branches.as_slice()),
            _ => (None, [].as_slice()),
        };
        one.into_iter().chain(branches.iter().filter_map(|branch| branch.conditions.as_ref()))
    }

    /// Every link, with its place in the action's JSON.
    #[must_use]
    pub fn links(&self) -> Vec<(String, Next)> {
        match self {
            Self::TimeDelay { next, .. }
            | Self::TargetDate { next, .. }
            | Self::UpdateProfile { next, .. }
            | Self::ListUpdate { next, .. }
            | Self::Suppress { next, .. }
            | Self::SendWebhook { next, .. }
            | Self::Code { next } => vec![("/links/next".to_owned(), *next)],
            Self::ConditionalSplit { next, .. }
            | Self::TriggerSplit { next, .. }
            | Self::OutputSplit { next, .. } => {
                let places = ["/links/next_if_true", "/links/next_if_false"].map(str::to_owned);
                places.into_iter().zip(*next).collect()
            }
            Self::MultiBranchSplit { branches, .. } => {
                let place = |(number, branch): (usize, &Branch)| {
                    (format!("/data/branches/{number}/links/next"), branch.next)
                };
                branches.iter().enumerate().map(place).collect()
            }
        }
    }

    /// Hands every link to `change`.
    pub fn each_link(&mut self, mut change: impl FnMut(&mut Next)) {
        match self {
            Self::TimeDelay { next, .. }
            | Self::TargetDate { next, .. }
            | Self::UpdateProfile { next, .. }
            | Self::ListUpdate { next, .. }
            | Self::Suppress { next, .. }
            | Self::SendWebhook { next, .. }
            | Self::Code { next } => change(next),
            Self::ConditionalSplit { next, .. }
            | Self::TriggerSplit { next, .. }
            | Self::OutputSplit { next, .. } => next.iter_mut().for_each(change),
            Self::MultiBranchSplit { branches, .. } => {
                branches.iter_mut().for_each(|branch| change(&mut branch.next));
            }
        }
    }
}
