//! From the body of a request to a checked flow or a checked change (contract: wire.md §2.6; what
//! goes beyond the original is our own).
//!
//! A definition is read as a whole: first its parts, each fault with its pointer, then the graph
//! that they make (`graph.rs`). Actions are named by a `temporary_id` or by the `id` that they have
//! already; a new one gets its id when the flow is stored ([`Definition::settle`]).

mod actions;
mod message;
mod trigger;

pub use message::parse_message;
pub use trigger::FORBIDDEN_TRIGGERS;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::definition::{Conditions, Definition, Trigger};
use super::reentry::Reentry;
use super::step::Action;
use super::{Status, graph};
use crate::condition::{Filter, Kinds};
use crate::egress::Policy;
use crate::id::{ActionId, FlowId, GroupId, MetricId};
use crate::json::object::{Object, fault_at, unknown};
use crate::json::{self, Bounds, Fault, RawObject};
use crate::limits;
use crate::secret::Secret;
use crate::segment;

const ATTRIBUTES_AT: &str = "/data/attributes";
const DEFINITION_AT: &str = "/data/attributes/definition";
const ACTION_AT: &str = "/data/attributes/definition";

/// What a definition keeps within, whatever it says.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::FLOW_DEFINITION_DEPTH_MAX,
    keys_max: limits::CONDITION_VALUES_MAX,
    string_bytes_max: limits::FLOW_DEFINITION_BYTES_MAX,
    array_items_max: limits::CONDITION_VALUES_MAX,
};

/// What a definition is judged by, besides itself.
pub struct Known<'a> {
    /// Where webhooks may go.
    pub policy: &'a Policy,
    /// What there is; `None` of a definition that was judged before it was stored.
    pub names: Option<Names<'a>>,
    /// The definition that this one takes the place of: its actions keep their ids, and masked
    /// header values stay what they were.
    pub before: Option<&'a Definition>,
}

/// What a definition may name.
pub struct Names<'a> {
    /// The metric of this id or of exactly this name, with its name.
    pub metric: &'a dyn Fn(&str) -> Option<(MetricId, String)>,
    /// Whether the id is that of a list or of a segment.
    pub group: &'a dyn Fn(GroupId) -> Option<Group>,
    /// Metrics that start no flow, by their names.
    pub forbidden_triggers: &'a [String],
}

/// What an id of a group of people is the id of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A list.
    List,
    /// A segment.
    Segment,
}

/// A flow as a client asked for it; checked.
#[derive(Debug)]
pub struct NewFlow {
    /// Its name.
    pub name: String,
    /// What it does. New actions have provisional ids.
    pub definition: Definition,
    /// What its webhooks are signed with; `None` has a secret made.
    pub secret: Option<Secret>,
}

/// A change of a flow; checked. What is `None` stays.
#[derive(Debug, Default)]
pub struct FlowPatch {
    /// Its name.
    pub name: Option<String>,
    /// Whether people enter it, and whether its actions are done.
    pub status: Option<Status>,
    /// What it does. New actions have provisional ids.
    pub definition: Option<Definition>,
    /// What its webhooks are signed with.
    pub secret: Option<Secret>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    attributes: RawObject,
}

fn read(body: &[u8], kind: &str, id: Option<&str>, names: &[&str]) -> Result<RawObject, Fault> {
    let Document { data } = json::parse(body)?;
    if data.kind != kind {
        return Err(Fault::new("/data/type", format!("must be `{kind}`")));
    }
    match (id, data.id.as_deref()) {
        (Some(path), Some(given)) if path != given => {
            return Err(Fault::new("/data/id", format!("must be `{path}`, as in the path")));
        }
        (Some(_), None) => return Err(Fault::new("/data/id", "`id` is required")),
        _ => {}
    }
    for (name, _) in data.attributes.iter() {
        if !names.contains(&name) {
            let why = unknown(name, "an attribute here", names);
            return Err(Fault::new(format!("{ATTRIBUTES_AT}{}", json::pointer_to(name)), why));
        }
    }
    Ok(data.attributes)
}

