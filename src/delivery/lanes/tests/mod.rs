//! What lanes give out, and in which order.

mod changes;
mod order;

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
    skip_before: None,
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
    lanes.end_scan();
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
        for (webhook, number) in rows.iter().filter(|(_, number)| *number > from) {
            lanes.offer(*webhook, ready(*number), Phase::Fresh, NOW);
            if !lanes.scan_is_wanted() {
                return;
            }
        }
        lanes.end_scan();
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
    lanes.end_scan();
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
    lanes.end_scan();
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
    lanes.watch_records();
    lanes.recorded(HOOK, &retry(7), true);
    lanes.offer_retry(HOOK, retry(7), NOW);
    assert!(drain(&mut lanes, HOOK).is_empty(), "the snapshot is older than the record");
    lanes.unwatch_records();
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
    assert_eq!(lanes.wants_retries(), [], "it is full");
    let first = drain(&mut lanes, HOOK);
    assert_eq!(first.len() as u128, most);
    let left = due(most + 1);
    assert_eq!(lanes.wants_retries(), [(HOOK, (left.since, left.id))]);
    assert_eq!(lanes.wants_retries(), [], "asked for once");
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
    assert_eq!(lanes.total, 0, "what is held waits in the store, not in memory");
    lanes.configure(HOOK, RULES, NOW);
    scan(&mut lanes, &[(HOOK, 1)]);
    assert_eq!(lanes.next_runnable(), Some(HOOK));
    assert_eq!(drain(&mut lanes, HOOK), [1]);
    assert_eq!(lanes.wants_retries().len(), 1, "what is due is read again, too");
    lanes.retire(HOOK, NOW);
    assert!(lanes.lanes.is_empty());
}

#[test]
fn a_commit_that_a_scan_saw_first_is_sent_once() {
    let mut lanes = Lanes::new(RULES);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.offer(HOOK, ready(1), Phase::Fresh, NOW);
    lanes.end_scan();
    // The writer tells of its commit after readers could see it.
    lanes.announce(HOOK, ready(1), NOW);
    assert_eq!(drain(&mut lanes, HOOK), [1]);
}

#[test]
fn what_was_announced_and_not_taken_keeps_its_lane_behind() {
    let mut lanes = Lanes::new(RULES);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.offer(HOOK, ready(1), Phase::Fresh, NOW);
    lanes.announce(HOOK, ready(5), NOW);
    // The scan had passed the place of 5, and went on further.
    lanes.offer(OTHER, ready(9), Phase::Fresh, NOW);
    lanes.end_scan();
    assert_eq!(drain(&mut lanes, HOOK), [1]);
    scan(&mut lanes, &[(HOOK, 5)]);
    assert_eq!(drain(&mut lanes, HOOK), [5]);
}

#[test]
fn a_webhook_that_becomes_ordered_learns_what_is_on_its_way() {
    let mut lanes = lanes();
    for number in 1..=4 {
        lanes.announce(HOOK, about(7, number), NOW);
    }
    let first = lanes.take(HOOK, NOW).expect("nothing keeps it");
    lanes.configure(HOOK, LaneRules { ordering: Ordering::Strict, ..RULES }, NOW);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.watch_records();
    for number in 1..=4 {
        lanes.offer(HOOK, about(7, number), Phase::Fresh, NOW);
    }
    lanes.end_scan();
    lanes.unwatch_records();
    assert_eq!(lanes.take(HOOK, NOW), None, "one is under way");
    lanes.end(HOOK, Verdict::Well);
    lanes.recorded(HOOK, &first, false);
    assert_eq!(lanes.take(HOOK, NOW), Some(about(7, 2)));
}

#[test]
fn a_finished_delivery_that_an_old_snapshot_shows_holds_no_key() {
    let mut lanes = Lanes::new(LaneRules { ordering: Ordering::Strict, ..RULES });
    lanes.offer_retry(HOOK, retry(1), NOW);
    assert!(lanes.take(HOOK, NOW).is_some());
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.watch_records();
    lanes.end(HOOK, Verdict::Well);
    lanes.recorded(HOOK, &retry(1), false);
    lanes.offer(HOOK, retry(1), Phase::Due, NOW);
    lanes.offer(HOOK, ready(2), Phase::Fresh, NOW);
    lanes.end_scan();
    lanes.unwatch_records();
    assert_eq!(lanes.take(HOOK, NOW), Some(ready(2)));
}

#[test]
fn a_skipped_retry_need_not_wait_for_its_time() {
    let mut lanes = lanes();
    let skip_before = Some(DeliveryId::from_u128(100));
    lanes.configure(HOOK, LaneRules { skip_before, ..RULES }, NOW);
    assert_eq!(lanes.start_scan(), Some(None));
    assert_eq!(lanes.wants_retries().len(), 1);
    lanes.offer(HOOK, retry(7), Phase::Due, NOW);
    lanes.end_scan();
    assert_eq!(lanes.take(HOOK, NOW).map(|ready| ready.id), Some(DeliveryId::from_u128(7)));
}

#[test]
fn a_cancelled_delivery_is_not_sent_and_frees_its_key() {
    let mut lanes = lanes();
    lanes.configure(HOOK, LaneRules { ordering: Ordering::Strict, ..RULES }, NOW);
    scan(&mut lanes, &[]);
    for number in 1..=3 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    let first = lanes.take(HOOK, NOW).expect("nothing keeps it");
    lanes.end(HOOK, Verdict::Refusal);
    lanes.recorded(HOOK, &first, true);
    assert_eq!(lanes.take(HOOK, NOW), None, "it waits for its retry");
    lanes.cancelled(HOOK, DeliveryId::from_u128(2), NOW);
    lanes.cancelled(HOOK, first.id, NOW);
    assert_eq!(lanes.take(HOOK, NOW), Some(ready(3)));
}
