//! Profiles: get (contract: wire.md §4.5).

use hyper::StatusCode;

use super::error::Problem;
use super::{Answer, Call, jsonapi};
use crate::id::ProfileId;
use crate::profile;

pub(super) const FIELDS: [&str; 25] = [
    "anonymous_id",
    "created",
    "email",
    "external_id",
    "first_name",
    "id",
    "image",
    "last_name",
    "locale",
    "location",
    "location.address1",
    "location.address2",
    "location.city",
    "location.country",
    "location.ip",
    "location.latitude",
    "location.longitude",
    "location.region",
    "location.timezone",
    "location.zip",
    "organization",
    "phone_number",
    "properties",
    "title",
    "updated",
];
/// `GET /api/profiles/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let fields = call.query.fields("profile", &FIELDS)?;
    let missing = || Problem::not_found(format!("No profile {}.", call.id));
    let id: ProfileId = call.id.parse().map_err(|_| missing())?;
    let profile = profile::get(&call.parts().store.snapshot()?, id)?.ok_or_else(missing)?;
    let data = profile.resource(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}
