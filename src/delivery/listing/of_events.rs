//! The deliveries of many events: the rows that are not indexed yet are read once for all of them.

use std::collections::{BTreeSet, HashMap};

use super::Delivery;
use crate::delivery::rows::{self, IdSource, Owner};
use crate::id::{DeliveryId, EventId};
use crate::limits;
use crate::store::{Read, StoreError};

/// Finds the deliveries of events. It can be used with later snapshots than the one it was made
/// from, after [`OfEvents::catch_up`].
#[derive(Clone, Debug)]
pub struct OfEvents {
    /// Deliveries that were not in the index, by event.
    unindexed: HashMap<EventId, Vec<DeliveryId>>,
    /// The newest delivery that was read.
    read_to: DeliveryId,
}

impl OfEvents {
    /// Reads what is not in the index.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn new(from: &impl Read) -> Result<Self, StoreError> {
        let read_to = rows::indexed_to(from)?;
        let mut finder = Self { unindexed: HashMap::new(), read_to };
        finder.catch_up(from)?;
        Ok(finder)
    }

    /// Reads what is newer than what was read before.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn catch_up(&mut self, from: &impl Read) -> Result<(), StoreError> {
        let (unindexed, mut read_to) = (&mut self.unindexed, self.read_to);
        rows::visit_events_after(from, self.read_to, |id, events| {
            read_to = read_to.max(id);
            for event in events {
                unindexed.entry(*event).or_default().push(id);
            }
        })?;
        self.read_to = read_to;
        Ok(())
    }

    /// All deliveries that carry an event as they stand in `from`, to every webhook, the oldest
    /// first, without those of runs that the event triggered: these carry what was rendered;
    /// where there are more than [`limits::DELIVERIES_OF_EVENT_MAX`], the newest of them.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn of(&self, from: &impl Read, event: EventId) -> Result<Vec<Delivery>, StoreError> {
        let mut ids: BTreeSet<DeliveryId> =
            self.unindexed.get(&event).into_iter().flatten().copied().collect();
        let (first, mut last) = (DeliveryId::from_u128(0), DeliveryId::from_u128(u128::MAX));
        let index = IdSource::Index(Owner::Event(event));
        while ids.len() < limits::DELIVERIES_OF_EVENT_MAX
            && let Some(id) = rows::newest(from, index, (first, last))?
        {
            ids.insert(id);
            if id <= first {
                break;
            }
            last = DeliveryId::from_u128(id.as_u128() - 1);
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(rows::get(from, id)?.filter(|delivery| delivery.run.is_none()));
        }
        Ok(found)
    }
}

/// The deliveries of one event; see [`OfEvents::of`].
///
/// # Errors
/// Where the store can not be read.
pub fn of_event(from: &impl Read, event: EventId) -> Result<Vec<Delivery>, StoreError> {
    OfEvents::new(from)?.of(from, event)
}
