//! Keeps a broken endpoint from being hammered: after failures in a row it is left alone for a
//! while, then one attempt probes it.
//!
//! ```text
//! closed ──failures in a row──► open ──pause over──► probing ──well──► closed
//!                                 ▲                     │
//!                                 └──── ill: longer ────┘
//! ```
//!
//! A value that is told what happened and asked what may happen; it reads no clock. What waits
//! meanwhile loses nothing: an attempt that is not made does not count in its schedule.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::limits;

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// As many as there are slots.
    Free,
    /// One, to see whether the endpoint is back.
    Probe,
    /// None before then.
    After(Timestamp),
    /// None until the probe that is under way has ended.
    Probing,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures_in_a_row: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Timestamp,
    pause: Duration,
    is_probing: bool,
}

impl Breaker {
    pub(super) fn admission(&self, now: Timestamp) -> Admission {
        match &self.open {
            None => Admission::Free,
            Some(open) if open.is_probing => Admission::Probing,
            // Never later than a whole pause from now, also where the clock was set back.
            Some(open) if open.until > now => {
                Admission::After(open.until.min(now.plus(open.pause)))
            }
            Some(_) => Admission::Probe,
        }
    }

    /// How many attempts failed since the last that did not.
    pub(super) const fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// An attempt begins that was admitted.
    pub(super) fn begin(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_probing = true;
        }
    }

    /// The endpoint answered as one that works does.
    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// The endpoint failed, at `now`.
    pub(super) fn fail(&mut self, now: Timestamp) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let pause = match &self.open {
            Some(open) if open.is_probing => (open.pause * 2).min(limits::BREAKER_PAUSE_MAX),
            // One of those that were under way when it opened.
            Some(_) => return,
            None if self.failures_in_a_row >= limits::BREAKER_FAILURES => {
                limits::BREAKER_PAUSE_FIRST
            }
            None => return,
        };
        self.open = Some(Open { until: now.plus(pause), pause, is_probing: false });
    }

    /// An attempt ended without telling anything about the endpoint.
    pub(super) fn end_silently(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..limits::BREAKER_FAILURES {
            assert_eq!(breaker.admission(NOW), Admission::Free);
            breaker.begin();
            breaker.fail(NOW);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_probe_through() {
        let mut breaker = opened();
        let until = NOW.plus(limits::BREAKER_PAUSE_FIRST);
        assert_eq!(breaker.admission(NOW), Admission::After(until));
        assert_eq!(breaker.admission(until), Admission::Probe);
        breaker.begin();
        assert_eq!(breaker.admission(until), Admission::Probing);
        breaker.succeed();
        assert_eq!((breaker.admission(until), breaker.failures_in_a_row()), (Admission::Free, 0));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_the_most() {
        let (mut breaker, mut now) = (opened(), NOW);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let Admission::After(until) = breaker.admission(now) else { panic!("it is open") };
            pauses.push(until.since(now));
            now = until;
            breaker.begin();
            breaker.fail(now);
        }
        assert_eq!(pauses[1], limits::BREAKER_PAUSE_FIRST * 2);
        assert_eq!(pauses.last(), Some(&limits::BREAKER_PAUSE_MAX));
    }

    #[test]
    fn failures_of_attempts_that_were_under_way_do_not_lengthen_the_pause() {
        let mut breaker = opened();
        let before = breaker.admission(NOW);
        breaker.fail(NOW.plus(Duration::from_secs(1)));
        assert_eq!(breaker.admission(NOW), before);
    }

    #[test]
    fn a_probe_that_told_nothing_is_made_again() {
        let mut breaker = opened();
        let until = NOW.plus(limits::BREAKER_PAUSE_FIRST);
        breaker.begin();
        breaker.end_silently();
        assert_eq!(breaker.admission(until), Admission::Probe);
    }
}
