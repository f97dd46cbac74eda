//! Metrics: list and get (contract: wire.md §4.4).

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::flows::triggers::{self, Beside, Of};
use super::jsonapi::{self, Resource, attributes};
use super::query::Known;
use super::{Answer, Call};
use crate::id::MetricId;
use crate::limits;
use crate::metric::Metric;

pub(super) const FIELDS: [&str; 5] = ["created", "id", "integration", "name", "updated"];
const KNOWN: &Known<'_> =
    &[("integration.name", &["equals"]), ("integration.category", &["equals"])];

/// `GET /api/metrics`.
pub(super) async fn list(call: Call) -> Answer {
    let mut beside = Beside::metrics(&call)?;
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
    let mut data = Vec::with_capacity(found.len());
    for metric in &found {
        let mut resource = resource(call.base(), metric);
        beside.add(&call, Of::Metric(metric.id), &mut resource.relationships)?;
        data.push(resource.to_bytes(call.base(), fields.as_deref()));
    }
    Ok(jsonapi::many(&call, &data, &beside.included(), next.as_deref()))
}

/// `GET /api/metrics/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let mut beside = Beside::metrics(&call)?;
    let fields = call.query.fields("metric", &FIELDS)?;
    let metric = find(&call)?;
    let mut resource = resource(call.base(), &metric);
    beside.add(&call, Of::Metric(metric.id), &mut resource.relationships)?;
    let data = resource.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &beside.included()))
}

/// `GET /api/metrics/{id}/flow-triggers`.
pub(super) async fn flow_triggers(call: Call) -> Answer {
    triggers::list(&call, Of::Metric(find(&call)?.id))
}

/// `GET /api/metrics/{id}/relationships/flow-triggers`.
pub(super) async fn flow_trigger_ids(call: Call) -> Answer {
    triggers::ids(&call, Of::Metric(find(&call)?.id))
}

/// The metric that the path names.
fn find(call: &Call) -> Result<Arc<Metric>, Problem> {
    let found = call.id.parse().ok().and_then(|id| call.parts().metrics.get(id));
    found.ok_or_else(|| Problem::not_found(format!("No metric {}.", call.id)))
}

pub(super) fn resource(base: &str, metric: &Metric) -> Resource {
    Resource {
        kind: "metric",
        id: metric.id.to_string(),
        attributes: attributes(metric.attributes()),
        relationships: Some(json!({
            "flow-triggers": triggers::links(&format!("{base}/api/metrics/{}", metric.id)),
        })),
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
