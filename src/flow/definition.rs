//! The graph of a flow: a trigger, filters, and actions that lead from one to the next.

use serde_json::Value;

use super::date_trigger::DateTrigger;
use super::reentry::Reentry;
use super::step::Action;
use crate::condition::Filter;
use crate::id::{ActionId, GroupId, MetricId};

/// What a flow does: a graph that was checked as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What lets people in.
    pub trigger: Trigger,
    /// Who may be in it: asked when they enter, and before each action that sends or changes.
    pub profile_filter: Option<Conditions>,
    /// How often somebody may enter.
    pub reentry: Option<Reentry>,
    /// Where they begin; `None` where there is nothing to do.
    pub entry: Option<ActionId>,
    /// The actions, in the order in which they were given.
    pub actions: Vec<Action>,
    /// Whether templates fail over what is undefined, instead of leaving it empty.
    pub is_strict: bool,
}

/// A filter with the JSON that it came as, which is what the API shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// The JSON.
    pub json: Value,
    /// What it says.
    pub filter: Filter,
}

/// What lets people into a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Somebody did something.
    Metric {
        /// The kind of event.
        metric: MetricId,
        /// Which of them.
        filter: Option<Conditions>,
    },
    /// Somebody was put on a list.
    List(GroupId),
    /// Somebody entered a segment.
    Segment(GroupId),
    /// A date of somebody's profile comes near, is there, or has passed.
    Date(DateTrigger),
}

impl Trigger {
    /// The trigger's name in the API; a segment's is that of a list (contract: wire.md §2.5).
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Metric { .. } => "Metric",
            Self::List(_) | Self::Segment(_) => "Added to List",
            Self::Date(_) => "Date Based",
        }
    }

    /// The trigger's type in a definition.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Metric { .. } => "metric",
            Self::List(_) => "list",
            Self::Segment(_) => "segment",
            Self::Date(_) => "date",
        }
    }

    /// The list or segment that people join.
    #[must_use]
    pub const fn group(&self) -> Option<GroupId> {
        match self {
            Self::List(id) | Self::Segment(id) => Some(*id),
            Self::Metric { .. } | Self::Date(_) => None,
        }
    }

    /// The metric whose events let people in.
    #[must_use]
    pub const fn metric(&self) -> Option<MetricId> {
        match self {
            Self::Metric { metric, .. } => Some(*metric),
            _ => None,
        }
    }
}

impl Definition {
    /// The action with this id.
    #[must_use]
    pub fn action(&self, id: ActionId) -> Option<&Action> {
        self.actions.iter().find(|action| action.id == id)
    }

    /// Whether the way through it depends on what people did before.
    #[must_use]
    pub fn reads_history(&self) -> bool {
        let asks = |conditions: &Conditions| !conditions.filter.touches().metrics.is_empty();
        self.profile_filter.as_ref().is_some_and(asks)
            || self.actions.iter().any(|action| action.step.conditions().any(asks))
    }

    /// How often somebody may enter: what it says, or what is usual for its trigger.
    #[must_use]
    pub fn reentry(&self) -> Reentry {
        self.reentry.unwrap_or_else(|| Reentry::default_for(self.trigger.kind()))
    }
}
