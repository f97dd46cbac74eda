//! Operators of type `string`.

use std::collections::BTreeSet;
use std::fmt;

use regex_lite::Regex;
use regex_lite::RegexBuilder;
use serde_json::Value;

use super::explain::quoted;
use super::explain::some_of;
use super::phone;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::must_be;
use crate::limits;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextTest {
    Equals(String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Matches(Pattern),
    In(BTreeSet<String>),
    /// A phone number of one of these countries, by their ISO 3166 codes.
    PhoneCountryIn(BTreeSet<&'static str>),
}

impl TextTest {
    pub(super) const OPERATORS: &'static [&'static str] = &[
        "equals",
        "not-equals",
        "contains",
        "not-contains",
        "starts-with",
        "not-starts-with",
        "ends-with",
        "not-ends-with",
        "regex",
        "nregex",
        "in",
        "not-in",
        "phone-country-code-in",
        "phone-country-code-not-in",
    ];

    pub(super) fn parse(operator: &str, object: &Object<'_>) -> Result<Self, Fault> {
        object.only(&["type", "operator", "value"])?;
        let text = || match object.required("value")? {
            Value::String(text) => Ok(text.clone()),
            Value::Null => {
                let why = "can be null only with `equals` and `not-equals`";
                Err(fault_at("value", why))
            }
            other => Err(fault_at("value", must_be("a string", other))),
        };
        Ok(match operator {
            "equals" => Self::Equals(text()?),
            "contains" => Self::Contains(text()?),
            "starts-with" => Self::StartsWith(text()?),
            "ends-with" => Self::EndsWith(text()?),
            "regex" => {
                Self::Matches(Pattern::parse(&text()?).map_err(|why| fault_at("value", why))?)
            }
            "in" => Self::In(object.texts("value")?.into_iter().map(str::to_owned).collect()),
            _ => Self::PhoneCountryIn(countries(&object.texts("value")?)?),
        })
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => text == wanted,
            Self::Contains(part) => text.contains(part.as_str()),
            Self::StartsWith(part) => text.starts_with(part.as_str()),
            Self::EndsWith(part) => text.ends_with(part.as_str()),
            Self::Matches(pattern) => pattern.is_found_in(text),
            Self::In(wanted) => wanted.contains(text),
            Self::PhoneCountryIn(wanted) => {
                phone::country(text).is_some_and(|country| wanted.contains(country))
            }
        }
    }

    /// Whether the text is one that the test looks at: for a pattern it can be too long.
    pub(super) fn takes(&self, text: &str) -> bool {
        !matches!(self, Self::Matches(_)) || Pattern::takes(text)
    }
}

fn countries(given: &[&str]) -> Result<BTreeSet<&'static str>, Fault> {
    let known = |(place, code): (usize, &&str)| {
        phone::known_country(code).ok_or_else(|| {
            let why = format!(
                "{} is not the ISO 3166 code of a country with phone numbers, such as \"US\"",
                quoted(code)
            );
            Fault::new(format!("/value/{place}"), why)
        })
    };
    given.iter().enumerate().map(known).collect()
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(text) => write!(f, "equal to {}", quoted(text)),
            Self::Contains(text) => write!(f, "containing {}", quoted(text)),
            Self::StartsWith(text) => write!(f, "starting with {}", quoted(text)),
            Self::EndsWith(text) => write!(f, "ending with {}", quoted(text)),
            Self::Matches(pattern) => write!(f, "matching {}", quoted(pattern.0.as_str())),
            Self::In(texts) => write!(f, "one of {}", some_of(texts.iter().map(|t| quoted(t)))),
            Self::PhoneCountryIn(codes) => {
                write!(f, "a phone number of {}", some_of(codes.iter().map(ToString::to_string)))
            }
        }
    }
}

/// A regular expression, compiled; equal to another of the same text.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let most = limits::CONDITION_PATTERN_BYTES_MAX;
        if text.len() > most {
            return Err(format!("the pattern has {} bytes, at most {most} may be", text.len()));
        }
        let compiled = RegexBuilder::new(text)
            .size_limit(limits::CONDITION_PATTERN_COMPILED_BYTES_MAX)
            .nest_limit(limits::CONDITION_PATTERN_DEPTH_MAX)
            .build();
        compiled.map(Self).map_err(|error| format!("is not a usable regular expression: {error}"))
    }

    const fn takes(text: &str) -> bool {
        text.len() <= limits::CONDITION_PATTERN_TEXT_BYTES_MAX
    }

    fn is_found_in(&self, text: &str) -> bool {
        Self::takes(text) && self.0.is_match(text)
    }
}
