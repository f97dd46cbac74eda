//! The tables of profiles: the profile by id, its id by each identifier, its further identifiers, and
//! the orders in which people are listed.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::changes;
use super::{Alias, Aspect, Change, Identifier, Profile};
use crate::clock::Timestamp;
use crate::id::ProfileId;
use crate::json::RawObject;
use crate::store::{DecodeError, Key as _, Order, Read, Row, Snapshot, StoreError, Table, Tx};

const PROFILES: Table<ProfileId, ProfileRow> = Table::new("profiles");
/// Kind of identifier, identifier → profile.
const PROFILE_IDENTIFIERS: Table<(u8, String), IdRow> = Table::new("profile_identifiers");
/// The further identifiers of those who have some.
const PROFILE_ALIASES: Table<ProfileId, AliasesRow> = Table::new("profile_aliases");
/// When it last changed, profile. A change only appends here, because ingest waits for it and the
/// old place is anywhere; that is left to `sweep.rs`.
const PROFILES_UPDATED: Table<(Timestamp, ProfileId), ()> = Table::new("profiles_updated");
/// The places of `profiles_updated` that are no more true.
const PROFILES_UPDATED_STALE: Table<(Timestamp, ProfileId), ()> =
    Table::new("profiles_updated_stale");
/// The profiles without an e-mail address: the others are listed by `profile_identifiers`.
const PROFILES_WITHOUT_EMAIL: Table<ProfileId, ()> = Table::new("profiles_without_email");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ProfileRow {
    identifiers: [Option<String>; 4],
    texts: [Option<String>; 6],
    /// JSON objects as text.
    location: String,
    properties: String,
    created_micros: i64,
    updated_micros: i64,
}

impl Row for ProfileRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct IdRow(ProfileId);

impl Row for IdRow {
    const SCHEMA: u8 = 1;
}

/// Kinds by their numbers, with the identifiers.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct AliasesRow(Vec<(u8, String)>);

impl Row for AliasesRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const fn kind_number(kind: Identifier) -> u8 {
    match kind {
        Identifier::ExternalId => 1,
        Identifier::Email => 2,
        Identifier::PhoneNumber => 3,
        Identifier::AnonymousId => 4,
    }
}

fn key(kind: Identifier, text: &str) -> (u8, String) {
    (kind_number(kind), kind.folded(text))
}

/// The profile with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: ProfileId) -> Result<Option<Profile>, StoreError> {
    from.get(&PROFILES, &id)?.map(|row| row.profile(id)).transpose()
}

impl ProfileRow {
    fn profile(self, id: ProfileId) -> Result<Profile, StoreError> {
        let object = |text: &str| {
            serde_json::from_str::<RawObject>(text).map_err(|_| StoreError::Corrupt {
                table: PROFILES.name(),
                error: DecodeError::Content,
            })
        };
        Ok(Profile {
            id,
            location: object(&self.location)?,
            properties: object(&self.properties)?,
            identifiers: self.identifiers,
            texts: self.texts,
            created: Timestamp::from_micros(self.created_micros),
            updated: Timestamp::from_micros(self.updated_micros),
        })
    }
}

/// Whether there is a profile with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn exists(from: &impl Read, id: ProfileId) -> Result<bool, StoreError> {
    Ok(from.get(&PROFILES, &id)?.is_some())
}

/// The ids of the first `most` profiles after `after`, in their order.
///
/// # Errors
/// Where the store can not be read.
pub fn ids_after(
    from: &impl Read,
    after: Option<ProfileId>,
    most: usize,
) -> Result<Vec<ProfileId>, StoreError> {
    let mut ids = Vec::new();
    let start = after.map_or(Bound::Unbounded, Bound::Excluded).map(|id| id.to_bytes());
    if most == 0 {
        return Ok(ids);
    }
    // Only the keys are wanted: nothing is decoded and verified for them.
    from.scan_bytes(
        PROFILES.name(),
        (start, Bound::Unbounded),
        Order::Ascending,
        &mut |key, _| {
            ids.extend(ProfileId::from_bytes(key));
            if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        },
    )?;
    Ok(ids)
}

/// How many profiles there are.
///
/// # Errors
/// Where the store can not be read.
pub fn number(from: &Snapshot) -> Result<u64, StoreError> {
    from.number(&PROFILES)
}

/// Who has this identifier, shown or not.
pub(super) fn owner(
    from: &impl Read,
    kind: Identifier,
    text: &str,
) -> Result<Option<ProfileId>, StoreError> {
    Ok(from.get(&PROFILE_IDENTIFIERS, &key(kind, text))?.map(|IdRow(id)| id))
}

/// The further identifiers of a person, oldest first.
pub(super) fn aliases(from: &impl Read, id: ProfileId) -> Result<Vec<Alias>, StoreError> {
    let AliasesRow(rows) = from.get(&PROFILE_ALIASES, &id)?.unwrap_or_default();
    let corrupt =
        || StoreError::Corrupt { table: PROFILE_ALIASES.name(), error: DecodeError::Content };
    rows.into_iter()
        .map(|(number, text)| {
            let kind = Identifier::ALL.into_iter().find(|kind| kind_number(*kind) == number);
            Ok(Alias { kind: kind.ok_or_else(corrupt)?, text })
        })
        .collect()
}

