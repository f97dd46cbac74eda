//! Who is held back, by reason and by since when: the index behind the filters of profiles.
//!
//! Its entries are written with the row that they are about. Whoever has several fitting reasons is
//! listed once, at the first of them in the order that is asked for.

use std::ops::Bound;

use super::rows::reason_number;
use super::{Consents, Reason};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::store::{Order, Read, StoreError, Table, Tx};

/// Since when, person.
type Place = (Timestamp, ProfileId);

/// Reason, since when, person.
const CONSENT_SUPPRESSIONS: Table<(u8, Place), ()> = Table::new("consent_suppressions");
/// List, reason, since when, person.
const CONSENT_LIST_SUPPRESSIONS: Table<(GroupId, (u8, Place)), ()> =
    Table::new("consent_list_suppressions");

const FIRST: ProfileId = ProfileId::from_u128(0);
const LAST: ProfileId = ProfileId::from_u128(u128::MAX);

/// Which suppressions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those of all marketing by e-mail.
    Everything,
    /// Those of one list.
    List(GroupId),
    /// Those of any list.
    AnyList,
}

/// Which people a page has.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which suppressions count.
    pub of: Of,
    /// Of one reason; `None` for any.
    pub reason: Option<Reason>,
    /// Since when they are there.
    pub within: (Bound<Timestamp>, Bound<Timestamp>),
    /// The last one of the page before.
    pub after: Option<Suppressed>,
    /// By since when.
    pub order: Order,
    /// How many, at most.
    pub most: usize,
}

/// A person who is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Who.
    pub profile: ProfileId,
    /// Since when.
    pub at: Timestamp,
}

/// Brings the index up to date with a row that was `before` and will be `after`.
pub(super) fn update(
    tx: &mut Tx<'_, '_>,
    profile: ProfileId,
    before: &Consents,
    after: &Consents,
) -> Result<(), StoreError> {
    for held in &before.suppressions {
        tx.remove(&CONSENT_SUPPRESSIONS, &(reason_number(held.reason), (held.at, profile)));
    }
    for held in &after.suppressions {
        tx.put(&CONSENT_SUPPRESSIONS, &(reason_number(held.reason), (held.at, profile)), &())?;
    }
    for held in &before.list_suppressions {
        let key = (held.list, (reason_number(held.reason), (held.at, profile)));
        tx.remove(&CONSENT_LIST_SUPPRESSIONS, &key);
    }
    for held in &after.list_suppressions {
        let key = (held.list, (reason_number(held.reason), (held.at, profile)));
        tx.put(&CONSENT_LIST_SUPPRESSIONS, &key, &())?;
    }
    Ok(())
}

/// The people of a page, each once.
///
/// # Errors
/// Where the store can not be read.
pub fn page(from: &impl Read, wanted: &Wanted) -> Result<Vec<Suppressed>, StoreError> {
    let runs = runs(from, wanted)?;
    let mut found: Vec<Suppressed> = Vec::new();
    let mut after = wanted.after;
    while found.len() < wanted.most {
        let (places, is_end) = places(from, &runs, wanted, after)?;
        for (at, profile) in &places {
            let here = Suppressed { profile: *profile, at: *at };
            let is_new = found.last() != Some(&here);
            if is_new && first_of(from, wanted, *profile)? == Some(*at) {
                found.push(here);
            }
            if found.len() == wanted.most {
                return Ok(found);
            }
        }
        if is_end {
            break;
        }
        after = places.last().map(|(at, profile)| Suppressed { profile: *profile, at: *at });
    }
    Ok(found)
}

/// A part of the index that is in the order of time.
type Run = (Option<GroupId>, u8);

/// The parts of the index that have what is wanted.
fn runs(from: &impl Read, wanted: &Wanted) -> Result<Vec<Run>, StoreError> {
    let lists = match wanted.of {
        Of::Everything => vec![None],
        Of::List(list) => vec![Some(list)],
        Of::AnyList => lists(from)?.into_iter().map(Some).collect(),
    };
    let reasons = Reason::ALL.into_iter().filter(|own| wanted.reason.is_none_or(|of| of == *own));
    let numbers: Vec<u8> = reasons.map(reason_number).collect();
    Ok(lists.iter().flat_map(|list| numbers.iter().map(move |number| (*list, *number))).collect())
}

