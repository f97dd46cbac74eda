//! The request of an attempt: its headers, its body, and how both are shown to people.
//!
//! Body and headers follow the contract (wire.md §1.1): `meta` with its version and the true
//! time, `data` with an item for each event. Every attempt is stamped and signed anew, so that
//! receivers that check for freshness accept a retry; the message id and `external_id` never
//! change. Beside the original's headers stand those of Standard Webhooks and of the schemes that
//! the webhook asks for, and its own.
//!
//! A request that was rendered before has its body, its address and headers already: only what
//! proves where it comes from is put to it.
//!
//! What was sent is not stored with every attempt: it is made again from the event or the rendered
//! request, the moment of the attempt and the webhook, and a hash of the body tells whether it is
//! the same.

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use xxhash_rust::xxh3::xxh3_64;

use super::attempt::{API_VERSION, Sender};
use super::content::Content;
use super::policy::{self, Control};
use super::{Attempt, Outcome};
use crate::clock::Timestamp;
use crate::id::DeliveryId;
use crate::signing::{KLAVIYO_WEBHOOK_ID, Message};
use crate::webhook::{Auth, Endpoint};

/// Names the flow whose step sends a request (contract: wire.md §2.1).
const FLOW_ID: &str = "X-Klaviyo-Flow-ID";
const USER_AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));
/// What stands for a value that is not shown.
const MASK: &str = "*****";

/// What is sent: everything but where to.
pub(super) struct Outgoing {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What was sent, or would be sent now, as it may be shown: secret values are masked.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The headers, with the names as receivers know them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether the body is byte for byte what was sent.
    pub is_exact: bool,
    /// The names of headers that were rendered, as the whole body was: what they hold is about a
    /// person.
    pub rendered: Vec<String>,
}

impl Sent {
    /// The same for who may not see what was rendered: without the values of such headers.
    #[must_use]
    pub fn without_rendered(mut self) -> Self {
        for (name, value) in &mut self.headers {
            if self.rendered.iter().any(|one| one.eq_ignore_ascii_case(name)) {
                MASK.clone_into(value);
            }
        }
        self
    }

    /// A command line that sends the same.
    #[must_use]
    pub fn curl(&self) -> String {
        let mut command = format!("curl -i -X {} {}", self.method, quoted(&self.url));
        for (name, value) in &self.headers {
            command.push_str(" \\\n  -H ");
            command.push_str(&quoted(&format!("{name}: {value}")));
        }
        if !self.body.is_empty() {
            command.push_str(" \\\n  --data-binary ");
            command.push_str(&quoted(&String::from_utf8_lossy(&self.body)));
        }
        command
    }
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The request of an attempt of that moment; `token` is the bearer token where one was got.
pub(super) fn outgoing(
    sender: &Sender,
    id: DeliveryId,
    endpoint: &Endpoint,
    content: &Content,
    (at, token): (Timestamp, Option<&str>),
) -> Outgoing {
    let mut headers = HeaderMap::with_capacity(12);
    let settings = &endpoint.webhook.settings;
    let (body, rendered) = match content {
        Content::Events(data) => (body(sender, endpoint, data, at).into(), &[][..]),
        Content::Request(request) if settings.method.has_body() => {
            (Bytes::from(request.body.clone()), request.headers.as_slice())
        }
        Content::Request(request) => (Bytes::new(), request.headers.as_slice()),
    };
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    for (name, value) in &settings.headers {
        insert(&mut headers, name, value.expose());
    }
    for (name, value) in rendered {
        insert(&mut headers, name, value);
    }
    if let Some(value) = authorization(settings.auth.as_ref(), token)
        && let Ok(mut value) = HeaderValue::try_from(value)
    {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(flow) = endpoint.webhook.flow {
        insert(&mut headers, FLOW_ID, flow.as_str());
    }
    // Whoever verifies Klaviyo's signature looks for it.
    insert(&mut headers, KLAVIYO_WEBHOOK_ID, &endpoint.webhook.id.to_string());
    let message = Message { id: &id.to_string(), at, body: &body };
    endpoint.signer(at).sign(endpoint.schemes, &message, &mut headers);
    Outgoing { headers, body }
}

/// Header text was checked when it was saved; what is none is left out.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
    {
        headers.insert(name, value);
    }
}

fn authorization(auth: Option<&Auth>, token: Option<&str>) -> Option<String> {
    use base64::Engine as _;
    match auth? {
        Auth::Basic { username, password } => {
            let both = format!("{username}:{}", password.expose());
            Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both)))
        }
        Auth::Bearer { token } => Some(format!("Bearer {}", token.expose())),
        Auth::OAuth2 { .. } => Some(format!("Bearer {}", token?)),
    }
}

fn body(sender: &Sender, endpoint: &Endpoint, data: &[u8], at: Timestamp) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + data.len());
    for part in [
        r#"{"meta":{"timestamp":""#,
        &at.rfc3339_micros(),
        r#"","klaviyo_webhook_id":""#,
        &endpoint.webhook.id.to_string(),
        r#"","klaviyo_account_id":""#,
        sender.account.as_str(),
        r#"","version":""#,
        API_VERSION,
        r#""},"data":"#,
    ] {
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(data);
    body.push(b'}');
    body
}

