//! The indexer: brings the index of events up to date, in sorted batches, a moment behind the log.
//!
//! It follows events in the order of their ids, which is the order of their commits, from a cursor
//! that is stored with what it wrote; after a crash it goes on there, and a store that never had
//! the index is indexed from its first event, in the background. Segments stand on it, so it does
//! not wait for quiet, only a moment from the first event that it has not seen.
//!
//! How long that moment is decides what the index costs: its keys by person are scattered, so that
//! a batch writes a page for nearly each of its events, until it has several for the same page. In
//! the ingest bench, batches of 1,000 took a third of all events per second, batches of 8,000 next
//! to none. So the moment grows with the traffic ([`pause_after`]), and a batch takes all of it.
//! When it falls behind it does not pause, and takes as much of the writer as producers do, who
//! wait for it there: what is not indexed stays short, whatever comes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::rows;
use crate::limits;
use crate::store::{Follower, Next, Store, StoreError, Tx};

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
        self.store.follow(&self, stop).await;
    }

    /// Indexes all that there is; returns how many events that were. Between two commands others
    /// have their turn.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn catch_up(&self) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let indexed = self.step(limits::EVENTS_INDEXED_AT_ONCE).await?;
            all += indexed;
            if indexed < limits::EVENTS_INDEXED_AT_ONCE {
                return Ok(all);
            }
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

impl Follower for Indexer {
    const NAME: &'static str = "events index";

    async fn round(&self) -> Result<Next, StoreError> {
        Ok(Next::AfterCommit(pause_after(self.catch_up().await?)))
    }
}

/// How long to wait for more events where the last time so many were indexed: the more, the longer.
/// It settles at the shortest pause below some 4,000 events a second, and at the longest above.
fn pause_after(indexed: usize) -> Duration {
    let (shortest, longest) = (limits::EVENTS_INDEX_PAUSE, limits::EVENTS_INDEX_PAUSE_MAX);
    let indexed = u32::try_from(indexed).unwrap_or(u32::MAX);
    let grown = shortest.saturating_mul(indexed) / limits::EVENTS_INDEX_PAUSE_GROWS_AT;
    grown.clamp(shortest, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_events_come_the_longer_it_waits_for_a_batch() {
        let (shortest, longest) = (limits::EVENTS_INDEX_PAUSE, limits::EVENTS_INDEX_PAUSE_MAX);
        for (indexed, expected) in [
            (0, shortest),
            (1, shortest),
            (200, shortest),
            (400, shortest * 2),
            (1_000, longest),
            (usize::MAX, longest),
        ] {
            assert_eq!(pause_after(indexed), expected, "{indexed}");
        }
        // Events a second, and what comes in the pause after the pause after…
        for (rate, expected) in [(100, shortest), (2_000, shortest), (6_000, longest)] {
            let mut pause = shortest;
            for _ in 0..10 {
                pause = pause_after(rate * usize::try_from(pause.as_millis()).unwrap() / 1_000);
            }
            assert_eq!(pause, expected, "{rate}");
        }
    }
}
