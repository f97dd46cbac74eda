//! A small log, with the index at any stage of its making, and with people who were merged.

mod aggregates;
mod duplicates;
mod index;
mod listings;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::clock::Clock;
use crate::store::{Order, Row, Snapshot, Store, StoreError, Table, Tx};

const START: i64 = 1_788_529_135;

/// The rows of merged people, as `profile` writes them.
const MERGES: Table<ProfileId, MergedRow> = Table::new("profile_merges");
const SOURCES: Table<(ProfileId, ProfileId), ()> = Table::new("profile_sources");

#[derive(Serialize, Deserialize)]
struct MergedRow(ProfileId);

impl Row for MergedRow {
    const SCHEMA: u8 = 1;
}

fn metric(number: u8) -> MetricId {
    format!("metri{number}").parse().unwrap()
}

fn person(number: u8) -> ProfileId {
    ProfileId::from_u128(u128::from(number))
}

/// A log in a store of its own.
struct Log {
    runtime: Runtime,
    store: Store,
    events: Vec<Event>,
    _directory: TempDir,
}

/// An event to be: its metric, its person, its second.
type Seed = (u8, u8, i8);

impl Log {
    fn of(seeds: &[Seed]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_seconds(START));
        let path = directory.path().join("s.redb");
        let (store, _) = Store::open(&path, 1 << 20, clock).unwrap();
        let log = Self { runtime, store, events: Vec::new(), _directory: directory };
        log.grown(seeds)
    }

    fn grown(mut self, seeds: &[Seed]) -> Self {
        let first = self.events.len();
        let new: Vec<Event> =
            (first as u64..).zip(seeds).map(|(at, seed)| event(at, *seed)).collect();
        self.events.extend(new.iter().cloned());
        self.commit(move |tx| new.into_iter().try_for_each(|event| put(tx, event)));
        self
    }

    fn commit<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Tx<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.runtime.block_on(self.store.commit(command)).unwrap()
    }

    fn index(&self, most: usize) -> usize {
        self.runtime.block_on(Indexer::new(self.store.clone()).step(most)).unwrap()
    }

    fn merge(&self, source: u8, into: u8) {
        self.commit(move |tx| {
            tx.put(&MERGES, &person(source), &MergedRow(person(into)))?;
            tx.put(&SOURCES, &(person(into), person(source)), &())
        });
    }

    fn snapshot(&self) -> Snapshot {
        self.store.snapshot().unwrap()
    }

    /// All pages of a listing, each behind the last of the one before.
    fn pages(&self, of: &Selection, order: Order, size: usize) -> Vec<EventId> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = list(&self.snapshot(), of, order, after, size).unwrap();
            assert!(page.events.len() <= size);
            after = page.events.last().map(place).or(after);
            all.extend(page.events.iter().map(|event| event.id));
            if !page.has_more {
                return all;
            }
            assert_eq!(page.events.len(), size);
        }
    }
}

fn event(number: u64, (of, who, second): Seed) -> Event {
    Event {
        id: EventId::from_u64((u64::try_from(START).unwrap() << 32) | number),
        metric: metric(of),
        profile: person(who),
        time: Timestamp::from_seconds(START + i64::from(second)),
        received: Timestamp::from_seconds(START),
        unique_id: number.to_string(),
        value: number.is_multiple_of(2).then(|| number.to_string()),
        value_currency: None,
        properties: "{}".to_owned(),
        backfill: false,
    }
}

fn place(event: &Event) -> Place {
    Place::new(event.time.seconds(), event.id)
}