fn attribute<'a>(attributes: &'a RawObject, name: &str) -> Option<&'a RawValue> {
    attributes.get(name).filter(|raw| raw.get() != "null")
}

fn text(attributes: &RawObject, name: &str) -> Result<Option<String>, Fault> {
    let Some(raw) = attribute(attributes, name) else { return Ok(None) };
    let wrong = |_| Fault::new(format!("{ATTRIBUTES_AT}/{name}"), "must be a string");
    serde_json::from_str(raw.get()).map(Some).map_err(wrong)
}

fn name(attributes: &RawObject) -> Result<Option<String>, Fault> {
    let Some(name) = text(attributes, "name")? else { return Ok(None) };
    let name = name.trim();
    let (length, most) = (name.chars().count(), limits::FLOW_NAME_CHARS_MAX);
    if !(1..=most).contains(&length) {
        let why = format!("has {length} characters; 1 to {most} may be");
        return Err(Fault::new(format!("{ATTRIBUTES_AT}/name"), why));
    }
    Ok(Some(name.to_owned()))
}

fn secret(attributes: &RawObject) -> Result<Option<Secret>, Fault> {
    let Some(text) = text(attributes, "secret_key")? else { return Ok(None) };
    let (least, most) = (limits::SECRET_CHARS_MIN, limits::SECRET_CHARS_MAX);
    let length = text.chars().count();
    if !(least..=most).contains(&length) {
        let why = format!("has {length} characters; {least} to {most} may be");
        return Err(Fault::new(format!("{ATTRIBUTES_AT}/secret_key"), why));
    }
    Ok(Some(Secret::new(text)))
}

fn status(attributes: &RawObject) -> Result<Option<Status>, Fault> {
    let Some(given) = text(attributes, "status")? else { return Ok(None) };
    let found = Status::ALL.into_iter().find(|status| status.name() == given);
    found.map(Some).ok_or_else(|| {
        let why = unknown(&given, "a status", &Status::ALL.map(Status::name));
        Fault::new(format!("{ATTRIBUTES_AT}/status"), why)
    })
}

fn definition(attributes: &RawObject, known: &Known<'_>) -> Result<Option<Definition>, Fault> {
    let Some(raw) = attribute(attributes, "definition") else { return Ok(None) };
    Definition::parse(raw, DEFINITION_AT, known).map(Some)
}

impl NewFlow {
    /// Reads the body of `POST /api/flows`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8], known: &Known<'_>) -> Result<Self, Fault> {
        let attributes = read(body, "flow", None, &["name", "definition", "secret_key"])?;
        let required = |name: &str| {
            Fault::new(format!("{ATTRIBUTES_AT}/{name}"), format!("`{name}` is required"))
        };
        Ok(Self {
            name: name(&attributes)?.ok_or_else(|| required("name"))?,
            definition: definition(&attributes, known)?.ok_or_else(|| required("definition"))?,
            secret: secret(&attributes)?,
        })
    }
}

impl FlowPatch {
    /// Reads the body of `PATCH /api/flows/{id}`. The original knows `status` alone.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8], id: FlowId, known: &Known<'_>) -> Result<Self, Fault> {
        let names = ["name", "status", "definition", "secret_key"];
        let attributes = read(body, "flow", Some(id.as_str()), &names)?;
        Ok(Self {
            name: name(&attributes)?,
            status: status(&attributes)?,
            definition: definition(&attributes, known)?,
            secret: secret(&attributes)?,
        })
    }
}

