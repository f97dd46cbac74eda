//! What is ready to be sent, in memory: bounded, fair between destinations, in order.
//!
//! Each webhook has a *lane* with two queues: fresh deliveries and due retries. Fresh ones arrive
//! from the commit that made them. When a lane is full it falls *behind*: further ones are not
//! taken, because they are in the outbox, and a scan of the outbox brings them once there is
//! room. The lane remembers up to which id it has taken, so that the scan neither skips a row nor
//! brings one twice. One scan serves all lanes that are behind; there is never one per endpoint.
//!
//! No I/O here: the worker reads and sends, this decides what is next. Memory does not grow with
//! the backlog: [`limits::LANES_TOTAL_MAX`] and a small share per lane bound it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Source;
use crate::id::{DeliveryId, WebhookId};
use crate::limits;

/// A delivery that may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) id: DeliveryId,
    /// `None` for a retry, whose row tells.
    pub(super) source: Option<Source>,
}

/// What an attempt's end means for its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It goes on as it went.
    AsBefore,
    /// The attempt before succeeded, this one did not.
    BeganToFail,
    /// It succeeded after so many failures.
    Recovered(u32),
}

/// All lanes.
pub(super) struct Lanes {
    lanes: HashMap<WebhookId, Lane>,
    /// Lanes with something to take and a slot free; each is in here once.
    runnable: VecDeque<WebhookId>,
    concurrency: usize,
    total: usize,
    /// Lanes that are seen for the first time start behind until one scan has reached the end of
    /// what was in the outbox at the start.
    is_first_scan: bool,
    /// Retries in a lane or under way, so that the due index does not bring them again.
    retries: HashSet<DeliveryId>,
    /// Retries recorded since the scan of the due index that is under way began: its snapshot
    /// may be older than they are and show them still. `None` while none is under way.
    recorded_in_scan: Option<HashSet<DeliveryId>>,
    /// The lanes that are behind.
    behind: HashSet<WebhookId>,
    /// The lanes for which due retries were left in the index.
    left_out: HashSet<WebhookId>,
}

#[derive(Default)]
struct Lane {
    fresh: VecDeque<Ready>,
    retries: VecDeque<Ready>,
    /// Attempts under way.
    active: usize,
    failures_in_a_row: u32,
    turn: u32,
    is_runnable: bool,
    is_paused: bool,
    /// Fresh deliveries are in the outbox that were not taken; then the lane is in `behind`.
    is_behind: bool,
    /// The last fresh id that was taken.
    taken_to: Option<DeliveryId>,
    /// The last fresh id that was announced and not taken.
    left_out_to: Option<DeliveryId>,
    /// This scan met a row of the lane when it had no room; later rows must wait for the next.
    is_skipping: bool,
}

