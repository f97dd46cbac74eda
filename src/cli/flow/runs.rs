//! `tidings flow runs`, `run` and `cancel`: people on their way through flows.

use std::collections::HashMap;

use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::file::actions;
use super::moments::{Told, row, timeline};
use super::pages::{self, Listing, equal};
use super::path_of;
use super::show::DEFINITION;
use crate::cli::client::{CliError, Many, One, Reference, Report, Session};
use crate::cli::table::{Cell, Colours, Table, printable, until};
use crate::clock::Timestamp;
use crate::flow::RunState;
use crate::id::{FlowId, ProfileId, RunId};
use crate::limits::{CLI_RUNS_MAX, RUNS_PAGE_MAX};

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  tidings flow runs                                  the newest 20
  tidings flow runs --flow T23ivh --state waiting    who is in a flow
  tidings flow runs --profile 01HF7AYTK76RHR4F17G6DGTRGF --limit 100";

#[derive(Debug, clap::Args)]
pub(super) struct RunsArgs {
    /// Only runs of this flow
    #[arg(long, value_name = "ID")]
    flow: Option<FlowId>,
    /// Only runs of this person
    #[arg(long, value_name = "ID")]
    profile: Option<ProfileId>,
    /// Only runs in this state
    #[arg(long)]
    #[arg(value_parser = PossibleValuesParser::new(listed_states()))]
    state: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(CLI_RUNS_MAX)))]
    limit: u32,
}

/// One that has only begun is listed nowhere.
fn listed_states() -> impl Iterator<Item = &'static str> {
    RunState::ALL.into_iter().filter(|state| *state != RunState::Begun).map(RunState::name)
}

