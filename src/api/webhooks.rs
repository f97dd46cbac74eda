//! Webhooks: create, list, get, change, delete, test (contract: wire.md §1.6).

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, Reply, deliveries, topics};
use crate::delivery;
use crate::id::WebhookId;
use crate::webhook::{ChangeError, NewWebhook, Webhook, WebhookPatch};

const FIELDS: [&str; 7] =
    ["created_at", "description", "enabled", "endpoint_url", "id", "name", "updated_at"];
const INCLUDE: [&str; 1] = ["webhook-topics"];

/// `POST /api/webhooks`.
pub(super) async fn create(call: Call) -> Answer {
    let parts = call.parts();
    let new = NewWebhook::parse(&call.body, &parts.policy, &parts.metrics)?;
    let webhooks = parts.webhooks.clone();
    let made = parts.store.commit(move |tx| webhooks.create(tx, new)).await?;
    answer(&call, StatusCode::CREATED, &made)
}

/// `GET /api/webhooks`.
pub(super) async fn list(call: Call) -> Answer {
    let fields = call.query.fields("webhook", &FIELDS)?;
    call.query.fields("webhook-topic", &topics::FIELDS)?;
    let with_topics = !call.query.include(&INCLUDE)?.is_empty();
    let all = call.parts().webhooks.all();
    let data: Vec<_> = all
        .iter()
        .map(|one| resource(&call, &one.webhook).to_bytes(call.base(), fields.as_deref()))
        .collect();
    let webhooks = all.iter().map(|one| &one.webhook);
    let included = if with_topics { included(&call, webhooks) } else { Vec::new() };
    Ok(jsonapi::many(&call, &data, &included, None))
}

/// `GET /api/webhooks/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let id = id(&call)?;
    let found = call.parts().webhooks.get(id).ok_or(ChangeError::Unknown(id))?;
    answer(&call, StatusCode::OK, &found.webhook)
}

/// `PATCH /api/webhooks/{id}`.
pub(super) async fn update(call: Call) -> Answer {
    let parts = call.parts();
    let id = id(&call)?;
    parts.webhooks.get(id).ok_or(ChangeError::Unknown(id))?;
    let patch = WebhookPatch::parse(&call.body, id, &parts.policy, &parts.metrics)?;
    let (webhooks, deliveries) = (parts.webhooks.clone(), parts.deliveries.clone());
    let command = move |tx: &mut crate::store::Tx<'_, '_>| {
        let changed = webhooks.update(tx, id, patch)?;
        let is_paused = !changed.enabled;
        tx.after_commit(move || deliveries.pause(id, is_paused));
        Ok::<_, ChangeError>(changed)
    };
    let changed = parts.store.commit(command).await?;
    answer(&call, StatusCode::OK, &changed)
}

/// `DELETE /api/webhooks/{id}`.
pub(super) async fn delete(call: Call) -> Answer {
    let id = id(&call)?;
    let (webhooks, deliveries) = (call.parts().webhooks.clone(), call.parts().deliveries.clone());
    let command = move |tx: &mut crate::store::Tx<'_, '_>| {
        webhooks.delete(tx, id)?;
        // A disabled webhook's deliveries were held; now they are to be cancelled.
        tx.after_commit(move || deliveries.pause(id, false));
        Ok::<_, ChangeError>(())
    };
    call.parts().store.commit(command).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /api/webhooks/{id}/test`: sends a made-up event and answers with its delivery.
pub(super) async fn test(call: Call) -> Answer {
    let id = id(&call)?;
    let found = call.parts().webhooks.get(id).ok_or(ChangeError::Unknown(id))?;
    if !found.webhook.enabled {
        return Err(Problem::bad_request("The webhook is disabled: enable it, then test it."));
    }
    let deliveries = call.parts().deliveries.clone();
    let command = move |tx: &mut crate::store::Tx<'_, '_>| deliveries.schedule_test(tx, id);
    let scheduled = call.parts().store.commit(command).await?;
    let row = delivery::get(&call.parts().store.snapshot()?, scheduled)?;
    let row = row.ok_or_else(|| Problem::not_found("The delivery is gone."))?;
    let data = deliveries::resource(&call, &row, true).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::ACCEPTED, &data, &[]))
}

fn id(call: &Call) -> Result<WebhookId, Problem> {
    call.id.parse().map_err(|_| Problem::not_found(format!("No webhook {}.", call.id)))
}

fn answer(call: &Call, status: StatusCode, webhook: &Webhook) -> Answer {
    let fields = call.query.fields("webhook", &FIELDS)?;
    call.query.fields("webhook-topic", &topics::FIELDS)?;
    let with_topics = !call.query.include(&INCLUDE)?.is_empty();
    let included = if with_topics { included(call, [webhook]) } else { Vec::new() };
    let data = resource(call, webhook).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(call, status, &data, &included))
}

/// The topics of webhooks, each once.
fn included<'a>(call: &Call, webhooks: impl IntoIterator<Item = &'a Webhook>) -> Vec<Vec<u8>> {
    let mut topics: Vec<&str> =
        webhooks.into_iter().flat_map(|webhook| &webhook.topics).map(String::as_str).collect();
    topics.sort_unstable();
    topics.dedup();
    topics.into_iter().map(|topic| topics::resource(topic).to_bytes(call.base(), None)).collect()
}

fn resource(call: &Call, webhook: &Webhook) -> Resource {
    let topics: Vec<_> = webhook
        .topics
        .iter()
        .map(|topic| json!({ "type": "webhook-topic", "id": topic }))
        .collect();
    Resource {
        kind: "webhook",
        id: webhook.id.to_string(),
        attributes: attributes(json!({
            "name": webhook.name,
            "description": webhook.description,
            "endpoint_url": shown_url(call, &webhook.endpoint_url),
            "enabled": webhook.enabled,
            "created_at": webhook.created.rfc3339_micros(),
            "updated_at": webhook.updated.rfc3339_micros(),
        })),
        relationships: Some(json!({ "webhook-topics": { "data": topics } })),
        path: format!("/api/webhooks/{}/", webhook.id),
    }
}

/// The whole URL for the operator and for full keys; masked behind the host for the others, as in
/// the original, because paths of endpoints often hold tokens.
pub(super) fn shown_url(call: &Call, url: &str) -> String {
    if call.principal.is_admin() {
        return url.to_owned();
    }
    let host_ends = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    let (origin, _) = url.split_at(host_ends);
    let origin = origin.split(['?', '#']).next().unwrap_or_default();
    format!("{origin}/*****")
}
