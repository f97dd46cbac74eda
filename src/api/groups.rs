//! What the listings of lists and of segments share: both are few, held whole, filtered by name, id
//! and time, sorted and paged (contract: wire.md §4.1, §4.6).

use std::cmp::Ordering;

use super::Call;
use super::error::Problem;
use super::query::Term;
use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::limits;
use crate::store::Order;

const SORTS: [&str; 4] = ["created", "id", "name", "updated"];

/// What a group is filtered and sorted by.
pub(super) struct Entry<'g> {
    pub(super) id: GroupId,
    pub(super) name: &'g str,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

impl Entry<'_> {
    /// Whether a term on one of the fields that both have holds.
    ///
    /// # Errors
    /// Where its value is of a wrong type.
    pub(super) fn fits(&self, term: &Term) -> Result<bool, Problem> {
        Ok(match term.field.as_str() {
            "name" => term.texts()?.contains(&self.name),
            "id" => term.texts()?.contains(&self.id.as_str()),
            "created" => self.created > term.moment()?,
            _ => self.updated > term.moment()?,
        })
    }

    /// Where it stands in an order: by a text that sorts as what it is sorted by, then by its id.
    fn place(&self, sort: &str) -> (String, GroupId) {
        let moment = |at: Timestamp| format!("{:020}", at.micros());
        let key = match sort {
            "name" => self.name.to_owned(),
            "created" => moment(self.created),
            "updated" => moment(self.updated),
            _ => String::new(),
        };
        (key, self.id)
    }
}

/// The groups of the page that the query asks for, and the cursor of the next one.
///
/// # Errors
/// Where the query asks for what there is not.
pub(super) fn page<T>(
    call: &Call,
    mut found: Vec<T>,
    entry: impl Fn(&T) -> Entry<'_>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let size = call.query.page_size(limits::LISTS_PAGE_MAX, limits::LISTS_PAGE_MAX)?;
    let (sort, order) = call.query.sort(&SORTS)?.unwrap_or(("created", Order::Ascending));
    let after = after(call, sort)?;
    let direct = |by: Ordering| match order {
        Order::Ascending => by,
        Order::Descending => by.reverse(),
    };
    let place = |group: &T| entry(group).place(sort);
    found.sort_by(|a, b| direct(place(a).cmp(&place(b))));
    if let Some(after) = after {
        found.retain(|group| direct(place(group).cmp(&after)) == Ordering::Greater);
    }
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| {
        let (key, id) = place(last);
        format!("{sort} {id} {key}")
    });
    Ok((found, next))
}

/// The place behind which the page begins; a cursor is good for the sort that it was given out by.
fn after(call: &Call, sort: &str) -> Result<Option<(String, GroupId)>, Problem> {
    let Some(text) = call.query.cursor()? else { return Ok(None) };
    let of_sort = text.strip_prefix(sort).and_then(|rest| rest.strip_prefix(' '));
    let parts = of_sort.and_then(|rest| rest.split_once(' '));
    let place = parts.and_then(|(id, key)| Some((key.to_owned(), id.parse().ok()?)));
    let wrong = || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    place.ok_or_else(wrong).map(Some)
}
