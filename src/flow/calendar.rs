//! The calendar of a flow: in whose time zone, at which time of the day and on which days of the
//! week something is to happen, and the moment at which that is.
//!
//! Clocks are put forward and back, so not every local time is one moment:
//!
//! | local time | moment |
//! |---|---|
//! | in a gap (02:30 when the clocks go from 02:00 to 03:00) | the first one after the gap |
//! | in a fold (02:30 when they go back from 03:00 to 02:00) | the first of the two |
//! | on a day that a zone left out (30 December 2011 in Apia) | the next day that is possible |
//!
//! No I/O but for jiff's own data of time zones, which are in the binary.

use std::fmt;

use jiff::civil;
use jiff::tz::AmbiguousOffset;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::members::At as _;
use super::members::must;
use super::members::text;
use crate::clock::Timestamp;
use crate::json::Fault;

/// The word for the time zone of the person whom a run is about.
const PROFILE: &str = "profile";
/// Days that are looked at for one that fits: a week, the day before it, which may end late, and
/// one or two that a zone may have left out; a day of the week that was left out is there a week
/// later.
const DAYS_LOOKED_AT: usize = 24;

/// The time zone by which something happens.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Zone {
    /// The person's own; where it is not known, the account's.
    #[default]
    Profile,
    /// This one, whoever it is about.
    Named(TimeZone),
}

impl Zone {
    /// Reads `"profile"` or an IANA name.
    ///
    /// # Errors
    /// Where it is neither.
    pub(super) fn parse(value: &Value) -> Result<Self, Fault> {
        let name = text(value)?;
        if name == PROFILE {
            return Ok(Self::Profile);
        }
        let known = known_zone(name).filter(|zone| zone.iana_name() == Some(name));
        known.map(Self::Named).ok_or_else(|| {
            must("must be `profile` or the IANA name of a time zone, such as `Europe/Berlin`")
        })
    }

    /// The zone as the API writes it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Profile => PROFILE,
            Self::Named(zone) => zone.iana_name().unwrap_or(PROFILE),
        }
    }

    /// The zone for a person whose profile has `person_zone` in its location.
    #[must_use]
    pub fn of(&self, person_zone: Option<&str>, account_zone: &TimeZone) -> TimeZone {
        let own = || person_zone.and_then(|name| known_zone(name.trim()));
        match self {
            Self::Named(zone) => zone.clone(),
            Self::Profile => own().unwrap_or_else(|| account_zone.clone()),
        }
    }
}

fn known_zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())
}

/// A time of the day, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(civil::Time);

impl TimeOfDay {
    /// The beginning of the day.
    pub const MIDNIGHT: Self = Self(civil::Time::midnight());

    /// Reads `"HH:MM"` or `"HH:MM:SS"`.
    ///
    /// # Errors
    /// Where it is neither.
    pub(super) fn parse(value: &Value) -> Result<Self, Fault> {
        let wrong = || must("must be a time of the day such as \"09:30\" or \"09:30:00\"");
        let mut parts = [0; 3];
        let given: Vec<_> = text(value)?.split(':').collect();
        if !(2..=3).contains(&given.len()) {
            return Err(wrong());
        }
        for (part, digits) in parts.iter_mut().zip(given) {
            let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            *part = digits.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        }
        let [hour, minute, second] = parts;
        civil::Time::new(hour, minute, second, 0).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0.hour(), self.0.minute(), self.0.second())
    }
}