/// Reads the body of `PATCH /api/flow-actions/{id}`: the flow's definition with this action
/// changed. An action that is named by a link must be one of the flow's.
///
/// # Errors
/// The first fault.
pub fn parse_action(
    body: &[u8],
    id: ActionId,
    before: &Definition,
    known: &Known<'_>,
) -> Result<Definition, Fault> {
    let text = id.to_string();
    let attributes = read(body, "flow-action", Some(&text), &["definition"])?;
    let raw = attribute(&attributes, "definition")
        .ok_or_else(|| Fault::new(ACTION_AT, "`definition` is required"))?;
    json::check_object(raw, &BOUNDS).map_err(|fault| fault.under(ACTION_AT))?;
    let value: Value = json::parse(raw.get().as_bytes())?;
    let mut references = References::default();
    for action in &before.actions {
        references.0.insert(action.id.to_string(), action.id);
    }
    let reading = actions::Reading { known, references: &references, trigger: &before.trigger };
    let mut definition = before.clone();
    let step = reading.step(&value, id).map_err(|fault| fault.under(ACTION_AT))?;
    let action = definition.actions.iter_mut().find(|action| action.id == id);
    let Some(action) = action else {
        return Err(Fault::new("/data/id", format!("the flow has no action {id}")));
    };
    action.step = step;
    graph::check(&definition).map_err(|fault| match fault {
        graph::Problem::Action(of, fault) if of == id => fault.under(ACTION_AT),
        graph::Problem::Action(of, fault) => {
            Fault::new(ACTION_AT, format!("leaves action {of} wrong: {}", fault.detail))
        }
        graph::Problem::Definition(fault) => fault.under(ACTION_AT),
    })?;
    Ok(definition)
}

/// The actions of a definition by the names that it gives them.
#[derive(Default)]
pub(super) struct References(HashMap<String, ActionId>);

impl References {
    fn find(&self, name: &str) -> Option<ActionId> {
        self.0.get(name).copied()
    }
}

/// The first of the ids that are only good within one definition, counting down: no real id gets
/// there.
const PROVISIONAL_FIRST: u64 = u64::MAX;

fn is_provisional(id: ActionId) -> bool {
    id.as_u64() > PROVISIONAL_FIRST - limits::FLOW_ACTIONS_MAX as u64 - 1
}

impl Definition {
    /// Reads a definition that stands at `at` of a request.
    ///
    /// # Errors
    /// The first fault.
    pub(super) fn parse(raw: &RawValue, at: &str, known: &Known<'_>) -> Result<Self, Fault> {
        if raw.get().len() > limits::FLOW_DEFINITION_BYTES_MAX {
            let most = limits::FLOW_DEFINITION_BYTES_MAX;
            return Err(Fault::new(at, format!("is larger than {most} bytes")));
        }
        let read = || {
            json::check_object(raw, &BOUNDS)?;
            Self::of(&json::parse(raw.get().as_bytes())?, known)
        };
        read().map_err(|fault| fault.under(at))
    }

