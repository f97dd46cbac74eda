//! Finding deliveries: newest first, filtered, a page at a time; or all of one event.
//!
//! Older deliveries are found in the index, those since it was last brought up to date by reading
//! their rows, in the same snapshot: nothing that was committed is ever missed. `filter.rs` says
//! what is wanted and where it stands, `walk.rs` goes through it.

mod filter;
mod of_events;
#[cfg(test)]
mod tests;
mod walk;

pub use self::filter::{Created, Filter};
pub use self::of_events::{OfEvents, of_event};

use self::walk::{Step, Walk};
use super::{Delivery, rows};
use crate::id::DeliveryId;
use crate::store::{Read, StoreError};

/// Up to `most` deliveries that `filter` wants, newest first, older than `before`; and where to go
/// on, if there may be more. Reads at most `reads_max` rows and places in the index: a page of a
/// rare mixture may come back short, or empty, with a place to go on.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    filter: &Filter,
    before: Option<DeliveryId>,
    most: usize,
    reads_max: usize,
) -> Result<(Vec<Delivery>, Option<DeliveryId>), StoreError> {
    let Some((oldest, newest)) = filter.created.ids() else { return Ok((Vec::new(), None)) };
    let mut last = match before.map(DeliveryId::as_u128) {
        Some(0) => return Ok((Vec::new(), None)),
        Some(before) => newest.min(DeliveryId::from_u128(before - 1)),
        None => newest,
    };
    let first_unindexed = after(rows::indexed_to(from)?);
    let parts = [(filter.unindexed(), oldest.max(first_unindexed)), (filter.indexed(), oldest)];
    let (mut found, mut reads_left) = (Vec::new(), reads_max);
    for (conditions, first) in parts {
        let mut walk = Walk::new(from, conditions, first, reads_left);
        loop {
            match walk.next(last)? {
                Step::Found(id) => {
                    let wanted = walk.read(id)?.filter(|delivery| filter.wants(delivery));
                    found.extend(wanted);
                    // One more than is wanted tells that there are more.
                    if found.len() > most {
                        found.truncate(most);
                        let place = found.last().map(|delivery| delivery.id);
                        return Ok((found, place));
                    }
                    if id <= first {
                        break;
                    }
                    last = DeliveryId::from_u128(id.as_u128() - 1);
                }
                Step::Tired(at) => return Ok((found, Some(after(at)))),
                Step::End => break,
            }
        }
        reads_left = walk.reads_left();
        last = last.min(DeliveryId::from_u128(first.as_u128().saturating_sub(1)));
    }
    Ok((found, None))
}

const fn after(id: DeliveryId) -> DeliveryId {
    DeliveryId::from_u128(id.as_u128().saturating_add(1))
}
