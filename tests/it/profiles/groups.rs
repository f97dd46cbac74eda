//! The lists and segments of a person: by themselves, as ids, and included beside the person.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::calls::make;
use crate::harness::{Ask, Daemon, ToText as _, eventually};

/// A person with the plan, and another.
async fn two(daemon: &Daemon) -> (String, String) {
    let plan = json!({ "plan": "pro" });
    let ann = make(daemon, json!({ "email": "ann@x.org", "properties": plan })).await;
    (ann, make(daemon, json!({ "email": "bob@x.org" })).await)
}

async fn list(daemon: &Daemon, name: &str, member: &str) -> String {
    let body = json!({ "data": { "type": "list", "attributes": { "name": name } } });
    let made = daemon.ask(Ask::post("/api/lists", body)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let members = json!({ "data": [{ "type": "profile", "id": member }] });
    let path = format!("/api/lists/{id}/relationships/profiles");
    daemon.ask(Ask::post(&path, members)).await.expect(204);
    id
}

/// A segment of those with a plan, once it is computed.
async fn segment(daemon: &Daemon, plan: &str) -> String {
    let condition = json!({ "type": "profile-property", "property": "properties['plan']",
        "filter": { "type": "string", "operator": "equals", "value": plan } });
    let groups = json!({ "condition_groups": [{ "conditions": [condition] }] });
    let attributes = json!({ "name": plan, "definition": groups });
    let body = json!({ "data": { "type": "segment", "attributes": attributes } });
    let made = daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let path = format!("/api/segments/{id}");
    eventually("the segment is computed", async || {
        let shown = daemon.get(&path).await;
        (shown["data"]["attributes"]["is_processing"] == false).then_some(())
    })
    .await;
    id
}

fn one(kind: &str, id: &str) -> Value {
    json!([{ "type": kind, "id": id }])
}

/// The names of a resource's attributes.
fn attributes(resource: &Value) -> BTreeSet<&str> {
    let attributes = resource["attributes"].as_object().expect("attributes are an object");
    attributes.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_s_groups_are_read_whole_and_as_ids() {
    let daemon = Daemon::start().await;
    let (ann, bob) = two(&daemon).await;
    let list = list(&daemon, "News", &ann).await;
    let (pros, _) = (segment(&daemon, "pro").await, segment(&daemon, "free").await);
    for (kind, id) in [("list", &list), ("segment", &pros)] {
        let whole = daemon.get(&format!("/api/profiles/{ann}/{kind}s")).await;
        assert_eq!(whole["data"].as_array().map(Vec::len), Some(1), "{kind}");
        assert_eq!(whole["data"][0], daemon.get(&format!("/api/{kind}s/{id}")).await["data"]);
        let some = daemon.get(&format!("/api/profiles/{ann}/{kind}s?fields[{kind}]=name")).await;
        assert_eq!(attributes(&some["data"][0]), BTreeSet::from(["name"]));
        let path = format!("/api/profiles/{ann}/relationships/{kind}s");
        let ids = daemon.get(&path).await;
        assert_eq!(ids["data"], one(kind, id));
        assert_eq!(ids["links"]["self"], format!("{}{path}", daemon.base()));
        let none = daemon.get(&format!("/api/profiles/{bob}/relationships/{kind}s")).await;
        assert_eq!(none["data"], json!([]));
        for nobody in ["01GDDKASAP8TKDDA2GRZDSVP4H", "none"] {
            for path in [format!("{nobody}/{kind}s"), format!("{nobody}/relationships/{kind}s")] {
                daemon.ask(Ask::get(&format!("/api/profiles/{path}"))).await.refused(404);
            }
        }
        let path = format!("/api/profiles/{ann}/{kind}s?fields[{kind}]=x");
        let refused = daemon.ask(Ask::get(&path)).await.refused(400);
        assert_eq!(refused["source"]["parameter"], format!("fields[{kind}]"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_s_groups_are_included_where_they_are_asked_for() {
    let daemon = Daemon::start().await;
    let (ann, bob) = two(&daemon).await;
    let (list, pros) = (list(&daemon, "News", &ann).await, segment(&daemon, "pro").await);
    let path = format!("/api/profiles/{ann}");

    let alone = daemon.get(&path).await;
    assert!(alone.get("included").is_none());
    let relationships = &alone["data"]["relationships"];
    assert!(relationships["lists"].get("data").is_none(), "only where it is included");

    let both = daemon.get(&format!("{path}?include=lists,segments")).await;
    assert_eq!(both["data"]["relationships"]["lists"]["data"], one("list", &list));
    assert_eq!(both["data"]["relationships"]["segments"]["data"], one("segment", &pros));
    let links = &both["data"]["relationships"]["lists"]["links"];
    assert_eq!(links, &relationships["lists"]["links"]);
    let included = both["included"].as_array().expect("both are included");
    let whole = async |path: String| daemon.get(&path).await["data"].clone();
    let list_itself = whole(format!("/api/lists/{list}")).await;
    let segment_itself = whole(format!("/api/segments/{pros}")).await;
    assert_eq!(included, &[list_itself, segment_itself]);

    let query = "include=segments&fields[segment]=name,is_active&fields[list]=name";
    let some = daemon.get(&format!("{path}?{query}&fields[profile]=email")).await;
    assert_eq!(some["data"]["attributes"], json!({ "email": "ann@x.org" }));
    let included = some["included"].as_array().expect("segments are included");
    assert_eq!(included.len(), 1, "lists are not");
    assert_eq!(attributes(&included[0]), BTreeSet::from(["is_active", "name"]));
    assert_eq!(included[0]["id"], pros);

    let nothing = daemon.get(&format!("/api/profiles/{bob}?include=lists,push-tokens")).await;
    assert!(nothing.get("included").is_none());
    assert_eq!(nothing["data"]["relationships"]["lists"]["data"], json!([]));
    for (query, parameter) in [
        ("include=flows", "include"),
        ("fields[list]=x", "fields[list]"),
        ("include=segments&fields[segment]=x", "fields[segment]"),
    ] {
        let refused = daemon.ask(Ask::get(&format!("{path}?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
}
