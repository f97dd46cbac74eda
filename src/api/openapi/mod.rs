//! `/openapi.json`: made from the route table, so that it can not drift from the routes.
//!
//! The shapes of bodies and answers stand in `schemas`; a test holds every name that a route
//! uses against them, and the integration tests hold real answers against their properties.

mod deliveries;
mod flows;
mod groups;
mod profiles;
mod segments;

use std::sync::OnceLock;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde_json::{Map, Value, json};

use super::routes::{Route, routes};
use super::webhooks::schema;
use super::{Answer, Call, MEDIA_TYPE, Reply};
use crate::delivery::API_VERSION;

/// `GET /openapi.json`.
pub(super) async fn document(call: Call) -> Answer {
    static PATHS: OnceLock<Value> = OnceLock::new();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tidings",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Events in, signed deliveries out. The wire format is Klaviyo's; \
                deliveries and keys are tidings' own resources in the same conventions.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": call.base() }],
        "security": [{ "key": [] }],
        "paths": PATHS.get_or_init(paths),
        "components": {
            "securitySchemes": { "key": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "`Klaviyo-API-Key KEY`, or `Bearer KEY`",
            } },
            "schemas": schemas(),
        },
    });
    let mut reply = Reply::json(StatusCode::OK, &document);
    let json = HeaderValue::from_static("application/json");
    reply.headers.insert(header::CONTENT_TYPE, json);
    Ok(reply)
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation(route);
    }
    Value::Object(paths)
}

fn operation(route: &Route) -> Value {
    let (status, answer) = route.success;
    let mut responses = Map::new();
    let mut success = json!({ "description": route.summary });
    if let Some(answer) = answer {
        success["content"] = content(answer);
    }
    responses.insert(status.to_string(), success);
    responses.insert(
        "default".to_owned(),
        json!({ "description": "What is wrong, and where", "content": content("Errors") }),
    );
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(body) = route.body {
        let is_required = !route.body_is_optional;
        operation["requestBody"] = json!({ "required": is_required, "content": content(body) });
    }
    if route.scopes.is_empty() {
        operation["security"] = json!([]);
    } else {
        operation["x-scopes"] = json!(route.scopes);
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let id = route.path.contains("{id}").then(
        || json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }),
    );
    let revision = (!route.scopes.is_empty()).then(|| {
        json!({
            "name": "revision", "in": "header", "schema": { "type": "string" },
            "description": "Any is accepted", "example": API_VERSION,
        })
    });
    let query = route.parameters.iter().map(|name| {
        let kind = if *name == "page[size]" { "integer" } else { "string" };
        json!({ "name": name, "in": "query", "schema": { "type": kind } })
    });
    id.into_iter().chain(revision).chain(query).collect()
}

