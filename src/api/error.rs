//! Refusals as the API says them: one JSON:API error object each (contract: wire.md §4.1).

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde_json::{Map, Value, json};
use tracing::error;

use super::Reply;
use crate::event::ReadError;
use crate::explanation::ExplainError;
use crate::id::ProfileId;
use crate::ingest::IngestError;
use crate::job::JobError;
use crate::json::Fault;
use crate::key::KeyError;
use crate::limits;
use crate::list::ListError;
use crate::replay::{ReplayError, WEBHOOK_AT};
use crate::store::StoreError;
use crate::subscriptions::MemberError;
use crate::trial::TrialError;
use crate::webhook::ChangeError;

/// What a request is refused with.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(super) status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Box<str>,
    source: Option<(&'static str, Box<str>)>,
    retry_after_seconds: Option<u64>,
    more: Option<Box<More>>,
}

/// What few problems have; boxed, so that all stay small.
#[derive(Debug)]
enum More {
    /// The methods that a path has.
    Allow(String),
    /// A member of the error's `meta`.
    Meta(&'static str, String),
}

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Box<str>>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            source: None,
            retry_after_seconds: None,
            more: None,
        }
    }

    /// 400, at a field of the body.
    pub(super) fn invalid(fault: Fault) -> Self {
        let pointer = if fault.pointer.is_empty() { "/data".to_owned() } else { fault.pointer };
        Self {
            source: Some(("pointer", pointer.into())),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid", "Invalid input.", fault.detail)
        }
    }

    /// 400, at a query parameter.
    pub(super) fn parameter(name: &str, detail: impl Into<Box<str>>) -> Self {
        Self {
            source: Some(("parameter", name.into())),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid", "Invalid input.", detail)
        }
    }

    /// 400, of the request as a whole.
    pub(super) fn bad_request(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", "Invalid input.", detail)
    }

    /// 401.
    pub(super) fn unauthenticated(detail: &str) -> Self {
        let title = "Incorrect authentication credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "authentication_failed", title, detail)
    }

    /// 403.
    pub(super) fn forbidden(detail: impl Into<Box<str>>) -> Self {
        let title = "You do not have permission to perform this action.";
        Self::new(StatusCode::FORBIDDEN, "permission_denied", title, detail)
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self {
            source: Some(("pointer", "/data/".into())),
            ..Self::new(StatusCode::NOT_FOUND, "not_found", "Not found.", detail)
        }
    }

    /// 405, with the methods that the path has.
    pub(super) fn method_not_allowed(method: &str, allow: &str) -> Self {
        let detail = format!("{method} is not allowed here; {allow} is.");
        Self {
            more: Some(Box::new(More::Allow(allow.to_owned()))),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed.",
                detail,
            )
        }
    }

    /// 408.
    pub(super) fn too_slow() -> Self {
        let seconds = limits::REQUEST_BODY_DEADLINE.as_secs();
        let detail = format!("The request's body did not arrive within {seconds} seconds.");
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "Request timeout.", detail)
    }

    /// 409.
    pub(super) fn conflict(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict.", detail)
    }

    /// 409: one of a person's identifiers belongs to another (contract: wire.md §4.5).
    pub(super) fn duplicate_profile(of: ProfileId) -> Self {
        let detail = "A profile already exists with one of these identifiers.";
        Self {
            source: Some(("pointer", "/data/attributes".into())),
            more: Some(Box::new(More::Meta("duplicate_profile_id", of.to_string()))),
            ..Self::new(StatusCode::CONFLICT, "duplicate_profile", "Conflict.", detail)
        }
    }

    /// The same, at another field of the body.
    pub(super) fn pointing(self, pointer: &str) -> Self {
        Self { source: Some(("pointer", pointer.into())), ..self }
    }

    /// 413.
    pub(super) fn too_large() -> Self {
        let detail = format!("A body has at most {} bytes.", limits::REQUEST_BODY_BYTES_MAX);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "Payload too large.", detail)
    }

    /// 415.
    pub(super) fn unsupported_media_type(detail: impl Into<Box<str>>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported media type.",
            detail,
        )
    }

    /// 421: the request was meant for another host.
    pub(super) fn misdirected(detail: impl Into<Box<str>>) -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected_request",
            "Misdirected request.",
            detail,
        )
    }

    /// 429.
    pub(super) fn throttled(seconds: u64) -> Self {
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let detail = format!("Request was throttled. Expected available in {seconds} {unit}.");
        Self {
            source: Some(("pointer", "/data".into())),
            retry_after_seconds: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "throttled",
                "Request was throttled.",
                detail,
            )
        }
    }

    /// 429: as many test sends as there may be are under way.
    pub(super) fn busy() -> Self {
        let (most, seconds) = (limits::TRIALS_AT_ONCE_MAX, limits::TRIAL_RETRY_AFTER_SECONDS);
        let detail = format!(
            "{most} test sends are under way, as many as there may be; try again in {seconds} \
             seconds."
        );
        Self { detail: detail.into(), ..Self::throttled(seconds) }
    }

    /// 503, with when to ask again.
    pub(super) fn unavailable(detail: impl Into<Box<str>>, seconds: u64) -> Self {
        let title = "Service unavailable.";
        Self {
            retry_after_seconds: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", title, detail)
        }
    }

    /// 500, whose cause was logged.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error.",
            "tidings failed; its log says why.",
        )
    }

    /// The reply that says so.
    pub(super) fn into_reply(self) -> Reply {
        let mut error = Map::new();
        error.insert("id".to_owned(), uuid4().into());
        error.insert("status".to_owned(), self.status.as_u16().into());
        error.insert("code".to_owned(), self.code.into());
        error.insert("title".to_owned(), self.title.into());
        error.insert("detail".to_owned(), String::from(self.detail).into());
        let source = self.source.map(|(kind, at)| json!({ kind: at })).unwrap_or(json!({}));
        error.insert("source".to_owned(), source);
        error.insert("links".to_owned(), json!({}));
        let meta = match self.more.as_deref() {
            Some(More::Meta(name, value)) => json!({ *name: value }),
            Some(More::Allow(_)) | None => json!({}),
        };
        error.insert("meta".to_owned(), meta);
        let mut reply = Reply::json(self.status, &json!({ "errors": [Value::Object(error)] }));
        if let Some(seconds) = self.retry_after_seconds {
            reply.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(More::Allow(allow)) = self.more.as_deref()
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            reply.headers.insert(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Klaviyo-API-Key");
            reply.headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        reply
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::invalid(fault)
    }
}

impl From<StoreError> for Problem {
    fn from(failure: StoreError) -> Self {
        match failure {
            StoreError::Full => Self {
                retry_after_seconds: Some(limits::FULL_RETRY_AFTER_SECONDS),
                ..Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "insufficient_storage",
                    "Insufficient storage.",
                    StoreError::Full.to_string(),
                )
            },
            StoreError::Stopped => {
                Self::unavailable("tidings is stopping; nothing of this request was stored.", 1)
            }
            failure => {
                error!(error = %failure, "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Behind => {
                let seconds = limits::EVENTS_BEHIND_RETRY_AFTER_SECONDS;
                let detail = format!(
                    "The index of events is being made, as once after an update from a version \
                     that had none; try again in {seconds} seconds."
                );
                Self::unavailable(detail, seconds)
            }
            ReadError::TooMany => Self::bad_request(
                "There are more events than one answer looks at: ask for a shorter time.",
            ),
            ReadError::Store(error) => error.into(),
        }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Fault(fault) => fault.into(),
            IngestError::Store(error) => error.into(),
        }
    }
}

