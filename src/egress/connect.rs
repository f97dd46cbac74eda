//! From a URI to a connection: look up once, judge every address, dial only judged ones, TLS.
//!
//! This is where the invariant "nothing leaves except to an address that was judged" is kept: only
//! `dial` opens sockets towards receivers, only this file calls it, and what is dialled is the
//! judged address itself, never the name again. Every stage has its own time limit, because a
//! connection that was begun for one request can be finished after that request is over.

use std::future::{Future, Ready, ready};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper_rustls::HttpsConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_service::Service;

use super::dial::dial;
use super::guard::{Policy, Refusal, judge};
use super::line::{Line, Stream};
use super::trace::{Journal, Phase};
use crate::limits::{LOOKUP_TIMEOUT, LOOKUPS_AT_ONCE_MAX, TLS_HANDSHAKE_TIMEOUT};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections for a client's pool; cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    policy: Arc<Policy>,
    tls: Arc<ClientConfig>,
    lookups: Arc<Semaphore>,
}

impl Connector {
    pub(super) fn new(policy: Arc<Policy>, tls: ClientConfig) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS_AT_ONCE_MAX));
        Self { policy, tls: Arc::new(tls), lookups }
    }

    /// The same policy and the same limit of look-ups, with other TLS.
    pub(super) fn with_tls(&self, tls: ClientConfig) -> Self {
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    async fn connect(self, uri: Uri, journal: Arc<Journal>) -> Result<Line, ConnectError> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        if !https && !self.policy.allow_http {
            return Err(ConnectError::PlainHttp);
        }
        let host = bare_host(&uri).to_owned();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let found = match host.parse::<IpAddr>() {
            // A literal address is its own answer.
            Ok(literal) => vec![SocketAddr::new(literal, port)],
            Err(_name) => journal.time(Phase::Lookup, self.lookup(&host, port)).await?,
        };
        let judged = judge_all(&host, &found, &self.policy)?;
        let tcp = journal.time(Phase::Dial, dial(&host, &judged, &journal)).await?;
        let stream = if https {
            journal.time(Phase::Handshake, secure(tcp, uri, host, self.tls)).await?
        } else {
            Stream::Http(TokioIo::new(tcp))
        };
        Ok(Line::open(stream, journal))
    }

    /// Asks the system for the addresses of `host`.
    async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let answer = timeout(LOOKUP_TIMEOUT, self.ask_system(host.to_owned(), port)).await;
        let timed_out =
            ConnectError::TimedOut { doing: format!("looking up {host}"), after: LOOKUP_TIMEOUT };
        let failed = |cause| ConnectError::Lookup { host: host.to_owned(), cause };
        answer.map_err(|_elapsed| timed_out)?.map_err(failed)
    }

    /// The permit moves into the thread and is given back when the thread is, not when the caller
    /// stops waiting: a name service that hangs cannot use up all threads of the runtime.
    async fn ask_system(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        let lookups = Arc::clone(&self.lookups);
        let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
        let ask = move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            drop(permit);
            found
        };
        tokio::task::spawn_blocking(ask).await.map_err(io::Error::other)?
    }
}

/// The host without the brackets of an IPv6 literal.
fn bare_host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Keeps the addresses that may be dialled, in the order of the system's preference.
///
/// Of an answer that mixes permitted and forbidden addresses the forbidden ones are left out and
/// the others are dialled. Refusing the whole answer would protect nothing more, because none of
/// the forbidden ones is dialled either way, and would break receivers that publish an internal
/// address beside the public one.
fn judge_all(
    host: &str,
    found: &[SocketAddr],
    policy: &Policy,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let mut refusal = None;
    let mut judged = Vec::new();
    for address in found {
        match judge(address.ip(), policy) {
            Ok(()) => judged.push(*address),
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    match refusal {
        Some(refusal) if judged.is_empty() => {
            Err(ConnectError::Refused { host: host.to_owned(), refusal })
        }
        _ => Ok(judged),
    }
}

/// Puts TLS on the connection.
async fn secure(
    tcp: TcpStream,
    uri: Uri,
    host: String,
    tls: Arc<ClientConfig>,
) -> Result<Stream, ConnectError> {
    let mut handshake = HttpsConnector::from((Dialled(Some(TokioIo::new(tcp))), tls));
    match timeout(TLS_HANDSHAKE_TIMEOUT, handshake.call(uri)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(cause)) => Err(ConnectError::Tls { host, cause }),
        Err(_elapsed) => {
            let doing = format!("making the TLS handshake with {host}");
            Err(ConnectError::TimedOut { doing, after: TLS_HANDSHAKE_TIMEOUT })
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Line;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let journal = Journal::current();
        journal.restart();
        Box::pin(self.clone().connect(uri, journal))
    }
}

/// Hands the one connection that was dialled to the TLS layer, which expects to do the dialling.
struct Dialled(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Dialled {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let taken = self.0.take();
        ready(taken.ok_or_else(|| io::Error::other("the connection was taken already")))
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    PlainHttp,
    Refused { host: String, refusal: Refusal },
    Lookup { host: String, cause: io::Error },
    NoAddress { host: String },
    Dial { address: SocketAddr, cause: io::Error },
    Tls { host: String, cause: BoxError },
    TimedOut { doing: String, after: Duration },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainHttp => f.write_str("http is not sent; allow it with egress.allow_http"),
            Self::Refused { host, refusal } if host.parse::<IpAddr>().is_ok() => refusal.fmt(f),
            Self::Refused { host, refusal } => {
                write!(f, "{host} leads to no permitted address: {refusal}")
            }
            Self::Lookup { host, cause } => {
                let cause = cause.to_string();
                // What std puts before the resolver's own words.
                let noise = "failed to lookup address information: ";
                let cause = cause.strip_prefix(noise).unwrap_or(&cause);
                write!(f, "the look-up of {host} failed: {cause}")
            }
            Self::NoAddress { host } => write!(f, "the name {host} has no address"),
            Self::Dial { address, cause } => match cause.kind() {
                io::ErrorKind::ConnectionRefused => write!(f, "connection refused by {address}"),
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                    write!(f, "no route to {address}")
                }
                _ => write!(f, "cannot connect to {address}: {cause}"),
            },
            Self::Tls { host, cause } => write!(f, "TLS with {host} failed: {cause}"),
            Self::TimedOut { doing, after } => {
                write!(f, "timed out after {} s while {doing}", after.as_secs_f32())
            }
        }
    }
}

impl std::error::Error for ConnectError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn of_a_mixed_answer_only_permitted_addresses_are_kept() {
        let found = addresses(&["10.0.0.1:443", "8.8.8.8:443", "[::1]:443", "[2003::1]:443"]);
        let judged = judge_all("mixed.example", &found, &Policy::default()).unwrap();
        assert_eq!(judged, addresses(&["8.8.8.8:443", "[2003::1]:443"]));
    }

    #[test]
    fn an_answer_without_a_permitted_address_is_refused_with_the_first_reason() {
        let found = addresses(&["10.0.0.1:443", "127.0.0.1:443"]);
        let error = judge_all("inside.example", &found, &Policy::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("inside.example leads to no permitted address: 10.0.0.1 is"));
    }

    #[test]
    fn a_failed_lookup_is_told_in_the_words_of_the_resolver() {
        let cause = "failed to lookup address information: Name or service not known";
        let cause = io::Error::other(cause);
        let error = ConnectError::Lookup { host: "nowhere.example".to_owned(), cause };
        let expected = "the look-up of nowhere.example failed: Name or service not known";
        assert_eq!(error.to_string(), expected);
    }
}
