//! The indexer: brings the index of events up to date, in sorted batches, a moment behind the log.
//!
//! It follows events in the order of their ids, which is the order of their commits, from a cursor
//! that is stored with what it wrote; after a crash it goes on there, and a store that never had
//! the index is indexed from its first event, in the background. Segments stand on it, so it does
//! not wait for quiet: it sleeps [`limits::EVENTS_INDEX_PAUSE`] from the first event that it has
//! not seen, so that a batch is worth its commit, and not at all while batches are full.
//!
//! When it falls behind, batches are larger: it then takes as much of the writer as producers do,
//! who wait for it there. So the tail stays short, whatever comes.

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::rows;
use crate::limits;
use crate::store::{Store, StoreError, Tx};

/// The indexer.
#[derive(Clone)]
pub struct Indexer {
    store: Store,
}

impl Indexer {
    /// An indexer of this store; there is one.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Runs until it is to stop; what is left then is indexed after the next start.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let mut commits = self.store.commits();
        loop {
            commits.mark_unchanged();
            if let Err(error) = self.catch_up().await {
                error!(%error, "could not index events");
                tokio::time::sleep(limits::STORE_RETRY_PAUSE).await;
                continue;
            }
            if commits.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(limits::EVENTS_INDEX_PAUSE).await;
        }
    }

    /// Indexes all that there is. Between two commands others have their turn.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut most = limits::EVENTS_INDEXED_AT_ONCE;
        loop {
            let indexed = self.step(most).await?;
            if indexed < most {
                return Ok(());
            }
            most = limits::EVENTS_INDEXED_AT_ONCE_BEHIND;
        }
    }

    /// Indexes up to `most` events; returns how many they were.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn step(&self, most: usize) -> Result<usize, StoreError> {
        let store = self.store.clone();
        // Reading takes milliseconds, so not on a thread that others need; and not in the writer,
        // because what is read of an event never changes.
        let reading =
            tokio::task::spawn_blocking(move || rows::unindexed(&store.snapshot()?, most));
        let read = reading.await.map_err(|_| StoreError::Stopped)?;
        let Some(new) = read? else { return Ok(0) };
        let count = new.len();
        self.store.commit(move |tx: &mut Tx<'_, '_>| rows::add(tx, &new)).await?;
        Ok(count)
    }
}
