//! The loop: the next step of the oldest erasure, until none is left.

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{rows, step};
use crate::delivery::Deliveries;
use crate::limits;
use crate::store::{Store, StoreError};

/// Does the erasures.
pub struct Worker {
    /// Where everything is.
    pub store: Store,
    /// What is on its way to endpoints.
    pub deliveries: Deliveries,
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
        }
    }

    /// Takes one step; returns whether there was one to take.
    pub(crate) async fn round(&self) -> Result<bool, StoreError> {
        let id = {
            let snapshot = self.store.snapshot()?;
            let Some(next) = rows::next(&snapshot)? else { return Ok(false) };
            if !step::is_ready(&snapshot, &next)? {
                return Ok(false);
            }
            next.id
        };
        let deliveries = self.deliveries.clone();
        self.store.commit(move |tx| step::take(tx, &deliveries, id)).await?;
        let is_done = rows::next(&self.store.snapshot()?)?.is_none_or(|next| next.id != id);
        if is_done {
            info!(job.id = %id, "a person is erased");
        }
        Ok(true)
    }
}
