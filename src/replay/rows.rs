//! The table of replays. A row has all of a replay: what it wants, and how far it got.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{Choice, Counts, Replay, Status, Stretch, Wanted};
use crate::clock::Timestamp;
use crate::id::{EventId, ReplayId, WebhookId};
use crate::limits::{REPLAYS_KEPT_MAX, REPLAYS_UNFINISHED_MAX};
use crate::store::{DecodeError, Order, Read, Row, StoreError, Table, Tx};

const REPLAYS: Table<ReplayId, ReplayRow> = Table::new("replays");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ReplayRow {
    webhook: WebhookId,
    name: Option<String>,
    from_micros: i64,
    to_micros: i64,
    topics: Vec<String>,
    states: Vec<u8>,
    filter: Option<String>,
    rate_per_second: u32,
    status: u8,
    reason: Option<String>,
    after: EventId,
    to: EventId,
    cursor: EventId,
    scanned: u64,
    matched: u64,
    scheduled: u64,
    skipped: u64,
    updated_micros: i64,
    /// Zero where it is not finished.
    finished_micros: i64,
}

impl Row for ReplayRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const CHOICES: [(Choice, u8); 5] = [
    (Choice::Never, 1),
    (Choice::Exhausted, 2),
    (Choice::Cancelled, 3),
    (Choice::Parked, 4),
    (Choice::Delivered, 5),
];
const STATUSES: [(Status, u8); 5] = [
    (Status::Running, 1),
    (Status::Paused, 2),
    (Status::Completed, 3),
    (Status::Cancelled, 4),
    (Status::Failed, 5),
];

fn number_of<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
    pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
}

fn value_of<T: Copy>(pairs: &[(T, u8)], of: u8) -> Option<T> {
    pairs.iter().find(|(_, number)| *number == of).map(|(value, _)| *value)
}

fn row(replay: &Replay) -> ReplayRow {
    let (wanted, counts) = (&replay.wanted, replay.counts);
    ReplayRow {
        webhook: wanted.webhook,
        name: replay.name.clone(),
        from_micros: wanted.from.micros(),
        to_micros: wanted.to.micros(),
        topics: wanted.topics.clone(),
        states: wanted.states.iter().map(|choice| number_of(&CHOICES, choice)).collect(),
        filter: wanted.filter.clone(),
        rate_per_second: replay.rate_per_second,
        status: number_of(&STATUSES, &replay.status),
        reason: replay.reason.clone(),
        after: replay.stretch.after,
        to: replay.stretch.to,
        cursor: replay.cursor,
        scanned: counts.scanned,
        matched: counts.matched,
        scheduled: counts.scheduled,
        skipped: counts.skipped,
        updated_micros: replay.updated.micros(),
        finished_micros: replay.finished.map_or(0, Timestamp::micros),
    }
}

fn replay(id: ReplayId, row: ReplayRow) -> Option<Replay> {
    let states: Option<Vec<Choice>> =
        row.states.into_iter().map(|number| value_of(&CHOICES, number)).collect();
    Some(Replay {
        id,
        name: row.name,
        wanted: Wanted {
            webhook: row.webhook,
            from: Timestamp::from_micros(row.from_micros),
            to: Timestamp::from_micros(row.to_micros),
            topics: row.topics,
            states: states?,
            filter: row.filter,
        },
        rate_per_second: row.rate_per_second,
        status: value_of(&STATUSES, row.status)?,
        reason: row.reason,
        stretch: Stretch { after: row.after, to: row.to },
        cursor: row.cursor,
        counts: Counts {
            scanned: row.scanned,
            matched: row.matched,
            scheduled: row.scheduled,
            skipped: row.skipped,
        },
        created: id.created(),
        updated: Timestamp::from_micros(row.updated_micros),
        finished: (row.finished_micros != 0).then(|| Timestamp::from_micros(row.finished_micros)),
    })
}

fn read(id: ReplayId, row: ReplayRow) -> Result<Replay, StoreError> {
    let corrupt = || StoreError::Corrupt { table: REPLAYS.name(), error: DecodeError::Content };
    replay(id, row).ok_or_else(corrupt)
}

/// The replay with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: ReplayId) -> Result<Option<Replay>, StoreError> {
    from.get(&REPLAYS, &id)?.map(|row| read(id, row)).transpose()
}

