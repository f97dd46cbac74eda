//! What follows an attempt, for the delivery and for its endpoint: pure, so that a table of cases
//! is its test (invariant 10).

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::{Outcome, State};
use crate::clock::Timestamp;
use crate::id::DeliveryId;
use crate::limits;

/// The rules of one webhook.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The delays before the first, second, third… retry; after the last one it is exhausted.
    pub steps: &'a [Duration],
    /// A delivery older than this gets no further attempt.
    pub max_age: Option<Duration>,
    /// A delivery that keeps others waiting is parked after this long.
    pub park_after: Option<Duration>,
    /// There is no webhook to disable, as at a step of a flow: what the receiver says of all
    /// deliveries ends this one.
    pub ends_alone: bool,
}

/// What the receiver asked for, besides its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `Retry-After`: not before then.
    pub not_before: Option<Timestamp>,
    /// The header `webhook-delivery`.
    pub control: Option<Control>,
}

/// The header `webhook-delivery` of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `disable`: send this endpoint nothing more.
    Disable,
    /// `abort`: do not retry this delivery.
    Abort,
}

/// The name of the control header.
pub const CONTROL_HEADER: &str = "webhook-delivery";

/// What an attempt was, as far as the decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The delivery.
    pub id: DeliveryId,
    /// Its number within the schedule; 1 is the first.
    pub number: usize,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// What the receiver asked for.
    pub wishes: Wishes,
    /// When the delivery's schedule began.
    pub began: Timestamp,
    /// When its first attempt was made: since then it has kept others waiting.
    pub first_attempt: Timestamp,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stays scheduled; the next attempt is due then.
    Retry(Timestamp),
    /// It is finished, in this state.
    Finished(State),
}

/// What an outcome says about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Well,
    /// It works, and did not like this message.
    Refusal,
    /// It asks for less: 429 or 503.
    Busy,
    /// It is broken or out of reach.
    Ill,
    /// It is not there any more: 410.
    Gone,
    /// Nothing: no request was made.
    Silent,
}

/// What an outcome says about the endpoint.
#[must_use]
pub const fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Answered(200..=299) => Verdict::Well,
        Outcome::Answered(429 | 503) => Verdict::Busy,
        Outcome::Answered(410) => Verdict::Gone,
        // These speak about what was sent, not about who received it.
        Outcome::Answered(400 | 409 | 413 | 414 | 415 | 422 | 431) => Verdict::Refusal,
        Outcome::Answered(_) | Outcome::Failed { .. } | Outcome::NoToken { .. } => Verdict::Ill,
        Outcome::Gone
        | Outcome::Unwanted
        | Outcome::Unreadable { .. }
        | Outcome::Unrendered { .. } => Verdict::Silent,
    }
}

/// Decides what follows an attempt that ended at `now`.
#[must_use]
pub fn after(made: &Made<'_>, rules: &Rules<'_>, now: Timestamp) -> Next {
    match made.outcome {
        Outcome::Gone | Outcome::Unwanted => return Next::Finished(State::Cancelled),
        // The same template makes the same of it again.
        Outcome::Unrendered { .. } => return Next::Finished(State::Parked),
        outcome if outcome.is_success() => return Next::Finished(State::Delivered),
        _ => {}
    }
    match made.wishes.control {
        Some(Control::Abort) => return Next::Finished(State::Cancelled),
        Some(Control::Disable) if rules.ends_alone => return Next::Finished(State::Cancelled),
        _ => {}
    }
    if rules.ends_alone && verdict(made.outcome) == Verdict::Gone {
        return Next::Finished(State::Exhausted);
    }
    let blocking = now.since(made.first_attempt);
    if rules.park_after.is_some_and(|most| blocking >= most) {
        return Next::Finished(State::Parked);
    }
    let Some(step) = made.number.checked_sub(1).and_then(|retry| rules.steps.get(retry)) else {
        return Next::Finished(State::Exhausted);
    };
    let own = now.plus(step.saturating_add(jitter(*step, made.id, made.number)));
    let due = match made.wishes.not_before {
        // Between our own step and a day: a receiver can slow us down, not stop us for good.
        Some(asked) => asked.min(now.plus(limits::RETRY_AFTER_MAX)).max(own),
        None => own,
    };
    let is_too_late = rules.max_age.is_some_and(|most| due.since(made.began) > most);
    if is_too_late { Next::Finished(State::Exhausted) } else { Next::Retry(due) }
}

