//! The actions of flows: listed, read, changed, deleted.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::{of_changed_action, of_removed_action};
use super::resource::{FIELDS as FLOW_FIELDS, find as find_flow, resource as flow_resource};
use super::{Answer, Call, Reply, filter, id, jsonapi, messages, names, permit};
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::query::{Known, Term};
use crate::api::sorted::{self, Paging, Place, moment};
use crate::flow::{self, Action, ActionStatus, Flow, FlowError, FlowPatch, Live, run};
use crate::id::ActionId;
use crate::limits;
use crate::store::{Read, StoreError};

/// What `fields[flow-action]` may name: first the original's, then ours.
pub(super) const FIELDS: [&str; 5] = ["created", "definition", "id", "updated", "counts"];
const INCLUDE: [&str; 2] = ["flow", "flow-messages"];
const FILTERS: &Known<'static> = &[
    ("id", &["any"]),
    ("action_type", &["any", "equals"]),
    ("status", &["equals"]),
    ("created", filter::MOMENTS),
    ("updated", filter::MOMENTS),
];
const PAGING: Paging = Paging {
    sorts: &["created", "action_type", "id", "status", "updated"],
    most: limits::FLOWS_PAGE_MAX,
};

/// `GET /api/flows/{id}/flow-actions`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let fields = call.query.fields_or_parts("flow-action", &FIELDS)?;
    let flow = find_flow(&call)?;
    let (page, next) = page(&call, &flow)?;
    let snapshot = call.parts().store.snapshot()?;
    let mut data = Vec::with_capacity(page.len());
    for action in page {
        let resource = resource(&snapshot, call.base(), &flow, action)?;
        data.push(resource.to_bytes(call.base(), fields.as_deref()));
    }
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/flows/{id}/relationships/flow-actions`.
pub(in crate::api) async fn ids(call: Call) -> Answer {
    let flow = find_flow(&call)?;
    let (page, next) = page(&call, &flow)?;
    let data: Vec<_> = page.into_iter().map(|it| link(it.id).to_string().into_bytes()).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/flow-actions/{id}`.
pub(in crate::api) async fn get(call: Call) -> Answer {
    let (flow, id) = find(&call)?;
    answer(&call, &flow, id)
}

/// `PATCH /api/flow-actions/{id}`: its `definition` is one action, whole.
pub(in crate::api) async fn update(call: Call) -> Answer {
    let (flow, id) = find(&call)?;
    let place = flow.definition.actions.iter().position(|action| action.id == id);
    let before = &flow.definition;
    let definition = names::judged(&call, Some(before), |known| {
        flow::parse_action(&call.body, id, before, known)
    })?;
    permit(&call, &definition)?;
    let patch = FlowPatch { definition: Some(definition), ..FlowPatch::default() };
    let changed = call.parts().automation.change(&flow, patch).await;
    let changed = changed.map_err(|error| of_changed_action(error, place.unwrap_or_default()))?;
    answer(&call, &changed, id)
}

