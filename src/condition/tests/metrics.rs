//! `profile-metric`: what is counted and added up.

use super::*;

fn condition(measurement: &str, filter: Value, timeframe: &Value) -> Value {
    let mut measured = filter;
    measured["type"] = "numeric".into();
    json!({"type": "profile-metric", "metric_id": "Opened", "measurement": measurement,
        "measurement_filter": measured, "timeframe_filter": timeframe, "metric_filters": null})
}

fn last(days: i64) -> Value {
    json!({"type": "date", "operator": "in-the-last", "unit": "day", "quantity": days})
}

/// Three events of the last week, an older and a future one, and one of another metric.
fn person() -> Facts {
    let worth = |time: &str, value: f64, plan: &str| Past {
        value: Some(value),
        properties: json!({"plan": plan, "items": [{"sku": "a"}]}).as_object().unwrap().clone(),
        ..Past::new("Opened", time)
    };
    let history = vec![
        worth("2026-04-15T11:59:59Z", 9.99, "pro"),
        worth("2026-04-12T12:00:00Z", 9.99, "free"),
        worth("2026-04-10T00:00:00Z", 9.99, "pro"),
        Past::new("Opened", "2025-04-15T12:00:00Z"),
        worth("2026-04-16T12:00:00Z", 100.0, "pro"),
        Past::new("Other", "2026-04-15T11:00:00Z"),
    ];
    Facts { history, ..Facts::default() }
}

#[test]
fn counts_compare_by_all_operators() {
    for (operator, value, expected) in [
        ("equals", json!(3), true),
        ("equals", json!(2), false),
        ("equals", json!(3.5), false),
        ("not-equals", json!(3), false),
        ("not-equals", json!(0), true),
        ("greater-than", json!(2), true),
        ("greater-than", json!(3), false),
        ("greater-than", json!(-1), true),
        ("greater-than-or-equal", json!(3), true),
        ("greater-than-or-equal", json!(2.5), true),
        ("greater-than-or-equal", json!(3.5), false),
        ("less-than", json!(4), true),
        ("less-than", json!(3), false),
        ("less-than", json!(0), false),
        ("less-than-or-equal", json!(3), true),
        ("less-than-or-equal", json!(2), false),
    ] {
        let filter = json!({"operator": operator, "value": value});
        check_person(&condition("count", filter, &last(7)), &person(), expected);
    }
    let between = |start, end| json!({"operator": "between", "start": start, "end": end});
    check_person(&condition("count", between(1, 3), &last(7)), &person(), true);
    check_person(&condition("count", between(4, 9), &last(7)), &person(), false);
}

#[test]
fn every_shape_of_a_timeframe_counts_what_it_should() {
    let fixed = |operator: &str| json!({"type": "date", "operator": operator});
    let span = |operator: &str, unit: &str, quantity: i64| json!({"type": "date", "operator": operator, "unit": unit, "quantity": quantity});
    let with_date =
        |operator: &str, date: &str| json!({"type": "date", "operator": operator, "date": date});
    for (timeframe, count) in [
        (fixed("alltime"), 5),
        (with_date("before", "2026-04-12T12:00:00Z"), 2),
        (with_date("before", "2026-04-12T12:00:00.000001Z"), 3),
        (with_date("after", "2026-04-12T12:00:00Z"), 2),
        (with_date("after", "2026-04-12T11:59:59.999999Z"), 3),
        (
            json!({"type": "date", "operator": "between-static",
                "start": "2026-04-10", "end": "2026-04-12T12:00:00"}),
            2,
        ),
        (span("in-the-last", "day", 3), 2),
        (span("in-the-last", "hour", 71), 1),
        (span("in-the-next", "week", 1), 1),
        (span("in-the-next", "hour", 23), 0),
        (span("at-least", "day", 3), 3),
        (span("at-least", "week", 52), 1),
        (json!({"type": "date", "operator": "between", "start": 3, "end": 6, "unit": "day"}), 2),
        (fixed("anniversary"), 2),
        (fixed("anniversary-month"), 5),
        (span("anniversary-last", "day", 3), 3),
        (span("anniversary-next", "day", 1), 3),
        (json!({"type": "date", "operator": "calendar-month", "value": 4}), 5),
        (json!({"type": "date", "operator": "calendar-month", "value": 5}), 0),
    ] {
        let exactly = |count: i64| json!({"operator": "equals", "value": count});
        check_person(&condition("count", exactly(count), &timeframe), &person(), true);
        check_person(&condition("count", exactly(count + 1), &timeframe), &person(), false);
    }
}

