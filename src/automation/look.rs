//! Looking at what is due: runs with their flows, people and events, read from one snapshot.

use std::collections::HashSet;

use super::plan::Plan;
use super::walk::{World, walk};
use crate::clock::Timestamp;
use crate::event;
use crate::flow::run::{self, Run};
use crate::flow::{Flows, RunState};
use crate::id::{EventId, RunId};
use crate::limits;
use crate::profile;
use crate::store::{Read, StoreError};

/// What is due, and what is to become of it.
#[derive(Default)]
pub(super) struct Looked {
    /// What is to become of runs.
    pub(super) plans: Vec<Plan>,
    /// Runs whose flow is gone.
    pub(super) orphans: Vec<Run>,
    /// Whether runs wait for what people did to be indexed.
    pub(super) is_behind: bool,
    /// Entries of the due index that lead to no run.
    pub(super) lost: Vec<(Timestamp, RunId)>,
}

impl Looked {
    pub(super) fn is_nothing(&self) -> bool {
        self.plans.is_empty() && self.orphans.is_empty() && self.lost.is_empty()
    }
}

/// How far the index of events is, which histories are read from.
struct Indexed {
    to: EventId,
    last: EventId,
}

impl Indexed {
    /// Whether all events that were recorded by then are in it.
    fn covers(&self, moment: Timestamp) -> bool {
        self.to >= self.last || self.to.received().seconds() > moment.seconds()
    }
}

/// Looks at the first runs that are due.
pub(super) fn look(from: &impl Read, flows: &Flows, world: &World) -> Result<Looked, StoreError> {
    let mut looked = Looked::default();
    let mut found = Vec::new();
    for (entry, run) in run::due(from, world.now, limits::RUNS_AT_ONCE_MAX)? {
        match run {
            Some(run) => found.push(run),
            None => looked.lost.push(entry),
        }
    }
    found.extend(run::entries(from, world.now, limits::RUNS_AT_ONCE_MAX)?);
    let indexed = Indexed { to: event::indexed_to(from)?, last: event::last(from)? };
    let mut entering = HashSet::new();
    for mut run in found {
        let Some(flow) = flows.get(run.flow) else {
            looked.orphans.push(run);
            continue;
        };
        if flows.reads_history(flow.id) && !indexed.covers(run.due.unwrap_or(world.now)) {
            looked.is_behind = true;
            continue;
        }
        run.profile = profile::current(from, run.profile)?;
        if run.state == RunState::Begun {
            // Of two entries of one person, the second is decided when the first is written.
            if !entering.insert((run.flow, run.profile)) {
                continue;
            }
            run.entered_before = run::last_entered(from, run.flow, run.profile)?;
        }
        let event = match run.event {
            Some(id) => event::get(from, id)?,
            None => None,
        };
        looked.plans.push(walk(from, world, &flow, run, event.as_ref())?);
    }
    Ok(looked)
}
