//! Query parameters: read once, refused by name where they are unknown or wrong.
//!
//! The grammar of `filter`, `fields[…]`, `include` and `page[…]` is the contract's (wire.md §4.1,
//! §5.2, §5.4). A route names what it takes; everything else is a 400 that says so.

mod filter;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded;

pub(super) use self::filter::{Known, Term, TermValue, check, parse as parse_filter};
use super::error::Problem;
use crate::json::nearest_name;
use crate::store::Order;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the query of a URL; `allowed` are the names that the route takes.
    ///
    /// # Errors
    /// Where a name is not allowed or stands twice.
    pub(super) fn parse(query: Option<&str>, allowed: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !allowed.contains(&&*name) {
                let known = match allowed {
                    [] => "this call takes none".to_owned(),
                    some => format!("this call takes {}", some.join(", ")),
                };
                return Err(Problem::parameter(&name, format!("is not a parameter here; {known}")));
            }
            if pairs.iter().any(|(of, _)| *of == name) {
                return Err(Problem::parameter(&name, "stands twice"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self { pairs })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// A list of names separated by commas, each of which must be known.
    fn names(&self, parameter: &str, known: &[&str]) -> Result<Option<Vec<&str>>, Problem> {
        let Some(text) = self.get(parameter) else { return Ok(None) };
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
        checked(parameter, names, known).map(Some)
    }

    /// The fields of `kind` to show; `None` for all.
    pub(super) fn fields(&self, kind: &str, known: &[&str]) -> Result<Option<Vec<&str>>, Problem> {
        self.names(&format!("fields[{kind}]"), known)
    }

    /// As [`Query::fields`], where a name may be a path into one of them: whoever names a part, as
    /// `definition.actions`, sees the whole.
    pub(super) fn fields_or_parts<'q>(
        &'q self,
        kind: &str,
        known: &[&'q str],
    ) -> Result<Option<Vec<&'q str>>, Problem> {
        let parameter = format!("fields[{kind}]");
        let Some(text) = self.get(&parameter) else { return Ok(None) };
        let whole = |name: &'q str| match name.split_once('.') {
            Some((whole, part)) if !part.is_empty() => whole,
            _ => name,
        };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(whole);
        checked(&parameter, names.collect(), known).map(Some)
    }

    /// The fields of `kind` to show besides; none where nothing is said.
    pub(super) fn additional_fields(
        &self,
        kind: &str,
        known: &[&str],
    ) -> Result<Vec<&str>, Problem> {
        Ok(self.names(&format!("additional-fields[{kind}]"), known)?.unwrap_or_default())
    }

    /// What to include.
    pub(super) fn include(&self, known: &[&str]) -> Result<Vec<&str>, Problem> {
        Ok(self.names("include", known)?.unwrap_or_default())
    }

    /// `page[size]`, from 1 to `most`.
    pub(super) fn page_size(&self, default: usize, most: usize) -> Result<usize, Problem> {
        const NAME: &str = "page[size]";
        let Some(text) = self.get(NAME) else { return Ok(default) };
        match text.parse() {
            Ok(size) if (1..=most).contains(&size) => Ok(size),
            _ => Err(Problem::parameter(NAME, format!("must be a number from 1 to {most}"))),
        }
    }

    /// `page[cursor]`, read back to what [`cursor`] made it from.
    pub(super) fn cursor(&self) -> Result<Option<String>, Problem> {
        const NAME: &str = "page[cursor]";
        let Some(given) = self.get(NAME).filter(|text| !text.is_empty()) else { return Ok(None) };
        let wrong = || Problem::parameter(NAME, "is not a cursor that this call gave out");
        read_cursor(given).map(Some).ok_or_else(wrong)
    }

    /// The terms of `filter`, all of which must hold. `known` has each field with its operators.
    ///
    /// # Errors
    /// Where the text is no filter, or names what is not known.
    pub(super) fn filter(&self, known: &Known<'_>) -> Result<Vec<Term>, Problem> {
        let Some(text) = self.get(filter::NAME) else { return Ok(Vec::new()) };
        let wrong = |why: String| Problem::parameter(filter::NAME, why);
        let terms = parse_filter(text).map_err(wrong)?;
        terms.iter().try_for_each(|term| check(term, known)).map_err(wrong)?;
        Ok(terms)
    }

    /// What to sort by, and which way: `created`, or `-created` for the largest first.
    ///
    /// # Errors
    /// Where it is none of `known`.
    pub(super) fn sort<'k>(&self, known: &[&'k str]) -> Result<Option<(&'k str, Order)>, Problem> {
        const NAME: &str = "sort";
        let Some(text) = self.get(NAME) else { return Ok(None) };
        let (name, order) = match text.strip_prefix('-') {
            Some(name) => (name, Order::Descending),
            None => (text, Order::Ascending),
        };
        match known.iter().find(|of| **of == name) {
            Some(name) => Ok(Some((name, order))),
            None => {
                let hint = hint(name, known);
                let why = format!("`{text}` is not known here; {hint}; a `-` before it sorts down");
                Err(Problem::parameter(NAME, why))
            }
        }
    }

    /// The query with its cursor replaced, for links; names and values percent-encoded.
    pub(super) fn with_cursor(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs.iter().filter(|(name, _)| name != "page[cursor]") {
            query.append_pair(name, value);
        }
        query.append_pair("page[cursor]", cursor);
        query.finish()
    }

    /// The query as it was given, for the link to itself.
    pub(super) fn to_text(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }
}

