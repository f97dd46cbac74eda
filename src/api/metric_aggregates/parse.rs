//! From the body of a question for aggregates to what is to be counted.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::api::events;
use crate::api::query::{self, Term, TermValue};
use crate::clock::Timestamp;
use crate::event::{Aggregation, Buckets, Interval};
use crate::id::MetricId;
use crate::json::{self, Fault, nearest_name};
use crate::limits;

const AT: &str = "/data/attributes";
const COMPARED: [&str; 4] = ["greater-than", "greater-or-equal", "less-than", "less-or-equal"];

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "type")]
    kind: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    metric_id: String,
    measurements: Vec<String>,
    filter: Vec<String>,
    interval: Option<String>,
    timezone: Option<String>,
    by: Option<Vec<String>>,
    sort: Option<String>,
    page_size: Option<usize>,
    page_cursor: Option<String>,
    #[serde(rename = "return_fields")]
    _return_fields: Option<IgnoredAny>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measurement {
    /// Events.
    Count,
    /// Their values together.
    SumValue,
    /// People.
    Unique,
}

impl Measurement {
    pub(super) const ALL: [Self; 3] = [Self::Count, Self::SumValue, Self::Unique];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::SumValue => "sum_value",
            Self::Unique => "unique",
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The property of this number in `by`.
    Dimension(usize),
    /// A measurement over all intervals.
    Measurement(Measurement),
}

/// A question; checked.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) of: Aggregation,
    pub(super) measurements: Vec<Measurement>,
    /// And whether the largest comes first.
    pub(super) sort: Option<(Sort, bool)>,
    pub(super) page_size: usize,
    /// Rows of earlier pages.
    pub(super) seen: usize,
}

impl Query {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Points at what is wrong.
    pub(super) fn parse(body: &[u8], exists: impl Fn(MetricId) -> bool) -> Result<Self, Fault> {
        let Data { kind, attributes: asked } = json::parse::<Body>(body)?.data;
        if kind != super::KIND {
            return Err(Fault::new("/data/type", format!("must be `{}`", super::KIND)));
        }
        let metric = asked.metric_id.parse().ok().filter(|id| exists(*id));
        let metric = metric.ok_or_else(|| {
            Fault::new(format!("{AT}/metric_id"), format!("no metric {}", asked.metric_id))
        })?;
        let measurements = measurements(&asked.measurements)?;
        let interval = interval(asked.interval.as_deref())?;
        let zone = zone(asked.timezone.as_deref())?;
        let (seconds, only) = filter(&asked.filter, &zone)?;
        let buckets = Buckets::of(&seconds, interval, &zone).ok_or_else(|| {
            let (most, name) = (limits::AGGREGATE_DATES_MAX, interval.name());
            let why = format!("this time has more than {most} intervals of a {name}");
            Fault::new(format!("{AT}/interval"), why)
        })?;
        let by = by(asked.by.unwrap_or_default())?;
        let sort = asked.sort.as_deref().map(|text| sort(text, &by)).transpose()?;
        let counts_people = measurements.contains(&Measurement::Unique);
        let of = Aggregation { metric, seconds, buckets, by, only, counts_people };
        let page_size = page_size(asked.page_size)?;
        let seen = seen(asked.page_cursor.as_deref())?;
        Ok(Self { of, measurements, sort, page_size, seen })
    }
}

fn measurements(names: &[String]) -> Result<Vec<Measurement>, Fault> {
    let mut found = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let known = Measurement::ALL.into_iter().find(|known| known.name() == name);
        let known = known.ok_or_else(|| {
            let at = format!("{AT}/measurements/{number}");
            Fault::new(at, format!("`{name}` is not known; there are count, sum_value, unique"))
        })?;
        if !found.contains(&known) {
            found.push(known);
        }
    }
    if found.is_empty() {
        return Err(Fault::new(
            format!("{AT}/measurements"),
            "name at least one of count, sum_value, unique",
        ));
    }
    Ok(found)
}

fn interval(name: Option<&str>) -> Result<Interval, Fault> {
    let Some(name) = name else { return Ok(Interval::Day) };
    let known = Interval::ALL.into_iter().find(|interval| interval.name() == name);
    known.ok_or_else(|| {
        let known = Interval::ALL.map(Interval::name).join(", ");
        Fault::new(format!("{AT}/interval"), format!("`{name}` is not known; there are {known}"))
    })
}

fn zone(name: Option<&str>) -> Result<TimeZone, Fault> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        let why = format!("`{name}` is no IANA time zone such as `Europe/Berlin`");
        Fault::new(format!("{AT}/timezone"), why)
    })
}

