//! Conditions: which events and profiles something is about, in the grammar of Klaviyo's flows
//! and segments (contract: wire.md §2.6), parsed once into checked types and then only evaluated.
//!
//! ```json
//! {"condition_groups": [{"conditions": [
//!   {"type": "metric-property", "field": "Brand",
//!    "filter": {"type": "string", "operator": "equals", "value": "X"}}]}]}
//! ```
//!
//! All groups must hold; in a group, one condition is enough. Nothing here does I/O or knows what
//! an event or a profile is: the caller shows them through [`Subject`]. The text of a filter is
//! kept by the caller as it came.
//!
//! # What the contract leaves open, and what is chosen here
//!
//! | question | answer |
//! |---|---|
//! | `field` of an event | a property of exactly that name; without one, its dots are a path; `$value` and its like are what the event has besides |
//! | `property` of a profile | `email`, `location['city']`, `properties['a']['b']`; double quotes and dots do too |
//! | a path through a list | one item that matches is enough; likewise where the value itself is a list and the operator is none of lists |
//! | absent, `null` | the same thing: only negative operators and `not-set` hold |
//! | negative operators | hold exactly where their positive one does not: also for absent values, for values of another type, and for lists without any matching item |
//! | string | only JSON strings; upper and lower case differ; `equals` `null` is `not-set` |
//! | `regex` | found anywhere in the text unless anchored; linear time; `\w`, `\d`, `\b` and `(?i)` mean ASCII; a text over 4 KiB matches no pattern |
//! | `phone-country-code-in` | ISO 3166 codes (`US`); the country is read off the number's prefix |
//! | numeric | numbers, and strings that are wholly a number (`"9.99"`); integers compare exactly; `between` includes both ends |
//! | boolean | only `true` and `false`, not their names in strings |
//! | what is a date | ISO 8601 with an offset, or without one (`2026-04-13`, `2026-04-13 10:00:00`) in the zone of the evaluation, UTC unless said; integers are seconds since 1970 |
//! | `between-static`, `between` | both ends included; the two numbers of `between` come in any order and count back from now |
//! | `in-the-last`, `in-the-next`, `at-least` | exact hours, a day being 24; `at-least` means that long ago or longer |
//! | anniversaries | month and day in the zone, whatever the year; 29 February falls on the 28th in other years; `-last` and `-next` include today and the far day |
//! | `calendar-month` | the date lies in that month (1 to 12) of any year |
//! | `alltime` | any date |
//! | list | only JSON arrays; strings equal strings, an integer equals what `numeric` takes for it |
//! | `is-set` | present and not `null`; an empty string or list is set |
//!
//! Wider than the contract: every filter shape of §2.6 is taken by every condition, and
//! `metric_id` may be left out. With a `metric_id` a condition only holds for that metric's
//! events, negative or not.

mod dates;
mod explain;
mod lists;
mod numbers;
mod object;
mod parse;
mod path;
mod phone;
mod predicate;
mod subject;
#[cfg(test)]
mod tests;
mod texts;

use jiff::tz::TimeZone;

pub use explain::{ExplainedCondition, ExplainedGroup, Explanation};
use path::{EventField, Found, ProfileField};
pub use path::{LOCATION, PROFILE_ATTRIBUTES};
use predicate::Predicate;
pub use subject::{LazyObject, Subject};

use crate::clock::Timestamp;

/// A type of condition that tidings can evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `metric-property`: a property of the event.
    MetricProperty,
    /// `profile-property`: an attribute or a custom property of the profile.
    ProfileProperty,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::MetricProperty, Self::ProfileProperty];

    /// The condition's `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MetricProperty => "metric-property",
            Self::ProfileProperty => "profile-property",
        }
    }
}

/// Which types of condition a place takes.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    place: &'static str,
    allowed: &'static [Kind],
}

