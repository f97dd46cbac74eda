//! The tables of deliveries: the outbox with its indexes, the log.
//!
//! | table | key → row | holds |
//! |---|---|---|
//! | `outbox` | delivery → row | what is scheduled |
//! | `outbox_due` | moment, delivery → webhook | exactly the rows in phase `Due` |
//! | `outbox_behind` | webhook, profile, delivery | exactly the rows in phase `Behind` |
//! | `outbox_gathering` | webhook → delivery | the row in phase `Gathering` of a webhook that has one |
//! | `deliveries` | delivery → row | what is finished |
//! | `delivery_requests` | delivery → request | what runs rendered before, see `requests.rs` |
//! | `delivery_results` | delivery → result | what became of it, for its run, see `results.rs` |
//! | `delivery_index` | owner, delivery | what listings read: see `index.rs` |
//!
//! This folder alone writes them (invariant 3). A fresh delivery has no entry in an index: it goes
//! to the lanes from memory.

mod erase;
mod format;
mod index;
mod old;
mod requests;
mod results;

use std::ops::Bound;
use std::ops::ControlFlow;

use self::format::{BehindRow, DeliveryRow, DueRow, GatheringRow, attempt_row, delivery, numbers};
use self::index::{Rare, follow};
use super::policy::Next;
use super::{Attempt, Delivery, Phase, Source, State};
use crate::clock::Timestamp;
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId};
use crate::limits::{ATTEMPTS_KEPT_MAX, SCAN_ROWS_MAX};
use crate::store::{Order, Read, StoreError, Table, Tx};

pub use self::erase::Carriers;
pub(super) use self::erase::{Erased, erase};
#[cfg(test)]
pub(super) use self::index::forget_index;
pub(super) use self::index::{
    Owner, Source as IdSource, add as add_to_index, indexed_to, is_indexed, newest, newest_of_all,
    unindexed,
};
pub use self::requests::request;
pub(super) use self::requests::{awaits_request, insert_parked, insert_request, put_request};
pub(super) use self::results::Capture;
pub use self::results::{DeliveryResult, forget_result, result, results};

const OUTBOX: Table<DeliveryId, DeliveryRow> = Table::new("outbox");
const OUTBOX_DUE: Table<(Timestamp, DeliveryId), DueRow> = Table::new("outbox_due");
const OUTBOX_BEHIND: Table<(WebhookId, (ProfileId, DeliveryId)), BehindRow> =
    Table::new("outbox_behind");
const OUTBOX_GATHERING: Table<WebhookId, GatheringRow> = Table::new("outbox_gathering");
const DELIVERIES: Table<DeliveryId, DeliveryRow> = Table::new("deliveries");

/// A delivery that is to be put into the outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct New {
    pub(super) webhook: WebhookId,
    pub(super) source: Source,
    pub(super) event: EventId,
    /// `None` for a batch.
    pub(super) profile: Option<ProfileId>,
}

impl New {
    fn row(self, phase: Phase) -> DeliveryRow {
        DeliveryRow {
            events: vec![self.event],
            profile: self.profile.unwrap_or(ProfileId::from_u128(0)),
            phase: numbers::phase(phase),
            ..DeliveryRow::scheduled(self.webhook, self.source)
        }
    }
}

/// Puts a fresh delivery into the outbox.
pub(super) fn insert(tx: &mut Tx<'_, '_>, id: DeliveryId, new: New) -> Result<(), StoreError> {
    tx.put(&OUTBOX, &id, &new.row(Phase::Fresh))
}

// ---- Batches ----

/// The gathering delivery of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gathering {
    pub(super) id: DeliveryId,
    pub(super) events: usize,
    pub(super) bytes: usize,
    /// When it is sent even if there is room.
    pub(super) closes: Timestamp,
}

/// The gathering delivery of this webhook, if it has one.
pub(super) fn gathering(
    from: &impl Read,
    webhook: WebhookId,
) -> Result<Option<Gathering>, StoreError> {
    Ok(from.get(&OUTBOX_GATHERING, &webhook)?.map(GatheringRow::into_gathering))
}

