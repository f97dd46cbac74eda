//! What flows add: chance, earlier runs, the start of the run, and outputs; and which place takes
//! which of them.

use super::*;

fn sample(percentage: i64) -> Value {
    json!({"type": "profile-sample", "percentage": percentage})
}

fn not_in_flow(timeframe: &Value) -> Value {
    json!({"type": "profile-not-in-flow", "timeframe_filter": timeframe})
}

fn since_start(operator: &str, value: i64) -> Value {
    json!({"type": "profile-metric", "metric_id": "Bought", "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": operator, "value": value},
        "timeframe_filter": {"type": "date", "operator": "flow-start"}})
}

fn output(field: &str, filter: &Value) -> Value {
    json!({"type": "action-output", "output_config_id": 1, "field": field, "filter": filter})
}

fn of_person(kind: &str) -> Value {
    json!({"type": kind, "property": "email", "field": "P", "metric_id": null,
        "filter": {"type": "existence", "operator": "is-set"}})
}

fn read(condition: &Value, kinds: Kinds) -> Filter {
    let parsed = try_parse_as(&one(condition), kinds);
    parsed.unwrap_or_else(|fault| panic!("{condition}: {fault}"))
}

/// Checks what a condition says in all three ways; gives the reason.
fn check(condition: &Value, kinds: Kinds, facts: &Facts, expected: bool) -> String {
    let filter = read(condition, kinds);
    assert_eq!(filter.evaluate(facts, &at()), expected, "{condition}");
    assert_eq!(filter.stand(facts, &at()).holds, expected, "{condition}");
    let explained = &filter.explain(facts, &at()).groups[0].conditions[0];
    assert_eq!(explained.held, expected, "{condition}: {}", explained.reason);
    explained.reason.clone()
}

#[test]
fn each_place_takes_its_kinds() {
    let any_time = json!({"type": "date", "operator": "alltime"});
    let is_set = json!({"type": "existence", "operator": "is-set"});
    let mut property = of_person("profile-property");
    property
        .as_object_mut()
        .unwrap()
        .retain(|key, _| ["type", "property", "filter"].contains(&key.as_str()));
    let event = json!({"type": "metric-property", "field": "P", "filter": is_set});
    let conditions = [
        property,
        event,
        sample(5),
        not_in_flow(&any_time),
        since_start("equals", 0),
        output("x", &is_set),
    ];
    for (kinds, taken) in [
        (KINDS, [true, true, false, false, false, false]),
        (Kinds::SEGMENT, [true, false, false, false, false, false]),
        (Kinds::FLOW_PROFILE_FILTER, [true, false, true, true, true, false]),
        (Kinds::FLOW_SPLIT, [true, false, true, false, true, false]),
        (Kinds::FLOW_TRIGGER, [false, true, false, false, false, false]),
        (Kinds::FLOW_BRANCH, [true, true, true, false, true, false]),
        (Kinds::FLOW_OUTPUT, [false, false, false, false, false, true]),
    ] {
        for (condition, expected) in conditions.iter().zip(taken) {
            let parsed = try_parse_as(&one(condition), kinds);
            assert_eq!(parsed.is_ok(), expected, "{condition} in {}: {parsed:?}", kinds.place);
        }
        for name in ["profile-not-sent-email", "profile-not-sent-sms", "profile-not-sent-push"] {
            let fault = try_parse_as(&one(&json!({"type": name})), kinds).unwrap_err();
            let why = format!(
                "`{name}` is not available in {}, as it needs a record of messages that were sent, \
                 which tidings does not have; possible are",
                kinds.place
            );
            assert!(fault.detail.starts_with(&why), "{fault}");
        }
    }
}

