//! What holds for any input: no text makes the parser panic, a negative operator is the negation
//! of its positive one, and an explanation says what the evaluation says.

use proptest::prelude::*;

use super::*;

/// Operators with their negative ones, and a value that fits.
const PAIRS: [(&str, &str, &str, &str); 12] = [
    ("string", "equals", "not-equals", r#""a""#),
    ("string", "contains", "not-contains", r#""a""#),
    ("string", "starts-with", "not-starts-with", r#""a""#),
    ("string", "ends-with", "not-ends-with", r#""a""#),
    ("string", "regex", "nregex", r#""^a|1$""#),
    ("string", "in", "not-in", r#"["a","b"]"#),
    ("string", "phone-country-code-in", "phone-country-code-not-in", r#"["US"]"#),
    ("numeric", "equals", "not-equals", "1"),
    ("list", "contains", "not-contains", "1"),
    ("list", "contains-all", "not-contains-all", r#"["a","b"]"#),
    ("list", "contains-any", "not-contains-any", r#"["a","b"]"#),
    ("list", "contains-substring", "not-contains-substring", r#""a""#),
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..1_800_000_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab1.+-]{0,4}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-[0-3][0-9]".prop_map(Value::from),
        Just(json!("+15005550006")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[ab]", inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A word of the grammar, or something else.
fn word() -> impl Strategy<Value = Value> {
    let words: Vec<_> = "condition_groups conditions type filter operator value field property \
        metric_id metric-property profile-property string numeric boolean date list existence \
        equals not-equals regex in before after between between-static in-the-last start end \
        unit quantity day week calendar-month anniversary is-set length-equals contains \
        properties['a'] location.city email a( ^a+$ 2026-04-13 \u{1F600}"
        .split_ascii_whitespace()
        .collect();
    prop_oneof![
        6 => prop::sample::select(words).prop_map(Value::from),
        1 => value(),
        1 => any::<String>().prop_map(Value::from),
    ]
}

/// An object with the keys of the grammar, each there or not.
fn object(keys: &'static [&'static str], of: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let pairs = prop::collection::vec((prop::sample::select(keys), of), 0..5);
    pairs
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        .prop_map(Value::Object)
        .boxed()
}

fn like_a_filter() -> impl Strategy<Value = Value> {
    let leaf = object(
        &["type", "operator", "value", "start", "end", "unit", "quantity", "date"],
        word().boxed(),
    );
    let within = prop_oneof![3 => leaf, 1 => word()].boxed();
    let kind = prop::sample::select(vec!["metric-property", "profile-property"]);
    let condition = prop_oneof![
        4 => (kind, within.clone(), word())
            .prop_map(|(kind, filter, name)| {
                let key = if kind == "metric-property" { "field" } else { "property" };
                json!({"type": kind, key: name, "filter": filter})
            }),
        1 => object(&["type", "field", "property", "metric_id", "filter"], within),
    ];
    let group = prop::collection::vec(condition, 0..3).prop_map(|list| json!({"conditions": list}));
    prop::collection::vec(group, 0..3).prop_map(|list| json!({"condition_groups": list}))
}

/// The pointers to everything in a value.
fn pointers(value: &Value, pointer: &str, to: &mut Vec<String>) {
    to.push(pointer.to_owned());
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, inner)| pointers(inner, &format!("{pointer}/{key}"), to));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(place, inner)| pointers(inner, &format!("{pointer}/{place}"), to));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_slip_in_a_segment_makes_it_panic(
        filter in standings::filter(),
        place in any::<prop::sample::Index>(),
        slip in prop_oneof![word(), value()],
        facts in standings::person(),
    ) {
        let mut filter = filter;
        let mut places = Vec::new();
        pointers(&filter, "", &mut places);
        *filter.pointer_mut(&places[place.index(places.len())]).unwrap() = slip;
        match try_parse_as(&filter, Kinds::SEGMENT) {
            Err(fault) => {
                let within = fault.pointer.strip_prefix("/data/attributes/filter").unwrap();
                let parent = within.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(filter.pointer(parent).is_some(), "{} in {}", fault, filter);
            }
            Ok(parsed) => {
                let held = parsed.evaluate(&facts, &at());
                prop_assert_eq!(parsed.stand(&facts, &at()).holds, held);
                prop_assert_eq!(parsed.explain(&facts, &at()).held(), held);
            }
        }
    }

    #[test]
    fn nothing_makes_the_parser_or_what_it_parsed_panic(
        filter in like_a_filter(),
        found in value(),
    ) {
        match try_parse(&filter) {
            Err(fault) => prop_assert!(fault.pointer.starts_with("/data/attributes/filter")),
            Ok(parsed) => {
                let properties = lazy(&json!({"a": found}));
                let facts = Facts { properties, ..event(&json!({"P": found})) };
                prop_assert_eq!(&parsed, &parse(&filter));
                let held = parsed.evaluate(&facts, &at());
                prop_assert_eq!(parsed.explain(&facts, &at()).held(), held);
            }
        }
    }

    #[test]
    fn a_fault_points_at_what_is_there_or_is_missing_from_what_is_there(filter in like_a_filter()) {
        if let Err(fault) = try_parse(&filter) {
            let within = fault.pointer.strip_prefix("/data/attributes/filter").unwrap();
            let parent = within.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert!(filter.pointer(parent).is_some(), "{} in {}", fault, filter);
        }
    }

    #[test]
    fn a_negative_operator_is_the_negation_of_its_positive_one(
        pair in prop::sample::select(PAIRS.to_vec()),
        found in value(),
    ) {
        let (kind, positive, negative, wanted) = pair;
        let wanted: Value = serde_json::from_str(wanted).unwrap();
        let holds = |operator: &str| {
            let filter = json!({"type": kind, "operator": operator, "value": wanted});
            let facts = event(&json!({"P": found}));
            parse(&on_p(&filter)).evaluate(&facts, &at())
        };
        prop_assert_ne!(holds(positive), holds(negative));
    }

    #[test]
    fn any_profile_path_parses_or_is_refused(
        property in r#"(properties|location|email)?[\[\]'"\\.a-c ]{0,12}"#,
    ) {
        let condition = json!({"type": "profile-property", "property": property,
            "filter": {"type": "existence", "operator": "is-set"}});
        if let Err(fault) = try_parse(&one(&condition)) {
            prop_assert!(fault.pointer.ends_with("/property"));
        }
    }
}