/// The days of the week as the API names them, Monday first.
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Days of the week; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);

    /// Reads the names of the days, in any order.
    ///
    /// # Errors
    /// Where the list is empty, or one of them is no day or stands twice.
    pub(super) fn parse(value: &Value) -> Result<Self, Fault> {
        let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(|| {
            must("must be a list of days such as [\"monday\", \"friday\"], or null for every day")
        })?;
        let mut days = 0_u8;
        for (place, name) in names.iter().enumerate() {
            let at = format!("/{place}");
            let day = WEEKDAYS.iter().position(|day| name.as_str() == Some(day)).ok_or_else(|| {
                must(format!("must be a day of the week: one of `{}`", WEEKDAYS.join("`, `")))
            });
            let bit = 1_u8 << day.at(&at)?;
            if days & bit != 0 {
                return Err(must("stands twice")).at(&at);
            }
            days |= bit;
        }
        Ok(Self(days))
    }

    /// The names of the days, Monday first.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let is_one = |day: &usize| self.0 & (1 << day) != 0;
        (0..WEEKDAYS.len()).filter(is_one).map(|day| WEEKDAYS[day]).collect()
    }

    /// Whether the date is on one of the days.
    #[must_use]
    pub fn contains(self, date: civil::Date) -> bool {
        self.0 & (1 << date.weekday().to_monday_zero_offset()) != 0
    }
}

/// The first moment not before `from` at which it is `time` in the zone, on one of the days.
#[must_use]
pub fn first_at(from: Timestamp, zone: &TimeZone, time: TimeOfDay, days: Weekdays) -> Timestamp {
    let today = local(from, zone).date();
    // Yesterday's time can lie in a gap that ends today.
    let first = today.yesterday().unwrap_or(today);
    moments(first, zone, time.0, days).find(|moment| *moment >= from).unwrap_or(from)
}

/// The moment at which it is `time` on this date or, where it is not on one of the days, on the
/// next date that is. `None` at the end of the calendar.
#[must_use]
pub fn first_on(
    date: civil::Date,
    zone: &TimeZone,
    time: TimeOfDay,
    days: Weekdays,
) -> Option<Timestamp> {
    moments(date, zone, time.0, days).next()
}

/// The moment after so many days by the calendar, at the same local time and on one of the days of
/// the week: never earlier than `from`.
pub(super) fn days_after(
    from: Timestamp,
    count: i64,
    zone: &TimeZone,
    days: Weekdays,
) -> Timestamp {
    let start = local(from, zone);
    if count == 0 && days.contains(start.date()) {
        return from;
    }
    let Ok(date) = start.date().checked_add(jiff::Span::new().days(count)) else { return from };
    let mut later = moments(date, zone, start.time(), days);
    later.find(|moment| *moment >= from).unwrap_or(from)
}

/// The moments of a local time, from a date on.
fn moments(
    first: civil::Date,
    zone: &TimeZone,
    time: civil::Time,
    days: Weekdays,
) -> impl Iterator<Item = Timestamp> {
    let dates = std::iter::successors(Some(first), |date| date.tomorrow().ok());
    let dates = dates.take(DAYS_LOOKED_AT).filter(move |date| days.contains(*date));
    dates.filter_map(move |date| {
        let is_left_out = {
            let start = moment_of(date.to_datetime(civil::Time::midnight()), zone)?;
            zone.to_datetime(start).date() != date
        };
        if is_left_out {
            return None;
        }
        moment_of(date.to_datetime(time), zone).map(timestamp)
    })
}

/// The moment of a local time; in a gap the first one after it, in a fold the first of the two.
fn moment_of(local: civil::DateTime, zone: &TimeZone) -> Option<jiff::Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let AmbiguousOffset::Gap { before, .. } = ambiguous.offset() else {
        return ambiguous.earlier().ok();
    };
    // By the clock of before, the time lies after the change that ends the gap, and no other change
    // is between them.
    let after = before.to_timestamp(local).ok()?;
    let next = after.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
    zone.preceding(next).next().map(|change| change.timestamp())
}

/// The day of the calendar on which a moment falls: what `today` is then.
#[must_use]
pub fn day_of(moment: Timestamp, zone: &TimeZone) -> civil::Date {
    local(moment, zone).date()
}

/// A moment on the clocks of a zone.
fn local(moment: Timestamp, zone: &TimeZone) -> civil::DateTime {
    zone.to_datetime(jiff::Timestamp::from_microsecond(moment.micros()).unwrap_or_default())
}

fn timestamp(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(moment.as_microsecond())
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
