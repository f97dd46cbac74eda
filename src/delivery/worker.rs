//! The delivery loop: starts attempts where lanes have work and slots, scans for what is due.
//!
//! It meets the rest of tidings in the store alone. A commit that made deliveries calls
//! [`Deliveries::schedule`] inside its command; after the commit the lanes are told, and the loop
//! wakes. It sends nothing itself: each lane is drained by tasks of its own, up to its slots, and
//! they end when it is empty.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::attempt::Sender;
use super::lanes::{Health, Lanes, Ready};
use super::policy::Schedule;
use super::recorder::{Made, Recorder};
use super::{Outcome, Source, rows};
use crate::clock::{Clock, Timestamp};
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::limits;
use crate::store::{Store, StoreError, Tx};
use crate::webhook::Webhooks;

/// Where the loop's tasks run, and when they end.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    /// Every task of the loop.
    pub tracker: TaskTracker,
    /// Ends the loop; attempts under way end and are recorded first.
    pub stop: CancellationToken,
}

/// The handle that others schedule deliveries with. Clones share it.
#[derive(Clone)]
pub struct Deliveries {
    lanes: Arc<Mutex<Lanes>>,
    wake: Arc<Notify>,
    earliest_due: Arc<Mutex<Option<Timestamp>>>,
}

impl Deliveries {
    /// The handle, before the loop runs: what is scheduled until then is found by its first scan.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self {
            lanes: Arc::new(Mutex::new(Lanes::new(concurrency))),
            wake: Arc::new(Notify::new()),
            earliest_due: Arc::default(),
        }
    }

    /// Puts a delivery into the outbox, in the transaction of what caused it (invariant 2).
    ///
    /// # Errors
    /// Where the store fails.
    pub fn schedule(
        &self,
        tx: &mut Tx<'_, '_>,
        webhooks: &[WebhookId],
        source: Source,
    ) -> Result<(), StoreError> {
        if webhooks.is_empty() {
            return Ok(());
        }
        let mut scheduled = Vec::with_capacity(webhooks.len());
        for webhook in webhooks {
            let id = DeliveryId::from_u128(tx.ulid()?);
            rows::insert(tx, id, *webhook, source)?;
            scheduled.push((*webhook, Ready { id, source: Some(source) }));
        }
        let deliveries = self.clone();
        tx.after_commit(move || deliveries.announce(&scheduled));
        Ok(())
    }

    /// Schedules a test of a webhook and returns its delivery.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn schedule_test(
        &self,
        tx: &mut Tx<'_, '_>,
        webhook: WebhookId,
    ) -> Result<DeliveryId, StoreError> {
        let id = DeliveryId::from_u128(tx.ulid()?);
        // The sample's id is not one of the log: its low half is the delivery's counter.
        let sample = EventId::MIN.next(tx.now()).as_u64() | u64::from(id.as_u128() as u32);
        let source = Source::Test(EventId::from_u64(sample));
        rows::insert(tx, id, webhook, source)?;
        let deliveries = self.clone();
        tx.after_commit(move || {
            deliveries.announce(&[(webhook, Ready { id, source: Some(source) })]);
        });
        Ok(id)
    }

    fn announce(&self, scheduled: &[(WebhookId, Ready)]) {
        let mut lanes = self.lanes.lock().expect("no holder panics");
        for (webhook, ready) in scheduled {
            lanes.announce(*webhook, *ready);
        }
        drop(lanes);
        self.wake.notify_one();
    }

    /// Stops or resumes the deliveries of a webhook; what is under way goes on.
    pub fn pause(&self, webhook: WebhookId, is_paused: bool) {
        self.lanes.lock().expect("no holder panics").pause(webhook, is_paused);
        self.wake.notify_one();
    }

    /// Starts the loop and the recorder; both end after `stop`, the recorder when the last attempt under way has been recorded.
    pub fn start(&self, sender: Sender, webhooks: Webhooks, schedule: Schedule, tasks: &Tasks) {
        let (results, recorded) = mpsc::channel(limits::RESULTS_QUEUED_MAX);
        let recorder = Recorder {
            store: sender.store.clone(),
            schedule: Arc::new(schedule),
            lanes: Arc::clone(&self.lanes),
            wake: Arc::clone(&self.wake),
            earliest_due: Arc::clone(&self.earliest_due),
        };
        tasks.tracker.spawn(recorder.run(recorded));
        for endpoint in webhooks.all() {
            self.pause(endpoint.webhook.id, !endpoint.webhook.enabled);
        }
        let drain = Drain {
            lanes: Arc::clone(&self.lanes),
            wake: Arc::clone(&self.wake),
            sender: Arc::new(sender),
            webhooks,
            results,
            stop: tasks.stop.clone(),
        };
        let worker = Worker {
            clock: drain.sender.clock.clone(),
            store: drain.sender.store.clone(),
            earliest_due: Arc::clone(&self.earliest_due),
            // Whatever is in the index at the start may be due.
            next_due: Some(Timestamp::EPOCH),
            drain,
            tracker: tasks.tracker.clone(),
        };
        tasks.tracker.spawn(worker.run());
    }
}

struct Worker {
    clock: Clock,
    store: Store,
    earliest_due: Arc<Mutex<Option<Timestamp>>>,
    next_due: Option<Timestamp>,
    drain: Drain,
    tracker: TaskTracker,
}

