//! One attempt: what is to be sent is read, stamped, signed and sent, and the evidence is kept.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap};

use super::content::{Content, Nothing};
use super::lanes::Ready;
use super::message::{self, Messages};
use super::oauth::{Grant, Tokens};
use super::policy::{self, Wishes};
use super::request::{self, Outgoing, Sent};
use super::rows::Capture;
use super::{Attempt, Delivery, Outcome, StoredRequest, Trace};
use crate::clock::{Clock, Timestamp};
use crate::egress::{self, Egress, Exchange, Request, SendErrorKind};
use crate::event::{self, Event};
use crate::id::{AccountId, DeliveryId, EventId, MetricId, ProfileId};
use crate::limits;
use crate::metric::{Metric, Metrics};
use crate::secret::Secret;
use crate::store::{Store, StoreError};
use crate::webhook::{Auth, Endpoint, Method, Webhook};

/// The API revision whose shapes deliveries and documents have; sent as `meta.version`.
pub const API_VERSION: &str = "2026-07-15";

/// Everything that an attempt needs besides the delivery itself.
pub struct Sender {
    /// Where events are read.
    pub store: Store,
    /// The way out.
    pub egress: Egress,
    /// The topics of metrics.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
    /// Sent as `meta.klaviyo_account_id`.
    pub account: AccountId,
    /// The public URL without a slash at its end, for links.
    pub base_url: Arc<str>,
    /// The deadline of an attempt, from look-up to last byte, of webhooks that say nothing.
    pub timeout: Duration,
    /// What was sent last.
    pub messages: Messages,
    /// The tokens of endpoints that want one.
    pub tokens: Tokens,
}

/// A test send: what was sent, and what came of it.
pub struct Trial {
    /// The topic.
    pub topic: String,
    /// The event; `None` where it was made up.
    pub event: Option<EventId>,
    /// What was sent; `None` where nothing could be.
    pub sent: Option<Sent>,
    /// What came of it.
    pub attempt: Attempt,
}

/// What came of an attempt, for those who write it down.
pub(super) struct Attempted {
    pub(super) attempt: Attempt,
    /// What the receiver asked for.
    pub(super) wishes: Wishes,
    /// What is left of the answer for who asks for it.
    pub(super) captured: Option<Capture>,
}

impl From<Attempt> for Attempted {
    fn from(attempt: Attempt) -> Self {
        Self { attempt, wishes: Wishes::default(), captured: None }
    }
}

impl Sender {
    /// Makes one attempt to deliver.
    pub(super) async fn attempt(&self, ready: &Ready, endpoint: Option<&Endpoint>) -> Attempted {
        let at = self.clock.now();
        let queue = at.since(ready.since);
        let found = match endpoint {
            Some(endpoint) => self.content(ready, endpoint).map(|content| (endpoint, content)),
            None => Err(Nothing::Gone),
        };
        let attempted = match found {
            Ok((endpoint, content)) => {
                self.send(ready.id, (endpoint, &content), at, |_, _| ()).await.0
            }
            Err(nothing) => Attempt::without_request(at, nothing.into()).into(),
        };
        let attempt = attempted.attempt;
        let trace = Trace { queue, ..attempt.trace };
        Attempted { attempt: Attempt { trace, ..attempt }, ..attempted }
    }

