//! `tidings flow`: flows kept in files, people followed through them, and flows tried out.
//!
//! Here are the arguments and the short actions. The longer ones have a file each, named like them;
//! `simulate` is the only one that asks no daemon.
//!
//! - `file` reads a flow file.
//! - `plan` decides what an update does, `statuses` what statuses it sends, `sketch` tells of it.
//! - `summary` says in a line what an action does; `moments` has the rows of a timeline.
//! - `pages` asks for long listings.

mod apply;
mod file;
mod list;
mod moments;
mod pages;
mod plan;
mod preview;
mod reviews;
mod runs;
mod show;
mod simulate;
mod sketch;
mod statuses;
mod summary;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::json;

use super::client::{self, CliError, One, Remote, Report, Session};
use super::table::printable;
use super::webhook::agreed;
use crate::flow::Status;
use crate::id::{ActionId, FlowId, RunId};

const EXAMPLES: &str = "\
Examples:
  tidings flow simulate welcome.json --events events.jsonl --requests    try it, without a daemon
  tidings flow apply welcome.json --live                                 make it, or change it
  tidings flow list
  tidings flow show T23ivh
  tidings flow runs --flow T23ivh --state waiting
  tidings flow preview 17";
const SHOW_EXAMPLES: &str = "\
Examples:
  tidings flow show T23ivh
  tidings flow show T23ivh --json > welcome.json    a file for `tidings flow apply`

Beside each action stands what became of those who came to it. `--json` has the definition as it is
stored, in which the values of secret headers are masked.";
const STATUS_EXAMPLES: &str = "\
Examples:
  tidings flow status T23ivh live      people enter, and all its actions are done
  tidings flow status T23ivh manual    people enter, and all its actions wait for approval
  tidings flow status T23ivh draft     nobody enters; who is in it passes its actions

The status becomes that of each action too, except of those that are disabled.";
const DELETE_EXAMPLES: &str = "\
Example:
  tidings flow delete T23ivh --yes

Runs of the flow end where they are, and what it has in the outbox is cancelled. `tidings flow status
ID draft` keeps it.";

/// The arguments of `tidings flow`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FlowArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all flows
    #[command(after_help = "Example:\n  tidings flow list --json | jq -r '.data[].id'")]
    List,
    /// Show one flow: its actions, what became of people in them, and who enters
    #[command(after_help = SHOW_EXAMPLES)]
    Show(OneArgs),
    /// Make a flow from a file, or change the flow of the same name
    #[command(after_help = apply::EXAMPLES)]
    Apply(apply::ApplyArgs),
    /// Say whether people enter a flow
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        #[command(flatten)]
        one: OneArgs,
        /// draft, manual or live
        #[arg(value_parser = PossibleValuesParser::new(Status::ALL.map(Status::name)))]
        status: String,
    },
    /// Delete a flow; runs of it end
    #[command(after_help = DELETE_EXAMPLES)]
    Delete {
        #[command(flatten)]
        one: OneArgs,
        /// Do not ask; necessary where there is no terminal
        #[arg(long, short)]
        yes: bool,
    },
    /// List ways of people through flows, the newest first
    #[command(after_help = runs::LIST_EXAMPLES)]
    Runs(runs::RunsArgs),
    /// Show what happened to one person in a flow, and when
    #[command(after_help = "Example:\n  tidings flow run 01M1PAC5N9PMXJ7672AC8B75VN")]
    Run(RunArgs),
    /// End a run where it is
    #[command(after_help = "Example:\n  tidings flow cancel 01M1PAC5N9PMXJ7672AC8B75VN")]
    Cancel(RunArgs),
    /// List what waits for approval, because its flow or action is manual
    #[command(after_help = reviews::LIST_EXAMPLES)]
    Reviews(reviews::ReviewsArgs),
    /// Do what waits for approval, with what is known now
    #[command(after_help = reviews::APPROVE_EXAMPLES)]
    Approve(reviews::ManyArgs),
    /// Let be what waits for approval
    #[command(after_help = reviews::DISCARD_EXAMPLES)]
    Discard(reviews::ManyArgs),
    /// Show the request that an action would send, and send nothing
    #[command(after_help = preview::EXAMPLES)]
    Preview(preview::PreviewArgs),
    /// Send what an action would send, past the outbox, and show the answer
    #[command(after_help = preview::TEST_EXAMPLES)]
    Test(preview::PreviewArgs),
    /// Run a flow over events of a file in virtual time, without a daemon; nothing is sent
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(Box<simulate::SimulateArgs>),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The id of the flow, as `tidings flow list` shows it
    id: FlowId,
}

