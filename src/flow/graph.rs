//! What makes the actions of a flow a graph that can be walked: every link leads to an action (the
//! parser saw to that), every action can be reached, nothing goes round without a delay, and an
//! action that needs something of another comes after it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Definition, Trigger};
use super::step::Step;
use crate::id::ActionId;
use crate::json::Fault;

/// What is wrong with a graph.
#[derive(Debug, PartialEq)]
pub(super) enum Problem {
    /// Something about one action; the fault points relative to it.
    Action(ActionId, Fault),
    /// Something about the definition.
    Definition(Fault),
}

/// Checks a definition whose links all lead to actions.
pub(super) fn check(definition: &Definition) -> Result<(), Problem> {
    if definition.entry.is_none() && !definition.actions.is_empty() {
        let why = "`entry_action_id` is required: it says which action is the first";
        return Err(Problem::Definition(Fault::new("/entry_action_id", why)));
    }
    let reached = reached(definition);
    for action in &definition.actions {
        if !reached.contains(&action.id) {
            let why = "no way leads to this action from the first one";
            return Err(Problem::Action(action.id, Fault::new("", why)));
        }
        place(definition, action.id, &action.step)
            .map_err(|fault| Problem::Action(action.id, fault))?;
    }
    round_trip(definition)
}

fn reached(definition: &Definition) -> BTreeSet<ActionId> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<ActionId> = definition.entry.into_iter().collect();
    while let Some(id) = ahead.pop() {
        if reached.insert(id)
            && let Some(action) = definition.action(id)
        {
            ahead.extend(action.step.links().into_iter().filter_map(|(_, next)| next));
        }
    }
    reached
}

/// Whether an action is in a place where it means something.
fn place(definition: &Definition, id: ActionId, step: &Step) -> Result<(), Fault> {
    match step {
        Step::TargetDate { .. } if !matches!(definition.trigger, Trigger::Date(_)) => {
            let why = "waits for the date that a flow is about: the flow needs a trigger of the \
                       type `date`; `time-delay` waits in any flow";
            Err(Fault::new("/type", why))
        }
        Step::MultiBranchSplit { branches, .. } => {
            let asks_event = |conditions: &super::Conditions| {
                conditions.json.to_string().contains(r#""type":"metric-property""#)
            };
            let asking = branches
                .iter()
                .position(|branch| branch.conditions.as_ref().is_some_and(asks_event));
            match (asking, &definition.trigger) {
                (Some(place), Trigger::List(_) | Trigger::Segment(_) | Trigger::Date(_)) => {
                    let why = "asks about the event that started the flow, and this flow is not \
                               started by one";
                    Err(Fault::new(format!("/data/branches/{place}/branch_filter"), why))
                }
                _ => Ok(()),
            }
        }
        Step::OutputSplit { split, .. } => {
            let before = |other: &&super::Action| leads_to(definition, other.id, id);
            let outputs: Vec<_> = definition
                .actions
                .iter()
                .filter(before)
                .filter_map(|other| match &other.step {
                    Step::SendWebhook { webhook, .. } => Some(&webhook.outputs),
                    _ => None,
                })
                .collect();
            split.check(&outputs, "/data")
        }
        _ => Ok(()),
    }
}

fn leads_to(definition: &Definition, from: ActionId, to: ActionId) -> bool {
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(id) = ahead.pop() {
        if !seen.insert(id) {
            continue;
        }
        let links = definition.action(id).map(|action| action.step.links()).unwrap_or_default();
        for next in links.into_iter().filter_map(|(_, next)| next) {
            if next == to {
                return true;
            }
            ahead.push(next);
        }
    }
    false
}

/// Where the walk is with an action.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Open,
    Done,
}

/// Refuses a way that comes back to where it began without waiting on the way.
fn round_trip(definition: &Definition) -> Result<(), Problem> {
    let mut marks: BTreeMap<ActionId, Mark> = BTreeMap::new();
    for action in &definition.actions {
        walk(definition, action.id, &mut marks)?;
    }
    Ok(())
}

