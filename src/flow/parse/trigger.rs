//! Reading the trigger of a flow.

use super::{Group, Known, conditions, raw};
use crate::condition::Kinds;
use crate::flow::date_trigger::DateTrigger;
use crate::flow::definition::Trigger;
use crate::id::GroupId;
use crate::json::Fault;
use crate::json::object::{Object, fault_at, listed};

/// The names of the metrics that start no flow unless the operator says so: events about messages
/// (contract: wire.md §2.2). *Unsubscribed from Email Marketing* is none of them.
pub const FORBIDDEN_TRIGGERS: [&str; 24] = [
    "Bounced Email",
    "Bounced Push",
    "Clicked Email",
    "Clicked Email to Unsubscribe",
    "Clicked SMS",
    "Clicked Text Message",
    "Dropped Email",
    "Failed to Deliver Automated Response SMS",
    "Failed to Deliver Automated Response Text Message",
    "Failed to Deliver SMS",
    "Failed to Deliver Text Message",
    "Marked Email as Spam",
    "Opened Email",
    "Opened Push",
    "Opened Text",
    "Received Automated Response SMS",
    "Received Automated Response Text Message",
    "Received Email",
    "Received Push",
    "Received SMS",
    "Received Text Message",
    "Sent SMS",
    "Sent Text Message",
    "Unsubscribed from List",
];

/// The one trigger of a flow.
pub(super) fn read(object: &Object<'_>, known: &Known<'_>) -> Result<Trigger, Fault> {
    const EXAMPLE: &str = r#"{"type":"metric","id":"SkDfHe"}"#;
    let items = object.items("triggers", 1).map_err(|fault| Fault {
        detail: format!("{}; a flow has exactly one trigger", fault.detail),
        ..fault
    })?;
    let read = || {
        let item = items.first().ok_or_else(|| Fault::new("", "a flow has exactly one trigger"))?;
        let object = Object::read(item, EXAMPLE)?;
        let kinds = ["metric", "list", "segment", "date"];
        for catalogue in ["price-drop", "low-inventory"] {
            if object.is_text("type", catalogue) {
                let why = format!(
                    "`{catalogue}` needs a catalogue of products, which tidings does not have; \
                     possible are {}",
                    listed(&kinds)
                );
                return Err(fault_at("type", why));
            }
        }
        match object.choice("type", "a trigger", &kinds)? {
            "metric" => metric_trigger(&object, known),
            "list" => group_trigger(&object, known, Group::List).map(Trigger::List),
            "segment" => group_trigger(&object, known, Group::Segment).map(Trigger::Segment),
            _ => DateTrigger::parse(&raw(item), "").map(Trigger::Date),
        }
    };
    read().map_err(|fault: Fault| fault.under("/triggers/0"))
}

fn metric_trigger(object: &Object<'_>, known: &Known<'_>) -> Result<Trigger, Fault> {
    object.only(&["type", "id", "trigger_filter"])?;
    let given = object.id("id", "the id of a metric, or its name")?;
    let metric = match &known.names {
        None => given.parse().map_err(|why| fault_at("id", format!("{why}")))?,
        Some(names) => {
            let why = || {
                format!(
                    "there is no metric with the id or the name `{given}`; it is made by its first event"
                )
            };
            let (id, name) = (names.metric)(given).ok_or_else(|| fault_at("id", why()))?;
            if names.forbidden_triggers.contains(&name) {
                let why = format!(
                    "events about messages start no flow, and `{name}` is one; `Unsubscribed from \
                     Email Marketing` may, and a webhook can subscribe to any topic"
                );
                return Err(fault_at("id", why));
            }
            id
        }
    };
    let filter = match object.optional("trigger_filter") {
        Some(given) => {
            let read = conditions(given, Kinds::FLOW_TRIGGER, known);
            Some(read.map_err(|fault| fault.under("/trigger_filter"))?)
        }
        None => None,
    };
    Ok(Trigger::Metric { metric, filter })
}

fn group_trigger(object: &Object<'_>, known: &Known<'_>, wanted: Group) -> Result<GroupId, Fault> {
    let (this, other) = match wanted {
        Group::List => ("list", "segment"),
        Group::Segment => ("segment", "list"),
    };
    object.only(&["type", "id"])?;
    let given = object.id("id", &format!("the id of a {this}"))?;
    let id: GroupId = given.parse().map_err(|why| fault_at("id", format!("{why}")))?;
    match known.names.as_ref().map(|names| (names.group)(id)) {
        None => Ok(id),
        Some(Some(found)) if found == wanted => Ok(id),
        Some(Some(_)) => {
            Err(fault_at("id", format!("`{id}` is a {other}: its trigger has the type `{other}`")))
        }
        Some(None) => Err(fault_at("id", format!("there is no {this} `{id}`"))),
    }
}
