//! What an event says about its person: parsed from the request, applied to the profile.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Identifier, LOCATION, Names, Profile, TEXTS};
use crate::id::ProfileId;
use crate::json::{self, Bounds, Fault, RawObject};
use crate::limits;

const BOUNDS: Bounds = Bounds {
    depth_max: limits::PROPERTY_DEPTH_MAX,
    keys_max: limits::PROPERTIES_MAX,
    string_bytes_max: limits::PROPERTY_STRING_BYTES_MAX,
    array_items_max: limits::PROPERTY_ARRAY_ITEMS_MAX,
};

/// What the names of changed attributes begin with, as conditions spell them.
const LOCATION_OF: &str = "location.";
const PROPERTY_OF: &str = "properties.";

/// A checked description of a person, with at least one identifier.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    pub(super) id: Option<ProfileId>,
    pub(super) identifiers: [Option<String>; 4],
    texts: [Option<String>; 6],
    location: RawObject,
    properties: RawObject,
    append: RawObject,
    unappend: RawObject,
    unset: Vec<String>,
}

/// The profile resource inside an event (contract: EventProfileCreateQueryResourceObject and
/// OnsiteProfileCreateQueryResourceObject; the two put `meta` in different places).
#[derive(Deserialize)]
pub(crate) struct ProfileDocument<'a> {
    #[serde(borrow)]
    data: ProfileData<'a>,
}

#[derive(Deserialize)]
struct ProfileData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    attributes: Attributes<'a>,
    #[serde(borrow, default)]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes<'a> {
    #[serde(borrow)]
    email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    phone_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    external_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    anonymous_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    first_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    last_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    organization: Option<Cow<'a, str>>,
    #[serde(borrow)]
    locale: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    image: Option<Cow<'a, str>>,
    #[serde(borrow)]
    location: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    #[serde(borrow)]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow)]
    patch_properties: Option<PatchProperties<'a>>,
    #[serde(borrow)]
    patch_identifiers: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PatchProperties<'a> {
    #[serde(borrow)]
    append: Option<&'a RawValue>,
    #[serde(borrow)]
    unappend: Option<&'a RawValue>,
    #[serde(borrow)]
    unset: Option<&'a RawValue>,
}

impl ProfilePatch {
    /// The person with this external id.
    #[must_use]
    pub fn external(id: &str) -> Self {
        let mut patch = Self::default();
        patch.identifiers[Identifier::ExternalId as usize] = Some(id.to_owned());
        patch
    }

    /// Checks the profile of an event.
    ///
    /// # Errors
    /// The first fault, its pointer relative to the profile document.
    pub(crate) fn parse(document: ProfileDocument<'_>) -> Result<Self, Fault> {
        let ProfileData { kind, id, attributes, meta } = document.data;
        if kind != "profile" {
            return Err(Fault::new("/data/type", "must be `profile`"));
        }
        let id = match id.as_deref() {
            None | Some("") => None,
            Some(id) => Some(id.parse().map_err(|why| Fault::new("/data/id", format!("{why}")))?),
        };
        let meta_at = if meta.is_some() { "/data/meta" } else { "/data/attributes/meta" };
        let meta = meta.or(attributes.meta).unwrap_or_default();
        let mut patch = Self {
            id,
            identifiers: [
                identifier(Identifier::ExternalId, attributes.external_id)?,
                identifier(Identifier::Email, attributes.email)?,
                identifier(Identifier::PhoneNumber, attributes.phone_number)?,
                identifier(Identifier::AnonymousId, attributes.anonymous_id)?,
            ],
            texts: texts([
                attributes.first_name,
                attributes.last_name,
                attributes.organization,
                attributes.locale,
                attributes.title,
                attributes.image,
            ])?,
            location: object(attributes.location, "/data/attributes/location")?,
            properties: object(attributes.properties, "/data/attributes/properties")?,
            ..Self::default()
        };
        patch.check_location()?;
        patch.take_meta(meta, meta_at)?;
        if patch.id.is_none() && patch.identifiers.iter().all(Option::is_none) {
            return Err(Fault::new(
                "/data/attributes",
                "a profile needs an id, external_id, email, phone_number or anonymous_id",
            ));
        }
        Ok(patch)
    }

    fn check_location(&self) -> Result<(), Fault> {
        for (key, value) in self.location.iter() {
            let at = || format!("/data/attributes/location/{key}");
            if !LOCATION.contains(&key) {
                let known = LOCATION.join(", ");
                return Err(Fault::new(
                    at(),
                    format!("not a field of a location; those are {known}"),
                ));
            }
            if value.get().starts_with(['{', '[', 't', 'f']) {
                return Err(Fault::new(at(), "must be a string or a number"));
            }
        }
        Ok(())
    }

