//! The profile of a call about people: from the request to a checked [`ProfilePatch`] (contract:
//! ProfileCreateQuery, ProfileUpsertQuery, ProfilePartialUpdateQuery).
//!
//! Here `null` clears: a text, an identifier, a field of the location, a property. What is misspelt
//! is refused, with what was probably meant.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::check::{self, PatchProperties};
use super::{Alias, Identifier, ProfilePatch, TEXTS};
use crate::id::ProfileId;
use crate::json::{self, Bounds, Fault, RawObject};
use crate::limits;

/// The attributes as a whole; what stands in them has its own bounds.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::PROPERTY_DEPTH_MAX + 1,
    keys_max: limits::PROFILE_ATTRIBUTES_MAX,
    string_bytes_max: limits::PROPERTY_STRING_BYTES_MAX,
    array_items_max: limits::PROPERTY_ARRAY_ITEMS_MAX,
};
/// What a call may set: the identifiers, the texts, and these.
const OBJECTS: [&str; 2] = ["location", "properties"];
/// What reads show and nobody sets, and a tracking id of the original's that is nothing here:
/// ignored, so that an answer may be sent back.
const IGNORED: [&str; 8] = [
    "_kx",
    "created",
    "id",
    "joined_group_at",
    "last_event_date",
    "predictive_analytics",
    "updated",
    "whatsapp_bsuid",
];
const CONSENT: &str = "subscriptions";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Meta<'a> {
    #[serde(borrow)]
    patch_properties: Option<PatchProperties<'a>>,
    #[serde(borrow)]
    patch_identifiers: Option<PatchIdentifiers<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PatchIdentifiers<'a> {
    #[serde(borrow)]
    append: Option<&'a RawValue>,
    #[serde(borrow)]
    unappend: Option<&'a RawValue>,
}

impl ProfilePatch {
    /// Reads the body of `POST /api/profiles`.
    ///
    /// # Errors
    /// The first fault.
    pub fn of_new(body: &[u8]) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        let mut patch = Self::resource(data).map_err(|fault| fault.under("/data"))?;
        if patch.id.take().is_some() {
            let why = "is not accepted here: a new profile gets its id from tidings; \
                       POST /api/profile-import brings one up to date";
            return Err(Fault::new("/data/id", why));
        }
        patch.expect_somebody("/data/attributes")?;
        Ok(patch)
    }

    /// Reads the body of `POST /api/profile-import`.
    ///
    /// # Errors
    /// The first fault.
    pub fn of_import(body: &[u8]) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        Self::of_resource(data).map_err(|fault| fault.under("/data"))
    }

    /// Reads one profile of an import: a resource object that names somebody.
    ///
    /// # Errors
    /// The first fault, its pointer relative to the resource.
    pub fn of_resource(resource: &RawValue) -> Result<Self, Fault> {
        let patch = Self::resource(resource)?;
        patch.expect_somebody("/attributes")?;
        Ok(patch)
    }

    /// Reads the body of `PATCH /api/profiles/{id}`, in which the id may stand again.
    ///
    /// # Errors
    /// The first fault.
    pub fn of_update(body: &[u8], id: ProfileId) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        let patch = Self::resource(data).map_err(|fault| fault.under("/data"))?;
        match patch.id {
            Some(given) if given != id => {
                Err(Fault::new("/data/id", format!("must be {id}, as in the path")))
            }
            Some(_) | None => Ok(patch),
        }
    }

    fn expect_somebody(&self, at: &str) -> Result<(), Fault> {
        if self.names_somebody() {
            return Ok(());
        }
        let why = "a profile needs an email, phone_number, external_id or anonymous_id";
        Err(Fault::new(at, why))
    }

    fn resource(raw: &RawValue) -> Result<Self, Fault> {
        const AT: &str = "/attributes";
        let Data { kind, id, attributes, meta } = json::parse(raw.get().as_bytes())?;
        if kind != "profile" {
            return Err(Fault::new("/type", "must be `profile`"));
        }
        let id = match id.as_deref() {
            None | Some("") => None,
            Some(id) => Some(id.parse().map_err(|why| Fault::new("/id", format!("{why}")))?),
        };
        let mut patch = Self { id, ..Self::default() };
        // `[]` is how PHP writes an object without members.
        if let Some(given) = attributes.filter(|given| !matches!(given.get(), "[]" | "null")) {
            json::check_object(given, &BOUNDS).map_err(|fault| fault.under(AT))?;
            let given = json::parse(given.get().as_bytes()).map_err(|fault| fault.under(AT))?;
            patch.take_attributes(&given).map_err(|fault| fault.under(AT))?;
        }
        if let Some(meta) = meta.filter(|given| !matches!(given.get(), "[]" | "null")) {
            let meta = json::parse(meta.get().as_bytes());
            let taken = meta.and_then(|meta| patch.take_changes(meta));
            taken.map_err(|fault| fault.under("/meta"))?;
        }
        Ok(patch)
    }

    fn take_attributes(&mut self, given: &RawObject) -> Result<(), Fault> {
        for (name, raw) in given.iter() {
            let at = json::pointer_to(name);
            let kind = Identifier::ALL.into_iter().find(|kind| kind.name() == name);
            let text = TEXTS.iter().position(|text| *text == name);
            if let Some(kind) = kind {
                self.identifiers[kind as usize] = match text_or_null(raw, &at)? {
                    None => Some(None),
                    Some(text) => check::identifier(kind, &text, &at)?.map(Some),
                };
            } else if let Some(place) = text {
                let read =
                    text_or_null(raw, &at)?.map(|text| check::text(text, &at)).transpose()?;
                self.texts[place] = Some(read);
            } else if name == "location" {
                (self.location, self.unset_location) =
                    without_nulls(check::object(Some(raw), &at)?);
                check::location(&self.location, &at)?;
            } else if name == "properties" {
                let (properties, nulls) = without_nulls(check::object(Some(raw), &at)?);
                self.properties = properties;
                self.unset = nulls;
            } else if !IGNORED.contains(&name) {
                return Err(unknown(name));
            }
        }
        Ok(())
    }

    fn take_changes(&mut self, meta: Meta<'_>) -> Result<(), Fault> {
        if let Some(changes) = meta.patch_properties {
            let nulls = std::mem::take(&mut self.unset);
            self.take_properties(changes, "/patch_properties")?;
            self.unset.extend(nulls);
        }
        if let Some(changes) = meta.patch_identifiers {
            const AT: &str = "/patch_identifiers";
            self.append_identifiers = aliases(changes.append, &format!("{AT}/append"))?;
            self.unappend_identifiers = aliases(changes.unappend, &format!("{AT}/unappend"))?;
        }
        Ok(())
    }
}

