//! Actions of runs that wait for a person's approval.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::clock::Timestamp;
use crate::id::{ActionId, FlowId, RunId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Flow, run, action: what waits for approval.
const FLOW_REVIEWS: Table<(FlowId, (RunId, ActionId)), ReviewRow> = Table::new("flow_reviews");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ReviewRow {
    queued_micros: i64,
}

impl Row for ReviewRow {
    const SCHEMA: u8 = 1;
}

/// An action of a run that waits for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// The flow.
    pub flow: FlowId,
    /// The run.
    pub run: RunId,
    /// The action.
    pub action: ActionId,
    /// Since when.
    pub queued: Timestamp,
}

fn review_of((flow, (run, action)): (FlowId, (RunId, ActionId)), row: &ReviewRow) -> Review {
    Review { flow, run, action, queued: Timestamp::from_micros(row.queued_micros) }
}

/// What waits for approval, the oldest runs first, beginning behind `after`.
///
/// # Errors
/// Where the store can not be read.
pub fn reviews(
    from: &impl Read,
    flow: Option<FlowId>,
    after: Option<(FlowId, RunId, ActionId)>,
    most: usize,
) -> Result<Vec<Review>, StoreError> {
    let zero = (RunId::from_u128(0), ActionId::from_u64(0));
    let top = (RunId::from_u128(u128::MAX), ActionId::from_u64(u64::MAX));
    let start = match (after, flow) {
        (Some((flow, run, action)), _) => Bound::Excluded((flow, (run, action))),
        (None, Some(flow)) => Bound::Included((flow, zero)),
        (None, None) => Bound::Unbounded,
    };
    let end = flow.map_or(Bound::Unbounded, |flow| Bound::Included((flow, top)));
    let rows = from.page(&FLOW_REVIEWS, (start, end), Order::Ascending, most)?;
    Ok(rows.iter().map(|(key, row)| review_of(*key, row)).collect())
}

/// What waits for approval of this run.
pub(super) fn reviews_of(from: &impl Read, run: &Run) -> Result<Vec<Review>, StoreError> {
    let key = |action| (run.flow, (run.id, ActionId::from_u64(action)));
    let range = (Bound::Included(key(0)), Bound::Included(key(u64::MAX)));
    let rows = from.page(&FLOW_REVIEWS, range, Order::Ascending, usize::MAX)?;
    Ok(rows.iter().map(|(key, row)| review_of(*key, row)).collect())
}

/// What waits for approval of this run in this action.
///
/// # Errors
/// Where the store can not be read.
pub fn review(from: &impl Read, run: &Run, action: ActionId) -> Result<Option<Review>, StoreError> {
    let key = (run.flow, (run.id, action));
    Ok(from.get(&FLOW_REVIEWS, &key)?.map(|row| review_of(key, &row)))
}

/// Sets or lifts that an action of a run waits for approval.
///
/// # Errors
/// Where the store fails.
pub fn set_review(
    tx: &mut Tx<'_, '_>,
    run: &Run,
    action: ActionId,
    queued: Option<Timestamp>,
) -> Result<(), StoreError> {
    let key = (run.flow, (run.id, action));
    match queued {
        Some(at) => tx.put(&FLOW_REVIEWS, &key, &ReviewRow { queued_micros: at.micros() }),
        None => {
            tx.remove(&FLOW_REVIEWS, &key);
            Ok(())
        }
    }
}

/// Nothing waits for approval there any more.
pub(super) fn forget(tx: &mut Tx<'_, '_>, review: &Review) {
    tx.remove(&FLOW_REVIEWS, &(review.flow, (review.run, review.action)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hex_of;

    #[test]
    fn rows_have_frozen_bytes() {
        assert_eq!(hex_of(&ReviewRow { queued_micros: 300 }), "01fb5802afa832b9752e779d");
    }
}
