//! The moments at which an answer next changes, where they are known exactly, and what is read to
//! know them.

use super::*;

fn standing(holds: bool, until: Option<&str>) -> Standing {
    Standing { holds, until: until.map(moment) }
}

fn span(operator: &str, unit: &str, quantity: i64) -> Value {
    json!({"type": "date", "operator": operator, "unit": unit, "quantity": quantity})
}

fn on_date(filter: &Value) -> Value {
    json!({"type": "profile-property", "property": "properties.d", "filter": filter})
}

fn with_date(date: &Value) -> Facts {
    Facts { properties: lazy(&json!({ "d": date })), ..Facts::default() }
}

/// Checks what a filter says of a date.
fn check_dates(rows: &[(Value, &str, Standing)]) {
    for (filter, date, expected) in rows {
        let parsed = segment(&one(&on_date(filter)));
        assert_eq!(parsed.stand(&with_date(&json!(date)), &at()), *expected, "{filter} on {date}");
    }
}

#[test]
fn dates() {
    let between = json!({"type": "date", "operator": "between", "start": 1, "end": 3,
        "unit": "day"});
    let fixed = |operator: &str| json!({"type": "date", "operator": operator});
    check_dates(&[
        (
            span("in-the-last", "day", 1),
            "2026-04-15T10:00:00Z",
            standing(true, Some("2026-04-16T10:00:00.000001Z")),
        ),
        (
            span("in-the-last", "day", 1),
            "2026-04-14T12:00:00Z",
            standing(true, Some("2026-04-15T12:00:00.000001Z")),
        ),
        (span("in-the-last", "day", 1), "2026-04-14T11:00:00Z", standing(false, None)),
        (
            span("in-the-last", "day", 1),
            "2026-04-15T13:00:00Z",
            standing(false, Some("2026-04-15T13:00:00Z")),
        ),
        (
            span("in-the-next", "day", 1),
            "2026-04-17T12:00:00Z",
            standing(false, Some("2026-04-16T12:00:00Z")),
        ),
        (
            span("in-the-next", "day", 1),
            "2026-04-16T12:00:00Z",
            standing(true, Some("2026-04-16T12:00:00.000001Z")),
        ),
        (span("in-the-next", "day", 1), "2026-04-15T11:00:00Z", standing(false, None)),
        (
            span("at-least", "day", 30),
            "2026-04-15T12:00:00Z",
            standing(false, Some("2026-05-15T12:00:00Z")),
        ),
        (span("at-least", "day", 30), "2026-03-01", standing(true, None)),
        (between.clone(), "2026-04-15T12:00:00Z", standing(false, Some("2026-04-16T12:00:00Z"))),
        (
            between.clone(),
            "2026-04-14T12:00:00Z",
            standing(true, Some("2026-04-17T12:00:00.000001Z")),
        ),
        (between, "2026-04-12T11:59:59Z", standing(false, None)),
        (fixed("alltime"), "2026-04-15", standing(true, None)),
        (
            json!({"type": "date", "operator": "before", "date": "2026-05-01"}),
            "2026-04-15",
            standing(true, None),
        ),
    ]);
}

#[test]
fn days_of_the_calendar() {
    let fixed = |operator: &str| json!({"type": "date", "operator": operator});
    check_dates(&[
        (fixed("anniversary"), "1990-04-15", standing(true, Some("2026-04-16T00:00:00Z"))),
        (fixed("anniversary"), "1990-04-14", standing(false, Some("2027-04-14T00:00:00Z"))),
        (fixed("anniversary"), "1992-02-29", standing(false, Some("2027-02-28T00:00:00Z"))),
        (fixed("anniversary-month"), "1990-04-01", standing(true, Some("2026-05-01T00:00:00Z"))),
        (fixed("anniversary-month"), "1990-01-31", standing(false, Some("2027-01-01T00:00:00Z"))),
        (
            span("anniversary-last", "day", 7),
            "1990-04-10",
            standing(true, Some("2026-04-18T00:00:00Z")),
        ),
        (
            span("anniversary-last", "hour", 5),
            "1990-04-15",
            standing(true, Some("2026-04-16T05:00:00Z")),
        ),
        (
            span("anniversary-next", "day", 7),
            "1990-04-25",
            standing(false, Some("2026-04-18T00:00:00Z")),
        ),
        (
            span("anniversary-next", "day", 7),
            "1990-04-22",
            standing(true, Some("2026-04-23T00:00:00Z")),
        ),
        (span("anniversary-next", "day", 365), "1990-04-15", standing(true, None)),
        (span("anniversary-last", "day", 1_000), "1990-04-15", standing(true, None)),
        (
            json!({"type": "date", "operator": "calendar-month", "value": 4}),
            "1990-04-15",
            standing(true, None),
        ),
    ]);
}