#[test]
fn each_fault_points_at_its_field() {
    let date = |operator: &str| json!({"type": "date", "operator": operator});
    let funnel = json!({"type": "profile-metric-funnel", "timeframe_filter": date("flow-start"),
        "steps": [{"metric_exists": true, "metric_id": "A"}]});
    let group = json!({"type": "profile-group-membership", "is_member": true,
        "group_ids": ["AAAAAA"], "timeframe_filter": date("flow-start")});
    let mut long = since_start("equals", 0);
    long["timeframe_filter"]["quantity"] = 1.into();
    let mut odd = since_start("equals", 0);
    odd["timeframe_filter"]["type"] = "string".into();
    let not_here = "`flow-start` counts from the start of a flow and is not available here";
    let is_set = json!({"type": "existence", "operator": "is-set"});
    let mut third = output("x", &is_set);
    third["output_config_id"] = 0.into();
    for (kinds, condition, pointer, part) in [
        (Kinds::FLOW_SPLIT, sample(101), "/percentage", "a whole number from 0 to 100, not 101"),
        (Kinds::FLOW_SPLIT, sample(-1), "/percentage", "a whole number from 0 to 100, not -1"),
        (
            Kinds::FLOW_SPLIT,
            json!({"type": "profile-sample", "percentage": 2.5}),
            "/percentage",
            "not 2.5",
        ),
        (Kinds::FLOW_SPLIT, json!({"type": "profile-sample"}), "/percentage", "is required"),
        (
            Kinds::FLOW_SPLIT,
            json!({"type": "profile-sample", "percentage": 1, "seed": 1}),
            "/seed",
            "is not a key",
        ),
        (
            Kinds::FLOW_PROFILE_FILTER,
            json!({"type": "profile-not-in-flow"}),
            "/timeframe_filter",
            "is required",
        ),
        (
            Kinds::FLOW_PROFILE_FILTER,
            not_in_flow(
                &json!({"type": "date", "operator": "at-least", "unit": "day", "quantity": 1}),
            ),
            "/timeframe_filter/operator",
            "must be `alltime` or `in-the-last`",
        ),
        (
            Kinds::FLOW_PROFILE_FILTER,
            not_in_flow(&date("flow-start")),
            "/timeframe_filter/operator",
            not_here,
        ),
        (Kinds::FLOW_SPLIT, funnel, "/timeframe_filter/operator", not_here),
        (Kinds::FLOW_SPLIT, group, "/timeframe_filter/operator", not_here),
        (Kinds::FLOW_SPLIT, long, "/timeframe_filter/quantity", "is not a key"),
        (Kinds::FLOW_SPLIT, odd, "/timeframe_filter/type", "possible are `date`"),
        (Kinds::FLOW_OUTPUT, third, "/output_config_id", "a whole number from 1 to 16"),
        (Kinds::FLOW_OUTPUT, output("", &is_set), "/field", "such as `order_id`"),
        (Kinds::FLOW_OUTPUT, output("x", &json!(null)), "/filter", "must be an object"),
    ] {
        let fault = try_parse_as(&one(&condition), kinds).expect_err(&condition.to_string());
        let at = format!("/data/attributes/filter/condition_groups/0/conditions/0{pointer}");
        assert_eq!(fault.pointer, at, "{condition}: {fault}");
        assert!(fault.detail.contains(part), "{condition}: {fault}");
    }
}

