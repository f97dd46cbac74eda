//! `profile-metric-funnel`: cases in a table, and a naive search of all ways as the judge.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600;

fn funnel(window: Value, steps: &[(&str, bool)]) -> Value {
    let step = |(metric_id, exists): &(&str, bool)| json!({"metric_id": metric_id, "metric_exists": exists, "metric_filters": null});
    let steps: Vec<_> = steps.iter().map(step).collect();
    json!({"type": "profile-metric-funnel", "steps": steps, "completion_window_seconds": window,
        "timeframe_filter":
            {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 7}})
}

/// Events, each as its metric and its age in hours.
fn person(events: &[(&'static str, i64)]) -> Facts {
    let now = at().now.seconds();
    let past = |(metric_id, hours): &(&'static str, i64)| Past {
        metric_id,
        seconds: now - hours * HOUR,
        ..Past::default()
    };
    Facts { history: events.iter().map(past).collect(), ..Facts::default() }
}

#[test]
fn steps_follow_each_other() {
    let (a, b, c) = (("A", true), ("B", true), ("C", true));
    for (steps, events, expected) in [
        (vec![a], vec![("A", 1)], true),
        (vec![a], vec![("A", 24 * 7 + 1)], false),
        (vec![a, b], vec![("A", 2), ("B", 1)], true),
        (vec![a, b], vec![("A", 1), ("B", 2)], false),
        (vec![a, b], vec![("A", 1), ("B", 1)], true),
        (vec![a, b], vec![("A", 2)], false),
        (vec![a, b, c], vec![("C", 9), ("A", 8), ("B", 7), ("A", 6), ("C", 5)], true),
        (vec![a, b, c], vec![("A", 8), ("C", 7), ("B", 6)], false),
        (vec![a, a], vec![("A", 1)], false),
        (vec![a, a], vec![("A", 2), ("A", 1)], true),
        (vec![a, b, a], vec![("A", 2), ("B", 2)], false),
        (vec![a, b, a], vec![("A", 2), ("B", 2), ("A", 1)], true),
    ] {
        check_person(&funnel(json!(null), &steps), &person(&events), expected);
    }
}

#[test]
fn a_step_that_must_not_happen_lies_between_its_neighbours() {
    let (a, b, no) = (("A", true), ("B", true), ("N", false));
    let not_a = ("A", false);
    for (steps, events, expected) in [
        (vec![a, no], vec![("A", 2)], true),
        (vec![a, no], vec![("A", 2), ("N", 1)], false),
        (vec![a, no], vec![("N", 3), ("A", 2)], true),
        (vec![a, no], vec![("N", 2), ("A", 2)], false),
        (vec![no, a], vec![("N", 3), ("A", 2)], false),
        (vec![no, a], vec![("A", 2), ("N", 1)], true),
        (vec![a, no, b], vec![("A", 3), ("N", 2), ("B", 1)], false),
        (vec![a, no, b], vec![("A", 4), ("N", 3), ("A", 2), ("B", 1)], true),
        (vec![a, no, b], vec![("N", 4), ("A", 3), ("B", 2), ("N", 1)], true),
        (vec![a, not_a], vec![("A", 2)], true),
        (vec![a, not_a], vec![("A", 2), ("A", 1)], true),
        (vec![a, not_a, b], vec![("A", 3), ("A", 2), ("B", 1)], true),
        (vec![no], vec![], true),
        (vec![no], vec![("N", 24 * 8)], true),
        (vec![no], vec![("N", 1)], false),
        (vec![no, not_a], vec![("A", 1)], false),
    ] {
        check_person(&funnel(json!(null), &steps), &person(&events), expected);
    }
}

#[test]
fn the_window_spans_the_funnel_and_bounds_what_must_not_happen() {
    let (a, b, no) = (("A", true), ("B", true), ("N", false));
    for (steps, events, expected) in [
        (vec![a, b], vec![("A", 26), ("B", 2)], true),
        (vec![a, b], vec![("A", 27), ("B", 2)], false),
        (vec![a, b], vec![("A", 27), ("A", 26), ("B", 2)], true),
        (vec![a, a, b], vec![("A", 27), ("A", 10), ("B", 2)], false),
        (vec![a, no], vec![("A", 26), ("N", 2)], false),
        (vec![a, no], vec![("A", 27), ("N", 2)], true),
        (vec![no, a], vec![("N", 26), ("A", 2)], false),
        (vec![no, a], vec![("N", 27), ("A", 2)], true),
    ] {
        check_person(&funnel(json!("DAYS_1"), &steps), &person(&events), expected);
    }
}

#[test]
fn the_reason_names_the_step() {
    let steps = [("A", true), ("B", true), ("N", false)];
    let reason = |events: &[(&'static str, i64)], held| {
        check_person(&funnel(json!(null), &steps), &person(events), held)
    };
    assert_eq!(
        reason(&[("A", 2)], false),
        "the events in the last 7 days do not get over step 2 of 3: events of metric `B`"
    );
    assert_eq!(
        reason(&[("A", 3), ("B", 2), ("N", 1)], false),
        "the events in the last 7 days do not get over step 3 of 3: no events of metric `N`"
    );
    assert_eq!(
        reason(&[("A", 3), ("B", 2)], true),
        "the events in the last 7 days go through all 3 steps, of metrics `A`, `B`, `N`"
    );
}

/// What the head of `funnel.rs` says, word by word, by trying every way; ages are in hours.
fn naive(window: i64, steps: &[(&str, bool)], events: &[(&str, i64)], way: &[usize]) -> bool {
    let hour = |event: usize| -events[event].1;
    let Some(next) = steps.iter().enumerate().filter(|(_, step)| step.1).nth(way.len()) else {
        return is_free(window, steps, events, way);
    };
    let metric_id = next.1.0;
    let mut before = steps[..next.0].iter();
    let is_repeated = before.any(|step| step.1 && step.0 == metric_id);
    (0..events.len()).filter(|event| events[*event].0 == metric_id).any(|event| {
        let follows = way.last().is_none_or(|last| {
            if is_repeated { hour(*last) < hour(event) } else { hour(*last) <= hour(event) }
        });
        let is_in_window = way.first().is_none_or(|first| hour(event) - hour(*first) <= window);
        follows && is_in_window && naive(window, steps, events, &[way, &[event]].concat())
    })
}

/// Whether nothing that must not happen happened along a way through all other steps.
fn is_free(window: i64, steps: &[(&str, bool)], events: &[(&str, i64)], way: &[usize]) -> bool {
    let hour = |event: usize| -events[event].1;
    let mut done = 0_usize;
    steps.iter().all(|(metric_id, exists)| {
        if *exists {
            done += 1;
            return true;
        }
        let before = done.checked_sub(1).map(|place| way[place]);
        let after = way.get(done).copied();
        let denies = |event: usize| {
            let is_same = |other: usize| events[other].0 == *metric_id;
            let (from, to) = match (before, after) {
                (None, None) => (i64::MIN, i64::MAX),
                (None, Some(after)) => (hour(after) - window, hour(after)),
                (Some(before), None) => (hour(before), hour(before) + window),
                (Some(before), Some(after)) => (hour(before), hour(after)),
            };
            let is_own = |other: Option<usize>| {
                other.is_some_and(|other| is_same(other) && hour(other) == hour(event))
            };
            let is_within = (from..=to).contains(&hour(event));
            events[event].0 == *metric_id && is_within && !is_own(before) && !is_own(after)
        };
        !(0..events.len()).any(denies)
    })
}

proptest! {
    #[test]
    fn the_search_finds_what_trying_every_way_finds(
        steps in prop::collection::vec(
            (prop::sample::select(vec!["A", "B", "C"]), prop::bool::weighted(0.7)), 1..5),
        events in prop::collection::vec(
            (prop::sample::select(vec!["A", "B", "C"]), 1_i64..40), 0..9),
        has_window in any::<bool>(),
    ) {
        let (window, hours) =
            if has_window { (json!("DAYS_1"), 24) } else { (json!(null), 1_000_000) };
        let expected = naive(hours, &steps, &events, &[]);
        let filter = segment(&one(&funnel(window, &steps)));
        let facts = person(&events);
        prop_assert_eq!(filter.evaluate(&facts, &at()), expected);
        prop_assert_eq!(filter.stand(&facts, &at()).holds, expected);
    }
}
