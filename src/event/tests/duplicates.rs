//! The duplicate check and people who were merged.

use std::time::Duration;

use super::*;

#[test]
fn what_a_merged_person_did_is_not_recorded_again_of_whom_they_became() {
    let log = Log::of(&[(1, 1, 0), (1, 2, 0)]);
    let window = Duration::from_secs(3_600);
    let before = UniqueIds::load(&log.snapshot(), window).unwrap();
    let find = |unique: &UniqueIds, who: u8, unique_id: &'static str| {
        let unique = unique.clone();
        log.commit(move |tx| {
            unique.find(tx, UniqueKey { profile: person(who), metric: metric(1), unique_id })
        })
    };
    assert_eq!(find(&before, 2, "0"), None);
    assert_eq!(find(&before, 2, "1"), Some(log.events[1].id));
    log.merge(1, 2);
    let after = UniqueIds::load(&log.snapshot(), window).unwrap();
    for unique in [&before, &after] {
        assert_eq!(find(unique, 2, "0"), Some(log.events[0].id), "as after a restart");
        assert_eq!(find(unique, 2, "1"), Some(log.events[1].id));
        assert_eq!(find(unique, 2, "2"), None);
    }
}
