//! What a filter looks at, as the caller shows it, and an object that is parsed when first looked
//! at. Where the values come from is the caller's business.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use serde_json::Map;
use serde_json::Value;

use super::consent::Channel;
use super::consent::Consent;
use crate::clock::Timestamp;

/// An event, a profile with what is known of the person, or both. What an implementation does not
/// have, it leaves as it is here: absent.
///
/// A filter may ask for the same thing several times, so what has to be parsed is kept; see
/// [`LazyObject`].
pub trait Subject {
    /// The id of the event's metric.
    fn metric_id(&self) -> Option<&str> {
        None
    }

    /// The event's properties, as the producer sent them.
    fn event_properties(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// What the event has besides its properties and shows among them: `$value`,
    /// `$value_currency`, `$event_id`. A property of the same name goes before it.
    fn event_attribute(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// One of the [`PROFILE_ATTRIBUTES`](super::PROFILE_ATTRIBUTES) of the profile.
    fn profile_attribute(&self, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    /// The profile's location.
    fn profile_location(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// The profile's custom properties.
    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// Hands the person's events of a metric to `visit`, those of the newest time first, as long as
    /// it says so: the ones whose time, in seconds since 1970, lies in `seconds`, which is never
    /// empty and never begins before 0.
    fn history(
        &self,
        _metric_id: &str,
        _seconds: RangeInclusive<i64>,
        _visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
    }

    /// Since when the person is in a list or segment.
    fn joined(&self, _group_id: &str) -> Option<Timestamp> {
        None
    }

    /// What the person said about being written to through a channel.
    fn consent(&self, _channel: Channel) -> Consent<'_> {
        Consent::default()
    }

    /// What chance is drawn from in a run of a flow. The same seed gives the same answer to the
    /// same condition: a split's has to be mixed of the run's id and the action's, or all splits of
    /// a run fall alike; that of a filter which is asked again and again, of the run's alone.
    fn sample_seed(&self) -> Option<u128> {
        None
    }

    /// When the person last entered the flow, before this run.
    fn entered_flow(&self) -> Option<Timestamp> {
        None
    }

    /// When this run of the flow began; without it, it would begin now.
    fn flow_start(&self) -> Option<Timestamp> {
        None
    }

    /// What an earlier step of the run put out under this name.
    fn output(&self, _name: &str) -> Option<&Value> {
        None
    }
}

/// One of the events of a person. What its time does not decide is looked at only if a filter asks
/// for it, so an implementation may read it then.
pub trait PastEvent {
    /// When it happened; whole seconds.
    fn time(&self) -> Timestamp;

    /// What it is worth, where the producer said so.
    fn value(&self) -> Option<f64>;

    /// Its properties, as the producer sent them.
    fn properties(&self) -> Option<&Map<String, Value>>;

    /// What it has besides: see [`Subject::event_attribute`].
    fn attribute(&self, name: &str) -> Option<Cow<'_, Value>>;
}

/// The text of a JSON object, parsed when first looked at and only then.
#[derive(Debug)]
pub struct LazyObject<'a> {
    text: Cow<'a, str>,
    parsed: OnceLock<Map<String, Value>>,
}

impl<'a> LazyObject<'a> {
    /// The object that `text` is.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), parsed: OnceLock::new() }
    }

    /// The object; empty where the text is not one, which what was checked on receipt can not be.
    pub fn get(&self) -> &Map<String, Value> {
        self.parsed.get_or_init(|| serde_json::from_str(&self.text).unwrap_or_default())
    }
}
