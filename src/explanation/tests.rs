//! Verdicts and sentences, case by case.

use std::time::Duration;

use super::story::{Scene, of_all, of_one};
use super::verdict::{Facts, Judgement, Verdict, of_absence};
use crate::clock::Timestamp;
use crate::condition::{ExplainedCondition, ExplainedGroup, Explanation};
use crate::delivery::{Attempt, Delivery, Outcome, Phase, Source, Standing, State, Trace};
use crate::event::Event;
use crate::id::{DeliveryId, EventId, MetricId, ProfileId, WebhookId};
use crate::secret::Secret;
use crate::webhook::{DisableReason, Disabled, Ordering, Secrets, Settings, Webhook};

const TOPIC: &str = "event:api.placed_order";
/// When the event was received: 2026-04-13T22:50:12Z.
const RECEIVED: i64 = 1_776_120_612;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(RECEIVED + seconds)
}

fn event() -> Event {
    Event {
        id: EventId::from_u64(1),
        metric: MetricId::from_random(1),
        profile: ProfileId::from_u128(1),
        time: at(-5),
        received: at(0),
        unique_id: "u".to_owned(),
        value: None,
        value_currency: None,
        properties: "{}".to_owned(),
        backfill: false,
    }
}

/// A webhook that was there before the event, subscribed and switched on.
fn webhook() -> Webhook {
    Webhook {
        id: WebhookId::from_u128(1),
        flow: None,
        name: "n".to_owned(),
        description: None,
        endpoint_url: "https://h.example/".to_owned(),
        secrets: Secrets::new(Secret::new("0123456789abcdef".to_owned())),
        enabled: true,
        disabled: None,
        skip_before: None,
        topics: vec![TOPIC.to_owned()],
        settings: Settings::default(),
        created: at(-100),
        updated: at(-50),
    }
}

fn disabled(when: i64) -> Webhook {
    let disabled = Disabled { at: at(when), reason: DisableReason::Manual, detail: String::new() };
    Webhook { enabled: false, disabled: Some(disabled), updated: at(when), ..webhook() }
}

fn filter(held: &[bool]) -> Explanation {
    let condition = |held: &bool| ExplainedCondition {
        held: *held,
        reason: "`Brand` is \"Y\", not equal to \"X\"".to_owned(),
    };
    Explanation {
        groups: vec![ExplainedGroup { conditions: held.iter().map(condition).collect() }],
    }
}

/// Asserts a verdict, and a part of its sentence, about the absence of a delivery.
#[track_caller]
fn assert_absent(
    (webhook, filter, person): (&Webhook, Option<&Explanation>, Option<i64>),
    (verdict, part): (Verdict, &str),
) {
    let (event, person_changed) = (event(), person.map(at));
    let judged =
        of_absence(&Facts { event: &event, topic: TOPIC, webhook, filter, person_changed });
    assert_eq!(judged.verdict, verdict, "{}", judged.reason);
    assert!(judged.reason.contains(part), "{}", judged.reason);
}

#[test]
fn what_is_certain_comes_first() {
    let no = filter(&[false]);
    for (topic, part) in [
        ("event:api.viewed_product", "does not subscribe to `event:api.placed_order`"),
        ("event:api.placed_orders", "it does to the similar `event:api.placed_orders`"),
        ("event:klaviyo.placed_order", "it does to the similar `event:klaviyo.placed_order`"),
    ] {
        let other = Webhook { topics: vec![topic.to_owned()], ..disabled(-10) };
        assert_absent((&other, None, None), (Verdict::NotSubscribed, part));
    }
    let later = Webhook { created: at(10), updated: at(10), ..webhook() };
    let replay = "made at 2026-04-13T22:50:22+00:00, after the event; replay it: tidings replay \
        create --webhook 00000000000000000000000001 --from 2026-04-13T22:50:12Z";
    assert_absent((&later, None, None), (Verdict::CreatedLater, replay));
    let besides = "after the event; besides, its filter does not fit the event";
    assert_absent((&later, Some(&no), None), (Verdict::CreatedLater, besides));
    for (webhook, filter, part) in [
        (disabled(-10), None, "disabled since 2026-04-13T22:50:02+00:00: a person switched it off"),
        (disabled(0), Some(&no), "switched it off; besides, its filter does not fit the event"),
        // Without a reason, since it was changed last.
        (Webhook { enabled: false, ..webhook() }, None, "since 2026-04-13T22:49:22+00:00"),
    ] {
        assert_absent((&webhook, filter, None), (Verdict::Disabled, part));
    }
}

