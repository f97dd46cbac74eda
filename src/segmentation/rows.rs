//! How far the log was followed, and by which calendar.

use serde::{Deserialize, Serialize};

use crate::id::EventId;
use crate::store::{Read, Row, StoreError, Table, Tx};

const SEGMENT_CURSOR: Table<(), CursorRow> = Table::new("segment_cursor");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CursorRow {
    followed_to: EventId,
}

impl Row for CursorRow {
    const SCHEMA: u8 = 1;
}

const SEGMENT_CALENDAR: Table<(), CalendarRow> = Table::new("segment_calendar");

/// What all answers stand on besides the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CalendarRow {
    zone: String,
    meaning: u32,
}

impl Row for CalendarRow {
    const SCHEMA: u8 = 1;
}

/// Counts the changes of what conditions mean: a version that reads them otherwise asks everybody
/// anew.
const MEANING: u32 = 1;

/// Whether the answers that are stored were found by the calendar of this zone.
pub(super) fn is_calendar(from: &impl Read, zone: &str) -> Result<bool, StoreError> {
    let row = from.get(&SEGMENT_CALENDAR, &())?;
    Ok(row.is_some_and(|row| row.zone == zone && row.meaning == MEANING))
}

pub(super) fn put_calendar(tx: &mut Tx<'_, '_>, zone: &str) -> Result<(), StoreError> {
    let row = CalendarRow { zone: zone.to_owned(), meaning: MEANING };
    tx.put(&SEGMENT_CALENDAR, &(), &row)
}

/// The last event that was followed; [`EventId::MIN`] where none was.
///
/// # Errors
/// Where the store can not be read.
pub fn followed_to(from: &impl Read) -> Result<EventId, StoreError> {
    Ok(from.get(&SEGMENT_CURSOR, &())?.map_or(EventId::MIN, |row| row.followed_to))
}

pub(super) fn put(tx: &mut Tx<'_, '_>, followed_to: EventId) -> Result<(), StoreError> {
    tx.put(&SEGMENT_CURSOR, &(), &CursorRow { followed_to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hex_of;

    #[test]
    fn rows_have_frozen_bytes() {
        assert_eq!(
            hex_of(&CursorRow { followed_to: EventId::from_u64(300) }),
            "01fb2c01e431de0e48731730"
        );
    }
}
