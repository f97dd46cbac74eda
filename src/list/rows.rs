//! The tables of lists: those that there are, and those whose members are still leaving.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{List, ListError, ListPatch, NewList, OptIn};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::limits;
use crate::membership;
use crate::profile::{Aspect, Change, note};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const LISTS: Table<GroupId, ListRow> = Table::new("lists");
/// Lists that are no more and still have members.
const LISTS_REMOVED: Table<GroupId, ()> = Table::new("lists_removed");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ListRow {
    name: String,
    is_double_opt_in: bool,
    created_micros: i64,
    updated_micros: i64,
}

impl Row for ListRow {
    const SCHEMA: u8 = 1;
}

fn list(id: GroupId, row: ListRow) -> List {
    List {
        id,
        name: row.name,
        opt_in: if row.is_double_opt_in { OptIn::Double } else { OptIn::Single },
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
    }
}

fn put(tx: &mut Tx<'_, '_>, list: &List) -> Result<(), StoreError> {
    let row = ListRow {
        name: list.name.clone(),
        is_double_opt_in: list.opt_in == OptIn::Double,
        created_micros: list.created.micros(),
        updated_micros: list.updated.micros(),
    };
    tx.put(&LISTS, &list.id, &row)
}

/// The list with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: GroupId) -> Result<Option<List>, StoreError> {
    Ok(from.get(&LISTS, &id)?.map(|row| list(id, row)))
}

/// Every list, by id.
///
/// # Errors
/// Where the store can not be read.
pub fn all(from: &impl Read) -> Result<Vec<List>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    // Commands of one batch may pass the bound together; what is stored is read all the same.
    let rows = from.page(&LISTS, everything, Order::Ascending, 2 * limits::LISTS_MAX)?;
    Ok(rows.into_iter().map(|(id, row)| list(id, row)).collect())
}

/// The lists that a person is on, by id. It asks each of them: they are few, and who asks is one.
///
/// # Errors
/// Where the store can not be read.
pub fn of(from: &impl Read, profile: ProfileId) -> Result<Vec<List>, StoreError> {
    let mut found = Vec::new();
    for list in all(from)? {
        if membership::joined(from, list.id, profile)?.is_some() {
            found.push(list);
        }
    }
    Ok(found)
}

/// Makes a list.
///
/// # Errors
/// Where there are too many, or the store fails or is full.
pub fn create(tx: &mut Tx<'_, '_>, new: NewList) -> Result<List, ListError> {
    tx.needs_room()?;
    if all(tx)?.len() >= limits::LISTS_MAX {
        return Err(ListError::TooMany);
    }
    let id = membership::claim(tx)?;
    let list =
        List { id, name: new.name, opt_in: new.opt_in, created: tx.now(), updated: tx.now() };
    put(tx, &list)?;
    Ok(list)
}

/// Changes a list.
///
/// # Errors
/// Where there is none, or the store fails.
pub fn update(tx: &mut Tx<'_, '_>, id: GroupId, patch: ListPatch) -> Result<List, ListError> {
    let old = get(tx, id)?.ok_or(ListError::Unknown(id))?;
    let mut list = old.clone();
    list.name = patch.name.unwrap_or(list.name);
    list.opt_in = patch.opt_in.unwrap_or(list.opt_in);
    if list != old {
        list.updated = tx.now();
        put(tx, &list)?;
    }
    Ok(list)
}

/// Removes a list; its members leave it afterwards, by [`drop_some`].
///
/// # Errors
/// Where there is none, or the store fails.
pub fn remove(tx: &mut Tx<'_, '_>, id: GroupId) -> Result<(), ListError> {
    get(tx, id)?.ok_or(ListError::Unknown(id))?;
    tx.remove(&LISTS, &id);
    tx.put(&LISTS_REMOVED, &id, &())?;
    Ok(())
}

/// Whether a list that was removed still has members.
///
/// # Errors
/// Where the store can not be read.
pub fn has_removed(from: &impl Read) -> Result<bool, StoreError> {
    Ok(removed(from)?.is_some())
}

fn removed(from: &impl Read) -> Result<Option<GroupId>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let first = from.page(&LISTS_REMOVED, everything, Order::Ascending, 1)?;
    Ok(first.first().map(|(id, ())| *id))
}

/// Lets up to `most` members leave a list that was removed, and notes it of each; with the last one
/// the list's id is free.
///
/// # Errors
/// Where the store fails.
pub fn drop_some(tx: &mut Tx<'_, '_>, most: usize) -> Result<(), StoreError> {
    let Some(id) = removed(tx)? else { return Ok(()) };
    for member in membership::after(tx, id, None, most)? {
        let aspect = Aspect::Group(id);
        note(tx, Change { profile: member.profile, aspect, quiet: false })?;
    }
    if membership::drop_some(tx, id, most)? < most {
        tx.remove(&LISTS_REMOVED, &id);
        membership::release(tx, id);
    }
    Ok(())
}