#[test]
fn a_filter_that_says_no_is_the_reason_unless_something_changed() {
    let (yes, no, two) = (filter(&[false, true]), filter(&[false]), filter(&[false, false]));
    let (same, changed) = (webhook(), Webhook { updated: at(20), ..webhook() });
    for (webhook, filter, person, part) in [
        (&same, &no, None, "does not fit the event: `Brand` is \"Y\", not equal to \"X\""),
        (&same, &two, None, "\"X\", and 1 more of that group do not hold"),
        (&same, &no, Some(30), "the person was changed at 2026-04-13T22:50:42+00:00 and is looked"),
        (&changed, &no, None, "changed at 2026-04-13T22:50:32+00:00, perhaps its filter too"),
    ] {
        assert_absent((webhook, Some(filter), person), (Verdict::Filtered, part));
    }
    let off = disabled(10);
    for (webhook, filter, person, part) in [
        (&changed, Some(&yes), None, "may have been disabled, had other topics or another filter"),
        (&changed, None, None, "changed at 2026-04-13T22:50:32+00:00, after the event"),
        (&off, None, None, "changed at 2026-04-13T22:50:22+00:00, after the event"),
        (&same, Some(&yes), Some(30), "the person, who was changed at 2026-04-13T22:50:42+00:00"),
    ] {
        assert_absent((webhook, filter, person), (Verdict::ChangedSince, part));
    }
    assert_absent((&same, Some(&yes), None), (Verdict::Unknown, "nothing speaks against it"));
}

fn attempt(status: u16) -> Attempt {
    Attempt {
        at: at(1),
        outcome: Outcome::Answered(status),
        trace: Trace { total: Duration::from_millis(3), ..Trace::default() },
        body_bytes: 0,
        body_hash: 0,
        response_head: String::new(),
        excerpt: String::new(),
    }
}

fn delivery(state: State, phase: Phase, statuses: &[u16]) -> Delivery {
    let is_scheduled = state == State::Scheduled;
    Delivery {
        id: DeliveryId::from_u128(1),
        webhook: WebhookId::from_u128(1),
        source: Source::Event,
        run: None,
        events: vec![EventId::from_u64(1)],
        profile: Some(ProfileId::from_u128(1)),
        state,
        phase,
        created: at(0),
        due: is_scheduled.then(|| at(60)),
        finished: (!is_scheduled).then(|| at(2)),
        resent: None,
        attempts: statuses.iter().map(|status| attempt(*status)).collect(),
    }
}

const REFUSED: &str = "answered 500 Internal Server Error after 3 ms: the endpoint failed";
const CALM: Standing =
    Standing { active: 0, failures_in_a_row: 0, is_open: false, blocked_keys: 0 };

