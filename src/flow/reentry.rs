//! Whether a person may enter a flow again (contract: wire.md §2.5). Asked at the entry alone.
//!
//! | `unit`, `duration` | meaning |
//! |---|---|
//! | `alltime`, 1 | once and never again; the default of list and segment triggers |
//! | `alltime`, 0 | always; the default of all others |
//! | `hour`, `day`, `week`, n | when the last entry is so long ago, exactly; a day has 24 hours |

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::members;
use super::members::At as _;
use super::members::Members;
use super::members::must;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
    AllTime,
}

const UNITS: [(&str, Unit); 4] =
    [("hour", Unit::Hour), ("day", Unit::Day), ("week", Unit::Week), ("alltime", Unit::AllTime)];

impl Unit {
    /// `None` for all time.
    const fn hours(self) -> Option<i64> {
        match self {
            Self::Hour => Some(1),
            Self::Day => Some(24),
            Self::Week => Some(7 * 24),
            Self::AllTime => None,
        }
    }

    /// The largest duration.
    const fn most(self) -> i64 {
        match self.hours() {
            Some(hours) => limits::FLOW_REENTRY_HOURS_MAX / hours,
            None => 1,
        }
    }
}

/// How long after an entry the next one is possible. Made by [`Reentry::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reentry {
    duration: i64,
    unit: Unit,
}

impl Reentry {
    /// Once and never again.
    pub const NEVER: Self = Self { duration: 1, unit: Unit::AllTime };
    /// As often as the trigger says so.
    pub const ALWAYS: Self = Self { duration: 0, unit: Unit::AllTime };

    /// What holds in a flow that does not say, by the `type` of its trigger.
    #[must_use]
    pub fn default_for(trigger_type: &str) -> Self {
        if matches!(trigger_type, "list" | "segment") { Self::NEVER } else { Self::ALWAYS }
    }

    /// Reads `reentry_criteria`, which stands `at` this pointer and is not `null`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        read(raw).at(at)
    }

    /// `reentry_criteria` as the API writes it.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!({ "duration": self.duration, "unit": members::name_of(&self.unit, &UNITS) })
    }

    /// Whether a person may enter `now` who last did then, or never did.
    #[must_use]
    pub fn may_enter(self, last_entered: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(last) = last_entered else { return true };
        match self.unit.hours() {
            None => self.duration == 0,
            Some(hours) => {
                let wait = Duration::from_secs((self.duration * hours).unsigned_abs() * 3_600);
                now.since(last) >= wait
            }
        }
    }
}

fn read(raw: &RawValue) -> Result<Reentry, Fault> {
    let value = members::object(raw)?;
    let data = Members::of(&value, &["duration", "unit"])?;
    let unit = data.required("unit", |unit| members::word(unit, &UNITS))?;
    let duration = data.required("duration", |value| {
        members::whole(value, 0, unit.most()).map_err(|fault| match unit {
            Unit::AllTime => must("must be 1, for never again, or 0, for always"),
            _ => fault,
        })
    })?;
    Ok(Reentry { duration, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &Value) -> Result<Reentry, Fault> {
        Reentry::parse(&RawValue::from_string(given.to_string()).unwrap(), "/reentry_criteria")
    }

    #[test]
    fn who_may_enter_again() {
        let now = Timestamp::from_seconds(1_000_000_000);
        let ago = |seconds: i64| Some(Timestamp::from_seconds(1_000_000_000 - seconds));
        for (duration, unit, last, expected) in [
            (1, "alltime", None, true),
            (1, "alltime", ago(0), false),
            (1, "alltime", ago(999_999_999), false),
            (0, "alltime", ago(0), true),
            (1, "hour", None, true),
            (1, "hour", ago(3_599), false),
            (1, "hour", ago(3_600), true),
            (2, "day", ago(2 * 86_400 - 1), false),
            (2, "day", ago(2 * 86_400), true),
            (3, "week", ago(21 * 86_400 - 1), false),
            (3, "week", ago(21 * 86_400), true),
            (0, "day", ago(0), true),
            // The clock went back since the last entry.
            (1, "hour", ago(-7_200), false),
            (0, "hour", ago(-7_200), true),
        ] {
            let given = json!({"duration": duration, "unit": unit});
            let reentry = parse(&given).unwrap();
            assert_eq!(reentry.may_enter(last, now), expected, "{given} after {last:?}");
            assert_eq!(reentry.to_json(), given);
        }
        assert_eq!(parse(&json!({"unit": "alltime", "duration": 1})), Ok(Reentry::NEVER));
        assert_eq!(parse(&json!({"unit": "alltime", "duration": 0})), Ok(Reentry::ALWAYS));
        for (trigger, expected) in [
            ("list", Reentry::NEVER),
            ("segment", Reentry::NEVER),
            ("metric", Reentry::ALWAYS),
            ("date", Reentry::ALWAYS),
        ] {
            assert_eq!(Reentry::default_for(trigger), expected, "{trigger}");
        }
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (given, pointer, part) in [
            (json!({"unit": "day"}), "/duration", "is required"),
            (json!({"duration": 1}), "/unit", "is required"),
            (json!({"duration": 1, "unit": "days"}), "/unit", "did you mean `day`?"),
            (json!({"duration": 2, "unit": "alltime"}), "/duration", "1, for never again, or 0"),
            (json!({"duration": -1, "unit": "day"}), "/duration", "from 0 to 3652"),
            (json!({"duration": 522, "unit": "week"}), "/duration", "from 0 to 521"),
            (json!({"duration": 1, "unit": "day", "x": 1}), "/x", "is not a member here"),
            (json!([1]), "", "must be an object"),
        ] {
            let fault = parse(&given).expect_err(&given.to_string());
            assert_eq!(fault.pointer, format!("/reentry_criteria{pointer}"), "{given}: {fault}");
            assert!(fault.detail.contains(part), "{given}: {fault}");
        }
    }
}
