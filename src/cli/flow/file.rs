//! A flow file: what `apply` and `simulate` read.
//!
//! Three forms are one: the body of `POST /api/flows`; what `tidings flow show --json` printed; and
//! `{"name":…,"definition":…}` alone. An action is called by its `temporary_id`, or by its `id`
//! where it has no other name. [`FlowFile::normal`] judges a file as a daemon does, as far as that
//! can be done without one, and writes it out with all defaults, so that two can be compared.

use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::cli::client::{CliError, read_text};
use crate::cli::table::printable;
use crate::egress::Policy;
use crate::flow::{Group, Known, Names, NewFlow};
use crate::id::{GroupId, MetricId};
use crate::json::object::unknown;
use crate::json::{self, Bounds, Fault};
use crate::limits;
use crate::webhook::MASK;

const NAMES: [&str; 3] = ["name", "definition", "secret_key"];
/// What a flow that was read says beside them, and nobody sets in this way.
const READ_ONLY: [&str; 5] = ["status", "archived", "created", "updated", "trigger_type"];
const COUNTS: &str = "counts";
const BODY_AT: &str = "/data/attributes";
/// Stands for a header value that only the daemon knows.
const KEPT: &str = "(kept)";
/// Stands for a metric that only the daemon knows by this name.
const SOME_METRIC: &str = "AAAAAA";

/// What a file keeps within, before anything of it is looked at.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::FLOW_DEFINITION_DEPTH_MAX + 4,
    keys_max: limits::CONDITION_VALUES_MAX,
    string_bytes_max: limits::FLOW_DEFINITION_BYTES_MAX,
    array_items_max: limits::CONDITION_VALUES_MAX,
};

/// A flow as a file has it.
#[derive(Debug)]
pub(super) struct FlowFile {
    path: PathBuf,
    /// The flow's name.
    pub(super) name: String,
    /// Its definition as it was written.
    pub(super) definition: Value,
    secret: Option<Value>,
    /// Where name and definition stand.
    at: &'static str,
}