fn content(schema: &str) -> Value {
    let media_type = match schema {
        "OpenApi" => "application/json",
        _ => MEDIA_TYPE,
    };
    json!({ media_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

/// The shapes that routes name.
pub(super) fn schemas() -> Value {
    let mut all = attributes_of_resources();
    let own = [
        ("Event", "event"),
        ("Metric", "metric"),
        ("MetricProperty", "metric-property"),
        ("MetricAggregate", "metric-aggregate"),
        ("Profile", "profile"),
        ("Account", "account"),
        ("WebhookTopic", "webhook-topic"),
        ("Webhook", "webhook"),
        ("WebhookWithSecret", "webhook"),
        ("Delivery", "delivery"),
        ("WebhookTest", "webhook-test"),
        ("EventExplanation", "event-explanation"),
        ("Replay", "replay"),
        ("DeliveryAttempt", "delivery-attempt"),
        ("Key", "key"),
    ];
    let others = groups::RESOURCES.into_iter().chain(segments::RESOURCES).chain(flows::RESOURCES);
    for (name, kind) in own.into_iter().chain(others) {
        let resource = json!({
            "type": "object",
            "required": ["type", "id", "attributes", "links"],
            "properties": {
                "type": { "const": kind },
                "id": { "type": "string" },
                "attributes": { "$ref": format!("#/components/schemas/{name}Attributes") },
                "relationships": { "type": "object" },
                "links": { "$ref": "#/components/schemas/Links" },
            },
        });
        let reference = json!({ "$ref": format!("#/components/schemas/{name}Resource") });
        all.insert(format!("{name}Resource"), resource);
        all.insert(name.to_owned(), document_of(&reference));
        let list = json!({ "type": "array", "items": reference });
        all.insert(format!("{name}Collection"), document_of(&list));
    }
    all["DeliveryAttemptCollection"]["properties"]["meta"] = deliveries::meta_of_recent();
    all.extend(shared());
    all.extend(bodies());
    all.extend(groups::bodies());
    all.extend(segments::bodies());
    all.extend(flows::bodies());
    Value::Object(all)
}

fn document_of(data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["data", "links"],
        "properties": {
            "data": data,
            "included": { "type": "array", "items": { "type": "object" } },
            "links": { "$ref": "#/components/schemas/Links" },
        },
    })
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn text_or_null() -> Value {
    json!({ "type": ["string", "null"] })
}

fn moment() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn attributes_of_resources() -> Map<String, Value> {
    let attributes = json!({
        "EventAttributes": object(json!({
            "timestamp": { "type": "integer" }, "event_properties": { "type": "object" },
            "datetime": moment(), "uuid": text(),
        })),
        "MetricAttributes": object(json!({
            "name": text(), "created": moment(), "updated": moment(),
            "integration": { "type": "object" },
        })),
        "MetricPropertyAttributes": object(json!({
            "label": text(), "property": text(), "inferred_type": text(),
            "sample_values": { "type": "array", "items": {
                "type": ["string", "number", "boolean"],
            } },
        })),
        "MetricAggregateAttributes": object(super::metric_aggregates::schema()),
        "ProfileAttributes": profiles::attributes(),
        "AccountAttributes": object(json!({
            "test_account": { "type": "boolean" }, "contact_information": { "type": "object" },
            "industry": text_or_null(), "timezone": text(), "preferred_currency": text(),
            "public_api_key": text(), "locale": text(),
        })),
        "WebhookTopicAttributes": object(json!({})),
        "WebhookAttributes": object(schema::answered().into()),
        "WebhookWithSecretAttributes": object(schema::answered_with_secret().into()),
        "DeliveryAttributes": deliveries::attributes(),
        "DeliveryAttemptAttributes": deliveries::attributes_of_recent(),
        "WebhookTestAttributes": object(super::trials::schema()),
        "EventExplanationAttributes": object(super::explanations::schema()),
        "ReplayAttributes": object(replay_attributes()),
        "ReplayPreviewAttributes": object(preview_attributes()),
        "KeyAttributes": object(json!({
            "name": text(), "scopes": { "type": "array", "items": text() }, "hint": text(),
            "created_at": moment(), "revoked_at": moment(),
            "key": { "type": "string", "description": "Only in the answer to its making" },
        })),
    });
    let mut all = super::jsonapi::attributes(attributes);
    all.extend(groups::attributes(&all["ProfileAttributes"]));
    all.extend(segments::attributes());
    all.extend(flows::attributes());
    all
}

/// What a replay sends: in its making, in its preview and in itself.
fn replay_wanted() -> Value {
    let texts = json!({ "type": "array", "items": text() });
    let states = crate::replay::Choice::ALL.map(crate::replay::Choice::name);
    json!({
        "from": { "type": "string", "format": "date-time" }, "to": moment(), "topics": texts,
        "states": { "type": "array", "items": { "enum": states } },
        "filter": { "type": ["object", "null"] },
    })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn with(mut properties: Value, more: Value) -> Value {
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    properties
}

fn replay_attributes() -> Value {
    let statuses = crate::replay::Status::ALL.map(crate::replay::Status::name);
    let own = json!({
        "name": text_or_null(), "status": { "enum": statuses },
        "failure": text_or_null(), "rate_per_second": count(),
        "progress": { "type": "number", "minimum": 0, "maximum": 1 },
        "scanned_count": count(), "matched_count": count(), "scheduled_count": count(),
        "skipped_count": count(), "cursor_time": moment(), "created_at": moment(),
        "updated_at": moment(), "finished_at": moment(),
    });
    with(replay_wanted(), own)
}

fn preview_attributes() -> Value {
    let own = json!({
        "event_count": count(), "delivery_count": count(),
        "by_state": { "type": "object", "additionalProperties": count() },
        "is_complete": { "type": "boolean" }, "scanned_events": count(),
        "oldest": moment(), "newest": moment(),
    });
    with(replay_wanted(), own)
}

/// What a preview is: a thing of the moment, without an id.
fn preview() -> Value {
    document_of(&json!({
        "type": "object",
        "required": ["type", "attributes"],
        "properties": {
            "type": { "const": "replay-preview" },
            "attributes": { "$ref": "#/components/schemas/ReplayPreviewAttributes" },
            "relationships": { "type": "object" },
        },
    }))
}

fn shared() -> Map<String, Value> {
    super::jsonapi::attributes(json!({
        "Links": object(json!({
            "self": text(), "next": text_or_null(), "prev": text_or_null(),
        })),
        "Relationship": document_of(&object(json!({ "type": text(), "id": text() }))),
        "Relationships": document_of(&json!({
            "type": "array", "items": object(json!({ "type": text(), "id": text() })),
        })),
        "Attempt": deliveries::attempt(),
        "DeliveryRequest": deliveries::request(),
        "ReplayPreview": preview(),
        "ProfileMerged": profiles::merged(),
        "Health": object(json!({ "status": text() })),
        "OpenApi": { "type": "object" },
        "Errors": object(json!({ "errors": { "type": "array", "items": object(json!({
            "id": text(), "status": { "type": "integer" }, "code": text(), "title": text(),
            "detail": text(),
            "source": object(json!({ "pointer": text(), "parameter": text() })),
            "links": { "type": "object" }, "meta": { "type": "object" },
        })) } })),
    }))
}

/// A body: a type and its attributes.
fn body(kind: &str, required: &[&str], attributes: Value, more: Value) -> Value {
    let mut data = object(json!({
        "type": { "const": kind },
        "attributes":
            { "type": "object", "required": required, "properties": attributes },
    }));
    if let (Some(properties), Value::Object(more)) = (data["properties"].as_object_mut(), more) {
        properties.extend(more);
    }
    data["required"] = json!(["type", "attributes"]);
    json!({ "type": "object", "required": ["data"], "properties": { "data": data } })
}

fn bodies() -> Map<String, Value> {
    let event = json!({
        "properties": { "type": "object" }, "time": moment(),
        "value": { "type": ["number", "null"] }, "value_currency": text_or_null(),
        "unique_id": { "type": ["string", "null"], "maxLength": 255 },
        "backfill": { "type": ["boolean", "null"] },
        "metric": { "type": "object" }, "profile": { "type": "object" },
    });
    let topics = json!({ "relationships": object(json!({ "webhook-topics": object(json!({
        "data": { "type": "array", "items": object(json!({
            "type": { "const": "webhook-topic" }, "id": text(),
        })) },
    })) })) });
    let mut topics_and_id = topics.clone();
    topics_and_id["id"] = text();
    let bulk = json!({ "events-bulk-create": { "type": "object" } });
    let trial = json!({ "topic": text_or_null(), "event_id": text_or_null() });
    let replay = json!({
        "rate_per_second": { "type": "integer", "minimum": 1, "maximum": 10_000 },
        "name": text_or_null(),
    });
    let replay = with(replay_wanted(), replay);
    let of_webhook = json!({ "relationships": object(json!({ "webhook": object(json!({
        "data": object(json!({ "type": { "const": "webhook" }, "id": text() })),
    })) })) });
    let status = json!({ "status": { "enum": ["paused", "running"] } });
    let key = json!({ "name": text(), "scopes": { "type": "array", "items": text() } });
    let mut all = super::jsonapi::attributes(json!({
        "EventCreate": body("event", &["properties", "metric", "profile"], event, json!({})),
        "EventBulkCreate":
            body("event-bulk-create-job", &["events-bulk-create"], bulk, json!({})),
        "MetricAggregateQuery": body(
            "metric-aggregate",
            &["metric_id", "measurements", "filter"],
            super::metric_aggregates::asked_schema(),
            json!({}),
        ),
        "WebhookCreate":
            body("webhook", &["name", "endpoint_url"], schema::made().into(), topics),
        "WebhookUpdate": body("webhook", &[], schema::changed().into(), topics_and_id),
        "SecretRotation": body("webhook", &[], schema::rotation().into(), json!({})),
        "WebhookTestCreate": body("webhook-test", &[], trial, json!({})),
        "ReplayCreate": body("replay", &["from"], replay, of_webhook),
        "ReplayUpdate": body("replay", &["status"], status, json!({ "id": text() })),
        "KeyCreate": body("key", &["name", "scopes"], key, json!({})),
    }));
    all.extend(profiles::bodies());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_exists() {
        let schemas = schemas();
        let document = json!({ "paths": paths(), "schemas": schemas }).to_string();
        for reference in document.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.get(name).is_some(), "{name}");
        }
    }
}
