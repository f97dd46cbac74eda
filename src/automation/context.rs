//! The names that a template knows (contract: wire.md §2.4), as one JSON object.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::event::Event;
use crate::flow::{Flow, Run};
use crate::profile::{Identifier, Profile, TEXTS};

/// What templates call `organization`.
#[derive(Clone, Debug, Default)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Its web site.
    pub url: String,
    /// The name of its time zone.
    pub timezone: String,
}

/// The names of a location that people know by more than one.
const PLACES: [(&str, &[&str]); 9] = [
    ("city", &["City", "$city"]),
    ("region", &["Region", "$region"]),
    ("country", &["Country", "$country"]),
    ("zip", &["Zipcode", "zip_code", "$zip"]),
    ("address1", &["$address1"]),
    ("address2", &["$address2"]),
    ("latitude", &["$latitude"]),
    ("longitude", &["$longitude"]),
    ("timezone", &["$timezone"]),
];

/// What a template is rendered with.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The flow.
    pub flow: &'a Flow,
    /// The run; its outputs have names.
    pub run: Option<&'a Run>,
    /// The person.
    pub profile: &'a Profile,
    /// The event that let them in.
    pub event: Option<&'a Event>,
    /// Whose flow it is.
    pub organization: &'a Organization,
    /// The moment of `now`.
    pub now: Timestamp,
}

/// The object of names, as text.
#[must_use]
pub fn context(scene: &Scene<'_>) -> Vec<u8> {
    let Scene { flow, run, profile, event, organization, now } = *scene;
    let outputs = run.map(outputs).unwrap_or_default();
    json!({
        "event": event.map(event_names),
        "person": person(profile),
        "organization": {
            "name": organization.name,
            "url": organization.url,
            "full_address": "", "street_address": "", "street_address2": "",
            "city": "", "region": "", "zip_code": "",
        },
        "flow": { "id": flow.id.as_str(), "name": flow.name },
        "outputs": outputs,
        "now": now.rfc3339_micros(),
        "timezone": organization.timezone,
    })
    .to_string()
    .into_bytes()
}

fn outputs(run: &Run) -> Map<String, Value> {
    let value = |json: &str| -> Value { serde_json::from_str(json).unwrap_or_default() };
    let mut names: Map<String, Value> =
        run.outputs.iter().map(|(_, name, json)| (name.clone(), value(json))).collect();
    for (step, name, json) in &run.outputs {
        // Where an output has the name of a step, it goes before.
        if let Value::Object(of_step) = names.entry(step.clone()).or_insert_with(|| json!({})) {
            of_step.insert(name.clone(), value(json));
        }
    }
    names
}

/// The event's properties, with what it has besides.
fn event_names(event: &Event) -> Value {
    let mut names: Map<String, Value> = serde_json::from_str(&event.properties).unwrap_or_default();
    for name in ["$event_id", "$value", "$value_currency"] {
        if let Some(value) = event.attribute(name) {
            names.entry(name).or_insert(value);
        }
    }
    Value::Object(names)
}

/// The person, flat: custom properties, and over them the standard ones under all their names.
fn person(profile: &Profile) -> Value {
    let mut names: Map<String, Value> =
        serde_json::from_str(&profile.properties.to_text()).unwrap_or_default();
    let location: Map<String, Value> =
        serde_json::from_str(&profile.location.to_text()).unwrap_or_default();
    for (place, others) in PLACES {
        let Some(value) = location.get(place) else { continue };
        for name in others.iter().chain([&place]) {
            names.entry(*name).or_insert_with(|| value.clone());
        }
    }
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            names.insert(name.to_owned(), json!(value));
            names.insert(format!("${name}"), json!(value));
        }
    };
    for (name, text) in TEXTS.iter().zip(&profile.texts) {
        set(name, text.as_deref());
    }
    for kind in [Identifier::Email, Identifier::PhoneNumber, Identifier::AnonymousId] {
        set(kind.name(), profile.identifier(kind));
    }
    let external = profile.identifier(Identifier::ExternalId);
    set("external_id", external);
    set("id", external);
    let full: Vec<&str> = profile.texts.iter().take(2).flatten().map(String::as_str).collect();
    set("full_name", Some(&full.join(" ")).filter(|name| !name.is_empty()).map(String::as_str));
    names.insert("KlaviyoID".to_owned(), json!(profile.id.to_string()));
    names.insert("location".to_owned(), Value::Object(location));
    Value::Object(names)
}
