//! Runs of flows, our own resource: whose way through which flow is where, and why.
//!
//! Reasons and outputs quote what they were about, which can be the person; they are shown to those
//! who may read people.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::{Answer, Call, id, jsonapi};
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::query::{Known, Term};
use crate::clock::Timestamp;
use crate::flow::run::{self, Filter, Moment, What};
use crate::flow::{Run, RunState};
use crate::id::RunId;
use crate::limits;

const FILTERS: &Known<'static> = &[
    ("flow_id", &["equals"]),
    ("profile_id", &["equals"]),
    ("event_id", &["equals"]),
    ("state", &["equals"]),
    ("action_id", &["equals"]),
];
const PAGE_DEFAULT: usize = 20;
const PROFILE_SCOPE: &str = "profiles:read";

/// `GET /api/flow-runs`, the newest first.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let filter = filter(&call.query.filter(FILTERS)?)?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::RUNS_PAGE_MAX)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let after: Option<RunId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let store = call.parts().store.clone();
    // A rare mixture can take thousands of rows to find.
    let read = move || run::page(&store.snapshot()?, &filter, after, size);
    let page = call.apart(read).await??;
    let data: Vec<_> = page
        .runs
        .iter()
        .map(|run| resource(&call, run, false).to_bytes(call.base(), None))
        .collect();
    Ok(jsonapi::many(&call, &data, &[], page.next.map(|id| id.to_string()).as_deref()))
}

/// `GET /api/flow-runs/{id}`, with its timeline.
pub(in crate::api) async fn get(call: Call) -> Answer {
    let id = id(&call.id)?;
    let found = run::get(&call.parts().store.snapshot()?, id)?;
    Ok(answer(&call, &found.ok_or_else(|| missing(id))?))
}

/// `POST /api/flow-runs/{id}/cancel`.
pub(in crate::api) async fn cancel(call: Call) -> Answer {
    let id = id(&call.id)?;
    let before = run::get(&call.parts().store.snapshot()?, id)?.ok_or_else(|| missing(id))?;
    if before.state.is_over() {
        return Err(Problem::conflict(format!(
            "The run is {} already: only one that is on its way can be cancelled.",
            before.state.name()
        )));
    }
    let cancelled = call.parts().automation.cancel(id).await?;
    Ok(answer(&call, &cancelled.ok_or_else(|| missing(id))?))
}

fn missing(id: RunId) -> Problem {
    Problem::not_found(format!("No flow run {id}."))
}

/// The answer with one run.
pub(super) fn answer(call: &Call, run: &Run) -> super::Reply {
    let data = resource(call, run, true).to_bytes(call.base(), None);
    jsonapi::one(call, StatusCode::OK, &data, &[])
}

fn filter(terms: &[Term]) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    for term in terms {
        let field = term.field.as_str();
        match field {
            "flow_id" => once(&mut filter.flow, field, value(term)?)?,
            "profile_id" => once(&mut filter.profile, field, value(term)?)?,
            "event_id" => once(&mut filter.event, field, value(term)?)?,
            "action_id" => once(&mut filter.action, field, value(term)?)?,
            _ => once(&mut filter.state, field, state(term.text()?)?)?,
        }
    }
    Ok(filter)
}

fn wrong(why: String) -> Problem {
    Problem::parameter("filter", why)
}

fn once<T>(into: &mut Option<T>, field: &str, value: T) -> Result<(), Problem> {
    match into.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(format!("`{field}` stands twice; a run has only one"))),
    }
}

fn value<T: std::str::FromStr<Err: std::fmt::Display>>(term: &Term) -> Result<T, Problem> {
    let value = term.text()?;
    value.parse().map_err(|why| wrong(format!("`{value}`: {why}")))
}

/// A state that is listed: one that has only begun is nowhere yet.
fn state(value: &str) -> Result<RunState, Problem> {
    let mut listed = RunState::ALL.into_iter().filter(|state| *state != RunState::Begun);
    listed.clone().find(|state| state.name() == value).ok_or_else(|| {
        let first = listed.next().map(RunState::name).unwrap_or_default().to_owned();
        let known = listed.fold(first, |known, state| format!("{known}, {}", state.name()));
        wrong(format!("no state `{value}`; there are {known}"))
    })
}