#[test]
fn values_add_up_exactly() {
    let sum = |operator: &str, value: f64| {
        condition("sum", json!({"operator": operator, "value": value}), &last(7))
    };
    check_person(&sum("equals", 29.97), &person(), true);
    check_person(&sum("greater-than", 29.97), &person(), false);
    check_person(&sum("greater-than", 29.96), &person(), true);
    let nothing = Facts { history: vec![Past::new("Opened", NOW)], ..Facts::default() };
    check_person(&sum("equals", 0.0), &nothing, true);
    check_person(&sum("equals", 0.0), &Facts::default(), true);
}

#[test]
fn filters_look_at_the_properties_of_each_event() {
    let count = |filters: Value, expected: i64| {
        let filter = json!({"operator": "equals", "value": expected});
        let mut condition = condition("count", filter, &last(7));
        condition["metric_filters"] = filters;
        check_person(&condition, &person(), true)
    };
    let plan = |operator: &str| {
        json!({"property": "plan",
            "filter": {"type": "string", "operator": operator, "value": "pro"}})
    };
    let dear = json!({"property": "$value",
        "filter": {"type": "numeric", "operator": "greater-than", "value": 9}});
    let sku = json!({"property": "items.sku",
        "filter": {"type": "string", "operator": "in", "value": ["a", "b"]}});
    let missing = json!({"property": "none",
        "filter": {"type": "existence", "operator": "is-set"}});
    count(json!([]), 3);
    count(json!([plan("equals")]), 2);
    count(json!([plan("not-equals")]), 1);
    count(json!([plan("equals"), dear, sku]), 2);
    let reason = count(json!([missing]), 0);
    assert_eq!(
        reason,
        "the number of events of metric `Opened` that fit the filters in the last 7 days is 0, \
         equal to 0"
    );
}

#[test]
fn the_reason_tells_the_measure() {
    let reason = |measurement: &str, operator: &str, value: f64, held: bool| {
        let filter = json!({"operator": operator, "value": value});
        check_person(&condition(measurement, filter, &last(7)), &person(), held)
    };
    let events = "events of metric `Opened` in the last 7 days";
    assert_eq!(
        reason("count", "greater-than-or-equal", 5.0, false),
        format!("the number of {events} is 3, not at least 5")
    );
    assert_eq!(
        reason("count", "not-equals", 3.0, false),
        format!("the number of {events} is 3, equal to 3")
    );
    assert_eq!(
        reason("sum", "greater-than", 5.0, true),
        format!("the values of {events} add up to 29.97, greater than 5")
    );
}

#[test]
fn a_count_reads_no_more_events_than_decide() {
    let many = (0..500).map(|age| Past {
        metric_id: "Opened",
        seconds: at().now.seconds() - age,
        ..Past::default()
    });
    let facts = Facts { history: many.collect(), ..Facts::default() };
    for (operator, value, read) in [
        ("greater-than-or-equal", 5, 5),
        ("less-than", 5, 5),
        ("greater-than", 5, 6),
        ("equals", 5, 6),
        ("not-equals", 5, 6),
        ("less-than-or-equal", 5, 6),
        ("greater-than-or-equal", 0, 0),
    ] {
        let filter = json!({"operator": operator, "value": value});
        let filter = segment(&one(&condition("count", filter, &last(7))));
        facts.shown.set(0);
        let held = filter.evaluate(&facts, &at());
        assert_eq!(facts.shown.take(), read, "{operator}");
        assert_eq!(filter.stand(&facts, &at()).holds, held, "{operator}");
        assert_eq!(facts.shown.take(), read, "{operator}");
    }
}
