//! Listings and histories against a plain reading of the log.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;

/// What there is to be found, by reading everything.
fn naive(log: &Log, merged: bool, of: &Selection, order: Order) -> Vec<EventId> {
    let now = |id: ProfileId| if merged && id == person(1) { person(0) } else { id };
    let mut found: Vec<&Event> = log.events.iter().collect();
    found.retain(|event| of.metric.is_none_or(|metric| metric == event.metric));
    found.retain(|event| of.profile.is_none_or(|wanted| now(wanted) == now(event.profile)));
    found.retain(|event| of.seconds.contains(&event.time.seconds()));
    found.sort_by_key(|event| place(event));
    if order == Order::Descending {
        found.reverse();
    }
    found.into_iter().map(|event| event.id).collect()
}

fn selections() -> impl Strategy<Value = Selection> {
    let seconds = prop_oneof![
        Just(i64::MIN..=i64::MAX),
        (-9..9_i64, -9..9_i64).prop_map(|(a, b)| START + a..=START + b),
        (-9..9_i64).prop_map(|a| START + a..=i64::MAX),
    ];
    let metric = prop::option::of((0..4_u8).prop_map(metric));
    let profile = prop::option::of((0..5_u8).prop_map(person));
    (metric, profile, seconds).prop_map(|(metric, profile, seconds)| Selection {
        metric,
        profile,
        seconds,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pages_are_what_a_plain_reading_of_the_log_finds(
        seeds in prop::collection::vec((0..3_u8, 0..4_u8, -8..8_i8), 0..60),
        more in prop::collection::vec((0..3_u8, 0..4_u8, -8..8_i8), 0..10),
        steps in prop::collection::vec(1..30_usize, 0..4),
        wanted in prop::collection::vec((selections(), any::<bool>(), 1..9_usize), 6),
        merged: bool,
    ) {
        let mut log = Log::of(&seeds);
        for most in steps {
            log.index(most);
        }
        log = log.grown(&more);
        if merged {
            log.merge(1, 0);
        }
        for (of, is_down, size) in wanted {
            let order = if is_down { Order::Descending } else { Order::Ascending };
            prop_assert_eq!(log.pages(&of, order, size), naive(&log, merged, &of, order));
            let seconds = of.seconds.clone();
            let (Some(metric), Some(who)) = (of.metric, of.profile) else { continue };
            let (mut seen, snapshot) = (Vec::new(), log.snapshot());
            let who = if merged && who == person(1) { person(0) } else { who };
            history(&snapshot, who, metric, seconds, |occurrence| {
                seen.push(occurrence.id);
                ControlFlow::Continue(())
            }).unwrap();
            let to = indexed_to(&snapshot).unwrap();
            let mut expected = naive(&log, merged, &of, Order::Descending);
            expected.retain(|id| *id <= to);
            prop_assert_eq!(seen, expected);
            let all = Selection { profile: Some(who), ..Selection::ALL };
            let newest = naive(&log, merged, &all, Order::Descending).first().map(|id| {
                log.events.iter().find(|event| event.id == *id).unwrap().time
            });
            prop_assert_eq!(last_event_dates(&snapshot, &[who]).unwrap(), [newest]);
        }
    }
}

#[test]
fn a_history_has_values_and_ends_where_the_reader_does() {
    let log = Log::of(&[(1, 1, 0), (1, 2, 5), (1, 1, 3), (1, 2, 1), (2, 1, 9)]);
    log.index(100);
    let read = |who: u8, most: usize| {
        let mut seen = Vec::new();
        let all = i64::MIN..=i64::MAX;
        history(&log.snapshot(), person(who), metric(1), all, |occurrence| {
            seen.push((occurrence.time.seconds() - START, occurrence.value));
            if seen.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .unwrap();
        seen
    };
    assert_eq!(read(1, 9), [(3, Some(2.0)), (0, Some(0.0))]);
    assert_eq!(read(1, 1), [(3, Some(2.0))]);
    log.merge(1, 2);
    assert_eq!(read(2, 9), [(5, None), (3, Some(2.0)), (1, None), (0, Some(0.0))]);
    assert_eq!(read(2, 3), [(5, None), (3, Some(2.0)), (1, None)]);
}

#[test]
fn the_events_of_a_merged_person_are_read_as_theirs_whom_they_became() {
    let log = Log::of(&[(1, 1, 0), (1, 2, 1)]);
    log.merge(1, 2);
    let snapshot = log.snapshot();
    let (first, last_id) = (log.events[0].id, log.events[1].id);
    assert_eq!(get(&snapshot, first).unwrap().unwrap().profile, person(2));
    let all = page(&snapshot, EventId::MIN, last_id, 9).unwrap();
    assert_eq!(all.iter().map(|event| event.profile).collect::<Vec<_>>(), [person(2); 2]);
}
