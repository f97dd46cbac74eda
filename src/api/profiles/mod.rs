//! Profiles: make, bring up to date, change, merge, get and list (contract: wire.md §4.5).
//!
//! `view.rs` has what a read shows, also where a person stands beside an event or in a group;
//! `list.rs` the listing, with what `suppressed.rs` knows of who is held back; `groups.rs` the
//! lists and segments of a person.

mod groups;
mod list;
mod refused;
mod suppressed;
mod view;

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use self::groups::Included;
pub(super) use self::groups::{list_ids, lists, segment_ids, segments};
pub(super) use self::list::list;
pub(super) use self::view::Asked;
use super::error::Problem;
use super::{Answer, Call, jsonapi};
use crate::id::ProfileId;
use crate::people::{Merge, PeopleError};
use crate::profile::{self, ChangeError, Profile, ProfilePatch};

/// `GET /api/profiles/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let asked = Asked::of(&call)?;
    let wanted = Included::asked(&call)?;
    let found = find(&call, id(&call)?)?;
    let included = wanted.of(&call, found.id)?;
    let asked = asked.with(included.linked);
    answer(&call, StatusCode::OK, asked, (found, &included.resources)).await
}

/// `POST /api/profiles`: 201, or 409 with the id of who has one of the identifiers.
pub(super) async fn create(call: Call) -> Answer {
    let asked = Asked::of(&call)?;
    let made = call.parts().people.create(ProfilePatch::of_new(&call.body)?).await?;
    answer(&call, StatusCode::CREATED, asked, (made, &[])).await
}

/// `POST /api/profile-import`: 201 for somebody new, 200 for somebody known.
pub(super) async fn import(call: Call) -> Answer {
    let asked = Asked::of(&call)?;
    let patch = ProfilePatch::of_import(&call.body)?;
    let done = call.parts().people.upsert(patch).await;
    let (profile, is_new) = done.map_err(|error| match error {
        PeopleError::Change(ChangeError::Unknown(_)) => Problem::from(error).pointing("/data/id"),
        error => error.into(),
    })?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    answer(&call, status, asked, (profile, &[])).await
}

/// `PATCH /api/profiles/{id}`.
pub(super) async fn update(call: Call) -> Answer {
    let asked = Asked::of(&call)?;
    let id = id(&call)?;
    let patch = ProfilePatch::of_update(&call.body, id)?;
    let changed = call.parts().people.update(id, patch).await?;
    answer(&call, StatusCode::OK, asked, (changed, &[])).await
}

/// `POST /api/profile-merge`: who stays, by their id alone.
pub(super) async fn merge(call: Call) -> Answer {
    call.query.fields("profile", &["id"])?;
    let merge = Merge::parse(&call.body)?;
    let id = merge.into;
    call.parts().people.merge(merge).await?;
    let link = format!("{}/api/profiles/{id}/", call.base());
    let data = json!({ "type": "profile", "id": id.to_string(), "links": { "self": link } });
    Ok(jsonapi::one(&call, StatusCode::CREATED, data.to_string().as_bytes(), &[]))
}

async fn answer(
    call: &Call,
    status: StatusCode,
    asked: Asked,
    (profile, included): (Profile, &[Vec<u8>]),
) -> Answer {
    let (store, base) = (call.parts().store.clone(), Arc::clone(&call.parts().base_url));
    // When the person's last event was may take a look at the end of the log.
    let shape = move || asked.document(&store.snapshot()?, &base, &profile);
    let data = call.apart(shape).await??;
    Ok(jsonapi::one(call, status, &data, included))
}

fn id(call: &Call) -> Result<ProfileId, Problem> {
    call.id.parse().map_err(|_| Problem::not_found(format!("No profile {}.", call.id)))
}

/// The person of this id. The 404 of a former id names the present one.
fn find(call: &Call, id: ProfileId) -> Result<Profile, Problem> {
    let snapshot = call.parts().store.snapshot()?;
    if let Some(found) = profile::get(&snapshot, id)? {
        return Ok(found);
    }
    let now = profile::current(&snapshot, id)?;
    let why = if now == id { ChangeError::Unknown(id) } else { ChangeError::Merged(id, now) };
    Err(why.into())
}
