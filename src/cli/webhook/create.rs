//! `tidings webhook create`: subscribes an endpoint, with a secret that is given or made.
//!
//! A made secret has the form of Standard Webhooks: `whsec_` and base64 of 24 random bytes. It is
//! printed once, because nothing can show it afterwards; a given one is not repeated.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Attributes, Relationships, fields};
use crate::cli::client::{Answer, CliError, One, Report, Session, read_text};
use crate::cli::table::Cell;
use crate::secret::Secret;

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings webhook create --name crm --url https://crm.example/hook --topic event:api.placed_order
  tidings webhook create --name local --url http://127.0.0.1:4781/ --secret-file secret.txt \\
      --topic event:api.placed_order --topic event:api.viewed_product

Without a secret one is made and shown once. `tidings topic list` shows the topics there are; a
topic event:api.NAME may be subscribed to before its first event.";

/// As many random bytes as Standard Webhooks asks for at least.
const MADE_SECRET_BYTES: usize = 24;

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
}

fn secret(text: &str) -> Result<Secret, &'static str> {
    if text.is_empty() { Err("the secret is empty") } else { Ok(Secret::new(text.to_owned())) }
}

/// Creates the webhook and shows it.
pub(super) async fn perform(session: &Session, args: CreateArgs) -> Result<Report, CliError> {
    let given = given_secret(&args)?;
    let (secret, is_made) = match given {
        Some(secret) => (secret, false),
        None => (made_secret()?, true),
    };
    let answer = session.post("/api/webhooks", &document(&args, &secret)).await?;
    if !is_made {
        return session.report(&answer, |made| fields(&made).text(session.colours));
    }
    let output = with_secret(session, &answer, &secret)?;
    let notes = vec!["The secret is not shown again; keep it now.".to_owned()];
    Ok(Report { output, notes, ..Report::default() })
}

fn given_secret(args: &CreateArgs) -> Result<Option<Secret>, CliError> {
    let Some(path) = &args.secret_file else { return Ok(args.secret.clone()) };
    let text = Zeroizing::new(read_text(path)?);
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(CliError::Usage("--secret-file: the secret is empty".to_owned()));
    }
    Ok(Some(Secret::new(line.to_owned())))
}

fn made_secret() -> Result<Secret, CliError> {
    let mut random = Zeroizing::new([0; MADE_SECRET_BYTES]);
    getrandom::fill(random.as_mut_slice()).map_err(CliError::Random)?;
    Ok(Secret::new(format!("whsec_{}", STANDARD.encode(*random))))
}

fn document(args: &CreateArgs, secret: &Secret) -> Value {
    let topic = |id: &String| json!({ "type": "webhook-topic", "id": id });
    let topics: Vec<Value> = args.topics.iter().map(topic).collect();
    let mut attributes = json!({
        "name": args.name,
        "endpoint_url": args.url,
        "secret_key": secret.expose(),
    });
    if let Some(description) = &args.description {
        attributes["description"] = json!(description);
    }
    json!({ "data": {
        "type": "webhook",
        "attributes": attributes,
        "relationships": { "webhook-topics": { "data": topics } },
    } })
}

/// The new webhook with its secret, which the API itself never returns: a row more, or in the
/// document `secret_key`, the name under which it was sent.
fn with_secret(session: &Session, answer: &Answer, secret: &Secret) -> Result<String, CliError> {
    if session.json {
        let mut whole: Value = answer.parse()?;
        let attributes = whole.pointer_mut("/data/attributes").and_then(Value::as_object_mut);
        let missing = || CliError::Unexpected(serde::de::Error::custom("it has no attributes"));
        let attributes = attributes.ok_or_else(missing)?;
        attributes.insert("secret_key".to_owned(), json!(secret.expose()));
        return Ok(session.document(&whole));
    }
    let made: One<Attributes, Relationships> = answer.parse()?;
    let mut table = fields(&made);
    table.push(vec![Cell::faint("secret"), Cell::plain(secret.expose())]);
    Ok(table.text(session.colours))
}
