//! What each operator holds for and what not; `null` and absent values come with every row.

use super::*;

/// A filter, values for which it holds, and values for which it does not.
type Row = (Value, Vec<Value>, Vec<Value>);

/// Checks the rows; each operator holds for an absent value and for `null` or does not.
fn check(rows: Vec<Row>, holds_for_absent: impl Fn(&str) -> bool) {
    for (filter, yes, no) in rows {
        let parsed = parse(&on_p(&filter));
        let operator = filter["operator"].as_str().unwrap();
        let judge = |properties: &Value, expected: bool| {
            let facts = event(properties);
            assert_eq!(parsed.evaluate(&facts, &at()), expected, "{filter} on {properties}");
            let explained = parsed.explain(&facts, &at());
            assert_eq!(explained.held(), expected, "{filter} on {properties}: {explained}");
        };
        judge(&json!({}), holds_for_absent(operator));
        judge(&json!({"P": null}), holds_for_absent(operator));
        yes.iter().for_each(|value| judge(&json!({ "P": value }), true));
        no.iter().for_each(|value| judge(&json!({ "P": value }), false));
    }
}

fn is_negative(operator: &str) -> bool {
    operator == "nregex" || operator.starts_with("not-") || operator.contains("-not-")
}

/// A row, and the row of its negative operator: what one holds for, the other does not.
fn both(kind: &str, operators: [&str; 2], value: &Value, yes: Value, no: Value) -> [Row; 2] {
    let [yes, no] = [yes, no].map(|values| values.as_array().unwrap().clone());
    let filter = |operator: &str| json!({"type": kind, "operator": operator, "value": value});
    let [positive, negative] = operators.map(filter);
    [(positive, yes.clone(), no.clone()), (negative, no, yes)]
}

#[test]
fn strings() {
    let rows = |operators, value: Value, yes, no| both("string", operators, &value, yes, no);
    check(
        [
            rows(
                ["equals", "not-equals"],
                json!("X"),
                json!(["X", ["a", "X"]]),
                json!(["x", "XX", "", 1, true, {}, [], ["a"]]),
            ),
            rows(["equals", "not-equals"], json!("1"), json!(["1"]), json!([1, "1.0"])),
            rows(
                ["contains", "not-contains"],
                json!("ell"),
                json!(["hello", "ell", ["a", "bell"]]),
                json!(["Ell", "", 5, ["a"]]),
            ),
            rows(["contains", "not-contains"], json!(""), json!(["", "a"]), json!([5, {}])),
            rows(
                ["starts-with", "not-starts-with"],
                json!("ab"),
                json!(["abc", "ab"]),
                json!(["cab", "a", "Ab", false]),
            ),
            rows(
                ["ends-with", "not-ends-with"],
                json!("bc"),
                json!(["abc", "bc"]),
                json!(["bcd", "c", 3]),
            ),
            rows(
                ["regex", "nregex"],
                json!("^a+$|zz"),
                json!(["aaa", "buzz zz", ["x", "a"]]),
                json!(["ab", "", 1, "a".repeat(4 * 1024 + 1)]),
            ),
            rows(["regex", "nregex"], json!("^a+$"), json!(["a".repeat(4 * 1024)]), json!([])),
            rows(["in", "not-in"], json!(["a", "b"]), json!(["a", "b", ["b"]]), json!(["c", 1])),
            rows(
                ["phone-country-code-in", "phone-country-code-not-in"],
                json!(["US", "kr"]),
                json!(["+15005550006", "+82 10 1234 5678"]),
                json!(["+14165550100", "15005550006", 15_005_550_006_u64, "", "x"]),
            ),
        ]
        .concat(),
        is_negative,
    );
}

#[test]
fn a_string_that_equals_null_is_not_set() {
    let filter = |operator: &str| json!({"type": "string", "operator": operator, "value": null});
    let present = vec![json!("null"), json!(""), json!(0)];
    check(
        vec![(filter("equals"), vec![], present.clone()), (filter("not-equals"), present, vec![])],
        |operator| operator == "equals",
    );
}

