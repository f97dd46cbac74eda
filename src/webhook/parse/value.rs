//! Reading one JSON value as something of ours, with a sentence that says what it must be.
//!
//! Faults point relative to the value; whoever knows where it stands puts that before it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::clock::parse_duration;
use crate::json::{self, Fault};

/// Puts the place of a value before the pointer of its fault.
pub(super) trait At {
    /// The same with the fault `at` this place.
    fn at(self, place: &str) -> Self;
}

impl<T> At for Result<T, Fault> {
    fn at(self, place: &str) -> Self {
        self.map_err(|fault| fault.under(place))
    }
}

/// The value that a text is.
pub(super) fn read(raw: &RawValue) -> Result<Value, Fault> {
    json::parse(raw.get().as_bytes())
}

pub(super) fn must(be: impl Into<String>) -> Fault {
    Fault::new("", be)
}

pub(super) fn flag(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or_else(|| must("must be `true` or `false`"))
}

pub(super) fn whole(value: &Value, bounds: &RangeInclusive<u64>) -> Result<u64, Fault> {
    value.as_u64().filter(|number| bounds.contains(number)).ok_or_else(|| {
        must(format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
    })
}

pub(super) fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| must("must be text in quotes"))
}

pub(super) fn list(value: &Value) -> Result<&[Value], Fault> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| must("must be a list"))
}

/// One of several words.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, Fault> {
    let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        must(format!("must be one of {}", words.join(", ")))
    })
}

/// The bounds of a duration, and the sentence that names them.
#[derive(Clone, Copy)]
pub(super) struct Durations {
    pub(super) least: Duration,
    pub(super) most: Duration,
    pub(super) expected: &'static str,
}

pub(super) fn duration(value: &Value, bounds: Durations) -> Result<Duration, Fault> {
    value
        .as_str()
        .and_then(parse_duration)
        .filter(|duration| (bounds.least..=bounds.most).contains(duration))
        .ok_or_else(|| must(bounds.expected))
}

/// An object that has these members and no others.
pub(super) struct Members<'v>(&'v Map<String, Value>);

impl<'v> Members<'v> {
    pub(super) fn of(value: &'v Value, known: &[&str]) -> Result<Self, Fault> {
        let Some(members) = value.as_object() else {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            return Err(must(format!("must be an object of {}", known.join(", "))));
        };
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(members)),
            Some(name) => {
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let why = format!("is not a member; {} are", known.join(", "));
                Err(Fault::new(json::pointer_to(name), why))
            }
        }
    }

    /// A member; `null` is none.
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// What `read` makes of a member that may be left out.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'v Value) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.get(name).map(read).transpose().at(&json::pointer_to(name))
    }

    /// What `read` makes of a member that must be there.
    pub(super) fn required<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'v Value) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let missing = || Fault::new(json::pointer_to(name), format!("`{name}` is required"));
        self.optional(name, read)?.ok_or_else(missing)
    }
}