fn by(names: Vec<String>) -> Result<Vec<String>, Fault> {
    let at = || format!("{AT}/by");
    let most = limits::AGGREGATE_PROPERTIES_MAX;
    if names.len() > most {
        return Err(Fault::new(at(), format!("at most {most} properties")));
    }
    match names
        .iter()
        .enumerate()
        .find(|(number, name)| names.iter().take(*number).any(|n| n == *name))
    {
        Some((_, twice)) => Err(Fault::new(at(), format!("`{twice}` stands twice"))),
        None => Ok(names),
    }
}

fn sort(text: &str, by: &[String]) -> Result<(Sort, bool), Fault> {
    let (name, is_down) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    if let Some(number) = by.iter().position(|of| of == name) {
        return Ok((Sort::Dimension(number), is_down));
    }
    if let Some(known) = Measurement::ALL.into_iter().find(|known| known.name() == name) {
        return Ok((Sort::Measurement(known), is_down));
    }
    let known: Vec<&str> =
        by.iter().map(String::as_str).chain(Measurement::ALL.map(Measurement::name)).collect();
    let meant = nearest_name(name, &known);
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let why = format!("`{name}` is not known; there are {}{meant}", known.join(", "));
    Err(Fault::new(format!("{AT}/sort"), why))
}

fn page_size(size: Option<usize>) -> Result<usize, Fault> {
    let most = limits::AGGREGATE_PAGE_MAX;
    match size.unwrap_or(limits::AGGREGATE_PAGE_DEFAULT) {
        size if (1..=most).contains(&size) => Ok(size),
        _ => {
            Err(Fault::new(format!("{AT}/page_size"), format!("must be a number from 1 to {most}")))
        }
    }
}

fn seen(cursor: Option<&str>) -> Result<usize, Fault> {
    let Some(cursor) = cursor.filter(|text| !text.is_empty()) else { return Ok(0) };
    let wrong =
        || Fault::new(format!("{AT}/page_cursor"), "is not a cursor that this call gave out");
    super::read_cursor(cursor).ok_or_else(wrong)
}

type Only = Vec<(String, Vec<String>)>;

/// Reads the filter: the time, which must be there, and what properties have to be.
fn filter(texts: &[String], zone: &TimeZone) -> Result<(RangeInclusive<i64>, Only), Fault> {
    let (mut seconds, mut only) = (i64::MIN..=i64::MAX, Vec::new());
    for (number, text) in texts.iter().enumerate() {
        let wrong = |why: String| Fault::new(format!("{AT}/filter/{number}"), why);
        for term in query::parse_filter(text).map_err(wrong)? {
            if term.field == "datetime" {
                seconds = within(seconds, &term, zone).map_err(wrong)?;
            } else {
                only.push(wanted(term).map_err(wrong)?);
            }
        }
    }
    let at = || format!("{AT}/filter");
    if *seconds.start() == i64::MIN || *seconds.end() == i64::MAX {
        let shape = "needs a time: greater-or-equal(datetime,…) and less-than(datetime,…)";
        return Err(Fault::new(at(), shape));
    }
    if seconds.is_empty() {
        return Err(Fault::new(at(), "the time ends before it begins"));
    }
    let most = limits::AGGREGATE_PROPERTIES_MAX;
    if only.len() > most {
        return Err(Fault::new(at(), format!("at most {most} properties")));
    }
    Ok((seconds, only))
}

fn within(
    seconds: RangeInclusive<i64>,
    term: &Term,
    zone: &TimeZone,
) -> Result<RangeInclusive<i64>, String> {
    query::check(term, &[("datetime", &COMPARED)])?;
    let text = term.one()?;
    let at = Timestamp::parse_rfc3339(text).or_else(|| in_zone(text, zone));
    let at = at.ok_or_else(|| format!("`{text}` is no moment, such as 2026-09-04T13:38:55Z"))?;
    Ok(events::narrow_to(seconds, &term.operator, at))
}

fn in_zone(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    let at = civil.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_micros(at.timestamp().as_microsecond()))
}

