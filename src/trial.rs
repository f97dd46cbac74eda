//! Test sends: one event to one webhook, now, past the outbox.
//!
//! A person chooses a stored event or a topic and sees what was sent and what came back. The
//! webhook may be disabled or paused, which is when one wants to know. Nothing is stored: there is
//! no delivery, no retry, and neither the endpoint's health nor its breaker hears of it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Timestamp;
use crate::condition::Explanation;
use crate::delivery::{Sender, Trial};
use crate::event::Event;
use crate::id::{DeliveryId, EventId, MetricId};
use crate::json::{self, Fault};
use crate::limits;
use crate::matching::Candidate;
use crate::metric::{self, Metric, Metrics};
use crate::store::StoreError;
use crate::webhook::Endpoint;

const KIND: &str = "webhook-test";
const TOPIC_AT: &str = "/data/attributes/topic";
const EVENT_AT: &str = "/data/attributes/event_id";

/// What to test with, as a client asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// A made-up event of this topic, or the topic that the event must have.
    pub topic: Option<String>,
    /// This stored event.
    pub event: Option<EventId>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Option<Attributes<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes<'a> {
    #[serde(default)]
    topic: Option<String>,
    #[serde(borrow, default)]
    event_id: Option<Cow<'a, str>>,
}

impl Wish {
    /// Reads the body of a test's request; an empty one wishes for nothing in particular.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let Document { data } = json::parse(body)?;
        if data.kind != KIND {
            return Err(Fault::new("/data/type", format!("must be `{KIND}`")));
        }
        let Attributes { topic, event_id } = data.attributes.unwrap_or_default();
        let event = event_id.map(|text| {
            text.parse().map_err(|why| Fault::new(EVENT_AT, format!("`{text}`: {why}")))
        });
        Ok(Self { topic, event: event.transpose()? })
    }
}

/// Why there is no test.
#[derive(Debug)]
pub enum TrialError {
    /// There are [`limits::TRIALS_AT_ONCE_MAX`] under way.
    Busy,
    /// The wish can not be granted.
    Fault(Fault),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for TrialError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for TrialError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A test that may be sent; it takes up one of the places until it is dropped.
pub struct Prepared {
    endpoint: Arc<Endpoint>,
    metric: Arc<Metric>,
    event: Option<Event>,
    filter: Option<Explanation>,
    _place: OwnedSemaphorePermit,
}

/// What came of a test.
pub struct Tried {
    /// The message id that it was sent under; no delivery has it.
    pub id: DeliveryId,
    /// What was sent and what came back.
    pub trial: Trial,
    /// Whether the webhook subscribes to the topic.
    pub is_subscribed: bool,
    /// What the webhook's filter says about the event; `None` where there is no filter, and of an
    /// event that was made up, because no filter is about such.
    pub filter: Option<Explanation>,
}

/// Makes test sends. Clones share the places.
#[derive(Clone)]
pub struct Trials {
    sender: Arc<Sender>,
    metrics: Metrics,
    places: Arc<Semaphore>,
}

impl Trials {
    /// Test sends by this sender.
    #[must_use]
    pub fn new(sender: Arc<Sender>, metrics: Metrics) -> Self {
        let places = Arc::new(Semaphore::new(limits::TRIALS_AT_ONCE_MAX));
        Self { sender, metrics, places }
    }

