//! The intervals of a calendar that a stretch of time falls into. Pure.
//!
//! Hours are 3,600 seconds from a full hour on; days, weeks and months begin at midnight of the
//! zone, so that the days of a change of the clock have 23 or 25 hours. Weeks begin on Monday.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant, Zoned};

use crate::clock::Timestamp;
use crate::limits;

/// How long an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// An hour.
    Hour,
    /// A calendar day.
    Day,
    /// A calendar week, from Monday on.
    Week,
    /// A calendar month.
    Month,
}

impl Interval {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// The intervals that some seconds fall into: when each begins, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    starts: Vec<i64>,
}

impl Buckets {
    /// The intervals of `seconds` by the calendar of `zone`; `None` where they are more than
    /// [`limits::AGGREGATE_DATES_MAX`] or no calendar has them.
    #[must_use]
    pub fn of(seconds: &RangeInclusive<i64>, interval: Interval, zone: &TimeZone) -> Option<Self> {
        let mut starts = Vec::new();
        let mut start = first(*seconds.start(), interval, zone)?;
        while start.timestamp().as_second() <= *seconds.end() {
            if starts.len() == limits::AGGREGATE_DATES_MAX {
                return None;
            }
            starts.push(start.timestamp().as_second());
            start = next(&start, interval, zone)?;
        }
        Some(Self { starts })
    }

    /// When each interval begins.
    #[must_use]
    pub fn starts(&self) -> Vec<Timestamp> {
        self.starts.iter().map(|second| Timestamp::from_seconds(*second)).collect()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The number of the interval that a second of theirs falls into.
    pub(super) fn find(&self, second: i64) -> usize {
        self.starts.partition_point(|start| *start <= second).saturating_sub(1)
    }
}

/// The beginning of the interval that a second falls into.
fn first(second: i64, interval: Interval, zone: &TimeZone) -> Option<Zoned> {
    let at = Instant::from_second(second).ok()?.to_zoned(zone.clone());
    let date = match interval {
        Interval::Hour => {
            let past = i64::from(at.minute()) * 60 + i64::from(at.second());
            return at.checked_sub(Span::new().seconds(past)).ok();
        }
        Interval::Day => at.date(),
        Interval::Week => {
            let past = i64::from(at.weekday().to_monday_zero_offset());
            at.date().checked_sub(Span::new().days(past)).ok()?
        }
        Interval::Month => at.date().first_of_month(),
    };
    midnight(date, zone)
}

/// The beginning of the next interval.
fn next(start: &Zoned, interval: Interval, zone: &TimeZone) -> Option<Zoned> {
    let span = match interval {
        Interval::Hour => return start.checked_add(Span::new().hours(1)).ok(),
        Interval::Day => Span::new().days(1),
        Interval::Week => Span::new().weeks(1),
        Interval::Month => Span::new().months(1),
    };
    midnight(start.date().checked_add(span).ok()?, zone)
}

/// The first moment of a day; an hour later where the clock is set forward at midnight.
fn midnight(date: Date, zone: &TimeZone) -> Option<Zoned> {
    date.to_zoned(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> i64 {
        Timestamp::parse_rfc3339(text).unwrap().seconds()
    }

    fn starts(from: &str, to: &str, interval: Interval, zone: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let buckets = Buckets::of(&(second(from)..=second(to)), interval, &zone).unwrap();
        buckets.starts().into_iter().map(Timestamp::rfc3339_seconds).collect()
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone_also_when_the_clock_changes() {
        let days = |from, to| starts(from, to, Interval::Day, "Europe/Berlin");
        assert_eq!(
            days("2026-03-28T10:00:00+01:00", "2026-03-30T00:00:00+02:00"),
            ["2026-03-27T23:00:00+00:00", "2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00"],
        );
        assert_eq!(
            days("2026-10-24T00:00:00+02:00", "2026-10-26T12:00:00+01:00"),
            ["2026-10-23T22:00:00+00:00", "2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00"],
        );
        // In Cairo the clock is set forward at midnight: that day begins at one.
        let cairo = starts(
            "2026-04-24T12:00:00+03:00",
            "2026-04-24T13:00:00+03:00",
            Interval::Day,
            "Africa/Cairo",
        );
        assert_eq!(cairo, ["2026-04-23T22:00:00+00:00"]);
    }

    #[test]
    fn each_interval_begins_where_a_calendar_says() {
        let (from, to) = ("2026-09-09T10:20:30Z", "2026-09-09T12:00:00Z");
        let hours = starts(from, to, Interval::Hour, "UTC");
        let expected = ["10:00", "11:00", "12:00"];
        assert_eq!(hours, expected.map(|hour| format!("2026-09-09T{hour}:00+00:00")));
        let kolkata = starts(from, to, Interval::Hour, "Asia/Kolkata");
        assert_eq!(kolkata.first().unwrap(), "2026-09-09T09:30:00+00:00");
        let weeks = starts("2026-09-09T00:00:00Z", "2026-09-14T00:00:00Z", Interval::Week, "UTC");
        assert_eq!(weeks, ["2026-09-07T00:00:00+00:00", "2026-09-14T00:00:00+00:00"]);
        let months = starts("2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z", Interval::Month, "UTC");
        let expected = ["01", "02", "03"];
        assert_eq!(months, expected.map(|month| format!("2026-{month}-01T00:00:00+00:00")));
    }

    #[test]
    fn a_second_falls_into_the_last_interval_that_began() {
        let seconds = second("2026-09-09T10:20:30Z")..=second("2026-09-09T12:00:00Z");
        let buckets = Buckets::of(&seconds, Interval::Hour, &TimeZone::UTC).unwrap();
        for (at, expected) in [("10:20:30", 0), ("10:59:59", 0), ("11:00:00", 1), ("12:00:00", 2)] {
            assert_eq!(buckets.find(second(&format!("2026-09-09T{at}Z"))), expected, "{at}");
        }
        assert_eq!(buckets.len(), 3);
    }

    #[test]
    fn there_are_not_too_many() {
        let years = second("2026-01-01T00:00:00Z")..=second("2029-01-01T00:00:00Z");
        assert!(Buckets::of(&years, Interval::Hour, &TimeZone::UTC).is_none());
        assert!(Buckets::of(&years, Interval::Day, &TimeZone::UTC).is_some());
        assert!(Buckets::of(&(i64::MIN..=0), Interval::Month, &TimeZone::UTC).is_none());
    }
}