impl Lanes {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            runnable: VecDeque::new(),
            concurrency,
            total: 0,
            is_first_scan: true,
            retries: HashSet::new(),
            recorded_in_scan: None,
            behind: HashSet::new(),
            left_out: HashSet::new(),
        }
    }

    fn lane(&mut self, webhook: WebhookId) -> &mut Lane {
        let is_behind = self.is_first_scan;
        let behind = &mut self.behind;
        self.lanes.entry(webhook).or_insert_with(|| {
            if is_behind {
                behind.insert(webhook);
            }
            Lane { is_behind, ..Lane::default() }
        })
    }

    /// A fresh delivery was committed.
    pub(super) fn announce(&mut self, webhook: WebhookId, ready: Ready) {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        if lane.is_behind || !lane.has_room(has_room_in_all) {
            lane.is_behind = true;
            lane.left_out_to = lane.left_out_to.max(Some(ready.id));
            self.behind.insert(webhook);
            return;
        }
        lane.taken_to = Some(ready.id);
        lane.fresh.push_back(ready);
        self.total += 1;
        self.make_runnable(webhook);
    }

    /// A retry is due. Returns whether it was taken (or is known already).
    pub(super) fn offer_retry(&mut self, webhook: WebhookId, id: DeliveryId) -> bool {
        let is_stale = self.recorded_in_scan.as_ref().is_some_and(|done| done.contains(&id));
        if is_stale || self.retries.contains(&id) {
            return true;
        }
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let lane = self.lane(webhook);
        let count = lane.retries.len();
        if count >= limits::LANE_ALWAYS && !(has_room_in_all && count < limits::RETRY_LANE_MAX) {
            self.left_out.insert(webhook);
            return false;
        }
        lane.retries.push_back(Ready { id, source: None });
        self.retries.insert(id);
        self.total += 1;
        self.make_runnable(webhook);
        true
    }

    /// Whether due retries wait in the index for room that there is by now.
    pub(super) fn wants_retries(&self) -> bool {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let low = if has_room_in_all { limits::RETRY_LANE_MAX } else { limits::LANE_ALWAYS } / 4;
        let waits = |webhook| self.lanes.get(webhook).map_or(0, |lane| lane.retries.len());
        self.left_out.iter().any(|webhook| waits(webhook) < low)
    }

    /// A scan of the due index begins, before its snapshot is taken: what it leaves out it will
    /// say.
    pub(super) fn start_retry_scan(&mut self) {
        self.left_out.clear();
        self.recorded_in_scan = Some(HashSet::new());
    }

    /// The scan of the due index is over.
    pub(super) fn end_retry_scan(&mut self) {
        self.recorded_in_scan = None;
    }

    /// The next lane that wants an attempt started, if any.
    pub(super) fn next_runnable(&mut self) -> Option<WebhookId> {
        let webhook = self.runnable.pop_front()?;
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.is_runnable = false;
        }
        Some(webhook)
    }

    /// Whether the loop has something to do: an attempt to start, or a lane to fill.
    pub(super) fn need_the_loop(&self) -> bool {
        !self.runnable.is_empty() || !self.behind.is_empty() || !self.left_out.is_empty()
    }

    /// Takes a slot and the lane's next delivery; `None` where it has none or no slot is free.
    pub(super) fn take(&mut self, webhook: WebhookId) -> Option<Ready> {
        let concurrency = self.concurrency;
        let lane = self.lanes.get_mut(&webhook)?;
        if lane.is_paused || lane.active >= lane.slots(concurrency) {
            return None;
        }
        lane.turn = lane.turn.wrapping_add(1);
        let retry_first = lane.turn.is_multiple_of(limits::RETRY_TURN);
        let ready = if retry_first {
            lane.retries.pop_front().or_else(|| lane.fresh.pop_front())
        } else {
            lane.fresh.pop_front().or_else(|| lane.retries.pop_front())
        }?;
        lane.active += 1;
        self.total -= 1;
        self.make_runnable(webhook);
        Some(ready)
    }

    /// An attempt ended and freed its slot. Tells whether that changed the destination's health.
    pub(super) fn release(&mut self, webhook: WebhookId, succeeded: bool) -> Health {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return Health::AsBefore };
        lane.active = lane.active.saturating_sub(1);
        let failures_before = lane.failures_in_a_row;
        lane.failures_in_a_row = if succeeded { 0 } else { failures_before.saturating_add(1) };
        self.make_runnable(webhook);
        match (failures_before, succeeded) {
            (0, false) => Health::BeganToFail,
            (failed, true) if failed > 0 => Health::Recovered(failed),
            _ => Health::AsBefore,
        }
    }

    /// A retry's result is on disk: should it be due again, it is a new entry of the index.
    pub(super) fn recorded(&mut self, id: DeliveryId) {
        if self.retries.remove(&id)
            && let Some(done) = &mut self.recorded_in_scan
        {
            done.insert(id);
        }
    }

    /// Stops or resumes taking from a lane.
    pub(super) fn pause(&mut self, webhook: WebhookId, is_paused: bool) {
        self.lane(webhook).is_paused = is_paused;
        self.make_runnable(webhook);
    }

    fn make_runnable(&mut self, webhook: WebhookId) {
        let concurrency = self.concurrency;
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let has_work = !lane.fresh.is_empty() || !lane.retries.is_empty();
        let has_slot = lane.active < lane.slots(concurrency);
        if has_work && has_slot && !lane.is_runnable && !lane.is_paused {
            lane.is_runnable = true;
            self.runnable.push_back(webhook);
        }
    }

    // ---- The scan of the outbox ----

    /// Starts a scan where the lanes that are behind and have room need it: after the returned
    /// id (`Some(None)` from the beginning). `None` where no lane needs one.
    pub(super) fn start_scan(&mut self) -> Option<Option<DeliveryId>> {
        let has_room_in_all = self.total < limits::LANES_TOTAL_MAX;
        let mut from = None;
        for webhook in &self.behind {
            let Some(lane) = self.lanes.get_mut(webhook) else { continue };
            lane.is_skipping = !lane.wants_more(has_room_in_all);
            if !lane.is_skipping {
                from = Some(from.map_or(lane.taken_to, |from: Option<_>| from.min(lane.taken_to)));
            }
        }
        if self.is_first_scan { Some(None) } else { from }
    }

    /// A fresh row that the scan met.
    pub(super) fn offer_fresh(&mut self, webhook: WebhookId, ready: Ready) {
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
        self.make_runnable(webhook);
    }

    /// Whether the scan still has a lane to serve.
    pub(super) fn scan_is_wanted(&self) -> bool {
        let is_skipping = |webhook| self.lanes.get(webhook).is_some_and(|lane| lane.is_skipping);
        self.is_first_scan || self.behind.iter().any(|webhook| !is_skipping(webhook))
    }

    /// The scan reached the end of the outbox; `end` is the last row it saw. Lanes that got all
    /// their rows are no longer behind, unless more was announced since.
    pub(super) fn end_scan(&mut self, end: Option<DeliveryId>) {
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

impl Lane {
    const fn slots(&self, concurrency: usize) -> usize {
        if self.failures_in_a_row >= limits::FAILURES_BEFORE_SINGLE { 1 } else { concurrency }
    }

    fn has_room(&self, has_room_in_all: bool) -> bool {
        self.fresh.len() < limits::LANE_ALWAYS
            || (has_room_in_all && self.fresh.len() < limits::FRESH_LANE_MAX)
    }

    /// Half empty: worth a scan.
    fn wants_more(&self, has_room_in_all: bool) -> bool {
        self.fresh.len() < limits::LANE_ALWAYS / 2
            || (has_room_in_all && self.fresh.len() < limits::FRESH_LANE_MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EventId;

    const HOOK: WebhookId = WebhookId::from_u128(1);
    const OTHER: WebhookId = WebhookId::from_u128(2);

    fn ready(number: u128) -> Ready {
        let source = Some(Source::Event(EventId::from_u64(1)));
        Ready { id: DeliveryId::from_u128(number), source }
    }

    /// Lanes whose first scan is over.
    fn lanes() -> Lanes {
        let mut lanes = Lanes::new(4);
        assert_eq!(lanes.start_scan(), Some(None));
        lanes.end_scan(None);
        lanes
    }

    /// Takes and finishes everything that is ready, as a fast receiver would.
    fn drain(lanes: &mut Lanes, webhook: WebhookId) -> Vec<u128> {
        let mut taken = Vec::new();
        while let Some(ready) = lanes.take(webhook) {
            taken.push(ready.id.as_u128());
            lanes.release(webhook, true);
        }
        taken
    }

    /// Scans an outbox that holds `rows`, as the worker does.
    fn scan(lanes: &mut Lanes, rows: &[(WebhookId, u128)]) {
        while let Some(from) = lanes.start_scan() {
            let from = from.map_or(0, DeliveryId::as_u128);
            let mut end = None;
            for (webhook, number) in rows.iter().filter(|(_, number)| *number > from) {
                lanes.offer_fresh(*webhook, ready(*number));
                end = Some(DeliveryId::from_u128(*number));
                if !lanes.scan_is_wanted() {
                    return;
                }
            }
            lanes.end_scan(end);
        }
    }

    #[test]
    fn a_lane_that_overflowed_gets_every_row_once_and_in_order() {
        let mut lanes = lanes();
        let rows: Vec<_> = (1..=5_000).map(|number| (HOOK, number)).collect();
        for (webhook, number) in &rows {
            lanes.announce(*webhook, ready(*number));
        }
        let mut taken = Vec::new();
        loop {
            let some = drain(&mut lanes, HOOK);
            if some.is_empty() {
                break;
            }
            taken.extend(some);
            let left: Vec<_> = rows.iter().filter(|(_, n)| !taken.contains(n)).copied().collect();
            scan(&mut lanes, &left);
        }
        assert_eq!(taken, (1..=5_000).collect::<Vec<_>>());
        lanes.announce(HOOK, ready(6_000));
        assert_eq!(drain(&mut lanes, HOOK), [6_000], "no longer behind");
    }

    #[test]
    fn what_was_announced_during_a_scan_is_not_forgotten() {
        let mut lanes = Lanes::new(4);
        assert_eq!(lanes.start_scan(), Some(None));
        lanes.offer_fresh(HOOK, ready(1));
        // Committed after the scan's snapshot was taken.
        lanes.announce(HOOK, ready(2));
        lanes.end_scan(Some(DeliveryId::from_u128(1)));
        assert_eq!(drain(&mut lanes, HOOK), [1]);
        scan(&mut lanes, &[(HOOK, 2)]);
        assert_eq!(drain(&mut lanes, HOOK), [2]);
    }

    #[test]
    fn a_full_lane_does_not_keep_another_from_its_rows() {
        let mut lanes = lanes();
        for number in 1..=2_000 {
            lanes.announce(HOOK, ready(number));
        }
        lanes.announce(OTHER, ready(2_001));
        assert_eq!(drain(&mut lanes, OTHER), [2_001]);
    }

    #[test]
    fn slots_are_bounded_and_fall_to_one_while_a_destination_fails() {
        let mut lanes = lanes();
        for number in 1..=20 {
            lanes.announce(HOOK, ready(number));
        }
        let count = |lanes: &mut Lanes| std::iter::from_fn(|| lanes.take(HOOK)).count();
        assert_eq!(count(&mut lanes), 4);
        for _ in 0..4 {
            lanes.release(HOOK, false);
        }
        assert_eq!(count(&mut lanes), 1);
        lanes.release(HOOK, true);
        assert_eq!(count(&mut lanes), 4);
    }

    #[test]
    fn retries_take_turns_with_fresh_ones_and_come_once() {
        let mut lanes = lanes();
        for number in 1..=8 {
            lanes.announce(HOOK, ready(number));
            assert!(lanes.offer_retry(HOOK, DeliveryId::from_u128(100 + number)));
            assert!(lanes.offer_retry(HOOK, DeliveryId::from_u128(100 + number)));
        }
        let taken = drain(&mut lanes, HOOK);
        assert_eq!(taken.len(), 16);
        assert_eq!(taken.iter().take(8).filter(|number| **number > 100).count(), 2);
        assert!(lanes.offer_retry(HOOK, DeliveryId::from_u128(101)), "known until recorded");
        assert!(drain(&mut lanes, HOOK).is_empty());
        lanes.recorded(DeliveryId::from_u128(101));
        assert!(lanes.offer_retry(HOOK, DeliveryId::from_u128(101)));
        assert_eq!(drain(&mut lanes, HOOK), [101]);
    }

    #[test]
    fn a_scan_does_not_bring_back_a_retry_that_was_recorded_since_it_began() {
        let mut lanes = lanes();
        let id = DeliveryId::from_u128(7);
        assert!(lanes.offer_retry(HOOK, id));
        assert_eq!(drain(&mut lanes, HOOK), [7]);
        lanes.start_retry_scan();
        lanes.recorded(id);
        assert!(lanes.offer_retry(HOOK, id), "the scan's snapshot is older than the record");
        assert!(drain(&mut lanes, HOOK).is_empty());
        lanes.end_retry_scan();
        assert!(lanes.offer_retry(HOOK, id), "due again, by a later scan");
        assert_eq!(drain(&mut lanes, HOOK), [7]);
    }

    #[test]
    fn a_scan_brings_a_lane_nothing_that_it_took_before() {
        let mut lanes = lanes();
        let fill = limits::FRESH_LANE_MAX as u128;
        for number in 1..=fill + 1 {
            lanes.announce(HOOK, ready(number));
        }
        for number in fill + 2..=3 * fill {
            lanes.announce(OTHER, ready(number));
        }
        assert_eq!(drain(&mut lanes, HOOK).len() as u128, fill);
        // HOOK is behind at `fill`, OTHER far after it: the scan begins before both.
        assert_eq!(lanes.start_scan(), Some(Some(DeliveryId::from_u128(fill))));
        for number in fill - 5..=fill + 1 {
            lanes.offer_fresh(HOOK, ready(number));
        }
        assert_eq!(drain(&mut lanes, HOOK), [fill + 1]);
    }

    #[test]
    fn a_paused_lane_gives_nothing() {
        let mut lanes = lanes();
        lanes.pause(HOOK, true);
        lanes.announce(HOOK, ready(1));
        assert_eq!((lanes.next_runnable(), lanes.take(HOOK)), (None, None));
        lanes.pause(HOOK, false);
        assert_eq!(lanes.next_runnable(), Some(HOOK));
    }
}
