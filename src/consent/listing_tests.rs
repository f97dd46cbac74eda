//! Listing people by since when mail to them is held back: once, in every order and page size.

use std::ops::Bound;

use redb::backends::InMemoryBackend;

use super::listing::NoPlace;
use super::*;
use crate::clock::Clock;
use crate::id::ProfileId;
use crate::limits;
use crate::profile::{ProfilePatch, create};
use crate::store::{Order, Snapshot, Store, StoreError, WriterHandle};

const EVER: (Bound<Timestamp>, Bound<Timestamp>) = (Bound::Unbounded, Bound::Unbounded);
const BOUNCE: Reason = Reason::HardBounce;
const USER: Reason = Reason::UserSuppressed;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn list(id: &str) -> GroupId {
    id.parse().unwrap()
}

fn held(reasons: &[(Reason, i64)], of_lists: &[(GroupId, i64)]) -> Consents {
    let mut consents = Consents::default();
    for (reason, second) in reasons {
        consents.suppressions.push(Suppression { reason: *reason, at: at(*second) });
    }
    for (list, second) in of_lists {
        let (list, reason, at) = (*list, Reason::Unsubscribe, at(*second));
        consents.list_suppressions.push(ListSuppression { list, reason, at });
    }
    consents
}

/// A store with a person for each of these, in the order of their ids.
async fn world(everyone: Vec<Consents>) -> (Store, WriterHandle, Vec<ProfileId>) {
    let clock = Clock::manual(Timestamp::from_seconds(1_788_529_135));
    let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
    let made = store.commit(move |tx| {
        let mut ids = Vec::new();
        for number in 0..everyone.len() {
            let body = format!(
                r#"{{"data":{{"type":"profile","attributes":{{"external_id":"{number}"}}}}}}"#
            );
            let patch = ProfilePatch::of_new(body.as_bytes()).unwrap();
            ids.push(create(tx, &patch).unwrap().id);
        }
        ids.sort_unstable();
        for (id, consents) in ids.iter().zip(&everyone) {
            put(tx, *id, &Consents::default(), consents)?;
        }
        Ok(ids)
    });
    let ids = made.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    (store, writer, ids)
}

fn ids(from: &Snapshot, listing: &Listing) -> Vec<ProfileId> {
    let (mut ids, mut listing) = (Vec::new(), listing.clone());
    loop {
        let (people, next) = people(from, &listing, |_, _| Ok(true)).unwrap();
        assert!(people.len() <= listing.size);
        ids.extend(people.into_iter().map(|person| person.id));
        let Some(next) = next else { return ids };
        // Cursors go out as text and come back.
        assert_eq!(next.to_string().parse(), Ok(next));
        listing.after = Some(next);
    }
}

