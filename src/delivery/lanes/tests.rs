//! What lanes give out, and in which order.

use std::time::Duration;

use super::*;
use crate::delivery::Phase;
use crate::webhook::Ordering;

const HOOK: WebhookId = WebhookId::from_u128(1);
const OTHER: WebhookId = WebhookId::from_u128(2);

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const RULES: LaneRules = LaneRules {
    concurrency: 4,
    interval: Duration::ZERO,
    ordering: Ordering::None,
    is_held: false,
};

fn ready(number: u128) -> Ready {
    about(0, number)
}

/// A delivery about a profile.
fn about(profile: u128, number: u128) -> Ready {
    let event = Some(EventId::from_u64(1));
    Ready { id: DeliveryId::from_u128(number), event, key: profile, since: NOW }
}

fn retry(number: u128) -> Ready {
    Ready { event: None, ..ready(number) }
}

impl Lanes {
    fn end(&mut self, webhook: WebhookId, verdict: Verdict) -> Health {
        self.release(webhook, verdict, None, NOW)
    }
}

/// Lanes whose first scan is over.
fn lanes() -> Lanes {
    let mut lanes = Lanes::new(RULES);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.end_scan(None);
    lanes
}

/// Takes and finishes everything that is ready, as a fast receiver would.
fn drain(lanes: &mut Lanes, webhook: WebhookId) -> Vec<u128> {
    let mut taken = Vec::new();
    while let Some(ready) = lanes.take(webhook, NOW) {
        taken.push(ready.id.as_u128());
        lanes.end(webhook, Verdict::Well);
    }
    taken
}

/// Scans an outbox that holds `rows`, as the worker does.
fn scan(lanes: &mut Lanes, rows: &[(WebhookId, u128)]) {
    while let Some(from) = lanes.start_scan() {
        let from = from.map_or(0, DeliveryId::as_u128);
        let mut end = None;
        for (webhook, number) in rows.iter().filter(|(_, number)| *number > from) {
            lanes.offer(*webhook, ready(*number), Phase::Fresh, NOW);
            end = Some(DeliveryId::from_u128(*number));
            if !lanes.scan_is_wanted() {
                return;
            }
        }
        lanes.end_scan(end);
    }
}

#[test]
fn a_lane_that_overflowed_gets_every_row_once_and_in_order() {
    let mut lanes = lanes();
    let rows: Vec<_> = (1..=5_000).map(|number| (HOOK, number)).collect();
    for (webhook, number) in &rows {
        lanes.announce(*webhook, ready(*number), NOW);
    }
    let mut taken = Vec::new();
    loop {
        let some = drain(&mut lanes, HOOK);
        if some.is_empty() {
            break;
        }
        taken.extend(some);
        let left: Vec<_> = rows.iter().filter(|(_, n)| !taken.contains(n)).copied().collect();
        scan(&mut lanes, &left);
    }
    assert_eq!(taken, (1..=5_000).collect::<Vec<_>>());
    lanes.announce(HOOK, ready(6_000), NOW);
    assert_eq!(drain(&mut lanes, HOOK), [6_000], "no longer behind");
}

#[test]
fn what_was_announced_during_a_scan_is_not_forgotten() {
    let mut lanes = Lanes::new(RULES);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.offer(HOOK, ready(1), Phase::Fresh, NOW);
    // Committed after the scan's snapshot was taken.
    lanes.announce(HOOK, ready(2), NOW);
    lanes.end_scan(Some(DeliveryId::from_u128(1)));
    assert_eq!(drain(&mut lanes, HOOK), [1]);
    scan(&mut lanes, &[(HOOK, 2)]);
    assert_eq!(drain(&mut lanes, HOOK), [2]);
}

#[test]
fn a_full_lane_does_not_keep_another_from_its_rows() {
    let mut lanes = lanes();
    for number in 1..=2_000 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    lanes.announce(OTHER, ready(2_001), NOW);
    assert_eq!(drain(&mut lanes, OTHER), [2_001]);
}

fn count(lanes: &mut Lanes, now: Timestamp) -> usize {
    std::iter::from_fn(|| lanes.take(HOOK, now)).count()
}

