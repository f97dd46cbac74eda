//! A simulation as text: person by person, run by run, moment by moment, and what it comes to.

use std::collections::HashMap;

use super::Tally;
use crate::automation::{Simulated, Simulation};
use crate::cli::flow::moments::{Told, row, timeline};
use crate::cli::table::{Colours, beginning, printable};
use crate::cli::webhook::laid_out;
use crate::flow::run::What;
use crate::flow::{Flow, Step, WebhookStep};
use crate::id::{ActionId, ProfileId};
use crate::limits::{CLI_BODY_LINES_MAX, SHOWN_TEXT_CHARS_MAX};
use crate::webhook::MASK;

/// The text; with the requests where they are wanted.
pub(super) fn of(
    labels: &[String],
    simulated: &Simulation,
    tally: &Tally,
    (with_requests, colours): (bool, Colours),
) -> String {
    let mut of_person: HashMap<ProfileId, Vec<&Simulated>> = HashMap::new();
    let mut people = Vec::new();
    for one in &simulated.runs {
        let runs = of_person.entry(one.run.profile).or_default();
        if runs.is_empty() {
            people.push(one.run.profile);
        }
        runs.push(one);
    }
    let mut out = String::new();
    for person in people {
        let runs = of_person.remove(&person).unwrap_or_default();
        for (number, one) in runs.iter().enumerate() {
            let which =
                if runs.len() > 1 { format!(", run {}", number + 1) } else { String::new() };
            let head = format!("{}{which}: {}", one.person, one.run.state.name());
            out.push_str(&printable(&head));
            out.push('\n');
            push_run(&mut out, one, &simulated.flow, (labels, colours));
            if with_requests {
                push_requests(&mut out, one, &simulated.flow, (labels, colours));
            }
            out.push('\n');
        }
    }
    out + &summary(simulated, tally)
}

/// What an action is called in the file.
fn label<'l>(labels: &'l [String], flow: &Flow, action: Option<ActionId>) -> &'l str {
    let place = action.and_then(|id| flow.definition.actions.iter().position(|of| of.id == id));
    place.and_then(|place| labels.get(place)).map_or("", String::as_str)
}

fn webhook(flow: &Flow, action: Option<ActionId>) -> Option<&WebhookStep> {
    match &flow.definition.action(action?)?.step {
        Step::SendWebhook { webhook, .. } => Some(webhook),
        _ => None,
    }
}

fn push_run(
    out: &mut String,
    one: &Simulated,
    flow: &Flow,
    (labels, colours): (&[String], Colours),
) {
    let mut table = timeline();
    for moment in &one.run.timeline {
        let detail = match &moment.what {
            // Nothing is sent, so this only says again that it could not be made.
            What::Result { .. } => continue,
            What::Sent { delivery } => {
                let request = one.requests.iter().find(|(id, _)| id == delivery);
                let method =
                    webhook(flow, moment.action).map_or("", |of| of.settings.method.name());
                request.map_or_else(
                    || "would send".to_owned(),
                    |(_, request)| format!("would send {method} {}", request.url),
                )
            }
            what => what.sentence(),
        };
        table.push(row(&Told {
            at: moment.at,
            start: one.run.timeline.first().map_or(moment.at, |first| first.at),
            action: label(labels, flow, moment.action),
            event: moment.what.name(),
            detail: &beginning(&detail, SHOWN_TEXT_CHARS_MAX),
        }));
    }
    for line in table.text(colours).lines() {
        out.push_str(&format!("  {line}\n"));
    }
    if one.run.dropped > 0 {
        out.push_str(&format!("  … {} moments after the first were dropped\n", one.run.dropped));
    }
}

fn push_requests(
    out: &mut String,
    one: &Simulated,
    flow: &Flow,
    (labels, colours): (&[String], Colours),
) {
    for moment in &one.run.timeline {
        let What::Sent { delivery } = &moment.what else { continue };
        let Some((_, request)) = one.requests.iter().find(|(id, _)| id == delivery) else {
            continue;
        };
        let Some(step) = webhook(flow, moment.action) else { continue };
        let label = label(labels, flow, moment.action);
        let at = moment.at.rfc3339_seconds();
        out.push_str(&format!("\n  {}\n", colours.faint(&printable(&format!("{label} at {at}:")))));
        let mut push = |line: &str| {
            out.push_str(printable(&format!("    {line}")).trim_end());
            out.push('\n');
        };
        push(&format!("{} {}", step.settings.method.name(), request.url));
        for (name, value) in &request.headers {
            push(&format!("{name}: {value}"));
        }
        for name in fixed_headers(step, &request.headers) {
            push(&format!("{name}: {MASK}"));
        }
        if !request.body.is_empty() {
            push("");
        }
        let body = laid_out(&request.body);
        let mut lines = body.lines();
        lines.by_ref().take(CLI_BODY_LINES_MAX).for_each(&mut push);
        let more = lines.count();
        if more > 0 {
            push(&format!("… {more} more lines; --json has them"));
        }
    }
}

/// Headers that are the same in every request, and may be secret.
pub(super) fn fixed_headers<'s>(
    step: &'s WebhookStep,
    rendered: &[(String, String)],
) -> Vec<&'s str> {
    let names = step.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| !rendered.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)))
        .collect()
}

fn summary(simulated: &Simulation, tally: &Tally) -> String {
    let Tally { people, finished, ended, webhooks, failed } = tally;
    let runs = simulated.runs.len();
    let under_way = runs - finished - ended;
    let count = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let mut states = vec![format!("{finished} finished")];
    for (count, word) in [(under_way, "under way"), (*ended, "ended early")] {
        if count > 0 {
            states.push(format!("{count} {word}"));
        }
    }
    let mut out = format!(
        "{}, {} ({}), {}, {}.\n",
        count(*people, "person", "people"),
        count(runs, "run", "runs"),
        states.join(", "),
        count(*webhooks, "webhook", "webhooks"),
        count(*failed, "failure", "failures"),
    );
    let end = simulated.ended.rfc3339_seconds();
    if simulated.is_cut {
        out.push_str(&format!("It was cut off at {end}, when runs were still under way.\n"));
    }
    if simulated.left_out > 0 {
        out.push_str(&format!("{} older runs are not shown.\n", simulated.left_out));
    }
    out
}
