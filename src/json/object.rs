//! Reads objects key by key, as filters and definitions are read; each fault points at its key,
//! relative to the object, and says what is possible there.

use std::fmt::Write as _;

use serde_json::Map;
use serde_json::Value;

use super::{Fault, nearest_name, pointer_to};
use crate::limits;

/// An object that is read.
#[derive(Clone, Copy)]
pub struct Object<'v>(&'v Map<String, Value>);

impl<'v> Object<'v> {
    /// The object that a value is; `example` shows one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(value: &'v Value, example: &str) -> Result<Self, Fault> {
        let why = || Fault::new("", format!("must be an object such as {example}"));
        value.as_object().map(Self).ok_or_else(why)
    }

    /// Refuses keys that are none of `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(fault_at(key, unknown(key, "a key of this object", known))),
            None => Ok(()),
        }
    }

    /// The value of `key`, if it is there and not null.
    pub fn optional(&self, key: &str) -> Option<&'v Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn required(&self, key: &str) -> Result<&'v Value, Fault> {
        self.0.get(key).ok_or_else(|| fault_at(key, format!("`{key}` is required")))
    }

    /// Whether `key` is there and null.
    pub fn is_null(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_null)
    }

    /// Whether `key` is this string.
    pub fn is_text(&self, key: &str, text: &str) -> bool {
        self.0.get(key).and_then(Value::as_str) == Some(text)
    }

    /// The `true` or `false` under `key`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn boolean(&self, key: &str) -> Result<bool, Fault> {
        let value = self.required(key)?;
        value.as_bool().ok_or_else(|| fault_at(key, must_be("`true` or `false`", value)))
    }

    /// The string under `key`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn text(&self, key: &str) -> Result<&'v str, Fault> {
        let value = self.required(key)?;
        value.as_str().ok_or_else(|| fault_at(key, must_be("a string", value)))
    }

    /// The one of `possible` that stands under `key`; `what` names it: "an operator of …".
    pub fn choice(
        &self,
        key: &str,
        what: &str,
        possible: &[&'static str],
    ) -> Result<&'static str, Fault> {
        let Some(value) = self.0.get(key) else {
            let why = format!("`{key}` is required; possible are {}", listed(possible));
            return Err(fault_at(key, why));
        };
        let given = value.as_str().ok_or_else(|| fault_at(key, must_be("a string", value)))?;
        let chosen = possible.iter().find(|name| **name == given);
        chosen.copied().ok_or_else(|| fault_at(key, unknown(given, what, possible)))
    }

    /// A whole number from `least` to `most`.
    pub fn integer(&self, key: &str, least: i64, most: i64) -> Result<i64, Fault> {
        let value = self.required(key)?;
        let within = value.as_i64().filter(|number| (least..=most).contains(number));
        within.ok_or_else(|| {
            let what = format!("a whole number from {least} to {most}");
            fault_at(key, must_be(&what, value))
        })
    }

    /// The id under `key`: a string that is not empty.
    pub fn id(&self, key: &str, what: &str) -> Result<&'v str, Fault> {
        let value = self.required(key)?;
        let id = value.as_str().filter(|id| !id.is_empty());
        id.ok_or_else(|| fault_at(key, must_be(what, value)))
    }

    /// The object under `key`.
    pub fn object(&self, key: &str, example: &str) -> Result<Self, Fault> {
        Self::read(self.required(key)?, example).map_err(|fault| fault.under(&pointer_to(key)))
    }

    /// The objects of the array under `key`, each read by `read`: at most `most`, and none where it
    /// is missing or null.
    pub fn each<T>(
        &self,
        key: &str,
        most: usize,
        mut read: impl FnMut(Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        if self.optional(key).is_none_or(is_empty) {
            return Ok(Vec::new());
        }
        let items = self.items(key, most)?.iter().enumerate();
        let item = |(place, value): (usize, &'v Value)| {
            let item = Self::read(value, "{…}").and_then(&mut read);
            item.map_err(|fault| fault.under(&format!("/{key}/{place}")))
        };
        items.map(item).collect()
    }

    /// The items under `key`: at least one, at most `most`.
    pub fn items(&self, key: &str, most: usize) -> Result<&'v [Value], Fault> {
        let value = self.required(key)?;
        let items = value.as_array().ok_or_else(|| fault_at(key, must_be("an array", value)))?;
        if items.is_empty() || items.len() > most {
            let why = format!("holds {} items; 1 to {most} may be", items.len());
            return Err(fault_at(key, why));
        }
        Ok(items)
    }

    /// The strings of the array under `key`.
    pub fn texts(&self, key: &str) -> Result<Vec<&'v str>, Fault> {
        let items = self.items(key, limits::CONDITION_VALUES_MAX)?.iter().enumerate();
        let text = |(place, item): (usize, &'v Value)| {
            let why = || Fault::new(format!("/{key}/{place}"), must_be("a string", item));
            item.as_str().ok_or_else(why)
        };
        items.map(text).collect()
    }
}

/// A fault at a key of the object at hand.
pub fn fault_at(key: &str, detail: impl Into<String>) -> Fault {
    Fault::new(pointer_to(key), detail)
}

/// The sentence about a value of a wrong type.
pub fn must_be(what: &str, found: &Value) -> String {
    format!("must be {what}, not {}", shown(&found.to_string()))
}

/// The sentence about a name that is none of `possible`.
pub fn unknown(given: &str, what: &str, possible: &[&str]) -> String {
    let mut sentence = format!("`{}` is not {what}; ", shown(given));
    if let Some(nearest) = nearest_name(given, possible) {
        write!(sentence, "did you mean `{nearest}`? ").expect("a string can be written to");
    }
    sentence + "possible are " + &listed(possible)
}

/// Names in a sentence: `a`, `b`.
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A text of someone else's, short enough for a sentence.
pub fn shown(text: &str) -> String {
    let most = limits::CONDITION_SHOWN_CHARS_MAX;
    let mut start: String = text.chars().take(most).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}
