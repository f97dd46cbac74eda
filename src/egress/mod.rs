//! The only door out: every request that tidings sends goes through [`Egress::send`].
//!
//! The story of one request. The caller holds a [`Destination`], a URL that was checked when it
//! was saved. The client takes an idle connection to that origin or asks `connect` for a new
//! one, which looks the name up once, lets `guard` judge every address, dials only those that
//! passed, and puts TLS on top. The response is read up to a cap, and its beginning is kept. A
//! failure becomes one [`SendError`] with a sentence for the operator. Either way the [`Trace`]
//! tells whom it was with and where the time went.
//!
//! A destination with an authority or a client certificate of its own goes through an [`Egress`]
//! of its own, made by [`Egress::with_tls`], so that no connection is shared across identities.
//!
//! What is *not* here, on purpose: redirects (an unjudged second destination), proxies from the
//! environment (an unjudged first one), decompression (a small body that grows), cookies, retries
//! of anything that may have reached the receiver. Those are decisions of the delivery policy,
//! and this module knows no capability.
//!
//! Connections live in tasks that hyper spawns on the runtime. They hold nothing that has to be
//! finished: stopping the runtime closes them.

mod connect;
mod destination;
mod dial;
mod error;
mod guard;
mod line;
mod tls;
mod tls_failure;
mod tls_settings;
mod trace;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::{Extensions, request};
use hyper::{Method, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

pub use self::destination::{Destination, DestinationError};
pub use self::error::{SendError, SendErrorKind};
pub use self::guard::{Policy, Refusal, judge};
pub use self::tls::EgressError;
pub use self::tls_settings::{ClientCertificate, TlsPart, TlsSettings, TlsSettingsError};
pub use self::trace::{HttpVersion, TlsVersion, Trace};

use self::connect::Connector;
use self::tls::Trust;
use self::trace::Journal;
use crate::limits::{
    HTTP2_PING_INTERVAL, HTTP2_PING_TIMEOUT, KEEP_ALIVE_IDLE, KEEP_ALIVE_PER_HOST_MAX,
    RESPONSE_BODY_BYTES_MAX, RESPONSE_EXCERPT_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX,
    RESPONSE_HEADERS_MAX, RESPONSE_INTERIM_MAX,
};

/// Headers that belong to the connection or frame the message; those of a caller are dropped, so
/// that no stored header can turn one request into two or name another host.
const OURS: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method; `CONNECT` is refused.
    pub method: Method,
    /// Whom to.
    pub destination: Destination,
    /// Headers of the message. `Host`, framing and connection headers are not the caller's.
    pub headers: HeaderMap,
    /// The body, sent as it is.
    pub body: Bytes,
}

/// What came back: the receiver's verdict, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status. A redirect is a status like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body: the first [`RESPONSE_EXCERPT_BYTES_MAX`] bytes, or as many as
    /// [`Egress::send_keeping`] was told to keep.
    pub excerpt: Vec<u8>,
    /// Bytes of the body that were read. More than [`RESPONSE_BODY_BYTES_MAX`] when it was cut
    /// off there.
    pub body_bytes: u64,
    /// Whether the body came to its end; it may have broken off before, or been cut off here.
    pub is_whole: bool,
}

/// What became of a request, with the evidence of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The response, or why there is none.
    pub result: Result<Response, SendError>,
    /// Whom it was with and where the time went, as far as is known.
    pub trace: Trace,
}

/// The way out, with its pool of connections; clones share both.
///
/// Deliveries, test sends, calls for OAuth tokens and `OPTIONS` handshakes all go this way: any
/// method but `CONNECT`.
#[derive(Clone)]
pub struct Egress {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
    trust: Trust,
}

