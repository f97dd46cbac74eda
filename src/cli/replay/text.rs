//! A replay and its preview as the API tells them, and as text for people. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::cli::client::{Many, One, Reference};
use crate::cli::table::{Cell, Table, printable};
use crate::clock::Timestamp;
use crate::limits::REPLAY_BAR_CHARS;
use crate::replay::{Choice, Status};

/// What the API says of a replay.
#[derive(Debug, Deserialize)]
pub(super) struct Attributes {
    name: Option<String>,
    pub(super) status: String,
    failure: Option<String>,
    from: String,
    to: String,
    topics: Vec<String>,
    states: Vec<String>,
    filter: Option<Value>,
    rate_per_second: u32,
    pub(super) progress: f64,
    scanned_count: u64,
    matched_count: u64,
    pub(super) scheduled_count: u64,
    skipped_count: u64,
    cursor_time: Option<String>,
    created_at: String,
    finished_at: Option<String>,
}

/// What a replay belongs to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Relationships {
    webhook: Reference,
}

/// What the API says of a preview, which has no id.
#[derive(Debug, Deserialize)]
pub(super) struct PreviewDocument {
    pub(super) data: PreviewData,
}

/// The data of a preview.
#[derive(Debug, Deserialize)]
pub(super) struct PreviewData {
    pub(super) attributes: Preview,
}

/// What a replay would do.
#[derive(Debug, Deserialize)]
pub(super) struct Preview {
    event_count: u64,
    pub(super) delivery_count: u64,
    by_state: BTreeMap<String, u64>,
    states: Vec<String>,
    pub(super) is_complete: bool,
    scanned_events: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

impl Attributes {
    /// Whether it goes on by itself.
    pub(super) fn is_running(&self) -> bool {
        self.status == Status::Running.name()
    }

    /// Whether it reached its end.
    pub(super) fn is_completed(&self) -> bool {
        self.status == Status::Completed.name()
    }
}

/// A row for each replay.
pub(super) fn table(page: &Many<Attributes, Relationships>) -> Table {
    let headings = ["ID", "STATUS", "DONE", "SCHEDULED", "WEBHOOK", "FROM", "TO", "NAME"];
    let mut table = Table::new(&headings);
    for replay in &page.data {
        let of = &replay.attributes;
        table.push(vec![
            Cell::plain(&replay.id),
            status(&of.status),
            Cell::plain(&percent(of.progress)),
            Cell::plain(&of.scheduled_count.to_string()),
            replay.relationships.webhook.id().map_or_else(Cell::none, Cell::plain),
            Cell::moment(Some(&of.from)),
            Cell::moment(Some(&of.to)),
            of.name.as_deref().map_or_else(Cell::none, Cell::plain),
        ]);
    }
    table
}

/// One replay, a field a line.
pub(super) fn fields(document: &One<Attributes, Relationships>) -> Table {
    let (replay, of) = (&document.data, &document.data.attributes);
    let optional = |text: Option<&str>| text.map_or_else(Cell::none, Cell::plain);
    let count = |number: u64| Cell::plain(&number.to_string());
    let filter = of.filter.as_ref().map(Value::to_string);
    let mut fields = vec![
        ("id", Cell::plain(&replay.id)),
        ("name", optional(of.name.as_deref())),
        ("status", status(&of.status)),
    ];
    fields.extend(of.failure.as_deref().map(|why| ("because", Cell::bad(why))));
    fields.extend([
        ("progress", Cell::plain(&format!("{} {}", bar(of.progress), percent(of.progress)))),
        ("scheduled", count(of.scheduled_count)),
        ("on their way", count(of.skipped_count)),
        ("matched", count(of.matched_count)),
        ("looked at", count(of.scanned_count)),
        ("got to", Cell::moment(of.cursor_time.as_deref())),
        ("webhook", optional(replay.relationships.webhook.id())),
        ("from", Cell::moment(Some(&of.from))),
        ("to", Cell::moment(Some(&of.to))),
        ("states", Cell::plain(&of.states.join(","))),
        ("filter", optional(filter.as_deref())),
        ("rate", Cell::plain(&format!("{} a second", of.rate_per_second))),
        ("created", Cell::moment(Some(&of.created_at))),
        ("finished", Cell::moment(of.finished_at.as_deref())),
    ]);
    fields.extend(of.topics.iter().map(|topic| ("topic", Cell::plain(topic))));
    Table::fields(fields)
}

fn status(name: &str) -> Cell {
    let is = |status: Status| name == status.name();
    if is(Status::Completed) {
        Cell::good(name)
    } else if is(Status::Failed) {
        Cell::bad(name)
    } else if is(Status::Cancelled) {
        Cell::faint(name)
    } else {
        Cell::plain(name)
    }
}

/// A share in whole per cent; only what is done is 100.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", (share.clamp(0.0, 1.0) * 100.0).floor())
}

/// A share as a bar.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share between 0 and 1 of a few characters"
)]
pub(super) fn bar(share: f64) -> String {
    let full = (share.clamp(0.0, 1.0) * REPLAY_BAR_CHARS as f64).floor() as usize;
    format!("[{}{}]", "#".repeat(full), ".".repeat(REPLAY_BAR_CHARS.saturating_sub(full)))
}

/// What became of the events, and which of them would be sent.
pub(super) fn preview_table(preview: &Preview) -> Table {
    let mut table = Table::new(&["STATE", "EVENTS", "SENT"]);
    for choice in Choice::ALL.map(Choice::name) {
        let count = preview.by_state.get(choice).copied().unwrap_or_default();
        let is_sent = preview.states.iter().any(|state| state == choice);
        let sent = if is_sent { Cell::good("yes") } else { Cell::faint("no") };
        table.push(vec![Cell::plain(choice), Cell::plain(&count.to_string()), sent]);
    }
    if let Some(count) = preview.by_state.get("scheduled").filter(|count| **count > 0) {
        let on_their_way = Cell::faint("on their way already");
        table.push(vec![Cell::plain("scheduled"), Cell::plain(&count.to_string()), on_their_way]);
    }
    table
}

/// What a replay would do, in a sentence.
pub(super) fn preview_sentence(preview: &Preview) -> String {
    let Preview { event_count, delivery_count, scanned_events, .. } = preview;
    let moment = |text: &Option<String>| text.as_deref().map(short).unwrap_or_default();
    let received = match preview.oldest {
        Some(_) => {
            format!(", received from {} to {}", moment(&preview.oldest), moment(&preview.newest))
        }
        None => String::new(),
    };
    let all = if preview.is_complete {
        format!("of {scanned_events} events, {event_count} match")
    } else {
        format!(
            "or more: the preview ended after {scanned_events} events, of which {event_count} match"
        )
    };
    format!("{delivery_count} to be sent{received}; {all}.")
}

/// A moment of the API in whole seconds; anything else as it came.
fn short(moment: &str) -> String {
    match Timestamp::parse_rfc3339(moment) {
        Some(at) => at.rfc3339_seconds().replace("+00:00", "Z"),
        None => printable(moment),
    }
}
