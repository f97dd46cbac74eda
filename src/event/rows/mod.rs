//! The table of events: the log. What is found by other things than its place in the log is in
//! `index.rs`.
//!
//! Rows keep the id that a person had when the event was recorded; they are never written again.
//! What is read here for others has the person's present id ([`profile::current`]); what is read
//! for the index and for the duplicate check has the id as it is stored.

mod index;

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(super) use self::index::forget_index;
pub(super) use self::index::{Entry, Line, add, entries, metrics_of, people, unindexed};
pub use self::index::{Indexed, erase, indexed_to, of_people};
use super::Event;
use crate::clock::Timestamp;
use crate::id::{EventId, MetricId, ProfileId};
use crate::limits::EVENTS_PAGE_BYTES_MAX;
use crate::profile;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const EVENTS: Table<EventId, EventRow> = Table::new("events");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EventRow {
    metric: MetricId,
    profile: ProfileId,
    time_seconds: i64,
    received_micros: i64,
    unique_id: String,
    value: Option<String>,
    value_currency: Option<String>,
    properties: String,
    backfill: bool,
}

impl Row for EventRow {
    const SCHEMA: u8 = 1;
}

fn event(id: EventId, row: EventRow) -> Event {
    Event {
        id,
        metric: row.metric,
        profile: row.profile,
        time: Timestamp::from_seconds(row.time_seconds),
        received: Timestamp::from_micros(row.received_micros),
        unique_id: row.unique_id,
        value: row.value,
        value_currency: row.value_currency,
        properties: row.properties,
        backfill: row.backfill,
    }
}

/// The event with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: EventId) -> Result<Option<Event>, StoreError> {
    let Some(mut event) = stored(from, id)? else { return Ok(None) };
    event.profile = profile::current(from, event.profile)?;
    Ok(Some(event))
}

/// Whether the event with this id is stored.
///
/// # Errors
/// Where the store can not be read.
pub fn exists(from: &impl Read, id: EventId) -> Result<bool, StoreError> {
    Ok(stored(from, id)?.is_some())
}

/// The event with this id, about the person's id of then.
pub(super) fn stored(from: &impl Read, id: EventId) -> Result<Option<Event>, StoreError> {
    Ok(from.get(&EVENTS, &id)?.map(|row| event(id, row)))
}

/// The id of the last event of the log; [`EventId::MIN`] where there is none. Also where that event
/// was erased since: what follows the log has been there, so no later event may have a smaller id.
///
/// # Errors
/// Where the store can not be read.
pub fn last(from: &impl Read) -> Result<EventId, StoreError> {
    let newest = from.page(&EVENTS, (Bound::Unbounded, Bound::Unbounded), Order::Descending, 1)?;
    let newest = newest.first().map_or(EventId::MIN, |(id, _)| *id);
    Ok(newest.max(indexed_to(from)?))
}

/// The first `most` events after `after`, up to and including `to`, oldest first; fewer where they
/// are large. It is empty only where there are none left.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    after: EventId,
    to: EventId,
    most: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut taking = Taking { events: Vec::new(), bytes: 0, most };
    if after < to && most > 0 {
        let range = (Bound::Excluded(after), Bound::Included(to));
        from.scan(&EVENTS, range, Order::Ascending, |id, row| taking.take(id, row))?;
    }
    taking.of_now(from)
}

/// As [`page`], leaving out rows that do not verify, for who must not stand still because of one.
///
/// # Errors
/// Where the store can not be read.
pub fn page_intact(
    from: &impl Read,
    after: EventId,
    to: EventId,
    most: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut taking = Taking { events: Vec::new(), bytes: 0, most };
    if after < to && most > 0 {
        let range = (Bound::Excluded(after), Bound::Included(to));
        from.scan_intact(&EVENTS, range, Order::Ascending, |id, row| taking.take(id, row))?;
    }
    taking.of_now(from)
}

/// A page that is being filled.
struct Taking {
    events: Vec<Event>,
    bytes: usize,
    most: usize,
}

impl Taking {
    fn take(&mut self, id: EventId, row: EventRow) -> ControlFlow<()> {
        self.bytes += row.properties.len();
        self.events.push(event(id, row));
        let has_room = self.events.len() < self.most && self.bytes < EVENTS_PAGE_BYTES_MAX;
        if has_room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// The events, each about the person as they are known now.
    fn of_now(mut self, from: &impl Read) -> Result<Vec<Event>, StoreError> {
        for event in &mut self.events {
            event.profile = profile::current(from, event.profile)?;
        }
        Ok(self.events)
    }
}

/// Hands the events after `after` to `visit`, oldest first, until it breaks; each about the
/// person's id of then.
pub(super) fn follow(
    from: &impl Read,
    after: EventId,
    mut visit: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let range = (Bound::Excluded(after), Bound::Unbounded);
    from.scan(&EVENTS, range, Order::Ascending, |id, row| visit(event(id, row)))
}

/// As [`follow`], newest first.
pub(super) fn follow_back(
    from: &impl Read,
    after: EventId,
    mut visit: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let range = (Bound::Excluded(after), Bound::Unbounded);
    from.scan(&EVENTS, range, Order::Descending, |id, row| visit(event(id, row)))
}

/// Appends an event to the log.
///
/// # Errors
/// Where the store fails.
pub fn put(tx: &mut Tx<'_, '_>, event: Event) -> Result<(), StoreError> {
    let id = event.id;
    let row = EventRow {
        metric: event.metric,
        profile: event.profile,
        time_seconds: event.time.seconds(),
        received_micros: event.received.micros(),
        unique_id: event.unique_id,
        value: event.value,
        value_currency: event.value_currency,
        properties: event.properties,
        backfill: event.backfill,
    };
    tx.put(&EVENTS, &id, &row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = EventRow {
            metric: "SkDfHe".parse().unwrap(),
            profile: ProfileId::from_u128(5),
            time_seconds: 1_788_529_135,
            received_micros: 1_788_529_135_123_456,
            unique_id: "order-1".to_owned(),
            value: Some("9.99".to_owned()),
            value_currency: Some("USD".to_owned()),
            properties: r#"{"Brand":"X"}"#.to_owned(),
            backfill: false,
        };
        const FROZEN: &str = "01536b4466486505fcde9335d5fd00f889c750b50c00076f726465722d310104392e393901035553440d7b224272616e64223a2258227d00dd41a30a4b5a1d67";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<EventRow>(FROZEN), Ok(row));
    }
}
