//! The handle by which others make, pause, resume and cancel replays. The rows are the truth; the
//! handle only wakes the worker.

use std::sync::Arc;

use tokio::sync::Notify;

use super::look;
use super::{Counts, NewReplay, Replay, Status, rows};
use crate::delivery::Deliveries;
use crate::id::{ReplayId, WebhookId};
use crate::json::Fault;
use crate::limits;
use crate::metric::Metrics;
use crate::store::{StoreError, Tx};
use crate::webhook::Webhooks;

/// The handle on all replays. Clones share it.
#[derive(Clone)]
pub struct Replays {
    pub(super) shared: Arc<Shared>,
}

/// What the handle and the worker share.
pub(super) struct Shared {
    pub(super) metrics: Metrics,
    pub(super) webhooks: Webhooks,
    pub(super) deliveries: Deliveries,
    /// Tells the worker that a replay is running that was not.
    pub(super) wake: Notify,
}

/// Why a replay was not made or changed.
#[derive(Debug)]
pub enum ReplayError {
    /// The request is wrong.
    Fault(Fault),
    /// There is no such replay.
    Unknown(ReplayId),
    /// There is no such webhook.
    NoWebhook(WebhookId),
    /// The webhook is switched off: it takes no deliveries.
    WebhookOff(WebhookId),
    /// There are [`limits::REPLAYS_UNFINISHED_MAX`] that are not finished.
    TooMany,
    /// It is over.
    Finished(ReplayId, Status),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for ReplayError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Replays {
    /// The handle, before the worker runs.
    #[must_use]
    pub fn new(metrics: Metrics, webhooks: Webhooks, deliveries: Deliveries) -> Self {
        let wake = Notify::new();
        Self { shared: Arc::new(Shared { metrics, webhooks, deliveries, wake }) }
    }

    /// Makes a replay, which begins at once. Its end is the last event that there is. Of finished
    /// replays the oldest are dropped where there are too many.
    ///
    /// # Errors
    /// Where its webhook is gone or off, too many replays are not finished, or the store fails.
    pub fn create(&self, tx: &mut Tx<'_, '_>, new: NewReplay) -> Result<Replay, ReplayError> {
        tx.needs_room()?;
        self.check_webhook(new.wanted.webhook)?;
        let (finished, unfinished): (Vec<_>, Vec<_>) =
            rows::all(tx)?.into_iter().partition(|replay| replay.status.is_finished());
        if unfinished.len() >= limits::REPLAYS_UNFINISHED_MAX {
            return Err(ReplayError::TooMany);
        }
        let surplus = finished.len().saturating_sub(limits::REPLAYS_KEPT_MAX);
        finished.iter().take(surplus).for_each(|replay| rows::remove(tx, replay.id));
        let stretch = look::stretch_of(tx, &new.wanted)?;
        let replay = Replay {
            id: ReplayId::from_u128(tx.ulid()?),
            name: new.name,
            wanted: new.wanted,
            rate_per_second: new.rate_per_second,
            status: Status::Running,
            reason: None,
            stretch,
            cursor: stretch.after,
            counts: Counts::default(),
            created: tx.now(),
            updated: tx.now(),
            finished: None,
        };
        rows::put(tx, &replay)?;
        self.wake_after(tx);
        Ok(replay)
    }

    /// Lets a replay go on, or holds it. One that is so already stays as it is.
    ///
    /// # Errors
    /// Where there is none, it is finished, its webhook is gone or off, or the store fails.
    pub fn hold(
        &self,
        tx: &mut Tx<'_, '_>,
        id: ReplayId,
        is_held: bool,
    ) -> Result<Replay, ReplayError> {
        let wanted = if is_held { Status::Paused } else { Status::Running };
        self.change(tx, id, wanted)
    }

    /// Ends a replay; what it scheduled stays scheduled. One that is cancelled already stays as it
    /// is.
    ///
    /// # Errors
    /// Where there is none, it is finished otherwise, or the store fails.
    pub fn cancel(&self, tx: &mut Tx<'_, '_>, id: ReplayId) -> Result<Replay, ReplayError> {
        self.change(tx, id, Status::Cancelled)
    }

    fn change(
        &self,
        tx: &mut Tx<'_, '_>,
        id: ReplayId,
        status: Status,
    ) -> Result<Replay, ReplayError> {
        let mut replay = rows::get(tx, id)?.ok_or(ReplayError::Unknown(id))?;
        if replay.status == status {
            return Ok(replay);
        }
        if replay.status.is_finished() {
            return Err(ReplayError::Finished(id, replay.status));
        }
        if status == Status::Running {
            self.check_webhook(replay.wanted.webhook)?;
            self.wake_after(tx);
        }
        replay.leave(status, None, tx.now());
        rows::put(tx, &replay)?;
        Ok(replay)
    }

    fn check_webhook(&self, id: WebhookId) -> Result<(), ReplayError> {
        let endpoint = self.shared.webhooks.subscription(id).ok_or(ReplayError::NoWebhook(id))?;
        if endpoint.webhook.enabled { Ok(()) } else { Err(ReplayError::WebhookOff(id)) }
    }

    fn wake_after(&self, tx: &mut Tx<'_, '_>) {
        let shared = Arc::clone(&self.shared);
        tx.after_commit(move || shared.wake.notify_one());
    }
}
