//! `tidings webhook test`: sends one event to a webhook and shows what was sent and what came
//! back.
//!
//! The daemon waits for the endpoint, so this waits for the daemon longer than other commands do.
//! The exit status tells whether the endpoint took the event, so that a script can ask "does this
//! endpoint work?".

use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{CliError, One, Report, Session};
use crate::cli::table::{Colours, beginning, duration, printable};
use crate::id::{EventId, WebhookId};
use crate::limits::{CLI_BODY_LINES_MAX, CLI_TRIAL_TIMEOUT, SHOWN_TEXT_CHARS_MAX};

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN && echo works
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN --topic event:api.placed_order
  tidings webhook test 01M1PAC5N9PMXJ7672AC8B75VN --event 4RmYkUNDW5o

The exit status is 0 if the endpoint answered with 2xx, else 1. Nothing is stored, and a webhook
that is disabled or paused can be tested too.";

/// The arguments of `tidings webhook test`.
#[derive(Debug, clap::Args)]
pub(super) struct TrialArgs {
    /// The id of the webhook, as `tidings webhook list` shows it
    id: WebhookId,
    /// Send a made-up event of this topic; if not given, the webhook's first that has
    /// had events, or its first
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Send this stored event
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    event: Option<EventId>,
}

/// What the API says of a test.
#[derive(Deserialize)]
struct Test {
    topic: String,
    event_id: Option<String>,
    is_subscribed: bool,
    filter_explanation: Option<String>,
    request: Option<Request>,
    attempt: Attempt,
    succeeded: bool,
}

/// What was sent, or would be.
#[derive(Deserialize)]
pub(in crate::cli) struct Request {
    pub(in crate::cli) method: String,
    pub(in crate::cli) url: String,
    pub(in crate::cli) headers: Vec<Header>,
    pub(in crate::cli) body: String,
}

/// A header; a value that is secret is masked.
#[derive(Deserialize)]
pub(in crate::cli) struct Header {
    pub(in crate::cli) name: String,
    pub(in crate::cli) value: String,
}

/// What came of sending it.
#[derive(Deserialize)]
pub(in crate::cli) struct Attempt {
    pub(in crate::cli) summary: String,
    duration_ms: f64,
    phases: Phases,
    remote_address: Option<String>,
    tls_version: Option<String>,
    response_headers: String,
    response_excerpt: String,
}

#[derive(Deserialize)]
struct Phases {
    dns_ms: Option<f64>,
    connect_ms: Option<f64>,
    tls_ms: Option<f64>,
    first_byte_ms: Option<f64>,
}

/// Tests a webhook.
pub(super) async fn perform(session: &Session, args: &TrialArgs) -> Result<Report, CliError> {
    let event = args.event.map(|event| event.to_string());
    let attributes = json!({ "topic": args.topic, "event_id": event });
    let document = json!({ "data": { "type": "webhook-test", "attributes": attributes } });
    let path = format!("/api/webhooks/{}/test", args.id);
    let answer = session.post_within(&path, &document, CLI_TRIAL_TIMEOUT).await?;
    let test: One<Test> = answer.parse()?;
    let failed = !test.data.attributes.succeeded;
    let report =
        session.report(&answer, |test: One<Test>| text(&test.data.attributes, session.colours))?;
    Ok(Report { failed, ..report })
}

fn text(test: &Test, colours: Colours) -> String {
    let mut out = String::new();
    if let Some(request) = &test.request {
        push_line(&mut out, &format!("{} {}", request.method, request.url));
        for Header { name, value } in &request.headers {
            push_line(&mut out, &format!("{name}: {value}"));
        }
        out.push('\n');
        push_lines(&mut out, &laid_out(&request.body));
        out.push('\n');
    }
    push_answer(&mut out, &test.attempt);
    out.push_str(&verdict(test, colours));
    out
}