/// The lists that the index knows, found by leaping from one to the next.
fn lists(from: &impl Read) -> Result<Vec<GroupId>, StoreError> {
    let mut lists: Vec<GroupId> = Vec::new();
    let end = (u8::MAX, (Timestamp::from_micros(i64::MAX), LAST));
    loop {
        let start = lists.last().map_or(Bound::Unbounded, |last| Bound::Excluded((*last, end)));
        let range = (start, Bound::Unbounded);
        let next = from.page(&CONSENT_LIST_SUPPRESSIONS, range, Order::Ascending, 1)?;
        let Some(((list, _), ())) = next.first() else { return Ok(lists) };
        lists.push(*list);
    }
}

/// The next places of all runs together, in order, as far as all of them were read; and whether
/// that is their end.
fn places(
    from: &impl Read,
    runs: &[Run],
    wanted: &Wanted,
    after: Option<Suppressed>,
) -> Result<(Vec<Place>, bool), StoreError> {
    let Some(range) = range(wanted, after) else { return Ok((Vec::new(), true)) };
    let is_before = |a: &Place, b: &Place| match wanted.order {
        Order::Ascending => a < b,
        Order::Descending => a > b,
    };
    let mut all: Vec<Place> = Vec::new();
    let mut horizon: Option<Place> = None;
    for run in runs {
        let read = read(from, *run, range, wanted)?;
        if let Some(last) = read.last().filter(|_| read.len() == wanted.most) {
            let is_nearer = horizon.is_none_or(|known| is_before(last, &known));
            horizon = if is_nearer { Some(*last) } else { horizon };
        }
        all.extend(read);
    }
    all.sort_unstable();
    if wanted.order == Order::Descending {
        all.reverse();
    }
    all.retain(|place| horizon.is_none_or(|horizon| !is_before(&horizon, place)));
    Ok((all, horizon.is_none()))
}

/// The places of a page, both ends included; `None` where there can be none.
fn range(wanted: &Wanted, after: Option<Suppressed>) -> Option<(Place, Place)> {
    let micro = |at: Timestamp, step: i64| Timestamp::from_micros(at.micros().saturating_add(step));
    let mut low = match wanted.within.0 {
        Bound::Included(at) => (at, FIRST),
        Bound::Excluded(at) => (micro(at, 1), FIRST),
        Bound::Unbounded => (Timestamp::from_micros(i64::MIN), FIRST),
    };
    let mut high = match wanted.within.1 {
        Bound::Included(at) => (at, LAST),
        Bound::Excluded(at) => (micro(at, -1), LAST),
        Bound::Unbounded => (Timestamp::from_micros(i64::MAX), LAST),
    };
    if let Some(Suppressed { profile, at }) = after {
        let step = |by: u128, up: bool| {
            let number = profile.as_u128();
            ProfileId::from_u128(if up {
                number.saturating_add(by)
            } else {
                number.saturating_sub(by)
            })
        };
        match wanted.order {
            Order::Ascending => low = low.max((at, step(1, true))),
            Order::Descending => high = high.min((at, step(1, false))),
        }
    }
    (low <= high).then_some((low, high))
}

fn read(
    from: &impl Read,
    (list, reason): Run,
    (low, high): (Place, Place),
    wanted: &Wanted,
) -> Result<Vec<Place>, StoreError> {
    let (order, most) = (wanted.order, wanted.most);
    let Some(list) = list else {
        let range = (Bound::Included((reason, low)), Bound::Included((reason, high)));
        let rows = from.page(&CONSENT_SUPPRESSIONS, range, order, most)?;
        return Ok(rows.into_iter().map(|((_, place), ())| place).collect());
    };
    let range = (Bound::Included((list, (reason, low))), Bound::Included((list, (reason, high))));
    let rows = from.page(&CONSENT_LIST_SUPPRESSIONS, range, order, most)?;
    Ok(rows.into_iter().map(|((_, (_, place)), ())| place).collect())
}

