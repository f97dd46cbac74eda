//! The URL of a templated request: its origin is written out, and no value can change it or climb
//! out of the path that it stands in.

use url::Url;

use super::fault::{Checked, TemplateFault, flaw};
use super::lex::{PieceKind, pieces};
use crate::limits::TEMPLATE_URL_BYTES_MAX;

/// The pointer of the URL.
pub(super) const FIELD: &str = "/url";

/// Reads scheme, host and port, which have to stand in the source before the first tag.
pub(super) fn origin(source: &str) -> Result<Url, TemplateFault> {
    literal_origin(source).map_err(|flaw| flaw.within(FIELD, source))
}

fn literal_origin(source: &str) -> Checked<Url> {
    let pieces = pieces(source)?;
    let literal = match pieces.first() {
        Some(piece) if piece.kind == PieceKind::Text => piece.text,
        _ => "",
    };
    let is_whole = pieces.len() <= 1;
    let lower = literal.get(..8).unwrap_or(literal).to_ascii_lowercase();
    if !lower.starts_with("https://") && !lower.starts_with("http://") {
        return flaw(0, "the URL must begin with https:// or http:// and the host, written out");
    }
    let Some((scheme, rest)) = literal.split_once("://") else {
        return flaw(0, "the URL has no host");
    };
    let end = rest.find(['/', '?', '#']);
    if end.is_none() && !is_whole {
        let at = literal.len();
        return flaw(at, "scheme, host and port must be written out, up to a `/`, `?` or `#`");
    }
    let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    if authority.contains('@') {
        return flaw(0, "a URL must not have a user or password: use a header");
    }
    if let Some(bad) = literal.find(is_unfit) {
        return flaw(bad, "a URL has no blanks, control characters or backslashes");
    }
    let parsed = Url::parse(&format!("{scheme}://{authority}/"));
    parsed.or_else(|error| flaw(0, format!("the URL can not be used: {error}")))
}

fn is_unfit(c: char) -> bool {
    c.is_control() || c.is_whitespace() || c == '\\'
}

/// Checks what came out against the origin of the source, and puts the pairs of the query to it.
pub(super) fn finished(
    rendered: &str,
    origin: &Url,
    pairs: &[(String, String)],
) -> Result<String, TemplateFault> {
    let fault = |message: String| TemplateFault::of_field(FIELD, message);
    if rendered.contains(is_unfit) {
        return Err(fault("what came out has blanks, control characters or backslashes".into()));
    }
    let mut url =
        Url::parse(rendered).map_err(|error| fault(format!("what came out is no URL: {error}")))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.origin() != origin.origin() || has_user {
        return Err(fault("a value changed the scheme, host or port".to_owned()));
    }
    if segments(rendered).any(is_dots) {
        let message = "a part of the path is `.` or `..`, which would leave its place";
        return Err(fault(message.to_owned()));
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    let url = String::from(url);
    if url.len() > TEMPLATE_URL_BYTES_MAX {
        return Err(fault(format!("the URL is longer than {TEMPLATE_URL_BYTES_MAX} bytes")));
    }
    Ok(url)
}

/// The parts of the path, as they are written.
fn segments(url: &str) -> impl Iterator<Item = &str> {
    let behind = url.split_once("://").map_or("", |(_, rest)| rest);
    let end = behind.find(['?', '#']).unwrap_or(behind.len());
    behind.get(..end).unwrap_or_default().split('/').skip(1)
}

/// `.` and `..`, also where their dots are percent-encoded.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}