/// How the endpoint was reached and what it answered, with an empty line behind it.
pub(in crate::cli) fn push_answer(out: &mut String, attempt: &Attempt) {
    if let Some(address) = &attempt.remote_address {
        let tls = attempt.tls_version.as_deref().unwrap_or("no TLS");
        push_line(out, &format!("connected to {address}, {tls}; {}", phases(attempt)));
    }
    push_lines(out, &attempt.response_headers);
    if !attempt.response_excerpt.is_empty() {
        out.push('\n');
        push_lines(out, &attempt.response_excerpt);
    }
    if !out.ends_with("\n\n") && !out.is_empty() {
        out.push('\n');
    }
}

/// What it all means, a line each.
fn verdict(test: &Test, colours: Colours) -> String {
    let what = match &test.event_id {
        Some(id) => format!("event {id} ({})", test.topic),
        None => format!("a made-up event of {}", test.topic),
    };
    let word = if test.succeeded { "It works" } else { "It failed" };
    let line = printable(&format!("{word} with {what}: {}.", test.attempt.summary));
    let mut out = if test.succeeded { colours.good(&line) } else { colours.bad(&line) };
    out.push('\n');
    if !test.is_subscribed {
        push_line(
            &mut out,
            "The webhook does not subscribe to this topic: it gets no such events.",
        );
    }
    if let Some(explanation) = &test.filter_explanation {
        push_line(&mut out, "Its filter would not have let the event through:");
        for line in explanation.lines() {
            push_line(&mut out, &format!("  {line}"));
        }
    }
    out
}

/// The phases that there were, each with how long it took.
fn phases(attempt: &Attempt) -> String {
    let Phases { dns_ms, connect_ms, tls_ms, first_byte_ms } = attempt.phases;
    let named = [
        ("look-up", dns_ms),
        ("connection", connect_ms),
        ("TLS", tls_ms),
        ("first byte", first_byte_ms),
        ("end", Some(attempt.duration_ms)),
    ];
    let known = named.iter().filter_map(|(name, ms)| Some(format!("{name} {}", duration((*ms)?))));
    known.collect::<Vec<_>>().join(", ")
}

/// A line from outside.
pub(in crate::cli) fn push_line(out: &mut String, line: &str) {
    out.push_str(&printable(&beginning(line, SHOWN_TEXT_CHARS_MAX)));
    out.push('\n');
}

/// As many lines as are shown, and a mark where some are left out.
pub(in crate::cli) fn push_lines(out: &mut String, text: &str) {
    let mut lines = text.lines();
    for line in lines.by_ref().take(CLI_BODY_LINES_MAX) {
        push_line(out, line);
    }
    let more = lines.count();
    if more > 0 {
        push_line(out, &format!("… {more} more lines; --json has them"));
    }
}

/// JSON over several lines, its values as they were sent; any other text as it is.
pub(in crate::cli) fn laid_out(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(2 * text.len());
    let (mut depth, mut in_string, mut is_escaped, mut has_opened) = (0, false, false, false);
    let break_line = |out: &mut String, depth| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for character in text.chars() {
        if in_string {
            out.push(character);
            in_string = is_escaped || character != '"';
            is_escaped = character == '\\' && !is_escaped;
            continue;
        }
        if character.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(character, '}' | ']');
        if closes {
            depth -= 1;
        }
        if has_opened != closes {
            break_line(&mut out, depth);
        }
        has_opened = matches!(character, '{' | '[');
        if has_opened {
            depth += 1;
        }
        out.push(character);
        match character {
            '"' => in_string = true,
            ':' => out.push(' '),
            ',' => break_line(&mut out, depth),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_without_touching_its_values() {
        let text = r#"{"b":1.10,"a":[ ],"s":"x\"{,}\\","l":[1,{}] ,"n":{"o":null}}"#;
        let expected = r#"{
  "b": 1.10,
  "a": [],
  "s": "x\"{,}\\",
  "l": [
    1,
    {}
  ],
  "n": {
    "o": null
  }
}"#;
        assert_eq!(laid_out(text), expected);
        assert_eq!(laid_out("no, {json}"), "no, {json}");
    }

    #[test]
    fn a_long_text_is_cut() {
        let mut out = String::new();
        push_lines(&mut out, &"x\n".repeat(CLI_BODY_LINES_MAX + 3));
        assert!(out.ends_with("x\n… 3 more lines; --json has them\n"), "{out}");
    }
}
