//! Segments (contract: wire.md §4.6). Their members are listed in `members.rs`.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::flows::triggers::{self, Beside, Of};
use super::groups::{self, Entry};
use super::jsonapi::{self, Resource, attributes};
use super::query::{Known, Term};
use super::{Answer, Call, Reply, members};
use crate::clock::Timestamp;
use crate::condition::At;
use crate::id::{GroupId, ProfileId};
use crate::json::Fault;
use crate::limits;
use crate::list;
use crate::membership;
use crate::person::Person;
use crate::profile;
use crate::segment::{self, Live, NewSegment, Segment, SegmentError, SegmentPatch};
use crate::store::{Read, Snapshot, StoreError};

pub(super) const FIELDS: [&str; 11] = [
    "created",
    "definition",
    "definition.condition_groups",
    "id",
    "is_active",
    "is_processing",
    "is_starred",
    "name",
    "profile_count",
    "progress",
    "updated",
];
/// What a listing is filtered by.
const FILTERS: &Known<'static> = &[
    ("name", &["equals", "any"]),
    ("id", &["equals", "any"]),
    ("created", &["greater-than"]),
    ("updated", &["greater-than"]),
    ("is_active", &["equals", "any"]),
    ("is_starred", &["equals"]),
];

/// `POST /api/segments`.
pub(super) async fn create(call: Call) -> Answer {
    let fields = fields(&call)?;
    let new = NewSegment::parse(&call.body)?;
    check_references(&call, new.definition())?;
    let (store, segments) = (&call.parts().store, call.parts().segments.clone());
    let people = profile::number(&store.snapshot()?)?;
    let made = store.commit(move |tx| segments.create(tx, new, people)).await?;
    let data = resource(&store.snapshot()?, call.base(), &made, false)?
        .to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::CREATED, &data, &[]))
}

/// `GET /api/segments`.
pub(super) async fn list(call: Call) -> Answer {
    let mut beside = Beside::groups(&call)?;
    let fields = fields(&call)?;
    let terms = call.query.filter(FILTERS)?;
    let mut wanted = Vec::new();
    for live in call.parts().segments.all() {
        let mut fits = true;
        for term in &terms {
            fits &= match term.field.as_str() {
                "is_active" => flags(term)?.contains(&live.segment.is_active),
                "is_starred" => term.boolean()? == live.segment.is_starred,
                _ => entry(&live).fits(term)?,
            };
        }
        wanted.extend(fits.then_some(live));
    }
    let (page, next) = groups::page(&call, wanted, entry)?;
    let snapshot = call.parts().store.snapshot()?;
    let mut data = Vec::with_capacity(page.len());
    for live in page {
        let mut resource = resource(&snapshot, call.base(), &live.segment, false)?;
        beside.add(&call, Of::Group(live.segment.id), &mut resource.relationships)?;
        data.push(resource.to_bytes(call.base(), fields.as_deref()));
    }
    Ok(jsonapi::many(&call, &data, &beside.included(), next.as_deref()))
}

/// `GET /api/segments/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let mut beside = Beside::groups(&call)?;
    let mut fields = fields(&call)?;
    let more = call.query.additional_fields("segment", &["profile_count"])?;
    let live = find(&call)?;
    let is_named = |fields: &Vec<&str>| fields.contains(&"profile_count");
    let counts = is_named(&more) || fields.as_ref().is_some_and(is_named);
    // What is asked for by its name in either way is shown.
    if let Some(shown) = &mut fields {
        shown.extend(more);
    }
    let snapshot = call.parts().store.snapshot()?;
    let mut resource = resource(&snapshot, call.base(), &live.segment, counts)?;
    beside.add(&call, Of::Group(live.segment.id), &mut resource.relationships)?;
    let data = resource.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &beside.included()))
}

