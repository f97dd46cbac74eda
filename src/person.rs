//! A person as conditions look at them: attributes, history, groups and consents, each read when it
//! is first asked for.
//!
//! Conditions can not fail, reading can: what went wrong is kept and told by [`Person::checked`],
//! without which an answer is worth nothing.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{ControlFlow, RangeInclusive};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::condition::{Channel, Consent, LazyObject, PastEvent, Status, Subject, Suppression};
use crate::consent::{self, Consents, Reason};
use crate::event::{self, Event, Occurrence};
use crate::id::{MetricId, ProfileId};
use crate::limits;
use crate::membership;
use crate::profile::{self, Identifier, Profile, TEXTS};
use crate::store::{Read, StoreError};

/// A person, read from a view of the store.
pub struct Person<'a, R> {
    from: &'a R,
    id: ProfileId,
    attributes: OnceCell<Option<Attributes>>,
    consents: OnceCell<Option<Consents>>,
    histories: RefCell<HashMap<MetricId, Option<Rc<Newest>>>>,
    failed: RefCell<Option<StoreError>>,
}

/// The newest events that a person had of a metric.
struct Newest {
    /// By their times, the newest first.
    events: Vec<Occurrence>,
    /// The last second of those that are not among them; `None` where all are.
    older_from: Option<i64>,
}

impl Newest {
    fn read(from: &impl Read, id: ProfileId, metric: MetricId) -> Result<Self, StoreError> {
        let mut events: Vec<Occurrence> = Vec::new();
        event::history(from, id, metric, i64::MIN..=i64::MAX, |occurrence| {
            events.push(occurrence);
            if events.len() <= limits::HISTORY_KEPT {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let mut older_from = None;
        if events.len() > limits::HISTORY_KEPT {
            // Of its second there may be more.
            older_from = events.last().map(|last| last.time.seconds());
            events.retain(|event| Some(event.time.seconds()) > older_from);
        }
        Ok(Self { events, older_from })
    }
}

struct Attributes {
    profile: Profile,
    location: LazyObject<'static>,
    properties: LazyObject<'static>,
}

impl From<Profile> for Attributes {
    fn from(profile: Profile) -> Self {
        Self {
            location: LazyObject::new(profile.location.to_text()),
            properties: LazyObject::new(profile.properties.to_text()),
            profile,
        }
    }
}

impl<'a, R: Read> Person<'a, R> {
    /// The person with this id; nothing is read yet.
    #[must_use]
    pub fn new(from: &'a R, id: ProfileId) -> Self {
        Self {
            from,
            id,
            attributes: OnceCell::new(),
            consents: OnceCell::new(),
            histories: RefCell::new(HashMap::new()),
            failed: RefCell::new(None),
        }
    }

    /// `answer`, unless something could not be read that it may stand on.
    ///
    /// # Errors
    /// What went wrong first.
    pub fn checked<T>(&self, answer: T) -> Result<T, StoreError> {
        // Kept: what was not read stays unread, so no later answer is worth more.
        self.failed.borrow().clone().map_or(Ok(answer), Err)
    }

    /// Whether there is such a person.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn exists(&self) -> Result<bool, StoreError> {
        self.checked(self.attributes().is_some())
    }

    fn attributes(&self) -> Option<&Attributes> {
        let read = || self.keep(profile::get(self.from, self.id)).flatten().map(Attributes::from);
        self.attributes.get_or_init(read).as_ref()
    }

    fn consents(&self) -> Option<&Consents> {
        let read = || self.keep(consent::get(self.from, self.id));
        self.consents.get_or_init(read).as_ref()
    }

    /// The newest events of a metric, from the second time on that it is asked about: many
    /// conditions ask about the same ones.
    fn newest(&self, metric: MetricId) -> Option<Rc<Newest>> {
        let mut asked = self.histories.borrow_mut();
        match asked.entry(metric) {
            Entry::Vacant(first) => {
                first.insert(None);
                None
            }
            Entry::Occupied(mut again) => {
                if again.get().is_none() {
                    let read = Newest::read(self.from, self.id, metric);
                    again.insert(self.keep(read).map(Rc::new));
                }
                again.get().clone()
            }
        }
    }

    /// What was read; `None`, and the error kept, where it was not.
    fn keep<T>(&self, read: Result<T, StoreError>) -> Option<T> {
        read.map_err(|error| {
            self.failed.borrow_mut().get_or_insert(error);
        })
        .ok()
    }
}

impl<R: Read> Subject for Person<'_, R> {
    fn profile_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        let profile = &self.attributes()?.profile;
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
        Some(self.attributes()?.location.get())
    }

    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        Some(self.attributes()?.properties.get())
    }

    fn history(
        &self,
        metric_id: &str,
        seconds: RangeInclusive<i64>,
        visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
        let Ok(metric) = metric_id.parse() else { return };
        let mut visit =
            |occurrence| visit(&Past { person: self, occurrence, event: OnceCell::new() });
        let (first, mut last) = seconds.into_inner();
        if let Some(newest) = self.newest(metric) {
            for occurrence in &newest.events {
                let second = occurrence.time.seconds();
                if (first..=last).contains(&second) && visit(*occurrence).is_break() {
                    return;
                }
            }
            match newest.older_from {
                Some(older_from) if first <= older_from => last = last.min(older_from),
                _ => return,
            }
        }
        self.keep(event::history(self.from, self.id, metric, first..=last, visit));
    }

    fn joined(&self, group_id: &str) -> Option<Timestamp> {
        let group = group_id.parse().ok()?;
        self.keep(membership::joined(self.from, group, self.id)).flatten()
    }

    fn consent(&self, channel: Channel) -> Consent<'_> {
        self.consents().map(|consents| consent_of(consents, channel)).unwrap_or_default()
    }
}

