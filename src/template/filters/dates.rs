//! Filters of dates. A date is a text (ISO 8601, and the usual ways in which shops write one) or a
//! number of seconds since 1970.

use minijinja::value::Value;

use super::super::values::{self, Number, Told, number};
use super::moment::{Moment, formatted};
use super::{FilterSpec, Surroundings, arg, filter};

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("date", (0, 1), |s, v, args| date(s, v, args, "N j, Y")),
    filter("time", (0, 1), |s, v, args| date(s, v, args, "P")),
    filter("days_later", (1, 1), days_later),
    filter("weeks_since", (0, 1), weeks_since),
    filter("datetime_from_string", (0, 0), read),
    filter("format_date_string", (0, 0), read),
];

/// The moment that a value is; `None` where there is no value at all.
fn moment(s: &Surroundings, value: &Value) -> Told<Option<Moment>> {
    if values::is_nothing(value) || values::string(value).is_some_and(|text| text.trim().is_empty())
    {
        return Ok(None);
    }
    Moment::of(value, &s.now).map(Some)
}

fn date(s: &Surroundings, value: &Value, args: &[Value], usual: &str) -> Told<Value> {
    let Some(moment) = moment(s, value)? else { return Ok("".into()) };
    let pattern = if args.is_empty() { usual.into() } else { s.text(arg(args, 0))? };
    Ok(formatted(&moment.at, &pattern)?.into())
}

/// A text as a date that the other filters take; here all of them read texts by themselves.
fn read(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    Ok(moment(s, value)?.map_or_else(|| "".into(), |moment| moment.text().into()))
}

fn days_later(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let days = number(arg(args, 0)).map(Number::float).filter(|days| days.fract() == 0.0);
    let days = days.ok_or_else(|| "`days_later` takes a whole number".to_owned())?;
    let Some(moment) = moment(s, value)? else { return Ok("".into()) };
    Ok(moment.days_later(days as i64)?.text().into())
}

/// Whole weeks from the date until now, or from the argument's date until the value's.
fn weeks_since(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    const SECONDS: i64 = 7 * 86_400;
    let Some(of) = moment(s, value)? else { return Ok("".into()) };
    let (from, until) = match moment(s, arg(args, 0))? {
        Some(from) => (from.at, of.at),
        None => (of.at, s.now.clone()),
    };
    let seconds = until.timestamp().as_second() - from.timestamp().as_second();
    Ok((seconds / SECONDS).into())
}
