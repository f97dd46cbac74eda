//! Flows: created, listed, read, changed, deleted.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call, Reply, actions, filter, id, jsonapi, names, permit};
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::query::{Known, Term};
use crate::api::sorted::{self, Paging, Place, moment};
use crate::flow::{Flow, FlowError, FlowPatch, Live, NewFlow, run};
use crate::id::FlowId;
use crate::limits;
use crate::store::{Read, StoreError};

/// What `fields[flow]` may name: first the original's, then ours.
pub(in crate::api) const FIELDS: [&str; 9] = [
    "archived",
    "created",
    "definition",
    "id",
    "name",
    "status",
    "trigger_type",
    "updated",
    "counts",
];
/// Shown once, in the answer to the request that had it made.
const SECRET_KEY: &str = "secret_key";
const INCLUDE: [&str; 2] = ["flow-actions", "tags"];
const FILTERS: &Known<'static> = &[
    ("id", &["any"]),
    ("name", filter::TEXTS),
    ("status", &["equals"]),
    ("archived", &["equals"]),
    ("created", filter::MOMENTS),
    ("updated", filter::MOMENTS),
    ("trigger_type", &["equals"]),
];
const PAGING: Paging = Paging {
    sorts: &["created", "id", "name", "status", "trigger_type", "updated"],
    most: limits::FLOWS_PAGE_MAX,
};

/// `POST /api/flows`: always a draft, as in the original.
pub(in crate::api) async fn create(call: Call) -> Answer {
    let mut view = View::asked(&call)?;
    view.has_definition |= view.fields.is_none();
    let new = names::judged(&call, None, |known| NewFlow::parse(&call.body, known))?;
    permit(&call, &new.definition)?;
    let is_secret_made = new.secret.is_none();
    let made = call.parts().automation.create(new).await?;
    let mut resource = view.resource(&call.parts().store.snapshot()?, &call, &made)?;
    if is_secret_made {
        let text = made.secrets.current.expose();
        resource.attributes.insert(SECRET_KEY.to_owned(), text.into());
        // Whatever fields were asked for: it is shown this once.
        view.fields.iter_mut().for_each(|fields| fields.push(SECRET_KEY));
    }
    let data = resource.to_bytes(call.base(), view.fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::CREATED, &data, &[]))
}

/// `GET /api/flows`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let view = View::asked(&call)?;
    let terms = call.query.filter(FILTERS)?;
    let mut wanted = Vec::new();
    for flow in call.parts().automation.flows.all() {
        let mut fits = true;
        for term in &terms {
            fits &= self::fits(&flow, term)?;
        }
        wanted.extend(fits.then_some(flow));
    }
    let (page, next) = sorted::page(&call, wanted, &PAGING, |flow, sort| place(flow, sort))?;
    let snapshot = call.parts().store.snapshot()?;
    let (mut data, mut included) = (Vec::new(), Vec::new());
    for flow in &page {
        data.push(view.document(&snapshot, &call, flow)?);
        included.extend(view.included(&snapshot, &call, flow)?);
    }
    Ok(jsonapi::many(&call, &data, &included, next.as_deref()))
}

/// `GET /api/flows/{id}`.
pub(in crate::api) async fn get(call: Call) -> Answer {
    let view = View::asked(&call)?;
    let flow = find(&call)?;
    answer(&call, &view, &flow)
}

/// `PATCH /api/flows/{id}`: the original changes `status` alone.
pub(in crate::api) async fn update(call: Call) -> Answer {
    let view = View::asked(&call)?;
    let flow = find(&call)?;
    let parse = |known: &crate::flow::Known<'_>| FlowPatch::parse(&call.body, flow.id, known);
    let patch = names::judged(&call, Some(&flow.definition), parse)?;
    patch.definition.as_ref().map_or(Ok(()), |definition| permit(&call, definition))?;
    let changed = call.parts().automation.change(&flow, patch).await?;
    answer(&call, &view, &changed)
}

