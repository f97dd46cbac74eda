//! `tidings flow reviews`, `approve` and `discard`: what waits for a person's approval.

use serde::Deserialize;

use super::pages::{self, Listing, equal};
use super::runs::reference;
use crate::cli::client::{CliError, Many, Nothing, One, Reference, Report, Session};
use crate::cli::table::{Cell, Table};
use crate::id::{ActionId, FlowId, RunId};
use crate::limits::{CLI_RUNS_MAX, RUNS_PAGE_MAX};

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  tidings flow reviews
  tidings flow reviews --flow T23ivh --limit 100";
pub(super) const APPROVE_EXAMPLES: &str = "\
Examples:
  tidings flow approve 01M1PAC5N9PMXJ7672AC8B75VN-17
  tidings flow reviews --flow T23ivh --json | jq -r '.data[].id' | xargs tidings flow approve";
pub(super) const DISCARD_EXAMPLES: &str = "\
Example:
  tidings flow discard 01M1PAC5N9PMXJ7672AC8B75VN-17";

#[derive(Debug, clap::Args)]
pub(super) struct ReviewsArgs {
    /// Only what waits in this flow
    #[arg(long, value_name = "ID")]
    flow: Option<FlowId>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(CLI_RUNS_MAX)))]
    limit: u32,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManyArgs {
    /// What waits, as `tidings flow reviews` shows it
    #[arg(required = true, value_name = "ID", value_parser = review_id)]
    ids: Vec<String>,
}

/// The id of a review: RUN-ACTION.
fn review_id(text: &str) -> Result<String, String> {
    let shape = "give RUN-ACTION, the ids of both, as `tidings flow reviews` shows them";
    let (run, action) = text.split_once('-').ok_or(shape)?;
    run.parse::<RunId>().map_err(|why| format!("{run}: {why}"))?;
    action.parse::<ActionId>().map_err(|why| format!("{action}: {why}"))?;
    Ok(text.to_owned())
}

#[derive(Deserialize)]
struct Attributes {
    queued_at: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Relationships {
    flow: Reference,
    #[serde(rename = "flow-action")]
    action: Reference,
    profile: Reference,
}

/// Lists what waits.
pub(super) async fn list(session: &Session, args: &ReviewsArgs) -> Result<Report, CliError> {
    let filter = equal([("flow_id", args.flow.map(|id| id.to_string()))]);
    let wanted = args.limit as usize;
    let listing =
        Listing { path: "/api/flow-reviews", filter: &filter, wanted, page: RUNS_PAGE_MAX };
    let (document, is_all) = pages::read(session, &listing).await?;
    if session.json {
        return Ok(Report { output: session.document(&document), ..Report::default() });
    }
    let page: Many<Attributes, Relationships> =
        serde_json::from_value(document).map_err(CliError::Unexpected)?;
    let mut table = Table::new(&["ID", "FLOW", "ACTION", "PROFILE", "WAITS SINCE"]);
    for review in &page.data {
        let to = &review.relationships;
        table.push(vec![
            Cell::plain(&review.id),
            reference(&to.flow),
            reference(&to.action),
            reference(&to.profile),
            Cell::moment(Some(&review.attributes.queued_at)),
        ]);
    }
    let more = "There are more; a greater --limit shows them.".to_owned();
    Ok(Report {
        output: table.text(session.colours),
        notes: if is_all { Vec::new() } else { vec![more] },
        failed: false,
    })
}

/// Does the same with each. One that is refused does not keep the others from it.
pub(super) async fn each(
    session: &Session,
    args: &ManyArgs,
    action: &str,
    done: &str,
) -> Result<Report, CliError> {
    let mut report = Report::default();
    for id in &args.ids {
        match session.post_empty(&format!("/api/flow-reviews/{id}/{action}")).await {
            Ok(answer) => {
                let told = |_: One<Nothing>| format!("{id} is {done}.\n");
                report.output.push_str(&session.report(&answer, told)?.output);
            }
            Err(CliError::Refused(reasons)) => {
                report.notes.extend(reasons.into_iter().map(|why| format!("error: {id}: {why}")));
                report.failed = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}
