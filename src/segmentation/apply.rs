//! Applying a round: memberships with their events, timers, cursors, in one command.

use std::collections::HashMap;

use serde_json::json;

use super::look::{Looked, Verdict};
use super::{ENTERED, LEFT, rows};
use crate::clock::Timestamp;
use crate::event::NewEvent;
use crate::flow;
use crate::id::GroupId;
use crate::ingest::{Ingest, IngestError};
use crate::membership;
use crate::metric::MetricName;
use crate::profile::{self, Aspect, Change, ProfilePatch};
use crate::segment::{self, Backfill, Segments};
use crate::store::{StoreError, Tx};

/// Writes verdicts. What was evaluated for a definition that is another one now, or for a person
/// who is gone, is left out: it is evaluated again, or of no account.
pub(super) fn verdicts(
    tx: &mut Tx<'_, '_>,
    segments: &Segments,
    ingest: &Ingest,
    verdicts: &[Verdict],
) -> Result<(), StoreError> {
    tx.needs_room()?;
    let mut seen = HashMap::new();
    let mut events = Vec::new();
    for verdict in verdicts {
        let (id, revision) = (verdict.segment.segment.id, verdict.segment.segment.revision);
        let Some(present) = present(tx, &mut seen, id)? else { continue };
        if present.revision != revision || !profile::exists(tx, verdict.profile)? {
            continue;
        }
        // Before the computation has reached somebody, nobody knows whether they enter only now.
        let is_computed = present.backfill.is_none_or(|at| at.has_passed(verdict.profile));
        let quiet = verdict.quiet || !is_computed;
        if verdict.timer.is_some() {
            segment::set_watch(tx, id, verdict.profile, verdict.timer)?;
        }
        let Some(is_member) = verdict.member else { continue };
        let now = tx.now();
        let is_changed = match is_member {
            true => membership::join(tx, id, verdict.profile, now)?,
            false => membership::leave(tx, id, verdict.profile)?,
        };
        if !is_changed {
            continue;
        }
        if segments.is_named(id) {
            let (profile, aspect) = (verdict.profile, Aspect::Group(id));
            profile::note(tx, Change { profile, aspect, quiet })?;
        }
        if !quiet && is_member {
            ingest.joined(tx, id, verdict.profile)?;
        }
        if !quiet {
            events.push(event(verdict, is_member, now));
        }
    }
    record(tx, ingest, events)
}

/// Moves the cursors, and removes what was followed.
pub(super) fn progress(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    looked: &Looked,
) -> Result<(), StoreError> {
    if let Some(followed_to) = looked.followed_to {
        rows::put(tx, followed_to)?;
    }
    let minds_dates = ingest.minds_dates();
    for (id, profile) in &looked.changes {
        profile::forget_change(tx, *id);
        if minds_dates {
            flow::touch(tx, *profile)?;
        }
    }
    for fired in &looked.fired {
        // Set again by its verdict, or by nobody: the segment is gone or does not follow.
        if segment::watch(tx, fired.segment, fired.profile)? == Some(fired.next) {
            segment::set_watch(tx, fired.segment, fired.profile, None)?;
        }
    }
    for stride in &looked.backfills {
        let id = stride.segment;
        // Another definition begins from the start.
        let is_present = segment::get(tx, id)?.is_some_and(|now| now.revision == stride.revision)
            && segment::backfill(tx, id)? == Some(stride.from);
        match stride.to {
            Some(to) if is_present => segment::put_backfill(tx, id, to)?,
            None if is_present => segment::remove_backfill(tx, id),
            _ => {}
        }
    }
    Ok(())
}

/// A segment as it is in this transaction.
#[derive(Clone, Copy)]
struct Present {
    revision: u32,
    backfill: Option<Backfill>,
}

/// The segment, if it is there and follows what happens.
fn present(
    tx: &Tx<'_, '_>,
    seen: &mut HashMap<GroupId, Option<Present>>,
    id: GroupId,
) -> Result<Option<Present>, StoreError> {
    if let Some(present) = seen.get(&id) {
        return Ok(*present);
    }
    let found = segment::get(tx, id)?.filter(|segment| segment.is_active);
    let backfill = segment::backfill(tx, id)?;
    let present = found.map(|segment| Present { revision: segment.revision, backfill });
    seen.insert(id, present);
    Ok(present)
}

fn event(verdict: &Verdict, has_entered: bool, now: Timestamp) -> NewEvent {
    let segment = &verdict.segment.segment;
    let properties = json!({ "segment_id": segment.id.as_str(), "segment_name": segment.name });
    NewEvent {
        metric: MetricName::own(if has_entered { ENTERED } else { LEFT }),
        profile: ProfilePatch::of(verdict.profile),
        time: Timestamp::from_seconds(now.seconds()),
        // Who enters, leaves and enters within a second did so twice.
        unique_id: format!("{}-{}", segment.id, now.micros()),
        value: None,
        value_currency: None,
        properties: properties.to_string(),
        backfill: false,
        pointer: String::new(),
    }
}

fn record(tx: &mut Tx<'_, '_>, ingest: &Ingest, events: Vec<NewEvent>) -> Result<(), StoreError> {
    match ingest.record_in(tx, events) {
        Ok(_) => Ok(()),
        Err(IngestError::Store(error)) => Err(error),
        // The metrics are there since the start and the people since this command; nothing else
        // can be refused.
        Err(IngestError::Fault(fault)) => Err(StoreError::Failed(fault.to_string().into())),
    }
}
