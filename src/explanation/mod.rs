//! Why something reacted to an event or did not, and what has happened since.
//!
//! People ask "why did my endpoint not get this?". The answer is made from facts: the event, what
//! could react to it as it is now, and the deliveries that came of it. History is not kept, so
//! where something was changed since the event, the answer says that it can not know.
//!
//! This file gathers; `verdict.rs` and `story.rs` decide, purely. It changes nothing.

mod story;
#[cfg(test)]
mod tests;
mod verdict;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use verdict::Verdict;

use story::Scene;
use verdict::{Facts, Judgement};

use crate::clock::Timestamp;
use crate::condition::Explanation;
use crate::delivery::{self, Deliveries, Delivery};
use crate::event::{self, Event};
use crate::id::{EventId, WebhookId};
use crate::limits;
use crate::matching::Candidate;
use crate::metric::Metrics;
use crate::profile;
use crate::store::{Read, StoreError};
use crate::webhook::{Endpoint, Webhooks};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// About this event.
    pub event: EventId,
    /// Only about this webhook.
    pub webhook: Option<WebhookId>,
}

/// The answer.
#[derive(Debug)]
pub struct EventExplanation {
    /// The event.
    pub event: Event,
    /// Its topic.
    pub topic: String,
    /// The name of its metric.
    pub metric: String,
    /// What reacted, then what nearly did, then the rest; each oldest first.
    pub reactions: Vec<Reaction>,
    /// How many more there are: the answer holds [`limits::EXPLAINED_REACTIONS_MAX`].
    pub left_out: usize,
}

/// One thing that reacts to events, and what it did about this one.
#[derive(Debug)]
pub struct Reaction {
    /// What reacts.
    pub reactor: Reactor,
    /// What became of it.
    pub verdict: Verdict,
    /// The same in one plain sentence.
    pub reason: String,
    /// What its filter says now, where it has one and did not react although it is about the
    /// topic.
    pub filter: Option<Explanation>,
    /// The newest deliveries that came of it, newest first, each with what happened to it.
    pub deliveries: Vec<(Delivery, String)>,
}

/// Something that reacts to events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reactor {
    /// A webhook.
    Webhook {
        /// Its id.
        id: WebhookId,
        /// Its name; `None` where it was deleted.
        name: Option<String>,
    },
}

impl Reactor {
    /// What kind of thing it is, by its name in the API.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Webhook { id, .. } => id.to_string(),
        }
    }

    /// Its name; `None` where it is gone.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Webhook { name, .. } => name.as_deref(),
        }
    }
}

/// Why nothing can be explained.
#[derive(Debug)]
pub enum ExplainError {
    /// There is no such event.
    NoEvent(EventId),
    /// There is no such webhook, and none with this id ever got the event.
    NoWebhook(WebhookId),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ExplainError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Answers questions about events.
#[derive(Clone)]
pub struct Explainer {
    /// All metrics.
    pub metrics: Metrics,
    /// All webhooks.
    pub webhooks: Webhooks,
    /// How their lanes stand.
    pub deliveries: Deliveries,
}

/// A webhook, there or deleted, with its deliveries of the event, newest first.
struct Subject {
    id: WebhookId,
    endpoint: Option<Arc<Endpoint>>,
    deliveries: Vec<Delivery>,
}

impl Explainer {
    /// Explains an event as of `now`. May read much: not for a thread that others need.
    ///
    /// # Errors
    /// Where there is no such event or webhook, or the store can not be read.
    pub fn explain(
        &self,
        from: &impl Read,
        question: Question,
        now: Timestamp,
    ) -> Result<EventExplanation, ExplainError> {
        let unknown = ExplainError::NoEvent(question.event);
        let Some(event) = event::get(from, question.event)? else { return Err(unknown) };
        let Some(metric) = self.metrics.get(event.metric) else { return Err(unknown) };
        let mut subjects = self.subjects(delivery::of_event(from, event.id)?);
        if let Some(only) = question.webhook {
            subjects.retain(|subject| subject.id == only);
            if subjects.is_empty() {
                return Err(ExplainError::NoWebhook(only));
            }
        }
        subjects.sort_by_key(|subject| Reverse(subject.nearness(&metric.topic)));
        let left_out = subjects.len().saturating_sub(limits::EXPLAINED_REACTIONS_MAX);
        subjects.truncate(limits::EXPLAINED_REACTIONS_MAX);
        let case = Case { from, event: &event, topic: &metric.topic, now };
        let candidate = Candidate::new(&event, from);
        let mut reactions = Vec::with_capacity(subjects.len());
        for subject in subjects {
            reactions.push(self.reaction(&case, &candidate, subject)?);
        }
        let (topic, metric) = (metric.topic.clone(), metric.name.clone());
        Ok(EventExplanation { event, topic, metric, reactions, left_out })
    }

