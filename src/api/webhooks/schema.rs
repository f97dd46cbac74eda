//! The shapes of a webhook's attributes in the OpenAPI document.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::api::jsonapi::attributes;
use crate::limits;
use crate::signing::Scheme;
use crate::webhook::{DisableReason, Method, Ordering, Period, Schedule};

/// The attributes of an answer.
pub(in crate::api) fn answered() -> Map<String, Value> {
    let mut all = attributes(json!({
        "name": { "type": "string" },
        "description": { "type": ["string", "null"] },
        "endpoint_url": { "type": "string" },
        "enabled": { "type": "boolean" },
        "created_at": moment("When it was made"),
        "updated_at": moment("When it last changed"),
        "disabled_at": moment("Since when it is switched off"),
        "disabled_reason": { "enum": with_null(&DisableReason::ALL.map(DisableReason::name)) },
        "disabled_detail": { "type": ["string", "null"] },
        "previous_secret_expires_at":
            moment("Until when deliveries are signed with the previous secret too"),
        "klaviyo_signed_with": signed_with(),
        "ed25519_public_key": { "type": ["string", "null"], "description": "`whpk_…`" },
        "failing_since": moment("Since when the endpoint took nothing; null while it does"),
        "failures_in_a_row": { "type": "integer" },
        "breaker": {
            "enum": ["closed", "open"],
            "description": "`open`: left alone after failures in a row, and probed",
        },
        "blocked_profiles": {
            "type": "integer",
            "description": "Profiles with deliveries that wait behind an earlier one",
        },
    }));
    all.append(&mut settings());
    all
}

/// The attributes of an answer that shows a secret that was made.
pub(in crate::api) fn answered_with_secret() -> Map<String, Value> {
    let mut all = answered();
    let why = "Only where it was made, and only in this answer";
    all.insert("secret_key".to_owned(), json!({ "type": "string", "description": why }));
    all
}

/// The attributes of the body that makes a webhook.
pub(in crate::api) fn made() -> Map<String, Value> {
    let mut all = attributes(json!({
        "name": { "type": "string", "maxLength": limits::WEBHOOK_NAME_CHARS_MAX },
        "description":
            { "type": ["string", "null"], "maxLength": limits::WEBHOOK_DESCRIPTION_CHARS_MAX },
        "endpoint_url": { "type": "string" },
        "secret_key": secret(),
        "generate_secret":
            { "type": "boolean", "description": "Instead of `secret_key`; the answer has it" },
    }));
    all.append(&mut settings());
    all
}

/// The attributes of the body that changes a webhook.
pub(in crate::api) fn changed() -> Map<String, Value> {
    let mut all = made();
    all.remove("generate_secret");
    all.append(&mut attributes(json!({
        "enabled": { "type": "boolean" },
        "backlog": {
            "enum": ["deliver", "skip"], "default": "deliver",
            "description": "With `enabled`: true, what happens to deliveries that waited",
        },
        "klaviyo_signed_with": signed_with(),
    })));
    all
}

/// The attributes of the body that rotates a secret.
pub(in crate::api) fn rotation() -> Map<String, Value> {
    let mut signed_with = signed_with();
    signed_with["default"] = "previous".into();
    attributes(json!({
        "secret_key": secret(),
        "overlap": {
            "type": "string", "default": "24h",
            "description": "How long the old secret stays good, from `0s` to `30d`",
        },
        "klaviyo_signed_with": signed_with,
    }))
}

fn settings() -> Map<String, Value> {
    let header = "Merged into those there are; `null` removes one. Values are shown as `*****`";
    attributes(json!({
        "method": { "enum": Method::ALL.map(Method::name), "default": "POST" },
        "headers": {
            "type": ["object", "null"], "description": header,
            "additionalProperties": { "type": ["string", "null"] },
        },
        "filter": {
            "type": ["object", "null"],
            "description": "Which events of the topics are wanted: `condition_groups`, all of \
                which hold; in each, one of the `conditions` is enough",
        },
        "include": { "type": ["array", "null"], "items": { "enum": ["metric", "profile"] } },
        "timeout_seconds": whole(&limits::WEBHOOK_TIMEOUT_SECONDS),
        "retry_schedule": { "oneOf": [
            { "enum": Schedule::NAMES },
            { "type": "array", "items": duration(), "maxItems": limits::RETRIES_MAX },
            { "type": "null" },
        ] },
        "retry_max_age": duration(),
        "concurrency": whole(&limits::WEBHOOK_CONCURRENCY),
        "rate_limit": nullable(&["requests", "period"], json!({
            "requests": whole(&(1..=limits::RATE_LIMIT_REQUESTS_MAX.into())),
            "period": { "enum": Period::ALL.map(Period::name) },
        })),
        "ordering": { "enum": Ordering::ALL.map(Ordering::name), "default": "none" },
        "park_after": duration(),
        "batch": nullable(&[], json!({
            "max_events": whole(&limits::BATCH_EVENTS),
            "max_wait_ms": whole(&limits::BATCH_WAIT_MS),
            "max_bytes": whole(&limits::BATCH_BYTES),
        })),
        "tls": nullable(&[], json!({
            "ca": pem(), "client_certificate": pem(), "client_key": pem(),
        })),
        "auth": auth(),
        "signatures": {
            "type": ["array", "null"], "minItems": 1, "uniqueItems": true,
            "items": { "enum": Scheme::ALL.map(Scheme::name) },
        },
        "paused": { "type": ["boolean", "null"] },
        "handshake": { "enum": ["none", "cloudevents"], "default": "none" },
    }))
}

fn auth() -> Value {
    let of = |kind: &str, members: &[&str]| {
        let members = members.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" })));
        let mut properties: Map<String, Value> = members.collect();
        properties.insert("type".to_owned(), json!({ "const": kind }));
        json!({ "type": "object", "required": ["type"], "properties": properties })
    };
    json!({ "oneOf": [
        of("basic", &["username", "password"]),
        of("bearer", &["token"]),
        of("oauth2", &["token_url", "client_id", "client_secret", "scope"]),
        { "type": "null" },
    ] })
}

fn nullable(required: &[&str], properties: Value) -> Value {
    json!({ "type": ["object", "null"], "required": required, "properties": properties })
}

fn whole(bounds: &RangeInclusive<u64>) -> Value {
    json!({ "type": ["integer", "null"], "minimum": bounds.start(), "maximum": bounds.end() })
}

fn duration() -> Value {
    json!({ "type": ["string", "null"], "pattern": "^[0-9]+[smhd]$" })
}

fn moment(description: &str) -> Value {
    json!({ "type": ["string", "null"], "format": "date-time", "description": description })
}

fn pem() -> Value {
    json!({ "type": ["string", "null"], "description": "PEM" })
}

fn secret() -> Value {
    json!({ "type": "string", "minLength": limits::SECRET_CHARS_MIN,
            "maxLength": limits::SECRET_CHARS_MAX })
}

fn signed_with() -> Value {
    json!({
        "enum": ["current", "previous"],
        "description": "While two secrets are good, which signs in headers that hold one \
            signature: Klaviyo's and GitHub's",
    })
}

fn with_null(words: &[&str]) -> Vec<Value> {
    words.iter().map(|word| (*word).into()).chain([Value::Null]).collect()
}
