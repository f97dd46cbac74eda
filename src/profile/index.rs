//! Profiles of a file that was written before people could be listed: they are put to their places
//! in the orders of the listings, once.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::rows;
use crate::id::ProfileId;
use crate::limits;
use crate::store::{Order, Read, Row, Store, StoreError, Table, Tx};

/// How far this is.
const PROFILES_ORDERED: Table<(), OrderedRow> = Table::new("profiles_ordered");

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OrderedRow {
    /// The last profile that has its places.
    through: Option<ProfileId>,
    is_done: bool,
}

impl Row for OrderedRow {
    const SCHEMA: u8 = 1;
}

/// Gives every profile its places, if that was not done before; it is done before anything is
/// listed. A crash in between costs nothing: it goes on where it was.
///
/// # Errors
/// Where the store fails.
pub async fn catch_up(store: &Store) -> Result<(), StoreError> {
    while !store.snapshot()?.get(&PROFILES_ORDERED, &())?.unwrap_or_default().is_done {
        store.commit(order_some).await?;
    }
    Ok(())
}

fn order_some(tx: &mut Tx<'_, '_>) -> Result<(), StoreError> {
    let through = tx.get(&PROFILES_ORDERED, &())?.unwrap_or_default().through;
    let start = through.map_or(Bound::Unbounded, Bound::Excluded);
    let most = limits::PROFILES_ORDERED_AT_ONCE;
    let profiles = rows::by_id(tx, (start, Bound::Unbounded), Order::Ascending, most)?;
    for profile in &profiles {
        rows::order(tx, profile)?;
    }
    let through = profiles.last().map(|profile| profile.id).or(through);
    let is_done = profiles.len() < most;
    // Nobody asks for it any more, and the person may be erased some day.
    let through = through.filter(|_| !is_done);
    tx.put(&PROFILES_ORDERED, &(), &OrderedRow { through, is_done })
}
