//! The shapes of lists, their members, and jobs.

use serde_json::{Map, Value, json};

use super::{body, count, moment, object, text, text_or_null};
use crate::job::{Kind, Status};
use crate::list::OptIn;

/// The resources: the name of the schema and the type.
pub(super) const RESOURCES: [(&str, &str); 8] = [
    ("List", "list"),
    ("Member", "profile"),
    ("ProfileImportJob", Kind::Import.name()),
    ("SuppressionJob", Kind::Suppress.name()),
    ("UnsuppressionJob", Kind::Unsuppress.name()),
    ("SubscriptionJob", Kind::Subscribe.name()),
    ("UnsubscriptionJob", Kind::Unsubscribe.name()),
    ("ImportError", "import-error"),
];

fn list() -> Value {
    json!({
        "name": text(), "created": moment(), "updated": moment(), "opt_in_process": opt_in(),
        "profile_count": {
            "type": "integer", "description": "Only with additional-fields[list]=profile_count",
        },
    })
}

fn opt_in() -> Value {
    json!({ "enum": [OptIn::ALL[0].name(), OptIn::ALL[1].name(), null] })
}

fn job(more: Value) -> Value {
    let mut shown = json!({
        "status": { "enum": Status::ALL.map(Status::name) }, "created_at": moment(),
        "total_count": count(), "completed_count": count(), "completed_at": moment(),
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    object(shown)
}

/// The attributes of the resources; `profile` are those of a person.
pub(super) fn attributes(profile: &Value) -> Map<String, Value> {
    let suppression = || job(json!({ "skipped_count": count() }));
    let with_errors = || {
        job(json!({
            "failed_count": count(), "started_at": moment(), "expires_at": moment(),
        }))
    };
    let mut member = profile.clone();
    member["properties"]["joined_group_at"] = moment();
    super::super::jsonapi::attributes(json!({
        "ListAttributes": object(list()),
        "MemberAttributes": member,
        "ProfileImportJobAttributes": with_errors(),
        "SuppressionJobAttributes": suppression(),
        "UnsuppressionJobAttributes": suppression(),
        "SubscriptionJobAttributes": with_errors(),
        "UnsubscriptionJobAttributes": with_errors(),
        "ImportErrorAttributes": object(json!({
            "code": text(), "title": text(), "detail": text(),
            "source": object(json!({ "pointer": text() })),
            "original_payload": { "description": "The person as received" },
        })),
    }))
}

/// The bodies of requests.
pub(super) fn bodies() -> Map<String, Value> {
    let of_list = json!({ "name": text(), "opt_in_process": opt_in() });
    let reference = |kind: &str| object(json!({ "type": { "const": kind }, "id": text() }));
    let one = |kind: &str| object(json!({ "data": reference(kind) }));
    let many =
        |kind: &str| object(json!({ "data": { "type": "array", "items": reference(kind) } }));
    let people = |most: usize| {
        object(json!({ "data": {
            "type": "array", "minItems": 1, "maxItems": most, "items": { "type": "object" },
        } }))
    };
    let related = |relationships: Value| json!({ "relationships": object(relationships) });
    let to_list = || related(json!({ "list": one("list") }));
    let to_group = || related(json!({ "list": one("list"), "segment": one("segment") }));
    let import = json!({ "profiles": people(crate::limits::IMPORT_PROFILES_MAX) });
    let suppressed = || json!({ "profiles": people(crate::limits::SUPPRESS_PROFILES_MAX) });
    let subscribed = json!({
        "profiles": people(crate::limits::SUBSCRIBE_PROFILES_MAX),
        "custom_source": text_or_null(),
        "historical_import": { "type": ["boolean", "null"] },
    });
    let unsubscribed = json!({ "profiles": people(crate::limits::UNSUBSCRIBE_PROFILES_MAX) });
    let members = json!({ "type": "object", "required": ["data"], "properties": { "data": {
        "type": "array", "minItems": 1, "maxItems": crate::limits::LIST_MEMBERS_AT_ONCE_MAX,
        "items": reference("profile"),
    } } });
    let profile = json!({
        "email": text_or_null(), "phone_number": text_or_null(), "external_id": text_or_null(),
        "anonymous_id": text_or_null(), "properties": { "type": "object" },
    });
    let subscription = json!({ "profile": { "type": "object" }, "custom_source": text_or_null() });
    super::super::jsonapi::attributes(json!({
        "ListCreate": body("list", &["name"], of_list.clone(), json!({})),
        "ListUpdate": body("list", &[], of_list, json!({ "id": text() })),
        "ListMembers": members,
        "ProfileImportJobCreate": body(
            Kind::Import.name(), &["profiles"], import, related(json!({ "lists": many("list") })),
        ),
        "SuppressionJobCreate": body(Kind::Suppress.name(), &[], suppressed(), to_group()),
        "UnsuppressionJobCreate": body(Kind::Unsuppress.name(), &[], suppressed(), to_group()),
        "SubscriptionJobCreate":
            body(Kind::Subscribe.name(), &["profiles"], subscribed, to_list()),
        "UnsubscriptionJobCreate":
            body(Kind::Unsubscribe.name(), &["profiles"], unsubscribed, to_list()),
        "ClientEventBulkCreate": body(
            "event-bulk-create", &["profile", "events"],
            json!({ "profile": { "type": "object" }, "events": { "type": "object" } }), json!({}),
        ),
        "ClientProfile": body("profile", &[], profile, json!({ "id": text_or_null() })),
        "ClientSubscription": body("subscription", &["profile"], subscription, to_list()),
    }))
}
