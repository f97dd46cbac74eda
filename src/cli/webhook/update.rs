//! `tidings webhook update`: changes what is named and leaves the rest.

use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};

use super::create::topics;
use super::settings::SettingsArgs;
use super::{OneArgs, show};
use crate::cli::client::{CliError, Report, Session};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings webhook update 01M1PAC5N9PMXJ7672AC8B75VN --url https://crm.example/v2 --timeout 30
  tidings webhook update 01M1PAC5N9PMXJ7672AC8B75VN --retry 5s,2m,1h --unset rate_limit
  tidings webhook update 01M1PAC5N9PMXJ7672AC8B75VN --header 'X-Old:' --header 'X-New: yes'
  tidings webhook update 01M1PAC5N9PMXJ7672AC8B75VN --filter @vip.json

--topic replaces all topics. --unset sets an attribute back to what it is without being set.";

/// What can be set back; the names are the API's.
const UNSETTABLE: [&str; 18] = [
    "auth",
    "batch",
    "concurrency",
    "description",
    "filter",
    "handshake",
    "headers",
    "include",
    "method",
    "ordering",
    "park_after",
    "paused",
    "rate_limit",
    "retry_max_age",
    "retry_schedule",
    "signatures",
    "timeout_seconds",
    "tls",
];

#[derive(Debug, clap::Args)]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    one: OneArgs,
    /// What people know the webhook by
    #[arg(long)]
    name: Option<String>,
    /// Where its deliveries go
    #[arg(long)]
    url: Option<String>,
    /// What it subscribes to from now on; several with commas, or repeated
    #[arg(long = "topic", value_name = "TOPIC", num_args = 1.., value_delimiter = ',')]
    topics: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Set an attribute back to its default; several with commas, or repeated
    #[arg(long, value_name = "ATTRIBUTE", value_delimiter = ',')]
    #[arg(value_parser = PossibleValuesParser::new(UNSETTABLE))]
    unset: Vec<String>,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Changes the webhook and shows it.
pub(super) async fn perform(session: &Session, args: UpdateArgs) -> Result<Report, CliError> {
    let answer = session.patch(&args.one.path(), &document(&args)?).await?;
    session.report(&answer, |changed| show::fields(&changed).text(session.colours))
}

fn document(args: &UpdateArgs) -> Result<Value, CliError> {
    let attributes = attributes(args)?;
    if attributes.is_empty() && args.topics.is_empty() {
        let why = "nothing is to be changed; see `tidings webhook update --help`";
        return Err(CliError::Usage(why.to_owned()));
    }
    let mut data = json!({
        "type": "webhook", "id": args.one.id.to_string(), "attributes": attributes,
    });
    if !args.topics.is_empty() {
        data["relationships"] = json!({ "webhook-topics": { "data": topics(&args.topics) } });
    }
    Ok(json!({ "data": data }))
}

fn attributes(args: &UpdateArgs) -> Result<Map<String, Value>, CliError> {
    let mut attributes = args.settings.attributes()?;
    for (name, value) in
        [("name", &args.name), ("endpoint_url", &args.url), ("description", &args.description)]
    {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value.as_str().into());
        }
    }
    for name in &args.unset {
        if attributes.insert(name.clone(), Value::Null).is_some_and(|was| !was.is_null()) {
            return Err(CliError::Usage(format!("{name} is both set and --unset")));
        }
    }
    Ok(attributes)
}
