//! The flows that metrics, lists and segments start: of themselves, and beside these.

use serde_json::{Value, json};

use super::world::{World, definition};
use crate::harness::{Ask, ToText as _};

fn ids(listed: &Value) -> Vec<String> {
    listed.as_array().expect("a list").iter().map(|one| one["id"].to_text()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_names_its_flows() {
    let world = World::new().await;
    let (metric, list, segment) =
        (world.metric("Ordered").await, world.list().await, world.segment().await);
    let of = |kind: &str, id: &str| json!({ "triggers": [{ "type": kind, "id": id }], "actions": [], "entry_action_id": null });
    let of_metric = world.made("m", definition(&metric, &[])).await["id"].to_text();
    let of_list = world.made("l", of("list", &list)).await["id"].to_text();
    let of_segment = world.made("s", of("segment", &segment)).await["id"].to_text();
    let other = world.metric("Refunded").await;
    for (kind, id, flow, name) in [
        ("metrics", &metric, &of_metric, "m"),
        ("lists", &list, &of_list, "l"),
        ("segments", &segment, &of_segment, "s"),
    ] {
        let at = format!("/api/{kind}/{id}");
        let found = world.daemon.get(&format!("{at}/flow-triggers?fields[flow]=name")).await;
        assert_eq!(ids(&found["data"]), [flow.as_str()], "{kind}");
        assert_eq!(found["data"][0]["attributes"], json!({ "name": name }));
        let named = world.daemon.get(&format!("{at}/relationships/flow-triggers")).await;
        assert_eq!(named["data"], json!([{ "type": "flow", "id": flow }]));
        let links = json!({
            "self": format!("{}{at}/relationships/flow-triggers/", world.daemon.base()),
            "related": format!("{}{at}/flow-triggers/", world.daemon.base()),
        });
        let alone = world.daemon.get(&at).await;
        let related = &alone["data"]["relationships"]["flow-triggers"];
        assert_eq!(related, &json!({ "links": links }), "{kind}");
        assert_eq!(alone.get("included"), None);
        let beside = world.daemon.get(&format!("{at}?include=flow-triggers")).await;
        let related = &beside["data"]["relationships"]["flow-triggers"];
        assert_eq!(ids(&related["data"]), [flow.as_str()]);
        assert_eq!(ids(&beside["included"]), [flow.as_str()]);
        let query = "include=flow-triggers&fields[flow]=status";
        let listed = world.daemon.get(&format!("/api/{kind}?{query}")).await;
        assert_eq!(ids(&listed["included"]), [flow.as_str()], "{kind}");
        assert_eq!(listed["included"][0]["attributes"], json!({ "status": "draft" }));
        let gone = format!("/api/{kind}/Zzzzzz/flow-triggers");
        world.daemon.ask(Ask::get(&gone)).await.refused(404);
    }
    let none = world.daemon.get(&format!("/api/metrics/{other}/flow-triggers")).await;
    assert_eq!(none["data"], json!([]));
    let reader = world.daemon.make_key(&["lists:read"]).await;
    let ask = Ask::get(&format!("/api/lists/{list}/flow-triggers"));
    world.daemon.send(ask.key(&reader)).await.refused(403);
}
