//! What is no filter: where each fault points, and what it says.

use super::*;

const BASE: &str = "/data/attributes/filter";
const CONDITION: &str = "/condition_groups/0/conditions/0";

/// Checks faults: a filter, the end of the pointer, and a part of the sentence.
fn check(rows: &[(Value, &str, &str)]) {
    for (filter, pointer, part) in rows {
        let fault = try_parse(filter).expect_err(&filter.to_string());
        assert_eq!(fault.pointer, format!("{BASE}{pointer}"), "{filter}: {fault}");
        assert!(fault.detail.contains(part), "{filter}: {fault}");
    }
}

/// The same for what stands in one condition, with pointers from there.
fn check_conditions(rows: &[(Value, &str, &str)]) {
    let within = |(condition, pointer, part): &(Value, &str, &str)| {
        let pointer = format!("{CONDITION}{pointer}");
        check(&[(one(condition), pointer.as_str(), part)]);
    };
    rows.iter().for_each(within);
}

/// The same for a condition's `filter`.
fn check_filters(rows: &[(Value, &str, &str)]) {
    let within = |(filter, pointer, part): &(Value, &str, &str)| {
        let pointer = format!("{CONDITION}/filter{pointer}");
        check(&[(on_p(filter), pointer.as_str(), part)]);
    };
    rows.iter().for_each(within);
}

#[test]
fn groups() {
    let condition = json!({"type": "metric-property", "field": "P",
        "filter": {"type": "existence", "operator": "is-set"}});
    let many = |count: usize| json!(vec![condition.clone(); count]);
    check(&[
        (json!([]), "", "must be an object"),
        (json!(null), "", "must be an object"),
        (json!({}), "/condition_groups", "is required"),
        (json!({"condition_group": []}), "/condition_group", "did you mean `condition_groups`?"),
        (json!({"condition_groups": [], "a/b": 1}), "/a~1b", "possible are `condition_groups`"),
        (json!({"condition_groups": {}}), "/condition_groups", "must be an array"),
        (json!({"condition_groups": []}), "/condition_groups", "1 to 32 may be"),
        (json!({"condition_groups": many(33)}), "/condition_groups", "33 items; 1 to 32"),
        (json!({"condition_groups": [1]}), "/condition_groups/0", "must be an object such as"),
        (json!({"condition_groups": [{}]}), "/condition_groups/0/conditions", "is required"),
        (
            json!({"condition_groups": [{"conditions": [condition]}, {"conditions": []}]}),
            "/condition_groups/1/conditions",
            "holds 0 items",
        ),
        (
            json!({"condition_groups": [{"conditions": many(33)}]}),
            "/condition_groups/0/conditions",
            "33 items; 1 to 32",
        ),
        (
            json!({"condition_groups": [{"conditions": [condition], "op": "or"}]}),
            "/condition_groups/0/op",
            "is not a key of this object",
        ),
    ]);
    parse(&json!({"condition_groups": [{"conditions": many(32)}]}));
}

#[test]
fn a_key_that_stands_twice() {
    let text = r#"{"condition_groups":[{"conditions":[{"type":"metric-property","field":"P",
        "filter":{"type":"string","operator":"equals","operator":"in","value":"x"}}]}]}"#;
    let raw = RawValue::from_string(text.to_owned()).unwrap();
    let fault = Filter::parse(&raw, BASE, KINDS).unwrap_err();
    assert_eq!(fault.pointer, format!("{BASE}{CONDITION}/filter/operator"));
}

