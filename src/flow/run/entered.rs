//! When somebody last entered a flow: what the re-entry rule and `profile-not-in-flow` ask.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{FlowId, ProfileId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Person, flow → when they last entered.
const FLOW_ENTERED: Table<(ProfileId, FlowId), EnteredRow> = Table::new("flow_entered");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EnteredRow {
    last_micros: i64,
}

impl Row for EnteredRow {
    const SCHEMA: u8 = 1;
}

/// When the person last entered the flow.
///
/// # Errors
/// Where the store can not be read.
pub fn last_entered(
    from: &impl Read,
    flow: FlowId,
    profile: ProfileId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = from.get(&FLOW_ENTERED, &(profile, flow))?;
    Ok(row.map(|row| Timestamp::from_micros(row.last_micros)))
}

/// The person entered the flow.
///
/// # Errors
/// Where the store fails.
pub fn put_entered(
    tx: &mut Tx<'_, '_>,
    flow: FlowId,
    profile: ProfileId,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.put(&FLOW_ENTERED, &(profile, flow), &EnteredRow { last_micros: at.micros() })
}

/// Which flows a person ever entered.
fn entered_by(from: &impl Read, profile: ProfileId) -> Result<Vec<FlowId>, StoreError> {
    let mut flows = Vec::new();
    let start = Bound::Included((profile, FlowId::FIRST));
    from.scan_intact(&FLOW_ENTERED, (start, Bound::Unbounded), Order::Ascending, |key, _| {
        if key.0 != profile {
            return ControlFlow::Break(());
        }
        flows.push(key.1);
        ControlFlow::Continue(())
    })?;
    Ok(flows)
}

/// Whether a person ever entered a flow.
///
/// # Errors
/// Where the store can not be read.
pub fn has_entered(from: &impl Read, profile: ProfileId) -> Result<bool, StoreError> {
    Ok(!entered_by(from, profile)?.is_empty())
}

/// What a person entered, another has entered too, who takes their place.
///
/// # Errors
/// Where the store fails.
pub fn carry_over(
    tx: &mut Tx<'_, '_>,
    source: ProfileId,
    into: ProfileId,
) -> Result<(), StoreError> {
    for flow in entered_by(tx, source)? {
        let theirs = last_entered(tx, flow, source)?;
        let own = last_entered(tx, flow, into)?;
        if let Some(last) = theirs.max(own) {
            put_entered(tx, flow, into, last)?;
        }
        forget(tx, source, flow);
    }
    Ok(())
}

/// Forgets that a person entered a flow.
pub(super) fn forget(tx: &mut Tx<'_, '_>, profile: ProfileId, flow: FlowId) {
    tx.remove(&FLOW_ENTERED, &(profile, flow));
}

/// Forgets every flow that a person entered.
pub(super) fn forget_all(tx: &mut Tx<'_, '_>, profile: ProfileId) -> Result<(), StoreError> {
    for flow in entered_by(tx, profile)? {
        forget(tx, profile, flow);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hex_of;

    #[test]
    fn rows_have_frozen_bytes() {
        assert_eq!(hex_of(&EnteredRow { last_micros: 300 }), "01fb5802afa832b9752e779d");
    }
}