/// What the API says of a run.
#[derive(Deserialize)]
struct Attributes {
    state: String,
    entered_at: String,
    due_at: Option<String>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    timeline: Vec<Moment>,
    #[serde(default)]
    timeline_dropped_count: u64,
    #[serde(default)]
    outputs: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Moment {
    at: String,
    action_id: Option<String>,
    event: String,
    detail: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Relationships {
    flow: Reference,
    #[serde(rename = "flow-action")]
    action: Reference,
    profile: Reference,
    event: Reference,
    delivery: Reference,
}

type Run = One<Attributes, Relationships>;

fn path(id: RunId) -> String {
    format!("/api/flow-runs/{id}")
}

/// Lists runs.
pub(super) async fn list(session: &Session, args: &RunsArgs) -> Result<Report, CliError> {
    let filter = equal([
        ("flow_id", args.flow.map(|id| id.to_string())),
        ("profile_id", args.profile.map(|id| id.to_string())),
        ("state", args.state.clone()),
    ]);
    let wanted = args.limit as usize;
    let listing = Listing { path: "/api/flow-runs", filter: &filter, wanted, page: RUNS_PAGE_MAX };
    let (document, is_all) = pages::read(session, &listing).await?;
    if session.json {
        return Ok(Report { output: session.document(&document), ..Report::default() });
    }
    let page: Many<Attributes, Relationships> =
        serde_json::from_value(document).map_err(CliError::Unexpected)?;
    let more = "There may be more; a greater --limit shows them.".to_owned();
    Ok(Report {
        output: table(&page).text(session.colours),
        notes: if is_all { Vec::new() } else { vec![more] },
        failed: false,
    })
}

fn table(page: &Many<Attributes, Relationships>) -> Table {
    let mut table = Table::new(&["ID", "STATE", "FLOW", "ACTION", "PROFILE", "ENTERED", "DUE"]);
    for run in &page.data {
        let (of, to) = (&run.attributes, &run.relationships);
        table.push(vec![
            Cell::plain(&run.id),
            state(&of.state),
            reference(&to.flow),
            reference(&to.action),
            reference(&to.profile),
            Cell::moment(Some(&of.entered_at)),
            Cell::moment(of.due_at.as_deref()),
        ]);
    }
    table
}

/// The other resource of a relationship, or a dash.
pub(super) fn reference(to: &Reference) -> Cell {
    to.id().map_or_else(Cell::none, Cell::plain)
}

/// The state of a run.
pub(super) fn state(name: &str) -> Cell {
    match name {
        "finished" => Cell::good(name),
        "cancelled" => Cell::faint(name),
        _ => Cell::plain(name),
    }
}

/// Shows a run with what happened.
pub(super) async fn show(session: &Session, id: RunId) -> Result<Report, CliError> {
    let answer = session.get(&path(id)).await?;
    if session.json {
        return session.report(&answer, |_: Run| String::new());
    }
    let run: Run = answer.parse()?;
    let types = types(session, &run).await?;
    let output = text(&run, &types, session.clock.now(), session.colours);
    Ok(Report { output, ..Report::default() })
}

#[derive(Deserialize)]
struct OfFlow {
    definition: Value,
}

/// The types of the flow's actions by their ids; none where it is deleted.
async fn types(session: &Session, run: &Run) -> Result<HashMap<String, String>, CliError> {
    let Some(flow) = run.data.relationships.flow.id() else { return Ok(HashMap::new()) };
    let path = format!("{}{DEFINITION}", path_of(flow));
    let flow: One<OfFlow> = match session.get(&path).await {
        Ok(answer) => answer.parse()?,
        Err(CliError::Refused(_)) => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let named = actions(&flow.data.attributes.definition).iter();
    let named = named.filter_map(|action| Some((text(&action["id"])?, text(&action["type"])?)));
    Ok(named.collect())
}

/// Ends a run.
pub(super) async fn cancel(session: &Session, id: RunId) -> Result<Report, CliError> {
    let answer = session.post_empty(&format!("{}/cancel", path(id))).await?;
    session.report(&answer, |run: Run| {
        printable(&format!("Run {id} is {}.", run.data.attributes.state)) + "\n"
    })
}

fn text(run: &Run, types: &HashMap<String, String>, now: Timestamp, colours: Colours) -> String {
    let (of, to) = (&run.data.attributes, &run.data.relationships);
    let due = of.due_at.as_deref().and_then(Timestamp::parse_rfc3339);
    let due = due.map_or_else(String::new, |at| format!(" ({})", until(at, now)));
    let optional = |name, text: Option<&str>| text.map(|text| (name, Cell::plain(text)));
    let head = [
        ("id", Cell::plain(&run.data.id)),
        ("state", state(&of.state)),
        ("flow", reference(&to.flow)),
        ("profile", reference(&to.profile)),
        ("entered", Cell::moment(Some(&of.entered_at))),
        ("goes on", Cell::moment(of.due_at.as_deref()).followed_by(&due)),
    ];
    let more = [
        optional("event", to.event.id()),
        optional("action", to.action.id()),
        optional("waits for", to.delivery.id()),
        optional("date", of.date.as_deref()),
    ];
    let outputs = of
        .outputs
        .iter()
        .flatten()
        .map(|(name, value)| ("outputs", Cell::plain(&format!("{name}: {value}"))));
    let fields = head.into_iter().chain(more.into_iter().flatten()).chain(outputs);
    let mut out = Table::fields(fields).text(colours) + "\n";
    let start = Timestamp::parse_rfc3339(&of.entered_at).unwrap_or(Timestamp::EPOCH);
    let mut table = timeline();
    for moment in &of.timeline {
        let action = moment.action_id.as_deref().unwrap_or_default();
        let kind = types.get(action).map(|kind| format!(" {kind}")).unwrap_or_default();
        table.push(row(&Told {
            at: Timestamp::parse_rfc3339(&moment.at).unwrap_or(start),
            start,
            action: &format!("{action}{kind}"),
            event: &moment.event,
            // It is held back from keys that may not read people.
            detail: moment.detail.as_deref().unwrap_or(&moment.event),
        }));
    }
    out.push_str(&table.text(colours));
    if of.timeline_dropped_count > 0 {
        let count = of.timeline_dropped_count;
        out.push_str(&format!("\n{count} moments after the first were dropped.\n"));
    }
    out
}
