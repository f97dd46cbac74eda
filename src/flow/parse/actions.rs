//! Reading one action: its type, its data, its links. What the actions make together is judged by
//! `graph.rs`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Group, Known, References, conditions, message, no_action, raw};
use crate::condition::Kinds;
use crate::flow::definition::Trigger;
use crate::flow::delay::TimeDelay;
use crate::flow::outputs::OutputSplit;
use crate::flow::step::{ActionStatus, Branch, Next, Step};
use crate::flow::target_date::TargetDate;
use crate::flow::update::ProfileUpdate;
use crate::id::{ActionId, GroupId};
use crate::json::Fault;
use crate::json::object::{Object, fault_at, unknown};
use crate::limits;

/// Types of the contract that send a message, with what sends such messages.
const MESSAGES: [(&str, &str); 6] = [
    ("send-email", "an e-mail provider"),
    ("send-sms", "an SMS provider"),
    ("send-mobile-push", "a push service"),
    ("send-whatsapp", "a WhatsApp provider"),
    ("send-internal-alert", "whoever is to be alerted"),
    ("ab-test", "a provider that tests messages"),
];
/// Types of the contract that need what tidings does not have.
const LACKING: [(&str, &str); 4] = [
    ("back-in-stock-delay", "a catalogue of products"),
    ("content-experiment", "messages of its own"),
    ("countdown-delay", "campaigns"),
    ("internal-service", "the services of the original"),
];

/// What the actions of one definition are read by.
pub(super) struct Reading<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) references: &'a References,
    pub(super) trigger: &'a Trigger,
}

