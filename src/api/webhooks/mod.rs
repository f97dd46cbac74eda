//! Webhooks: create, list, get, change, delete, test (contract: wire.md §1.6), and the rotation of
//! their secrets, which is our own.
//!
//! Answers have the attributes of the original first, unchanged, and then ours
//! (`attributes.rs`). Where an endpoint is to be asked for its consent, that happens before the
//! command, so that a refusal leaves everything as it was.

mod attributes;
pub(super) mod schema;

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::jsonapi::{self, Resource};
use super::{Answer, Call, Reply, topics};
use crate::id::WebhookId;
use crate::store::Tx;
use crate::webhook::{
    ChangeError, NewWebhook, RateLimit, Rotation, Settings, Webhook, WebhookPatch, handshake,
    masked_url,
};

use attributes::{FIELDS, SECRET_KEY};

const INCLUDE: [&str; 1] = ["webhook-topics"];

/// `POST /api/webhooks`.
pub(in crate::api) async fn create(call: Call) -> Answer {
    let parts = call.parts();
    let mut new = NewWebhook::parse(&call.body, &parts.policy, &parts.metrics)?;
    if handshake::is_needed(None, new.endpoint_url(), new.settings())
        && let Some(rate) = consent(&call, new.endpoint_url(), new.settings()).await?
    {
        new.limit_rate(rate);
    }
    permit(&call, None, (new.topics(), new.endpoint_url(), new.settings()))?;
    let shown = Secret::shown_if(new.makes_secret());
    let (webhooks, deliveries) = (parts.webhooks.clone(), parts.deliveries.clone());
    let command = move |tx: &mut Tx<'_, '_>| {
        let made = webhooks.create(tx, new)?;
        let id = made.id;
        tx.after_commit(move || deliveries.refresh(id));
        Ok::<_, ChangeError>(made)
    };
    let made = parts.store.commit(command).await?;
    answer(&call, StatusCode::CREATED, &made, shown)
}

