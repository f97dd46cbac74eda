//! `tidings replay`: sends events of the past to a webhook, and watches over the jobs that do so.
//!
//! Here are the arguments and the short actions; `create` makes a job after it showed what it
//! would do, `follow` watches one, `text` makes words of the answers.

mod create;
mod follow;
mod text;

use std::process::ExitCode;

use serde_json::json;

use self::create::CreateArgs;
use self::text::{Attributes, Relationships, fields, table};
use super::client::{self, CliError, Many, One, Remote, Report, Session};
use super::table::printable;
use crate::id::ReplayId;
use crate::limits::REPLAYS_PAGE_MAX;
use crate::replay::Status;

const EXAMPLES: &str = "\
Examples:
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --since 24h
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --since 7d --preview
  tidings replay list
  tidings replay show 01KS8D5J3GQ0V1W2X3Y4Z5A6B7 --follow
  tidings replay pause 01KS8D5J3GQ0V1W2X3Y4Z5A6B7";

/// The arguments of `tidings replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Send events of the past to a webhook, after showing how many
    #[command(after_help = create::EXAMPLES)]
    Create(Box<CreateArgs>),
    /// List replays, the newest first
    #[command(after_help = "Example:\n  tidings replay list --limit 50")]
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u16).range(1..=REPLAYS_PAGE_MAX as i64))]
        limit: u16,
    },
    /// Show one replay and how far it is
    #[command(after_help = "Example:\n  tidings replay show 01KS8D5J3GQ0V1W2X3Y4Z5A6B7 --follow")]
    Show {
        #[command(flatten)]
        one: OneArgs,
        /// Watch it until it ends
        #[arg(long, short)]
        follow: bool,
    },
    /// Hold a replay; what it scheduled is sent all the same
    #[command(after_help = "Example:\n  tidings replay pause 01KS8D5J3GQ0V1W2X3Y4Z5A6B7")]
    Pause(OneArgs),
    /// Let a replay go on
    #[command(after_help = "Example:\n  tidings replay resume 01KS8D5J3GQ0V1W2X3Y4Z5A6B7")]
    Resume(OneArgs),
    /// End a replay for good; what it scheduled is sent all the same
    #[command(after_help = "Example:\n  tidings replay cancel 01KS8D5J3GQ0V1W2X3Y4Z5A6B7")]
    Cancel(OneArgs),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The id of the replay, as `tidings replay list` shows it
    id: ReplayId,
}

type Replay = One<Attributes, Relationships>;

fn path(id: &str) -> String {
    format!("/api/replays/{id}")
}

/// Runs `tidings replay`.
pub(super) fn run(args: ReplayArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::Create(args) => create::perform(session, *args).await,
        Action::List { limit } => list(session, limit).await,
        Action::Show { one, follow: true } => follow::perform(session, one.id).await,
        Action::Show { one, follow: false } => {
            let answer = session.get(&path(&one.id.to_string())).await?;
            session.report(&answer, |replay| fields(&replay).text(session.colours))
        }
        Action::Pause(one) => set_status(session, one.id, Status::Paused).await,
        Action::Resume(one) => set_status(session, one.id, Status::Running).await,
        Action::Cancel(one) => {
            let answer =
                session.post_empty(&format!("{}/cancel", path(&one.id.to_string()))).await?;
            session.report(&answer, told)
        }
    }
}

async fn list(session: &Session, limit: u16) -> Result<Report, CliError> {
    let answer = session.get(&format!("/api/replays?page%5Bsize%5D={limit}")).await?;
    let listed = |page: Many<Attributes, Relationships>| table(&page).text(session.colours);
    session.report(&answer, listed)
}

async fn set_status(session: &Session, id: ReplayId, to: Status) -> Result<Report, CliError> {
    let id = id.to_string();
    let attributes = json!({ "status": to.name() });
    let document = json!({ "data": { "type": "replay", "id": id, "attributes": attributes } });
    let answer = session.patch(&path(&id), &document).await?;
    session.report(&answer, told)
}

/// What became of a replay, in a sentence.
fn told(replay: Replay) -> String {
    let Attributes { status, scheduled_count, .. } = &replay.data.attributes;
    let (id, status) = (printable(&replay.data.id), printable(status));
    format!("Replay {id} is {status}; it scheduled {scheduled_count}.\n")
}

#[cfg(test)]
mod tests;
