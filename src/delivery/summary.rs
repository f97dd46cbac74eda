//! Where a delivery stands, in one plain sentence: what it waits for, or how it ended, and what
//! its last attempt came to. Pure.

use super::recent::RecentAttempt;
use super::request::sentence;
use super::{Attempt, Delivery, Outcome, Phase, Standing, State, Trace};
use crate::clock::Timestamp;
use crate::webhook::Endpoint;

/// Says where a delivery stands at `now`. `endpoint` is that of its webhook, `None` where that was
/// deleted; `standing` that of the webhook's lane.
#[must_use]
pub fn summary(
    delivery: &Delivery,
    endpoint: Option<&Endpoint>,
    standing: Standing,
    now: Timestamp,
) -> String {
    let count = delivery.attempts.len();
    let last = delivery.attempts.last();
    let after = match count {
        0 => "before its first attempt".to_owned(),
        1 => "after one attempt".to_owned(),
        _ => format!("after {count} attempts"),
    };
    let stands = match delivery.state {
        State::Scheduled => match held(endpoint, noun(delivery)) {
            Some(why) => why,
            None => waiting(delivery, standing, now),
        },
        State::Delivered => {
            let how = last.map(sentence).unwrap_or_default();
            return format!("delivered at its {} attempt: {how}", ordinal(count));
        }
        State::Exhausted => format!("given up {after}"),
        State::Cancelled => format!("cancelled {after}"),
        State::Parked => {
            format!("parked {after}, because others waited for it; resend it when it can succeed")
        }
    };
    match last {
        None => stands,
        Some(last) if matches!(last.outcome, Outcome::Gone | Outcome::Unwanted) => {
            format!("cancelled: {}", sentence(last))
        }
        Some(last)
            if delivery.state == State::Parked
                && matches!(last.outcome, Outcome::Unrendered { .. }) =>
        {
            format!("parked: {}", sentence(last))
        }
        Some(last) => format!("{stands}; last: {}", sentence(last)),
    }
}

/// What a delivery belongs to.
fn noun(delivery: &Delivery) -> &'static str {
    if delivery.webhook.action().is_some() { "flow action" } else { "webhook" }
}

fn held(endpoint: Option<&Endpoint>, noun: &str) -> Option<String> {
    let Some(endpoint) = endpoint else {
        return Some(format!("about to be cancelled: its {noun} was deleted"));
    };
    let webhook = &endpoint.webhook;
    if webhook.enabled {
        return webhook.settings.is_paused.then(|| format!("held: its {noun} is paused"));
    }
    let detail = webhook.disabled.as_ref().map(|disabled| disabled.detail.as_str());
    let detail = detail.filter(|detail| !detail.is_empty());
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    Some(format!("held: its {noun} is disabled{detail}"))
}

fn waiting(delivery: &Delivery, standing: Standing, now: Timestamp) -> String {
    let nth = ordinal(delivery.attempts.len() + 1);
    let at = |at: Timestamp| at.rfc3339_seconds();
    let waits = match (delivery.phase, delivery.due) {
        (Phase::Gathering, Some(closes)) => {
            return format!("gathers events until {} or until its batch is full", at(closes));
        }
        (Phase::Behind, _) => {
            return "waits behind an earlier delivery about the same profile".to_owned();
        }
        (Phase::Due, Some(due)) if due > now => {
            format!("waits for its {nth} attempt at {}", at(due))
        }
        _ => format!("waits for a slot for its {nth} attempt"),
    };
    if standing.is_open {
        return format!("{waits}; its endpoint keeps failing and is probed from time to time");
    }
    waits
}