impl From<TrialError> for Problem {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Busy => Self::busy(),
            TrialError::Fault(fault) => fault.into(),
            TrialError::Store(error) => error.into(),
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::NoEvent(id) => Self::not_found(format!("No event {id}.")),
            ExplainError::NoWebhook(id) => Self::parameter(
                "filter",
                format!("there is no webhook {id}, and none that was deleted got the event"),
            ),
            ExplainError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown(id) => Self::not_found(format!("No webhook {id}.")),
            ChangeError::TooMany => Self::invalid(Fault::new(
                "/data",
                format!("there are {} webhooks already", limits::WEBHOOKS_MAX),
            )),
            ChangeError::Fault(fault) => fault.into(),
            ChangeError::Overlap(id, expires) => Self::conflict(format!(
                "The secret was rotated before, and both are good until {}: wait, or end that first \
                 (`tidings webhook end-rotation {id}`, DELETE /api/webhooks/{id}/previous-secret).",
                expires.rfc3339_seconds()
            )),
            ChangeError::Meanwhile => {
                Self::conflict("The webhook was changed meanwhile: read it and try again.")
            }
            ChangeError::NoOverlap => Self::not_found("The webhook has no previous secret."),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Fault(fault) => fault.into(),
            ReplayError::Unknown(id) => Self::not_found(format!("No replay {id}.")),
            ReplayError::NoWebhook(id) => Self {
                source: Some(("pointer", WEBHOOK_AT.into())),
                ..Self::not_found(format!("No webhook {id}."))
            },
            ReplayError::WebhookOff(id) => Self::conflict(format!(
                "The webhook {id} is disabled and takes no deliveries: enable it first."
            )),
            ReplayError::TooMany => Self::conflict(format!(
                "There are {} replays that are not finished: cancel one, or wait.",
                limits::REPLAYS_UNFINISHED_MAX
            )),
            ReplayError::Finished(id, status) => Self::conflict(format!(
                "The replay {id} is {} for good; make a new one.",
                status.name()
            )),
            ReplayError::Store(error) => error.into(),
        }
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Unknown(id) => Self::not_found(format!("No list {id}.")),
            ListError::TooMany => Self::invalid(Fault::new(
                "/data",
                format!("there are {} lists already", limits::LISTS_MAX),
            )),
            ListError::Store(error) => error.into(),
        }
    }
}

