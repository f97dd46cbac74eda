//! The index that listings read: which deliveries belong to a webhook, an event, a person; which
//! of them ended badly; which of them were answered with an error last.
//!
//! | owner | entries are written |
//! |---|---|
//! | webhook, event, person | later and in large sorted batches, by the indexer (`delivery/index.rs`) |
//! | state (exhausted, cancelled, parked), status (not 2xx) | with the row, when either changes |
//!
//! The owners of the first line never change, so that their entries can wait: they are random
//! keys, which the commit of an event can not afford. `delivery_index_cursor` says up to which id
//! they are complete. Those of the second line are few; a delivery that succeeds at once has none.
//! The indexer writes them too, for rows of a version that had no index. So all of it is derived:
//! what is older than the cursor has every entry, what is newer is read from the rows.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::format::{DeliveryRow, numbers};
use super::{DELIVERIES, OUTBOX, OUTBOX_GATHERING};
use crate::delivery::State;
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId};
use crate::limits;
use crate::store::{Key, Order, Read, Row, StoreError, Table, Tx};

const DELIVERY_INDEX: Table<IndexKey, IndexRow> = Table::new("delivery_index");
const DELIVERY_INDEX_CURSOR: Table<(), CursorRow> = Table::new("delivery_index_cursor");
/// How often something was erased that was not in the index yet.
const DELIVERY_INDEX_ERASED: Table<(), ErasedRow> = Table::new("delivery_index_erased");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct IndexRow {}

impl Row for IndexRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct CursorRow {
    indexed_to: DeliveryId,
}

impl Row for CursorRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct ErasedRow {
    times: u64,
}

impl Row for ErasedRow {
    const SCHEMA: u8 = 1;
}

/// What deliveries are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Owner {
    Webhook(WebhookId),
    Event(EventId),
    Profile(ProfileId),
    State(State),
    Status(u16),
}

/// The kind of the owner, its number, and the delivery. The numbers of kinds never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct IndexKey {
    kind: u8,
    owner: u128,
    id: DeliveryId,
}

impl IndexKey {
    fn new(owner: Owner, id: DeliveryId) -> Self {
        let (kind, owner) = match owner {
            Owner::Webhook(webhook) => (1, webhook.as_u128()),
            Owner::Event(event) => (2, u128::from(event.as_u64())),
            Owner::Profile(profile) => (3, profile.as_u128()),
            Owner::State(state) => (4, u128::from(numbers::state(state))),
            Owner::Status(status) => (5, u128::from(status)),
        };
        Self { kind, owner, id }
    }
}

impl Key for IndexKey {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(self.kind);
        to.extend_from_slice(&self.owner.to_be_bytes());
        self.id.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let kind = u8::read(from)?;
        let (owner, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(Self { kind, owner: u128::from_be_bytes(*owner), id: DeliveryId::read(from)? })
    }
}

// ---- Few: written with the row ----

/// The owners of a row that its own commit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rare {
    state: State,
    /// Of the last attempt, if it was answered.
    status: Option<u16>,
}

impl Rare {
    pub(super) fn of(row: &DeliveryRow) -> Self {
        Self { state: numbers::state_of(row.state), status: row.last_status() }
    }

    fn owners(self) -> impl Iterator<Item = Owner> {
        let state = match self.state {
            State::Exhausted | State::Cancelled | State::Parked => Some(Owner::State(self.state)),
            State::Scheduled | State::Delivered => None,
        };
        let status = self.status.filter(|status| is_indexed(*status)).map(Owner::Status);
        state.into_iter().chain(status)
    }
}

/// Whether deliveries that were answered so last are in the index: those that succeeded are not.
pub(in crate::delivery) const fn is_indexed(status: u16) -> bool {
    !matches!(status, 200..=299)
}

/// A row was one thing and is another now.
pub(super) fn follow(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    was: Rare,
    is: Rare,
) -> Result<(), StoreError> {
    for owner in was.owners().filter(|owner| is.owners().all(|now| now != *owner)) {
        tx.remove(&DELIVERY_INDEX, &IndexKey::new(owner, id));
    }
    for owner in is.owners().filter(|owner| was.owners().all(|before| before != *owner)) {
        tx.put(&DELIVERY_INDEX, &IndexKey::new(owner, id), &IndexRow {})?;
    }
    Ok(())
}

// ---- Many: written by the indexer ----