fn text_or_null<'a>(raw: &'a RawValue, at: &str) -> Result<Option<Cow<'a, str>>, Fault> {
    if raw.get() == "null" {
        return Ok(None);
    }
    match serde_json::from_str::<Cow<'a, str>>(raw.get()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Fault::new(at, "must be text in quotes, or null")),
    }
}

/// The values, and the keys whose value is `null`.
fn without_nulls(object: RawObject) -> (RawObject, Vec<String>) {
    let is_null = |(_, raw): &(&str, &RawValue)| raw.get() == "null";
    let nulls: Vec<String> = object.iter().filter(is_null).map(|(key, _)| key.to_owned()).collect();
    let mut object = object;
    for key in &nulls {
        object.remove(key);
    }
    (object, nulls)
}

/// Identifiers by kind: one of each, or several.
fn aliases(raw: Option<&RawValue>, at: &str) -> Result<Vec<Alias>, Fault> {
    let Some(raw) = raw.filter(|raw| !matches!(raw.get(), "[]" | "null")) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (name, raw) in check::object(Some(raw), at)?.iter() {
        let at = format!("{at}{}", json::pointer_to(name));
        let Some(kind) = Identifier::ALL.into_iter().find(|kind| kind.name() == name) else {
            let kinds = Identifier::ALL.map(Identifier::name).join(", ");
            return Err(Fault::new(at, format!("is no kind of identifier; there are {kinds}")));
        };
        let texts = check::one_or_many(raw).ok_or_else(|| {
            Fault::new(at.as_str(), "must be an identifier or a list of identifiers")
        })?;
        for text in texts {
            let text = check::identifier(kind, &text, &at)?;
            found.extend(text.map(|text| Alias { kind, text }));
        }
    }
    Ok(found)
}

