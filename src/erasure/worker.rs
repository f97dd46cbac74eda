//! The loop: the next step of the oldest erasure, until none is left.

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{look, step};
use crate::delivery::Deliveries;
use crate::delivery::Messages;
use crate::limits;
use crate::store::{Store, StoreError};

/// Does the erasures.
pub struct Worker {
    /// Where everything is.
    pub store: Store,
    /// What is on its way to endpoints.
    pub deliveries: Deliveries,
    /// What was sent last.
    pub messages: Messages,
}

impl Worker {
    /// Runs until `stop`; what is left then goes on after the next start.
    pub async fn run(self, stop: CancellationToken) {
        let mut commits = self.store.commits();
        while !stop.is_cancelled() {
            commits.mark_unchanged();
            match self.round().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    error!(%error, "people could not be erased");
                    tokio::select! {
                        () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
            }
            tokio::select! {
                moved = commits.changed() => if moved.is_err() { return },
                () = stop.cancelled() => return,
            }
            // An erasure that waits looks anew after a commit, but not after each of many.
            tokio::select! {
                () = tokio::time::sleep(limits::FOLLOW_PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes one step; returns whether there was one to take.
    pub(crate) async fn round(&self) -> Result<bool, StoreError> {
        let store = self.store.clone();
        let looking = tokio::task::spawn_blocking(move || look::next(&store.snapshot()?));
        let looked = looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))?;
        let Some((id, step)) = looked? else { return Ok(false) };
        let deliveries = self.deliveries.clone();
        let done = self.store.commit(move |tx| step::take(tx, &deliveries, id, step)).await?;
        self.messages.forget(&done.events);
        if done.is_complete {
            info!(job.id = %id, "a person is erased");
        }
        Ok(true)
    }
}
