//! The table of erasures, which become receipts.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::{Erased, Erasure, ErasureError, Named, Status, Trail};
use crate::clock::Timestamp;
use crate::id::{EventId, JobId, ProfileId};
use crate::limits;
use crate::profile::Identifier;
use crate::store::{DecodeError, Order, Read, Row, StoreError, Table, Tx};

const ERASURES: Table<JobId, ErasureRow> = Table::new("erasures");
/// Those that are not complete.
const ERASURES_UNFINISHED: Table<JobId, ()> = Table::new("erasures_unfinished");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ErasureRow {
    status: u8,
    named_id: Option<ProfileId>,
    /// Kind, identifier.
    named_by: Option<(u8, String)>,
    identifiers: Vec<String>,
    searched_to: Option<(JobId, u32)>,
    is_searched: bool,
    digests: Vec<(u8, [u8; 32])>,
    people: Vec<ProfileId>,
    events_to: Option<EventId>,
    profiles: u64,
    memberships: u64,
    events: u64,
    deliveries: u64,
    begun_micros: Option<i64>,
    finished_micros: Option<i64>,
}

impl Row for ErasureRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const STATUSES: [(Status, u8); 3] =
    [(Status::Queued, 1), (Status::Processing, 2), (Status::Complete, 3)];
const KINDS: [(Identifier, u8); 4] = [
    (Identifier::ExternalId, 1),
    (Identifier::Email, 2),
    (Identifier::PhoneNumber, 3),
    (Identifier::AnonymousId, 4),
];

fn number_of<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
    pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
}

fn value_of<T: Copy>(pairs: &[(T, u8)], of: u8) -> Option<T> {
    pairs.iter().find(|(_, number)| *number == of).map(|(value, _)| *value)
}

fn row(erasure: &Erasure) -> ErasureRow {
    let (named_id, named_by) = match &erasure.named {
        None => (None, None),
        Some(Named::Id(id)) => (Some(*id), None),
        Some(Named::By(kind, text)) => (None, Some((number_of(&KINDS, kind), text.clone()))),
    };
    let digests = erasure.digests.iter().map(|(kind, digest)| (number_of(&KINDS, kind), *digest));
    ErasureRow {
        status: number_of(&STATUSES, &erasure.status),
        named_id,
        named_by,
        identifiers: erasure.identifiers.clone(),
        searched_to: erasure.searched_to,
        is_searched: erasure.is_searched,
        digests: digests.collect(),
        people: erasure.trail.people.clone(),
        events_to: erasure.trail.events_to,
        profiles: erasure.erased.profiles,
        memberships: erasure.erased.memberships,
        events: erasure.erased.events,
        deliveries: erasure.erased.deliveries,
        begun_micros: erasure.begun.map(Timestamp::micros),
        finished_micros: erasure.finished.map(Timestamp::micros),
    }
}

fn erasure(id: JobId, row: ErasureRow) -> Option<Erasure> {
    let named = match (row.named_id, row.named_by) {
        (Some(id), _) => Some(Named::Id(id)),
        (None, Some((kind, text))) => Some(Named::By(value_of(&KINDS, kind)?, text)),
        (None, None) => None,
    };
    let mut digests = Vec::with_capacity(row.digests.len());
    for (kind, digest) in row.digests {
        digests.push((value_of(&KINDS, kind)?, digest));
    }
    Some(Erasure {
        id,
        status: value_of(&STATUSES, row.status)?,
        named,
        identifiers: row.identifiers,
        searched_to: row.searched_to,
        is_searched: row.is_searched,
        digests,
        trail: Trail { people: row.people, events_to: row.events_to },
        erased: Erased {
            profiles: row.profiles,
            memberships: row.memberships,
            events: row.events,
            deliveries: row.deliveries,
        },
        begun: row.begun_micros.map(Timestamp::from_micros),
        finished: row.finished_micros.map(Timestamp::from_micros),
    })
}

fn read(id: JobId, row: ErasureRow) -> Result<Erasure, StoreError> {
    let corrupt = || StoreError::Corrupt { table: ERASURES.name(), error: DecodeError::Content };
    erasure(id, row).ok_or_else(corrupt)
}

/// The erasure with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: JobId) -> Result<Option<Erasure>, StoreError> {
    from.get(&ERASURES, &id)?.map(|row| read(id, row)).transpose()
}

/// Takes on an erasure. Nothing else is refused for want of room on the disk less than this.
///
/// # Errors
/// Where too many wait already, or the store fails.
pub fn create(tx: &mut Tx<'_, '_>, named: Named) -> Result<Erasure, ErasureError> {
    let mut waiting = 0;
    tx.scan(&ERASURES_UNFINISHED, EVERYTHING, Order::Ascending, |_, ()| {
        waiting += 1;
        ControlFlow::Continue(())
    })?;
    if waiting >= limits::ERASURES_UNFINISHED_MAX {
        return Err(ErasureError::TooMany);
    }
    let erasure = Erasure {
        id: JobId::from_u128(tx.ulid()?),
        status: Status::Queued,
        named: Some(named),
        identifiers: Vec::new(),
        searched_to: None,
        is_searched: false,
        digests: Vec::new(),
        trail: Trail::default(),
        erased: Erased::default(),
        begun: None,
        finished: None,
    };
    put(tx, &erasure)?;
    Ok(erasure)
}

const EVERYTHING: (Bound<JobId>, Bound<JobId>) = (Bound::Unbounded, Bound::Unbounded);

pub(super) fn put(tx: &mut Tx<'_, '_>, erasure: &Erasure) -> Result<(), StoreError> {
    match erasure.status {
        Status::Complete => tx.remove(&ERASURES_UNFINISHED, &erasure.id),
        Status::Queued | Status::Processing => tx.put(&ERASURES_UNFINISHED, &erasure.id, &())?,
    }
    tx.put(&ERASURES, &erasure.id, &row(erasure))
}

/// The oldest erasure that is not complete.
pub(super) fn next(from: &impl Read) -> Result<Option<Erasure>, StoreError> {
    let first = from.page(&ERASURES_UNFINISHED, EVERYTHING, Order::Ascending, 1)?;
    match first.first() {
        Some((id, ())) => get(from, *id),
        None => Ok(None),
    }
}

/// Up to `most` erasures before `before`, the newest first.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    before: Option<JobId>,
    most: usize,
) -> Result<Vec<Erasure>, StoreError> {
    let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
    let rows = from.page(&ERASURES, range, Order::Descending, most)?;
    rows.into_iter().map(|(id, row)| read(id, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes_and_are_read_back() {
        let id = JobId::from_u128(9);
        let example = Erasure {
            id,
            status: Status::Processing,
            named: Some(Named::By(Identifier::Email, "a@b.c".to_owned())),
            identifiers: vec!["a@b.c".to_owned()],
            searched_to: Some((JobId::from_u128(2), 3)),
            is_searched: false,
            digests: vec![(Identifier::Email, [7; 32])],
            trail: Trail {
                people: vec![ProfileId::from_u128(5)],
                events_to: Some(EventId::from_u64(300)),
            },
            erased: Erased { profiles: 1, memberships: 2, events: 3, deliveries: 4 },
            begun: Some(Timestamp::from_micros(1)),
            finished: None,
        };
        const FROZEN: &str = "0102000102056140622e6301056140622e630102030001020707070707070707070707070707070707070707070707070707070707070707010501fb2c0101020304010200e1a3fcdf02259c47";
        assert_eq!(hex_of(&row(&example)), FROZEN);
        assert_eq!(erasure(id, from_hex::<ErasureRow>(FROZEN).unwrap()), Some(example));
    }
}
