//! What an update does to a flow: which action of the file is which of the flow's. Pure.
//!
//! A flow file calls its actions by names of its own, and a flow that is stored by ids alone. An
//! action that keeps its id keeps its counts and the people who wait in it, so each of the file is
//! held against those of the flow, and is the same as
//!
//! 1. the one whose `id` it has;
//! 2. the only one of its type and name (of a webhook its message's), then of its type and address;
//! 3. the only one of its type with the same content;
//! 4. the one of its type in the same place: where the flow begins, or where the same link of an
//!    action leads that is matched already;
//! 5. the first of its type with the same content.
//!
//! What is left of the file is new, and what is left of the flow goes. Both sides are in the normal
//! form (`file.rs`), so what is equal is written alike.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::file::actions;

/// What becomes of a flow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Of each action of the file, in order.
    pub(super) actions: Vec<Fate>,
    /// The places of the flow's actions that go.
    pub(super) removed: Vec<usize>,
    /// What else changes, by its name in the definition.
    pub(super) parts: Vec<&'static str>,
}

/// What becomes of an action.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is new.
    Created,
    /// It is the flow's action in this place, as it was.
    Kept(usize),
    /// It is the flow's action in this place, and these parts of it change.
    Changed(usize, Vec<String>),
}

impl Fate {
    /// The place of the flow's action.
    pub(super) const fn place(&self) -> Option<usize> {
        match self {
            Self::Created => None,
            Self::Kept(place) | Self::Changed(place, _) => Some(*place),
        }
    }
}

/// The parts of a definition besides its actions.
const PARTS: [&str; 4] = ["triggers", "profile_filter", "reentry_criteria", "strict"];
const ENTRY: &str = "entry_action_id";

/// An action, with its links as places among its neighbours.
struct Node {
    kind: String,
    /// What it is called, by each of the ways of the second rule.
    names: [Option<String>; 2],
    data: Value,
    links: Vec<(String, Option<usize>)>,
}

struct Graph {
    nodes: Vec<Node>,
    entry: Option<usize>,
}

/// Decides it. `ids` are those that the actions of the file claim to have.
pub(super) fn plan(file: &Value, ids: &[Option<&str>], stored: &Value) -> Plan {
    let (new, old) = (Graph::of(file), Graph::of(stored));
    let mut pairs =
        Pairs { of_new: vec![None; new.nodes.len()], of_old: vec![None; old.nodes.len()] };
    for (place, id) in ids.iter().enumerate() {
        let found = id.and_then(|id| actions(stored).iter().position(|action| action["id"] == id));
        pairs.join(place, found);
    }
    for way in 0..2 {
        let same = |a: &Node, b: &Node| a.names[way].is_some() && a.names[way] == b.names[way];
        pairs.join_only(&new, &old, same);
    }
    pairs.join_only(&new, &old, |a, b| a.data == b.data);
    pairs.join_by_place(&new, &old);
    for (place, node) in new.nodes.iter().enumerate() {
        let is_same =
            |at: &usize| old.nodes[*at].kind == node.kind && old.nodes[*at].data == node.data;
        let found = pairs.free_old().into_iter().find(is_same);
        pairs.join(place, found);
    }
    let actions = (0..new.nodes.len()).map(|place| pairs.fate(place, &new, &old)).collect();
    let mut parts: Vec<_> = PARTS.into_iter().filter(|part| file[*part] != stored[*part]).collect();
    if new.entry.map(|entry| pairs.of_new[entry]) != old.entry.map(Some) {
        parts.push(ENTRY);
    }
    Plan { actions, removed: pairs.free_old(), parts }
}

/// Which is which, as far as it is known.
struct Pairs {
    of_new: Vec<Option<usize>>,
    of_old: Vec<Option<usize>>,
}

impl Pairs {
    /// Joins a new one with an old one, unless one of them has another partner.
    fn join(&mut self, new: usize, old: Option<usize>) -> bool {
        let Some(old) = old else { return false };
        if self.of_new[new].is_some() || self.of_old[old].is_some() {
            return false;
        }
        (self.of_new[new], self.of_old[old]) = (Some(old), Some(new));
        true
    }

    fn free_old(&self) -> Vec<usize> {
        (0..self.of_old.len()).filter(|place| self.of_old[*place].is_none()).collect()
    }