/// `DELETE /api/flow-actions/{id}`: those before it lead to where it led.
pub(in crate::api) async fn delete(call: Call) -> Answer {
    let (flow, id) = find(&call)?;
    let removed = call.parts().automation.remove_action(&flow, id).await;
    removed.map_err(|error| of_removed_action(error, id))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /api/flow-actions/{id}/flow`.
pub(in crate::api) async fn flow(call: Call) -> Answer {
    let fields = call.query.fields("flow", &FLOW_FIELDS)?;
    let (flow, _) = find(&call)?;
    let resource = flow_resource(&call.parts().store.snapshot()?, call.base(), &flow)?;
    let data = resource.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `GET /api/flow-actions/{id}/relationships/flow`.
pub(in crate::api) async fn flow_id(call: Call) -> Answer {
    let (flow, _) = find(&call)?;
    let data = json!({ "type": "flow", "id": flow.id.as_str() }).to_string();
    Ok(jsonapi::one(&call, StatusCode::OK, data.as_bytes(), &[]))
}

/// The action that the path names, with its flow.
pub(super) fn find(call: &Call) -> Result<(Live, ActionId), Problem> {
    let id: ActionId = id(&call.id)?;
    let flow = call.parts().automation.flows.of_action(id);
    Ok((flow.ok_or(FlowError::UnknownAction(id))?, id))
}

fn page<'f>(call: &Call, flow: &'f Flow) -> Result<(Vec<&'f Action>, Option<String>), Problem> {
    let terms = call.query.filter(FILTERS)?;
    let mut wanted = Vec::new();
    for action in &flow.definition.actions {
        let mut fits = true;
        for term in &terms {
            fits &= self::fits(flow, action, term)?;
        }
        wanted.extend(fits.then_some(action));
    }
    sorted::page(call, wanted, &PAGING, |action, sort| place(flow, action, sort))
}

/// The type as filters have it: `SEND_WEBHOOK` (contract: wire.md §2.6).
fn filtered_type(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

fn status(action: &Action) -> &'static str {
    action.step.status().map_or("", ActionStatus::name)
}

fn fits(flow: &Flow, action: &Action, term: &Term) -> Result<bool, Problem> {
    match term.field.as_str() {
        "id" => Ok(term.texts()?.contains(&action.id.to_string().as_str())),
        "action_type" => {
            let own = filtered_type(action.step.type_name());
            let given = if term.operator == "any" { term.texts()? } else { vec![term.text()?] };
            Ok(given.into_iter().any(|given| filtered_type(given) == own))
        }
        "status" => filter::text(status(action), term),
        "created" => filter::moment(flow.created, term),
        _ => filter::moment(flow.updated, term),
    }
}

fn place(flow: &Flow, action: &Action, sort: &str) -> Place {
    let key = match sort {
        "action_type" => filtered_type(action.step.type_name()),
        "status" => status(action).to_owned(),
        "created" => moment(flow.created),
        "updated" => moment(flow.updated),
        _ => String::new(),
    };
    (key, format!("{:020}", action.id.as_u64()))
}

fn answer(call: &Call, flow: &Flow, id: ActionId) -> Answer {
    let fields = call.query.fields_or_parts("flow-action", &FIELDS)?;
    let flow_fields = call.query.fields("flow", &FLOW_FIELDS)?;
    let message_fields = call.query.fields_or_parts("flow-message", &messages::FIELDS)?;
    let include = call.query.include(&INCLUDE)?;
    let action = flow.definition.action(id).ok_or(FlowError::UnknownAction(id))?;
    let snapshot = call.parts().store.snapshot()?;
    let mut included = Vec::new();
    if include.contains(&"flow") {
        let flow = flow_resource(&snapshot, call.base(), flow)?;
        included.push(flow.to_bytes(call.base(), flow_fields.as_deref()));
    }
    if include.contains(&"flow-messages")
        && let Some(message) = messages::resource(call.base(), flow, action)
    {
        included.push(message.to_bytes(call.base(), message_fields.as_deref()));
    }
    let data = resource(&snapshot, call.base(), flow, action)?;
    let data = data.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(call, StatusCode::OK, &data, &included))
}

/// An action by its type and id.
fn link(id: ActionId) -> Value {
    json!({ "type": "flow-action", "id": id.to_string() })
}

/// The actions of a flow by their types and ids.
pub(super) fn linked(flow: &Flow) -> Vec<Value> {
    flow.definition.actions.iter().map(|action| link(action.id)).collect()
}

/// The action's resource object.
pub(super) fn resource(
    from: &impl Read,
    base: &str,
    flow: &Flow,
    action: &Action,
) -> Result<Resource, StoreError> {
    let counts = run::counts(from, flow.id, action.id)?;
    let at = format!("{base}/api/flow-actions/{}", action.id);
    let related = |to: &str, data: Value| {
        json!({ "data": data, "links": {
            "self": format!("{at}/relationships/{to}/"),
            "related": format!("{at}/{to}/"),
        } })
    };
    Ok(Resource {
        kind: "flow-action",
        id: action.id.to_string(),
        attributes: attributes(json!({
            "created": flow.created.rfc3339_seconds(),
            "updated": flow.updated.rfc3339_seconds(),
            "definition": action.to_json(),
            "counts": {
                "waiting": counts.waiting,
                "done": counts.done,
                "sent": counts.sent,
                "skipped": counts.skipped,
                "failed": counts.failed,
                "in_review": counts.in_review,
            },
        })),
        relationships: Some(json!({
            "flow": related("flow", json!({ "type": "flow", "id": flow.id.as_str() })),
            "flow-messages": related("flow-messages", messages::linked(action).into()),
        })),
        path: format!("/api/flow-actions/{}/", action.id),
    })
}
