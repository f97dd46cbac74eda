//! What is refused, each with the place that is wrong and what would be right.

use serde_json::{Value, json};

use super::world::{World, definition, delay, document, patch, webhook};
use crate::harness::{Ask, Event, ToText as _};

const AT: &str = "/data/attributes/definition";

/// Asserts that a definition is refused there, with these words.
async fn assert_refused(world: &World, definition: Value, at: &str, words: &str) {
    let (pointer, detail) = world.refused(definition).await;
    assert_eq!(pointer, format!("{AT}{at}"), "{detail}");
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_can_not_be_walked() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let url = world.receiver.url();
    let of = |actions: &[Value]| definition(&metric, actions);
    let split = |next: [Option<&str>; 2]| {
        let filter = json!({ "condition_groups": [{ "conditions": [{
            "type": "profile-property", "property": "email",
            "filter": { "type": "existence", "operator": "is-set" } }] }] });
        json!({ "temporary_id": "s", "type": "conditional-split",
            "links": { "next_if_true": next[0], "next_if_false": next[1] },
            "data": { "profile_filter": filter } })
    };
    let looping = [webhook("a", &url, Some("s")), split([Some("a"), None])];
    assert_refused(&world, of(&looping), "/actions/1/links/next_if_true", "no delay").await;
    // With a delay it is none.
    let waiting =
        [webhook("a", &url, Some("d")), delay("d", 1, Some("s")), split([Some("a"), None])];
    world.made("waits", of(&waiting)).await;

    let dangling = [delay("a", 1, Some("b"))];
    assert_refused(&world, of(&dangling), "/actions/0/links/next", "`b`").await;
    let dangling = [split([None, Some("b")])];
    assert_refused(&world, of(&dangling), "/actions/0/links/next_if_false", "`b`").await;
    let unreachable = [delay("a", 1, None), webhook("b", &url, None)];
    assert_refused(&world, of(&unreachable), "/actions/1", "no way leads").await;
    let mut lost = of(&[delay("a", 1, None)]);
    lost["entry_action_id"] = json!("b");
    assert_refused(&world, lost.clone(), "/entry_action_id", "`b`").await;
    lost["entry_action_id"] = Value::Null;
    assert_refused(&world, lost, "/entry_action_id", "is required").await;

    let twice = [delay("a", 1, None), delay("a", 2, None)];
    assert_refused(&world, of(&twice), "/actions/1/temporary_id", "another action").await;
    let mut nameless = of(&[delay("a", 1, None)]);
    nameless["actions"][0].as_object_mut().expect("an object").remove("temporary_id");
    nameless["entry_action_id"] = Value::Null;
    assert_refused(&world, nameless, "/actions/0/temporary_id", "is required").await;
    let mut claimed = of(&[delay("a", 1, None)]);
    claimed["actions"][0]["id"] = json!("116466133");
    assert_refused(&world, claimed, "/actions/0/id", "no such action").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_that_this_product_does_not_have() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let of = |kind: &str| {
        let mut action = delay("a", 1, None);
        action["type"] = json!(kind);
        definition(&metric, &[action])
    };
    for kind in ["send-email", "send-sms", "send-mobile-push", "send-whatsapp"] {
        assert_refused(&world, of(kind), "/actions/0/type", "`send-webhook` can ask").await;
        assert_refused(&world, of(kind), "/actions/0/type", kind).await;
    }
    for (kind, words) in [
        ("back-in-stock-delay", "a catalogue of products"),
        ("countdown-delay", "campaigns"),
        ("random-split", "`profile-sample`"),
        ("send-webhok", "did you mean `send-webhook`"),
    ] {
        assert_refused(&world, of(kind), "/actions/0/type", words).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_that_start_no_flow() {
    let world = World::new().await;
    let (metric, list, segment) =
        (world.metric("Ordered").await, world.list().await, world.segment().await);
    let of =
        |trigger: Value| json!({ "triggers": [trigger], "actions": [], "entry_action_id": null });
    for kind in ["price-drop", "low-inventory"] {
        let (at, words) = ("/triggers/0/type", format!("`{kind}` needs a catalogue of products"));
        assert_refused(&world, of(json!({ "type": kind })), at, &words).await;
    }
    for name in ["Opened Email", "Received Email", "Unsubscribed from List"] {
        let id = world.known_metric(name).await;
        for given in [id.as_str(), name] {
            let trigger = json!({ "type": "metric", "id": given });
            let words = "`Unsubscribed from Email Marketing` may";
            assert_refused(&world, of(trigger), "/triggers/0/id", words).await;
        }
    }
    for (kind, id, words) in [
        ("metric", "Zzzzzz", "no metric with the id or the name `Zzzzzz`"),
        ("metric", "ordered", "no metric with the id or the name `ordered`"),
        ("list", "Zzzzzz", "no list `Zzzzzz`"),
        ("list", segment.as_str(), "its trigger has the type `segment`"),
        ("segment", list.as_str(), "its trigger has the type `list`"),
        ("segment", "x", "6 letters and digits"),
    ] {
        assert_refused(&world, of(json!({ "type": kind, "id": id })), "/triggers/0/id", words)
            .await;
    }
    let mut two = of(json!({ "type": "metric", "id": metric }));
    two["triggers"] = json!([{ "type": "list", "id": list }, { "type": "list", "id": list }]);
    assert_refused(&world, two, "/triggers", "exactly one trigger").await;
    let unknown = json!({ "condition_groups": [{ "conditions": [{
        "type": "profile-group-membership", "is_member": true, "group_ids": ["Zzzzzz"] }] }] });
    let mut filtered = of(json!({ "type": "metric", "id": metric }));
    filtered["profile_filter"] = unknown;
    let at = "/profile_filter/condition_groups/0/conditions/0/group_ids/0";
    assert_refused(&world, filtered, at, "Zzzzzz").await;
    // Those that may.
    let allowed = world.known_metric("Unsubscribed from Email Marketing").await;
    world.made("f", of(json!({ "type": "metric", "id": allowed }))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_the_producers_own_metric_or_the_only_one() {
    let world = World::new().await;
    let own = world.metric("Ordered").await;
    for (name, service) in
        [("Ordered", "shop"), ("Refunded", "shop"), ("Shipped", "shop"), ("Shipped", "till")]
    {
        world.daemon.event(Event::of(name).service(service)).await;
    }
    let refunded = world.known_metric("Refunded").await;
    for (name, expected) in [("Ordered", own), ("Refunded", refunded)] {
        let made = world.made("f", definition(name, &[])).await;
        assert_eq!(made["attributes"]["definition"]["triggers"][0]["id"], expected, "{name}");
    }
    assert_refused(&world, definition("Shipped", &[]), "/triggers/0/id", "`Shipped`").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_would_not_leave() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let of = |member: &str, value: Value| {
        let mut action = webhook("a", "https://h.example/x", None);
        action["data"]["message"][member] = value;
        definition(&metric, &[action])
    };
    let at = |member: &str| format!("/actions/0/data/message{member}");
    for (member, value, below, words) in [
        ("url", json!("https://{{ event.host }}/x"), "/url", "scheme, host and port"),
        ("url", json!("ftp://h.example/x"), "/url", "https://"),
        ("url", json!(5), "/url", "a string"),
        ("headers", json!({ "X-Key": "*****" }), "/headers/X-Key", "none yet"),
        ("headers", json!({ "X-Key": 5 }), "/headers/X-Key", "a string"),
        ("escaping", json!("html"), "/escaping", "`klaviyo`"),
        ("methd", json!("PUT"), "/methd", "did you mean `method`"),
    ] {
        assert_refused(&world, of(member, value), &at(below), words).await;
    }
    let mut status = of("name", json!("w"));
    status["actions"][0]["data"]["status"] = json!("paused");
    assert_refused(&world, status, "/actions/0/data/status", "`draft`").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_no_flow() {
    let world = World::new().await;
    let id = world.made("f", world.one_webhook().await).await["id"].to_text();
    let path = format!("/api/flows/{id}");
    let definition = world.one_webhook().await;
    let of = |attributes: Value| patch("flow", &id, attributes);
    let short = json!({ "data": { "type": "flow", "attributes": {
        "name": "f", "definition": definition, "secret_key": "short" } } });
    for (ask, pointer, words) in [
        (
            Ask::post("/api/flows", json!({ "data": { "type": "flow", "attributes": {} } })),
            "/data/attributes/name",
            "is required",
        ),
        (
            Ask::post("/api/flows", document("", definition.clone())),
            "/data/attributes/name",
            "0 characters",
        ),
        (Ask::post("/api/flows", short), "/data/attributes/secret_key", "5 characters"),
        (Ask::post("/api/flows", patch("list", &id, json!({}))), "/data/type", "`flow`"),
        (Ask::patch(&path, of(json!({ "status": "on" }))), "/data/attributes/status", "`live`"),
        (Ask::patch(&path, of(json!({ "state": "live" }))), "/data/attributes/state", "`status`"),
        (Ask::patch(&path, patch("flow", "Zzzzzz", json!({}))), "/data/id", &id),
    ] {
        let refused = world.daemon.ask(ask).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{refused}");
        assert!(refused["detail"].to_text().contains(words), "{refused}");
    }
    let code = json!({ "temporary_id": "c", "type": "code" });
    let mut coded = definition.clone();
    coded["actions"] = json!([code]);
    coded["entry_action_id"] = json!("c");
    world.change(&id, json!({ "definition": coded })).await;
    let live = of(json!({ "status": "live" }));
    let refused = world.daemon.ask(Ask::patch(&path, live)).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/status");
    assert!(refused["detail"].to_text().contains("`code`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_another_shape_is_told_from_one_that_nothing_has() {
    let world = World::new().await;
    let run = "01M1PAC5N9PMXJ7672AC8B75VN";
    for (shape, malformed, unknown) in [
        ("/api/flows/{id}", "x", "Zzzzzz"),
        ("/api/flows/{id}/flow-actions", "x", "Zzzzzz"),
        ("/api/flows/{id}/relationships/flow-actions", "x", "Zzzzzz"),
        ("/api/flows/{id}/tags", "x", "Zzzzzz"),
        ("/api/flow-actions/{id}", "x", "5"),
        ("/api/flow-actions/{id}/flow", "05", "5"),
        ("/api/flow-actions/{id}/flow-messages", "x", "5"),
        ("/api/flow-messages/{id}", "x", "Zzzzzz"),
        ("/api/flow-messages/{id}/flow-action", "xxxxx-", "Zzzzzz"),
        ("/api/flow-runs/{id}", "x", run),
        ("post /api/flow-runs/{id}/cancel", "x", run),
        ("post /api/flow-reviews/{id}/approve", "x-y", "01M1PAC5N9PMXJ7672AC8B75VN-5"),
        ("post /api/flow-reviews/{id}/discard", run, "01M1PAC5N9PMXJ7672AC8B75VN-5"),
        ("post /api/flow-actions/{id}/preview", "x", "5"),
        ("post /api/flow-actions/{id}/test", "x", "5"),
    ] {
        for (id, status) in [(malformed, 400), (unknown, 404)] {
            let ask = match shape.strip_prefix("post ") {
                Some(path) => Ask::new("POST", &path.replace("{id}", id)),
                None => Ask::get(&shape.replace("{id}", id)),
            };
            world.daemon.ask(ask.clone()).await.refused(status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_people_sends_them_nowhere() {
    let world = World::new().await;
    let body = document("f", world.one_webhook().await);
    for (scopes, missing) in [
        (&["flows:write"][..], Some("profiles:read")),
        (&["flows:write", "profiles:read"], Some("events:read")),
        (&["flows:write", "profiles:read", "events:read"], None),
    ] {
        let key = world.daemon.make_key(scopes).await;
        let answer = world.daemon.send(Ask::post("/api/flows", &body).key(&key)).await;
        match missing {
            Some(scope) => {
                let refused = answer.refused(403);
                assert!(refused["detail"].to_text().contains(scope), "{refused}");
            }
            None => drop(answer.expect(201)),
        }
    }
}
