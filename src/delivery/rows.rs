//! The tables of deliveries: the outbox, the index of due retries, the log.
//!
//! A fresh delivery has no entry in the due index: it goes to the lanes from memory, and the
//! index holds only retries (invariant 3: a row with a due moment has exactly that entry).

use std::ops::Bound;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::Next;
use super::{Attempt, Delivery, Outcome, Source, State};
use crate::clock::Timestamp;
use crate::egress::SendErrorKind;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::limits::{ATTEMPTS_KEPT_MAX, SCAN_ROWS_MAX};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const OUTBOX: Table<DeliveryId, DeliveryRow> = Table::new("outbox");
const OUTBOX_DUE: Table<(Timestamp, DeliveryId), DueRow> = Table::new("outbox_due");
const DELIVERIES: Table<DeliveryId, DeliveryRow> = Table::new("deliveries");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct DeliveryRow {
    webhook: WebhookId,
    event: EventId,
    is_test: bool,
    state: u8,
    /// Zero where there is none.
    due_micros: i64,
    /// Zero where it is not finished.
    finished_micros: i64,
    attempts: Vec<AttemptRow>,
}

impl Row for DeliveryRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct AttemptRow {
    at_micros: i64,
    duration_micros: u64,
    /// Zero where there was no answer.
    status: u16,
    /// Zero where there was an answer.
    error: u8,
    detail: String,
    excerpt: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct DueRow(WebhookId);

impl Row for DueRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const STATES: [(State, u8); 4] =
    [(State::Scheduled, 1), (State::Delivered, 2), (State::Exhausted, 3), (State::Cancelled, 4)];
const ERRORS: [(SendErrorKind, u8); 6] = [
    (SendErrorKind::AddressRefused, 1),
    (SendErrorKind::Resolve, 2),
    (SendErrorKind::Connect, 3),
    (SendErrorKind::Tls, 4),
    (SendErrorKind::Timeout, 5),
    (SendErrorKind::Protocol, 6),
];
const ERROR_GONE: u8 = 255;
const ERROR_UNREADABLE: u8 = 254;

fn number_of<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
    pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
}

fn attempt_row(attempt: &Attempt) -> AttemptRow {
    let (status, error, detail) = match &attempt.outcome {
        Outcome::Answered(status) => (*status, 0, String::new()),
        Outcome::Failed { kind, detail } => (0, number_of(&ERRORS, kind), detail.clone()),
        Outcome::Gone => (0, ERROR_GONE, String::new()),
        Outcome::Unreadable { detail } => (0, ERROR_UNREADABLE, detail.clone()),
    };
    AttemptRow {
        at_micros: attempt.at.micros(),
        duration_micros: u64::try_from(attempt.duration.as_micros()).unwrap_or(u64::MAX),
        status,
        error,
        detail,
        excerpt: attempt.excerpt.clone(),
    }
}

fn attempt(row: AttemptRow) -> Attempt {
    let kind = ERRORS.iter().find(|(_, number)| *number == row.error).map(|(kind, _)| *kind);
    let outcome = match (row.error, kind) {
        (0, _) => Outcome::Answered(row.status),
        (_, Some(kind)) => Outcome::Failed { kind, detail: row.detail },
        (ERROR_UNREADABLE, None) => Outcome::Unreadable { detail: row.detail },
        (_, None) => Outcome::Gone,
    };
    Attempt {
        at: Timestamp::from_micros(row.at_micros),
        duration: Duration::from_micros(row.duration_micros),
        outcome,
        excerpt: row.excerpt,
    }
}

fn delivery(id: DeliveryId, row: DeliveryRow) -> Delivery {
    let some = |micros: i64| (micros != 0).then(|| Timestamp::from_micros(micros));
    let state = STATES.iter().find(|(_, number)| *number == row.state);
    let state = state.map_or(State::Cancelled, |(state, _)| *state);
    Delivery {
        id,
        webhook: row.webhook,
        source: if row.is_test { Source::Test(row.event) } else { Source::Event(row.event) },
        state,
        created: id.created(),
        due: (state == State::Scheduled)
            .then(|| some(row.due_micros).unwrap_or_else(|| id.created())),
        finished: some(row.finished_micros),
        attempts: row.attempts.into_iter().map(attempt).collect(),
    }
}

/// Puts a fresh delivery into the outbox.
pub(super) fn insert(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    webhook: WebhookId,
    source: Source,
) -> Result<(), StoreError> {
    let row = DeliveryRow {
        webhook,
        event: source.event(),
        is_test: matches!(source, Source::Test(_)),
        state: number_of(&STATES, &State::Scheduled),
        due_micros: 0,
        finished_micros: 0,
        attempts: Vec::new(),
    };
    tx.put(&OUTBOX, &id, &row)
}

/// Writes an attempt and what follows it: the only place where a delivery changes state.
///
/// A delivery that is not in the outbox any more stays as it is.
pub(super) fn record(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    made: &Attempt,
    decide: impl FnOnce(usize) -> Next,
) -> Result<Option<Next>, StoreError> {
    let Some(mut row) = tx.get(&OUTBOX, &id)? else { return Ok(None) };
    if row.due_micros != 0 {
        tx.remove(&OUTBOX_DUE, &(Timestamp::from_micros(row.due_micros), id));
    }
    row.attempts.push(attempt_row(made));
    let next = decide(row.attempts.len());
    if row.attempts.len() > ATTEMPTS_KEPT_MAX {
        row.attempts.remove(0);
    }
    match next {
        Next::Retry(due) => {
            row.due_micros = due.micros();
            tx.put(&OUTBOX_DUE, &(due, id), &DueRow(row.webhook))?;
            tx.put(&OUTBOX, &id, &row)?;
        }
        Next::Finished(state) => {
            row.state = number_of(&STATES, &state);
            row.due_micros = 0;
            row.finished_micros = tx.now().micros();
            tx.remove(&OUTBOX, &id);
            tx.put(&DELIVERIES, &id, &row)?;
        }
    }
    Ok(Some(next))
}

