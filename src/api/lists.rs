//! Lists: made, read, changed, deleted, with their members (contract: wire.md §4.6).

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::flows::triggers::{self, Beside, Of};
use super::groups::{self, Entry};
use super::jsonapi::{self, Resource, attributes};
use super::query::Known;
use super::{Answer, Call, Reply, members};
use crate::id::GroupId;
use crate::list::{self, List, ListError, ListPatch, NewList};
use crate::membership;
use crate::store::{StoreError, Tx};
use crate::subscriptions::{self, MemberError, Members};

pub(super) const FIELDS: [&str; 6] =
    ["created", "id", "name", "opt_in_process", "profile_count", "updated"];
const FILTERS: &Known<'static> = &[
    ("name", &["equals", "any"]),
    ("id", &["equals", "any"]),
    ("created", &["greater-than"]),
    ("updated", &["greater-than"]),
];

/// `POST /api/lists`.
pub(super) async fn create(call: Call) -> Answer {
    let fields = call.query.fields("list", &FIELDS)?;
    let new = NewList::parse(&call.body)?;
    let made = call.parts().store.commit(move |tx| list::create(tx, new)).await?;
    Ok(answer(&call, StatusCode::CREATED, &resource(&call, &made, None), fields.as_deref()))
}

/// `GET /api/lists`.
pub(super) async fn list(call: Call) -> Answer {
    let mut beside = Beside::groups(&call)?;
    let fields = call.query.fields("list", &FIELDS)?;
    let terms = call.query.filter(FILTERS)?;
    let mut wanted = Vec::new();
    for list in list::all(&call.parts().store.snapshot()?)? {
        let mut fits = true;
        for term in &terms {
            fits &= entry(&list).fits(term)?;
        }
        wanted.extend(fits.then_some(list));
    }
    let (page, next) = groups::page(&call, wanted, entry)?;
    let mut data = Vec::with_capacity(page.len());
    for list in &page {
        let mut shown = resource(&call, list, None);
        beside.add(&call, Of::Group(list.id), &mut shown.relationships)?;
        data.push(shown.to_bytes(call.base(), fields.as_deref()));
    }
    Ok(jsonapi::many(&call, &data, &beside.included(), next.as_deref()))
}

fn entry(list: &List) -> Entry<'_> {
    Entry { id: list.id, name: &list.name, created: list.created, updated: list.updated }
}

/// `GET /api/lists/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let mut beside = Beside::groups(&call)?;
    let fields = call.query.fields("list", &FIELDS)?;
    let more = call.query.additional_fields("list", &["profile_count"])?;
    let found = find(&call)?;
    let is_counted = more.contains(&"profile_count")
        || fields.as_ref().is_some_and(|fields| fields.contains(&"profile_count"));
    let count = if is_counted {
        Some(membership::count(&call.parts().store.snapshot()?, found.id)?)
    } else {
        None
    };
    // What is asked for by its name in either way is shown.
    let mut shown = fields;
    if let Some(shown) = shown.as_mut() {
        shown.extend(more);
    }
    let mut list = resource(&call, &found, count);
    beside.add(&call, Of::Group(found.id), &mut list.relationships)?;
    let data = list.to_bytes(call.base(), shown.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &beside.included()))
}

/// `PATCH /api/lists/{id}`.
pub(super) async fn update(call: Call) -> Answer {
    let fields = call.query.fields("list", &FIELDS)?;
    let id = id(&call)?;
    let patch = ListPatch::parse(&call.body, id)?;
    let changed = call.parts().store.commit(move |tx| list::update(tx, id, patch)).await?;
    Ok(answer(&call, StatusCode::OK, &resource(&call, &changed, None), fields.as_deref()))
}

