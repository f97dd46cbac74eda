//! What triggers let through, until the automation loop looks at it: one small row each, by its
//! moment, so that recording an event writes nothing whose key does not grow.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::{Run, RunState};
use crate::clock::Timestamp;
use crate::id::{EventId, FlowId, ProfileId, RunId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Moment, run → what a trigger let through.
const FLOW_ENTRIES: Table<(Timestamp, RunId), EntryRow> = Table::new("flow_entries");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EntryRow {
    flow: FlowId,
    profile: ProfileId,
    event: Option<EventId>,
    day: Option<i32>,
}

impl Row for EntryRow {
    const SCHEMA: u8 = 1;
}

/// What a trigger let through.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// The flow.
    pub flow: FlowId,
    /// The person.
    pub profile: ProfileId,
    /// The event, where one did it.
    pub event: Option<EventId>,
    /// When the person enters, if they may.
    pub at: Timestamp,
    /// The day that a date flow is about, as days since 1970.
    pub day: Option<i32>,
}

/// Begins a run.
///
/// # Errors
/// Where the store fails.
pub fn begin(tx: &mut Tx<'_, '_>, begin: &Begin) -> Result<RunId, StoreError> {
    let id = RunId::from_u128(tx.ulid()?);
    let Begin { flow, profile, event, at, day } = *begin;
    tx.put(&FLOW_ENTRIES, &(at, id), &EntryRow { flow, profile, event, day })?;
    Ok(id)
}

/// A run that is only an entry yet.
fn begun((at, id): (Timestamp, RunId), entry: EntryRow) -> Run {
    Run {
        id,
        flow: entry.flow,
        profile: entry.profile,
        event: entry.event,
        entered: at,
        day: entry.day,
        entered_before: None,
        state: RunState::Begun,
        action: None,
        due: Some(at),
        delivery: None,
        revision: 0,
        outputs: Vec::new(),
        timeline: Vec::new(),
        dropped: 0,
    }
}

/// The first `most` entries whose moment is not after `now`, as runs that are begun.
///
/// # Errors
/// Where the store can not be read.
pub fn entries(from: &impl Read, now: Timestamp, most: usize) -> Result<Vec<Run>, StoreError> {
    let last = (now, RunId::from_u128(u128::MAX));
    let mut found = Vec::new();
    let range = (Bound::Unbounded, Bound::Included(last));
    from.scan_intact(&FLOW_ENTRIES, range, Order::Ascending, |key, row| {
        found.push(begun(key, row));
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// The entries of these people, up to `most`. All entries are looked through: they are those of
/// this moment, and of date flows those of the next days.
///
/// # Errors
/// Where the store can not be read.
pub fn entries_of(
    from: &impl Read,
    people: &BTreeSet<ProfileId>,
    most: usize,
) -> Result<Vec<Run>, StoreError> {
    let mut found = Vec::new();
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan_intact(&FLOW_ENTRIES, all, Order::Ascending, |key, row| {
        if people.contains(&row.profile) {
            found.push(begun(key, row));
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// The entry that a begun run is, if it is still there.
pub(super) fn get(from: &impl Read, run: &Run) -> Result<Option<Run>, StoreError> {
    let key = (run.entered, run.id);
    Ok(from.get(&FLOW_ENTRIES, &key)?.map(|row| begun(key, row)))
}

/// When the next entry is due.
pub(super) fn next_due(from: &impl Read) -> Result<Option<Timestamp>, StoreError> {
    let mut first = None;
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan_intact(&FLOW_ENTRIES, all, Order::Ascending, |(at, _), _| {
        first = Some(at);
        ControlFlow::Break(())
    })?;
    Ok(first)
}

/// Removes the entry that a begun run is.
pub(super) fn remove(tx: &mut Tx<'_, '_>, run: &Run) {
    tx.remove(&FLOW_ENTRIES, &(run.entered, run.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let flow = "T23ivh".parse().unwrap();
        let entry =
            || EntryRow { flow, profile: ProfileId::from_u128(5), event: None, day: Some(3) };
        const FROZEN: &str = "0154323369766805000106b29f392e4d2b9513";
        assert_eq!(hex_of(&entry()), FROZEN);
        assert_eq!(from_hex::<EntryRow>(FROZEN), Ok(entry()));
    }
}
