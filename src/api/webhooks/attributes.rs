//! The attributes of a webhook as answers show them: what `webhook::parse` reads, written back so
//! that it may be sent again. Secrets are masked; a mask that is sent back changes nothing.

use serde_json::{Map, Value, json};

use super::{Call, shown_url};
use crate::api::jsonapi::attributes;
use crate::clock::{Timestamp, format_duration};
use crate::signing::{Scheme, Which};
use crate::webhook::{Auth, MASK, Schedule, Settings, Webhook};

/// Shown once, in the answer to the request that had it made.
pub(super) const SECRET_KEY: &str = "secret_key";

/// What `fields[webhook]` may name: first the original's, then ours.
pub(super) const FIELDS: [&str; 34] = [
    "created_at",
    "description",
    "enabled",
    "endpoint_url",
    "id",
    "name",
    "updated_at",
    "auth",
    "batch",
    "blocked_profiles",
    "breaker",
    "concurrency",
    "disabled_at",
    "disabled_detail",
    "disabled_reason",
    "ed25519_public_key",
    "failing_since",
    "failures_in_a_row",
    "filter",
    "handshake",
    "headers",
    "include",
    "klaviyo_signed_with",
    "method",
    "ordering",
    "park_after",
    "paused",
    "previous_secret_expires_at",
    "rate_limit",
    "retry_max_age",
    "retry_schedule",
    "signatures",
    "timeout_seconds",
    "tls",
];

/// The attributes, with every time as of now.
pub(super) fn of(call: &Call, webhook: &Webhook) -> Map<String, Value> {
    let mut all = attributes(json!({
        "name": webhook.name,
        "description": webhook.description,
        "endpoint_url": shown_url(call, &webhook.endpoint_url),
        "enabled": webhook.enabled,
        "created_at": webhook.created.rfc3339_micros(),
        "updated_at": webhook.updated.rfc3339_micros(),
    }));
    all.append(&mut state(webhook, call.parts().clock.now()));
    all.append(&mut health(call, webhook));
    all.append(&mut settings(call, &webhook.settings));
    all
}

fn state(webhook: &Webhook, now: Timestamp) -> Map<String, Value> {
    let disabled = webhook.disabled.as_ref();
    let secrets = &webhook.secrets;
    let expires = secrets.previous_at(now).map(|previous| previous.expires.rfc3339_micros());
    let signed_with = match secrets.klaviyo_with(now) {
        Which::Current => "current",
        Which::Previous => "previous",
    };
    let detail = disabled.map(|disabled| &disabled.detail).filter(|detail| !detail.is_empty());
    attributes(json!({
        "disabled_at": disabled.map(|disabled| disabled.at.rfc3339_micros()),
        "disabled_reason": disabled.map(|disabled| disabled.reason.name()),
        "disabled_detail": detail,
        "previous_secret_expires_at": expires,
        "klaviyo_signed_with": signed_with,
        "ed25519_public_key": secrets.ed25519.as_ref().map(|key| key.public().to_string()),
    }))
}

/// How its deliveries fare at the moment.
fn health(call: &Call, webhook: &Webhook) -> Map<String, Value> {
    let deliveries = &call.parts().deliveries;
    let standing = deliveries.standing(webhook.id);
    attributes(json!({
        "failing_since": deliveries.failing_since(webhook.id).map(|at| at.rfc3339_micros()),
        "failures_in_a_row": standing.failures_in_a_row,
        "breaker": if standing.is_open { "open" } else { "closed" },
        "blocked_profiles": standing.blocked_keys,
    }))
}

fn settings(call: &Call, settings: &Settings) -> Map<String, Value> {
    let headers = settings.headers.iter().map(|(name, _)| (name.clone(), MASK.into()));
    let filter =
        settings.filter.as_ref().and_then(|filter| serde_json::from_str(&filter.text).ok());
    let duration = |duration: Option<std::time::Duration>| duration.map(format_duration);
    let signatures: Vec<_> = settings.signatures.0.iter().copied().map(Scheme::name).collect();
    attributes(json!({
        "method": settings.method.name(),
        "headers": headers.collect::<Map<String, Value>>(),
        "filter": filter.unwrap_or(Value::Null),
        "include": include(settings),
        "timeout_seconds": settings.timeout.map(|timeout| timeout.as_secs()),
        "retry_schedule": schedule(&settings.schedule),
        "retry_max_age": duration(settings.max_age),
        "concurrency": settings.concurrency,
        "rate_limit": settings.rate_limit.map(
            |limit| json!({ "requests": limit.requests, "period": limit.period.name() })
        ),
        "ordering": settings.ordering.name(),
        "park_after": duration(settings.park_after),
        "batch": settings.batch.map(|batch| json!({
            "max_events": batch.max_events,
            "max_wait_ms": u64::try_from(batch.max_wait.as_millis()).unwrap_or(u64::MAX),
            "max_bytes": batch.max_bytes,
        })),
        "tls": tls(settings),
        "auth": settings.auth.as_ref().map(|of| auth(call, of)),
        "signatures": signatures,
        "paused": settings.is_paused,
        "handshake": if settings.has_handshake { "cloudevents" } else { "none" },
    }))
}

fn include(settings: &Settings) -> Vec<&'static str> {
    let include = settings.include;
    let parts = [("metric", include.metric), ("profile", include.profile)];
    parts.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name).collect()
}

fn schedule(schedule: &Schedule) -> Value {
    match schedule {
        Schedule::Standard => "standard".into(),
        Schedule::Klaviyo => "klaviyo".into(),
        Schedule::Fast => "fast".into(),
        Schedule::Custom(delays) => {
            delays.iter().map(|delay| format_duration(*delay)).collect::<Vec<_>>().into()
        }
    }
}

fn tls(settings: &Settings) -> Value {
    let tls = &settings.tls;
    if tls.ca.is_none() && tls.client_certificate.is_none() {
        return Value::Null;
    }
    let shown = tls.client_certificate.as_ref();
    json!({
        "ca": tls.ca,
        "client_certificate": shown.map(|shown| &shown.chain),
        "client_key": shown.map(|_| MASK),
    })
}

fn auth(call: &Call, auth: &Auth) -> Value {
    match auth {
        Auth::Basic { username, .. } => {
            json!({ "type": "basic", "username": username, "password": MASK })
        }
        Auth::Bearer { .. } => json!({ "type": "bearer", "token": MASK }),
        Auth::OAuth2 { token_url, client_id, scope, .. } => json!({
            "type": "oauth2",
            "token_url": shown_url(call, token_url),
            "client_id": client_id,
            "client_secret": MASK,
            "scope": scope,
        }),
    }
}
