//! Listings: filtered, sorted, paged.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{World, definition, delay, webhook};
use crate::harness::{Ask, ToText as _};

fn names(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("a list").iter();
    data.map(|flow| flow["attributes"]["name"].to_text()).collect()
}

/// Three flows, a minute apart: Bravo (metric, live), Alpha (list, draft), Charlie (metric, manual).
async fn three(world: &World) -> Vec<String> {
    let (definition, list) = (world.one_webhook().await, world.list().await);
    let of_list = json!({ "triggers": [{ "type": "list", "id": list }], "actions": [],
        "entry_action_id": null });
    let mut ids = Vec::new();
    for (name, definition, status) in [
        ("Bravo", definition.clone(), "live"),
        ("Alpha", of_list, "draft"),
        ("Charlie", definition, "manual"),
    ] {
        let id = world.made(name, definition).await["id"].to_text();
        world.change(&id, json!({ "status": status })).await;
        ids.push(id);
        world.daemon.advance(Duration::from_secs(60));
    }
    // Alpha is the one that changed last.
    world.change(&ids[1], json!({})).await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_are_filtered_and_sorted() {
    let world = World::new().await;
    let ids = three(&world).await;
    let all = || vec!["Bravo", "Alpha", "Charlie"];
    for (query, expected) in [
        ("", all()),
        ("sort=created", all()),
        ("sort=-created", vec!["Charlie", "Alpha", "Bravo"]),
        ("sort=name", vec!["Alpha", "Bravo", "Charlie"]),
        ("sort=-updated", vec!["Alpha", "Charlie", "Bravo"]),
        ("sort=status", vec!["Alpha", "Bravo", "Charlie"]),
        ("filter=equals(name,%22Alpha%22)", vec!["Alpha"]),
        ("filter=contains(name,%22r%22)", vec!["Bravo", "Charlie"]),
        ("filter=starts-with(name,%22C%22)", vec!["Charlie"]),
        ("filter=ends-with(name,%22a%22)", vec!["Alpha"]),
        ("filter=equals(status,%22live%22)", vec!["Bravo"]),
        ("filter=equals(archived,false)", all()),
        ("filter=equals(archived,true)", vec![]),
        ("filter=equals(trigger_type,%22Metric%22)", vec!["Bravo", "Charlie"]),
        ("filter=equals(trigger_type,%22Added+to+List%22)", vec!["Alpha"]),
        ("filter=greater-than(created,2026-09-04T13:39:55Z)", vec!["Charlie"]),
        ("filter=greater-or-equal(created,2026-09-04T13:39:55Z)", vec!["Alpha", "Charlie"]),
        ("filter=equals(created,2026-09-04T13:39:55Z)", vec!["Alpha"]),
        ("filter=less-than(updated,2026-09-04T13:39:55Z)", vec!["Bravo"]),
        ("filter=equals(status,%22live%22),equals(name,%22Alpha%22)", vec![]),
        (
            &format!("filter=any(id,[%22{}%22,%22{}%22,%22Zzzzzz%22])", ids[0], ids[2]),
            vec!["Bravo", "Charlie"],
        ),
    ] {
        let found = world.daemon.get(&format!("/api/flows?{query}")).await;
        assert_eq!(names(&found), expected, "{query}");
    }
    let by_id = world.daemon.get("/api/flows?sort=id").await;
    let by_id: Vec<_> =
        by_id["data"].as_array().unwrap().iter().map(|it| it["id"].to_text()).collect();
    assert!(by_id.is_sorted());
    for (query, parameter) in [
        ("filter=equals(id,%22x%22)", "filter"),
        ("filter=equals(color,%22x%22)", "filter"),
        ("filter=equals(created,soon)", "filter"),
        ("sort=color", "sort"),
        ("page[size]=51", "page[size]"),
        ("page[cursor]=eA", "page[cursor]"),
        ("include=color", "include"),
        ("color=x", "color"),
    ] {
        let refused = world.daemon.ask(Ask::get(&format!("/api/flows?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flows_are_paged_and_bring_their_actions() {
    let world = World::new().await;
    three(&world).await;
    for sort in ["name", "-name", "created", "status", "trigger_type", "-id"] {
        let whole = names(&world.daemon.get(&format!("/api/flows?sort={sort}")).await);
        let mut path = format!("/api/flows?sort={sort}&page[size]=2");
        let mut paged = Vec::new();
        loop {
            let page = world.daemon.get(&path).await;
            paged.extend(names(&page));
            let Some(next) = page["links"]["next"].as_str() else { break };
            path = next.strip_prefix(&world.daemon.base()).expect("it is ours").to_owned();
        }
        assert_eq!(paged, whole, "{sort}");
    }
    let page =
        world.daemon.get("/api/flows?include=flow-actions&fields[flow-action]=created").await;
    let included = page["included"].as_array().expect("some are included");
    assert_eq!(included.len(), 2);
    let shown = included[0]["attributes"].as_object().expect("attributes are an object");
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["created"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_are_filtered_sorted_and_paged() {
    let world = World::new().await;
    let (metric, url) = (world.metric("Ordered").await, world.receiver.url());
    let mut last = webhook("c", &url, None);
    last["data"]["status"] = json!("draft");
    let actions = [webhook("a", &url, Some("b")), delay("b", 2, Some("c")), last];
    let made = world.made("f", definition(&metric, &actions)).await;
    let made_ids: Vec<_> = made["attributes"]["definition"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["id"].to_text())
        .collect();
    let at = format!("/api/flows/{}/flow-actions", made["id"].to_text());
    let [a, b, c] = [0, 1, 2].map(|place| made_ids[place].as_str());
    for (query, expected) in [
        ("", vec![a, b, c]),
        ("sort=-id", vec![c, b, a]),
        ("sort=action_type", vec![a, c, b]),
        ("sort=status", vec![b, c, a]),
        ("filter=equals(action_type,%22SEND_WEBHOOK%22)", vec![a, c]),
        ("filter=equals(action_type,%22send-webhook%22)", vec![a, c]),
        ("filter=any(action_type,[%22TIME_DELAY%22,%22SEND_EMAIL%22])", vec![b]),
        ("filter=equals(status,%22draft%22)", vec![c]),
        ("filter=greater-than(updated,2026-09-04T13:38:55Z)", vec![]),
        (&format!("filter=any(id,[%22{b}%22])"), vec![b]),
    ] {
        let found = world.daemon.get(&format!("{at}?{query}")).await;
        let found: Vec<_> =
            found["data"].as_array().unwrap().iter().map(|it| it["id"].to_text()).collect();
        assert_eq!(found, expected, "{query}");
    }
    let first = world.daemon.get(&format!("{at}?sort=-id&page[size]=2")).await;
    let next = first["links"]["next"].to_text();
    let next = next.strip_prefix(&world.daemon.base()).expect("it is ours");
    let second = world.daemon.get(next).await;
    assert_eq!(
        (second["data"][0]["id"].to_text(), &second["links"]["next"]),
        (a.to_owned(), &Value::Null)
    );
}
