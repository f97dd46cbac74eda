//! The names that a template knows, from what the caller gives.

use jiff::Zoned;
use jiff::tz::TimeZone;
use minijinja::value::{Serde, Value};

/// Names that stand for a member of the person.
const SHORT: [&str; 7] =
    ["first_name", "last_name", "full_name", "email", "phone_number", "title", "external_id"];
/// Names that the caller gives.
const GIVEN: [&str; 7] = ["event", "person", "organization", "flow", "outputs", "now", "timezone"];

/// What there is to fill in.
#[derive(Debug)]
pub(super) struct Context {
    root: Value,
    pub(super) now: Zoned,
}

impl Context {
    /// The context of a render: `now` is RFC 3339, `timezone` a name of the IANA's. Where they do
    /// not read, it is the epoch in UTC, and so no template depends on this host's clock.
    pub(super) fn new(given: &serde_json::Value) -> Self {
        let text = |key: &str| given.get(key).and_then(serde_json::Value::as_str);
        let zone = text("timezone").and_then(|name| TimeZone::get(name).ok());
        let moment = text("now").and_then(|now| now.parse::<jiff::Timestamp>().ok());
        let now = moment.unwrap_or_default().to_zoned(zone.unwrap_or(TimeZone::UTC));
        Self { root: Value::from(Serde(given)), now }
    }

    /// What a name stands for, at the top of a template.
    pub(super) fn name(&self, name: &str) -> Value {
        let of = |value: &Value, key: &str| value.get_attr(key).unwrap_or_default();
        match name {
            "profile" => of(&self.root, "person"),
            name if GIVEN.contains(&name) => of(&self.root, name),
            name if SHORT.contains(&name) => of(&of(&self.root, "person"), name),
            _ => Value::UNDEFINED,
        }
    }
}