    /// Sends `content` to the endpoint; also returns what `keep` keeps of what is sent.
    async fn send<T>(
        &self,
        id: DeliveryId,
        (endpoint, content): (&Endpoint, &Content),
        at: Timestamp,
        keep: impl FnOnce(&HeaderMap, &Bytes) -> T,
    ) -> (Attempted, Option<T>) {
        let failed = |outcome| (Attempt::without_request(at, outcome).into(), None);
        let refuse =
            |kind, detail: &str| failed(Outcome::Failed { kind, detail: detail.to_owned() });
        let own = match &endpoint.destination {
            Ok(destination) => destination.clone(),
            Err(why) => return refuse(SendErrorKind::AddressRefused, why),
        };
        let destination = match content.destination(own, self.egress.policy()) {
            Ok(destination) => destination,
            Err(detail) => return failed(Outcome::Unrendered { detail }),
        };
        let egress = match endpoint.way_out(&self.egress) {
            Ok(egress) => egress,
            Err(why) => return refuse(SendErrorKind::Tls, &why),
        };
        let settings = &endpoint.webhook.settings;
        let timeout = settings.timeout.unwrap_or(self.timeout);
        let token = match self.token(endpoint, timeout).await {
            Ok(token) => token,
            Err(detail) => return failed(Outcome::NoToken { detail }),
        };
        let stamp = (at, token.as_ref().map(Secret::expose));
        let Outgoing { headers, body } = request::outgoing(self, id, endpoint, content, stamp);
        let kept = keep(&headers, &body);
        let method = method(settings.method);
        let request = Request { method, destination, headers, body: body.clone() };
        let most = if settings.captures_response {
            limits::CAPTURED_BYTES_MAX
        } else {
            limits::RESPONSE_EXCERPT_BYTES_MAX
        };
        let exchange = egress.send_keeping(request, timeout, most).await;
        if token.is_some()
            && exchange.result.as_ref().is_ok_and(|response| response.status.as_u16() == 401)
        {
            self.tokens.forget(endpoint.webhook.id);
        }
        let captured = if settings.captures_response { capture(&exchange) } else { None };
        let (attempt, wishes) = record(at, &body, exchange, self.clock.now());
        (Attempted { attempt, wishes, captured }, Some(kept))
    }

    async fn token(
        &self,
        endpoint: &Endpoint,
        timeout: Duration,
    ) -> Result<Option<Secret>, String> {
        let Some(Auth::OAuth2 { client_id, client_secret, scope, .. }) =
            &endpoint.webhook.settings.auth
        else {
            return Ok(None);
        };
        let destination = match &endpoint.token_destination {
            Some(Ok(destination)) => destination,
            Some(Err(why)) => return Err(why.clone()),
            None => return Err("there is no address to get a token from".to_owned()),
        };
        let grant = Grant {
            webhook: endpoint.webhook.id,
            version: endpoint.webhook.updated,
            destination,
            client_id,
            client_secret,
            scope: scope.as_deref(),
        };
        let got = self.tokens.get(&grant, &self.egress, &self.clock, timeout);
        // Others may be asking for the same token; nobody waits for them longer than this.
        match tokio::time::timeout(timeout, got).await {
            Ok(got) => got.map(Some),
            Err(_) => Err(format!("there was no token within {} s", timeout.as_secs())),
        }
    }

    /// Sends one event to an endpoint without putting it into the outbox: the stored event, or a
    /// made-up one of `metric`.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub async fn trial(
        &self,
        id: DeliveryId,
        endpoint: &Endpoint,
        metric: &Metric,
        event: Option<Event>,
    ) -> Result<Trial, StoreError> {
        let at = self.clock.now();
        let stored = event.as_ref().map(|event| event.id);
        let event = event.unwrap_or_else(|| sample(metric.id, at));
        let include = endpoint.webhook.settings.include;
        let content = Content::Events(message::data_of(self, &event, metric, include)?);
        let whole = |headers: &HeaderMap, body: &Bytes| Outgoing {
            headers: headers.clone(),
            body: body.clone(),
        };
        let (attempted, sent) = self.send(id, (endpoint, &content), at, whole).await;
        let attempt = attempted.attempt;
        let sent = sent.map(|sent| request::shown(sent, endpoint, &content, Some(&attempt)));
        Ok(Trial { topic: metric.topic.clone(), event: stored, sent, attempt })
    }

    /// Shows what a rendered request to this webhook would be, and with `sends` sends it, without
    /// putting it into the outbox.
    pub async fn try_request(
        &self,
        id: DeliveryId,
        webhook: Webhook,
        request: StoredRequest,
        sends: bool,
    ) -> (Sent, Option<Attempt>) {
        let endpoint = Endpoint::new(webhook, self.egress.policy());
        let content = Content::Request(request);
        let at = self.clock.now();
        // The token is not shown anyway.
        let outgoing = request::outgoing(self, id, &endpoint, &content, (at, Some("")));
        let shown = request::shown(outgoing, &endpoint, &content, None);
        if !sends {
            return (shown, None);
        }
        let (attempted, _) = self.send(id, (&endpoint, &content), at, |_, _| ()).await;
        (shown, Some(attempted.attempt))
    }

    /// What an attempt sent, made again; or, without one, what would be sent now. `None` where the
    /// events are not stored any more, or nothing was rendered.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn sent(
        &self,
        delivery: &Delivery,
        attempt: Option<&Attempt>,
        endpoint: &Endpoint,
    ) -> Result<Option<Sent>, StoreError> {
        let from = self.store.snapshot()?;
        let Some(content) = self.content_of(&from, delivery, endpoint)? else { return Ok(None) };
        let at = attempt.map_or_else(|| self.clock.now(), |attempt| attempt.at);
        // The token is not shown anyway.
        let outgoing = request::outgoing(self, delivery.id, endpoint, &content, (at, Some("")));
        Ok(Some(request::shown(outgoing, endpoint, &content, attempt)))
    }

    /// The stored event with this id.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        event::get(&self.store.snapshot()?, id)
    }
}

