//! What happened to the deliveries of an event, in sentences. Pure.

use super::verdict::{Judgement, Verdict};
use crate::clock::Timestamp;
use crate::delivery::{Delivery, Phase, Source, Standing, State, sentence};
use crate::webhook::{Ordering, Webhook};

/// What a delivery depends on besides itself.
pub(super) struct Scene<'a> {
    /// Its webhook; `None` where it was deleted.
    pub(super) webhook: Option<&'a Webhook>,
    /// How the webhook's lane stands.
    pub(super) standing: Standing,
    pub(super) now: Timestamp,
}

/// What happened to the event at one webhook that has `deliveries` of it, newest first: the story
/// of the one that got furthest.
pub(super) fn of_all(deliveries: &[Delivery], scene: &Scene<'_>) -> Judgement {
    // Of equals the newest: the last one of a walk that ends with it.
    let furthest = deliveries.iter().rev().max_by_key(|delivery| progress(delivery.state));
    let Some(furthest) = furthest else {
        let reason = "there is neither a webhook nor a delivery any more".to_owned();
        return Judgement { verdict: Verdict::Unknown, reason };
    };
    let mut reason = of_one(furthest, scene);
    if deliveries.iter().all(|delivery| delivery.source == Source::Replay) {
        reason = format!("a replay brought the event: {reason}");
    }
    match deliveries.len() {
        0 | 1 => {}
        2 => reason.push_str("; besides, there is one more delivery of the event"),
        count => {
            reason.push_str(&format!(
                "; besides, there are {} more deliveries of the event",
                count - 1
            ));
        }
    }
    if scene.webhook.is_none() {
        reason.push_str("; the webhook was deleted since");
    }
    Judgement { verdict: Verdict::Reacted(furthest.state), reason }
}

/// Which of several states tells most about whether the endpoint has the event.
const fn progress(state: State) -> u8 {
    match state {
        State::Delivered => 4,
        State::Scheduled => 3,
        State::Parked => 2,
        State::Exhausted => 1,
        State::Cancelled => 0,
    }
}

/// What happened to one delivery, and what it waits for.
pub(super) fn of_one(delivery: &Delivery, scene: &Scene<'_>) -> String {
    let count = match delivery.attempts.len() {
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    };
    let Some(last) = delivery.attempts.last().map(sentence) else {
        return match delivery.state {
            State::Scheduled => waiting(delivery, scene),
            state => format!("{} before the first attempt", word(state)),
        };
    };
    match delivery.state {
        State::Scheduled => {
            format!("{}; so far it had {count}, the last: {last}", waiting(delivery, scene))
        }
        state => format!("{} after {count}: {last}", word(state)),
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Scheduled => "scheduled",
        State::Delivered => "delivered",
        State::Exhausted => "given up",
        State::Cancelled => "cancelled",
        State::Parked => "parked, because it kept others about the same person waiting,",
    }
}

/// What a scheduled delivery waits for.
fn waiting(delivery: &Delivery, scene: &Scene<'_>) -> String {
    match scene.webhook {
        None => return "is about to be cancelled, because its webhook was deleted".to_owned(),
        Some(webhook) if !webhook.enabled => return "waits: the webhook is disabled".to_owned(),
        Some(webhook) if webhook.settings.is_paused => {
            return "waits: the webhook is paused".to_owned();
        }
        Some(_) => {}
    }
    let due = delivery.due.filter(|due| *due > scene.now).map(Timestamp::rfc3339_seconds);
    match (delivery.phase, due) {
        (Phase::Gathering, Some(due)) => {
            format!("waits for more events of its batch, until {due} at the latest")
        }
        (Phase::Behind, _) => "waits behind an earlier delivery about the same person".to_owned(),
        (Phase::Due, Some(due)) => format!("waits for its next attempt at {due}"),
        _ if scene.standing.is_open => {
            let failures = scene.standing.failures_in_a_row;
            format!("waits: the endpoint failed {failures} times in a row and is left alone")
        }
        // Which of a lane's deliveries are under way is not known here.
        _ if scene.standing.active > 0 => {
            format!("is being sent, or about to be{}", before_it(scene))
        }
        _ => format!("is about to be sent{}", before_it(scene)),
    }
}

/// What a fresh delivery lets go first, where its webhook keeps an order; its row may not say so
/// yet, and that of a strict order never does.
fn before_it(scene: &Scene<'_>) -> &'static str {
    match scene.webhook.map(|webhook| webhook.settings.ordering).unwrap_or_default() {
        Ordering::Strict => ", once those before it are finished",
        Ordering::ByProfile if scene.standing.blocked_keys > 0 => {
            ", once those before it about the same person are finished"
        }
        Ordering::ByProfile | Ordering::None => "",
    }
}
