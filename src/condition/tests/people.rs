//! `profile-group-membership` and `profile-region`, and what a filter says that it touches.

use super::*;

fn membership(is_member: bool, group_ids: &[&str]) -> Value {
    json!({"type": "profile-group-membership", "is_member": is_member, "group_ids": group_ids})
}

#[test]
fn a_member_is_in_one_group_and_no_member_in_none() {
    let groups = BTreeMap::from([("AAAAAA", moment("2026-04-10")), ("BBBBBB", moment(NOW))]);
    let facts = Facts { groups, ..Facts::default() };
    for (ids, is_in_one) in [
        (vec!["AAAAAA"], true),
        (vec!["CCCCCC", "BBBBBB"], true),
        (vec!["CCCCCC"], false),
        (vec!["CCCCCC", "DDDDDD"], false),
    ] {
        check_person(&membership(true, &ids), &facts, is_in_one);
        check_person(&membership(false, &ids), &facts, !is_in_one);
    }
    assert_eq!(
        check_person(&membership(true, &["AAAAAA"]), &facts, true),
        "the person is in `AAAAAA` since 2026-04-10T00:00:00+00:00"
    );
    assert_eq!(
        check_person(&membership(false, &["C", "D", "E", "F"]), &facts, true),
        "the person is in none of `C`, `D`, `E` and 1 more"
    );
}

#[test]
fn a_timeframe_is_about_the_moment_of_joining() {
    let groups = BTreeMap::from([("AAAAAA", moment("2026-04-10")), ("BBBBBB", moment(NOW))]);
    let facts = Facts { groups, ..Facts::default() };
    let recent = |ids: &[&str]| {
        let mut condition = membership(true, ids);
        condition["timeframe_filter"] =
            json!({"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 3});
        condition
    };
    check_person(&recent(&["BBBBBB"]), &facts, true);
    check_person(&recent(&["AAAAAA", "BBBBBB"]), &facts, true);
    assert_eq!(
        check_person(&recent(&["AAAAAA"]), &facts, false),
        "the person is in `AAAAAA` since 2026-04-10T00:00:00+00:00, not in the last 3 days"
    );
    check_person(&recent(&["CCCCCC"]), &facts, false);
}

#[test]
fn a_country_is_known_by_code_and_by_name() {
    let check = |country: &Value, region: &str, expected: bool| {
        let facts = Facts { location: lazy(&json!({"country": country})), ..Facts::default() };
        for in_region in [true, false] {
            let condition =
                json!({"type": "profile-region", "in_region": in_region, "region": region});
            check_person(&condition, &facts, expected == in_region);
        }
    };
    for country in ["DE", "deu", "Germany", "FRANCE", " nl ", "Czech Republic", "EL", "Ireland"] {
        check(&country.into(), "european_union", true);
        check(&country.into(), "united_states", false);
    }
    for country in ["US", "usa", "United States", "united states of america", "U.S."] {
        check(&country.into(), "united_states", true);
        check(&country.into(), "european_union", false);
    }
    for country in [json!("GB"), json!("Switzerland"), json!(""), json!(null), json!(1)] {
        check(&country, "united_states", false);
        check(&country, "european_union", false);
    }
    let condition =
        json!({"type": "profile-region", "in_region": true, "region": "european_union"});
    let facts = Facts { location: lazy(&json!({"country": "KR"})), ..Facts::default() };
    assert_eq!(
        check_person(&condition, &facts, false),
        r#"the location's country is "KR", not in the European Union"#
    );
    let none = check_person(&condition, &Facts::default(), false);
    assert_eq!(none, "the location has no country");
}

#[test]
fn a_filter_tells_what_it_touches() {
    let set = json!({"type": "existence", "operator": "is-set"});
    let any_time = json!({"type": "date", "operator": "alltime"});
    let property =
        |name: &str| json!({"type": "profile-property", "property": name, "filter": set});
    let filter = segment(&json!({"condition_groups": [
        {"conditions": [property("email"), property("location['city']"),
            property("properties['a.b']['c']"), membership(false, &["AAAAAA", "BBBBBB"])]},
        {"conditions": [
            {"type": "profile-metric", "metric_id": "M1", "measurement": "count",
                "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
                "timeframe_filter": any_time},
            {"type": "profile-metric-funnel", "timeframe_filter": any_time, "steps": [
                {"metric_id": "M2", "metric_exists": true},
                {"metric_id": "M3", "metric_exists": false}]},
            {"type": "profile-region", "in_region": true, "region": "united_states"}]},
    ]}));
    let touches = filter.touches();
    assert_eq!(touches.metrics, BTreeSet::from(["M1", "M2", "M3"]));
    assert_eq!(touches.groups, BTreeSet::from(["AAAAAA", "BBBBBB"]));
    let attributes = ["email", "location.city", "location.country", "properties.a.b"];
    assert_eq!(touches.attributes, attributes.map(Cow::from).into());
    assert!(!touches.consents && filter.needs_profile());

    let consent = segment(&one(&json!({"type": "profile-marketing-consent", "consent": {
        "channel": "sms", "can_receive_marketing": false,
        "consent_status": {"subscription": "any"}}})));
    let expected = Touches {
        consents: true,
        attributes: [Cow::from("phone_number")].into(),
        ..Touches::default()
    };
    assert_eq!(consent.touches(), expected);
    assert!(consent.needs_profile());
    assert!(!segment(&one(&membership(true, &["A"]))).needs_profile());
}
