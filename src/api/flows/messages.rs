//! The messages of actions: each webhook action has one, on the channel `webhook`. They are read
//! here; they are changed with their actions.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call, actions, filter, jsonapi};
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::query::{Known, Term};
use crate::api::sorted::{self, Paging, Place, moment};
use crate::flow::{Action, Flow, FlowError, Live, Step, WebhookStep, message_id};
use crate::id::ActionId;
use crate::limits;

/// What `fields[flow-message]` may name.
pub(super) const FIELDS: [&str; 5] = ["channel", "created", "definition", "id", "updated"];
/// A webhook's message has no template of its own, so including it adds none.
const INCLUDE: [&str; 2] = ["flow-action", "template"];
const TEMPLATE_FIELDS: [&str; 8] =
    ["amp", "created", "editor_type", "html", "id", "name", "text", "updated"];
const FILTERS: &Known<'static> = &[
    ("id", &["any"]),
    ("name", filter::TEXTS),
    ("created", filter::MOMENTS),
    ("updated", filter::MOMENTS),
];
const PAGING: Paging =
    Paging { sorts: &["created", "id", "name", "updated"], most: limits::FLOWS_PAGE_MAX };

/// `GET /api/flow-actions/{id}/flow-messages`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let fields = call.query.fields_or_parts("flow-message", &FIELDS)?;
    let (flow, id) = actions::find(&call)?;
    let action = flow.definition.action(id).ok_or(FlowError::UnknownAction(id))?;
    let (page, next) = page(&call, &flow, action)?;
    let resources = page.into_iter().filter_map(|_| resource(call.base(), &flow, action));
    let data: Vec<_> = resources.map(|one| one.to_bytes(call.base(), fields.as_deref())).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/flow-actions/{id}/relationships/flow-messages`.
pub(in crate::api) async fn ids(call: Call) -> Answer {
    let (flow, id) = actions::find(&call)?;
    let action = flow.definition.action(id).ok_or(FlowError::UnknownAction(id))?;
    let (page, next) = page(&call, &flow, action)?;
    let data: Vec<_> = page.iter().map(|_| link(id).to_string().into_bytes()).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/flow-messages/{id}`.
pub(in crate::api) async fn get(call: Call) -> Answer {
    let fields = call.query.fields_or_parts("flow-message", &FIELDS)?;
    let action_fields = call.query.fields_or_parts("flow-action", &actions::FIELDS)?;
    call.query.fields("template", &TEMPLATE_FIELDS)?;
    let include = call.query.include(&INCLUDE)?;
    let (flow, id) = find(&call)?;
    let action = flow.definition.action(id).ok_or(FlowError::UnknownAction(id))?;
    let mut included = Vec::new();
    if include.contains(&"flow-action") {
        let snapshot = call.parts().store.snapshot()?;
        let action = actions::resource(&snapshot, call.base(), &flow, action)?;
        included.push(action.to_bytes(call.base(), action_fields.as_deref()));
    }
    let message = resource(call.base(), &flow, action).ok_or_else(|| missing(&call.id))?;
    let data = message.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &included))
}

/// `GET /api/flow-messages/{id}/flow-action`.
pub(in crate::api) async fn action(call: Call) -> Answer {
    let fields = call.query.fields_or_parts("flow-action", &actions::FIELDS)?;
    let (flow, id) = find(&call)?;
    let action = flow.definition.action(id).ok_or(FlowError::UnknownAction(id))?;
    let snapshot = call.parts().store.snapshot()?;
    let resource = actions::resource(&snapshot, call.base(), &flow, action)?;
    let data = resource.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `GET /api/flow-messages/{id}/relationships/flow-action`.
pub(in crate::api) async fn action_id(call: Call) -> Answer {
    let (_, id) = find(&call)?;
    let data = json!({ "type": "flow-action", "id": id.to_string() }).to_string();
    Ok(jsonapi::one(&call, StatusCode::OK, data.as_bytes(), &[]))
}

/// The flow and the action of the message that the path names.
fn find(call: &Call) -> Result<(Live, ActionId), Problem> {
    let id = &call.id;
    if id.len() != message_id(ActionId::from_u64(0)).len()
        || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        let why = format!("`{id}`: a flow message id is 6 letters and digits.");
        return Err(Problem::bad_request(why));
    }
    let found = call.parts().automation.flows.of_message(id);
    // Every action has such an id, and those that send nothing have no message.
    let found = found.filter(|(flow, id)| {
        flow.definition.action(*id).is_some_and(|action| webhook(action).is_some())
    });
    found.ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Problem {
    Problem::not_found(format!("No flow message {id}."))
}

/// The webhook of an action that sends one.
pub(super) fn webhook(action: &Action) -> Option<&std::sync::Arc<WebhookStep>> {
    match &action.step {
        Step::SendWebhook { webhook, .. } => Some(webhook),
        _ => None,
    }
}

/// The messages of an action that the query asks for: one or none.
fn page<'f>(
    call: &Call,
    flow: &Flow,
    action: &'f Action,
) -> Result<(Vec<&'f WebhookStep>, Option<String>), Problem> {
    let terms = call.query.filter(FILTERS)?;
    let mut wanted = Vec::new();
    if let Some(message) = webhook(action) {
        let mut fits = true;
        for term in &terms {
            fits &= self::fits(flow, (action.id, message), term)?;
        }
        wanted.extend(fits.then_some(&**message));
    }
    sorted::page(call, wanted, &PAGING, |message, sort| place(flow, (action.id, message), sort))
}

fn name(message: &WebhookStep) -> &str {
    message.name.as_deref().unwrap_or_default()
}

fn fits(
    flow: &Flow,
    (id, message): (ActionId, &WebhookStep),
    term: &Term,
) -> Result<bool, Problem> {
    match term.field.as_str() {
        "id" => Ok(term.texts()?.contains(&message_id(id).as_str())),
        "name" => filter::text(name(message), term),
        "created" => filter::moment(flow.created, term),
        _ => filter::moment(flow.updated, term),
    }
}

fn place(flow: &Flow, (id, message): (ActionId, &WebhookStep), sort: &str) -> Place {
    let key = match sort {
        "name" => name(message).to_owned(),
        "created" => moment(flow.created),
        "updated" => moment(flow.updated),
        _ => String::new(),
    };
    (key, message_id(id))
}

fn link(action: ActionId) -> Value {
    json!({ "type": "flow-message", "id": message_id(action) })
}

/// The messages of an action by their types and ids.
pub(super) fn linked(action: &Action) -> Vec<Value> {
    webhook(action).map(|_| link(action.id)).into_iter().collect()
}

/// The message's resource object, where the action has one.
pub(super) fn resource(base: &str, flow: &Flow, action: &Action) -> Option<Resource> {
    let message = webhook(action)?;
    let id = message_id(action.id);
    let at = format!("{base}/api/flow-messages/{id}");
    Some(Resource {
        kind: "flow-message",
        attributes: attributes(json!({
            "channel": "webhook",
            "created": flow.created.rfc3339_seconds(),
            "updated": flow.updated.rfc3339_seconds(),
            "definition": message.to_json(action.id, false),
        })),
        relationships: Some(json!({ "flow-action": {
            "data": { "type": "flow-action", "id": action.id.to_string() },
            "links": {
                "self": format!("{at}/relationships/flow-action/"),
                "related": format!("{at}/flow-action/"),
            },
        } })),
        path: format!("/api/flow-messages/{id}/"),
        id,
    })
}
