//! The tables of metrics: the metric by id, and its id by name and by topic.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::Metric;
use crate::clock::Timestamp;
use crate::id::MetricId;
use crate::limits::METRICS_MAX;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const METRICS: Table<MetricId, MetricRow> = Table::new("metrics");
/// Service, a NUL, name → id. A service holds no NUL.
const METRIC_NAMES: Table<String, IdRow> = Table::new("metric_names");
const METRIC_TOPICS: Table<String, IdRow> = Table::new("metric_topics");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct MetricRow {
    name: String,
    service: String,
    topic: String,
    created_micros: i64,
    has_value: bool,
}

impl Row for MetricRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct IdRow(MetricId);

impl Row for IdRow {
    const SCHEMA: u8 = 1;
}

fn name_key(service: &str, name: &str) -> String {
    format!("{service}\0{name}")
}

fn metric(id: MetricId, row: MetricRow) -> Metric {
    let MetricRow { name, service, topic, created_micros, has_value } = row;
    Metric { id, name, service, topic, created: Timestamp::from_micros(created_micros), has_value }
}

pub(super) fn get(from: &impl Read, id: MetricId) -> Result<Option<Metric>, StoreError> {
    Ok(from.get(&METRICS, &id)?.map(|row| metric(id, row)))
}

pub(super) fn by_name(
    from: &impl Read,
    service: &str,
    name: &str,
) -> Result<Option<Metric>, StoreError> {
    match from.get(&METRIC_NAMES, &name_key(service, name))? {
        Some(IdRow(id)) => get(from, id),
        None => Ok(None),
    }
}

pub(super) fn topic_is_taken(from: &impl Read, topic: &str) -> Result<bool, StoreError> {
    Ok(from.get(&METRIC_TOPICS, &topic.to_owned())?.is_some())
}

pub(super) fn all(from: &impl Read) -> Result<Vec<Metric>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    // Commands of one batch may pass the bound together; what is stored is read all the same.
    let rows = from.page(&METRICS, everything, Order::Ascending, METRICS_MAX * 2)?;
    Ok(rows.into_iter().map(|(id, row)| metric(id, row)).collect())
}

/// Writes a metric and both of its indexes.
pub(super) fn put(tx: &mut Tx<'_, '_>, metric: &Metric) -> Result<(), StoreError> {
    let row = MetricRow {
        name: metric.name.clone(),
        service: metric.service.clone(),
        topic: metric.topic.clone(),
        created_micros: metric.created.micros(),
        has_value: metric.has_value,
    };
    tx.put(&METRICS, &metric.id, &row)?;
    tx.put(&METRIC_NAMES, &name_key(&metric.service, &metric.name), &IdRow(metric.id))?;
    tx.put(&METRIC_TOPICS, &metric.topic, &IdRow(metric.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = MetricRow {
            name: "Viewed Product".to_owned(),
            service: "api".to_owned(),
            topic: "event:api.viewed_product".to_owned(),
            created_micros: 1_788_529_135_000_000,
            has_value: true,
        };
        const FROZEN: &str = "010e5669657765642050726f6475637403617069186576656e743a6170692e7669657765645f70726f64756374fd803386c750b50c0001b72d5e442a455f82";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<MetricRow>(FROZEN), Ok(row));
        let id = IdRow("SkDfHe".parse().unwrap());
        assert_eq!(hex_of(&id), "01536b446648651f712e27abe06a6f");
    }
}
