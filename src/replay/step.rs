//! One step of a replay: the command that schedules what a look found and moves the cursor past
//! it, both in one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::look::Looked;
use super::registry::Shared;
use super::standing::{Action, Standing};
use super::{Counts, Replay, Status, rows};
use crate::delivery::ResendError;
use crate::event;
use crate::id::{DeliveryId, EventId, ReplayId};
use crate::store::{StoreError, Tx};
use crate::webhook::Endpoint;

/// Takes a step of the replay, whose cursor was at `seen_at` when it was looked ahead. Returns how
/// many deliveries were scheduled.
///
/// A replay that was paused or cancelled meanwhile stays where it is.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    shared: &Shared,
    id: ReplayId,
    seen_at: EventId,
    mut looked: Looked,
) -> Result<u32, StoreError> {
    let Some(mut replay) = rows::get(tx, id)? else { return Ok(0) };
    if replay.status != Status::Running || replay.cursor != seen_at {
        return Ok(0);
    }
    let now = tx.now();
    let Some(endpoint) = shared.webhooks.subscription(replay.wanted.webhook) else {
        replay.leave(Status::Cancelled, Some("the webhook was deleted".to_owned()), now);
        rows::put(tx, &replay)?;
        return Ok(0);
    };
    if !endpoint.webhook.enabled {
        let why = "the webhook is disabled: enable it, then let the replay go on";
        replay.leave(Status::Paused, Some(why.to_owned()), now);
        rows::put(tx, &replay)?;
        return Ok(0);
    }
    tx.needs_room()?;
    looked.deliveries.catch_up(tx)?;
    let counts = schedule(tx, shared, &replay, &endpoint, &looked)?;
    replay.counts.add(looked.counts);
    replay.counts.add(counts);
    replay.cursor = looked.cursor;
    replay.updated = now;
    if looked.is_end {
        replay.leave(Status::Completed, None, now);
    }
    rows::put(tx, &replay)?;
    Ok(u32::try_from(counts.scheduled).unwrap_or(u32::MAX))
}

/// Schedules what still is to be: a moment has passed since the look.
fn schedule(
    tx: &mut Tx<'_, '_>,
    shared: &Shared,
    replay: &Replay,
    endpoint: &Arc<Endpoint>,
    looked: &Looked,
) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    // Events of one batch share a delivery, and this command does not see in a scan what it wrote.
    let mut resent: BTreeSet<DeliveryId> = BTreeSet::new();
    for order in &looked.orders {
        // It may have been erased since.
        if !event::exists(tx, order.event)? {
            counts.skipped += 1;
            continue;
        }
        let deliveries = looked.deliveries.of(tx, order.event)?;
        let standing = Standing::of(&deliveries, replay.wanted.webhook);
        match standing.action(&replay.wanted.states) {
            Action::Schedule => {
                shared.deliveries.schedule(tx, order, std::slice::from_ref(endpoint))?;
                counts.scheduled += 1;
            }
            Action::Resend(id) if resent.insert(id) => {
                match shared.deliveries.resend(tx, id) {
                    Err(ResendError::Store(error)) => return Err(error),
                    // The deliveries of a subscription always have what they send.
                    Ok(_) | Err(ResendError::NoRequest(_) | ResendError::Fixed(_)) => {}
                }
                counts.scheduled += 1;
            }
            Action::Resend(_) | Action::Skip => counts.skipped += 1,
            Action::Leave => {}
        }
    }
    Ok(counts)
}

/// Ends a replay that can not go on.
pub(super) fn fail(tx: &mut Tx<'_, '_>, id: ReplayId, why: String) -> Result<(), StoreError> {
    let Some(mut replay) = rows::get(tx, id)? else { return Ok(()) };
    if !replay.status.is_finished() {
        replay.leave(Status::Failed, Some(why), tx.now());
        rows::put(tx, &replay)?;
    }
    Ok(())
}
