//! The handle by which others schedule deliveries, and what the parts of the loop share.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::Sender;
use super::drain::Drain;
use super::gather;
use super::health::Failing;
use super::index::{Indexer, Traffic};
use super::lanes::{LaneRules, Lanes, Ready, Standing};
use super::ready_made::ResendError;
use super::recent::Recent;
use super::recorder::{Policies, Recorder};
use super::rows::{self, Erased, New};
use super::worker::Worker;
use super::{Carriers, Delivery, Phase, Source};
use crate::clock::{Clock, Timestamp};
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId};
use crate::limits;
use crate::store::{Read, StoreError, Tx};
use crate::webhook::{Endpoint, Ordering, Webhook, Webhooks};

/// Where the loop's tasks run, and when they end.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    /// Every task of the loop.
    pub tracker: TaskTracker,
    /// Ends the loop; attempts under way end and are recorded first.
    pub stop: CancellationToken,
}

/// An event that is to be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Why.
    pub source: Source,
    /// Which.
    pub event: EventId,
    /// Whom it is about.
    pub profile: ProfileId,
    /// Length of its properties in bytes.
    pub bytes: usize,
}

/// A batch that was completed in a transaction, and of which the lanes do not know yet.
#[derive(Debug)]
pub struct CompleteBatch(WebhookId, Ready);

/// The handle that others schedule deliveries with. Clones share it.
#[derive(Clone)]
pub struct Deliveries {
    pub(super) shared: Arc<Shared>,
}

/// What the parts of the loop share.
pub(super) struct Shared {
    pub(super) lanes: Mutex<Lanes>,
    pub(super) wake: Notify,
    pub(super) soon: Mutex<Soon>,
    pub(super) webhooks: Webhooks,
    pub(super) clock: Clock,
    pub(super) failing: Failing,
    pub(super) recent: Recent,
    pub(super) noticed: Notify,
    pub(super) traffic: Traffic,
    concurrency: usize,
}

/// The earliest moments that were recorded since the worker last looked.
#[derive(Debug, Default)]
pub(super) struct Soon {
    /// When a retry is due.
    pub(super) due: Option<Timestamp>,
    /// When a batch has waited long enough.
    pub(super) close: Option<Timestamp>,
}

/// The earlier of two moments, of which either may be none.
pub(super) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    [a, b].into_iter().flatten().min()
}

impl Shared {
    pub(super) fn with_lanes<T>(&self, use_them: impl FnOnce(&mut Lanes) -> T) -> T {
        use_them(&mut self.lanes.lock().expect("no holder panics"))
    }

    /// A retry is due then.
    pub(super) fn due_at(&self, due: Timestamp) {
        let mut soon = self.soon.lock().expect("no holder panics");
        soon.due = earlier(soon.due, Some(due));
    }
}

