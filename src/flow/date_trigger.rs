//! The date trigger: a flow that begins before, on or after a date in a property of the profile
//! (contract: wire.md §2.5; ProfilePropertyDateTrigger).
//!
//! | part | meaning |
//! |---|---|
//! | `date_profile_property` | the custom property of exactly this name; what is a date there is told in `condition`: of a moment it is the day in the trigger's zone |
//! | `timedelta_value_before_date` | so many units before the date; 0 is on the day, and a negative number after it |
//! | months | before or after the same day of another month; where that has no such day, its last one |
//! | `recurrence_frequency` | the date itself, and with a recurrence the same day of every later week, month or year; never one before the date |
//! | the 29th to the 31st | in a month that ends earlier, its last day; so a 29 February is kept on the 28th in other years |
//! | `trigger_days` | where the day is none of these, the next that is: late is better than never; two dates that fall together so are one |
//! | `trigger_time`, `timezone` | at this time by these clocks; a person without a time zone that is known has the account's |
//!
//! Dates of custom objects are refused by name: there are no custom objects here.

use jiff::Span;
use jiff::civil;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::calendar;
use super::calendar::TimeOfDay;
use super::calendar::Weekdays;
use super::calendar::Zone;
use super::calendar::first_on;
use super::members;
use super::members::At as _;
use super::members::Members;
use super::members::must;
use super::target_date::Occasion;
use crate::clock::Timestamp;
use crate::condition::day_of;
use crate::json::Fault;
use crate::limits;

const MONTHS_OF_YEAR: i64 = 12;
/// Recurrences before the estimated one that may still come after it: a day of the week moves an
/// entry by six days, a day that a zone left out by one, and the ends of months by three.
const SLACK: i64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    Weeks,
    Months,
}

const UNITS: [(&str, Unit); 3] =
    [("days", Unit::Days), ("weeks", Unit::Weeks), ("months", Unit::Months)];

impl Unit {
    /// The largest number of units before or after a date.
    const fn most(self) -> i64 {
        let days = limits::FLOW_DATE_OFFSET_DAYS_MAX;
        match self {
            Self::Days => days,
            Self::Weeks => days / 7,
            Self::Months => days / 30,
        }
    }

    /// So many of it.
    fn span(self, count: i64) -> Span {
        match self {
            Self::Days => Span::new().days(count),
            Self::Weeks => Span::new().weeks(count),
            Self::Months => Span::new().months(count),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recurrence {
    Never,
    Weekly,
    Monthly,
    Annually,
}

const RECURRENCES: [(&str, Recurrence); 4] = [
    ("never", Recurrence::Never),
    ("weekly", Recurrence::Weekly),
    ("monthly", Recurrence::Monthly),
    ("annually", Recurrence::Annually),
];

impl Recurrence {
    /// The date's so manieth recurrence, the date itself being the first, number 0.
    fn date(self, of: civil::Date, number: i64) -> Option<civil::Date> {
        let later = match self {
            Self::Never if number > 0 => return None,
            Self::Never => Span::new(),
            Self::Weekly => Span::new().try_weeks(number).ok()?,
            Self::Monthly => Span::new().try_months(number).ok()?,
            Self::Annually => Span::new().try_years(number).ok()?,
        };
        // Where the month has no such day, the sum is its last one.
        of.checked_add(later).ok()
    }

    /// The number of a recurrence near a date, [`SLACK`] before it at least.
    fn number_near(self, of: civil::Date, date: civil::Date) -> i64 {
        let months = i64::from(date.year() - of.year()) * MONTHS_OF_YEAR
            + i64::from(date.month() - of.month());
        let number = match self {
            Self::Never => 0,
            Self::Weekly => {
                let days = of.until(date).map_or(0, |span| i64::from(span.get_days()));
                days.div_euclid(7)
            }
            Self::Monthly => months,
            Self::Annually => months.div_euclid(MONTHS_OF_YEAR),
        };
        (number - SLACK).max(0)
    }
}

/// A date trigger. Made by [`DateTrigger::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct DateTrigger {
    property: String,
    unit: Unit,
    /// Units before the date; negative after it.
    before: i64,
    recurrence: Recurrence,
    zone: Zone,
    time: TimeOfDay,
    days: Option<Weekdays>,
}

/// When a person enters a date-triggered flow, and about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The moment.
    pub enters: Timestamp,
    /// The date that it is about.
    pub occasion: Occasion,
}

impl DateTrigger {
    /// Reads the trigger, which stands `at` this pointer and has the type `date`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        read(raw).at(at)
    }

