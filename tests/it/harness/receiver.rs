//! The receiver of a test: records what comes, and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::eventually;

/// What a receiver does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// It answers with this status.
    Status(u16),
    /// It answers with this status and these headers.
    Headers(u16, &'static [(&'static str, &'static str)]),
    /// It answers 200 with this document.
    Json(&'static str),
    /// It answers that the resource is elsewhere.
    Redirect(String),
    /// It reads the request and never answers.
    Hang,
    /// It reads the request and closes the connection.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What it is answered, as the script has it.
    pub(crate) reply: Reply,
}

impl Recorded {
    /// The value of a header that must be there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        let [value] = values.as_slice() else { panic!("{} of {name}", values.len()) };
        value.to_str().expect("our headers are text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("deliveries are JSON")
    }

    /// The id of the event that was delivered.
    pub(crate) fn event(&self) -> String {
        super::ToText::to_text(&self.json()["data"][0]["external_id"])
    }

    /// The `$event_id` of the event that was delivered.
    pub(crate) fn unique_id(&self) -> String {
        let payload = &self.json()["data"][0]["payload"]["data"];
        super::ToText::to_text(&payload["attributes"]["event_properties"]["$event_id"])
    }
}

/// A receiver on loopback. It answers 200 when its script is at its end.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    recorded: Mutex<Vec<Recorded>>,
    script: Mutex<VecDeque<Reply>>,
    is_held: watch::Sender<bool>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Receiver {
    /// A receiver that answers 200.
    pub(crate) async fn start() -> Self {
        Self::scripted([]).await
    }

    /// A receiver that answers so first, one request after the other, and then 200.
    pub(crate) async fn scripted(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            recorded: Mutex::default(),
            script: Mutex::new(script.into_iter().collect()),
            is_held: watch::Sender::new(false),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        state.tasks.spawn(Arc::clone(&state).accept(listener));
        Self { address, state }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Stops listening; returns the URL at which nobody answers any more.
    pub(crate) async fn stopped(self) -> String {
        self.state.stop.cancel();
        self.state.tasks.close();
        self.state.tasks.wait().await;
        self.url()
    }

    /// Records requests from now on, but answers none until [`Receiver::release`].
    pub(crate) fn hold(&self) {
        self.state.is_held.send_replace(true);
    }

    /// Answers again.
    pub(crate) fn release(&self) {
        self.state.is_held.send_replace(false);
    }

    /// All that has come.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.state.recorded.lock().expect("no holder panics").clone()
    }

    /// How many requests have come.
    pub(crate) fn count(&self) -> usize {
        self.state.recorded.lock().expect("no holder panics").len()
    }

    /// Waits for `count` requests; there must not be more.
    pub(crate) async fn received(&self, count: usize) -> Vec<Recorded> {
        let recorded = eventually(&format!("{count} requests arrive"), async || {
            (self.count() >= count).then(|| self.recorded())
        })
        .await;
        assert_eq!(recorded.len(), count, "more arrived than was expected");
        recorded
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

impl State {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let Ok((stream, _)) = accepted else { continue };
            let state = Arc::clone(&self);
            self.tasks.spawn(async move {
                let service = service_fn(|request| Arc::clone(&state).answer(request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    // However it ends, the daemon's side of it is what is tested.
                    _ended = connection => {}
                    () = state.stop.cancelled() => {}
                }
            });
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Closed> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let reply = {
            // Under one lock, so that requests and replies are in the same order.
            let mut all = self.recorded.lock().expect("no holder panics");
            let reply = self.script.lock().expect("no holder panics").pop_front();
            let reply = reply.unwrap_or(Reply::Status(200));
            let (method, path) = (head.method.to_string(), head.uri.to_string());
            all.push(Recorded { method, path, headers: head.headers, body, reply: reply.clone() });
            reply
        };
        let mut held = self.is_held.subscribe();
        held.wait_for(|is_held| !is_held).await.map_err(|_| Closed)?;
        let mut response = Response::new(Full::new(Bytes::from_static(b"as scripted")));
        match reply {
            Reply::Status(status) => {
                *response.status_mut() = status.try_into().expect("scripts hold statuses");
            }
            Reply::Headers(status, headers) => {
                *response.status_mut() = status.try_into().expect("scripts hold statuses");
                for (name, value) in headers {
                    response
                        .headers_mut()
                        .insert(*name, hyper::header::HeaderValue::from_static(value));
                }
            }
            Reply::Json(document) => *response.body_mut() = Full::new(document.into()),
            Reply::Redirect(to) => {
                *response.status_mut() = hyper::StatusCode::FOUND;
                let to = to.try_into().expect("scripts hold URLs");
                response.headers_mut().insert(hyper::header::LOCATION, to);
            }
            Reply::Hang => match std::future::pending::<Infallible>().await {},
            Reply::Close => return Err(Closed),
        }
        Ok(response)
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by the script")
    }
}

impl std::error::Error for Closed {}
