//! How far the entries of date flows are planned, and who changed since.
//!
//! A date flow's entries are begun ahead, each with its moment: a plan is a walk over everybody for
//! one stretch of time, a bounded number of people at once. Who changes meanwhile is noted here and
//! looked at again.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{FlowId, ProfileId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const FLOW_DATE_PLANS: Table<FlowId, PlanRow> = Table::new("flow_date_plans");
/// People who changed and were not looked at again.
const FLOW_DATE_CHANGES: Table<ProfileId, ()> = Table::new("flow_date_changes");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct PlanRow {
    revision: u32,
    from_micros: i64,
    to_micros: i64,
    cursor: Option<ProfileId>,
    is_complete: bool,
}

impl Row for PlanRow {
    const SCHEMA: u8 = 1;
}

/// The stretch of time that a date flow plans, or has planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatePlan {
    /// The flow as it was when the plan began.
    pub revision: u32,
    /// Entries after this moment…
    pub from: Timestamp,
    /// …up to this one.
    pub to: Timestamp,
    /// The last person who was looked at.
    pub cursor: Option<ProfileId>,
    /// Whether everybody was.
    pub is_complete: bool,
}

/// The plan of a flow.
///
/// # Errors
/// Where the store can not be read.
pub fn plan(from: &impl Read, flow: FlowId) -> Result<Option<DatePlan>, StoreError> {
    let plan = |row: PlanRow| DatePlan {
        revision: row.revision,
        from: Timestamp::from_micros(row.from_micros),
        to: Timestamp::from_micros(row.to_micros),
        cursor: row.cursor,
        is_complete: row.is_complete,
    };
    Ok(from.get(&FLOW_DATE_PLANS, &flow)?.map(plan))
}

/// Writes the plan of a flow.
///
/// # Errors
/// Where the store fails.
pub fn put_plan(tx: &mut Tx<'_, '_>, flow: FlowId, plan: &DatePlan) -> Result<(), StoreError> {
    let row = PlanRow {
        revision: plan.revision,
        from_micros: plan.from.micros(),
        to_micros: plan.to.micros(),
        cursor: plan.cursor,
        is_complete: plan.is_complete,
    };
    tx.put(&FLOW_DATE_PLANS, &flow, &row)
}

/// Forgets the plan of a flow.
pub fn forget_plan(tx: &mut Tx<'_, '_>, flow: FlowId) {
    tx.remove(&FLOW_DATE_PLANS, &flow);
}

/// Notes that somebody changed.
///
/// # Errors
/// Where the store fails.
pub fn touch(tx: &mut Tx<'_, '_>, profile: ProfileId) -> Result<(), StoreError> {
    tx.put(&FLOW_DATE_CHANGES, &profile, &())
}

/// Up to `most` people who changed.
///
/// # Errors
/// Where the store can not be read.
pub fn touched(from: &impl Read, most: usize) -> Result<Vec<ProfileId>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&FLOW_DATE_CHANGES, all, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(id, ())| id).collect())
}

/// Somebody who changed was looked at again.
pub fn forget_touched(tx: &mut Tx<'_, '_>, profile: ProfileId) {
    tx.remove(&FLOW_DATE_CHANGES, &profile);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = PlanRow {
            revision: 3,
            from_micros: 5,
            to_micros: 7,
            cursor: Some(ProfileId::from_u128(9)),
            is_complete: false,
        };
        const FROZEN: &str = "01030a0e0109003771510874d80eaf";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<PlanRow>(FROZEN), Ok(row));
    }
}