#[test]
fn the_window_grows_with_successes_and_halves_with_failures() {
    let mut lanes = Lanes::new(LaneRules { concurrency: 16, ..RULES });
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.end_scan(None);
    for number in 1..=100 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    assert_eq!(count(&mut lanes, NOW), limits::WINDOW_FIRST);
    for _ in 0..limits::WINDOW_FIRST {
        assert_eq!(lanes.end(HOOK, Verdict::Well), Health::AsBefore);
    }
    assert_eq!(count(&mut lanes, NOW), 2 * limits::WINDOW_FIRST);
    assert_eq!(lanes.end(HOOK, Verdict::Ill), Health::BeganToFail);
    for _ in 1..2 * limits::WINDOW_FIRST {
        lanes.end(HOOK, Verdict::Refusal);
    }
    // Halved to four, and one more for each of seven answers.
    assert_eq!(count(&mut lanes, NOW), 11);
}

#[test]
fn an_endpoint_that_keeps_failing_is_left_alone_and_probed() {
    let mut lanes = lanes();
    for number in 1..=100 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    let mut healths = Vec::new();
    for _ in 0..limits::BREAKER_FAILURES {
        assert!(lanes.take(HOOK, NOW).is_some());
        healths.push(lanes.end(HOOK, Verdict::Ill));
    }
    assert_eq!(healths.first(), Some(&Health::BeganToFail));
    assert_eq!(healths.last(), Some(&Health::Opened));
    while lanes.next_runnable().is_some() {}
    assert_eq!(lanes.take(HOOK, NOW), None);
    let probe_at = NOW.plus(limits::BREAKER_PAUSE_FIRST);
    assert_eq!(lanes.fire(NOW), Some(probe_at));
    assert_eq!(lanes.next_runnable(), None);
    lanes.fire(probe_at);
    assert_eq!(lanes.next_runnable(), Some(HOOK));
    assert_eq!(count(&mut lanes, probe_at), 1, "one probe");
    let health = lanes.release(HOOK, Verdict::Well, None, probe_at);
    assert_eq!(health, Health::Recovered(limits::BREAKER_FAILURES));
    assert!(count(&mut lanes, probe_at) > 0);
}

#[test]
fn a_busy_endpoint_that_names_no_time_only_gets_a_smaller_window() {
    let mut lanes = lanes();
    for number in 1..=10 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    assert_eq!(count(&mut lanes, NOW), 4);
    for verdict in [Verdict::Busy, Verdict::Silent, Verdict::Silent, Verdict::Silent] {
        lanes.end(HOOK, verdict);
    }
    assert_eq!(count(&mut lanes, NOW), 2);
}

#[test]
fn a_busy_endpoint_is_left_alone_for_as_long_as_it_asks() {
    for (asked, waits) in [
        (Duration::from_secs(90), Duration::from_secs(90)),
        (Duration::from_secs(86_400), limits::BUSY_PAUSE_MAX),
    ] {
        let mut lanes = lanes();
        for number in 1..=10 {
            lanes.announce(HOOK, ready(number), NOW);
        }
        assert!(lanes.take(HOOK, NOW).is_some());
        lanes.release(HOOK, Verdict::Busy, Some(NOW.plus(asked)), NOW);
        while lanes.next_runnable().is_some() {}
        assert_eq!(lanes.take(HOOK, NOW), None);
        assert_eq!(lanes.fire(NOW), Some(NOW.plus(waits)));
        assert!(lanes.take(HOOK, NOW.plus(waits)).is_some());
    }
}

#[test]
fn a_rate_spaces_attempts_evenly() {
    let mut lanes = lanes();
    let second = Duration::from_secs(1);
    lanes.configure(HOOK, LaneRules { interval: second, ..RULES }, NOW);
    for number in 1..=10 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    for step in 0..4 {
        let now = NOW.plus(second * step);
        lanes.fire(now);
        while lanes.next_runnable().is_some() {}
        assert_eq!(count(&mut lanes, now), 1, "at {step} s");
        assert_eq!(lanes.fire(now), Some(now.plus(second)));
        lanes.release(HOOK, Verdict::Well, None, now);
    }
}