/// The moment that a `Retry-After` names: whole seconds from `now`, or an HTTP date (RFC 9110
/// §10.2.3). What is neither is `None`; what is too far to count is as far as time goes.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(now.plus(Duration::from_secs(seconds)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::EPOCH.plus(since_epoch))
}

/// What the control header says; `None` for what is not known.
#[must_use]
pub fn control(value: &str) -> Option<Control> {
    match value.trim().to_ascii_lowercase().as_str() {
        "disable" => Some(Control::Disable),
        "abort" => Some(Control::Abort),
        _ => None,
    }
}

/// Up to [`limits::RETRY_JITTER_PERCENT`] of the delay, fixed by the delivery and the attempt: the
/// retries of one outage spread out, and the decision needs no randomness.
fn jitter(delay: Duration, id: DeliveryId, number: usize) -> Duration {
    let mut seed = [0; 24];
    seed[..16].copy_from_slice(&id.as_u128().to_be_bytes());
    seed[16..].copy_from_slice(&(number as u64).to_be_bytes());
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
    const HOUR: Duration = Duration::from_secs(3_600);
    const STEPS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(600), HOUR];
    const RULES: Rules<'_> =
        Rules { steps: &STEPS, max_age: None, park_after: None, ends_alone: false };

    fn made(outcome: &Outcome, number: usize) -> Made<'_> {
        let wishes = Wishes::default();
        Made { id: ID, number, outcome, wishes, began: NOW, first_attempt: NOW }
    }

    fn answered(status: u16, number: usize) -> Next {
        after(&made(&Outcome::Answered(status), number), &RULES, NOW)
    }

    fn asking(not_before: Timestamp) -> Duration {
        let outcome = Outcome::Answered(503);
        let wishes = Wishes { not_before: Some(not_before), control: None };
        match after(&Made { wishes, ..made(&outcome, 1) }, &RULES, NOW) {
            Next::Retry(due) => due.since(NOW),
            Next::Finished(state) => panic!("{state:?}"),
        }
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
        for (place, step) in STEPS.iter().enumerate() {
            let Next::Retry(due) = answered(500, place + 1) else { panic!("step {place}") };
            let waited = due.since(NOW);
            assert!(waited >= *step && waited <= step.mul_f64(1.15), "{waited:?} for {step:?}");
        }
        assert_eq!(answered(500, STEPS.len() + 1), Next::Finished(State::Exhausted));
    }

    #[test]
    fn transport_errors_are_retried_and_what_nobody_wants_is_cancelled() {
        let failed = Outcome::Failed { kind: SendErrorKind::Timeout, detail: String::new() };
        assert!(matches!(after(&made(&failed, 1), &RULES, NOW), Next::Retry(_)));
        for unwanted in [Outcome::Gone, Outcome::Unwanted] {
            let next = after(&made(&unwanted, 1), &RULES, NOW);
            assert_eq!(next, Next::Finished(State::Cancelled));
        }
    }

    #[test]
    fn retry_after_counts_between_our_own_step_and_a_day() {
        let step = STEPS[0].as_secs();
        assert!(asking(NOW.plus(Duration::from_secs(1))).as_secs() == step, "sooner is ours");
        assert_eq!(asking(NOW.plus(HOUR)), HOUR);
        assert_eq!(asking(NOW.plus(HOUR * 1_000)), limits::RETRY_AFTER_MAX);
        assert_eq!(asking(NOW.plus(Duration::MAX)), limits::RETRY_AFTER_MAX);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_overflows() {
        let after = |value| retry_after(value, NOW).map(|at| at.seconds());
        assert_eq!(after("120"), Some(1_000_120));
        assert_eq!(after(" 0 "), Some(1_000_000));
        assert_eq!(after("Tue, 13 Jan 1970 13:46:40 GMT"), Some(1_086_400));
        for nonsense in ["", "-5", "1.5", "soon", "Tue, 99 Jan 1970 13:46:40 GMT"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        assert!(retry_after("99999999999999999999999", NOW) >= Some(NOW));
        assert!(retry_after("18446744073709551615", NOW) >= Some(NOW));
    }

    #[test]
    fn the_receiver_can_abort_a_delivery() {
        let outcome = Outcome::Answered(500);
        let wishes = Wishes { control: control(" Abort"), ..Wishes::default() };
        let next = after(&Made { wishes, ..made(&outcome, 1) }, &RULES, NOW);
        assert_eq!(next, Next::Finished(State::Cancelled));
        assert_eq!((control("disable"), control("please")), (Some(Control::Disable), None));
    }

    #[test]
    fn what_would_disable_a_webhook_ends_the_delivery_of_a_step() {
        let alone = Rules { ends_alone: true, ..RULES };
        let disable = Wishes { control: Some(Control::Disable), ..Wishes::default() };
        let plain = Wishes::default();
        let finished = |state| Some(Next::Finished(state));
        for (status, wishes, of_step) in [
            (410, plain, finished(State::Exhausted)),
            (500, disable, finished(State::Cancelled)),
            (410, disable, finished(State::Cancelled)),
            (200, disable, finished(State::Delivered)),
            (500, plain, None),
        ] {
            let outcome = Outcome::Answered(status);
            let made = Made { wishes, ..made(&outcome, 1) };
            let next = after(&made, &alone, NOW);
            assert_eq!(Some(next).filter(|next| matches!(next, Next::Finished(_))), of_step);
            let is_retried = matches!(after(&made, &RULES, NOW), Next::Retry(_));
            assert_eq!(is_retried, status != 200, "a webhook's stays for when it is enabled again");
        }
    }

    #[test]
    fn a_request_that_can_not_be_sent_is_parked_and_says_nothing_of_its_endpoint() {
        let unrendered = Outcome::Unrendered { detail: String::new() };
        let next = after(&made(&unrendered, 1), &RULES, NOW);
        assert_eq!((next, verdict(&unrendered)), (Next::Finished(State::Parked), Verdict::Silent));
    }

    #[test]
    fn an_old_delivery_is_not_tried_again_and_a_blocking_one_is_parked() {
        let outcome = Outcome::Answered(500);
        let old = Made { began: Timestamp::from_seconds(1_000_000 - 3_600), ..made(&outcome, 1) };
        let aged = Rules { max_age: Some(HOUR), ..RULES };
        assert_eq!(after(&old, &aged, NOW), Next::Finished(State::Exhausted));
        assert!(matches!(after(&made(&outcome, 1), &aged, NOW), Next::Retry(_)));
        let parking = Rules { park_after: Some(HOUR), ..RULES };
        assert!(
            matches!(after(&old, &parking, NOW), Next::Retry(_)),
            "it waited, and blocked none"
        );
        let blocking = Made { first_attempt: old.began, ..old };
        assert_eq!(after(&blocking, &parking, NOW), Next::Finished(State::Parked));
    }

    #[test]
    fn a_status_says_something_about_the_endpoint_or_about_the_message() {
        for (status, says) in [
            (200, Verdict::Well),
            (302, Verdict::Ill),
            (400, Verdict::Refusal),
            (401, Verdict::Ill),
            (404, Verdict::Ill),
            (410, Verdict::Gone),
            (422, Verdict::Refusal),
            (429, Verdict::Busy),
            (500, Verdict::Ill),
            (503, Verdict::Busy),
        ] {
            assert_eq!(verdict(&Outcome::Answered(status)), says, "{status}");
        }
        assert_eq!(verdict(&Outcome::Gone), Verdict::Silent);
    }

    #[test]
    fn the_retries_of_one_outage_spread() {
        let due = |number| {
            let outcome = Outcome::Answered(500);
            let made = Made { id: DeliveryId::from_u128(number), ..made(&outcome, 3) };
            after(&made, &RULES, NOW)
        };
        let spread: std::collections::HashSet<_> = (0..100)
            .map(|number| match due(number) {
                Next::Retry(at) => at.seconds() / 10,
                Next::Finished(_) => panic!("a retry was due"),
            })
            .collect();
        assert!(spread.len() > 30, "{} of 54", spread.len());
    }
}
