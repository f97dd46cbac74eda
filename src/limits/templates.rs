//! The bounds of templated requests, with their reasons.
//!
//! They are the first line: a template that gets past them can still be slow, and then costs the
//! worker that runs it, which others stop.

/// The text of one template: a body that a person wrote is some hundred lines.
pub const TEMPLATE_SOURCE_BYTES_MAX: usize = 128 * 1024;
/// Tags and values of one template; every one of them is compiled anew for each request.
pub const TEMPLATE_NODES_MAX: usize = 4_000;
/// Blocks within blocks. No one can read ten; each takes stack while it is read and compiled.
pub const TEMPLATE_BLOCK_DEPTH_MAX: usize = 16;
/// The height of one expression: parentheses, operators, filters and lookups on top of each
/// other. The engine's parser calls itself for each of them.
pub const TEMPLATE_EXPRESSION_DEPTH_MAX: usize = 32;
/// Words and signs of one tag: the longest condition of a person is some thirty.
pub const TEMPLATE_TAG_TOKENS_MAX: usize = 512;
/// One number or name within a tag.
pub const TEMPLATE_NAME_BYTES_MAX: usize = 128;
/// What one template may put out: more than receivers of webhooks take.
pub const TEMPLATE_OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// One text that a filter or operator makes, checked before it is made where its size is known.
pub const TEMPLATE_VALUE_BYTES_MAX: usize = 256 * 1024;
/// Items of one list that a filter or `range` makes.
pub const TEMPLATE_ITEMS_MAX: usize = 10_000;
/// Levels of lists within lists that a value may have when it is written: what JSON readers take.
pub const TEMPLATE_VALUE_DEPTH_MAX: usize = 100;
/// Steps of the engine, each also paying for 64 bytes of text: a loop over a thousand items with
/// twenty values takes some 300,000, which is a tenth of a second.
pub const TEMPLATE_FUEL: u64 = 1_000_000;
/// The same for a URL, a header, or a half of a query pair: there may be many of them.
pub const TEMPLATE_FIELD_FUEL: u64 = 50_000;
/// Characters of a date's pattern.
pub const TEMPLATE_DATE_PATTERN_BYTES_MAX: usize = 256;
/// Digits behind the point that a filter writes: a double has no more.
pub const TEMPLATE_DECIMALS_MAX: i64 = 20;
/// The compiled size of a pattern of `resplit`.
pub const TEMPLATE_PATTERN_COMPILED_BYTES_MAX: usize = 32 * 1024;
/// The text that `resplit` searches: time grows with it and with the pattern.
pub const TEMPLATE_PATTERN_TEXT_BYTES_MAX: usize = 16 * 1024;
/// The URL that comes out; servers refuse longer ones.
pub const TEMPLATE_URL_BYTES_MAX: usize = 8 * 1024;
/// Pairs of the query.
pub const TEMPLATE_QUERY_PAIRS_MAX: usize = 64;
/// Headers of one request.
pub const TEMPLATE_HEADERS_MAX: usize = 64;
/// One header's value after rendering; servers refuse more in all their headers together.
pub const TEMPLATE_HEADER_VALUE_BYTES_MAX: usize = 4 * 1024;
/// All headers together.
pub const TEMPLATE_HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Characters of the user's line that a fault shows.
pub const TEMPLATE_EXCERPT_CHARS_MAX: usize = 72;