/// Since when the person is held back, by the first of their reasons that are wanted.
fn first_of(
    from: &impl Read,
    wanted: &Wanted,
    profile: ProfileId,
) -> Result<Option<Timestamp>, StoreError> {
    use std::ops::RangeBounds as _;
    let consents = super::get(from, profile)?;
    let of_lists = consents.list_suppressions.iter();
    let all: Vec<(Reason, Timestamp)> = match wanted.of {
        Of::Everything => consents.suppressions.iter().map(|held| (held.reason, held.at)).collect(),
        Of::List(list) => {
            of_lists.filter(|held| held.list == list).map(|held| (held.reason, held.at)).collect()
        }
        Of::AnyList => of_lists.map(|held| (held.reason, held.at)).collect(),
    };
    let fits = |(reason, at): &(Reason, Timestamp)| {
        wanted.reason.is_none_or(|of| of == *reason) && wanted.within.contains(at)
    };
    let fitting = all.into_iter().filter(fits).map(|(_, at)| at);
    Ok(match wanted.order {
        Order::Ascending => fitting.min(),
        Order::Descending => fitting.max(),
    })
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::{ListSuppression, Suppression};
    use super::*;
    use crate::clock::Clock;
    use crate::store::{Snapshot, Store};

    fn person(number: u128) -> ProfileId {
        ProfileId::from_u128(number)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn held(reasons: &[(Reason, i64)], of_lists: &[(GroupId, i64)]) -> Consents {
        let mut consents = Consents::default();
        for (reason, second) in reasons {
            consents.suppressions.push(Suppression { reason: *reason, at: at(*second) });
        }
        for (list, second) in of_lists {
            let reason = Reason::Unsubscribe;
            consents.list_suppressions.push(ListSuppression {
                list: *list,
                reason,
                at: at(*second),
            });
        }
        consents
    }

    /// Every page of `most`, one after the other.
    fn paged(snapshot: &Snapshot, wanted: Wanted) -> Vec<u128> {
        let mut numbers = Vec::new();
        let mut wanted = wanted;
        loop {
            let found = page(snapshot, &wanted).unwrap();
            numbers.extend(found.iter().map(|held| held.profile.as_u128()));
            if found.len() < wanted.most {
                return numbers;
            }
            wanted.after = found.last().copied();
        }
    }

    #[tokio::test]
    async fn people_are_listed_once_in_every_order_and_page_size() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let (a, b): (GroupId, GroupId) = ("AAAAAA".parse().unwrap(), "BBBBBB".parse().unwrap());
        let (bounce, user) = (Reason::HardBounce, Reason::UserSuppressed);
        let everyone = [
            held(&[(bounce, 10), (user, 50)], &[(a, 5)]),
            held(&[(user, 20)], &[(a, 7), (b, 3)]),
            held(&[(user, 20), (bounce, 20)], &[]),
            held(&[(user, 5), (bounce, 40)], &[(b, 9)]),
        ];
        let done = store.commit(move |tx| {
            for (number, consents) in (1..).zip(&everyone) {
                super::super::put(tx, person(number), &Consents::default(), consents)?;
            }
            // Who is no more held back leaves the index.
            let gone = held(&[(user, 1)], &[(a, 1)]);
            super::super::put(tx, person(9), &Consents::default(), &gone)?;
            super::super::erase(tx, person(9))
        });
        done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
        let snapshot = store.snapshot().unwrap();
        let all = (Bound::Unbounded, Bound::Unbounded);
        let from_10_to_40 = (Bound::Included(at(10)), Bound::Excluded(at(40)));
        let (up, down) = (Order::Ascending, Order::Descending);
        for (of, reason, within, order, expected) in [
            (Of::Everything, None, all, up, vec![4, 1, 2, 3]),
            (Of::Everything, None, all, down, vec![1, 4, 3, 2]),
            (Of::Everything, Some(user), all, up, vec![4, 2, 3, 1]),
            (Of::Everything, Some(bounce), all, down, vec![4, 3, 1]),
            (Of::Everything, None, from_10_to_40, up, vec![1, 2, 3]),
            (Of::Everything, Some(bounce), from_10_to_40, down, vec![3, 1]),
            (Of::Everything, Some(Reason::InvalidEmail), all, up, vec![]),
            (Of::List(a), None, all, up, vec![1, 2]),
            (Of::AnyList, None, all, up, vec![2, 1, 4]),
            (Of::AnyList, Some(Reason::Unsubscribe), all, down, vec![4, 2, 1]),
        ] {
            for most in [1, 2, 10] {
                let wanted = Wanted { of, reason, within, after: None, order, most };
                assert_eq!(paged(&snapshot, wanted), expected, "{wanted:?}");
            }
        }
        drop((snapshot, store));
        writer.join().unwrap();
    }
}