    fn take_meta(&mut self, meta: Meta<'_>, at: &str) -> Result<(), Fault> {
        if meta.patch_identifiers.is_some_and(|raw| !matches!(raw.get(), "{}" | "null")) {
            return Err(Fault::new(
                format!("{at}/patch_identifiers"),
                "identifiers are not changed by an event; use the profile's own calls",
            ));
        }
        let Some(changes) = meta.patch_properties else { return Ok(()) };
        let at = format!("{at}/patch_properties");
        self.append = object(changes.append, &format!("{at}/append"))?;
        self.unappend = object(changes.unappend, &format!("{at}/unappend"))?;
        if let Some(unset) = changes.unset {
            let many = serde_json::from_str::<Option<Vec<String>>>(unset.get());
            let one = || serde_json::from_str::<String>(unset.get()).map(|key| Some(vec![key]));
            self.unset = many
                .or_else(|_| one())
                .map_err(|_| Fault::new(format!("{at}/unset"), "must be a key or a list of keys"))?
                .unwrap_or_default();
        }
        Ok(())
    }

    /// Applies everything but the identifiers, and adds the names of what changed.
    pub(super) fn apply(&self, profile: &mut Profile, changed: &mut Names) {
        let mut note = |is_changed: bool, of: &str, name: &str| {
            if is_changed {
                changed.add(&format!("{of}{name}"));
            }
        };
        for ((old, new), name) in profile.texts.iter_mut().zip(&self.texts).zip(TEXTS) {
            if new.is_some() && old != new {
                old.clone_from(new);
                note(true, "", name);
            }
        }
        for (key, value) in self.location.iter() {
            note(profile.location.set(key, value.to_owned()), LOCATION_OF, key);
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

/// Tells whether a profile's stored properties and location are over the bound.
pub(super) fn is_too_large(profile: &Profile) -> bool {
    profile.properties.to_text().len() + profile.location.to_text().len()
        > limits::PROFILE_BYTES_MAX
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

fn identifier(kind: Identifier, given: Option<Cow<'_, str>>) -> Result<Option<String>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let text = given.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let at = format!("/data/attributes/{kind}");
    let length = text.chars().count();
    if length > limits::IDENTIFIER_CHARS_MAX {
        let most = limits::IDENTIFIER_CHARS_MAX;
        return Err(Fault::new(at, format!("has {length} characters, at most {most} may be")));
    }
    match kind {
        Identifier::Email if !is_email(text) => {
            Err(Fault::new(at, "is not an e-mail address (name@host)"))
        }
        Identifier::PhoneNumber if !is_e164(text) => Err(Fault::new(
            at,
            "is not a phone number in E.164 form (+ and 7 to 15 digits, as +15005550006)",
        )),
        _ => Ok(Some(text.to_owned())),
    }
}

/// One `@` with something on both sides and no blanks: the rest is the mail system's to judge.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn texts(given: [Option<Cow<'_, str>>; 6]) -> Result<[Option<String>; 6], Fault> {
    let most = limits::PROFILE_TEXT_CHARS_MAX;
    for (text, name) in given.iter().zip(TEXTS) {
        if text.as_ref().is_some_and(|text| text.chars().count() > most) {
            let at = format!("/data/attributes/{name}");
            return Err(Fault::new(at, format!("has more than {most} characters")));
        }
    }
    Ok(given.map(|text| text.map(Cow::into_owned)))
}

fn object(raw: Option<&RawValue>, at: &str) -> Result<RawObject, Fault> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(RawObject::default());
    };
    if raw.get().len() > limits::PROFILE_BYTES_MAX {
        let most = limits::PROFILE_BYTES_MAX;
        return Err(Fault::new(at, format!("is larger than {most} bytes")));
    }
    json::check_object(raw, &BOUNDS).map_err(|fault| fault.under(at))?;
    serde_json::from_str(raw.get()).map_err(|error| Fault::new(at, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn parse(text: &str) -> Result<ProfilePatch, Fault> {
        ProfilePatch::parse(json::parse(text.as_bytes())?)
    }

    #[test]
    fn bad_input_is_pointed_at() {
        for (attributes, pointer) in [
            (r#"{}"#, "/data/attributes"),
            (r#"{"email":""}"#, "/data/attributes"),
            (r#"{"email":"nobody"}"#, "/data/attributes/email"),
            (r#"{"phone_number":"5551234"}"#, "/data/attributes/phone_number"),
            (r#"{"email":"a@b","location":{"planet":"x"}}"#, "/data/attributes/location/planet"),
            (r#"{"email":"a@b","properties":[]}"#, "/data/attributes/properties"),
            (r#"{"email":"a@b","properties":{"a":1,"a":2}}"#, "/data/attributes/properties/a"),
            (
                r#"{"email":"a@b","meta":{"patch_properties":{"unset":3}}}"#,
                "/data/attributes/meta/patch_properties/unset",
            ),
        ] {
            let text = format!(r#"{{"data":{{"type":"profile","attributes":{attributes}}}}}"#);
            assert_eq!(parse(&text).unwrap_err().pointer, pointer, "{attributes}");
        }
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let mut profile = Profile::new(ProfileId::from_u128(1), Timestamp::EPOCH);
        let first = parse(
            r#"{"data":{"type":"profile","attributes":{"email":"a@b","first_name":"A",
                "properties":{"n":12345678901234567890,"tags":["x"],"gone":1}}}}"#,
        );
        let mut apply = |patch: &ProfilePatch| {
            let mut changed = Names::default();
            patch.apply(&mut profile, &mut changed);
            changed
        };
        let first = first.unwrap();
        let mut expected = Names::default();
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
