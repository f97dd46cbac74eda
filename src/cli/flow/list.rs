//! `tidings flow list`: a row for each flow.

use super::Attributes;
use super::pages::{self, Listing};
use crate::cli::client::{CliError, Many, Report, Session};
use crate::cli::table::{Cell, Table};
use crate::limits::{FLOWS_MAX, FLOWS_PAGE_MAX};

/// Lists all flows.
pub(super) async fn perform(session: &Session) -> Result<Report, CliError> {
    let listing =
        Listing { path: "/api/flows", filter: "", wanted: FLOWS_MAX, page: FLOWS_PAGE_MAX };
    let (document, _) = pages::read(session, &listing).await?;
    if session.json {
        return Ok(Report { output: session.document(&document), ..Report::default() });
    }
    let page = serde_json::from_value(document).map_err(CliError::Unexpected)?;
    Ok(Report { output: table(&page).text(session.colours), ..Report::default() })
}

fn table(page: &Many<Attributes>) -> Table {
    let headings = ["ID", "NAME", "STATUS", "TRIGGER", "ENTERED", "ACTIVE", "UPDATED"];
    let mut table = Table::new(&headings);
    for flow in &page.data {
        let of = &flow.attributes;
        table.push(vec![
            Cell::plain(&flow.id),
            Cell::plain(&of.name),
            status(&of.status),
            Cell::plain(&of.trigger_type),
            Cell::plain(&of.counts.entered.to_string()),
            Cell::plain(&of.counts.active.to_string()),
            Cell::moment(of.updated.as_deref()),
        ]);
    }
    table
}

/// The status of a flow or an action.
pub(super) fn status(name: &str) -> Cell {
    match name {
        "live" => Cell::good(name),
        "manual" => Cell::plain(name),
        _ => Cell::faint(name),
    }
}
