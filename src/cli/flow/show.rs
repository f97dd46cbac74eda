//! `tidings flow show`: a flow as an outline. Actions stand under each other in the order in which
//! people come to them; what a split leads to stands further in, up to where its ways meet again.
//! An action that was shown already is only named.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Attributes, list, summary};
use crate::cli::client::{CliError, One, Report, Session};
use crate::cli::table::{Cell, Colours, Table, beginning, printable};
use crate::limits::SHOWN_TEXT_CHARS_MAX;

/// The definition too.
pub(super) const DEFINITION: &str = "?additional-fields%5Bflow%5D=definition";
/// The definition, and with it the counts of the actions.
pub(super) const WHOLE: &str = "?additional-fields%5Bflow%5D=definition&include=flow-actions";

/// A flow with all that is known of it.
#[derive(Deserialize)]
pub(super) struct Whole {
    /// Its resource.
    pub(super) data: Data,
    /// Its actions.
    #[serde(default)]
    included: Vec<Included>,
}

/// The resource.
#[derive(Deserialize)]
pub(super) struct Data {
    /// Its id.
    pub(super) id: String,
    /// Its attributes.
    pub(super) attributes: WithDefinition,
}

/// The attributes.
#[derive(Deserialize)]
pub(super) struct WithDefinition {
    #[serde(flatten)]
    shown: Attributes,
    /// What it does.
    #[serde(default)]
    pub(super) definition: Value,
}

#[derive(Deserialize)]
struct Included {
    id: String,
    attributes: OfAction,
}

#[derive(Deserialize)]
struct OfAction {
    #[serde(default)]
    counts: Map<String, Value>,
}

impl Whole {
    /// What the flow is called, and whether people enter.
    pub(super) fn name_and_status(&self) -> (&str, &str) {
        let of = &self.data.attributes.shown;
        (&of.name, &of.status)
    }

    /// How many people wait in an action.
    pub(super) fn waiting(&self, action: &str) -> i64 {
        let found = self.included.iter().find(|one| one.id == action);
        found.and_then(|one| one.attributes.counts.get("waiting")?.as_i64()).unwrap_or_default()
    }
}

