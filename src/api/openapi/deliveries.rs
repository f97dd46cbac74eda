//! The shapes of deliveries, their attempts and their requests.

use serde_json::{Value, json};

use super::{moment, object, text, text_or_null};
use crate::delivery::{Phase, Source, State};

const PHASES: [Phase; 4] = [Phase::Fresh, Phase::Gathering, Phase::Due, Phase::Behind];

/// A schema with a sentence about it.
fn told(schema: Value, description: &str) -> Value {
    let mut schema = schema;
    schema["description"] = description.into();
    schema
}

fn number_or_null() -> Value {
    json!({ "type": ["number", "null"] })
}

fn count() -> Value {
    json!({ "type": "integer" })
}

fn status() -> Value {
    json!({ "type": ["integer", "null"] })
}

pub(super) fn attributes() -> Value {
    let phases: Vec<Value> =
        PHASES.iter().map(|phase| phase.name().into()).chain([Value::Null]).collect();
    let request = json!({ "anyOf": [
        { "$ref": "#/components/schemas/DeliveryRequest" }, { "type": "null" },
    ] });
    let about_request = "What the last attempt sent, or, before the first, what would be sent now; \
        only with additional-fields[delivery]=request, else null. Null too where the webhook or \
        the events are gone, or where a flow's template failed.";
    object(json!({
        "state": { "enum": State::ALL.map(State::name) },
        "source": { "enum": Source::ALL.map(Source::name) },
        "phase": told(json!({ "enum": phases }), "What it waits for, while it is scheduled"),
        "event_count": count(), "destination": text_or_null(),
        "created_at": moment(), "due_at": moment(), "finished_at": moment(),
        "resent_at": told(moment(), "When a person resent it and its schedule began anew"),
        "attempt_count": count(), "last_status": status(), "last_error": text_or_null(),
        "summary": told(text(), "Where it stands, in a sentence; only where one is read"),
        "attempts": { "type": "array", "items": { "$ref": "#/components/schemas/Attempt" } },
        "request": told(request, about_request),
    }))
}

pub(super) fn attempt() -> Value {
    let phases = object(json!({
        "queue_ms": told(json!({ "type": "number" }), "From being due until it began"),
        "dns_ms": number_or_null(), "connect_ms": number_or_null(), "tls_ms": number_or_null(),
        "first_byte_ms": told(number_or_null(), "From the open connection to the head of the response"),
    }));
    object(json!({
        "at": moment(), "duration_ms": { "type": "number" }, "status": status(),
        "error": { "type": ["object", "null"] }, "summary": text(),
        "phases": told(phases, "What did not happen is null: an open connection needs no look-up"),
        "remote_address": text_or_null(), "tls_version": text_or_null(),
        "request_bytes": count(),
        "request": told(
            json!({ "type": ["object", "null"] }),
            "As the delivery's `request`, without `body`, `curl` and `sent_at`; null where \
             nothing was sent",
        ),
        "response_headers": told(text(), "A line each, as far as they are kept"),
        "response_excerpt": text(),
    }))
}

pub(super) fn request() -> Value {
    let about = "A request made again from the event, or from what a flow rendered, the moment of \
        the attempt, and the webhook as it is now. Signatures are made anew with the secrets that are good now, and values of \
        secret headers are masked.";
    let exact = "Whether the body is byte for byte what was sent; false where the webhook, or a \
        profile that it includes, changed since; null where nothing was sent yet";
    let headers = json!({ "type": "array", "items": object(json!({
        "name": text(), "value": text(),
    })) });
    let schema = object(json!({
        "method": text(), "url": text(), "headers": headers,
        "is_exact": told(json!({ "type": ["boolean", "null"] }), exact),
        "sent_at": moment(),
        "body": told(text_or_null(), "Null without the scope events:read; of what shows a person, \
            profiles:read too"),
        "curl": told(text_or_null(), "A command line that sends the same; as `body`"),
    }));
    told(schema, about)
}

pub(super) fn attributes_of_recent() -> Value {
    object(json!({
        "at": moment(), "duration_ms": { "type": "number" }, "status": status(),
        "error": text_or_null(), "summary": text(),
        "state": told(json!({ "enum": State::ALL.map(State::name) }), "Of the delivery, after it"),
        "due_at": told(moment(), "Of the next attempt"),
    }))
}

pub(super) fn meta_of_recent() -> Value {
    object(json!({
        "last": told(count(), "The cursor to ask with next"),
        "missed": told(count(), "Attempts after the cursor that are forgotten already"),
    }))
}
