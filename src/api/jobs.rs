//! Jobs on many people: imports, suppressions, subscriptions (contract: wire.md §4.5).
//!
//! The type of a job's resource is in its path, so the calls of all kinds are the same few handlers.

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, Reply};
use crate::id::JobId;
use crate::job::{self, ItemError, Job, Kind, Over};
use crate::jobs;
use crate::limits;

/// The header of the answers without a body that names the job.
pub(super) const JOB_ID: HeaderName = HeaderName::from_static("tidings-job-id");
const PAGE_DEFAULT: usize = 20;
const FIELDS: [&str; 9] = [
    "completed_at",
    "completed_count",
    "created_at",
    "expires_at",
    "failed_count",
    "id",
    "started_at",
    "status",
    "total_count",
];
const FIELDS_OF_SUPPRESSIONS: [&str; 7] = [
    "completed_at",
    "completed_count",
    "created_at",
    "id",
    "skipped_count",
    "status",
    "total_count",
];

/// `POST` of any kind: 202 once the job is on disk. Those of subscriptions have no body, as in the
/// original; the job is named in a header.
pub(super) async fn create(call: Call) -> Answer {
    let kind = kind(&call)?;
    let fields = call.query.fields(kind.name(), known(kind))?;
    let new = match kind {
        Kind::Import => jobs::parse_import(&call.body)?,
        Kind::Suppress | Kind::Unsuppress => jobs::parse_suppressions(&call.body, kind)?,
        Kind::Subscribe | Kind::Unsubscribe => {
            jobs::parse_subscriptions(&call.body, kind, call.parts().clock.now())?
        }
    };
    let made = call.parts().store.commit(move |tx| new.create(tx)).await?;
    let mut reply = match kind {
        Kind::Subscribe | Kind::Unsubscribe => Reply::empty(StatusCode::ACCEPTED),
        _ => {
            let data = resource(&call, &made).to_bytes(call.base(), fields.as_deref());
            jsonapi::one(&call, StatusCode::ACCEPTED, &data, &[])
        }
    };
    if let Ok(id) = HeaderValue::try_from(made.id.to_string()) {
        reply.headers.insert(JOB_ID, id);
    }
    Ok(reply)
}

/// `GET` of the jobs of any kind, newest first.
pub(super) async fn list(call: Call) -> Answer {
    let kind = kind(&call)?;
    let fields = call.query.fields(kind.name(), known(kind))?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::JOBS_PAGE_MAX)?;
    let before: Option<JobId> = cursor(&call)?;
    let mut found = job::page(&call.parts().store.snapshot()?, kind, before, size + 1)?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let data: Vec<_> = found
        .iter()
        .map(|job| resource(&call, job).to_bytes(call.base(), fields.as_deref()))
        .collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET` of one job of any kind.
pub(super) async fn get(call: Call) -> Answer {
    let fields = call.query.fields(kind(&call)?.name(), known(kind(&call)?))?;
    let found = find(&call)?;
    let data = resource(&call, &found).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// `GET` of what was wrong with people of a job.
pub(super) async fn errors(call: Call) -> Answer {
    let size = call.query.page_size(PAGE_DEFAULT, limits::JOBS_PAGE_MAX)?;
    let after: Option<u32> = cursor(&call)?;
    let job = find(&call)?;
    let mut found = job::errors(&call.parts().store.snapshot()?, job.id, after, size + 1)?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.number.to_string());
    let data: Vec<_> =
        found.iter().map(|error| error_resource(&job, error).to_bytes(call.base(), None)).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

fn cursor<T: std::str::FromStr>(call: &Call) -> Result<Option<T>, Problem> {
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)
}

/// The kind that the path names.
fn kind(call: &Call) -> Result<Kind, Problem> {
    let plural = call.path.split('/').nth(2).unwrap_or_default();
    let found = Kind::ALL.into_iter().find(|kind| plural.strip_suffix('s') == Some(kind.name()));
    found.ok_or_else(|| Problem::not_found(format!("There is nothing at {}.", call.path)))
}

const fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Suppress | Kind::Unsuppress => &FIELDS_OF_SUPPRESSIONS,
        _ => &FIELDS,
    }
}

fn find(call: &Call) -> Result<Job, Problem> {
    let kind = kind(call)?;
    let missing = || Problem::not_found(format!("No {} {}.", kind.name(), call.id));
    let id = call.id.parse().map_err(|_| missing())?;
    let found = job::get(&call.parts().store.snapshot()?, id)?;
    found.filter(|job| job.task.kind == kind).ok_or_else(missing)
}

fn resource(call: &Call, job: &Job) -> Resource {
    let kind = job.task.kind;
    let counts = job.counts;
    let mut shown = attributes(json!({
        "status": job.status.name(),
        "created_at": job.id.created().rfc3339_seconds(),
        "total_count": counts.total,
        "completed_count": counts.completed,
        "completed_at": job.finished.map(|at| at.rfc3339_seconds()),
    }));
    match kind {
        Kind::Suppress | Kind::Unsuppress => {
            shown.insert("skipped_count".to_owned(), counts.skipped.into());
        }
        _ => {
            let started = job.started.map(|at| at.rfc3339_seconds());
            shown.insert("failed_count".to_owned(), counts.failed.into());
            shown.insert("started_at".to_owned(), started.into());
            // It is kept until a thousand later ones are finished, not until a moment.
            shown.insert("expires_at".to_owned(), Value::Null);
        }
    }
    Resource {
        kind: kind.name(),
        id: job.id.to_string(),
        attributes: shown,
        relationships: Some(relationships(call, job)),
        path: format!("/api/{}s/{}/", kind.name(), job.id),
    }
}

fn relationships(call: &Call, job: &Job) -> Value {
    let reference = |kind: &str, id: &str| json!({ "type": kind, "id": id });
    let mut shown = Map::new();
    let mut lists: Vec<Value> =
        job.task.lists.iter().map(|id| reference("list", id.as_str())).collect();
    match job.task.over {
        Some(Over::List(id)) => lists.push(reference("list", id.as_str())),
        Some(Over::Segment(id)) => {
            let data = json!([reference("segment", id.as_str())]);
            shown.insert("segments".to_owned(), json!({ "data": data }));
        }
        None => {}
    }
    shown.insert("lists".to_owned(), json!({ "data": lists }));
    if job.task.kind == Kind::Import {
        let link = format!("{}{}", call.base(), errors_path(job));
        shown.insert("import-errors".to_owned(), json!({ "links": { "related": link } }));
    }
    Value::Object(shown)
}

fn errors_path(job: &Job) -> String {
    let name = if job.task.kind == Kind::Import { "import-errors" } else { "errors" };
    format!("/api/{}s/{}/{name}/", job.task.kind.name(), job.id)
}

fn error_resource(job: &Job, error: &ItemError) -> Resource {
    let original = serde_json::from_str::<Value>(&error.original).unwrap_or_default();
    Resource {
        kind: "import-error",
        id: format!("{}.{}", job.id, error.number),
        attributes: attributes(json!({
            "code": "invalid",
            "title": "Invalid input.",
            "detail": error.detail,
            "source": { "pointer": error.pointer },
            "original_payload": original,
        })),
        relationships: None,
        path: errors_path(job),
    }
}