/// The delivery with this id, scheduled or finished.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let row = match from.get(&OUTBOX, &id)? {
        Some(row) => Some(row),
        None => from.get(&DELIVERIES, &id)?,
    };
    Ok(row.map(|row| delivery(id, row)))
}

/// Whether the outbox holds anything.
///
/// # Errors
/// Where the store can not be read.
pub fn has_backlog(from: &impl Read) -> Result<bool, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    Ok(!from.page(&OUTBOX, all, Order::Ascending, 1)?.is_empty())
}

/// A scheduled delivery as the scanners see it.
pub(super) struct Scheduled {
    pub(super) id: DeliveryId,
    pub(super) webhook: WebhookId,
    pub(super) source: Source,
    /// Whether it waits for its first attempt.
    pub(super) is_fresh: bool,
}

/// The next rows of the outbox after `after`, at most [`SCAN_ROWS_MAX`].
pub(super) fn scan_outbox(
    from: &impl Read,
    after: Option<DeliveryId>,
) -> Result<Vec<Scheduled>, StoreError> {
    let mut found = Vec::new();
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    from.scan(&OUTBOX, range, Order::Ascending, |id, row| {
        let is_fresh = row.due_micros == 0;
        let Delivery { webhook, source, .. } = delivery(id, row);
        found.push(Scheduled { id, webhook, source, is_fresh });
        if found.len() < SCAN_ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// The next entries of the due index after `after`, at most [`SCAN_ROWS_MAX`].
pub(super) fn scan_due(
    from: &impl Read,
    after: Option<(Timestamp, DeliveryId)>,
) -> Result<Vec<(Timestamp, DeliveryId, WebhookId)>, StoreError> {
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let rows = from.page(&OUTBOX_DUE, range, Order::Ascending, SCAN_ROWS_MAX)?;
    Ok(rows.into_iter().map(|((due, id), row)| (due, id, row.0)).collect())
}

/// Which deliveries a listing wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those of this webhook.
    pub webhook: Option<WebhookId>,
    /// Only those of this event.
    pub event: Option<EventId>,
    /// Only those in this state.
    pub state: Option<State>,
}

impl Filter {
    fn wants(&self, delivery: &Delivery) -> bool {
        self.webhook.is_none_or(|webhook| webhook == delivery.webhook)
            && self.event.is_none_or(|event| event == delivery.source.event())
            && self.state.is_none_or(|state| state == delivery.state)
    }
}

/// Up to `most` deliveries that `filter` wants, newest first, older than `before`; and where to go
/// on, if there may be more. Reads at most `rows_max` rows: a page of a rare kind may come back
/// short, or empty, with a place to go on.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    filter: &Filter,
    before: Option<DeliveryId>,
    most: usize,
    rows_max: usize,
) -> Result<(Vec<Delivery>, Option<DeliveryId>), StoreError> {
    let mut tables = vec![];
    if filter.state.is_none_or(|state| state == State::Scheduled) {
        tables.push(&OUTBOX);
    }
    if filter.state.is_none_or(|state| state != State::Scheduled) {
        tables.push(&DELIVERIES);
    }
    let mut found = Vec::new();
    // The newest id down to which every table was read.
    let mut read_to = None;
    for table in tables {
        let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
        let (mut rows, mut wanted) = (0, 0);
        from.scan(table, range, Order::Descending, |id, row| {
            rows += 1;
            let delivery = delivery(id, row);
            if filter.wants(&delivery) {
                wanted += 1;
                found.push(delivery);
            }
            if wanted < most && rows < rows_max {
                return ControlFlow::Continue(());
            }
            read_to = read_to.max(Some(id));
            ControlFlow::Break(())
        })?;
    }
    found.sort_unstable_by_key(|delivery| std::cmp::Reverse(delivery.id));
    found.retain(|delivery| read_to.is_none_or(|to| delivery.id >= to));
    if found.len() > most {
        found.truncate(most);
        read_to = found.last().map(|delivery| delivery.id);
    }
    Ok((found, read_to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = DeliveryRow {
            webhook: WebhookId::from_u128(3),
            event: EventId::from_u64(7),
            is_test: false,
            state: 1,
            due_micros: 9,
            finished_micros: 0,
            attempts: vec![AttemptRow {
                at_micros: 5,
                duration_micros: 300,
                status: 503,
                error: 0,
                detail: String::new(),
                excerpt: "busy".to_owned(),
            }],
        };
        const FROZEN: &str = "01030700011200010afb2c01fbf701000004627573796bb4105acfa0d005";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<DeliveryRow>(FROZEN), Ok(row));
        assert_eq!(hex_of(&DueRow(WebhookId::from_u128(3))), "0103fec86c6df2aef142");
    }

    #[test]
    fn an_attempt_survives_its_row() {
        let failed = |kind| Outcome::Failed { kind, detail: "why".to_owned() };
        let outcomes = ERRORS
            .iter()
            .map(|(kind, _)| failed(*kind))
            .chain([Outcome::Answered(503), Outcome::Gone])
            .chain([Outcome::Unreadable { detail: "why".to_owned() }]);
        for outcome in outcomes {
            let made = Attempt {
                at: Timestamp::from_micros(5),
                duration: Duration::from_micros(7),
                outcome,
                excerpt: "x".to_owned(),
            };
            assert_eq!(attempt(attempt_row(&made)), made);
        }
    }
}
