//! The `filter` of a condition: an operator of some type of value, and whether it is a negative
//! one. What each type's operators mean is in the file of that type.

use serde_json::Value;

use super::At;
use super::dates::DateTest;
use super::dates::Moment;
use super::explain;
use super::lists::ListTest;
use super::numbers::NumberTest;
use super::path::Found;
use super::standing::Standing;
use super::texts::TextTest;
use super::windows::Motion;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::limits;

const TYPES: [&str; 6] = ["string", "numeric", "boolean", "date", "list", "existence"];

/// A test and its sense. A negative operator holds exactly where its positive one does not, and
/// an absent value meets no test; so the laws of the table in `mod.rs` are in this one type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Predicate {
    negated: bool,
    test: Test,
}

/// What a value is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Text(TextTest),
    Number(NumberTest),
    Boolean(bool),
    Date(DateTest),
    List(ListTest),
    IsSet,
}

impl Predicate {
    pub(super) fn parse(value: &Value) -> Result<Self, Fault> {
        let object = Object::read(value, r#"{"type":"string","operator":"equals","value":"X"}"#)?;
        let kind = object.choice("type", "a type of filter", &TYPES)?;
        let what = format!("an operator of type `{kind}`");
        if kind == "date" && object.is_text("operator", "flow-start") {
            let why = "`flow-start` counts from the start of a flow and is not available here";
            return Err(fault_at("operator", why));
        }
        let operator = object.choice("operator", &what, operators(kind))?;
        let (negated, positive) = split_negation(operator);
        if kind == "string" && positive == "equals" && object.is_null("value") {
            object.only(&["type", "operator", "value"])?;
            return Ok(Self { negated: !negated, test: Test::IsSet });
        }
        Ok(Self { negated, test: Test::parse(kind, positive, &object)? })
    }

    /// Reads a filter that has to be one of type `date`.
    pub(super) fn parse_date(value: &Value) -> Result<DateTest, Fault> {
        match Self::parse_typed(value, "date")?.test {
            Test::Date(test) => Ok(test),
            _ => unreachable!("its type was checked"),
        }
    }

    /// Reads a filter that has to be one of type `numeric`.
    pub(super) fn parse_number(value: &Value) -> Result<(bool, NumberTest), Fault> {
        match Self::parse_typed(value, "numeric")? {
            Self { negated, test: Test::Number(test) } => Ok((negated, test)),
            _ => unreachable!("its type was checked"),
        }
    }

    /// Reads a filter that has to be of one type.
    pub(super) fn parse_typed(value: &Value, kind: &'static str) -> Result<Self, Fault> {
        let object = Object::read(value, &format!(r#"{{"type":"{kind}","operator":…}}"#))?;
        object.choice("type", "a type of filter that is possible here", &[kind])?;
        Self::parse(value)
    }

    /// The predicate that a text equals another.
    pub(super) fn equals(text: &str) -> Self {
        Self { negated: false, test: Test::Text(TextTest::Equals(text.to_owned())) }
    }

    /// Whether a value that was found holds; `None` is absent.
    pub(super) fn holds(&self, found: Option<&Found<'_, '_>>, at: &At) -> bool {
        let is_met = found.is_some_and(|found| found.any(&mut |value| self.test.is_met(value, at)));
        is_met != self.negated
    }

    /// The same, and until when; its absence is for ever.
    pub(super) fn stand(&self, found: Option<&Found<'_, '_>>, at: &At) -> Standing {
        let mut standing = Standing::settled(false);
        if let Some(found) = found {
            found.any(&mut |value| {
                standing = standing.or(self.test.stand(value, at));
                standing.is_settled(true)
            });
        }
        if self.negated { standing.negated() } else { standing }
    }

    /// Whether time alone can change what it says.
    pub(super) const fn is_timed(&self) -> bool {
        matches!(&self.test, Test::Date(test) if !matches!(test.motion(), Motion::Still))
    }

    /// Why it holds or does not, about what the condition calls `name`.
    pub(super) fn reason(&self, name: &str, found: Option<&Found<'_, '_>>, at: &At) -> String {
        explain::reason(name, &self.test, found, at)
    }

    /// Whether it holds a compiled regular expression.
    const fn is_pattern(&self) -> bool {
        matches!(self.test, Test::Text(TextTest::Matches(_)))
    }
}

/// How many regular expressions a filter has, of those that were read so far.
#[derive(Debug, Default)]
pub(super) struct Patterns(usize);

impl Patterns {
    /// Reads the `filter` of a condition, or of a part of one.
    pub(super) fn predicate(&mut self, object: &Object<'_>) -> Result<Predicate, Fault> {
        let read = Predicate::parse(object.required("filter")?);
        let predicate = read.map_err(|fault| fault.under("/filter"))?;
        self.0 += usize::from(predicate.is_pattern());
        let most = limits::CONDITION_PATTERNS_MAX;
        if self.0 > most {
            let why = format!("a filter may have {most} regular expressions; this is one more");
            return Err(Fault::new("/filter/operator", why));
        }
        Ok(predicate)
    }
}

/// The operators of a type, as the contract spells them.
fn operators(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => TextTest::OPERATORS,
        "numeric" => NumberTest::OPERATORS,
        "boolean" => &["equals"],
        "date" => DateTest::OPERATORS,
        "list" => ListTest::OPERATORS,
        _ => &["is-set", "not-set"],
    }
}

/// Whether an operator is negative, and the positive one that it denies.
fn split_negation(operator: &'static str) -> (bool, &'static str) {
    match operator {
        "nregex" => (true, "regex"),
        "phone-country-code-not-in" => (true, "phone-country-code-in"),
        "not-set" => (true, "is-set"),
        _ => match operator.strip_prefix("not-") {
            Some(positive) => (true, positive),
            None => (false, operator),
        },
    }
}

impl Test {
    fn parse(kind: &str, operator: &str, object: &Object<'_>) -> Result<Self, Fault> {
        match kind {
            "string" => TextTest::parse(operator, object).map(Self::Text),
            "numeric" => NumberTest::parse(operator, object).map(Self::Number),
            "boolean" => {
                object.only(&["type", "operator", "value"])?;
                object.boolean("value").map(Self::Boolean)
            }
            "date" => DateTest::parse(operator, object).map(Self::Date),
            "list" => ListTest::parse(operator, object).map(Self::List),
            _ => {
                object.only(&["type", "operator"])?;
                Ok(Self::IsSet)
            }
        }
    }

    /// Whether the value meets the test, or an item of it where the test is not one of lists.
    fn is_met(&self, value: &Value, at: &At) -> bool {
        match value {
            Value::Array(items) if !self.takes_lists() => {
                items.iter().any(|item| self.is_met(item, at))
            }
            _ => self.is_met_by(value, at),
        }
    }

    fn stand(&self, value: &Value, at: &At) -> Standing {
        match (value, self) {
            (Value::Array(items), _) if !self.takes_lists() => items
                .iter()
                .map(|item| self.stand(item, at))
                .fold(Standing::settled(false), Standing::or),
            (_, Self::Date(test)) => {
                Moment::read(value).map_or(Standing::settled(false), |given| test.stand(given, at))
            }
            _ => Standing::settled(self.is_met_by(value, at)),
        }
    }

    /// Whether a list is looked at as a whole, and not item by item.
    pub(super) const fn takes_lists(&self) -> bool {
        matches!(self, Self::List(_) | Self::IsSet)
    }

    pub(super) fn is_met_by(&self, value: &Value, at: &At) -> bool {
        match self {
            Self::Text(test) => value.as_str().is_some_and(|text| test.holds(text)),
            Self::Number(test) => test.holds(value),
            Self::Boolean(wanted) => value.as_bool() == Some(*wanted),
            Self::Date(test) => test.holds(value, at),
            Self::List(test) => value.as_array().is_some_and(|items| test.holds(items)),
            Self::IsSet => !value.is_null(),
        }
    }
}
