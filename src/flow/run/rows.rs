//! The table of runs.
//!
//! A run that is not over has one place in the due index, which moves with it; runs are listed by
//! flow and by person. All of it is written by the automation loop in its batches. What a trigger
//! lets through is an entry before it is a run (`entries.rs`).

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::moment::{Moment, What};
use super::reviews::reviews as of_flows;
use super::{Run, RunState, counts, entered, entries, reviews};
use crate::clock::Timestamp;
use crate::id::{ActionId, DeliveryId, EventId, FlowId, ProfileId, RunId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const FLOW_RUNS: Table<RunId, RunRow> = Table::new("flow_runs");
/// Moment, run: what is due comes first.
const FLOW_RUNS_DUE: Table<(Timestamp, RunId), ()> = Table::new("flow_runs_due");
const FLOW_RUNS_BY_FLOW: Table<(FlowId, RunId), ()> = Table::new("flow_runs_by_flow");
const FLOW_RUNS_BY_PROFILE: Table<(ProfileId, RunId), ()> = Table::new("flow_runs_by_profile");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RunRow {
    flow: FlowId,
    profile: ProfileId,
    event: Option<EventId>,
    entered_micros: i64,
    day: Option<i32>,
    entered_before_micros: Option<i64>,
    state: u8,
    action: Option<ActionId>,
    due_micros: Option<i64>,
    delivery: Option<DeliveryId>,
    revision: u32,
    outputs: Vec<(String, String, String)>,
    timeline: Vec<(i64, Option<ActionId>, What)>,
    dropped: u32,
}

impl Row for RunRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change. A run that is begun is an entry.
const STATES: [(RunState, u8); 5] = [
    (RunState::Moving, 1),
    (RunState::Waiting, 2),
    (RunState::Answering, 3),
    (RunState::Finished, 4),
    (RunState::Cancelled, 5),
];

fn run(id: RunId, row: RunRow) -> Run {
    let state = STATES.iter().find(|(_, number)| *number == row.state);
    let moment = |(at, action, what)| Moment { at: Timestamp::from_micros(at), action, what };
    Run {
        id,
        flow: row.flow,
        profile: row.profile,
        event: row.event,
        entered: Timestamp::from_micros(row.entered_micros),
        day: row.day,
        entered_before: row.entered_before_micros.map(Timestamp::from_micros),
        state: state.map_or(RunState::Cancelled, |(state, _)| *state),
        action: row.action,
        due: row.due_micros.map(Timestamp::from_micros),
        delivery: row.delivery,
        revision: row.revision,
        outputs: row.outputs,
        timeline: row.timeline.into_iter().map(moment).collect(),
        dropped: row.dropped,
    }
}

fn row(run: &Run) -> RunRow {
    let moment = |it: &Moment| (it.at.micros(), it.action, it.what.clone());
    RunRow {
        flow: run.flow,
        profile: run.profile,
        event: run.event,
        entered_micros: run.entered.micros(),
        day: run.day,
        entered_before_micros: run.entered_before.map(Timestamp::micros),
        state: STATES.iter().find(|(it, _)| *it == run.state).map_or(0, |(_, number)| *number),
        action: run.action,
        due_micros: run.due.map(Timestamp::micros),
        delivery: run.delivery,
        revision: run.revision,
        outputs: run.outputs.clone(),
        timeline: run.timeline.iter().map(moment).collect(),
        dropped: run.dropped,
    }
}

/// The run, or the entry that it begins with, as it is now; `None` where neither is there.
///
/// # Errors
/// Where the store can not be read.
pub fn again(from: &impl Read, run: &Run) -> Result<Option<Run>, StoreError> {
    match run.state {
        RunState::Begun => entries::get(from, run),
        _ => get(from, run.id),
    }
}

/// The run with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: RunId) -> Result<Option<Run>, StoreError> {
    Ok(from.get(&FLOW_RUNS, &id)?.map(|row| run(id, row)))
}

/// An entry of the due index, with its run where that is there and can be read.
pub type Due = ((Timestamp, RunId), Option<Run>);

/// The first `most` entries of the due index whose moment is not after `now`.
///
/// # Errors
/// Where the store can not be read.
pub fn due(from: &impl Read, now: Timestamp, most: usize) -> Result<Vec<Due>, StoreError> {
    let last = (now, RunId::from_u128(u128::MAX));
    let range = (Bound::Unbounded, Bound::Included(last));
    let mut entries = Vec::new();
    from.scan_intact(&FLOW_RUNS_DUE, range, Order::Ascending, |entry, ()| {
        entries.push(entry);
        if entries.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let run = match get(from, entry.1) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(flow_run.id = %entry.1, %error, "a run can not be read; it stops");
                None
            }
            read => read?.filter(|run| run.due == Some(entry.0)),
        };
        found.push((entry, run));
    }
    Ok(found)
}

