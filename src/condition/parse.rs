//! From JSON to a [`Filter`]: the groups, the conditions, and which types a place takes. What
//! stands under a condition's `filter` is read in `predicate`.

use serde_json::Value;
use serde_json::value::RawValue;

use super::funnel::FunnelTest;
use super::group::GroupTest;
use super::marketing::MarketingTest;
use super::metric::MetricTest;
use super::not_in_flow::NotInFlowTest;
use super::output::OutputTest;
use super::path::EventField;
use super::path::ProfileField;
use super::permission::PermissionTest;
use super::predicate::Patterns;
use super::region::RegionTest;
use super::sample::SampleTest;
use super::selector::METRIC_ID;
use super::{Condition, Filter, Group, Kind, Kinds};
use crate::json::Bounds;
use crate::json::Fault;
use crate::json::check_object;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::listed;
use crate::json::object::unknown;
use crate::limits;

/// What conditions on messages need.
const MESSAGES: &str = "a record of messages that were sent";

/// Every type of condition in the contract, so that one which a place does not take is not
/// mistaken for a slip of the pen; and what tidings lacks for those that it never takes.
const CONTRACT_TYPES: [(&str, Option<&str>); 21] = [
    ("action-output", None),
    ("custom-object-property", Some("custom objects")),
    ("custom-object-trigger-property", Some("custom objects")),
    ("low-inventory-property", Some("a catalogue of products")),
    ("metric-property", None),
    ("price-drop-property", Some("a catalogue of products")),
    ("profile-group-membership", None),
    ("profile-has-custom-object", Some("custom objects")),
    ("profile-marketing-consent", None),
    ("profile-metric", None),
    ("profile-metric-funnel", None),
    ("profile-not-in-flow", None),
    ("profile-not-sent-email", Some(MESSAGES)),
    ("profile-not-sent-push", Some(MESSAGES)),
    ("profile-not-sent-sms", Some(MESSAGES)),
    ("profile-permissions", None),
    ("profile-postal-code-distance", Some("the places of postal codes")),
    ("profile-predictive-analytics", Some("a model of what people will do")),
    ("profile-property", None),
    ("profile-region", None),
    ("profile-sample", None),
];

/// What any filter keeps within, whatever its conditions are.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::CONDITION_DEPTH_MAX,
    // Of the outermost object; all but one of its keys are refused by name afterwards.
    keys_max: limits::CONDITION_VALUES_MAX,
    string_bytes_max: limits::CONDITION_TEXT_BYTES_MAX,
    array_items_max: limits::CONDITION_VALUES_MAX,
};

impl Filter {
    /// Reads a filter that stands at `pointer` of a request.
    ///
    /// # Errors
    /// The first fault; its pointer begins with `pointer`.
    pub fn parse(json: &RawValue, pointer: &str, kinds: Kinds) -> Result<Self, Fault> {
        read(json, kinds).map_err(|fault| fault.under(pointer))
    }
}

