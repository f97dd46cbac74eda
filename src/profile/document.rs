//! A profile as the API and the deliveries show it (contract: wire.md §4.5). Properties and location
//! pass through as received.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Identifier, LOCATION, Profile, TEXTS};
use crate::clock::Timestamp;
use crate::json::RawObject;

/// Consent, which is shown where it is asked for.
const SUBSCRIPTIONS: &str = "subscriptions";
/// What a vendor's model foretells; here it foretells nothing.
const PREDICTIONS: &str = "predictive_analytics";
/// The relationships, with the name of each in paths.
const RELATIONSHIPS: [&str; 4] = ["lists", "segments", "push-tokens", "conversation"];

/// What a read shows of a profile besides what stands in it.
#[derive(Clone, Debug, Default)]
pub struct View<'v> {
    /// The names to show; `None` for all.
    pub fields: Option<&'v [&'v str]>,
    /// The time of the person's last event.
    pub last_event_date: Option<Timestamp>,
    /// Consent, a JSON object; `None` where nobody asked for it.
    pub subscriptions: Option<Box<RawValue>>,
    /// Whether predictions are asked for: an empty object, because nothing here foretells.
    pub predictions: bool,
    /// Since when they belong to the group whose members are read.
    pub joined_group_at: Option<Timestamp>,
    /// What a relationship leads to, by the relationship's name, where that is included: the types
    /// and ids.
    pub included: Map<String, Value>,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    attributes: RawObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationships: Option<Value>,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    own: &'a str,
}

impl Profile {
    /// The profile's resource object as deliveries have it: what stands in the profile, with all
    /// attributes or those that `fields` names; `base` is the public URL without a slash at its
    /// end.
    #[must_use]
    pub fn resource(&self, base: &str, fields: Option<&[&str]>) -> Vec<u8> {
        self.whole(base, self.own_attributes(&|name| is_shown(fields, name)), None)
    }

    /// The profile's resource object as reads have it: with what is known of the person besides,
    /// and its relationships.
    #[must_use]
    pub fn document(&self, base: &str, view: &View<'_>) -> Vec<u8> {
        let asks = |name: &str| is_shown(view.fields, name);
        let mut shown = self.own_attributes(&asks);
        if asks("whatsapp_bsuid") {
            shown.set("whatsapp_bsuid", raw(&None::<()>));
        }
        if asks("last_event_date") {
            shown
                .set("last_event_date", raw(&view.last_event_date.map(Timestamp::rfc3339_seconds)));
        }
        if let Some(joined) = view.joined_group_at.filter(|_| asks("joined_group_at")) {
            shown.set("joined_group_at", raw(&joined.rfc3339_seconds()));
        }
        if let Some(all) = &view.subscriptions {
            shown.set(SUBSCRIPTIONS, raw(&part_of(all, SUBSCRIPTIONS, view.fields)));
        }
        if view.predictions {
            shown.set(PREDICTIONS, raw(&RawObject::default()));
        }
        let at = format!("{base}/api/profiles/{}", self.id);
        let relationships = RELATIONSHIPS.into_iter().map(|name| {
            let mut relationship = Map::new();
            if let Some(included) = view.included.get(name) {
                relationship.insert("data".to_owned(), included.clone());
            }
            let links = serde_json::json!({
                "self": format!("{at}/relationships/{name}/"), "related": format!("{at}/{name}/"),
            });
            relationship.insert("links".to_owned(), links);
            (name.to_owned(), Value::Object(relationship))
        });
        self.whole(base, shown, Some(Value::Object(relationships.collect())))
    }

    fn whole(&self, base: &str, attributes: RawObject, relationships: Option<Value>) -> Vec<u8> {
        let link = format!("{base}/api/profiles/{}/", self.id);
        let resource = Resource {
            kind: "profile",
            id: self.id.to_string(),
            attributes,
            relationships,
            links: Links { own: &link },
        };
        serde_json::to_vec(&resource).expect("keys are strings and values are JSON")
    }

    fn own_attributes(&self, asks: &dyn Fn(&str) -> bool) -> RawObject {
        let mut shown = RawObject::default();
        let mut show = |name: &str, value: Box<RawValue>| {
            if asks(name) {
                shown.set(name, value);
            }
        };
        for kind in [
            Identifier::Email,
            Identifier::PhoneNumber,
            Identifier::ExternalId,
            Identifier::AnonymousId,
        ] {
            show(kind.name(), raw(&self.identifier(kind)));
        }
        for (name, text) in TEXTS.iter().zip(&self.texts) {
            show(name, raw(text));
        }
        show("created", raw(&self.created.rfc3339_seconds()));
        show("updated", raw(&self.updated.rfc3339_seconds()));
        show("properties", raw(&self.properties));
        if let Some(location) = self.shown_location(asks) {
            shown.set("location", raw(&location));
        }
        shown
    }

