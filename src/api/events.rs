//! Events: recording them, and reading one (contract: wire.md §4.2, §4.3).

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::error::Problem;
use super::{Answer, Call, Reply, jsonapi, metrics, profiles};
use crate::event::{self, Event, EventFields};
use crate::id::EventId;
use crate::profile;

/// The header of the answer that names the event.
const EVENT_ID: HeaderName = HeaderName::from_static("tidings-event-id");
const FIELDS: [&str; 5] = ["datetime", "event_properties", "id", "timestamp", "uuid"];

/// `POST /api/events`: 202 once the event is on disk with everything it causes.
pub(super) async fn create(call: Call) -> Answer {
    let event = event::parse_one(&call.body, call.parts().clock.now())?;
    let recorded = call.parts().ingest.record(vec![event]).await?;
    let mut reply = Reply::empty(StatusCode::ACCEPTED);
    // The original answers without a body; whoever wants to ask about the event finds its id here.
    if let Some(Ok(id)) = recorded.first().map(|id| HeaderValue::try_from(id.to_string())) {
        reply.headers.insert(EVENT_ID, id);
    }
    Ok(reply)
}

/// `POST /api/event-bulk-create-jobs`: 202 once all of them are.
pub(super) async fn create_bulk(call: Call) -> Answer {
    let events = event::parse_bulk(&call.body, call.parts().clock.now())?;
    call.parts().ingest.record(events).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// `GET /api/events/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let include = call.query.include(&["attributions", "metric", "profile"])?;
    let fields = event_fields(&call)?;
    let metric_fields = call.query.fields("metric", &metrics::FIELDS)?;
    let profile_fields = call.query.fields("profile", &profiles::FIELDS)?;
    let event = find(&call)?;
    let mut included = Vec::new();
    if include.contains(&"metric")
        && let Some(metric) = call.parts().metrics.get(event.metric)
    {
        included.push(metrics::resource(&metric).to_bytes(call.base(), metric_fields.as_deref()));
    }
    if include.contains(&"profile")
        && let Some(profile) = profile::get(&call.parts().store.snapshot()?, event.profile)?
    {
        included.push(profile.resource(call.base(), profile_fields.as_deref()));
    }
    let mut data = Vec::new();
    event::push_resource(&mut data, &event, call.base(), fields);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &included))
}

/// `GET /api/events/{id}/metric`.
pub(super) async fn metric(call: Call) -> Answer {
    let fields = call.query.fields("metric", &metrics::FIELDS)?;
    let event = find(&call)?;
    let metric = call.parts().metrics.get(event.metric);
    let metric = metric.ok_or_else(|| Problem::not_found("The metric is gone."))?;
    let data = metrics::resource(&metric).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `GET /api/events/{id}/relationships/metric`.
pub(super) async fn metric_id(call: Call) -> Answer {
    let event = find(&call)?;
    let data = json!({ "type": "metric", "id": event.metric.as_str() }).to_string();
    Ok(jsonapi::one(&call, StatusCode::OK, data.as_bytes(), &[]))
}

/// `GET /api/events/{id}/profile`.
pub(super) async fn profile(call: Call) -> Answer {
    let fields = call.query.fields("profile", &profiles::FIELDS)?;
    let event = find(&call)?;
    let profile = profile::get(&call.parts().store.snapshot()?, event.profile)?;
    let profile = profile.ok_or_else(|| Problem::not_found("The profile is gone."))?;
    let data = profile.resource(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `GET /api/events/{id}/relationships/profile`.
pub(super) async fn profile_id(call: Call) -> Answer {
    let event = find(&call)?;
    let data = json!({ "type": "profile", "id": event.profile.to_string() }).to_string();
    Ok(jsonapi::one(&call, StatusCode::OK, data.as_bytes(), &[]))
}

/// The event that the path names. An id of another shape is a 400, as in the original (contract:
/// wire.md §4.1).
fn find(call: &Call) -> Result<Event, Problem> {
    let id: EventId =
        call.id.parse().map_err(|why| Problem::bad_request(format!("`{}`: {why}.", call.id)))?;
    let event = event::get(&call.parts().store.snapshot()?, id)?;
    event.ok_or_else(|| Problem::not_found(format!("No event {id}.")))
}

fn event_fields(call: &Call) -> Result<EventFields, Problem> {
    let Some(fields) = call.query.fields("event", &FIELDS)? else { return Ok(EventFields::ALL) };
    let has = |name| fields.contains(&name);
    Ok(EventFields {
        timestamp: has("timestamp"),
        event_properties: has("event_properties"),
        datetime: has("datetime"),
        uuid: has("uuid"),
    })
}
