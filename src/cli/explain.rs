//! `tidings explain`: why something reacted to an event or did not.

use std::process::ExitCode;

use serde::Deserialize;

use super::client::{self, CliError, One, Remote, Report, Session};
use super::table::{Cell, Colours, Table, printable};
use crate::id::{EventId, WebhookId};

const EXAMPLES: &str = "\
Examples:
  tidings explain event 4RmYkUNDW5o
  tidings explain event 4RmYkUNDW5o --webhook 01M1PAC5N9PMXJ7672AC8B75VN";

/// The arguments of `tidings explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell for each webhook why it did or did not react, and what happened since
    #[command(after_help = EXAMPLES)]
    Event(EventArgs),
}

#[derive(Debug, clap::Args)]
struct EventArgs {
    /// The id of the event, which receivers see as external_id
    #[arg(allow_hyphen_values = true)]
    id: EventId,
    /// Only this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
}

#[derive(Deserialize)]
struct Explanation {
    event: Event,
    reactions: Vec<Reaction>,
    left_out: usize,
}

#[derive(Deserialize)]
struct Event {
    topic: String,
    metric: String,
    profile: String,
    time: String,
    received: String,
}

#[derive(Deserialize)]
struct Reaction {
    kind: String,
    id: String,
    name: Option<String>,
    reacted: bool,
    verdict: String,
    reason: String,
    filter: Option<Vec<Group>>,
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Group {
    held: bool,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    held: bool,
    reason: String,
}

#[derive(Deserialize)]
struct Delivery {
    id: String,
    summary: String,
}

/// So many webhooks that do not subscribe are told one by one.
const NOT_SUBSCRIBED_SHOWN_MAX: usize = 3;

/// Runs `tidings explain`.
pub(super) fn run(args: ExplainArgs) -> ExitCode {
    client::run(&args.remote, async |session| perform(session, args.action).await)
}

async fn perform(session: &Session, action: Action) -> Result<Report, CliError> {
    let Action::Event(EventArgs { id, webhook }) = action;
    let filter = webhook.map(|webhook| format!("?filter=equals(webhook_id,%22{webhook}%22)"));
    let path = format!("/api/events/{id}/explanation{}", filter.unwrap_or_default());
    let answer = session.get(&path).await?;
    session.report(&answer, |explained: One<Explanation>| {
        text(&explained.data.id, &explained.data.attributes, session.colours)
    })
}

fn text(id: &str, explained: &Explanation, colours: Colours) -> String {
    let Explanation { event, reactions, left_out } = explained;
    let fields = Table::fields([
        ("event", Cell::plain(id)),
        ("topic", Cell::plain(&event.topic)),
        ("metric", Cell::plain(&event.metric)),
        ("profile", Cell::plain(&event.profile)),
        ("happened", Cell::moment(Some(&event.time))),
        ("received", Cell::moment(Some(&event.received))),
    ]);
    let mut out = fields.text(colours);
    // Of many, those that never could have reacted are only counted.
    let is_elsewhere = |of: &&Reaction| of.verdict == "not_subscribed";
    let elsewhere = reactions.iter().filter(is_elsewhere).count();
    let are_shown = elsewhere <= NOT_SUBSCRIBED_SHOWN_MAX;
    for reaction in reactions.iter().filter(|of| are_shown || !is_elsewhere(of)) {
        out.push('\n');
        push_reaction(&mut out, reaction, colours);
    }
    if !are_shown {
        out.push_str(&format!("\n{elsewhere} others do not subscribe to this topic.\n"));
    }
    match left_out {
        0 if reactions.is_empty() => out.push_str("\nThere are no webhooks.\n"),
        0 => {}
        more => out.push_str(&format!("\n… and {more} more; ask about one with --webhook ID.\n")),
    }
    out
}

fn push_reaction(out: &mut String, reaction: &Reaction, colours: Colours) {
    let Reaction { kind, id, name, verdict, reason, .. } = reaction;
    let name = name.as_deref().unwrap_or("(deleted)");
    let verdict = printable(&verdict.replace('_', " "));
    let verdict = match verdict.as_str() {
        "delivered" => colours.good(&verdict),
        "exhausted" | "parked" => colours.bad(&verdict),
        _ if reaction.reacted => verdict,
        _ => colours.faint(&verdict),
    };
    out.push_str(&format!("{}: {verdict}\n", printable(&format!("{kind} {id} {name}"))));
    out.push_str(&format!("  {}\n", printable(reason)));
    let said = |held| if held { "holds" } else { "does not hold" };
    for (place, group) in reaction.filter.iter().flatten().enumerate() {
        out.push_str(&format!("  group {} {}\n", place + 1, said(group.held)));
        for Condition { held, reason } in &group.conditions {
            out.push_str(&format!("    {}: {}\n", said(*held), printable(reason)));
        }
    }
    for Delivery { id, summary } in &reaction.deliveries {
        out.push_str(&printable(&format!("  delivery {id}: {summary}")));
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::fake::{FakeDaemon, parsed};
    use super::*;

    const ANSWER: &str = r#"{"data":{"type":"event-explanation","id":"4RmYkUNDW5o","attributes":{
        "event":{"topic":"event:api.a","metric":"A","profile":"01M1PAC5N9PMXJ7672AC8B75VN",
            "time":"2026-04-13T22:50:12+00:00","received":"2026-04-13T22:50:12.101159+00:00"},
        "reactions":[
            {"kind":"webhook","id":"01A","name":"crm","reacted":true,"verdict":"delivered",
             "reason":"delivered after 1 attempt: answered 200 OK","filter":null,
             "deliveries":[{"id":"01D","summary":"delivered\u001b","state":"delivered"}]},
            {"kind":"webhook","id":"01B","name":null,"reacted":false,"verdict":"not_subscribed",
             "reason":"it does not subscribe","filter":[{"held":false,
             "conditions":[{"held":false,"reason":"`Brand` is not set"}]}],"deliveries":[]}],
        "left_out":2}}}"#;

    #[tokio::test]
    async fn reactions_are_told_one_after_the_other() {
        let daemon = FakeDaemon::answering(&[(200, ANSWER)]);
        let line = ["explain", "event", "4RmYkUNDW5o", "--webhook", "01M1PAC5N9PMXJ7672AC8B75VN"];
        let action = parsed::<ExplainArgs>(&line).unwrap().action;
        let told = perform(&daemon.session(), action).await.unwrap().output;
        let (_, reactions) = told.split_once("\n\n").unwrap();
        let expected = "\
webhook 01A crm: delivered
  delivered after 1 attempt: answered 200 OK
  delivery 01D: delivered\\u{1b}

webhook 01B (deleted): not subscribed
  it does not subscribe
  group 1 does not hold
    does not hold: `Brand` is not set

… and 2 more; ask about one with --webhook ID.
";
        assert_eq!(reactions, expected);
        let path = "GET /api/events/4RmYkUNDW5o/explanation\
            ?filter=equals(webhook_id,%2201M1PAC5N9PMXJ7672AC8B75VN%22)";
        assert_eq!(daemon.requests(), [path]);
    }
}
