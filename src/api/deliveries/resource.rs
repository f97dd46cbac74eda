//! A delivery as a resource: where it stands, and, where one is read, its attempts with all that
//! is known of them.

use serde_json::{Value, json};

use crate::api::Call;
use crate::api::attempts;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::webhooks::shown_url;
use crate::delivery;
use crate::delivery::{Attempt, Delivery, State};
use crate::id::WebhookId;
use crate::webhook::Endpoint;

/// The names of all attributes; `attempts`, `request` and `summary` only where one is read.
pub(super) const FIELDS: [&str; 15] = [
    "attempt_count",
    "attempts",
    "created_at",
    "destination",
    "due_at",
    "event_count",
    "finished_at",
    "last_error",
    "last_status",
    "phase",
    "request",
    "resent_at",
    "source",
    "state",
    "summary",
];

/// The delivery's resource object, with its attempts if `is_whole`.
pub(super) fn resource(call: &Call, delivery: &Delivery, is_whole: bool) -> Resource {
    let endpoint = call.parts().webhooks.get(delivery.webhook);
    let destination =
        endpoint.as_ref().map(|endpoint| shown_url(call, &endpoint.webhook.endpoint_url));
    let last = delivery.attempts.last();
    let mut shown = attributes(json!({
        "state": delivery.state.name(),
        "source": delivery.source.name(),
        "phase": (delivery.state == State::Scheduled).then(|| delivery.phase.name()),
        "event_count": delivery.events.len(),
        "destination": destination,
        "created_at": delivery.created.rfc3339_micros(),
        "due_at": delivery.due.map(|at| at.rfc3339_micros()),
        "finished_at": delivery.finished.map(|at| at.rfc3339_micros()),
        "resent_at": delivery.resent.map(|at| at.rfc3339_micros()),
        "attempt_count": delivery.attempts.len(),
        "last_status": last.and_then(|attempt| attempt.outcome.status()),
        "last_error": last.and_then(|attempt| attempt.outcome.error()),
    }));
    if is_whole {
        let parts = call.parts();
        let standing = parts.deliveries.standing(delivery.webhook);
        let summary = delivery::summary(delivery, endpoint.as_deref(), standing, parts.clock.now());
        let attempts: Vec<Value> = delivery.attempts.iter().map(attempt).collect();
        shown.insert("summary".to_owned(), summary.into());
        shown.insert("attempts".to_owned(), attempts.into());
        shown.insert("request".to_owned(), Value::Null);
    }
    Resource {
        kind: "delivery",
        id: delivery.id.to_string(),
        attributes: shown,
        relationships: Some(relationships(delivery, endpoint.as_deref())),
        path: format!("/api/deliveries/{}/", delivery.id),
    }
}

fn relationships(delivery: &Delivery, endpoint: Option<&Endpoint>) -> Value {
    let of = |kind: &str, id: String| json!({ "type": kind, "id": id });
    let events: Vec<_> = delivery.events.iter().map(|id| of("event", id.to_string())).collect();
    let mut related = sender(delivery.webhook, endpoint);
    if let Some(run) = delivery.run {
        related["flow-run"] = json!({ "data": of("flow-run", run.to_string()) });
    }
    let event = delivery.event().map(|id| of("event", id.to_string()));
    related["event"] = json!({ "data": event });
    related["events"] = json!({ "data": events });
    let profile = delivery.profile.map(|id| of("profile", id.to_string()));
    related["profile"] = json!({ "data": profile });
    related
}

/// Who sends it: a webhook, or an action of a flow. Which flow is not known any more where the
/// action is gone.
pub(super) fn sender(webhook: WebhookId, endpoint: Option<&Endpoint>) -> Value {
    let to = |kind: &str, id: String| json!({ "data": { "type": kind, "id": id } });
    let Some(action) = webhook.action() else {
        return json!({ "webhook": to("webhook", webhook.to_string()) });
    };
    let flow = endpoint.and_then(|endpoint| endpoint.webhook.flow);
    let flow = flow.map_or(json!({ "data": null }), |flow| to("flow", flow.to_string()));
    json!({ "flow": flow, "flow-action": to("flow-action", action.to_string()) })
}

/// An attempt, with a place for its request.
pub(super) fn attempt(attempt: &Attempt) -> Value {
    let mut shown = attempts::attempt(attempt);
    shown["request"] = Value::Null;
    shown
}
