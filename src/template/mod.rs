//! Templated requests: what a webhook step sends, with values of the person and the event filled
//! in so that no value can break the request or add anything to it.
//!
//! A template is written as in Klaviyo (Django's syntax; contract: wire.md §2.4), and Jinja's own
//! ways of writing do too. The way of a template: `lex` splits it into text, values and tags;
//! `token`, `expr`, `parse` and `tags` read those into a tree (`nodes`), with bounds on
//! its height; `compile` writes the tree as source of minijinja that holds nothing of the
//! user's; `run` lets the engine walk it, with fuel; all output goes into `sink`, which knows
//! in which context every value arrives; and `request` puts URL (`address`), headers and body
//! together. Nothing here does I/O or reads a clock. A hostile template can still take time and
//! memory up to the bounds of `limits/templates.rs`: rendering belongs into a worker process that
//! can be killed.
//!
//! # What values become
//!
//! | where a value stands | what goes out |
//! |---|---|
//! | JSON, inside of a string | its text, escaped as content of a JSON string; lists and objects as their JSON, escaped; nothing as nothing |
//! | JSON, in place of a value | the value as JSON: texts in quotes, nothing as `null` |
//! | … a text that the author wrote (`default:'0'`, `yesno:'true,false'`), or a number that a filter wrote (`floatformat`), or `tojson` | itself, if it is JSON by itself; else a text in quotes |
//! | URL, form body | its text, percent-encoded but for letters, digits and `-._~` |
//! | query pair | its text, form-encoded |
//! | HTML, XML | its text, with `& < > " '` escaped, unless `safe` or `autoescape off` |
//! | header, plain text | its text |
//! | any body with [`Escaping::Klaviyo`] | its text as Python writes it, escaped for HTML, unless `safe` or `autoescape off` |
//!
//! The `Content-Type` decides what a body is; JSON where there is none. A JSON body is read again
//! after rendering: what is no JSON, or has a key twice, is a fault. `safe` and `autoescape` change
//! nothing in JSON, URLs and headers. Nothing (not set, or `null`) has an empty text, but
//! `Escaping::Klaviyo` writes `None` for `null`. In a strict template, what is not set is a fault
//! where it would go out, be calculated with or be looped over; `if`, `default`, `is defined`,
//! `yesno`, `lookup` and comparisons may ask about it.
//!
//! # Names
//!
//! | name | is |
//! |---|---|
//! | `event` | the properties of the event, or nothing |
//! | `person`, `profile` | the person |
//! | `organization`, `flow`, `outputs` | the account, the flow, what earlier steps put out |
//! | `first_name`, `last_name`, `full_name`, `email`, `phone_number`, `title`, `external_id` | the person's |
//! | `now`, `timezone` | the moment of the render, and the zone that it is shown in |
//! | `forloop.…`, `loop.…` | `counter`, `counter0`, `revcounter`, `revcounter0`, `index`, `index0`, `revindex`, `revindex0`, `first`, `last`, `length`, `parentloop` |
//!
//! A path goes through objects and lists: `event.items.0.name`, `event['items'][0]`,
//! `event|lookup:'Item Name'|lookup:'0'`. An object that has no member of the name answers to
//! `items`, `keys` and `values`. What is not there is nothing, at any depth.
//!
//! # Expressions
//!
//! `or`, `and`, `not`, `== != < > <= >=`, `in`, `not in`, `is [not] defined|undefined|none|string|
//! number|integer|boolean|mapping|sequence|iterable|odd|even|divisibleby(n)`, `~`, `+ - * / // %`,
//! `a if b else c`, `[a, b]`, `range(…)`, filters as `|name`, `|name:'x'` (no blank behind the
//! colon) or `|name('x', 2)`. Comparing what can not be compared is false; calculating with it is a
//! fault. Text that is a number counts as one in filters and arithmetic, not in comparisons.
//!
//! # Tags
//!
//! | tag | |
//! |---|---|
//! | `if`, `elif`, `else` | |
//! | `for … in … [reversed]`, `empty` or `else` | lists, characters of texts, keys of objects; `for key, value in x.items` |
//! | `with a=b c=d`, `set a = b` | |
//! | `comment`, `{# … #}`, `verbatim`, `raw` | |
//! | `autoescape on\|off`, `spaceless` | |
//! | `firstof`, `cycle`, `widthratio`, `now "…"`, `today "…"`, each with `as name` | `now` and `today` are the same |
//! | `ifchanged [values]`, `else` | |
//! | `templatetag` | |
//! | `current_day`, `current_month`, `current_year`, `current_weekday`, `current_month_name` | in the given zone |
//!
//! Message tags (`unsubscribe` and its like), catalogues, coupons, custom objects, other files,
//! macros and captures are refused by name when a template is saved: `refused` has the list and
//! the advice. `{%-` and `-%}` drop blanks as in Jinja.
//!
//! # Filters
//!
//! | kind | filters |
//! |---|---|
//! | presence | `default` `d` `default_if_none` `lookup` |
//! | texts | `append` `prepend` `capitalize` `capfirst` `title` `upcase` `upper` `downcase` `lower` `string` `strip` `trim` `lstrip` `rstrip` `strip_newlines` `strip_html` `striptags` `find_replace` `replace` `replace_first` `replace_last` `remove` `cut` `remove_first` `remove_last` `split` `resplit` `truncate` `truncatechars` `truncatewords` `wordcount` `slugify` `addslashes` `pluralize` `yesno` `center` `ljust` `rjust` `wordwrap` `stringformat` |
//! | numbers | `abs` `at_least` `at_most` `ceil` `floor` `round` `round_up` `round_down` `divide` `multiply` `modulo` `remainder` `floatadd` `plus` `floatsub` `minus` `add` `floatformat` `percentize` `gt` `gte` `lt` `lte` `divisibleby` `int` `float` `get_digit` |
//! | lists | `count` `length` `size` `length_is` `first` `last` `list` `make_list` `compact` `concat` `join` `list_to_string` `list_where` `dictfilter` `map` `sum_list` `sum` `min` `max` `slice` `reverse` `sort` `dictsort` `dictsortreversed` `sort_natural` `uniq` `unique` |
//! | dates | `date` `time` `days_later` `weeks_since` `datetime_from_string` `format_date_string` |
//! | other forms | `base64_encode` `base64_decode` `base64_url_safe_encode` `base64_url_safe_decode` `md5_hash` `sha_1` `sha_256` `urlencode` `urlencodeplus` `urldecode` `urldecodeplus` `httpize` `httpsize` `trim_slash` `escape` `e` `force_escape` `escape_once` `escapejs` `newline_to_br` `linebreaksbr` `safe` `tojson` `json` |
//!
//! What the contract leaves open, and what is chosen here: `default` answers for all that is false,
//! as in Django, in both ways of writing; dates keep the offset that they are written with, and
//! those without one are UTC; a text that is no date, and a division by zero, are faults instead of
//! holes; `round` rounds halves away from zero; `truncate` counts its three dots.

