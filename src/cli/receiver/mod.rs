//! A local receiver of deliveries: the server behind `tidings listen` and `tidings demo`.
//!
//! It takes any method and path on 127.0.0.1, checks the signatures, answers by a script and tells
//! its owner about each request just before it answers. It is not the product's own API
//! server and stores nothing. Connections, bodies, queued reports and remembered ids are bounded;
//! every task is tracked and ends when the receiver stops or is dropped.

mod attempts;
mod script;
mod verdict;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::limits;
use crate::signing::STANDARD_ID;

use self::attempts::Attempts;
use self::script::Player;
use self::verdict::check;

pub use self::script::{Answer, GRAMMAR, Reply, Script, ScriptError};
pub use self::verdict::{Trust, Unread, Verdict, Verdicts};

/// How a receiver listens, checks and answers.
#[derive(Clone, Debug)]
pub struct ReceiverOptions {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// What signatures are checked with.
    pub trust: Trust,
    /// The answers.
    pub script: Script,
    /// A delay of every answer, before the one the script asks for.
    pub delay: Duration,
    /// Judges the age of signatures and stamps the reports.
    pub clock: Clock,
}

impl Default for ReceiverOptions {
    /// Any free port, no checks, 200 to everything.
    fn default() -> Self {
        let (script, delay) = (Script::default(), Duration::ZERO);
        Self { port: 0, trust: Trust::default(), script, delay, clock: Clock::system() }
    }
}

/// One request, what was found out about it and how it is answered.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its last byte had come.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its path and query, as sent.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty where it could not be read (see the verdicts).
    pub body: Bytes,
    /// What became of the signatures.
    pub verdicts: Verdicts,
    /// The script's answer to this request.
    pub answer: Answer,
    /// The status sent, or `None` where the script hangs or resets.
    pub answered: Option<u16>,
    /// How often this `webhook-id` has come, from 1; always 1 without that header.
    pub attempt: u32,
}

/// A running receiver. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    reports: mpsc::Receiver<Received>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Receiver {
    /// Binds the port and begins to answer. Reports must be taken with [`Receiver::next`]: when
    /// the queue of them is full, answers wait.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn start(options: ReceiverOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let addr = listener.local_addr()?;
        let (sender, reports) = mpsc::channel(limits::RECEIVER_EVENTS_QUEUED_MAX);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let player = Player::new(options.script);
        let shared = Arc::new(Shared {
            trust: options.trust,
            delay: options.delay,
            clock: options.clock,
            memory: Mutex::new(Memory { player, attempts: Attempts::default() }),
            reports: sender,
            stop: stop.clone(),
        });
        tasks.spawn(accept(listener, shared, tasks.clone()));
        Ok(Self { addr, reports, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next request; `None` once the receiver is stopped and all reports are taken.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<Received> {
        self.reports.recv().await
    }

    /// Stops accepting and waits a moment for running answers. Reports that are already queued
    /// can still be taken.
    pub async fn stop(&mut self) {
        self.reports.close();
        self.stop.cancel();
        self.tasks.close();
        let waited = tokio::time::timeout(limits::RECEIVER_STOP_GRACE * 2, self.tasks.wait());
        waited.await.unwrap_or_default();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Shared {
    trust: Trust,
    delay: Duration,
    clock: Clock,
    memory: Mutex<Memory>,
    reports: mpsc::Sender<Received>,
    stop: CancellationToken,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    let slots = Arc::new(Semaphore::new(limits::RECEIVER_CONNECTIONS_MAX));
    let stop = shared.stop.clone();
    loop {
        let next = async { (Arc::clone(&slots).acquire_owned().await, listener.accept().await) };
        let next = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        match next {
            (Ok(slot), Ok((stream, _))) => {
                tasks.spawn(serve(stream, Arc::clone(&shared), slot));
            }
            (_, Err(_)) => tokio::time::sleep(limits::RECEIVER_ACCEPT_PAUSE).await,
            (Err(_closed), _) => return,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, _slot: OwnedSemaphorePermit) {
    let stop = shared.stop.clone();
    let service = service_fn(move |request| respond(Arc::clone(&shared), request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::RECEIVER_HEAD_TIMEOUT)
        .max_buf_size(limits::RECEIVER_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            let last = tokio::time::timeout(limits::RECEIVER_STOP_GRACE, &mut connection);
            last.await.unwrap_or(Ok(()))
        }
    };
    // Our service fails only to ask for a reset; a closed socket without linger sends one.
    if ended.is_err_and(|error| error.is_user()) {
        drop(connection.into_parts().io.into_inner().set_zero_linger());
    }
}

/// Answers one request; an error, which the script can ask for, makes [`serve`] reset.
async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let received = shared.judge(head, read(body).await);
    let (answer, answered) = (received.answer, received.answered);
    let reason = received.verdicts.refusal();
    // Nobody listens after a stop; the answer goes out all the same.
    drop(shared.reports.send(received).await);

    let stopped = shared.stop.cancelled();
    if answer.reply == Reply::Hang {
        stopped.await;
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    tokio::select! {
        () = tokio::time::sleep(shared.delay + answer.delay) => {}
        () = stopped => {}
    }
    let status = answered.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or(io::ErrorKind::ConnectionReset)?;
    // The reason goes to the sender as well, whose log keeps the beginning of an answer.
    let text = if status.is_client_error() { reason.unwrap_or_default() } else { String::new() };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

async fn read(body: Incoming) -> Result<Bytes, Unread> {
    let limited = Limited::new(body, limits::RECEIVER_BODY_BYTES_MAX).collect();
    match tokio::time::timeout(limits::RECEIVER_BODY_TIMEOUT, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::CutOff),
    }
}

impl Shared {
    fn judge(&self, head: Parts, body: Result<Bytes, Unread>) -> Received {
        let at = self.clock.now();
        let verdicts = check(&self.trust, &head.headers, &body, at);
        let (answer, attempt) = {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let id = head.headers.get(STANDARD_ID);
            (memory.player.answer(), id.map_or(1, |id| memory.attempts.count(id.as_bytes())))
        };
        let answered = match answer.reply {
            Reply::Auto => Some(verdicts.status()),
            Reply::Status(status) => Some(status),
            Reply::Hang | Reply::Reset => None,
        };
        Received {
            at,
            method: head.method,
            path: head.uri.path_and_query().map_or("*", |path| path.as_str()).to_owned(),
            headers: head.headers,
            body: body.unwrap_or_default(),
            verdicts,
            answer,
            answered: answered.map(|status| status.as_u16()),
            attempt,
        }
    }
}

/// What the receiver remembers between requests.
struct Memory {
    player: Player,
    attempts: Attempts,
}

#[cfg(test)]
mod tests;
