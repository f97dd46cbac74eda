//! A replay's rate: so many deliveries in a second, and when the next second begins. Pure.
//!
//! It is not stored: a daemon that starts anew begins a new second, and so does a replay that was
//! paused.

use std::time::Duration;

use crate::clock::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// How much of the present second is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// When the second began; `None` before the first.
    began: Option<Timestamp>,
    spent: u32,
}

impl Pace {
    /// How many deliveries may be scheduled at `now`. Begins a second where the last one is over,
    /// or the clock went back behind it.
    pub(super) fn left(&mut self, now: Timestamp, rate_per_second: u32) -> u32 {
        if !self.began.is_some_and(|began| began <= now && now < began.plus(SECOND)) {
            *self = Self { began: Some(now), spent: 0 };
        }
        rate_per_second.saturating_sub(self.spent)
    }

    /// So many were scheduled.
    pub(super) const fn spend(&mut self, count: u32) {
        self.spent = self.spent.saturating_add(count);
    }

    /// When the next second begins.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.began.map(|began| began.plus(SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_budget_and_no_more() {
        let at = Timestamp::from_micros;
        let mut pace = Pace::default();
        assert_eq!(pace.next(), None);
        // (now, left, spent)
        for (now, left, spent) in [
            (5_000_000, 10, 4),
            (5_000_001, 6, 6),
            (5_999_999, 0, 0),
            (6_000_000, 10, 10),
            (6_500_000, 0, 0),
            (9_000_000, 10, 1),
            (8_000_000, 10, 2), // the clock went back
            (8_000_001, 8, 0),
        ] {
            assert_eq!(pace.left(at(now), 10), left, "at {now}");
            pace.spend(spent);
        }
        assert_eq!(pace.next(), Some(at(9_000_000)));
        assert_eq!(pace.left(at(8_000_002), 1), 0, "more was spent than the rate allows");
    }
}
