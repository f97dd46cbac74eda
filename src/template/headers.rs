//! The headers of a templated request: names are written out, values may have tags, and one that
//! does not fit is refused by its name instead of being mended or dropped.

use std::collections::BTreeSet;

use super::TemplateFault;
use super::context::Context;
use super::fault::Flaw;
use super::lex::{PieceKind, pieces};
use super::sink::Medium;
use super::text;
use super::text::Known;
use crate::json::push_key;
use crate::limits::TEMPLATE_HEADER_VALUE_BYTES_MAX;
use crate::limits::TEMPLATE_HEADERS_BYTES_MAX;
use crate::limits::TEMPLATE_HEADERS_MAX;
use crate::limits::TEMPLATE_NAME_BYTES_MAX;

/// Headers that frame the message, or that are ours.
const TAKEN: [&str; 17] = [
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "tidings-signature",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-hub-signature-256",
    "x-klaviyo-flow-id",
];
/// And all that begin with these, which carry signatures.
const TAKEN_PREFIXES: [&str; 2] = ["klaviyo-", "webhook-"];
/// What the body is where no header says so.
const USUAL_TYPE: &str = "application/json";
const CONTENT_TYPE: &str = "content-type";

/// The pointer of a header.
fn field(name: &str) -> String {
    let mut pointer = "/headers".to_owned();
    push_key(&mut pointer, name);
    pointer
}

/// The type of the body.
pub(super) fn content_type(headers: &[(String, String)]) -> Option<&str> {
    let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    found.map(|(_, value)| value.as_str())
}

/// How values are escaped in a body of this type.
pub(super) fn medium(content_type: Option<&str>) -> Medium {
    let full = content_type.unwrap_or(USUAL_TYPE).to_ascii_lowercase();
    let essence = full.split(';').next().unwrap_or_default().trim();
    let kind = essence.split_once('/').map_or("", |(_, kind)| kind);
    match essence {
        _ if kind == "json" || kind.ends_with("+json") => Medium::Json,
        "application/x-www-form-urlencoded" => Medium::Percent,
        "text/html" => Medium::Html,
        _ if kind == "xml" || kind.ends_with("+xml") => Medium::Html,
        _ => Medium::Plain,
    }
}

/// Checks all but the templates of the values: how many there are, their names, and that the
/// content type has no tags.
pub(super) fn check_names(headers: &[(String, String)]) -> Result<(), TemplateFault> {
    if headers.len() > TEMPLATE_HEADERS_MAX {
        let message = format!("more than {TEMPLATE_HEADERS_MAX} headers");
        return Err(TemplateFault::of_field("/headers", message));
    }
    let mut names = BTreeSet::new();
    for (name, value) in headers {
        let field = field(name);
        let fault = |message: String| Err(TemplateFault::of_field(&field, message));
        if let Some(why) = wrong_name(name) {
            return fault(why);
        }
        let lower = name.to_ascii_lowercase();
        if lower == CONTENT_TYPE && value.contains(['{', '}']) {
            return fault("the content type decides how values are escaped: no tags".to_owned());
        }
        if !names.insert(lower) {
            return fault(format!("`{name}` stands twice"));
        }
    }
    Ok(())
}

/// Checks the templates of the values, and the text between their tags.
pub(super) fn check_values(
    headers: &[(String, String)],
    is_strict: bool,
) -> Result<(), TemplateFault> {
    for (name, value) in headers {
        let field = field(name);
        text::check(&field, value, text::manner_of_field(Medium::Plain, is_strict))?;
        let pieces = pieces(value).map_err(|flaw| flaw.within(&field, value))?;
        for piece in pieces.iter().filter(|piece| piece.kind == PieceKind::Text) {
            if let Some(at) = piece.text.find(is_unfit) {
                let message = "a header has visible ASCII characters only".to_owned();
                return Err(Flaw { at: piece.at + at, message }.within(&field, value));
            }
        }
    }
    Ok(())
}

fn wrong_name(name: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let fits = (1..=TEMPLATE_NAME_BYTES_MAX).contains(&name.len());
    if !fits || !name.bytes().all(is_token) {
        return Some("is no name of a header: letters, digits and hyphens, and no tags".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    let is_taken = TAKEN.contains(&lower.as_str())
        || TAKEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    is_taken.then(|| format!("`{name}` is set by the sender and can not be chosen"))
}

fn is_unfit(c: char) -> bool {
    !matches!(c, ' '..='~')
}

/// Fills in the values.
pub(super) fn render(
    headers: &[(String, String)],
    is_strict: bool,
    context: &Context,
    known: &mut Known,
) -> Result<Vec<(String, String)>, TemplateFault> {
    let mut rendered = Vec::with_capacity(headers.len() + 1);
    let mut bytes = 0;
    for (name, source) in headers {
        let field = field(name);
        let manner = text::manner_of_field(Medium::Plain, is_strict);
        let value = text::render(&field, (source, manner), context, known)?;
        if let Some(why) = wrong_value(name, &value) {
            return Err(TemplateFault::of_field(&field, why));
        }
        bytes += name.len() + value.len();
        rendered.push((name.clone(), value));
    }
    if bytes > TEMPLATE_HEADERS_BYTES_MAX {
        let message = format!("the headers have more than {TEMPLATE_HEADERS_BYTES_MAX} bytes");
        return Err(TemplateFault::of_field("/headers", message));
    }
    Ok(rendered)
}

fn wrong_value(name: &str, value: &str) -> Option<String> {
    if value.len() > TEMPLATE_HEADER_VALUE_BYTES_MAX {
        let most = TEMPLATE_HEADER_VALUE_BYTES_MAX;
        return Some(format!("the value of `{name}` came out longer than {most} bytes"));
    }
    let bad = value.chars().find(|c| is_unfit(*c))?;
    let what = match bad {
        '\r' | '\n' => "a line break".to_owned(),
        '\0' => "a NUL".to_owned(),
        c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        c => format!("`{c}`, which is not ASCII (|urlencode writes it so)"),
    };
    Some(format!("the value of `{name}` came out with {what}"))
}

/// Says what the body is, where there is one and no header does.
pub(super) fn complete(headers: &mut Vec<(String, String)>, body: &str) {
    if !body.is_empty() && content_type(headers).is_none() {
        headers.push(("Content-Type".to_owned(), USUAL_TYPE.to_owned()));
    }
}
