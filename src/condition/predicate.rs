//! The `filter` of a condition: an operator of some type of value, and whether it is a negative
//! one. What each type's operators mean is in the file of that type.

use serde_json::Value;

use super::At;
use super::dates::DateTest;
use super::explain;
use super::lists::ListTest;
use super::numbers::NumberTest;
use super::object::Object;
use super::object::fault_at;
use super::path::Found;
use super::texts::TextTest;
use crate::json::Fault;

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

    /// Whether a value that was found holds; `None` is absent.
    pub(super) fn holds(&self, found: Option<&Found<'_, '_>>, at: &At) -> bool {
        let is_met = found.is_some_and(|found| found.any(&mut |value| self.test.is_met(value, at)));
        is_met != self.negated
    }

    /// Why it holds or does not, about what the condition calls `name`.
    pub(super) fn reason(&self, name: &str, found: Option<&Found<'_, '_>>, at: &At) -> String {
        explain::reason(name, &self.test, found, at)
    }

    /// Whether it holds a compiled regular expression.
    pub(super) const fn is_pattern(&self) -> bool {
        matches!(self.test, Test::Text(TextTest::Matches(_)))
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

    /// Whether a list is looked at as a whole, and not item by item.
    pub(super) const fn takes_lists(&self) -> bool {
        matches!(self, Self::List(_) | Self::IsSet)
    }

    pub(super) fn is_met_by(&self, value: &Value, at: &At) -> bool {
        match self {
            Self::Text(test) => value.as_str().is_some_and(|text| test.holds(text)),
            Self::Number(test) => test.holds(value),
            Self::Boolean(wanted) => value.as_bool() == Some(*wanted),
            Self::Date(test) => test.holds(value, at).unwrap_or(false),
            Self::List(test) => value.as_array().is_some_and(|items| test.holds(items)),
            Self::IsSet => !value.is_null(),
        }
    }
}