#[test]
fn conditions() {
    let set = json!({"type": "existence", "operator": "is-set"});
    check_conditions(&[
        (json!({"field": "P", "filter": set}), "/type", "`metric-property`, `profile-property`"),
        (json!({"type": 5}), "/type", "must be the type of the condition"),
        (json!({"type": "metric_property"}), "/type", "did you mean `metric-property`?"),
        (
            json!({"type": "profile-metric", "metric_id": "SkDfHe"}),
            "/type",
            "`profile-metric` is not available in a webhook's filter; possible are",
        ),
        (
            json!({"type": "profile-marketing-consent", "consent": {"consent_status":
                {"filters": [{"filter": {"type": "date"}}]}}}),
            "/type",
            "is not available in a webhook's filter",
        ),
        (json!({"type": "metric-property", "filter": set}), "/field", "is required"),
        (json!({"type": "metric-property", "field": "", "filter": set}), "/field", "`Brand`"),
        (json!({"type": "metric-property", "field": 1, "filter": set}), "/field", "not 1"),
        (
            json!({"type": "metric-property", "metric_id": 7, "field": "P", "filter": set}),
            "/metric_id",
            "the id of a metric",
        ),
        (
            json!({"type": "metric-property", "metric_name": "X", "field": "P", "filter": set}),
            "/metric_name",
            "did you mean `metric_id`?",
        ),
        (json!({"type": "metric-property", "field": "P"}), "/filter", "is required"),
        (json!({"type": "profile-property", "filter": set}), "/property", "is required"),
        (
            json!({"type": "profile-property", "field": "x", "property": "email", "filter": set}),
            "/field",
            "is not a key",
        ),
    ]);
}

#[test]
fn a_place_can_take_fewer_kinds() {
    let raw = RawValue::from_string(
        on_p(&json!({"type": "existence", "operator": "is-set"})).to_string(),
    )
    .unwrap();
    let kinds = Kinds::new("a segment", &[Kind::ProfileProperty]);
    let fault = Filter::parse(&raw, "", kinds).unwrap_err();
    assert_eq!(fault.pointer, format!("{CONDITION}/type"));
    assert_eq!(
        fault.detail,
        "`metric-property` is not available in a segment; possible are `profile-property`"
    );
}

#[test]
fn profile_properties() {
    let set = json!({"type": "existence", "operator": "is-set"});
    for (property, part) in [
        ("emial", "did you mean `email`?"),
        ("plan", "`properties['…']` for custom properties"),
        ("", "is not an attribute of a profile"),
        ("properties", "names no property"),
        ("location", "possible are `address1`"),
        ("location['ctiy']", "did you mean `city`?"),
        ("location.city.x", "must name one field"),
        ("email.x", "nothing inside"),
        ("properties.", "a `.` without a name"),
        ("properties..a", "a `.` without a name"),
        ("properties[plan]", "does not go on like `['name']`"),
        ("properties['plan'", "does not go on like `['name']`"),
        ("properties['plan", "does not go on like `['name']`"),
        (r"properties['plan\']", "does not go on like `['name']`"),
        ("properties['a']b", "goes on after a `]`"),
    ] {
        let condition = json!({"type": "profile-property", "property": property, "filter": set});
        check_conditions(&[(condition, "/property", part)]);
    }
}

#[test]
fn filters() {
    let many: Vec<_> = (0..1001).map(|n| n.to_string()).collect();
    check_filters(&[
        (json!("x"), "", "must be an object such as"),
        (json!({}), "/type", "possible are `string`, `numeric`"),
        (json!({"type": "number"}), "/type", "is not a type of filter; "),
        (json!({"type": "string"}), "/operator", "`operator` is required; possible are `equals`"),
        (
            json!({"type": "string", "operator": "equal", "value": "x"}),
            "/operator",
            "not an operator of type `string`; did you mean `equals`?",
        ),
        (json!({"type": "string", "operator": true}), "/operator", "must be a string, not true"),
        (json!({"type": "string", "operator": "equals"}), "/value", "is required"),
        (json!({"type": "string", "operator": "equals", "value": 1}), "/value", "not 1"),
        (json!({"type": "string", "operator": "contains", "value": null}), "/value", "only with"),
        (json!({"type": "string", "operator": "in", "value": "x"}), "/value", "must be an array"),
        (json!({"type": "string", "operator": "in", "value": []}), "/value", "1 to 1000"),
        (json!({"type": "string", "operator": "in", "value": ["a", 1]}), "/value/1", "not 1"),
        (
            json!({"type": "string", "operator": "phone-country-code-in", "value": ["US", "+1"]}),
            "/value/1",
            "is not the ISO 3166 code",
        ),
        (json!({"type": "numeric", "operator": "equals", "value": "5"}), "/value", "a number"),
        (json!({"type": "numeric", "operator": "between", "start": 1}), "/end", "is required"),
        (
            json!({"type": "numeric", "operator": "between", "start": 2, "end": 1}),
            "/end",
            "1 is less than `start`, 2",
        ),
        (
            json!({"type": "numeric", "operator": "equals", "value": 1, "end": 2}),
            "/end",
            "possible are `type`, `operator`, `value`",
        ),
        (json!({"type": "boolean", "operator": "equals", "value": "true"}), "/value", "`true`"),
        (json!({"type": "boolean", "operator": "not-equals"}), "/operator", "`equals`"),
        (json!({"type": "list", "operator": "contains", "value": 1.5}), "/value", "whole number"),
        (json!({"type": "list", "operator": "contains-all", "value": "a"}), "/value", "an array"),
        (json!({"type": "list", "operator": "length-equals", "value": -1}), "/value", "0 to 4000"),
        (json!({"type": "existence", "operator": "is-set", "value": 1}), "/value", "not a key"),
        (json!({"type": "existence", "operator": "isset"}), "/operator", "mean `is-set`?"),
    ]);
    let fault = try_parse(&on_p(&json!({"type": "string", "operator": "in", "value": many})));
    assert_eq!(fault.unwrap_err().pointer, format!("{BASE}{CONDITION}/filter/value"));
}

