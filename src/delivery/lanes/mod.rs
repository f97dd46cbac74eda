//! What is ready to be sent, in memory: bounded, fair between endpoints, in the order asked for.
//!
//! Each webhook has a [lane](lane) with two queues: fresh deliveries and due retries. Fresh ones
//! arrive from the commit that made them. When a lane is full it falls *behind*: further ones are
//! not taken, because they are in the outbox, and a scan of the outbox brings them once there is
//! room. The lane remembers up to which id it has taken, so that the scan neither skips a row nor
//! brings one twice. One scan serves all lanes that are behind; there is never one per endpoint.
//! Due retries work the same way with the due index, which is read on from where the last reading
//! ended; a lane that had no room remembers where its first one was left.
//!
//! No I/O here: the worker reads and sends, this decides what is next. Memory does not grow with
//! the backlog: [`limits::LANES_TOTAL_MAX`] and a small share per lane bound it.

mod breaker;
mod keys;
mod lane;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

pub(super) use self::lane::LaneRules;
pub(super) use self::scan::DueKey;

use self::lane::{Gate, Lane};
use super::policy::Verdict;
use crate::clock::Timestamp;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::limits;
use crate::webhook::Ordering;

/// A delivery that may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) id: DeliveryId,
    /// The event of a fresh delivery that has just one; else the row tells.
    pub(super) event: Option<EventId>,
    /// What orders it: the profile's number, zero where there is none.
    pub(super) key: u128,
    /// Since when it could have been sent.
    pub(super) since: Timestamp,
}

/// What an attempt's end means for its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It goes on as it went.
    AsBefore,
    /// The attempt before succeeded, this one did not.
    BeganToFail,
    /// It is left alone for a while.
    Opened,
    /// It succeeded after so many failures.
    Recovered(u32),
}

/// How one lane stands, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Attempts under way.
    pub active: usize,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// It is left alone until a probe succeeds.
    pub is_open: bool,
    /// Keys that keep later deliveries waiting.
    pub blocked_keys: usize,
}

/// All lanes.
pub(super) struct Lanes {
    lanes: HashMap<WebhookId, Lane>,
    defaults: LaneRules,
    /// Lanes with something to take and an open gate; each is in here once.
    runnable: VecDeque<WebhookId>,
    /// Lanes whose gate opens with time.
    timers: BTreeSet<(Timestamp, WebhookId)>,
    /// A timer was set that comes before all others.
    has_new_timer: bool,
    /// Deliveries in all queues.
    total: usize,
    /// Attempts under way in all lanes.
    active: usize,
    /// Lanes that wait for a slot of all.
    starved: VecDeque<WebhookId>,
    /// Lanes that are seen for the first time start behind until one scan has reached the end of
    /// what was in the outbox at the start.
    is_first_scan: bool,
    /// Retries in a lane, and everything under way until its result is on disk and told: the due
    /// index must not bring them again.
    known: HashSet<DeliveryId>,
    /// Deliveries that a person resent while their last attempt was not told yet.
    resent: HashMap<DeliveryId, Ready>,
    /// Those recorded since the scan that is under way began: its snapshot may be older than they
    /// are and show them still. `None` while none is under way.
    recorded_in_scan: Option<HashSet<DeliveryId>>,
    /// The lanes that are behind.
    behind: HashSet<WebhookId>,
    /// The lanes for which due retries were left in the index.
    left_in_index: HashSet<WebhookId>,
    /// Deliveries that have to wait in the store behind their key.
    to_store: Vec<(WebhookId, Ready)>,
    /// Lanes with keys whose next delivery is to be brought back.
    with_idle_keys: HashSet<WebhookId>,
}

impl Lanes {
    pub(super) fn new(defaults: LaneRules) -> Self {
        Self {
            lanes: HashMap::new(),
            defaults,
            runnable: VecDeque::new(),
            timers: BTreeSet::new(),
            has_new_timer: false,
            total: 0,
            active: 0,
            starved: VecDeque::new(),
            is_first_scan: true,
            known: HashSet::new(),
            resent: HashMap::new(),
            recorded_in_scan: None,
            behind: HashSet::new(),
            left_in_index: HashSet::new(),
            to_store: Vec::new(),
            with_idle_keys: HashSet::new(),
        }
    }