/// All gathering deliveries.
pub(super) fn all_gathering(
    from: &impl Read,
    most: usize,
) -> Result<Vec<(WebhookId, Gathering)>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&OUTBOX_GATHERING, all, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(webhook, row)| (webhook, row.into_gathering())).collect())
}

/// Begins a batch with its first event.
pub(super) fn begin_batch(
    tx: &mut Tx<'_, '_>,
    new: New,
    gathering: Gathering,
) -> Result<(), StoreError> {
    let mut row = New { profile: None, ..new }.row(Phase::Gathering);
    row.due_micros = gathering.closes.micros();
    tx.put(&OUTBOX, &gathering.id, &row)?;
    tx.put(&OUTBOX_GATHERING, &new.webhook, &GatheringRow::from(gathering))
}

/// Adds an event to a batch; `false` where the batch is not there any more.
pub(super) fn add_to_batch(
    tx: &mut Tx<'_, '_>,
    webhook: WebhookId,
    event: EventId,
    gathering: Gathering,
) -> Result<bool, StoreError> {
    let Some(mut row) = tx.get(&OUTBOX, &gathering.id)? else { return Ok(false) };
    row.events.push(event);
    tx.put(&OUTBOX, &gathering.id, &row)?;
    tx.put(&OUTBOX_GATHERING, &webhook, &GatheringRow::from(gathering))?;
    Ok(true)
}

/// The batch is complete: from now on it is a fresh delivery. It gets a new id, so that the ids of
/// fresh deliveries are in the order in which they may leave; nobody was told the old one by an
/// attempt. `None` where it is not there any more.
pub(super) fn close_batch(
    tx: &mut Tx<'_, '_>,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<DeliveryId>, StoreError> {
    tx.remove(&OUTBOX_GATHERING, &webhook);
    let Some(mut row) = tx.get(&OUTBOX, &id)? else { return Ok(None) };
    let complete = DeliveryId::from_u128(tx.ulid()?);
    row.phase = numbers::phase(Phase::Fresh);
    row.due_micros = 0;
    tx.remove(&OUTBOX, &id);
    tx.put(&OUTBOX, &complete, &row)?;
    Ok(Some(complete))
}

// ---- What becomes of a delivery ----

/// Takes a row's entry out of the index of its phase.
fn leave_index(tx: &mut Tx<'_, '_>, id: DeliveryId, row: &DeliveryRow) -> Result<(), StoreError> {
    match numbers::phase_of(row.phase) {
        Phase::Fresh => {}
        Phase::Due => tx.remove(&OUTBOX_DUE, &(Timestamp::from_micros(row.due_micros), id)),
        Phase::Behind => tx.remove(&OUTBOX_BEHIND, &(row.webhook, (row.profile, id))),
        Phase::Gathering => {
            if gathering(tx, row.webhook)?.is_some_and(|open| open.id == id) {
                tx.remove(&OUTBOX_GATHERING, &row.webhook);
            }
        }
    }
    Ok(())
}

fn become_due(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    row: &mut DeliveryRow,
    due: Timestamp,
) -> Result<(), StoreError> {
    row.phase = numbers::phase(Phase::Due);
    row.due_micros = due.micros();
    let entry = DueRow { webhook: row.webhook, profile: row.profile };
    tx.put(&OUTBOX_DUE, &(due, id), &entry)?;
    tx.put(&OUTBOX, &id, row)
}

fn finish(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    mut row: DeliveryRow,
    (was, state): (Rare, State),
    captured: Option<&Capture>,
) -> Result<(), StoreError> {
    row.state = numbers::state(state);
    row.phase = numbers::phase(Phase::Fresh);
    row.due_micros = 0;
    row.finished_micros = tx.now().micros();
    follow(tx, id, was, Rare::of(&row))?;
    results::leave(tx, id, &row, captured)?;
    tx.remove(&OUTBOX, &id);
    tx.put(&DELIVERIES, &id, &row)
}

/// Where a delivery stands in its schedule, with the attempt that was just made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Attempts of the schedule, at least one.
    pub(super) number: usize,
    /// When the schedule began.
    pub(super) began: Timestamp,
    /// When the first attempt of the schedule was made.
    pub(super) first_attempt: Timestamp,
}