/// Puts one person on the lists of another, who turned out to be the same, since when either was on
/// them; the other leaves. The changes are noted as some that start nothing anew.
///
/// # Errors
/// Where the store fails.
pub fn carry_over(
    tx: &mut Tx<'_, '_>,
    source: ProfileId,
    destination: ProfileId,
) -> Result<(), StoreError> {
    for list in of(tx, source)? {
        let theirs = membership::joined(tx, list.id, source)?;
        let own = membership::joined(tx, list.id, destination)?;
        membership::leave(tx, list.id, source)?;
        let Some(since) = theirs.filter(|theirs| own.is_none_or(|own| *theirs < own)) else {
            continue;
        };
        membership::leave(tx, list.id, destination)?;
        membership::join(tx, list.id, destination, since)?;
        let aspect = Aspect::Group(list.id);
        note(tx, Change { profile: destination, aspect, quiet: true })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::clock::Clock;
    use crate::profile::changes;
    use crate::store::{Snapshot, Store, from_hex, hex_of};

    fn named(name: &str) -> NewList {
        NewList { name: name.to_owned(), opt_in: OptIn::Single }
    }

    #[tokio::test]
    async fn a_list_that_is_removed_lets_its_members_go_bit_by_bit() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let person = ProfileId::from_u128;
        let made = store.commit(move |tx| {
            let (gone, kept) = (create(tx, named("gone"))?, create(tx, named("kept"))?);
            for number in 1..=5 {
                membership::join(tx, gone.id, person(number), tx.now())?;
            }
            membership::join(tx, kept.id, person(1), tx.now())?;
            Ok::<_, ListError>((gone.id, kept.id))
        });
        let (gone, kept) = made.await.unwrap();
        let ids = |lists: Vec<List>| lists.iter().map(|list| list.id).collect::<Vec<_>>();
        assert_eq!(ids(of(&store.snapshot().unwrap(), person(2)).unwrap()), [gone]);
        store.commit(move |tx| remove(tx, gone)).await.unwrap();
        let again = store.commit(move |tx| remove(tx, gone)).await;
        assert!(matches!(again, Err(ListError::Unknown(id)) if id == gone));
        assert_eq!(ids(of(&store.snapshot().unwrap(), person(1)).unwrap()), [kept]);

        for left in [3, 1, 0] {
            assert!(has_removed(&store.snapshot().unwrap()).unwrap());
            let done = store.commit(|tx| drop_some(tx, 2)).await;
            done.unwrap_or_else(|error: StoreError| panic!("{error}"));
            let members = membership::after(&store.snapshot().unwrap(), gone, None, 10).unwrap();
            assert_eq!(members.len(), left);
        }
        let snapshot = store.snapshot().unwrap();
        assert!(!has_removed(&snapshot).unwrap());
        let changes = changes(&snapshot, 100).unwrap();
        let told: Vec<_> = changes.iter().map(|(_, change)| change.profile.as_u128()).collect();
        assert_eq!(told, [1, 2, 3, 4, 5]);
        assert!(changes.iter().all(|(_, change)| change.aspect == Aspect::Group(gone)));
        drop((snapshot, store));
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn two_people_become_one_and_are_on_the_lists_of_both() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let (one, two) = (ProfileId::from_u128(1), ProfileId::from_u128(2));
        let at = Timestamp::from_seconds;
        let made = store.commit(move |tx| {
            let lists = [
                create(tx, named("a"))?.id,
                create(tx, named("b"))?.id,
                create(tx, named("c"))?.id,
            ];
            for (list, profile, second) in
                [(0, one, 5), (0, two, 7), (1, one, 6), (2, two, 8), (2, one, 9)]
            {
                membership::join(tx, lists[list], profile, at(second))?;
            }
            Ok::<_, ListError>(lists)
        });
        let lists = made.await.unwrap();
        let since = |from: &Snapshot, profile| {
            lists
                .map(|list| membership::joined(from, list, profile).unwrap().map(|at| at.seconds()))
        };
        let done = store.commit(move |tx| carry_over(tx, one, two)).await;
        done.unwrap_or_else(|error: StoreError| panic!("{error}"));
        let snapshot = store.snapshot().unwrap();
        assert_eq!(since(&snapshot, one), [None, None, None]);
        assert_eq!(since(&snapshot, two), [Some(5), Some(6), Some(8)]);
        assert_eq!(lists.map(|list| membership::count(&snapshot, list).unwrap()), [1, 1, 1]);
        assert!(changes(&snapshot, 10).unwrap().iter().all(|(_, change)| change.quiet));
        drop((snapshot, store));
        writer.join().unwrap();
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let row = ListRow {
            name: "Newsletter".to_owned(),
            is_double_opt_in: true,
            created_micros: 1_788_529_135_000_000,
            updated_micros: 1_788_529_136_000_000,
        };
        const FROZEN: &str =
            "010a4e6577736c657474657201fd803386c750b50c00fd00b8a4c750b50c003fbeb4951bb1b424";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<ListRow>(FROZEN), Ok(row));
    }
}
