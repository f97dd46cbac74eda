//! The document at `/openapi.json`: it names every call, and real answers have its shapes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, key_document};

/// Every call that there is. A new one is added here too: that is when it is noticed.
const CALLS: &[&str] = &[
    "delete /api/flow-actions/{id}",
    "delete /api/flows/{id}",
    "delete /api/keys/{id}",
    "delete /api/lists/{id}",
    "delete /api/lists/{id}/relationships/profiles",
    "delete /api/segments/{id}",
    "delete /api/webhooks/{id}",
    "delete /api/webhooks/{id}/previous-secret",
    "get /api/accounts",
    "get /api/accounts/{id}",
    "get /api/data-privacy-deletion-jobs",
    "get /api/data-privacy-deletion-jobs/{id}",
    "get /api/deliveries",
    "get /api/deliveries/{id}",
    "get /api/delivery-attempts",
    "get /api/events",
    "get /api/events/{id}",
    "get /api/events/{id}/explanation",
    "get /api/events/{id}/metric",
    "get /api/events/{id}/profile",
    "get /api/events/{id}/relationships/metric",
    "get /api/events/{id}/relationships/profile",
    "get /api/flow-actions/{id}",
    "get /api/flow-actions/{id}/flow",
    "get /api/flow-actions/{id}/flow-messages",
    "get /api/flow-actions/{id}/relationships/flow",
    "get /api/flow-actions/{id}/relationships/flow-messages",
    "get /api/flow-messages/{id}",
    "get /api/flow-messages/{id}/flow-action",
    "get /api/flow-messages/{id}/relationships/flow-action",
    "get /api/flow-reviews",
    "get /api/flow-runs",
    "get /api/flow-runs/{id}",
    "get /api/flows",
    "get /api/flows/{id}",
    "get /api/flows/{id}/flow-actions",
    "get /api/flows/{id}/relationships/flow-actions",
    "get /api/flows/{id}/relationships/tags",
    "get /api/flows/{id}/tags",
    "get /api/keys",
    "get /api/lists",
    "get /api/lists/{id}",
    "get /api/lists/{id}/flow-triggers",
    "get /api/lists/{id}/profiles",
    "get /api/lists/{id}/relationships/flow-triggers",
    "get /api/lists/{id}/relationships/profiles",
    "get /api/metric-properties/{id}",
    "get /api/metrics",
    "get /api/metrics/{id}",
    "get /api/metrics/{id}/flow-triggers",
    "get /api/metrics/{id}/metric-properties",
    "get /api/metrics/{id}/relationships/flow-triggers",
    "get /api/profile-bulk-import-jobs",
    "get /api/profile-bulk-import-jobs/{id}",
    "get /api/profile-bulk-import-jobs/{id}/import-errors",
    "get /api/profile-subscription-bulk-create-jobs",
    "get /api/profile-subscription-bulk-create-jobs/{id}",
    "get /api/profile-subscription-bulk-create-jobs/{id}/errors",
    "get /api/profile-subscription-bulk-delete-jobs",
    "get /api/profile-subscription-bulk-delete-jobs/{id}",
    "get /api/profile-subscription-bulk-delete-jobs/{id}/errors",
    "get /api/profile-suppression-bulk-create-jobs",
    "get /api/profile-suppression-bulk-create-jobs/{id}",
    "get /api/profile-suppression-bulk-delete-jobs",
    "get /api/profile-suppression-bulk-delete-jobs/{id}",
    "get /api/profiles",
    "get /api/profiles/{id}",
    "get /api/profiles/{id}/lists",
    "get /api/profiles/{id}/relationships/lists",
    "get /api/profiles/{id}/relationships/segments",
    "get /api/profiles/{id}/segments",
    "get /api/replays",
    "get /api/replays/{id}",
    "get /api/segments",
    "get /api/segments/{id}",
    "get /api/segments/{id}/explanation",
    "get /api/segments/{id}/flow-triggers",
    "get /api/segments/{id}/profiles",
    "get /api/segments/{id}/relationships/flow-triggers",
    "get /api/segments/{id}/relationships/profiles",
    "get /api/webhook-topics",
    "get /api/webhook-topics/{id}",
    "get /api/webhooks",
    "get /api/webhooks/{id}",
    "get /healthz",
    "get /openapi.json",
    "get /readyz",
    "patch /api/flow-actions/{id}",
    "patch /api/flows/{id}",
    "patch /api/lists/{id}",
    "patch /api/profiles/{id}",
    "patch /api/replays/{id}",
    "patch /api/segments/{id}",
    "patch /api/webhooks/{id}",
    "post /api/data-privacy-deletion-jobs",
    "post /api/deliveries/{id}/cancel",
    "post /api/deliveries/{id}/resend",
    "post /api/event-bulk-create-jobs",
    "post /api/events",
    "post /api/flow-actions/{id}/preview",
    "post /api/flow-actions/{id}/test",
    "post /api/flow-reviews/{id}/approve",
    "post /api/flow-reviews/{id}/discard",
    "post /api/flow-runs/{id}/cancel",
    "post /api/flows",
    "post /api/keys",
    "post /api/lists",
    "post /api/lists/{id}/relationships/profiles",
    "post /api/metric-aggregates",
    "post /api/profile-bulk-import-jobs",
    "post /api/profile-import",
    "post /api/profile-merge",
    "post /api/profile-subscription-bulk-create-jobs",
    "post /api/profile-subscription-bulk-delete-jobs",
    "post /api/profile-suppression-bulk-create-jobs",
    "post /api/profile-suppression-bulk-delete-jobs",
    "post /api/profiles",
    "post /api/replay-previews",
    "post /api/replays",
    "post /api/replays/{id}/cancel",
    "post /api/segments",
    "post /api/webhooks",
    "post /api/webhooks/{id}/rotate-secret",
    "post /api/webhooks/{id}/test",
    "post /client/event-bulk-create",
    "post /client/events",
    "post /client/profiles",
    "post /client/subscriptions",
];

