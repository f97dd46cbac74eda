//! The profile of an event: from the request to a checked [`ProfilePatch`].

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::check::{self, PatchProperties};
use super::{Identifier, ProfilePatch, TEXTS};
use crate::json::Fault;

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

impl ProfilePatch {
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
        const AT: &str = "/data/attributes";
        let mut patch = Self {
            id,
            location: check::object(attributes.location, "/data/attributes/location")?,
            properties: check::object(attributes.properties, "/data/attributes/properties")?,
            ..Self::default()
        };
        for (kind, given) in Identifier::ALL.into_iter().zip([
            attributes.external_id,
            attributes.email,
            attributes.phone_number,
            attributes.anonymous_id,
        ]) {
            let Some(given) = given else { continue };
            let read = check::identifier(kind, &given, &format!("{AT}/{kind}"))?;
            patch.identifiers[kind as usize] = read.map(Some);
        }
        for (place, given) in [
            attributes.first_name,
            attributes.last_name,
            attributes.organization,
            attributes.locale,
            attributes.title,
            attributes.image,
        ]
        .into_iter()
        .enumerate()
        {
            let Some(given) = given else { continue };
            let read = check::text(given, &format!("{AT}/{}", TEXTS[place]))?;
            patch.texts[place] = Some(Some(read));
        }
        check::location(&patch.location, "/data/attributes/location")?;
        patch.take_meta(meta, meta_at)?;
        if !patch.names_somebody() {
            return Err(Fault::new(
                "/data/attributes",
                "a profile needs an id, external_id, email, phone_number or anonymous_id",
            ));
        }
        Ok(patch)
    }

    fn take_meta(&mut self, meta: Meta<'_>, at: &str) -> Result<(), Fault> {
        if meta.patch_identifiers.is_some_and(|raw| !matches!(raw.get(), "{}" | "null")) {
            return Err(Fault::new(
                format!("{at}/patch_identifiers"),
                "identifiers are not changed by an event; use the profile's own calls",
            ));
        }
        let Some(changes) = meta.patch_properties else { return Ok(()) };
        self.take_properties(changes, &format!("{at}/patch_properties"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

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
}
