//! One attempt: the body is built, stamped with the time of sending, signed and sent.
//!
//! Body and headers follow the contract (wire.md §1.1): `meta` with its version and the true
//! time, `data` with one item. Every attempt is stamped and signed anew, so that receivers that
//! check for freshness accept a retry; the message id and `external_id` never change. Beside the
//! original's headers stand those of Standard Webhooks.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, body::Bytes};

use super::message::{self, Messages};
use super::{Attempt, Outcome, Source, State, rows};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::egress::{Egress, Request, SendErrorKind};
use crate::event::{self, Event};
use crate::id::{AccountId, DeliveryId, EventId, MetricId, ProfileId};
use crate::metric::Metrics;
use crate::signing::Message;
use crate::signing::Schemes;
use crate::store::{Store, StoreError};
use crate::webhook::Endpoint;

/// The API revision whose shapes deliveries and documents have; sent as `meta.version`.
pub const API_VERSION: &str = "2026-07-15";
const USER_AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

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
    /// The deadline of an attempt, from look-up to last byte.
    pub timeout: Duration,
    /// What was sent last.
    pub messages: Messages,
}

impl Sender {
    /// Makes one attempt to deliver; `source` is `None` where the delivery's row has to tell.
    pub(super) async fn attempt(
        &self,
        id: DeliveryId,
        source: Option<Source>,
        endpoint: Option<&Endpoint>,
    ) -> Attempt {
        let at = self.clock.now();
        let watch = Stopwatch::start();
        let message = match endpoint {
            Some(endpoint) => self.message(id, source, endpoint),
            None => Ok(None),
        };
        let (outcome, excerpt) = match (endpoint, message) {
            (Some(endpoint), Ok(Some(message))) => self.send(id, endpoint, &message, at).await,
            (_, Ok(_)) => (Outcome::Gone, String::new()),
            (_, Err(error)) => (Outcome::Unreadable { detail: error.to_string() }, String::new()),
        };
        Attempt { at, duration: watch.elapsed(), outcome, excerpt }
    }

    /// The `data` of the delivery's body; `None` where there is nothing to send any more.
    fn message(
        &self,
        id: DeliveryId,
        source: Option<Source>,
        endpoint: &Endpoint,
    ) -> Result<Option<Bytes>, StoreError> {
        let source = match source {
            Some(source) => source,
            None => {
                let found = rows::get(&self.store.snapshot()?, id)?;
                let Some(found) = found.filter(|found| found.state == State::Scheduled) else {
                    return Ok(None);
                };
                found.source
            }
        };
        match source {
            Source::Test(id) => {
                let (event, topic) = self.sample(id, endpoint);
                Ok(Some(message::data(&event, &topic, &self.base_url)))
            }
            Source::Event(id) => self.messages.data(id, || {
                let Some(event) = event::get(&self.store.snapshot()?, id)? else { return Ok(None) };
                let metric = self.metrics.get(event.metric);
                Ok(metric.map(|metric| message::data(&event, &metric.topic, &self.base_url)))
            }),
        }
    }

    /// The made-up event of a test: it is not in the log, and says that it is a test.
    fn sample(&self, id: EventId, endpoint: &Endpoint) -> (Event, String) {
        let topic = endpoint.webhook.topics.first().cloned().unwrap_or_default();
        let metric = self.metrics.by_topic(&topic);
        let time = id.received();
        let event = Event {
            id,
            metric: metric.map_or_else(|| MetricId::from_random(0), |metric| metric.id),
            profile: ProfileId::from_u128(0),
            time,
            received: time,
            unique_id: "tidings-test".to_owned(),
            value: None,
            value_currency: None,
            properties: r#"{"test":true,"message":"A test delivery from tidings"}"#.to_owned(),
            backfill: false,
        };
        (event, topic)
    }

    async fn send(
        &self,
        id: DeliveryId,
        endpoint: &Endpoint,
        data: &[u8],
        at: Timestamp,
    ) -> (Outcome, String) {
        let destination = match &endpoint.destination {
            Ok(destination) => destination.clone(),
            Err(why) => {
                let kind = SendErrorKind::AddressRefused;
                return (Outcome::Failed { kind, detail: why.clone() }, String::new());
            }
        };
        let body = self.body(endpoint, data, at);
        let headers = headers(id, endpoint, &body, at);
        let body = Bytes::from(body);
        let request = Request { method: Method::POST, destination, headers, body };
        match self.egress.send(request, self.timeout).await.result {
            Ok(response) => {
                let excerpt = String::from_utf8_lossy(&response.excerpt).into_owned();
                (Outcome::Answered(response.status.as_u16()), excerpt)
            }
            Err(error) => {
                (Outcome::Failed { kind: error.kind, detail: error.detail }, String::new())
            }
        }
    }

    fn body(&self, endpoint: &Endpoint, data: &[u8], at: Timestamp) -> Vec<u8> {
        let mut body = Vec::with_capacity(256 + data.len());
        for part in [
            r#"{"meta":{"timestamp":""#,
            &at.rfc3339_micros(),
            r#"","klaviyo_webhook_id":""#,
            &endpoint.webhook.id.to_string(),
            r#"","klaviyo_account_id":""#,
            self.account.as_str(),
            r#"","version":""#,
            API_VERSION,
            r#""},"data":"#,
        ] {
            body.extend_from_slice(part.as_bytes());
        }
        body.extend_from_slice(data);
        body.push(b'}');
        body
    }
}

/// The headers of an attempt: signatures over exactly this body at this time.
fn headers(id: DeliveryId, endpoint: &Endpoint, body: &[u8], at: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    let webhook = HeaderValue::try_from(endpoint.webhook.id.to_string());
    let webhook = webhook.expect("an id is header text");
    headers.insert(HeaderName::from_static("klaviyo-webhook-id"), webhook);
    let message = Message { id: &id.to_string(), at, body };
    endpoint.signer.sign(Schemes::default(), &message, &mut headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers
}
