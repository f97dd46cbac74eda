//! One endpoint's lane: what is ready for it, and whether an attempt may begin now.
//!
//! An attempt begins when the webhook is not held, its breaker admits it, its rate allows it, the
//! pause that the receiver asked for is over, and there is a slot in its window. The window works
//! as TCP's does: small at first, one more with each success, half with each failure; so an
//! endpoint that hangs from the start holds few slots, and a fast one soon has all of its own.
//! That is also how 429 and 503 slow an endpoint down; with a `Retry-After` it is left alone.

use std::collections::VecDeque;
use std::time::Duration;

use super::Ready;
use super::breaker::{Admission, Breaker};
use super::keys::Keys;
use crate::clock::Timestamp;
use crate::delivery::policy::Verdict;
use crate::id::DeliveryId;
use crate::limits;
use crate::webhook::Ordering;

/// What a webhook says about its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct LaneRules {
    /// Attempts under way at the same time.
    pub(in crate::delivery) concurrency: usize,
    /// The time between the beginnings of two attempts.
    pub(in crate::delivery) interval: Duration,
    /// What is kept in order.
    pub(in crate::delivery) ordering: Ordering,
    /// Nothing begins: it is disabled or paused.
    pub(in crate::delivery) is_held: bool,
    /// Scheduled deliveries with smaller ids are to be taken out without being sent.
    pub(in crate::delivery) skip_before: Option<DeliveryId>,
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Not before then.
    Until(Timestamp),
    /// Not before something else ends or changes.
    Shut,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) rules: LaneRules,
    pub(super) fresh: VecDeque<Ready>,
    pub(super) retries: VecDeque<Ready>,
    /// Brought back from behind their keys; they go before all others.
    pub(super) returned: VecDeque<Ready>,
    pub(super) keys: Keys,
    pub(super) breaker: Breaker,
    /// Attempts under way.
    pub(super) active: usize,
    window: usize,
    /// The rate allows the next attempt then.
    next_at: Timestamp,
    /// The receiver asked for a pause until then.
    not_before: Timestamp,
    turn: u32,
    pub(super) is_runnable: bool,
    /// Its webhook is gone: it is forgotten as soon as it is empty.
    pub(super) is_retired: bool,
    /// The scan under way, or the next, tells which keys are held; see [`Lane::put_down`].
    pub(super) is_learning: bool,
    /// Put down since the scan under way began: only the next one serves and teaches it.
    pub(super) awaits_scan: bool,
    /// It waits for one of the slots that all lanes share.
    pub(super) is_starved: bool,
    /// Fresh deliveries are in the outbox that were not taken.
    pub(super) is_behind: bool,
    /// The last fresh id that was taken.
    pub(super) taken_to: Option<DeliveryId>,
    /// The last fresh id that was announced and not taken.
    pub(super) left_out_to: Option<DeliveryId>,
    /// This scan met a row of the lane when it had no room; later rows must wait for the next.
    pub(super) is_skipping: bool,
    /// The first due retry that was left in the index for want of room.
    pub(super) left_in_index: Option<(Timestamp, DeliveryId)>,
}

impl Lane {
    pub(super) fn new(rules: LaneRules, is_behind: bool) -> Self {
        Self {
            rules,
            fresh: VecDeque::new(),
            retries: VecDeque::new(),
            returned: VecDeque::new(),
            keys: Keys::default(),
            breaker: Breaker::default(),
            active: 0,
            window: limits::WINDOW_FIRST,
            next_at: Timestamp::EPOCH,
            not_before: Timestamp::EPOCH,
            turn: 0,
            is_runnable: false,
            is_retired: false,
            is_learning: is_behind,
            awaits_scan: false,
            is_starved: false,
            is_behind,
            taken_to: None,
            left_out_to: None,
            is_skipping: false,
            left_in_index: None,
        }
    }

