//! The loop: the next step of the oldest job, and of the deleted lists, until nothing is left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::step;
use crate::id::JobId;
use crate::ingest::{Ingest, IngestError};
use crate::job;
use crate::json::Fault;
use crate::limits;
use crate::list;
use crate::people::People;
use crate::store::{Follower, Next, Store, StoreError};

/// Does the jobs.
pub struct Worker {
    store: Store,
    ingest: Ingest,
    people: People,
}

impl Worker {
    /// The worker; what was not finished when the daemon stopped goes on.
    #[must_use]
    pub fn new(store: Store, ingest: Ingest) -> Self {
        let people = People::new(store.clone(), ingest.clone());
        Self { store, ingest, people }
    }

    /// Runs until `stop`; what is left then goes on after the next start.
    pub async fn run(self, stop: CancellationToken) {
        self.store.follow(&self, stop).await;
    }

    /// Does one step of all that is to be done; returns whether there was anything.
    async fn work(&self) -> Result<bool, StoreError> {
        let (has_removed, next) = {
            let snapshot = self.store.snapshot()?;
            (list::has_removed(&snapshot)?, job::next(&snapshot)?)
        };
        if has_removed {
            let most = limits::LIST_DROPPED_AT_ONCE;
            let dropped = self.store.commit(move |tx| list::drop_some(tx, most)).await;
            match dropped {
                // It stays as it is; jobs do not wait for it.
                Err(error @ StoreError::Corrupt { .. }) if next.is_some() => {
                    error!(%error, "a removed list keeps members");
                }
                dropped => dropped?,
            }
        }
        if let Some(id) = next {
            self.step(id).await?;
        }
        Ok(has_removed || next.is_some())
    }

    async fn step(&self, id: JobId) -> Result<(), StoreError> {
        let (ingest, people) = (self.ingest.clone(), self.people.clone());
        let taken = self.store.commit(move |tx| step::take(tx, &ingest, &people, id)).await;
        let why = match taken {
            Ok(()) => return Ok(()),
            // A row that does not verify will not do so tomorrow: the job ends, the others go on.
            Err(IngestError::Store(error @ StoreError::Corrupt { .. })) => {
                Fault::new("/data", error.to_string())
            }
            Err(IngestError::Store(error)) => return Err(error),
            Err(IngestError::Fault(fault)) => fault,
        };
        error!(job.id = %id, %why, "a job was cancelled");
        match self.store.commit(move |tx| step::cancel(tx, id, why)).await {
            Err(error @ StoreError::Corrupt { .. }) => {
                error!(job.id = %id, %error, "a job is given up");
                self.store.commit(move |tx| job::give_up(tx, id)).await
            }
            cancelled => cancelled,
        }
    }
}

impl Follower for Worker {
    const NAME: &'static str = "jobs";

    async fn round(&self) -> Result<Next, StoreError> {
        let has_moved = self.work().await?;
        Ok(if has_moved { Next::Now } else { Next::AfterCommit(Duration::ZERO) })
    }
}
