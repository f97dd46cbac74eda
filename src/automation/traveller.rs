//! Somebody on the way through a flow, as conditions look at them: the person, the event that let
//! them in, and the run.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::{ControlFlow, RangeInclusive};

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::condition::{Channel, Consent, LazyObject, PastEvent, Subject};
use crate::event::Event;
use crate::flow::Run;
use crate::id::ActionId;
use crate::person::Person;
use crate::store::{Read, StoreError};

pub(super) struct Traveller<'a, R> {
    person: Person<'a, R>,
    run: &'a Run,
    event: Option<&'a Event>,
    properties: LazyObject<'a>,
    /// The split that asks; samples of one split tell nothing of those of another.
    split: Cell<Option<ActionId>>,
}

impl<'a, R: Read> Traveller<'a, R> {
    pub(super) fn new(from: &'a R, run: &'a Run, event: Option<&'a Event>) -> Self {
        let properties = LazyObject::new(event.map_or("{}", |event| event.properties.as_str()));
        let person = Person::new(from, run.profile);
        Self { person, run, event, properties, split: Cell::new(None) }
    }

    /// From now on, this split asks; `None` is the flow itself.
    pub(super) fn asked_by(&self, split: Option<ActionId>) {
        self.split.set(split);
    }

    /// `answer`, unless something could not be read that it may stand on.
    pub(super) fn checked<T>(&self, answer: T) -> Result<T, StoreError> {
        self.person.checked(answer)
    }

    /// The person's time zone, where they have one.
    pub(super) fn zone(&self) -> Option<&str> {
        self.person.profile_location()?.get("timezone")?.as_str()
    }
}

impl<R: Read> Subject for Traveller<'_, R> {
    fn metric_id(&self) -> Option<&str> {
        self.event.map(|event| event.metric.as_str())
    }

    fn event_properties(&self) -> Option<&Map<String, Value>> {
        self.event.map(|_| self.properties.get())
    }

    fn event_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event?.attribute(name).map(Cow::Owned)
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

    fn history(
        &self,
        metric_id: &str,
        seconds: RangeInclusive<i64>,
        visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
        self.person.history(metric_id, seconds, visit);
    }

    fn joined(&self, group_id: &str) -> Option<Timestamp> {
        self.person.joined(group_id)
    }

    fn consent(&self, channel: Channel) -> Consent<'_> {
        self.person.consent(channel)
    }

    fn sample_seed(&self) -> Option<u128> {
        let split = self.split.get().map_or(0, ActionId::as_u64);
        Some(self.run.id.as_u128() ^ (u128::from(split) << 64))
    }

    fn entered_flow(&self) -> Option<Timestamp> {
        self.run.entered_before
    }

    fn flow_start(&self) -> Option<Timestamp> {
        Some(self.run.entered)
    }
}