    /// The location with all its fields, or those asked for; `None` where none is.
    fn shown_location(&self, asks: &dyn Fn(&str) -> bool) -> Option<RawObject> {
        let mut shown = RawObject::default();
        for name in LOCATION {
            if asks("location") || asks(&format!("location.{name}")) {
                let value = self.location.get(name);
                shown.set(name, value.map_or_else(|| raw(&None::<()>), ToOwned::to_owned));
            }
        }
        let is_empty = shown.iter().next().is_none();
        if is_empty { None } else { Some(shown) }
    }
}

fn is_shown(fields: Option<&[&str]>, name: &str) -> bool {
    fields.is_none_or(|fields| fields.contains(&name))
}

/// The whole value, or, where `fields` names parts of it (`subscriptions.email.marketing`), these.
fn part_of(all: &RawValue, name: &str, fields: Option<&[&str]>) -> Value {
    let all: Value = serde_json::from_str(all.get()).unwrap_or_default();
    let beneath = |field: &&str| {
        let path = field.strip_prefix(name)?.strip_prefix('.')?;
        Some(path.split('.').map(str::to_owned).collect::<Vec<_>>())
    };
    let paths: Vec<_> = fields.unwrap_or_default().iter().filter_map(beneath).collect();
    if paths.is_empty() || fields.is_some_and(|fields| fields.contains(&name)) {
        return all;
    }
    let mut shown = Value::Object(Map::new());
    for path in paths {
        let found = path.iter().try_fold(&all, |value, key| value.get(key));
        let Some(found) = found else { continue };
        let mut place = &mut shown;
        for key in &path {
            place = &mut place[key.as_str()];
        }
        *place = found.clone();
    }
    shown
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("texts and objects are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProfileId;

    fn shown(view: &View<'_>) -> Value {
        let mut profile = Profile::new(ProfileId::from_u128(1), Timestamp::EPOCH);
        profile.identifiers[Identifier::Email as usize] = Some("a@b.c".to_owned());
        profile.location.set("city", raw(&"Bonn"));
        serde_json::from_slice(&profile.document("http://h", view)).unwrap()
    }

    #[test]
    fn a_read_shows_every_attribute() {
        let all = shown(&View::default());
        let names: Vec<_> = all["attributes"].as_object().unwrap().keys().collect();
        for name in super::super::FIELDS.iter().filter(|name| {
            !name.contains('.')
                && !["id", "joined_group_at", SUBSCRIPTIONS, PREDICTIONS].contains(name)
        }) {
            assert!(names.iter().any(|shown| shown == name), "{name}");
        }
        assert_eq!(all["attributes"]["location"].as_object().unwrap().len(), LOCATION.len());
        let at = "http://h/api/profiles/00000000000000000000000001";
        let related = &all["relationships"]["push-tokens"]["links"]["related"];
        assert_eq!(related, &format!("{at}/push-tokens/"));
        assert_eq!(all["links"]["self"], format!("{at}/"));
        assert!(all["relationships"]["lists"].get("data").is_none(), "nothing is included");
    }

    #[test]
    fn what_is_included_is_named_beside_its_links() {
        let lists = serde_json::json!([{ "type": "list", "id": "AAAAAA" }]);
        let included = Map::from_iter([("lists".to_owned(), lists.clone())]);
        let relationships = &shown(&View { included, ..View::default() })["relationships"];
        assert_eq!(relationships["lists"]["data"], lists);
        assert!(relationships["lists"]["links"]["self"].is_string());
        assert!(relationships["segments"].get("data").is_none());
    }

    #[test]
    fn fields_choose_down_to_the_part() {
        let fields = ["email", "location.city", "subscriptions.email.marketing.consent"];
        let consent = r#"{"email":{"marketing":{"consent":"SUBSCRIBED","method":null}},"sms":{}}"#;
        let view = View {
            fields: Some(&fields),
            subscriptions: Some(RawValue::from_string(consent.to_owned()).unwrap()),
            ..View::default()
        };
        let attributes = &shown(&view)["attributes"];
        assert_eq!(
            attributes,
            &serde_json::json!({
                "email": "a@b.c", "location": { "city": "Bonn" },
                "subscriptions": { "email": { "marketing": { "consent": "SUBSCRIBED" } } },
            })
        );
        let whole = View { fields: None, predictions: true, ..view };
        let attributes = &shown(&whole)["attributes"];
        assert_eq!(attributes["subscriptions"]["sms"], serde_json::json!({}));
        assert_eq!(attributes["predictive_analytics"], serde_json::json!({}));
    }
}