#[test]
fn numbers() {
    let rows = |operators, value: Value, yes, no| both("numeric", operators, &value, yes, no);
    let row = |operator: &str, value: Value, yes: Vec<Value>, no: Vec<Value>| {
        (json!({"type": "numeric", "operator": operator, "value": value}), yes, no)
    };
    let wrong = || [json!("ten"), json!(""), json!("1 0"), json!("inf"), json!(true), json!({})];
    let mut all = rows(
        ["equals", "not-equals"],
        json!(10),
        json!([10, 10.0, "10", "10.0", "1e1", [9, "10"]]),
        json!([9, "9.99", "0x0a", "ten", "NaN", true, {}, []]),
    )
    .to_vec();
    all.extend([
        row(
            "equals",
            json!(9_007_199_254_740_993_i64),
            vec![],
            vec![json!(9_007_199_254_740_992_i64)],
        ),
        row("equals", json!(u64::MAX), vec![json!(u64::MAX)], vec![json!(u64::MAX - 1)]),
        row("greater-than", json!(9.5), vec![json!(10), json!("9.99")], vec![json!(9.5), json!(9)]),
        row("greater-than-or-equal", json!(9.5), vec![json!(9.5)], vec![json!(9.4)]),
        row("less-than", json!(-1), vec![json!(-2), json!("-1.5")], vec![json!(-1), json!(0)]),
        row("less-than-or-equal", json!(3), vec![json!(3), json!(2.5)], vec![json!(3.01)]),
        row("less-than", json!(1_000), vec![], wrong().to_vec()),
        (
            json!({"type": "numeric", "operator": "between", "start": 1, "end": 2.5}),
            vec![json!(1), json!(2.5), json!("2")],
            [json!(0.99), json!(2.51)].into_iter().chain(wrong()).collect(),
        ),
    ]);
    check(all, is_negative);
}

#[test]
fn booleans_and_existence() {
    let row = |filter: Value, yes: Value, no: Value| {
        let list = |value: Value| value.as_array().unwrap().clone();
        (filter, list(yes), list(no))
    };
    let boolean = |value| json!({"type": "boolean", "operator": "equals", "value": value});
    let existence = |operator| json!({"type": "existence", "operator": operator});
    let anything = json!(["", "a", 0, false, [], {}, [null]]);
    check(
        vec![
            row(boolean(true), json!([true, [false, true]]), json!([false, "true", 1, {}])),
            row(boolean(false), json!([false]), json!([true, "false", 0, ""])),
            row(existence("is-set"), anything.clone(), json!([])),
            row(existence("not-set"), json!([]), anything),
        ],
        is_negative,
    );
}

#[test]
fn lists() {
    let rows = |operators, value: Value, yes, no| both("list", operators, &value, yes, no);
    let length = |comparison: &str, yes: Value, no: Value| {
        let filter =
            json!({"type": "list", "operator": format!("length-{comparison}"), "value": 2});
        (filter, yes.as_array().unwrap().clone(), no.as_array().unwrap().clone())
    };
    let mut all = [
        rows(
            ["contains", "not-contains"],
            json!("a"),
            json!([["a"], ["b", "a"]]),
            json!([[], ["A"], [["a"]], "a", {"a": 1}, 5]),
        ),
        rows(["contains", "not-contains"], json!(5), json!([[5], ["5"]]), json!([[6], ["x"], 5])),
        rows(["contains", "not-contains"], json!("5"), json!([["5"]]), json!([[5]])),
        rows(
            ["contains-all", "not-contains-all"],
            json!(["a", "b"]),
            json!([["b", "c", "a"]]),
            json!([["a"], [], "a"]),
        ),
        rows(
            ["contains-any", "not-contains-any"],
            json!(["a", "b"]),
            json!([["c", "b"], ["a"]]),
            json!([["c"], [], 1]),
        ),
        rows(
            ["contains-substring", "not-contains-substring"],
            json!("an"),
            json!([["pear", "orange"]]),
            json!([["pear"], [], "orange"]),
        ),
    ]
    .concat();
    let wrong = json!(["ab", 2, {"a": 1, "b": 2}]);
    all.extend([
        length("equals", json!([[1, 2]]), json!([[1], [1, 2, 3]])),
        length("greater-than", json!([[1, 2, 3]]), json!([[1, 2]])),
        length("greater-than-or-equal", json!([[1, 2], [1, 2, 3]]), json!([[1]])),
        length("less-than", json!([[1], []]), json!([[1, 2]])),
        length("less-than-or-equal", json!([[], [1, 2]]), json!([[1, 2, 3]])),
        length("less-than", json!([]), wrong),
    ]);
    check(all, is_negative);
}

fn day(operator: &str, quantity: i64) -> Value {
    json!({"type": "date", "operator": operator, "unit": "day", "quantity": quantity})
}