fn in_the_last(unit: &str, quantity: &Value) -> Value {
    json!({"type": "date", "operator": "in-the-last", "unit": unit, "quantity": quantity})
}

#[test]
fn dates() {
    check_filters(&[
        (json!({"type": "date", "operator": "flow-start"}), "/operator", "`flow-start`"),
        (json!({"type": "date", "operator": "not-before"}), "/operator", "mean `before`?"),
        (json!({"type": "date", "operator": "before"}), "/date", "is required"),
        (json!({"type": "date", "operator": "before", "date": "soon"}), "/date", "2026-04-13"),
        (json!({"type": "date", "operator": "before", "date": 5}), "/date", "a date"),
        (json!({"type": "date", "operator": "before", "value": "2026-01-01"}), "/value", "`date`"),
        (
            json!({"type": "date", "operator": "between-static", "start": "2026-01-02",
                "end": "2026-01-01"}),
            "/end",
            "is before `start`",
        ),
        (in_the_last("days", &json!(1)), "/unit", "did you mean `day`?"),
        (in_the_last("day", &json!(-1)), "/quantity", "from 0 to 36525"),
        (in_the_last("week", &json!(1.5)), "/quantity", "from 0 to 5217"),
        (in_the_last("hour", &json!(876_601)), "/quantity", "from 0 to 876600"),
        (json!({"type": "date", "operator": "calendar-month", "value": 13}), "/value", "1 to 12"),
        (json!({"type": "date", "operator": "alltime", "unit": "day"}), "/unit", "not a key"),
    ]);
}

#[test]
fn patterns() {
    let pattern = |text: &str| json!({"type": "string", "operator": "regex", "value": text});
    check_filters(&[
        (pattern("a("), "/value", "is not a usable regular expression"),
        (pattern(r"(a)\1"), "/value", "is not a usable regular expression"),
        (pattern("((a{1,200}){1,200}){1,200}"), "/value", "is not a usable regular expression"),
        (pattern(&"(".repeat(200)), "/value", "is not a usable regular expression"),
        (pattern(&"a".repeat(513)), "/value", "513 bytes, at most 512"),
        (pattern(&"a".repeat(1025)), "/value", "1025 bytes, at most 1024"),
    ]);
    let condition = json!({"type": "metric-property", "field": "P", "filter": pattern("a")});
    let group = json!({"conditions": vec![condition; 5]});
    check(&[(
        json!({"condition_groups": [group, group]}),
        "/condition_groups/1/conditions/3/filter/operator",
        "a filter may have 8 regular expressions",
    )]);
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let raw = RawValue::from_string(format!(r#"{{"condition_groups":{deep}}}"#)).unwrap();
    let fault = Filter::parse(&raw, BASE, KINDS).unwrap_err();
    assert_eq!(fault.detail, "nested deeper than 12 levels");
}
