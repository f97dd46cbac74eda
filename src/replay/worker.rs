//! The loop: a turn for every running replay, then a rest until one of them may go on.
//!
//! A turn is one look and one command, both bounded, so that many replays get on side by side and
//! nobody waits for one of them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::look::{Looked, Search, look};
use super::pace::Pace;
use super::registry::Replays;
use super::{Replay, Status, Stretch, rows, step};
use crate::clock::{Clock, Timestamp};
use crate::id::ReplayId;
use crate::limits;
use crate::store::{Store, StoreError};

/// Runs the replays.
pub struct Worker {
    store: Store,
    replays: Replays,
    clock: Clock,
    paces: HashMap<ReplayId, Pace>,
}

/// What came of a round.
enum Round {
    /// Somebody got on.
    Moved,
    /// Nobody may go on before this moment, if ever.
    Idle(Option<Timestamp>),
}

impl Worker {
    /// The worker of these replays; those that were running when the daemon stopped go on.
    #[must_use]
    pub fn new(store: Store, replays: Replays, clock: Clock) -> Self {
        Self { store, replays, clock, paces: HashMap::new() }
    }

    /// Runs until `stop`; what is left then goes on after the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        let shared = Arc::clone(&self.replays.shared);
        while !stop.is_cancelled() {
            let until = match self.round(&stop).await {
                Ok(Round::Moved) => continue,
                Ok(Round::Idle(until)) => until,
                Err(error) => {
                    error!(%error, "replays could not go on");
                    tokio::select! {
                        () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
            };
            tokio::select! {
                () = shared.wake.notified() => {}
                () = self.rest(until) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn rest(&self, until: Option<Timestamp>) {
        match until {
            Some(until) => self.clock.sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// Gives every running replay that has something left of its second one turn.
    async fn round(&mut self, stop: &CancellationToken) -> Result<Round, StoreError> {
        let mut running = rows::all(&self.store.snapshot()?)?;
        running.retain(|replay| replay.status == Status::Running);
        self.paces.retain(|id, _| running.iter().any(|replay| replay.id == *id));
        let mut round = Round::Idle(None);
        for replay in running {
            if stop.is_cancelled() {
                break;
            }
            let pace = self.paces.entry(replay.id).or_default();
            let left = pace.left(self.clock.now(), replay.rate_per_second);
            if left == 0 {
                if let Round::Idle(until) = &mut round {
                    *until = [*until, pace.next()].into_iter().flatten().min();
                }
                continue;
            }
            let id = replay.id;
            let scheduled = match self.turn(replay, left).await {
                Err(error @ StoreError::Corrupt { .. }) => self.fail(id, error).await?,
                taken => taken?,
            };
            self.paces.entry(id).or_default().spend(scheduled);
            round = Round::Moved;
        }
        Ok(round)
    }

    /// Looks ahead, then takes the step.
    async fn turn(&self, replay: Replay, left: u32) -> Result<u32, StoreError> {
        let (id, cursor) = (replay.id, replay.cursor);
        let most =
            limits::REPLAY_STEP_DELIVERIES_MAX.min(usize::try_from(left).unwrap_or(usize::MAX));
        let looked = self.look(replay, most).await?;
        let shared = Arc::clone(&self.replays.shared);
        self.store.commit(move |tx| step::take(tx, &shared, id, cursor, looked)).await
    }

    /// The log is read on a thread that nobody else needs.
    async fn look(&self, replay: Replay, most: usize) -> Result<Looked, StoreError> {
        let (store, shared) = (self.store.clone(), Arc::clone(&self.replays.shared));
        let now = self.clock.now();
        let looking = tokio::task::spawn_blocking(move || {
            let search = Search::new(&replay.wanted, &shared.metrics)?;
            let rest = Stretch { after: replay.cursor, ..replay.stretch };
            look(&store.snapshot()?, &search, rest, most, now)
        });
        looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))?
    }

    /// A row that does not verify will not do so tomorrow: the replay ends, the others go on.
    async fn fail(&self, id: ReplayId, error: StoreError) -> Result<u32, StoreError> {
        error!(replay.id = %id, %error, "a replay failed");
        let why = error.to_string();
        self.store.commit(move |tx| step::fail(tx, id, why)).await.map(|()| 0)
    }
}
