//! Which properties events have, and of what type each seems to be. Pure.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::Event;
use crate::clock::Timestamp;
use crate::json::RawObject;
use crate::limits;

/// What a property's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inferred {
    /// Texts.
    String,
    /// Texts that are moments or days.
    Date,
    /// Numbers.
    Number,
    /// `true` and `false`.
    Boolean,
    /// Lists.
    List,
    /// Objects.
    Object,
}

impl Inferred {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Date => "Date",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::List => "List",
            Self::Object => "Object",
        }
    }

    /// The type of one value; `None` of what says nothing: `null` and the empty text.
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) if is_date(text) => Self::Date,
            Value::String(_) => Self::String,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Boolean,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        })
    }
}

fn is_date(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && Timestamp::parse_iso8601(text).is_some()
}

/// A property that events have.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// What most of its values are.
    pub inferred: Inferred,
    /// Some of its values, or of the items of its lists, that are no list and no object: each once,
    /// in the order of the events.
    pub samples: Vec<Value>,
}

/// What is known of a property while the events are looked at.
#[derive(Default)]
struct Seen {
    counts: BTreeMap<Inferred, usize>,
    samples: Vec<Value>,
}

impl Seen {
    fn take(&mut self, inferred: Inferred, value: &Value) {
        *self.counts.entry(inferred).or_default() += 1;
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.sample(item)),
            one => self.sample(one),
        }
    }

    fn sample(&mut self, value: &Value) {
        let is_sample = match value {
            Value::String(text) => {
                let length = text.chars().count();
                (1..=limits::METRIC_PROPERTY_SAMPLE_CHARS_MAX).contains(&length)
            }
            Value::Number(_) | Value::Bool(_) => true,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        let has_room = self.samples.len() < limits::METRIC_PROPERTY_SAMPLES_MAX;
        if is_sample && has_room && !self.samples.contains(value) {
            self.samples.push(value.clone());
        }
    }

    /// The type of most values. Dates among other texts are texts.
    fn inferred(&self) -> Option<Inferred> {
        let mut counts = self.counts.clone();
        if counts.contains_key(&Inferred::String)
            && let Some(dates) = counts.remove(&Inferred::Date)
        {
            *counts.entry(Inferred::String).or_default() += dates;
        }
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(inferred, _)| inferred)
    }
}

/// The properties of these events, by name; with what the contract adds to them.
#[must_use]
pub fn properties(events: &[Event]) -> Vec<Property> {
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    for event in events {
        let object: RawObject = serde_json::from_str(&event.properties).unwrap_or_default();
        let mut look = |name: &str, value: Value| {
            let Some(inferred) = Inferred::of(&value) else { return };
            let has_room = all.len() < limits::METRIC_PROPERTIES_MAX;
            match all.entry(name.to_owned()) {
                Entry::Occupied(seen) => seen.into_mut().take(inferred, &value),
                Entry::Vacant(new) if has_room => {
                    new.insert(Seen::default()).take(inferred, &value)
                }
                Entry::Vacant(_) => {}
            }
        };
        look("$event_id", event.unique_id.as_str().into());
        if let Some(value) = event.value.as_deref().and_then(|text| serde_json::from_str(text).ok())
        {
            look("$value", value);
        }
        if let Some(currency) = event.value_currency.as_deref() {
            look("$value_currency", currency.into());
        }
        for (name, value) in object.iter() {
            look(name, serde_json::from_str(value.get()).unwrap_or(Value::Null));
        }
    }
    let property = |(name, seen): (String, Seen)| {
        let inferred = seen.inferred()?;
        Some(Property { name, inferred, samples: seen.samples })
    };
    all.into_iter().filter_map(property).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::{EventId, ProfileId};

    fn event(properties: &str, value: Option<&str>) -> Event {
        Event {
            id: EventId::MIN,
            metric: "SkDfHe".parse().unwrap(),
            profile: ProfileId::from_u128(1),
            time: Timestamp::EPOCH,
            received: Timestamp::EPOCH,
            unique_id: "u".to_owned(),
            value: value.map(str::to_owned),
            value_currency: None,
            properties: properties.to_owned(),
            backfill: false,
        }
    }

    #[test]
    fn the_type_is_that_of_most_values() {
        for (values, expected) in [
            (vec![r#""a""#, r#""b""#], Some(Inferred::String)),
            (vec![r#""2026-09-04""#, r#""2026-09-04T13:38:55Z""#], Some(Inferred::Date)),
            (vec![r#""2026-09-04""#, r#""2026-09-05""#, r#""soon""#], Some(Inferred::String)),
            (vec!["1", "2.5", "0"], Some(Inferred::Number)),
            (vec!["true", "false", r#""x""#], Some(Inferred::Boolean)),
            (vec!["[1]", "[]"], Some(Inferred::List)),
            (vec![r#"{"a":1}"#], Some(Inferred::Object)),
            (vec!["1", r#""x""#], Some(Inferred::String)),
            (vec!["null", r#""""#], None),
        ] {
            let events: Vec<_> =
                values.iter().map(|value| event(&format!(r#"{{"p":{value}}}"#), None)).collect();
            let found = properties(&events).into_iter().find(|property| property.name == "p");
            assert_eq!(found.map(|property| property.inferred), expected, "{values:?}");
        }
    }

    #[test]
    fn samples_are_plain_values_each_once() {
        let long = "x".repeat(limits::METRIC_PROPERTY_SAMPLE_CHARS_MAX + 1);
        let text = format!(r#"{{"p":["a","a",1,{{}},[],null,"{long}"]}}"#);
        let mut events = vec![event(&text, Some("9.5")), event(r#"{"p":["b"]}"#, None)];
        let found = properties(&events);
        let names: Vec<_> = found.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(names, ["$event_id", "$value", "p"]);
        assert_eq!(found[1].samples, [json!(9.5)]);
        assert_eq!(found[2].samples, [json!("a"), json!(1), json!("b")]);
        events.extend((0..50).map(|number| event(&format!(r#"{{"p":{number}}}"#), None)));
        let many = properties(&events).pop().unwrap().samples;
        assert_eq!(many.len(), limits::METRIC_PROPERTY_SAMPLES_MAX);
    }

    #[test]
    fn there_are_not_too_many() {
        let name = |number| format!(r#"{{"{number}":1}}"#);
        let events: Vec<_> = (0..1_100).map(|number| event(&name(number), None)).collect();
        assert_eq!(properties(&events).len(), limits::METRIC_PROPERTIES_MAX);
    }
}
