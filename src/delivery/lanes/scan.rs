//! How lanes that are behind are filled again: by scans of the outbox and of the due index.
//!
//! A scan reads snapshots, and while it does, attempts end and commits happen. Whatever is recorded
//! during a scan is remembered until its end, and what is under way is known, so that a row which
//! an old snapshot still shows is not taken for work.

use super::{Lanes, Ready};
use crate::clock::Timestamp;
use crate::delivery::Phase;
use crate::id::{DeliveryId, WebhookId};
use crate::limits;
use crate::webhook::Ordering;

/// An entry of the due index.
pub(in crate::delivery) type DueKey = (Timestamp, DeliveryId);

impl Lanes {
    /// A scan begins, before its first snapshot is taken.
    pub(in crate::delivery) fn watch_records(&mut self) {
        self.recorded_in_scan = Some(std::collections::HashSet::new());
    }

    /// The scan is over.
    pub(in crate::delivery) fn unwatch_records(&mut self) {
        self.recorded_in_scan = None;
    }

    /// Whether what the scan shows is older than what is known.
    fn is_stale(&self, id: DeliveryId) -> bool {
        self.known.contains(&id)
            || self.recorded_in_scan.as_ref().is_some_and(|done| done.contains(&id))
    }

    // ---- The due index ----

    /// The lanes that had no room for due retries and have some now, each with the first that it
    /// left in the index; they forget it.
    pub(in crate::delivery) fn wants_retries(&mut self) -> Vec<(WebhookId, DueKey)> {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let low = if has_room_in_all { limits::RETRY_LANE_MAX } else { limits::LANE_ALWAYS } / 4;
        let lanes = &mut self.lanes;
        let mut wanted = Vec::new();
        self.left_in_index.retain(|webhook| {
            let Some(lane) = lanes.get_mut(webhook) else { return false };
            let is_served = !lane.rules.is_held && lane.retries.len() < low;
            if is_served && let Some(left) = lane.left_in_index.take() {
                wanted.push((*webhook, left));
            }
            !is_served
        });
        wanted
    }

    /// Those entries could not be read.
    pub(in crate::delivery) fn left_again(&mut self, left: &[(WebhookId, DueKey)]) {
        for (webhook, first) in left {
            self.leave_in_index(*webhook, *first);
        }
    }

    fn leave_in_index(&mut self, webhook: WebhookId, first: DueKey) {
        let lane = self.lane(webhook);
        lane.left_in_index = Some(lane.left_in_index.map_or(first, |left| left.min(first)));
        if !lane.rules.is_held {
            self.left_in_index.insert(webhook);
        }
    }

    /// A retry is due. One for which there is no room stays in the index.
    pub(in crate::delivery) fn offer_retry(
        &mut self,
        webhook: WebhookId,
        ready: Ready,
        now: Timestamp,
    ) {
        if !self.is_stale(ready.id) {
            self.take_up_again(webhook, ready, now);
        }
    }

    /// Queues a delivery that is due.
    pub(super) fn take_up_again(&mut self, webhook: WebhookId, ready: Ready, now: Timestamp) {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        if lane.left_in_index.is_some() || !lane.has_room_for_retry(has_room_in_all) {
            self.leave_in_index(webhook, (ready.since, ready.id));
            return;
        }
        lane.retries.push_back(ready);
        self.known.insert(ready.id);
        self.total += 1;
        self.make_runnable(webhook, now);
    }

    // ---- The outbox ----

    /// Starts a scan where the lanes that are behind and have room need it: after the returned
    /// id (`Some(None)` from the beginning). `None` where no lane needs one.
    pub(in crate::delivery) fn start_scan(&mut self) -> Option<Option<DeliveryId>> {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let mut from = None;
        for webhook in &self.behind {
            let Some(lane) = self.lanes.get_mut(webhook) else { continue };
            lane.is_skipping = lane.rules.is_held || !lane.wants_more(has_room_in_all);
            if !lane.is_skipping {
                lane.awaits_scan = false;
                // What was announced before is in every snapshot of this scan.
                lane.left_out_to = None;
                from = Some(from.map_or(lane.taken_to, |from: Option<_>| from.min(lane.taken_to)));
            }
        }
        if self.is_first_scan { Some(None) } else { from }
    }

