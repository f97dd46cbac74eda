//! Where a condition finds its values: the names of an event's properties and of a profile's,
//! read once, and the walk along them.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Value;

use super::PastEvent;
use super::Subject;
use crate::json::object::listed;
use crate::json::object::unknown;

/// The attributes of a profile that `property` can name on their own (contract: wire.md §4.5).
pub const PROFILE_ATTRIBUTES: [&str; 13] = [
    "id",
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "created",
    "updated",
];

/// The fields of a profile's `location`, in the order in which a read shows them.
pub const LOCATION: [&str; 10] = [
    "address1",
    "address2",
    "city",
    "country",
    "latitude",
    "longitude",
    "region",
    "zip",
    "timezone",
    "ip",
];

/// A value, and what is left of the path that begins there.
pub(super) struct Found<'s, 'p> {
    value: Cow<'s, Value>,
    rest: &'p [String],
}

impl<'s> Found<'s, '_> {
    /// A value that is not in an object.
    pub(super) const fn value(value: Value) -> Self {
        Self { value: Cow::Owned(value), rest: &[] }
    }

    /// A value that somebody else holds.
    pub(super) const fn borrowed(value: &'s Value) -> Self {
        Self { value: Cow::Borrowed(value), rest: &[] }
    }

    /// Whether `test` holds for a value at the end of the path; a list on the way stands for each
    /// of its items.
    pub(super) fn any(&self, test: &mut dyn FnMut(&Value) -> bool) -> bool {
        any_along(&self.value, self.rest, test)
    }
}

fn any_along(value: &Value, path: &[String], test: &mut dyn FnMut(&Value) -> bool) -> bool {
    match (path.split_first(), value) {
        (None, value) => test(value),
        (Some(_), Value::Array(items)) => items.iter().any(|item| any_along(item, path, test)),
        (Some((key, rest)), Value::Object(object)) => {
            object.get(key).is_some_and(|value| any_along(value, rest, test))
        }
        _ => false,
    }
}

/// Begins a path of at least one key in an object.
fn begin<'s, 'p>(object: &'s Map<String, Value>, path: &'p [String]) -> Option<Found<'s, 'p>> {
    let (key, rest) = path.split_first()?;
    Some(Found { value: Cow::Borrowed(object.get(key)?), rest })
}

/// The `field` of a `metric-property` condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EventField {
    name: String,
    /// What the name means where no property has it as it is; empty where it has no dots.
    path: Vec<String>,
}

impl EventField {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("must be the name of an event's property, such as `Brand`".to_owned());
        }
        let path: Vec<_> = text.split('.').map(str::to_owned).collect();
        let is_path = path.len() > 1 && path.iter().all(|key| !key.is_empty());
        Ok(Self { name: text.to_owned(), path: if is_path { path } else { Vec::new() } })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its value in the event at hand.
    pub(super) fn find<'s>(&self, subject: &'s dyn Subject) -> Option<Found<'s, '_>> {
        self.find_in(subject.event_properties(), |name| subject.event_attribute(name))
    }

    /// Its value in an event of the past.
    pub(super) fn find_past<'s>(&self, event: &'s dyn PastEvent) -> Option<Found<'s, '_>> {
        self.find_in(event.properties(), |name| event.attribute(name))
    }

    fn find_in<'s>(
        &self,
        properties: Option<&'s Map<String, Value>>,
        attribute: impl FnOnce(&str) -> Option<Cow<'s, Value>>,
    ) -> Option<Found<'s, '_>> {
        if let Some(value) = properties.and_then(|properties| properties.get(&self.name)) {
            return Some(Found { value: Cow::Borrowed(value), rest: &[] });
        }
        if self.name.starts_with('$')
            && let Some(value) = attribute(&self.name)
        {
            return Some(Found { value, rest: &[] });
        }
        begin(properties?, &self.path)
    }
}

/// The `property` of a `profile-property` condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProfileField {
    name: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Attribute(&'static str),
    /// A path of one key.
    Location(Vec<String>),
    /// A path of at least one key.
    Properties(Vec<String>),
}

impl ProfileField {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (root, keys) = split(text)?;
        Ok(Self { name: text.to_owned(), place: Place::of(root, keys)? })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The attribute that it looks at, as [`Touches`](super::Touches) names it.
    pub(super) fn touched(&self) -> Cow<'_, str> {
        match &self.place {
            Place::Attribute(name) => Cow::Borrowed(name),
            Place::Location(path) => format!("location.{}", path[0]).into(),
            Place::Properties(path) => format!("properties.{}", path[0]).into(),
        }
    }

    pub(super) fn find<'s>(&self, subject: &'s dyn Subject) -> Option<Found<'s, '_>> {
        match &self.place {
            Place::Attribute(name) => {
                Some(Found { value: subject.profile_attribute(name)?, rest: &[] })
            }
            Place::Location(path) => begin(subject.profile_location()?, path),
            Place::Properties(path) => begin(subject.profile_properties()?, path),
        }
    }
}

impl Place {
    fn of(root: &str, keys: Vec<String>) -> Result<Self, String> {
        match (root, keys.as_slice()) {
            ("properties", []) => Err("names no property; write `properties['name']`".to_owned()),
            ("properties", _) => Ok(Self::Properties(keys)),
            ("location", [field]) if LOCATION.contains(&field.as_str()) => Ok(Self::Location(keys)),
            ("location", [field]) => Err(unknown(field, "a field of a location", &LOCATION)),
            ("location", _) => Err(format!(
                "must name one field of the location, as in `location['city']`; possible are {}",
                listed(&LOCATION)
            )),
            (root, keys) => match PROFILE_ATTRIBUTES.into_iter().find(|name| *name == root) {
                Some(name) if keys.is_empty() => Ok(Self::Attribute(name)),
                Some(name) => Err(format!("`{name}` is a single value and has nothing inside")),
                None => Err(format!(
                    "{}, `location['…']`, and `properties['…']` for custom properties",
                    unknown(root, "an attribute of a profile", &PROFILE_ATTRIBUTES)
                )),
            },
        }
    }
}

/// Splits `root['a']["b"].c` into the root and its keys.
fn split(text: &str) -> Result<(&str, Vec<String>), String> {
    let (root, mut rest) = name(text);
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (key, after) = if let Some(dotted) = rest.strip_prefix('.') {
            let (key, after) = name(dotted);
            if key.is_empty() {
                return Err("has a `.` without a name after it".to_owned());
            }
            (key.to_owned(), after)
        } else if let Some(bracketed) = rest.strip_prefix('[') {
            quoted(bracketed).ok_or("has a `[` that does not go on like `['name']`")?
        } else {
            return Err("goes on after a `]` with neither `.` nor `[`".to_owned());
        };
        keys.push(key);
        rest = after;
    }
    Ok((root, keys))
}

/// A name up to the next `.` or `[`, and what follows.
fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

/// Reads `'name']`, in single or double quotes, and what follows; a backslash makes a quote or a
/// backslash part of the name.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let quote = chars.next().filter(|char| matches!(char, '\'' | '"'))?;
    let mut key = String::new();
    loop {
        let char = chars.next()?;
        if char == quote {
            break;
        }
        let escaped = chars.clone().next().filter(|next| *next == quote || *next == '\\');
        match escaped {
            Some(next) if char == '\\' => {
                chars.next();
                key.push(next);
            }
            _ => key.push(char),
        }
    }
    Some((key, chars.as_str().strip_prefix(']')?))
}
