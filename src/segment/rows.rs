//! The tables of segments: their definitions, how far a computation is, and the timers.
//!
//! A timer is in two tables that are written together: by its moment, to find what is due, and by
//! segment and person, to move it.

use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Backfill, Segment};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::limits;
use crate::store::{Key as _, Order, Read, Row, StoreError, Table, Tx};

const SEGMENTS: Table<GroupId, SegmentRow> = Table::new("segments");
const SEGMENT_BACKFILLS: Table<GroupId, BackfillRow> = Table::new("segment_backfills");
/// Segments that were deleted and still have members or timers.
const SEGMENTS_LEAVING: Table<GroupId, ()> = Table::new("segments_leaving");
/// Moment, segment, person.
const SEGMENT_TIMERS: Table<(Timestamp, (GroupId, ProfileId)), ()> = Table::new("segment_timers");
/// Segment, person → the moment of the timer.
const SEGMENT_WATCHES: Table<(GroupId, ProfileId), WatchRow> = Table::new("segment_watches");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SegmentRow {
    name: String,
    definition: String,
    is_starred: bool,
    is_active: bool,
    created_micros: i64,
    updated_micros: i64,
    revision: u32,
}

impl Row for SegmentRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct BackfillRow {
    cursor: Option<ProfileId>,
    evaluated: u64,
    total: u64,
}

impl Row for BackfillRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct WatchRow {
    next_micros: i64,
}

impl Row for WatchRow {
    const SCHEMA: u8 = 1;
}

fn segment(id: GroupId, row: SegmentRow) -> Segment {
    Segment {
        id,
        name: row.name,
        definition: row.definition,
        is_starred: row.is_starred,
        is_active: row.is_active,
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
        revision: row.revision,
    }
}

