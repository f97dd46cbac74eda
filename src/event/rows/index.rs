//! The index of events: by time, by metric, by person.
//!
//! | table | key → row |
//! |---|---|
//! | `events_by_time` | place |
//! | `events_by_metric` | metric, place → person, value |
//! | `events_by_profile` | person, metric, place → value |
//! | `events_indexed` | → the last event that is in all of them |
//!
//! All of it is derived from the log, later and in sorted batches (`event/index.rs`): keys by
//! person are random, which the commit of an event can not afford. What is older than the cursor
//! has every entry, what is newer is read from the log. A person's id is the one that the event's
//! row has, which is never written again: who reads asks for the former ids of a person as well.

use std::ops::{Bound, ControlFlow, RangeInclusive};

use serde::{Deserialize, Serialize};

use super::EVENTS;
use crate::event::Place;
use crate::id::{EventId, MetricId, ProfileId};
use crate::store::{DecodeError, Key, Order, Read, Row, StoreError, Table, Tx};

const BY_TIME: Table<Place, ()> = Table::new("events_by_time");
const BY_METRIC: Table<(MetricId, Place), MetricEntryRow> = Table::new("events_by_metric");
const BY_PROFILE: Table<ByProfile, ProfileEntryRow> = Table::new("events_by_profile");
const INDEXED: Table<(), CursorRow> = Table::new("events_indexed");

/// A person's events of one kind stand together, by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ByProfile {
    profile: ProfileId,
    metric: MetricId,
    place: Place,
}

