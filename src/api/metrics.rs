//! Metrics: list and get (contract: wire.md §4.4).

use hyper::StatusCode;

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::query::Known;
use super::{Answer, Call};
use crate::id::MetricId;
use crate::limits;
use crate::metric::Metric;

pub(super) const FIELDS: [&str; 5] = ["created", "id", "integration", "name", "updated"];
const INCLUDE: [&str; 1] = ["flow-triggers"];
/// No metric starts a flow here yet, so including them adds none.
const FLOW_FIELDS: [&str; 7] =
    ["archived", "created", "id", "name", "status", "trigger_type", "updated"];
const KNOWN: &Known<'_> =
    &[("integration.name", &["equals"]), ("integration.category", &["equals"])];

/// `GET /api/metrics`.
pub(super) async fn list(call: Call) -> Answer {
    call.query.include(&INCLUDE)?;
    call.query.fields("flow", &FLOW_FIELDS)?;
    let fields = call.query.fields("metric", &FIELDS)?;
    let wanted = Wanted::parse(&call)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let mut after: Option<MetricId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let mut found = Vec::new();
    loop {
        let page = call.parts().metrics.page(after, limits::METRICS_PAGE);
        let is_last = page.len() < limits::METRICS_PAGE;
        after = page.last().map(|metric| metric.id).or(after);
        found.extend(page.into_iter().filter(|metric| wanted.includes(metric)));
        if is_last || found.len() > limits::METRICS_PAGE {
            break;
        }
    }
    let has_more = found.len() > limits::METRICS_PAGE;
    found.truncate(limits::METRICS_PAGE);
    let next = found.last().filter(|_| has_more).map(|metric| metric.id.to_string());
    let data: Vec<_> = found
        .iter()
        .map(|metric| resource(metric).to_bytes(call.base(), fields.as_deref()))
        .collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// `GET /api/metrics/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    call.query.include(&INCLUDE)?;
    call.query.fields("flow", &FLOW_FIELDS)?;
    let fields = call.query.fields("metric", &FIELDS)?;
    let found = call.id.parse().ok().and_then(|id| call.parts().metrics.get(id));
    let metric = found.ok_or_else(|| Problem::not_found(format!("No metric {}.", call.id)))?;
    let data = resource(&metric).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

pub(super) fn resource(metric: &Metric) -> Resource {
    Resource {
        kind: "metric",
        id: metric.id.to_string(),
        attributes: attributes(metric.attributes()),
        relationships: None,
        path: format!("/api/metrics/{}/", metric.id),
    }
}

/// What a listing is filtered by.
#[derive(Default)]
struct Wanted {
    name: Option<String>,
    category: Option<String>,
}

impl Wanted {
    fn parse(call: &Call) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for term in call.query.filter(KNOWN)? {
            let value = term.text()?.to_owned();
            match term.field.as_str() {
                "integration.name" => wanted.name = Some(value),
                _ => wanted.category = Some(value),
            }
        }
        Ok(wanted)
    }

    fn includes(&self, metric: &Metric) -> bool {
        let has = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        has(&self.name, metric.integration_name())
            && has(&self.category, metric.integration_category())
    }
}
