//! Reading the members of an action or a trigger: strictly, each fault with the pointer of what is
//! wrong and a sentence that says what would be right. Pointers are relative to the value at hand;
//! whoever knows where it stands puts that before them.

use serde_json::Map;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json;
use crate::json::Bounds;
use crate::json::Fault;
use crate::limits;

/// What any of these objects keeps within; what stands in it has its own, smaller bounds.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::FLOW_ACTION_DEPTH_MAX,
    keys_max: limits::CONDITION_VALUES_MAX,
    string_bytes_max: limits::FLOW_UPDATE_STRINGS_BYTES_MAX,
    array_items_max: limits::CONDITION_VALUES_MAX,
};

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

/// A fault of the value at hand.
pub(super) fn must(be: impl Into<String>) -> Fault {
    Fault::new("", be)
}

/// The value that a text is, which must be an object in which no key stands twice.
pub(super) fn object(raw: &RawValue) -> Result<Value, Fault> {
    json::check_object(raw, &BOUNDS)?;
    json::parse(raw.get().as_bytes())
}

/// An object that has these members and no others.
pub(super) struct Members<'v>(&'v Map<String, Value>);

impl<'v> Members<'v> {
    pub(super) fn of(value: &'v Value, known: &[&str]) -> Result<Self, Fault> {
        let members = value
            .as_object()
            .ok_or_else(|| must(format!("must be an object of {}", listed(known))))?;
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(members)),
            Some(name) => {
                let why = format!("is not a member here; {}", possible(name, known));
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

pub(super) fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| must("must be text in quotes"))
}

/// A text of at least one byte and at most `most`.
pub(super) fn short_text(value: &Value, most: usize) -> Result<&str, Fault> {
    let text = text(value)?;
    if !(1..=most).contains(&text.len()) {
        return Err(must(format!("has {} bytes; 1 to {most} may be", text.len())));
    }
    Ok(text)
}

/// The name of a custom property.
pub(super) fn property_name(value: &Value) -> Result<&str, Fault> {
    let name = short_text(value, limits::FLOW_PROPERTY_KEY_BYTES_MAX)?;
    if name.starts_with("properties[") {
        return Err(must("must be the bare name of a custom property, such as `Birthday`"));
    }
    Ok(name)
}

/// A whole number from `least` to `most`.
pub(super) fn whole(value: &Value, least: i64, most: i64) -> Result<i64, Fault> {
    value
        .as_i64()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| must(format!("must be a whole number from {least} to {most}")))
}

/// A list of at least one item and at most `most`.
pub(super) fn items(value: &Value, most: usize) -> Result<&[Value], Fault> {
    let items = value.as_array().ok_or_else(|| must("must be a list"))?;
    if !(1..=most).contains(&items.len()) {
        return Err(must(format!("has {} items; 1 to {most} may be", items.len())));
    }
    Ok(items)
}

/// What one of several words means.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Result<T, Fault> {
    let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let given = value
        .as_str()
        .ok_or_else(|| must(format!("must be text in quotes; possible are {}", listed(&names))))?;
    let found = words.iter().find(|(word, _)| *word == given);
    let unknown = || must(format!("is none of the possible words; {}", possible(given, &names)));
    found.map(|(_, meant)| *meant).ok_or_else(unknown)
}

/// The word that means this.
pub(super) fn name_of<T: PartialEq>(meant: &T, words: &[(&'static str, T)]) -> &'static str {
    let found = words.iter().find(|(_, of)| of == meant);
    found.map(|(word, _)| *word).expect("every meaning has its word in the table of its type")
}

/// "did you mean" and what is possible.
fn possible(given: &str, names: &[&str]) -> String {
    let nearest = json::nearest_name(given, names);
    let hint = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    format!("{hint}possible are {}", listed(names))
}

/// Names in a sentence: `a`, `b`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
