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
//! | `profile-metric` | `count` of the person's events of the metric, or `sum` of their `$value` in millionths, one without adding nothing; only events in `timeframe_filter` that fit every one of `metric_filters` |
//! | events of the future | have a time like any other: `alltime` and `after` take them, `in-the-last` not |
//! | `profile-metric-funnel` | there is an event for each step that must happen, none before that of the step before; events outside `timeframe_filter` do not exist for it; details and what `metric_exists` `false` means stand in `funnel.rs` |
//! | `completion_window_seconds` | from the first step that must happen to the last; `null` is no limit |
//! | `profile-group-membership` | `true`: in one of the groups, having joined in `timeframe_filter`; `false`: in none |
//! | can receive marketing | has an address of the channel, is not suppressed, and has subscribed; e-mail also reaches who never said anything |
//! | `filters` of a consent | all of them hold; a method is compared without regard to case, and its own `filter` is about the detail of the method |
//! | `profile-permissions` | `explicitly`: by what was said; `implicitly`: nothing was said, and reachable is who has a phone number |
//! | `flow-start` | in the `timeframe_filter` of `profile-metric` alone: the events later than the start of the run; what began the run is not among them |
//! | `profile-sample` | a hash of the run's seed and of the condition's place decides, the same whenever it is asked; without a run it never holds |
//! | `profile-not-in-flow` | the person has not entered the flow before this run, in its time; that is `alltime` or `in-the-last` |
//! | `action-output` | by `field`, the name of the output; an output that is not there is absent, like a property |
//! | `profile-region` | by `location.country`, an ISO 3166 code or the usual English name; without one a person is in no region |
//!
//! Wider than the contract: every filter shape of §2.6 is taken by every condition, and
//! the `metric_id` of `metric-property` may be left out. With it the condition only holds for that
//! metric's events, negative or not.
//!
//! # Time
//!
//! [`Filter::stand`] also tells until when its answer is sure if nothing but time passes. Whoever
//! asks again then, and whenever something changes that [`Filter::touches`] names, misses nothing.

mod conditions;
mod consent;
mod dates;
mod explain;
mod facts;
mod funnel;
mod group;
mod kinds;
mod lists;
mod marketing;
mod metric;
mod not_in_flow;
mod numbers;
mod output;
mod parse;
mod path;
mod permission;
mod phone;
mod predicate;
mod region;
mod sample;
mod selector;
mod standing;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;
mod texts;
mod threshold;
mod windows;

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::civil;
use jiff::tz::TimeZone;
use serde_json::Value;

use conditions::Condition;
pub use consent::{Channel, Consent, Status, Suppression};
pub use explain::{ExplainedCondition, ExplainedGroup, Explanation};
pub use kinds::{Kind, Kinds};
pub use path::{LOCATION, PROFILE_ATTRIBUTES};
pub use standing::Standing;
pub use subject::{LazyObject, PastEvent, Subject};

use crate::clock::Timestamp;

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

    /// The moment.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
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

/// What a filter looks at: nothing else can change its answer, but the passing of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches<'f> {
    /// The metrics whose past events it reads, by their ids.
    pub metrics: BTreeSet<&'f str>,
    /// The attributes of the profile: `email`, `location.city`, `properties.plan`. Of a path into
    /// a custom property it is the outermost key.
    pub attributes: BTreeSet<Cow<'f, str>>,
    /// The lists and segments, by their ids.
    pub groups: BTreeSet<&'f str>,
    /// Whether it looks at what the person said about being written to.
    pub consents: bool,
}

impl Filter {
    /// Whether the subject is one that the filter is about.
    #[must_use]
    pub fn evaluate(&self, subject: &dyn Subject, at: &At) -> bool {
        self.groups
            .iter()
            .all(|group| group.conditions.iter().any(|condition| condition.holds(subject, at)))
    }

    /// What [`Filter::evaluate`] says, and until when that is sure while only time passes.
    ///
    /// Conditions on the past events of a person are asked last, and not at all where the others
    /// settle the answer for ever.
    #[must_use]
    pub fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        let at_hand = |condition: &&Condition| !condition.reads_history();
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let conditions = group.conditions.iter();
            let standing =
                any_of(Standing::settled(false), conditions.filter(at_hand), subject, at);
            let reads_history = group.conditions.iter().any(Condition::reads_history);
            if !reads_history && standing.is_settled(false) {
                return standing;
            }
            groups.push((standing, group));
        }
        let mut all = Standing::settled(true);
        for (standing, group) in groups {
            let history = group.conditions.iter().filter(|condition| condition.reads_history());
            all = all.and(any_of(standing, history, subject, at));
            if all.is_settled(false) {
                break;
            }
        }
        all
    }

    /// What the answer depends on besides time.
    #[must_use]
    pub fn touches(&self) -> Touches<'_> {
        let mut touches = Touches::default();
        for condition in self.conditions() {
            condition.touch(&mut touches);
        }
        touches
    }

    /// What [`Filter::evaluate`] says, with the reason of each condition, for a person to read.
    #[must_use]
    pub fn explain(&self, subject: &dyn Subject, at: &At) -> Explanation {
        let group = |group: &Group| ExplainedGroup {
            conditions: group.conditions.iter().map(|c| c.explain(subject, at)).collect(),
        };
        Explanation { groups: self.groups.iter().map(group).collect() }
    }

    /// The metrics that conditions on the event at hand are bound to, by their ids.
    #[must_use]
    pub fn event_metrics(&self) -> BTreeSet<&str> {
        self.conditions().filter_map(Condition::event_metric).collect()
    }

    /// Whether a condition looks at the profile's attributes.
    #[must_use]
    pub fn needs_profile(&self) -> bool {
        self.conditions().any(Condition::reads_profile)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.groups.iter().flat_map(|group| &group.conditions)
    }
}

/// The day that a value is, in the zone where it is a moment; `None` where it is no date by the
/// table above.
#[must_use]
pub fn day_of(value: &Value, zone: &TimeZone) -> Option<civil::Date> {
    let at = At::in_zone(Timestamp::EPOCH, zone.clone());
    dates::Moment::read(value).map(|moment| moment.day(&at))
}

/// Whether one of the conditions holds, or did by what is known `already`, and until when.
fn any_of<'c>(
    already: Standing,
    conditions: impl Iterator<Item = &'c Condition>,
    subject: &dyn Subject,
    at: &At,
) -> Standing {
    let mut standing = already;
    for condition in conditions {
        if standing.is_settled(true) {
            break;
        }
        standing = standing.or(condition.stand(subject, at));
    }
    standing
}