fn read(json: &RawValue, kinds: Kinds) -> Result<Filter, Fault> {
    check_object(json, &BOUNDS)?;
    let value: Value = serde_json::from_str(json.get())
        .map_err(|error| Fault::new("", format!("cannot be read: {error}")))?;
    let object = Object::read(&value, r#"{"condition_groups":[…]}"#)?;
    object.only(&["condition_groups"])?;
    let mut filter = Filter { groups: Vec::new() };
    let mut patterns = Patterns::default();
    let groups = object.items("condition_groups", limits::CONDITION_GROUPS_MAX)?;
    for (place, value) in groups.iter().enumerate() {
        let group = group(value, place, kinds, &mut patterns)
            .map_err(|fault| fault.under(&format!("/condition_groups/{place}")))?;
        filter.groups.push(group);
    }
    Ok(filter)
}

/// Reads one group, the one at this place; `patterns` counts the regular expressions of the whole
/// filter.
fn group(
    value: &Value,
    group_place: usize,
    kinds: Kinds,
    patterns: &mut Patterns,
) -> Result<Group, Fault> {
    let object = Object::read(value, r#"{"conditions":[…]}"#)?;
    object.only(&["conditions"])?;
    let mut group = Group { conditions: Vec::new() };
    let conditions = object.items("conditions", limits::CONDITIONS_PER_GROUP_MAX)?;
    for (place, value) in conditions.iter().enumerate() {
        let condition = condition(value, [group_place, place], kinds, patterns)
            .map_err(|fault| fault.under(&format!("/conditions/{place}")))?;
        group.conditions.push(condition);
    }
    Ok(group)
}

/// Reads one condition; its place is that of its group in the filter and its own in the group.
fn condition(
    value: &Value,
    place: [usize; 2],
    kinds: Kinds,
    patterns: &mut Patterns,
) -> Result<Condition, Fault> {
    let object = Object::read(value, r#"{"type":"metric-property","field":"Brand","filter":{…}}"#)?;
    Ok(match kind(&object, kinds)? {
        Kind::MetricProperty => {
            object.only(&["type", "metric_id", "field", "filter"])?;
            Condition::MetricProperty {
                metric_id: metric_id(&object)?,
                field: EventField::parse(object.text("field")?)
                    .map_err(|why| fault_at("field", why))?,
                predicate: patterns.predicate(&object)?,
            }
        }
        Kind::ProfileProperty => {
            object.only(&["type", "property", "filter"])?;
            Condition::ProfileProperty {
                property: ProfileField::parse(object.text("property")?)
                    .map_err(|why| fault_at("property", why))?,
                predicate: patterns.predicate(&object)?,
            }
        }
        Kind::ProfileMetric => {
            Condition::Metric(MetricTest::parse(&object, kinds.has_flow_start, patterns)?)
        }
        Kind::ProfileMetricFunnel => Condition::Funnel(FunnelTest::parse(&object, patterns)?),
        Kind::ProfileGroupMembership => Condition::Group(GroupTest::parse(&object)?),
        Kind::ProfileMarketingConsent => {
            Condition::Marketing(MarketingTest::parse(&object, patterns)?)
        }
        Kind::ProfilePermissions => {
            Condition::Permission(PermissionTest::parse(&object, patterns)?)
        }
        Kind::ProfileRegion => Condition::Region(RegionTest::parse(&object)?),
        Kind::ProfileSample => Condition::Sample(SampleTest::parse(&object, place)?),
        Kind::ProfileNotInFlow => Condition::NotInFlow(NotInFlowTest::parse(&object)?),
        Kind::ActionOutput => Condition::Output(OutputTest::parse(&object, patterns)?),
    })
}

fn kind(object: &Object<'_>, kinds: Kinds) -> Result<Kind, Fault> {
    let names: Vec<_> = kinds.allowed.iter().map(|kind| kind.name()).collect();
    let Some(given) = object.optional("type").and_then(Value::as_str) else {
        let why = format!("must be the type of the condition: {}", listed(&names));
        return Err(fault_at("type", why));
    };
    if let Some(kind) = kinds.allowed.iter().find(|kind| kind.name() == given) {
        return Ok(*kind);
    }
    if let Some((_, lacking)) = CONTRACT_TYPES.iter().find(|(name, _)| *name == given) {
        let (place, names) = (kinds.place, listed(&names));
        let why = lacking.map_or_else(String::new, |what| {
            format!(", as it needs {what}, which tidings does not have")
        });
        let why = format!("`{given}` is not available in {place}{why}; possible are {names}");
        return Err(fault_at("type", why));
    }
    Err(fault_at("type", unknown(given, "a type of condition", &names)))
}

fn metric_id(object: &Object<'_>) -> Result<Option<String>, Fault> {
    if object.optional("metric_id").is_none() {
        return Ok(None);
    }
    object.id("metric_id", METRIC_ID).map(|id| Some(id.to_owned()))
}
