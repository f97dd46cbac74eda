//! The gate: what is refused before any handler looks at it.
//!
//! A page in a browser on this host can send requests to loopback; the check of `Host` keeps it
//! from reading answers through a name of its own (DNS rebinding). Bodies are bounded in size and
//! in time while they arrive.

use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header;
use hyper::http::request;

use super::auth::Peer;
use super::error::Problem;
use super::{MEDIA_TYPE, Parts};
use crate::limits;

/// Refuses a request that was addressed to a name that is not ours.
///
/// # Errors
/// 400 without a host, 421 with a wrong one.
pub(super) fn check_host(
    parts: &Parts,
    peer: Peer,
    request: &Request<Incoming>,
) -> Result<(), Problem> {
    if peer == Peer::Operator {
        return Ok(());
    }
    let given = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = given.or_else(|| request.uri().host()) else {
        return Err(Problem::bad_request("The Host header is missing."));
    };
    let name = without_port(host).to_ascii_lowercase();
    if is_local(&name) || parts.allowed_hosts.contains(&name) {
        return Ok(());
    }
    Err(Problem::misdirected(format!(
        "`{name}` is not a name of this daemon; add it to `allowed_hosts`, or set `public_url`."
    )))
}

/// The host without its port; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    if host.ends_with(']') {
        return host;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Names that a page of another origin can not have: `localhost`, and addresses, which no name
/// can be rebound to.
fn is_local(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || address.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a call takes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What is sent is not read.
    No,
    /// It may be left out, and then needs no media type.
    Maybe,
    /// It must be there.
    Yes,
}

/// Reads the body, if the route takes one.
///
/// # Errors
/// 415, 413 or 408.
pub(super) async fn read_body(
    head: &request::Parts,
    body: Incoming,
    wanted: Wanted,
) -> Result<Bytes, Problem> {
    let is_left_out = wanted == Wanted::Maybe && body.is_end_stream();
    if wanted == Wanted::No || is_left_out {
        return Ok(Bytes::new());
    }
    check_media_type(head)?;
    let declared = head.headers.get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok());
    let declared = declared.and_then(|n| n.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limits::REQUEST_BODY_BYTES_MAX as u64) {
        return Err(Problem::too_large());
    }
    let reading = Limited::new(body, limits::REQUEST_BODY_BYTES_MAX).collect();
    match tokio::time::timeout(limits::REQUEST_BODY_DEADLINE, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::too_large())
        }
        Ok(Err(_)) => Err(Problem::bad_request("The body ended before its length.")),
        Err(_) => Err(Problem::too_slow()),
    }
}

/// JSON by either of its two names; the official SDKs differ (contract: wire.md §5.1).
fn check_media_type(head: &request::Parts) -> Result<(), Problem> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|e| *e != "identity") {
        let detail = format!("A body with content-encoding `{encoding}` is not read.");
        return Err(Problem::unsupported_media_type(detail));
    }
    let given = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let is_json =
        [MEDIA_TYPE, "application/json"].iter().any(|known| essence.eq_ignore_ascii_case(known));
    if is_json {
        return Ok(());
    }
    Err(Problem::unsupported_media_type(format!(
        "The content type must be {MEDIA_TYPE} or application/json, not `{given}`."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart() {
        for (host, is_ours) in [
            ("localhost:4780", true),
            ("127.0.0.1", true),
            ("[::1]:4780", true),
            ("192.168.1.5:80", true),
            ("evil.example", false),
            ("localhost.evil.example:4780", false),
            ("", false),
        ] {
            assert_eq!(is_local(without_port(host)), is_ours, "{host}");
        }
    }
}
