//! Tests of conditions, through [`Filter`] alone.

mod consents;
mod explained;
mod fields;
mod flows;
mod funnels;
mod laws;
mod metrics;
mod operators;
mod people;
mod refused;
mod refused_people;
mod standings;
mod turns;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::ops::RangeInclusive;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::json::Fault;
use crate::limits;

const KINDS: Kinds = Kinds::new("a webhook's filter", &Kind::OF_EVENT);

/// A Wednesday.
const NOW: &str = "2026-04-15T12:00:00Z";

fn at() -> At {
    At::utc(Timestamp::parse_rfc3339(NOW).unwrap())
}

/// An event and its profile, as a caller would show them.
#[derive(Debug, Default)]
struct Facts {
    metric_id: Option<&'static str>,
    event: Option<LazyObject<'static>>,
    event_attributes: Map<String, Value>,
    profile_attributes: Map<String, Value>,
    location: Option<LazyObject<'static>>,
    properties: Option<LazyObject<'static>>,
    history: Vec<Past>,
    groups: BTreeMap<&'static str, Timestamp>,
    consents: BTreeMap<Channel, Consent<'static>>,
    sample_seed: Option<u128>,
    entered_flow: Option<Timestamp>,
    flow_start: Option<Timestamp>,
    outputs: Map<String, Value>,
    /// Past events that were shown.
    shown: Cell<usize>,
}

/// An event of the past.
#[derive(Clone, Debug, Default)]
struct Past {
    metric_id: &'static str,
    seconds: i64,
    value: Option<f64>,
    properties: Map<String, Value>,
}

impl Past {
    fn new(metric_id: &'static str, time: &str) -> Self {
        let seconds = moment(time).seconds();
        Self { metric_id, seconds, ..Self::default() }
    }
}

impl PastEvent for Past {
    fn time(&self) -> Timestamp {
        Timestamp::from_seconds(self.seconds)
    }

    fn value(&self) -> Option<f64> {
        self.value
    }

    fn properties(&self) -> Option<&Map<String, Value>> {
        Some(&self.properties)
    }

    fn attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        (name == "$value").then(|| Cow::Owned(self.value.into()))
    }
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap_or_else(|| panic!("{text}"))
}

impl Subject for Facts {
    fn metric_id(&self) -> Option<&str> {
        self.metric_id
    }

    fn event_properties(&self) -> Option<&Map<String, Value>> {
        self.event.as_ref().map(LazyObject::get)
    }

    fn event_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event_attributes.get(name).map(Cow::Borrowed)
    }

    fn profile_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.profile_attributes.get(name).cloned().map(Cow::Owned)
    }

    fn profile_location(&self) -> Option<&Map<String, Value>> {
        self.location.as_ref().map(LazyObject::get)
    }

    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        self.properties.as_ref().map(LazyObject::get)
    }

    fn history(
        &self,
        metric_id: &str,
        seconds: RangeInclusive<i64>,
        visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
        assert!(!seconds.is_empty() && *seconds.start() >= 0, "{seconds:?}");
        let is_wanted =
            |past: &&Past| past.metric_id == metric_id && seconds.contains(&past.seconds);
        let mut wanted: Vec<_> = self.history.iter().filter(is_wanted).collect();
        wanted.sort_by_key(|past| std::cmp::Reverse(past.seconds));
        for past in wanted {
            self.shown.set(self.shown.get() + 1);
            if visit(past).is_break() {
                return;
            }
        }
    }

    fn joined(&self, group_id: &str) -> Option<Timestamp> {
        self.groups.get(group_id).copied()
    }

    fn consent(&self, channel: Channel) -> Consent<'_> {
        self.consents.get(&channel).cloned().unwrap_or_default()
    }

    fn sample_seed(&self) -> Option<u128> {
        self.sample_seed
    }

    fn entered_flow(&self) -> Option<Timestamp> {
        self.entered_flow
    }

    fn flow_start(&self) -> Option<Timestamp> {
        self.flow_start
    }

    fn output(&self, name: &str) -> Option<&Value> {
        self.outputs.get(name)
    }
}

