//! Which webhooks want an event, and why the others do not.
//!
//! Recording asks it for every event, replays ask it for those of the past, and people ask it to
//! explain. It decides and reads; it changes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::condition::{At, Explanation, Filter, LazyObject, Subject};
use crate::event::Event;
use crate::person::Person;
use crate::store::{Read, StoreError};
use crate::webhook::Endpoint;

/// An event with its person, as conditions look at them. The person is read when first needed.
pub struct Candidate<'a, R> {
    event: &'a Event,
    properties: LazyObject<'a>,
    person: Person<'a, R>,
}

impl<'a, R: Read> Candidate<'a, R> {
    /// An event; its person is read from `from`.
    #[must_use]
    pub fn new(event: &'a Event, from: &'a R) -> Self {
        let properties = LazyObject::new(event.properties.as_str());
        Self { event, properties, person: Person::new(from, event.profile) }
    }

    /// Whether the event, or its person, fits the filter at `now`.
    ///
    /// # Errors
    /// Where the person can not be read.
    pub fn fits(&self, filter: &Filter, now: Timestamp) -> Result<bool, StoreError> {
        let fits = filter.evaluate(self, &At::utc(now));
        self.person.checked(fits)
    }

    /// The same, with the reason of each condition.
    ///
    /// # Errors
    /// Where the person can not be read.
    pub fn explain(&self, filter: &Filter, now: Timestamp) -> Result<Explanation, StoreError> {
        let explained = filter.explain(self, &At::utc(now));
        self.person.checked(explained)
    }
}

impl<R: Read> Subject for Candidate<'_, R> {
    fn metric_id(&self) -> Option<&str> {
        Some(self.event.metric.as_str())
    }

    fn event_properties(&self) -> Option<&Map<String, Value>> {
        Some(self.properties.get())
    }

    fn event_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event.attribute(name).map(Cow::Owned)
    }

    fn profile_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.person.profile_attribute(name)
    }

    fn profile_location(&self) -> Option<&Map<String, Value>> {
        self.person.profile_location()
    }

    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        self.person.profile_properties()
    }
}

/// Those of `subscribers` whose filters the event fits.
///
/// # Errors
/// Where the event's person can not be read.
pub fn wanted_by(
    event: &Event,
    subscribers: Vec<Arc<Endpoint>>,
    from: &impl Read,
    now: Timestamp,
) -> Result<Vec<Arc<Endpoint>>, StoreError> {
    if subscribers.iter().all(|endpoint| endpoint.webhook.settings.filter.is_none()) {
        return Ok(subscribers);
    }
    let candidate = Candidate::new(event, from);
    let mut wanted = Vec::with_capacity(subscribers.len());
    for endpoint in subscribers {
        let fits = match &endpoint.webhook.settings.filter {
            Some(filter) => candidate.fits(&filter.conditions, now)?,
            None => true,
        };
        if fits {
            wanted.push(endpoint);
        }
    }
    Ok(wanted)
}
