//! The attempts of a delivery as text: a table of how long each part took, then each attempt with
//! what came back. Pure.

use serde::Deserialize;

use crate::cli::table::{Cell, Colours, Table, beginning, duration, printable};
use crate::limits::{CLI_EXCERPT_CHARS_MAX, CLI_EXCERPT_LINES_MAX};

/// What the API says of an attempt.
#[derive(Deserialize)]
pub(super) struct Attempt {
    at: String,
    duration_ms: f64,
    status: Option<u16>,
    error: Option<AttemptError>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    phases: Phases,
    #[serde(default)]
    remote_address: Option<String>,
    #[serde(default)]
    tls_version: Option<String>,
    #[serde(default)]
    response_headers: String,
    #[serde(default)]
    response_excerpt: String,
}

#[derive(Deserialize)]
struct AttemptError {
    kind: String,
    #[serde(default)]
    detail: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Phases {
    queue_ms: Option<f64>,
    dns_ms: Option<f64>,
    connect_ms: Option<f64>,
    tls_ms: Option<f64>,
    first_byte_ms: Option<f64>,
}

impl Attempt {
    /// Whether the receiver took the message.
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(is_success)
    }

    fn result(&self) -> Cell {
        match (&self.error, self.status) {
            (Some(error), _) => Cell::bad(&error.kind),
            (None, Some(status)) => status_cell(status),
            (None, None) => Cell::none(),
        }
    }

    /// What came of it, in a sentence.
    fn told(&self) -> &str {
        match &self.error {
            _ if !self.summary.is_empty() => &self.summary,
            Some(error) if !error.detail.is_empty() => &error.detail,
            Some(error) => &error.kind,
            None => "no more is known of it",
        }
    }
}

pub(super) const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

pub(super) fn status_cell(status: u16) -> Cell {
    let text = status.to_string();
    if is_success(status) { Cell::good(&text) } else { Cell::bad(&text) }
}

/// The attempts, the oldest first.
pub(super) fn timeline(attempts: &[Attempt], colours: Colours) -> String {
    let mut out = phases(attempts).text(colours);
    for (number, attempt) in attempts.iter().enumerate() {
        let told = printable(attempt.told());
        let told = if attempt.succeeded() { colours.good(&told) } else { colours.bad(&told) };
        out.push_str(&format!("\nAttempt {}: {told}\n", number + 1));
        push_lines(&mut out, "<", &attempt.response_headers);
        push_lines(&mut out, "|", attempt.response_excerpt.trim());
    }
    out
}

fn phases(attempts: &[Attempt]) -> Table {
    let mut table = Table::new(&[
        "ATTEMPT",
        "AT",
        "RESULT",
        "QUEUE",
        "DNS",
        "CONNECT",
        "TLS",
        "FIRST BYTE",
        "TOTAL",
        "REMOTE",
        "TLS VERSION",
    ]);
    let took = |ms: Option<f64>| ms.map_or_else(Cell::none, |ms| Cell::plain(&duration(ms)));
    let text = |text: Option<&str>| text.map_or_else(Cell::none, Cell::plain);
    for (number, attempt) in attempts.iter().enumerate() {
        let of = &attempt.phases;
        table.push(vec![
            Cell::plain(&(number + 1).to_string()),
            Cell::moment(Some(&attempt.at)),
            attempt.result(),
            took(of.queue_ms),
            took(of.dns_ms),
            took(of.connect_ms),
            took(of.tls_ms),
            took(of.first_byte_ms),
            took(Some(attempt.duration_ms)),
            text(attempt.remote_address.as_deref()),
            text(attempt.tls_version.as_deref()),
        ]);
    }
    table
}

/// Lines from outside, each behind a mark; no more than fit on a screen.
fn push_lines(out: &mut String, mark: &str, text: &str) {
    let mut lines = text.lines();
    for line in lines.by_ref().take(CLI_EXCERPT_LINES_MAX) {
        let line = printable(&beginning(line, CLI_EXCERPT_CHARS_MAX));
        out.push_str(&format!("  {mark} {line}\n"));
    }
    let left = lines.count();
    if left > 0 {
        out.push_str(&format!("  {mark} … and {left} more lines, with --json\n"));
    }
}