    fn lane(&mut self, webhook: WebhookId) -> &mut Lane {
        let is_behind = self.is_first_scan;
        let (behind, defaults) = (&mut self.behind, self.defaults);
        self.lanes.entry(webhook).or_insert_with(|| {
            if is_behind {
                behind.insert(webhook);
            }
            Lane::new(defaults, is_behind)
        })
    }

    /// The webhook's rules are these from now on.
    pub(super) fn configure(&mut self, webhook: WebhookId, rules: LaneRules, now: Timestamp) {
        let lane = self.lane(webhook);
        let before = std::mem::replace(&mut lane.rules, rules);
        lane.is_retired = false;
        if before.is_held && !rules.is_held {
            lane.give_another_chance();
        }
        let is_other_work = before.ordering != rules.ordering
            || before.skip_before != rules.skip_before
            || (rules.is_held && !before.is_held);
        let (is_behind, has_left) = (lane.is_behind, lane.left_in_index.is_some());
        // Held lanes keep nobody busy: what they want is asked for when they go on.
        set_if(&mut self.behind, webhook, is_behind && !rules.is_held);
        set_if(&mut self.left_in_index, webhook, has_left && !rules.is_held);
        if is_other_work {
            self.put_down(webhook);
        }
        self.make_runnable(webhook, now);
    }