#[test]
fn a_span_of_nearly_a_year_misses_an_anniversary_only_where_a_leap_day_comes() {
    const DAY: i64 = 86_400_000_000;
    for operator in ["anniversary-last", "anniversary-next"] {
        for (days, born) in (362..=367).flat_map(|days| {
            ["1990-04-15", "1992-02-29", "1990-03-01", "1990-12-31"].map(|born| (days, born))
        }) {
            let filter = segment(&one(&on_date(&span(operator, "day", days))));
            let facts = with_date(&json!(born));
            for now in ["2028-05-01", "2026-02-28", "2096-03-02"].map(moment) {
                let holds = |at: Timestamp| filter.evaluate(&facts, &At::utc(at));
                let mut midnights =
                    (1..9 * 366).map(|d| Timestamp::from_micros(now.micros() + d * DAY));
                let until = midnights.find(|midnight| holds(*midnight) != holds(now));
                let expected = Standing { holds: holds(now), until };
                let found = filter.stand(&facts, &At::utc(now));
                assert_eq!(found, expected, "{operator} {days} {born} {now:?}");
            }
        }
    }
}

#[test]
fn one_of_several_dates_is_enough_and_none_is_for_ever() {
    let filter = segment(&one(&on_date(&span("in-the-last", "day", 1))));
    for (dates, expected) in [
        (
            json!(["2026-04-15T10:00:00Z", "2026-04-15T11:00:00Z"]),
            standing(true, Some("2026-04-16T11:00:00.000001Z")),
        ),
        (
            json!(["2026-04-01", "2026-04-15T18:00:00Z", "2026-04-15T17:00:00Z"]),
            standing(false, Some("2026-04-15T17:00:00Z")),
        ),
        (json!([]), standing(false, None)),
        (json!("soon"), standing(false, None)),
        (json!(null), standing(false, None)),
    ] {
        assert_eq!(filter.stand(&with_date(&dates), &at()), expected, "{dates}");
    }
}

#[test]
fn the_zone_has_its_own_days() {
    let filter = segment(&one(&on_date(&json!({"type": "date", "operator": "anniversary"}))));
    let facts = with_date(&json!("1990-04-15"));
    let seoul = At::in_zone(moment(NOW), TimeZone::fixed(jiff::tz::offset(9)));
    assert_eq!(filter.stand(&facts, &seoul), standing(true, Some("2026-04-15T15:00:00Z")));
}

fn count(operator: &str, value: f64, timeframe: &Value) -> Filter {
    segment(&one(&json!({"type": "profile-metric", "metric_id": "Opened", "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": operator, "value": value},
        "timeframe_filter": timeframe})))
}

fn opened(times: &[&str]) -> Facts {
    let history = times.iter().map(|time| Past::new("Opened", time)).collect();
    Facts { history, ..Facts::default() }
}

#[test]
fn counts_change_when_events_come_into_the_window_or_leave_it() {
    let last = span("in-the-last", "day", 2);
    let ago = span("at-least", "day", 2);
    let between = json!({"type": "date", "operator": "between", "start": 1, "end": 2,
        "unit": "day"});
    let three = ["2026-04-15T12:00:00Z", "2026-04-14T12:00:00Z", "2026-04-14T00:00:00Z"];
    let after = |time: &str| format!("{time}.000001Z");
    for (operator, value, timeframe, times, holds, until) in [
        // The newest event decides; the others may leave before.
        ("equals", 0.0, &last, &three[..], false, Some(after("2026-04-17T12:00:00"))),
        ("equals", 0.0, &last, &[][..], true, None),
        ("greater-than-or-equal", 2.0, &last, &three, true, Some(after("2026-04-16T12:00:00"))),
        ("greater-than", 2.0, &last, &three, true, Some(after("2026-04-16T00:00:00"))),
        ("greater-than", 3.0, &last, &three, false, None),
        ("equals", 3.0, &last, &three, true, Some(after("2026-04-16T00:00:00"))),
        ("equals", 1.0, &last, &three, false, Some(after("2026-04-16T12:00:00"))),
        ("less-than", 3.0, &last, &three, false, Some(after("2026-04-16T00:00:00"))),
        ("less-than-or-equal", 3.0, &last, &three, true, None),
        ("greater-than", -1.0, &last, &three, true, None),
        // Two decide, and whether a third one comes before they leave was not asked.
        (
            "equals",
            1.0,
            &last,
            &["2026-04-15", "2026-04-15"],
            false,
            Some(after("2026-04-17T00:00:00")),
        ),
        ("less-than", 1.0, &ago, &three, true, Some("2026-04-16T00:00:00Z".to_owned())),
        ("less-than", 3.0, &ago, &three, true, Some("2026-04-17T12:00:00Z".to_owned())),
        ("greater-than", 0.0, &ago, &["2026-04-01"], true, None),
        ("equals", 2.0, &between, &three, true, Some(after("2026-04-16T00:00:00"))),
    ] {
        let found = count(operator, value, timeframe).stand(&opened(times), &at());
        let expected = Standing { holds, until: until.as_deref().map(moment) };
        assert_eq!(found, expected, "{operator} {value} {timeframe} on {times:?}");
    }
}