#[test]
fn when_all_slots_are_taken_each_lane_still_has_one() {
    let mut lanes = lanes();
    let hook = |number: usize| WebhookId::from_u128(1_000 + number as u128);
    let full = limits::ATTEMPTS_AT_ONCE_MAX / limits::WINDOW_FIRST;
    for number in 0..=full {
        for delivery in 1..=8 {
            lanes.announce(hook(number), ready(delivery), NOW);
        }
        while lanes.take(hook(number), NOW).is_some() {}
    }
    assert_eq!(lanes.active, limits::ATTEMPTS_AT_ONCE_MAX + 1);
    while lanes.next_runnable().is_some() {}
    lanes.release(hook(0), Verdict::Well, None, NOW);
    lanes.release(hook(1), Verdict::Well, None, NOW);
    assert!(lanes.runnable.contains(&hook(full)), "the one that had to wait is next");
}

#[test]
fn retries_take_turns_with_fresh_ones_and_come_once() {
    let mut lanes = lanes();
    for number in 1..=8 {
        lanes.announce(HOOK, ready(number), NOW);
        lanes.offer_retry(HOOK, retry(100 + number), NOW);
        lanes.offer_retry(HOOK, retry(100 + number), NOW);
    }
    let taken = drain(&mut lanes, HOOK);
    assert_eq!(taken.len(), 16);
    assert_eq!(taken.iter().take(8).filter(|number| **number > 100).count(), 2);
    lanes.offer_retry(HOOK, retry(101), NOW);
    assert!(drain(&mut lanes, HOOK).is_empty(), "known until recorded");
    lanes.recorded(HOOK, &retry(101), true);
    lanes.offer_retry(HOOK, retry(101), NOW);
    assert_eq!(drain(&mut lanes, HOOK), [101]);
}

#[test]
fn a_scan_does_not_bring_back_a_retry_that_was_recorded_since_it_began() {
    let mut lanes = lanes();
    lanes.offer_retry(HOOK, retry(7), NOW);
    assert_eq!(drain(&mut lanes, HOOK), [7]);
    lanes.start_retry_scan();
    lanes.recorded(HOOK, &retry(7), true);
    lanes.offer_retry(HOOK, retry(7), NOW);
    assert!(drain(&mut lanes, HOOK).is_empty(), "the snapshot is older than the record");
    lanes.end_retry_scan();
    lanes.offer_retry(HOOK, retry(7), NOW);
    assert_eq!(drain(&mut lanes, HOOK), [7], "due again, by a later scan");
}

#[test]
fn retries_without_room_are_read_again_from_the_first_that_was_left() {
    let mut lanes = lanes();
    let most = limits::RETRY_LANE_MAX as u128;
    let due = |number: u128| Ready {
        since: NOW.plus(Duration::from_secs(number as u64)),
        ..retry(number)
    };
    for number in 1..=2 * most {
        lanes.offer_retry(HOOK, due(number), NOW);
    }
    assert_eq!(lanes.wants_retries(), None, "it is full");
    let first = drain(&mut lanes, HOOK);
    assert_eq!(first.len() as u128, most);
    let left = due(most + 1);
    assert_eq!(lanes.wants_retries(), Some((left.since, left.id)));
    assert_eq!(lanes.wants_retries(), None, "asked for once");
    for number in 1..=2 * most {
        lanes.offer_retry(HOOK, due(number), NOW);
    }
    assert_eq!(drain(&mut lanes, HOOK), (most + 1..=2 * most).collect::<Vec<_>>());
}

#[test]
fn a_scan_brings_a_lane_nothing_that_it_took_before() {
    let mut lanes = lanes();
    let fill = limits::FRESH_LANE_MAX as u128;
    for number in 1..=fill + 1 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    for number in fill + 2..=3 * fill {
        lanes.announce(OTHER, ready(number), NOW);
    }
    assert_eq!(drain(&mut lanes, HOOK).len() as u128, fill);
    // HOOK is behind at `fill`, OTHER far after it: the scan begins before both.
    assert_eq!(lanes.start_scan(), Some(Some(DeliveryId::from_u128(fill))));
    for number in fill - 5..=fill + 1 {
        lanes.offer(HOOK, ready(number), Phase::Fresh, NOW);
    }
    assert_eq!(drain(&mut lanes, HOOK), [fill + 1]);
}

