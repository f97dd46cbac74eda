//! The making of the index, and what takes events out of it.

use super::rows::forget_index;
use super::*;
use crate::limits;

#[test]
fn an_erased_person_leaves_no_event_and_no_entry() {
    let seeds: Vec<Seed> = (0..20).map(|n| (n % 3, n % 4, 0)).collect();
    let log = Log::of(&seeds);
    log.index(100);
    log.merge(1, 0);
    let mut erased = Vec::new();
    loop {
        let found = of_people(&log.snapshot(), [person(0), person(1)], 3).unwrap();
        let some: Vec<_> = found.iter().map(Indexed::id).collect();
        log.commit(move |tx| {
            erase(tx, &found);
            Ok(())
        });
        if some.is_empty() {
            break;
        }
        assert!(some.len() <= 3);
        erased.extend(some);
    }
    erased.sort_unstable();
    let is_theirs = |event: &&Event| [person(0), person(1)].contains(&event.profile);
    let expected: Vec<_> = log.events.iter().filter(is_theirs).map(|event| event.id).collect();
    assert_eq!(erased, expected);
    let snapshot = log.snapshot();
    assert!(erased.iter().all(|id| get(&snapshot, *id).unwrap().is_none()));
    let left = log.pages(&Selection::ALL, Order::Ascending, 7);
    assert_eq!(left.len(), 10);
    for of in 0..3 {
        let some = Selection { metric: Some(metric(of)), ..Selection::ALL };
        assert!(log.pages(&some, Order::Ascending, 7).iter().all(|id| left.contains(id)));
    }
    assert_eq!(last_event_dates(&snapshot, &[person(0)]).unwrap(), [None]);
    assert_eq!(last(&snapshot).unwrap(), log.events[19].id, "although it is gone");
}

#[test]
fn the_index_of_an_old_store_is_made_from_the_beginning() {
    let log = Log::of(&[(1, 1, 0); 5]);
    log.index(100);
    log.commit(|tx| {
        forget_index(tx);
        Ok(())
    });
    assert_eq!(indexed_to(&log.snapshot()).unwrap(), EventId::MIN);
    assert_eq!(log.pages(&Selection::ALL, Order::Ascending, 2).len(), 5);
    assert_eq!((log.index(2), log.index(2), log.index(2), log.index(2)), (2, 2, 1, 0));
    assert_eq!(indexed_to(&log.snapshot()).unwrap(), log.events[4].id);
    assert_eq!(log.pages(&Selection::ALL, Order::Ascending, 2).len(), 5);
}

#[test]
fn a_batch_that_was_read_before_another_was_written_changes_nothing() {
    let log = Log::of(&[(1, 1, 0); 4]);
    let old = rows::unindexed(&log.snapshot(), 2).unwrap().unwrap();
    log.index(4);
    log.commit(move |tx| rows::add(tx, &old));
    assert_eq!(indexed_to(&log.snapshot()).unwrap(), log.events[3].id);
}

#[test]
fn a_listing_says_when_it_is_too_early_to_ask() {
    let count = u64::try_from(limits::EVENTS_TAIL_MAX).unwrap() + 1;
    let log = Log::of(&[]);
    log.commit(move |tx| (0..count).try_for_each(|number| put(tx, event(number, (1, 1, 0)))));
    let listed = || list(&log.snapshot(), &Selection::ALL, Order::Descending, None, 1);
    assert!(matches!(listed(), Err(ReadError::Behind)));
    let newest = last_event_dates(&log.snapshot(), &[person(1)]).unwrap()[0];
    assert_eq!(newest, Some(Timestamp::from_seconds(START)));
    log.index(1);
    assert_eq!(listed().unwrap().events.len(), 1);
}

#[tokio::test]
async fn the_indexer_follows_commits_until_it_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_seconds(START));
    let (store, _) = Store::open(&directory.path().join("s.redb"), 1 << 20, clock).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = Indexer::new(store.clone()).run(stop.clone());
    let following = async {
        let mut commits = store.commits();
        for number in 0..3 {
            let new = event(number, (1, 1, 0));
            let id = new.id;
            store.commit(move |tx: &mut Tx<'_, '_>| put(tx, new)).await.unwrap();
            while indexed_to(&store.snapshot().unwrap()).unwrap() < id {
                commits.changed().await.unwrap();
            }
        }
        stop.cancel();
    };
    tokio::join!(running, following);
}
