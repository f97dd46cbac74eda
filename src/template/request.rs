//! A whole request: its URL, query, headers and body, each checked and rendered in its own way.

use url::Url;

use super::context::Context;
use super::fault::TemplateFault;
use super::sink::Medium;
use super::text::Known;
use super::{Escaping, RenderedRequest, RequestTemplate, address, headers, text};
use crate::json::push_key;
use crate::limits::TEMPLATE_QUERY_PAIRS_MAX;
use crate::limits::TEMPLATE_SOURCE_BYTES_MAX;

const BODY: &str = "/body";

/// The pointer of a pair of the query.
fn pair_field(name: &str) -> String {
    let mut pointer = "/query".to_owned();
    push_key(&mut pointer, name);
    pointer
}

fn medium_of_body(template: &RequestTemplate) -> Medium {
    match template.escaping {
        Escaping::Klaviyo => Medium::Klaviyo,
        Escaping::Context => headers::medium(headers::content_type(&template.headers)),
    }
}

/// Bytes of all templates together.
fn source_bytes(template: &RequestTemplate) -> usize {
    let pairs = template.query.iter().chain(&template.headers);
    let pairs: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    template.url.len() + template.body.len() + pairs
}

/// Checks all but the templates themselves, and gives the URL's origin.
fn check_shape(template: &RequestTemplate) -> Result<Url, TemplateFault> {
    if source_bytes(template) > TEMPLATE_SOURCE_BYTES_MAX {
        let most = TEMPLATE_SOURCE_BYTES_MAX;
        let message = format!("URL, query, headers and body have over {most} bytes together");
        return Err(TemplateFault::of_field("", message));
    }
    if template.query.len() > TEMPLATE_QUERY_PAIRS_MAX {
        let message = format!("more than {TEMPLATE_QUERY_PAIRS_MAX} pairs");
        return Err(TemplateFault::of_field("/query", message));
    }
    if let Some((name, _)) = template.query.iter().find(|(name, _)| name.is_empty()) {
        let message = "a pair of the query has no name";
        return Err(TemplateFault::of_field(&pair_field(name), message));
    }
    headers::check_names(&template.headers)?;
    address::origin(&template.url)
}

/// See [`super::check`].
pub(super) fn check(template: &RequestTemplate) -> Result<(), TemplateFault> {
    let origin = check_shape(template)?;
    let is_strict = template.is_strict;
    let in_url = text::manner_of_field(Medium::Percent, is_strict);
    text::check(address::FIELD, &template.url, in_url)?;
    if !template.url.contains("{{") && !template.url.contains("{%") {
        address::finished(&template.url, &origin, &[])?;
    }
    let plain = text::manner_of_field(Medium::Plain, is_strict);
    for (name, value) in &template.query {
        let field = pair_field(name);
        text::check(&field, name, plain)?;
        text::check(&field, value, plain)?;
    }
    headers::check_values(&template.headers, is_strict)?;
    if template.body.is_empty() {
        return Ok(());
    }
    text::check(BODY, &template.body, text::manner_of_body(medium_of_body(template), is_strict))
}

/// See [`super::render`].
pub(super) fn render(
    template: &RequestTemplate,
    given: &serde_json::Value,
    known: &mut Known,
) -> Result<RenderedRequest, TemplateFault> {
    let origin = check_shape(template)?;
    let context = Context::new(given);
    let is_strict = template.is_strict;
    let plain = text::manner_of_field(Medium::Plain, is_strict);
    let mut pairs = Vec::with_capacity(template.query.len());
    for (name, value) in &template.query {
        let field = pair_field(name);
        let name = text::render(&field, (name, plain), &context, known)?;
        pairs.push((name, text::render(&field, (value, plain), &context, known)?));
    }
    let in_url = text::manner_of_field(Medium::Percent, is_strict);
    let rendered = text::render(address::FIELD, (&template.url, in_url), &context, known)?;
    let url = address::finished(&rendered, &origin, &pairs)?;
    let mut headers = headers::render(&template.headers, is_strict, &context, known)?;
    let in_body = text::manner_of_body(medium_of_body(template), is_strict);
    let body = text::render(BODY, (&template.body, in_body), &context, known)?;
    headers::complete(&mut headers, &body);
    Ok(RenderedRequest { url, headers, body })
}
