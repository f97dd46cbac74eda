//! Webhook topics: one per metric (contract: wire.md §1.7).

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::Map;

use super::error::Problem;
use super::jsonapi::{self, Resource};
use super::{Answer, Call};

pub(super) const FIELDS: [&str; 1] = ["id"];

/// `GET /api/webhook-topics`.
pub(super) async fn list(call: Call) -> Answer {
    call.query.fields("webhook-topic", &FIELDS)?;
    let metrics = call.parts().metrics.by_topics();
    let data: Vec<_> =
        metrics.iter().map(|metric| resource(&metric.topic).to_bytes(call.base(), None)).collect();
    Ok(jsonapi::many(&call, &data, &[], None))
}

/// `GET /api/webhook-topics/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    call.query.fields("webhook-topic", &FIELDS)?;
    let id = percent_decode_str(&call.id).decode_utf8_lossy();
    let metric = call.parts().metrics.by_topic(&id);
    let metric = metric.ok_or_else(|| Problem::not_found(format!("No topic {id}.")))?;
    let data = resource(&metric.topic).to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

pub(super) fn resource(topic: &str) -> Resource {
    Resource {
        kind: "webhook-topic",
        id: topic.to_owned(),
        attributes: Map::new(),
        relationships: None,
        path: format!("/api/webhook-topics/{topic}/"),
    }
}