    /// A person says that the endpoint works again.
    pub(super) fn revive(&mut self, webhook: WebhookId, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.give_another_chance();
            self.make_runnable(webhook, now);
        }
    }

    /// What waits in the lane is fetched anew, under the rules of now.
    fn put_down(&mut self, webhook: WebhookId) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        for ready in lane.put_down() {
            self.total -= 1;
            self.known.remove(&ready.id);
        }
        let is_held = lane.rules.is_held;
        set_if(&mut self.behind, webhook, !is_held);
        set_if(&mut self.left_in_index, webhook, !is_held);
    }

    /// The webhook is gone: what is left for it is taken out without being sent.
    pub(super) fn retire(&mut self, webhook: WebhookId, now: Timestamp) {
        let rules = LaneRules { is_held: false, ..self.defaults };
        self.configure(webhook, rules, now);
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.is_retired = true;
        }
        self.forget_if_done(webhook);
    }

    fn forget_if_done(&mut self, webhook: WebhookId) {
        if self.lanes.get(&webhook).is_some_and(|lane| lane.is_retired && lane.is_empty()) {
            self.lanes.remove(&webhook);
        }
    }

    /// How the webhook's lane stands.
    pub(super) fn standing(&self, webhook: WebhookId) -> Standing {
        self.lanes.get(&webhook).map_or_else(Standing::default, |lane| Standing {
            active: lane.active,
            failures_in_a_row: lane.breaker.failures_in_a_row(),
            is_open: lane.breaker.is_open(),
            blocked_keys: lane.keys.blocked(),
        })
    }

    /// A fresh delivery was committed.
    pub(super) fn announce(&mut self, webhook: WebhookId, ready: Ready, now: Timestamp) {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        // A scan can be faster than the one who tells of the commit.
        if Some(ready.id) <= lane.taken_to {
            return;
        }
        if lane.is_behind || !lane.has_room(has_room_in_all) {
            lane.is_behind = true;
            lane.left_out_to = lane.left_out_to.max(Some(ready.id));
            let is_held = lane.rules.is_held;
            set_if(&mut self.behind, webhook, !is_held);
            return;
        }
        lane.taken_to = Some(ready.id);
        lane.fresh.push_back(ready);
        self.total += 1;
        self.make_runnable(webhook, now);
    }

    /// The next lane that wants an attempt started, if any.
    pub(super) fn next_runnable(&mut self) -> Option<WebhookId> {
        let webhook = self.runnable.pop_front()?;
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.is_runnable = false;
        }
        Some(webhook)
    }

    /// Takes a slot and the lane's next delivery; `None` where nothing may begin.
    pub(super) fn take(&mut self, webhook: WebhookId, now: Timestamp) -> Option<Ready> {
        let is_full = self.active >= limits::ATTEMPTS_AT_ONCE_MAX;
        let lane = self.lanes.get_mut(&webhook)?;
        if lane.gate(now) != Gate::Open {
            self.make_runnable(webhook, now);
            return None;
        }
        if is_full && lane.active > 0 {
            if !lane.is_starved {
                lane.is_starved = true;
                self.starved.push_back(webhook);
            }
            return None;
        }
        let mut behind = Vec::new();
        let next = lane.next(&mut behind);
        self.total -= behind.len() + usize::from(next.is_some());
        self.to_store.extend(behind.into_iter().map(|ready| (webhook, ready)));
        if let Some(ready) = &next {
            lane.begin(now);
            self.active += 1;
            self.known.insert(ready.id);
        }
        self.make_runnable(webhook, now);
        next
    }

    /// An attempt ended and freed its slot. Tells whether that changed the endpoint's health.
    pub(super) fn release(
        &mut self,
        webhook: WebhookId,
        verdict: Verdict,
        asked: Option<Timestamp>,
        now: Timestamp,
    ) -> Health {
        self.active = self.active.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&webhook) else { return Health::AsBefore };
        let (failures_before, was_open) =
            (lane.breaker.failures_in_a_row(), lane.breaker.is_open());
        lane.end(verdict, asked, now);
        let health = match (failures_before, lane.breaker.failures_in_a_row()) {
            _ if !was_open && lane.breaker.is_open() => Health::Opened,
            (0, 1..) => Health::BeganToFail,
            (failed @ 1.., 0) => Health::Recovered(failed),
            _ => Health::AsBefore,
        };
        self.make_runnable(webhook, now);
        self.feed_a_starved_lane(now);
        health
    }

    fn feed_a_starved_lane(&mut self, now: Timestamp) {
        if let Some(webhook) = self.starved.pop_front() {
            if let Some(lane) = self.lanes.get_mut(&webhook) {
                lane.is_starved = false;
            }
            self.make_runnable(webhook, now);
        }
    }

    /// An attempt's result is on disk. Should the delivery be due again, that is a new entry of
    /// the index; until then it holds its key.
    pub(super) fn recorded(&mut self, webhook: WebhookId, ready: &Ready, will_retry: bool) {
        self.known.remove(&ready.id);
        if let Some(done) = &mut self.recorded_in_scan {
            done.insert(ready.id);
        }
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if will_retry && lane.is_learning && lane.rules.ordering != Ordering::None {
            // The scan that teaches the lane may have passed its row before.
            let key = lane.key(ready);
            lane.keys.hold(key, ready.id);
        }
        if !will_retry && !lane.keys.is_empty() {
            lane.keys.free(ready.id);
            if lane.keys.has_idle() {
                self.with_idle_keys.insert(webhook);
            }
        }
    }

    /// A person wants a delivery sent now; it is due.
    pub(super) fn resend(&mut self, webhook: WebhookId, ready: Ready, now: Timestamp) {
        if self.known.contains(&ready.id) {
            // Queued, and then it is sent anyway; or its last attempt is not told yet.
            self.resent.insert(ready.id, ready);
        } else {
            self.offer_retry(webhook, ready, now);
        }
    }

    /// A scheduled delivery was finished without an attempt.
    pub(super) fn cancelled(&mut self, webhook: WebhookId, id: DeliveryId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let was_queued = lane.remove(id);
        if was_queued {
            self.total -= 1;
            self.known.remove(&id);
        }
        // One that is under way frees its key when its result is told.
        if !self.known.contains(&id) {
            if let Some(done) = &mut self.recorded_in_scan {
                done.insert(id);
            }
            lane.keys.free(id);
            if lane.keys.has_idle() {
                self.with_idle_keys.insert(webhook);
            }
        }
        self.make_runnable(webhook, now);
    }

    /// After [`Lanes::recorded`]: what the freed key kept waiting may begin.
    pub(super) fn wake_after_record(
        &mut self,
        webhook: WebhookId,
        (id, will_retry): (DeliveryId, bool),
        now: Timestamp,
    ) {
        if let Some(ready) = self.resent.remove(&id)
            && !will_retry
        {
            self.take_up_again(webhook, ready, now);
        }
        self.make_runnable(webhook, now);
        self.forget_if_done(webhook);
    }

    /// Moves on what only waited for time. Returns when the next timer is due.
    pub(super) fn fire(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some((at, webhook)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, webhook));
            self.make_runnable(webhook, now);
        }
        self.has_new_timer = false;
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whether the loop has something to do: an attempt to start, a lane to fill, a timer to set,
    /// an order to keep.
    pub(super) fn need_the_loop(&self) -> bool {
        !self.runnable.is_empty()
            || !self.behind.is_empty()
            || !self.left_in_index.is_empty()
            || self.has_new_timer
            || !self.to_store.is_empty()
            || !self.with_idle_keys.is_empty()
    }

    fn make_runnable(&mut self, webhook: WebhookId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if lane.is_runnable || lane.is_starved || !lane.has_work() {
            return;
        }
        match lane.gate(now) {
            Gate::Open => {
                lane.is_runnable = true;
                self.runnable.push_back(webhook);
            }
            Gate::Until(at) => {
                self.has_new_timer |= self.timers.first().is_none_or(|(first, _)| at < *first);
                self.timers.insert((at, webhook));
            }
            Gate::Shut => {}
        }
    }

    // ---- Order ----

    /// Whether deliveries wait to be put behind their keys, or to be brought back.
    pub(super) fn has_order_to_keep(&self) -> bool {
        !self.to_store.is_empty() || !self.with_idle_keys.is_empty()
    }

    /// The deliveries that have to wait in the store behind their key.
    pub(super) fn take_to_store(&mut self) -> Vec<(WebhookId, Ready)> {
        std::mem::take(&mut self.to_store)
    }

    /// They could not be stored.
    pub(super) fn unstored(&mut self, mut again: Vec<(WebhookId, Ready)>) {
        again.append(&mut self.to_store);
        self.to_store = again;
    }

    /// Those keys could not be looked at.
    pub(super) fn idle_again(&mut self, idle: &[(WebhookId, u128)]) {
        for (webhook, key) in idle {
            if let Some(lane) = self.lanes.get_mut(webhook) {
                lane.keys.idle_again(*key);
                self.with_idle_keys.insert(*webhook);
            }
        }
    }

    /// Those deliveries are in the store now.
    pub(super) fn stored(&mut self, stored: &[(WebhookId, Ready)]) {
        for (webhook, ready) in stored {
            let Some(lane) = self.lanes.get_mut(webhook) else { continue };
            lane.keys.stored(ready.key);
            if lane.keys.has_idle() {
                self.with_idle_keys.insert(*webhook);
            }
        }
    }

    /// The keys whose next delivery is to be brought back from the store.
    pub(super) fn take_idle_keys(&mut self) -> Vec<(WebhookId, u128)> {
        let mut idle = Vec::new();
        for webhook in std::mem::take(&mut self.with_idle_keys) {
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            idle.extend(lane.keys.take_idle().into_iter().map(|key| (webhook, key)));
        }
        idle
    }

    /// The delivery that waited longest behind a key; `None` where there is none any more.
    pub(super) fn bring_back(
        &mut self,
        webhook: WebhookId,
        key: u128,
        ready: Option<Ready>,
        now: Timestamp,
    ) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        lane.keys.brought_back(key, ready.map(|ready| ready.id));
        if let Some(ready) = ready {
            lane.returned.push_back(ready);
            self.total += 1;
        }
        self.make_runnable(webhook, now);
    }
}

fn set_if(set: &mut HashSet<WebhookId>, webhook: WebhookId, is_in: bool) {
    if is_in {
        set.insert(webhook);
    } else {
        set.remove(&webhook);
    }
}