impl Egress {
    /// Opens the way out with the authorities of the host and those in the `extra_ca` PEM files.
    ///
    /// # Errors
    ///
    /// [`EgressError`] when a PEM file cannot be used, or when no authority is trusted and the
    /// policy does not allow plain `http`.
    pub fn new(policy: Policy, extra_ca: &[PathBuf]) -> Result<Self, EgressError> {
        let trust = match Trust::load(extra_ca) {
            Err(EgressError::NoAuthorities) if policy.allow_http => Trust::in_nobody(),
            other => other?,
        };
        let connector = Connector::new(Arc::new(policy), trust.config());
        Ok(Self { client: client(connector.clone()), connector, trust })
    }

    /// A way out for one destination with TLS settings of its own. It has its own connections;
    /// policy, host authorities and the limit of look-ups are those of this one. Dropping it and
    /// its clones closes its idle connections.
    ///
    /// # Errors
    ///
    /// [`TlsSettingsError`], with the part that is wrong.
    pub fn with_tls(&self, settings: &TlsSettings) -> Result<Self, TlsSettingsError> {
        let connector = self.connector.with_tls(settings.config(&self.trust)?);
        Ok(Self { client: client(connector.clone()), connector, trust: self.trust.clone() })
    }

    /// What the operator permits.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.connector.policy()
    }

    /// Sends one request and reads the response, all within `deadline`.
    ///
    /// A response whose status arrived counts even if its body breaks off or is too long. A body
    /// that is merely slow runs into the deadline and is a [`SendErrorKind::Timeout`].
    ///
    /// Dropping the future gives the request up; what was sent stays sent.
    pub async fn send(&self, request: Request, deadline: Duration) -> Exchange {
        self.send_keeping(request, deadline, RESPONSE_EXCERPT_BYTES_MAX).await
    }

    /// As [`Egress::send`], keeping so many bytes of the response's body; at most
    /// [`RESPONSE_BODY_BYTES_MAX`] and a little more are read at all.
    pub async fn send_keeping(
        &self,
        request: Request,
        deadline: Duration,
        kept_bytes: usize,
    ) -> Exchange {
        let journal = Journal::begin();
        let mut seen = Seen { kept_bytes, ..Seen::default() };
        let result = self.exchange(request, deadline, &journal, &mut seen).await;
        let mut trace = journal.trace(seen.link.as_deref(), seen.head_after);
        trace.http = seen.version.or(trace.http);
        Exchange { result, trace }
    }

    async fn exchange(
        &self,
        request: Request,
        deadline: Duration,
        journal: &Arc<Journal>,
        seen: &mut Seen,
    ) -> Result<Response, SendError> {
        let until = Instant::now() + deadline;
        let to = request.destination.clone();
        let mut outgoing = outgoing(request)?;
        let connection = capture_connection(&mut outgoing);
        let interim = limit_interim(&mut outgoing);
        let head = journal.scope(self.client.request(outgoing));
        let head = tokio::select! {
            head = timeout_at(until, head) => head,
            () = interim.notified() => {
                seen.link = connection.connection_metadata().as_ref().and_then(link);
                return Err(SendError::endless_interim(&to));
            }
        };
        let (head, body) = match head {
            Ok(Ok(response)) => response.into_parts(),
            Ok(Err(error)) => {
                seen.link = error.connect_info().and_then(link);
                return Err(SendError::classify(&error, &to));
            }
            Err(_elapsed) => {
                seen.link = connection.connection_metadata().as_ref().and_then(link);
                let connected = seen.link.is_some();
                let doing =
                    if connected { "waiting for the response head of" } else { journal.doing() };
                return Err(SendError::late(deadline, doing, &to));
            }
        };
        seen.link = head.extensions.get::<Arc<Journal>>().map(Arc::clone);
        seen.head_after = Some(journal.elapsed());
        seen.version = Some(HttpVersion::of(head.version));
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(SendError::switched(&to));
        }
        match timeout_at(until, read(body, seen.kept_bytes)).await {
            Ok(Body { excerpt, body_bytes, is_whole }) => {
                let (status, headers) = (head.status, head.headers);
                Ok(Response { status, headers, excerpt, body_bytes, is_whole })
            }
            Err(_elapsed) => Err(SendError::late(deadline, "reading the response body of", &to)),
        }
    }
}

