//! Looking at what is due: runs with their flows, people and events, read from one snapshot.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::error;

use super::plan::{Plan, Then};
use super::walk::{World, walk};
use crate::clock::Timestamp;
use crate::event;
use crate::flow::run::{self, Run};
use crate::flow::{Flows, Live, RunState};
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
        looked.plans.push(decide(from, world, &flow, run)?);
    }
    Ok(looked)
}

/// What is to become of a run. One whose person or event can not be read ends, so that the others
/// go on.
fn decide(from: &impl Read, world: &World, flow: &Live, run: Run) -> Result<Plan, StoreError> {
    let event = run.event.map_or(Ok(None), |id| event::get(from, id));
    let walked = event.and_then(|event| walk(from, world, flow, run.clone(), event.as_ref()));
    match walked {
        Err(error @ StoreError::Corrupt { .. }) => {
            error!(flow_run.id = %run.id, %error, "a run can not go on");
            let then = match run.state {
                RunState::Begun => Then::NotLetIn,
                _ => Then::Ends("what it is about can not be read".to_owned()),
            };
            Ok(Plan { run, flow: Arc::clone(flow), enters: false, deeds: Vec::new(), then })
        }
        walked => walked,
    }
}