/// `PATCH /api/segments/{id}`.
pub(super) async fn update(call: Call) -> Answer {
    let fields = fields(&call)?;
    let id = find(&call)?.segment.id;
    let patch = SegmentPatch::parse(&call.body, id.as_str())?;
    if let Some(definition) = patch.definition() {
        check_references(&call, definition)?;
    }
    let (store, segments) = (&call.parts().store, call.parts().segments.clone());
    let people = profile::number(&store.snapshot()?)?;
    let changed = store.commit(move |tx| segments.change(tx, id, patch, people)).await?;
    let resource = resource(&store.snapshot()?, call.base(), &changed, false)?;
    let data = resource.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `DELETE /api/segments/{id}`.
pub(super) async fn delete(call: Call) -> Answer {
    let (id, segments) = (find(&call)?.segment.id, call.parts().segments.clone());
    call.parts().store.commit(move |tx| segments.remove(tx, id)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /api/segments/{id}/profiles`.
pub(super) async fn profiles(call: Call) -> Answer {
    let id = find(&call)?.segment.id;
    members::profiles(call, id, members::FILTERS_OF_SEGMENTS).await
}

/// `GET /api/segments/{id}/relationships/profiles`.
pub(super) async fn profile_ids(call: Call) -> Answer {
    let id = find(&call)?.segment.id;
    members::ids(call, id, members::FILTERS_OF_SEGMENTS).await
}

/// `GET /api/segments/{id}/flow-triggers`.
pub(super) async fn flow_triggers(call: Call) -> Answer {
    triggers::list(&call, Of::Group(find(&call)?.segment.id))
}

/// `GET /api/segments/{id}/relationships/flow-triggers`.
pub(super) async fn flow_trigger_ids(call: Call) -> Answer {
    triggers::ids(&call, Of::Group(find(&call)?.segment.id))
}

/// `GET /api/segments/{id}/explanation`: why a person belongs to it or does not.
pub(super) async fn explain(call: Call) -> Answer {
    let live = find(&call)?;
    let terms = call.query.filter(&[("profile_id", &["equals"])])?;
    let [asked] = terms.as_slice() else {
        let why = "must name one person: equals(profile_id,\"…\")";
        return Err(Problem::parameter("filter", why));
    };
    let wrong = |why: String| Problem::parameter("filter", format!("profile_id: {why}"));
    let given: ProfileId = asked.text()?.parse().map_err(|why| wrong(format!("{why}")))?;
    let (store, parts) = (call.parts().store.clone(), call.parts());
    let at = At::in_zone(parts.clock.now(), parts.account.zone());
    let explained = call.apart(move || Explained::read(&store.snapshot()?, &live, given, &at));
    let explained = explained.await??.ok_or_else(|| wrong(format!("no profile {given}")))?;
    let data = explained.resource().to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// Why somebody belongs to a segment or does not.
struct Explained {
    segment: GroupId,
    profile: ProfileId,
    joined: Option<Timestamp>,
    holds: bool,
    until: Option<Timestamp>,
    groups: Value,
}

impl Explained {
    fn read(
        from: &Snapshot,
        live: &Live,
        profile: ProfileId,
        at: &At,
    ) -> Result<Option<Self>, StoreError> {
        let profile = profile::current(from, profile)?;
        let person = Person::new(from, profile);
        if !person.exists()? {
            return Ok(None);
        }
        let standing = live.filter.stand(&person, at);
        let groups = super::explanations::filter(&live.filter.explain(&person, at));
        person.checked(())?;
        let segment = live.segment.id;
        Ok(Some(Self {
            segment,
            profile,
            joined: membership::joined(from, segment, profile)?,
            holds: standing.holds,
            until: standing.until,
            groups,
        }))
    }

    fn resource(&self) -> Resource {
        let profile = self.profile.to_string();
        Resource {
            kind: "segment-explanation",
            id: format!("{}-{profile}", self.segment),
            attributes: attributes(json!({
                "is_member": self.joined.is_some(),
                "joined_group_at": self.joined.map(Timestamp::rfc3339_seconds),
                "holds": self.holds,
                "holds_until": self.until.map(Timestamp::rfc3339_micros),
                "condition_groups": self.groups,
            })),
            relationships: Some(json!({
                "segment": { "data": { "type": "segment", "id": self.segment.as_str() } },
                "profile": { "data": { "type": "profile", "id": profile } },
            })),
            path: format!("/api/segments/{}/explanation/", self.segment),
        }
    }
}

/// The fields to show; whoever names a part of the definition sees all of it.
fn fields(call: &Call) -> Result<Option<Vec<&str>>, Problem> {
    let mut fields = call.query.fields("segment", &FIELDS)?;
    if let Some(shown) = &mut fields
        && shown.contains(&"definition.condition_groups")
    {
        shown.push("definition");
    }
    Ok(fields)
}

/// The segment that the path names.
fn find(call: &Call) -> Result<Arc<Live>, Problem> {
    let found = call.id.parse().ok().and_then(|id| call.parts().segments.get(id));
    found.ok_or_else(|| Problem::not_found(format!("No segment {}.", call.id)))
}

fn check_references(call: &Call, definition: &str) -> Result<(), Problem> {
    let parts = call.parts();
    let lists = list::all(&parts.store.snapshot()?)?;
    let has_group = |id| parts.segments.get(id).is_some() || lists.iter().any(|list| list.id == id);
    segment::check_references(definition, |id| parts.metrics.get(id).is_some(), has_group)?;
    Ok(())
}

/// The flags that a term names.
fn flags(term: &Term) -> Result<Vec<bool>, Problem> {
    let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::parameter(
            "filter",
            format!("is_active: `{text}` is neither true nor false"),
        )),
    };
    term.texts()?.into_iter().map(flag).collect()
}

fn entry(live: &Arc<Live>) -> Entry<'_> {
    let Segment { id, name, created, updated, .. } = &live.segment;
    Entry { id: *id, name, created: *created, updated: *updated }
}

/// The segment's resource object; with the number of its members where that is asked for.
pub(super) fn resource(
    from: &impl Read,
    base: &str,
    segment: &Segment,
    counts: bool,
) -> Result<Resource, StoreError> {
    let backfill = segment::backfill(from, segment.id)?;
    let definition: Value = serde_json::from_str(&segment.definition).unwrap_or_default();
    let mut shown = attributes(json!({
        "name": segment.name,
        "definition": definition,
        "created": segment.created.rfc3339_seconds(),
        "updated": segment.updated.rfc3339_seconds(),
        "is_active": segment.is_active,
        "is_processing": backfill.is_some(),
        "is_starred": segment.is_starred,
        "progress": backfill.map(|at| json!({
            "evaluated_count": at.evaluated,
            "total_count": at.total,
        })),
    }));
    if counts {
        let members = membership::count(from, segment.id)?;
        shown.insert("profile_count".to_owned(), members.into());
    }
    let at = format!("{base}/api/segments/{}", segment.id);
    Ok(Resource {
        kind: "segment",
        id: segment.id.to_string(),
        attributes: shown,
        relationships: Some(json!({
            "profiles": { "links": {
                "self": format!("{at}/relationships/profiles/"),
                "related": format!("{at}/profiles/"),
            } },
            "flow-triggers": triggers::links(&at),
        })),
        path: format!("/api/segments/{}/", segment.id),
    })
}

impl From<SegmentError> for Problem {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Unknown(id) => Self::not_found(format!("No segment {id}.")),
            SegmentError::TooMany => Self::invalid(Fault::new(
                "/data",
                format!("there are {} segments already", limits::SEGMENTS_MAX),
            )),
            SegmentError::Fault(fault) => fault.into(),
            SegmentError::Store(error) => error.into(),
        }
    }
}