/// What became known on the way, for the trace; and how much of the body is wanted.
#[derive(Default)]
struct Seen {
    kept_bytes: usize,
    link: Option<Arc<Journal>>,
    head_after: Option<Duration>,
    version: Option<HttpVersion>,
}

/// The journal under which a connection was opened.
fn link(connected: &Connected) -> Option<Arc<Journal>> {
    let mut extensions = Extensions::new();
    connected.get_extras(&mut extensions);
    extensions.remove()
}

/// The client with every buffer, window and list bounded.
///
/// It repeats a request on its own only when the connection from the pool turned out closed before
/// hyper took the request up, so before a byte of it was written: that cannot send twice.
fn client(connector: Connector) -> Client<Connector, Full<Bytes>> {
    let head_bytes = u32::try_from(RESPONSE_HEAD_BYTES_MAX).unwrap_or(u32::MAX);
    let body_bytes = u32::try_from(RESPONSE_BODY_BYTES_MAX).unwrap_or(u32::MAX);
    let streams = u32::try_from(KEEP_ALIVE_PER_HOST_MAX).unwrap_or(u32::MAX);
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(KEEP_ALIVE_IDLE)
        .pool_max_idle_per_host(KEEP_ALIVE_PER_HOST_MAX)
        .retry_canceled_requests(true)
        .http1_max_buf_size(RESPONSE_HEAD_BYTES_MAX)
        .http1_max_headers(RESPONSE_HEADERS_MAX)
        .http2_max_header_list_size(head_bytes)
        .http2_initial_stream_window_size(body_bytes)
        .http2_initial_connection_window_size(body_bytes.saturating_mul(streams))
        .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
        .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
        .build(connector)
}

fn outgoing(request: Request) -> Result<request::Request<Full<Bytes>>, SendError> {
    if request.method == Method::CONNECT {
        let detail = "CONNECT asks for a tunnel and is not sent";
        return Err(SendError::new(SendErrorKind::AddressRefused, detail));
    }
    let mut outgoing = request::Request::new(Full::new(request.body));
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = request.destination.uri().clone();
    *outgoing.headers_mut() = request.headers;
    for name in &OURS {
        outgoing.headers_mut().remove(name);
    }
    Ok(outgoing)
}

/// Wakes the returned signal when the receiver sends more interim responses than is reasonable.
/// HTTP/1 only: the HTTP/2 implementation reads them without telling, within the deadline.
fn limit_interim(outgoing: &mut request::Request<Full<Bytes>>) -> Arc<Notify> {
    let too_many = Arc::new(Notify::new());
    let signal = Arc::clone(&too_many);
    let seen = AtomicUsize::new(0);
    hyper::ext::on_informational(outgoing, move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) >= RESPONSE_INTERIM_MAX {
            signal.notify_one();
        }
    });
    too_many
}

/// Reads the body to its end, its failure or the cap, and keeps its beginning. What is left unread
/// costs the connection.
async fn read(mut body: Incoming, kept_bytes: usize) -> Body {
    let (mut excerpt, mut body_bytes, mut is_whole) = (Vec::new(), 0, false);
    while body_bytes <= RESPONSE_BODY_BYTES_MAX {
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => break,
            None => {
                is_whole = true;
                break;
            }
        };
        let data = frame.data_ref().map_or(&[][..], |data| data);
        let room = kept_bytes.saturating_sub(excerpt.len());
        excerpt.extend(data.iter().take(room));
        body_bytes += data.len();
    }
    Body { excerpt, body_bytes: body_bytes as u64, is_whole }
}

/// What was read of a response's body.
struct Body {
    excerpt: Vec<u8>,
    body_bytes: u64,
    is_whole: bool,
}

#[cfg(test)]
mod tests;
