//! Laws of [`Standing`]: it says what the evaluation says, and between now and `until` every
//! evaluation says the same. Everything in these people happens on whole hours, so that looking
//! at each hour and just after it sees every change there is.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

const HOUR: i64 = 3_600;
const HOUR_MICROS: i64 = HOUR * 1_000_000;

fn hour(hours: i64) -> Timestamp {
    Timestamp::from_micros(at().now.micros() + hours * HOUR_MICROS)
}

fn date_filter() -> impl Strategy<Value = Value> {
    let sliding =
        (select(vec!["in-the-last", "in-the-next", "at-least"]), select(vec!["hour", "day"]), 0..5)
            .prop_map(|(operator, unit, quantity)| {
                json!({"type": "date", "operator": operator, "unit": unit, "quantity": quantity})
            });
    let between = (0..40, 0..40).prop_map(|(start, end)| {
        json!({"type": "date", "operator": "between", "unit": "hour", "start": start, "end": end})
    });
    let fixed = select(vec![
        json!({"type": "date", "operator": "alltime"}),
        json!({"type": "date", "operator": "before", "date": NOW}),
        json!({"type": "date", "operator": "after", "date": NOW}),
    ]);
    prop_oneof![4 => sliding, 2 => between, 1 => fixed, 1 => calendar_filter()]
}

fn calendar_filter() -> impl Strategy<Value = Value> {
    let spans = (select(vec!["anniversary-last", "anniversary-next"]), 0..60).prop_map(
        |(operator, hours)| {
            json!({"type": "date", "operator": operator, "unit": "hour", "quantity": hours})
        },
    );
    let plain = select(vec!["anniversary", "anniversary-month"])
        .prop_map(|operator| json!({"type": "date", "operator": operator}));
    prop_oneof![spans, plain]
}

fn number_filter() -> impl Strategy<Value = Value> {
    let operators = vec![
        "equals",
        "not-equals",
        "greater-than",
        "greater-than-or-equal",
        "less-than",
        "less-than-or-equal",
    ];
    let value = select(vec![json!(-1), json!(0), json!(1), json!(2), json!(2.5), json!(4)]);
    (select(operators), value).prop_map(
        |(operator, value)| json!({"type": "numeric", "operator": operator, "value": value}),
    )
}

fn metric_filters() -> impl Strategy<Value = Value> {
    let text = json!([{"property": "k",
        "filter": {"type": "string", "operator": "equals", "value": "a"}}]);
    let date = date_filter().prop_map(|filter| json!([{"property": "d", "filter": filter}]));
    prop_oneof![3 => Just(Value::Null), 1 => Just(text), 1 => date]
}

fn metric() -> impl Strategy<Value = Value> {
    (number_filter(), date_filter(), metric_filters(), select(vec!["count", "sum"])).prop_map(
        |(number, timeframe, filters, measurement)| {
            json!({"type": "profile-metric", "metric_id": "A", "measurement": measurement,
                "measurement_filter": number, "timeframe_filter": timeframe,
                "metric_filters": filters})
        },
    )
}

fn funnel() -> impl Strategy<Value = Value> {
    let step = (select(vec!["A", "B"]), any::<bool>(), metric_filters()).prop_map(
        |(metric_id, exists, filters)| {
            json!({"metric_id": metric_id, "metric_exists": exists, "metric_filters": filters})
        },
    );
    let window = select(vec![json!(null), json!("HOURS_1"), json!("DAYS_1")]);
    (prop::collection::vec(step, 1..4), date_filter(), window).prop_map(
        |(steps, timeframe, window)| {
            json!({"type": "profile-metric-funnel", "steps": steps,
                "timeframe_filter": timeframe, "completion_window_seconds": window})
        },
    )
}

fn property() -> impl Strategy<Value = Value> {
    date_filter().prop_map(
        |filter| json!({"type": "profile-property", "property": "properties.d", "filter": filter}),
    )
}

fn membership() -> impl Strategy<Value = Value> {
    let member = date_filter().prop_map(|timeframe| {
        json!({"type": "profile-group-membership", "is_member": true,
            "group_ids": ["G", "H", "none"], "timeframe_filter": timeframe})
    });
    let stranger = json!({"type": "profile-group-membership", "is_member": false,
        "group_ids": ["none"]});
    prop_oneof![5 => member, 1 => Just(stranger)]
}

fn consent() -> impl Strategy<Value = Value> {
    (date_filter(), any::<bool>(), any::<bool>()).prop_map(|(date, can, is_suppression)| {
        let field = if is_suppression { "bounce_date" } else { "status_date" };
        json!({"type": "profile-marketing-consent", "consent": {"channel": "email",
            "can_receive_marketing": can, "consent_status": {"subscription": "any",
                "filters": [{"field": field, "filter": date}]}}})
    })
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![3 => metric(), 2 => funnel(), 1 => property(), 1 => membership(), 1 => consent()]
}

pub(super) fn filter() -> impl Strategy<Value = Value> {
    let group = prop::collection::vec(condition(), 1..3)
        .prop_map(|conditions| json!({ "conditions": conditions }));
    prop::collection::vec(group, 1..3).prop_map(|groups| json!({ "condition_groups": groups }))
}

/// A moment within some days of now, on the hour; sometimes a year ago.
fn hours() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -60_i64..60, 1 => (-60_i64..60).prop_map(|hours| hours - 365 * 24)]
}

