//! The loop: the next step of the oldest erasure, until none is left.

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{look, step};
use crate::delivery::Deliveries;
use crate::delivery::Messages;
use crate::limits;
use crate::store::{Follower, Next, Store, StoreError};

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
        self.store.follow(&self, stop).await;
    }

    /// Takes one step; returns whether there was one to take.
    pub(crate) async fn step(&self) -> Result<bool, StoreError> {
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

impl Follower for Worker {
    const NAME: &'static str = "erasures";

    async fn round(&self) -> Result<Next, StoreError> {
        let has_moved = self.step().await?;
        // An erasure that waits looks anew after a commit, but not after each of many.
        Ok(if has_moved { Next::Now } else { Next::AfterCommit(limits::FOLLOW_PAUSE) })
    }
}