impl Worker {
    async fn run(mut self) {
        let stop = self.drain.stop.clone();
        while !stop.is_cancelled() {
            if let Err(error) = self.turn().await {
                error!(%error, "the delivery loop can not read the store");
                tokio::select! {
                    () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => {}
                    () = stop.cancelled() => {}
                }
            }
            let next_due = self.next_due;
            let clock = self.clock.clone();
            let due = async move {
                match next_due {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.drain.wake.notified() => {}
                () = due => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Looks once at everything there may be to do.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let earliest = self.earliest_due.lock().expect("no holder panics").take();
        self.next_due = [self.next_due, earliest].into_iter().flatten().min();
        let is_due = self.next_due.is_some_and(|due| due <= self.clock.now());
        let has_room = self.drain.lanes.lock().expect("no holder panics").wants_retries();
        if is_due || has_room {
            self.scan_due().await?;
        }
        let scan = self.drain.lanes.lock().expect("no holder panics").start_scan();
        if let Some(from) = scan {
            self.scan_outbox(from).await?;
        }
        self.start_drains();
        Ok(())
    }

    fn start_drains(&self) {
        loop {
            let next = self.drain.lanes.lock().expect("no holder panics").next_runnable();
            let Some(webhook) = next else { return };
            // Taken here, so that a lane's next turn sees the slot occupied.
            let taken = self.drain.lanes.lock().expect("no holder panics").take(webhook);
            if let Some(ready) = taken {
                self.tracker.spawn(self.drain.clone().run(webhook, ready));
            }
        }
    }

    /// Brings fresh rows of the outbox to the lanes that are behind.
    async fn scan_outbox(&self, from: Option<DeliveryId>) -> Result<(), StoreError> {
        let mut after = from;
        loop {
            let rows = rows::scan_outbox(&self.store.snapshot()?, after)?;
            let is_last = rows.len() < limits::SCAN_ROWS_MAX;
            let end = rows.last().map(|row| row.id).or(after);
            let is_wanted = {
                let mut lanes = self.drain.lanes.lock().expect("no holder panics");
                for row in rows.iter().filter(|row| row.is_fresh) {
                    lanes.offer_fresh(row.webhook, Ready { id: row.id, source: Some(row.source) });
                }
                if is_last {
                    lanes.end_scan(end);
                }
                lanes.scan_is_wanted()
            };
            self.start_drains();
            if is_last || !is_wanted || self.drain.stop.is_cancelled() {
                return Ok(());
            }
            after = end;
            tokio::task::yield_now().await;
        }
    }

    /// Brings retries that are due to their lanes, and notes when the next one is.
    async fn scan_due(&mut self) -> Result<(), StoreError> {
        self.drain.lanes.lock().expect("no holder panics").start_retry_scan();
        let scanned = self.scan_due_from_the_start().await;
        self.drain.lanes.lock().expect("no holder panics").end_retry_scan();
        scanned
    }

    async fn scan_due_from_the_start(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut after = None;
        self.next_due = None;
        loop {
            let rows = rows::scan_due(&self.store.snapshot()?, after)?;
            let is_last = rows.len() < limits::SCAN_ROWS_MAX;
            after = rows.last().map(|(due, id, _)| (*due, *id));
            {
                let mut lanes = self.drain.lanes.lock().expect("no holder panics");
                for (due, id, webhook) in rows {
                    if due > now {
                        self.next_due = Some(due);
                        break;
                    }
                    lanes.offer_retry(webhook, id);
                }
            }
            self.start_drains();
            if is_last || self.next_due.is_some() || self.drain.stop.is_cancelled() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

/// A failing destination is told once, not with every attempt: those are in the delivery's log.
fn report(webhook: WebhookId, health: Health) {
    match health {
        Health::AsBefore => {}
        Health::BeganToFail => warn!(webhook.id = %webhook, "a destination began to fail"),
        Health::Recovered(failures) => {
            info!(webhook.id = %webhook, failures, "a destination takes deliveries again");
        }
    }
}

/// Sends what one lane has, one after the other, until it is empty.
#[derive(Clone)]
struct Drain {
    lanes: Arc<Mutex<Lanes>>,
    wake: Arc<Notify>,
    sender: Arc<Sender>,
    webhooks: Webhooks,
    results: mpsc::Sender<Made>,
    stop: CancellationToken,
}

impl Drain {
    async fn run(self, webhook: WebhookId, first: Ready) {
        let mut next = Some(first);
        while let Some(ready) = next {
            let endpoint = self.webhooks.get(webhook);
            let attempt = self.sender.attempt(ready.id, ready.source, endpoint.as_deref()).await;
            let is_well = attempt.outcome.is_success() || attempt.outcome == Outcome::Gone;
            let made = Made { id: ready.id, webhook, attempt };
            // The recorder outlives every drain; if it is gone, the row stays scheduled.
            let is_recorded = self.results.send(made).await.is_ok();
            let (health, needs_the_loop) = {
                let mut lanes = self.lanes.lock().expect("no holder panics");
                let health = lanes.release(webhook, is_well && is_recorded);
                next = if self.stop.is_cancelled() { None } else { lanes.take(webhook) };
                (health, lanes.need_the_loop())
            };
            if needs_the_loop {
                self.wake.notify_one();
            }
            report(webhook, health);
        }
    }
}
