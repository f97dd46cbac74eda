//! Who belongs to which group of people, and since when: the members of lists and of segments.
//!
//! Lists and segments share their ids and these tables; who may join and leave, and what follows
//! from it, is for those who call. How many members a group has is counted as they come and go.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Group, person → since when.
const GROUP_MEMBERS: Table<(GroupId, ProfileId), MemberRow> = Table::new("group_members");
/// Group, since when, person: the members in the order in which they joined.
const GROUP_JOINED: Table<(GroupId, (Timestamp, ProfileId)), ()> = Table::new("group_joined");
/// Every id that belongs to a list or a segment, also while it is being removed.
const GROUPS: Table<GroupId, ()> = Table::new("groups");
const GROUP_COUNTS: Table<GroupId, CountRow> = Table::new("group_counts");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct MemberRow {
    joined_micros: i64,
}

impl Row for MemberRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct CountRow {
    members: u64,
}

impl Row for CountRow {
    const SCHEMA: u8 = 1;
}

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub profile: ProfileId,
    /// Since when.
    pub joined: Timestamp,
}

/// An id that no list and no segment has, which is taken from now on.
///
/// # Errors
/// Where the store fails.
pub fn claim(tx: &mut Tx<'_, '_>) -> Result<GroupId, StoreError> {
    loop {
        let id = GroupId::from_random(tx.random()?);
        if tx.get(&GROUPS, &id)?.is_none() {
            tx.put(&GROUPS, &id, &())?;
            return Ok(id);
        }
    }
}

/// Every list and segment, also those that are being removed.
///
/// # Errors
/// Where the store can not be read.
pub fn groups(from: &impl Read) -> Result<Vec<GroupId>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&GROUPS, everything, Order::Ascending, usize::MAX)?;
    Ok(rows.into_iter().map(|(id, ())| id).collect())
}

/// Gives an id back whose members are gone.
pub fn release(tx: &mut Tx<'_, '_>, id: GroupId) {
    tx.remove(&GROUPS, &id);
}

/// Since when the person belongs to the group; `None` where they do not.
///
/// # Errors
/// Where the store can not be read.
pub fn joined(
    from: &impl Read,
    group: GroupId,
    profile: ProfileId,
) -> Result<Option<Timestamp>, StoreError> {
    let row = from.get(&GROUP_MEMBERS, &(group, profile))?;
    Ok(row.map(|row| Timestamp::from_micros(row.joined_micros)))
}

/// How many members the group has.
///
/// # Errors
/// Where the store can not be read.
pub fn count(from: &impl Read, group: GroupId) -> Result<u64, StoreError> {
    Ok(from.get(&GROUP_COUNTS, &group)?.unwrap_or_default().members)
}

/// Makes the person a member from `at` on; returns whether they were none. Who is a member stays
/// one since when they were.
///
/// # Errors
/// Where the store fails.
pub fn join(
    tx: &mut Tx<'_, '_>,
    group: GroupId,
    profile: ProfileId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if joined(tx, group, profile)?.is_some() {
        return Ok(false);
    }
    let row = MemberRow { joined_micros: at.micros() };
    tx.put(&GROUP_MEMBERS, &(group, profile), &row)?;
    tx.put(&GROUP_JOINED, &(group, (at, profile)), &())?;
    let members = count(tx, group)?.saturating_add(1);
    tx.put(&GROUP_COUNTS, &group, &CountRow { members })?;
    Ok(true)
}

/// Ends a membership; returns whether there was one.
///
/// # Errors
/// Where the store fails.
pub fn leave(tx: &mut Tx<'_, '_>, group: GroupId, profile: ProfileId) -> Result<bool, StoreError> {
    let Some(at) = joined(tx, group, profile)? else { return Ok(false) };
    tx.remove(&GROUP_MEMBERS, &(group, profile));
    tx.remove(&GROUP_JOINED, &(group, (at, profile)));
    let members = count(tx, group)?.saturating_sub(1);
    tx.put(&GROUP_COUNTS, &group, &CountRow { members })?;
    Ok(true)
}

/// Which members a page has.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// When they joined.
    pub within: (Bound<Timestamp>, Bound<Timestamp>),
    /// The last one of the page before.
    pub after: Option<Member>,
    /// By the time of joining.
    pub order: Order,
    /// How many, at most.
    pub most: usize,
}

/// The members of a page.
///
/// # Errors
/// Where the store can not be read.
pub fn page(from: &impl Read, group: GroupId, page: Page) -> Result<Vec<Member>, StoreError> {
    let Page { within, after, order, most } = page;
    const FIRST: ProfileId = ProfileId::from_u128(0);
    const LAST: ProfileId = ProfileId::from_u128(u128::MAX);
    let key = |at, profile| (group, (at, profile));
    let low = match within.0 {
        Bound::Included(at) => Bound::Included(key(at, FIRST)),
        Bound::Excluded(at) => Bound::Excluded(key(at, LAST)),
        Bound::Unbounded => Bound::Included(key(Timestamp::from_micros(i64::MIN), FIRST)),
    };
    let high = match within.1 {
        Bound::Included(at) => Bound::Included(key(at, LAST)),
        Bound::Excluded(at) => Bound::Excluded(key(at, FIRST)),
        Bound::Unbounded => Bound::Included(key(Timestamp::from_micros(i64::MAX), LAST)),
    };
    let start = after.map(|member| Bound::Excluded(key(member.joined, member.profile)));
    let range = match (order, start) {
        (_, None) => (low, high),
        (Order::Ascending, Some(start)) => (later(low, start), high),
        (Order::Descending, Some(start)) => (low, earlier(high, start)),
    };
    if is_empty(&range) {
        return Ok(Vec::new());
    }
    let rows = from.page(&GROUP_JOINED, range, order, most)?;
    Ok(rows.into_iter().map(|((_, (joined, profile)), ())| Member { profile, joined }).collect())
}

