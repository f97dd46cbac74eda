//! The sentences that tell why a condition holds or does not.

use super::*;

fn reason(filter: &Value, properties: &Value) -> String {
    let explained = parse(&on_p(filter)).explain(&event(properties), &at());
    explained.groups[0].conditions[0].reason.clone()
}

fn string(operator: &str, value: &Value) -> Value {
    json!({"type": "string", "operator": operator, "value": value})
}

#[test]
fn each_sentence_names_the_fact_that_decided() {
    let number = json!({"type": "numeric", "operator": "greater-than", "value": 5});
    let set = json!({"type": "existence", "operator": "is-set"});
    let recent = json!({"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 1});
    let list = json!({"type": "list", "operator": "contains", "value": "a"});
    let long = json!({"type": "list", "operator": "length-less-than-or-equal", "value": 2});
    let x = || string("equals", &json!("X"));
    for (filter, properties, expected) in [
        (x(), json!({"P": "Y"}), r#"`P` is "Y", not equal to "X""#),
        (x(), json!({"P": "X"}), r#"`P` is "X", equal to "X""#),
        (x(), json!({}), "`P` is not set"),
        (x(), json!({"P": null}), "`P` is not set"),
        (x(), json!({"P": []}), "`P` is an empty list"),
        (x(), json!({"P": 5}), "`P` is 5, a number and not a text"),
        (
            x(),
            json!({"P": ["Y", 3]}),
            r#"`P` has 2 values, the first "Y"; none of them is equal to "X""#,
        ),
        (x(), json!({"P": ["Y", "X"]}), r#"`P` has "X", equal to "X""#),
        (string("not-equals", &json!("X")), json!({"P": "X"}), r#"`P` is "X", equal to "X""#),
        (
            string("in", &json!(["a", "b", "c", "d", "e"])),
            json!({"P": "x"}),
            r#"`P` is "x", not one of "a", "b", "c" and 2 more"#,
        ),
        (string("regex", &json!("^a")), json!({"P": "b"}), r#"`P` is "b", not matching "^a""#),
        (
            string("phone-country-code-in", &json!(["US"])),
            json!({"P": "+821012345678"}),
            r#"`P` is "+821012345678", not a phone number of US"#,
        ),
        (number.clone(), json!({"P": "4.5"}), r#"`P` is "4.5", not greater than 5"#),
        (number, json!({"P": "ten"}), r#"`P` is "ten", a text and not a number"#),
        (set.clone(), json!({"P": false}), "`P` is set, to false"),
        (set, json!({}), "`P` is not set"),
        (recent, json!({"P": "2026-04-01"}), r#"`P` is "2026-04-01", not in the last 1 day"#),
        (list, json!({"P": ["b"]}), r#"`P` is ["b"], not a list with "a""#),
        (long, json!({"P": [1, 2, 3]}), "`P` is [1,2,3], not a list of a length at most 2"),
    ] {
        assert_eq!(reason(&filter, &properties), expected, "{filter} on {properties}");
    }
}

#[test]
fn values_are_shortened() {
    let filter = json!({"type": "string", "operator": "equals", "value": "x".repeat(500)});
    let text = reason(&filter, &json!({"P": "y".repeat(50_000)}));
    let quoted = |letter: &str| format!("\"{}…\"", letter.repeat(80));
    assert_eq!(text, format!("`P` is {}, not equal to {}", quoted("y"), quoted("x")));
    let pattern = json!({"type": "string", "operator": "regex", "value": "y"});
    let text = reason(&pattern, &json!({"P": "y".repeat(50_000)}));
    assert!(text.ends_with("a text and not a text of at most 4096 bytes"), "{text}");
}

#[test]
fn an_explanation_reads_as_lines() {
    let is_set = |condition: Value| {
        let mut condition = condition;
        condition["filter"] = json!({"type": "existence", "operator": "is-set"});
        condition
    };
    let filter = parse(&json!({"condition_groups": [
        {"conditions": [is_set(json!({"type": "metric-property", "field": "P"}))]},
        {"conditions": [
            is_set(json!({"type": "metric-property", "metric_id": "SkDfHe", "field": "P"})),
            is_set(json!({"type": "profile-property", "property": "properties['plan']"})),
        ]},
    ]}));
    let facts = Facts { metric_id: Some("Other1"), ..event(&json!({"P": 1})) };
    let explained = filter.explain(&facts, &at());
    assert!(!explained.held());
    let expected = "group 1 holds\n  \
        holds: `P` is set, to 1\n\
        group 2 does not hold\n  \
        does not hold: the event's metric is `Other1`, not `SkDfHe`\n  \
        does not hold: `properties['plan']` is not set\n";
    assert_eq!(explained.to_string(), expected);
    let none = filter.explain(&Facts::default(), &at());
    assert_eq!(none.groups[1].conditions[0].reason, "there is no event of metric `SkDfHe`");
}