fn lazy(object: &Value) -> Option<LazyObject<'static>> {
    Some(LazyObject::new(object.to_string()))
}

/// An event with these properties and nothing else.
fn event(properties: &Value) -> Facts {
    Facts { event: lazy(properties), ..Facts::default() }
}

fn try_parse(filter: &Value) -> Result<Filter, Fault> {
    try_parse_as(filter, KINDS)
}

fn try_parse_as(filter: &Value, kinds: Kinds) -> Result<Filter, Fault> {
    let raw = RawValue::from_string(filter.to_string()).unwrap();
    Filter::parse(&raw, "/data/attributes/filter", kinds)
}

/// The definition of a segment.
fn segment(filter: &Value) -> Filter {
    try_parse_as(filter, Kinds::SEGMENT).unwrap_or_else(|fault| panic!("{filter}: {fault}"))
}

/// Checks what a segment's condition says of a person, in all three ways; gives the reason.
fn check_person(condition: &Value, facts: &Facts, expected: bool) -> String {
    let filter = segment(&one(condition));
    assert_eq!(filter.evaluate(facts, &at()), expected, "{condition}");
    assert_eq!(filter.stand(facts, &at()).holds, expected, "{condition}");
    let explained = &filter.explain(facts, &at()).groups[0].conditions[0];
    assert_eq!(explained.held, expected, "{condition}: {}", explained.reason);
    explained.reason.clone()
}

fn parse(filter: &Value) -> Filter {
    try_parse(filter).unwrap_or_else(|fault| panic!("{filter}: {fault}"))
}

/// A filter of one condition.
fn one(condition: &Value) -> Value {
    json!({"condition_groups": [{"conditions": [condition]}]})
}

/// A filter of one condition on the event's property `P`.
fn on_p(filter: &Value) -> Value {
    one(&json!({"type": "metric-property", "field": "P", "filter": filter}))
}

#[test]
fn groups_are_anded_and_their_conditions_ored() {
    let is = |field: &str, value: &str| {
        json!({"type": "metric-property", "field": field,
            "filter": {"type": "string", "operator": "equals", "value": value}})
    };
    let filter = parse(&json!({"condition_groups": [
        {"conditions": [is("Brand", "X"), is("Brand", "Y")]},
        {"conditions": [is("Size", "M")]},
    ]}));
    for (brand, size, expected) in
        [("X", "M", true), ("Y", "M", true), ("Z", "M", false), ("X", "L", false)]
    {
        let facts = event(&json!({"Brand": brand, "Size": size}));
        assert_eq!(filter.evaluate(&facts, &at()), expected, "{brand} {size}");
        assert_eq!(filter.explain(&facts, &at()).held(), expected, "{brand} {size}");
    }
}

#[test]
fn a_filter_tells_whether_it_needs_the_profile() {
    let event_only = parse(&on_p(&json!({"type": "existence", "operator": "is-set"})));
    assert!(!event_only.needs_profile());
    let profile_only = parse(&one(&json!({"type": "profile-property", "property": "email",
        "filter": {"type": "existence", "operator": "is-set"}})));
    assert!(profile_only.needs_profile());
}

#[test]
fn a_metric_id_binds_positive_and_negative_operators_alike() {
    for operator in ["is-set", "not-set"] {
        let filter = parse(&one(&json!({"type": "metric-property", "metric_id": "SkDfHe",
            "field": "P", "filter": {"type": "existence", "operator": operator}})));
        for (metric_id, of_metric) in
            [(Some("SkDfHe"), true), (Some("Other1"), false), (None, false)]
        {
            for (properties, is_set) in [(json!({"P": 1}), true), (json!({}), false)] {
                let facts = Facts { metric_id, ..event(&properties) };
                let expected = of_metric && is_set == (operator == "is-set");
                assert_eq!(filter.evaluate(&facts, &at()), expected, "{metric_id:?} {operator}");
            }
        }
    }
}