    /// The trigger as the API writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "type": "date",
            "date_field_type": "profile-property",
            "date_profile_property": self.property,
            "timedelta_unit_before_date": members::name_of(&self.unit, &UNITS),
            "timedelta_value_before_date": self.before,
            "recurrence_frequency": members::name_of(&self.recurrence, &RECURRENCES),
            "timezone": self.zone.name(),
            "trigger_time": self.time.to_string(),
            "trigger_days": self.days.map(Weekdays::names),
        })
    }

    /// The custom property that the date is in.
    #[must_use]
    pub fn property(&self) -> &str {
        &self.property
    }

    /// The next entry of a person later than `after`; `None` where there is none any more, or the
    /// property's value is no date. `person_zone` is what the person's location says.
    #[must_use]
    pub fn next(
        &self,
        value: &Value,
        after: Timestamp,
        person_zone: Option<&str>,
        account_zone: &TimeZone,
    ) -> Option<Entry> {
        let zone = self.zone.of(person_zone, account_zone);
        let of = day_of(value, &zone)?;
        let today = calendar::day_of(after, &zone);
        let about = today.saturating_add(self.unit.span(self.before));
        let mut number = self.recurrence.number_near(of, about);
        loop {
            let date = self.recurrence.date(of, number)?;
            let enters = self.enters(date, &zone)?;
            if enters > after {
                return Some(Entry { enters, occasion: self.occasion(date) });
            }
            number += 1;
        }
    }

    /// What a run is about that began for this date: for `target-date`, from a run's row.
    #[must_use]
    pub const fn occasion(&self, date: civil::Date) -> Occasion {
        Occasion { date, time: self.time }
    }

    /// When people enter whose date, or a recurrence of it, is this one; `None` at the ends of the
    /// calendar.
    fn enters(&self, date: civil::Date, zone: &TimeZone) -> Option<Timestamp> {
        let day = date.checked_sub(self.unit.span(self.before)).ok()?;
        first_on(day, zone, self.time, self.days.unwrap_or(Weekdays::ALL))
    }
}

fn read(raw: &RawValue) -> Result<DateTrigger, Fault> {
    const CUSTOM_OBJECT: &str = "custom-object";
    let value = members::object(raw)?;
    if value.get("date_field_type").and_then(Value::as_str) == Some(CUSTOM_OBJECT) {
        let why = "`custom-object` needs custom objects, which tidings does not have; possible is \
                   `profile-property`";
        return Err(must(why)).at("/date_field_type");
    }
    let trigger = Members::of(
        &value,
        &[
            "type",
            "date_field_type",
            "date_profile_property",
            "timedelta_unit_before_date",
            "timedelta_value_before_date",
            "recurrence_frequency",
            "timezone",
            "trigger_time",
            "trigger_days",
        ],
    )?;
    trigger.required("type", |value| members::word(value, &[("date", ())]))?;
    trigger.required("date_field_type", |value| {
        members::word(value, &[("profile-property", ()), (CUSTOM_OBJECT, ())])
    })?;
    let unit = trigger
        .optional("timedelta_unit_before_date", |value| members::word(value, &UNITS))?
        .unwrap_or(Unit::Weeks);
    let before = trigger.required("timedelta_value_before_date", |value| {
        members::whole(value, -unit.most(), unit.most())
    })?;
    let recurrence = trigger
        .optional("recurrence_frequency", |value| members::word(value, &RECURRENCES))?
        .unwrap_or(Recurrence::Monthly);
    Ok(DateTrigger {
        property: trigger.required("date_profile_property", members::property_name)?.to_owned(),
        unit,
        before,
        recurrence,
        zone: trigger.optional("timezone", Zone::parse)?.unwrap_or_default(),
        time: trigger.required("trigger_time", TimeOfDay::parse)?,
        days: trigger.optional("trigger_days", Weekdays::parse)?,
    })
}

#[cfg(test)]
#[path = "date_trigger_tests.rs"]
mod tests;
