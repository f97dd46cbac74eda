//! Explanations: `GET /api/events/{id}/explanation`.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call};
use crate::condition::{ExplainedGroup, Explanation};
use crate::delivery::Delivery;
use crate::explanation::{EventExplanation, ExplainError, Question, Reaction};
use crate::id::{EventId, WebhookId};

/// `GET /api/events/{id}/explanation`.
pub(super) async fn get(call: Call) -> Answer {
    let event: EventId =
        call.id.parse().map_err(|why| Problem::bad_request(format!("`{}`: {why}.", call.id)))?;
    let question = Question { event, webhook: webhook(&call)? };
    let (explainer, store) = (call.api.explainer.clone(), call.parts().store.clone());
    let now = call.parts().clock.now();
    let explain = move || {
        let from = store.snapshot().map_err(ExplainError::Store)?;
        explainer.explain(&from, question, now)
    };
    let mut explained = call.apart(explain).await??;
    if !call.principal.allows("profiles:read") {
        // Reasons quote what they were about, and that can be the person.
        explained.reactions.iter_mut().for_each(|reaction| reaction.filter = None);
    }
    let data = resource(&explained).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// The one webhook that is asked about.
fn webhook(call: &Call) -> Result<Option<WebhookId>, Problem> {
    let mut only = None;
    for term in call.query.filter(&[("webhook_id", &["equals"])])? {
        let wrong = |why: String| Problem::parameter("filter", why);
        let value = term.text()?;
        let id = value.parse().map_err(|why| wrong(format!("{value}: {why}")))?;
        if only.replace(id).is_some() {
            return Err(wrong("names more than one webhook".to_owned()));
        }
    }
    Ok(only)
}

fn resource(explained: &EventExplanation) -> Resource {
    let EventExplanation { event, topic, metric, reactions, left_out } = explained;
    Resource {
        kind: "event-explanation",
        id: event.id.to_string(),
        attributes: attributes(json!({
            "event": {
                "topic": topic,
                "metric": metric,
                "profile": event.profile.to_string(),
                "time": event.time.rfc3339_seconds(),
                "received": event.received.rfc3339_micros(),
            },
            "reactions": reactions.iter().map(reaction).collect::<Vec<_>>(),
            "left_out": left_out,
        })),
        relationships: Some(json!({
            "event": { "data": { "type": "event", "id": event.id.to_string() } },
        })),
        path: format!("/api/events/{}/explanation/", event.id),
    }
}

fn reaction(reaction: &Reaction) -> Value {
    let deliveries: Vec<_> =
        reaction.deliveries.iter().map(|(of, summary)| delivery(of, summary)).collect();
    json!({
        "kind": reaction.reactor.kind(),
        "id": reaction.reactor.id(),
        "name": reaction.reactor.name(),
        "reacted": reaction.verdict.has_reacted(),
        "verdict": reaction.verdict.name(),
        "reason": reaction.reason,
        "filter": reaction.filter.as_ref().map(filter),
        "deliveries": deliveries,
    })
}

/// What each condition said, group by group.
pub(super) fn filter(explanation: &Explanation) -> Value {
    let group = |group: &ExplainedGroup| {
        let conditions: Vec<_> = group
            .conditions
            .iter()
            .map(|condition| json!({ "held": condition.held, "reason": condition.reason }))
            .collect();
        json!({ "held": group.held(), "conditions": conditions })
    };
    explanation.groups.iter().map(group).collect()
}

fn delivery(delivery: &Delivery, summary: &str) -> Value {
    let last = delivery.attempts.last();
    json!({
        "id": delivery.id.to_string(),
        "state": delivery.state.name(),
        "source": delivery.source.name(),
        "attempt_count": delivery.attempts.len(),
        "last_status": last.and_then(|attempt| attempt.outcome.status()),
        "summary": summary,
        "due_at": delivery.due.map(|at| at.rfc3339_micros()),
        "finished_at": delivery.finished.map(|at| at.rfc3339_micros()),
    })
}

/// The attributes of the answer, for the OpenAPI document.
pub(super) fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let text_or_null = || json!({ "type": ["string", "null"] });
    let flag = || json!({ "type": "boolean" });
    let moment = || json!({ "type": ["string", "null"], "format": "date-time" });
    let list =
        |of: Value| json!({ "type": "array", "items": { "type": "object", "properties": of } });
    let conditions = list(json!({ "held": flag(), "reason": text() }));
    let mut filter = list(json!({ "held": flag(), "conditions": conditions }));
    filter["type"] = json!(["array", "null"]);
    let deliveries = list(json!({
        "id": text(), "state": text(), "source": text(), "summary": text(),
        "attempt_count": { "type": "integer" }, "last_status": { "type": ["integer", "null"] },
        "due_at": moment(), "finished_at": moment(),
    }));
    json!({
        "event": { "type": "object", "properties": {
            "topic": text(), "metric": text(), "profile": text(), "time": moment(),
            "received": moment(),
        } },
        "reactions": list(json!({
            "kind": text(), "id": text(), "name": text_or_null(), "reacted": flag(),
            "verdict": text(), "reason": text(), "filter": filter, "deliveries": deliveries,
        })),
        "left_out": { "type": "integer" },
    })
}