/// `GET /api/webhooks`.
pub(in crate::api) async fn list(call: Call) -> Answer {
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
pub(in crate::api) async fn get(call: Call) -> Answer {
    let id = id(&call)?;
    let found = call.parts().webhooks.subscription(id).ok_or(ChangeError::Unknown(id))?;
    answer(&call, StatusCode::OK, &found.webhook, Secret::Hidden)
}

/// `PATCH /api/webhooks/{id}`.
pub(in crate::api) async fn update(call: Call) -> Answer {
    let parts = call.parts();
    let id = id(&call)?;
    let before = parts.webhooks.subscription(id).ok_or(ChangeError::Unknown(id))?;
    let mut patch = WebhookPatch::parse(&call.body, id, &parts.policy, &parts.metrics)?;
    let after = parts.webhooks.preview(id, patch.clone(), parts.clock.now())?;
    permit(&call, Some(&before.webhook), (&after.topics, &after.endpoint_url, &after.settings))?;
    if handshake::is_needed(Some(&before.webhook), &after.endpoint_url, &after.settings)
        && let Some(rate) = consent(&call, &after.endpoint_url, &after.settings).await?
    {
        patch.limit_rate(rate);
    }
    let (webhooks, deliveries) = (parts.webhooks.clone(), parts.deliveries.clone());
    let command = move |tx: &mut Tx<'_, '_>| {
        // What was checked, and whom was asked, is what is changed.
        let now = webhooks.subscription(id).ok_or(ChangeError::Unknown(id))?;
        if now.webhook.updated != before.webhook.updated {
            return Err(ChangeError::Meanwhile);
        }
        let batch = deliveries.complete_batch(tx, id)?;
        let changed = webhooks.update(tx, id, patch)?;
        deliveries.changed(tx, (&before.webhook, &changed), batch);
        Ok::<_, ChangeError>(changed)
    };
    let changed = parts.store.commit(command).await?;
    answer(&call, StatusCode::OK, &changed, Secret::Hidden)
}

/// `POST /api/webhooks/{id}/rotate-secret`.
pub(in crate::api) async fn rotate_secret(call: Call) -> Answer {
    let id = id(&call)?;
    let rotation = Rotation::parse(&call.body)?;
    let shown = Secret::shown_if(rotation.makes_secret());
    let webhooks = call.parts().webhooks.clone();
    let rotated = call.parts().store.commit(move |tx| webhooks.rotate(tx, id, rotation)).await?;
    answer(&call, StatusCode::OK, &rotated, shown)
}

/// `DELETE /api/webhooks/{id}/previous-secret`.
pub(in crate::api) async fn end_rotation(call: Call) -> Answer {
    let id = id(&call)?;
    let webhooks = call.parts().webhooks.clone();
    call.parts().store.commit(move |tx| webhooks.end_rotation(tx, id)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /api/webhooks/{id}`.
pub(in crate::api) async fn delete(call: Call) -> Answer {
    let id = id(&call)?;
    let (webhooks, deliveries) = (call.parts().webhooks.clone(), call.parts().deliveries.clone());
    let command = move |tx: &mut Tx<'_, '_>| {
        webhooks.delete(tx, id)?;
        deliveries.removed(tx, id);
        Ok::<_, ChangeError>(())
    };
    call.parts().store.commit(command).await?;
    call.parts().sender.tokens.forget(id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// What a webhook sends, its owner can read: who makes one, or points it elsewhere, may do no more
/// with it than read what its key may read (contract: wire.md §1.5).
fn permit(
    call: &Call,
    before: Option<&Webhook>,
    (topics, url, settings): (&[String], &str, &Settings),
) -> Result<(), Problem> {
    let goes_elsewhere = before.is_none_or(|before| before.endpoint_url != url);
    let has_news = goes_elsewhere || before.is_none_or(|before| before.topics != topics);
    if has_news && !call.principal.allows("events:read") {
        return Err(Problem::forbidden("Topics of events need the scope events:read."));
    }
    let shows_person = |settings: &Settings| {
        let filter = settings.filter.as_ref();
        settings.include.profile || filter.is_some_and(|filter| filter.conditions.needs_profile())
    };
    let shows_more = goes_elsewhere || before.is_none_or(|before| !shows_person(&before.settings));
    if shows_more && shows_person(settings) && !call.principal.allows("profiles:read") {
        let why = "Including the profile, or filtering by it, needs the scope profiles:read.";
        return Err(Problem::forbidden(why));
    }
    Ok(())
}

pub(super) fn id(call: &Call) -> Result<WebhookId, Problem> {
    call.id.parse().map_err(|_| Problem::not_found(format!("No webhook {}.", call.id)))
}

/// The rate that the endpoint asks us to keep to, once it has given its consent.
async fn consent(
    call: &Call,
    url: &str,
    settings: &Settings,
) -> Result<Option<RateLimit>, Problem> {
    let base = url::Url::parse(call.base()).ok();
    let origin = base.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
    Ok(handshake::ask(&call.parts().egress, origin, url, settings).await?)
}

/// Whether an answer shows the secret: only the one to the request that had it made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    Hidden,
    Shown,
}

impl Secret {
    const fn shown_if(is_made: bool) -> Self {
        if is_made { Self::Shown } else { Self::Hidden }
    }
}

fn answer(call: &Call, status: StatusCode, webhook: &Webhook, secret: Secret) -> Answer {
    let mut fields = call.query.fields("webhook", &FIELDS)?;
    call.query.fields("webhook-topic", &topics::FIELDS)?;
    let with_topics = !call.query.include(&INCLUDE)?.is_empty();
    let included = if with_topics { included(call, [webhook]) } else { Vec::new() };
    let mut resource = resource(call, webhook);
    if secret == Secret::Shown {
        let text = webhook.secrets.current.expose();
        resource.attributes.insert(SECRET_KEY.to_owned(), text.into());
        // Whatever fields were asked for: it is shown this once.
        fields.iter_mut().for_each(|fields| fields.push(SECRET_KEY));
    }
    let data = resource.to_bytes(call.base(), fields.as_deref());
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
        attributes: attributes::of(call, webhook),
        relationships: Some(json!({ "webhook-topics": { "data": topics } })),
        path: format!("/api/webhooks/{}/", webhook.id),
    }
}

/// The whole URL for the operator and for full keys; masked behind the host for the others, as in
/// the original, because paths of endpoints often hold tokens.
pub(in crate::api) fn shown_url(call: &Call, url: &str) -> String {
    if call.principal.is_admin() {
        return url.to_owned();
    }
    masked_url(url)
}