/// A number as a place: 1st, 2nd, 3rd, 4th.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What came of a recent attempt, in the words of [`sentence`].
#[must_use]
pub fn sentence_of_recent(recent: &RecentAttempt) -> String {
    sentence(&Attempt {
        at: recent.at,
        outcome: recent.outcome.clone(),
        trace: Trace { total: recent.duration, ..Trace::default() },
        body_bytes: 0,
        body_hash: 0,
        response_head: String::new(),
        excerpt: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::Source;
    use crate::id::{DeliveryId, EventId, WebhookId};

    fn attempt(outcome: Outcome) -> Attempt {
        Attempt {
            at: Timestamp::EPOCH,
            outcome,
            trace: Trace { total: Duration::from_millis(12), ..Trace::default() },
            body_bytes: 0,
            body_hash: 0,
            response_head: String::new(),
            excerpt: String::new(),
        }
    }

    fn delivery(state: State, phase: Phase, outcomes: &[Outcome]) -> Delivery {
        Delivery {
            id: DeliveryId::from_u128(1),
            webhook: WebhookId::from_u128(1 << 100),
            source: Source::Event,
            run: None,
            events: vec![EventId::MIN],
            profile: None,
            state,
            phase,
            created: Timestamp::EPOCH,
            due: Some(Timestamp::from_seconds(60)),
            finished: None,
            resent: None,
            attempts: outcomes.iter().cloned().map(attempt).collect(),
        }
    }

    #[test]
    fn what_it_waits_for_is_told() {
        let busy = Outcome::Answered(503);
        let open = Standing { is_open: true, ..Standing::default() };
        let told = |phase, outcomes: &[Outcome], standing, now| {
            let now = Timestamp::from_seconds(now);
            waiting(&delivery(State::Scheduled, phase, outcomes), standing, now)
        };
        let plain = Standing::default();
        let at = "1970-01-01T00:01:00+00:00";
        let cases = [
            (Phase::Fresh, &[][..], plain, 0, "waits for a slot for its 1st attempt".to_owned()),
            (
                Phase::Due,
                &[busy.clone(), busy.clone()],
                plain,
                0,
                format!("waits for its 3rd attempt at {at}"),
            ),
            (
                Phase::Due,
                std::slice::from_ref(&busy),
                plain,
                60,
                "waits for a slot for its 2nd attempt".into(),
            ),
            (
                Phase::Due,
                std::slice::from_ref(&busy),
                open,
                60,
                "waits for a slot for its 2nd attempt; its endpoint keeps failing and is probed \
                 from time to time"
                    .into(),
            ),
            (
                Phase::Behind,
                &[],
                open,
                0,
                "waits behind an earlier delivery about the same profile".into(),
            ),
            (
                Phase::Gathering,
                &[],
                plain,
                0,
                format!("gathers events until {at} or until its batch is full"),
            ),
        ];
        for (phase, outcomes, standing, now, expected) in cases {
            assert_eq!(told(phase, outcomes, standing, now), expected);
        }
    }

    #[test]
    fn how_it_ended_is_told() {
        let told = |state, outcomes: &[Outcome]| {
            let delivery = delivery(state, Phase::Fresh, outcomes);
            summary(&delivery, None, Standing::default(), Timestamp::EPOCH)
        };
        let refused = "answered 500 Internal Server Error after 12 ms: the endpoint failed";
        let (bad, good) = (Outcome::Answered(500), Outcome::Answered(200));
        assert_eq!(
            told(State::Delivered, &[bad.clone(), good]),
            "delivered at its 2nd attempt: answered 200 OK after 12 ms: the endpoint took it"
        );
        let two = [bad.clone(), bad.clone()];
        let expected = format!("given up after 2 attempts; last: {refused}");
        assert_eq!(told(State::Exhausted, &two), expected);
        assert_eq!(told(State::Cancelled, &[]), "cancelled before its first attempt");
        assert!(
            told(State::Cancelled, &[Outcome::Gone]).starts_with("cancelled: nothing was sent")
        );
        assert!(told(State::Parked, std::slice::from_ref(&bad)).ends_with(refused));
        let deleted = "about to be cancelled: its webhook was deleted";
        assert_eq!(told(State::Scheduled, &[]), deleted);
        let unrendered = [Outcome::Unrendered { detail: "line 1: no filter `x`".to_owned() }];
        let expected = "parked: nothing was sent: line 1: no filter `x`";
        assert_eq!(told(State::Parked, &unrendered), expected);
        let of_step = Delivery {
            webhook: WebhookId::from_u128(7),
            ..delivery(State::Scheduled, Phase::Fresh, &[])
        };
        assert_eq!(
            summary(&of_step, None, Standing::default(), Timestamp::EPOCH),
            "about to be cancelled: its flow action was deleted"
        );
    }

    #[test]
    fn places_have_their_endings() {
        let told = [1, 2, 3, 4, 11, 12, 13, 21, 111, 122].map(ordinal);
        let expected =
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "111th", "122nd"];
        assert_eq!(told, expected);
    }
}
