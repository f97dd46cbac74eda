//! Replays: our own resource, in the conventions of the others.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call};
use crate::id::ReplayId;
use crate::limits;
use crate::replay::{self, Choice, NewReplay, Preview, Replay, ReplayError, Status, Wanted};

const PAGE_DEFAULT: usize = 20;

/// `POST /api/replays`.
pub(super) async fn create(call: Call) -> Answer {
    let (new, replays) = (parse(&call)?, call.parts().replays.clone());
    let made = call.parts().store.commit(move |tx| replays.create(tx, new)).await?;
    answer(&call, StatusCode::ACCEPTED, &made)
}

/// `POST /api/replay-previews`.
pub(super) async fn preview(call: Call) -> Answer {
    let (new, parts) = (parse(&call)?, call.parts());
    if new.asks_for_profiles() && !call.principal.allows("profiles:read") {
        let why = "Counting by what profiles are needs the scope profiles:read.";
        return Err(Problem::forbidden(why));
    }
    let (store, metrics, now) = (parts.store.clone(), parts.metrics.clone(), parts.clock.now());
    let wanted = new.wanted().clone();
    let found = call.apart(move || replay::preview(&store, &wanted, &metrics, now)).await??;
    let wanted = new.wanted();
    let document = json!({
        "data": {
            "type": "replay-preview",
            "attributes": preview_attributes(wanted, &found),
            "relationships": relationships(wanted),
        },
        "links": { "self": call.self_link() },
    });
    Ok(super::Reply::json(StatusCode::OK, &document))
}

/// `GET /api/replays`.
pub(super) async fn list(call: Call) -> Answer {
    let size = call.query.page_size(PAGE_DEFAULT, limits::REPLAYS_PAGE_MAX)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let before: Option<ReplayId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let mut found = replay::page(&call.parts().store.snapshot()?, before, size + 1)?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let data: Vec<_> =
        found.iter().map(|replay| resource(replay).to_bytes(call.base(), None)).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/replays/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let id = id(&call)?;
    let found = replay::get(&call.parts().store.snapshot()?, id)?;
    answer(&call, StatusCode::OK, &found.ok_or(ReplayError::Unknown(id))?)
}

/// `PATCH /api/replays/{id}`.
pub(super) async fn update(call: Call) -> Answer {
    let id = id(&call)?;
    let is_held = replay::status_patch(&call.body, id)? == Status::Paused;
    let replays = call.parts().replays.clone();
    let changed = call.parts().store.commit(move |tx| replays.hold(tx, id, is_held)).await?;
    answer(&call, StatusCode::OK, &changed)
}

/// `POST /api/replays/{id}/cancel`.
pub(super) async fn cancel(call: Call) -> Answer {
    let (id, replays) = (id(&call)?, call.parts().replays.clone());
    let cancelled = call.parts().store.commit(move |tx| replays.cancel(tx, id)).await?;
    answer(&call, StatusCode::OK, &cancelled)
}

fn parse(call: &Call) -> Result<NewReplay, ReplayError> {
    let parts = call.parts();
    NewReplay::parse(&call.body, &parts.webhooks, &parts.metrics, parts.clock.now())
}

fn id(call: &Call) -> Result<ReplayId, Problem> {
    call.id.parse().map_err(|_| Problem::not_found(format!("No replay {}.", call.id)))
}

fn answer(call: &Call, status: StatusCode, replay: &Replay) -> Answer {
    Ok(jsonapi::one(call, status, &resource(replay).to_bytes(call.base(), None), &[]))
}

fn resource(replay: &Replay) -> Resource {
    let (wanted, counts) = (&replay.wanted, replay.counts);
    let mut shown = attributes(json!({
        "name": replay.name,
        "status": replay.status.name(),
        "failure": replay.reason,
        "rate_per_second": replay.rate_per_second,
        "progress": replay.progress(),
        "scanned_count": counts.scanned,
        "matched_count": counts.matched,
        "scheduled_count": counts.scheduled,
        "skipped_count": counts.skipped,
        "cursor_time": replay.cursor_time().map(|at| at.rfc3339_micros()),
        "created_at": replay.created.rfc3339_micros(),
        "updated_at": replay.updated.rfc3339_micros(),
        "finished_at": replay.finished.map(|at| at.rfc3339_micros()),
    }));
    shown.extend(wanted_attributes(wanted));
    Resource {
        kind: "replay",
        id: replay.id.to_string(),
        attributes: shown,
        relationships: Some(relationships(wanted)),
        path: format!("/api/replays/{}/", replay.id),
    }
}

fn wanted_attributes(wanted: &Wanted) -> Map<String, Value> {
    let filter = wanted.filter.as_deref();
    attributes(json!({
        "from": wanted.from.rfc3339_micros(),
        "to": wanted.to.rfc3339_micros(),
        "topics": wanted.topics,
        "states": wanted.states.iter().map(|choice| choice.name()).collect::<Vec<_>>(),
        "filter": filter.and_then(|text| serde_json::from_str::<Value>(text).ok()),
    }))
}

fn preview_attributes(wanted: &Wanted, found: &Preview) -> Map<String, Value> {
    let mut by_state = Map::new();
    for choice in Choice::ALL {
        let count = found.by_choice.get(&choice).copied().unwrap_or_default();
        by_state.insert(choice.name().to_owned(), count.into());
    }
    by_state.insert("scheduled".to_owned(), found.scheduled.into());
    let mut shown = wanted_attributes(wanted);
    shown.extend(attributes(json!({
        "event_count": found.events,
        "delivery_count": found.deliveries,
        "by_state": by_state,
        "is_complete": found.is_complete,
        "scanned_events": found.scanned,
        "oldest": found.oldest.map(|at| at.rfc3339_micros()),
        "newest": found.newest.map(|at| at.rfc3339_micros()),
    })));
    shown
}

fn relationships(wanted: &Wanted) -> Value {
    json!({ "webhook": { "data": { "type": "webhook", "id": wanted.webhook.to_string() } } })
}
