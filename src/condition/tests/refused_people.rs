//! What is no condition of a segment: where each fault points, and what it says.

use super::*;

/// Checks faults of one condition: the end of the pointer, and a part of the sentence.
fn check(rows: &[(Value, &str, &str)]) {
    for (condition, pointer, part) in rows {
        let fault =
            try_parse_as(&one(condition), Kinds::SEGMENT).expect_err(&condition.to_string());
        let expected = format!("/data/attributes/filter/condition_groups/0/conditions/0{pointer}");
        assert_eq!(fault.pointer, expected, "{condition}: {fault}");
        assert!(fault.detail.contains(part), "{condition}: {fault}");
    }
}

/// A condition with some keys set or, where the value is null, removed.
fn changed(mut condition: Value, changes: &Value) -> Value {
    let object = condition.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        object.remove(key);
        if !value.is_null() {
            object.insert(key.clone(), value.clone());
        }
    }
    condition
}

fn metric(changes: &Value) -> Value {
    let condition = json!({"type": "profile-metric", "metric_id": "SkDfHe", "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": 1},
        "timeframe_filter": {"type": "date", "operator": "alltime"}, "metric_filters": null});
    changed(condition, changes)
}

#[test]
fn types_that_need_what_tidings_lacks() {
    for (name, lacking) in [
        ("profile-predictive-analytics", "as it needs a model of what people will do, which"),
        ("profile-has-custom-object", "as it needs custom objects, which tidings does not have"),
        ("profile-postal-code-distance", "as it needs the places of postal codes, which"),
        ("profile-sample", "is not available in a segment; possible are `profile-property`"),
        ("metric-property", "is not available in a segment; possible are"),
        ("profile-metrics", "did you mean `profile-metric`?"),
    ] {
        check(&[(json!({"type": name}), "/type", lacking)]);
    }
}

#[test]
fn metrics() {
    let number = |operator: &str| json!({"type": "numeric", "operator": operator, "value": 1});
    let filters = |filters: Value| metric(&json!({ "metric_filters": filters }));
    let steady = json!({"type": "existence", "operator": "is-set"});
    check(&[
        (metric(&json!({"metric_id": null})), "/metric_id", "is required"),
        (metric(&json!({"metric_id": ""})), "/metric_id", "such as \"SkDfHe\", not \"\""),
        (metric(&json!({"metric_id": 1})), "/metric_id", "must be the id of a metric"),
        (metric(&json!({"metrics": 1})), "/metrics", "did you mean `metric_id`?"),
        (metric(&json!({"measurement": "cuont"})), "/measurement", "did you mean `count`?"),
        (metric(&json!({"measurement": null})), "/measurement", "possible are `count`, `sum`"),
        (metric(&json!({"measurement_filter": null})), "/measurement_filter", "is required"),
        (
            metric(&json!({"measurement_filter": {"type": "string"}})),
            "/measurement_filter/type",
            "possible are `numeric`",
        ),
        (
            metric(&json!({"measurement_filter": number("equal")})),
            "/measurement_filter/operator",
            "did you mean `equals`?",
        ),
        (metric(&json!({"timeframe_filter": null})), "/timeframe_filter", "is required"),
        (
            metric(&json!({"timeframe_filter": number("equals")})),
            "/timeframe_filter/type",
            "possible are `date`",
        ),
        (
            metric(&json!({"timeframe_filter": {"type": "date", "operator": "flow-start"}})),
            "/timeframe_filter/operator",
            "counts from the start of a flow and is not available here",
        ),
        (filters(json!({})), "/metric_filters", "must be an array"),
        (filters(json!(["x"])), "/metric_filters/0", "must be an object"),
        (filters(json!([{"filter": steady}])), "/metric_filters/0/property", "is required"),
        (filters(json!([{"property": "a"}])), "/metric_filters/0/filter", "is required"),
        (
            filters(json!([{"property": "", "filter": steady}])),
            "/metric_filters/0/property",
            "must be the name of an event's property",
        ),
        (
            filters(json!([{"field": "a", "filter": steady}])),
            "/metric_filters/0/field",
            "possible are `property`, `filter`",
        ),
        (
            filters(json!(vec![json!({"property": "a", "filter": steady}); 17])),
            "/metric_filters",
            "holds 17 items; 1 to 16 may be",
        ),
    ]);
    let pattern = json!({"property": "a",
        "filter": {"type": "string", "operator": "regex", "value": "a"}});
    check(&[(
        filters(json!(vec![pattern; 9])),
        "/metric_filters/8/filter/operator",
        "8 regular expressions",
    )]);
}