/// A person as they were read; the default is nobody.
#[derive(Default)]
pub(super) struct Before {
    pub(super) identifiers: [Option<String>; 4],
    pub(super) aliases: Vec<Alias>,
    /// `None` for somebody new.
    pub(super) updated: Option<Timestamp>,
}

/// A person as they are to be written, and what to note of it.
pub(super) struct Write<'w> {
    pub(super) profile: &'w Profile,
    pub(super) aliases: &'w [Alias],
    pub(super) aspect: Aspect,
    pub(super) quiet: bool,
}

/// Writes a profile with all that leads to it, drops what led to it `before` and does no more, and
/// notes what changed.
pub(super) fn put(
    tx: &mut Tx<'_, '_>,
    write: &Write<'_>,
    before: &Before,
) -> Result<(), StoreError> {
    let Write { profile, aliases, aspect, quiet } = write;
    let old = keys(&before.identifiers, &before.aliases);
    let new = keys(&profile.identifiers, aliases);
    for gone in old.difference(&new) {
        tx.remove(&PROFILE_IDENTIFIERS, gone);
    }
    for own in new.difference(&old) {
        tx.put(&PROFILE_IDENTIFIERS, own, &IdRow(profile.id))?;
    }
    if before.aliases != *aliases {
        put_aliases(tx, profile.id, aliases)?;
    }
    put_orders(tx, profile, before)?;
    let row = ProfileRow {
        identifiers: profile.identifiers.clone(),
        texts: profile.texts.clone(),
        location: profile.location.to_text(),
        properties: profile.properties.to_text(),
        created_micros: profile.created.micros(),
        updated_micros: profile.updated.micros(),
    };
    tx.put(&PROFILES, &profile.id, &row)?;
    changes::note(tx, Change { profile: profile.id, aspect: *aspect, quiet: *quiet })
}

fn keys(identifiers: &[Option<String>; 4], aliases: &[Alias]) -> BTreeSet<(u8, String)> {
    let shown = Identifier::ALL
        .into_iter()
        .filter_map(|kind| identifiers[kind as usize].as_deref().map(|text| key(kind, text)));
    shown.chain(aliases.iter().map(|alias| key(alias.kind, &alias.text))).collect()
}

fn put_aliases(tx: &mut Tx<'_, '_>, id: ProfileId, aliases: &[Alias]) -> Result<(), StoreError> {
    if aliases.is_empty() {
        tx.remove(&PROFILE_ALIASES, &id);
        return Ok(());
    }
    let rows = aliases.iter().map(|alias| (kind_number(alias.kind), alias.text.clone()));
    tx.put(&PROFILE_ALIASES, &id, &AliasesRow(rows.collect()))
}

/// Moves the profile to its place in the orders of the listings.
fn put_orders(tx: &mut Tx<'_, '_>, profile: &Profile, before: &Before) -> Result<(), StoreError> {
    if before.updated != Some(profile.updated) {
        if let Some(updated) = before.updated {
            tx.put(&PROFILES_UPDATED_STALE, &(updated, profile.id), &())?;
        }
        let place = (profile.updated, profile.id);
        // It may have stood here before, where the clock was set back.
        tx.remove(&PROFILES_UPDATED_STALE, &place);
        tx.put(&PROFILES_UPDATED, &place, &())?;
    }
    let had_email =
        before.updated.is_some() && before.identifiers[Identifier::Email as usize].is_some();
    let was_without = before.updated.is_some() && !had_email;
    match profile.identifier(Identifier::Email) {
        Some(_) if was_without => tx.remove(&PROFILES_WITHOUT_EMAIL, &profile.id),
        None if !was_without => tx.put(&PROFILES_WITHOUT_EMAIL, &profile.id, &())?,
        Some(_) | None => {}
    }
    Ok(())
}

/// Removes up to `most` places that are no more true, in their order; returns how many they were.
pub(super) fn sweep(tx: &mut Tx<'_, '_>, most: usize) -> Result<usize, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let stale = tx.page(&PROFILES_UPDATED_STALE, all, Order::Ascending, most)?;
    for (place, ()) in &stale {
        remove_stale(tx, *place);
    }
    Ok(stale.len())
}