/// Shows one flow.
pub(super) async fn perform(session: &Session, path: &str) -> Result<Report, CliError> {
    let answer = session.get(&format!("{path}{WHOLE}")).await?;
    if session.json {
        return session.report(&answer, |_: Whole| String::new());
    }
    let whole: Whole = answer.parse()?;
    let metric = metric_name(session, &whole.data.attributes.definition).await?;
    let output = text(&whole, metric.as_deref(), session.colours);
    Ok(Report { output, ..Report::default() })
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The name of the metric that starts a flow.
pub(super) async fn metric_name(
    session: &Session,
    definition: &Value,
) -> Result<Option<String>, CliError> {
    let trigger = &definition["triggers"][0];
    let id = trigger["id"].as_str().filter(|_| trigger["type"] == "metric");
    let is_id = |id: &&str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some(id) = id.filter(is_id) else { return Ok(None) };
    match session.get(&format!("/api/metrics/{id}")).await {
        Ok(answer) => Ok(Some(answer.parse::<One<Named>>()?.data.attributes.name)),
        Err(CliError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(whole: &Whole, metric: Option<&str>, colours: Colours) -> String {
    let Data { id, attributes: WithDefinition { shown, definition } } = &whole.data;
    let plain = |text: &str| if text.is_empty() { Cell::none() } else { Cell::plain(text) };
    let counts = &shown.counts;
    let head = Table::fields([
        ("id", Cell::plain(id)),
        ("name", Cell::plain(&shown.name)),
        ("status", list::status(&shown.status)),
        (
            "people",
            Cell::plain(&format!("{} entered, {} are in it", counts.entered, counts.active)),
        ),
        ("created", Cell::moment(shown.created.as_deref())),
        ("updated", Cell::moment(shown.updated.as_deref())),
    ]);
    let trigger = &definition["triggers"][0];
    let tail = Table::fields([
        ("trigger", Cell::plain(&summary::trigger(trigger, metric))),
        ("if the event", plain(&summary::conditions(&trigger["trigger_filter"]))),
        ("if the person", plain(&summary::conditions(&definition["profile_filter"]))),
        ("again", Cell::plain(&summary::reentry(&definition["reentry_criteria"]))),
    ]);
    let outline = Outline::of(definition, whole, colours).text();
    format!("{}\n{outline}\n{}", head.text(colours), tail.text(colours))
}

/// The graph on its way to text.
struct Outline<'a> {
    actions: HashMap<&'a str, &'a Value>,
    entry: Option<&'a str>,
    counts: HashMap<&'a str, &'a Map<String, Value>>,
    colours: Colours,
    shown: HashSet<&'a str>,
    out: String,
}

impl<'a> Outline<'a> {
    fn of(definition: &'a Value, whole: &'a Whole, colours: Colours) -> Self {
        let actions = super::file::actions(definition).iter();
        let actions = actions.filter_map(|action| Some((action["id"].as_str()?, action)));
        let counts = whole.included.iter().map(|one| (one.id.as_str(), &one.attributes.counts));
        Self {
            actions: actions.collect(),
            entry: definition["entry_action_id"].as_str(),
            counts: counts.collect(),
            colours,
            shown: HashSet::new(),
            out: String::new(),
        }
    }

    fn text(mut self) -> String {
        match self.entry {
            Some(entry) => self.chain(entry, 0, None),
            None => self.out.push_str("It has no actions.\n"),
        }
        self.out
    }

    /// Writes the actions from `at` on, up to `end`, where the ways of the split around them meet.
    fn chain(&mut self, at: &'a str, depth: usize, end: Option<&'a str>) {
        let mut next = Some(at);
        while let Some(id) = next {
            let Some(action) = self.actions.get(id).copied() else { return };
            if Some(id) == end || !self.shown.insert(id) {
                self.line(depth, &format!("→ {id}"));
                return;
            }
            self.action(id, action, depth);
            let ways = ways(action);
            next = match ways.as_slice() {
                [(None, next)] => *next,
                ways => {
                    let meeting = self.meeting(ways);
                    for (name, to) in ways {
                        let name = name.as_deref().unwrap_or_default();
                        self.line(depth + 1, &format!("{name}:"));
                        match to {
                            Some(to) => self.chain(to, depth + 2, meeting.or(end)),
                            None => self.line(depth + 2, "the end"),
                        }
                    }
                    meeting.filter(|meeting| !self.shown.contains(meeting) && Some(*meeting) != end)
                }
            };
        }
    }

    fn action(&mut self, id: &str, action: &Value, depth: usize) {
        let kind = action["type"].as_str().unwrap_or_default();
        let told = beginning(&summary::action(action), SHOWN_TEXT_CHARS_MAX);
        let status = action["data"]["status"].as_str();
        let status = status.filter(|status| *status != "live");
        let status = status.map(|status| format!(" [{status}]")).unwrap_or_default();
        let counts = self.counts.get(id).map(|counts| summary::counts(counts)).unwrap_or_default();
        let mut line = printable(format!("{id} {kind}{status}  {told}").trim_end());
        if !counts.is_empty() {
            line.push_str(&self.colours.faint(&printable(&format!("  ({counts})"))));
        }
        self.out.push_str(&format!("{}{line}\n", "  ".repeat(depth)));
    }

    fn line(&mut self, depth: usize, text: &str) {
        let text = self.colours.faint(&printable(text));
        self.out.push_str(&format!("{}{text}\n", "  ".repeat(depth)));
    }

    /// The first action to which every way leads that does not end.
    fn meeting(&self, ways: &[(Option<String>, Option<&'a str>)]) -> Option<&'a str> {
        let mut reached = ways.iter().filter_map(|(_, to)| *to).map(|to| self.reached(to));
        let first = reached.next()?;
        let others: Vec<_> = reached.collect();
        if others.is_empty() {
            return None;
        }
        first.into_iter().find(|id| others.iter().all(|other| other.contains(id)))
    }

    /// What can be reached from an action, the nearest first, itself too, but not past what was
    /// shown: a loop back is no place to meet.
    fn reached(&self, from: &'a str) -> Vec<&'a str> {
        let mut found = vec![from];
        let mut place = 0;
        while let Some(id) = found.get(place) {
            let ways = self.actions.get(id).map(|action| ways(action)).unwrap_or_default();
            for (_, to) in ways {
                if let Some(to) = to.filter(|to| !found.contains(to) && !self.shown.contains(to)) {
                    found.push(to);
                }
            }
            place += 1;
        }
        found
    }
}

/// Where an action leads: its ways by their names, or one without a name.
fn ways(action: &Value) -> Vec<(Option<String>, Option<&str>)> {
    let links = &action["links"];
    if let Some(branches) = action["data"]["branches"].as_array() {
        let way = |branch: &'_ Value| {
            let name = branch["name"]
                .as_str()
                .or_else(|| branch["branch_id"].as_str())
                .unwrap_or_default();
            if branch["is_else"] == true {
                return format!("else ({name})");
            }
            format!("{name} — if {}", summary::conditions(&branch["branch_filter"]))
        };
        let ways = branches.iter();
        return ways.map(|one| (Some(way(one)), one["links"]["next"].as_str())).collect();
    }
    if links.get("next_if_true").is_some() {
        return [("yes", "next_if_true"), ("no", "next_if_false")]
            .map(|(name, key)| (Some(name.to_owned()), links[key].as_str()))
            .to_vec();
    }
    vec![(None, links["next"].as_str())]
}
