//! `tidings delivery tail`: attempts as they are made, a line each, until Ctrl-C.
//!
//! It asks the daemon again and again for what is new. The daemon keeps the last attempts in
//! memory; if it made more than those between two looks, the line that is missing says so.

use std::io::{self, Write as _};

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::text::flow_action;
use crate::cli::client::{CliError, Reference, Report, Session, complain};
use crate::cli::table::{Colours, duration, printable};
use crate::clock::Timestamp;
use crate::id::ActionId;
use crate::id::WebhookId;
use crate::limits::{CLI_TAIL_EVERY, DELIVERY_ATTEMPTS_PAGE_MAX};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings delivery tail
  tidings delivery tail --failed
  tidings delivery tail --webhook 01M1PAC5N9PMXJ7672AC8B75VN
  tidings delivery tail --json | jq -r .attributes.summary

It begins with the newest 20 that the daemon remembers since its start.";

#[derive(Debug, clap::Args)]
pub(super) struct TailArgs {
    /// Only attempts for this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
    /// Only attempts for this action of a flow
    #[arg(long, value_name = "ID", conflicts_with = "webhook")]
    flow_action: Option<ActionId>,
    /// Only attempts that failed
    #[arg(long)]
    failed: bool,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    last: u64,
    missed: u64,
}

#[derive(Deserialize)]
struct Attempt {
    attributes: Attributes,
    relationships: Relationships,
}

#[derive(Deserialize)]
struct Attributes {
    at: String,
    duration_ms: f64,
    status: Option<u16>,
    error: Option<String>,
    summary: String,
    state: String,
}

#[derive(Deserialize)]
struct Relationships {
    delivery: Reference,
    #[serde(default)]
    webhook: Reference,
    #[serde(default, rename = "flow-action")]
    flow_action: Reference,
}

/// What one look has to show.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) lines: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Where the next look begins.
    pub(super) last: u64,
    /// There is more already.
    pub(super) is_full: bool,
}

/// Follows attempts until Ctrl-C, or until nobody reads any more.
pub(super) async fn tail(session: &Session, args: &TailArgs) -> Result<Report, CliError> {
    let ended = tokio::signal::ctrl_c();
    tokio::select! {
        ended = ended => ended.map_err(CliError::Output)?,
        followed = follow(session, args) => followed?,
    }
    Ok(Report::default())
}

async fn follow(session: &Session, args: &TailArgs) -> Result<(), CliError> {
    let mut cursor = None;
    loop {
        let look = look(session, args, cursor).await?;
        look.notes.iter().for_each(|note| complain(note));
        match print(&look.lines) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.map_err(CliError::Output)?,
        }
        cursor = Some(look.last);
        if !look.is_full {
            tokio::time::sleep(CLI_TAIL_EVERY).await;
        }
    }
}

fn print(lines: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(stdout, "{line}"))?;
    stdout.flush()
}

/// Asks once for what came after `cursor`, or for the newest.
pub(super) async fn look(
    session: &Session,
    args: &TailArgs,
    cursor: Option<u64>,
) -> Result<Look, CliError> {
    let page: Page = session.get(&query(args, cursor)).await?.parse()?;
    let is_full = page.data.len() >= DELIVERY_ATTEMPTS_PAGE_MAX;
    let mut look = Look { last: page.meta.last, is_full, ..Look::default() };
    if cursor.is_some_and(|cursor| page.meta.last < cursor) {
        look.notes.push("The daemon was restarted; this goes on with its first attempt.".into());
    }
    if page.meta.missed > 0 {
        let missed = page.meta.missed;
        look.notes
            .push(format!("{missed} attempts were missed: there are more than can be shown."));
    }
    for one in page.data {
        let line = one.to_string();
        let attempt: Attempt = serde_json::from_value(one).map_err(CliError::Unexpected)?;
        if args.failed && attempt.attributes.succeeded() {
            continue;
        }
        let has_choice = args.webhook.is_none() && args.flow_action.is_none();
        let text = || attempt.line(has_choice, session.colours);
        look.lines.push(if session.json { line } else { text() });
    }
    Ok(look)
}

fn query(args: &TailArgs, cursor: Option<u64>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(webhook) = args.webhook {
        query.append_pair("filter", &format!("equals(webhook_id,\"{webhook}\")"));
    }
    if let Some(action) = args.flow_action {
        query.append_pair("filter", &format!("equals(flow_action_id,\"{action}\")"));
    }
    if let Some(cursor) = cursor {
        query.append_pair("page[cursor]", &cursor.to_string());
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/api/delivery-attempts{mark}{query}")
}

impl Attributes {
    fn succeeded(&self) -> bool {
        self.status.is_some_and(super::timeline::is_success)
    }
}

impl Attempt {
    /// Moment, result, time taken, delivery, who sends it, state, sentence; as wide as most are.
    fn line(&self, with_sender: bool, colours: Colours) -> String {
        let of = &self.attributes;
        let result = match (of.status, &of.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => printable(error),
            (None, None) => "-".to_owned(),
        };
        let result = format!("{result:<15}");
        let result = if of.succeeded() { colours.good(&result) } else { colours.bad(&result) };
        let at = Timestamp::parse_rfc3339(&of.at).map(Timestamp::rfc3339_micros);
        // The time of day with milliseconds: `2026-04-13T22:50:12.101159+00:00`.
        let at: String = at.unwrap_or_default().chars().skip(11).take(12).collect();
        let delivery = printable(self.relationships.delivery.id().unwrap_or("-"));
        let sender = self.relationships.flow_action.id().map(flow_action);
        let sender = sender.or_else(|| self.relationships.webhook.id().map(ToOwned::to_owned));
        let webhook = match sender {
            Some(sender) if with_sender => format!("  {}", printable(&sender)),
            _ => String::new(),
        };
        let (took, state) = (duration(of.duration_ms), printable(&of.state));
        let summary = printable(&of.summary);
        format!("{at}  {result}  {took:>9}  {delivery}{webhook}  {state:<9}  {summary}")
    }
}
