//! A delivery as the API tells it, and as text for people: a row of a list, the whole of it with
//! its attempts (`timeline`), what it sends.
//!
//! Pure. `delivery list`, `delivery show` and `webhook test` show deliveries through here.

use serde::Deserialize;

use super::timeline::{Attempt, status_cell, timeline};
use crate::cli::client::{Identifier, Many, One, Reference, Session};
use crate::cli::table::{Cell, Table, printable, until};
use crate::clock::Timestamp;
use crate::delivery::State;

/// What the API says of a delivery.
#[derive(Deserialize)]
pub(in crate::cli) struct Attributes {
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
    #[serde(default)]
    resent_at: Option<String>,
    /// These only where a single delivery is read.
    #[serde(default)]
    summary: String,
    #[serde(default)]
    attempts: Vec<Attempt>,
    /// Only where it is asked for.
    #[serde(default)]
    request: Option<Request>,
}

/// What was sent, or would be.
#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    headers: Vec<Header>,
    /// `None` before the first attempt.
    is_exact: Option<bool>,
    body: Option<String>,
    curl: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

/// What a delivery belongs to.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Relationships {
    webhook: Reference,
    flow: Reference,
    #[serde(rename = "flow-action")]
    flow_action: Reference,
    #[serde(rename = "flow-run")]
    flow_run: Reference,
    events: Reference<Vec<Identifier>>,
    profile: Reference,
}

impl Attributes {
    /// Where it stands, in a sentence.
    pub(super) fn summary(&self) -> &str {
        &self.summary
    }

    /// A command line that sends the same, and whether it is exactly that.
    pub(super) fn curl(&self) -> Option<(&str, Option<bool>)> {
        let request = self.request.as_ref()?;
        Some((request.curl.as_deref()?, request.is_exact))
    }
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
pub(in crate::cli) fn whole(
    session: &Session,
    document: &One<Attributes, Relationships>,
) -> String {
    let delivery = &document.data;
    let of = &delivery.attributes;
    let resent = of.resent_at.as_deref().map(|at| ("resent", Cell::moment(Some(at))));
    let fields = [
        ("id", Cell::plain(&delivery.id)),
        ("state", state(&of.state)),
        ("stands", Cell::plain(&of.summary)),
        ("source", Cell::plain(&of.source)),
    ];
    let rest = [
        ("events", events(&delivery.relationships.events.ids())),
        ("profile", optional(delivery.relationships.profile.id())),
        ("destination", optional(of.destination.as_deref())),
        ("created", Cell::moment(Some(&of.created_at))),
        ("next due", due(of.due_at.as_deref(), session.clock.now())),
        ("finished", Cell::moment(of.finished_at.as_deref())),
    ];
    let fields = fields.into_iter().chain(sender(&delivery.relationships)).chain(rest);
    let fields = Table::fields(fields.chain(resent)).text(session.colours);
    if of.attempts.is_empty() {
        return format!("{fields}\nNo attempt yet.\n");
    }
    format!("{fields}\n{}", timeline(&of.attempts, session.colours))
}

/// The webhook that sends it, or the action of a flow with the run that came to it.
fn sender(of: &Relationships) -> Vec<(&'static str, Cell)> {
    match of.flow_action.id() {
        None => vec![("webhook", optional(of.webhook.id()))],
        Some(action) => vec![
            ("sender", Cell::plain(&flow_action(action))),
            ("flow", optional(of.flow.id())),
            ("flow run", optional(of.flow_run.id())),
        ],
    }
}

/// An action of a flow, where a webhook's id stands else.
pub(super) fn flow_action(id: &str) -> String {
    format!("flow action {id}")
}

fn events(ids: &[&str]) -> Cell {
    match ids {
        [] => Cell::none(),
        [id] => Cell::plain(id),
        [first, .., last] => Cell::plain(&format!("{}, from {first} to {last}", ids.len())),
    }
}

fn due(at: Option<&str>, now: Timestamp) -> Cell {
    let moment = Cell::moment(at);
    match at.and_then(Timestamp::parse_rfc3339) {
        Some(at) => moment.followed_by(&format!(" ({})", until(at, now))),
        None => moment,
    }
}

/// What a delivery sends, as it goes over the wire; a line each that came from outside.
pub(super) fn request(document: &One<Attributes, Relationships>) -> String {
    let Some(request) = &document.data.attributes.request else {
        return "\nThere is nothing to send: where it goes or what it says is gone, or its template \
                failed.\n"
            .to_owned();
    };
    let about = match request.is_exact {
        None => "What would be sent now:",
        Some(true) => "What the last attempt sent (signatures are made anew):",
        Some(false) => {
            "What the last attempt would send now; its webhook changed since (signatures are made \
             anew):"
        }
    };
    let (method, url) = (printable(&request.method), printable(&request.url));
    let mut out = format!("\n{about}\n\n{method} {url}\n");
    for Header { name, value } in &request.headers {
        out.push_str(&format!("{}: {}\n", printable(name), printable(value)));
    }
    let body = request.body.as_deref().map(printable);
    out.push_str(&format!("\n{}\n", body.as_deref().unwrap_or("(the body is not shown)")));
    out
}
