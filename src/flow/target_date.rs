//! The `target-date` action: waits until the date that the run is about.
//!
//! It belongs into flows that begin some days before a date, or after it: the run remembers its
//! [`Occasion`], the date and the time of the trigger, and waits here until it has come. Other flows
//! have no date to wait for; who checks the graph of a flow refuses it there.
//!
//! | part | meaning |
//! |---|---|
//! | `timezone` | whose calendar it is; a person without a time zone that is known has the account's |
//! | `target_time` | at this time of the day; without it, at the time at which the trigger starts runs |
//! | `target_days` | where the date is on another day of the week, the next of these: late is better than never |
//! | a date that is over | nothing is waited for |

use jiff::civil;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::calendar::TimeOfDay;
use super::calendar::Weekdays;
use super::calendar::Zone;
use super::calendar::first_on;
use super::members;
use super::members::At as _;
use super::members::Members;
use crate::clock::Timestamp;
use crate::json::Fault;

/// What a run of a date-triggered flow is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The date itself, not the day on which the run began.
    pub date: civil::Date,
    /// The time of the day at which the trigger starts runs.
    pub time: TimeOfDay,
}

/// Until when a run waits. Made by [`TargetDate::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct TargetDate {
    zone: Zone,
    time: Option<TimeOfDay>,
    days: Option<Weekdays>,
}

impl TargetDate {
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
            "timezone": self.zone.name(),
            "target_time": self.time.map(|time| time.to_string()),
            "target_days": self.days.map(Weekdays::names),
        })
    }

    /// When a run goes on that `entered` the action then: never earlier than that. `person_zone` is
    /// what the person's location says.
    #[must_use]
    pub fn due(
        &self,
        occasion: Occasion,
        entered: Timestamp,
        person_zone: Option<&str>,
        account_zone: &TimeZone,
    ) -> Timestamp {
        let zone = self.zone.of(person_zone, account_zone);
        let (time, days) = (self.time.unwrap_or(occasion.time), self.days.unwrap_or(Weekdays::ALL));
        first_on(occasion.date, &zone, time, days).map_or(entered, |due| due.max(entered))
    }
}

fn read(raw: &RawValue) -> Result<TargetDate, Fault> {
    let value = members::object(raw)?;
    let data = Members::of(&value, &["timezone", "target_time", "target_days"])?;
    Ok(TargetDate {
        zone: data.optional("timezone", Zone::parse)?.unwrap_or_default(),
        time: data.optional("target_time", TimeOfDay::parse)?,
        days: data.optional("target_days", Weekdays::parse)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(data: &Value) -> Result<TargetDate, Fault> {
        TargetDate::parse(&RawValue::from_string(data.to_string()).unwrap(), "/data")
    }

    #[test]
    fn what_was_read_is_written_with_its_defaults() {
        let plain = json!({"timezone": "profile", "target_time": null, "target_days": null});
        let whole =
            json!({"timezone": "UTC", "target_time": "08:30:00", "target_days": ["friday"]});
        for (given, written) in [(&json!({}), &plain), (&plain, &plain), (&whole, &whole)] {
            assert_eq!(parse(given).unwrap().to_json(), *written, "{given}");
        }
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (data, pointer, part) in [
            (json!(1), "", "must be an object"),
            (json!({"timezone": "Mars"}), "/data/timezone", "such as `Europe/Berlin`"),
            (json!({"target_time": "8"}), "/data/target_time", "such as \"09:30\""),
            (json!({"target_days": []}), "/data/target_days", "a list of days"),
            (json!({"target_day": []}), "/data/target_day", "did you mean `target_days`?"),
        ] {
            let fault = parse(&data).expect_err(&data.to_string());
            assert!(fault.pointer.ends_with(pointer), "{data}: {fault}");
            assert!(fault.detail.contains(part), "{data}: {fault}");
        }
    }

    #[test]
    fn when_a_run_goes_on() {
        let moment = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let time = TimeOfDay::parse(&json!("10:00")).unwrap();
        let berlin = |time: &str| json!({"timezone": "Europe/Berlin", "target_time": time});
        let early = "2026-01-01T00:00:00Z";
        for (data, date, entered, person, due) in [
            (json!({}), "2026-04-15", early, None, "2026-04-15T14:00:00Z"),
            (json!({}), "2026-04-15", early, Some("Asia/Kathmandu"), "2026-04-15T04:15:00Z"),
            (json!({}), "2026-04-15", early, Some("?"), "2026-04-15T14:00:00Z"),
            (berlin("08:00"), "2026-04-15", early, Some("UTC"), "2026-04-15T06:00:00Z"),
            (berlin("02:30"), "2026-03-29", early, None, "2026-03-29T01:00:00Z"),
            (berlin("02:30"), "2026-10-25", early, None, "2026-10-25T00:30:00Z"),
            // The 15th is a Wednesday.
            (
                json!({"target_days": ["wednesday"]}),
                "2026-04-15",
                early,
                None,
                "2026-04-15T14:00:00Z",
            ),
            (json!({"target_days": ["monday"]}), "2026-04-15", early, None, "2026-04-20T14:00:00Z"),
            // It is over already.
            (json!({}), "2026-04-15", "2026-04-15T14:00:01Z", None, "2026-04-15T14:00:01Z"),
            (json!({}), "2026-04-15", "2027-01-01T00:00:00Z", None, "2027-01-01T00:00:00Z"),
            (
                json!({}),
                "2011-12-30",
                "2011-01-01T00:00:00Z",
                Some("Pacific/Apia"),
                "2011-12-30T20:00:00Z",
            ),
        ] {
            let account = TimeZone::get("America/New_York").unwrap();
            let occasion = Occasion { date: date.parse().unwrap(), time };
            let given = parse(&data).unwrap().due(occasion, moment(entered), person, &account);
            assert_eq!(given, moment(due), "{data} of {date}, {person:?}");
        }
    }
}
