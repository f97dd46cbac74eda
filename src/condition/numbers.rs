//! Operators of type `numeric`, and the comparison that the lengths of lists share.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::must_be;

/// A number as it is compared: whole ones exactly.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    /// Finite.
    Float(f64),
}

impl Number {
    /// The number that a value is, or that its text is from its first to its last character.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                let whole = number.as_i64().map(i128::from);
                let whole = whole.or_else(|| number.as_u64().map(i128::from));
                whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::Float))
            }
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // Rust also reads "inf", "NaN" and the like, which no one means as a number here.
        let is_numeral = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        if !text.bytes().all(is_numeral) {
            return None;
        }
        let float = || text.parse().ok().filter(|number: &f64| number.is_finite());
        text.parse().ok().map(Self::Whole).or_else(|| float().map(Self::Float))
    }

    const fn float(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(own), Self::Whole(other)) => own.cmp(&other),
            // Never `None`: floats are finite here.
            _ => self.float().partial_cmp(&other.float()).unwrap_or(Ordering::Equal),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other).is_eq()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

/// How two values must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// The comparison of this operator; every other than the first four is the last.
    pub(super) fn named(operator: &str) -> Self {
        match operator {
            "equals" => Self::Equal,
            "greater-than" => Self::Greater,
            "greater-than-or-equal" => Self::GreaterOrEqual,
            "less-than" => Self::Less,
            _ => Self::LessOrEqual,
        }
    }

    pub(super) const fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "equal to",
            Self::Greater => "greater than",
            Self::GreaterOrEqual => "at least",
            Self::Less => "less than",
            Self::LessOrEqual => "at most",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NumberTest {
    Compare(Comparison, Number),
    /// Both ends included.
    Between(Number, Number),
}

impl NumberTest {
    pub(super) const OPERATORS: &'static [&'static str] = &[
        "equals",
        "not-equals",
        "greater-than",
        "greater-than-or-equal",
        "less-than",
        "less-than-or-equal",
        "between",
    ];

    pub(super) fn parse(operator: &str, object: &Object<'_>) -> Result<Self, Fault> {
        if operator != "between" {
            object.only(&["type", "operator", "value"])?;
            return Ok(Self::Compare(Comparison::named(operator), number(object, "value")?));
        }
        object.only(&["type", "operator", "start", "end"])?;
        let (start, end) = (number(object, "start")?, number(object, "end")?);
        if end.compare(start).is_lt() {
            return Err(fault_at("end", format!("{end} is less than `start`, {start}")));
        }
        Ok(Self::Between(start, end))
    }

    pub(super) fn holds(self, value: &Value) -> bool {
        let Some(number) = Number::read(value) else { return false };
        match self {
            Self::Compare(comparison, with) => comparison.allows(number.compare(with)),
            Self::Between(start, end) => {
                number.compare(start).is_ge() && number.compare(end).is_le()
            }
        }
    }
}

/// A number of the filter itself: unlike those it is compared with, never in a string.
fn number(object: &Object<'_>, key: &str) -> Result<Number, Fault> {
    let value = object.required(key)?;
    let number = Number::read(value).filter(|_| value.is_number());
    number.ok_or_else(|| fault_at(key, must_be("a number", value)))
}

impl fmt::Display for NumberTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(comparison, with) => write!(f, "{comparison} {with}"),
            Self::Between(start, end) => write!(f, "between {start} and {end}"),
        }
    }
}