fn course(id: DeliveryId, row: &DeliveryRow) -> Course {
    let made_before = usize::try_from(row.attempts_before).unwrap_or(usize::MAX);
    let began = match row.began_micros {
        0 => id.created(),
        micros => Timestamp::from_micros(micros),
    };
    Course {
        number: row.attempts.len().saturating_sub(made_before),
        began,
        first_attempt: row.attempts.get(made_before).map_or(began, |first| first.at()),
    }
}

/// Writes an attempt and what follows it, as `decide` says from where the delivery stands in its
/// schedule. Returns what followed, and of what it is a delivery.
///
/// A delivery that is not in the outbox any more stays as it is.
pub(super) fn record(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    made: &Attempt,
    captured: Option<&Capture>,
    decide: impl FnOnce(Course) -> Next,
) -> Result<Option<(Next, Source, Option<EventId>)>, StoreError> {
    let Some(mut row) = tx.get(&OUTBOX, &id)? else { return Ok(None) };
    leave_index(tx, id, &row)?;
    let was = Rare::of(&row);
    row.attempts.push(attempt_row(made));
    let next = decide(course(id, &row));
    if row.attempts.len() > ATTEMPTS_KEPT_MAX {
        row.attempts.remove(0);
        row.attempts_before = row.attempts_before.saturating_sub(1);
    }
    let (source, event) = (numbers::source_of(row.source), row.event());
    match next {
        Next::Retry(due) => {
            follow(tx, id, was, Rare::of(&row))?;
            become_due(tx, id, &mut row, due)?;
        }
        Next::Finished(state) => finish(tx, id, row, (was, state), captured)?,
    }
    Ok(Some((next, source, event)))
}

/// Makes a delivery due now: a scheduled one earlier than planned, a finished one again, with its
/// schedule from the beginning. One that is about to be sent anyway stays as it is. `None` where
/// there is no such delivery.
pub(super) fn resend(tx: &mut Tx<'_, '_>, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let now = tx.now();
    if let Some(mut row) = tx.get(&OUTBOX, &id)? {
        match numbers::phase_of(row.phase) {
            Phase::Due => {
                leave_index(tx, id, &row)?;
                become_due(tx, id, &mut row, now)?;
            }
            Phase::Fresh | Phase::Gathering | Phase::Behind => {}
        }
        return Ok(Some(delivery(id, row)));
    }
    let Some(mut row) = tx.get(&DELIVERIES, &id)? else { return Ok(None) };
    tx.remove(&DELIVERIES, &id);
    let was = Rare::of(&row);
    row.state = numbers::state(State::Scheduled);
    follow(tx, id, was, Rare::of(&row))?;
    row.finished_micros = 0;
    row.began_micros = now.micros();
    row.attempts_before = u32::try_from(row.attempts.len()).unwrap_or(u32::MAX);
    become_due(tx, id, &mut row, now)?;
    Ok(Some(delivery(id, row)))
}

/// Finishes a scheduled delivery without an attempt. `None` where none is scheduled.
pub(super) fn cancel(tx: &mut Tx<'_, '_>, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let Some(row) = tx.get(&OUTBOX, &id)? else { return Ok(None) };
    leave_index(tx, id, &row)?;
    let was = Rare::of(&row);
    finish(tx, id, row, (was, State::Cancelled), None)?;
    Ok(tx.get(&DELIVERIES, &id)?.map(|row| delivery(id, row)))
}

// ---- Order ----

/// A fresh delivery waits behind its profile from now on; a row that left the outbox meanwhile
/// stays where it is.
pub(super) fn put_behind(tx: &mut Tx<'_, '_>, id: DeliveryId) -> Result<(), StoreError> {
    let Some(mut row) = tx.get(&OUTBOX, &id)? else { return Ok(()) };
    if numbers::phase_of(row.phase) != Phase::Fresh {
        return Ok(());
    }
    row.phase = numbers::phase(Phase::Behind);
    tx.put(&OUTBOX_BEHIND, &(row.webhook, (row.profile, id)), &BehindRow {})?;
    tx.put(&OUTBOX, &id, &row)
}