/// The run's resource object; with what happened if it `is_whole`.
fn resource(call: &Call, run: &Run, is_whole: bool) -> Resource {
    let moment = |at: Option<Timestamp>| at.map(Timestamp::rfc3339_micros);
    let mut shown = attributes(json!({
        "state": run.state.name(),
        "entered_at": run.entered.rfc3339_micros(),
        "due_at": moment(run.due),
        "date": run.day.map(date),
    }));
    if is_whole {
        let shows_person = call.principal.allows(PROFILE_SCOPE);
        let timeline: Vec<Value> =
            run.timeline.iter().map(|moment| told(moment, shows_person)).collect();
        shown.insert("timeline".to_owned(), timeline.into());
        shown.insert("timeline_dropped_count".to_owned(), run.dropped.into());
        let outputs = shows_person.then(|| outputs(run));
        shown.insert("outputs".to_owned(), outputs.into());
    }
    Resource {
        kind: "flow-run",
        id: run.id.to_string(),
        attributes: shown,
        relationships: Some(relationships(run)),
        path: format!("/api/flow-runs/{}/", run.id),
    }
}

/// The date that is this many days after 1970 began.
fn date(days: i32) -> String {
    let midnight = Timestamp::from_seconds(i64::from(days) * 86_400).rfc3339_seconds();
    midnight.split_once('T').map_or(String::new(), |(date, _)| date.to_owned())
}

/// A moment of the timeline; without its sentence where that can tell of the person.
fn told(moment: &Moment, shows_person: bool) -> Value {
    let mut shown = moment.to_json();
    let tells_of_person = matches!(
        moment.what,
        What::Branch { .. } | What::Changed { .. } | What::Failed { .. } | What::Skipped { .. }
    );
    if tells_of_person && !shows_person {
        shown["detail"] = Value::Null;
    }
    shown
}

/// The outputs of its steps, by the steps' names.
fn outputs(run: &Run) -> Value {
    let mut steps: Map<String, Value> = Map::new();
    for (step, name, value) in &run.outputs {
        let of_step = steps.entry(step.clone()).or_insert_with(|| json!({}));
        of_step[name.as_str()] = serde_json::from_str(value).unwrap_or_default();
    }
    Value::Object(steps)
}

fn relationships(run: &Run) -> Value {
    let to = |kind: &str, id: Option<String>| json!({ "data": id.map(|id| json!({ "type": kind, "id": id })) });
    json!({
        "flow": to("flow", Some(run.flow.to_string())),
        "flow-action": to("flow-action", run.action.map(|id| id.to_string())),
        "profile": to("profile", Some(run.profile.to_string())),
        "event": to("event", run.event.map(|id| id.to_string())),
        "delivery": to("delivery", run.delivery.map(|id| id.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::parse_filter;

    #[test]
    fn what_is_wrong_with_a_filter_is_said() {
        for (text, told) in [
            ("equals(flow_id,x)", "6 letters and digits"),
            ("equals(profile_id,x)", "26 characters"),
            ("equals(event_id,x)", "11 characters"),
            ("equals(action_id,x)", "a decimal number"),
            ("equals(state,lost)", "there are moving, waiting, answering, finished, cancelled"),
            ("equals(state,begun)", "no state `begun`"),
            ("equals(state,moving),equals(state,waiting)", "`state` stands twice"),
        ] {
            let problem = format!("{:?}", filter(&parse_filter(text).unwrap()).unwrap_err());
            assert!(problem.contains(told), "{text}: {problem}");
            assert!(problem.contains("(\"parameter\", \"filter\")"), "{problem}");
        }
    }

    #[test]
    fn a_date_is_counted_from_1970() {
        assert_eq!((date(0), date(20_700)), ("1970-01-01".to_owned(), "2026-09-04".to_owned()));
        assert_eq!(date(-1), "1969-12-31");
    }

    #[test]
    fn a_sentence_about_the_person_is_for_who_may_read_people() {
        let branch = What::Branch { taken: "true".to_owned(), why: "plan is pro".to_owned() };
        let moment = Moment { at: Timestamp::EPOCH, action: None, what: branch };
        let all = told(&moment, true);
        assert_eq!(all["detail"], "took the branch true: plan is pro");
        let little = told(&moment, false);
        assert_eq!((&little["detail"], &little["branch"]), (&Value::Null, &json!("true")));
        let entered = Moment { at: Timestamp::EPOCH, action: None, what: What::Entered };
        assert_eq!(told(&entered, false)["detail"], "entered the flow");
    }
}
