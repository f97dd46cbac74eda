//! The loop of who works off what others commit: a round, and the next one at once or after the next
//! commit.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Store, StoreError};
use crate::limits;

/// When a follower's next round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// This long after the next commit, so that what is committed meanwhile is done together.
    AfterCommit(Duration),
}

/// Who works off what others commit.
pub trait Follower {
    /// How the log calls it.
    const NAME: &'static str;

    /// Does what there is to do, or a bounded part of it.
    fn round(&self) -> impl Future<Output = Result<Next, StoreError>> + Send;
}

impl Store {
    /// Runs the rounds of a follower until `stop`. One that fails is tried again after a pause.
    pub async fn follow<F: Follower>(&self, follower: &F, stop: CancellationToken) {
        let mut commits = self.commits();
        let rounds = async {
            loop {
                // What is committed during a round wakes the next one.
                commits.mark_unchanged();
                match follower.round().await {
                    Ok(Next::Now) => {}
                    Ok(Next::AfterCommit(pause)) => {
                        if commits.changed().await.is_err() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                    }
                    Err(error) => {
                        error!(follower = F::NAME, %error, "a round failed");
                        tokio::time::sleep(limits::STORE_RETRY_PAUSE).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(rounds).await;
    }
}
