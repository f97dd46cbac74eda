//! Actions and messages: read, changed, deleted, with what is beside them.

use serde_json::{Value, json};

use super::world::{World, definition, delay, patch, webhook};
use crate::harness::{Ask, ToText as _};

/// A flow that sends, waits and sends again: the ids of its actions.
async fn three(world: &World) -> (String, Vec<String>) {
    let (metric, url) = (world.metric("Ordered").await, world.receiver.url());
    let actions =
        [webhook("a", &url, Some("b")), delay("b", 2, Some("c")), webhook("c", &url, None)];
    let made = world.made("f", definition(&metric, &actions)).await;
    let actions = made["attributes"]["definition"]["actions"].as_array().expect("a list").iter();
    (made["id"].to_text(), actions.map(|action| action["id"].to_text()).collect())
}

fn ids(listed: &Value) -> Vec<String> {
    listed.as_array().expect("a list").iter().map(|one| one["id"].to_text()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_read_with_their_flow_and_their_messages() {
    let world = World::new().await;
    let (flow, actions) = three(&world).await;
    let base = world.daemon.base();
    let at = format!("/api/flow-actions/{}", actions[0]);
    let answer = world.daemon.get(&format!("{at}?include=flow,flow-messages")).await;
    let action = &answer["data"];
    assert_eq!((&action["type"], &action["id"]), (&json!("flow-action"), &json!(actions[0])));
    let shown = &action["attributes"];
    assert_eq!(shown["definition"]["type"], "send-webhook");
    assert_eq!(shown["definition"]["links"]["next"], actions[1]);
    assert_eq!(shown["created"], "2026-09-04T13:38:55+00:00");
    for count in ["waiting", "done", "sent", "skipped", "failed", "in_review"] {
        assert_eq!(shown["counts"][count], 0, "{count}");
    }
    let related = &action["relationships"];
    assert_eq!(related["flow"]["data"], json!({ "type": "flow", "id": flow }));
    assert_eq!(related["flow"]["links"]["related"], format!("{base}{at}/flow/"));
    let message = related["flow-messages"]["data"][0]["id"].to_text();
    let included = ids(&answer["included"]);
    assert_eq!(included, [flow.clone(), message.clone()]);

    let sparse = world.daemon.get(&format!("{at}?fields[flow-action]=definition.data.url")).await;
    assert_eq!(sparse["data"]["attributes"], json!({ "definition": shown["definition"] }));
    let own = world.daemon.get(&format!("{at}/flow")).await;
    assert_eq!((&own["data"]["type"], &own["data"]["id"]), (&json!("flow"), &json!(flow)));
    let own = world.daemon.get(&format!("{at}/relationships/flow")).await;
    assert_eq!(own["data"], json!({ "type": "flow", "id": flow }));
    let beside = world.daemon.get(&format!("/api/flows/{flow}?include=flow-actions,tags")).await;
    assert_eq!(ids(&beside["included"]), actions);
    assert_eq!(ids(&beside["data"]["relationships"]["flow-actions"]["data"]), actions);
    assert_eq!(beside["data"]["relationships"]["tags"]["data"], json!([]));
    let named = world.daemon.get(&format!("/api/flows/{flow}/relationships/flow-actions")).await;
    assert_eq!(ids(&named["data"]), actions);
    for tags in ["tags", "relationships/tags"] {
        assert_eq!(world.daemon.get(&format!("/api/flows/{flow}/{tags}")).await["data"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_has_a_message_and_others_have_none() {
    let world = World::new().await;
    let (_, actions) = three(&world).await;
    let messages = async |action: &str, query: &str| {
        world.daemon.get(&format!("/api/flow-actions/{action}/flow-messages{query}")).await
    };
    let listed = messages(&actions[0], "").await["data"].clone();
    let id = listed[0]["id"].to_text();
    assert_eq!((listed.as_array().map(Vec::len), id.len()), (Some(1), 6));
    assert_eq!(messages(&actions[1], "").await["data"], json!([]));
    for (query, found) in [
        ("?filter=equals(name,%22a%22)", true),
        ("?filter=starts-with(name,%22b%22)", false),
        (&format!("?filter=any(id,[%22{id}%22])"), true),
        ("?filter=less-than(created,2026-01-01T00:00:00Z)", false),
        ("?sort=-name&page[size]=1", true),
    ] {
        assert_eq!(
            ids(&messages(&actions[0], query).await["data"]).len(),
            usize::from(found),
            "{query}"
        );
    }
    let at = format!("/api/flow-messages/{id}");
    let answer = world.daemon.get(&format!("{at}?include=flow-action,template")).await;
    assert_eq!(answer["data"], listed[0]);
    let shown = &answer["data"]["attributes"];
    assert_eq!((&shown["channel"], &shown["definition"]["id"]), (&json!("webhook"), &json!(id)));
    assert_eq!(shown["definition"]["url"], world.receiver.url());
    assert_eq!(shown["definition"]["headers"], json!({ "X-Key": "*****" }));
    assert_eq!(ids(&answer["included"]), [actions[0].clone()]);
    let own = world.daemon.get(&format!("{at}/flow-action")).await;
    assert_eq!(own["data"]["id"], actions[0]);
    let link = json!({ "type": "flow-action", "id": actions[0] });
    let named = world.daemon.get(&format!("{at}/relationships/flow-action")).await;
    assert_eq!(named["data"], link);
    assert_eq!(answer["data"]["relationships"]["flow-action"]["data"], link);
    let named = format!("/api/flow-actions/{}/relationships/flow-messages", actions[0]);
    let named = world.daemon.get(&named).await;
    assert_eq!(named["data"], json!([{ "type": "flow-message", "id": id }]));
    // A delay has an id of that shape too, and no message.
    let delay = actions[1].parse().map(tidings::id::ActionId::from_u64).expect("a number");
    let none = format!("/api/flow-messages/{}", tidings::flow::message_id(delay));
    world.daemon.ask(Ask::get(&none)).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_changed_and_keeps_what_was_masked() {
    let world = World::new().await;
    let (flow, actions) = three(&world).await;
    let path = format!("/api/flow-actions/{}", actions[0]);
    let mut definition = world.daemon.get(&path).await["data"]["attributes"]["definition"].clone();
    definition["data"]["message"]["body"] = json!(r#"{"changed": true}"#);
    let change = async |definition: &Value| {
        let body = patch("flow-action", &actions[0], json!({ "definition": definition }));
        world.daemon.ask(Ask::patch(&path, body)).await
    };
    let changed = change(&definition).await.expect(200)["data"]["attributes"].clone();
    assert_eq!(changed["definition"], definition);
    // The value of the header is what it was: it goes out with the webhook.
    let ordered = crate::harness::Event::of("Ordered").unique("2");
    world.change(&flow, json!({ "status": "live" })).await;
    world.daemon.event(ordered).await;
    world.daemon.settled(1, "delivered").await;
    let request = world.receiver.recorded().pop().expect("one came");
    assert_eq!(request.header("x-key"), "v");
    assert_eq!(request.body, r#"{"changed": true}"#.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_wrong_is_pointed_at_within_the_action() {
    let world = World::new().await;
    let (flow, actions) = three(&world).await;
    let path = format!("/api/flow-actions/{}", actions[0]);
    let own = world.daemon.get(&path).await["data"]["attributes"]["definition"].clone();
    let with = |member: &str, value: Value| {
        let mut changed = own.clone();
        *changed.pointer_mut(member).expect("it is there") = value;
        changed
    };
    for (definition, at, words) in [
        (with("/data/message/url", json!(5)), "/data/message/url", "a string"),
        (with("/links/next", json!("5")), "/links/next", "`5`"),
        (with("/type", json!("send-email")), "/type", "`send-webhook` can ask"),
        (with("/links/next", Value::Null), "", "leaves action"),
    ] {
        let body = patch("flow-action", &actions[0], json!({ "definition": definition }));
        let refused = world.daemon.ask(Ask::patch(&path, body)).await.refused(400);
        let pointer = format!("/data/attributes/definition{at}");
        assert_eq!(refused["source"]["pointer"], pointer, "{refused}");
        assert!(refused["detail"].to_text().contains(words), "{refused}");
    }
    for (body, pointer) in [
        (patch("flow-action", "5", json!({ "definition": own })), "/data/id"),
        (patch("flow", &actions[0], json!({ "definition": own })), "/data/type"),
        (patch("flow-action", &actions[0], json!({})), "/data/attributes/definition"),
        (patch("flow-action", &actions[0], json!({ "status": "live" })), "/data/attributes/status"),
    ] {
        let refused = world.daemon.ask(Ask::patch(&path, body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{refused}");
    }
    // What can not be done yet does not get into a live flow that way either.
    world.change(&flow, json!({ "status": "live" })).await;
    let code = json!({ "type": "code", "links": { "next": actions[1] } });
    let body = patch("flow-action", &actions[0], json!({ "definition": code }));
    let refused = world.daemon.ask(Ask::patch(&path, body)).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/definition");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_taken_out_and_those_before_it_lead_on() {
    let world = World::new().await;
    let (flow, actions) = three(&world).await;
    let delete =
        async |id: &str| world.daemon.ask(Ask::delete(&format!("/api/flow-actions/{id}"))).await;
    let gone = delete(&actions[1]).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let left = world.daemon.get(&format!("/api/flows/{flow}/flow-actions")).await["data"].clone();
    assert_eq!(ids(&left), [actions[0].clone(), actions[2].clone()]);
    assert_eq!(left[0]["attributes"]["definition"]["links"]["next"], actions[2]);
    delete(&actions[1]).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_leads_several_ways_stays() {
    let world = World::new().await;
    let (metric, url) = (world.metric("Ordered").await, world.receiver.url());
    let filter = json!({ "condition_groups": [{ "conditions": [{
        "type": "profile-property", "property": "email",
        "filter": { "type": "existence", "operator": "is-set" } }] }] });
    let split = json!({ "temporary_id": "s", "type": "conditional-split",
        "links": { "next_if_true": "a", "next_if_false": null },
        "data": { "profile_filter": filter } });
    let made = world.made("f", definition(&metric, &[split, webhook("a", &url, None)])).await;
    let split = made["attributes"]["definition"]["actions"][0]["id"].to_text();
    let delete = Ask::delete(&format!("/api/flow-actions/{split}"));
    let refused = world.daemon.ask(delete).await.refused(409);
    assert!(refused["detail"].to_text().contains("leads several ways"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_of_the_original_leaves_out_of_a_message_stays() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let message = json!({ "name": "w", "url": world.receiver.url(), "headers": {}, "body": "{}",
        "method": "PUT", "query": { "a": "b" },
        "outputs": [{ "name": "n", "pointer": "/n", "type": "number" }] });
    let whole = json!({ "temporary_id": "w", "type": "send-webhook", "links": { "next": null },
        "data": { "status": "draft", "message": message } });
    let flow = world.made("f", definition(&metric, &[whole])).await["id"].to_text();
    let id = world.action_of(&flow).await;
    let path = format!("/api/flow-actions/{id}");
    let mut shown = world.daemon.get(&path).await["data"]["attributes"]["definition"].take();
    let before = shown["data"]["message"].clone();
    for name in ["method", "query", "outputs"] {
        shown["data"]["message"].as_object_mut().expect("it is one").remove(name);
    }
    shown["data"]["status"] = json!("live");
    let body = patch("flow-action", &id, json!({ "definition": shown }));
    let after = world.daemon.ask(Ask::patch(&path, &body)).await.expect(200);
    assert_eq!(after["data"]["attributes"]["definition"]["data"]["message"], before);
    shown["data"]["message"]["method"] = Value::Null;
    let body = patch("flow-action", &id, json!({ "definition": shown }));
    let after = world.daemon.ask(Ask::patch(&path, body)).await.expect(200);
    let after = &after["data"]["attributes"]["definition"]["data"]["message"];
    assert_eq!((&after["method"], &after["query"]), (&Value::Null, &before["query"]));
}
