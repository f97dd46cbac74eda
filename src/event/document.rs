//! An event as the API and the deliveries show it (contract: wire.md §1.1, §4.2).
//!
//! Written by hand into bytes: the properties pass through as they were received, and the same
//! function serves a read and a delivery, so the two can not differ.

use super::Event;
use crate::json::push_string;

/// Which attributes a read asks for (`fields[event]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFields {
    /// `timestamp`: the event's time in seconds.
    pub timestamp: bool,
    /// `event_properties`.
    pub event_properties: bool,
    /// `datetime`: the event's time in RFC 3339.
    pub datetime: bool,
    /// `uuid`.
    pub uuid: bool,
}

impl EventFields {
    /// All of them, as without a `fields[event]`.
    pub const ALL: Self =
        Self { timestamp: true, event_properties: true, datetime: true, uuid: true };
}

/// Appends the event's resource object; `base` is the public URL without a slash at its end.
pub fn push_resource(to: &mut Vec<u8>, event: &Event, base: &str, fields: EventFields) {
    let id = event.id.to_string();
    let metric = event.metric.as_str();
    let profile = event.profile.to_string();
    push(to, &[r#"{"type":"event","id":""#, &id, r#"","attributes":{"#]);
    push_attributes(to, event, fields);
    push(to, &[r#"},"relationships":{"metric":{"data":{"type":"metric","id":""#, metric]);
    push_relationship_links(to, base, &id, "metric");
    push(to, &[r#","profile":{"data":{"type":"profile","id":""#, &profile]);
    push_relationship_links(to, base, &id, "profile");
    push(to, &[r#"},"links":{"self":""#, base, "/api/events/", &id, r#"/"}}"#]);
}

fn push(to: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        to.extend_from_slice(part.as_bytes());
    }
}

fn push_relationship_links(to: &mut Vec<u8>, base: &str, id: &str, name: &str) {
    let event = [base, "/api/events/", id];
    push(to, &[r#""},"links":{"self":""#]);
    push(to, &event);
    push(to, &["/relationships/", name, r#"/","related":""#]);
    push(to, &event);
    push(to, &["/", name, r#"/"}}"#]);
}

fn push_attributes(to: &mut Vec<u8>, event: &Event, fields: EventFields) {
    let mut is_first = true;
    let mut name = |to: &mut Vec<u8>, name: &str| {
        push(to, &[if is_first { "\"" } else { ",\"" }, name, "\":"]);
        is_first = false;
    };
    if fields.timestamp {
        name(to, "timestamp");
        push(to, &[&event.time.seconds().to_string()]);
    }
    if fields.event_properties {
        name(to, "event_properties");
        push_properties(to, event);
    }
    if fields.datetime {
        name(to, "datetime");
        push(to, &["\"", &event.time.rfc3339_seconds(), "\""]);
    }
    if fields.uuid {
        name(to, "uuid");
        push(to, &["\"", &event.id.uuid(event.time.seconds()), "\""]);
    }
}

/// The properties as received, with what the contract adds behind the last of them. A key that
/// the producer put there himself is left as he wrote it.
fn push_properties(to: &mut Vec<u8>, event: &Event) {
    let object = event.properties.trim_end();
    let open = object.strip_suffix('}').unwrap_or(object);
    push(to, &[open]);
    let mut is_empty = open.trim_end().ends_with('{') && open.trim() == "{";
    let mut add = |to: &mut Vec<u8>, key: &str, write: &dyn Fn(&mut Vec<u8>)| {
        if has_key(object, key) {
            return;
        }
        push(to, &[if is_empty { "\"" } else { ",\"" }, key, "\":"]);
        write(to);
        is_empty = false;
    };
    add(to, "$event_id", &|to| push_string(to, &event.unique_id));
    if let Some(value) = &event.value {
        add(to, "$value", &|to| push(to, &[value]));
    }
    if let Some(currency) = &event.value_currency {
        add(to, "$value_currency", &|to| push_string(to, currency));
    }
    push(to, &["}"]);
}

/// Whether the object has this key at its top level.
fn has_key(object: &str, key: &str) -> bool {
    // Nearly no event has one: look for the text before parsing.
    object.contains(key)
        && serde_json::from_str::<crate::json::RawObject>(object)
            .is_ok_and(|parsed| parsed.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{EventId, ProfileId};

    fn event(properties: &str) -> Event {
        Event {
            id: EventId::from_u64(1_776_118_606 << 32),
            metric: "SHi67A".parse().unwrap(),
            profile: ProfileId::from_u128(1),
            time: Timestamp::from_seconds(1_776_118_606),
            received: Timestamp::from_seconds(1_776_118_607),
            unique_id: "1776118606".to_owned(),
            value: None,
            value_currency: None,
            properties: properties.to_owned(),
            backfill: false,
        }
    }

    fn text(event: &Event, fields: EventFields) -> String {
        let mut bytes = Vec::new();
        push_resource(&mut bytes, event, "http://h", fields);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_resource_has_the_contracts_shape() {
        let shown = text(&event(r#"{"method":"PROFILE_PAGE"}"#), EventFields::ALL);
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(value["id"], "ad1rTgAAAAA");
        assert_eq!(value["attributes"]["timestamp"], 1_776_118_606);
        assert_eq!(value["attributes"]["datetime"], "2026-04-13T22:16:46+00:00");
        assert_eq!(value["attributes"]["event_properties"]["$event_id"], "1776118606");
        let profile = &value["relationships"]["profile"];
        assert_eq!(profile["data"]["id"], "00000000000000000000000001");
        assert_eq!(profile["links"]["related"], "http://h/api/events/ad1rTgAAAAA/profile/");
        assert_eq!(value["links"]["self"], "http://h/api/events/ad1rTgAAAAA/");
    }

    #[test]
    fn properties_are_the_bytes_received() {
        let own = r#"{ "b" : 1.50,"a":12345678901234567890123 , "é":"\u00e9"  "#;
        let mut with_value = event(&format!("{own}}}"));
        with_value.value = Some("9.990".to_owned());
        let shown = text(&with_value, EventFields::ALL);
        let expected = format!(r#"{own},"$event_id":"1776118606","$value":9.990}}"#);
        assert!(shown.contains(&expected), "{shown}");
        assert!(text(&event("{ }"), EventFields::ALL).contains(r#"{ "$event_id":"1776118606"}"#));
    }

    #[test]
    fn a_key_of_the_producers_own_is_not_doubled() {
        let shown = text(&event(r#"{"$event_id":"mine"}"#), EventFields::ALL);
        assert_eq!(shown.matches("$event_id").count(), 1);
        let nested = text(&event(r#"{"a":{"$event_id":1}}"#), EventFields::ALL);
        assert_eq!(nested.matches("$event_id").count(), 2);
    }

    #[test]
    fn only_the_fields_asked_for_are_shown() {
        let none =
            EventFields { timestamp: false, event_properties: false, datetime: false, uuid: false };
        assert!(text(&event("{}"), none).contains(r#""attributes":{},"#));
        let one = text(&event("{}"), EventFields { uuid: true, ..none });
        let value: serde_json::Value = serde_json::from_str(&one).unwrap();
        assert_eq!(value["attributes"].as_object().unwrap().len(), 1);
    }
}
