//! The shapes of segments, their explanations, and the receipts of erased people.

use serde_json::{Map, Value, json};

use super::{body, count, moment, object, text, text_or_null};
use crate::erasure::JOB;

/// The resources: the name of the schema and the type.
pub(super) const RESOURCES: [(&str, &str); 3] =
    [("Segment", "segment"), ("SegmentExplanation", "segment-explanation"), ("DeletionJob", JOB)];

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn definition() -> Value {
    object(json!({ "condition_groups": list(object(json!({
        "conditions": list(json!({ "type": "object" })),
    }))) }))
}

/// The attributes of the resources.
pub(super) fn attributes() -> Map<String, Value> {
    let mut progress = object(json!({ "evaluated_count": count(), "total_count": count() }));
    progress["type"] = json!(["object", "null"]);
    progress["description"] = "How far the computation is; null where it is complete".into();
    let conditions = list(object(json!({ "held": flag(), "reason": text() })));
    let counts = object(json!({
        "profile_count": count(), "membership_count": count(), "event_count": count(),
        "delivery_count": count(),
    }));
    let mut left = counts.clone();
    left["properties"]["trace_count"] = count();
    left["description"] = "What is left, by a look into every index; only in the answer for one, \
                           once it has begun"
        .into();
    super::super::jsonapi::attributes(json!({
        "SegmentAttributes": object(json!({
            "name": text(), "definition": definition(), "created": moment(), "updated": moment(),
            "is_active": flag(), "is_processing": flag(), "is_starred": flag(),
            "progress": progress,
            "profile_count": {
                "type": "integer",
                "description": "Only with additional-fields[segment]=profile_count",
            },
        })),
        "SegmentExplanationAttributes": object(json!({
            "is_member": flag(), "joined_group_at": moment(), "holds": flag(),
            "holds_until": moment(),
            "condition_groups": list(object(json!({ "held": flag(), "conditions": conditions }))),
        })),
        "DeletionJobAttributes": object(json!({
            "status": { "enum": ["queued", "processing", "complete"] },
            "created_at": moment(), "started_at": moment(), "completed_at": moment(),
            "profile_ids": list(text()),
            "identifier_digests": list(object(json!({
                "kind": text(),
                "sha256": {
                    "type": "string",
                    "description": "Of the receipt's id, a colon and the identifier, in hex",
                },
            }))),
            "erased": counts, "remaining": left,
        })),
    }))
}

/// The bodies of requests.
pub(super) fn bodies() -> Map<String, Value> {
    let new = json!({ "name": text(), "definition": definition(), "is_starred": flag() });
    let change = json!({
        "name": text(), "definition": definition(), "is_starred": flag(), "is_active": flag(),
    });
    let person = object(json!({
        "type": { "const": "profile" }, "id": text_or_null(),
        "attributes": object(json!({
            "email": text_or_null(), "phone_number": text_or_null(), "external_id": text_or_null(),
        })),
    }));
    let erased = json!({ "profile": object(json!({ "data": person })) });
    super::super::jsonapi::attributes(json!({
        "SegmentCreate": body("segment", &["name", "definition"], new, json!({})),
        "SegmentUpdate": body("segment", &[], change, json!({ "id": text() })),
        "DeletionJobCreate": body(JOB, &["profile"], erased, json!({})),
    }))
}