/// When the next run, or entry, is due.
///
/// # Errors
/// Where the store can not be read.
pub fn next_due(from: &impl Read) -> Result<Option<Timestamp>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let mut first = None;
    from.scan_intact(&FLOW_RUNS_DUE, all, Order::Ascending, |(at, _), ()| {
        first = Some(at);
        ControlFlow::Break(())
    })?;
    Ok([first, entries::next_due(from)?].into_iter().flatten().min())
}

/// Removes an entry of the due index that leads to no run.
pub fn forget_due(tx: &mut Tx<'_, '_>, entry: (Timestamp, RunId)) {
    tx.remove(&FLOW_RUNS_DUE, &entry);
}

/// Writes a run that was `before`, and moves its place in the due index and its lists.
///
/// # Errors
/// Where the store fails.
pub fn put(tx: &mut Tx<'_, '_>, before: &Run, after: &Run) -> Result<(), StoreError> {
    debug_assert_eq!(after.state.is_over(), after.due.is_none(), "a run that is over is not due");
    tx.put(&FLOW_RUNS, &after.id, &row(after))?;
    let is_new = before.state == RunState::Begun;
    if is_new {
        entries::remove(tx, before);
    }
    let due_before = before.due.filter(|_| !is_new);
    if due_before != after.due {
        if let Some(at) = due_before {
            tx.remove(&FLOW_RUNS_DUE, &(at, before.id));
        }
        if let Some(at) = after.due {
            tx.put(&FLOW_RUNS_DUE, &(at, after.id), &())?;
        }
    }
    if is_new {
        tx.put(&FLOW_RUNS_BY_FLOW, &(after.flow, after.id), &())?;
        tx.put(&FLOW_RUNS_BY_PROFILE, &(after.profile, after.id), &())?;
    } else if before.profile != after.profile {
        tx.remove(&FLOW_RUNS_BY_PROFILE, &(before.profile, after.id));
        tx.put(&FLOW_RUNS_BY_PROFILE, &(after.profile, after.id), &())?;
    }
    Ok(())
}

/// Removes a run, with its place in the due index and in the lists; or an entry.
pub fn remove(tx: &mut Tx<'_, '_>, run: &Run) {
    if run.state == RunState::Begun {
        entries::remove(tx, run);
        return;
    }
    tx.remove(&FLOW_RUNS, &run.id);
    if let Some(at) = run.due {
        tx.remove(&FLOW_RUNS_DUE, &(at, run.id));
    }
    tx.remove(&FLOW_RUNS_BY_FLOW, &(run.flow, run.id));
    tx.remove(&FLOW_RUNS_BY_PROFILE, &(run.profile, run.id));
}

/// What a listing of runs is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Those of this flow.
    pub flow: Option<FlowId>,
    /// Those of this person.
    pub profile: Option<ProfileId>,
    /// Those that this event began.
    pub event: Option<EventId>,
    /// Those in this state.
    pub state: Option<RunState>,
    /// Those that are in this action.
    pub action: Option<ActionId>,
}

/// Some runs, the newest first.
#[derive(Debug, Default)]
pub struct Page {
    /// The runs.
    pub runs: Vec<Run>,
    /// The last that was looked at, where there may be more.
    pub next: Option<RunId>,
}

/// Runs that one page looks at, at most: a filter may fit few of many.
const LOOKED_AT_MAX: usize = 5_000;

impl Filter {
    fn fits(&self, run: &Run) -> bool {
        self.flow.is_none_or(|flow| run.flow == flow)
            && self.profile.is_none_or(|profile| run.profile == profile)
            && self.event.is_none_or(|event| run.event == Some(event))
            && self.state.is_none_or(|state| run.state == state)
            && self.action.is_none_or(|action| run.action == Some(action))
    }
}

