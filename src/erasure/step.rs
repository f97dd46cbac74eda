//! The steps of an erasure, each in a command.

use super::look::{Found, Step};
use super::search::Needles;
use super::{Erasure, Named, Status, Trail, digest, rows};
use crate::consent;
use crate::delivery::Deliveries;
use crate::event::{self, Indexed};
use crate::flow::run;
use crate::id::{EventId, GroupId, JobId, ProfileId};
use crate::job;
use crate::limits;
use crate::membership;
use crate::profile;
use crate::segment::{self, Backfill};
use crate::store::{StoreError, Tx};

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The events that it removed.
    pub(super) events: Vec<EventId>,
    /// Whether it was the last one.
    pub(super) is_complete: bool,
}

/// Takes a step of an erasure, which was looked at a moment ago. Only erasing takes people away from
/// here, so that what was found is there still.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    deliveries: &Deliveries,
    id: JobId,
    step: Step,
) -> Result<Done, StoreError> {
    let Some(mut erasure) = rows::get(tx, id)? else { return Ok(Done::default()) };
    let mut done = Done::default();
    match step {
        Step::Begin => begin(tx, &mut erasure)?,
        Step::Search => search(tx, &mut erasure)?,
        Step::Erase(found) => done.events = erase(tx, deliveries, &mut erasure, *found)?,
        Step::Finish => {
            erasure.status = Status::Complete;
            erasure.finished = Some(tx.now());
            done.is_complete = true;
        }
    }
    rows::put(tx, &erasure)?;
    Ok(done)
}

/// Erases what is the person's alone.
fn begin(tx: &mut Tx<'_, '_>, erasure: &mut Erasure) -> Result<(), StoreError> {
    erasure.status = Status::Processing;
    erasure.begun = Some(tx.now());
    let found = match erasure.named.take() {
        Some(Named::Id(id)) => Some(profile::current(tx, id)?),
        Some(Named::By(kind, text)) => {
            erasure.digests.push((kind, digest(erasure.id, kind, &text)));
            let found = profile::find(tx, kind, &text)?;
            erasure.identifiers.push(text);
            found
        }
        None => None,
    };
    let Some(id) = found else { return Ok(()) };
    let is_known = profile::exists(tx, id)?;
    let gone = profile::erase(tx, id)?;
    for alias in gone.identifiers {
        let of_it = (alias.kind, digest(erasure.id, alias.kind, &alias.text));
        if !erasure.digests.contains(&of_it) {
            erasure.digests.push(of_it);
        }
        erasure.identifiers.push(alias.text);
    }
    let mut people = gone.former;
    people.push(id);
    erasure.erased.profiles = if is_known { people.len() as u64 } else { 0 };
    for group in membership::groups(tx)? {
        leave(tx, erasure, group, id)?;
    }
    consent::erase(tx, id)?;
    // Nothing leads an event to them any more.
    erasure.trail = Trail { people, events_to: Some(event::last(tx)?) };
    Ok(())
}

fn leave(
    tx: &mut Tx<'_, '_>,
    erasure: &mut Erasure,
    group: GroupId,
    id: ProfileId,
) -> Result<(), StoreError> {
    erasure.erased.memberships += u64::from(membership::leave(tx, group, id)?);
    segment::set_watch(tx, group, id, None)
}

/// Blanks what jobs kept of entries that failed and name the person.
fn search(tx: &mut Tx<'_, '_>, erasure: &mut Erasure) -> Result<(), StoreError> {
    let needles = Needles::of(erasure);
    let most = limits::JOB_ERRORS_LOOKED_AT_ONCE;
    let mentions = |error: &job::ItemError| needles.are_in(error);
    erasure.searched_to = job::forget_some(tx, erasure.searched_to, most, mentions)?;
    if erasure.searched_to.is_none() {
        erasure.identifiers.clear();
        erasure.is_searched = true;
    }
    Ok(())
}

/// Erases what was found; returns the events that are gone.
fn erase(
    tx: &mut Tx<'_, '_>,
    deliveries: &Deliveries,
    erasure: &mut Erasure,
    found: Found,
) -> Result<Vec<EventId>, StoreError> {
    let Found { events, mut carriers, traces, groups, computations, entries, travellers } = found;
    erasure.erased.deliveries += deliveries.erase(tx, &mut carriers)?;
    profile::erase_traces(tx, &traces);
    for (group, id) in groups {
        leave(tx, erasure, group, id)?;
    }
    for entry in &entries {
        run::remove(tx, entry);
    }
    for id in travellers {
        run::end_of_profile(tx, id, limits::ERASED_AT_ONCE_MAX)?;
    }
    for id in computations {
        step_back(tx, erasure, id)?;
    }
    // They are what leads to the rest of their carriers.
    if !carriers.is_all() {
        return Ok(Vec::new());
    }
    event::erase(tx, &events);
    erasure.erased.events += events.len() as u64;
    Ok(events.iter().map(Indexed::id).collect())
}

/// Lets a computation stand just before the person, who is not there any more: for everybody else
/// that is the same.
fn step_back(tx: &mut Tx<'_, '_>, erasure: &Erasure, id: GroupId) -> Result<(), StoreError> {
    let Some(at) = segment::backfill(tx, id)? else { return Ok(()) };
    let Some(cursor) = at.cursor.filter(|cursor| erasure.trail.people.contains(cursor)) else {
        return Ok(());
    };
    let before = cursor.as_u128().checked_sub(1).map(ProfileId::from_u128);
    segment::put_backfill(tx, id, Backfill { cursor: before, ..at })
}
