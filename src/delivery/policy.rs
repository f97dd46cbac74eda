//! What follows an attempt: pure, so that a table of cases is its test (invariant 10).

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::{Outcome, State};
use crate::clock::Timestamp;
use crate::id::DeliveryId;
use crate::limits;

/// The delays before the first, second, third… retry. After the last one a delivery is exhausted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(pub Vec<Duration>);

impl Default for Schedule {
    /// 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: thirteen attempts in a
    /// little over three days, so that a receiver broken on Friday evening is caught on Monday.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3_600;
        let seconds = [
            5,
            30,
            2 * MINUTE,
            10 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            14 * HOUR,
            20 * HOUR,
            24 * HOUR,
        ];
        Self(seconds.map(Duration::from_secs).to_vec())
    }
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stays scheduled; the next attempt is due then.
    Retry(Timestamp),
    /// It is finished, in this state.
    Finished(State),
}

/// Decides what follows attempt number `made` (1 is the first) of delivery `id`, which ended at
/// `now` with `outcome`.
#[must_use]
pub fn after(
    outcome: &Outcome,
    made: usize,
    id: DeliveryId,
    schedule: &Schedule,
    now: Timestamp,
) -> Next {
    if *outcome == Outcome::Gone {
        return Next::Finished(State::Cancelled);
    }
    if outcome.is_success() {
        return Next::Finished(State::Delivered);
    }
    match made.checked_sub(1).and_then(|retry| schedule.0.get(retry)) {
        Some(delay) => Next::Retry(now.plus(*delay + jitter(*delay, id, made))),
        None => Next::Finished(State::Exhausted),
    }
}

/// Up to [`limits::RETRY_JITTER_PERCENT`] of the delay, fixed by the delivery and the attempt: the
/// retries of one outage spread out, and the decision needs no randomness.
fn jitter(delay: Duration, id: DeliveryId, made: usize) -> Duration {
    let mut seed = [0; 24];
    seed[..16].copy_from_slice(&id.as_u128().to_be_bytes());
    seed[16..].copy_from_slice(&(made as u64).to_be_bytes());
    let most =
        u64::try_from(delay.as_micros()).unwrap_or(u64::MAX) / 100 * limits::RETRY_JITTER_PERCENT;
    Duration::from_micros(xxh3_64(&seed) % most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::SendErrorKind;

    const ID: DeliveryId = DeliveryId::from_u128(7);
    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn answered(status: u16, made: usize) -> Next {
        after(&Outcome::Answered(status), made, ID, &Schedule::default(), NOW)
    }

    #[test]
    fn any_2xx_is_delivered_and_a_redirect_is_a_failure() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status, 1), Next::Finished(State::Delivered));
        }
        for status in [199, 301, 302, 304, 400, 404, 410, 429, 500, 503] {
            assert!(matches!(answered(status, 1), Next::Retry(_)), "{status}");
        }
    }

    #[test]
    fn each_failure_waits_its_step_and_the_last_one_exhausts() {
        let steps = Schedule::default().0;
        for (place, step) in steps.iter().enumerate() {
            let Next::Retry(due) = answered(500, place + 1) else { panic!("step {place}") };
            let waited = due.since(NOW);
            assert!(waited >= *step && waited <= step.mul_f64(1.15), "{waited:?} for {step:?}");
        }
        assert_eq!(answered(500, steps.len() + 1), Next::Finished(State::Exhausted));
    }

    #[test]
    fn transport_errors_are_retried_and_what_is_gone_is_cancelled() {
        let failed = Outcome::Failed { kind: SendErrorKind::Timeout, detail: String::new() };
        assert!(matches!(after(&failed, 1, ID, &Schedule::default(), NOW), Next::Retry(_)));
        let gone = after(&Outcome::Gone, 1, ID, &Schedule::default(), NOW);
        assert_eq!(gone, Next::Finished(State::Cancelled));
    }

    #[test]
    fn the_retries_of_one_outage_spread() {
        let due = |number| {
            let id = DeliveryId::from_u128(number);
            after(&Outcome::Answered(500), 8, id, &Schedule::default(), NOW)
        };
        let spread: std::collections::HashSet<_> = (0..100)
            .map(|number| match due(number) {
                Next::Retry(at) => at.seconds() / 60,
                Next::Finished(_) => panic!("a retry was due"),
            })
            .collect();
        assert!(spread.len() > 30, "{} minutes of 45", spread.len());
    }
}
