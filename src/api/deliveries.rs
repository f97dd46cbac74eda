//! Deliveries: our own resource, in the conventions of the others.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, attempts, webhooks};
use crate::delivery::{self, Delivery, Filter, State};
use crate::id::DeliveryId;
use crate::limits;

const PAGE_DEFAULT: usize = 20;

/// `GET /api/deliveries`.
pub(super) async fn list(call: Call) -> Answer {
    let filter = filter(&call)?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::DELIVERIES_PAGE_MAX)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let before: Option<DeliveryId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let (store, rows_max) = (call.parts().store.clone(), limits::DELIVERIES_SCAN_ROWS_MAX);
    // A rare kind can take thousands of rows to find: not on a thread that others need.
    let paged = tokio::task::spawn_blocking(move || {
        delivery::page(&store.snapshot()?, &filter, before, size, rows_max)
    });
    let (found, next) = paged.await.map_err(|error| {
        tracing::error!(%error, "a listing panicked");
        Problem::bad_request("The listing failed.")
    })??;
    let data: Vec<_> = found
        .iter()
        .map(|delivery| resource(&call, delivery, false).to_bytes(call.base(), None))
        .collect();
    Ok(jsonapi::many(&call, &data, &[], next.map(|id| id.to_string()).as_deref()))
}

/// `GET /api/deliveries/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let missing = || Problem::not_found(format!("No delivery {}.", call.id));
    let id: DeliveryId = call.id.parse().map_err(|_| missing())?;
    let found = delivery::get(&call.parts().store.snapshot()?, id)?.ok_or_else(missing)?;
    let data = resource(&call, &found, true).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

fn filter(call: &Call) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    for term in call.query.filter()? {
        let wrong = |why: String| Problem::parameter("filter", why);
        let value = term.value.as_str();
        match (term.operator.as_str(), term.field.as_str()) {
            ("equals", "state") => {
                let state = State::ALL.into_iter().find(|state| state.name() == value);
                let known = State::ALL.map(State::name).join(", ");
                let why = || wrong(format!("no state `{value}`; there are {known}"));
                filter.state = Some(state.ok_or_else(why)?);
            }
            ("equals", "webhook_id") => {
                filter.webhook = Some(value.parse().map_err(|e| wrong(format!("{value}: {e}")))?);
            }
            ("equals", "event_id") => {
                filter.event = Some(value.parse().map_err(|e| wrong(format!("{value}: {e}")))?);
            }
            (operator, field) => {
                return Err(wrong(format!(
                    "`{operator}({field},…)` is not known here; there are equals(state,…), \
                     equals(webhook_id,…) and equals(event_id,…)"
                )));
            }
        }
    }
    Ok(filter)
}

/// The delivery's resource object, with its attempts if `is_whole`.
pub(super) fn resource(call: &Call, delivery: &Delivery, is_whole: bool) -> Resource {
    let endpoint = call.parts().webhooks.get(delivery.webhook);
    let destination =
        endpoint.map(|endpoint| webhooks::shown_url(call, &endpoint.webhook.endpoint_url));
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
        "attempt_count": delivery.attempts.len(),
        "last_status": last.and_then(|attempt| attempt.outcome.status()),
        "last_error": last.and_then(|attempt| attempt.outcome.error()),
    }));
    if is_whole {
        let attempts: Vec<Value> = delivery.attempts.iter().map(attempts::attempt).collect();
        shown.insert("attempts".to_owned(), attempts.into());
    }
    let event = delivery.event().to_string();
    Resource {
        kind: "delivery",
        id: delivery.id.to_string(),
        attributes: shown,
        relationships: Some(json!({
            "webhook": { "data": { "type": "webhook", "id": delivery.webhook.to_string() } },
            "event": { "data": { "type": "event", "id": event } },
        })),
        path: format!("/api/deliveries/{}/", delivery.id),
    }
}
