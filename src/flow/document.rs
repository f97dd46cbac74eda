//! A definition as JSON: what the API shows, and what the table keeps.

use serde_json::{Map, Value, json};

use super::definition::{Conditions, Definition, Trigger};
use super::step::{Action, Branch, Next, Step};
use crate::id::ActionId;

/// For whom JSON is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// Whoever reads flows: header values are masked.
    Reader,
    /// The table, which is sealed.
    Row,
}

fn link(next: Next) -> Value {
    next.map_or(Value::Null, |id| json!(id.to_string()))
}

fn conditions(of: Option<&Conditions>) -> Value {
    of.map_or(Value::Null, |conditions| conditions.json.clone())
}

impl Trigger {
    fn to_json(&self) -> Value {
        match self {
            Self::Metric { metric, filter } => json!({
                "type": "metric",
                "id": metric.as_str(),
                "trigger_filter": conditions(filter.as_ref()),
            }),
            Self::List(id) => json!({ "type": "list", "id": id.as_str() }),
            Self::Segment(id) => json!({ "type": "segment", "id": id.as_str() }),
            Self::Date(date) => date.to_json(),
        }
    }
}

impl Definition {
    /// The definition as the API shows it (contract: wire.md §2.6).
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json_for(For::Reader)
    }

    pub(super) fn json_for(&self, whom: For) -> Value {
        let mut definition = json!({
            "triggers": [self.trigger.to_json()],
            "profile_filter": conditions(self.profile_filter.as_ref()),
            "actions": self.actions.iter().map(|it| it.json_for(whom)).collect::<Vec<_>>(),
            "entry_action_id": link(self.entry),
            "reentry_criteria": self.reentry.map(super::reentry::Reentry::to_json),
        });
        if self.is_strict {
            definition["strict"] = json!(true);
        }
        definition
    }
}

impl Action {
    /// The action as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json_for(For::Reader)
    }

    fn json_for(&self, whom: For) -> Value {
        let mut action = json!({
            "id": self.id.to_string(),
            "temporary_id": null,
            "type": self.step.type_name(),
        });
        let members = action.as_object_mut().expect("it was made as an object");
        members.insert("links".to_owned(), self.step.links_json());
        members.insert("data".to_owned(), self.step.data(self.id, whom));
        action
    }
}

impl Step {
    fn links_json(&self) -> Value {
        match self {
            Self::MultiBranchSplit { .. } => Value::Null,
            Self::ConditionalSplit { next, .. }
            | Self::TriggerSplit { next, .. }
            | Self::OutputSplit { next, .. } => {
                json!({ "next_if_true": link(next[0]), "next_if_false": link(next[1]) })
            }
            single => {
                let next = single.links().first().and_then(|(_, next)| *next);
                json!({ "next": link(next) })
            }
        }
    }

    fn data(&self, id: ActionId, whom: For) -> Value {
        match self {
            Self::TimeDelay { delay, .. } => delay.to_json(),
            Self::TargetDate { target, .. } => target.to_json(),
            Self::ConditionalSplit { conditions, .. } => {
                json!({ "profile_filter": conditions.json })
            }
            Self::TriggerSplit { conditions, trigger, .. } => {
                let mut data = trigger.clone();
                data.insert("trigger_filter".to_owned(), conditions.json.clone());
                Value::Object(data)
            }
            Self::OutputSplit { split, .. } => split.to_json(),
            Self::MultiBranchSplit { name, branches } => {
                let branches: Vec<Value> =
                    branches.iter().enumerate().map(|(order, it)| branch(order, it)).collect();
                json!({ "branches": branches, "name": name })
            }
            Self::UpdateProfile { update, status, .. } => {
                json!({ "profile_operations": update.to_json(), "status": status.name() })
            }
            Self::ListUpdate { name, list, joins, status, .. } => json!({
                "name": name,
                "on_execution": joins,
                "list_id": list.as_str(),
                "status": status.name(),
            }),
            Self::Suppress { status, .. } => json!({ "status": status.name() }),
            Self::SendWebhook { webhook, status, .. } => json!({
                "message": webhook.to_json(id, whom == For::Row),
                "status": status.name(),
            }),
            Self::Code { .. } => Value::Null,
        }
    }
}

fn branch(order: usize, branch: &Branch) -> Value {
    let mut members = Map::new();
    members.insert("branch_id".to_owned(), json!(branch.id));
    members.insert("order".to_owned(), json!(order));
    members.insert("is_else".to_owned(), json!(branch.conditions.is_none()));
    members.insert("branch_filter".to_owned(), conditions(branch.conditions.as_ref()));
    members.insert("links".to_owned(), json!({ "next": link(branch.next) }));
    members.insert("name".to_owned(), json!(branch.name));
    Value::Object(members)
}

/// The id of the message of a webhook action, by which the contract knows it too: six letters and
/// digits, each action's its own.
#[must_use]
pub fn message_id(action: ActionId) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // A step that shares no factor with the number of texts visits each once.
    const TEXTS: u64 = 62_u64.pow(6);
    const STRIDE: u64 = 22_801_763_489;
    let product = u128::from(action.as_u64()) * u128::from(STRIDE) % u128::from(TEXTS);
    let mut rest = u64::try_from(product).unwrap_or_default();
    let character = |_| {
        let character = ALPHABET[(rest % 62) as usize];
        rest /= 62;
        char::from(character)
    };
    (0..6).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_a_message_id_of_its_own() {
        let ids: std::collections::BTreeSet<String> =
            (0..10_000).map(|number| message_id(ActionId::from_u64(number))).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(
            ids.iter().all(|id| id.len() == 6 && id.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
    }
}