impl Key for ByProfile {
    fn write(&self, to: &mut Vec<u8>) {
        self.profile.write(to);
        self.metric.write(to);
        self.place.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (profile, metric) = (ProfileId::read(from)?, MetricId::read(from)?);
        Some(Self { profile, metric, place: Place::read(from)? })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct MetricEntryRow {
    profile: ProfileId,
    value: Option<f64>,
}

impl Row for MetricEntryRow {
    const SCHEMA: u8 = 1;
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ProfileEntryRow {
    value: Option<f64>,
}

impl Row for ProfileEntryRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CursorRow {
    indexed_to: EventId,
}

impl Row for CursorRow {
    const SCHEMA: u8 = 1;
}

// ---- Writing ----

/// Events that are not in the index yet, and what their entries are.
pub(in crate::event) struct Unindexed {
    by_time: Vec<Place>,
    by_metric: Vec<((MetricId, Place), MetricEntryRow)>,
    by_profile: Vec<(ByProfile, ProfileEntryRow)>,
    after: EventId,
    to: EventId,
}

impl Unindexed {
    /// How many events they are.
    pub(in crate::event) const fn len(&self) -> usize {
        self.by_time.len()
    }

    fn sort(&mut self) {
        self.by_time.sort_unstable();
        self.by_metric.sort_unstable_by_key(|(key, _)| *key);
        self.by_profile.sort_unstable_by_key(|(key, _)| *key);
    }
}

/// The oldest events that are not in the index, up to `most`; `None` where there are none. One
/// whose row does not verify is told to the operator and left out.
pub(in crate::event) fn unindexed(
    from: &impl Read,
    most: usize,
) -> Result<Option<Unindexed>, StoreError> {
    let after = indexed_to(from)?;
    let (by_time, by_metric, by_profile) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = Unindexed { by_time, by_metric, by_profile, after, to: after };
    let range = (Bound::Excluded(after), Bound::Unbounded);
    from.scan_intact(&EVENTS, range, Order::Ascending, |id, row| {
        let place = Place::new(row.time_seconds, id);
        let value = row.value.as_deref().and_then(|value| value.parse().ok());
        let (profile, metric) = (row.profile, row.metric);
        found.by_time.push(place);
        found.by_metric.push(((metric, place), MetricEntryRow { profile, value }));
        let key = ByProfile { profile, metric, place };
        found.by_profile.push((key, ProfileEntryRow { value }));
        found.to = id;
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    found.sort();
    Ok(if found.len() == 0 { None } else { Some(found) })
}

/// Writes the entries, and that they are written. Does nothing where the index went on since they
/// were read.
pub(in crate::event) fn add(tx: &mut Tx<'_, '_>, new: &Unindexed) -> Result<(), StoreError> {
    if indexed_to(tx)? != new.after {
        return Ok(());
    }
    for place in &new.by_time {
        tx.put(&BY_TIME, place, &())?;
    }
    for (key, row) in &new.by_metric {
        tx.put(&BY_METRIC, key, row)?;
    }
    for (key, row) in &new.by_profile {
        tx.put(&BY_PROFILE, key, row)?;
    }
    tx.put(&INDEXED, &(), &CursorRow { indexed_to: new.to })
}

/// An event in the index, with all that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed(ByProfile);

impl Indexed {
    /// The event.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.0.place.id()
    }
}

/// Up to `most` indexed events of these ids of people. What is not indexed yet ([`indexed_to`]) is
/// not among them.
///
/// # Errors
/// Where the store can not be read.
pub fn of_people(
    from: &impl Read,
    people: impl IntoIterator<Item = ProfileId>,
    most: usize,
) -> Result<Vec<Indexed>, StoreError> {
    let mut found = Vec::new();
    for id in people {
        let rows = from.page(&BY_PROFILE, all_of(id), Order::Ascending, most - found.len())?;
        found.extend(rows.into_iter().map(|(key, _)| Indexed(key)));
    }
    Ok(found)
}

/// Removes events from the log and from the index.
pub fn erase(tx: &mut Tx<'_, '_>, events: &[Indexed]) {
    for Indexed(key) in events {
        tx.remove(&BY_PROFILE, key);
        tx.remove(&BY_METRIC, &(key.metric, key.place));
        tx.remove(&BY_TIME, &key.place);
        tx.remove(&EVENTS, &key.place.id());
    }
}

// ---- Reading ----

/// Up to and with this event, all are in the index.
///
/// # Errors
/// Where the store can not be read.
pub fn indexed_to(from: &impl Read) -> Result<EventId, StoreError> {
    Ok(from.get(&INDEXED, &())?.map_or(EventId::MIN, |row| row.indexed_to))
}

/// Events that stand together in the index, in the order of their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::event) enum Line {
    /// All that there are.
    All,
    /// Those of a metric.
    Metric(MetricId),
    /// Those of a metric that one id of a person has.
    Person(ProfileId, MetricId),
}

/// An event in the index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::event) struct Entry {
    pub(in crate::event) place: Place,
    /// Its value; `None` in [`Line::All`], which has none.
    pub(in crate::event) value: Option<f64>,
}

/// Hands the entries of a line in a range to `visit`, in `order`, until it breaks.
pub(in crate::event) fn entries(
    from: &impl Read,
    line: Line,
    range: RangeInclusive<Place>,
    order: Order,
    mut visit: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let (first, last) = range.into_inner();
    if first > last {
        return Ok(());
    }
    match line {
        Line::All => {
            let range = (Bound::Included(first), Bound::Included(last));
            from.scan(&BY_TIME, range, order, |place, ()| visit(Entry { place, value: None }))
        }
        Line::Metric(metric) => {
            let range = (Bound::Included((metric, first)), Bound::Included((metric, last)));
            from.scan(&BY_METRIC, range, order, |(_, place), row| {
                visit(Entry { place, value: row.value })
            })
        }
        Line::Person(profile, metric) => {
            let key = |place| Bound::Included(ByProfile { profile, metric, place });
            from.scan(&BY_PROFILE, (key(first), key(last)), order, |key, row| {
                visit(Entry { place: key.place, value: row.value })
            })
        }
    }
}

/// Hands a metric's events in a range to `visit` with the person's id of then, oldest first, until
/// it breaks.
pub(in crate::event) fn people(
    from: &impl Read,
    metric: MetricId,
    range: RangeInclusive<Place>,
    mut visit: impl FnMut(Entry, ProfileId) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let (first, last) = range.into_inner();
    if first > last {
        return Ok(());
    }
    let range = (Bound::Included((metric, first)), Bound::Included((metric, last)));
    from.scan(&BY_METRIC, range, Order::Ascending, |(_, place), row| {
        visit(Entry { place, value: row.value }, row.profile)
    })
}

/// The metrics of which an id of a person has events, each with its latest: one look-up each.
pub(in crate::event) fn metrics_of(
    from: &impl Read,
    profile: ProfileId,
) -> Result<Vec<(MetricId, Place)>, StoreError> {
    let (first, last) = all_of(profile);
    let first = first.map(|key| key.to_bytes());
    let mut before = last.map(|key| key.to_bytes());
    let mut metrics = Vec::new();
    loop {
        let mut found = None;
        let range = (first.clone(), before);
        // Only the key is wanted: nothing is decoded and verified for it.
        from.scan_bytes(BY_PROFILE.name(), range, Order::Descending, &mut |key, _| {
            found = Some(ByProfile::from_bytes(key));
            ControlFlow::Break(())
        })?;
        let Some(key) = found else { return Ok(metrics) };
        let key = key
            .ok_or(StoreError::Corrupt { table: BY_PROFILE.name(), error: DecodeError::Content })?;
        metrics.push((key.metric, key.place));
        let oldest = *Place::all_of(&(i64::MIN..=i64::MAX)).start();
        before = Bound::Excluded(ByProfile { place: oldest, ..key }.to_bytes());
    }
}

/// All keys of an id of a person.
fn all_of(profile: ProfileId) -> (Bound<ByProfile>, Bound<ByProfile>) {
    let (first, last) = Place::all_of(&(i64::MIN..=i64::MAX)).into_inner();
    let key = |metric: &str, place| {
        let metric = metric.parse().expect("these are six letters and digits");
        Bound::Included(ByProfile { profile, metric, place })
    };
    (key("000000", first), key("zzzzzz", last))
}

/// Empties the index, for tests of a log that never had one.
#[cfg(test)]
pub(in crate::event) fn forget_index(tx: &mut Tx<'_, '_>) {
    fn empty<K: Key, V: Row>(tx: &mut Tx<'_, '_>, table: &Table<K, V>) {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let rows = tx.page(table, all, Order::Ascending, usize::MAX).unwrap();
        rows.iter().for_each(|(key, _)| tx.remove(table, key));
    }
    empty(tx, &BY_TIME);
    empty(tx, &BY_METRIC);
    empty(tx, &BY_PROFILE);
    tx.remove(&INDEXED, &());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn keys_and_rows_have_frozen_bytes() {
        let place = Place::new(1_788_529_135, EventId::from_u64(7));
        assert_eq!(
            place.to_bytes()[..],
            [128, 0, 0, 0, 106, 154, 201, 239, 0, 0, 0, 0, 0, 0, 0, 7]
        );
        let metric: MetricId = "SkDfHe".parse().unwrap();
        let key = ByProfile { profile: ProfileId::from_u128(5), metric, place };
        let bytes = key.to_bytes();
        assert_eq!((bytes.len(), bytes[15], &bytes[16..22]), (38, 5, &b"SkDfHe"[..]));
        assert_eq!(bytes[22..], place.to_bytes());
        assert_eq!(ByProfile::from_bytes(&bytes), Some(key));
        let row = MetricEntryRow { profile: ProfileId::from_u128(5), value: Some(9.99) };
        let entry = ProfileEntryRow { value: None };
        let cursor = CursorRow { indexed_to: EventId::from_u64(7) };
        const FROZEN: &str = "0105017b14ae47e1fa23400e7df4143abb95e0";
        let frozen = [FROZEN, "0100c07672ce0aac94ab", "0107162dc68dd5239e86"];
        assert_eq!([hex_of(&row), hex_of(&entry), hex_of(&cursor)], frozen);
        assert_eq!(from_hex::<MetricEntryRow>(FROZEN), Ok(row));
    }
}