impl FlowFile {
    /// Reads a file; `-` is standard input.
    ///
    /// # Errors
    /// Where it can not be read, or is no flow.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let text = read_text(path)?;
        Self::of(path, &text).map_err(|fault| refused(path, &fault))
    }

    fn of(path: &Path, text: &str) -> Result<Self, Fault> {
        let wrong = |error| Fault::new("", format!("this is not JSON: {error}"));
        let raw: &RawValue = serde_json::from_str(text).map_err(wrong)?;
        json::check_object(raw, &BOUNDS)?;
        let value: Map<String, Value> = json::parse(raw.get().as_bytes())?;
        let (at, attributes, was_read) = attributes(&value)?;
        let pointer = |name: &str| format!("{at}{}", json::pointer_to(name));
        for name in attributes.keys() {
            let is_read_only = READ_ONLY.contains(&name.as_str()) || name == COUNTS;
            if name == "status" && !was_read {
                let why = "the status is no part of a flow file: give --live, --manual or --draft";
                return Err(Fault::new(pointer(name), why));
            }
            let is_known = NAMES.contains(&name.as_str()) || (was_read && is_read_only);
            if !is_known {
                return Err(Fault::new(pointer(name), unknown(name, "a member here", &NAMES)));
            }
        }
        let given = |name: &str| {
            let required = || Fault::new(pointer(name), format!("`{name}` is required"));
            attributes.get(name).filter(|value| !value.is_null()).ok_or_else(required)
        };
        let name = given("name")?.as_str().map(str::trim);
        let name = name.ok_or_else(|| Fault::new(pointer("name"), "must be a string"))?;
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            definition: given("definition")?.clone(),
            secret: attributes.get("secret_key").cloned(),
            at,
        })
    }

    /// The actions as they were written.
    pub(super) fn actions(&self) -> &[Value] {
        actions(&self.definition)
    }

    /// What each action is called.
    pub(super) fn labels(&self) -> Vec<String> {
        self.actions().iter().map(|action| label(action).unwrap_or_default().to_owned()).collect()
    }

    /// The definition for a daemon, where `ids` are those that its actions have already.
    pub(super) fn definition_with(&self, ids: &[Option<String>]) -> Value {
        let mut definition = self.definition.clone();
        let called: Vec<_> = self.actions().iter().map(names).collect();
        let name_of = |place: usize| match ids.get(place) {
            Some(Some(id)) => id.clone(),
            // A name of the file could be an id of the flow.
            _ if ids.iter().any(Option::is_some) => format!("new-{}", place + 1),
            _ => called[place].first().map_or_else(String::new, |name| (*name).to_owned()),
        };
        each_link(&mut definition, &mut |link| {
            let place = called.iter().position(|names| names.contains(&link.as_str()));
            if let Some(place) = place {
                *link = name_of(place);
            }
        });
        let of_file = definition.get_mut("actions").and_then(Value::as_array_mut);
        for (place, action) in of_file.into_iter().flatten().enumerate() {
            let Some(members) = action.as_object_mut() else { continue };
            let is_known = ids.get(place).is_some_and(Option::is_some);
            let (set, unset) =
                if is_known { ("id", "temporary_id") } else { ("temporary_id", "id") };
            members.remove(unset);
            if !called[place].is_empty() {
                members.insert(set.to_owned(), name_of(place).into());
            }
        }
        definition
    }

    /// The body of `POST /api/flows`.
    pub(super) fn body(&self) -> Value {
        let definition = self.definition_with(&[]);
        let mut attributes = json!({ "name": self.name, "definition": definition });
        if let Some(secret) = &self.secret {
            attributes["secret_key"] = secret.clone();
        }
        json!({ "data": { "type": "flow", "attributes": attributes } })
    }

    /// The body of `PATCH /api/flows/{id}`, where `ids` are those that its actions have already.
    pub(super) fn patch(&self, id: &str, definition: Value) -> Value {
        let mut attributes = json!({ "name": self.name, "definition": definition });
        if let Some(secret) = &self.secret {
            attributes["secret_key"] = secret.clone();
        }
        json!({ "data": { "type": "flow", "id": id, "attributes": attributes } })
    }

    /// The body for a simulation, in which no header value is known that the file masks.
    pub(super) fn body_alone(&self) -> Value {
        let mut body = self.body();
        unmask(&mut body["data"]["attributes"]["definition"]);
        body
    }

    /// The definition with all defaults, as a daemon would write it out.
    ///
    /// # Errors
    /// What a daemon would refuse too. Whether what it names is there, and whether its templates
    /// are right, only a daemon tells.
    pub(super) fn normal(&self) -> Result<Value, CliError> {
        let mut body = self.body_alone();
        let definition = &mut body["data"]["attributes"]["definition"];
        let trigger = definition["triggers"][0].clone();
        let of_file = definition.get_mut("actions").and_then(Value::as_array_mut);
        for action in of_file.into_iter().flatten() {
            if let Some(data) = action.get_mut("data").and_then(Value::as_object_mut) {
                data.remove("trigger_id");
            }
        }
        // Everything that is named may be there: an id of a group is a segment's only where the
        // trigger says so.
        let metric = |text: &str| -> Option<(MetricId, String)> {
            let id = text.parse().or_else(|_| SOME_METRIC.parse()).ok()?;
            Some((id, text.to_owned()))
        };
        let is_segment = |id: GroupId| {
            trigger["type"] == "segment" && trigger["id"].as_str() == Some(id.as_str())
        };
        let group = |id| Some(if is_segment(id) { Group::Segment } else { Group::List });
        let names = Names { metric: &metric, group: &group, forbidden_triggers: &[] };
        let known = Known { policy: &policy(), names: Some(names), before: None };
        let parsed = NewFlow::parse(body.to_string().as_bytes(), &known);
        let mut normal = parsed.map_err(|fault| self.fault(fault))?.definition.to_json();
        if trigger["type"] == "metric" {
            normal["triggers"][0]["id"] = trigger["id"].clone();
        }
        Ok(normal)
    }

    /// A fault that points into the body, as it is told of the file.
    pub(super) fn fault(&self, fault: Fault) -> CliError {
        let within = fault.pointer.strip_prefix(BODY_AT).map(|rest| format!("{}{rest}", self.at));
        refused(&self.path, &Fault { pointer: within.unwrap_or(fault.pointer), ..fault })
    }

    /// A refusal of the daemon, told of the file.
    pub(super) fn told(&self, error: CliError) -> CliError {
        let CliError::Refused(lines) = error else { return error };
        let line = |line: String| {
            let within = line.strip_prefix(BODY_AT).map(|rest| format!("{}{rest}", self.at));
            printable(&format!("{}: ", self.path.display())) + &within.unwrap_or(line)
        };
        CliError::Refused(lines.into_iter().map(line).collect())
    }
}

