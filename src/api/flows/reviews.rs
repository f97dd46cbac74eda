//! What waits for a person's approval, our own resource: an action of a run, by both their ids.

use serde_json::json;

use super::{Answer, Call, jsonapi, runs};
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::query::Known;
use crate::automation::ReviewError;
use crate::flow::run::{self, Review};
use crate::id::{ActionId, FlowId, ProfileId, RunId};
use crate::limits;

const FILTERS: &Known<'static> = &[("flow_id", &["equals"])];
const PAGE_DEFAULT: usize = 20;

/// `GET /api/flow-reviews`: of each flow, the oldest runs first.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let flow = flow(&call)?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::RUNS_PAGE_MAX)?;
    let after = call.query.cursor()?.map(|text| place(&text)).transpose()?;
    let snapshot = call.parts().store.snapshot()?;
    let mut found = run::reviews(&snapshot, flow, after, size + 1)?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more);
    let next = next.map(|last| format!("{} {} {}", last.flow, last.run, last.action));
    let mut data = Vec::with_capacity(found.len());
    for review in &found {
        let profile = run::get(&snapshot, review.run)?.map(|run| run.profile);
        data.push(resource(review, profile).to_bytes(call.base(), None));
    }
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `POST /api/flow-reviews/{id}/approve`: does it, with what is known now.
pub(in crate::api) async fn approve(call: Call) -> Answer {
    let (run, action) = find(&call)?;
    Ok(runs::answer(&call, &call.parts().automation.approve(run, action).await?))
}

/// `POST /api/flow-reviews/{id}/discard`: lets it be.
pub(in crate::api) async fn discard(call: Call) -> Answer {
    let (run, action) = find(&call)?;
    Ok(runs::answer(&call, &call.parts().automation.discard(run, action).await?))
}

/// The run and the action that the path names.
fn find(call: &Call) -> Result<(RunId, ActionId), Problem> {
    let parts = call.id.split_once('-');
    let ids = parts.and_then(|(run, action)| Some((run.parse().ok()?, action.parse().ok()?)));
    let wrong = || {
        let id = &call.id;
        Problem::bad_request(format!("`{id}`: the id of a review is RUN-ACTION, both their ids."))
    };
    let (run, action) = ids.ok_or_else(wrong)?;
    // Whoever asks in vain is told here, before anything is rendered.
    let snapshot = call.parts().store.snapshot()?;
    let found = run::get(&snapshot, run)?.ok_or(ReviewError::Unknown)?;
    run::review(&snapshot, &found, action)?.ok_or(ReviewError::Unknown)?;
    Ok((run, action))
}

fn flow(call: &Call) -> Result<Option<FlowId>, Problem> {
    let wrong = |why: String| Problem::parameter("filter", why);
    match call.query.filter(FILTERS)?.as_slice() {
        [] => Ok(None),
        [term] => {
            let text = term.text()?;
            text.parse().map(Some).map_err(|why| wrong(format!("`{text}`: {why}")))
        }
        _ => Err(wrong("`flow_id` stands twice; a review has only one".to_owned())),
    }
}

fn place(text: &str) -> Result<(FlowId, RunId, ActionId), Problem> {
    let mut parts = text.split(' ');
    let mut read = || {
        let place =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(place)
    };
    let wrong = || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    read().ok_or_else(wrong)
}

fn resource(review: &Review, profile: Option<ProfileId>) -> Resource {
    let Review { flow, run, action, queued } = *review;
    let id = format!("{run}-{action}");
    let to = |kind: &str, id: String| json!({ "data": { "type": kind, "id": id } });
    let profile = profile.map(|id| json!({ "type": "profile", "id": id.to_string() }));
    Resource {
        kind: "flow-review",
        attributes: attributes(json!({ "queued_at": queued.rfc3339_micros() })),
        relationships: Some(json!({
            "flow": to("flow", flow.to_string()),
            "flow-run": to("flow-run", run.to_string()),
            "flow-action": to("flow-action", action.to_string()),
            "profile": { "data": profile },
        })),
        path: format!("/api/flow-reviews/{id}/"),
        id,
    }
}