impl OneArgs {
    fn path(&self) -> String {
        path_of(&self.id.to_string())
    }
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The id of the run, as `tidings flow runs` shows it
    id: RunId,
}

#[derive(Debug, clap::Args)]
struct ActionArgs {
    /// The id of the action, as `tidings flow show` shows it
    #[arg(value_name = "ACTION_ID")]
    id: ActionId,
}

/// What every answer about a flow has.
#[derive(Deserialize)]
struct Attributes {
    name: String,
    status: String,
    #[serde(default)]
    trigger_type: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    updated: Option<String>,
    #[serde(default)]
    counts: Counts,
}

#[derive(Default, Deserialize)]
struct Counts {
    entered: i64,
    active: i64,
}

type Flow = One<Attributes>;

/// The path of one flow; an id that came from the daemon is letters and digits.
fn path_of(id: &str) -> String {
    format!("/api/flows/{id}")
}

/// Runs `tidings flow`.
pub(super) fn run(args: FlowArgs) -> ExitCode {
    let FlowArgs { remote, action } = args;
    match action {
        Action::Simulate(args) => {
            client::run_offline(&remote, async |session| simulate::perform(session, *args).await)
        }
        action => client::run(&remote, async |session| perform(session, action).await),
    }
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::List => list::perform(session).await,
        Action::Show(one) => show::perform(session, &one.path()).await,
        Action::Apply(args) => apply::perform(session, &args).await,
        Action::Status { one, status } => set_status(session, &one, &status).await,
        Action::Delete { one, yes } => delete(session, &one, yes).await,
        Action::Runs(args) => runs::list(session, &args).await,
        Action::Run(run) => runs::show(session, run.id).await,
        Action::Cancel(run) => runs::cancel(session, run.id).await,
        Action::Reviews(args) => reviews::list(session, &args).await,
        Action::Approve(args) => reviews::each(session, &args, "approve", "approved").await,
        Action::Discard(args) => reviews::each(session, &args, "discard", "discarded").await,
        Action::Preview(args) => preview::perform(session, &args, preview::Mode::Preview).await,
        Action::Test(args) => preview::perform(session, &args, preview::Mode::Test).await,
        Action::Simulate(args) => simulate::perform(session, *args).await,
    }
}

async fn set_status(session: &Session, one: &OneArgs, status: &str) -> Result<Report, CliError> {
    let attributes = json!({ "status": status });
    let data = json!({ "type": "flow", "id": one.id.to_string(), "attributes": attributes });
    let answer = session.patch(&one.path(), &json!({ "data": data })).await?;
    session.report(&answer, |flow: Flow| {
        let Attributes { name, status, counts, .. } = &flow.data.attributes;
        let told =
            format!("Flow {} \"{name}\" is {status}; {} are in it.", flow.data.id, counts.active);
        printable(&told) + "\n"
    })
}

async fn delete(session: &Session, one: &OneArgs, yes: bool) -> Result<Report, CliError> {
    if !yes {
        if !session.interactive {
            let why = "deleting needs --yes where there is no terminal to ask on";
            return Err(CliError::Usage(why.to_owned()));
        }
        let flow: Flow = session.get(&one.path()).await?.parse()?;
        let Attributes { name, counts, .. } = flow.data.attributes;
        let what = printable(&format!("\"{name}\", which {} people are in", counts.active));
        if !is_agreed(&format!("Delete flow {what}? [y/N]"))? {
            return Ok(nothing("Nothing was deleted."));
        }
    }
    session.delete(&one.path()).await?;
    Ok(session.done(&format!("Flow {} is deleted.", one.id)))
}

/// Asks on the terminal.
fn is_agreed(question: &str) -> Result<bool, CliError> {
    client::ask(question);
    agreed(&mut std::io::stdin().lock())
}

/// What is said where the person said no.
fn nothing(line: &str) -> Report {
    Report { notes: vec![line.to_owned()], failed: true, ..Report::default() }
}

#[cfg(test)]
mod tests;
