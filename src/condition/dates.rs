//! Operators of type `date`: what is a date, and how it stands to now and to the calendar.

use std::fmt;

use jiff::civil;
use serde_json::Value;

use super::At;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::must_be;
use crate::limits;

/// A date of an event, a profile or the filter itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    Instant(jiff::Timestamp),
    /// Without an offset: the zone of the evaluation decides.
    Civil(civil::DateTime),
}

impl Moment {
    /// The date that a value is: ISO 8601, or whole seconds since 1970.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => {
                jiff::Timestamp::from_second(number.as_i64()?).ok().map(Self::Instant)
            }
            _ => None,
        }
    }

    /// A moment as a date; `None` beyond the calendar.
    pub(super) fn of(moment: Timestamp) -> Option<Self> {
        jiff::Timestamp::from_microsecond(moment.micros()).ok().map(Self::Instant)
    }

    fn parse(text: &str) -> Option<Self> {
        let civil = || text.parse().ok().map(Self::Civil);
        text.parse().ok().map(Self::Instant).or_else(civil)
    }

    /// Microseconds since 1970, where the calendar reaches it.
    pub(super) fn micros(self, at: &At) -> Option<i64> {
        let instant = match self {
            Self::Instant(instant) => instant,
            Self::Civil(civil) => at.zone.to_timestamp(civil).ok()?,
        };
        Some(instant.as_microsecond())
    }

    pub(super) fn day(self, at: &At) -> civil::Date {
        match self {
            Self::Instant(instant) => at.zone.to_datetime(instant).date(),
            Self::Civil(civil) => civil.date(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(instant) => instant.fmt(f),
            Self::Civil(civil) => civil.fmt(f),
        }
    }
}

/// A number of hours, days or weeks, as the filter has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    quantity: i64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Hour,
    Day,
    Week,
}

impl Unit {
    const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
        }
    }
}

impl Span {
    /// The span whose number stands under `key`.
    fn read(object: &Object<'_>, key: &str) -> Result<Self, Fault> {
        let unit = match object.choice("unit", "a unit", &["hour", "day", "week"])? {
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            _ => Unit::Week,
        };
        let most = limits::CONDITION_SPAN_HOURS_MAX / unit.hours();
        Ok(Self { quantity: object.integer(key, 0, most)?, unit })
    }

    pub(super) const fn micros(self) -> i64 {
        self.quantity * self.unit.hours() * 3_600_000_000
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
        };
        let plural = if self.quantity == 1 { "" } else { "s" };
        write!(f, "{} {unit}{plural}", self.quantity)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum DateTest {
    Before(Moment),
    After(Moment),
    BetweenStatic(Moment, Moment),
    InTheLast(Span),
    InTheNext(Span),
    AtLeast(Span),
    /// The nearer and the farther one, back from now.
    Between(Span, Span),
    Anniversary,
    AnniversaryMonth,
    AnniversaryLast(Span),
    AnniversaryNext(Span),
    CalendarMonth(i64),
    AllTime,
}

impl DateTest {
    pub(super) const OPERATORS: &'static [&'static str] = &[
        "before",
        "after",
        "between-static",
        "in-the-last",
        "in-the-next",
        "at-least",
        "between",
        "anniversary",
        "anniversary-month",
        "anniversary-last",
        "anniversary-next",
        "calendar-month",
        "alltime",
    ];

    pub(super) fn parse(operator: &str, object: &Object<'_>) -> Result<Self, Fault> {
        object.only(match operator {
            "before" | "after" => &["type", "operator", "date"],
            "between-static" => &["type", "operator", "start", "end"],
            "between" => &["type", "operator", "start", "end", "unit"],
            "calendar-month" => &["type", "operator", "value"],
            "anniversary" | "anniversary-month" | "alltime" => &["type", "operator"],
            _ => &["type", "operator", "quantity", "unit"],
        })?;
        let quantity = || Span::read(object, "quantity");
        Ok(match operator {
            "before" => Self::Before(moment(object, "date")?),
            "after" => Self::After(moment(object, "date")?),
            "between-static" => between_static(object)?,
            "in-the-last" => Self::InTheLast(quantity()?),
            "in-the-next" => Self::InTheNext(quantity()?),
            "at-least" => Self::AtLeast(quantity()?),
            "between" => {
                let (one, other) = (Span::read(object, "start")?, Span::read(object, "end")?);
                let is_in_order = one.quantity <= other.quantity;
                if is_in_order { Self::Between(one, other) } else { Self::Between(other, one) }
            }
            "anniversary" => Self::Anniversary,
            "anniversary-month" => Self::AnniversaryMonth,
            "anniversary-last" => Self::AnniversaryLast(quantity()?),
            "anniversary-next" => Self::AnniversaryNext(quantity()?),
            "calendar-month" => Self::CalendarMonth(object.integer("value", 1, 12)?),
            _ => Self::AllTime,
        })
    }

