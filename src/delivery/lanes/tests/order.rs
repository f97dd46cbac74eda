//! What ordered lanes keep in order, whatever ends, fails or changes.

use super::*;

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
    lanes.end_scan();
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
    lanes.end_scan();
    let taken: Vec<_> = std::iter::from_fn(|| lanes.take(HOOK, NOW)).collect();
    assert_eq!(taken, [about(3, 5)], "the others wait behind their profiles");
    assert_eq!(lanes.take_to_store().len(), 2);
    assert_eq!(lanes.standing(HOOK).blocked_keys, 2);
}