    /// Whether nothing would be lost if the lane were forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.active == 0
            && self.queued() == 0
            && !self.is_behind
            && self.left_in_index.is_none()
            && self.keys.is_empty()
    }

    pub(super) fn queued(&self) -> usize {
        self.fresh.len() + self.retries.len() + self.returned.len()
    }

    /// Whether there is something that could begin if the gate were open.
    pub(super) fn has_work(&self) -> bool {
        let fresh_may_go = match self.rules.ordering {
            Ordering::None => true,
            Ordering::ByProfile => !self.keys.is_full(),
            Ordering::Strict => self.keys.is_empty(),
        };
        !self.returned.is_empty()
            || !self.retries.is_empty()
            || (fresh_may_go && !self.fresh.is_empty())
    }

    pub(super) fn gate(&self, now: Timestamp) -> Gate {
        if self.rules.is_held {
            return Gate::Shut;
        }
        let slots = match self.breaker.admission(now) {
            Admission::Free => self.window.min(self.rules.concurrency),
            Admission::Probe => 1,
            Admission::After(until) => return Gate::Until(until.max(self.not_before)),
            Admission::Probing => return Gate::Shut,
        };
        if self.active >= slots {
            return Gate::Shut;
        }
        // Never later than they could be from now, also where the clock was set back.
        let next_at = self.next_at.min(now.plus(self.rules.interval));
        let not_before = self.not_before.min(now.plus(limits::BUSY_PAUSE_MAX));
        let earliest = next_at.max(not_before);
        if earliest > now { Gate::Until(earliest) } else { Gate::Open }
    }

    /// The next delivery to begin with, in turn. `behind` gets those that have to wait behind
    /// their key first.
    pub(super) fn next(&mut self, behind: &mut Vec<Ready>) -> Option<Ready> {
        self.turn = self.turn.wrapping_add(1);
        if let Some(ready) = self.returned.pop_front() {
            return Some(ready);
        }
        if self.turn.is_multiple_of(limits::RETRY_TURN)
            && let Some(ready) = self.next_retry()
        {
            return Some(ready);
        }
        self.next_fresh(behind).or_else(|| self.next_retry())
    }

    fn next_retry(&mut self) -> Option<Ready> {
        let ready = self.retries.pop_front()?;
        if self.rules.ordering != Ordering::None {
            self.keys.hold(self.key(&ready), ready.id);
        }
        Some(ready)
    }

    fn next_fresh(&mut self, behind: &mut Vec<Ready>) -> Option<Ready> {
        match self.rules.ordering {
            Ordering::None => self.fresh.pop_front(),
            Ordering::Strict if !self.keys.is_empty() => None,
            Ordering::Strict => {
                let ready = self.fresh.pop_front()?;
                self.keys.hold(0, ready.id);
                Some(ready)
            }
            Ordering::ByProfile => loop {
                if self.keys.is_full() || behind.len() >= limits::BEHIND_AT_ONCE_MAX {
                    return None;
                }
                let ready = self.fresh.pop_front()?;
                if self.keys.claim(ready.key, ready.id) {
                    return Some(ready);
                }
                behind.push(ready);
            },
        }
    }

    /// What orders this delivery under the lane's present rules.
    pub(super) const fn key(&self, ready: &Ready) -> u128 {
        match self.rules.ordering {
            Ordering::Strict => 0,
            Ordering::None | Ordering::ByProfile => ready.key,
        }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.active += 1;
        self.breaker.begin();
        self.next_at = self.next_at.max(now).plus(self.rules.interval);
    }

    /// An attempt ended so; the receiver may have asked for a pause.
    pub(super) fn end(&mut self, verdict: Verdict, asked: Option<Timestamp>, now: Timestamp) {
        self.active = self.active.saturating_sub(1);
        match verdict {
            Verdict::Well | Verdict::Refusal => {
                self.breaker.succeed();
                self.window = (self.window + 1).min(self.rules.concurrency.max(1));
            }
            Verdict::Busy => {
                let most = now.plus(limits::BUSY_PAUSE_MAX);
                self.not_before = self.not_before.max(asked.map_or(now, |asked| asked.min(most)));
                self.fail(now);
            }
            Verdict::Ill | Verdict::Gone => self.fail(now),
            Verdict::Silent => {
                self.breaker.end_silently();
                // No request was made: its share of the rate is still there.
                self.next_at = self.next_at.minus(self.rules.interval);
            }
        }
    }

    fn fail(&mut self, now: Timestamp) {
        self.window = (self.window / 2).max(1);
        self.breaker.fail(now);
    }

    /// Forgets what the endpoint did: a person says that it works.
    pub(super) fn give_another_chance(&mut self) {
        self.breaker = Breaker::default();
        self.not_before = Timestamp::EPOCH;
    }

    /// Puts everything that is queued back to where it came from: it is all in the store. The next
    /// scan brings it again, and tells which keys are held. Returns what was queued.
    pub(super) fn put_down(&mut self) -> impl Iterator<Item = Ready> + use<> {
        self.keys = Keys::default();
        self.taken_to = None;
        self.left_out_to = None;
        self.is_behind = true;
        self.is_learning = true;
        self.awaits_scan = true;
        self.is_skipping = true;
        self.left_in_index = Some((Timestamp::EPOCH, DeliveryId::from_u128(0)));
        let fresh = std::mem::take(&mut self.fresh);
        let retries = std::mem::take(&mut self.retries);
        let returned = std::mem::take(&mut self.returned);
        fresh.into_iter().chain(retries).chain(returned)
    }

    /// Whether a queued delivery was there and is not any more.
    pub(super) fn remove(&mut self, id: DeliveryId) -> bool {
        let before = self.queued();
        for queue in [&mut self.fresh, &mut self.retries, &mut self.returned] {
            queue.retain(|ready| ready.id != id);
        }
        before != self.queued()
    }

    pub(super) fn has_room(&self, has_room_in_all: bool) -> bool {
        !self.rules.is_held
            && (self.fresh.len() < limits::LANE_ALWAYS
                || (has_room_in_all && self.fresh.len() < limits::FRESH_LANE_MAX))
    }

    pub(super) fn has_room_for_retry(&self, has_room_in_all: bool) -> bool {
        !self.rules.is_held
            && (self.retries.len() < limits::LANE_ALWAYS
                || (has_room_in_all && self.retries.len() < limits::RETRY_LANE_MAX))
    }

    /// Half empty: worth a scan.
    pub(super) fn wants_more(&self, has_room_in_all: bool) -> bool {
        self.fresh.len() < limits::LANE_ALWAYS / 2
            || (has_room_in_all && self.fresh.len() < limits::FRESH_LANE_MAX / 2)
    }
}
