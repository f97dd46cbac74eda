//! What is taken out of an answer, and what a split makes of it.

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

fn try_parse(outputs: &Value) -> Result<Outputs, Fault> {
    Outputs::parse(&RawValue::from_string(outputs.to_string()).unwrap(), "/data/outputs")
}

fn parse(outputs: &Value) -> Outputs {
    try_parse(outputs).unwrap_or_else(|fault| panic!("{outputs}: {fault}"))
}

fn output(name: &str, pointer: &str, kind: &str, default: &Value) -> Value {
    json!({"name": name, "pointer": pointer, "type": kind, "default": default})
}

#[test]
fn what_was_read_is_written_with_its_defaults() {
    let whole = json!([
        output("order_id", "/data/id", "string", &json!("none")),
        output("_all", "", "json", &json!({"a": [1]})),
    ]);
    assert_eq!(parse(&whole).to_json(), whole);
    let short = parse(&json!([{"name": "a", "pointer": "/a"}]));
    assert_eq!(short.to_json(), json!([output("a", "/a", "json", &json!(null))]));
    assert!(parse(&json!([])).is_empty() && !short.is_empty());
    assert_eq!(parse(&whole).names().collect::<Vec<_>>(), ["order_id", "_all"]);
}

#[test]
fn each_fault_points_at_its_field() {
    let one = |key: &str, value: Value| {
        let mut output = output("a", "/a", "string", &json!(null));
        output[key] = value;
        json!([output])
    };
    let many: Vec<_> =
        (0..17).map(|n| output(&format!("o{n}"), "/a", "json", &json!(null))).collect();
    let twice = output("a", "/a", "json", &json!(null));
    for (outputs, pointer, part) in [
        (json!({}), "", "must be a list"),
        (json!(many), "", "has 17 items; at most 16 may be"),
        (json!(["a"]), "/0", "must be an object"),
        (json!([{"pointer": "/a"}]), "/0/name", "is required"),
        (json!([{"name": "a"}]), "/0/pointer", "is required"),
        (one("nmae", json!(1)), "/0/nmae", "did you mean `name`?"),
        (one("name", json!("")), "/0/name", "has 0 bytes; 1 to 64"),
        (one("name", json!("x".repeat(65))), "/0/name", "has 65 bytes"),
        (one("name", json!("order-id")), "/0/name", "letters, digits and `_`"),
        (one("name", json!("1st")), "/0/name", "not beginning with a digit"),
        (one("name", json!("größe")), "/0/name", "letters, digits"),
        (json!([twice, twice]), "/1/name", "an earlier output already"),
        (one("pointer", json!("data/id")), "/0/pointer", "such as \"/data/id\""),
        (one("pointer", json!("/a~2")), "/0/pointer", "`~0` is a `~`"),
        (one("pointer", json!("/a~")), "/0/pointer", "`~1` a `/`"),
        (one("pointer", json!(format!("/{}", "x".repeat(512)))), "/0/pointer", "has 513 bytes"),
        (one("type", json!("text")), "/0/type", "possible are `string`, `number`"),
        (one("default", json!(1)), "/0/default", "of the output's type, `string`, or null"),
        (one("default", json!("x".repeat(4_095))), "/0/default", "larger than 4096 bytes"),
    ] {
        let fault = try_parse(&outputs).expect_err(&outputs.to_string());
        assert_eq!(fault.pointer, format!("/data/outputs{pointer}"), "{outputs}: {fault}");
        assert!(fault.detail.contains(part), "{outputs}: {fault}");
    }
}

#[test]
fn what_an_answer_gives() {
    let body = r#"{"data":{"id":"A-1","total":12.5,"paid":true,"none":null,"list":[{"sku":"x"}],
        "a/b":{"c~d":1}},"big":12345678901234567890}"#;
    for (pointer, kind, expected) in [
        ("/data/id", "string", json!("A-1")),
        ("/data/id", "json", json!("A-1")),
        ("/data/id", "number", json!(null)),
        ("/data/total", "number", json!(12.5)),
        ("/data/total", "string", json!(null)),
        ("/data/paid", "boolean", json!(true)),
        ("/data/paid", "json", json!(true)),
        ("/data/none", "json", json!(null)),
        ("/data/list", "json", json!([{"sku": "x"}])),
        ("/data/list/0/sku", "string", json!("x")),
        ("/data/list/1/sku", "string", json!(null)),
        ("/data/a~1b/c~0d", "number", json!(1)),
        ("/big", "number", json!(12_345_678_901_234_567_890_u64)),
        ("/missing/deep", "json", json!(null)),
        ("/", "json", json!(null)),
    ] {
        let outputs = parse(&json!([output("x", pointer, kind, &json!(null))]));
        let given = outputs.extract(body.as_bytes());
        assert_eq!(given, [("x".to_owned(), expected)], "{pointer} as {kind}");
    }
}

