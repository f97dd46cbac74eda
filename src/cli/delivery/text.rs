//! A delivery as the API tells it, and as text for people: a row of a list, or the whole of it with
//! its attempts.
//!
//! Pure. `delivery list` and `delivery show` show deliveries through here.

use serde::Deserialize;

use crate::cli::client::{Many, One, Reference, Session};
use crate::cli::table::{Cell, Table, beginning, duration, until};
use crate::clock::Timestamp;
use crate::delivery::State;
use crate::limits::CLI_EXCERPT_CHARS_MAX;

/// What the API says of a delivery.
#[derive(Deserialize)]
pub(super) struct Attributes {
    state: String,
    source: String,
    /// `None` once its webhook is deleted.
    destination: Option<String>,
    created_at: String,
    due_at: Option<String>,
    finished_at: Option<String>,
    attempt_count: u32,
    last_status: Option<u16>,
    last_error: Option<String>,
    /// Only where a single delivery is read.
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    at: String,
    duration_ms: f64,
    status: Option<u16>,
    error: Option<AttemptError>,
    #[serde(default)]
    response_excerpt: Option<String>,
}

#[derive(Deserialize)]
struct AttemptError {
    kind: String,
    #[serde(default)]
    detail: String,
}

/// What a delivery belongs to.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Relationships {
    webhook: Reference,
    event: Reference,
}

impl Attempt {
    fn result(&self) -> Cell {
        match (&self.error, self.status) {
            (Some(AttemptError { kind, detail }), _) if !detail.is_empty() => {
                Cell::bad(&format!("{kind}: {detail}"))
            }
            (Some(error), _) => Cell::bad(&error.kind),
            (None, Some(status)) => status_cell(status),
            (None, None) => Cell::none(),
        }
    }
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

fn status_cell(status: u16) -> Cell {
    let text = status.to_string();
    if is_success(status) { Cell::good(&text) } else { Cell::bad(&text) }
}

/// A row for each delivery.
pub(super) fn table(page: &Many<Attributes>) -> Table {
    let headings = ["ID", "STATE", "SOURCE", "ATTEMPTS", "LAST", "CREATED", "DUE", "DESTINATION"];
    let mut table = Table::new(&headings);
    for delivery in &page.data {
        let of = &delivery.attributes;
        table.push(vec![
            Cell::plain(&delivery.id),
            state(&of.state),
            Cell::plain(&of.source),
            Cell::plain(&of.attempt_count.to_string()),
            last(of),
            Cell::moment(Some(&of.created_at)),
            Cell::moment(of.due_at.as_deref()),
            optional(of.destination.as_deref()),
        ]);
    }
    table
}

fn state(name: &str) -> Cell {
    let is = |state: State| name == state.name();
    if is(State::Delivered) {
        Cell::good(name)
    } else if is(State::Exhausted) {
        Cell::bad(name)
    } else if is(State::Cancelled) {
        Cell::faint(name)
    } else {
        Cell::plain(name)
    }
}

fn optional(text: Option<&str>) -> Cell {
    text.map_or_else(Cell::none, Cell::plain)
}

fn last(of: &Attributes) -> Cell {
    match (of.last_status, &of.last_error) {
        (Some(status), _) => status_cell(status),
        (None, Some(error)) => Cell::bad(error),
        (None, None) => Cell::none(),
    }
}

/// One delivery: its fields, then its attempts.
pub(super) fn whole(session: &Session, document: &One<Attributes, Relationships>) -> String {
    let delivery = &document.data;
    let of = &delivery.attributes;
    let fields = Table::fields([
        ("id", Cell::plain(&delivery.id)),
        ("state", state(&of.state)),
        ("source", Cell::plain(&of.source)),
        ("webhook", optional(delivery.relationships.webhook.id())),
        ("event", optional(delivery.relationships.event.id())),
        ("destination", optional(of.destination.as_deref())),
        ("created", Cell::moment(Some(&of.created_at))),
        ("next due", due(of.due_at.as_deref(), session.clock.now())),
        ("finished", Cell::moment(of.finished_at.as_deref())),
    ]);
    let fields = fields.text(session.colours);
    if of.attempts.is_empty() {
        return format!("{fields}\nNo attempt yet.\n");
    }
    format!("{fields}\n{}", attempts(&of.attempts).text(session.colours))
}

fn due(at: Option<&str>, now: Timestamp) -> Cell {
    let moment = Cell::moment(at);
    match at.and_then(Timestamp::parse_rfc3339) {
        Some(at) => moment.followed_by(&format!(" ({})", until(at, now))),
        None => moment,
    }
}

fn attempts(attempts: &[Attempt]) -> Table {
    let mut table = Table::new(&["ATTEMPT", "AT", "TOOK", "RESULT", "RESPONSE"]);
    for (number, attempt) in (1..).zip(attempts) {
        let number: u32 = number;
        let excerpt = attempt.response_excerpt.as_deref().unwrap_or_default();
        table.push(vec![
            Cell::plain(&number.to_string()),
            Cell::moment(Some(&attempt.at)),
            Cell::plain(&duration(attempt.duration_ms)),
            attempt.result(),
            Cell::plain(&beginning(excerpt.trim(), CLI_EXCERPT_CHARS_MAX)),
        ]);
    }
    table
}
