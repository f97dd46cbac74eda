//! Attempts, and the requests that they sent, as deliveries and test sends show them.

use std::time::Duration;

use serde_json::{Value, json};

use super::Call;
use super::webhooks;
use crate::delivery::{self, Attempt, Sent};
use crate::egress::TlsVersion;

/// A duration as the API shows it: milliseconds, exact to the microsecond.
#[expect(clippy::cast_precision_loss, reason = "f64 counts the microseconds of 285 years")]
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// An attempt. What did not happen is null: a connection that was still open needs no look-up.
pub(super) fn attempt(attempt: &Attempt) -> Value {
    let detail = delivery::sentence(attempt);
    let error = attempt.outcome.error().map(|kind| json!({ "kind": kind, "detail": detail }));
    let trace = &attempt.trace;
    json!({
        "at": attempt.at.rfc3339_micros(),
        "duration_ms": ms(trace.total),
        "status": attempt.outcome.status(),
        "error": error,
        "summary": detail,
        "phases": {
            "queue_ms": ms(trace.queue),
            "dns_ms": trace.dns.map(ms),
            "connect_ms": trace.connect.map(ms),
            "tls_ms": trace.tls_handshake.map(ms),
            "first_byte_ms": trace.first_byte.map(ms),
        },
        "remote_address": trace.remote.map(|address| address.to_string()),
        "tls_version": trace.tls.map(TlsVersion::as_str),
        "request_bytes": attempt.body_bytes,
        "response_headers": attempt.response_head,
        "response_excerpt": attempt.excerpt,
    })
}

/// The request of an attempt, for the eyes of the caller.
pub(super) fn request(call: &Call, sent: Sent) -> Value {
    let shown = Sent { url: webhooks::shown_url(call, &sent.url), ..sent };
    let header = |(name, value): &(String, String)| json!({ "name": name, "value": value });
    json!({
        "method": shown.method,
        "url": shown.url,
        "headers": shown.headers.iter().map(header).collect::<Vec<_>>(),
        "body": String::from_utf8_lossy(&shown.body),
        "is_exact": shown.is_exact,
        "curl": shown.curl(),
    })
}
