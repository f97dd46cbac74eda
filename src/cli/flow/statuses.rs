//! The statuses of actions in an update: a file that says nothing of one leaves it as it is. Without
//! this an action would become a draft, which is what the API takes for nothing said, and a live
//! flow would stop sending without a word.

use serde_json::{Value, json};

use super::file::{FlowFile, actions};
use super::plan::{Fate, Plan};

/// The definition to send: with the ids of the actions that stay, and with a status in each action
/// that has one and does not say it. Adds to the plan where a status changes.
pub(super) fn with_statuses(
    file: &FlowFile,
    plan: &mut Plan,
    stored: &Value,
    (wanted, of_flow): (Option<&str>, &str),
) -> Value {
    const WITH_STATUS: [&str; 5] =
        ["list-update", "send-webhook", "suppress-profile", "unsuppress-profile", "update-profile"];
    let before = |fate: &Fate| fate.place().map(|place| &actions(stored)[place]);
    let ids: Vec<_> = plan.actions.iter().map(|fate| before(fate).and_then(id_of)).collect();
    let mut definition = file.definition_with(&ids);
    let sent = definition.get_mut("actions").and_then(Value::as_array_mut);
    for (action, fate) in sent.into_iter().flatten().zip(&mut plan.actions) {
        if !WITH_STATUS.iter().any(|kind| action["type"] == *kind) {
            continue;
        }
        let was = before(fate).and_then(|action| action["data"]["status"].as_str());
        let said = action["data"]["status"].as_str().map(str::to_owned);
        match &said {
            None => {
                if action["data"].is_null() {
                    action["data"] = json!({});
                }
                action["data"]["status"] = was.unwrap_or(of_flow).into();
            }
            // Where the whole flow gets a status, that of the file is not asked.
            Some(said) if wanted.is_none() && was.is_some_and(|was| was != said) => {
                if let Some(place) = fate.place() {
                    let changes = match std::mem::replace(fate, Fate::Created) {
                        Fate::Changed(_, changes) => changes,
                        _ => Vec::new(),
                    };
                    *fate = Fate::Changed(place, [changes, vec!["status".to_owned()]].concat());
                }
            }
            Some(_) => {}
        }
    }
    definition
}

/// The id of an action.
pub(super) fn id_of(action: &Value) -> Option<String> {
    action["id"].as_str().map(str::to_owned)
}