fn past() -> impl Strategy<Value = Past> {
    let value = prop::option::of(select(vec![-1.5, 0.5, 1.0, 2.0]));
    (select(vec!["A", "B"]), hours(), value, hours(), select(vec!["a", "b"])).prop_map(
        |(metric_id, hours, value, date, key)| Past {
            metric_id,
            seconds: hour(hours).seconds(),
            value,
            properties: json!({"d": hour(date).rfc3339_micros(), "k": key})
                .as_object()
                .unwrap()
                .clone(),
        },
    )
}

pub(super) fn person() -> impl Strategy<Value = Facts> {
    let dates = prop::collection::vec(hours(), 0..3);
    let suppressions = prop::collection::vec(hours(), 0..2);
    let events = prop::collection::vec(past(), 0..10);
    (events, dates, suppressions, hours(), hours()).prop_map(
        |(history, dates, suppressions, joined, since)| {
            let dates: Vec<_> = dates.into_iter().map(|date| hour(date).rfc3339_micros()).collect();
            let bounced = |hours| (Suppression::HardBounce, hour(hours));
            let consent = Consent {
                status: Status::Subscribed,
                since: Some(hour(since)),
                suppressions: suppressions.into_iter().map(bounced).collect(),
                ..Consent::default()
            };
            Facts {
                history,
                properties: lazy(&json!({ "d": dates })),
                profile_attributes: json!({"email": "a@example.com"}).as_object().unwrap().clone(),
                groups: BTreeMap::from([("G", hour(joined)), ("H", hour(since))]),
                consents: BTreeMap::from([(Channel::EmailMarketing, consent)]),
                ..Facts::default()
            }
        },
    )
}

fn zone() -> impl Strategy<Value = TimeZone> {
    let with_summer_time = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    select(vec![TimeZone::UTC, TimeZone::fixed(jiff::tz::offset(-9)), with_summer_time])
}

/// Checks the laws from `now` on, as far as `until` or `hours` later; tells whether the answer is
/// otherwise at `until`.
fn check(filter: &Filter, facts: &Facts, now: &At, hours: i64) -> Result<bool, TestCaseError> {
    let standing = filter.stand(facts, now);
    let holds_at = |micros: i64| {
        let then = At::in_zone(Timestamp::from_micros(micros), now.zone.clone());
        filter.evaluate(facts, &then)
    };
    let start = now.now.micros();
    prop_assert_eq!(standing.holds, holds_at(start));
    let until = standing.until.map(Timestamp::micros);
    prop_assert!(until.is_none_or(|until| until > start), "{:?}", standing);
    let end = until.unwrap_or(i64::MAX).min(start + hours * HOUR_MICROS);
    let first = start.div_euclid(HOUR_MICROS) * HOUR_MICROS;
    let on_and_after =
        (0..=hours).flat_map(|hour| [first + hour * HOUR_MICROS, first + hour * HOUR_MICROS + 1]);
    for micros in on_and_after.chain([end - 1]).filter(|micros| (start..end).contains(micros)) {
        let held = holds_at(micros);
        prop_assert_eq!(held, standing.holds, "{:?} at {}", standing, micros);
    }
    Ok(until.is_some_and(|until| holds_at(until) != standing.holds))
}

proptest! {
    #[test]
    fn an_answer_stands_until_it_says(
        filter in filter(),
        facts in person(),
        zone in zone(),
        hours in -80_i64..80,
        micros in select(vec![0, 1, HOUR_MICROS / 3]),
    ) {
        let now = Timestamp::from_micros(hour(hours).micros() + micros);
        check(&segment(&filter), &facts, &At::in_zone(now, zone), 200)?;
    }

    #[test]
    fn the_turn_of_one_date_is_exact(
        condition in property(),
        date in hours(),
        zone in zone(),
        hours in -80_i64..80,
    ) {
        let filter = segment(&one(&condition));
        let properties = lazy(&json!({"d": hour(date).rfc3339_micros()}));
        let facts = Facts { properties, ..Facts::default() };
        let now = At::in_zone(hour(hours), zone);
        let is_exact = check(&filter, &facts, &now, 200)?;
        prop_assert_eq!(is_exact, filter.stand(&facts, &now).until.is_some());
    }
}

proptest! {
    // Each looks at every hour of a year.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_calendar_is_known_a_year_ahead(
        filter in calendar_filter(),
        date in -400_i64..400,
        zone in zone(),
        hours in 0_i64..9_000,
    ) {
        let filter = json!({"type": "profile-property", "property": "properties.d",
            "filter": filter});
        let dates = json!({"d": hour(24 * date).rfc3339_micros()});
        let facts = Facts { properties: lazy(&dates), ..Facts::default() };
        let now = At::in_zone(hour(hours), zone);
        let is_exact = check(&segment(&one(&filter)), &facts, &now, 9_000)?;
        prop_assert!(is_exact, "an anniversary always comes, and always goes");
    }
}

#[test]
fn every_kind_changes_its_answer_at_the_moment_it_named() {
    for (name, condition) in [
        ("metric", metric().boxed()),
        ("funnel", funnel().boxed()),
        ("property", property().boxed()),
        ("membership", membership().boxed()),
        ("consent", consent().boxed()),
    ] {
        let mut runner = TestRunner::deterministic();
        let (mut named, mut exact) = (0, 0);
        for _ in 0..300 {
            let filter = segment(&one(&condition.new_tree(&mut runner).unwrap().current()));
            let facts = person().new_tree(&mut runner).unwrap().current();
            named += i32::from(filter.stand(&facts, &at()).until.is_some());
            exact += i32::from(check(&filter, &facts, &at(), 0).unwrap());
        }
        assert!(named > 50 && exact * 3 > named, "{name}: {exact} of {named}");
    }
}