#[test]
fn sums_change_when_an_event_takes_its_value_away() {
    let worth = |time: &str, value: f64| Past { value: Some(value), ..Past::new("Opened", time) };
    let history = vec![
        worth("2026-04-15T00:00:00Z", 10.0),
        worth("2026-04-14T12:00:00Z", -5.0),
        worth("2026-04-14T06:00:00Z", 3.0),
        worth("2026-04-14T06:00:00Z", -3.0),
        worth("2026-04-13T18:00:00Z", 20.0),
    ];
    let facts = Facts { history, ..Facts::default() };
    for (operator, value, expected) in [
        ("greater-than", 20.0, standing(true, Some("2026-04-15T18:00:00.000001Z"))),
        ("less-than", 6.0, standing(false, Some("2026-04-15T18:00:00.000001Z"))),
        ("greater-than-or-equal", 5.0, standing(true, Some("2026-04-17T00:00:00.000001Z"))),
        ("equals", 10.0, standing(false, Some("2026-04-16T12:00:00.000001Z"))),
        ("greater-than", 25.0, standing(false, None)),
    ] {
        let filter = segment(&one(&json!({"type": "profile-metric", "metric_id": "Opened",
            "measurement": "sum", "timeframe_filter": span("in-the-last", "day", 2),
            "measurement_filter": {"type": "numeric", "operator": operator, "value": value}})));
        assert_eq!(filter.stand(&facts, &at()), expected, "{operator} {value}");
    }
}

#[test]
fn the_sweep_ends_at_its_limit() {
    let many = i64::try_from(limits::CONDITION_SWEEP_EVENTS_MAX).unwrap() + 500;
    let now = at().now.seconds();
    let history: Vec<_> = (0..many)
        .map(|age| Past { metric_id: "Opened", seconds: now - age, ..Past::default() })
        .collect();
    let facts = Facts { history, ..Facts::default() };
    let day = span("in-the-last", "day", 1);
    // Of the 1,000 oldest ones, the newest is 500 seconds old; when it leaves, one asks again.
    let found = count("greater-than", 2_000.0, &day).stand(&facts, &at());
    let expected = Timestamp::from_micros((now - 500 + 86_400) * 1_000_000 + 1);
    assert_eq!(found, Standing { holds: false, until: Some(expected) });
    // What is decided before the limit is exact.
    let found = count("less-than", 1_495.0, &day).stand(&facts, &at());
    let expected = Timestamp::from_micros((now - 1_494 + 86_400) * 1_000_000 + 1);
    assert_eq!(found, Standing { holds: false, until: Some(expected) });
}

#[test]
fn history_is_read_last_and_only_if_it_matters() {
    let history = json!({"type": "profile-metric", "metric_id": "Opened", "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": 1},
        "timeframe_filter": span("in-the-last", "day", 2)});
    let set = |sense: &str| {
        json!({"type": "profile-property", "property": "email",
            "filter": {"type": "existence", "operator": sense}})
    };
    let recent = on_date(&span("in-the-last", "day", 1));
    let facts = Facts {
        properties: lazy(&json!({"d": "2026-04-15T10:00:00Z"})),
        ..opened(&["2026-04-15T11:00:00Z"])
    };
    for (groups, is_read, expected) in [
        (json!([[history, set("not-set")]]), false, standing(true, None)),
        (json!([[history], [set("is-set")]]), false, standing(false, None)),
        (
            json!([[history], [set("not-set")]]),
            true,
            standing(true, Some("2026-04-17T11:00:00.000001Z")),
        ),
        (json!([[history, recent]]), true, standing(true, Some("2026-04-17T11:00:00.000001Z"))),
        (json!([[history], [recent]]), true, standing(true, Some("2026-04-16T10:00:00.000001Z"))),
    ] {
        let group = |conditions: &Value| json!({ "conditions": conditions });
        let groups: Vec<_> = groups.as_array().unwrap().iter().map(group).collect();
        let filter = segment(&json!({ "condition_groups": groups }));
        facts.shown.set(0);
        assert_eq!(filter.stand(&facts, &at()), expected, "{groups:?}");
        assert_eq!(facts.shown.take() > 0, is_read, "{groups:?}");
    }
}
