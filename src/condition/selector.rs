//! Which of a person's past events a condition is about: `metric_id` and `metric_filters`.

use std::ops::ControlFlow;
use std::ops::RangeInclusive;

use super::At;
use super::PastEvent;
use super::Subject;
use super::path::EventField;
use super::predicate::Patterns;
use super::predicate::Predicate;
use super::standing::Standing;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::shown;
use crate::limits;

/// What a `metric_id` must be.
pub(super) const METRIC_ID: &str = "the id of a metric, such as \"SkDfHe\"";

/// What an event has to be: of the metric, and fitting every filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector {
    pub(super) metric_id: String,
    filters: Vec<(EventField, Predicate)>,
}

impl Selector {
    pub(super) fn parse(object: &Object<'_>, patterns: &mut Patterns) -> Result<Self, Fault> {
        let metric_id = object.id("metric_id", METRIC_ID)?;
        let filter = |object: Object<'_>| {
            object.only(&["property", "filter"])?;
            let field = EventField::parse(object.text("property")?)
                .map_err(|why| fault_at("property", why))?;
            Ok((field, patterns.predicate(&object)?))
        };
        let most = limits::CONDITION_METRIC_FILTERS_MAX;
        let filters = object.each("metric_filters", most, filter)?;
        Ok(Self { metric_id: metric_id.to_owned(), filters })
    }

    /// Whether the passing of time can change which events are selected.
    pub(super) fn is_timed(&self) -> bool {
        self.filters.iter().any(|(_, predicate)| predicate.is_timed())
    }

    /// The events as they stand in a sentence.
    pub(super) fn phrase(&self) -> String {
        let metric = shown(&self.metric_id);
        let of_kind = if self.filters.is_empty() { "" } else { " that fit the filters" };
        format!("events of metric `{metric}`{of_kind}")
    }

    /// Visits the events of the metric, the newest first, whether they fit or not.
    pub(super) fn each(
        &self,
        subject: &dyn Subject,
        seconds: RangeInclusive<i64>,
        visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
        if !seconds.is_empty() {
            subject.history(&self.metric_id, seconds, visit);
        }
    }

    /// Whether an event of the metric fits.
    pub(super) fn fits(&self, event: &dyn PastEvent, at: &At) -> bool {
        let fits = |(field, predicate): &(EventField, Predicate)| {
            predicate.holds(field.find_past(event).as_ref(), at)
        };
        self.filters.iter().all(fits)
    }

    /// The same, and until when.
    pub(super) fn stand(&self, event: &dyn PastEvent, at: &At) -> Standing {
        self.filters.iter().fold(Standing::settled(true), |standing, (field, predicate)| {
            standing.and(predicate.stand(field.find_past(event).as_ref(), at))
        })
    }
}
