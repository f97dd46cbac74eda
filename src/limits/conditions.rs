//! Bounds of conditions: the filters of webhooks and of segments.

/// Groups of one filter: each is an "and", and no one reads a filter with more.
pub const CONDITION_GROUPS_MAX: usize = 32;
/// Conditions of one group; many values of one property are one `in`.
pub const CONDITIONS_PER_GROUP_MAX: usize = 32;
/// Values of one `in` or its like: a list of countries or of a shop's brands fits.
pub const CONDITION_VALUES_MAX: usize = 1_000;
/// One string of a filter: names, values, patterns.
pub const CONDITION_TEXT_BYTES_MAX: usize = 1_024;
/// Levels of nesting in a filter: the deepest condition of the contract has ten.
pub const CONDITION_DEPTH_MAX: usize = 12;
/// The text of one regular expression: no one can read a longer one.
pub const CONDITION_PATTERN_BYTES_MAX: usize = 512;
/// One regular expression when compiled: ordinary ones take a tenth. Matching takes time by this
/// and by the text's length; with [`CONDITION_PATTERN_TEXT_BYTES_MAX`], the worst that was found
/// takes 35 ms.
pub const CONDITION_PATTERN_COMPILED_BYTES_MAX: usize = 32 * 1024;
/// Groups within groups of one regular expression.
pub const CONDITION_PATTERN_DEPTH_MAX: u32 = 32;
/// The longest text that a regular expression is tried on: addresses, names and remarks fit.
pub const CONDITION_PATTERN_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Regular expressions of one filter, with the cost of each in mind.
pub const CONDITION_PATTERNS_MAX: usize = 8;
/// The longest span of a relative date, in hours: a hundred years of 365.25 days.
pub const CONDITION_SPAN_HOURS_MAX: i64 = 876_600;
/// Property filters of one metric, each of which has to look into every event of the person.
pub const CONDITION_METRIC_FILTERS_MAX: usize = 16;
/// Steps of one funnel; the paths through a shop that people draw have three to six.
pub const CONDITION_FUNNEL_STEPS_MAX: usize = 10;
/// Events that one step of a funnel looks at, the newest ones: the work of a step grows with their
/// square where a step that must not happen follows it.
pub const CONDITION_FUNNEL_EVENTS_MAX: usize = 1_000;
/// Filters of one consent: there are some ten fields.
pub const CONDITION_CONSENT_FILTERS_MAX: usize = 16;
/// Events that are followed on their way through a window of time to find the moment at which a
/// count or sum is no longer what it has to be; then it is measured anew.
pub const CONDITION_SWEEP_EVENTS_MAX: usize = 1_000;
/// Characters of one value that a fault or an explanation shows.
pub const CONDITION_SHOWN_CHARS_MAX: usize = 80;