impl Kinds {
    /// The kinds that `place` takes; it stands in a sentence, such as "a webhook's filter".
    #[must_use]
    pub const fn new(place: &'static str, allowed: &'static [Kind]) -> Self {
        Self { place, allowed }
    }
}

/// The moment of an evaluation, and the zone of its calendar.
#[derive(Clone, Debug)]
pub struct At {
    now: Timestamp,
    zone: TimeZone,
}

impl At {
    /// `now`, by the calendar of UTC.
    #[must_use]
    pub const fn utc(now: Timestamp) -> Self {
        Self { now, zone: TimeZone::UTC }
    }

    /// `now`, by the calendar of `zone`.
    #[must_use]
    pub const fn in_zone(now: Timestamp, zone: TimeZone) -> Self {
        Self { now, zone }
    }
}

/// A filter: what `condition_groups` say. Made by [`Filter::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// All of them hold.
    groups: Vec<Group>,
}

/// One of its conditions holds.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    conditions: Vec<Condition>,
}

/// One condition; its kinds are those of [`Kind`].
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    MetricProperty { metric_id: Option<String>, field: EventField, predicate: Predicate },
    ProfileProperty { property: ProfileField, predicate: Predicate },
}

impl Filter {
    /// Whether the subject is one that the filter is about.
    #[must_use]
    pub fn evaluate(&self, subject: &dyn Subject, at: &At) -> bool {
        self.groups
            .iter()
            .all(|group| group.conditions.iter().any(|condition| condition.holds(subject, at)))
    }

    /// What [`Filter::evaluate`] says, with the reason of each condition, for a person to read.
    #[must_use]
    pub fn explain(&self, subject: &dyn Subject, at: &At) -> Explanation {
        let group = |group: &Group| ExplainedGroup {
            conditions: group.conditions.iter().map(|c| c.explain(subject, at)).collect(),
        };
        Explanation { groups: self.groups.iter().map(group).collect() }
    }

    /// Whether a condition looks at the event.
    #[must_use]
    pub fn needs_event(&self) -> bool {
        self.conditions().any(|condition| condition.kind() == Kind::MetricProperty)
    }

    /// Whether a condition looks at the profile.
    #[must_use]
    pub fn needs_profile(&self) -> bool {
        self.conditions().any(|condition| condition.kind() == Kind::ProfileProperty)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.groups.iter().flat_map(|group| &group.conditions)
    }
}

impl Condition {
    const fn kind(&self) -> Kind {
        match self {
            Self::MetricProperty { .. } => Kind::MetricProperty,
            Self::ProfileProperty { .. } => Kind::ProfileProperty,
        }
    }

    fn holds(&self, subject: &dyn Subject, at: &At) -> bool {
        match self {
            Self::MetricProperty { metric_id, field, predicate } => {
                is_of_metric(metric_id.as_deref(), subject)
                    && predicate.holds(field.find(subject).as_ref(), at)
            }
            Self::ProfileProperty { property, predicate } => {
                predicate.holds(property.find(subject).as_ref(), at)
            }
        }
    }

    fn explain(&self, subject: &dyn Subject, at: &At) -> ExplainedCondition {
        let explained =
            |predicate: &Predicate, name: &str, found: Option<Found<'_, '_>>| ExplainedCondition {
                held: predicate.holds(found.as_ref(), at),
                reason: predicate.reason(name, found.as_ref(), at),
            };
        match self {
            Self::MetricProperty { metric_id, field, predicate } => match metric_id.as_deref() {
                Some(wanted) if !is_of_metric(Some(wanted), subject) => ExplainedCondition {
                    held: false,
                    reason: explain::other_metric(wanted, subject.metric_id()),
                },
                _ => explained(predicate, field.name(), field.find(subject)),
            },
            Self::ProfileProperty { property, predicate } => {
                explained(predicate, property.name(), property.find(subject))
            }
        }
    }
}

fn is_of_metric(wanted: Option<&str>, subject: &dyn Subject) -> bool {
    wanted.is_none() || wanted == subject.metric_id()
}
