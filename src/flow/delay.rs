//! The `time-delay` action: how long a run waits (contract: wire.md §2.5).
//!
//! | part | meaning |
//! |---|---|
//! | `unit`, `value` | days are those of the calendar: over a change of the clocks the local time stays; hours and minutes are exact; zero is allowed |
//! | `secondary_value` | minutes beside hours, 0 to 59; beside days and minutes there is nothing for it to be, so only 0 and `null` are taken |
//! | `timezone` | whose calendar it is; a person without a time zone that is known has the account's |
//! | `delay_until_time` | after that, the next such time of the day; one that is just then is waited for no longer |
//! | `delay_until_weekdays` | after that, one of these days: at `delay_until_time`, else at the time that it is by then |

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::calendar::TimeOfDay;
use super::calendar::Weekdays;
use super::calendar::Zone;
use super::calendar::days_after;
use super::calendar::first_at;
use super::members;
use super::members::At as _;
use super::members::Members;
use super::members::must;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::limits;

const MINUTES_OF_HOUR: i64 = 60;
const HOURS_OF_DAY: i64 = 24;

/// What a delay is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayUnit {
    /// Days of the calendar.
    Days,
    /// Exact hours.
    Hours,
    /// Exact minutes.
    Minutes,
}

const UNITS: [(&str, DelayUnit); 3] =
    [("days", DelayUnit::Days), ("hours", DelayUnit::Hours), ("minutes", DelayUnit::Minutes)];

impl DelayUnit {
    /// The longest delay in this unit.
    const fn most(self) -> i64 {
        let days = limits::FLOW_DELAY_DAYS_MAX;
        match self {
            Self::Days => days,
            Self::Hours => days * HOURS_OF_DAY,
            Self::Minutes => days * HOURS_OF_DAY * MINUTES_OF_HOUR,
        }
    }
}

/// How long a run waits. Made by [`TimeDelay::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct TimeDelay {
    unit: DelayUnit,
    value: i64,
    /// Minutes beside hours; else nothing.
    secondary_value: Option<i64>,
    zone: Zone,
    until_time: Option<TimeOfDay>,
    until_weekdays: Option<Weekdays>,
}

impl TimeDelay {
    /// Reads the `data` of the action, which stands `at` this pointer.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        read(raw).at(at)
    }

    /// The `data` of the action as the API writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "unit": members::name_of(&self.unit, &UNITS),
            "value": self.value,
            "secondary_value": self.secondary_value,
            "timezone": self.zone.name(),
            "delay_until_time": self.until_time.map(|time| time.to_string()),
            "delay_until_weekdays": self.until_weekdays.map(Weekdays::names),
        })
    }

    /// When a run goes on that `entered` the action then: never earlier than that. `person_zone` is
    /// what the person's location says.
    #[must_use]
    pub fn due(
        &self,
        entered: Timestamp,
        person_zone: Option<&str>,
        account_zone: &TimeZone,
    ) -> Timestamp {
        let zone = self.zone.of(person_zone, account_zone);
        let minutes = match self.unit {
            DelayUnit::Days => 0,
            DelayUnit::Hours => {
                self.value * MINUTES_OF_HOUR + self.secondary_value.unwrap_or_default()
            }
            DelayUnit::Minutes => self.value,
        };
        let passed = match self.unit {
            DelayUnit::Days => days_after(entered, self.value, &zone, Weekdays::ALL),
            _ => entered.plus(Duration::from_secs(minutes.unsigned_abs() * 60)),
        };
        match (self.until_time, self.until_weekdays) {
            (None, None) => passed,
            (None, Some(days)) => days_after(passed, 0, &zone, days),
            (Some(time), days) => first_at(passed, &zone, time, days.unwrap_or(Weekdays::ALL)),
        }
    }

    /// Whether it waits for nothing: a run is past it at once, whenever it comes.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.has_no_length() && self.until_time.is_none() && self.until_weekdays.is_none()
    }

    /// Whether a run never is past it in the moment in which it comes. A loop needs such a delay: an
    /// "until" alone can be over when the run comes, and it would go round for ever.
    #[must_use]
    pub const fn always_waits(&self) -> bool {
        !self.has_no_length()
    }

    const fn has_no_length(&self) -> bool {
        self.value == 0 && matches!(self.secondary_value, None | Some(0))
    }
}

fn read(raw: &RawValue) -> Result<TimeDelay, Fault> {
    let value = members::object(raw)?;
    let data = Members::of(
        &value,
        &[
            "unit",
            "value",
            "secondary_value",
            "timezone",
            "delay_until_time",
            "delay_until_weekdays",
        ],
    )?;
    let unit =
        data.optional("unit", |unit| members::word(unit, &UNITS))?.unwrap_or(DelayUnit::Days);
    let value = data.required("value", |value| members::whole(value, 0, unit.most()))?;
    let secondary_value = data.optional("secondary_value", |value| match unit {
        DelayUnit::Hours => members::whole(value, 0, MINUTES_OF_HOUR - 1),
        _ if value.as_i64() == Some(0) => Ok(0),
        _ => Err(must("is the minutes beside `hours`: with this unit it must be null")),
    })?;
    Ok(TimeDelay {
        unit,
        value,
        secondary_value,
        zone: data.optional("timezone", Zone::parse)?.unwrap_or_default(),
        until_time: data.optional("delay_until_time", TimeOfDay::parse)?,
        until_weekdays: data.optional("delay_until_weekdays", Weekdays::parse)?,
    })
}

#[cfg(test)]
#[path = "delay_tests.rs"]
mod tests;