/// `DELETE /api/lists/{id}`: 204 at once; the members leave afterwards.
pub(super) async fn delete(call: Call) -> Answer {
    let id = id(&call)?;
    call.parts().store.commit(move |tx| list::remove(tx, id)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /api/lists/{id}/profiles`.
pub(super) async fn profiles(call: Call) -> Answer {
    let id = find(&call)?.id;
    members::profiles(call, id, members::FILTERS_OF_LISTS).await
}

/// `GET /api/lists/{id}/relationships/profiles`.
pub(super) async fn profile_ids(call: Call) -> Answer {
    let id = find(&call)?.id;
    members::ids(call, id, members::FILTERS_OF_LISTS).await
}

/// `POST /api/lists/{id}/relationships/profiles`: 204 once all of them are on it.
pub(super) async fn add_profiles(call: Call) -> Answer {
    let (list, members) = (find(&call)?, Members::parse(&call.body)?);
    let ingest = call.parts().ingest.clone();
    let add = move |tx: &mut Tx<'_, '_>| {
        let list = list::get(tx, list.id)?.ok_or(ListError::Unknown(list.id))?;
        subscriptions::add(tx, &ingest, &list, &members).map_err(Refused::Member)
    };
    call.parts().store.commit(add).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /api/lists/{id}/relationships/profiles`: 204 once none of them is.
pub(super) async fn remove_profiles(call: Call) -> Answer {
    let (list, members) = (find(&call)?, Members::parse(&call.body)?);
    let ingest = call.parts().ingest.clone();
    let remove = move |tx: &mut Tx<'_, '_>| {
        let list = list::get(tx, list.id)?.ok_or(ListError::Unknown(list.id))?;
        subscriptions::remove(tx, &ingest, &list, &members).map_err(Refused::Member)
    };
    call.parts().store.commit(remove).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /api/lists/{id}/flow-triggers`.
pub(super) async fn flow_triggers(call: Call) -> Answer {
    triggers::list(&call, Of::Group(find(&call)?.id))
}

/// `GET /api/lists/{id}/relationships/flow-triggers`.
pub(super) async fn flow_trigger_ids(call: Call) -> Answer {
    triggers::ids(&call, Of::Group(find(&call)?.id))
}

/// Why members were not changed: the list, or one of them.
enum Refused {
    List(ListError),
    Member(MemberError),
}

impl From<ListError> for Refused {
    fn from(error: ListError) -> Self {
        Self::List(error)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::List(error.into())
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::List(error) => error.into(),
            Refused::Member(error) => error.into(),
        }
    }
}

fn id(call: &Call) -> Result<GroupId, Problem> {
    call.id.parse().map_err(|_| Problem::not_found(format!("No list {}.", call.id)))
}

/// The list that the path names.
fn find(call: &Call) -> Result<List, Problem> {
    let id = id(call)?;
    Ok(list::get(&call.parts().store.snapshot()?, id)?.ok_or(ListError::Unknown(id))?)
}

fn answer(call: &Call, status: StatusCode, list: &Resource, fields: Option<&[&str]>) -> Reply {
    jsonapi::one(call, status, &list.to_bytes(call.base(), fields), &[])
}

/// The list's resource object; with the number of its members where that is given.
pub(super) fn resource(call: &Call, list: &List, count: Option<u64>) -> Resource {
    let mut shown = attributes(json!({
        "name": list.name,
        "created": list.created.rfc3339_seconds(),
        "updated": list.updated.rfc3339_seconds(),
        "opt_in_process": list.opt_in.name(),
    }));
    if let Some(count) = count {
        shown.insert("profile_count".to_owned(), count.into());
    }
    let at = format!("{}/api/lists/{}", call.base(), list.id);
    Resource {
        kind: "list",
        id: list.id.to_string(),
        attributes: shown,
        relationships: Some(json!({
            "profiles": { "links": {
                "self": format!("{at}/relationships/profiles/"),
                "related": format!("{at}/profiles/"),
            } },
            "flow-triggers": triggers::links(&at),
        })),
        path: format!("/api/lists/{}/", list.id),
    }
}