#[test]
fn defaults_stand_for_what_an_answer_does_not_give() {
    let outputs = parse(&json!([
        output("text", "/t", "string", &json!("?")),
        output("number", "/n", "number", &json!(-1)),
        output("flag", "/f", "boolean", &json!(false)),
        output("any", "/a", "json", &json!([])),
    ]));
    let large = format!(r#"{{"t":"{}","a":{{"x":"{}"}}}}"#, "x".repeat(4_095), "x".repeat(4_090));
    let fitting = format!(r#"{{"t":"{}"}}"#, "x".repeat(4_094));
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for body in [
        "",
        "ok",
        "{",
        "<html>",
        "[1]",
        "null",
        "{}",
        r#"{"t":1,"n":"1","f":0,"a":null}"#,
        &large,
        &deep,
    ] {
        let values: Vec<_> =
            outputs.extract(body.as_bytes()).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [json!("?"), json!(-1), json!(false), json!([])], "{body}");
    }
    assert_eq!(outputs.extract(fitting.as_bytes())[0].1.as_str().map(str::len), Some(4_094));
    assert_eq!(outputs.extract(b"\xff\xfe")[0].1, json!("?"));
}

proptest! {
    #[test]
    fn whatever_the_answer_each_output_has_one_value_of_its_type(body in any::<Vec<u8>>()) {
        let outputs = parse(&json!([
            output("a", "", "number", &json!(0)), output("b", "/0", "string", &json!(""))]));
        let given = outputs.extract(&body);
        prop_assert!(given.len() == 2 && given[0].1.is_number() && given[1].1.is_string());
    }
}

fn try_split(conditions: &Value) -> Result<OutputSplit, Fault> {
    let data = json!({"action_output_filter":
        {"condition_groups": [{"conditions": conditions}]}});
    let raw = RawValue::from_string(data.to_string()).unwrap();
    let split = OutputSplit::parse(&raw, "/data")?;
    assert_eq!(split.to_json(), data);
    Ok(split)
}

fn is(number: u64, field: &str, value: &str) -> Value {
    json!({"type": "action-output", "output_config_id": number, "field": field,
        "filter": {"type": "string", "operator": "equals", "value": value}})
}

#[test]
fn a_split_looks_at_the_outputs_of_the_run() {
    let split = try_split(&json!([is(1, "state", "paid"), is(2, "order_id", "A-1")])).unwrap();
    let at = At::utc(Timestamp::EPOCH);
    for (outputs, expected) in [
        (json!({"state": "paid"}), true),
        (json!({"state": "open", "order_id": "A-1"}), true),
        (json!({"state": "open", "order_id": null}), false),
        (json!({}), false),
    ] {
        let given = outputs.as_object().unwrap();
        assert_eq!(split.holds(given, &at), expected, "{outputs}");
        assert_eq!(split.explain(given, &at).held(), expected, "{outputs}");
    }
    let open = json!({"state": "open"});
    let explained = split.explain(open.as_object().unwrap(), &at).to_string();
    assert!(explained.contains(r#"`state` is "open", not equal to "paid""#), "{explained}");
}

#[test]
fn a_split_names_outputs_that_are_there() {
    let step = |names: &[&str]| {
        let outputs: Vec<_> =
            names.iter().map(|name| output(name, "/x", "json", &json!(null))).collect();
        parse(&json!(outputs))
    };
    let (first, second) = (step(&["order_id", "state"]), step(&["state", "total"]));
    const FIRST: &str = "/data/action_output_filter/condition_groups/0/conditions/0";
    for (condition, pointer, detail) in [
        (is(1, "order_id", "x"), "", ""),
        (is(2, "state", "x"), "", ""),
        (is(1, "state", "x"), "", ""),
        (is(2, "total", "x"), "", ""),
        (is(1, "total", "x"), "/output_config_id", "the place of `total` in its step: 2"),
        (is(3, "state", "x"), "/output_config_id", "of `state` in its step: 2 or 1"),
        (is(1, "ordre_id", "x"), "/field", "did you mean `order_id`?"),
        (is(1, "zzz", "x"), "/field", "is no output of a step before this split"),
    ] {
        let split = try_split(&json!([condition])).unwrap();
        match split.check(&[&first, &second], "/data") {
            Ok(()) => assert_eq!(pointer, "", "{condition}"),
            Err(fault) => {
                assert_eq!(fault.pointer, format!("{FIRST}{pointer}"), "{condition}: {fault}");
                assert!(fault.detail.contains(detail) && !detail.is_empty(), "{fault}");
            }
        }
    }
    let split = try_split(&json!([is(1, "order_id", "x"), is(2, "order_id", "x")])).unwrap();
    let fault = split.check(&[&first], "/data").unwrap_err();
    assert!(fault.pointer.ends_with("/conditions/1/output_config_id"), "{fault}");
    for (conditions, pointer) in [
        (json!([]), "/condition_groups/0/conditions"),
        (json!([is(1, "", "x")]), "/condition_groups/0/conditions/0/field"),
        (json!([{"type": "profile-property"}]), "/condition_groups/0/conditions/0/type"),
    ] {
        let fault = try_split(&conditions).unwrap_err();
        assert_eq!(fault.pointer, format!("/data/action_output_filter{pointer}"));
    }
    let raw = RawValue::from_string(r#"{"filter":{}}"#.to_owned()).unwrap();
    assert_eq!(OutputSplit::parse(&raw, "/data").unwrap_err().pointer, "/data/filter");
    let raw = RawValue::from_string("{}".to_owned()).unwrap();
    let fault = OutputSplit::parse(&raw, "/data").unwrap_err();
    assert_eq!(fault.pointer, "/data/action_output_filter");
}
