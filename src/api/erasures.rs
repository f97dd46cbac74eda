//! Erasing people, and the receipts of it (contract: wire.md §4.5; the receipts are our own).

use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::error::Problem;
use super::jobs::JOB_ID;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, Reply};
use crate::clock::Timestamp;
use crate::erasure::{self, Erased, Erasure, ErasureError, JOB, Remaining, Status};
use crate::id::JobId;
use crate::limits;
use crate::store::StoreError;

const PAGE_DEFAULT: usize = 20;

/// `POST /api/data-privacy-deletion-jobs`: 202 once the erasure is on disk, without a body as in
/// the original; a header names it.
pub(super) async fn create(call: Call) -> Answer {
    let named = erasure::parse(&call.body)?;
    let made = call.parts().store.commit(move |tx| erasure::create(tx, named)).await?;
    let mut reply = Reply::empty(StatusCode::ACCEPTED);
    if let Ok(id) = HeaderValue::try_from(made.id.to_string()) {
        reply.headers.insert(JOB_ID, id);
    }
    Ok(reply)
}

/// `GET /api/data-privacy-deletion-jobs`: the newest first. To look for what is left of each would
/// take long, so that is in the answer for one alone.
pub(super) async fn list(call: Call) -> Answer {
    let size = call.query.page_size(PAGE_DEFAULT, limits::ERASURES_PAGE_MAX)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let before: Option<JobId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let snapshot = call.parts().store.snapshot()?;
    let mut found = erasure::page(&snapshot, before, size + 1)?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let mut data = Vec::with_capacity(found.len());
    for one in &found {
        data.push(resource(one, None).to_bytes(call.base(), None));
    }
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/data-privacy-deletion-jobs/{id}`: the receipt; what is left is looked for anew.
pub(super) async fn get(call: Call) -> Answer {
    let missing = || Problem::not_found(format!("No {JOB} {}.", call.id));
    let id: JobId = call.id.parse().map_err(|_| missing())?;
    let store = call.parts().store.clone();
    let looking = call.apart(move || {
        let snapshot = store.snapshot()?;
        let Some(found) = erasure::get(&snapshot, id)? else { return Ok(None) };
        let is_begun = found.status != Status::Queued;
        let left = is_begun.then(|| erasure::remaining(&snapshot, &found.trail)).transpose()?;
        Ok::<_, StoreError>(Some((found, left)))
    });
    let (found, left) = looking.await??.ok_or_else(missing)?;
    let data = resource(&found, left).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// The receipt, with what is `left` where that was looked for.
fn resource(erasure: &Erasure, left: Option<Remaining>) -> Resource {
    let digests: Vec<Value> = erasure
        .digests
        .iter()
        .map(|(kind, digest)| json!({ "kind": kind.name(), "sha256": hex(digest) }))
        .collect();
    let people: Vec<String> = erasure.trail.people.iter().map(ToString::to_string).collect();
    let mut shown = attributes(json!({
        "status": erasure.status.name(),
        "created_at": erasure.id.created().rfc3339_seconds(),
        "started_at": erasure.begun.map(Timestamp::rfc3339_seconds),
        "completed_at": erasure.finished.map(Timestamp::rfc3339_seconds),
        "profile_ids": people,
        "identifier_digests": digests,
        "erased": counts(erasure.erased),
    }));
    if let Some(Remaining { counts: left, traces }) = left {
        let mut left = counts(left);
        left["trace_count"] = traces.into();
        shown.insert("remaining".to_owned(), left);
    }
    Resource {
        kind: JOB,
        id: erasure.id.to_string(),
        attributes: shown,
        relationships: None,
        path: format!("/api/{JOB}s/{}/", erasure.id),
    }
}

fn counts(of: Erased) -> Value {
    json!({
        "profile_count": of.profiles,
        "membership_count": of.memberships,
        "event_count": of.events,
        "delivery_count": of.deliveries,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string can be written to");
        text
    })
}

impl From<ErasureError> for Problem {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::TooMany => Self::conflict(format!(
                "{} people wait to be erased; ask again when some of them are",
                limits::ERASURES_UNFINISHED_MAX
            )),
            ErasureError::Store(error) => error.into(),
        }
    }
}
