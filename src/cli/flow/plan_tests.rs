//! Which action of a file is which of a flow.

use serde_json::json;

use super::*;

fn delay(id: &str, days: u32, next: Option<&str>) -> Value {
    json!({ "id": id, "type": "time-delay", "links": { "next": next },
        "data": { "unit": "days", "value": days } })
}

fn webhook(id: &str, name: Option<&str>, url: &str, body: &str) -> Value {
    json!({ "id": id, "type": "send-webhook", "links": { "next": null },
        "data": { "status": "live",
            "message": { "id": format!("m-{id}"), "name": name, "url": url, "body": body } } })
}

fn split(id: &str, property: &str, ways: [Option<&str>; 2]) -> Value {
    json!({ "id": id, "type": "conditional-split",
        "links": { "next_if_true": ways[0], "next_if_false": ways[1] },
        "data": { "profile_filter": property } })
}

fn flow(actions: &[Value]) -> Value {
    let entry = actions.first().map_or(Value::Null, |action| action["id"].clone());
    json!({ "triggers": [{ "type": "metric", "id": "SkDfHe" }], "actions": actions,
        "entry_action_id": entry })
}

/// What became of each, and what goes.
fn told(file: &[Value], stored: &[Value]) -> (Vec<Fate>, Vec<usize>) {
    let plan = plan(&flow(file), &vec![None; file.len()], &flow(stored));
    (plan.actions, plan.removed)
}

fn changed(place: usize, what: &[&str]) -> Fate {
    Fate::Changed(place, what.iter().map(|part| (*part).to_owned()).collect())
}

#[test]
fn the_same_is_kept_whatever_it_is_called() {
    let file = [delay("wait", 1, Some("tell")), webhook("tell", None, "https://a/", "x")];
    let stored = [delay("3", 1, Some("4")), webhook("4", None, "https://a/", "x")];
    assert_eq!(told(&file, &stored), (vec![Fate::Kept(0), Fate::Kept(1)], vec![]));
    let nothing = plan(&flow(&file), &[None, None], &flow(&stored));
    assert_eq!(nothing.parts, Vec::<&str>::new());
}

#[test]
fn an_id_goes_before_all_else() {
    let file = [delay("3", 1, None), delay("4", 2, None)];
    let stored = [delay("4", 1, None), delay("3", 2, None)];
    let plan = plan(&flow(&file), &[Some("3"), Some("4")], &flow(&stored));
    assert_eq!(plan.actions, [changed(1, &["value"]), changed(0, &["value"])]);
    assert_eq!(plan.parts, ["entry_action_id"]);
}

#[test]
fn a_name_or_an_address_tells_webhooks_apart() {
    let file =
        [webhook("a", Some("crm"), "https://b/", "x"), webhook("b", None, "https://c/", "y")];
    let stored =
        [webhook("8", None, "https://c/", "z"), webhook("9", Some("crm"), "https://a/", "x")];
    assert_eq!(told(&file, &stored), (vec![changed(1, &["url"]), changed(0, &["body"])], vec![]));
}

#[test]
fn what_is_put_between_is_new() {
    let stored = [delay("1", 1, Some("2")), webhook("2", None, "https://a/", "x")];
    let file = [
        delay("a", 1, Some("s")),
        split("s", "p", [Some("w"), Some("d")]),
        delay("d", 3, Some("w")),
        webhook("w", None, "https://a/", "x"),
    ];
    let fates = vec![changed(0, &["next"]), Fate::Created, Fate::Created, Fate::Kept(1)];
    assert_eq!(told(&file, &stored), (fates, vec![]));
}

#[test]
fn what_stands_in_the_same_place_is_the_same() {
    let stored = [
        delay("1", 1, Some("2")),
        split("2", "p", [Some("3"), Some("4")]),
        delay("3", 2, None),
        delay("4", 3, None),
    ];
    let file = [
        delay("a", 5, Some("b")),
        split("b", "q", [Some("c"), Some("d")]),
        delay("c", 6, None),
        delay("d", 7, None),
    ];
    let fates = vec![
        changed(0, &["value"]),
        changed(1, &["profile_filter"]),
        changed(2, &["value"]),
        changed(3, &["value"]),
    ];
    assert_eq!(told(&file, &stored), (fates, vec![]));
}

#[test]
fn what_is_left_goes_and_what_is_other_is_new() {
    let stored = [delay("1", 1, Some("2")), delay("2", 2, None)];
    let file = [delay("a", 1, Some("b")), split("b", "p", [None, None])];
    assert_eq!(told(&file, &stored), (vec![changed(0, &["next"]), Fate::Created], vec![1]));
    // Twins are taken in order, and one is left.
    let twins = [delay("1", 1, Some("2")), delay("2", 1, Some("3")), delay("3", 1, None)];
    let file = [delay("a", 1, Some("b")), delay("b", 1, None)];
    assert_eq!(told(&file, &twins), (vec![Fate::Kept(0), changed(1, &["next"])], vec![2]));
}

#[test]
fn the_parts_beside_the_actions_are_told() {
    let (mut file, stored) = (flow(&[delay("a", 1, None)]), flow(&[delay("1", 1, None)]));
    file["triggers"][0]["id"] = json!("Other1");
    file["reentry_criteria"] = json!({ "unit": "alltime", "duration": 1 });
    file["strict"] = json!(true);
    let plan = plan(&file, &[None], &stored);
    assert_eq!(plan.parts, ["triggers", "reentry_criteria", "strict"]);
}

#[test]
fn branches_are_links_too() {
    let branches = |id: &str, to: &str| {
        json!({ "id": id, "type": "multi-branch-split", "links": null, "data": { "name": "",
            "branches": [
                { "branch_id": "b", "branch_filter": "x", "links": { "next": to } },
                { "branch_id": "e", "is_else": true, "links": { "next": null } }] } })
    };
    let stored = [branches("1", "2"), delay("2", 1, None)];
    let file = [branches("a", "b"), delay("b", 2, None)];
    assert_eq!(told(&file, &stored), (vec![Fate::Kept(0), changed(1, &["value"])], vec![]));
    let elsewhere = [branches("a", "c"), delay("c", 1, None), delay("d", 4, None)];
    let mut stored = stored.to_vec();
    stored[0]["data"]["branches"][0]["links"]["next"] = json!(null);
    let (fates, _) = told(&elsewhere, &stored);
    assert_eq!(fates, [changed(0, &["branch b"]), Fate::Kept(1), Fate::Created]);
}