use serde::{Deserialize, Serialize};

mod address;
mod compile;
mod context;
mod expr;
mod fault;
mod filters;
mod headers;
mod lex;
mod nodes;
mod operators;
mod parse;
mod refused;
mod request;
mod run;
mod sink;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod values;

pub use fault::TemplateFault;

use context::Context;
use run::Manner;
use sink::Medium;
use text::Known;

/// What a webhook step sends, before values are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestTemplate {
    /// Scheme, host and port written out; tags may stand in the path and the query.
    pub url: String,
    /// Pairs that are put to the URL's own query; names and values are templates.
    pub query: Vec<(String, String)>,
    /// Names written out, values templates. `Content-Type` has no tags.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: String,
    /// How values are escaped in the body.
    pub escaping: Escaping,
    /// Whether what is not set is a fault instead of empty.
    pub is_strict: bool,
}

/// How values are escaped in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escaping {
    /// By the context that they stand in; a JSON body is always JSON.
    #[default]
    Context,
    /// As Klaviyo does it, for receivers that undo it: escaped for HTML, lists and objects as
    /// Python writes them, and JSON is not checked.
    Klaviyo,
}

/// A request, ready to be signed and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedRequest {
    /// The URL with its query.
    pub url: String,
    /// The headers as they are sent; `Content-Type` is among them where there is a body.
    pub headers: Vec<(String, String)>,
    /// The body; empty where there is none.
    pub body: String,
}