/// `DELETE /api/flows/{id}`: 204 at once; the runs end a moment later.
pub(in crate::api) async fn delete(call: Call) -> Answer {
    call.parts().automation.remove(find(&call)?.id).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /api/flows/{id}/tags`, and `/relationships/tags`: there are no tags here, so none is shown.
pub(in crate::api) async fn tags(call: Call) -> Answer {
    find(&call)?;
    Ok(jsonapi::many(&call, &[], &[], None))
}

/// The flow that the path names.
pub(super) fn find(call: &Call) -> Result<Live, Problem> {
    let id: FlowId = id(&call.id)?;
    Ok(call.parts().automation.flows.get(id).ok_or(FlowError::Unknown(id))?)
}

fn answer(call: &Call, view: &View<'_>, flow: &Flow) -> Answer {
    let snapshot = call.parts().store.snapshot()?;
    let data = view.document(&snapshot, call, flow)?;
    let included = view.included(&snapshot, call, flow)?;
    Ok(jsonapi::one(call, StatusCode::OK, &data, &included))
}

fn fits(flow: &Flow, term: &Term) -> Result<bool, Problem> {
    match term.field.as_str() {
        "id" => Ok(term.texts()?.contains(&flow.id.as_str())),
        "name" => filter::text(&flow.name, term),
        "status" => filter::text(flow.status.name(), term),
        // What is deleted here is gone; nothing is put away.
        "archived" => Ok(!term.boolean()?),
        "trigger_type" => filter::text(flow.definition.trigger.type_name(), term),
        "created" => filter::moment(flow.created, term),
        _ => filter::moment(flow.updated, term),
    }
}

fn place(flow: &Flow, sort: &str) -> Place {
    let key = match sort {
        "name" => flow.name.clone(),
        "status" => flow.status.name().to_owned(),
        "trigger_type" => flow.definition.trigger.type_name().to_owned(),
        "created" => moment(flow.created),
        "updated" => moment(flow.updated),
        _ => String::new(),
    };
    (key, flow.id.to_string())
}

/// What an answer shows of flows.
struct View<'c> {
    fields: Option<Vec<&'c str>>,
    has_definition: bool,
    include: Vec<&'c str>,
    action_fields: Option<Vec<&'c str>>,
}

impl<'c> View<'c> {
    /// Reads it from the query.
    fn asked(call: &'c Call) -> Result<Self, Problem> {
        let mut fields = call.query.fields_or_parts("flow", &FIELDS)?;
        let more = call.query.additional_fields("flow", &["definition"])?;
        call.query.fields("tag", &["id", "name"])?;
        if let Some(shown) = &mut fields {
            // What is asked for by its name in either way is shown.
            shown.extend(&more);
        }
        let is_named = fields.as_ref().is_some_and(|fields| fields.contains(&"definition"));
        Ok(Self {
            has_definition: is_named || !more.is_empty(),
            fields,
            include: call.query.include(&INCLUDE)?,
            action_fields: call.query.fields_or_parts("flow-action", &actions::FIELDS)?,
        })
    }

    fn resource(&self, from: &impl Read, call: &Call, flow: &Flow) -> Result<Resource, StoreError> {
        let mut resource = resource(from, call.base(), flow)?;
        if self.has_definition {
            resource.attributes.insert("definition".to_owned(), flow.definition.to_json());
        }
        if let Some(related) = &mut resource.relationships {
            if self.include.contains(&"flow-actions") {
                related["flow-actions"]["data"] = actions::linked(flow).into();
            }
            if self.include.contains(&"tags") {
                related["tags"]["data"] = json!([]);
            }
        }
        Ok(resource)
    }

    fn document(&self, from: &impl Read, call: &Call, flow: &Flow) -> Result<Vec<u8>, StoreError> {
        Ok(self.resource(from, call, flow)?.to_bytes(call.base(), self.fields.as_deref()))
    }

    fn included(
        &self,
        from: &impl Read,
        call: &Call,
        flow: &Flow,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        if !self.include.contains(&"flow-actions") {
            return Ok(Vec::new());
        }
        let document = |action| {
            let resource = actions::resource(from, call.base(), flow, action)?;
            Ok(resource.to_bytes(call.base(), self.action_fields.as_deref()))
        };
        flow.definition.actions.iter().map(document).collect()
    }
}

/// The flow's resource object, without its definition.
pub(super) fn resource(from: &impl Read, base: &str, flow: &Flow) -> Result<Resource, StoreError> {
    let counts = run::of_flow(from, flow.id)?;
    let at = format!("{base}/api/flows/{}", flow.id);
    let links = |to: &str| -> Value {
        json!({ "links": {
            "self": format!("{at}/relationships/{to}/"),
            "related": format!("{at}/{to}/"),
        } })
    };
    Ok(Resource {
        kind: "flow",
        id: flow.id.to_string(),
        attributes: attributes(json!({
            "name": flow.name,
            "status": flow.status.name(),
            "archived": false,
            "created": flow.created.rfc3339_seconds(),
            "updated": flow.updated.rfc3339_seconds(),
            "trigger_type": flow.definition.trigger.type_name(),
            "counts": { "entered": counts.done, "active": counts.waiting },
        })),
        relationships: Some(json!({
            "flow-actions": links("flow-actions"),
            "tags": links("tags"),
        })),
        path: format!("/api/flows/{}/", flow.id),
    })
}