/// An odd multiplier spreads small numbers over 128 bits, as the ids of runs are spread.
fn seed(number: u128) -> Option<u128> {
    Some(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn run(number: u128) -> Facts {
    Facts { sample_seed: seed(number), ..Facts::default() }
}

#[test]
fn a_sample_has_its_share_and_falls_the_same_each_time() {
    const RUNS: u128 = 10_000;
    for percentage in [0, 1, 10, 50, 90, 100] {
        let filter = read(&sample(percentage), Kinds::FLOW_SPLIT);
        let holds = |number: u128| filter.evaluate(&run(number), &at());
        let count = (0..RUNS).filter(|number| holds(*number)).count() as i64;
        // Three standard deviations of 10,000 fair draws are 150 at most.
        assert!((count - percentage * 100).abs() <= 150, "{percentage} %: {count}");
        assert!(matches!(percentage, 1..=99) || count == percentage * 100, "{percentage}: {count}");
    }
    assert!(!read(&sample(100), Kinds::FLOW_SPLIT).evaluate(&Facts::default(), &at()));
}

#[test]
fn what_a_run_draws_does_not_change_with_versions() {
    let drawn = |number: u128| {
        let reason = check(&sample(100), Kinds::FLOW_SPLIT, &run(number), true);
        reason.strip_prefix("the run drew ").unwrap().split(' ').next().unwrap().to_owned()
    };
    assert_eq!([0, 1, 2, 3].map(drawn), ["63", "38", "44", "72"]);
}

#[test]
fn two_samples_of_a_filter_are_independent() {
    let filter = try_parse_as(
        &json!({"condition_groups": [
            {"conditions": [sample(50)]}, {"conditions": [sample(50)]}]}),
        Kinds::FLOW_SPLIT,
    );
    let (filter, either) = (
        filter.unwrap(),
        try_parse_as(
            &json!({"condition_groups": [{"conditions": [sample(50), sample(50)]}]}),
            Kinds::FLOW_SPLIT,
        )
        .unwrap(),
    );
    let share =
        |filter: &Filter| (0..4_000).filter(|number| filter.evaluate(&run(*number), &at())).count();
    assert!((900..1_100).contains(&share(&filter)), "both: {}", share(&filter));
    assert!((2_900..3_100).contains(&share(&either)), "either: {}", share(&either));
}

#[test]
fn earlier_runs() {
    let last = |days: i64| json!({"type": "date", "operator": "in-the-last", "unit": "day", "quantity": days});
    let any_time = json!({"type": "date", "operator": "alltime"});
    let entered = |time: &str| Facts { entered_flow: Some(moment(time)), ..Facts::default() };
    for (timeframe, facts, expected, reason) in [
        (&any_time, Facts::default(), true, "the person has not entered the flow before"),
        (
            &any_time,
            entered("2020-01-01T00:00:00Z"),
            false,
            "the person last entered the flow 2020-01-01T00:00:00+00:00",
        ),
        (&last(7), Facts::default(), true, "the person has not entered the flow before"),
        (
            &last(7),
            entered("2026-04-08T12:00:00Z"),
            false,
            "the person last entered the flow 2026-04-08T12:00:00+00:00, in the last 7 days",
        ),
        (
            &last(7),
            entered("2026-04-08T11:59:59Z"),
            true,
            "the person last entered the flow 2026-04-08T11:59:59+00:00, not in the last 7 days",
        ),
    ] {
        let given = check(&not_in_flow(timeframe), Kinds::FLOW_PROFILE_FILTER, &facts, expected);
        assert_eq!(given, reason, "{timeframe}");
    }
    let filter = read(&not_in_flow(&last(7)), Kinds::FLOW_PROFILE_FILTER);
    let standing = filter.stand(&entered("2026-04-10T00:00:00Z"), &at());
    assert_eq!(standing.until, Some(moment("2026-04-17T00:00:00.000001Z")));
}

#[test]
fn events_since_the_start_of_the_run() {
    let person = |start: Option<&str>| Facts {
        flow_start: start.map(moment),
        history: ["2026-04-10T00:00:00Z", "2026-04-12T08:00:00Z", "2026-04-14T00:00:00Z"]
            .map(|time| Past::new("Bought", time))
            .to_vec(),
        ..Facts::default()
    };
    for (start, count) in [
        (Some("2026-04-09T00:00:00Z"), 3),
        // Of the second in which the run began nothing counts, nor what came before it.
        (Some("2026-04-12T07:59:59.999999Z"), 2),
        (Some("2026-04-12T08:00:00Z"), 1),
        (Some("2026-04-12T08:00:00.500000Z"), 1),
        (Some("2026-04-15T00:00:00Z"), 0),
        (None, 0),
    ] {
        let facts = person(start);
        for kinds in [Kinds::FLOW_PROFILE_FILTER, Kinds::FLOW_SPLIT, Kinds::FLOW_BRANCH] {
            check(&since_start("equals", count), kinds, &facts, true);
            check(&since_start("greater-than", count), kinds, &facts, false);
        }
    }
    let reason = check(
        &since_start("equals", 0),
        Kinds::FLOW_SPLIT,
        &person(Some("2026-04-15T00:00:00Z")),
        true,
    );
    assert_eq!(
        reason,
        "the number of events of metric `Bought` since the flow began at \
         2026-04-15T00:00:00+00:00 is 0, equal to 0"
    );
    assert!(
        read(&since_start("equals", 0), Kinds::FLOW_SPLIT).touches().metrics.contains("Bought")
    );
}

#[test]
fn outputs() {
    let facts = Facts {
        outputs: json!({"order_id": "A-1", "total": 12, "none": null}).as_object().unwrap().clone(),
        ..Facts::default()
    };
    let text = json!({"type": "string", "operator": "equals", "value": "A-1"});
    let more = json!({"type": "numeric", "operator": "greater-than", "value": 20});
    let unset = json!({"type": "existence", "operator": "not-set"});
    for (field, filter, expected, reason) in [
        ("order_id", &text, true, "`order_id` is \"A-1\", equal to \"A-1\""),
        ("other", &text, false, "`other` is not set"),
        ("total", &more, false, "`total` is 12, not greater than 20"),
        ("none", &unset, true, "`none` is not set"),
        ("total", &unset, false, "`total` is set, to 12"),
    ] {
        let given = check(&output(field, filter), Kinds::FLOW_OUTPUT, &facts, expected);
        assert_eq!(given, reason);
    }
}

#[test]
fn a_filter_tells_the_metrics_that_it_is_bound_to() {
    let is_set = json!({"type": "existence", "operator": "is-set"});
    let bound = |metric: Value| json!({"type": "metric-property", "metric_id": metric, "field": "P", "filter": is_set});
    let filter = parse(&json!({"condition_groups": [
        {"conditions": [bound(json!("SkDfHe")), bound(json!(null))]},
        {"conditions": [bound(json!("Other1"))]}]}));
    assert_eq!(filter.event_metrics(), BTreeSet::from(["Other1", "SkDfHe"]));
}

#[test]
fn the_day_that_a_value_is() {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    for (value, name, day) in [
        (json!("2026-04-13"), "Pacific/Apia", Some("2026-04-13")),
        (json!("2026-04-13 23:30:00"), "Asia/Kathmandu", Some("2026-04-13")),
        (json!("2026-04-13T23:30:00Z"), "Europe/Berlin", Some("2026-04-14")),
        (json!("2026-04-13T00:00:00+02:00"), "America/New_York", Some("2026-04-12")),
        (json!(0), "America/New_York", Some("1969-12-31")),
        (json!(0), "Asia/Kathmandu", Some("1970-01-01")),
        (json!("13.04.2026"), "UTC", None),
        (json!(1.5), "UTC", None),
        (json!(null), "UTC", None),
        (json!(["2026-04-13"]), "UTC", None),
    ] {
        let expected = day.map(|day| day.parse().unwrap());
        assert_eq!(day_of(&value, &zone(name)), expected, "{value} in {name}");
    }
}
