//! `POST /api/metric-aggregates`: counts and sums of a metric's events (contract: wire.md §4.4).
//!
//! | what the contract leaves open | answer |
//! |---|---|
//! | `by` | any property of the events, not only those of its list |
//! | a datetime without an offset | is one of the zone in `timezone` |
//! | `dates` | where each interval begins, in UTC; the first may begin before what is asked for |
//! | how long a time | as many intervals as [`limits::AGGREGATE_DATES_MAX`] |
//! | filters besides `datetime` | `equals` and `any` of properties |
//! | `unique` | people, those who were merged once |
//! | `sort` | a name of `by`, or a measurement, over all intervals; else the dimensions |
//! | `return_fields` | taken and without effect, like fields that are unknown there |
//! | no event | without `by` one row of zeros, with it none |
//!
//! `parse.rs` reads what is asked for.

mod parse;

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use self::parse::{Measurement, Query, Sort};
use super::error::Problem;
use super::jsonapi::{Resource, attributes};
use super::{Answer, Call, Reply, query};
use crate::event::{self, Cell, Group, ReadError};
use crate::json::Fault;
use crate::limits;

const KIND: &str = "metric-aggregate";
const PATH: &str = "/api/metric-aggregates/";
const FIELDS: [&str; 3] = ["data", "dates", "id"];

/// A row: what the properties are, and what was counted.
type Row = (Vec<String>, Group);

/// `POST /api/metric-aggregates`.
pub(super) async fn create(call: Call) -> Answer {
    let fields = call.query.fields(KIND, &FIELDS)?;
    let asked = Query::parse(&call.body, |id| call.parts().metrics.get(id).is_some())?;
    let seen = match call.query.cursor()? {
        Some(text) => text.parse().map_err(|_| wrong_cursor())?,
        None => asked.seen,
    };
    let (store, of) = (call.parts().store.clone(), asked.of.clone());
    let counted = call.apart(move || event::aggregate(&store, &of)).await?;
    let mut rows: Vec<Row> = counted.map_err(refusal)?.into_iter().collect();
    if rows.is_empty() && asked.of.by.is_empty() {
        rows.push((Vec::new(), Group::default()));
    }
    sort(&mut rows, &asked);
    let most = limits::AGGREGATE_CELLS_MAX / asked.of.buckets.len().max(1);
    let size = asked.page_size.min(most.max(1));
    let end = seen.saturating_add(size);
    let has_more = rows.len() > end;
    let rows: Vec<Value> =
        rows.iter().skip(seen).take(size).map(|row| shown(row, &asked)).collect();
    let dates: Vec<_> =
        asked.of.buckets.starts().into_iter().map(|at| at.rfc3339_seconds()).collect();
    let resource = Resource {
        kind: KIND,
        id: id(&call),
        attributes: attributes(json!({ "dates": dates, "data": rows })),
        relationships: None,
        path: PATH.to_owned(),
    };
    let data = resource.to_bytes(call.base(), fields.as_deref());
    let next = has_more.then(|| call.link_to_page(&end.to_string()));
    Ok(document(&call, &data, next.as_deref()))
}

fn wrong_cursor() -> Problem {
    Problem::parameter("page[cursor]", "is not a cursor that this call gave out")
}

fn document(call: &Call, data: &[u8], next: Option<&str>) -> Reply {
    let links = json!({ "links": { "self": call.self_link(), "next": next, "prev": null } });
    let mut body = br#"{"data":"#.to_vec();
    body.extend_from_slice(data);
    body.push(b',');
    body.extend(links.to_string().bytes().skip(1));
    Reply::new(StatusCode::OK, body)
}

/// The same question has the same id.
fn id(call: &Call) -> String {
    let digest = Sha256::digest(&call.body);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn refusal(error: ReadError) -> Problem {
    match error {
        ReadError::TooMany => Fault::new(
            "/data/attributes/filter",
            format!(
                "there are more than {} events in this time, or {} where properties are asked for, \
                 or more than {} groups: ask for a shorter time",
                limits::AGGREGATE_EVENTS_MAX,
                limits::AGGREGATE_EVENTS_READ_MAX,
                limits::AGGREGATE_GROUPS_MAX
            ),
        )
        .into(),
        other => other.into(),
    }
}

fn sort(rows: &mut [Row], asked: &Query) {
    match asked.sort {
        None => {}
        Some((Sort::Dimension(number), is_down)) => rows.sort_by(|(a, _), (b, _)| {
            let order = a.get(number).cmp(&b.get(number));
            if is_down { order.reverse() } else { order }
        }),
        Some((Sort::Measurement(measurement), is_down)) => rows.sort_by(|(_, a), (_, b)| {
            let total =
                |group: &Group| group.cells.values().map(|cell| measurement.of(cell)).sum::<f64>();
            let order = total(a).total_cmp(&total(b));
            if is_down { order.reverse() } else { order }
        }),
    }
}

fn shown((dimensions, group): &Row, asked: &Query) -> Value {
    let mut measurements = Map::new();
    for measurement in &asked.measurements {
        let cells = 0..asked.of.buckets.len();
        let none = Cell::default();
        let numbers =
            cells.map(|bucket| measurement.shown(group.cells.get(&bucket).unwrap_or(&none)));
        measurements.insert(measurement.name().to_owned(), numbers.collect());
    }
    json!({ "dimensions": dimensions, "measurements": measurements })
}

impl Measurement {
    fn of(self, cell: &Cell) -> f64 {
        match self {
            Self::Count => cell.count as f64,
            Self::SumValue => cell.sum,
            Self::Unique => cell.people as f64,
        }
    }

    fn shown(self, cell: &Cell) -> Value {
        match self {
            Self::Count => cell.count.into(),
            Self::SumValue => cell.sum.into(),
            Self::Unique => cell.people.into(),
        }
    }
}

/// Reads a page's cursor: how many rows were seen.
fn read_cursor(given: &str) -> Option<usize> {
    query::read_cursor(given)?.parse().ok()
}

/// The attributes of the answer, for the OpenAPI document.
pub(super) fn schema() -> Value {
    json!({
        "dates": { "type": "array", "items": { "type": "string", "format": "date-time" } },
        "data": { "type": "array", "items": { "type": "object", "properties": {
            "dimensions": { "type": "array", "items": { "type": "string" } },
            "measurements": { "type": "object", "additionalProperties": {
                "type": "array", "items": { "type": "number" },
            } },
        } } },
    })
}

/// The attributes of the question, for the OpenAPI document.
pub(super) fn asked_schema() -> Value {
    let texts = || json!({ "type": ["array", "null"], "items": { "type": "string" } });
    let text = || json!({ "type": ["string", "null"] });
    json!({
        "metric_id": { "type": "string" },
        "measurements": { "type": "array", "items": { "enum": Measurement::ALL.map(Measurement::name) } },
        "filter": { "type": "array", "items": { "type": "string" } },
        "interval": { "enum": ["day", "hour", "month", "week", null] },
        "timezone": text(), "by": texts(), "sort": text(), "return_fields": texts(),
        "page_size": { "type": ["integer", "null"], "minimum": 1, "maximum": limits::AGGREGATE_PAGE_MAX },
        "page_cursor": text(),
    })
}
