//! Lanes whose webhooks change while work is queued, under way or being scanned for.

use super::*;

/// A scan from the beginning, as the worker makes one where it is wanted; whether it was.
fn whole_scan(lanes: &mut Lanes, rows: &[(WebhookId, Ready, Phase)]) -> bool {
    let Some(_) = lanes.start_scan() else { return false };
    lanes.watch_records();
    for (webhook, ready, phase) in rows {
        lanes.offer(*webhook, *ready, *phase, NOW);
    }
    lanes.end_scan();
    lanes.unwatch_records();
    true
}

/// Lanes in which a scan is under way for OTHER, past all that HOOK has.
fn lanes_in_a_scan(hook: LaneRules) -> Lanes {
    let mut lanes = lanes();
    lanes.configure(HOOK, hook, NOW);
    whole_scan(&mut lanes, &[]);
    for number in 1..=3 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    for number in 10..=1_100 {
        lanes.announce(OTHER, ready(number), NOW);
    }
    drain(&mut lanes, OTHER);
    assert!(matches!(lanes.start_scan(), Some(Some(_))));
    lanes
}

#[test]
fn a_webhook_that_changes_during_a_scan_is_served_by_the_next() {
    let mut lanes = lanes_in_a_scan(RULES);
    lanes.configure(HOOK, LaneRules { is_held: true, ..RULES }, NOW);
    for number in 1_034..=1_100 {
        lanes.offer(OTHER, ready(number), Phase::Fresh, NOW);
    }
    lanes.end_scan();
    lanes.configure(HOOK, RULES, NOW);
    let rows: Vec<_> = (1..=3).map(|number| (HOOK, ready(number), Phase::Fresh)).collect();
    assert!(whole_scan(&mut lanes, &rows));
    assert_eq!(drain(&mut lanes, HOOK), [1, 2, 3]);
}

#[test]
fn a_later_row_that_a_scan_meets_does_not_hide_those_before() {
    let mut lanes = lanes_in_a_scan(RULES);
    let skip_before = Some(DeliveryId::from_u128(1));
    lanes.configure(HOOK, LaneRules { skip_before, ..RULES }, NOW);
    lanes.offer(HOOK, ready(1_200), Phase::Fresh, NOW);
    lanes.end_scan();
    let rows: Vec<_> = [1, 2, 3, 1_200].map(|of| (HOOK, ready(of), Phase::Fresh)).to_vec();
    assert!(whole_scan(&mut lanes, &rows));
    assert_eq!(drain(&mut lanes, HOOK), [1, 2, 3, 1_200]);
}

#[test]
fn an_ordered_webhook_that_goes_on_during_a_scan_learns_from_the_next() {
    let ordered = LaneRules { ordering: Ordering::ByProfile, ..RULES };
    let mut lanes = lanes_in_a_scan(LaneRules { is_held: true, ..ordered });
    lanes.configure(HOOK, ordered, NOW);
    lanes.end_scan();
    let rows = [Phase::Due, Phase::Behind, Phase::Fresh];
    let rows: Vec<_> = (1..).zip(rows).map(|(of, phase)| (HOOK, about(7, of), phase)).collect();
    assert!(whole_scan(&mut lanes, &rows));
    assert_eq!(lanes.take(HOOK, NOW), None, "the first waits for its retry");
    assert_eq!(lanes.standing(HOOK).blocked_keys, 1);
}

#[test]
fn a_lane_is_not_behind_for_what_was_cancelled() {
    let mut lanes = lanes();
    lanes.configure(HOOK, LaneRules { is_held: true, ..RULES }, NOW);
    lanes.announce(HOOK, ready(5), NOW);
    lanes.cancelled(HOOK, DeliveryId::from_u128(5), NOW);
    lanes.configure(HOOK, RULES, NOW);
    assert!(whole_scan(&mut lanes, &[]));
    assert!(!whole_scan(&mut lanes, &[]));
}

#[test]
fn a_held_lane_keeps_nobody_busy() {
    let mut lanes = lanes();
    lanes.configure(HOOK, LaneRules { is_held: true, ..RULES }, NOW);
    lanes.announce(HOOK, ready(1), NOW);
    lanes.offer_retry(HOOK, retry(2), NOW);
    assert!(!lanes.need_the_loop());
    for number in 10..=3_000 {
        lanes.announce(OTHER, ready(number), NOW);
    }
    drain(&mut lanes, OTHER);
    assert!(lanes.start_scan().is_some());
    for number in 1_034..=3_000 {
        lanes.offer(OTHER, ready(number), Phase::Fresh, NOW);
    }
    assert!(!lanes.scan_is_wanted(), "one is full, the other is held");
}

#[test]
fn what_is_resent_before_its_last_result_is_told_is_sent_again() {
    let mut lanes = lanes();
    lanes.offer_retry(HOOK, retry(1), NOW);
    let taken = lanes.take(HOOK, NOW).expect("it is due");
    lanes.end(HOOK, Verdict::Ill);
    lanes.resend(HOOK, retry(1), NOW);
    lanes.recorded(HOOK, &taken, false);
    lanes.wake_after_record(HOOK, (taken.id, false), NOW);
    assert_eq!(lanes.take(HOOK, NOW), Some(retry(1)));
}

#[test]
fn a_retry_that_is_recorded_while_its_lane_learns_holds_its_key() {
    let strict = LaneRules { ordering: Ordering::Strict, ..RULES };
    let mut lanes = lanes();
    lanes.configure(HOOK, strict, NOW);
    whole_scan(&mut lanes, &[]);
    for number in 1..=2 {
        lanes.announce(HOOK, ready(number), NOW);
    }
    let taken = lanes.take(HOOK, NOW).expect("nothing keeps it");
    lanes.configure(HOOK, LaneRules { is_held: true, ..strict }, NOW);
    lanes.configure(HOOK, strict, NOW);
    assert_eq!(lanes.start_scan(), Some(None));
    lanes.watch_records();
    lanes.end(HOOK, Verdict::Refusal);
    lanes.recorded(HOOK, &taken, true);
    for number in 1..=2 {
        lanes.offer(HOOK, ready(number), Phase::Fresh, NOW);
    }
    lanes.end_scan();
    lanes.unwatch_records();
    assert_eq!(lanes.take(HOOK, NOW), None, "the first waits for its retry");
}
