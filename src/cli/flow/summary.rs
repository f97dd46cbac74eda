//! Actions, triggers and conditions of a definition in a line each. Pure; what comes out still has
//! to be made printable.

use serde_json::{Map, Value};

/// What an action does, besides being of its type.
pub(super) fn action(action: &Value) -> String {
    let data = &action["data"];
    match text(&action["type"]).as_str() {
        "time-delay" => delay(data),
        "target-date" => {
            let time = optional(&data["target_time"], " at ");
            format!("until the date{time}{}{}", days(&data["target_days"]), zone(data))
        }
        "conditional-split" => conditions(&data["profile_filter"]),
        "trigger-split" => conditions(&data["trigger_filter"]),
        "action-output-split" => conditions(&data["action_output_filter"]),
        "multi-branch-split" => text(&data["name"]),
        "update-profile" => update(&data["profile_operations"]),
        "list-update" => {
            let verb = if data["on_execution"] == false { "off" } else { "onto" };
            format!("{verb} list {}{}", text(&data["list_id"]), optional(&data["name"], ": "))
        }
        "send-webhook" => webhook(&data["message"]),
        _ => String::new(),
    }
}

fn webhook(message: &Value) -> String {
    let method = message["method"].as_str().unwrap_or("POST");
    let name = message["name"].as_str().map(|name| format!("\"{name}\" ")).unwrap_or_default();
    format!("{name}{method} {}", text(&message["url"]))
}

fn delay(data: &Value) -> String {
    let minutes = match data["secondary_value"].as_i64() {
        Some(minutes) if minutes > 0 => format!(" {minutes} minutes"),
        _ => String::new(),
    };
    let time = optional(&data["delay_until_time"], ", until ");
    let days = days(&data["delay_until_weekdays"]);
    let unit = text(&data["unit"]);
    let unit = if data["value"] == 1 { unit.trim_end_matches('s') } else { &unit };
    format!("{} {unit}{minutes}{time}{days}{}", text(&data["value"]), zone(data))
}

fn days(value: &Value) -> String {
    match value.as_array() {
        Some(days) if days.len() < 7 => {
            format!(", on {}", days.iter().map(text).collect::<Vec<_>>().join(" or "))
        }
        _ => String::new(),
    }
}

/// Whose calendar it is, where it is not the person's.
fn zone(data: &Value) -> String {
    let zone = data["timezone"].as_str().filter(|zone| *zone != "profile");
    zone.map(|zone| format!(" ({zone})")).unwrap_or_default()
}

fn update(operations: &Value) -> String {
    let told = |operation: &Value| {
        let key = text(&operation["property_key"]);
        let value = text(&operation["property_value"]);
        match (operation["operator"].as_str(), operation["property_operation"].as_str()) {
            (Some("delete"), _) => format!("delete {key}"),
            (_, Some(edit)) => format!("{edit} {value} in {key}"),
            _ => format!("{key} = {value}"),
        }
    };
    operations.as_array().into_iter().flatten().map(told).collect::<Vec<_>>().join(", ")
}

/// What starts a flow; `metric` is the name of its metric, where it is known.
pub(super) fn trigger(trigger: &Value, metric: Option<&str>) -> String {
    let id = text(&trigger["id"]);
    match trigger["type"].as_str() {
        Some("metric") => match metric {
            Some(name) => format!("an event \"{name}\" ({id})"),
            None => format!("an event of metric {id}"),
        },
        Some(kind @ ("list" | "segment")) => format!("joining {kind} {id}"),
        _ => date(trigger),
    }
}

fn date(trigger: &Value) -> String {
    let property = text(&trigger["date_profile_property"]);
    let unit = text(&trigger["timedelta_unit_before_date"]);
    let when = match trigger["timedelta_value_before_date"].as_i64().unwrap_or_default() {
        0 => "on".to_owned(),
        before @ 1.. => format!("{before} {unit} before"),
        after => format!("{} {unit} after", after.unsigned_abs()),
    };
    let time = optional(&trigger["trigger_time"], " at ");
    let repeats = trigger["recurrence_frequency"].as_str().filter(|often| *often != "never");
    let repeats = repeats.map(|often| format!(", {often}")).unwrap_or_default();
    format!("{when} the date of {property}{time}{repeats}{}", zone(trigger))
}

/// Whether somebody may enter again.
pub(super) fn reentry(criteria: &Value) -> String {
    match (criteria["unit"].as_str(), criteria["duration"].as_i64()) {
        (Some("alltime"), Some(1)) => "never".to_owned(),
        (Some("alltime"), _) => "always".to_owned(),
        (Some(unit), Some(count)) => {
            format!("after {count} {unit}{}", if count == 1 { "" } else { "s" })
        }
        _ => "as its trigger has it".to_owned(),
    }
}

/// A filter: its groups joined by `and`, the conditions of a group by `or`.
pub(super) fn conditions(filter: &Value) -> String {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let groups = list(filter, "condition_groups");
    let told = |group: &Value| {
        let conditions = list(group, "conditions");
        let joined = conditions.iter().map(condition).collect::<Vec<_>>().join(" or ");
        if conditions.len() > 1 && groups.len() > 1 { format!("({joined})") } else { joined }
    };
    groups.iter().map(told).collect::<Vec<_>>().join(" and ")
}

