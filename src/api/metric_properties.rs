//! Properties of metrics: what the events of a kind have (contract: wire.md §4.4).
//!
//! They are looked up when they are asked for, in the newest events of the metric
//! ([`limits::METRIC_PROPERTIES_EVENTS_MAX`]), so there is nothing to keep and nothing to forget.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, metrics};
use crate::event::{self, Property, ReadError, Selection};
use crate::limits;
use crate::metric::{Metric, PropertyId};
use crate::store::Order;

const KIND: &str = "metric-property";
const SAMPLES: &str = "sample_values";
const FIELDS: [&str; 5] = ["id", "inferred_type", "label", "property", SAMPLES];

/// `GET /api/metrics/{id}/metric-properties`.
pub(super) async fn list(call: Call) -> Answer {
    let asked = Asked::of(&call)?;
    let found = call.id.parse().ok().and_then(|id| call.parts().metrics.get(id));
    let metric = found.ok_or_else(|| Problem::not_found(format!("No metric {}.", call.id)))?;
    let properties = properties(&call, &metric).await?;
    let data: Vec<_> =
        properties.iter().map(|property| asked.resource(&call, &metric, property)).collect();
    Ok(jsonapi::many(&call, &data, &[], None))
}

/// `GET /api/metric-properties/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let include = call.query.include(&["metric"])?;
    let metric_fields = call.query.fields("metric", &metrics::FIELDS)?;
    let asked = Asked::of(&call)?;
    let missing = || Problem::not_found(format!("No metric property {}.", call.id));
    let id: PropertyId = call.id.parse().map_err(|_| missing())?;
    let metric = call.parts().metrics.get(id.metric()).ok_or_else(missing)?;
    let properties = properties(&call, &metric).await?;
    let is_it = |property: &&Property| PropertyId::of(metric.id, &property.name) == id;
    let property = properties.iter().find(is_it).ok_or_else(missing)?;
    let mut included = Vec::new();
    if include.contains(&"metric") {
        included.push(
            metrics::resource(call.base(), &metric).to_bytes(call.base(), metric_fields.as_deref()),
        );
    }
    let data = asked.resource(&call, &metric, property);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &included))
}

async fn properties(call: &Call, metric: &Arc<Metric>) -> Result<Vec<Property>, Problem> {
    let (store, id) = (call.parts().store.clone(), metric.id);
    let read = move || {
        let of = Selection { metric: Some(id), ..Selection::ALL };
        let most = limits::METRIC_PROPERTIES_EVENTS_MAX;
        let page = event::list(&store.snapshot()?, &of, Order::Descending, None, most)?;
        Ok::<_, ReadError>(event::properties(&page.events))
    };
    Ok(call.apart(read).await??)
}

/// What is to be shown of a property.
struct Asked<'c> {
    fields: Option<Vec<&'c str>>,
    with_samples: bool,
}

impl<'c> Asked<'c> {
    fn of(call: &'c Call) -> Result<Self, Problem> {
        let mut fields = call.query.fields(KIND, &FIELDS)?;
        let more = call.query.additional_fields(KIND, &[SAMPLES])?.contains(&SAMPLES);
        let named = fields.as_ref().is_some_and(|fields| fields.contains(&SAMPLES));
        if let Some(fields) = fields.as_mut().filter(|_| more) {
            fields.push(SAMPLES);
        }
        Ok(Self { fields, with_samples: more || named })
    }

    fn resource(&self, call: &Call, metric: &Metric, property: &Property) -> Vec<u8> {
        let id = PropertyId::of(metric.id, &property.name).to_string();
        let mut shown = attributes(json!({
            "label": label(&property.name),
            "property": property.name,
            "inferred_type": property.inferred.name(),
        }));
        if self.with_samples {
            shown.insert(SAMPLES.to_owned(), property.samples.clone().into());
        }
        let path = format!("/api/metric-properties/{id}");
        // There are no calls for this relationship alone, so it has no links.
        let relationships =
            json!({ "metric": { "data": { "type": "metric", "id": metric.id.as_str() } } });
        let resource = Resource {
            kind: KIND,
            id,
            attributes: shown,
            relationships: Some(relationships),
            path: format!("{path}/"),
        };
        resource.to_bytes(call.base(), self.fields.as_deref())
    }
}

/// What a person reads: the property's own name, or in words what the contract adds.
fn label(name: &str) -> &str {
    match name {
        "$event_id" => "Event ID",
        "$value" => "Value",
        "$value_currency" => "Value Currency",
        own => own,
    }
}
