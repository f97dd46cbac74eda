//! Why a request got no response: a kind to count and decide by, a sentence to act on.
//!
//! Failures arrive as chains of foreign error types; this file is the only one that takes such
//! chains apart. Sentences name hosts and addresses, never a path, a query or a header.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io, iter};

use hyper_util::client::legacy;

use super::connect::ConnectError;
use super::destination::Destination;
use super::tls_failure;
use crate::limits::{
    RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX, RESPONSE_INTERIM_MAX,
    SEND_ERROR_DETAIL_BYTES_MAX,
};

/// Where a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendErrorKind {
    /// The policy forbids the address, the scheme or the method; nothing was sent.
    AddressRefused,
    /// The name could not be looked up.
    Resolve,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed, or the certificate is not acceptable.
    Tls,
    /// A time limit passed; the receiver may or may not have acted on the request.
    Timeout,
    /// The connection broke before a response, or what came was not HTTP.
    Protocol,
}

impl SendErrorKind {
    /// The name in rows, logs and metrics; never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressRefused => "address_refused",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        }
    }
}

/// A request that got no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Where it failed.
    pub kind: SendErrorKind,
    /// One sentence for the operator; at most [`SEND_ERROR_DETAIL_BYTES_MAX`] bytes of printable
    /// text, without secrets.
    pub detail: String,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for SendError {}

impl SendError {
    pub(super) fn new(kind: SendErrorKind, detail: &str) -> Self {
        let mut clean: String = detail.chars().filter(|c| !c.is_control()).collect();
        clean.truncate(clean.floor_char_boundary(SEND_ERROR_DETAIL_BYTES_MAX));
        Self { kind, detail: clean }
    }

    /// The deadline passed while `doing`, as in "waiting for the response head of".
    pub(super) fn late(deadline: Duration, doing: &str, to: &Destination) -> Self {
        let (seconds, origin) = (deadline.as_secs_f32(), to.origin());
        let detail = format!("timed out after {seconds} s while {doing} {origin}");
        Self::new(SendErrorKind::Timeout, &detail)
    }

    /// The receiver sends interim responses without end.
    pub(super) fn endless_interim(to: &Destination) -> Self {
        let detail = format!(
            "{} sent more than {RESPONSE_INTERIM_MAX} interim (1xx) responses",
            to.origin()
        );
        Self::new(SendErrorKind::Protocol, &detail)
    }

    /// The receiver left HTTP without being asked to.
    pub(super) fn switched(to: &Destination) -> Self {
        let detail = format!(
            "{} switched to another protocol (101) without being asked to; a webhook needs an \
             ordinary answer, such as 200",
            to.origin()
        );
        Self::new(SendErrorKind::Protocol, &detail)
    }

    /// Takes the client's error apart.
    pub(super) fn classify(error: &legacy::Error, to: &Destination) -> Self {
        if let Some(connect) = find::<ConnectError>(error) {
            return Self::of_connect(connect);
        }
        if let Some(failure) = find::<rustls::Error>(error) {
            return Self::new(SendErrorKind::Tls, &tls_failure::explain(failure, to.origin()));
        }
        // The outermost may only say that the request was taken back; the last one says why.
        let http = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>()).last();
        if let Some(failure) = http {
            return Self::of_http(failure, to);
        }
        let kind =
            if error.is_connect() { SendErrorKind::Connect } else { SendErrorKind::Protocol };
        Self::new(kind, &format!("the request to {} failed: {}", to.origin(), innermost(error)))
    }

    fn of_connect(error: &ConnectError) -> Self {
        let detail = error.to_string();
        match error {
            ConnectError::PlainHttp | ConnectError::Refused { .. } => {
                Self::new(SendErrorKind::AddressRefused, &detail)
            }
            ConnectError::Lookup { .. } | ConnectError::NoAddress { .. } => {
                Self::new(SendErrorKind::Resolve, &detail)
            }
            ConnectError::Dial { .. } => Self::new(SendErrorKind::Connect, &detail),
            ConnectError::TimedOut { .. } => Self::new(SendErrorKind::Timeout, &detail),
            ConnectError::Tls { host, cause } => {
                let told = match find::<rustls::Error>(cause.as_ref()) {
                    Some(failure) => tls_failure::explain(failure, host),
                    None if is_broken(cause.as_ref()) => {
                        format!("{host} broke the connection off in the TLS handshake")
                    }
                    None => detail,
                };
                Self::new(SendErrorKind::Tls, &told)
            }
        }
    }

    fn of_http(error: &hyper::Error, to: &Destination) -> Self {
        let origin = to.origin();
        let cause = innermost(error);
        let detail = if error.is_timeout() {
            let detail = format!("the connection to {origin} went silent");
            return Self::new(SendErrorKind::Timeout, &detail);
        } else if error.is_parse_too_large() {
            format!(
                "the response head of {origin} is larger than {RESPONSE_HEAD_BYTES_MAX} bytes \
                 or {RESPONSE_HEADERS_MAX} lines"
            )
        } else if error.is_parse() {
            format!("the answer of {origin} is not HTTP: {cause}")
        } else if error.is_incomplete_message() || find::<io::Error>(error).is_some() {
            format!("{origin} broke the connection before it answered: {cause}")
        } else {
            format!("the exchange with {origin} failed: {cause}")
        };
        Self::new(SendErrorKind::Protocol, &detail)
    }
}

/// Whether the other side ended the connection, in order or not.
fn is_broken(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(cause.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}

/// The first error of type `E` in the chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

/// An error and all its causes. `io::Error` names as its source the source of what it wraps, and
/// so hides what it wraps; here that comes in between.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&cause| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_cause_behind_two_io_errors() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        let outer = io::Error::other(inner);
        assert_eq!(find::<rustls::Error>(&outer), Some(&rustls::Error::DecryptError));
    }

    #[test]
    fn a_sentence_is_short_and_printable() {
        let error = SendError::new(SendErrorKind::Protocol, &"\u{1b}[2Jä".repeat(1000));
        assert!(error.detail.len() <= SEND_ERROR_DETAIL_BYTES_MAX);
        assert!(!error.detail.contains('\u{1b}'));
    }
}