    /// One of the places for test sends; it is free again when it is dropped.
    ///
    /// # Errors
    /// Where all are taken.
    pub fn place(&self) -> Result<OwnedSemaphorePermit, TrialError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| TrialError::Busy)
    }

    /// Finds what is to be sent. May read much: not for a thread that others need.
    ///
    /// # Errors
    /// Where there is no such event or topic, or too many tests are under way.
    pub fn prepare(&self, endpoint: Arc<Endpoint>, wish: &Wish) -> Result<Prepared, TrialError> {
        let place = self.place()?;
        let Some(id) = wish.event else {
            let topic = self.topic(&endpoint.webhook.topics, wish.topic.as_deref())?;
            let now = self.sender.clock.now();
            let metric = self.metrics.by_topic(topic);
            let metric = metric.unwrap_or_else(|| Arc::new(stand_in(topic, now)));
            return Ok(Prepared { endpoint, metric, event: None, filter: None, _place: place });
        };
        let unknown = || Fault::new(EVENT_AT, format!("there is no event {id}"));
        let event = self.sender.event(id)?.ok_or_else(unknown)?;
        let metric = self.metrics.get(event.metric).ok_or_else(unknown)?;
        if let Some(topic) = wish.topic.as_ref().filter(|topic| **topic != metric.topic) {
            let of = &metric.topic;
            let why = format!("the event {id} is of `{of}`, not of `{topic}`; leave the topic out");
            return Err(Fault::new(TOPIC_AT, why).into());
        }
        let filter = self.explanation(&endpoint, &event)?;
        Ok(Prepared { endpoint, metric, event: Some(event), filter, _place: place })
    }

    /// The topic of a made-up event: the one that is wished for, else the first of the webhook's
    /// that has events, else its first.
    fn topic<'a>(&self, own: &'a [String], wished: Option<&'a str>) -> Result<&'a str, Fault> {
        let exists = |topic: &str| self.metrics.by_topic(topic).is_some();
        let Some(wished) = wished else {
            let first = own.iter().find(|topic| exists(topic)).or_else(|| own.first());
            let none = || Fault::new(TOPIC_AT, "the webhook has no topics; choose one");
            return first.map(String::as_str).ok_or_else(none);
        };
        // What a webhook waits for may be tested before its first event.
        if exists(wished) || own.iter().any(|topic| topic == wished) {
            return Ok(wished);
        }
        let why = match self.metrics.nearest(wished) {
            Some(near) => format!("no topic `{wished}`; did you mean `{}`?", near.topic),
            None => format!("no topic `{wished}`"),
        };
        Err(Fault::new(TOPIC_AT, why))
    }

    fn explanation(
        &self,
        endpoint: &Endpoint,
        event: &Event,
    ) -> Result<Option<Explanation>, StoreError> {
        let Some(filter) = &endpoint.webhook.settings.filter else { return Ok(None) };
        let from = self.sender.store.snapshot()?;
        let candidate = Candidate::new(event, &from);
        candidate.explain(&filter.conditions, self.sender.clock.now()).map(Some)
    }

    /// Sends it, and waits for as long as the webhook lets an attempt take.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn send(&self, prepared: Prepared) -> Result<Tried, StoreError> {
        let Prepared { endpoint, metric, event, filter, _place } = prepared;
        let number = self.sender.store.commit::<_, StoreError, _>(|tx| tx.ulid()).await?;
        let id = DeliveryId::from_u128(number);
        let trial = self.sender.trial(id, &endpoint, &metric, event).await?;
        let is_subscribed = endpoint.webhook.topics.contains(&metric.topic);
        Ok(Tried { id, trial, is_subscribed, filter })
    }
}

/// The metric of a topic that has none yet, as its first event may make it.
fn stand_in(topic: &str, now: Timestamp) -> Metric {
    let named = topic.strip_prefix("event:").unwrap_or(topic);
    let (service, slug) = named.split_once('.').unwrap_or((metric::API_SERVICE, named));
    let words: Vec<String> = slug.split('_').map(capitalised).collect();
    Metric {
        id: MetricId::from_random(0),
        name: words.join(" "),
        service: service.to_owned(),
        topic: topic.to_owned(),
        created: now,
        has_value: false,
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_or_refused_by_name() {
        assert_eq!(Wish::parse(b""), Ok(Wish::default()));
        assert_eq!(Wish::parse(br#"{"data":{"type":"webhook-test"}}"#), Ok(Wish::default()));
        let whole = Wish::parse(
            br#"{"data":{"type":"webhook-test","attributes":{"topic":"event:api.a","event_id":null}}}"#,
        );
        assert_eq!(whole.unwrap().topic.as_deref(), Some("event:api.a"));
        for (body, pointer) in [
            (r#"{"data":{"type":"webhook"}}"#, "/data/type"),
            (r#"{"data":{"type":"webhook-test","attributes":{"event_id":"!"}}}"#, EVENT_AT),
            (r#"{"data":{"type":"webhook-test","attributes":{"topic":3}}}"#, TOPIC_AT),
            (
                r#"{"data":{"type":"webhook-test","attributes":{"event":"x"}}}"#,
                "/data/attributes/event",
            ),
            ("{}", "/data"),
        ] {
            assert_eq!(Wish::parse(body.as_bytes()).unwrap_err().pointer, pointer, "{body}");
        }
    }

    #[test]
    fn a_topic_without_events_gets_the_metric_that_its_first_event_would_make() {
        for (topic, service, name) in [
            ("event:api.placed_order", "api", "Placed Order"),
            ("event:my_app.größe_ändern", "my_app", "Größe Ändern"),
        ] {
            let metric = stand_in(topic, Timestamp::EPOCH);
            assert_eq!((metric.service.as_str(), metric.name.as_str()), (service, name));
            assert_eq!(metric.topic, topic);
        }
    }
}
