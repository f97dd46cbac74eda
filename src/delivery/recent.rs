//! The last attempts, in memory, for those who watch: `tidings delivery tail` and pages.
//!
//! Not the log: that is in the store, and complete. This begins with the process and forgets the
//! oldest; a watcher that asks too seldom is told that it missed some.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Outcome, State};
use crate::clock::Timestamp;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::limits;

/// An attempt that was recorded.
#[derive(Clone, Debug)]
pub struct RecentAttempt {
    /// Its place among those since the start of the daemon; the first is 1.
    pub number: u64,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The first of the delivery's events, if it has any.
    pub event: Option<EventId>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: Outcome,
    /// The state of the delivery after it.
    pub state: State,
    /// When the next attempt is due.
    pub due: Option<Timestamp>,
}

/// The last attempts. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    attempts: VecDeque<RecentAttempt>,
}

impl Recent {
    /// Adds attempts; their numbers are given here.
    pub(super) fn add(&self, attempts: impl IntoIterator<Item = RecentAttempt>) {
        let mut ring = self.0.lock().expect("no holder panics");
        for attempt in attempts {
            ring.last += 1;
            let number = ring.last;
            ring.attempts.push_back(RecentAttempt { number, ..attempt });
            if ring.attempts.len() > limits::RECENT_ATTEMPTS_KEPT {
                ring.attempts.pop_front();
            }
        }
    }

    /// The number of the last attempt; zero before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.0.lock().expect("no holder panics").last
    }

    /// The attempts after `number` that `wanted` wants, oldest first, at most `most`; and how many
    /// after it are forgotten already.
    #[must_use]
    pub fn after(
        &self,
        number: u64,
        most: usize,
        wanted: impl Fn(&RecentAttempt) -> bool,
    ) -> (Vec<RecentAttempt>, u64) {
        let ring = self.0.lock().expect("no holder panics");
        let first = ring.attempts.front().map_or(ring.last + 1, |attempt| attempt.number);
        let missed = first.saturating_sub(number.saturating_add(1));
        let later = ring.attempts.iter().filter(|attempt| attempt.number > number);
        let found = later.filter(|attempt| wanted(attempt)).take(most).cloned().collect();
        (found, missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(webhook: u128) -> RecentAttempt {
        RecentAttempt {
            number: 0,
            delivery: DeliveryId::from_u128(1),
            webhook: WebhookId::from_u128(webhook),
            event: Some(EventId::MIN),
            at: Timestamp::EPOCH,
            duration: Duration::ZERO,
            outcome: Outcome::Answered(200),
            state: State::Delivered,
            due: None,
        }
    }

    #[test]
    fn a_watcher_goes_on_where_it_was_and_is_told_what_it_missed() {
        let recent = Recent::default();
        assert_eq!(recent.after(0, 10, |_| true).1, 0);
        recent.add([attempt(1), attempt(2), attempt(1)]);
        let (found, missed) = recent.after(1, 10, |attempt| attempt.webhook.as_u128() == 1);
        assert_eq!((found.len(), found[0].number, missed), (1, 3, 0));
        recent.add((0..limits::RECENT_ATTEMPTS_KEPT).map(|_| attempt(1)));
        let (found, missed) = recent.after(1, 10, |_| true);
        assert_eq!((found.len(), found[0].number, missed), (10, 4, 2));
        assert_eq!(recent.last(), 3 + limits::RECENT_ATTEMPTS_KEPT as u64);
    }
}