fn condition(condition: &Value) -> String {
    let Some(members) = condition.as_object() else { return condition.to_string() };
    let (subject, test) = match text(&condition["type"]).as_str() {
        "profile-property" => (text(&condition["property"]), "filter"),
        "metric-property" => (format!("event {}", text(&condition["field"])), "filter"),
        "action-output" => (format!("output {}", text(&condition["field"])), "filter"),
        "profile-metric" => {
            let (what, metric) = (text(&condition["measurement"]), text(&condition["metric_id"]));
            (format!("{what} of {metric}"), "measurement_filter")
        }
        other => (other.to_owned(), ""),
    };
    let told = ["type", "property", "field", "output_config_id", "measurement", "metric_id", test];
    let is_known = !test.is_empty();
    let rest: Vec<String> = members
        .iter()
        .filter(|(name, value)| {
            !value.is_null()
                && if is_known { !told.contains(&name.as_str()) } else { *name != "type" }
        })
        .map(|(name, value)| format!("{name} {}", inner(value)))
        .collect();
    let test = if is_known { format!(" {}", inner(&condition[test])) } else { String::new() };
    let rest = if rest.is_empty() { String::new() } else { format!(" [{}]", rest.join(", ")) };
    format!("{subject}{test}{rest}")
}

/// A filter of one value: its operator and what it is held against; anything else as JSON.
fn inner(filter: &Value) -> String {
    let Some(members) = filter.as_object() else { return text(filter) };
    let Some(operator) = filter["operator"].as_str() else { return filter.to_string() };
    let is_value = |(name, value): &(&String, &Value)| {
        !matches!(name.as_str(), "type" | "operator") && !value.is_null()
    };
    let values = members.iter().filter(is_value).map(|(_, value)| value.to_string());
    std::iter::once(operator.to_owned()).chain(values).collect::<Vec<_>>().join(" ")
}

/// What was counted of an action, where it is something.
pub(super) fn counts(counts: &Map<String, Value>) -> String {
    let count = |(name, value): (&String, &Value)| {
        let count = value.as_i64().filter(|count| *count != 0)?;
        Some(format!("{count} {}", name.replace('_', " ")))
    };
    counts.iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

fn optional(value: &Value, before: &str) -> String {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(|text| format!("{before}{text}")).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn actions_are_told_in_a_line() {
        let told = |kind: &str, data: Value| action(&json!({ "type": kind, "data": data }));
        for (kind, data, expected) in [
            ("time-delay", json!({ "unit": "days", "value": 2, "timezone": "profile" }), "2 days"),
            (
                "time-delay",
                json!({ "unit": "hours", "value": 1, "secondary_value": 30, "timezone": "UTC",
                    "delay_until_time": "09:00:00", "delay_until_weekdays": ["monday", "friday"] }),
                "1 hour 30 minutes, until 09:00:00, on monday or friday (UTC)",
            ),
            ("target-date", json!({ "target_time": "08:00:00" }), "until the date at 08:00:00"),
            (
                "update-profile",
                json!({ "profile_operations": [
                    { "operator": "create", "property_key": "plan", "property_value": "pro" },
                    { "operator": "update", "property_operation": "add", "property_key": "tags",
                        "property_value": "vip" },
                    { "operator": "delete", "property_key": "trial" }] }),
                "plan = pro, add vip in tags, delete trial",
            ),
            (
                "list-update",
                json!({ "list_id": "XyZ123", "on_execution": false }),
                "off list XyZ123",
            ),
            (
                "send-webhook",
                json!({ "message": { "url": "https://h/", "name": "crm", "method": "PUT" } }),
                "\"crm\" PUT https://h/",
            ),
            ("code", Value::Null, ""),
        ] {
            assert_eq!(told(kind, data), expected);
        }
    }

    #[test]
    fn conditions_are_told_with_what_joins_them() {
        let of = |filter: Value| json!({ "type": "profile-property", "property": "plan", "filter": filter });
        let pro = of(json!({ "type": "string", "operator": "equals", "value": "pro" }));
        let set = of(json!({ "type": "existence", "operator": "is-set" }));
        let often = json!({ "type": "profile-metric", "metric_id": "SkDfHe", "measurement": "count",
            "measurement_filter": { "type": "numeric", "operator": "greater-than", "value": 2 },
            "timeframe_filter": { "type": "date", "operator": "alltime" }, "metric_filters": null });
        let groups = json!({ "condition_groups": [
            { "conditions": [pro, set] }, { "conditions": [often] }] });
        let expected = "(plan equals \"pro\" or plan is-set) and count of SkDfHe greater-than 2 \
                        [timeframe_filter alltime]";
        assert_eq!(conditions(&groups), expected);
        let sample = json!({ "condition_groups": [{ "conditions": [
            { "type": "profile-sample", "percentage": 50 }] }] });
        assert_eq!(conditions(&sample), "profile-sample [percentage 50]");
        assert_eq!(conditions(&Value::Null), "");
    }

    #[test]
    fn triggers_and_entries_are_told() {
        let metric = json!({ "type": "metric", "id": "SkDfHe" });
        assert_eq!(trigger(&metric, Some("Ordered")), "an event \"Ordered\" (SkDfHe)");
        let date = json!({ "type": "date", "date_profile_property": "birthday",
            "timedelta_unit_before_date": "weeks", "timedelta_value_before_date": 2,
            "trigger_time": "09:00:00", "recurrence_frequency": "annually", "timezone": "profile" });
        let expected = "2 weeks before the date of birthday at 09:00:00, annually";
        assert_eq!(trigger(&date, None), expected);
        for (criteria, expected) in [
            (json!({ "unit": "alltime", "duration": 1 }), "never"),
            (json!({ "unit": "alltime", "duration": 0 }), "always"),
            (json!({ "unit": "day", "duration": 3 }), "after 3 days"),
            (Value::Null, "as its trigger has it"),
        ] {
            assert_eq!(reentry(&criteria), expected);
        }
    }
}
