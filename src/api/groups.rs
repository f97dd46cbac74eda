//! What the listings of lists and of segments share: both are few, held whole, filtered by name, id
//! and time, sorted and paged (contract: wire.md §4.1, §4.6).

use super::Call;
use super::error::Problem;
use super::query::Term;
use super::sorted::{self, Paging, Place, moment};
use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::limits;

const PAGING: Paging =
    Paging { sorts: &["created", "id", "name", "updated"], most: limits::LISTS_PAGE_MAX };

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

    fn place(&self, sort: &str) -> Place {
        let key = match sort {
            "name" => self.name.to_owned(),
            "created" => moment(self.created),
            "updated" => moment(self.updated),
            _ => String::new(),
        };
        (key, self.id.to_string())
    }
}

/// The groups of the page that the query asks for, and the cursor of the next one.
///
/// # Errors
/// Where the query asks for what there is not.
pub(super) fn page<T>(
    call: &Call,
    found: Vec<T>,
    entry: impl Fn(&T) -> Entry<'_>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    sorted::page(call, found, &PAGING, |group, sort| entry(group).place(sort))
}
