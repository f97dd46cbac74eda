//! `tidings webhook create`: subscribes an endpoint, with a secret that is given or made.
//!
//! The daemon makes the secret and shows it once; a given one is not repeated.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::settings::{SettingsArgs, line_of};
use super::show::{self, with_secret_note};
use crate::cli::client::{CliError, Report, Session};
use crate::secret::Secret;

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings webhook create --name crm --url https://crm.example/hook --topic event:api.placed_order
  tidings webhook create --name local --url http://127.0.0.1:4781/ --secret-file secret.txt \\
      --topic event:api.placed_order --topic event:api.viewed_product
  tidings webhook create --name slow --url https://slow.example/in --topic event:api.placed_order \\
      --timeout 60 --rate 10/second --ordering by-profile --park-after 1h \\
      --header 'X-Team: shop' --header 'X-Token: @token.txt' --basic shop --password-file pw.txt

Without a secret one is made and shown once. `tidings topic list` shows the topics there are; a
topic event:api.NAME may be subscribed to before its first event.";

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// What people know the webhook by
    #[arg(long)]
    name: String,
    /// Where its deliveries go
    #[arg(long)]
    url: String,
    /// What it subscribes to; several with commas, or repeated
    #[arg(long = "topic", value_name = "TOPIC", required = true)]
    #[arg(num_args = 1.., value_delimiter = ',')]
    topics: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What its deliveries are signed with; others on this host can see it in `ps`
    #[arg(long, value_parser = secret, conflicts_with = "secret_file")]
    secret: Option<Secret>,
    /// A file with the secret, or - for standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() { Err("the secret is empty") } else { Ok(Secret::new(text.to_owned())) }
}

/// Creates the webhook and shows it.
pub(super) async fn perform(session: &Session, args: CreateArgs) -> Result<Report, CliError> {
    let answer = session.post("/api/webhooks", &document(&args)?).await?;
    let report = session.report(&answer, |made| show::fields(&made).text(session.colours))?;
    with_secret_note(report, &answer)
}

fn document(args: &CreateArgs) -> Result<Value, CliError> {
    let mut attributes = json!({ "name": args.name, "endpoint_url": args.url });
    if let Some(description) = &args.description {
        attributes["description"] = json!(description);
    }
    match (&args.secret, &args.secret_file) {
        (Some(secret), _) => attributes["secret_key"] = json!(secret.expose()),
        (None, Some(file)) => attributes["secret_key"] = json!(line_of(file)?.as_str()),
        (None, None) => attributes["generate_secret"] = json!(true),
    }
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.append(&mut args.settings.attributes()?);
    }
    Ok(json!({ "data": {
        "type": "webhook",
        "attributes": attributes,
        "relationships": { "webhook-topics": { "data": topics(&args.topics) } },
    } }))
}

/// Topics as a relationship names them.
pub(super) fn topics(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({ "type": "webhook-topic", "id": id })).collect()
}
