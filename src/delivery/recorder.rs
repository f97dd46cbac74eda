//! Writes down what came of attempts: all results that wait, in one command.
//!
//! An attempt counts as under way until its result is on disk; a crash in between repeats it with
//! the same message id (invariant 4). The queue is bounded, so that this window is.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};
use tracing::{debug, warn};

use super::lanes::Lanes;
use super::policy::{self, Next, Schedule};
use super::{Attempt, Outcome, State, rows};
use crate::clock::Timestamp;
use crate::id::{DeliveryId, WebhookId};
use crate::limits;
use crate::store::{Store, StoreError};

/// The result of one attempt.
pub(super) struct Made {
    pub(super) id: DeliveryId,
    pub(super) webhook: WebhookId,
    pub(super) attempt: Attempt,
}

/// What the recorder shares with the worker.
pub(super) struct Recorder {
    pub(super) store: Store,
    pub(super) schedule: Arc<Schedule>,
    pub(super) lanes: Arc<Mutex<Lanes>>,
    pub(super) wake: Arc<Notify>,
    /// The earliest retry that was recorded since the worker last looked.
    pub(super) earliest_due: Arc<Mutex<Option<Timestamp>>>,
}

impl Recorder {
    /// Runs until every sender of results is gone, so that none is lost at a stop.
    pub(super) async fn run(self, mut results: mpsc::Receiver<Made>) {
        let mut waiting = Vec::new();
        while results.recv_many(&mut waiting, limits::RESULTS_PER_COMMAND_MAX).await > 0 {
            let made = std::mem::take(&mut waiting);
            if let Err(error) = self.record(made).await {
                // The rows stay scheduled; the process is about to stop, and sends again.
                warn!(%error, "could not record what came of attempts");
            }
        }
    }

    async fn record(&self, made: Vec<Made>) -> Result<(), StoreError> {
        let schedule = Arc::clone(&self.schedule);
        let recorded = self
            .store
            .commit(move |tx| {
                let now = tx.now();
                let mut recorded = Vec::with_capacity(made.len());
                for made in made {
                    let outcome = &made.attempt.outcome;
                    let decide = |count| policy::after(outcome, count, made.id, &schedule, now);
                    let next = rows::record(tx, made.id, &made.attempt, decide)?;
                    recorded.push((made, next));
                }
                Ok::<_, StoreError>(recorded)
            })
            .await?;
        let mut earliest = None;
        {
            let mut lanes = self.lanes.lock().expect("no holder panics");
            for (made, next) in &recorded {
                lanes.recorded(made.id);
                if let Some(Next::Retry(due)) = next {
                    earliest = Some(earliest.map_or(*due, |known: Timestamp| known.min(*due)));
                }
            }
        }
        for (made, next) in &recorded {
            report(made, *next);
        }
        if let Some(due) = earliest {
            let mut shared = self.earliest_due.lock().expect("no holder panics");
            *shared = Some(shared.map_or(due, |known| known.min(due)));
            drop(shared);
            self.wake.notify_one();
        }
        Ok(())
    }
}

/// Says in the log what came of an attempt: loud only where a delivery was given up.
fn report(made: &Made, next: Option<Next>) {
    let Made { id, webhook, attempt } = made;
    let duration_ms = attempt.duration.as_secs_f64() * 1_000.0;
    let (status, error) = match &attempt.outcome {
        Outcome::Answered(status) => (*status, ""),
        Outcome::Failed { detail, .. } | Outcome::Unreadable { detail } => (0, detail.as_str()),
        Outcome::Gone => (0, "the webhook or its event is gone"),
    };
    match next {
        Some(Next::Finished(State::Delivered)) => {
            debug!(delivery.id = %id, webhook.id = %webhook, status, duration_ms, "delivered");
        }
        Some(Next::Retry(due)) => {
            debug!(
                delivery.id = %id, webhook.id = %webhook, status, error, duration_ms, ?due,
                "attempt failed, will be retried"
            );
        }
        Some(Next::Finished(state)) => {
            let state = state.name();
            warn!(delivery.id = %id, webhook.id = %webhook, status, error, state, "given up");
        }
        None => debug!(delivery.id = %id, "the delivery was finished meanwhile"),
    }
}