impl From<MemberError> for Problem {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Unknown(place, id) => Self {
                source: Some(("pointer", format!("/data/{place}/id").into())),
                ..Self::not_found(format!("No profile {id}; nothing of the request was done."))
            },
            MemberError::Ingest(error) => error.into(),
        }
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        match error {
            JobError::TooMany => Self::conflict(format!(
                "There are {} jobs that wait: try again when some are done.",
                limits::JOBS_UNFINISHED_MAX
            )),
            JobError::NoGroup(at, id) => Self {
                source: Some(("pointer", at.into())),
                ..Self::not_found(format!("No list or segment {id}."))
            },
            JobError::Store(error) => error.into(),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown(id) => Self::not_found(format!("No key {id}.")),
            KeyError::TooMany => Self::invalid(Fault::new(
                "/data",
                format!("there are {} keys already", limits::KEYS_MAX),
            )),
            KeyError::Store(error) => error.into(),
        }
    }
}

/// A random UUID (RFC 9562 §5.4); all zeros where the system has no randomness.
fn uuid4() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [0; 16];
    }
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_contracts_shape() {
        let reply = Problem::invalid(Fault::new("/data/attributes/name", "is empty")).into_reply();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let error = &body["errors"][0];
        assert_eq!(error["status"], 400);
        assert_eq!(error["code"], "invalid");
        assert_eq!(error["title"], "Invalid input.");
        assert_eq!(error["source"]["pointer"], "/data/attributes/name");
        let id = error["id"].as_str().unwrap();
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'4'));
        assert_ne!(uuid4(), uuid4());
    }

    #[test]
    fn a_full_disk_asks_to_come_back() {
        let reply = Problem::from(StoreError::Full).into_reply();
        assert_eq!(reply.status, StatusCode::INSUFFICIENT_STORAGE);
        assert!(reply.headers.contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn an_index_that_is_behind_asks_to_come_back() {
        let reply = Problem::from(ReadError::Behind).into_reply();
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.headers.contains_key(header::RETRY_AFTER));
    }
}
