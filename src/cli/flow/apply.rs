//! `tidings flow apply`: makes the flow of a file, or changes the flow of the same name so that it
//! is like the file; and says what that is.
//!
//! What a file leaves out is left to the flow: an action without a `status` keeps the one it has,
//! and a new one gets that of the flow.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{FlowFile, actions};
use super::pages::equal;
use super::plan::{Fate, Plan, plan};
use super::show::{DEFINITION, WHOLE, Whole, metric_name};
use super::sketch::Sketch;
use super::statuses::{id_of, with_statuses};
use super::{Attributes, is_agreed, nothing, path_of};
use crate::cli::client::{CliError, Many, Report, Session};
use crate::cli::table::printable;
use crate::id::FlowId;

pub(super) const EXAMPLES: &str = "\
Examples:
  tidings flow apply welcome.json --dry-run     what would change
  tidings flow apply welcome.json --live        make or change it, and let people in
  tidings flow apply renamed.json --flow T23ivh
  jq '.name = \"Test\"' welcome.json | tidings flow apply -

The file is the body of `POST /api/flows`, or {\"name\":…,\"definition\":…}, or what `tidings flow show
--json` printed. If there is a flow of this name it is changed, else one is made, as a draft.

Actions keep their ids, their counts and the people who wait in them. Each action of the file is
taken for the flow's of the same `id`; else for the only one of its type with its name, its address
or its content; else for the one of its type in the same place. Names such as `temporary_id` are
the file's own. Actions that go end the runs that wait in them, which needs --yes.

A daemon shows no values of headers, so an action in which only these change is told as kept.";

#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// The flow file; - for standard input
    file: PathBuf,
    /// Change this flow, whatever its name
    #[arg(long, value_name = "ID")]
    flow: Option<FlowId>,
    /// Then let people enter, and do all actions
    #[arg(long, group = "status")]
    live: bool,
    /// Then let people enter, and keep all actions for approval
    #[arg(long, group = "status")]
    manual: bool,
    /// Then let nobody enter
    #[arg(long, group = "status")]
    draft: bool,
    /// Only say what would change; templates are not checked
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before actions go that people wait in
    #[arg(long, short)]
    yes: bool,
}

impl ApplyArgs {
    const fn status(&self) -> Option<&'static str> {
        match (self.live, self.manual, self.draft) {
            (true, ..) => Some("live"),
            (_, true, _) => Some("manual"),
            (_, _, true) => Some("draft"),
            _ => None,
        }
    }
}

/// Makes or changes a flow.
pub(super) async fn perform(session: &Session, args: &ApplyArgs) -> Result<Report, CliError> {
    let file = FlowFile::read(&args.file)?;
    let normal = file.normal()?;
    match target(session, &file, args.flow).await? {
        None => create(session, args, &file, &normal).await,
        Some(id) => update(session, args, (&file, normal), &id).await,
    }
}

/// The id of the flow to change.
async fn target(
    session: &Session,
    file: &FlowFile,
    named: Option<FlowId>,
) -> Result<Option<String>, CliError> {
    if let Some(id) = named {
        return Ok(Some(id.to_string()));
    }
    let filter = equal([("name", Some(file.name.clone()))]);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("filter", &filter)
        .finish();
    let found: Many<Attributes> = session.get(&format!("/api/flows?{query}")).await?.parse()?;
    match found.data.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id.clone())),
        several => {
            let ids: Vec<_> = several.iter().map(|one| one.id.as_str()).collect();
            let (name, ids) = (&file.name, ids.join(", "));
            let why =
                format!("several flows are called \"{name}\" ({ids}); choose one with --flow");
            Err(CliError::Refused(vec![printable(&why)]))
        }
    }
}

#[derive(Deserialize)]
struct Made {
    data: MadeData,
}

#[derive(Deserialize)]
struct MadeData {
    id: String,
    attributes: MadeAttributes,
}

#[derive(Deserialize)]
struct MadeAttributes {
    status: String,
    #[serde(default)]
    definition: Value,
    #[serde(default)]
    secret_key: Option<String>,
}

async fn create(
    session: &Session,
    args: &ApplyArgs,
    file: &FlowFile,
    normal: &Value,
) -> Result<Report, CliError> {
    let fates: Vec<Fate> = actions(normal).iter().map(|_| Fate::Created).collect();
    let plan = Plan { actions: fates, removed: Vec::new(), parts: Vec::new() };
    let status = args.status().unwrap_or("draft");
    let sketch = Sketch { plan: &plan, new: actions(normal), old: &[], ids: file.labels() };
    if args.dry_run {
        let head = format!("Flow \"{}\" would be made, {status}.", file.name);
        return Ok(sketch.dry(session, &head, None));
    }
    let answer =
        session.post("/api/flows", &file.body()).await.map_err(|error| file.told(error))?;
    let made: Made = answer.parse()?;
    let id = made.data.id;
    let mut document: Value = answer.parse()?;
    if status != "draft" {
        let data = json!({ "type": "flow", "id": id, "attributes": { "status": status } });
        let changed = session.patch(&path_of(&id), &json!({ "data": data })).await;
        let told = |error| match file.told(error) {
            CliError::Refused(mut lines) => {
                lines.push(format!("the flow {} was made, and is a draft", printable(&id)));
                CliError::Refused(lines)
            }
            other => other,
        };
        changed.map_err(told)?;
        document["data"]["attributes"]["status"] = status.into();
    }
    let mut report = Report::default();
    if session.json {
        report.output = session.document(&document);
    } else {
        let stored = actions(&made.data.attributes.definition);
        let head = format!("Flow {id} \"{}\" is made, and is {status}.", file.name);
        report.output = Sketch { ids: ids_of(stored), ..sketch }.text(&head, session.colours);
    }
    if let Some(secret) = made.data.attributes.secret_key {
        if !session.json {
            report.output.push_str(&format!("\nsecret  {}\n", printable(&secret)));
        }
        report.notes.push("The secret is not shown again; keep it now.".to_owned());
    }
    Ok(report)
}

async fn update(
    session: &Session,
    args: &ApplyArgs,
    (file, mut normal): (&FlowFile, Value),
    id: &str,
) -> Result<Report, CliError> {
    let whole: Whole = session.get(&format!("{}{WHOLE}", path_of(id))).await?.parse()?;
    let stored = &whole.data.attributes.definition;
    if normal["triggers"] != stored["triggers"] {
        // The file may name by its name what the flow names by its id.
        let name = metric_name(session, stored).await?;
        let given = &mut normal["triggers"][0]["id"];
        if name.is_some_and(|name| *given == name) {
            *given = stored["triggers"][0]["id"].clone();
        }
    }
    let given: Vec<_> = file.actions().iter().map(|action| action["id"].as_str()).collect();
    let mut plan = plan(&normal, &given, stored);
    let (name, status) = whole.name_and_status();
    let definition = with_statuses(file, &mut plan, stored, (args.status(), status));
    if file.name != name {
        plan.parts.push("name");
    }
    if args.status().is_some_and(|wanted| wanted != status) {
        plan.parts.push("status");
    }
    let ids = plan.actions.iter().zip(file.labels()).map(|(fate, label)| {
        fate.place().and_then(|place| id_of(&actions(stored)[place])).unwrap_or(label)
    });
    let ids = ids.collect();
    let sketch = Sketch { plan: &plan, new: actions(&normal), old: actions(stored), ids };
    if args.dry_run {
        let head = format!("Flow {id} \"{name}\" would be changed.");
        return Ok(sketch.dry(session, &head, Some(id)));
    }
    if !args.yes && !may_remove(session, &whole, &plan)? {
        return Ok(nothing("Nothing was changed."));
    }
    let mut document = file.patch(id, definition);
    if let Some(status) = args.status() {
        document["data"]["attributes"]["status"] = status.into();
    }
    let path = format!("{}{DEFINITION}", path_of(id));
    let answer = session.patch(&path, &document).await.map_err(|error| file.told(error))?;
    session.report(&answer, |changed: Made| {
        let ids = ids_of(actions(&changed.data.attributes.definition));
        let status = &changed.data.attributes.status;
        let head = format!("Flow {id} \"{}\" is like the file, and is {status}.", file.name);
        Sketch { ids, ..sketch }.text(&head, session.colours)
    })
}

fn ids_of(actions: &[Value]) -> Vec<String> {
    actions.iter().map(|action| id_of(action).unwrap_or_default()).collect()
}

/// Whether actions may go: nobody waits in them, or the person says so.
fn may_remove(session: &Session, whole: &Whole, plan: &Plan) -> Result<bool, CliError> {
    let old = actions(&whole.data.attributes.definition);
    let waiting = plan.removed.iter().filter_map(|place| {
        let id = old[*place]["id"].as_str()?;
        Some((id, whole.waiting(id))).filter(|(_, count)| *count > 0)
    });
    let waiting: Vec<_> = waiting.map(|(id, count)| format!("{count} in action {id}")).collect();
    if waiting.is_empty() {
        return Ok(true);
    }
    let what = printable(&format!(
        "people wait in actions that go, and their runs would end: {}",
        waiting.join(", ")
    ));
    if !session.interactive {
        return Err(CliError::Usage(format!("{what}; --yes does it all the same")));
    }
    is_agreed(&format!("Of this flow, {what}. Go on? [y/N]"))
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
