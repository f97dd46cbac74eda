//! Erasing people from deliveries: which ones carry something of them, and what is taken out.
//!
//! A delivery about one of the people is gone, sent or not, and with it the request that was rendered
//! for it and what was left of it for its run. A batch goes on without their events,
//! if there are others, and without what was answered to it, which may repeat what it said.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use super::format::{AttemptRow, DeliveryRow, numbers};
use super::index::{self, Owner};
use super::{DELIVERIES, OUTBOX, OUTBOX_GATHERING, all_gathering, leave_index, requests, row};
use crate::delivery::Phase;
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId};
use crate::limits::{DELIVERIES_ERASED_AT_ONCE_MAX, WEBHOOKS_MAX};
use crate::store::{Order, Read, StoreError, Tx};

/// The deliveries that carry something of people who are erased.
#[derive(Debug)]
pub struct Carriers {
    events: BTreeSet<EventId>,
    people: BTreeSet<ProfileId>,
    found: BTreeSet<DeliveryId>,
    /// There are more than fit.
    is_cut: bool,
    /// The newest delivery that was read.
    read_to: DeliveryId,
}

impl Carriers {
    /// Finds up to [`DELIVERIES_ERASED_AT_ONCE_MAX`] deliveries about these people, or of these
    /// events. It reads all that is not in the index, so not in a command.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn find(
        from: &impl Read,
        events: impl IntoIterator<Item = EventId>,
        people: BTreeSet<ProfileId>,
    ) -> Result<Self, StoreError> {
        let read_to = index::indexed_to(from)?;
        let (events, found) = (events.into_iter().collect(), BTreeSet::new());
        let mut carriers = Self { events, people, found, is_cut: false, read_to };
        let people = carriers.people.iter().map(|id| Owner::Profile(*id));
        let owners: Vec<_> =
            people.chain(carriers.events.iter().map(|id| Owner::Event(*id))).collect();
        for owner in owners {
            for id in index::of_owner(from, owner, DELIVERIES_ERASED_AT_ONCE_MAX + 1)? {
                carriers.add(id);
            }
            if carriers.is_cut {
                return Ok(carriers);
            }
        }
        carriers.read_on(from)?;
        Ok(carriers)
    }

    /// How many were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether none was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether these are all that carry the events.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        !self.is_cut
    }

    /// Reads what came since the first look: newer deliveries, and batches that took in more.
    pub(in crate::delivery) fn catch_up(&mut self, tx: &Tx<'_, '_>) -> Result<(), StoreError> {
        if self.is_cut {
            return Ok(());
        }
        for (_, gathering) in all_gathering(tx, 2 * WEBHOOKS_MAX)? {
            if let Some(row) = row(tx, gathering.id)? {
                self.consider(gathering.id, &row);
            }
        }
        self.read_on(tx)
    }

    /// The deliveries.
    pub(in crate::delivery) fn ids(&self) -> Vec<DeliveryId> {
        self.found.iter().copied().collect()
    }

    fn read_on(&mut self, from: &impl Read) -> Result<(), StoreError> {
        let after = self.read_to;
        for table in [&OUTBOX, &DELIVERIES] {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            from.scan_intact(table, range, Order::Ascending, |id, row| {
                self.consider(id, &row);
                self.read_to = self.read_to.max(id);
                if self.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        Ok(())
    }

    fn consider(&mut self, id: DeliveryId, row: &DeliveryRow) {
        if self.is_about_them(row) || row.events.iter().any(|event| self.events.contains(event)) {
            self.add(id);
        }
    }

    fn add(&mut self, id: DeliveryId) {
        if self.found.len() < DELIVERIES_ERASED_AT_ONCE_MAX {
            self.found.insert(id);
        } else if !self.found.contains(&id) {
            self.is_cut = true;
        }
    }

    /// A batch is about nobody, which is written as zero.
    fn is_about_them(&self, row: &DeliveryRow) -> bool {
        row.profile != ProfileId::from_u128(0) && self.people.contains(&row.profile)
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Erased {
    /// It was about them alone and is gone.
    Whole {
        /// Where it went.
        webhook: WebhookId,
        /// Whether it was still to be sent.
        was_scheduled: bool,
    },
    /// It is a batch and goes on with the events of others.
    Part,
}

/// Takes out of a delivery what it has of these people; `None` where it has nothing any more.
pub(in crate::delivery) fn erase(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    of: &Carriers,
) -> Result<Option<Erased>, StoreError> {
    let (row, was_scheduled) = match tx.get(&OUTBOX, &id)? {
        Some(row) => (row, true),
        None => match tx.get(&DELIVERIES, &id)? {
            Some(row) => (row, false),
            None => {
                forget_entries(tx, id, of);
                return Ok(None);
            }
        },
    };
    index::is_erased(tx, id)?;
    let others: Vec<EventId> =
        row.events.iter().copied().filter(|event| !of.events.contains(event)).collect();
    let has_lost_all = others.is_empty() && !row.events.is_empty();
    if of.is_about_them(&row) || has_lost_all {
        if was_scheduled {
            leave_index(tx, id, &row)?;
        }
        index::forget(tx, id, &row);
        requests::forget(tx, id);
        tx.remove(if was_scheduled { &OUTBOX } else { &DELIVERIES }, &id);
        return Ok(Some(Erased::Whole { webhook: row.webhook, was_scheduled }));
    }
    forget_entries(tx, id, of);
    if others.len() == row.events.len() {
        return Ok(None);
    }
    erase_part(tx, id, DeliveryRow { events: others, ..row }, was_scheduled)?;
    Ok(Some(Erased::Part))
}

/// Removes the entries that lead from the people and their events to a delivery.
fn forget_entries(tx: &mut Tx<'_, '_>, id: DeliveryId, of: &Carriers) {
    let people = of.people.iter().map(|id| Owner::Profile(*id));
    for owner in people.chain(of.events.iter().map(|id| Owner::Event(*id))) {
        index::forget_one(tx, id, owner);
    }
}

/// Writes a batch that has lost events.
fn erase_part(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    mut row: DeliveryRow,
    is_scheduled: bool,
) -> Result<(), StoreError> {
    row.attempts.iter_mut().for_each(AttemptRow::forget_answer);
    tx.put(if is_scheduled { &OUTBOX } else { &DELIVERIES }, &id, &row)?;
    if is_scheduled
        && numbers::phase_of(row.phase) == Phase::Gathering
        && let Some(mut gathering) = super::gathering(tx, row.webhook)?.filter(|of| of.id == id)
    {
        gathering.events = row.events.len();
        tx.put(&OUTBOX_GATHERING, &row.webhook, &gathering.into())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::{
        Gathering, New, add_to_batch, add_to_index, begin_batch, cancel, insert, insert_parked,
        insert_request, request, result, unindexed,
    };
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::delivery::{Attempt, ForRun, Outcome, Source, StoredRequest};
    use crate::id::RunId;
    use crate::store::{Store, WriterHandle};

    const HOOK: WebhookId = WebhookId::from_u128(1);
    const ANN: ProfileId = ProfileId::from_u128(5);

    fn open() -> (Store, WriterHandle) {
        let clock = Clock::manual(Timestamp::from_seconds(1_000));
        Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap()
    }

    async fn commit<T: Send + 'static>(
        store: &Store,
        run: impl FnOnce(&mut Tx<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        store.commit(run).await.unwrap_or_else(|error| panic!("{error}"))
    }

    fn event(number: u64) -> EventId {
        EventId::from_u64(number)
    }

    fn new(number: u64, profile: Option<ProfileId>) -> New {
        New { webhook: HOOK, source: Source::Event, event: event(number), profile }
    }

    /// Erases Ann and these events as far as they were found in what is stored now.
    async fn erase_all(store: &Store, events: &[u64], people: &[ProfileId]) -> Vec<Erased> {
        let events: Vec<_> = events.iter().map(|number| event(*number)).collect();
        let people = people.iter().copied().collect();
        let mut of = Carriers::find(&store.snapshot().unwrap(), events, people).unwrap();
        commit(store, move |tx| {
            of.catch_up(tx)?;
            let erased: Result<Vec<_>, _> =
                of.ids().into_iter().map(|id| erase(tx, id, &of)).collect();
            Ok(erased?.into_iter().flatten().collect())
        })
        .await
    }

    #[tokio::test]
    async fn what_was_read_for_the_index_before_it_was_erased_gets_no_entry() {
        let (store, writer) = open();
        let (hers, batch) = commit(&store, |tx| {
            let (hers, batch) =
                (DeliveryId::from_u128(tx.ulid()?), DeliveryId::from_u128(tx.ulid()?));
            insert(tx, hers, new(1, Some(ANN)))?;
            let at = Gathering { id: batch, events: 1, bytes: 9, closes: tx.now() };
            begin_batch(tx, new(1, None), at)?;
            add_to_batch(tx, HOOK, event(2), Gathering { events: 2, ..at })?;
            Ok((hers, batch))
        })
        .await;
        let stale = unindexed(&store.snapshot().unwrap()).unwrap().unwrap();
        let erased = erase_all(&store, &[1], &[ANN]).await;
        assert_eq!(erased, [Erased::Whole { webhook: HOOK, was_scheduled: true }, Erased::Part]);
        commit(&store, move |tx| add_to_index(tx, &stale)).await;
        let snapshot = store.snapshot().unwrap();
        for owner in [Owner::Event(event(1)), Owner::Profile(ANN), Owner::Webhook(HOOK)] {
            assert_eq!(index::of_owner(&snapshot, owner, 9).unwrap(), []);
        }
        assert_eq!(super::super::get(&snapshot, hers).unwrap(), None);
        let left = super::super::get(&snapshot, batch).unwrap().unwrap();
        assert_eq!(left.events, [event(2)]);
        let open = super::super::gathering(&snapshot, HOOK).unwrap().unwrap();
        assert_eq!((open.id, open.events), (batch, 1));
        drop((snapshot, store));
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn what_was_rendered_for_a_person_is_gone_with_its_result_and_what_is_of_others_stays() {
        let bob = ProfileId::from_u128(6);
        let (store, writer) = open();
        let ids = commit(&store, move |tx| {
            let mut ids = Vec::new();
            // Of Ann without an event and with one, sent and not; of Bob; and of an event of hers
            // in a run of Bob's.
            for (profile, of, is_parked) in [
                (ANN, None, false),
                (ANN, Some(event(1)), false),
                (ANN, None, true),
                (bob, None, false),
                (bob, None, true),
                (bob, Some(event(1)), false),
            ] {
                let id = DeliveryId::from_u128(tx.ulid()?);
                let of = ForRun { webhook: HOOK, run: RunId::from_u128(1), profile, event: of };
                if is_parked {
                    let detail = "no".to_owned();
                    let failed = Attempt::without_request(tx.now(), Outcome::Unrendered { detail });
                    insert_parked(tx, id, &of, &failed)?;
                } else {
                    let (url, body) = (String::new(), "about a person".to_owned());
                    let request = StoredRequest { url, headers: Vec::new(), body };
                    insert_request(tx, id, &of, request)?;
                }
                ids.push(id);
            }
            // One is finished, and its result waits.
            cancel(tx, ids[0])?;
            Ok(ids)
        })
        .await;
        let left = |store: &Store| {
            let from = store.snapshot().unwrap();
            let left = |id: &DeliveryId| {
                let is_there = row(&from, *id).unwrap().is_some();
                let has_request = request(&from, *id).unwrap().is_some();
                [is_there, has_request, result(&from, *id).unwrap().is_some()]
            };
            ids.iter().map(left).collect::<Vec<_>>()
        };
        let (scheduled, parked) = ([true, true, false], [true, false, true]);
        assert_eq!(left(&store), [[true; 3], scheduled, parked, scheduled, parked, scheduled]);
        let erased = erase_all(&store, &[1], &[ANN]).await;
        assert_eq!(erased.len(), 4);
        let gone = [false; 3];
        assert_eq!(left(&store), [gone, gone, gone, scheduled, parked, gone]);
        drop(store);
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn more_carriers_than_fit_are_erased_bit_by_bit_and_batches_are_nobodys() {
        const MANY: usize = DELIVERIES_ERASED_AT_ONCE_MAX + 1;
        let (store, writer) = open();
        commit(&store, |tx| {
            for _ in 0..MANY {
                let id = DeliveryId::from_u128(tx.ulid()?);
                insert(tx, id, new(1, None))?;
            }
            Ok(())
        })
        .await;
        let nobody = ProfileId::from_u128(0);
        assert_eq!(erase_all(&store, &[2], &[nobody]).await, [], "zero stands for a batch");
        // Some are in the index, the others are not.
        let some = unindexed(&store.snapshot().unwrap()).unwrap().unwrap();
        commit(&store, move |tx| add_to_index(tx, &some)).await;
        let found = |from| Carriers::find(&from, [event(1)], BTreeSet::new()).unwrap();
        assert!(!found(store.snapshot().unwrap()).is_all());
        assert_eq!(erase_all(&store, &[1], &[]).await.len(), MANY - 1);
        let left = found(store.snapshot().unwrap());
        assert_eq!((left.len(), left.is_all()), (1, true));
        assert_eq!(erase_all(&store, &[1], &[]).await.len(), 1);
        assert!(found(store.snapshot().unwrap()).is_empty());
        drop(store);
        writer.join().unwrap();
    }
}