#[test]
fn funnels() {
    let funnel = |changes: Value| {
        let condition = json!({"type": "profile-metric-funnel",
            "timeframe_filter": {"type": "date", "operator": "alltime"},
            "completion_window_seconds": "DAYS_1",
            "steps": [{"metric_exists": true, "metric_id": "SkDfHe"}]});
        changed(condition, &changes)
    };
    let step = json!({"metric_exists": true, "metric_id": "SkDfHe"});
    check(&[
        (funnel(json!({"steps": null})), "/steps", "is required"),
        (funnel(json!({"steps": []})), "/steps", "holds 0 items; 1 to 10"),
        (funnel(json!({"steps": vec![step; 11]})), "/steps", "holds 11 items; 1 to 10"),
        (funnel(json!({"steps": [{"metric_id": "A"}]})), "/steps/0/metric_exists", "is required"),
        (funnel(json!({"steps": [{"metric_exists": true}]})), "/steps/0/metric_id", "is required"),
        (
            funnel(json!({"completion_window_seconds": "DAYS_2"})),
            "/completion_window_seconds",
            "is not a completion window; did you mean",
        ),
        (
            funnel(json!({"completion_window_seconds": 60})),
            "/completion_window_seconds",
            "must be a string, not 60",
        ),
        (funnel(json!({"timeframe_filter": null})), "/timeframe_filter", "is required"),
    ]);
}

#[test]
fn groups_and_regions() {
    let group = |changes: Value| {
        let condition = json!({"type": "profile-group-membership", "is_member": false,
            "group_ids": ["AAAAAA"]});
        changed(condition, &changes)
    };
    let any_time = json!({"type": "date", "operator": "alltime"});
    let region = |name: &str| json!({"type": "profile-region", "in_region": true, "region": name});
    check(&[
        (group(json!({"is_member": null})), "/is_member", "is required"),
        (group(json!({"is_member": "yes"})), "/is_member", "`true` or `false`"),
        (group(json!({"group_ids": null})), "/group_ids", "is required"),
        (group(json!({"group_ids": []})), "/group_ids", "1 to 1000"),
        (group(json!({"group_ids": ["A", 1]})), "/group_ids/1", "must be a string"),
        (group(json!({"group_ids": ["A", ""]})), "/group_ids/1", "the id of a list or segment"),
        (
            group(json!({"timeframe_filter": any_time})),
            "/timeframe_filter",
            "possible only with `is_member` `true`",
        ),
        (region("europe"), "/region", "possible are `european_union`, `united_states`"),
        (json!({"type": "profile-region", "region": "x"}), "/in_region", "is required"),
    ]);
}

#[test]
fn consents() {
    let consent = |channel: &str, can: bool, status: Value| {
        json!({"type": "profile-marketing-consent", "consent": {"channel": channel,
            "can_receive_marketing": can, "consent_status": status}})
    };
    let filter = |channel: &str, filter: Value| {
        consent(channel, false, json!({"subscription": "any", "filters": [filter]}))
    };
    let status = "/consent/consent_status";
    let at = |end: &str| format!("{status}{end}");
    check(&[
        (json!({"type": "profile-marketing-consent"}), "/consent", "is required"),
        (json!({"type": "profile-marketing-consent", "consent": 1}), "/consent", "an object"),
        (consent("mail", true, json!({})), "/consent/channel", "did you mean `email`?"),
        (consent("email", true, json!(1)), status, "must be an object such as"),
        (consent("email", true, json!({})), &at("/subscription"), "`subscription` is required"),
        (
            consent("email", true, json!({"subscription": "unsubscribed"})),
            &at("/subscription"),
            "possible are `any`, `subscribed`, `never_subscribed`",
        ),
        (
            filter("email", json!({"field": "status-date"})),
            &at("/filters/0/field"),
            "did you mean `status_date`?",
        ),
        (
            filter("sms", json!({"field": "bounce_date"})),
            &at("/filters/0/field"),
            "possible are `status_date`, `method`",
        ),
        (
            filter("sms", json!({"field": "is_rcs_capable"})),
            &at("/filters/0/field"),
            "`is_rcs_capable` is not known to tidings",
        ),
        (
            filter("email", json!({"field": "method", "method": "forms"})),
            &at("/filters/0/method"),
            "did you mean `form`?",
        ),
        (
            filter("email", json!({"field": "status_date", "filter": {"type": "string"}})),
            &at("/filters/0/filter/type"),
            "possible are `date`",
        ),
        (filter("email", json!({"field": "status_date"})), &at("/filters/0/filter"), "is required"),
        (
            filter("email", json!({"field": "status_date", "method": "api"})),
            &at("/filters/0/method"),
            "is not a key",
        ),
    ]);
}

#[test]
fn permissions() {
    let permission = |permission: Value| {
        json!({"type": "profile-permissions", "channel": "whatsapp_marketing",
            "permission": permission})
    };
    check(&[
        (
            json!({"type": "profile-permissions", "channel": "sms"}),
            "/channel",
            "possible are `whatsapp_marketing`, `whatsapp_transactional`",
        ),
        (permission(json!({})), "/permission/reachable_status", "is required"),
        (
            permission(json!({"reachable_status": "implicitly_reachable", "filters": []})),
            "/permission/filters",
            "is not a key",
        ),
        (
            permission(json!({"reachable_status": "explicitly_reachable",
                "filters": [{"field": "status_date"}]})),
            "/permission/filters/0/field",
            "possible are `effective_date`, `recorded_date`, `subscribe_method`",
        ),
    ]);
}