impl Deliveries {
    /// The handle, before the loop runs: what is scheduled until then is found by its first scan.
    /// `concurrency` is that of webhooks that say nothing.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn new(
        webhooks: Webhooks,
        clock: Clock,
        concurrency: usize,
        store: &impl Read,
    ) -> Result<Self, StoreError> {
        let defaults = LaneRules {
            concurrency,
            interval: std::time::Duration::ZERO,
            ordering: Ordering::None,
            is_held: false,
            skip_before: None,
        };
        let shared = Shared {
            lanes: Mutex::new(Lanes::new(defaults)),
            wake: Notify::new(),
            soon: Mutex::default(),
            webhooks,
            clock,
            failing: Failing::default(),
            recent: Recent::default(),
            noticed: Notify::new(),
            traffic: Traffic::default(),
            concurrency,
        };
        shared.failing.load(store)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Puts deliveries of an event to these webhooks into the outbox, in the transaction of what
    /// caused them (invariant 2).
    ///
    /// # Errors
    /// Where the store fails.
    pub fn schedule(
        &self,
        tx: &mut Tx<'_, '_>,
        order: &Order,
        webhooks: &[Arc<Endpoint>],
    ) -> Result<(), StoreError> {
        let mut scheduled = Vec::with_capacity(webhooks.len());
        let mut closes = None;
        for endpoint in webhooks {
            let webhook = endpoint.webhook.id;
            let (source, event) = (order.source, order.event);
            let new = New { webhook, source, event, profile: Some(order.profile) };
            let settings = &endpoint.webhook.settings;
            if let Some(batch) = settings.batch {
                // Room for the person as large as a person may be: who it is when the batch
                // leaves is not known yet.
                let included = if settings.include.profile { limits::PROFILE_BYTES_MAX } else { 0 };
                let gathered = gather::add(tx, new, order.bytes + included, batch)?;
                closes = earlier(closes, gathered.closes);
                let ready = |id| Ready { id, event: None, key: 0, since: tx.now() };
                scheduled.extend(gathered.complete.into_iter().map(|id| (webhook, ready(id))));
                continue;
            }
            let id = DeliveryId::from_u128(tx.ulid()?);
            rows::insert(tx, id, new)?;
            let key = order.profile.as_u128();
            scheduled.push((webhook, Ready { id, event: Some(event), key, since: tx.now() }));
        }
        if scheduled.is_empty() && closes.is_none() {
            return Ok(());
        }
        let deliveries = self.clone();
        tx.after_commit(move || deliveries.announce(&scheduled, closes));
        Ok(())
    }

    pub(super) fn announce(&self, scheduled: &[(WebhookId, Ready)], closes: Option<Timestamp>) {
        let now = self.shared.clock.now();
        self.shared.with_lanes(|lanes| {
            for (webhook, ready) in scheduled {
                lanes.announce(*webhook, *ready, now);
            }
        });
        if closes.is_some() {
            let mut soon = self.shared.soon.lock().expect("no holder panics");
            soon.close = earlier(soon.close, closes);
        }
        self.shared.wake.notify_one();
        self.shared.traffic.scheduled(scheduled.len());
    }

    /// Makes a delivery due now: a scheduled one earlier than planned; a finished one again, with
    /// its schedule from the beginning should this attempt fail. `None` where there is none.
    ///
    /// # Errors
    /// [`ResendError::NoRequest`] where there is nothing to send, or where the store fails.
    pub fn resend(
        &self,
        tx: &mut Tx<'_, '_>,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, ResendError> {
        let Some(found) = rows::get(tx, id)? else { return Ok(None) };
        if let Some(run) = found.run
            && rows::request(tx, id)?.is_none()
        {
            return Err(ResendError::NoRequest(run));
        }
        let Some(delivery) = rows::resend(tx, id)? else { return Ok(None) };
        let ready = Ready {
            id,
            event: None,
            key: delivery.profile.map_or(0, ProfileId::as_u128),
            since: tx.now(),
        };
        let (deliveries, webhook) = (self.clone(), delivery.webhook);
        if delivery.phase == Phase::Due {
            tx.after_commit(move || deliveries.offer(webhook, ready));
        }
        Ok(Some(delivery))
    }

    fn offer(&self, webhook: WebhookId, ready: Ready) {
        let now = self.shared.clock.now();
        self.shared.with_lanes(|lanes| lanes.resend(webhook, ready, now));
        self.shared.due_at(ready.since);
        self.shared.wake.notify_one();
    }

    /// Cancels a scheduled delivery; an attempt that is under way is not called back, and its
    /// result is dropped. `None` where none is scheduled.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn cancel(
        &self,
        tx: &mut Tx<'_, '_>,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let Some(cancelled) = rows::cancel(tx, id)? else { return Ok(None) };
        self.is_cancelled(tx, cancelled.webhook, id);
        Ok(Some(cancelled))
    }

    /// Takes what is erased out of its carriers, and out of those that came since they were found;
    /// returns how many had something. An attempt that is under way is not called back, and its
    /// result is dropped.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn erase(&self, tx: &mut Tx<'_, '_>, carriers: &mut Carriers) -> Result<u64, StoreError> {
        carriers.catch_up(tx)?;
        let mut count = 0;
        for id in carriers.ids() {
            let Some(erased) = rows::erase(tx, id, carriers)? else { continue };
            count += 1;
            if let Erased::Whole { webhook, was_scheduled: true } = erased {
                self.is_cancelled(tx, webhook, id);
            }
        }
        Ok(count)
    }

    /// Tells the lanes, after the commit, of a delivery that is not to be sent.
    fn is_cancelled(&self, tx: &mut Tx<'_, '_>, webhook: WebhookId, id: DeliveryId) {
        let deliveries = self.clone();
        tx.after_commit(move || {
            let now = deliveries.shared.clock.now();
            deliveries.shared.with_lanes(|lanes| lanes.cancelled(webhook, id, now));
            deliveries.shared.wake.notify_one();
        });
    }

    /// A webhook is about to be changed, in the transaction of the change: its batch is complete as
    /// it is. What is returned belongs to [`Deliveries::changed`].
    ///
    /// # Errors
    /// Where the store fails.
    pub fn complete_batch(
        &self,
        tx: &mut Tx<'_, '_>,
        id: WebhookId,
    ) -> Result<Option<CompleteBatch>, StoreError> {
        let Some(open) = rows::gathering(tx, id)? else { return Ok(None) };
        let complete = rows::close_batch(tx, id, open.id)?;
        let ready = |id| Ready { id, event: None, key: 0, since: tx.now() };
        Ok(complete.map(|complete| CompleteBatch(id, ready(complete))))
    }

    /// Tells the lanes of a batch, after the commit.
    pub(super) fn announce_batch(&self, tx: &mut Tx<'_, '_>, batch: Option<CompleteBatch>) {
        if let Some(CompleteBatch(webhook, ready)) = batch {
            let deliveries = self.clone();
            tx.after_commit(move || deliveries.announce(&[(webhook, ready)], None));
        }
    }

    /// A webhook was changed, in the transaction of the change: its lane has other rules from now
    /// on, and an endpoint that a person corrected begins anew.
    pub fn changed(
        &self,
        tx: &mut Tx<'_, '_>,
        (before, after): (&Webhook, &Webhook),
        batch: Option<CompleteBatch>,
    ) {
        let id = after.id;
        let is_corrected =
            before.is_held() != after.is_held() || before.endpoint_url != after.endpoint_url;
        if is_corrected {
            self.shared.failing.clear(tx, id);
        }
        let deliveries = self.clone();
        tx.after_commit(move || {
            deliveries.refresh(id);
            if is_corrected {
                let now = deliveries.shared.clock.now();
                deliveries.shared.with_lanes(|lanes| lanes.revive(id, now));
            }
        });
        // After the new rules: a webhook that was just switched off sends nothing more.
        self.announce_batch(tx, batch);
    }

    /// The same for a webhook that was removed.
    pub fn removed(&self, tx: &mut Tx<'_, '_>, id: WebhookId) {
        self.shared.failing.clear(tx, id);
        let deliveries = self.clone();
        tx.after_commit(move || deliveries.refresh(id));
    }

    /// Tells the loop that a webhook was made, changed or removed; after the commit.
    pub fn refresh(&self, webhook: WebhookId) {
        let now = self.shared.clock.now();
        let endpoint = self.shared.webhooks.get(webhook);
        self.shared.with_lanes(|lanes| match endpoint {
            Some(endpoint) => lanes.configure(webhook, self.rules(&endpoint), now),
            None => lanes.retire(webhook, now),
        });
        self.shared.wake.notify_one();
    }

    fn rules(&self, endpoint: &Endpoint) -> LaneRules {
        let settings = &endpoint.webhook.settings;
        let concurrency = match settings.ordering {
            Ordering::Strict => 1,
            _ => settings.concurrency.unwrap_or(self.shared.concurrency),
        };
        LaneRules {
            concurrency,
            interval: settings.rate_limit.map_or(std::time::Duration::ZERO, |rate| rate.interval()),
            ordering: settings.ordering,
            is_held: endpoint.webhook.is_held(),
            skip_before: endpoint.webhook.skip_before,
        }
    }

    /// The webhooks that are delivered to.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.shared.webhooks
    }

    /// How the webhook's lane stands.
    #[must_use]
    pub fn standing(&self, webhook: WebhookId) -> Standing {
        self.shared.with_lanes(|lanes| lanes.standing(webhook))
    }

    /// Since when the webhook's endpoint has taken nothing; `None` while it takes deliveries.
    #[must_use]
    pub fn failing_since(&self, webhook: WebhookId) -> Option<Timestamp> {
        self.shared.failing.since(webhook)
    }

    /// The last attempts.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.shared.recent
    }

    /// Returns when there may be notices.
    pub async fn noticed(&self) {
        self.shared.noticed.notified().await;
    }

    /// Starts the loop and the recorder; both end after `stop`, the recorder when the last
    /// attempt under way has been recorded.
    pub fn start(&self, sender: Arc<Sender>, policies: Policies, tasks: &Tasks) {
        let (results, recorded) = mpsc::channel(limits::RESULTS_QUEUED_MAX);
        let recorder = Recorder::new(sender.store.clone(), Arc::clone(&self.shared), policies);
        tasks.tracker.spawn(recorder.run(recorded));
        let subscriptions = self.shared.webhooks.all();
        let subscriptions = subscriptions.iter().map(|endpoint| endpoint.webhook.id);
        for webhook in subscriptions.chain(self.shared.webhooks.steps()) {
            self.refresh(webhook);
        }
        let store = sender.store.clone();
        let drain = Drain::new(Arc::clone(&self.shared), sender, results, tasks.stop.clone());
        let indexer = Indexer::new(store.clone(), Arc::clone(&self.shared), tasks.clone());
        tasks.tracker.spawn(indexer.run());
        tasks.tracker.spawn(Worker::new(store, drain, tasks.clone()).run());
    }
}