#[test]
fn a_scheduled_delivery_is_told_by_what_it_waits_for() {
    use Phase::{Behind, Due, Fresh, Gathering};
    let paused = Settings { is_paused: true, ..Settings::default() };
    let paused = Webhook { settings: paused, ..webhook() };
    let (on, off) = (webhook(), disabled(5));
    let ordered = |ordering| {
        let settings = Settings { ordering, ..Settings::default() };
        Webhook { settings, ..webhook() }
    };
    let (strict, keyed) = (ordered(Ordering::Strict), ordered(Ordering::ByProfile));
    let same = "is about to be sent, once those before it about the same person are finished";
    let blocked = Standing { blocked_keys: 1, ..CALM };
    let busy = Standing { active: 1, ..CALM };
    let open = Standing { is_open: true, failures_in_a_row: 7, ..CALM };
    let until = "waits for more events of its batch, until 2026-04-13T22:51:12+00:00 at the latest";
    for (phase, webhook, standing, expected) in [
        (Fresh, Some(&on), CALM, "is about to be sent"),
        (Fresh, Some(&on), blocked, "is about to be sent"),
        (Fresh, Some(&on), busy, "is being sent, or about to be"),
        (Fresh, Some(&strict), CALM, "is about to be sent, once those before it are finished"),
        (Fresh, Some(&keyed), CALM, "is about to be sent"),
        (Fresh, Some(&keyed), blocked, same),
        (Fresh, Some(&off), CALM, "waits: the webhook is disabled"),
        (Due, Some(&paused), CALM, "waits: the webhook is paused"),
        (Fresh, None, CALM, "is about to be cancelled, because its webhook was deleted"),
        (Fresh, Some(&on), open, "waits: the endpoint failed 7 times in a row and is left alone"),
        (Gathering, Some(&on), CALM, until),
        (Behind, Some(&on), CALM, "waits behind an earlier delivery about the same person"),
        (Due, Some(&on), open, "waits for its next attempt at 2026-04-13T22:51:12+00:00"),
    ] {
        let delivery = delivery(State::Scheduled, phase, &[]);
        assert_eq!(of_one(&delivery, &Scene { webhook, standing, now: at(5) }), expected);
    }
    let retried = delivery(State::Scheduled, Due, &[500]);
    let scene = Scene { webhook: Some(&on), standing: CALM, now: at(60) };
    let due = format!("is about to be sent; so far it had 1 attempt, the last: {REFUSED}");
    assert_eq!(of_one(&retried, &scene), due);
}

#[test]
fn a_finished_delivery_is_told_by_its_end() {
    let own = webhook();
    let scene = Scene { webhook: Some(&own), standing: CALM, now: at(60) };
    let took = "answered 200 OK after 3 ms: the endpoint took it";
    let kept = "because it kept others about the same person waiting";
    for (state, statuses, expected) in [
        (State::Delivered, &[500, 200][..], format!("delivered after 2 attempts: {took}")),
        (State::Exhausted, &[500, 500], format!("given up after 2 attempts: {REFUSED}")),
        (State::Cancelled, &[], "cancelled before the first attempt".to_owned()),
        (State::Parked, &[500], format!("parked, {kept}, after 1 attempt: {REFUSED}")),
    ] {
        assert_eq!(of_one(&delivery(state, Phase::Fresh, statuses), &scene), expected);
    }
}

#[test]
fn of_several_deliveries_the_furthest_decides() {
    let own = webhook();
    let judged = |deliveries: &[Delivery], webhook| {
        let Judgement { verdict, reason } =
            of_all(deliveries, &Scene { webhook, standing: CALM, now: at(5) });
        (verdict, reason)
    };
    let replayed = |delivery| Delivery { source: Source::Replay, ..delivery };
    let exhausted = delivery(State::Exhausted, Phase::Fresh, &[500]);
    let delivered = delivery(State::Delivered, Phase::Fresh, &[200]);
    let (verdict, reason) = judged(&[replayed(exhausted.clone()), delivered.clone()], Some(&own));
    assert_eq!(verdict, Verdict::Reacted(State::Delivered));
    assert!(reason.starts_with("delivered") && reason.ends_with("one more delivery of the event"));
    let (verdict, reason) = judged(&[replayed(delivered)], Some(&own));
    assert_eq!(verdict.name(), "delivered");
    assert!(reason.starts_with("a replay brought the event: delivered"), "{reason}");
    let three = [exhausted.clone(), exhausted.clone(), exhausted];
    let (_, reason) = judged(&three, None);
    let end = "there are 2 more deliveries of the event; the webhook was deleted since";
    assert!(reason.starts_with("given up") && reason.ends_with(end), "{reason}");
}