/// A hash that tells one body from another.
pub(super) fn hash(body: &[u8]) -> u64 {
    xxh3_64(body)
}

/// The request as it may be shown.
pub(super) fn shown(
    outgoing: Outgoing,
    endpoint: &Endpoint,
    content: &Content,
    sent: Option<&Attempt>,
) -> Sent {
    let settings = &endpoint.webhook.settings;
    let is_secret = |name: &HeaderName| {
        *name == header::AUTHORIZATION
            || settings.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name.as_str()))
    };
    let value = |name: &HeaderName, value: &HeaderValue| {
        if is_secret(name) {
            return MASK.to_owned();
        }
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = &outgoing.headers;
    let (url, rendered) = match content {
        Content::Events(_) => (&endpoint.webhook.endpoint_url, &[][..]),
        Content::Request(request) => (&request.url, request.headers.as_slice()),
    };
    Sent {
        method: settings.method.name(),
        url: url.clone(),
        rendered: rendered.iter().map(|(name, _)| name.clone()).collect(),
        headers: headers.iter().map(|(name, of)| (name.to_string(), value(name, of))).collect(),
        is_exact: sent.is_none_or(|attempt| attempt.body_hash == hash(&outgoing.body)),
        body: outgoing.body,
    }
}

/// What came of an attempt, as one plain sentence.
#[must_use]
pub fn sentence(attempt: &Attempt) -> String {
    let after = format!("after {}", told(attempt.trace.total));
    match &attempt.outcome {
        Outcome::Answered(status) => {
            let reason =
                StatusCode::from_u16(*status).ok().and_then(|code| code.canonical_reason());
            let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
            let meaning = match status {
                200..=299 => "the endpoint took it",
                300..=399 => "redirects are not followed; set the address it points to",
                410 => "the endpoint is gone for good",
                429 | 503 => "the endpoint asks for less",
                401 | 403 | 407 => "the endpoint does not accept our credentials",
                404 => "there is nothing at that address",
                500.. => "the endpoint failed",
                _ => "the endpoint refused it",
            };
            let wish = match asked(attempt) {
                Some(Control::Abort) => ", and asked for no more of this (webhook-delivery: abort)",
                Some(Control::Disable) => ", and asked for no more (webhook-delivery: disable)",
                None => "",
            };
            format!("answered {status}{reason} {after}: {meaning}{wish}")
        }
        Outcome::Failed { detail, .. } => format!("{detail} ({after})"),
        Outcome::NoToken { detail } => format!("nothing was sent: {detail}"),
        Outcome::Gone => {
            "nothing was sent: its webhook was deleted, or its flow action, or its event is not \
             stored any more"
                .into()
        }
        Outcome::Unwanted => "nothing was sent: it belonged to a backlog that was skipped".into(),
        Outcome::Unreadable { detail } => {
            format!("nothing was sent: the event can not be read: {detail}")
        }
        Outcome::Unrendered { detail } => format!("nothing was sent: {detail}"),
    }
}

/// What the receiver asked for beside its status, as far as the head of its answer is kept.
fn asked(attempt: &Attempt) -> Option<Control> {
    let mut lines = attempt.response_head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| *name == policy::CONTROL_HEADER).and_then(|(_, it)| policy::control(it))
}

fn told(duration: std::time::Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 1_000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Trace;

    #[test]
    fn a_curl_command_survives_quotes() {
        let sent = Sent {
            method: "POST",
            url: "https://h.example/a?b=c&d".to_owned(),
            headers: vec![("x".to_owned(), "y".to_owned())],
            body: Bytes::from_static(br#"{"a":"it's"}"#),
            is_exact: true,
            rendered: Vec::new(),
        };
        let expected = "curl -i -X POST 'https://h.example/a?b=c&d' \\\n  -H 'x: y' \\\n  \
                        --data-binary '{\"a\":\"it'\\''s\"}'";
        assert_eq!(sent.curl(), expected);
    }

    #[test]
    fn an_attempt_is_told_in_a_sentence() {
        let answered = |outcome, head: &str| {
            let trace =
                Trace { total: std::time::Duration::from_millis(1_234), ..Trace::default() };
            sentence(&Attempt {
                at: Timestamp::EPOCH,
                outcome,
                trace,
                body_bytes: 0,
                body_hash: 0,
                response_head: head.to_owned(),
                excerpt: String::new(),
            })
        };
        let told = |outcome| answered(outcome, "");
        assert_eq!(
            told(Outcome::Answered(503)),
            "answered 503 Service Unavailable after 1.2 s: the endpoint asks for less"
        );
        assert!(told(Outcome::Answered(599)).starts_with("answered 599 after 1.2 s"));
        assert!(told(Outcome::Gone).contains("deleted"));
        assert_eq!(
            answered(Outcome::Answered(400), "date: x\nwebhook-delivery: abort\n"),
            "answered 400 Bad Request after 1.2 s: the endpoint refused it, and asked for no more \
             of this (webhook-delivery: abort)"
        );
        assert!(
            !answered(Outcome::Answered(400), "x: webhook-delivery: abort\n").contains("asked")
        );
    }
}
