//! How a time delay is read and written, and when it is over.

use super::*;

fn parse(data: &Value) -> Result<TimeDelay, Fault> {
    TimeDelay::parse(&RawValue::from_string(data.to_string()).unwrap(), "/actions/0/data")
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn what_was_read_is_written_with_its_defaults() {
    let whole = json!({"unit": "hours", "value": 2, "secondary_value": 30,
        "timezone": "Europe/Berlin", "delay_until_time": "09:00:00",
        "delay_until_weekdays": ["monday", "sunday"]});
    let plain = json!({"unit": "days", "value": 3, "secondary_value": null,
        "timezone": "profile", "delay_until_time": null, "delay_until_weekdays": null});
    let mut mixed = whole.clone();
    mixed["delay_until_time"] = "09:00".into();
    mixed["delay_until_weekdays"] = json!(["sunday", "monday"]);
    for (given, written) in [
        (&whole, &whole),
        (&mixed, &whole),
        (&plain, &plain),
        (&json!({"value": 3}), &plain),
        (&json!({"value": 3, "unit": null, "timezone": null}), &plain),
    ] {
        let delay = parse(given).unwrap_or_else(|fault| panic!("{given}: {fault}"));
        assert_eq!(delay.to_json(), *written, "{given}");
        assert_eq!(parse(written).unwrap(), delay, "{written}");
    }
}

#[test]
fn each_fault_points_at_its_field() {
    for (data, pointer, part) in [
        (json!([]), "", "must be an object"),
        (json!({}), "/value", "`value` is required"),
        (json!({"value": null}), "/value", "`value` is required"),
        (json!({"value": "3"}), "/value", "a whole number from 0 to 366"),
        (json!({"value": -1}), "/value", "a whole number from 0 to 366"),
        (json!({"value": 367}), "/value", "a whole number from 0 to 366"),
        (json!({"value": 8_785, "unit": "hours"}), "/value", "from 0 to 8784"),
        (json!({"value": 527_041, "unit": "minutes"}), "/value", "from 0 to 527040"),
        (json!({"value": 1.5}), "/value", "a whole number"),
        (json!({"value": 1, "unit": "day"}), "/unit", "did you mean `days`?"),
        (json!({"value": 1, "unit": "weeks"}), "/unit", "possible are `days`, `hours`"),
        (json!({"value": 1, "unit": 1}), "/unit", "must be text in quotes; possible are"),
        (json!({"value": 1, "values": 1}), "/values", "did you mean `value`?"),
        (
            json!({"value": 1, "unit": "hours", "secondary_value": 60}),
            "/secondary_value",
            "from 0 to 59",
        ),
        (json!({"value": 1, "secondary_value": 5}), "/secondary_value", "beside `hours`"),
        (
            json!({"value": 1, "unit": "minutes", "secondary_value": 5}),
            "/secondary_value",
            "must be null",
        ),
        (json!({"value": 1, "timezone": "Mars"}), "/timezone", "such as `Europe/Berlin`"),
        (json!({"value": 1, "delay_until_time": "9"}), "/delay_until_time", "\"09:30\""),
        (
            json!({"value": 1, "delay_until_weekdays": ["monday", "x"]}),
            "/delay_until_weekdays/1",
            "must be a day of the week",
        ),
        (json!({"value": 1, "delay_until_weekdays": []}), "/delay_until_weekdays", "or null"),
    ] {
        let fault = parse(&data).expect_err(&data.to_string());
        assert_eq!(fault.pointer, format!("/actions/0/data{pointer}"), "{data}: {fault}");
        assert!(fault.detail.contains(part), "{data}: {fault}");
    }
    let twice = RawValue::from_string(r#"{"value":1,"value":2}"#.to_owned()).unwrap();
    assert_eq!(TimeDelay::parse(&twice, "/data").unwrap_err().pointer, "/data/value");
}

fn days(value: i64) -> Value {
    json!({ "value": value })
}

fn hours(value: i64, minutes: i64) -> Value {
    json!({"unit": "hours", "value": value, "secondary_value": minutes})
}

fn minutes(value: i64) -> Value {
    json!({"unit": "minutes", "value": value})
}

fn with(mut data: Value, key: &str, value: Value) -> Value {
    data[key] = value;
    data
}

fn until(data: Value, time: &str) -> Value {
    with(data, "delay_until_time", time.into())
}

fn on(data: Value, names: &[&str]) -> Value {
    with(data, "delay_until_weekdays", json!(names))
}

fn berlin(data: Value) -> Value {
    with(data, "timezone", "Europe/Berlin".into())
}

/// Checks when a person goes on who entered then; the account is in New York.
fn check(rows: &[(Value, &str, Option<&str>, &str)]) {
    let account = TimeZone::get("America/New_York").unwrap();
    for (data, entered, person, due) in rows {
        let delay = parse(data).unwrap_or_else(|fault| panic!("{data}: {fault}"));
        let given = delay.due(moment(entered), *person, &account);
        assert_eq!(given, moment(due), "{data} from {entered}, {person:?}");
    }
}

#[test]
fn days_keep_the_local_time_and_hours_are_exact() {
    check(&[
        (days(0), "2026-04-15T12:00:00.5Z", None, "2026-04-15T12:00:00.5Z"),
        (minutes(90), "2026-04-15T12:00:00Z", None, "2026-04-15T13:30:00Z"),
        (hours(2, 30), "2026-04-15T12:00:00Z", None, "2026-04-15T14:30:00Z"),
        // Over a change of the clocks: a day is 23 or 25 hours long, 24 hours are 24.
        (berlin(days(1)), "2026-03-28T12:00:00Z", None, "2026-03-29T11:00:00Z"),
        (berlin(hours(24, 0)), "2026-03-28T12:00:00Z", None, "2026-03-29T12:00:00Z"),
        (berlin(days(1)), "2026-10-24T12:00:00Z", None, "2026-10-25T13:00:00Z"),
        (berlin(minutes(1_440)), "2026-10-24T12:00:00Z", None, "2026-10-25T12:00:00Z"),
        (days(1), "2026-10-31T12:00:00Z", None, "2026-11-01T13:00:00Z"),
        (days(1), "2026-10-31T12:00:00Z", Some("Nowhere"), "2026-11-01T13:00:00Z"),
        (days(1), "2026-10-31T12:00:00Z", Some("Asia/Kathmandu"), "2026-11-01T12:00:00Z"),
        (days(1), "2026-10-03T00:00:00Z", Some("Australia/Lord_Howe"), "2026-10-03T23:30:00Z"),
        (days(1), "2011-12-29T22:00:00Z", Some("Pacific/Apia"), "2011-12-30T22:00:00Z"),
    ]);
}

#[test]
fn until_a_time_or_a_day_of_the_week() {
    check(&[
        // Until a time of the day, after the delay.
        (
            until(days(1), "09:00"),
            "2026-04-15T12:00:00Z",
            Some("Asia/Kathmandu"),
            "2026-04-17T03:15:00Z",
        ),
        (
            until(days(1), "18:00"),
            "2026-04-15T12:00:00Z",
            Some("Asia/Kathmandu"),
            "2026-04-16T12:15:00Z",
        ),
        (berlin(until(days(0), "14:00")), "2026-04-15T12:00:00Z", None, "2026-04-15T12:00:00Z"),
        (berlin(until(hours(1, 0), "14:00")), "2026-04-15T12:00:00Z", None, "2026-04-16T12:00:00Z"),
        (berlin(until(days(1), "02:30")), "2026-03-27T12:00:00Z", None, "2026-03-29T01:00:00Z"),
        // Until a day of the week; the 15th is a Wednesday.
        (on(days(1), &["monday", "friday"]), "2026-04-15T12:00:00Z", None, "2026-04-17T12:00:00Z"),
        (on(days(1), &["thursday"]), "2026-04-15T12:00:00Z", None, "2026-04-16T12:00:00Z"),
        (on(berlin(minutes(5)), &["sunday"]), "2026-10-21T12:00:00Z", None, "2026-10-25T13:05:00Z"),
        (
            on(until(berlin(days(1)), "09:00"), &["monday"]),
            "2026-04-15T12:00:00Z",
            None,
            "2026-04-20T07:00:00Z",
        ),
        (
            on(until(berlin(days(5)), "09:00"), &["monday"]),
            "2026-04-15T12:00:00Z",
            None,
            "2026-04-27T07:00:00Z",
        ),
    ]);
}

#[test]
fn which_delays_wait() {
    for (data, is_zero, always_waits) in [
        (json!({"value": 0}), true, false),
        (json!({"value": 0, "unit": "hours", "secondary_value": 0}), true, false),
        (json!({"value": 0, "unit": "hours", "secondary_value": 1}), false, true),
        (json!({"value": 0, "delay_until_time": "09:00"}), false, false),
        (json!({"value": 0, "delay_until_weekdays": ["monday"]}), false, false),
        (json!({"value": 1, "unit": "minutes"}), false, true),
    ] {
        let delay = parse(&data).unwrap();
        assert_eq!((delay.is_zero(), delay.always_waits()), (is_zero, always_waits), "{data}");
    }
}