type End = Bound<(GroupId, (Timestamp, ProfileId))>;

const fn place(end: &End) -> Option<&(GroupId, (Timestamp, ProfileId))> {
    match end {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

fn later(a: End, b: End) -> End {
    if place(&a) > place(&b) { a } else { b }
}

fn earlier(a: End, b: End) -> End {
    if place(&a) < place(&b) { a } else { b }
}

fn is_empty((low, high): &(End, End)) -> bool {
    let is_open = matches!((low, high), (Bound::Excluded(_), _) | (_, Bound::Excluded(_)));
    place(low) > place(high) || (is_open && place(low) == place(high))
}

/// Up to `most` members after `after`, by their ids.
///
/// # Errors
/// Where the store can not be read.
pub fn after(
    from: &impl Read,
    group: GroupId,
    after: Option<ProfileId>,
    most: usize,
) -> Result<Vec<Member>, StoreError> {
    let start = match after {
        Some(profile) => Bound::Excluded((group, profile)),
        None => Bound::Included((group, ProfileId::from_u128(0))),
    };
    let end = Bound::Included((group, ProfileId::from_u128(u128::MAX)));
    let mut members = Vec::new();
    if most == 0 {
        return Ok(members);
    }
    from.scan(&GROUP_MEMBERS, (start, end), Order::Ascending, |(_, profile), row| {
        members.push(Member { profile, joined: Timestamp::from_micros(row.joined_micros) });
        if members.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(members)
}

/// Removes up to `most` members of a group that is no more, and its count with the last of them;
/// returns how many there were. Nobody is told.
///
/// # Errors
/// Where the store fails.
pub fn drop_some(tx: &mut Tx<'_, '_>, group: GroupId, most: usize) -> Result<usize, StoreError> {
    let members = after(tx, group, None, most)?;
    for member in &members {
        tx.remove(&GROUP_MEMBERS, &(group, member.profile));
        tx.remove(&GROUP_JOINED, &(group, (member.joined, member.profile)));
    }
    if members.len() < most {
        tx.remove(&GROUP_COUNTS, &group);
    }
    Ok(members.len())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::clock::Clock;
    use crate::store::{Store, from_hex, hex_of};

    fn person(number: u128) -> ProfileId {
        ProfileId::from_u128(number)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[tokio::test]
    async fn members_come_and_go_and_are_counted() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let (list, other): (GroupId, GroupId) =
            ("AAAAAA".parse().unwrap(), "AAAAAB".parse().unwrap());
        let done = store.commit(move |tx| {
            for number in 1..=5 {
                assert!(join(tx, list, person(number), at(100 - number as i64))?);
            }
            assert!(!join(tx, list, person(1), at(500))?, "once");
            assert!(leave(tx, list, person(3))?);
            assert!(!leave(tx, list, person(3))?);
            join(tx, other, person(9), at(1))
        });
        assert!(done.await.unwrap_or_else(|error: StoreError| panic!("{error}")));
        let snapshot = store.snapshot().unwrap();
        assert_eq!(count(&snapshot, list).unwrap(), 4);
        assert_eq!(joined(&snapshot, list, person(1)).unwrap(), Some(at(99)));
        let numbers = |members: Vec<Member>| -> Vec<u128> {
            members.iter().map(|member| member.profile.as_u128()).collect()
        };
        let all = (Bound::Unbounded, Bound::Unbounded);
        let listed = |within, after, order| {
            numbers(page(&snapshot, list, Page { within, after, order, most: 10 }).unwrap())
        };
        assert_eq!(listed(all, None, Order::Ascending), [5, 4, 2, 1]);
        assert_eq!(listed(all, None, Order::Descending), [1, 2, 4, 5]);
        let second = Member { profile: person(4), joined: at(96) };
        assert_eq!(listed(all, Some(second), Order::Ascending), [2, 1]);
        assert_eq!(listed(all, Some(second), Order::Descending), [5]);
        let from_98 = (Bound::Included(at(98)), Bound::Unbounded);
        assert_eq!(listed(from_98, None, Order::Ascending), [2, 1]);
        assert_eq!(listed(from_98, Some(second), Order::Descending), []);
        let before_96 = (Bound::Unbounded, Bound::Excluded(at(96)));
        assert_eq!(listed(before_96, None, Order::Descending), [5]);
        assert_eq!(numbers(after(&snapshot, list, Some(person(1)), 2).unwrap()), [2, 4]);
        drop(snapshot);
        let left = store.commit(move |tx| drop_some(tx, list, 3)).await;
        assert_eq!(left.unwrap_or_else(|error: StoreError| panic!("{error}")), 3);
        let left = store.commit(move |tx| drop_some(tx, list, 3)).await;
        assert_eq!(left.unwrap_or_else(|error: StoreError| panic!("{error}")), 1);
        let snapshot = store.snapshot().unwrap();
        assert_eq!((count(&snapshot, list).unwrap(), count(&snapshot, other).unwrap()), (0, 1));
        drop((snapshot, store));
        writer.join().unwrap();
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let row = MemberRow { joined_micros: 1_788_529_135_123_456 };
        const FROZEN: &str = "01fd00f889c750b50c00aaec5b51e1f4addb";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<MemberRow>(FROZEN), Ok(row));
        assert_eq!(hex_of(&CountRow { members: 300 }), "01fb2c01e431de0e48731730");
    }
}
