//! How far the log was followed.

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
