//! `delivery_results`: what became of deliveries that runs put into the outbox, for whoever follows
//! them.
//!
//! A row is written in the commit in which the delivery is finished, and stays until it is
//! forgotten. A delivery that is resent is finished once more: its new result takes the place of
//! one that nobody has taken yet.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::format::{DeliveryRow, numbers};
use crate::delivery::State;
use crate::id::{DeliveryId, RunId, WebhookId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const DELIVERY_RESULTS: Table<DeliveryId, ResultRow> = Table::new("delivery_results");

/// What became of a delivery that a run put into the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryResult {
    /// The run.
    pub run: RunId,
    /// The step.
    pub webhook: WebhookId,
    /// How it is finished.
    pub state: State,
    /// The status of the last attempt, if it was answered.
    pub status: Option<u16>,
    /// The body of the answer to what was delivered, where the step captures it. `None` too where
    /// it is too long, or broke off before its end.
    pub captured: Option<Vec<u8>>,
    /// The body was longer than [`CAPTURED_BYTES_MAX`](crate::limits::CAPTURED_BYTES_MAX).
    pub is_too_long: bool,
}

/// What was captured of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Capture {
    /// The whole body.
    Body(Vec<u8>),
    /// It was too long to be kept.
    TooLong,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ResultRow {
    run: RunId,
    webhook: WebhookId,
    state: u8,
    /// Zero where there was no answer.
    status: u16,
    captured: Option<Vec<u8>>,
    is_too_long: bool,
}

impl Row for ResultRow {
    const SCHEMA: u8 = 1;
}

impl From<ResultRow> for DeliveryResult {
    fn from(row: ResultRow) -> Self {
        Self {
            run: row.run,
            webhook: row.webhook,
            state: numbers::state_of(row.state),
            status: (row.status != 0).then_some(row.status),
            captured: row.captured,
            is_too_long: row.is_too_long,
        }
    }
}

/// Leaves the result of a delivery that is finished, as its row is now; nothing for one that no
/// run put there.
pub(super) fn leave(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    row: &DeliveryRow,
    captured: Option<&Capture>,
) -> Result<(), StoreError> {
    let Some(run) = row.run else { return Ok(()) };
    let is_delivered = numbers::state_of(row.state) == State::Delivered;
    let captured = captured.filter(|_| is_delivered);
    let result = ResultRow {
        run,
        webhook: row.webhook,
        state: row.state,
        status: row.last_status().unwrap_or_default(),
        captured: match captured {
            Some(Capture::Body(body)) => Some(body.clone()),
            Some(Capture::TooLong) | None => None,
        },
        is_too_long: captured == Some(&Capture::TooLong),
    };
    tx.put(&DELIVERY_RESULTS, &id, &result)
}

/// Up to `most` results that wait, those of the oldest deliveries first.
///
/// # Errors
/// Where the store can not be read.
pub fn results(
    from: &impl Read,
    most: usize,
) -> Result<Vec<(DeliveryId, DeliveryResult)>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&DELIVERY_RESULTS, all, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(id, row)| (id, row.into())).collect())
}

/// The result of one delivery, if one waits. Whoever read it from a snapshot asks again in the
/// command that takes it: the delivery may have been resent and finished meanwhile, or erased.
///
/// # Errors
/// Where the store can not be read.
pub fn result(from: &impl Read, id: DeliveryId) -> Result<Option<DeliveryResult>, StoreError> {
    Ok(from.get(&DELIVERY_RESULTS, &id)?.map(DeliveryResult::from))
}

/// Forgets the result of a delivery: who waited for it has it.
pub fn forget_result(tx: &mut Tx<'_, '_>, id: DeliveryId) {
    tx.remove(&DELIVERY_RESULTS, &id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = || ResultRow {
            run: RunId::from_u128(3),
            webhook: WebhookId::from_u128(4),
            state: 2,
            status: 200,
            captured: Some(b"{}".to_vec()),
            is_too_long: false,
        };
        const FROZEN: &str = "01030402c801027b7d007047784a1af9d39c";
        assert_eq!(hex_of(&row()), FROZEN);
        assert_eq!(from_hex(FROZEN), Ok(row()));
    }
}
