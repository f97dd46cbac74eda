//! Listings that come in pages: as many as are wanted, joined to one document.

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::cli::client::{CliError, Session};
use crate::cli::delivery::next_cursor;
use crate::limits::CLI_PAGES_MAX;

/// A listing of the API.
pub(super) struct Listing<'a> {
    /// Its path.
    pub(super) path: &'a str,
    /// Its `filter`; empty for none.
    pub(super) filter: &'a str,
    /// How many are wanted.
    pub(super) wanted: usize,
    /// How many one page has at most.
    pub(super) page: usize,
}

/// The first of a listing, in the document of the last page; and whether these are all. A page can
/// be short, or empty, and still not be the last.
pub(super) async fn read(
    session: &Session,
    listing: &Listing<'_>,
) -> Result<(Value, bool), CliError> {
    let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let size = (listing.wanted - found.len()).min(listing.page);
        let answer = session.get(&query(listing, size, cursor.as_deref())).await?;
        let mut page: Map<String, Value> = answer.parse()?;
        if let Some(Value::Array(data)) = page.get_mut("data") {
            found.append(data);
        }
        (cursor, pages) = (next_cursor(&page), pages + 1);
        if cursor.is_none() || found.len() >= listing.wanted || pages >= CLI_PAGES_MAX {
            page.insert("data".to_owned(), Value::Array(found));
            return Ok((Value::Object(page), cursor.is_none()));
        }
    }
}

fn query(listing: &Listing<'_>, size: usize, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !listing.filter.is_empty() {
        query.append_pair("filter", listing.filter);
    }
    query.append_pair("page[size]", &size.to_string());
    if let Some(cursor) = cursor {
        query.append_pair("page[cursor]", cursor);
    }
    format!("{}?{}", listing.path, query.finish())
}

/// The `filter` of those terms that are asked for.
pub(super) fn equal<const N: usize>(terms: [(&str, Option<String>); N]) -> String {
    let term = |(field, value): (&str, Option<String>)| {
        Some(format!("equals({field},\"{}\")", escaped(&value?)))
    };
    terms.into_iter().filter_map(term).collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_quotes_what_could_end_it() {
        let none = equal([("a", None), ("b", None)]);
        assert_eq!(none, "");
        let two =
            equal([("name", Some(r#"a"b\"#.to_owned())), ("b", None), ("c", Some("1".into()))]);
        assert_eq!(two, r#"equals(name,"a\"b\\"),equals(c,"1")"#);
    }
}
