//! The shapes of flows, their actions and messages, and of what is our own of them.

use serde_json::{Map, Value, json};

use super::{body, moment, object, text, text_or_null, with};
use crate::flow::{RunState, Status, Step};
use crate::limits;

/// The resources: the name of the schema and the type.
pub(super) const RESOURCES: [(&str, &str); 7] = [
    ("Flow", "flow"),
    ("FlowWithSecret", "flow"),
    ("FlowAction", "flow-action"),
    ("FlowMessage", "flow-message"),
    ("FlowRun", "flow-run"),
    ("FlowReview", "flow-review"),
    ("FlowPreview", "flow-preview"),
];

/// Numbers with a sentence about each.
fn counts(of: &[(&str, &str)]) -> Value {
    let count = |(name, about): &(&str, &str)| {
        ((*name).to_owned(), json!({ "type": "integer", "description": about }))
    };
    object(Value::Object(of.iter().map(count).collect()))
}

fn flow() -> Value {
    json!({
        "name": text(), "status": { "enum": Status::ALL.map(Status::name) },
        "archived": { "const": false }, "created": moment(), "updated": moment(),
        "trigger_type": { "enum": ["Added to List", "Date Based", "Metric"] },
        "counts": counts(&[
            ("entered", "People who entered it, each time"),
            ("active", "Of these, those who are in it"),
        ]),
        "definition": definition("Only with additional-fields[flow]=definition"),
    })
}

/// The definition, whose parts are checked with sentences that a schema has no room for.
fn definition(about: &str) -> Value {
    let part = || json!({ "type": "object" });
    let mut shape = object(json!({
        "triggers": { "type": "array", "minItems": 1, "maxItems": 1, "items": part() },
        "profile_filter": { "type": ["object", "null"] },
        "actions": { "type": "array", "maxItems": limits::FLOW_ACTIONS_MAX, "items": action() },
        "entry_action_id": text_or_null(),
        "reentry_criteria": { "type": ["object", "null"] },
        "strict": {
            "type": "boolean",
            "description": "Whether templates fail over what is undefined, instead of leaving it empty",
        },
    }));
    shape["description"] = about.into();
    shape
}

fn action() -> Value {
    object(json!({
        "id": text_or_null(), "temporary_id": text_or_null(),
        "type": { "enum": Step::TYPES }, "links": { "type": ["object", "null"] },
        "data": { "type": ["object", "null"] },
    }))
}

fn run() -> Value {
    let step = object(json!({
        "at": moment(), "action_id": text_or_null(), "event": text(),
        "detail": {
            "type": ["string", "null"],
            "description": "Null without the scope profiles:read where it can tell of the person",
        },
        "until": moment(), "branch": text(), "delivery_id": text(),
    }));
    object(json!({
        "state": { "enum": RunState::ALL.map(RunState::name) }, "entered_at": moment(),
        "due_at": moment(),
        "date": { "type": ["string", "null"], "format": "date" },
        "timeline": { "type": "array", "items": step, "description": "Only where one is read" },
        "timeline_dropped_count": { "type": "integer" },
        "outputs": {
            "type": ["object", "null"],
            "description": "By the names of their steps; null without the scope profiles:read",
        },
    }))
}

/// The attributes of the resources.
pub(super) fn attributes() -> Map<String, Value> {
    let secret = json!({ "secret_key": {
        "type": "string", "description": "Where it was made: shown this once",
    } });
    let of_action = counts(&[
        ("waiting", "Runs that wait in it"),
        ("done", "Runs that passed it, having done what it says"),
        ("sent", "Its webhooks that the receiver took"),
        ("skipped", "Runs that passed it without doing it"),
        ("failed", "Its webhooks that could not be made, or that the receiver did not take"),
        ("in_review", "Runs for which it waits for approval"),
    ]);
    super::super::jsonapi::attributes(json!({
        "FlowAttributes": object(flow()),
        "FlowWithSecretAttributes": object(with(flow(), secret)),
        "FlowActionAttributes": object(json!({
            "created": moment(), "updated": moment(), "definition": action(), "counts": of_action,
        })),
        "FlowMessageAttributes": object(json!({
            "channel": { "const": "webhook" }, "created": moment(), "updated": moment(),
            "definition": { "type": "object" },
        })),
        "FlowRunAttributes": run(),
        "FlowReviewAttributes": object(json!({ "queued_at": moment() })),
        "FlowPreviewAttributes": object(super::super::flows::preview::schema()),
    }))
}

/// The bodies of requests.
pub(super) fn bodies() -> Map<String, Value> {
    let secret = json!({
        "type": ["string", "null"], "minLength": limits::SECRET_CHARS_MIN,
        "maxLength": limits::SECRET_CHARS_MAX,
        "description": "What its webhooks are signed with; without one, one is made",
    });
    let new = json!({
        "name": text(), "definition": definition("What it does"), "secret_key": secret,
    });
    let status = json!({ "status": {
        "enum": Status::ALL.map(Status::name), "description": "Of the flow and of all its actions",
    } });
    let wish = json!({
        "event_id": text_or_null(), "profile_id": text_or_null(),
        "message": {
            "type": ["object", "null"], "description": "Stands for the action's own",
        },
    });
    let id = || json!({ "id": text() });
    super::super::jsonapi::attributes(json!({
        "FlowCreate": body("flow", &["name", "definition"], new.clone(), json!({})),
        "FlowUpdate": body("flow", &[], with(new, status), id()),
        "FlowActionUpdate":
            body("flow-action", &["definition"], json!({ "definition": action() }), id()),
        "FlowPreviewCreate": body("flow-preview", &[], wish, json!({})),
    }))
}