impl Reading<'_> {
    /// The action that `value` describes; faults point relative to it.
    pub(super) fn step(&self, value: &Value, id: ActionId) -> Result<Step, Fault> {
        let object = Object::read(value, r#"{"temporary_id":"a1","type":"send-webhook",…}"#)?;
        object.only(&["id", "temporary_id", "type", "links", "data"])?;
        let kind = kind(&object)?;
        let data = object.optional("data");
        let read = |read: &dyn Fn(&Value) -> Result<Step, Fault>| {
            let data = data.ok_or_else(|| fault_at("data", "`data` is required"))?;
            read(data).map_err(|fault| fault.under("/data"))
        };
        match kind {
            "time-delay" => {
                let next = self.next(&object)?;
                read(&|data| Ok(Step::TimeDelay { delay: TimeDelay::parse(&raw(data), "")?, next }))
            }
            "target-date" => {
                let next = self.next(&object)?;
                read(&|data| {
                    Ok(Step::TargetDate { target: TargetDate::parse(&raw(data), "")?, next })
                })
            }
            "conditional-split" => {
                let next = self.branches(&object)?;
                read(&|data| self.conditional(data, next))
            }
            "trigger-split" => {
                let next = self.branches(&object)?;
                read(&|data| self.trigger_split(data, next))
            }
            "action-output-split" => {
                let next = self.branches(&object)?;
                read(&|data| {
                    Ok(Step::OutputSplit { split: OutputSplit::parse(&raw(data), "")?, next })
                })
            }
            "multi-branch-split" => {
                if object.optional("links").is_some() {
                    let why = "a multi-branch split has the links of its branches";
                    return Err(fault_at("links", why));
                }
                read(&|data| self.multi_branch(data))
            }
            "update-profile" => {
                let next = self.next(&object)?;
                read(&|data| update_profile(data, next))
            }
            "list-update" => {
                let next = self.next(&object)?;
                read(&|data| self.list_update(data, next))
            }
            "suppress-profile" | "unsuppress-profile" => {
                let (next, suppresses) = (self.next(&object)?, kind == "suppress-profile");
                let status = match data {
                    None => ActionStatus::default(),
                    Some(data) => status_alone(data).map_err(|fault| fault.under("/data"))?,
                };
                Ok(Step::Suppress { suppresses, status, next })
            }
            "send-webhook" => {
                let next = self.next(&object)?;
                read(&|data| self.send_webhook(data, id, next))
            }
            _ => Ok(Step::Code { next: self.next(&object)? }),
        }
    }

    fn next(&self, object: &Object<'_>) -> Result<Next, Fault> {
        let Some(_) = object.optional("links") else { return Ok(None) };
        let links = object.object("links", r#"{"next":"a2"}"#)?;
        links.only(&["next"]).and_then(|()| self.link(&links, "next")).map_err(under_links)
    }

    fn branches(&self, object: &Object<'_>) -> Result<[Next; 2], Fault> {
        let Some(_) = object.optional("links") else { return Ok([None; 2]) };
        let links = object.object("links", r#"{"next_if_true":"a2","next_if_false":null}"#)?;
        let read = || {
            links.only(&["next_if_true", "next_if_false"])?;
            Ok([self.link(&links, "next_if_true")?, self.link(&links, "next_if_false")?])
        };
        read().map_err(under_links)
    }

    fn link(&self, links: &Object<'_>, key: &str) -> Result<Next, Fault> {
        if links.optional(key).is_none() {
            return Ok(None);
        }
        let name = links.text(key)?;
        let found = self.references.find(name);
        found.map(Some).ok_or_else(|| fault_at(key, no_action(name)))
    }

    fn conditional(&self, data: &Value, next: [Next; 2]) -> Result<Step, Fault> {
        let object = Object::read(data, r#"{"profile_filter":{"condition_groups":[…]}}"#)?;
        object.only(&["profile_filter"])?;
        let conditions =
            conditions(object.required("profile_filter")?, Kinds::FLOW_SPLIT, self.known);
        let conditions = conditions.map_err(|fault| fault.under("/profile_filter"))?;
        Ok(Step::ConditionalSplit { conditions, next })
    }

    fn trigger_split(&self, data: &Value, next: [Next; 2]) -> Result<Step, Fault> {
        let object = Object::read(data, r#"{"trigger_filter":{"condition_groups":[…]}}"#)?;
        object.only(&["trigger_filter", "trigger_id", "trigger_type", "trigger_subtype"])?;
        let Trigger::Metric { metric, .. } = self.trigger else {
            let why = "a trigger split asks about the event that started the flow, and this flow \
                       is not started by one; `conditional-split` asks about the person";
            return Err(Fault::new("", why));
        };
        let is_other = |key: &str, own: &str| {
            object.optional(key).is_some_and(|given| given.as_str() != Some(own))
        };
        if is_other("trigger_type", "metric") {
            return Err(fault_at("trigger_type", "must be `metric`, as the flow's trigger is"));
        }
        if is_other("trigger_id", metric.as_str()) {
            let why = format!("must be `{metric}`, the metric that starts the flow");
            return Err(fault_at("trigger_id", why));
        }
        let conditions =
            conditions(object.required("trigger_filter")?, Kinds::FLOW_TRIGGER, self.known);
        let conditions = conditions.map_err(|fault| fault.under("/trigger_filter"))?;
        let mut trigger = Map::new();
        trigger.insert("trigger_id".to_owned(), json!(metric.as_str()));
        trigger.insert("trigger_type".to_owned(), json!("metric"));
        let subtype = object.optional("trigger_subtype").cloned();
        trigger.insert("trigger_subtype".to_owned(), subtype.unwrap_or_default());
        Ok(Step::TriggerSplit { conditions, trigger, next })
    }

    fn multi_branch(&self, data: &Value) -> Result<Step, Fault> {
        let object = Object::read(data, r#"{"name":"…","branches":[…]}"#)?;
        object.only(&["name", "branches"])?;
        let name = name(&object)?.unwrap_or_default();
        let items = object.items("branches", limits::FLOW_BRANCHES_MAX + 1)?;
        let mut branches: Vec<(i64, Branch)> = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let under = |fault: Fault| fault.under(&format!("/branches/{place}"));
            let (order, branch) = self.branch(item, place).map_err(under)?;
            if branches.iter().any(|(_, other)| other.id == branch.id) {
                let why = format!("another branch is called `{}` too", branch.id);
                return Err(under(fault_at("branch_id", why)));
            }
            branches.push((order, branch));
        }
        // The one for everybody else comes last, whatever its place says.
        branches.sort_by_key(|(order, branch)| (branch.conditions.is_none(), *order));
        let branches: Vec<Branch> = branches.into_iter().map(|(_, branch)| branch).collect();
        if branches.iter().filter(|branch| branch.conditions.is_none()).count() != 1 {
            let why =
                "exactly one branch is for everybody else: `is_else` true, no `branch_filter`";
            return Err(fault_at("branches", why));
        }
        Ok(Step::MultiBranchSplit { name, branches })
    }

    fn branch(&self, item: &Value, place: usize) -> Result<(i64, Branch), Fault> {
        let object = Object::read(item, r#"{"branch_id":"b1","branch_filter":{…}}"#)?;
        object.only(&["branch_id", "order", "is_else", "branch_filter", "links", "name"])?;
        let id = object.id("branch_id", "a string that is not empty")?.to_owned();
        let order = match object.optional("order") {
            Some(_) => object.integer("order", 0, 1_000)?,
            None => i64::try_from(place).unwrap_or_default(),
        };
        let is_else = object.optional("is_else").is_some() && object.boolean("is_else")?;
        let conditions = match (object.optional("branch_filter"), is_else) {
            (Some(_), true) => {
                let why = "the branch for everybody else asks nothing";
                return Err(fault_at("branch_filter", why));
            }
            (None, true) => None,
            (None, false) => {
                return Err(fault_at("branch_filter", "`branch_filter` is required"));
            }
            (Some(given), false) => {
                let read = conditions(given, Kinds::FLOW_BRANCH, self.known);
                Some(read.map_err(|fault| fault.under("/branch_filter"))?)
            }
        };
        let (next, name) = (self.next(&object)?, name(&object)?);
        Ok((order, Branch { id, name, conditions, next }))
    }

    fn list_update(&self, data: &Value, next: Next) -> Result<Step, Fault> {
        let object = Object::read(data, r#"{"name":"…","list_id":"…","on_execution":true}"#)?;
        object.only(&["name", "on_execution", "list_id", "status"])?;
        let given = object.id("list_id", "the id of a list")?;
        let list: GroupId = given.parse().map_err(|why| fault_at("list_id", format!("{why}")))?;
        match self.known.names.as_ref().map(|names| (names.group)(list)) {
            None | Some(Some(Group::List)) => {}
            Some(Some(Group::Segment)) => {
                let why = "is a segment, whose members follow from its definition";
                return Err(fault_at("list_id", why));
            }
            Some(None) => return Err(fault_at("list_id", format!("there is no list `{list}`"))),
        }
        Ok(Step::ListUpdate {
            name: name(&object)?.unwrap_or_default(),
            list,
            joins: object.optional("on_execution").is_none() || object.boolean("on_execution")?,
            status: status(&object)?,
            next,
        })
    }

    fn send_webhook(&self, data: &Value, id: ActionId, next: Next) -> Result<Step, Fault> {
        let object = Object::read(data, r#"{"status":"live","message":{"url":"https://…"}}"#)?;
        object.only(&["message", "status"])?;
        let message = object.required("message")?;
        let before = self.known.before.and_then(|before| match &before.action(id)?.step {
            Step::SendWebhook { webhook, .. } => Some(Arc::clone(webhook)),
            _ => None,
        });
        let webhook = message::read(message, before.as_deref(), self.known)
            .map_err(|fault| fault.under("/message"))?;
        Ok(Step::SendWebhook { webhook: Arc::new(webhook), status: status(&object)?, next })
    }
}

fn under_links(fault: Fault) -> Fault {
    fault.under("/links")
}

fn kind(object: &Object<'_>) -> Result<&'static str, Fault> {
    let given = object.optional("type").and_then(Value::as_str).unwrap_or_default();
    if let Some((_, provider)) = MESSAGES.iter().find(|(name, _)| *name == given) {
        let why = format!(
            "tidings sends no messages itself, so there is no `{given}`; a `send-webhook` can ask \
             {provider} to, through its HTTP API"
        );
        return Err(fault_at("type", why));
    }
    if let Some((_, lacking)) = LACKING.iter().find(|(name, _)| *name == given) {
        let why = format!("`{given}` needs {lacking}, which tidings does not have");
        return Err(fault_at("type", why));
    }
    if given == "random-split" {
        let why = "a random split is a `conditional-split` with a condition `profile-sample`";
        return Err(fault_at("type", why));
    }
    object.choice("type", "a type of action", &Step::TYPES)
}

fn update_profile(data: &Value, next: Next) -> Result<Step, Fault> {
    let object = Object::read(data, r#"{"profile_operations":[…]}"#)?;
    let status = status(&object)?;
    Ok(Step::UpdateProfile { update: ProfileUpdate::parse(&raw(data), "")?, status, next })
}

fn status_alone(data: &Value) -> Result<ActionStatus, Fault> {
    let object = Object::read(data, r#"{"status":"live"}"#)?;
    object.only(&["status"])?;
    status(&object)
}

fn status(object: &Object<'_>) -> Result<ActionStatus, Fault> {
    if object.optional("status").is_none() {
        return Ok(ActionStatus::default());
    }
    let given = object.text("status")?;
    let found = ActionStatus::ALL.into_iter().find(|status| status.name() == given);
    found.ok_or_else(|| {
        fault_at("status", unknown(given, "a status", &ActionStatus::ALL.map(ActionStatus::name)))
    })
}

pub(super) fn name(object: &Object<'_>) -> Result<Option<String>, Fault> {
    if object.optional("name").is_none() {
        return Ok(None);
    }
    let (name, most) = (object.text("name")?, limits::FLOW_PART_NAME_CHARS_MAX);
    if name.chars().count() > most {
        return Err(fault_at("name", format!("is longer than {most} characters")));
    }
    Ok(Some(name.to_owned()))
}