/// Up to `most` places of these people that are no more true.
pub(super) fn stale_of(
    from: &impl Read,
    people: &BTreeSet<ProfileId>,
    most: usize,
) -> Result<Vec<(Timestamp, ProfileId)>, StoreError> {
    let mut found = Vec::new();
    let all = (Bound::Unbounded, Bound::Unbounded);
    from.scan(&PROFILES_UPDATED_STALE, all, Order::Ascending, |place, ()| {
        if people.contains(&place.1) {
            found.push(place);
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// Removes a place that is no more true.
pub(super) fn remove_stale(tx: &mut Tx<'_, '_>, place: (Timestamp, ProfileId)) {
    tx.remove(&PROFILES_UPDATED, &place);
    tx.remove(&PROFILES_UPDATED_STALE, &place);
}

/// Whether there are places that are no more true.
pub(super) fn has_stale(from: &impl Read) -> Result<bool, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    Ok(!from.page(&PROFILES_UPDATED_STALE, all, Order::Ascending, 1)?.is_empty())
}

/// Puts a profile of an earlier version to its place in the orders of the listings.
pub(super) fn order(tx: &mut Tx<'_, '_>, profile: &Profile) -> Result<(), StoreError> {
    put_orders(tx, profile, &Before::default())
}

/// Makes a profile as one of an earlier version: it has no place in the orders.
#[cfg(test)]
pub(super) fn forget_order(tx: &mut Tx<'_, '_>, profile: &Profile) {
    tx.remove(&PROFILES_UPDATED, &(profile.updated, profile.id));
    tx.remove(&PROFILES_WITHOUT_EMAIL, &profile.id);
}

/// Removes a profile and all that leads to it.
pub(super) fn remove(tx: &mut Tx<'_, '_>, profile: &Profile, aliases: &[Alias]) {
    for own in keys(&profile.identifiers, aliases) {
        tx.remove(&PROFILE_IDENTIFIERS, &own);
    }
    tx.remove(&PROFILE_ALIASES, &profile.id);
    tx.remove(&PROFILES_UPDATED, &(profile.updated, profile.id));
    tx.remove(&PROFILES_WITHOUT_EMAIL, &profile.id);
    tx.remove(&PROFILES, &profile.id);
}

/// A range of keys.
pub(super) type Range<K> = (Bound<K>, Bound<K>);

/// Profiles by their ids.
pub(super) fn by_id(
    from: &impl Read,
    range: Range<ProfileId>,
    order: Order,
    most: usize,
) -> Result<Vec<Profile>, StoreError> {
    let rows = from.page(&PROFILES, range, order, most)?;
    rows.into_iter().map(|(id, row)| row.profile(id)).collect()
}

/// Profiles by when they last changed, with places that are no more true among them.
pub(super) fn by_updated(
    from: &impl Read,
    range: Range<(Timestamp, ProfileId)>,
    order: Order,
    most: usize,
) -> Result<Vec<(Timestamp, ProfileId)>, StoreError> {
    let rows = from.page(&PROFILES_UPDATED, range, order, most)?;
    Ok(rows.into_iter().map(|(key, ())| key).collect())
}

/// E-mail addresses, folded, after `after` in this order; a person's further ones among them.
pub(super) fn by_email(
    from: &impl Read,
    after: Option<&str>,
    order: Order,
    most: usize,
) -> Result<Vec<(String, ProfileId)>, StoreError> {
    let number = kind_number(Identifier::Email);
    let all =
        (Bound::Included((number, String::new())), Bound::Excluded((number + 1, String::new())));
    let range = match (after, order) {
        (None, _) => all,
        (Some(text), Order::Ascending) => (Bound::Excluded((number, text.to_owned())), all.1),
        (Some(text), Order::Descending) => (all.0, Bound::Excluded((number, text.to_owned()))),
    };
    let mut found = Vec::new();
    from.scan(&PROFILE_IDENTIFIERS, range, order, |(_, text), IdRow(id)| {
        found.push((text, id));
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(found)
}

/// Profiles without an e-mail address, by their ids.
pub(super) fn without_email(
    from: &impl Read,
    range: Range<ProfileId>,
    order: Order,
    most: usize,
) -> Result<Vec<ProfileId>, StoreError> {
    let rows = from.page(&PROFILES_WITHOUT_EMAIL, range, order, most)?;
    Ok(rows.into_iter().map(|(id, ())| id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = ProfileRow {
            identifiers: [Some("u1".to_owned()), Some("a@b.c".to_owned()), None, None],
            texts: [Some("A".to_owned()), None, None, None, None, None],
            location: "{}".to_owned(),
            properties: r#"{"plan":"pro"}"#.to_owned(),
            created_micros: 1,
            updated_micros: 2,
        };
        const FROZEN: &str = "010102753101056140622e6300000101410000000000027b7d0e7b22706c616e223a2270726f227d02045f8fc056ff4aa880";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<ProfileRow>(FROZEN), Ok(row));
        assert_eq!(hex_of(&IdRow(ProfileId::from_u128(1))), "0101f36568a7d6800d07");
        let row = AliasesRow(vec![(2, "a@b.c".to_owned()), (3, "+15005550006".to_owned())]);
        const FROZEN_ALIASES: &str =
            "010202056140622e63030c2b31353030353535303030364a5952ef9067c5bd";
        assert_eq!(hex_of(&row), FROZEN_ALIASES);
        assert_eq!(from_hex::<AliasesRow>(FROZEN_ALIASES), Ok(row));
    }
}
