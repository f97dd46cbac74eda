//! Why a filter holds or does not, in sentences that a support person can read.

use std::fmt;

use serde_json::Value;

use super::At;
use super::dates::Moment;
use super::numbers::Number;
use super::path::Found;
use super::predicate::Test;
use super::texts::TextTest;
use crate::json::object::shown;
use crate::limits;

/// Names of one sentence that are listed; the others are counted.
const LISTED_MAX: usize = 3;

/// What a filter says about one subject. It holds if every group does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The groups, in the order of the filter.
    pub groups: Vec<ExplainedGroup>,
}

/// What one group says. It holds if one of its conditions does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedGroup {
    /// The conditions, in the order of the filter.
    pub conditions: Vec<ExplainedCondition>,
}

/// What one condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedCondition {
    /// Whether it holds.
    pub held: bool,
    /// The fact that decided, with values of the subject in it, each shortened.
    pub reason: String,
}

impl Explanation {
    /// Whether the filter holds.
    #[must_use]
    pub fn held(&self) -> bool {
        self.groups.iter().all(ExplainedGroup::held)
    }
}

impl ExplainedGroup {
    /// Whether the group holds.
    #[must_use]
    pub fn held(&self) -> bool {
        self.conditions.iter().any(|condition| condition.held)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |held| if held { "holds" } else { "does not hold" };
        for (place, group) in self.groups.iter().enumerate() {
            writeln!(f, "group {} {}", place + 1, said(group.held()))?;
            for condition in &group.conditions {
                writeln!(f, "  {}: {}", said(condition.held), condition.reason)?;
            }
        }
        Ok(())
    }
}

/// The reason why a condition on one metric does not hold for an event of another, or for none.
pub(super) fn other_metric(wanted: &str, found: Option<&str>) -> String {
    let wanted = shown(wanted);
    match found {
        Some(found) => format!("the event's metric is `{found}`, not `{wanted}`"),
        None => format!("there is no event of metric `{wanted}`"),
    }
}

/// Texts after "one of": a few of them, and the number of the others.
pub(super) fn some_of(texts: impl ExactSizeIterator<Item = String>) -> String {
    let more = texts.len().saturating_sub(LISTED_MAX);
    let listed: Vec<_> = texts.take(LISTED_MAX).collect();
    let listed = listed.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

/// Ids in a sentence: `a`, `b` and 3 more.
pub(super) fn shown_list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<_> = ids.map(|id| format!("`{}`", shown(id))).collect();
    some_of(ids.into_iter())
}

/// A text in quotes, shortened.
pub(super) fn quoted(text: &str) -> String {
    Value::from(shown(text)).to_string()
}

/// The fact that decided about a condition, in its positive sense: "`Brand` is "Y", not equal to
/// "X"".
pub(super) fn reason(name: &str, test: &Test, found: Option<&Found<'_, '_>>, at: &At) -> String {
    let name = shown(name);
    let mut seen = Seen::default();
    if let Some(found) = found {
        found.any(&mut |value| seen.look(value, test, at));
    }
    let Some(first) = &seen.first else {
        let what = if seen.has_empty_list { "an empty list" } else { "not set" };
        return format!("`{name}` is {what}");
    };
    let phrase = test.phrase();
    match (&seen.meeting, seen.count) {
        _ if *test == Test::IsSet => format!("`{name}` is set, to {first}"),
        (Some(_), 1) => format!("`{name}` is {first}, {phrase}"),
        (None, 1) => match &seen.misfit {
            Some(misfit) => format!("`{name}` is {first}, {misfit} and not {}", test.expected()),
            None => format!("`{name}` is {first}, not {phrase}"),
        },
        (Some(meeting), _) => format!("`{name}` has {meeting}, {phrase}"),
        (None, count) => {
            format!("`{name}` has {count} values, the first {first}; none of them is {phrase}")
        }
    }
}

/// What a walk over the values of a condition has met.
#[derive(Default)]
struct Seen {
    count: usize,
    /// The first value, shortened.
    first: Option<String>,
    /// What the first value is, where it is of a type that the test does not take.
    misfit: Option<&'static str>,
    /// The first value that meets the test, shortened.
    meeting: Option<String>,
    has_empty_list: bool,
}

impl Seen {
    /// Looks at one value, or at each item of a list; never ends the walk.
    fn look(&mut self, value: &Value, test: &Test, at: &At) -> bool {
        match value {
            Value::Null => {}
            Value::Array(items) if !test.takes_lists() => {
                self.has_empty_list |= items.is_empty();
                for item in items {
                    self.look(item, test, at);
                }
            }
            _ => {
                self.count += 1;
                if self.first.is_none() {
                    self.first = Some(value_shown(value));
                    self.misfit = (!test.fits(value)).then(|| kind_of(value));
                }
                if self.meeting.is_none() && test.is_met_by(value, at) {
                    self.meeting = Some(value_shown(value));
                }
            }
        }
        false
    }
}

/// A number that is given in millionths.
pub(super) fn shown_number(millionths: i128) -> String {
    let (whole, rest) =
        (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    let sign = if millionths < 0 { "-" } else { "" };
    let digits = format!("{sign}{whole}.{rest:06}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn value_shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        _ => shown(&value.to_string()),
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Test {
    /// What is said of a value that meets the test, after "is".
    fn phrase(&self) -> String {
        match self {
            Self::Text(test) => test.to_string(),
            Self::Number(test) => test.to_string(),
            Self::Boolean(wanted) => format!("equal to {wanted}"),
            Self::Date(test) => test.to_string(),
            Self::List(test) => test.to_string(),
            Self::IsSet => "set".to_owned(),
        }
    }

    /// Whether the value is of a type that the test takes.
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Text(test) => value.as_str().is_some_and(|text| test.takes(text)),
            Self::Number(_) => Number::read(value).is_some(),
            Self::Boolean(_) => value.is_boolean(),
            Self::Date(_) => Moment::read(value).is_some(),
            Self::List(_) => value.is_array(),
            Self::IsSet => true,
        }
    }

    /// What a value has to be for the test to take it.
    fn expected(&self) -> String {
        match self {
            Self::Text(TextTest::Matches(_)) => {
                let most = limits::CONDITION_PATTERN_TEXT_BYTES_MAX;
                format!("a text of at most {most} bytes")
            }
            Self::Text(_) => "a text".to_owned(),
            Self::Number(_) => "a number".to_owned(),
            Self::Boolean(_) => "a boolean".to_owned(),
            Self::Date(_) => "a date".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::IsSet => "a value".to_owned(),
        }
    }
}
