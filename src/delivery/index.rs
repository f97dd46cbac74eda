//! The indexer: brings the index of listings up to date, in large batches and when it is quiet.
//!
//! The keys of the index are random, so writing them with every event would cost more than the
//! event. They are derived instead: the indexer follows deliveries in the order of their ids, which
//! is the order of their commits, from a cursor that is stored with what it wrote. After a crash it
//! goes on there. Until it has been, a listing reads the rows themselves (`listing`).
//!
//! It waits for a moment without traffic, but not for ever, and not at all where much has piled
//! up. Its pauses are those of the machine and not of the daemon's clock: they are about the load,
//! and change nothing that anybody sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tracing::error;

use super::handle::{Shared, Tasks};
use super::rows;
use crate::id::DeliveryId;
use crate::limits;
use crate::store::{Store, StoreError, Tx};

/// What the indexer is told: that there is traffic, and how much of it is new.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Counts what was scheduled or recorded, only to see whether it changed.
    moved: AtomicUsize,
    /// Scheduled since the indexer last began.
    scheduled: AtomicUsize,
    some: Notify,
}

impl Traffic {
    /// Deliveries were scheduled.
    pub(super) fn scheduled(&self, count: usize) {
        self.scheduled.fetch_add(count, Ordering::Relaxed);
        self.recorded();
    }

    /// Something happened to deliveries.
    pub(super) fn recorded(&self) {
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.some.notify_one();
    }

    /// Returns after a while without traffic, or when it is time all the same.
    async fn quiet(&self) {
        let mut seen = self.moved.load(Ordering::Relaxed);
        for tries in 1.. {
            tokio::time::sleep(limits::INDEX_QUIET).await;
            let moved = self.moved.load(Ordering::Relaxed);
            if is_time(moved == seen, tries, self.scheduled.load(Ordering::Relaxed)) {
                return;
            }
            seen = moved;
        }
    }
}

/// Whether to index now, after so many pauses, with so much scheduled since the last time.
const fn is_time(is_quiet: bool, tries: usize, scheduled: usize) -> bool {
    is_quiet || tries >= limits::INDEX_QUIET_TRIES_MAX || scheduled >= limits::INDEX_TAIL_MAX
}

/// The indexer.
pub(super) struct Indexer {
    store: Store,
    shared: Arc<Shared>,
    tasks: Tasks,
}

impl Indexer {
    pub(super) const fn new(store: Store, shared: Arc<Shared>, tasks: Tasks) -> Self {
        Self { store, shared, tasks }
    }

    /// Runs until the tasks are to stop; what is left then is indexed after the next start.
    pub(super) async fn run(self) {
        let stop = self.tasks.stop.clone();
        stop.run_until_cancelled(async {
            loop {
                self.shared.traffic.scheduled.store(0, Ordering::Relaxed);
                if let Err(error) = self.catch_up().await {
                    error!(%error, "could not index deliveries");
                    tokio::time::sleep(limits::STORE_RETRY_PAUSE).await;
                    continue;
                }
                self.shared.traffic.some.notified().await;
                self.shared.traffic.quiet().await;
            }
        })
        .await;
    }

    /// Indexes all that may be. Between two commands others have their turn.
    async fn catch_up(&self) -> Result<(), StoreError> {
        loop {
            let store = self.store.clone();
            // Reading takes milliseconds, so not on a thread that others need; and not in the
            // writer, because what is read of a row never changes.
            let reading =
                self.tasks.tracker.spawn_blocking(move || rows::unindexed(&store.snapshot()?));
            let read = reading.await.map_err(|_| StoreError::Stopped)?;
            let Some(new) = read? else { return Ok(()) };
            self.store.commit(move |tx: &mut Tx<'_, '_>| rows::add_to_index(tx, &new)).await?;
        }
    }
}

/// Sees to it that ids of deliveries go on growing after a restart, whatever the clock did: the
/// indexer and the scan of the outbox follow them.
///
/// # Errors
/// Where the store fails.
pub async fn keep_ids_growing(store: &Store) -> Result<(), StoreError> {
    let newest: Option<DeliveryId> = rows::newest_of_all(&store.snapshot()?)?;
    let Some(newest) = newest else { return Ok(()) };
    let follow = move |tx: &mut Tx<'_, '_>| {
        tx.ulids_after(newest.as_u128());
        Ok::<_, StoreError>(())
    };
    store.commit(follow).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::delivery::Source;
    use crate::delivery::rows::New;
    use crate::id::{EventId, WebhookId};

    async fn insert(store: &Store) -> DeliveryId {
        let insert = |tx: &mut Tx<'_, '_>| {
            let id = DeliveryId::from_u128(tx.ulid()?);
            let (webhook, event) = (WebhookId::from_u128(1), EventId::MIN);
            rows::insert(tx, id, New { webhook, source: Source::Event, event, profile: None })?;
            Ok::<_, StoreError>(id)
        };
        store.commit(insert).await.unwrap()
    }

    #[tokio::test]
    async fn ids_grow_although_the_clock_was_set_back_before_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.redb");
        let mut last = DeliveryId::from_u128(0);
        for seconds in [2_000, 1_000, 3_000] {
            let clock = Clock::manual(Timestamp::from_seconds(seconds));
            let (store, writer) = Store::open(&path, 1 << 20, clock).unwrap();
            keep_ids_growing(&store).await.unwrap();
            let id = insert(&store).await;
            assert!(id > last, "{id} after {last}");
            last = id;
            drop(store);
            writer.join().unwrap();
        }
    }

    #[test]
    fn the_indexer_waits_for_quiet_but_not_for_ever_nor_with_much_to_do() {
        let (tries, much) = (limits::INDEX_QUIET_TRIES_MAX, limits::INDEX_TAIL_MAX);
        for (is_quiet, tries, scheduled, expected) in [
            (true, 1, 1, true),
            (false, 1, 1, false),
            (false, tries - 1, much - 1, false),
            (false, tries, 1, true),
            (false, 1, much, true),
        ] {
            assert_eq!(is_time(is_quiet, tries, scheduled), expected);
        }
    }
}
