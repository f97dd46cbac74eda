//! Looking for what is left of a person, and what the next step is. Reads, and writes nothing: what
//! waits for followers is read through as a whole, and nobody may wait for that.

use std::collections::BTreeSet;

use super::{Erased, Erasure, Remaining, Status, Trail, rows};
use crate::consent;
use crate::delivery::Carriers;
use crate::event::{self, Indexed};
use crate::flow::run::{self, Run};
use crate::id::{GroupId, JobId, ProfileId};
use crate::job;
use crate::limits;
use crate::membership;
use crate::profile::{self, Traces};
use crate::segment;
use crate::store::{Read, StoreError};

/// What is to be done next for an erasure.
pub(super) enum Step {
    /// The profile goes.
    Begin,
    /// What jobs kept goes.
    Search,
    /// What was found goes.
    Erase(Box<Found>),
    /// Nothing is left.
    Finish,
}

/// Some of what is left of the people of a trail.
pub(super) struct Found {
    pub(super) events: Vec<Indexed>,
    pub(super) carriers: Carriers,
    pub(super) traces: Traces,
    /// Where they are members, or have a timer.
    pub(super) groups: Vec<(GroupId, ProfileId)>,
    /// What a trigger let them through to, and nobody looked at yet.
    pub(super) entries: Vec<Run>,
    /// Those of them who were in flows.
    pub(super) travellers: Vec<ProfileId>,
    /// Computations of segments that got as far as one of them.
    pub(super) computations: Vec<GroupId>,
}

impl Found {
    fn is_nothing(&self) -> bool {
        let Self { events, carriers, traces, groups, computations, entries, travellers } = self;
        let in_flows = !entries.is_empty() || !travellers.is_empty();
        let has_rest = !groups.is_empty() || !computations.is_empty() || in_flows;
        events.is_empty() && carriers.is_empty() && traces.is_empty() && !has_rest
    }
}

/// The oldest erasure that is not complete, and its next step; `None` where it has to wait.
pub(super) fn next(from: &impl Read) -> Result<Option<(JobId, Step)>, StoreError> {
    let Some(erasure) = rows::next(from)? else { return Ok(None) };
    let step = step_of(from, &erasure)?;
    Ok(step.map(|step| (erasure.id, step)))
}

fn step_of(from: &impl Read, erasure: &Erasure) -> Result<Option<Step>, StoreError> {
    match erasure.status {
        Status::Queued => {
            let may_begin = job::next(from)?.is_none_or(|older| older > erasure.id);
            Ok(may_begin.then_some(Step::Begin))
        }
        Status::Processing if !erasure.is_searched => Ok(Some(Step::Search)),
        Status::Processing => {
            let found = look(from, &erasure.trail)?;
            if !found.is_nothing() {
                return Ok(Some(Step::Erase(Box::new(found))));
            }
            let is_indexed = match erasure.trail.events_to {
                Some(to) => to <= event::indexed_to(from)?,
                None => true,
            };
            Ok(is_indexed.then_some(Step::Finish))
        }
        Status::Complete => Ok(None),
    }
}

fn look(from: &impl Read, trail: &Trail) -> Result<Found, StoreError> {
    let people: BTreeSet<_> = trail.people.iter().copied().collect();
    let most = limits::ERASED_AT_ONCE_MAX;
    let events = event::of_people(from, trail.people.iter().copied(), most)?;
    let carriers = Carriers::find(from, events.iter().map(Indexed::id), people.clone())?;
    let traces = profile::traces(from, &people, most)?;
    let computations = segment::backfills(from)?;
    let is_theirs = |cursor: Option<ProfileId>| cursor.is_some_and(|id| people.contains(&id));
    let computations = computations.into_iter().filter(|(_, at)| is_theirs(at.cursor));
    let computations = computations.map(|(id, _)| id).collect();
    // Each person is asked of each group, so this is for when the rest is done.
    let is_done = events.is_empty() && carriers.is_empty();
    let groups = if is_done { groups(from, &trail.people)? } else { Vec::new() };
    let entries = run::entries_of(from, &people, most)?;
    let mut travellers = Vec::new();
    for id in &people {
        if !run::of_profile(from, *id, 1)?.is_empty() || run::has_entered(from, *id)? {
            travellers.push(*id);
        }
    }
    Ok(Found { events, carriers, traces, groups, computations, entries, travellers })
}

fn groups(from: &impl Read, people: &[ProfileId]) -> Result<Vec<(GroupId, ProfileId)>, StoreError> {
    let mut found = Vec::new();
    for group in membership::groups(from)? {
        for id in people {
            let is_member = membership::joined(from, group, *id)?.is_some();
            if is_member || segment::watch(from, group, *id)?.is_some() {
                found.push((group, *id));
            }
            if found.len() == limits::ERASED_AT_ONCE_MAX {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// What is still stored of the people of a trail. It takes a while: not for a thread that others
/// need.
///
/// # Errors
/// Where the store can not be read.
pub fn remaining(from: &impl Read, trail: &Trail) -> Result<Remaining, StoreError> {
    let Found { events, carriers, traces, computations, entries, travellers, .. } =
        look(from, trail)?;
    let people: BTreeSet<_> = trail.people.iter().copied().collect();
    let mut profiles = 0;
    for id in &people {
        let has_consents = !consent::get(from, *id)?.is_empty();
        profiles += u64::from(profile::exists(from, *id)? || has_consents);
    }
    let counts = Erased {
        profiles,
        memberships: groups(from, &trail.people)?.len() as u64,
        events: (events.len() + event::count_of_people(from, &people)?) as u64,
        deliveries: carriers.len() as u64,
    };
    let in_flows = entries.len() + travellers.len();
    Ok(Remaining { counts, traces: (traces.len() + computations.len() + in_flows) as u64 })
}