/// A page of runs, the newest first, beginning behind `after`.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    filter: &Filter,
    after: Option<RunId>,
    most: usize,
) -> Result<Page, StoreError> {
    let last = after.map_or(u128::MAX, |id| id.as_u128().saturating_sub(1));
    let (first, last) = (RunId::from_u128(0), RunId::from_u128(last));
    let mut ids = Vec::new();
    let mut take = |id: RunId| {
        ids.push(id);
        if ids.len() <= LOOKED_AT_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    match (filter.profile, filter.flow) {
        (Some(of), _) => {
            let range = (Bound::Included((of, first)), Bound::Included((of, last)));
            from.scan(&FLOW_RUNS_BY_PROFILE, range, Order::Descending, |(_, id), ()| take(id))?;
        }
        (None, Some(of)) => {
            let range = (Bound::Included((of, first)), Bound::Included((of, last)));
            from.scan(&FLOW_RUNS_BY_FLOW, range, Order::Descending, |(_, id), ()| take(id))?;
        }
        (None, None) => {
            let range = (Bound::Included(first), Bound::Included(last));
            from.scan_intact(&FLOW_RUNS, range, Order::Descending, |id, _: RunRow| take(id))?;
        }
    }
    let mut page = Page::default();
    for (looked, id) in ids.iter().enumerate() {
        if page.runs.len() == most || looked == LOOKED_AT_MAX {
            return Ok(page);
        }
        page.next = Some(*id);
        page.runs.extend(get(from, *id)?.filter(|run| filter.fits(run)));
    }
    page.next = None;
    Ok(page)
}

/// The runs of a person, up to `most`.
///
/// # Errors
/// Where the store can not be read.
pub fn of_profile(
    from: &impl Read,
    profile: ProfileId,
    most: usize,
) -> Result<Vec<RunId>, StoreError> {
    let (first, last) = (RunId::from_u128(0), RunId::from_u128(u128::MAX));
    let range = (Bound::Included((profile, first)), Bound::Included((profile, last)));
    let rows = from.page(&FLOW_RUNS_BY_PROFILE, range, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|((_, id), ())| id).collect())
}

/// Removes what says of a person that they were in flows: their runs, up to `most`, with what
/// waits for approval; returns how many there were.
///
/// # Errors
/// Where the store fails.
pub fn end_of_profile(
    tx: &mut Tx<'_, '_>,
    profile: ProfileId,
    most: usize,
) -> Result<usize, StoreError> {
    let ids = of_profile(tx, profile, most)?;
    let mut tally = counts::Tally::default();
    for id in &ids {
        let Some(run) = get(tx, *id)? else {
            tx.remove(&FLOW_RUNS_BY_PROFILE, &(profile, *id));
            continue;
        };
        if !run.state.is_over() {
            tally.leaves(&run);
        }
        for review in reviews::reviews_of(tx, &run)? {
            tally.add(run.flow, Some(review.action), super::Count::InReview, -1);
            reviews::forget(tx, &review);
        }
        remove(tx, &run);
    }
    entered::forget_all(tx, profile)?;
    tally.write(tx)?;
    Ok(ids.len())
}

/// Removes up to `most` rows of a flow that is no more; returns how many there were.
///
/// # Errors
/// Where the store fails.
pub fn drop_some(tx: &mut Tx<'_, '_>, flow: FlowId, most: usize) -> Result<usize, StoreError> {
    let (first, last) = (RunId::from_u128(0), RunId::from_u128(u128::MAX));
    let range = (Bound::Included((flow, first)), Bound::Included((flow, last)));
    let runs = tx.page(&FLOW_RUNS_BY_FLOW, range, Order::Ascending, most)?;
    for ((_, id), ()) in &runs {
        match get(tx, *id)? {
            Some(run) => {
                entered::forget(tx, run.profile, flow);
                remove(tx, &run);
            }
            None => tx.remove(&FLOW_RUNS_BY_FLOW, &(flow, *id)),
        }
    }
    let waiting = of_flows(tx, Some(flow), None, most)?;
    for review in &waiting {
        reviews::forget(tx, review);
    }
    let count = runs.len().max(waiting.len());
    if count < most {
        counts::drop_of(tx, flow)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = RunRow {
            flow: "T23ivh".parse().unwrap(),
            profile: ProfileId::from_u128(5),
            event: Some(EventId::from_u64(7)),
            entered_micros: 9,
            day: None,
            entered_before_micros: None,
            state: 2,
            action: Some(ActionId::from_u64(3)),
            due_micros: Some(11),
            delivery: None,
            revision: 1,
            outputs: vec![("w".to_owned(), "id".to_owned(), "5".to_owned())],
            timeline: vec![
                (1, None, What::Entered),
                (2, Some(ActionId::from_u64(3)), What::Waits { until_micros: 11 }),
                (3, None, What::Sent { delivery: DeliveryId::from_u128(4) }),
                (4, None, What::Cancelled { why: "x".to_owned() }),
            ],
            dropped: 0,
        };
        const FROZEN: &str = "015432336976680501071200000201030116000101017702696401350402000004010301160600040408000c0178000e5f39934ac1771e";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<RunRow>(FROZEN), Ok(row));
    }
}
