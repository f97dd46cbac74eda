//! The evidence of an exchange: whom it was with, by which protocols, and where its time went.
//!
//! The journal of a request is filled in by whoever works for it: the connector writes down each
//! phase of opening a connection, and the connection keeps the journal that it was opened under,
//! so that a later request on it can still tell whom it talks to. hyper gives a connector no way
//! to see the request, hence the task-local: the client calls the connector from within the poll
//! of the request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Version;
use rustls::ProtocolVersion;

use crate::clock::Stopwatch;

/// What is known about an exchange, whether it succeeded or not.
///
/// A phase that did not happen is `None`: all of them on a connection from the pool, the look-up
/// of a literal address, the handshake of plain `http`. A phase that was cut off, or failed, has
/// the time until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The address that was dialled: of the connection, or the last one that was tried.
    pub remote: Option<SocketAddr>,
    /// The version of TLS that was agreed on; `None` for plain `http`.
    pub tls: Option<TlsVersion>,
    /// The version of HTTP that was agreed on, known once the connection is open.
    pub http: Option<HttpVersion>,
    /// Whether the connection came from the pool.
    pub reused: bool,
    /// The look-up of the name, with the wait for its turn.
    pub dns: Option<Duration>,
    /// Dialling, over all the addresses that were tried.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls_handshake: Option<Duration>,
    /// From the connection being open, or for one from the pool from the beginning, to the head
    /// of the response.
    pub first_byte: Option<Duration>,
    /// From the beginning to the end, whatever the end was.
    pub total: Duration,
}

/// A version of TLS that is spoken; older ones are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    /// The name that people know it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "TLS 1.2",
            Self::V1_3 => "TLS 1.3",
        }
    }

    pub(super) const fn of(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(Self::V1_2),
            ProtocolVersion::TLSv1_3 => Some(Self::V1_3),
            _ => None,
        }
    }
}

/// A version of HTTP that a receiver answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// An answer in HTTP/1.0; requests are never sent in it.
    V1_0,
    /// HTTP/1.1.
    V1_1,
    /// HTTP/2.
    V2,
}

impl HttpVersion {
    /// The name that people know it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "HTTP/1.0",
            Self::V1_1 => "HTTP/1.1",
            Self::V2 => "HTTP/2",
        }
    }

    pub(super) fn of(version: Version) -> Self {
        match version {
            Version::HTTP_10 => Self::V1_0,
            Version::HTTP_2 => Self::V2,
            _ => Self::V1_1,
        }
    }
}

tokio::task_local! {
    /// The journal of the request whose future is being polled.
    static CURRENT: Arc<Journal>;
}

/// What is written down while a connection is opened for a request.
#[derive(Debug)]
pub(super) struct Journal {
    since: Stopwatch,
    opening: Mutex<Opening>,
}

/// How far the opening of a connection has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    pub(super) remote: Option<SocketAddr>,
    pub(super) tls: Option<TlsVersion>,
    pub(super) http: Option<HttpVersion>,
    /// When it was open, from the beginning of the request.
    pub(super) open_after: Option<Duration>,
    under_way: Option<Phase>,
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls_handshake: Option<Duration>,
}

/// A part of opening a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Lookup,
    Dial,
    Handshake,
}

impl Journal {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self { since: Stopwatch::start(), opening: Mutex::default() })
    }

    /// The journal of the request that is being polled; an own one where there is none.
    pub(super) fn current() -> Arc<Self> {
        CURRENT.try_with(Arc::clone).unwrap_or_else(|_outside| Self::begin())
    }

    /// Runs `request` so that the connector finds this journal.
    pub(super) async fn scope<F: Future>(self: &Arc<Self>, request: F) -> F::Output {
        CURRENT.scope(Arc::clone(self), request).await
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// A panic while it was held can leave nothing half-written that matters.
    fn lock(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an earlier attempt to open a connection for the same request.
    pub(super) fn restart(&self) {
        *self.lock() = Opening::default();
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Opening)) {
        change(&mut self.lock());
    }

    /// Runs a phase and writes down how long it took, even when it is cut off.
    pub(super) async fn time<F: Future>(&self, phase: Phase, work: F) -> F::Output {
        self.note(|opening| opening.under_way = Some(phase));
        let _until_dropped = Timed { journal: self, phase, watch: Stopwatch::start() };
        work.await
    }

    /// What the opening of a connection was at, as in "connecting to".
    pub(super) fn doing(&self) -> &'static str {
        match self.lock().under_way {
            Some(Phase::Lookup) => "looking up the address of",
            Some(Phase::Dial) | None => "connecting to",
            Some(Phase::Handshake) => "making the TLS handshake with",
        }
    }

    /// The evidence so far; `link` is the journal under which the connection was opened, if there
    /// was one, and `head_after` the time of the response head.
    pub(super) fn trace(&self, link: Option<&Self>, head_after: Option<Duration>) -> Trace {
        let reused = link.is_some_and(|link| !std::ptr::eq(link, self));
        let opening = *link.unwrap_or(self).lock();
        let phase = |took: Option<Duration>| took.filter(|_| !reused);
        let open_after = phase(opening.open_after).unwrap_or_default();
        Trace {
            remote: opening.remote,
            tls: opening.tls,
            http: opening.http,
            reused,
            dns: phase(opening.dns),
            connect: phase(opening.connect),
            tls_handshake: phase(opening.tls_handshake),
            first_byte: head_after.map(|after| after.saturating_sub(open_after)),
            total: self.elapsed(),
        }
    }
}

/// A phase under way; being dropped is its end.
struct Timed<'a> {
    journal: &'a Journal,
    phase: Phase,
    watch: Stopwatch,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let took = Some(self.watch.elapsed());
        self.journal.note(|opening| match self.phase {
            Phase::Lookup => opening.dns = took,
            Phase::Dial => opening.connect = took,
            Phase::Handshake => opening.tls_handshake = took,
        });
    }
}
