//! A profile as the API and the deliveries show it (contract: wire.md §4.5). Properties and location
//! pass through as received.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Identifier, LOCATION, Profile, TEXTS};
use crate::json::RawObject;

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    attributes: RawObject,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    own: &'a str,
}

impl Profile {
    /// The profile's resource object, with all attributes or those that `fields` names; `base` is
    /// the public URL without a slash at its end.
    #[must_use]
    pub fn resource(&self, base: &str, fields: Option<&[&str]>) -> Vec<u8> {
        let profile = self;
        let mut shown = RawObject::default();
        let mut show = |name: &str, value: Box<RawValue>| {
            if fields.is_none_or(|fields| fields.contains(&name)) {
                shown.set(name, value);
            }
        };
        for kind in [
            Identifier::Email,
            Identifier::PhoneNumber,
            Identifier::ExternalId,
            Identifier::AnonymousId,
        ] {
            show(kind.name(), raw(&profile.identifier(kind)));
        }
        for (name, text) in TEXTS.iter().zip(&profile.texts) {
            show(name, raw(text));
        }
        show("created", raw(&profile.created.rfc3339_seconds()));
        show("updated", raw(&profile.updated.rfc3339_seconds()));
        show("properties", raw(&profile.properties));
        if let Some(location) = location(profile, fields) {
            shown.set("location", raw(&location));
        }
        let link = format!("{base}/api/profiles/{}/", profile.id);
        let resource = Resource {
            kind: "profile",
            id: profile.id.to_string(),
            attributes: shown,
            links: Links { own: &link },
        };
        serde_json::to_vec(&resource).expect("keys are strings and values are JSON")
    }
}

/// The location with all its fields, or those asked for; `None` where none is.
fn location(profile: &Profile, fields: Option<&[&str]>) -> Option<RawObject> {
    let asked = |name: &str| {
        fields.is_none_or(|fields| {
            fields.iter().any(|field| {
                *field == "location"
                    || field.strip_prefix("location.").is_some_and(|part| part == name)
            })
        })
    };
    let mut shown = RawObject::default();
    for name in LOCATION.into_iter().filter(|name| asked(name)) {
        let value = profile.location.get(name).map_or_else(|| raw(&None::<()>), ToOwned::to_owned);
        shown.set(name, value);
    }
    let is_empty = shown.iter().next().is_none();
    if is_empty { None } else { Some(shown) }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("texts and objects are JSON")
}
