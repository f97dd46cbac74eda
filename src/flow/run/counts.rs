//! How many runs wait in each action of a flow, and what became of those that passed it.
//!
//! Counted as it happens, in the commit of what is counted: a command adds up what it does and
//! writes each count once.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{Run, RunState};
use crate::id::{ActionId, FlowId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Flow, action → counts; the action 0 is the flow itself.
const FLOW_COUNTS: Table<(FlowId, ActionId), CountsRow> = Table::new("flow_counts");
/// The flow itself.
const WHOLE: ActionId = ActionId::from_u64(0);

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct CountsRow {
    waiting: i64,
    done: i64,
    sent: i64,
    skipped: i64,
    failed: i64,
    in_review: i64,
}

impl Row for CountsRow {
    const SCHEMA: u8 = 1;
}

/// What is counted of an action; of a flow, `done` are those who entered and `waiting` those who
/// are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// Runs that wait in it now.
    Waiting,
    /// Runs that passed it, having done what it says.
    Done,
    /// Its webhooks that the receiver took.
    Sent,
    /// Runs that passed it without doing it.
    Skipped,
    /// Its webhooks that could not be made, or that the receiver did not take.
    Failed,
    /// Runs for which it waits for approval.
    InReview,
}

/// The counts of an action, or of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs that wait in it now.
    pub waiting: i64,
    /// Runs that passed it, having done what it says.
    pub done: i64,
    /// Its webhooks that the receiver took.
    pub sent: i64,
    /// Runs that passed it without doing it.
    pub skipped: i64,
    /// Its webhooks that could not be made, or that the receiver did not take.
    pub failed: i64,
    /// Runs for which it waits for approval.
    pub in_review: i64,
}

/// Changes of counts, to be written together.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<(FlowId, ActionId), BTreeMap<Count, i64>>);

impl Tally {
    /// Counts something of an action; `None` is the flow itself.
    pub fn add(&mut self, flow: FlowId, action: Option<ActionId>, count: Count, change: i64) {
        let of_action = self.0.entry((flow, action.unwrap_or(WHOLE))).or_default();
        *of_action.entry(count).or_default() += change;
    }

    /// Counts that a run, as it was, is over.
    pub fn leaves(&mut self, run: &Run) {
        if run.state != RunState::Begun {
            self.add(run.flow, None, Count::Waiting, -1);
        }
        if matches!(run.state, RunState::Waiting | RunState::Answering) {
            self.add(run.flow, run.action, Count::Waiting, -1);
        }
    }

    /// Writes the counts.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn write(self, tx: &mut Tx<'_, '_>) -> Result<(), StoreError> {
        for (key, changes) in self.0 {
            let mut row = tx.get(&FLOW_COUNTS, &key)?.unwrap_or_default();
            for (count, change) in changes {
                let number = match count {
                    Count::Waiting => &mut row.waiting,
                    Count::Done => &mut row.done,
                    Count::Sent => &mut row.sent,
                    Count::Skipped => &mut row.skipped,
                    Count::Failed => &mut row.failed,
                    Count::InReview => &mut row.in_review,
                };
                *number += change;
            }
            tx.put(&FLOW_COUNTS, &key, &row)?;
        }
        Ok(())
    }
}

fn shown(row: CountsRow) -> Counts {
    let CountsRow { waiting, done, sent, skipped, failed, in_review } = row;
    Counts { waiting, done, sent, skipped, failed, in_review }
}

/// The counts of an action.
///
/// # Errors
/// Where the store can not be read.
pub fn counts(from: &impl Read, flow: FlowId, action: ActionId) -> Result<Counts, StoreError> {
    Ok(from.get(&FLOW_COUNTS, &(flow, action))?.map(shown).unwrap_or_default())
}

/// The counts of a flow: who entered it, and who is in it.
///
/// # Errors
/// Where the store can not be read.
pub fn of_flow(from: &impl Read, flow: FlowId) -> Result<Counts, StoreError> {
    counts(from, flow, WHOLE)
}

/// Removes all counts of a flow.
pub(super) fn drop_of(tx: &mut Tx<'_, '_>, flow: FlowId) -> Result<(), StoreError> {
    let all =
        (Bound::Included((flow, WHOLE)), Bound::Included((flow, ActionId::from_u64(u64::MAX))));
    let rows = tx.page(&FLOW_COUNTS, all, Order::Ascending, usize::MAX)?;
    for (key, _) in rows {
        tx.remove(&FLOW_COUNTS, &key);
    }
    Ok(())
}
