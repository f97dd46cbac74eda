//! Events: recording them, and reading them (contract: wire.md §4.2, §4.3).
//!
//! `listing.rs` has the pages, `filter.rs` reads what they are about.

mod filter;
mod listing;

use std::collections::BTreeSet;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

pub(super) use self::filter::narrow_to;
pub(super) use self::listing::list;
use super::error::Problem;
use super::profiles::Asked;
use super::{Answer, Call, Reply, jsonapi, metrics};
use crate::event::{self, Event, EventFields};
use crate::id::{EventId, ProfileId};
use crate::profile::{self, Profile};
use crate::store::{Read, StoreError};

/// The header of the answer that names the event.
const EVENT_ID: HeaderName = HeaderName::from_static("tidings-event-id");
/// Nothing here attributes an event to a message, so including attributions adds none.
const INCLUDE: [&str; 3] = ["attributions", "metric", "profile"];
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
    let include = call.query.include(&INCLUDE)?;
    let fields = event_fields(&call)?;
    let metric_fields = call.query.fields("metric", &metrics::FIELDS)?;
    let asked = Asked::of(&call)?;
    let event = find(&call)?;
    let mut included = Vec::new();
    if include.contains(&"metric")
        && let Some(metric) = call.parts().metrics.get(event.metric)
    {
        included.push(
            metrics::resource(call.base(), &metric).to_bytes(call.base(), metric_fields.as_deref()),
        );
    }
    if include.contains(&"profile") {
        let found = people(&call.parts().store.snapshot()?, &asked, call.base(), [event.profile])?;
        included.extend(found);
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
    let data = metrics::resource(call.base(), &metric).to_bytes(call.base(), fields.as_deref());
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
    let asked = Asked::of(&call)?;
    let event = find(&call)?;
    let found = people(&call.parts().store.snapshot()?, &asked, call.base(), [event.profile])?;
    let profile = found.first().ok_or_else(|| Problem::not_found("The profile is gone."))?;
    Ok(jsonapi::one(&call, StatusCode::OK, profile, &[]))
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

/// The resource objects of the profiles of these ids, each once; those that are gone are left out.
fn people(
    from: &impl Read,
    asked: &Asked,
    base: &str,
    ids: impl IntoIterator<Item = ProfileId>,
) -> Result<Vec<Vec<u8>>, Problem> {
    let ids: BTreeSet<ProfileId> = ids.into_iter().collect();
    let found: Result<Vec<Profile>, StoreError> =
        ids.into_iter().filter_map(|id| profile::get(from, id).transpose()).collect();
    asked.documents(from, base, &found?.iter().collect::<Vec<_>>())
}

fn event_fields(call: &Call) -> Result<EventFields, Problem> {
    call.query.fields("attribution", &["id"])?;
    let Some(fields) = call.query.fields("event", &FIELDS)? else { return Ok(EventFields::ALL) };
    let has = |name| fields.contains(&name);
    Ok(EventFields {
        timestamp: has("timestamp"),
        event_properties: has("event_properties"),
        datetime: has("datetime"),
        uuid: has("uuid"),
    })
}
