//! `tidings webhook` and `tidings topic`: subscriptions of endpoints, and what there is to
//! subscribe to.
//!
//! Here are the arguments and the short actions; `create` and `trial` (which is `webhook test`)
//! have their own files.

mod create;
mod topic;
mod trial;

use std::io;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use self::create::CreateArgs;
use super::client::{self, CliError, Identifier, Many, One, Reference, Remote, Report, Session};
use super::table::{Cell, Table, printable};
use crate::id::WebhookId;
use crate::limits::TEST_DELIVERY_WAIT;

pub(super) use self::topic::{TopicArgs, run as run_topic};

const EXAMPLES: &str = "\
Examples:
  tidings webhook create --name crm --url https://crm.example/hook --topic event:api.placed_order
  tidings webhook list
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN
  tidings webhook disable 01M1PAC5N9PMXJ7672AC8B75VN";

/// The arguments of `tidings webhook`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WebhookArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Subscribe an endpoint to topics
    #[command(after_help = create::EXAMPLES)]
    Create(CreateArgs),
    /// List all webhooks
    #[command(after_help = "Example:\n  tidings webhook list --json | jq -r '.data[].id'")]
    List,
    /// Show one webhook
    #[command(after_help = "Example:\n  tidings webhook show 01M1PAC5N9PMXJ7672AC8B75VN")]
    Show(OneArgs),
    /// Let a webhook take new events and send what is due
    #[command(after_help = "Example:\n  tidings webhook enable 01M1PAC5N9PMXJ7672AC8B75VN")]
    Enable(OneArgs),
    /// Pause a webhook
    #[command(after_help = "Example:\n  tidings webhook disable 01M1PAC5N9PMXJ7672AC8B75VN")]
    Disable(OneArgs),
    /// Delete a webhook; what waits for it is cancelled
    #[command(after_help = "Example:\n  tidings webhook delete 01M1PAC5N9PMXJ7672AC8B75VN --yes")]
    Delete {
        #[command(flatten)]
        one: OneArgs,
        /// Do not ask; necessary where there is no terminal
        #[arg(long, short)]
        yes: bool,
    },
    /// Send a test delivery and show what the endpoint answers
    #[command(after_help = trial::EXAMPLES)]
    Test(OneArgs),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The id of the webhook, as `tidings webhook list` shows it
    id: WebhookId,
}

impl OneArgs {
    fn path(&self) -> String {
        format!("/api/webhooks/{}", self.id)
    }
}

#[derive(Deserialize)]
struct Attributes {
    name: String,
    #[serde(default)]
    description: Option<String>,
    endpoint_url: String,
    enabled: bool,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Default, Deserialize)]
struct Relationships {
    #[serde(rename = "webhook-topics", default)]
    topics: Reference<Vec<Identifier>>,
}

/// Runs `tidings webhook`.
pub(super) fn run(args: WebhookArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    match action {
        Action::Create(args) => create::perform(session, args).await,
        Action::List => {
            let answer = session.get("/api/webhooks").await?;
            session.report(&answer, |webhooks| table(&webhooks).text(session.colours))
        }
        Action::Show(one) => {
            let answer = session.get(&one.path()).await?;
            session.report(&answer, |webhook| fields(&webhook).text(session.colours))
        }
        Action::Enable(one) => set_enabled(session, &one, true).await,
        Action::Disable(one) => set_enabled(session, &one, false).await,
        Action::Delete { one, yes } => delete(session, &one, yes).await,
        Action::Test(one) => trial::perform(session, &one.path(), TEST_DELIVERY_WAIT).await,
    }
}

async fn set_enabled(session: &Session, one: &OneArgs, enabled: bool) -> Result<Report, CliError> {
    let id = one.id.to_string();
    let attributes = json!({ "enabled": enabled });
    let document = json!({ "data": { "type": "webhook", "id": id, "attributes": attributes } });
    let answer = session.patch(&one.path(), &document).await?;
    session.report(&answer, |webhook: One<Attributes>| {
        let word = if webhook.data.attributes.enabled { "enabled" } else { "disabled" };
        format!("Webhook {} is {word}.\n", printable(&webhook.data.id))
    })
}

async fn delete(session: &Session, one: &OneArgs, yes: bool) -> Result<Report, CliError> {
    if !yes {
        if !session.interactive {
            let why = "deleting needs --yes where there is no terminal to ask on";
            return Err(CliError::Usage(why.to_owned()));
        }
        let webhook: One<Attributes> = session.get(&one.path()).await?.parse()?;
        let Attributes { name, endpoint_url, .. } = webhook.data.attributes;
        let what = printable(&format!("\"{name}\" ({endpoint_url})"));
        client::ask(&format!("Delete webhook {what} and cancel what waits for it? [y/N]"));
        if !agreed(&mut io::stdin().lock())? {
            let notes = vec!["Nothing was deleted.".to_owned()];
            return Ok(Report { notes, failed: true, ..Report::default() });
        }
    }
    session.delete(&one.path()).await?;
    Ok(session.done(&format!("Webhook {} is deleted.", one.id)))
}

fn agreed(input: &mut impl io::BufRead) -> Result<bool, CliError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| CliError::Input("-".into(), error))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn enabled(of: &Attributes) -> Cell {
    if of.enabled { Cell::good("yes") } else { Cell::bad("no") }
}

fn table(webhooks: &Many<Attributes, Relationships>) -> Table {
    let mut table = Table::new(&["ID", "NAME", "ENABLED", "URL", "TOPICS"]);
    for webhook in &webhooks.data {
        table.push(vec![
            Cell::plain(&webhook.id),
            Cell::plain(&webhook.attributes.name),
            enabled(&webhook.attributes),
            Cell::plain(&webhook.attributes.endpoint_url),
            Cell::plain(&webhook.relationships.topics.ids().join(",")),
        ]);
    }
    table
}

fn fields(document: &One<Attributes, Relationships>) -> Table {
    let webhook = &document.data;
    let of = &webhook.attributes;
    let mut fields = vec![
        ("id", Cell::plain(&webhook.id)),
        ("name", Cell::plain(&of.name)),
        ("description", of.description.as_deref().map_or_else(Cell::none, Cell::plain)),
        ("url", Cell::plain(&of.endpoint_url)),
        ("enabled", enabled(of)),
        ("created", Cell::moment(of.created_at.as_deref())),
        ("updated", Cell::moment(of.updated_at.as_deref())),
    ];
    let topics = webhook.relationships.topics.ids();
    fields.extend(topics.into_iter().map(|topic| ("topic", Cell::plain(topic))));
    Table::fields(fields)
}

#[cfg(test)]
mod tests;