fn wanted(term: Term) -> Result<(String, Vec<String>), String> {
    let Term { operator, field, value } = term;
    let values = match (operator.as_str(), value) {
        ("equals" | "any", TermValue::One(value)) => vec![value],
        ("any", TermValue::Many(values)) if !values.is_empty() => values,
        _ => {
            return Err(format!(
                "for `{field}` there are equals({field},\"a\") and any({field},[\"a\",\"b\"])"
            ));
        }
    };
    Ok((field, values))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(change: impl FnOnce(&mut Value)) -> Result<Query, Fault> {
        let mut attributes = json!({
            "metric_id": "SkDfHe", "measurements": ["count"],
            "filter": ["greater-or-equal(datetime,2026-09-01T00:00:00),less-than(datetime,2026-09-03T00:00:00)"],
        });
        change(&mut attributes);
        let body = json!({ "data": { "type": "metric-aggregate", "attributes": attributes } });
        Query::parse(body.to_string().as_bytes(), |id| id.as_str() == "SkDfHe")
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let read = parse(|_| {}).unwrap();
        assert_eq!(read.measurements, [Measurement::Count]);
        assert_eq!((read.sort, read.page_size, read.seen), (None, 500, 0));
        let starts = read.of.buckets.starts();
        let starts: Vec<_> = starts.into_iter().map(Timestamp::rfc3339_seconds).collect();
        assert_eq!(starts, ["2026-09-01T00:00:00+00:00", "2026-09-02T00:00:00+00:00"]);
        assert!(!read.of.counts_people && read.of.by.is_empty() && read.of.only.is_empty());
    }

    #[test]
    fn all_that_is_said_is_read() {
        let read = parse(|asked| {
            asked["measurements"] = json!(["unique", "sum_value", "unique"]);
            asked["interval"] = json!("hour");
            asked["timezone"] = json!("America/New_York");
            asked["by"] = json!(["Brand", "$value_currency"]);
            asked["sort"] = json!("-$value_currency");
            asked["page_size"] = json!(7);
            asked["page_cursor"] = json!(query::cursor("14"));
            asked["return_fields"] = json!(["count"]);
            let more = "equals(Brand,\"X\"),any(Size,[\"S\",\"M\"])";
            asked["filter"].as_array_mut().unwrap().push(more.into());
        });
        let read = read.unwrap();
        assert_eq!(read.measurements, [Measurement::Unique, Measurement::SumValue]);
        assert_eq!(read.sort, Some((Sort::Dimension(1), true)));
        assert_eq!((read.page_size, read.seen, read.of.buckets.len()), (7, 14, 48));
        assert_eq!(*read.of.seconds.start(), 1_788_235_200, "midnight of New York");
        assert_eq!(read.of.only[1], ("Size".to_owned(), vec!["S".to_owned(), "M".to_owned()]));
        assert!(read.of.counts_people);
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (field, value, told) in [
            ("metric_id", json!("NOPE01"), "no metric NOPE01"),
            ("measurements", json!([]), "at least one"),
            ("measurements/0", json!(["sum"]), "there are count, sum_value, unique"),
            ("interval", json!("year"), "there are hour, day, week, month"),
            ("timezone", json!("Berlin"), "IANA"),
            ("by", json!(["a", "a"]), "stands twice"),
            ("by", json!(["a", "b", "c", "d", "e", "f"]), "at most 5"),
            ("sort", json!("-cuont"), "did you mean `count`?"),
            ("page_size", json!(0), "1 to 10000"),
            ("page_cursor", json!("***"), "cursor"),
            ("filter", json!([]), "needs a time"),
            ("filter", json!(["greater-than(datetime,2026-09-01T00:00:00Z)"]), "needs a time"),
            ("filter/0", json!(["equals(datetime,2026-09-01T00:00:00Z)"]), "greater-than"),
            ("filter/0", json!(["greater-than(datetime,soon)"]), "no moment"),
            ("filter/0", json!(["contains(Brand,\"X\")"]), "equals(Brand"),
            ("filter/0", json!(["nonsense"]), "operator(field,value)"),
            ("nope", json!(1), "not a field"),
        ] {
            let name = field.split('/').next().unwrap().to_owned();
            let fault = parse(|asked| asked[name] = value).unwrap_err();
            assert_eq!(fault.pointer, format!("{AT}/{field}"), "{fault}");
            assert!(fault.detail.contains(told), "{fault}");
        }
        let backwards = "greater-than(datetime,2026-09-02T00:00:00),less-than(datetime,2026-09-01)";
        let fault = parse(|asked| asked["filter"] = json!([backwards])).unwrap_err();
        assert!(fault.detail.contains("ends before"), "{fault}");
        let long = "greater-than(datetime,2020-01-01),less-than(datetime,2026-01-01)";
        let fault = parse(|asked| {
            asked["filter"] = json!([long]);
            asked["interval"] = json!("hour");
        });
        assert_eq!(fault.unwrap_err().pointer, format!("{AT}/interval"));
    }
}
