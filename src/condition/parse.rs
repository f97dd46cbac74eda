//! From JSON to a [`Filter`]: the groups, the conditions, and which types a place takes. What
//! stands under a condition's `filter` is read in `predicate`.

use serde_json::Value;
use serde_json::value::RawValue;

use super::object::Object;
use super::object::fault_at;
use super::object::listed;
use super::object::must_be;
use super::object::unknown;
use super::path::EventField;
use super::path::ProfileField;
use super::predicate::Predicate;
use super::{Condition, Filter, Group, Kind, Kinds};
use crate::json::Bounds;
use crate::json::Fault;
use crate::json::check_object;
use crate::limits;

/// Every type of condition in the contract, so that one which a place does not take is not
/// mistaken for a slip of the pen.
const CONTRACT_TYPES: [&str; 21] = [
    "action-output",
    "custom-object-property",
    "custom-object-trigger-property",
    "low-inventory-property",
    "metric-property",
    "price-drop-property",
    "profile-group-membership",
    "profile-has-custom-object",
    "profile-marketing-consent",
    "profile-metric",
    "profile-metric-funnel",
    "profile-not-in-flow",
    "profile-not-sent-email",
    "profile-not-sent-push",
    "profile-not-sent-sms",
    "profile-permissions",
    "profile-postal-code-distance",
    "profile-predictive-analytics",
    "profile-property",
    "profile-region",
    "profile-sample",
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
    let mut patterns = 0;
    let groups = object.items("condition_groups", limits::CONDITION_GROUPS_MAX)?;
    for (place, value) in groups.iter().enumerate() {
        let group = group(value, kinds, &mut patterns)
            .map_err(|fault| fault.under(&format!("/condition_groups/{place}")))?;
        filter.groups.push(group);
    }
    Ok(filter)
}

/// Reads one group; `patterns` counts the regular expressions of the whole filter.
fn group(value: &Value, kinds: Kinds, patterns: &mut usize) -> Result<Group, Fault> {
    let object = Object::read(value, r#"{"conditions":[…]}"#)?;
    object.only(&["conditions"])?;
    let mut group = Group { conditions: Vec::new() };
    let conditions = object.items("conditions", limits::CONDITIONS_PER_GROUP_MAX)?;
    for (place, value) in conditions.iter().enumerate() {
        let under = |fault: Fault| fault.under(&format!("/conditions/{place}"));
        let condition = condition(value, kinds).map_err(under)?;
        *patterns += usize::from(condition.predicate().is_pattern());
        if *patterns > limits::CONDITION_PATTERNS_MAX {
            let most = limits::CONDITION_PATTERNS_MAX;
            let why = format!("a filter may have {most} regular expressions; this is one more");
            return Err(under(Fault::new("/filter/operator", why)));
        }
        group.conditions.push(condition);
    }
    Ok(group)
}

impl Condition {
    const fn predicate(&self) -> &Predicate {
        match self {
            Self::MetricProperty { predicate, .. } | Self::ProfileProperty { predicate, .. } => {
                predicate
            }
        }
    }
}

fn condition(value: &Value, kinds: Kinds) -> Result<Condition, Fault> {
    let object = Object::read(value, r#"{"type":"metric-property","field":"Brand","filter":{…}}"#)?;
    match kind(&object, kinds)? {
        Kind::MetricProperty => {
            object.only(&["type", "metric_id", "field", "filter"])?;
            Ok(Condition::MetricProperty {
                metric_id: metric_id(&object)?,
                field: EventField::parse(object.text("field")?)
                    .map_err(|why| fault_at("field", why))?,
                predicate: predicate(&object)?,
            })
        }
        Kind::ProfileProperty => {
            object.only(&["type", "property", "filter"])?;
            Ok(Condition::ProfileProperty {
                property: ProfileField::parse(object.text("property")?)
                    .map_err(|why| fault_at("property", why))?,
                predicate: predicate(&object)?,
            })
        }
    }
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
    if CONTRACT_TYPES.contains(&given) {
        let (place, names) = (kinds.place, listed(&names));
        let why = format!("`{given}` is not available in {place}; possible are {names}");
        return Err(fault_at("type", why));
    }
    Err(fault_at("type", unknown(given, "a type of condition", &names)))
}

fn metric_id(object: &Object<'_>) -> Result<Option<String>, Fault> {
    let Some(value) = object.optional("metric_id") else { return Ok(None) };
    let id = value.as_str().filter(|id| !id.is_empty());
    let wrong = || fault_at("metric_id", must_be("the id of a metric, such as \"SkDfHe\"", value));
    id.map(|id| Some(id.to_owned())).ok_or_else(wrong)
}

fn predicate(object: &Object<'_>) -> Result<Predicate, Fault> {
    Predicate::parse(object.required("filter")?).map_err(|fault| fault.under("/filter"))
}
