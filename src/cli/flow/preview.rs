//! `tidings flow preview` and `test`: the request of a webhook action, and what came of it. It is
//! shown as `curl -v` does: `>` before what goes out, `<` before what comes back.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::ActionArgs;
use crate::cli::client::{CliError, One, Report, Session, read_text};
use crate::cli::table::{Colours, printable};
use crate::cli::webhook::{Attempt, Request, laid_out, push_answer, push_line, push_lines};
use crate::id::{EventId, ProfileId};
use crate::limits::CLI_TRIAL_TIMEOUT;

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings flow preview 17
  tidings flow preview 17 --event 4RmYkUNDW5o
  tidings flow preview 17 --profile 01HF7AYTK76RHR4F17G6DGTRGF --message message.json

Without --event it is the newest event that could have started the flow. MESSAGE stands for the
action's own, to try it before it is saved: {\"url\":\"https://…\",\"headers\":{…},\"body\":\"…\"}.";
pub(super) const TEST_EXAMPLES: &str = "\
Examples:
  tidings flow test 17 && echo works
  tidings flow test 17 --event 4RmYkUNDW5o --message message.json

The exit status is 0 if the endpoint answered with 2xx, else 1. Nothing is stored, and nobody enters
the flow.";

#[derive(Debug, clap::Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    action: ActionArgs,
    /// The event that it is about
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    event: Option<EventId>,
    /// The person; the event's if not given
    #[arg(long, value_name = "ID")]
    profile: Option<ProfileId>,
    /// A message in place of the action's own, as JSON; - for standard input
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
}

/// Whether it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is only shown.
    Preview,
    /// It is sent, and the answer is shown.
    Test,
}

#[derive(Deserialize)]
struct Attributes {
    event_id: Option<String>,
    profile_id: String,
    request: Shown,
    succeeded: Option<bool>,
    attempt: Option<Attempt>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    request: Request,
    curl: Option<String>,
}

/// The body of the request: what is left out is chosen by the daemon.
#[derive(Serialize)]
struct Document {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    r#type: &'static str,
    attributes: Wish,
}

#[derive(Serialize)]
struct Wish {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_id: Option<String>,
    /// As it was written, so that the daemon sees what stands in it twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
}

/// Asks for the request, and has it sent where `mode` says so.
pub(super) async fn perform(
    session: &Session,
    args: &PreviewArgs,
    mode: Mode,
) -> Result<Report, CliError> {
    let attributes = Wish {
        event_id: args.event.map(|id| id.to_string()),
        profile_id: args.profile.map(|id| id.to_string()),
        message: args.message.as_deref().map(message).transpose()?,
    };
    let call = if mode == Mode::Test { "test" } else { "preview" };
    let path = format!("/api/flow-actions/{}/{call}", args.action.id);
    let document = Document { data: Data { r#type: "flow-preview", attributes } };
    let answer = session.post_within(&path, &document, CLI_TRIAL_TIMEOUT).await?;
    let shown: One<Attributes> = answer.parse()?;
    let failed = shown.data.attributes.succeeded == Some(false);
    let told = |shown: One<Attributes>| text(&shown.data.attributes, session.colours);
    let report = session.report(&answer, told)?;
    Ok(Report { failed, ..report })
}

fn message(path: &Path) -> Result<Box<RawValue>, CliError> {
    let wrong = |error| {
        let told = format!("{}: this is not JSON: {error}", path.display());
        CliError::Refused(vec![printable(&told)])
    };
    serde_json::from_str(&read_text(path)?).map_err(wrong)
}

fn text(shown: &Attributes, colours: Colours) -> String {
    let Attributes { event_id, profile_id, request, succeeded, attempt } = shown;
    let about = match event_id {
        Some(event) => format!("For event {event} of profile {profile_id}:"),
        None => format!("For profile {profile_id}:"),
    };
    let mut out = printable(&about) + "\n\n";
    push_request(&mut out, &request.request);
    if let Some(attempt) = attempt {
        let mut answer = String::new();
        push_answer(&mut answer, attempt);
        out.push_str(&marked(&answer));
        let word = if *succeeded == Some(true) { "It works" } else { "It failed" };
        let line = printable(&format!("{word}: {}.", attempt.summary));
        let line = if *succeeded == Some(true) { colours.good(&line) } else { colours.bad(&line) };
        out.push_str(&line);
        out.push('\n');
    } else if let Some(curl) = &request.curl {
        // A tab is as good as it came; what drives a terminal is written out.
        let drives = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let is_plain = !curl.contains(drives);
        let lines =
            curl.lines().map(|line| if is_plain { line.to_owned() } else { printable(line) });
        out.push_str(&lines.collect::<Vec<_>>().join("\n"));
        out.push('\n');
    }
    out
}

/// A request as `curl -v` shows it, its body laid out, with an empty line behind it.
fn push_request(out: &mut String, request: &Request) {
    let url = url::Url::parse(&request.url).ok();
    let target = url.as_ref().map_or_else(
        || request.url.clone(),
        |url| {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{}{query}", url.path())
        },
    );
    push_line(out, &format!("* {}", request.url));
    push_line(out, &format!("> {} {target} HTTP/1.1", request.method));
    for header in &request.headers {
        push_line(out, &format!("> {}: {}", header.name, header.value));
    }
    out.push_str(">\n");
    if !request.body.is_empty() {
        push_lines(out, &laid_out(&request.body));
    }
    out.push('\n');
}

/// The answer with a mark before its head; the head ends with the first empty line.
fn marked(answer: &str) -> String {
    let mut out = String::new();
    let mut is_head = true;
    for line in answer.lines() {
        is_head &= !line.is_empty();
        let mark = match is_head {
            true if line.starts_with("connected to ") => "* ",
            true => "< ",
            false => "",
        };
        out.push_str(&format!("{mark}{line}\n"));
    }
    out
}
