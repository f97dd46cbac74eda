//! `tidings replay create`: shows what a replay would send, asks, and makes it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::follow;
use super::text::{Preview, PreviewDocument, fields, preview_sentence, preview_table};
use crate::cli::client::{self, CliError, One, Report, Session, read_text};
use crate::cli::webhook::agreed;
use crate::clock::{Timestamp, parse_duration};
use crate::id::{ReplayId, WebhookId};
use crate::limits::REPLAY_RATE;
use crate::replay::Choice;

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --since 24h
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --since 7d --preview
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --from 2026-09-04T00:00:00Z \\
      --to 2026-09-05T00:00:00Z --state exhausted,parked --rate 20 --yes --follow
  tidings replay create --webhook 01M1PAC5N9PMXJ7672AC8B75VN --since 1h \\
      --topic event:api.placed_order --filter @large-orders.json

What is not said comes from the webhook: its topics, its filter. `--filter null` is none. Events
that were delivered are sent only if --state names `delivered`.";

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("begin").required(true))]
pub(super) struct CreateArgs {
    /// The webhook that is to have them
    #[arg(long, value_name = "ID")]
    webhook: WebhookId,
    /// Events of the last so long: a number and s, m, h or d
    #[arg(long, value_name = "DURATION", value_parser = since, group = "begin")]
    since: Option<Duration>,
    /// Events received from then on, such as 2026-02-07T00:00:00Z
    #[arg(long, value_name = "TIME", group = "begin")]
    from: Option<String>,
    /// And until then; now if not given
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only these topics; several with commas, or repeated
    #[arg(long = "topic", value_name = "TOPIC", num_args = 1.., value_delimiter = ',')]
    topics: Vec<String>,
    /// What became of them; several with commas. All but `delivered` if not given
    #[arg(long = "state", value_name = "STATE", num_args = 1.., value_delimiter = ',')]
    #[arg(value_parser = PossibleValuesParser::new(Choice::ALL.map(Choice::name)))]
    states: Vec<String>,
    /// Conditions as JSON, @FILE, or - for standard input; null for none
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Deliveries in a second, at most; 100 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(REPLAY_RATE))]
    rate: Option<u64>,
    /// What people know it by
    #[arg(long)]
    name: Option<String>,
    /// Only show what would be sent
    #[arg(long, conflicts_with_all = ["yes", "follow"])]
    preview: bool,
    /// Do not show and ask before; necessary where there is no terminal
    #[arg(long, short)]
    yes: bool,
    /// Watch it until it ends
    #[arg(long, short)]
    follow: bool,
}

fn since(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("this is not a duration such as 90s, 30m, 24h or 7d")
}

#[derive(Serialize)]
struct Attributes<'a> {
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    topics: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    states: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Data<'a> {
    r#type: &'static str,
    attributes: Attributes<'a>,
    relationships: Value,
}

#[derive(Serialize)]
struct Document<'a> {
    data: Data<'a>,
}

/// Makes the replay, unless there is nothing to send or the person says no.
pub(super) async fn perform(session: &Session, args: CreateArgs) -> Result<Report, CliError> {
    let document = document(&args, session.clock.now())?;
    if args.preview {
        let answer = session.post("/api/replay-previews", &document).await?;
        return session.report(&answer, |found: PreviewDocument| {
            let found = found.data.attributes;
            let table = preview_table(&found).text(session.colours);
            format!("{table}{}\n", preview_sentence(&found))
        });
    }
    if !args.yes {
        if !session.interactive {
            let why = "a replay needs --yes where there is no terminal to ask on; --preview shows \
                       what it would send";
            return Err(CliError::Usage(why.to_owned()));
        }
        let answer = session.post("/api/replay-previews", &document).await?;
        let found: PreviewDocument = answer.parse()?;
        if let Some(refusal) = refusal(&found.data.attributes, &mut io::stdin().lock())? {
            return Ok(refusal);
        }
    }
    let answer = session.post("/api/replays", &document).await?;
    if args.follow {
        let made: One<client::Nothing> = answer.parse()?;
        let id: ReplayId = made.data.id.parse().map_err(|error| {
            CliError::Unexpected(serde::de::Error::custom(format!("the replay's id: {error}")))
        })?;
        return follow::perform(session, id).await;
    }
    session.report(&answer, |replay| fields(&replay).text(session.colours))
}

/// Shows the preview and asks; a report where no replay is to be made.
fn refusal(found: &Preview, answer: &mut impl io::BufRead) -> Result<Option<Report>, CliError> {
    let table = preview_table(found).text(crate::cli::table::Colours::Off);
    table.lines().for_each(client::complain);
    client::complain(&preview_sentence(found));
    if found.is_complete && found.delivery_count == 0 {
        let notes = vec!["There is nothing to send.".to_owned()];
        return Ok(Some(Report { notes, ..Report::default() }));
    }
    client::ask("Send them? [y/N]");
    if agreed(answer)? {
        return Ok(None);
    }
    let notes = vec!["Nothing is sent.".to_owned()];
    Ok(Some(Report { notes, failed: true, ..Report::default() }))
}

fn document(args: &CreateArgs, now: Timestamp) -> Result<Document<'_>, CliError> {
    let back = |since: &Duration| {
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.micros().saturating_sub(micros)).rfc3339_micros()
    };
    let from = match (&args.since, &args.from) {
        (Some(since), _) => back(since),
        (None, from) => from.clone().unwrap_or_default(),
    };
    let attributes = Attributes {
        from,
        to: args.to.as_deref(),
        topics: &args.topics,
        states: &args.states,
        filter: args.filter.as_deref().map(filter).transpose()?,
        rate_per_second: args.rate,
        name: args.name.as_deref(),
    };
    let webhook = json!({ "type": "webhook", "id": args.webhook.to_string() });
    let relationships = json!({ "webhook": { "data": webhook } });
    Ok(Document { data: Data { r#type: "replay", attributes, relationships } })
}

/// The JSON of `--filter`; whether it is a filter is for the daemon to say.
fn filter(argument: &str) -> Result<Box<RawValue>, CliError> {
    let path = if argument == "-" { Some(argument) } else { argument.strip_prefix('@') };
    let text = match path {
        Some(path) => read_text(&PathBuf::from(path))?,
        None => argument.to_owned(),
    };
    serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("--filter: this is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_only_where_there_is_something_to_send() {
        let preview = |deliveries: u64, is_complete: bool| -> Preview {
            serde_json::from_value(json!({
                "event_count": 9, "delivery_count": deliveries, "by_state": {}, "states": [],
                "is_complete": is_complete, "scanned_events": 10, "oldest": null, "newest": null,
            }))
            .unwrap()
        };
        for (deliveries, is_complete, answer, expected) in [
            (0, true, "y\n", Some("There is nothing to send.")),
            (0, false, "y\n", None),
            (5, true, "yes\n", None),
            (5, true, "\n", Some("Nothing is sent.")),
            (5, true, "n\n", Some("Nothing is sent.")),
        ] {
            let found = refusal(&preview(deliveries, is_complete), &mut answer.as_bytes());
            let note = found.unwrap().map(|report| report.notes.join(" "));
            assert_eq!(note.as_deref(), expected, "{deliveries} {is_complete} {answer:?}");
        }
    }
}
