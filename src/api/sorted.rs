//! Listings of what is held whole and is few: sorted by one of several fields, then by id, and
//! paged (contract: wire.md §4.1). A cursor is the place of the last that was shown, so that a page
//! stays right while others come and go.

use std::cmp::Ordering;

use super::Call;
use super::error::Problem;
use crate::clock::Timestamp;
use crate::store::Order;

/// What a listing is sorted by, and how it is paged.
pub(super) struct Paging {
    /// The fields; the first is the one where nothing is said.
    pub(super) sorts: &'static [&'static str],
    /// How many a page has, unless fewer are asked for.
    pub(super) most: usize,
}

/// Where something stands in an order: a text that sorts as what it is sorted by, then its id, which
/// has no blank.
pub(super) type Place = (String, String);

/// A text that sorts as the moment.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{:020}", at.micros())
}

/// The page that the query asks for, and the cursor of the next one. `place` has where something
/// stands by a sort.
///
/// # Errors
/// Where the query asks for what there is not.
pub(super) fn page<T>(
    call: &Call,
    mut found: Vec<T>,
    paging: &Paging,
    place: impl Fn(&T, &str) -> Place,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let size = call.query.page_size(paging.most, paging.most)?;
    let first = *paging.sorts.first().expect("a listing can be sorted by something");
    let (sort, order) = call.query.sort(paging.sorts)?.unwrap_or((first, Order::Ascending));
    let after = after(call, sort)?;
    let direct = |by: Ordering| match order {
        Order::Ascending => by,
        Order::Descending => by.reverse(),
    };
    found.sort_by_cached_key(|one| place(one, sort));
    if order == Order::Descending {
        found.reverse();
    }
    if let Some(after) = after {
        found.retain(|one| direct(place(one, sort).cmp(&after)) == Ordering::Greater);
    }
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| {
        let (key, id) = place(last, sort);
        format!("{sort} {id} {key}")
    });
    Ok((found, next))
}

/// The place behind which the page begins; a cursor is good for the sort that it was given out by.
fn after(call: &Call, sort: &str) -> Result<Option<Place>, Problem> {
    let Some(text) = call.query.cursor()? else { return Ok(None) };
    let of_sort = text.strip_prefix(sort).and_then(|rest| rest.strip_prefix(' '));
    let parts = of_sort.and_then(|rest| rest.split_once(' '));
    let place = parts.map(|(id, key)| (key.to_owned(), id.to_owned()));
    let wrong = || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    place.ok_or_else(wrong).map(Some)
}