async fn document(daemon: &Daemon) -> Value {
    let answer = daemon.send(Ask::get("/openapi.json")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.expect(200)
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_names_every_call_and_each_is_there() {
    let daemon = Daemon::start().await;
    let document = document(&daemon).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], daemon.base());
    let mut named = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        for method in keys(methods) {
            named.insert(format!("{method} {path}"));
        }
    }
    let expected: BTreeSet<_> = CALLS.iter().map(ToString::to_string).collect();
    assert_eq!(named, expected);
    for call in CALLS {
        let (method, path) = call.split_once(' ').expect("a call is a method and a path");
        let answer = match method {
            "delete" => daemon.ask(Ask::delete(&path.replace("{id}", "none"))).await,
            "patch" => daemon.ask(Ask::patch(&path.replace("{id}", "none"), "{}")).await,
            "post" => daemon.ask(Ask::post(&path.replace("{id}", "none"), "{}")).await,
            _ => daemon.ask(Ask::get(&path.replace("{id}", "none"))).await,
        };
        assert_ne!(answer.status, 405, "{call}");
        assert!(!answer.body.contains("There is nothing at"), "{call}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_answers_have_exactly_the_attributes_that_the_document_names() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &["event:api.seen"]).await;
    let event = daemon.recorded(Event::of("Seen")).await;
    let delivery = daemon.attempted(1).await;
    let delivery_id = daemon.deliveries("").await[0]["id"].to_text();
    let list = json!({ "data": { "type": "list", "attributes": { "name": "n" } } });
    let list = daemon.ask(Ask::post("/api/lists", list)).await.expect(201)["data"]["id"].to_text();
    let import = json!({ "data": { "type": "profile-bulk-import-job", "attributes":
        { "profiles": { "data": [{ "type": "profile", "attributes": {} }] } } } });
    daemon.ask(Ask::post("/api/profile-bulk-import-jobs", import)).await.expect(202);
    let document = document(&daemon).await;
    let properties = |schema: &str| keys(&document["components"]["schemas"][schema]["properties"]);
    for (schema, path) in [
        ("Account", "/api/accounts".to_owned()),
        ("Event", format!("/api/events/{event}")),
        ("Metric", format!("/api/events/{event}/metric")),
        ("Profile", format!("/api/events/{event}/profile")),
        ("Webhook", format!("/api/webhooks/{webhook}")),
        ("WebhookTopic", "/api/webhook-topics/event:api.seen".to_owned()),
        ("Delivery", format!("/api/deliveries/{delivery_id}")),
        ("EventExplanation", format!("/api/events/{event}/explanation")),
        ("List", format!("/api/lists/{list}?additional-fields[list]=profile_count")),
        ("ProfileImportJob", "/api/profile-bulk-import-jobs".to_owned()),
    ] {
        let answer = daemon.get(&path).await;
        let is_list = answer["data"].is_array();
        let resource = if is_list { &answer["data"][0] } else { &answer["data"] };
        assert_eq!(keys(&resource["attributes"]), properties(&format!("{schema}Attributes")));
        assert!(keys(resource).is_subset(&properties(&format!("{schema}Resource"))), "{schema}");
        let whole = if is_list { format!("{schema}Collection") } else { schema.to_owned() };
        assert!(keys(&answer).is_subset(&properties(&whole)), "{whole}");
        assert!(keys(&answer["links"]).is_subset(&properties("Links")), "{whole}");
    }
    assert_eq!(keys(&delivery["attempts"][0]), properties("Attempt"));
    let test = daemon.ask(Ask::new("POST", &format!("/api/webhooks/{webhook}/test"))).await;
    let tested = test.expect(200)["data"]["attributes"].clone();
    assert_eq!(keys(&tested), properties("WebhookTestAttributes"));
    let key = daemon.ask(Ask::post("/api/keys", key_document("k", &["events:read"]))).await;
    assert_eq!(keys(&key.expect(201)["data"]["attributes"]), properties("KeyAttributes"));
    let refused = daemon.ask(Ask::get("/api/nothing")).await.refused(404);
    let shape = &document["components"]["schemas"]["Errors"]["properties"]["errors"];
    assert_eq!(keys(&refused), keys(&shape["items"]["properties"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_of_success_are_those_of_the_document() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &["event:api.seen"]).await;
    let document = document(&daemon).await;
    let on_webhook = format!("/api/webhooks/{webhook}");
    let patch = crate::harness::webhook_patch(&webhook, json!({}));
    for (ask, path, method) in [
        (Ask::post("/api/events", Event::of("Seen").document()), "/api/events", "post"),
        (Ask::new("POST", &format!("{on_webhook}/test")), "/api/webhooks/{id}/test", "post"),
        (Ask::patch(&on_webhook, patch), "/api/webhooks/{id}", "patch"),
        (Ask::delete(&on_webhook), "/api/webhooks/{id}", "delete"),
        (Ask::post("/api/keys", key_document("k", &["full"])), "/api/keys", "post"),
        (Ask::get("/readyz"), "/readyz", "get"),
    ] {
        let answer = daemon.ask(ask).await;
        let response = &document["paths"][path][method]["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {path}: {}", answer.status);
        assert_eq!(response.get("content").is_some(), !answer.body.is_empty(), "{method} {path}");
    }
}