    /// A row that the scan met.
    pub(in crate::delivery) fn offer(
        &mut self,
        webhook: WebhookId,
        ready: Ready,
        phase: Phase,
        now: Timestamp,
    ) {
        let lane = self.lane(webhook);
        let is_learning = lane.is_learning && !lane.awaits_scan;
        if is_learning {
            self.learn(webhook, ready, phase, now);
        }
        if phase == Phase::Fresh {
            self.offer_fresh(webhook, ready, now);
        }
    }

    /// Learns from a row which key is held, and which waits behind one.
    fn learn(&mut self, webhook: WebhookId, ready: Ready, phase: Phase, now: Timestamp) {
        let is_recorded =
            self.recorded_in_scan.as_ref().is_some_and(|done| done.contains(&ready.id));
        let is_under_way = self.known.contains(&ready.id);
        let lane = self.lane(webhook);
        let is_skipped = lane.rules.skip_before.is_some_and(|first| ready.id < first);
        match phase {
            // A retry's record says whether its key is held; a finished delivery holds none.
            Phase::Due | Phase::Fresh if is_recorded => {}
            Phase::Due if is_skipped && !is_under_way => {
                // Nobody wants it any more: it need not wait for its time.
                self.offer_retry(webhook, ready, now);
            }
            Phase::Due => {
                if lane.rules.ordering != Ordering::None {
                    let key = lane.key(&ready);
                    lane.keys.hold(key, ready.id);
                }
            }
            Phase::Fresh if is_under_way && lane.rules.ordering != Ordering::None => {
                let key = lane.key(&ready);
                lane.keys.hold(key, ready.id);
            }
            Phase::Behind => {
                if is_under_way {
                    lane.keys.hold(ready.key, ready.id);
                }
                lane.keys.has_behind(ready.key);
                if lane.keys.has_idle() {
                    self.with_idle_keys.insert(webhook);
                }
            }
            Phase::Fresh | Phase::Gathering => {}
        }
    }

    fn offer_fresh(&mut self, webhook: WebhookId, ready: Ready, now: Timestamp) {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let is_stale = self.is_stale(ready.id);
        let lane = self.lane(webhook);
        if !lane.is_behind || lane.is_skipping || Some(ready.id) <= lane.taken_to {
            return;
        }
        if !lane.has_room(has_room_in_all) {
            lane.is_skipping = true;
            return;
        }
        lane.taken_to = Some(ready.id);
        if is_stale {
            return;
        }
        lane.fresh.push_back(ready);
        self.total += 1;
        self.make_runnable(webhook, now);
    }

    /// Whether the scan still has a lane to serve, or to teach.
    pub(in crate::delivery) fn scan_is_wanted(&self) -> bool {
        let is_wanted = |webhook| {
            self.lanes
                .get(webhook)
                .is_some_and(|of| !of.is_skipping || (of.is_learning && !of.awaits_scan))
        };
        self.is_first_scan || self.behind.iter().any(is_wanted)
    }

    /// The scan reached the end of the outbox. Lanes that got all their rows are no longer behind,
    /// unless more was announced since.
    pub(in crate::delivery) fn end_scan(&mut self) {
        self.is_first_scan = false;
        let lanes = &mut self.lanes;
        self.behind.retain(|webhook| {
            let Some(lane) = lanes.get_mut(webhook) else { return false };
            lane.is_learning &= lane.awaits_scan;
            lane.is_behind = lane.is_skipping || lane.left_out_to > lane.taken_to;
            if !lane.is_behind {
                lane.left_out_to = None;
            }
            lane.is_behind
        });
    }
}
