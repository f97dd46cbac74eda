//! Erasing an event: what deliveries keep of it, and of the answers to it.

use super::format::{AttemptRow, numbers};
use super::{DELIVERIES, OUTBOX, OUTBOX_GATHERING, index, leave_index};
use crate::delivery::Phase;
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId};
use crate::store::{Read as _, StoreError, Tx};

/// What became of a delivery of an erased event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Erased {
    /// It was about that event alone and is gone.
    Whole {
        /// Where it went.
        webhook: WebhookId,
        /// Whether it was still to be sent.
        was_scheduled: bool,
    },
    /// It is a batch and goes on with the others; what was answered to it is gone.
    Part,
}

/// Removes a delivery that is about this person alone; returns where it was still to be sent.
pub(in crate::delivery) fn erase_whole(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    profile: ProfileId,
) -> Result<Option<WebhookId>, StoreError> {
    let mut scheduled = None;
    if let Some(row) = tx.get(&OUTBOX, &id)? {
        leave_index(tx, id, &row)?;
        index::forget(tx, id, &row);
        scheduled = Some(row.webhook);
    } else if let Some(row) = tx.get(&DELIVERIES, &id)? {
        index::forget(tx, id, &row);
    }
    tx.remove(&OUTBOX, &id);
    tx.remove(&DELIVERIES, &id);
    index::forget_profile(tx, id, profile);
    Ok(scheduled)
}

/// Takes an event out of a delivery; `None` where it is in no such delivery.
pub(in crate::delivery) fn erase(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    event: EventId,
) -> Result<Option<Erased>, StoreError> {
    let (mut row, was_scheduled) = match tx.get(&OUTBOX, &id)? {
        Some(row) => (row, true),
        None => match tx.get(&DELIVERIES, &id)? {
            Some(row) => (row, false),
            None => return Ok(None),
        },
    };
    let table = if was_scheduled { &OUTBOX } else { &DELIVERIES };
    if !row.events.contains(&event) {
        return Ok(None);
    }
    index::forget_event(tx, id, event);
    if row.events.iter().all(|of| *of == event) {
        if was_scheduled {
            leave_index(tx, id, &row)?;
        }
        index::forget(tx, id, &row);
        tx.remove(table, &id);
        return Ok(Some(Erased::Whole { webhook: row.webhook, was_scheduled }));
    }
    row.events.retain(|of| *of != event);
    row.attempts.iter_mut().for_each(AttemptRow::forget_answer);
    tx.put(table, &id, &row)?;
    if was_scheduled
        && numbers::phase_of(row.phase) == Phase::Gathering
        && let Some(mut gathering) = super::gathering(tx, row.webhook)?.filter(|of| of.id == id)
    {
        gathering.events = row.events.len();
        tx.put(&OUTBOX_GATHERING, &row.webhook, &gathering.into())?;
    }
    Ok(Some(Erased::Part))
}
