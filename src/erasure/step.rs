//! The steps of an erasure, each in a command, and the look for what is left.

use super::{Erased, Erasure, Named, Status, Trail, digest, rows};
use crate::consent;
use crate::delivery::{self, Deliveries, OfEvents};
use crate::event;
use crate::id::{GroupId, JobId};
use crate::job;
use crate::limits;
use crate::list;
use crate::membership;
use crate::profile;
use crate::segment;
use crate::store::{Read, StoreError, Tx};

/// Takes the next step of an erasure, which was read a moment ago.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    deliveries: &Deliveries,
    id: JobId,
) -> Result<(), StoreError> {
    let Some(mut erasure) = rows::get(tx, id)? else { return Ok(()) };
    match (erasure.status, erasure.identifiers.is_empty()) {
        (Status::Complete, _) => return Ok(()),
        (Status::Queued, _) => begin(tx, &mut erasure)?,
        (Status::Processing, false) => blank_errors(tx, &mut erasure)?,
        (Status::Processing, true) => {
            if erase_some(tx, deliveries, &mut erasure)? {
                erasure.status = Status::Complete;
                erasure.finished = Some(tx.now());
            }
        }
    }
    rows::put(tx, &erasure)
}

/// Whether the next step can be taken: the last ones need the indexes.
pub(super) fn is_ready(from: &impl Read, erasure: &Erasure) -> Result<bool, StoreError> {
    match erasure.status {
        Status::Queued => Ok(job::next(from)?.is_none_or(|older| older > erasure.id)),
        Status::Processing if erasure.identifiers.is_empty() => {
            let Trail { events_to, deliveries_to, .. } = &erasure.trail;
            let (events, sent) = (event::indexed_to(from)?, delivery::indexed_to(from)?);
            Ok(events_to.is_none_or(|to| to <= events) && deliveries_to.is_none_or(|to| to <= sent))
        }
        Status::Processing | Status::Complete => Ok(true),
    }
}

/// Erases what is the person's alone.
fn begin(tx: &mut Tx<'_, '_>, erasure: &mut Erasure) -> Result<(), StoreError> {
    let found = match erasure.named.take() {
        Some(Named::Id(id)) => Some(profile::current(tx, id)?),
        Some(Named::By(kind, text)) => {
            erasure.digests.push((kind, digest(erasure.id, kind, &text)));
            erasure.identifiers.push(text.clone());
            profile::find(tx, kind, &text)?
        }
        None => None,
    };
    erasure.status = Status::Processing;
    erasure.begun = Some(tx.now());
    let Some(id) = found else { return Ok(()) };
    if !profile::exists(tx, id)? {
        return Ok(());
    }
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
    erasure.erased.profiles = people.len() as u64;
    for group in groups(tx)? {
        erasure.erased.memberships += u64::from(membership::leave(tx, group, id)?);
        segment::set_watch(tx, group, id, None)?;
    }
    consent::erase(tx, id)?;
    erasure.trail =
        Trail { people, events_to: Some(event::last(tx)?), deliveries_to: delivery::newest(tx)? };
    Ok(())
}

/// Every list and segment.
fn groups(from: &impl Read) -> Result<Vec<GroupId>, StoreError> {
    let mut groups = segment::ids(from)?;
    groups.extend(list::all(from)?.iter().map(|list| list.id));
    Ok(groups)
}

/// Blanks what jobs kept of entries that failed and name the person.
fn blank_errors(tx: &mut Tx<'_, '_>, erasure: &mut Erasure) -> Result<(), StoreError> {
    let mentions = |original: &str| {
        let original = original.to_lowercase();
        erasure.identifiers.iter().any(|text| original.contains(&text.to_lowercase()))
    };
    let most = limits::JOB_ERRORS_LOOKED_AT_ONCE;
    erasure.looked_to = job::forget_some(tx, erasure.looked_to, most, mentions)?;
    if erasure.looked_to.is_none() {
        erasure.identifiers.clear();
    }
    Ok(())
}

/// Erases some of what the trail leads to; returns whether that was the last of it.
fn erase_some(
    tx: &mut Tx<'_, '_>,
    deliveries: &Deliveries,
    erasure: &mut Erasure,
) -> Result<bool, StoreError> {
    let finder = OfEvents::new(tx)?;
    for id in &erasure.trail.people {
        let gone = event::erase(tx, *id, limits::ERASED_AT_ONCE_MAX)?;
        for event in &gone {
            erasure.erased.deliveries += deliveries.erase(tx, &finder, *event)?;
        }
        erasure.erased.events += gone.len() as u64;
        if !gone.is_empty() {
            return Ok(false);
        }
        // What several replays added to the deliveries of one event.
        let left = deliveries.erase_of_profile(tx, *id, limits::ERASED_AT_ONCE_MAX)?;
        erasure.erased.deliveries += left;
        if left > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many things are still stored that belong to the people of the trail, as far as a look into
/// every index tells: at most one for each index and person.
///
/// # Errors
/// Where the store can not be read.
pub fn remaining(from: &impl Read, trail: &Trail) -> Result<Erased, StoreError> {
    let mut left = Erased::default();
    let groups = groups(from)?;
    for id in &trail.people {
        let has_consents = !consent::get(from, *id)?.is_empty();
        left.profiles += u64::from(profile::exists(from, *id)?) + u64::from(has_consents);
        left.events += u64::from(event::has_any(from, *id)?);
        left.deliveries += u64::from(delivery::has_any_of_profile(from, *id)?);
        for group in &groups {
            let is_member = membership::joined(from, *group, *id)?.is_some();
            let is_watched = segment::watch(from, *group, *id)?.is_some();
            left.memberships += u64::from(is_member || is_watched);
        }
    }
    Ok(left)
}
