//! Where conditions find their values: names, paths, lists on the way.

use super::*;

fn equals(condition: &Value, value: &str) -> Filter {
    let mut condition = condition.clone();
    condition["filter"] = json!({"type": "string", "operator": "equals", "value": value});
    parse(&one(&condition))
}

fn event_has(field: &str, value: &str, properties: &Value) -> bool {
    let filter = equals(&json!({"type": "metric-property", "field": field}), value);
    filter.evaluate(&event(properties), &at())
}

#[test]
fn a_field_is_a_literal_key_before_it_is_a_path() {
    let nested = json!({"a": {"b": {"c": "deep"}}});
    assert!(event_has("a.b.c", "deep", &nested));
    assert!(!event_has("a.b", "deep", &nested));
    assert!(!event_has("a.b.c.d", "deep", &nested));
    let both = json!({"a.b": "literal", "a": {"b": "path"}});
    assert!(event_has("a.b", "literal", &both));
    assert!(!event_has("a.b", "path", &both));
    assert!(event_has("a..b", "x", &json!({"a..b": "x"})));
    assert!(event_has("Favorite Color", "x", &json!({"Favorite Color": "x"})));
}

#[test]
fn a_path_through_a_list_takes_any_item() {
    let order = json!({"Items": [{"Name": "a", "Tags": ["t"]}, [{"Name": "b"}], 5, null]});
    assert!(event_has("Items.Name", "a", &order));
    assert!(event_has("Items.Name", "b", &order));
    assert!(event_has("Items.Tags", "t", &order));
    assert!(!event_has("Items.Name", "c", &order));
    let not = |value: &str| {
        parse(&one(&json!({"type": "metric-property", "field": "Items.Name",
            "filter": {"type": "string", "operator": "not-equals", "value": value}})))
        .evaluate(&event(&order), &at())
    };
    assert!(not("c"));
    assert!(!not("a"), "no item may have what a negative operator denies");
    let tagged = parse(&one(&json!({"type": "metric-property", "field": "Items.Tags",
        "filter": {"type": "list", "operator": "contains", "value": "t"}})));
    assert!(tagged.evaluate(&event(&order), &at()));
}

#[test]
fn what_an_event_has_besides_its_properties_comes_after_them() {
    let filter = parse(&one(&json!({"type": "metric-property", "field": "$value",
        "filter": {"type": "numeric", "operator": "greater-than", "value": 5}})));
    let attributes = json!({"$value": 9.99, "plain": 9}).as_object().unwrap().clone();
    let facts = Facts { event_attributes: attributes.clone(), ..event(&json!({})) };
    assert!(filter.evaluate(&facts, &at()));
    let own = Facts { event_attributes: attributes, ..event(&json!({"$value": 1})) };
    assert!(!filter.evaluate(&own, &at()));
    let plain = parse(&one(&json!({"type": "metric-property", "field": "plain",
        "filter": {"type": "existence", "operator": "is-set"}})));
    assert!(!plain.evaluate(&facts, &at()));
}

#[test]
fn a_profile_is_reached_in_every_spelling() {
    let facts = Facts {
        profile_attributes: json!({"email": "v"}).as_object().unwrap().clone(),
        location: lazy(&json!({"city": "v"})),
        properties: lazy(&json!({"plan": "v", "Favorite Color": "v", "a": {"b.c": "v"},
            "it's": "v", "back\\slash": "v", "q\"": "v", "list": [{"x": "v"}]})),
        ..Facts::default()
    };
    for property in [
        "email",
        "location['city']",
        "location.city",
        r#"location["city"]"#,
        "properties['plan']",
        "properties.plan",
        r#"properties["plan"]"#,
        "properties['Favorite Color']",
        "properties.Favorite Color",
        "properties['a']['b.c']",
        "properties.a['b.c']",
        r"properties['it\'s']",
        r#"properties["it's"]"#,
        r"properties['back\slash']",
        r"properties['back\\slash']",
        r#"properties['q"']"#,
        "properties.list.x",
    ] {
        let filter = equals(&json!({"type": "profile-property", "property": property}), "v");
        assert!(filter.evaluate(&facts, &at()), "{property}");
        assert!(!filter.evaluate(&Facts::default(), &at()), "{property}");
    }
    let dotted = equals(&json!({"type": "profile-property", "property": "properties.a.b.c"}), "v");
    assert!(!dotted.evaluate(&facts, &at()), "only brackets can hold a dot");
}

#[test]
fn text_that_is_no_object_shows_nothing() {
    let facts = Facts { event: Some(LazyObject::new("[1")), ..Facts::default() };
    let filter = parse(&on_p(&json!({"type": "existence", "operator": "is-set"})));
    assert!(!filter.evaluate(&facts, &at()));
}