    fn of(value: &Value, known: &Known<'_>) -> Result<Self, Fault> {
        let object =
            Object::read(value, r#"{"triggers":[…],"actions":[…],"entry_action_id":"…"}"#)?;
        object.only(&[
            "triggers",
            "profile_filter",
            "actions",
            "entry_action_id",
            "reentry_criteria",
            "strict",
        ])?;
        let trigger = trigger::read(&object, known)?;
        let profile_filter = match object.optional("profile_filter") {
            Some(given) => Some(
                conditions(given, Kinds::FLOW_PROFILE_FILTER, known)
                    .map_err(|fault| fault.under("/profile_filter"))?,
            ),
            None => None,
        };
        let reentry = match object.optional("reentry_criteria") {
            Some(given) => Some(Reentry::parse(&raw(given), "/reentry_criteria")?),
            None => None,
        };
        let is_strict = match object.optional("strict") {
            Some(_) => object.boolean("strict")?,
            None => false,
        };
        let (actions, references) = actions(&object, known, &trigger)?;
        let entry = match object.optional("entry_action_id") {
            Some(_) => {
                let name = object.text("entry_action_id")?;
                let why = || fault_at("entry_action_id", no_action(name));
                Some(references.find(name).ok_or_else(why)?)
            }
            None => None,
        };
        let definition = Self { trigger, profile_filter, reentry, entry, actions, is_strict };
        graph::check(&definition).map_err(|problem| match problem {
            graph::Problem::Action(id, fault) => {
                let place = definition.actions.iter().position(|action| action.id == id);
                fault.under(&format!("/actions/{}", place.unwrap_or_default()))
            }
            graph::Problem::Definition(fault) => fault,
        })?;
        Ok(definition)
    }

    /// Gives real ids to the actions that have provisional ones.
    ///
    /// # Errors
    /// What `next` fails with.
    pub(super) fn settle<E>(
        &mut self,
        mut next: impl FnMut() -> Result<ActionId, E>,
    ) -> Result<(), E> {
        let mut settled = HashMap::new();
        for action in &mut self.actions {
            if is_provisional(action.id) {
                let id = next()?;
                settled.insert(action.id, id);
                action.id = id;
            }
        }
        let links = self.actions.iter_mut().map(|action| &mut action.step);
        let settle = |link: &mut Option<ActionId>| {
            if let Some(id) = link.and_then(|id| settled.get(&id)) {
                *link = Some(*id);
            }
        };
        links.for_each(|step| step.each_link(settle));
        settle(&mut self.entry);
        Ok(())
    }
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("a JSON value is JSON")
}

fn no_action(name: &str) -> String {
    format!("no action has the id or temporary id `{name}`")
}

/// Reads the actions in two passes, because links lead forth and back: names first.
fn actions(
    object: &Object<'_>,
    known: &Known<'_>,
    trigger: &Trigger,
) -> Result<(Vec<Action>, References), Fault> {
    let items = match object.optional("actions").and_then(Value::as_array) {
        Some(items) if items.is_empty() => &[],
        _ => object.items("actions", limits::FLOW_ACTIONS_MAX)?,
    };
    let under = |place: usize| move |fault: Fault| fault.under(&format!("/actions/{place}"));
    let (mut ids, mut references) = (Vec::with_capacity(items.len()), References::default());
    for (place, item) in items.iter().enumerate() {
        let id = identity(item, place, known, &mut references).map_err(under(place))?;
        ids.push(id);
    }
    let reading = actions::Reading { known, references: &references, trigger };
    let mut actions = Vec::with_capacity(items.len());
    for ((place, item), id) in items.iter().enumerate().zip(ids) {
        let step = reading.step(item, id).map_err(under(place))?;
        actions.push(Action { id, step });
    }
    Ok((actions, references))
}

/// The id of an action, under each name that links may call it.
fn identity(
    item: &Value,
    place: usize,
    known: &Known<'_>,
    references: &mut References,
) -> Result<ActionId, Fault> {
    let object = Object::read(item, r#"{"temporary_id":"a1","type":"send-webhook",…}"#)?;
    let text = |key: &str| object.optional(key).map(|_| object.text(key)).transpose();
    let (given, temporary) = (text("id")?, text("temporary_id")?);
    let id = match given {
        Some(given) => {
            let id: ActionId = given.parse().map_err(|why| fault_at("id", format!("{why}")))?;
            let is_known = match known.before {
                Some(before) => before.action(id).is_some(),
                None => known.names.is_none(),
            };
            if !is_known {
                let why = "the flow has no such action; a new one is given a `temporary_id`";
                return Err(fault_at("id", why));
            }
            id
        }
        None if temporary.is_none() => {
            return Err(fault_at("temporary_id", "`temporary_id` is required of a new action"));
        }
        None => ActionId::from_u64(PROVISIONAL_FIRST - place as u64),
    };
    for (key, name) in [("id", given), ("temporary_id", temporary)] {
        let Some(name) = name else { continue };
        if name.is_empty() || name.chars().count() > limits::FLOW_PART_NAME_CHARS_MAX {
            let most = limits::FLOW_PART_NAME_CHARS_MAX;
            return Err(fault_at(key, format!("must have 1 to {most} characters")));
        }
        if references.0.insert(name.to_owned(), id).is_some_and(|other| other != id) {
            return Err(fault_at(key, format!("another action is called `{name}` too")));
        }
    }
    Ok(id)
}

/// Reads a filter and checks that what it names is there. Faults point relative to it.
pub(super) fn conditions(
    given: &Value,
    kinds: Kinds,
    known: &Known<'_>,
) -> Result<Conditions, Fault> {
    let filter = Filter::parse(&raw(given), "", kinds)?;
    if let Some(names) = &known.names {
        let has_metric = |id: MetricId| (names.metric)(id.as_str()).is_some();
        segment::check_names(given, "", has_metric, |id| (names.group)(id).is_some())?;
    }
    Ok(Conditions { json: given.clone(), filter })
}