/// The delivery that has waited longest behind a profile.
pub(super) fn first_behind(
    from: &impl Read,
    webhook: WebhookId,
    profile: ProfileId,
) -> Result<Option<DeliveryId>, StoreError> {
    let first = (webhook, (profile, DeliveryId::from_u128(0)));
    let last = (webhook, (profile, DeliveryId::from_u128(u128::MAX)));
    let range = (Bound::Included(first), Bound::Included(last));
    let rows = from.page(&OUTBOX_BEHIND, range, Order::Ascending, 1)?;
    Ok(rows.first().map(|((_, (_, id)), _)| *id))
}

/// The profiles that keep deliveries of this webhook waiting, each with the one that waits
/// longest; `most` of them.
///
/// # Errors
/// Where the store can not be read.
pub fn blocked_profiles(
    from: &impl Read,
    webhook: WebhookId,
    most: usize,
) -> Result<Vec<(ProfileId, DeliveryId)>, StoreError> {
    let mut found: Vec<(ProfileId, DeliveryId)> = Vec::new();
    let last = (ProfileId::from_u128(u128::MAX), DeliveryId::from_u128(u128::MAX));
    let mut from_key =
        Bound::Included((webhook, (ProfileId::from_u128(0), DeliveryId::from_u128(0))));
    while found.len() < most {
        let range = (from_key, Bound::Included((webhook, last)));
        let rows = from.page(&OUTBOX_BEHIND, range, Order::Ascending, 1)?;
        let Some(((_, (profile, id)), _)) = rows.first() else { break };
        found.push((*profile, *id));
        let last_of_profile = (*profile, DeliveryId::from_u128(u128::MAX));
        from_key = Bound::Excluded((webhook, last_of_profile));
    }
    Ok(found)
}

// ---- Reading ----

/// The delivery with this id, scheduled or finished.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    Ok(row(from, id)?.map(|row| delivery(id, row)))
}

fn row(from: &impl Read, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
    match from.get(&OUTBOX, &id)? {
        Some(row) => Ok(Some(row)),
        None => from.get(&DELIVERIES, &id),
    }
}

/// Whether the outbox holds anything.
///
/// # Errors
/// Where the store can not be read.
pub fn has_backlog(from: &impl Read) -> Result<bool, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    Ok(!from.page(&OUTBOX, all, Order::Ascending, 1)?.is_empty())
}

/// Hands every delivery after `after`, and its events, to `visit`.
pub(super) fn visit_events_after(
    from: &impl Read,
    after: DeliveryId,
    mut visit: impl FnMut(DeliveryId, &[EventId]),
) -> Result<(), StoreError> {
    for table in [&OUTBOX, &DELIVERIES] {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        from.scan_intact(table, range, Order::Ascending, |id, row| {
            visit(id, &row.events);
            ControlFlow::Continue(())
        })?;
    }
    Ok(())
}

/// The next deliveries of the outbox after `after`, at most [`SCAN_ROWS_MAX`].
pub(super) fn scan_outbox(
    from: &impl Read,
    after: Option<DeliveryId>,
) -> Result<Vec<Delivery>, StoreError> {
    let mut found = Vec::new();
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    from.scan_intact(&OUTBOX, range, Order::Ascending, |id, mut row| {
        row.attempts.clear();
        found.push(delivery(id, row));
        if found.len() < SCAN_ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// An entry of the due index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Timestamp,
    pub(super) id: DeliveryId,
    pub(super) webhook: WebhookId,
    pub(super) profile: ProfileId,
}

/// The entries of the due index from `start` on, at most [`SCAN_ROWS_MAX`].
pub(super) fn scan_due(
    from: &impl Read,
    start: Bound<(Timestamp, DeliveryId)>,
) -> Result<Vec<Due>, StoreError> {
    let mut found = Vec::new();
    let range = (start, Bound::Unbounded);
    from.scan_intact(&OUTBOX_DUE, range, Order::Ascending, |(at, id), row: DueRow| {
        found.push(Due { at, id, webhook: row.webhook, profile: row.profile });
        if found.len() < SCAN_ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}
