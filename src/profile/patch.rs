//! What is to be changed of a person: read from an event (`event.rs`) or from a call about people
//! (`call.rs`), applied to the profile.

use serde_json::value::RawValue;

use super::draft::Changed;
use super::{Alias, Identifier, Profile, TEXTS};
use crate::id::ProfileId;
use crate::json::RawObject;

/// What the names of changed attributes begin with, as conditions spell them.
const LOCATION_OF: &str = "location.";
const PROPERTY_OF: &str = "properties.";

/// A checked description of a person.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    pub(super) id: Option<ProfileId>,
    /// In the order of [`Identifier::ALL`]; `Some(None)` clears.
    pub(super) identifiers: [Option<Option<String>>; 4],
    pub(super) append_identifiers: Vec<Alias>,
    pub(super) unappend_identifiers: Vec<Alias>,
    /// In the order of [`TEXTS`]; `Some(None)` clears.
    pub(super) texts: [Option<Option<String>>; 6],
    pub(super) location: RawObject,
    pub(super) unset_location: Vec<String>,
    pub(super) properties: RawObject,
    pub(super) append: RawObject,
    pub(super) unappend: RawObject,
    pub(super) unset: Vec<String>,
}

impl ProfilePatch {
    /// The person with this external id.
    #[must_use]
    pub fn external(id: &str) -> Self {
        let mut patch = Self::default();
        patch.identifiers[Identifier::ExternalId as usize] = Some(Some(id.to_owned()));
        patch
    }

    /// The person of this id, as they are.
    #[must_use]
    pub fn of(id: ProfileId) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// Whether it names anybody: by an id, or by an identifier that is not to be cleared.
    pub(super) fn names_somebody(&self) -> bool {
        self.id.is_some() || self.identifiers.iter().any(|given| matches!(given, Some(Some(_))))
    }

    /// Applies everything but the identifiers, and adds the names of what changed.
    pub(super) fn apply(&self, profile: &mut Profile, changed: &mut Changed) {
        let mut note = |is_changed: bool, of: &str, name: &str| {
            if is_changed {
                changed.add(format!("{of}{name}"));
            }
        };
        for ((old, new), name) in profile.texts.iter_mut().zip(&self.texts).zip(TEXTS) {
            if let Some(new) = new
                && old != new
            {
                old.clone_from(new);
                note(true, "", name);
            }
        }
        for (key, value) in self.location.iter() {
            note(profile.location.set(key, value.to_owned()), LOCATION_OF, key);
        }
        for key in &self.unset_location {
            note(profile.location.remove(key), LOCATION_OF, key);
        }
        let properties = &mut profile.properties;
        for (key, value) in self.properties.iter() {
            note(properties.set(key, value.to_owned()), PROPERTY_OF, key);
        }
        for (key, value) in self.append.iter() {
            note(edit_list(properties, key, value, Edit::Append), PROPERTY_OF, key);
        }
        for (key, value) in self.unappend.iter() {
            note(edit_list(properties, key, value, Edit::Unappend), PROPERTY_OF, key);
        }
        for key in &self.unset {
            note(properties.remove(key), PROPERTY_OF, key);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Append,
    Unappend,
}

/// Adds a value, or each value of a list, to the list under `key`, or takes them out. A single
/// value there counts as a list of one; appending what is there already changes nothing.
fn edit_list(properties: &mut RawObject, key: &str, value: &RawValue, edit: Edit) -> bool {
    let list = |raw: &RawValue| {
        serde_json::from_str::<Vec<Box<RawValue>>>(raw.get())
            .unwrap_or_else(|_| vec![raw.to_owned()])
    };
    let mut items = properties.get(key).map(list).unwrap_or_default();
    let before = items.len();
    for item in list(value) {
        let is_there = items.iter().any(|old| old.get() == item.get());
        match edit {
            Edit::Append if !is_there => items.push(item),
            Edit::Unappend if is_there => items.retain(|old| old.get() != item.get()),
            Edit::Append | Edit::Unappend => {}
        }
    }
    if items.len() == before {
        return false;
    }
    let text = serde_json::value::to_raw_value(&items).expect("a list of JSON is JSON");
    properties.set(key, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::json;

    fn parse(text: &str) -> Result<ProfilePatch, json::Fault> {
        ProfilePatch::parse(json::parse(text.as_bytes())?)
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let mut profile = Profile::new(ProfileId::from_u128(1), Timestamp::EPOCH);
        let first = parse(
            r#"{"data":{"type":"profile","attributes":{"email":"a@b","first_name":"A",
                "properties":{"n":12345678901234567890,"tags":["x"],"gone":1}}}}"#,
        );
        let mut apply = |patch: &ProfilePatch| {
            let mut changed = Changed::default();
            patch.apply(&mut profile, &mut changed);
            changed
        };
        let first = first.unwrap();
        let mut expected = Changed::default();
        for name in ["first_name", "properties.n", "properties.tags", "properties.gone"] {
            expected.add(name);
        }
        assert_eq!(apply(&first), expected);
        assert!(apply(&first).is_empty(), "the same again changes nothing");
        let second = parse(
            r#"{"data":{"type":"profile","attributes":{"email":"a@b"},"meta":{"patch_properties":
                {"append":{"tags":["y","x"]},"unappend":{"n":5},"unset":"gone"}}}}"#,
        );
        assert!(!apply(&second.unwrap()).is_empty());
        assert_eq!(profile.texts[0].as_deref(), Some("A"));
        assert_eq!(profile.properties.to_text(), r#"{"n":12345678901234567890,"tags":["x","y"]}"#);
    }
}
