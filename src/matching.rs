//! Which webhooks want an event, and why the others do not.
//!
//! Recording asks it for every event, replays ask it for those of the past, and people ask it to
//! explain. It decides and reads; it changes nothing.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::condition::{At, Explanation, Filter, LazyObject, Subject};
use crate::event::Event;
use crate::id::ProfileId;
use crate::profile::{self, Identifier, Profile, TEXTS};
use crate::store::{Read, StoreError};
use crate::webhook::Endpoint;

/// An event with its person, as conditions look at them. The person is read when first needed.
pub struct Candidate<'a, R> {
    event: &'a Event,
    properties: LazyObject<'a>,
    from: &'a R,
    person: OnceCell<Option<Person>>,
}

struct Person {
    profile: Profile,
    location: LazyObject<'static>,
    properties: LazyObject<'static>,
}

impl<'a, R: Read> Candidate<'a, R> {
    /// An event; its person is read from `from`.
    #[must_use]
    pub fn new(event: &'a Event, from: &'a R) -> Self {
        let properties = LazyObject::new(event.properties.as_str());
        Self { event, properties, from, person: OnceCell::new() }
    }

    /// Whether the event, or its person, fits the filter at `now`.
    ///
    /// # Errors
    /// Where the person can not be read.
    pub fn fits(&self, filter: &Filter, now: Timestamp) -> Result<bool, StoreError> {
        self.prepare(filter)?;
        Ok(filter.evaluate(self, &At::utc(now)))
    }

    /// The same, with the reason of each condition.
    ///
    /// # Errors
    /// Where the person can not be read.
    pub fn explain(&self, filter: &Filter, now: Timestamp) -> Result<Explanation, StoreError> {
        self.prepare(filter)?;
        Ok(filter.explain(self, &At::utc(now)))
    }

    /// Conditions can not fail, so what they may look at is read before.
    fn prepare(&self, filter: &Filter) -> Result<(), StoreError> {
        if filter.needs_profile() && self.person.get().is_none() {
            let read = read_person(self.from, self.event.profile)?;
            // Nobody else sets it in between: this is not shared between threads.
            drop(self.person.set(read));
        }
        Ok(())
    }

    fn person(&self) -> Option<&Person> {
        self.person.get()?.as_ref()
    }
}

fn read_person(from: &impl Read, id: ProfileId) -> Result<Option<Person>, StoreError> {
    Ok(profile::get(from, id)?.map(|profile| Person {
        location: LazyObject::new(profile.location.to_text()),
        properties: LazyObject::new(profile.properties.to_text()),
        profile,
    }))
}

impl<R: Read> Subject for Candidate<'_, R> {
    fn metric_id(&self) -> Option<&str> {
        Some(self.event.metric.as_str())
    }

    fn event_properties(&self) -> Option<&Map<String, Value>> {
        Some(self.properties.get())
    }

    fn event_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        let value = match name {
            "$value" => serde_json::from_str(self.event.value.as_ref()?).ok()?,
            "$value_currency" => self.event.value_currency.clone()?.into(),
            "$event_id" => self.event.unique_id.clone().into(),
            _ => return None,
        };
        Some(Cow::Owned(value))
    }

    fn profile_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        let profile = &self.person()?.profile;
        let text = match name {
            "id" => Some(profile.id.to_string()),
            "created" => Some(profile.created.rfc3339_seconds()),
            "updated" => Some(profile.updated.rfc3339_seconds()),
            _ => match TEXTS.iter().position(|text| *text == name) {
                Some(place) => profile.texts[place].clone(),
                None => {
                    let kind = Identifier::ALL.into_iter().find(|kind| kind.name() == name)?;
                    profile.identifier(kind).map(str::to_owned)
                }
            },
        };
        text.map(|text| Cow::Owned(Value::String(text)))
    }

    fn profile_location(&self) -> Option<&Map<String, Value>> {
        Some(self.person()?.location.get())
    }

    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        Some(self.person()?.properties.get())
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