/// Deliveries that are not in the index yet, and what their entries are.
pub(in crate::delivery) struct Unindexed {
    keys: Vec<IndexKey>,
    /// Those that may have entries of their own commits, written by a version that wrote none.
    rare: Vec<DeliveryId>,
    to: DeliveryId,
    /// Where [`DELIVERY_INDEX_ERASED`] stood when they were read.
    erased: u64,
}

/// The oldest deliveries that are not in the index, and may be: a batch gathers events until it is
/// complete, so the oldest that does is where it ends. `None` where there are none.
pub(in crate::delivery) fn unindexed(from: &impl Read) -> Result<Option<Unindexed>, StoreError> {
    let after = Bound::Excluded(indexed_to(from)?);
    let before = oldest_gathering(from)?.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rows = BTreeMap::new();
    for table in [&OUTBOX, &DELIVERIES] {
        let mut left = limits::INDEXED_AT_ONCE_MAX;
        from.scan_intact(table, (after, before), Order::Ascending, |id, row| {
            rows.insert(id, row);
            left -= 1;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    let Some(first) = rows.keys().next().copied() else { return Ok(None) };
    let erased = erased(from)?;
    let mut found = Unindexed { keys: Vec::new(), rare: Vec::new(), to: first, erased };
    for (id, row) in rows.into_iter().take(limits::INDEXED_AT_ONCE_MAX) {
        found.add(id, &row);
        if found.keys.len() >= limits::INDEX_ENTRIES_AT_ONCE_MAX {
            break;
        }
    }
    found.keys.sort_unstable();
    Ok(Some(found))
}

impl Unindexed {
    fn add(&mut self, id: DeliveryId, row: &DeliveryRow) {
        self.to = id;
        self.keys.push(IndexKey::new(Owner::Webhook(row.webhook), id));
        self.keys.extend(row.events.iter().map(|of| IndexKey::new(Owner::Event(*of), id)));
        if row.profile != ProfileId::from_u128(0) {
            self.keys.push(IndexKey::new(Owner::Profile(row.profile), id));
        }
        if Rare::of(row).owners().next().is_some() {
            self.rare.push(id);
        }
    }
}

/// Writes the entries, and that they are written. Does nothing where one of the deliveries may have
/// been erased since they were read: it must not come back as an entry.
pub(in crate::delivery) fn add(tx: &mut Tx<'_, '_>, new: &Unindexed) -> Result<(), StoreError> {
    if erased(tx)? != new.erased {
        return Ok(());
    }
    for key in &new.keys {
        tx.put(&DELIVERY_INDEX, key, &IndexRow {})?;
    }
    for id in &new.rare {
        // It was read before; what changed since wrote its entries itself.
        let Some(row) = super::row(tx, *id)? else { continue };
        for owner in Rare::of(&row).owners() {
            tx.put(&DELIVERY_INDEX, &IndexKey::new(owner, *id), &IndexRow {})?;
        }
    }
    tx.put(&DELIVERY_INDEX_CURSOR, &(), &CursorRow { indexed_to: new.to })
}

fn erased(from: &impl Read) -> Result<u64, StoreError> {
    Ok(from.get(&DELIVERY_INDEX_ERASED, &())?.unwrap_or_default().times)
}

/// Of this delivery something is erased: who has read it for the index has to read it again.
pub(super) fn is_erased(tx: &mut Tx<'_, '_>, id: DeliveryId) -> Result<(), StoreError> {
    if id <= indexed_to(tx)? {
        return Ok(());
    }
    let times = erased(tx)? + 1;
    tx.put(&DELIVERY_INDEX_ERASED, &(), &ErasedRow { times })
}

/// Removes the entry of a delivery under one owner.
pub(super) fn forget_one(tx: &mut Tx<'_, '_>, id: DeliveryId, owner: Owner) {
    tx.remove(&DELIVERY_INDEX, &IndexKey::new(owner, id));
}

/// Up to `most` deliveries that the index has of an owner, the oldest first.
pub(super) fn of_owner(
    from: &impl Read,
    owner: Owner,
    most: usize,
) -> Result<Vec<DeliveryId>, StoreError> {
    let key = |id| Bound::Included(IndexKey::new(owner, DeliveryId::from_u128(id)));
    let rows = from.page(&DELIVERY_INDEX, (key(0), key(u128::MAX)), Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(key, _)| key.id).collect())
}

/// Removes every entry of a delivery.
pub(super) fn forget(tx: &mut Tx<'_, '_>, id: DeliveryId, row: &DeliveryRow) {
    let many = [Owner::Webhook(row.webhook), Owner::Profile(row.profile)].into_iter();
    let events = row.events.iter().map(|event| Owner::Event(*event));
    for owner in many.chain(events).chain(Rare::of(row).owners()) {
        tx.remove(&DELIVERY_INDEX, &IndexKey::new(owner, id));
    }
}

/// Up to and with this delivery, all are in the index.
///
/// # Errors
/// Where the store can not be read.
pub(in crate::delivery) fn indexed_to(from: &impl Read) -> Result<DeliveryId, StoreError> {
    let row = from.get(&DELIVERY_INDEX_CURSOR, &())?;
    Ok(row.map_or(DeliveryId::from_u128(0), |row| row.indexed_to))
}

/// The newest delivery that there is.
///
/// # Errors
/// Where the store can not be read.
pub(in crate::delivery) fn newest_of_all(
    from: &impl Read,
) -> Result<Option<DeliveryId>, StoreError> {
    let all = (DeliveryId::from_u128(0), DeliveryId::from_u128(u128::MAX));
    Ok(newest(from, Source::Outbox, all)?.max(newest(from, Source::Log, all)?))
}

fn oldest_gathering(from: &impl Read) -> Result<Option<DeliveryId>, StoreError> {
    let mut oldest = None;
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan(&OUTBOX_GATHERING, all, Order::Ascending, |_, row| {
        let id = row.into_gathering().id;
        oldest = Some(oldest.map_or(id, |oldest: DeliveryId| oldest.min(id)));
        ControlFlow::Continue(())
    })?;
    Ok(oldest)
}

// ---- Reading ----

/// Where ids of deliveries stand in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Source {
    /// What is scheduled.
    Outbox,
    /// What is finished.
    Log,
    /// What belongs to an owner.
    Index(Owner),
}

/// The newest delivery of a source in a range of ids, both ends included.
pub(in crate::delivery) fn newest(
    from: &impl Read,
    source: Source,
    (first, last): (DeliveryId, DeliveryId),
) -> Result<Option<DeliveryId>, StoreError> {
    let (table, first, last) = match source {
        Source::Outbox => (OUTBOX.name(), first.to_bytes(), last.to_bytes()),
        Source::Log => (DELIVERIES.name(), first.to_bytes(), last.to_bytes()),
        Source::Index(owner) => {
            let key = |id| IndexKey::new(owner, id).to_bytes();
            (DELIVERY_INDEX.name(), key(first), key(last))
        }
    };
    let mut found = None;
    let range = (Bound::Included(first), Bound::Included(last));
    // Only the key is wanted: nothing is decoded and verified for it.
    from.scan_bytes(table, range, Order::Descending, &mut |key, _| {
        let id = key.last_chunk().map(|bytes| DeliveryId::from_u128(u128::from_be_bytes(*bytes)));
        found = id;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Empties the index, for tests of rows that never had one.
#[cfg(test)]
pub(in crate::delivery) fn forget_index(tx: &mut Tx<'_, '_>) {
    let mut keys = Vec::new();
    let all = (Bound::Unbounded, Bound::Unbounded);
    let scanned = tx.scan(&DELIVERY_INDEX, all, Order::Ascending, |key, _| {
        keys.push(key);
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    keys.iter().for_each(|key| tx.remove(&DELIVERY_INDEX, key));
    tx.remove(&DELIVERY_INDEX_CURSOR, &());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hex_of;

    #[test]
    fn keys_and_rows_have_frozen_bytes() {
        let key = IndexKey::new(Owner::Profile(ProfileId::from_u128(5)), DeliveryId::from_u128(7));
        let bytes = key.to_bytes();
        assert_eq!((bytes.len(), bytes[0], bytes[16], bytes[32]), (33, 3, 5, 7));
        assert_eq!(IndexKey::from_bytes(&bytes), Some(key));
        let kinds = [
            Owner::Webhook(WebhookId::from_u128(1)),
            Owner::Event(EventId::from_u64(1)),
            Owner::Profile(ProfileId::from_u128(1)),
            Owner::State(State::Exhausted),
            Owner::Status(503),
        ];
        let numbers = kinds.map(|owner| {
            let key = IndexKey::new(owner, DeliveryId::from_u128(0));
            (key.kind, key.owner)
        });
        assert_eq!(numbers, [(1, 1), (2, 1), (3, 1), (4, 3), (5, 503)]);
        assert_eq!(hex_of(&IndexRow {}), "01ebce86ebd2f92ee1");
        let cursor = CursorRow { indexed_to: DeliveryId::from_u128(3) };
        assert_eq!(hex_of(&cursor), "0103fec86c6df2aef142");
        assert_eq!(hex_of(&ErasedRow { times: 3 }), "0103fec86c6df2aef142");
    }
}
