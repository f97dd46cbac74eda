//! A webhook as text: what the original knows of it, and what it says beyond that, where it says
//! something.

use serde_json::Value;

use super::{Webhook, enabled};
use crate::cli::client::{Answer, CliError, Report};
use crate::cli::table::{Cell, Table};

/// How a setting is shown.
struct Setting {
    attribute: &'static str,
    label: &'static str,
    /// Whether this is what it is without being set.
    is_default: fn(&Value) -> bool,
    text: fn(&Value) -> String,
}

const fn setting(
    attribute: &'static str,
    label: &'static str,
    is_default: fn(&Value) -> bool,
    text: fn(&Value) -> String,
) -> Setting {
    Setting { attribute, label, is_default, text }
}

/// In the order of the table.
static SETTINGS: [Setting; 20] = [
    setting("disabled_reason", "reason", Value::is_null, text),
    setting("disabled_detail", "because", Value::is_null, text),
    setting(
        "breaker",
        "breaker",
        |value| *value == "closed",
        |_| "open: left alone after failures in a row, and probed".to_owned(),
    ),
    setting(
        "blocked_profiles",
        "blocked",
        |value| *value == 0,
        |value| format!("{} profiles, each behind its first failed delivery", text(value)),
    ),
    setting("paused", "paused", |value| *value == false, |_| "yes".to_owned()),
    setting("method", "method", |value| *value == "POST", text),
    setting("filter", "filter", Value::is_null, text),
    setting("include", "include", |value| value.as_array().is_none_or(Vec::is_empty), list),
    setting("timeout_seconds", "timeout", Value::is_null, |value| format!("{} s", text(value))),
    setting("retry_schedule", "retries", |value| *value == "standard", list),
    setting("retry_max_age", "max age", Value::is_null, text),
    setting("concurrency", "concurrency", Value::is_null, text),
    setting("rate_limit", "rate", Value::is_null, rate),
    setting("ordering", "ordering", |value| *value == "none", text),
    setting("park_after", "park after", Value::is_null, text),
    setting("batch", "batch", Value::is_null, batch),
    setting("tls", "tls", Value::is_null, tls),
    setting("auth", "auth", Value::is_null, auth),
    setting("handshake", "handshake", |value| *value == "none", text),
    setting("ed25519_public_key", "public key", Value::is_null, text),
];

/// The rows of one webhook.
pub(super) fn fields(document: &Webhook) -> Table {
    let webhook = &document.data;
    let of = &webhook.attributes;
    let mut fields = vec![
        ("id", Cell::plain(&webhook.id)),
        ("name", Cell::plain(&of.name)),
        ("description", of.description.as_deref().map_or_else(Cell::none, Cell::plain)),
        ("url", Cell::plain(&of.endpoint_url)),
        ("enabled", enabled(of)),
        ("created", Cell::moment(of.created_at.as_deref())),
        ("updated", Cell::moment(of.updated_at.as_deref())),
    ];
    let topics = webhook.relationships.topics.ids();
    fields.extend(topics.into_iter().map(|topic| ("topic", Cell::plain(topic))));
    if let Some(at) = of.settings.get("disabled_at").and_then(Value::as_str) {
        fields.push(("disabled at", Cell::moment(Some(at))));
    }
    if let Some(at) = of.settings.get("failing_since").and_then(Value::as_str) {
        fields.push(("failing since", Cell::moment(Some(at))));
    }
    for setting in &SETTINGS {
        let value = of.settings.get(setting.attribute).filter(|value| !(setting.is_default)(value));
        fields.extend(value.map(|value| (setting.label, Cell::plain(&(setting.text)(value)))));
    }
    let headers = of.settings.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        fields.push(("header", Cell::plain(&format!("{name}: {}", text(value)))));
    }
    fields.extend(signatures(document));
    fields.extend(of.secret_key.as_deref().map(|secret| ("secret", Cell::plain(secret))));
    Table::fields(fields)
}

/// The signatures where they are chosen, and the secrets of a rotation.
fn signatures(document: &Webhook) -> Vec<(&'static str, Cell)> {
    let of = &document.data.attributes.settings;
    let schemes = of.get("signatures").map(list).filter(|schemes| schemes != "klaviyo, standard");
    let expires = of.get("previous_secret_expires_at").and_then(Value::as_str);
    let mut fields = Vec::new();
    fields.extend(schemes.map(|schemes| ("signatures", Cell::plain(&schemes))));
    if let Some(expires) = expires {
        fields.push(("old secret until", Cell::moment(Some(expires))));
        let which = of.get("klaviyo_signed_with").map(text).unwrap_or_default();
        fields.push(("klaviyo by", Cell::plain(&format!("the {which} secret"))));
    }
    fields
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> String {
    let Some(items) = value.as_array() else { return text(value) };
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn rate(value: &Value) -> String {
    format!("{}/{}", text(&value["requests"]), text(&value["period"]))
}

fn batch(value: &Value) -> String {
    let [events, wait, bytes] = ["max_events", "max_wait_ms", "max_bytes"].map(|name| &value[name]);
    format!("{events} events, {wait} ms, {bytes} bytes")
}

fn tls(value: &Value) -> String {
    let parts = [("ca", "own authorities"), ("client_certificate", "client certificate")];
    let parts = parts.into_iter().filter(|(name, _)| value[*name].is_string());
    parts.map(|(_, words)| words).collect::<Vec<_>>().join(", ")
}

fn auth(value: &Value) -> String {
    match value["type"].as_str() {
        Some("basic") => format!("basic as {}", text(&value["username"])),
        Some("oauth2") => {
            format!("oauth2 as {} at {}", text(&value["client_id"]), text(&value["token_url"]))
        }
        _ => text(&value["type"]),
    }
}

/// Says that a secret in the answer is shown only once.
pub(super) fn with_secret_note(mut report: Report, answer: &Answer) -> Result<Report, CliError> {
    let shown: Webhook = answer.parse()?;
    if shown.data.attributes.secret_key.is_some() {
        report.notes.push("The secret is not shown again; keep it now.".to_owned());
    }
    Ok(report)
}