/// Depth first, without recursion: a chain may be as long as a definition.
fn walk(
    definition: &Definition,
    first: ActionId,
    marks: &mut BTreeMap<ActionId, Mark>,
) -> Result<(), Problem> {
    let mut stack = vec![(first, 0)];
    while let Some((id, place)) = stack.pop() {
        if place == 0 && marks.get(&id) == Some(&Mark::Done) {
            continue;
        }
        marks.insert(id, Mark::Open);
        let Some(action) = definition.action(id).filter(|action| !action.step.is_delay()) else {
            marks.insert(id, Mark::Done);
            continue;
        };
        let links = action.step.links();
        let Some((at, next)) = links.get(place) else {
            marks.insert(id, Mark::Done);
            continue;
        };
        stack.push((id, place + 1));
        match next.map(|next| (next, marks.get(&next))) {
            Some((_, Some(Mark::Open))) => {
                let why = "leads back to an action before it with no delay on the way, so that \
                           somebody would go round for ever at once";
                return Err(Problem::Action(id, Fault::new(at.clone(), why)));
            }
            Some((next, None)) => stack.push((next, 0)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;
    use crate::egress::Policy;
    use crate::flow::parse::Known;

    /// A list flow of these actions: name, type, links.
    fn parse(entry: &str, actions: &[(&str, Value, Value)]) -> Result<Definition, Fault> {
        let action = |(name, data, links): &(&str, Value, Value)| {
            let kind = if data.get("unit").is_some() { "time-delay" } else { "suppress-profile" };
            json!({ "temporary_id": name, "type": kind, "data": data, "links": links })
        };
        let actions: Vec<Value> = actions.iter().map(action).collect();
        let definition = json!({
            "triggers": [{ "type": "list", "id": "AAAAAA" }],
            "entry_action_id": entry,
            "actions": actions,
        });
        let policy = Policy::default();
        let known = Known { policy: &policy, names: None, before: None };
        Definition::parse(&to_raw_value(&definition).unwrap(), "", &known)
    }

    fn act() -> Value {
        json!({ "status": "live" })
    }

    fn delay(value: u32) -> Value {
        json!({ "unit": "hours", "value": value })
    }

    fn to(next: &str) -> Value {
        json!({ "next": next })
    }

    #[test]
    fn a_graph_that_can_be_walked_is_taken() {
        let none = json!({ "next": null });
        parse("a", &[("a", act(), to("b")), ("b", act(), none.clone())]).unwrap();
        // Two ways that meet again, and a way back over a delay.
        parse("a", &[("a", delay(1), to("b")), ("b", act(), to("a"))]).unwrap();
        let names: Vec<String> =
            (0..crate::limits::FLOW_ACTIONS_MAX).map(|number| format!("n{number}")).collect();
        let chain: Vec<(&str, Value, Value)> = names
            .iter()
            .zip(names.iter().skip(1).map(|next| to(next)).chain([none]))
            .map(|(name, links)| (name.as_str(), act(), links))
            .collect();
        parse("n0", &chain).unwrap();
    }

    #[test]
    fn each_fault_points_at_its_action() {
        let none = json!({ "next": null });
        for (entry, actions, pointer, words) in [
            (
                "a",
                vec![("a", act(), to("b")), ("b", act(), to("a"))],
                "/actions/1/links/next",
                "leads back",
            ),
            ("a", vec![("a", act(), to("a"))], "/actions/0/links/next", "leads back"),
            // A delay of nothing is none.
            (
                "a",
                vec![("a", delay(0), to("b")), ("b", act(), to("a"))],
                "/actions/1/links/next",
                "leads back",
            ),
            (
                "a",
                vec![("a", act(), none.clone()), ("b", act(), none.clone())],
                "/actions/1",
                "no way leads",
            ),
            ("a", vec![("a", act(), to("c"))], "/actions/0/links/next", "no action has"),
            ("x", vec![("a", act(), none.clone())], "/entry_action_id", "no action has"),
            (
                "a",
                vec![("a", act(), none.clone()), ("a", act(), none)],
                "/actions/1/temporary_id",
                "called `a` too",
            ),
        ] {
            let fault = parse(entry, &actions).unwrap_err();
            assert_eq!(fault.pointer, pointer, "{fault}");
            assert!(fault.detail.contains(words), "{fault}");
        }
    }
}
