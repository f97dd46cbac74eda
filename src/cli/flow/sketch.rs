//! What `apply` does to a flow, as text or as JSON: a row for each action. Pure.

use serde_json::{Value, json};

use super::plan::{Fate, Plan};
use super::summary;
use crate::cli::client::{Report, Session};
use crate::cli::table::{Cell, Colours, Table, printable};

/// A plan with what it is about.
pub(super) struct Sketch<'a> {
    pub(super) plan: &'a Plan,
    /// The actions of the file, in the normal form.
    pub(super) new: &'a [Value],
    /// The actions of the flow before.
    pub(super) old: &'a [Value],
    /// What the actions of the file are called.
    pub(super) ids: Vec<String>,
}

impl Sketch<'_> {
    /// What was done, under a sentence.
    pub(super) fn text(&self, head: &str, colours: Colours) -> String {
        let mut table = Table::default();
        let row = |what: Cell, id: &str, action: &Value, changes: &str| {
            let kind = action["type"].as_str().unwrap_or_default();
            let told = [kind, &summary::action(action)].join(" ");
            vec![what, Cell::plain(id), Cell::plain(told.trim_end()), Cell::plain(changes)]
        };
        for part in &self.plan.parts {
            table.push(vec![
                Cell::plain("changed"),
                Cell::plain(part),
                Cell::plain(""),
                Cell::plain(""),
            ]);
        }
        for ((fate, action), id) in self.plan.actions.iter().zip(self.new).zip(&self.ids) {
            table.push(match fate {
                Fate::Created => row(Cell::good("created"), id, action, ""),
                Fate::Kept(_) => row(Cell::faint("kept"), id, action, ""),
                Fate::Changed(_, changes) => {
                    row(Cell::plain("changed"), id, action, &format!("({})", changes.join(", ")))
                }
            });
        }
        for place in &self.plan.removed {
            let action = &self.old[*place];
            let id = action["id"].as_str().unwrap_or_default();
            table.push(row(Cell::bad("removed"), id, action, ""));
        }
        format!("{}\n{}", printable(head), table.text(colours))
    }

    /// What would be done.
    pub(super) fn dry(&self, session: &Session, head: &str, id: Option<&str>) -> Report {
        let output = if session.json {
            session.document(&self.json(id))
        } else {
            self.text(head, session.colours)
        };
        Report { output, ..Report::default() }
    }

    fn json(&self, id: Option<&str>) -> Value {
        let of_file = self.plan.actions.iter().zip(self.new).zip(&self.ids);
        let told = of_file.map(|((fate, action), id)| {
            let (what, changes): (_, &[String]) = match fate {
                Fate::Created => ("created", &[]),
                Fate::Kept(_) => ("kept", &[]),
                Fate::Changed(_, changes) => ("changed", changes),
            };
            json!({ "id": id, "type": action["type"], "what": what, "changes": changes })
        });
        let removed = self.plan.removed.iter().map(|place| {
            let action = &self.old[*place];
            json!({ "id": action["id"], "type": action["type"], "what": "removed", "changes": [] })
        });
        let actions: Vec<Value> = told.chain(removed).collect();
        json!({ "flow_id": id, "changed": self.plan.parts, "actions": actions })
    }
}