/// Where the attributes stand, the attributes, and whether a daemon wrote them.
fn attributes(
    value: &Map<String, Value>,
) -> Result<(&'static str, &Map<String, Value>, bool), Fault> {
    let Some(data) = value.get("data") else { return Ok(("", value, false)) };
    if data["type"] != "flow" {
        return Err(Fault::new("/data/type", "must be `flow`"));
    }
    let attributes = data["attributes"].as_object();
    let attributes = attributes.ok_or_else(|| Fault::new(BODY_AT, "must be an object"))?;
    Ok((BODY_AT, attributes, data.get("id").is_some()))
}

/// The lines of a fault: the place and the sentence, and where it is about a template, what stands
/// there and a mark under it.
fn refused(path: &Path, fault: &Fault) -> CliError {
    let place = if fault.pointer.is_empty() { "" } else { ": " };
    let line = format!("{}{place}{}: {}", path.display(), fault.pointer, fault.detail);
    CliError::Refused(line.lines().map(printable).collect())
}

/// The actions of a definition.
pub(super) fn actions(definition: &Value) -> &[Value] {
    definition.get("actions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names that links may call an action by, the one for people first.
fn names(action: &Value) -> Vec<&str> {
    let name = |key: &str| action.get(key).and_then(Value::as_str);
    [name("temporary_id"), name("id")].into_iter().flatten().collect()
}

fn label(action: &Value) -> Option<&str> {
    names(action).first().copied()
}

/// Hands every link of a definition to `change`.
fn each_link(definition: &mut Value, change: &mut dyn FnMut(&mut String)) {
    let mut link = |value: Option<&mut Value>| {
        if let Some(Value::String(text)) = value {
            change(text);
        }
    };
    link(definition.get_mut("entry_action_id"));
    let actions = definition.get_mut("actions").and_then(Value::as_array_mut);
    for action in actions.into_iter().flatten() {
        let links = action.get_mut("links").and_then(Value::as_object_mut);
        links.into_iter().flat_map(Map::values_mut).for_each(|value| link(Some(value)));
        let branches = action.get_mut("data").and_then(|data| data.get_mut("branches"));
        for branch in branches.and_then(Value::as_array_mut).into_iter().flatten() {
            link(branch.get_mut("links").and_then(|links| links.get_mut("next")));
        }
    }
}

fn unmask(definition: &mut Value) {
    let actions = definition.get_mut("actions").and_then(Value::as_array_mut);
    for action in actions.into_iter().flatten() {
        let headers = action.pointer_mut("/data/message/headers").and_then(Value::as_object_mut);
        for value in headers.into_iter().flat_map(Map::values_mut).filter(|value| *value == MASK) {
            *value = KEPT.into();
        }
    }
}

/// A policy that keeps to what every daemon refuses.
fn policy() -> Policy {
    let everywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|net| net.parse().ok());
    Policy { allow: everywhere.collect(), allow_http: true, allow_loopback: true }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