    /// Whether the value is a date for which this holds.
    pub(super) fn holds(&self, value: &Value, at: &At) -> bool {
        Moment::read(value).and_then(|given| self.holds_for(given, at)).unwrap_or(false)
    }

    /// Whether it holds for a date; `None` where the calendar does not reach it.
    pub(super) fn holds_for(&self, given: Moment, at: &At) -> Option<bool> {
        let now = at.now.micros();
        Some(match self {
            Self::Before(date) => given.micros(at)? < date.micros(at)?,
            Self::After(date) => given.micros(at)? > date.micros(at)?,
            Self::BetweenStatic(start, end) => {
                (start.micros(at)?..=end.micros(at)?).contains(&given.micros(at)?)
            }
            Self::InTheLast(span) => (now - span.micros()..=now).contains(&given.micros(at)?),
            Self::InTheNext(span) => (now..=now + span.micros()).contains(&given.micros(at)?),
            Self::AtLeast(span) => given.micros(at)? <= now - span.micros(),
            Self::Between(nearer, farther) => {
                (now - farther.micros()..=now - nearer.micros()).contains(&given.micros(at)?)
            }
            Self::Anniversary => has_anniversary(given.day(at), day(now, at)?, day(now, at)?),
            Self::AnniversaryMonth => given.day(at).month() == day(now, at)?.month(),
            Self::AnniversaryLast(span) => {
                has_anniversary(given.day(at), day(now - span.micros(), at)?, day(now, at)?)
            }
            Self::AnniversaryNext(span) => {
                has_anniversary(given.day(at), day(now, at)?, day(now + span.micros(), at)?)
            }
            Self::CalendarMonth(month) => i64::from(given.day(at).month()) == *month,
            Self::AllTime => true,
        })
    }
}

fn between_static(object: &Object<'_>) -> Result<DateTest, Fault> {
    let (start, end) = (moment(object, "start")?, moment(object, "end")?);
    let is_backwards = match (start, end) {
        (Moment::Instant(start), Moment::Instant(end)) => end < start,
        (Moment::Civil(start), Moment::Civil(end)) => end < start,
        // Which one is earlier is known only with a zone.
        _ => false,
    };
    if is_backwards {
        return Err(fault_at("end", format!("{end} is before `start`, {start}")));
    }
    Ok(DateTest::BetweenStatic(start, end))
}

/// A date of the filter itself.
fn moment(object: &Object<'_>, key: &str) -> Result<Moment, Fault> {
    let value = object.required(key)?;
    let moment = value.as_str().and_then(Moment::parse);
    moment.ok_or_else(|| {
        fault_at(key, must_be("a date such as \"2026-04-13T00:00:00+00:00\"", value))
    })
}

/// The day of the calendar on which a moment falls.
pub(super) fn day(micros: i64, at: &At) -> Option<civil::Date> {
    let instant = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(at.zone.to_datetime(instant).date())
}

/// The day of a year on which the anniversary of `of` falls.
pub(super) fn anniversary(of: civil::Date, year: i16) -> Option<civil::Date> {
    let day = civil::Date::new(year, of.month(), of.day());
    // Only 29 February is missing in some years.
    day.or_else(|_| civil::Date::new(year, 2, 28)).ok()
}

/// Whether an anniversary of `of` lies from `first` to `last`, both included.
fn has_anniversary(of: civil::Date, first: civil::Date, last: civil::Date) -> bool {
    (first.year()..=last.year())
        .any(|year| anniversary(of, year).is_some_and(|day| (first..=last).contains(&day)))
}

impl fmt::Display for DateTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(date) => write!(f, "before {date}"),
            Self::After(date) => write!(f, "after {date}"),
            Self::BetweenStatic(start, end) => write!(f, "between {start} and {end}"),
            Self::InTheLast(span) => write!(f, "in the last {span}"),
            Self::InTheNext(span) => write!(f, "in the next {span}"),
            Self::AtLeast(span) => write!(f, "at least {span} ago"),
            Self::Between(nearer, farther) => write!(f, "between {nearer} and {farther} ago"),
            Self::Anniversary => f.write_str("a date whose anniversary is today"),
            Self::AnniversaryMonth => f.write_str("a date whose anniversary is this month"),
            Self::AnniversaryLast(span) => {
                write!(f, "a date with an anniversary in the last {span}")
            }
            Self::AnniversaryNext(span) => {
                write!(f, "a date with an anniversary in the next {span}")
            }
            Self::CalendarMonth(month) => write!(f, "in month {month} of a year"),
            Self::AllTime => f.write_str("a date"),
        }
    }
}
