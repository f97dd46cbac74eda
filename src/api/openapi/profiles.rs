//! The shapes of profiles in the OpenAPI document.

use serde_json::{Map, Value, json};

use super::{body, document_of, moment, object, text, text_or_null, with};
use crate::api::jsonapi;

/// What a read shows.
pub(super) fn attributes() -> Value {
    object(with(
        settable(),
        json!({
            "whatsapp_bsuid": { "type": "null" }, "created": moment(), "updated": moment(),
            "last_event_date": moment(),
        }),
    ))
}

fn settable() -> Value {
    json!({
        "email": text_or_null(), "phone_number": text_or_null(),
        "external_id": text_or_null(), "anonymous_id": text_or_null(),
        "first_name": text_or_null(), "last_name": text_or_null(),
        "organization": text_or_null(), "locale": text_or_null(), "title": text_or_null(),
        "image": text_or_null(), "location": { "type": "object" },
        "properties": { "type": "object" },
    })
}

/// The answer to a merge: who stays.
pub(super) fn merged() -> Value {
    document_of(&json!({
        "type": "object",
        "required": ["type", "id", "links"],
        "properties": {
            "type": { "const": "profile" }, "id": text(),
            "links": { "$ref": "#/components/schemas/Links" },
        },
    }))
}

/// The bodies of the calls about people.
pub(super) fn bodies() -> Map<String, Value> {
    let any = json!({ "type": "object" });
    let meta = json!({ "id": text(), "meta": object(json!({
        "patch_properties": object(json!({
            "append": any, "unappend": any,
            "unset": { "type": ["string", "array"], "items": text() },
        })),
        "patch_identifiers": object(json!({ "append": any, "unappend": any })),
    })) });
    let imported = with(settable(), json!({ "_kx": text_or_null() }));
    let sources = object(json!({
        "data": { "type": "array", "items": object(json!({
            "type": { "const": "profile" }, "id": text(),
        })) },
    }));
    let merge = object(json!({ "data": {
        "type": "object",
        "required": ["type", "id", "relationships"],
        "properties": {
            "type": { "const": "profile-merge" }, "id": text(),
            "relationships": object(json!({ "profiles": sources })),
        },
    } }));
    jsonapi::attributes(json!({
        "ProfileCreate": body("profile", &[], settable(), json!({})),
        "ProfileUpdate": body("profile", &[], settable(), meta.clone()),
        "ProfileImport": body("profile", &[], imported, meta),
        "ProfileMerge": merge,
    }))
}
