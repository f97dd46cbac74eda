//! Query parameters: read once, refused by name where they are unknown or wrong.
//!
//! The grammar of `filter`, `fields[…]`, `include` and `page[…]` is the contract's (wire.md §4.1,
//! §5.2, §5.4). A route names what it takes; everything else is a 400 that says so.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded;

use super::error::Problem;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// One term of a `filter`: `operator(field,value)`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) operator: String,
    pub(super) field: String,
    pub(super) value: String,
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
        match names.iter().find(|name| !known.contains(name)) {
            Some(unknown) => {
                let known = known.join(", ");
                Err(Problem::parameter(
                    parameter,
                    format!("`{unknown}` is not known here; there are {known}"),
                ))
            }
            None => Ok(Some(names)),
        }
    }

    /// The fields of `kind` to show; `None` for all.
    pub(super) fn fields(&self, kind: &str, known: &[&str]) -> Result<Option<Vec<&str>>, Problem> {
        self.names(&format!("fields[{kind}]"), known)
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

    /// `page[cursor]`, read back to what [`cursor`] made it from. Three spellings are taken
    /// (contract: wire.md §5.4): the token, the token behind a `=`, and a whole URL.
    pub(super) fn cursor(&self) -> Result<Option<String>, Problem> {
        const NAME: &str = "page[cursor]";
        let Some(given) = self.get(NAME).filter(|text| !text.is_empty()) else { return Ok(None) };
        let token = match given.split_once('?') {
            Some((_, query)) => form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == NAME)
                .map_or(Cow::Borrowed(""), |(_, value)| value),
            None => Cow::Borrowed(given.trim_start_matches('=')),
        };
        let wrong = || Problem::parameter(NAME, "is not a cursor that this call gave out");
        let bytes = URL_SAFE_NO_PAD.decode(token.as_bytes()).map_err(|_| wrong())?;
        String::from_utf8(bytes).map(Some).map_err(|_| wrong())
    }

    /// The terms of `filter`, all of which must hold.
    pub(super) fn filter(&self) -> Result<Vec<Term>, Problem> {
        let Some(text) = self.get("filter") else { return Ok(Vec::new()) };
        let mut terms = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (term, after) = next_term(rest).map_err(|why| Problem::parameter("filter", why))?;
            terms.push(term);
            rest = match after.trim_start().strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.trim().is_empty() => "",
                None => return Err(Problem::parameter("filter", "expected `,` between terms")),
            };
        }
        Ok(terms)
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

/// The token of a cursor: unpadded, so that `=` never means anything.
pub(super) fn cursor(of: &str) -> String {
    URL_SAFE_NO_PAD.encode(of)
}

/// Reads one `operator(field,value)` from the front.
fn next_term(text: &str) -> Result<(Term, &str), String> {
    const SHAPE: &str = "a filter is operator(field,value), as equals(state,\"scheduled\")";
    let (operator, rest) = text.split_once('(').ok_or(SHAPE)?;
    let (field, rest) = rest.split_once(',').ok_or(SHAPE)?;
    let rest = rest.trim_start();
    let (value, rest) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(rest, quote).ok_or("a quoted value does not end")?,
        _ => {
            let (bare, _) = rest.split_once(')').ok_or(SHAPE)?;
            (bare.trim().to_owned(), rest.split_at(bare.len()).1)
        }
    };
    let rest = rest.trim_start().strip_prefix(')').ok_or(SHAPE)?;
    let term = Term { operator: operator.trim().to_owned(), field: field.trim().to_owned(), value };
    Ok((term, rest))
}

/// Reads a quoted value, in which a backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((value, text.split_at(at + quote.len_utf8()).1));
        }
        value.push(if character == '\\' { characters.next()?.1 } else { character });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        let allowed = ["filter", "fields[webhook]", "include", "page[size]", "page[cursor]"];
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
            let terms = query(text).filter().unwrap();
            let shown: Vec<_> = terms
                .iter()
                .map(|term| (term.operator.as_str(), term.field.as_str(), term.value.as_str()))
                .collect();
            assert_eq!(shown, [("equals", "a.b", "x,y)"), ("greater-or-equal", "c", "3")]);
        }
        assert!(query("filter=equals(a").filter().is_err());
        assert!(query("filter=equals(a,'x").filter().is_err());
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