    /// Every webhook there is, and those that were deleted after they got the event; oldest first.
    fn subjects(&self, deliveries: Vec<Delivery>) -> Vec<Subject> {
        let mut subjects = BTreeMap::new();
        let subject = |id, endpoint| Subject { id, endpoint, deliveries: Vec::new() };
        for endpoint in self.webhooks.all() {
            let id = endpoint.webhook.id;
            subjects.insert(id, subject(id, Some(endpoint)));
        }
        for delivery in deliveries {
            let id = delivery.webhook;
            let of = subjects.entry(id).or_insert_with(|| subject(id, None));
            of.deliveries.push(delivery);
        }
        subjects.into_values().collect()
    }

    fn reaction<R: Read>(
        &self,
        case: &Case<'_, R>,
        candidate: &Candidate<'_, R>,
        subject: Subject,
    ) -> Result<Reaction, StoreError> {
        let Subject { id, endpoint, mut deliveries } = subject;
        let webhook = endpoint.as_ref().map(|endpoint| &endpoint.webhook);
        let reactor = Reactor::Webhook { id, name: webhook.map(|webhook| webhook.name.clone()) };
        let scene = Scene { webhook, standing: self.deliveries.standing(id), now: case.now };
        if let Some(webhook) = webhook.filter(|_| deliveries.is_empty()) {
            let is_subscribed = webhook.topics.iter().any(|topic| topic == case.topic);
            let filter = webhook.settings.filter.as_ref().filter(|_| is_subscribed);
            // Relative dates counted from the moment at which the filter was asked.
            let explained = filter
                .map(|filter| candidate.explain(&filter.conditions, case.event.received))
                .transpose()?;
            let looks_at_person = filter.is_some_and(|filter| filter.conditions.needs_profile());
            let person_changed = if looks_at_person { case.person_changed()? } else { None };
            let facts = Facts {
                event: case.event,
                topic: case.topic,
                webhook,
                filter: explained.as_ref(),
                person_changed,
            };
            let Judgement { verdict, reason } = verdict::of_absence(&facts);
            let deliveries = Vec::new();
            return Ok(Reaction { reactor, verdict, reason, filter: explained, deliveries });
        }
        let Judgement { verdict, reason } = story::of_all(&deliveries, &scene);
        deliveries.truncate(limits::EXPLAINED_DELIVERIES_MAX);
        let told = |delivery: Delivery| {
            let summary = story::of_one(&delivery, &scene);
            (delivery, summary)
        };
        let deliveries = deliveries.into_iter().map(told).collect();
        Ok(Reaction { reactor, verdict, reason, filter: None, deliveries })
    }
}

impl Subject {
    /// How near it came to getting the event.
    fn nearness(&self, topic: &str) -> u8 {
        let subscribes =
            |endpoint: &Arc<Endpoint>| endpoint.webhook.topics.iter().any(|own| own == topic);
        match &self.endpoint {
            _ if !self.deliveries.is_empty() => 2,
            Some(endpoint) if subscribes(endpoint) => 1,
            _ => 0,
        }
    }
}

/// What is explained, and when.
struct Case<'a, R> {
    from: &'a R,
    event: &'a Event,
    topic: &'a str,
    now: Timestamp,
}

impl<R: Read> Case<'_, R> {
    /// When the person changed last, if that was after the event.
    fn person_changed(&self) -> Result<Option<Timestamp>, StoreError> {
        let person = profile::get(self.from, self.event.profile)?;
        Ok(person.map(|person| person.updated).filter(|updated| *updated > self.event.received))
    }
}