/// What a single text is, and so how values are escaped in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextKind {
    /// JSON, which is checked.
    Json,
    /// HTML or XML.
    Html,
    /// A form body, or a part of a URL.
    Form,
    /// Plain text.
    Plain,
}

/// Whether the template can be saved.
///
/// # Errors
/// The first thing that is wrong: syntax, unknown or refused tags and filters, a URL without a
/// literal origin, headers that can not be chosen, a body without tags that is not what its
/// content type says, anything over its bound.
pub fn check(template: &RequestTemplate) -> Result<(), TemplateFault> {
    request::check(template)
}

/// Fills in the values of `context`: `event` (or null), `person`, `organization`, `flow`,
/// `outputs`, `now` (RFC 3339) and `timezone` (of the IANA).
///
/// # Errors
/// What [`check`] finds, and what only shows with values: a body that is no JSON, a value that
/// would change the URL's origin or path or break a header, a filter that can not work with its
/// value, something that is not set in a strict template, more work or output than allowed.
pub fn render(
    template: &RequestTemplate,
    context: &serde_json::Value,
) -> Result<RenderedRequest, TemplateFault> {
    request::render(template, context, &mut Known::default())
}

/// A template that is filled in for many requests: what is read of it is read once. Of the values
/// of one request nothing is kept for the next.
pub struct Prepared {
    template: RequestTemplate,
    known: Known,
}

impl Prepared {
    /// Reads nothing yet: what is wrong with a part shows when it is rendered, as by [`render`].
    #[must_use]
    pub fn new(template: RequestTemplate) -> Self {
        Self { template, known: Known::default() }
    }

    /// The template.
    #[must_use]
    pub const fn template(&self) -> &RequestTemplate {
        &self.template
    }

    /// As [`render`].
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(
        &mut self,
        context: &serde_json::Value,
    ) -> Result<RenderedRequest, TemplateFault> {
        request::render(&self.template, context, &mut self.known)
    }
}

fn manner(kind: TextKind, escaping: Escaping, is_strict: bool) -> Manner {
    let medium = match (escaping, kind) {
        (Escaping::Klaviyo, _) => Medium::Klaviyo,
        (Escaping::Context, TextKind::Json) => Medium::Json,
        (Escaping::Context, TextKind::Html) => Medium::Html,
        (Escaping::Context, TextKind::Form) => Medium::Percent,
        (Escaping::Context, TextKind::Plain) => Medium::Plain,
    };
    text::manner_of_body(medium, is_strict)
}

/// Whether a single text can be saved; the fault has no field.
///
/// # Errors
/// As [`check`], for the text alone.
pub fn check_text(source: &str, kind: TextKind, escaping: Escaping) -> Result<(), TemplateFault> {
    text::check("", source, manner(kind, escaping, false))
}

/// Renders a single text, as for the preview of one field; not strict.
///
/// # Errors
/// As [`render`], for the text alone.
pub fn render_text(
    source: &str,
    kind: TextKind,
    escaping: Escaping,
    context: &serde_json::Value,
) -> Result<String, TemplateFault> {
    let manner = manner(kind, escaping, false);
    text::render("", (source, manner), &Context::new(context), &mut Known::default())
}
