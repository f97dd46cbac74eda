//! The delivery loop: starts attempts where lanes have work and slots, and fetches what is due.
//!
//! It meets the rest of tidings in the store alone: a commit that made deliveries tells the lanes
//! afterwards, and the loop wakes. It sends nothing itself: each lane is drained by tasks of its
//! own, up to its slots, and they end when it is empty.

use std::ops::Bound;
use std::sync::Arc;

use tracing::error;

use super::drain::Drain;
use super::handle::{Deliveries, Tasks, earlier};
use super::lanes::{DueKey, Lanes, Ready};
use super::rows::{self, Due};
use crate::clock::Timestamp;
use crate::id::{DeliveryId, ProfileId, WebhookId};
use crate::limits;
use crate::store::{Store, StoreError, Tx};

pub(super) struct Worker {
    store: Store,
    drain: Drain,
    tasks: Tasks,
    /// The due index was read up to here.
    read_to: Option<DueKey>,
    next_due: Option<Timestamp>,
    next_close: Option<Timestamp>,
    next_timer: Option<Timestamp>,
}

impl Worker {
    pub(super) const fn new(store: Store, drain: Drain, tasks: Tasks) -> Self {
        Self {
            store,
            drain,
            tasks,
            read_to: None,
            // Whatever is in the store at the start may be due.
            next_due: Some(Timestamp::EPOCH),
            next_close: Some(Timestamp::EPOCH),
            next_timer: None,
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.tasks.stop.clone();
        while !stop.is_cancelled() {
            if let Err(error) = self.turn().await {
                error!(%error, "the delivery loop can not use the store");
                tokio::select! {
                    () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => {}
                    () = stop.cancelled() => {}
                }
                continue;
            }
            let next = earlier(earlier(self.next_due, self.next_close), self.next_timer);
            let clock = self.drain.shared.clock.clone();
            let due = async move {
                match next {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.drain.shared.wake.notified() => {}
                () = due => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Looks once at everything there may be to do.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let now = self.drain.shared.clock.now();
        self.learn_what_comes_soon();
        if self.next_close.is_some_and(|close| close <= now) {
            self.close_batches(now).await?;
        }
        if self.next_due.is_some_and(|due| due <= now) {
            self.scan_due(now).await?;
        }
        let left = self.drain.shared.with_lanes(Lanes::wants_retries);
        if !left.is_empty() {
            self.scan_what_was_left(&left, now).await?;
        }
        let scan = self.drain.shared.with_lanes(Lanes::start_scan);
        if let Some(from) = scan {
            self.scan_outbox(from).await?;
        }
        self.drain.shared.with_lanes(|lanes| lanes.fire(now));
        self.start_drains();
        self.keep_order().await?;
        self.start_drains();
        let (next_timer, is_more_to_do) =
            self.drain.shared.with_lanes(|lanes| (lanes.fire(now), lanes.has_order_to_keep()));
        self.next_timer = next_timer;
        if is_more_to_do {
            self.drain.shared.wake.notify_one();
        }
        Ok(())
    }

    fn learn_what_comes_soon(&mut self) {
        let mut soon = self.drain.shared.soon.lock().expect("no holder panics");
        let (due, close) = (soon.due.take(), soon.close.take());
        drop(soon);
        self.next_due = earlier(self.next_due, due);
        self.next_close = earlier(self.next_close, close);
        // A clock that was set back makes retries due before what was read already.
        if let (Some(due), Some((read_to, _))) = (due, self.read_to)
            && due <= read_to
        {
            self.read_to = None;
        }
    }

    fn start_drains(&self) {
        let now = self.drain.shared.clock.now();
        loop {
            // Taken here, so that a lane's next turn sees the slot occupied.
            let next = self.drain.shared.with_lanes(|lanes| {
                let webhook = lanes.next_runnable()?;
                Some((webhook, lanes.take(webhook, now)))
            });
            let Some((webhook, taken)) = next else { return };
            if let Some(ready) = taken {
                self.tasks.tracker.spawn(self.drain.clone().run(webhook, ready));
            }
        }
    }

    /// Completes the batches that have waited long enough.
    async fn close_batches(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let all = rows::all_gathering(&self.store.snapshot()?, limits::WEBHOOKS_MAX * 2)?;
        let (due, waiting): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, gathering)| gathering.closes <= now);
        self.next_close = waiting.iter().map(|(_, gathering)| gathering.closes).min();
        if due.is_empty() {
            return Ok(());
        }
        let deliveries = Deliveries { shared: Arc::clone(&self.drain.shared) };
        let close = move |tx: &mut Tx<'_, '_>| {
            for (webhook, seen) in due {
                // One that was completed meanwhile was announced by the one who did.
                if rows::gathering(tx, webhook)?.is_some_and(|open| open.id == seen.id) {
                    let batch = deliveries.complete_batch(tx, webhook)?;
                    deliveries.announce_batch(tx, batch);
                }
            }
            Ok::<_, StoreError>(())
        };
        self.store.commit(close).await
    }

    /// Moves deliveries behind their keys into the store, and brings those back whose turn it is.
    async fn keep_order(&self) -> Result<(), StoreError> {
        let shared = &self.drain.shared;
        let mut to_store = shared.with_lanes(Lanes::take_to_store);
        while !to_store.is_empty() {
            let rest = to_store.split_off(to_store.len().min(limits::BEHIND_AT_ONCE_MAX));
            let ids: Vec<DeliveryId> = to_store.iter().map(|(_, ready)| ready.id).collect();
            let put = move |tx: &mut Tx<'_, '_>| {
                ids.into_iter().try_for_each(|id| rows::put_behind(tx, id))
            };
            if let Err(error) = self.store.commit(put).await {
                to_store.extend(rest);
                shared.with_lanes(|lanes| lanes.unstored(to_store));
                return Err(error);
            }
            shared.with_lanes(|lanes| lanes.stored(&to_store));
            to_store = rest;
        }
        let idle = shared.with_lanes(Lanes::take_idle_keys);
        let now = shared.clock.now();
        for (place, (webhook, key)) in idle.iter().enumerate() {
            let profile = ProfileId::from_u128(*key);
            let found =
                self.store.snapshot().and_then(|from| rows::first_behind(&from, *webhook, profile));
            let found = found.inspect_err(|_| {
                shared.with_lanes(|lanes| lanes.idle_again(idle.get(place..).unwrap_or_default()));
            })?;
            let ready = found.map(|id| Ready { id, event: None, key: *key, since: now });
            shared.with_lanes(|lanes| lanes.bring_back(*webhook, *key, ready, now));
        }
        Ok(())
    }

    /// Brings fresh rows of the outbox to the lanes that are behind.
    async fn scan_outbox(&self, from: Option<DeliveryId>) -> Result<(), StoreError> {
        self.drain.shared.with_lanes(Lanes::watch_records);
        let scanned = self.scan_outbox_from(from).await;
        self.drain.shared.with_lanes(Lanes::unwatch_records);
        scanned
    }

    async fn scan_outbox_from(&self, from: Option<DeliveryId>) -> Result<(), StoreError> {
        let mut after = from;
        loop {
            let rows = rows::scan_outbox(&self.store.snapshot()?, after)?;
            let is_last = rows.len() < limits::SCAN_ROWS_MAX;
            after = rows.last().map(|row| row.id).or(after);
            let now = self.drain.shared.clock.now();
            let is_wanted = self.drain.shared.with_lanes(|lanes| {
                for row in &rows {
                    let has_one = row.events.len() == 1 && row.run.is_none();
                    let event = row.event().filter(|_| has_one);
                    let key = row.profile.map_or(0, ProfileId::as_u128);
                    let ready = Ready { id: row.id, event, key, since: row.created };
                    lanes.offer(row.webhook, ready, row.phase, now);
                }
                if is_last {
                    lanes.end_scan();
                }
                lanes.fire(now);
                lanes.scan_is_wanted()
            });
            self.start_drains();
            if is_last || !is_wanted || self.tasks.stop.is_cancelled() {
                return Ok(());
            }
            // A long scan is no reason to let order and timers wait.
            self.keep_order().await?;
            tokio::task::yield_now().await;
        }
    }

    /// Brings retries that became due to their lanes, and notes when the next one is.
    async fn scan_due(&mut self, now: Timestamp) -> Result<(), StoreError> {
        // Should the reading fail, it is still due.
        self.next_due = Some(now);
        self.drain.shared.with_lanes(Lanes::watch_records);
        let start = self.read_to.map_or(Bound::Unbounded, Bound::Excluded);
        let read = self.read_due(start, now, None).await;
        self.drain.shared.with_lanes(Lanes::unwatch_records);
        let (read_to, next_due) = read?;
        self.read_to = read_to.or(self.read_to);
        self.next_due = next_due;
        Ok(())
    }

    /// Reads again what was left in the due index for want of room.
    async fn scan_what_was_left(
        &self,
        left: &[(WebhookId, DueKey)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(from) = left.iter().map(|(_, first)| *first).min() else { return Ok(()) };
        self.drain.shared.with_lanes(Lanes::watch_records);
        let read = self.read_due(Bound::Included(from), now, self.read_to).await;
        self.drain.shared.with_lanes(|lanes| {
            lanes.unwatch_records();
            if read.is_err() {
                lanes.left_again(left);
            }
        });
        read.map(drop)
    }

    /// Reads the due index from `start` to now, or to `end`. Returns the last entry that was due
    /// and when the first is that was not.
    async fn read_due(
        &self,
        start: Bound<DueKey>,
        now: Timestamp,
        end: Option<DueKey>,
    ) -> Result<(Option<DueKey>, Option<Timestamp>), StoreError> {
        let (mut start, mut read_to) = (start, None);
        loop {
            let entries = rows::scan_due(&self.store.snapshot()?, start)?;
            let is_last = entries.len() < limits::SCAN_ROWS_MAX;
            let mut next = None;
            self.drain.shared.with_lanes(|lanes| {
                for entry in &entries {
                    let place = (entry.at, entry.id);
                    if entry.at > now || end.is_some_and(|end| place > end) {
                        next = Some(entry.at);
                        break;
                    }
                    read_to = Some(place);
                    lanes.offer_retry(entry.webhook, ready_again(entry), now);
                }
            });
            self.start_drains();
            if is_last || next.is_some() || self.tasks.stop.is_cancelled() {
                return Ok((read_to, next));
            }
            start = read_to.map_or(start, Bound::Excluded);
            tokio::task::yield_now().await;
        }
    }
}

fn ready_again(due: &Due) -> Ready {
    Ready { id: due.id, event: None, key: due.profile.as_u128(), since: due.at }
}