    fn free_new(&self) -> Vec<usize> {
        (0..self.of_new.len()).filter(|place| self.of_new[*place].is_none()).collect()
    }

    /// Joins those that are the same as one other alone.
    fn join_only(&mut self, new: &Graph, old: &Graph, same: impl Fn(&Node, &Node) -> bool) {
        let (free_new, free_old) = (self.free_new(), self.free_old());
        let fits = |a: usize, b: usize| {
            let (a, b) = (&new.nodes[a], &old.nodes[b]);
            a.kind == b.kind && same(a, b)
        };
        for a in &free_new {
            let mut others = free_old.iter().filter(|b| fits(*a, **b));
            let (Some(b), None) = (others.next(), others.next()) else { continue };
            if free_new.iter().filter(|other| fits(**other, *b)).count() == 1 {
                self.join(*a, Some(*b));
            }
        }
    }

    /// Joins those of one type to which the same way leads, for as long as there are any.
    fn join_by_place(&mut self, new: &Graph, old: &Graph) {
        loop {
            let mut ways = vec![(new.entry, old.entry)];
            for (place, node) in new.nodes.iter().enumerate() {
                let Some(partner) = self.of_new[place] else { continue };
                for (name, to) in &node.links {
                    let links = &old.nodes[partner].links;
                    let there = links.iter().find(|(other, _)| other == name);
                    ways.extend(there.map(|(_, old)| (*to, *old)));
                }
            }
            let mut has_joined = false;
            for (a, b) in ways {
                let (Some(a), Some(b)) = (a, b) else { continue };
                if new.nodes[a].kind == old.nodes[b].kind {
                    has_joined |= self.join(a, Some(b));
                }
            }
            if !has_joined {
                return;
            }
        }
    }

    fn fate(&self, place: usize, new: &Graph, old: &Graph) -> Fate {
        let Some(partner) = self.of_new[place] else { return Fate::Created };
        let (a, b) = (&new.nodes[place], &old.nodes[partner]);
        let mut changes = Vec::new();
        if a.kind != b.kind {
            changes.push("type".to_owned());
        } else {
            differences(&a.data, &b.data, &mut changes);
            for (name, to) in &a.links {
                let was = b.links.iter().find(|(other, _)| other == name);
                // A link to an action that is new is another one than before.
                let is_same =
                    was.is_some_and(|(_, was)| to.map(|to| self.of_new[to]) == was.map(Some));
                if !is_same {
                    changes.push(name.clone());
                }
            }
        }
        if changes.is_empty() { Fate::Kept(partner) } else { Fate::Changed(partner, changes) }
    }
}

/// The members in which two differ; of a message, its own.
fn differences(a: &Value, b: &Value, to: &mut Vec<String>) {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flat_map(Map::keys).cloned().collect()
    };
    for name in names(a).union(&names(b)) {
        if a.get(name) == b.get(name) {
            continue;
        }
        if name == "message" {
            differences(&a[name], &b[name], to);
        } else {
            to.push(name.clone());
        }
    }
}

impl Graph {
    fn of(definition: &Value) -> Self {
        let of_definition = actions(definition);
        let place = |link: &Value| {
            let name = link.as_str()?;
            of_definition.iter().position(|action| action["id"] == name)
        };
        let nodes = of_definition.iter().map(|action| Node::of(action, &place)).collect();
        Self { nodes, entry: place(&definition[ENTRY]) }
    }
}

impl Node {
    fn of(action: &Value, place: &dyn Fn(&Value) -> Option<usize>) -> Self {
        let mut data = action["data"].clone();
        let mut links: Vec<_> = action["links"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, to)| (name.clone(), place(to)))
            .collect();
        if let Some(members) = data.as_object_mut() {
            members.remove("trigger_id");
            // What an action's status becomes does not make it another one; `apply` tells of it.
            members.remove("status");
        }
        for branch in data.get_mut("branches").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = format!("branch {}", branch["branch_id"].as_str().unwrap_or_default());
            links.push((name, place(&branch["links"]["next"])));
            branch["links"] = Value::Null;
        }
        if let Some(message) = data.get_mut("message").and_then(Value::as_object_mut) {
            message.remove("id");
        }
        let text =
            |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text(&data["name"]).or_else(|| text(&data["message"]["name"]));
        let names = [name, text(&data["message"]["url"])];
        Self { kind: action["type"].as_str().unwrap_or_default().to_owned(), names, data, links }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
