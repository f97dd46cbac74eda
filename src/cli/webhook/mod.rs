//! `tidings webhook` and `tidings topic`: subscriptions of endpoints, and what there is to
//! subscribe to.
//!
//! Here are the arguments and the short actions; the longer ones have their own files, `trial` being
//! `webhook test`. `settings` has the options that `create` and `update` share, `show` the text of
//! a webhook.

mod create;
mod rotation;
mod settings;
mod show;
mod topic;
mod trial;
mod update;

use std::io;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::create::CreateArgs;
use self::rotation::RotateArgs;
use self::update::UpdateArgs;
use super::client::{self, CliError, Identifier, Many, One, Reference, Remote, Report, Session};
use super::table::{Cell, Table, printable};
use crate::id::WebhookId;

pub(super) use self::topic::{TopicArgs, run as run_topic};
pub(super) use self::trial::{Attempt, Request, laid_out, push_answer, push_line, push_lines};

const EXAMPLES: &str = "\
Examples:
  tidings webhook create --name crm --url https://crm.example/hook --topic event:api.placed_order
  tidings webhook list
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN
  tidings webhook disable 01M1PAC5N9PMXJ7672AC8B75VN";

const ENABLE_EXAMPLES: &str = "\
Examples:
  tidings webhook enable 01M1PAC5N9PMXJ7672AC8B75VN
  tidings webhook enable 01M1PAC5N9PMXJ7672AC8B75VN --backlog skip    cancel what waited

Events that came while it was off have no delivery: `tidings replay create` sends them.";

const DISABLE_EXAMPLES: &str = "\
Example:
  tidings webhook disable 01M1PAC5N9PMXJ7672AC8B75VN

What waits is kept; `tidings webhook enable` sends or cancels it. To hold deliveries back and take
new events all the same, use `tidings webhook pause`.";

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
    Create(Box<CreateArgs>),
    /// Change a webhook: what is named, and nothing else
    #[command(after_help = update::EXAMPLES)]
    Update(Box<UpdateArgs>),
    /// List all webhooks
    #[command(after_help = "Example:\n  tidings webhook list --json | jq -r '.data[].id'")]
    List,
    /// Show one webhook
    #[command(after_help = "Example:\n  tidings webhook show 01M1PAC5N9PMXJ7672AC8B75VN")]
    Show(OneArgs),
    /// Let a webhook take new events and send what is due
    #[command(after_help = ENABLE_EXAMPLES)]
    Enable {
        #[command(flatten)]
        one: OneArgs,
        /// What happens to deliveries that waited while it was off [default: deliver]
        #[arg(long, value_parser = ["deliver", "skip"])]
        backlog: Option<String>,
    },
    /// Switch a webhook off: it takes no new events and sends nothing
    #[command(after_help = DISABLE_EXAMPLES)]
    Disable(OneArgs),
    /// Hold deliveries back; new events are taken all the same
    #[command(after_help = "Example:\n  tidings webhook pause 01M1PAC5N9PMXJ7672AC8B75VN")]
    Pause(OneArgs),
    /// Send again after a pause, beginning with what was held back
    #[command(after_help = "Example:\n  tidings webhook resume 01M1PAC5N9PMXJ7672AC8B75VN")]
    Resume(OneArgs),
    /// Replace the secret of a webhook; the old one stays good for a while
    #[command(after_help = rotation::EXAMPLES)]
    RotateSecret(RotateArgs),
    /// End the overlap of a rotation: the old secret signs nothing any more
    #[command(after_help = "Example:\n  tidings webhook end-rotation 01M1PAC5N9PMXJ7672AC8B75VN")]
    EndRotation(OneArgs),
    /// Delete a webhook; what waits for it is cancelled
    #[command(after_help = "Example:\n  tidings webhook delete 01M1PAC5N9PMXJ7672AC8B75VN --yes")]
    Delete {
        #[command(flatten)]
        one: OneArgs,
        /// Do not ask; necessary where there is no terminal
        #[arg(long, short)]
        yes: bool,
    },
    /// Send one event past the queue, and show what was sent and what came back
    #[command(after_help = trial::EXAMPLES)]
    Test(trial::TrialArgs),
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
    /// Only in the answer to the request that had it made.
    #[serde(default)]
    secret_key: Option<String>,
    /// Everything beyond the original.
    #[serde(flatten)]
    settings: Map<String, Value>,
}

