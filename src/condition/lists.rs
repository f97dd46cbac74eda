//! Operators of type `list`: what a JSON array has in it, and how long it is.

use std::fmt;

use serde_json::Value;

use super::explain::quoted;
use super::explain::some_of;
use super::numbers::Comparison;
use super::numbers::Number;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::must_be;
use crate::limits;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListTest {
    ContainsText(String),
    ContainsNumber(Number),
    ContainsAll(Vec<String>),
    ContainsAny(Vec<String>),
    /// One of the list's strings has this in it.
    ContainsSubstring(String),
    Length(Comparison, usize),
}

impl ListTest {
    pub(super) const OPERATORS: &'static [&'static str] = &[
        "contains",
        "not-contains",
        "contains-all",
        "not-contains-all",
        "contains-any",
        "not-contains-any",
        "contains-substring",
        "not-contains-substring",
        "length-equals",
        "length-greater-than",
        "length-greater-than-or-equal",
        "length-less-than",
        "length-less-than-or-equal",
    ];

    pub(super) fn parse(operator: &str, object: &Object<'_>) -> Result<Self, Fault> {
        object.only(&["type", "operator", "value"])?;
        let texts = || Ok(object.texts("value")?.into_iter().map(str::to_owned).collect());
        Ok(match operator {
            "contains" => Self::contains(object.required("value")?)?,
            "contains-all" => Self::ContainsAll(texts()?),
            "contains-any" => Self::ContainsAny(texts()?),
            "contains-substring" => Self::ContainsSubstring(object.text("value")?.to_owned()),
            length => {
                let comparison = Comparison::named(length.trim_start_matches("length-"));
                let most = i64::try_from(limits::PROPERTY_ARRAY_ITEMS_MAX).unwrap_or(i64::MAX);
                let length = object.integer("value", 0, most)?;
                Self::Length(comparison, usize::try_from(length).unwrap_or(usize::MAX))
            }
        })
    }

    fn contains(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::String(text) => Ok(Self::ContainsText(text.clone())),
            Value::Number(number) if !number.is_f64() => Number::read(value)
                .map(Self::ContainsNumber)
                .ok_or_else(|| fault_at("value", must_be("a string or a whole number", value))),
            _ => Err(fault_at("value", must_be("a string or a whole number", value))),
        }
    }

    pub(super) fn holds(&self, items: &[Value]) -> bool {
        let has = |text: &String| items.iter().any(|item| item.as_str() == Some(text));
        match self {
            Self::ContainsText(text) => has(text),
            Self::ContainsNumber(number) => {
                items.iter().any(|item| Number::read(item) == Some(*number))
            }
            Self::ContainsAll(texts) => texts.iter().all(has),
            Self::ContainsAny(texts) => texts.iter().any(has),
            Self::ContainsSubstring(part) => items
                .iter()
                .any(|item| item.as_str().is_some_and(|text| text.contains(part.as_str()))),
            Self::Length(comparison, length) => comparison.allows(items.len().cmp(length)),
        }
    }
}

impl fmt::Display for ListTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |texts: &[String]| some_of(texts.iter().map(|text| quoted(text)));
        match self {
            Self::ContainsText(text) => write!(f, "a list with {}", quoted(text)),
            Self::ContainsNumber(number) => write!(f, "a list with {number}"),
            Self::ContainsAll(texts) => write!(f, "a list with all of {}", named(texts)),
            Self::ContainsAny(texts) => write!(f, "a list with any of {}", named(texts)),
            Self::ContainsSubstring(part) => {
                write!(f, "a list with a text containing {}", quoted(part))
            }
            Self::Length(comparison, length) => {
                write!(f, "a list of a length {comparison} {length}")
            }
        }
    }
}
