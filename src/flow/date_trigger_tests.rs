//! When people enter by a date: cases, and then every occurrence of some years, counted day by day.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn trigger(changes: &Value) -> Value {
    let mut whole = json!({"type": "date", "date_field_type": "profile-property",
        "date_profile_property": "Birthday", "timedelta_unit_before_date": "days",
        "timedelta_value_before_date": 0, "recurrence_frequency": "annually",
        "timezone": "UTC", "trigger_time": "09:00:00", "trigger_days": null});
    for (key, value) in changes.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole
}

fn try_parse(given: &Value) -> Result<DateTrigger, Fault> {
    DateTrigger::parse(&RawValue::from_string(given.to_string()).unwrap(), "/triggers/0")
}

fn parse(given: &Value) -> DateTrigger {
    try_parse(given).unwrap_or_else(|fault| panic!("{given}: {fault}"))
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn what_was_read_is_written_with_its_defaults() {
    let whole = trigger(&json!({"timedelta_value_before_date": -3, "trigger_days": ["friday"]}));
    assert_eq!(parse(&whole).to_json(), whole);
    let short = json!({"type": "date", "date_field_type": "profile-property",
        "date_profile_property": "Birthday", "timedelta_value_before_date": 1,
        "trigger_time": "09:00"});
    let filled = trigger(&json!({"timedelta_unit_before_date": "weeks",
        "timedelta_value_before_date": 1, "recurrence_frequency": "monthly",
        "timezone": "profile"}));
    assert_eq!(parse(&short).to_json(), filled);
    assert_eq!(parse(&short).property(), "Birthday");
}

#[test]
fn each_fault_points_at_its_field() {
    let days = |value: i64| json!({ "timedelta_value_before_date": value });
    let unit = |unit: &str, value: i64| json!({"timedelta_unit_before_date": unit, "timedelta_value_before_date": value});
    for (changes, pointer, part) in [
        (
            json!({"date_field_type": "custom-object", "object_type_id": "x"}),
            "/date_field_type",
            "needs custom objects, which tidings does not have; possible is `profile-property`",
        ),
        (json!({"date_field_type": "profile"}), "/date_field_type", "did you mean"),
        (json!({"date_field_type": null}), "/date_field_type", "is required"),
        (json!({"type": "metric"}), "/type", "possible are `date`"),
        (json!({"date_profile_property": null}), "/date_profile_property", "is required"),
        (json!({"date_profile_property": ""}), "/date_profile_property", "has 0 bytes"),
        (
            json!({"date_profile_property": "properties['Birthday']"}),
            "/date_profile_property",
            "must be the bare name of a custom property",
        ),
        (days(3_661), "/timedelta_value_before_date", "from -3660 to 3660"),
        (unit("weeks", -523), "/timedelta_value_before_date", "from -522 to 522"),
        (unit("months", 123), "/timedelta_value_before_date", "from -122 to 122"),
        (unit("years", 1), "/timedelta_unit_before_date", "possible are `days`, `weeks`"),
        (json!({"recurrence_frequency": "yearly"}), "/recurrence_frequency", "possible are"),
        (json!({"timezone": "Mars"}), "/timezone", "such as `Europe/Berlin`"),
        (json!({"trigger_time": null}), "/trigger_time", "is required"),
        (json!({"trigger_time": "9 am"}), "/trigger_time", "such as \"09:30\""),
        (json!({"trigger_days": ["x"]}), "/trigger_days/0", "a day of the week"),
        (json!({"date_profile_properti": 1}), "/date_profile_properti", "did you mean"),
    ] {
        let fault = try_parse(&trigger(&changes)).expect_err(&changes.to_string());
        assert_eq!(fault.pointer, format!("/triggers/0{pointer}"), "{changes}: {fault}");
        assert!(fault.detail.contains(part), "{changes}: {fault}");
    }
}

/// Checks the next entries after a moment, each given by its moment and the date that it is about.
fn check(changes: &Value, value: &Value, after: &str, expected: &[(&str, &str)]) {
    let trigger = parse(&trigger(changes));
    let mut after = moment(after);
    for (enters, date) in expected {
        let next = trigger.next(value, after, Some("Europe/Berlin"), &TimeZone::UTC);
        let next = next.unwrap_or_else(|| panic!("{changes} of {value} after {after:?}"));
        assert_eq!(next.enters, moment(enters), "{changes} of {value} after {after:?}");
        let about = next.occasion.date.to_string();
        assert_eq!(about, *date, "{changes} of {value} after {after:?}");
        assert_eq!(next.occasion, trigger.occasion(next.occasion.date));
        after = next.enters;
    }
    if expected.len() < 3 {
        let next = trigger.next(value, after, Some("Europe/Berlin"), &TimeZone::UTC);
        assert_eq!(next, None, "{changes} of {value} after {after:?}");
    }
}

#[test]
fn every_year() {
    check(
        &json!({}),
        &json!("1990-05-01"),
        "2026-04-15T12:00:00Z",
        &[
            ("2026-05-01T09:00:00Z", "2026-05-01"),
            ("2027-05-01T09:00:00Z", "2027-05-01"),
            ("2028-05-01T09:00:00Z", "2028-05-01"),
        ],
    );
    // On the day itself: before the time, at it, and after it.
    for (after, year) in [
        ("2026-05-01T08:59:59.999999Z", 2026),
        ("2026-05-01T09:00:00Z", 2027),
        ("2026-05-01T10:00:00Z", 2027),
    ] {
        let next = parse(&trigger(&json!({}))).next(
            &json!("1990-05-01"),
            moment(after),
            None,
            &TimeZone::UTC,
        );
        assert_eq!(next.unwrap().occasion.date.year(), year, "{after}");
    }
    check(
        &json!({}),
        &json!("2024-02-29"),
        "2024-01-01T00:00:00Z",
        &[
            ("2024-02-29T09:00:00Z", "2024-02-29"),
            ("2025-02-28T09:00:00Z", "2025-02-28"),
            ("2026-02-28T09:00:00Z", "2026-02-28"),
            ("2027-02-28T09:00:00Z", "2027-02-28"),
            ("2028-02-29T09:00:00Z", "2028-02-29"),
        ],
    );
    // None comes before the date itself.
    check(
        &json!({}),
        &json!("2030-05-01"),
        "2026-04-15T12:00:00Z",
        &[
            ("2030-05-01T09:00:00Z", "2030-05-01"),
            ("2031-05-01T09:00:00Z", "2031-05-01"),
            ("2032-05-01T09:00:00Z", "2032-05-01"),
        ],
    );
}

#[test]
fn before_and_after_the_date() {
    let offset = |unit: &str, value: i64| {
        json!({"timedelta_unit_before_date": unit, "timedelta_value_before_date": value,
            "recurrence_frequency": "never"})
    };
    for (unit, value, expected) in [
        ("days", 0, "2026-05-31T09:00:00Z"),
        ("days", 3, "2026-05-28T09:00:00Z"),
        ("days", -1, "2026-06-01T09:00:00Z"),
        ("weeks", 1, "2026-05-24T09:00:00Z"),
        ("weeks", -1, "2026-06-07T09:00:00Z"),
        ("months", 1, "2026-04-30T09:00:00Z"),
        ("months", 3, "2026-02-28T09:00:00Z"),
        ("months", -1, "2026-06-30T09:00:00Z"),
    ] {
        let entry = [(expected, "2026-05-31")];
        check(&offset(unit, value), &json!("2026-05-31"), "2026-01-01T00:00:00Z", &entry);
        check(&offset(unit, value), &json!("2026-05-31"), "2026-07-01T00:00:00Z", &[]);
    }
    // Farther before than the dates lie apart.
    let early = json!({"timedelta_unit_before_date": "days", "timedelta_value_before_date": 400});
    check(
        &early,
        &json!("2020-03-10"),
        "2026-01-01T00:00:00Z",
        &[
            ("2026-02-03T09:00:00Z", "2027-03-10"),
            ("2027-02-04T09:00:00Z", "2028-03-10"),
            ("2028-02-04T09:00:00Z", "2029-03-10"),
        ],
    );
}

#[test]
fn every_month_and_every_week() {
    let monthly = json!({"recurrence_frequency": "monthly"});
    check(
        &monthly,
        &json!("2026-01-31"),
        "2026-01-01T00:00:00Z",
        &[
            ("2026-01-31T09:00:00Z", "2026-01-31"),
            ("2026-02-28T09:00:00Z", "2026-02-28"),
            ("2026-03-31T09:00:00Z", "2026-03-31"),
            ("2026-04-30T09:00:00Z", "2026-04-30"),
        ],
    );
    let weekly = json!({"recurrence_frequency": "weekly", "timedelta_value_before_date": 1});
    check(
        &weekly,
        &json!("2020-01-01"),
        "2026-04-15T12:00:00Z",
        &[
            ("2026-04-21T09:00:00Z", "2026-04-22"),
            ("2026-04-28T09:00:00Z", "2026-04-29"),
            ("2026-05-05T09:00:00Z", "2026-05-06"),
        ],
    );
}

#[test]
fn on_some_days_of_the_week() {
    // 1 May 2026 is a Friday, of 2027 a Saturday, of 2028 a Monday.
    let working = json!({"trigger_days": ["monday", "tuesday", "wednesday", "thursday", "friday"]});
    check(
        &working,
        &json!("1990-05-01"),
        "2026-04-15T12:00:00Z",
        &[
            ("2026-05-01T09:00:00Z", "2026-05-01"),
            ("2027-05-03T09:00:00Z", "2027-05-01"),
            ("2028-05-01T09:00:00Z", "2028-05-01"),
        ],
    );
    // Between the date and the day to which it was moved it is still to come.
    check(
        &working,
        &json!("1990-05-01"),
        "2027-05-02T12:00:00Z",
        &[
            ("2027-05-03T09:00:00Z", "2027-05-01"),
            ("2028-05-01T09:00:00Z", "2028-05-01"),
            ("2029-05-01T09:00:00Z", "2029-05-01"),
        ],
    );
}

#[test]
fn by_the_clocks_of_a_zone() {
    let at = |zone: &str, time: &str| json!({"timezone": zone, "trigger_time": time, "recurrence_frequency": "never"});
    for (zone, time, value, expected) in [
        ("profile", "09:00", json!("2026-04-15"), "2026-04-15T07:00:00Z"),
        ("Europe/Berlin", "02:30", json!("2026-03-29"), "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "02:30", json!("2026-10-25"), "2026-10-25T00:30:00Z"),
        ("America/New_York", "02:30", json!("2026-03-08"), "2026-03-08T07:00:00Z"),
        ("Australia/Lord_Howe", "02:15", json!("2026-10-04"), "2026-10-03T15:30:00Z"),
        ("Pacific/Apia", "10:00", json!("2011-12-30"), "2011-12-30T20:00:00Z"),
        ("Asia/Kathmandu", "09:00", json!("2026-04-15"), "2026-04-15T03:15:00Z"),
        // A moment is the day that it falls on in the zone.
        ("Asia/Kathmandu", "09:00", json!("2026-04-14T20:00:00Z"), "2026-04-15T03:15:00Z"),
        ("America/New_York", "09:00", json!("2026-04-15T00:00:00Z"), "2026-04-14T13:00:00Z"),
        ("America/New_York", "09:00", json!("2026-04-15T00:00:00"), "2026-04-15T13:00:00Z"),
        ("America/New_York", "09:00", json!(1_776_211_200), "2026-04-14T13:00:00Z"),
    ] {
        let trigger = parse(&trigger(&at(zone, time)));
        let after = moment("2011-01-01T00:00:00Z");
        let next = trigger.next(&value, after, Some("Europe/Berlin"), &TimeZone::UTC);
        assert_eq!(next.map(|entry| entry.enters), Some(moment(expected)), "{zone} {time} {value}");
    }
}

#[test]
fn what_is_no_date_or_beyond_the_calendar() {
    for value in [
        json!(null),
        json!("tomorrow"),
        json!("01.05.1990"),
        json!(1.5),
        json!(true),
        json!(["1990-05-01"]),
        json!({"date": "1990-05-01"}),
        json!("9999-12-31"),
        json!("-009999-01-01"),
    ] {
        let offset =
            json!({"timedelta_value_before_date": -3_660, "recurrence_frequency": "never"});
        let trigger = parse(&trigger(&offset));
        let next = trigger.next(&value, moment("2026-01-01T00:00:00Z"), None, &TimeZone::UTC);
        assert_eq!(next, None, "{value}");
    }
    let trigger = parse(&trigger(&json!({"recurrence_frequency": "weekly"})));
    let end = Timestamp::from_micros(253_402_000_000_000_000);
    assert_eq!(trigger.next(&json!("-009999-01-01"), end, None, &TimeZone::UTC), None);
    assert!(
        trigger
            .next(&json!("-009999-01-01"), moment("2026-01-01T00:00:00Z"), None, &TimeZone::UTC)
            .is_some()
    );
}

/// Whether `day` is the date or one of its recurrences, by looking at the day alone.
fn is_date(recurrence: &str, of: civil::Date, day: civil::Date) -> bool {
    let is_same_day = day.day() == of.day().min(day.days_in_month());
    day >= of
        && match recurrence {
            "never" => day == of,
            "weekly" => day.weekday() == of.weekday(),
            "monthly" => is_same_day,
            _ => is_same_day && day.month() == of.month(),
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_entry_is_left_out_and_each_comes_once(
        recurrence in select(vec!["never", "weekly", "monthly", "annually"]),
        unit in select(vec!["days", "weeks", "months"]),
        before in prop_oneof![3 => -40_i64..40, 1 => -122_i64..=122],
        zone in select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
            "Asia/Kathmandu",
        ]),
        time in select(vec!["00:00", "02:15", "02:30", "09:00", "23:59:59"]),
        days in prop_oneof![
            2 => Just(Value::Null),
            1 => prop::sample::subsequence(
                vec!["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
                1..7,
            ).prop_map(|names| json!(names)),
        ],
        of in 0_i64..4 * 366,
        start in 0_i64..6 * 366 * 86_400,
    ) {
        // Near the day that Apia left out, and a 29 February.
        let of = civil::date(2008, 1, 1) + Span::new().days(of);
        let after = Timestamp::from_seconds(moment("2007-06-01T00:00:00Z").seconds() + start);
        let given = parse(&trigger(&json!({
            "timedelta_unit_before_date": unit, "timedelta_value_before_date": before,
            "recurrence_frequency": recurrence, "timezone": zone, "trigger_time": time,
            "trigger_days": days,
        })));

        let mut expected = std::collections::BTreeMap::new();
        let known = TimeZone::get(zone).unwrap();
        let mut day = of;
        let end = civil::date(2028, 1, 1);
        while day < end {
            if is_date(recurrence, of, day) {
                let begins = day - given.unit.span(before);
                let enters = first_on(begins, &known, given.time, given.days.unwrap_or(Weekdays::ALL));
                expected.entry(enters.unwrap()).or_insert(day);
            }
            day = day.tomorrow().unwrap();
        }

        let mut now = after;
        for (enters, date) in expected.into_iter().filter(|(enters, _)| *enters > after).take(60) {
            let next = given.next(&json!(of.to_string()), now, None, &TimeZone::UTC).unwrap();
            prop_assert_eq!((next.enters, next.occasion.date), (enters, date));
            prop_assert!(next.enters > now);
            now = next.enters;
        }
    }
}
