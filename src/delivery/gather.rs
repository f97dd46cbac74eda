//! Batches: events of one webhook gathered into one delivery.
//!
//! A batch is a row of the outbox from its first event on, so nothing is lost that was
//! acknowledged; its content is fixed before its first attempt, so that every attempt is the same
//! message. It is complete when the next event would not fit, when it has all events it may have,
//! or when its first has waited long enough, which the worker sees to.

use super::rows::{self, Gathering, New};
use crate::clock::Timestamp;
use crate::id::DeliveryId;
use crate::limits;
use crate::store::{StoreError, Tx};
use crate::webhook::Batch;

/// What became of an event that was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    /// The batches that are complete now, in order.
    pub(super) complete: Vec<DeliveryId>,
    /// When the batch that was begun has waited long enough.
    pub(super) closes: Option<Timestamp>,
}

/// Adds an event of so many bytes to its webhook's batch.
pub(super) fn add(
    tx: &mut Tx<'_, '_>,
    new: New,
    event_bytes: usize,
    batch: Batch,
) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    let bytes = event_bytes.saturating_add(limits::EVENT_ENVELOPE_BYTES);
    if let Some(open) = rows::gathering(tx, new.webhook)? {
        let added = Gathering { events: open.events + 1, bytes: open.bytes + bytes, ..open };
        let fits = added.bytes <= batch.max_bytes && open.closes > tx.now();
        if fits && rows::add_to_batch(tx, new.webhook, new.event, added)? {
            if added.events >= batch.max_events {
                close(tx, new, open.id, &mut gathered)?;
            }
            return Ok(gathered);
        }
        close(tx, new, open.id, &mut gathered)?;
    }
    let id = DeliveryId::from_u128(tx.ulid()?);
    let closes = tx.now().plus(batch.max_wait);
    rows::begin_batch(tx, new, Gathering { id, events: 1, bytes, closes })?;
    if batch.max_events <= 1 {
        close(tx, new, id, &mut gathered)?;
    } else {
        gathered.closes = Some(closes);
    }
    Ok(gathered)
}

fn close(
    tx: &mut Tx<'_, '_>,
    new: New,
    id: DeliveryId,
    gathered: &mut Gathered,
) -> Result<(), StoreError> {
    gathered.complete.extend(rows::close_batch(tx, new.webhook, id)?);
    Ok(())
}
