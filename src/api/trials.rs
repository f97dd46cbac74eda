//! Test sends: `POST /api/webhooks/{id}/test`.
//!
//! The answer waits for the endpoint, up to the webhook's own deadline; no deadline of the server
//! cuts it, because those are about reading requests.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, attempts, webhooks};
use crate::id::WebhookId;
use crate::trial::{Tried, Wish};
use crate::webhook::{ChangeError, Webhook};

/// What is needed to send a stored event, because the answer shows it.
const EVENT_SCOPE: &str = "events:read";
/// What is needed to see what is sent where that holds a person.
const PROFILE_SCOPE: &str = "profiles:read";

/// Whether what is sent, or why it is not, tells of the person.
fn shows_person(webhook: &Webhook) -> bool {
    let filter = webhook.settings.filter.as_ref();
    webhook.settings.include.profile
        || filter.is_some_and(|filter| filter.conditions.needs_profile())
}

/// `POST /api/webhooks/{id}/test`: sends an event past the outbox, and answers with what was sent
/// and what came back.
pub(super) async fn create(call: Call) -> Answer {
    let id = webhooks::id(&call)?;
    let endpoint = call.parts().webhooks.subscription(id).ok_or(ChangeError::Unknown(id))?;
    let wish = Wish::parse(&call.body)?;
    if wish.event.is_some() && !call.principal.allows(EVENT_SCOPE) {
        let why = format!("A test with a stored event shows it and needs the scope {EVENT_SCOPE}.");
        return Err(Problem::forbidden(why));
    }
    let trials = call.api.trials.clone();
    let prepared = call.apart(move || trials.prepare(endpoint, &wish)).await??;
    let shows_person = shows_person(
        &call.parts().webhooks.subscription(id).ok_or(ChangeError::Unknown(id))?.webhook,
    );
    let mut tried = call.api.trials.send(prepared).await?;
    if shows_person && !call.principal.allows(PROFILE_SCOPE) {
        // The person is sent, and not shown.
        tried.trial.sent = None;
        tried.filter = None;
    }
    let data = resource(&call, id, tried).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

fn resource(call: &Call, webhook: WebhookId, tried: Tried) -> Resource {
    let Tried { id, trial, is_subscribed, filter } = tried;
    let failing = filter.as_ref().filter(|filter| !filter.held());
    Resource {
        kind: "webhook-test",
        id: id.to_string(),
        attributes: attributes(json!({
            "topic": trial.topic,
            "event_id": trial.event.map(|id| id.to_string()),
            "is_sample": trial.event.is_none(),
            "is_subscribed": is_subscribed,
            "passes_filter": filter.as_ref().map(|filter| filter.held()),
            "filter_explanation": failing.map(ToString::to_string),
            "request": trial.sent.map(|sent| attempts::request(call, sent)),
            "succeeded": trial.attempt.outcome.is_success(),
            "attempt": attempts::attempt(&trial.attempt),
        })),
        relationships: Some(json!({
            "webhook": { "data": { "type": "webhook", "id": webhook.to_string() } },
        })),
        path: format!("/api/webhooks/{webhook}/test/"),
    }
}

/// The attributes of the answer, for the OpenAPI document.
pub(super) fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let text_or_null = || json!({ "type": ["string", "null"] });
    let flag = || json!({ "type": "boolean" });
    json!({
        "topic": text(),
        "event_id": text_or_null(),
        "is_sample": flag(),
        "is_subscribed": flag(),
        "passes_filter": {
            "type": ["boolean", "null"],
            "description": "Null without a filter, and for a made-up event",
        },
        "filter_explanation": text_or_null(),
        "request": { "type": ["object", "null"], "properties": {
            "method": text(), "url": text(), "body": text(), "curl": text(), "is_exact": flag(),
            "headers": { "type": "array", "items": { "type": "object", "properties": {
                "name": text(), "value": text(),
            } } },
        } },
        "succeeded": flag(),
        "attempt": { "$ref": "#/components/schemas/Attempt" },
    })
}