#[tokio::test]
async fn people_are_listed_once_in_every_order_and_page_size() {
    let (a, b) = (list("AAAAAA"), list("BBBBBB"));
    let (store, writer, made) = world(vec![
        held(&[(BOUNCE, 10), (USER, 50)], &[(a, 5)]),
        held(&[(USER, 20)], &[(a, 7), (b, 3)]),
        held(&[(USER, 20), (BOUNCE, 20)], &[]),
        held(&[(USER, 5), (BOUNCE, 40)], &[(b, 9)]),
        held(&[], &[]),
        held(&[], &[(b, 9)]),
        held(&[(USER, 1)], &[(a, 1)]),
    ])
    .await;
    // Who is no more held back leaves the index.
    let freed = made[6];
    let done = store.commit(move |tx| erase(tx, freed));
    done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    let from = store.snapshot().unwrap();
    let from_10_to_40 = (Bound::Included(at(10)), Bound::Excluded(at(40)));
    let behind_20 = (Bound::Excluded(at(20)), Bound::Included(at(40)));
    let (up, down) = (Order::Ascending, Order::Descending);
    for (of, reason, within, order, expected) in [
        (Of::Everything, None, EVER, up, &[3, 0, 1, 2][..]),
        (Of::Everything, None, EVER, down, &[0, 3, 2, 1]),
        (Of::Everything, Some(USER), EVER, up, &[3, 1, 2, 0]),
        (Of::Everything, Some(BOUNCE), EVER, down, &[3, 2, 0]),
        (Of::Everything, None, from_10_to_40, up, &[0, 1, 2]),
        (Of::Everything, Some(BOUNCE), from_10_to_40, down, &[2, 0]),
        (Of::Everything, None, behind_20, up, &[3]),
        (Of::Everything, Some(Reason::InvalidEmail), EVER, up, &[]),
        (Of::List(a), None, EVER, up, &[0, 1]),
        (Of::AnyList, None, EVER, up, &[1, 0, 3, 5]),
        (Of::AnyList, Some(Reason::Unsubscribe), EVER, down, &[5, 3, 1, 0]),
        (Of::AnyList, Some(USER), EVER, up, &[]),
    ] {
        let wanted = Wanted { of, reason, within };
        let held: Vec<_> = expected.iter().map(|number| made[*number]).collect();
        let mut others: Vec<_> = made.clone();
        others.retain(|id| !held.contains(id));
        if order == down {
            others.reverse();
        }
        let everyone = [held.clone(), others].concat();
        for size in [1, 2, 10] {
            let (among, after) = (None, None);
            let listing = Listing { wanted, order, with_others: false, among, after, size };
            assert_eq!(ids(&from, &listing), held, "{listing:?}");
            let with_others = Listing { with_others: true, ..listing };
            assert_eq!(ids(&from, &with_others), everyone, "{with_others:?}");
            // The same of some of them.
            let some = vec![made[4], made[3], made[0], made[3], ProfileId::from_u128(3)];
            let mut rest = everyone.clone();
            rest.retain(|id| some.contains(id));
            let named = Listing { among: Some(some), ..with_others };
            assert_eq!(ids(&from, &named), rest, "{named:?}");
        }
        let mut named = few(&from, &wanted, 10).unwrap().unwrap();
        named.sort_unstable();
        named.dedup();
        let mut held = held;
        held.sort_unstable();
        assert_eq!(named, held, "{wanted:?}");
    }
    let of_two = Wanted { of: Of::List(a), reason: None, within: EVER };
    assert!(few(&from, &of_two, 2).unwrap().is_some());
    assert_eq!(few(&from, &of_two, 1).unwrap(), None);
    drop((from, store));
    writer.join().unwrap();
}

#[tokio::test]
async fn a_run_longer_than_one_read_goes_on() {
    let most = i64::try_from(limits::SUPPRESSIONS_READ_AT_ONCE).unwrap();
    // Two reasons side by side, of which one is read thrice while the other is read once.
    let mut everyone: Vec<_> = (0..3 * most).map(|second| held(&[(USER, second)], &[])).collect();
    everyone.push(held(&[(BOUNCE, most)], &[]));
    let (store, writer, made) = world(everyone).await;
    let from = store.snapshot().unwrap();
    let mut expected = made;
    let bounced = expected.pop().unwrap();
    expected.insert(limits::SUPPRESSIONS_READ_AT_ONCE + 1, bounced);
    let wanted = Wanted { of: Of::Everything, reason: None, within: EVER };
    for size in [7, 100] {
        for order in [Order::Ascending, Order::Descending] {
            let (among, after) = (None, None);
            let listing = Listing { wanted, order, with_others: true, among, after, size };
            assert_eq!(ids(&from, &listing), expected, "{order:?}");
            expected.reverse();
        }
    }
    drop((from, store));
    writer.join().unwrap();
}

#[test]
fn a_text_of_another_listing_is_no_place() {
    for text in ["", "held", "held:1", "held:x:01GDDKASAP8TKDDA2GRZDSVP4H", "id:x", "free:x"] {
        assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
    }
}