/// Up to `most` replays before `before`, newest first.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    before: Option<ReplayId>,
    most: usize,
) -> Result<Vec<Replay>, StoreError> {
    let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
    let rows = from.page(&REPLAYS, range, Order::Descending, most)?;
    rows.into_iter().map(|(id, row)| read(id, row)).collect()
}

/// Every replay, oldest first.
pub(super) fn all(from: &impl Read) -> Result<Vec<Replay>, StoreError> {
    // Those that finish after the last one was made are dropped when the next one is.
    let most = 2 * (REPLAYS_UNFINISHED_MAX + REPLAYS_KEPT_MAX);
    let mut all = page(from, None, most)?;
    all.reverse();
    Ok(all)
}

pub(super) fn put(tx: &mut Tx<'_, '_>, replay: &Replay) -> Result<(), StoreError> {
    tx.put(&REPLAYS, &replay.id, &row(replay))
}

pub(super) fn remove(tx: &mut Tx<'_, '_>, id: ReplayId) {
    tx.remove(&REPLAYS, &id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    fn example() -> Replay {
        let id = ReplayId::from_u128(1_788_529_135_123 << 80);
        Replay {
            id,
            name: Some("after the outage".to_owned()),
            wanted: Wanted {
                webhook: WebhookId::from_u128(5),
                from: Timestamp::from_seconds(1_788_500_000),
                to: Timestamp::from_seconds(1_788_529_135),
                topics: vec!["event:api.seen".to_owned()],
                states: vec![Choice::Never, Choice::Exhausted],
                filter: Some(r#"{"condition_groups":[]}"#.to_owned()),
            },
            rate_per_second: 100,
            status: Status::Paused,
            reason: Some("the webhook is off".to_owned()),
            stretch: Stretch { after: EventId::from_u64(9), to: EventId::from_u64(1_000) },
            cursor: EventId::from_u64(500),
            counts: Counts { scanned: 400, matched: 300, scheduled: 200, skipped: 10 },
            created: id.created(),
            updated: Timestamp::from_micros(1_788_529_136_000_001),
            finished: None,
        }
    }

    #[test]
    fn rows_have_frozen_bytes() {
        const FROZEN: &str = "01050110616674657220746865206f7574616765fd00905c3643b50c00fd803386c750b50c00010e6576656e743a6170692e7365656e02010201177b22636f6e646974696f6e5f67726f757073223a5b5d7d6402011274686520776562686f6f6b206973206f666609fbe803fbf401fb9001fb2c01c80afd02b8a4c750b50c000057f12736dd2c6d5a";
        assert_eq!(hex_of(&row(&example())), FROZEN);
        assert_eq!(from_hex::<ReplayRow>(FROZEN), Ok(row(&example())));
    }

    #[test]
    fn a_row_reads_as_it_was_written() {
        for (status, _) in STATUSES {
            let mut written = Replay { status, ..example() };
            written.finished = status.is_finished().then(|| Timestamp::from_seconds(7));
            assert_eq!(replay(written.id, row(&written)), Some(written));
        }
        let strange = ReplayRow { status: 9, ..row(&example()) };
        assert_eq!(replay(example().id, strange), None);
        let strange = ReplayRow { states: vec![9], ..row(&example()) };
        assert_eq!(replay(example().id, strange), None);
    }

    #[test]
    fn progress_is_a_share_of_the_stretch() {
        let at = |cursor, status| {
            let stretch = Stretch { after: EventId::from_u64(100), to: EventId::from_u64(300) };
            let cursor = EventId::from_u64(cursor);
            Replay { stretch, cursor, status, ..example() }
        };
        let cases = [
            (100, Status::Running, 0.0),
            (200, Status::Paused, 0.5),
            (200, Status::Cancelled, 0.5),
            (300, Status::Running, 1.0),
            (200, Status::Completed, 1.0),
        ];
        for (cursor, status, expected) in cases {
            let progress = at(cursor, status).progress();
            assert!((progress - expected).abs() < 1e-9, "{cursor} {status:?}: {progress}");
        }
        assert_eq!(at(100, Status::Running).cursor_time(), None);
        assert_eq!(at(101, Status::Running).cursor_time(), Some(Timestamp::EPOCH));
    }
}