fn unknown(name: &str) -> Fault {
    let at = json::pointer_to(name);
    if name == CONSENT {
        let why = "consent is not set here, but by POST /api/profile-subscription-bulk-create-jobs \
                   and …-delete-jobs";
        return Fault::new(at, why);
    }
    let settable: Vec<&str> =
        Identifier::ALL.map(Identifier::name).into_iter().chain(TEXTS).chain(OBJECTS).collect();
    let why = match json::nearest_name(name, &settable) {
        Some(nearest) => format!("is not an attribute; did you mean `{nearest}`?"),
        None => format!(
            "is not an attribute; possible are `{}`. What is your own belongs into `properties`",
            settable.join("`, `")
        ),
    };
    Fault::new(at, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ProfileId = ProfileId::from_u128(1);

    fn body(rest: &str) -> String {
        format!(r#"{{"data":{{"type":"profile",{rest}}}}}"#)
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (rest, pointer) in [
            (r#""attributes":{"email":"nobody"}"#, "/data/attributes/email"),
            (r#""attributes":{"email":5}"#, "/data/attributes/email"),
            (r#""attributes":{"fist_name":"A"}"#, "/data/attributes/fist_name"),
            (r#""attributes":{"subscriptions":{}}"#, "/data/attributes/subscriptions"),
            (r#""attributes":{"first_name":"A","first_name":"B"}"#, "/data/attributes/first_name"),
            (r#""attributes":{"location":{"planet":"x"}}"#, "/data/attributes/location/planet"),
            (r#""attributes":{"location":{"city":{}}}"#, "/data/attributes/location/city"),
            (r#""attributes":{"properties":[]}"#, "/data/attributes/properties"),
            (r#""id":"x","attributes":{}"#, "/data/id"),
            (r#""id":"00000000000000000000000002","attributes":{}"#, "/data/id"),
            (r#""meta":{"patch":{}}"#, "/data/meta/patch"),
            (r#""meta":{"patch_properties":{"unset":3}}"#, "/data/meta/patch_properties/unset"),
            (
                r#""meta":{"patch_identifiers":{"append":{"mail":"a@b"}}}"#,
                "/data/meta/patch_identifiers/append/mail",
            ),
            (
                r#""meta":{"patch_identifiers":{"append":{"email":["a@b","nobody"]}}}"#,
                "/data/meta/patch_identifiers/append/email",
            ),
        ] {
            let fault = ProfilePatch::of_update(body(rest).as_bytes(), ID).unwrap_err();
            assert_eq!(fault.pointer, pointer, "{rest}: {fault}");
        }
        let wrong = body(r#""attributes":{}"#).replace("profile", "person");
        assert_eq!(
            ProfilePatch::of_update(wrong.as_bytes(), ID).unwrap_err().pointer,
            "/data/type"
        );
    }

    #[test]
    fn a_misspelt_name_is_told_what_it_may_mean() {
        let read = |rest: &str| ProfilePatch::of_update(body(rest).as_bytes(), ID);
        let fault = read(r#""attributes":{"fist_name":"A"}"#).unwrap_err();
        assert!(fault.detail.contains("did you mean `first_name`?"), "{fault}");
        let fault = read(r#""attributes":{"xyz":"A"}"#).unwrap_err();
        assert!(fault.detail.contains("possible are"), "{fault}");
        assert!(read(r#""attributes":{"_kx":"A","created":null,"last_event_date":1}"#).is_ok());
        assert!(read(r#""attributes":[],"meta":[]"#).is_ok());
    }

    #[test]
    fn nulls_clear() {
        let rest = r#""attributes":{"email":null,"title":null,"location":{"city":null,"zip":"1"},
            "properties":{"a":null,"b":1}},"meta":{"patch_properties":{"unset":"c"}}"#;
        let patch = ProfilePatch::of_update(body(rest).as_bytes(), ID).unwrap();
        assert_eq!(patch.identifiers[Identifier::Email as usize], Some(None));
        assert_eq!(patch.identifiers[Identifier::ExternalId as usize], None);
        assert_eq!(patch.texts, [None, None, None, None, Some(None), None]);
        assert_eq!(patch.unset_location, ["city"]);
        assert_eq!(
            (patch.location.to_text(), patch.properties.to_text()),
            (r#"{"zip":"1"}"#.to_owned(), r#"{"b":1}"#.to_owned())
        );
        assert_eq!(patch.unset, ["c", "a"]);
    }

    #[test]
    fn a_new_one_needs_an_identifier_and_brings_no_id() {
        let read = |rest: &str| ProfilePatch::of_new(body(rest).as_bytes());
        let nobody = read(r#""attributes":{"first_name":"A","email":null}"#).unwrap_err();
        assert_eq!(nobody.pointer, "/data/attributes");
        let id = r#""id":"00000000000000000000000001","attributes":{"email":"a@b"}"#;
        assert_eq!(read(id).unwrap_err().pointer, "/data/id");
        assert!(ProfilePatch::of_import(body(id).as_bytes()).is_ok());
        assert!(ProfilePatch::of_import(body(r#""attributes":{}"#).as_bytes()).is_err());
    }
}