/// What was said about a channel, as conditions look at it.
fn consent_of(consents: &Consents, channel: Channel) -> Consent<'_> {
    let of = match channel {
        Channel::EmailMarketing => consent::Channel::EmailMarketing,
        Channel::SmsMarketing => consent::Channel::SmsMarketing,
        Channel::SmsTransactional => consent::Channel::SmsTransactional,
        Channel::PushMarketing => consent::Channel::PushMarketing,
        Channel::WhatsappMarketing => consent::Channel::WhatsappMarketing,
        Channel::WhatsappTransactional => consent::Channel::WhatsappTransactional,
    };
    let reason = |of: Reason| match of {
        Reason::HardBounce => Suppression::HardBounce,
        Reason::InvalidEmail => Suppression::InvalidEmail,
        Reason::SpamComplaint => Suppression::SpamComplaint,
        Reason::Unsubscribe => Suppression::Unsubscribe,
        Reason::UserSuppressed => Suppression::UserSuppressed,
    };
    // Mail alone is held back by a suppression.
    let held = match channel {
        Channel::EmailMarketing => consents.suppressions(),
        _ => &[],
    };
    let suppressions = held.iter().map(|held| (reason(held.reason), held.at)).collect();
    let Some(said) = consents.subscription(of) else {
        return Consent { suppressions, ..Consent::default() };
    };
    Consent {
        status: match said.status {
            consent::Status::Subscribed => Status::Subscribed,
            consent::Status::Unsubscribed => Status::Unsubscribed,
        },
        since: Some(said.since),
        recorded: Some(said.recorded),
        method: Some(Cow::Borrowed(said.method.as_str())),
        method_detail: None,
        custom_source: said.custom_source.as_deref().map(Cow::Borrowed),
        double_opt_in: said.double_opt_in,
        suppressions,
    }
}

/// An event of the person's past; the event itself is read when a property of it is asked for.
struct Past<'p, 'a, R> {
    person: &'p Person<'a, R>,
    occurrence: Occurrence,
    event: OnceCell<Option<(Event, LazyObject<'static>)>>,
}

impl<R: Read> Past<'_, '_, R> {
    fn event(&self) -> Option<&(Event, LazyObject<'static>)> {
        let read = || {
            let id = self.occurrence.id;
            let event = self.person.keep(event::get(self.person.from, id)).flatten()?;
            let properties = LazyObject::new(event.properties.clone());
            Some((event, properties))
        };
        self.event.get_or_init(read).as_ref()
    }
}

impl<R: Read> PastEvent for Past<'_, '_, R> {
    fn time(&self) -> Timestamp {
        self.occurrence.time
    }

    fn value(&self) -> Option<f64> {
        self.occurrence.value
    }

    fn properties(&self) -> Option<&Map<String, Value>> {
        Some(self.event()?.1.get())
    }

    fn attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event()?.0.attribute(name).map(Cow::Owned)
    }
}
