//! Events as they were read: `GET /api/events?include=metric,profile`, or one of them. Each becomes
//! the body that would send it.
//!
//! Whoever has no identifier but an id is known by that id, as an anonymous one.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::json::{self, Fault};
use crate::metric::MetricName;

const HINT: &str = "is not among `included`; ask for the events with ?include=metric,profile";
/// What a person who was read has that can be sent.
const PROFILE: [&str; 12] = [
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
    "location",
    "properties",
];

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    included: Vec<Included>,
}

#[derive(Deserialize)]
struct Included {
    r#type: String,
    id: String,
    #[serde(default)]
    attributes: Value,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    attributes: Attributes<'a>,
    relationships: Relationships,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    datetime: String,
    #[serde(borrow)]
    event_properties: &'a RawValue,
}

#[derive(Deserialize)]
struct Relationships {
    metric: Reference,
    profile: Reference,
}

#[derive(Deserialize)]
struct Reference {
    data: Identifier,
}

#[derive(Deserialize)]
struct Identifier {
    id: String,
}

/// A page, or one event.
pub(super) struct Page<'a> {
    /// The events, each with its pointer.
    events: Vec<(String, Event<'a>)>,
    included: HashMap<(String, String), Value>,
}

impl<'a> Page<'a> {
    /// Reads the document.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let Document { data, included } = json::parse(text.as_bytes())?;
        let in_data = |fault: Fault| fault.under("/data");
        let events = if data.get().starts_with('[') {
            let events: Vec<Event<'_>> = json::parse(data.get().as_bytes()).map_err(in_data)?;
            let at = |(place, event)| (format!("/data/{place}"), event);
            events.into_iter().enumerate().map(at).collect()
        } else {
            let event: Event<'_> = json::parse(data.get().as_bytes()).map_err(in_data)?;
            vec![("/data".to_owned(), event)]
        };
        let included = included.into_iter().map(|one| ((one.r#type, one.id), one.attributes));
        Ok(Self { events, included: included.collect() })
    }

    /// The metrics by their ids.
    ///
    /// # Errors
    /// Where one has no name.
    pub(super) fn metrics(&self) -> Result<Vec<(String, MetricName)>, Fault> {
        let metrics = self.included.iter().filter(|((kind, _), _)| kind == "metric");
        metrics
            .map(|((_, id), attributes)| {
                let (name, service) = metric(attributes);
                let name = MetricName::parse(name, service).map_err(|fault| {
                    Fault::new("/included", format!("metric {id}: {}", fault.detail))
                })?;
                Ok((id.clone(), name))
            })
            .collect()
    }

    /// The body of each event, with the pointer of the event.
    ///
    /// # Errors
    /// Where one's metric or person is not there.
    pub(super) fn bodies(&self) -> Result<Vec<(String, String)>, Fault> {
        self.events.iter().map(|(at, event)| Ok((at.clone(), self.body(at, event)?))).collect()
    }

    fn body(&self, at: &str, event: &Event<'_>) -> Result<String, Fault> {
        let find = |kind: &str, id: &str| self.included.get(&(kind.to_owned(), id.to_owned()));
        let to = &event.relationships;
        let id = &to.metric.data.id;
        let missing = || {
            let pointer = format!("{at}/relationships/metric/data/id");
            Fault::new(pointer, format!("metric {id} {HINT}"))
        };
        let (name, service) = metric(find("metric", id).ok_or_else(missing)?);
        let id = &to.profile.data.id;
        let mut profile = Map::new();
        let known = find("profile", id).and_then(Value::as_object).into_iter().flatten();
        profile.extend(
            known
                .filter(|(name, value)| PROFILE.contains(&name.as_str()) && !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value))),
        );
        if !PROFILE.iter().take(4).any(|name| profile.contains_key(*name)) {
            profile.insert("anonymous_id".to_owned(), id.as_str().into());
        }
        let metric = json!({ "data": { "type": "metric",
            "attributes": { "name": name, "service": service } } });
        let profile = json!({ "data": { "type": "profile", "attributes": profile } });
        let time = json!(event.attributes.datetime);
        let properties = event.attributes.event_properties;
        let value = value_of(properties);
        Ok(format!(
            r#"{{"data":{{"type":"event","attributes":{{"metric":{metric},"profile":{profile},"time":{time},"properties":{properties}{value}}}}}}}"#
        ))
    }
}

/// Name and service.
fn metric(attributes: &Value) -> (&str, Option<&str>) {
    let name = attributes["name"].as_str().unwrap_or_default();
    (name, attributes["integration"]["key"].as_str())
}

/// A location has a member for everything, set or not.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let set = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

/// The value and its currency, which an event that is read has among its properties.
fn value_of(properties: &RawValue) -> String {
    let members: Map<String, Value> = serde_json::from_str(properties.get()).unwrap_or_default();
    let mut out = String::new();
    if let Some(value) = members.get("$value").filter(|value| value.is_number()) {
        out.push_str(&format!(r#","value":{value}"#));
    }
    if let Some(currency) = members.get("$value_currency").filter(|value| value.is_string()) {
        out.push_str(&format!(r#","value_currency":{currency}"#));
    }
    out
}