#[test]
fn dates() {
    let rows = json!([
        [{"type": "date", "operator": "before", "date": "2026-04-01T00:00:00+00:00"},
            ["2026-03-31", "2026-03-31 23:59:59", "2026-04-01T01:00:00+02:00", 0],
            ["2026-04-01", "2026-04-01T00:00:00Z", 1_776_000_000, "soon", true, {}, 1.5,
                "1776000000000000000"]],
        [{"type": "date", "operator": "after", "date": "2026-04-01"},
            ["2026-04-01T00:00:00.000001Z", 1_776_000_000, ["x", "2027-01-01"]],
            ["2026-04-01", "2025-12-31T00:00:00Z", ""]],
        [{"type": "date", "operator": "between-static", "start": "2026-04-01", "end": "2026-04-02"},
            ["2026-04-01", "2026-04-02", "2026-04-01 13:00:00"],
            ["2026-03-31", "2026-04-02 00:00:01"]],
        [day("in-the-last", 3), ["2026-04-12T12:00:00Z", "2026-04-15T12:00:00Z"],
            ["2026-04-12T11:59:59Z", "2026-04-15T12:00:01Z", "x"]],
        [day("in-the-next", 3), ["2026-04-15T12:00:00Z", "2026-04-18T12:00:00Z"],
            ["2026-04-15T11:59:59Z", "2026-04-18T12:00:01Z"]],
        [day("at-least", 3), ["2026-04-12T12:00:00Z", "1999-01-01"],
            ["2026-04-12T12:00:01Z", "2027-01-01"]],
        [{"type": "date", "operator": "in-the-last", "unit": "hour", "quantity": 2},
            ["2026-04-15T10:00:00Z"], ["2026-04-15T09:59:59Z"]],
        [{"type": "date", "operator": "in-the-last", "unit": "week", "quantity": 1},
            ["2026-04-08T12:00:00Z"], ["2026-04-08T11:59:59Z"]],
        [{"type": "date", "operator": "between", "start": 2, "end": 5, "unit": "day"},
            ["2026-04-10T12:00:00Z", "2026-04-13T12:00:00Z"],
            ["2026-04-10T11:59:59Z", "2026-04-13T12:00:01Z"]],
        [{"type": "date", "operator": "between", "start": 5, "end": 2, "unit": "day"},
            ["2026-04-10T12:00:00Z"], ["2026-04-14"]],
        [{"type": "date", "operator": "anniversary"},
            ["1990-04-15", "2030-04-15T23:59:59Z"], ["1990-04-14", "1990-05-15", "04-15"]],
        [{"type": "date", "operator": "anniversary-month"}, ["1990-04-30"], ["1990-05-01"]],
        [day("anniversary-last", 7), ["1990-04-15", "1990-04-08"], ["1990-04-16", "1990-04-07"]],
        [day("anniversary-next", 7), ["1990-04-15", "1990-04-22"], ["1990-04-14", "1990-04-23"]],
        [day("anniversary-next", 300), ["1990-01-01", "1990-05-05"], ["1990-04-14", "1990-03-01"]],
        [{"type": "date", "operator": "calendar-month", "value": 2},
            ["1990-02-01", "2026-02-28T23:59:59Z"], ["1990-03-01", "2026-02-28T23:59:59-01:00"]],
        [{"type": "date", "operator": "alltime"}, ["1990-02-01", 0], ["never", {}, 0.5]],
    ]);
    let list = |value: &Value| value.as_array().unwrap().clone();
    let row = |row: &Value| (row[0].clone(), list(&row[1]), list(&row[2]));
    check(rows.as_array().unwrap().iter().map(row).collect(), is_negative);
}

#[test]
fn the_29th_of_february_falls_on_the_28th_in_other_years() {
    let filter = parse(&on_p(&json!({"type": "date", "operator": "anniversary"})));
    let born = event(&json!({"P": "2000-02-29"}));
    for (today, expected) in [
        ("2026-02-28T10:00:00Z", true),
        ("2026-03-01T10:00:00Z", false),
        ("2028-02-28T10:00:00Z", false),
        ("2028-02-29T10:00:00Z", true),
    ] {
        let at = At::utc(Timestamp::parse_rfc3339(today).unwrap());
        assert_eq!(filter.evaluate(&born, &at), expected, "{today}");
    }
}

#[test]
fn the_zone_decides_about_days_and_about_dates_without_an_offset() {
    let now = Timestamp::parse_rfc3339("2026-04-15T23:30:00Z").unwrap();
    let seoul = At::in_zone(now, TimeZone::fixed(jiff::tz::offset(9)));
    let anniversary = parse(&on_p(&json!({"type": "date", "operator": "anniversary"})));
    let facts = event(&json!({"P": "1990-04-16"}));
    assert!(anniversary.evaluate(&facts, &seoul));
    assert!(!anniversary.evaluate(&facts, &At::utc(now)));
    let before = parse(&on_p(
        &json!({"type": "date", "operator": "before", "date": "2026-04-15T23:00:00Z"}),
    ));
    let facts = event(&json!({"P": "2026-04-16 00:00:00"}));
    assert!(before.evaluate(&facts, &seoul));
    assert!(!before.evaluate(&facts, &At::utc(now)));
}