fn checked<'q>(
    parameter: &str,
    names: Vec<&'q str>,
    known: &[&str],
) -> Result<Vec<&'q str>, Problem> {
    match names.iter().find(|name| !known.contains(name)) {
        Some(unknown) => {
            let hint = hint(unknown, known);
            Err(Problem::parameter(parameter, format!("`{unknown}` is not known here; {hint}")))
        }
        None => Ok(names),
    }
}

/// The token of a cursor: unpadded, so that `=` never means anything.
pub(super) fn cursor(of: &str) -> String {
    URL_SAFE_NO_PAD.encode(of)
}

/// What [`cursor`] made a token from. Three spellings are taken (contract: wire.md §5.4): the token,
/// the token behind a `=`, and a whole URL.
pub(super) fn read_cursor(given: &str) -> Option<String> {
    let token = match given.split_once('?') {
        Some((_, query)) => form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "page[cursor]")
            .map_or(Cow::Borrowed(""), |(_, value)| value),
        None => Cow::Borrowed(given.trim_start_matches('=')),
    };
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.as_bytes()).ok()?).ok()
}

/// What there is where something unknown was named, and what of it was probably meant.
fn hint(unknown: &str, known: &[&str]) -> String {
    let there = if known.len() == 1 { "there is" } else { "there are" };
    let all = known.join(", ");
    match nearest_name(unknown, known) {
        Some(name) => format!("{there} {all}; did you mean `{name}`?"),
        None => format!("{there} {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        let allowed =
            ["filter", "fields[webhook]", "include", "page[size]", "page[cursor]", "sort"];
        Query::parse(Some(text), &allowed).unwrap()
    }

    #[test]
    fn a_cursor_is_taken_in_three_spellings() {
        let token = cursor("SkDfHe");
        assert!(!token.contains('='));
        for given in [
            token.clone(),
            format!("%3D{token}"),
            format!("http%3A%2F%2Fh%2Fapi%2Fmetrics%3Fpage%255Bcursor%255D%3D{token}"),
        ] {
            let found = query(&format!("page%5Bcursor%5D={given}")).cursor().unwrap();
            assert_eq!(found.as_deref(), Some("SkDfHe"), "{given}");
        }
        assert!(query("page[cursor]=***").cursor().is_err());
    }

    #[test]
    fn both_spellings_of_the_sdks_parse() {
        let python = "filter=equals%28a.b%2C%22x%2Cy%29%22%29%2Cgreater-or-equal%28c%2C3%29";
        let node = "filter=equals(a.b,%22x,y)%22),greater-or-equal(c,3)";
        for text in [python, node] {
            let known: &Known<'_> = &[("a.b", &["equals"]), ("c", &["greater-or-equal"])];
            let terms = query(text).filter(known).unwrap();
            let shown: Vec<_> = terms
                .iter()
                .map(|term| (term.operator.as_str(), term.field.as_str(), term.text().unwrap()))
                .collect();
            assert_eq!(shown, [("equals", "a.b", "x,y)"), ("greater-or-equal", "c", "3")]);
        }
        let told = format!("{:?}", query("filter=equals(d,1)").filter(&[]).unwrap_err());
        assert!(told.contains("(\"parameter\", \"filter\")"), "{told}");
    }

    #[test]
    fn a_part_of_a_field_is_the_whole_field() {
        let fields = |text: &str| {
            let query = query(&format!("fields[webhook]={text}"));
            query.fields_or_parts("webhook", &["definition", "name"]).map(|found| {
                found.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
            })
        };
        let found = fields("definition.actions.data,name").unwrap().unwrap();
        assert_eq!(found, ["definition", "name"]);
        for wrong in ["definitions", "definition.", "other.actions"] {
            assert!(fields(wrong).is_err(), "{wrong}");
        }
        assert_eq!(query("").fields_or_parts("webhook", &[]).unwrap(), None);
    }

    #[test]
    fn a_sort_is_one_field_and_a_direction() {
        let known = ["created", "name"];
        let sort = |text: &str| query(text).sort(&known);
        assert_eq!(sort("").unwrap(), None);
        assert_eq!(sort("sort=created").unwrap(), Some(("created", Order::Ascending)));
        assert_eq!(sort("sort=-name").unwrap(), Some(("name", Order::Descending)));
        for wrong in ["sort=", "sort=-", "sort=nam", "sort=--name", "sort=created,name"] {
            let told = format!("{:?}", sort(wrong).unwrap_err());
            assert!(told.contains("there are created, name"), "{wrong}: {told}");
            assert!(told.contains("(\"parameter\", \"sort\")"), "{told}");
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        let wrong = Query::parse(Some("fields[webhook]=name&nope=1"), &["fields[webhook]"]);
        assert!(format!("{:?}", wrong.unwrap_err()).contains("nope"));
        assert!(query("fields[webhook]=name,nope").fields("webhook", &["name"]).is_err());
        assert!(query("page[size]=0").page_size(20, 100).is_err());
        assert_eq!(query("page[size]=7").page_size(20, 100).unwrap(), 7);
    }
}