#[test]
fn a_held_lane_gives_nothing_and_a_retired_one_is_forgotten() {
    let mut lanes = lanes();
    lanes.configure(HOOK, LaneRules { is_held: true, ..RULES }, NOW);
    lanes.announce(HOOK, ready(1), NOW);
    assert_eq!((lanes.next_runnable(), lanes.take(HOOK, NOW)), (None, None));
    lanes.configure(HOOK, RULES, NOW);
    assert_eq!(lanes.next_runnable(), Some(HOOK));
    assert_eq!(drain(&mut lanes, HOOK), [1]);
    lanes.retire(HOOK, NOW);
    assert!(lanes.lanes.is_empty());
}

/// The store's part in keeping order: what waits behind a profile, and what is due.
#[derive(Default)]
struct Store {
    behind: Vec<Ready>,
    due: Vec<Ready>,
}

impl Store {
    /// One turn of the worker.
    fn turn(&mut self, lanes: &mut Lanes) {
        for ready in self.due.drain(..) {
            lanes.offer_retry(HOOK, ready, NOW);
        }
        let stored = lanes.take_to_store();
        self.behind.extend(stored.iter().map(|(_, ready)| *ready));
        self.behind.sort_unstable_by_key(|ready| ready.id);
        lanes.stored(&stored);
        for (webhook, key) in lanes.take_idle_keys() {
            let first = self.behind.iter().find(|ready| ready.key == key).copied();
            lanes.bring_back(webhook, key, first, NOW);
        }
    }
}

/// Sends 400 deliveries about 7 profiles to an endpoint that fails now and then, many at a time,
/// and returns them as they succeeded.
fn sent_in_order(ordering: Ordering) -> Vec<Ready> {
    let mut lanes = Lanes::new(LaneRules { ordering, concurrency: 16, ..RULES });
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.end_scan(None);
    for number in 1..=400_u128 {
        lanes.announce(HOOK, about(1 + number * number % 7, number), NOW);
    }
    let (mut store, mut under_way, mut done) = (Store::default(), Vec::new(), Vec::new());
    for step in 0_usize.. {
        store.turn(&mut lanes);
        while let Some(ready) = lanes.take(HOOK, NOW) {
            under_way.push(ready);
        }
        if under_way.is_empty() {
            break;
        }
        // Attempts end in no particular order; every fifth fails, and is due again.
        let ended = under_way.swap_remove((step * 7) % under_way.len());
        let fails = step % 5 == 0;
        lanes.end(HOOK, if fails { Verdict::Refusal } else { Verdict::Well });
        store.behind.retain(|ready| ready.id != ended.id);
        lanes.recorded(HOOK, &ended, fails);
        if fails {
            store.due.push(ended);
        } else {
            done.push(ended);
        }
    }
    done
}

#[test]
fn of_one_profile_nothing_overtakes() {
    let done = sent_in_order(Ordering::ByProfile);
    assert_eq!(done.len(), 400);
    for profile in 1..=7 {
        let of_one: Vec<_> = done.iter().filter(|ready| ready.key == profile).collect();
        assert!(of_one.is_sorted_by_key(|ready| ready.id), "profile {profile}");
    }
    assert!(!done.is_sorted_by_key(|ready| ready.id), "profiles do not wait for each other");
}

#[test]
fn strictly_nothing_overtakes_at_all() {
    let done = sent_in_order(Ordering::Strict);
    assert_eq!(done.len(), 400);
    assert!(done.is_sorted_by_key(|ready| ready.id));
}

#[test]
fn after_a_start_keys_are_held_by_what_the_store_shows() {
    let mut lanes = Lanes::new(LaneRules { ordering: Ordering::ByProfile, ..RULES });
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.offer(HOOK, about(1, 1), Phase::Due, NOW);
    lanes.offer(HOOK, about(2, 2), Phase::Behind, NOW);
    for number in 3..=5 {
        lanes.offer(HOOK, about(number - 2, number), Phase::Fresh, NOW);
    }
    lanes.end_scan(Some(DeliveryId::from_u128(5)));
    let taken: Vec<_> = std::iter::from_fn(|| lanes.take(HOOK, NOW)).collect();
    assert_eq!(taken, [about(3, 5)], "the others wait behind their profiles");
    assert_eq!(lanes.take_to_store().len(), 2);
    assert_eq!(lanes.standing(HOOK).blocked_keys, 2);
}
