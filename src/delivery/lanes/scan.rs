//! How lanes that are behind are filled again: by scans of the outbox and of the due index.

use super::{Lanes, Ready};
use crate::clock::Timestamp;
use crate::delivery::Phase;
use crate::id::{DeliveryId, WebhookId};
use crate::limits;
use crate::webhook::Ordering;

impl Lanes {
    // ---- The due index ----

    /// A scan of the due index begins, before its snapshot is taken. `is_whole` says whether it
    /// reads again what was left out earlier.
    pub(in crate::delivery) fn start_retry_scan(&mut self) {
        self.recorded_in_scan = Some(std::collections::HashSet::new());
    }

    /// The scan of the due index is over.
    pub(in crate::delivery) fn end_retry_scan(&mut self) {
        self.recorded_in_scan = None;
    }

    /// Where the due index has to be read again, because a lane that had no room has some now;
    /// the lanes that are served by it forget what they left out.
    pub(in crate::delivery) fn wants_retries(&mut self) -> Option<(Timestamp, DeliveryId)> {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let low = if has_room_in_all { limits::RETRY_LANE_MAX } else { limits::LANE_ALWAYS } / 4;
        let lanes = &mut self.lanes;
        let mut from: Option<(Timestamp, DeliveryId)> = None;
        self.left_in_index.retain(|webhook| {
            let Some(lane) = lanes.get_mut(webhook) else { return false };
            let is_served = !lane.rules.is_held && lane.retries.len() < low;
            if is_served && let Some(left) = lane.left_in_index.take() {
                from = Some(from.map_or(left, |from| from.min(left)));
            }
            !is_served
        });
        from
    }

    /// A retry is due. One for which there is no room stays in the index.
    pub(in crate::delivery) fn offer_retry(
        &mut self,
        webhook: WebhookId,
        ready: Ready,
        now: Timestamp,
    ) {
        let is_stale = self.recorded_in_scan.as_ref().is_some_and(|done| done.contains(&ready.id));
        if is_stale || self.known.contains(&ready.id) {
            return;
        }
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        if lane.left_in_index.is_some() || !lane.has_room_for_retry(has_room_in_all) {
            let first = (ready.since, ready.id);
            lane.left_in_index = Some(lane.left_in_index.map_or(first, |left| left.min(first)));
            self.left_in_index.insert(webhook);
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
        match phase {
            Phase::Fresh => self.offer_fresh(webhook, ready, now),
            Phase::Gathering => {}
            Phase::Due | Phase::Behind => self.see_held(webhook, ready, phase),
        }
    }

    fn offer_fresh(&mut self, webhook: WebhookId, ready: Ready, now: Timestamp) {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        if !lane.is_behind || lane.is_skipping || Some(ready.id) <= lane.taken_to {
            return;
        }
        if !lane.has_room(has_room_in_all) {
            lane.is_skipping = true;
            return;
        }
        lane.taken_to = Some(ready.id);
        lane.fresh.push_back(ready);
        self.total += 1;
        self.make_runnable(webhook, now);
    }

    /// The first scan after a start learns which keys are held.
    fn see_held(&mut self, webhook: WebhookId, ready: Ready, phase: Phase) {
        if !self.is_first_scan {
            return;
        }
        let lane = self.lane(webhook);
        match phase {
            Phase::Behind => {
                lane.keys.has_behind(ready.key);
                if lane.keys.has_idle() {
                    self.with_idle_keys.insert(webhook);
                }
            }
            _ if lane.rules.ordering != Ordering::None => {
                let key = lane.key(&ready);
                lane.keys.hold(key, ready.id);
            }
            _ => {}
        }
    }

    /// Whether the scan still has a lane to serve.
    pub(in crate::delivery) fn scan_is_wanted(&self) -> bool {
        let is_skipping = |webhook| self.lanes.get(webhook).is_some_and(|lane| lane.is_skipping);
        self.is_first_scan || self.behind.iter().any(|webhook| !is_skipping(webhook))
    }

    /// The scan reached the end of the outbox; `end` is the last row it saw. Lanes that got all
    /// their rows are no longer behind, unless more was announced since.
    pub(in crate::delivery) fn end_scan(&mut self, end: Option<DeliveryId>) {
        self.is_first_scan = false;
        let lanes = &mut self.lanes;
        self.behind.retain(|webhook| {
            let Some(lane) = lanes.get_mut(webhook) else { return false };
            lane.is_behind = lane.is_skipping || lane.left_out_to > end;
            if !lane.is_behind {
                lane.left_out_to = None;
            }
            lane.is_behind
        });
    }
}