type Webhook = One<Attributes, Relationships>;

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
        Action::Create(args) => create::perform(session, *args).await,
        Action::List => {
            let answer = session.get("/api/webhooks").await?;
            session.report(&answer, |webhooks| table(&webhooks).text(session.colours))
        }
        Action::Update(args) => update::perform(session, *args).await,
        Action::Show(one) => {
            let answer = session.get(&one.path()).await?;
            session.report(&answer, |webhook| show::fields(&webhook).text(session.colours))
        }
        Action::Enable { one, backlog } => {
            let mut attributes = json!({ "enabled": true });
            if let Some(backlog) = backlog {
                attributes["backlog"] = backlog.into();
            }
            set(session, &one, attributes, "enabled").await
        }
        Action::Disable(one) => set(session, &one, json!({ "enabled": false }), "disabled").await,
        Action::Pause(one) => set(session, &one, json!({ "paused": true }), "paused").await,
        Action::Resume(one) => set(session, &one, json!({ "paused": false }), "resumed").await,
        Action::RotateSecret(args) => rotation::rotate(session, args).await,
        Action::EndRotation(one) => rotation::end(session, &one).await,
        Action::Delete { one, yes } => delete(session, &one, yes).await,
        Action::Test(args) => trial::perform(session, &args).await,
    }
}

/// Changes an attribute that makes the webhook what `word` says.
async fn set(
    session: &Session,
    one: &OneArgs,
    attributes: Value,
    word: &str,
) -> Result<Report, CliError> {
    let id = one.id.to_string();
    let document = json!({ "data": { "type": "webhook", "id": id, "attributes": attributes } });
    let answer = session.patch(&one.path(), &document).await?;
    session.report(&answer, |webhook: Webhook| {
        format!("Webhook {} is {word}.\n", printable(&webhook.data.id))
    })
}

async fn delete(session: &Session, one: &OneArgs, yes: bool) -> Result<Report, CliError> {
    if !yes {
        if !session.interactive {
            let why = "deleting needs --yes where there is no terminal to ask on";
            return Err(CliError::Usage(why.to_owned()));
        }
        let webhook: Webhook = session.get(&one.path()).await?.parse()?;
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

/// Whether the person says yes.
pub(super) fn agreed(input: &mut impl io::BufRead) -> Result<bool, CliError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| CliError::Input("-".into(), error))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn enabled(of: &Attributes) -> Cell {
    if of.enabled { Cell::good("yes") } else { Cell::bad("no") }
}

/// How it fares, in a word.
fn state(of: &Attributes) -> Cell {
    let says = |name: &str| of.settings.get(name);
    if !of.enabled {
        Cell::bad("disabled")
    } else if says("paused").is_some_and(|value| *value == true) {
        Cell::plain("paused")
    } else if says("failing_since").is_some_and(Value::is_string) {
        Cell::bad("failing")
    } else {
        Cell::good("enabled")
    }
}

fn table(webhooks: &Many<Attributes, Relationships>) -> Table {
    let mut table = Table::new(&["ID", "NAME", "STATE", "URL", "TOPICS"]);
    for webhook in &webhooks.data {
        table.push(vec![
            Cell::plain(&webhook.id),
            Cell::plain(&webhook.attributes.name),
            state(&webhook.attributes),
            Cell::plain(&webhook.attributes.endpoint_url),
            Cell::plain(&webhook.relationships.topics.ids().join(",")),
        ]);
    }
    table
}

#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod tests;
