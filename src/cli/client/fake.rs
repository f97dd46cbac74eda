//! A daemon for tests: answers on a Unix socket what it was told to, and remembers the requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Client, Session};
use crate::cli::table::Colours;
use crate::clock::{Clock, Timestamp};

/// The fake; it ends when it is dropped.
pub(in crate::cli) struct FakeDaemon {
    directory: TempDir,
    script: Arc<Mutex<Script>>,
    _stop: DropGuard,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, String)>,
    requests: Vec<String>,
}

impl FakeDaemon {
    /// Listens, and gives these answers, one after the other.
    pub(in crate::cli) fn answering(answers: &[(u16, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("tidings.sock")).unwrap();
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let script = Arc::new(Mutex::new(Script { answers, ..Script::default() }));
        let stop = CancellationToken::new();
        let serving = serve(listener, Arc::clone(&script));
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { directory, script, _stop: stop.drop_guard() }
    }

    /// The socket.
    pub(in crate::cli) fn socket(&self) -> PathBuf {
        self.directory.path().join("tidings.sock")
    }

    /// A session without a terminal, at a fixed time (2026-04-13T22:50:12Z).
    pub(in crate::cli) fn session(&self) -> Session {
        Session {
            client: Client::new(self.socket()),
            json: false,
            pretty: false,
            colours: Colours::Off,
            interactive: false,
            clock: Clock::manual(Timestamp::from_seconds(1_776_120_612)),
        }
    }

    /// The same for a program.
    pub(in crate::cli) fn json_session(&self) -> Session {
        Session { json: true, ..self.session() }
    }

    /// `METHOD target body` of every request so far.
    pub(in crate::cli) fn requests(&self) -> Vec<String> {
        self.script.lock().unwrap().requests.clone()
    }
}

async fn serve(listener: UnixListener, script: Arc<Mutex<Script>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let answering = service_fn(|request| answer(request, &script));
        let served = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answering);
        served.await.unwrap();
    }
}

async fn answer(
    request: Request<Incoming>,
    script: &Mutex<Script>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert!(request.headers().contains_key(HOST));
    assert!(!request.headers().contains_key(AUTHORIZATION));
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let line = format!("{} {} {}", head.method, head.uri, String::from_utf8_lossy(&body));
    let mut script = script.lock().unwrap();
    script.requests.push(line.trim_end().to_owned());
    let (status, body) = script.answers.pop_front().unwrap_or((599, String::new()));
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}

/// The arguments that a command line means, or what clap says about it.
pub(in crate::cli) fn parsed<A: clap::Args>(line: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(clap::Command::new("tidings"));
    A::from_arg_matches(&command.try_get_matches_from(line)?)
}
