//! The API: JSON:API over HTTP, as the contract has it (wire.md §1.6, §4, §5).
//!
//! This is an edge: it translates, and decides nothing. A request passes, in this order, the
//! `gate` (host, method, media type, size), the route table (`routes.rs`), `auth` (key and
//! scopes), the rate limit where one is configured, and its handler, which calls one use case and
//! shapes the answer.
//!
//! The route table is the one place that knows paths, scopes and parameters; routing, permission
//! checks and the OpenAPI document are all made from it, so they can not drift apart. That is why
//! there is no web framework here: its extractors would have to be replaced one by one to refuse
//! in JSON:API, and the table would stand beside its routes instead of being them.

mod accounts;
mod attempts;
mod auth;
mod client;
mod deliveries;
mod erasures;
mod error;
mod events;
mod explanations;
mod flows;
mod gate;
mod groups;
mod health;
mod jobs;
mod jsonapi;
mod keys;
mod lists;
mod members;
mod metric_aggregates;
mod metric_properties;
mod metrics;
mod openapi;
mod profiles;
mod query;
mod rate_limit;
mod replays;
mod routes;
mod segments;
mod sorted;
mod topics;
mod trials;
mod webhooks;

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;

pub use auth::Peer;
pub use client::ClientAccess;
pub use rate_limit::RateLimit;

use crate::account::Account;
use crate::automation::Automation;
use crate::clock::Clock;
use crate::delivery::{API_VERSION, Deliveries, Sender};
use crate::egress::{Egress, Policy};
use crate::explanation::Explainer;
use crate::ingest::Ingest;
use crate::key::Keys;
use crate::limits;
use crate::metric::Metrics;
use crate::people::People;
use crate::replay::Replays;
use crate::segment::Segments;
use crate::store::Store;
use crate::trial::Trials;
use crate::webhook::Webhooks;

use auth::Principal;
use error::Problem;
use query::Query;
use routes::Router;

const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Everything that handlers use.
pub struct Parts {
    /// The store, for reading and for commands.
    pub store: Store,
    /// Records events.
    pub ingest: Ingest,
    /// Makes, changes and merges people.
    pub people: People,
    /// All metrics.
    pub metrics: Metrics,
    /// All webhooks.
    pub webhooks: Webhooks,
    /// All segments.
    pub segments: Segments,
    /// All flows, and what brings people through them.
    pub automation: Automation,
    /// Metrics that start no flow, by their names.
    pub forbidden_triggers: Arc<[String]>,
    /// Schedules deliveries.
    pub deliveries: Deliveries,
    /// Makes, holds and ends replays.
    pub replays: Replays,
    /// Sends tests, and knows what was sent.
    pub sender: Arc<Sender>,
    /// All keys.
    pub keys: Keys,
    /// The account.
    pub account: Account,
    /// What destinations are allowed.
    pub policy: Policy,
    /// The way out, for handshakes.
    pub egress: Egress,
    /// The time.
    pub clock: Clock,
    /// The public URL without a slash at its end.
    pub base_url: Arc<str>,
    /// Names besides loopback's that requests may be addressed to, in lower case, without port.
    pub allowed_hosts: Vec<String>,
    /// What pages in browsers may do.
    pub client: ClientAccess,
    /// The configured rate limit.
    pub rate_limit: RateLimit,
}

/// The API of one daemon.
pub struct Api {
    parts: Parts,
    trials: Trials,
    explainer: Explainer,
    router: Router,
    /// One permit for each call of [`Call::apart`] that runs.
    apart: Arc<Semaphore>,
}

/// A request on its way to its handler.
pub(crate) struct Call {
    api: Arc<Api>,
    principal: Principal,
    path: String,
    id: String,
    query: Query,
    body: Bytes,
}

impl Call {
    fn parts(&self) -> &Parts {
        &self.api.parts
    }

    fn base(&self) -> &str {
        &self.api.parts.base_url
    }

    /// Runs what may read or compute much on a thread that nobody else needs; few at once.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.api.apart).acquire_owned().await.expect("it is never closed");
        // The place is the work's: it goes on when its client goes away.
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "a request failed");
            Problem::internal()
        })
    }

    /// The URL of the request, without a slash at its end.
    fn self_link(&self) -> String {
        let query = self.query.to_text();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", self.base(), self.path)
    }

    fn link_to_page(&self, cursor: &str) -> String {
        let query = self.query.with_cursor(&query::cursor(cursor));
        format!("{}{}?{query}", self.base(), self.path)
    }
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// A document.
    fn new(status: StatusCode, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        Self { status, headers, body }
    }

    fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, body.to_string().into_bytes())
    }

    /// An answer without a body and without a content type.
    fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Vec::new() }
    }
}

type Answer = Result<Reply, Problem>;

impl Api {
    /// The API over these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let trials = Trials::new(Arc::clone(&parts.sender), parts.metrics.clone());
        let explainer = Explainer {
            metrics: parts.metrics.clone(),
            webhooks: parts.webhooks.clone(),
            deliveries: parts.deliveries.clone(),
        };
        let apart = Arc::new(Semaphore::new(limits::READS_APART_AT_ONCE_MAX));
        Arc::new(Self { parts, trials, explainer, router: Router::new(), apart })
    }

    /// Answers one request.
    pub async fn handle(
        self: Arc<Self>,
        peer: Peer,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let is_head = request.method() == hyper::Method::HEAD;
        let revision = request.headers().get("revision").cloned();
        let told = self.parts.client.tell(request.uri().path(), request.headers());
        let reply = match self.answer(peer, request).await {
            Ok(reply) => reply,
            Err(problem) => problem.into_reply(),
        };
        let mut response = Response::new(Full::default());
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        // Any revision is accepted; the answer has the shapes of the newest.
        let revision = revision.unwrap_or(HeaderValue::from_static(API_VERSION));
        response.headers_mut().insert("revision", revision);
        if let Some(told) = told {
            told.write(response.headers_mut());
        }
        if !is_head {
            *response.body_mut() = Full::new(Bytes::from(reply.body));
        }
        response
    }

    async fn answer(self: Arc<Self>, peer: Peer, request: Request<Incoming>) -> Answer {
        gate::check_host(&self.parts, peer, &request)?;
        let (head, body) = request.into_parts();
        if let Some(preflight) = self.parts.client.admit(&head)? {
            return Ok(preflight);
        }
        let path = head.uri.path();
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let (route, id) = self.router.find(&head.method, path)?;
        let principal = auth::principal(&self.parts.keys, peer, &head.headers, route.scopes)?;
        let limited = self.parts.rate_limit.take(principal.id(), self.parts.clock.now());
        let limits = limited.map_err(Problem::throttled)?;
        let query = Query::parse(head.uri.query(), route.parameters)?;
        let body = gate::read_body(&head, body, route.wants_body()).await?;
        let (path, id) = (path.to_owned(), id.to_owned());
        let handler = route.handler;
        let call = Call { api: Arc::clone(&self), principal, path, id, query, body };
        let mut reply = handler(call).await?;
        limits.write(&mut reply.headers);
        Ok(reply)
    }
}
