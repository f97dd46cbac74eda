//! A simulation as JSON, for programs.

use serde_json::{Value, json};

use super::Tally;
use super::text::fixed_headers;
use crate::automation::{Simulated, Simulation};
use crate::flow::run::What;
use crate::flow::{Flow, Step};
use crate::id::ActionId;
use crate::webhook::MASK;

/// The document: each run with its timeline and its requests, and the numbers.
pub(super) fn of(labels: &[String], simulated: &Simulation, tally: &Tally) -> Value {
    let Tally { people, finished, ended, webhooks, failed } = tally;
    let runs: Vec<Value> =
        simulated.runs.iter().map(|one| run(labels, one, &simulated.flow)).collect();
    json!({
        "runs": runs,
        "summary": {
            "people": people,
            "runs": simulated.runs.len(),
            "finished": finished,
            "cancelled": ended,
            "webhooks": webhooks,
            "failed": failed,
            "left_out": simulated.left_out,
            "is_cut": simulated.is_cut,
            "ended_at": simulated.ended.rfc3339_micros(),
        },
    })
}

fn run(labels: &[String], one: &Simulated, flow: &Flow) -> Value {
    let label = |action: Option<ActionId>| {
        let place = flow.definition.actions.iter().position(|of| Some(of.id) == action)?;
        labels.get(place)
    };
    let timeline: Vec<Value> = one
        .run
        .timeline
        .iter()
        .map(|moment| {
            let mut told = moment.to_json();
            told["action_id"] = json!(label(moment.action));
            told
        })
        .collect();
    json!({
        "person": one.person,
        "state": one.run.state.name(),
        "entered_at": one.run.entered.rfc3339_micros(),
        "due_at": one.run.due.map(|at| at.rfc3339_micros()),
        "timeline": timeline,
        "timeline_dropped_count": one.run.dropped,
        "requests": requests(one, flow, &label),
    })
}

fn requests<'l>(
    one: &Simulated,
    flow: &Flow,
    label: &dyn Fn(Option<ActionId>) -> Option<&'l String>,
) -> Vec<Value> {
    let request = |moment: &crate::flow::run::Moment| {
        let What::Sent { delivery } = &moment.what else { return None };
        let (_, request) = one.requests.iter().find(|(id, _)| id == delivery)?;
        let Step::SendWebhook { webhook, .. } = &flow.definition.action(moment.action?)?.step
        else {
            return None;
        };
        let mut headers: Vec<Value> = request
            .headers
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        let fixed = fixed_headers(webhook, &request.headers).into_iter();
        headers.extend(fixed.map(|name| json!({ "name": name, "value": MASK })));
        Some(json!({
            "at": moment.at.rfc3339_micros(),
            "action_id": label(moment.action),
            "delivery_id": delivery.to_string(),
            "method": webhook.settings.method.name(),
            "url": request.url,
            "headers": headers,
            "body": request.body,
        }))
    };
    one.run.timeline.iter().filter_map(request).collect()
}