const fn method(of: Method) -> hyper::Method {
    match of {
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Patch => hyper::Method::PATCH,
        Method::Get => hyper::Method::GET,
        Method::Delete => hyper::Method::DELETE,
    }
}

/// A made-up event: it is not in the log, and says that it is a test.
fn sample(metric: MetricId, now: Timestamp) -> Event {
    let id = EventId::MIN.next(now);
    Event {
        id,
        metric,
        profile: ProfileId::from_u128(0),
        time: id.received(),
        received: id.received(),
        unique_id: "tidings-test".to_owned(),
        value: None,
        value_currency: None,
        properties: r#"{"test":true,"message":"A test delivery from tidings"}"#.to_owned(),
        backfill: false,
    }
}

/// The body of an answer, for who asks for it; `None` where it broke off, or there was none.
fn capture(exchange: &Exchange) -> Option<Capture> {
    let response = exchange.result.as_ref().ok().filter(|one| one.status.is_success())?;
    if response.body_bytes > limits::CAPTURED_BYTES_MAX as u64 {
        return Some(Capture::TooLong);
    }
    response.is_whole.then(|| Capture::Body(response.excerpt.clone()))
}

/// What is kept of an exchange, and what the receiver asked for.
fn record(at: Timestamp, body: &[u8], exchange: Exchange, now: Timestamp) -> (Attempt, Wishes) {
    let trace = trace(&exchange.trace);
    let (outcome, head, excerpt, wishes) = match exchange.result {
        Ok(response) => {
            let outcome = Outcome::Answered(response.status.as_u16());
            let most = if outcome.is_success() {
                limits::EXCERPT_OF_SUCCESS_BYTES_MAX
            } else {
                limits::EXCERPT_KEPT_BYTES_MAX
            };
            let kept = response.excerpt.get(..most).unwrap_or(&response.excerpt);
            let excerpt = String::from_utf8_lossy(kept).into_owned();
            (outcome, head_of(&response.headers), excerpt, wishes(&response.headers, now))
        }
        Err(error) => {
            let outcome = Outcome::Failed { kind: error.kind, detail: error.detail };
            (outcome, String::new(), String::new(), Wishes::default())
        }
    };
    let attempt = Attempt {
        at,
        outcome,
        trace,
        body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        body_hash: request::hash(body),
        response_head: head,
        excerpt,
    };
    (attempt, wishes)
}

const fn trace(of: &egress::Trace) -> Trace {
    Trace {
        queue: Duration::ZERO,
        dns: of.dns,
        connect: of.connect,
        tls_handshake: of.tls_handshake,
        first_byte: of.first_byte,
        total: of.total,
        remote: of.remote,
        tls: of.tls,
    }
}

/// The response's headers, a line each, as many as are kept.
fn head_of(headers: &HeaderMap) -> String {
    let mut head = String::with_capacity(128);
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if head.len() + name.as_str().len() + value.len() + 3 > limits::RESPONSE_HEAD_KEPT_BYTES_MAX
        {
            break;
        }
        head.push_str(name.as_str());
        head.push_str(": ");
        head.push_str(&value);
        head.push('\n');
    }
    head
}

fn wishes(headers: &HeaderMap, now: Timestamp) -> Wishes {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Wishes {
        not_before: text(header::RETRY_AFTER.as_str())
            .and_then(|value| policy::retry_after(value, now)),
        control: text(policy::CONTROL_HEADER).and_then(policy::control),
    }
}

impl Attempt {
    pub(super) fn without_request(at: Timestamp, outcome: Outcome) -> Self {
        Self {
            at,
            outcome,
            trace: Trace::default(),
            body_bytes: 0,
            body_hash: 0,
            response_head: String::new(),
            excerpt: String::new(),
        }
    }
}