/// Every segment.
pub(super) fn all(from: &impl Read) -> Result<Vec<Segment>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let mut found = Vec::new();
    from.scan_intact(&SEGMENTS, everything, Order::Ascending, |id, row| {
        found.push(segment(id, row));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The ids of every segment.
///
/// # Errors
/// Where the store can not be read.
pub fn ids(from: &impl Read) -> Result<Vec<GroupId>, StoreError> {
    let mut ids = Vec::new();
    // Only the keys are wanted: definitions are large.
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan_bytes(SEGMENTS.name(), all, Order::Ascending, &mut |key, _| {
        ids.extend(GroupId::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

/// The segment with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: GroupId) -> Result<Option<Segment>, StoreError> {
    Ok(from.get(&SEGMENTS, &id)?.map(|row| segment(id, row)))
}

pub(super) fn put(tx: &mut Tx<'_, '_>, segment: &Segment) -> Result<(), StoreError> {
    let row = SegmentRow {
        name: segment.name.clone(),
        definition: segment.definition.clone(),
        is_starred: segment.is_starred,
        is_active: segment.is_active,
        created_micros: segment.created.micros(),
        updated_micros: segment.updated.micros(),
        revision: segment.revision,
    };
    tx.put(&SEGMENTS, &segment.id, &row)
}

/// Removes a segment; what it leaves behind is removed later, bit by bit.
pub(super) fn remove(tx: &mut Tx<'_, '_>, id: GroupId) -> Result<(), StoreError> {
    tx.remove(&SEGMENTS, &id);
    tx.remove(&SEGMENT_BACKFILLS, &id);
    tx.put(&SEGMENTS_LEAVING, &id, &())
}

/// A segment that was deleted and still has members or timers.
///
/// # Errors
/// Where the store can not be read.
pub fn leaving(from: &impl Read) -> Result<Option<GroupId>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let first = from.page(&SEGMENTS_LEAVING, everything, Order::Ascending, 1)?;
    Ok(first.first().map(|(id, ())| *id))
}

/// Nothing of the deleted segment is left.
pub fn left(tx: &mut Tx<'_, '_>, id: GroupId) {
    tx.remove(&SEGMENTS_LEAVING, &id);
}

/// How far the computation of the segment is; `None` where it is complete.
///
/// # Errors
/// Where the store can not be read.
pub fn backfill(from: &impl Read, id: GroupId) -> Result<Option<Backfill>, StoreError> {
    Ok(from.get(&SEGMENT_BACKFILLS, &id)?.map(backfill_of))
}

const fn backfill_of(row: BackfillRow) -> Backfill {
    Backfill { cursor: row.cursor, evaluated: row.evaluated, total: row.total }
}

/// Every computation under way.
///
/// # Errors
/// Where the store can not be read.
pub fn backfills(from: &impl Read) -> Result<Vec<(GroupId, Backfill)>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&SEGMENT_BACKFILLS, everything, Order::Ascending, limits::SEGMENTS_MAX)?;
    Ok(rows.into_iter().map(|(id, row)| (id, backfill_of(row))).collect())
}

/// Writes how far the computation of a segment is.
///
/// # Errors
/// Where the store fails.
pub fn put_backfill(tx: &mut Tx<'_, '_>, id: GroupId, at: Backfill) -> Result<(), StoreError> {
    let row = BackfillRow { cursor: at.cursor, evaluated: at.evaluated, total: at.total };
    tx.put(&SEGMENT_BACKFILLS, &id, &row)
}

/// The computation of the segment is complete.
pub fn remove_backfill(tx: &mut Tx<'_, '_>, id: GroupId) {
    tx.remove(&SEGMENT_BACKFILLS, &id);
}

/// A timer: at this moment the answer for this person may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The segment.
    pub segment: GroupId,
    /// The person.
    pub profile: ProfileId,
    /// The moment.
    pub next: Timestamp,
}

/// The moment of the timer for a person in a segment.
///
/// # Errors
/// Where the store can not be read.
pub fn watch(
    from: &impl Read,
    segment: GroupId,
    profile: ProfileId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = from.get(&SEGMENT_WATCHES, &(segment, profile))?;
    Ok(row.map(|row| Timestamp::from_micros(row.next_micros)))
}

/// Sets, moves or (with `None`) removes the timer for a person in a segment.
///
/// # Errors
/// Where the store fails.
pub fn set_watch(
    tx: &mut Tx<'_, '_>,
    segment: GroupId,
    profile: ProfileId,
    next: Option<Timestamp>,
) -> Result<(), StoreError> {
    let key = (segment, profile);
    if let Some(old) = watch(tx, segment, profile)? {
        tx.remove(&SEGMENT_TIMERS, &(old, key));
    }
    match next {
        Some(next) => {
            tx.put(&SEGMENT_TIMERS, &(next, key), &())?;
            tx.put(&SEGMENT_WATCHES, &key, &WatchRow { next_micros: next.micros() })
        }
        None => {
            tx.remove(&SEGMENT_WATCHES, &key);
            Ok(())
        }
    }
}

/// The timers that are due at `now`, up to `most`, the oldest first.
///
/// # Errors
/// Where the store can not be read.
pub fn due(from: &impl Read, now: Timestamp, most: usize) -> Result<Vec<Watch>, StoreError> {
    let end = Bound::Excluded((now.plus(Duration::from_micros(1)), FIRST));
    let rows = from.page(&SEGMENT_TIMERS, (Bound::Unbounded, end), Order::Ascending, most)?;
    let watch = |(next, (segment, profile))| Watch { segment, profile, next };
    Ok(rows.into_iter().map(|(key, ())| watch(key)).collect())
}

/// Before every segment and person.
const FIRST: (GroupId, ProfileId) = (GroupId::FIRST, ProfileId::from_u128(0));

/// The moment of the next timer.
///
/// # Errors
/// Where the store can not be read.
pub fn next_due(from: &impl Read) -> Result<Option<Timestamp>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let first = from.page(&SEGMENT_TIMERS, everything, Order::Ascending, 1)?;
    Ok(first.first().map(|((next, _), ())| *next))
}

/// Removes up to `most` timers of a segment; returns how many there were.
///
/// # Errors
/// Where the store fails.
pub fn drop_watches(
    tx: &mut Tx<'_, '_>,
    segment: GroupId,
    most: usize,
) -> Result<usize, StoreError> {
    let start = Bound::Included((segment, ProfileId::from_u128(0)));
    let end = Bound::Included((segment, ProfileId::from_u128(u128::MAX)));
    let mut found = Vec::new();
    tx.scan(&SEGMENT_WATCHES, (start, end), Order::Ascending, |key, _| {
        found.push(key);
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    for (segment, profile) in &found {
        set_watch(tx, *segment, *profile, None)?;
    }
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = SegmentRow {
            name: "VIPs".to_owned(),
            definition: r#"{"condition_groups":[]}"#.to_owned(),
            is_starred: false,
            is_active: true,
            created_micros: 1,
            updated_micros: 2,
            revision: 3,
        };
        const FROZEN: &str = "010456495073177b22636f6e646974696f6e5f67726f757073223a5b5d7d00010204032047cce07cc9d413";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<SegmentRow>(FROZEN), Ok(row));
        let at =
            BackfillRow { cursor: Some(ProfileId::from_u128(5)), evaluated: 300, total: 1_000 };
        assert_eq!(hex_of(&at), "010105fb2c01fbe803593d5bb06f14274f");
        assert_eq!(
            hex_of(&WatchRow { next_micros: 1_788_529_135_123_456 }),
            "01fd00f889c750b50c00aaec5b51e1f4addb"
        );
    }
}
