//! The calendar over changes of the clocks: cases of real zones, then each minute of some of their
//! weeks.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;

const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Toronto",
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text}"))
}

fn time(text: &str) -> TimeOfDay {
    TimeOfDay::parse(&json!(text)).unwrap()
}

fn days(names: &[&str]) -> Weekdays {
    if names.is_empty() { Weekdays::ALL } else { Weekdays::parse(&json!(names)).unwrap() }
}

#[test]
fn the_first_moment_of_a_local_time() {
    for (name, from, at, on, expected) in [
        // An ordinary day: now, in a moment, and tomorrow.
        ("UTC", "2026-04-15T12:00:00Z", "12:00", &[] as &[&str], "2026-04-15T12:00:00Z"),
        ("UTC", "2026-04-15T11:59:59.999999Z", "12:00", &[], "2026-04-15T12:00:00Z"),
        ("UTC", "2026-04-15T12:00:00.000001Z", "12:00", &[], "2026-04-16T12:00:00Z"),
        ("Asia/Kathmandu", "2026-04-13T03:00:00Z", "09:00", &[], "2026-04-13T03:15:00Z"),
        ("Asia/Kathmandu", "2026-04-13T20:00:00Z", "00:00", &[], "2026-04-14T18:15:00Z"),
        // Days of the week; the 15th is a Wednesday.
        ("UTC", "2026-04-15T12:00:00Z", "09:00", &["monday"], "2026-04-20T09:00:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", "12:00", &["wednesday"], "2026-04-15T12:00:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", "11:59", &["wednesday"], "2026-04-22T11:59:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", "09:00", &["sunday", "friday"], "2026-04-17T09:00:00Z"),
        // In Kathmandu it is Thursday by then.
        ("Asia/Kathmandu", "2026-04-15T18:30:00Z", "01:00", &["thursday"], "2026-04-15T19:15:00Z"),
        // Berlin, forward from 02:00 to 03:00 and back from 03:00 to 02:00, both at 01:00 UTC.
        ("Europe/Berlin", "2026-03-29T00:30:00Z", "02:30", &[], "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T00:30:00Z", "02:00", &[], "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T00:30:00Z", "03:00", &[], "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "02:30", &[], "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29T01:00:01Z", "02:30", &[], "2026-03-30T00:30:00Z"),
        ("Europe/Berlin", "2026-10-25T00:00:00Z", "02:30", &[], "2026-10-25T00:30:00Z"),
        ("Europe/Berlin", "2026-10-25T00:31:00Z", "02:30", &[], "2026-10-26T01:30:00Z"),
        ("Europe/Berlin", "2026-10-25T01:10:00Z", "02:30", &[], "2026-10-26T01:30:00Z"),
        // New York, on a Sunday of its own.
        ("America/New_York", "2026-03-08T05:00:00Z", "02:30", &["sunday"], "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T04:00:00Z", "01:30", &["sunday"], "2026-11-01T05:30:00Z"),
        // Lord Howe moves by half an hour.
        ("Australia/Lord_Howe", "2026-10-03T15:00:00Z", "02:15", &[], "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T14:00:00Z", "01:45", &[], "2026-04-04T14:45:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T14:46:00Z", "01:45", &[], "2026-04-05T15:15:00Z"),
        // Apia had no Friday, 30 December 2011.
        ("Pacific/Apia", "2011-12-29T22:00:00Z", "10:00", &[], "2011-12-30T20:00:00Z"),
        ("Pacific/Apia", "2011-12-29T22:00:00Z", "10:00", &["friday"], "2012-01-05T20:00:00Z"),
        // Toronto once went from 23:30 to 00:30 of the next day, a Monday.
        ("America/Toronto", "1919-03-31T04:00:00Z", "23:45", &["sunday"], "1919-03-31T04:30:00Z"),
        ("America/Toronto", "1919-03-31T04:30:00Z", "23:45", &["sunday"], "1919-03-31T04:30:00Z"),
        ("America/Toronto", "1919-03-31T04:00:00Z", "00:15", &["monday"], "1919-03-31T04:30:00Z"),
    ] {
        let given = first_at(moment(from), &zone(name), time(at), days(on));
        assert_eq!(given, moment(expected), "{at} on {on:?} in {name} from {from}");
    }
}

#[test]
fn days_by_the_calendar() {
    for (name, from, count, on, expected) in [
        ("Europe/Berlin", "2026-03-28T01:30:00.25Z", 1, &[] as &[&str], "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-28T12:00:00.25Z", 1, &[], "2026-03-29T11:00:00.25Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z", 1, &[], "2026-10-25T13:00:00Z"),
        ("Europe/Berlin", "2026-10-24T00:30:00Z", 1, &[], "2026-10-25T00:30:00Z"),
        // Twice 02:30: one day later is the same for both.
        ("Europe/Berlin", "2026-10-25T00:30:00Z", 1, &[], "2026-10-26T01:30:00Z"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", 1, &[], "2026-10-26T01:30:00Z"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", 0, &[], "2026-10-25T01:30:00Z"),
        ("Pacific/Apia", "2011-12-29T22:00:00Z", 1, &[], "2011-12-30T22:00:00Z"),
        ("Pacific/Apia", "2011-12-29T22:00:00Z", 2, &[], "2011-12-30T22:00:00Z"),
        ("UTC", "2026-01-31T09:00:00Z", 30, &[], "2026-03-02T09:00:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", 0, &["wednesday"], "2026-04-15T12:00:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", 0, &["tuesday"], "2026-04-21T12:00:00Z"),
        ("UTC", "2026-04-15T12:00:00Z", 1, &["monday", "saturday"], "2026-04-18T12:00:00Z"),
    ] {
        let given = days_after(moment(from), count, &zone(name), days(on));
        assert_eq!(given, moment(expected), "{count} days after {from} in {name}, on {on:?}");
    }
}

#[test]
fn the_ends_of_the_calendar_are_no_end_of_the_program() {
    for micros in [i64::MIN, i64::MAX, 253_402_207_200_000_000] {
        let from = Timestamp::from_micros(micros);
        assert!(first_at(from, &zone("UTC"), time("12:00"), Weekdays::ALL) >= from);
        assert!(days_after(from, 366, &zone("UTC"), Weekdays::ALL) >= from);
    }
    assert_eq!(first_on(civil::Date::MAX, &zone("UTC"), time("23:59"), Weekdays::ALL), None);
}

#[test]
fn zones() {
    for (given, name) in
        [("profile", "profile"), ("Europe/Berlin", "Europe/Berlin"), ("UTC", "UTC")]
    {
        assert_eq!(Zone::parse(&json!(given)).unwrap().name(), name);
    }
    for wrong in ["", "Profile", "europe/berlin", "Berlin", "+02:00", "Etc/Unknown", "CET-1CEST"] {
        let fault = Zone::parse(&json!(wrong)).expect_err(wrong);
        assert!(fault.detail.contains("such as `Europe/Berlin`"), "{fault}");
    }
    let account = zone("America/New_York");
    for (own, person, expected) in [
        ("profile", Some("Asia/Kathmandu"), "Asia/Kathmandu"),
        ("profile", Some(" asia/kathmandu "), "Asia/Kathmandu"),
        ("profile", None, "America/New_York"),
        ("profile", Some("Atlantis"), "America/New_York"),
        ("profile", Some("Etc/Unknown"), "America/New_York"),
        ("profile", Some(""), "America/New_York"),
        ("Europe/Berlin", Some("Asia/Kathmandu"), "Europe/Berlin"),
    ] {
        let given = Zone::parse(&json!(own)).unwrap().of(person, &account);
        assert_eq!(given.iana_name(), Some(expected), "{own} of {person:?}");
    }
}

#[test]
fn times_of_the_day() {
    for (given, written) in
        [("00:00", "00:00:00"), ("09:05:07", "09:05:07"), ("23:59:59", "23:59:59")]
    {
        assert_eq!(time(given).to_string(), written);
    }
    for wrong in ["", "9:00", "24:00", "12:60", "12:00:60", "12", "12:00:00:00", "+1:00", "12:00Z"]
    {
        let fault = TimeOfDay::parse(&json!(wrong)).expect_err(wrong);
        assert!(fault.detail.contains("\"09:30\""), "{fault}");
    }
    assert!(TimeOfDay::parse(&json!(9)).is_err());
}

#[test]
fn days_of_the_week() {
    let some = Weekdays::parse(&json!(["sunday", "monday", "friday"])).unwrap();
    assert_eq!(some.names(), ["monday", "friday", "sunday"]);
    assert_eq!(Weekdays::ALL.names(), WEEKDAYS);
    for (wrong, pointer, part) in [
        (json!([]), "", "a list of days"),
        (json!("monday"), "", "a list of days"),
        (json!(["monday", "Tuesday"]), "/1", "one of `monday`, `tuesday`"),
        (json!([1]), "/0", "must be a day"),
        (json!(["monday", "friday", "monday"]), "/2", "stands twice"),
    ] {
        let fault = Weekdays::parse(&wrong).expect_err(&wrong.to_string());
        assert_eq!(fault.pointer, pointer, "{wrong}");
        assert!(fault.detail.contains(part), "{fault}");
    }
}

/// Whether it is `at` on one of the days from this minute on, for the first time, or a gap that it
/// lies in ends here: by the clocks of the minutes before alone.
fn is_due(minute: i64, zone: &TimeZone, at: civil::Time, on: Weekdays) -> bool {
    let clock = |minute: i64| local(Timestamp::from_seconds(minute * 60), zone);
    let (before, now) = (clock(minute - 1), clock(minute));
    let is_jump = before + jiff::Span::new().minutes(1) < now;
    let was_before = || (1..=120).any(|earlier| clock(minute - earlier) == now);
    let mut skipped = if is_jump { before + jiff::Span::new().minutes(1) } else { now };
    while skipped <= now {
        if skipped.time() == at && on.contains(skipped.date()) && !was_before() {
            return true;
        }
        skipped += jiff::Span::new().minutes(1);
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_comes_before_the_first(
        name in select(ZONES.to_vec()),
        // Around a change of the clocks in each of them, and elsewhere in the year.
        start in select(vec![
            "2026-03-06T00:00:00Z", "2026-03-27T00:00:00Z", "2026-04-02T00:00:00Z",
            "2026-10-02T00:00:00Z", "2026-10-24T00:00:00Z", "2026-10-30T00:00:00Z",
            "2026-07-01T00:00:00Z",
        ]),
        offset in 0_i64..3 * 1_440,
        hour in prop_oneof![3 => 0_i8..4, 1 => 4_i8..24],
        minute in 0_i8..60,
        mask in 1_u8..128,
    ) {
        let (zone, on) = (zone(name), Weekdays(mask));
        let at = civil::Time::constant(hour, minute, 0, 0);
        let from = moment(start).seconds() / 60 + offset;
        let given = first_at(Timestamp::from_seconds(from * 60), &zone, TimeOfDay(at), on);
        let expected = (from..).find(|minute| is_due(*minute, &zone, at, on)).unwrap();
        prop_assert_eq!(given, Timestamp::from_seconds(expected * 60));
    }
}
