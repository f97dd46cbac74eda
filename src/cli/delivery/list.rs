//! `tidings delivery list`: asks for as many pages as are wanted.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::text::table;
use crate::cli::client::{CliError, Report, Session};
use crate::clock::{Timestamp, parse_duration};
use crate::delivery::State;
use crate::id::{ActionId, EventId, ProfileId, WebhookId};
use crate::limits::{CLI_DELIVERIES_MAX, CLI_PAGES_MAX, DELIVERIES_PAGE_MAX};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings delivery list                                 the newest 20
  tidings delivery list --state exhausted --state parked --limit 100
  tidings delivery list --webhook 01M1PAC5N9PMXJ7672AC8B75VN --status 503
  tidings delivery list --since 24h --until 1h          a day, without its last hour
  tidings delivery list --since 2026-09-04T13:00:00Z --json";

#[derive(Debug, Default, clap::Args)]
pub(super) struct ListArgs {
    /// Only deliveries in this state; several times for several
    #[arg(long = "state", value_name = "STATE")]
    #[arg(value_parser = PossibleValuesParser::new(State::ALL.map(State::name)))]
    states: Vec<String>,
    /// Only deliveries of this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
    /// Only deliveries of this action of a flow
    #[arg(long, value_name = "ID", conflicts_with = "webhook")]
    flow_action: Option<ActionId>,
    /// Only deliveries of this event
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    event: Option<EventId>,
    /// Only deliveries about this person
    #[arg(long, value_name = "ID")]
    profile: Option<ProfileId>,
    /// Only deliveries whose last attempt was answered with this HTTP status
    #[arg(long, value_parser = clap::value_parser!(u16).range(100..=999))]
    status: Option<u16>,
    /// Only deliveries made since then: a time ago (90s, 5m, 24h, 7d) or a moment (RFC 3339)
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Only deliveries made before then
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(CLI_DELIVERIES_MAX)))]
    limit: u32,
}

/// A moment as people give it.
#[derive(Clone, Copy, Debug)]
enum When {
    Ago(Duration),
    At(Timestamp),
}

impl When {
    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => {
                let micros = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.micros().saturating_sub(micros))
            }
            Self::At(at) => at,
        }
    }
}

fn when(text: &str) -> Result<When, &'static str> {
    let ago = parse_duration(text).map(When::Ago);
    ago.or_else(|| Timestamp::parse_rfc3339(text).map(When::At))
        .ok_or("give a time ago, as 90s, 5m, 24h or 7d, or a moment, as 2026-09-04T13:38:55Z")
}

/// The newest deliveries as a table, for whoever has just caused some.
pub(in crate::cli) async fn overview(session: &Session) -> Result<String, CliError> {
    let args = ListArgs { limit: 20, ..ListArgs::default() };
    list(session, &args).await.map(|report| report.output)
}

pub(super) async fn list(session: &Session, args: &ListArgs) -> Result<Report, CliError> {
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
    let filter = filter(args, session.clock.now());
    let wanted = args.limit as usize;
    let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let size = (wanted - found.len()).min(DELIVERIES_PAGE_MAX);
        let answer = session.get(&query(&filter, size, cursor.as_deref())).await?;
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

/// The cursor of the page after this one.
pub(in crate::cli) fn next_cursor(page: &Map<String, Value>) -> Option<String> {
    let next = page.get("links")?.get("next")?.as_str()?;
    let (_, query) = next.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "page[cursor]").map(|(_, cursor)| cursor.into_owned())
}

/// The `filter` that the arguments mean; empty where they mean none.
fn filter(args: &ListArgs, now: Timestamp) -> String {
    let mut terms = Vec::new();
    match args.states.as_slice() {
        [] => {}
        [state] => terms.push(format!("equals(state,\"{state}\")")),
        several => terms.push(format!("any(state,[\"{}\"])", several.join("\",\""))),
    }
    for (field, value) in [
        ("webhook_id", args.webhook.map(|id| id.to_string())),
        ("flow_action_id", args.flow_action.map(|id| id.to_string())),
        ("event_id", args.event.map(|id| id.to_string())),
        ("profile_id", args.profile.map(|id| id.to_string())),
        ("status", args.status.map(|status| status.to_string())),
    ] {
        terms.extend(value.map(|value| format!("equals({field},\"{value}\")")));
    }
    for (operator, when) in [("greater-or-equal", args.since), ("less-than", args.until)] {
        let moment = when.map(|when| when.moment(now).rfc3339_micros());
        terms.extend(moment.map(|moment| format!("{operator}(created_at,{moment})")));
    }
    terms.join(",")
}

fn query(filter: &str, size: usize, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !filter.is_empty() {
        query.append_pair("filter", filter);
    }
    query.append_pair("page[size]", &size.to_string());
    if let Some(cursor) = cursor {
        query.append_pair("page[cursor]", cursor);
    }
    format!("/api/deliveries?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ListArgs,
    }

    #[test]
    fn arguments_become_a_filter() {
        let now = Timestamp::from_seconds(1_776_120_612);
        let told = |line: &[&str]| {
            let line = ["list"].iter().chain(line);
            Line::try_parse_from(line).map(|line| filter(&line.args, now))
        };
        let id = "01M1PAC5N9PMXJ7672AC8B75VN";
        assert_eq!(told(&[]).unwrap(), "");
        assert_eq!(
            told(&["--state=exhausted", "--state=parked", "--status=503", "--profile", id])
                .unwrap(),
            format!(
                "any(state,[\"exhausted\",\"parked\"]),equals(profile_id,\"{id}\"),\
                 equals(status,\"503\")"
            )
        );
        assert_eq!(
            told(&["--since=24h", "--until=2026-04-13T22:00:00Z"]).unwrap(),
            "greater-or-equal(created_at,2026-04-12T22:50:12.000000+00:00),\
             less-than(created_at,2026-04-13T22:00:00.000000+00:00)"
        );
        assert_eq!(told(&["--flow-action=7"]).unwrap(), "equals(flow_action_id,\"7\")");
        for wrong in ["--since=yesterday", "--status=5xx", "--status=99", "--state=lost"] {
            assert!(told(&[wrong]).unwrap_err().to_string().contains("invalid value"), "{wrong}");
        }
    }
}
