//! `tidings delivery`: what was delivered, what waits, and why.
//!
//! Here are the arguments and the questions; `text` makes words of the answers.

mod text;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use url::form_urlencoded;

use self::text::{table, whole};
use super::client::{self, CliError, Remote, Report, Session};
use crate::delivery::State;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::limits::{CLI_DELIVERIES_MAX, CLI_PAGES_MAX, DELIVERIES_PAGE_MAX};

const EXAMPLES: &str = "\
Examples:
  tidings delivery list                                 the newest 20
  tidings delivery list --state exhausted --limit 100   what was given up
  tidings delivery list --webhook 01M1PAC5N9PMXJ7672AC8B75VN
  tidings delivery show 01M1PAC5N9PMXJ7672AC8B75VN      one, with its attempts";

/// The arguments of `tidings delivery`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeliveryArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List deliveries, the newest first
    #[command(after_help = EXAMPLES)]
    List(ListArgs),
    /// Show one delivery and its attempts
    #[command(after_help = "Example:\n  tidings delivery show 01M1PAC5N9PMXJ7672AC8B75VN")]
    Show {
        /// The id of the delivery, which receivers see as webhook-id
        id: DeliveryId,
    },
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only deliveries in this state
    #[arg(long, value_parser = PossibleValuesParser::new(State::ALL.map(State::name)))]
    state: Option<String>,
    /// Only deliveries of this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
    /// Only deliveries of this event
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    event: Option<EventId>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(CLI_DELIVERIES_MAX)))]
    limit: u32,
}

/// Runs `tidings delivery`.
pub(super) fn run(args: DeliveryArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::List(args) => list(session, &args).await,
        Action::Show { id } => {
            let answer = session.get(&path_of(&id.to_string())).await?;
            session.report(&answer, |delivery| whole(session, &delivery))
        }
    }
}

/// The path of one delivery.
fn path_of(id: &str) -> String {
    format!("/api/deliveries/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The newest deliveries as a table, for whoever has just caused some.
pub(super) async fn overview(session: &Session) -> Result<String, CliError> {
    let args = ListArgs { state: None, webhook: None, event: None, limit: 20 };
    list(session, &args).await.map(|report| report.output)
}

async fn list(session: &Session, args: &ListArgs) -> Result<Report, CliError> {
    let (document, is_all) = pages(session, args).await?;
    if session.json {
        return Ok(Report { output: session.document(&document), ..Report::default() });
    }
    let page = serde_json::from_value(document).map_err(CliError::Unexpected)?;
    let output = table(&page).text(session.colours);
    let more = "There may be more; a greater --limit shows them.".to_owned();
    Ok(Report { output, notes: if is_all { Vec::new() } else { vec![more] }, failed: false })
}

/// As many deliveries as are wanted, in the document of the last page; and whether these are all.
/// A page can be short, or empty, and still not be the last: the daemon answers after a while of
/// searching, with what it found.
async fn pages(session: &Session, args: &ListArgs) -> Result<(Value, bool), CliError> {
    let wanted = args.limit as usize;
    let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let size = (wanted - found.len()).min(DELIVERIES_PAGE_MAX);
        let answer = session.get(&query(args, size, cursor.as_deref())).await?;
        let mut page: Map<String, Value> = answer.parse()?;
        if let Some(Value::Array(data)) = page.get_mut("data") {
            found.append(data);
        }
        (cursor, pages) = (next_cursor(&page), pages + 1);
        if cursor.is_none() || found.len() >= wanted || pages >= CLI_PAGES_MAX {
            page.insert("data".to_owned(), Value::Array(found));
            return Ok((Value::Object(page), cursor.is_none()));
        }
    }
}

fn next_cursor(page: &Map<String, Value>) -> Option<String> {
    let next = page.get("links")?.get("next")?.as_str()?;
    let (_, query) = next.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "page[cursor]").map(|(_, cursor)| cursor.into_owned())
}

fn query(args: &ListArgs, size: usize, cursor: Option<&str>) -> String {
    let conditions: Vec<String> = [
        ("state", args.state.clone()),
        ("webhook_id", args.webhook.map(|id| id.to_string())),
        ("event_id", args.event.map(|id| id.to_string())),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some(format!("equals({field},\"{}\")", value?)))
    .collect();
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !conditions.is_empty() {
        query.append_pair("filter", &conditions.join(","));
    }
    query.append_pair("page[size]", &size.to_string());
    if let Some(cursor) = cursor {
        query.append_pair("page[cursor]", cursor);
    }
    format!("/api/deliveries?{}", query.finish())
}

#[cfg(test)]
mod tests;
