//! Real answers have the shapes that the document at `/openapi.json` names.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{World, definition, delay, webhook};
use crate::harness::{Ask, Event, ToText as _};

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_have_exactly_the_attributes_that_the_document_names() {
    let world = World::new().await;
    let (metric, url) = (world.metric("Ordered").await, world.receiver.url());
    let actions = [webhook("a", &url, Some("b")), delay("b", 2, None)];
    let made = world.made("f", definition(&metric, &actions)).await;
    let flow = made["id"].to_text();
    world.change(&flow, json!({ "status": "manual" })).await;
    world.daemon.event(Event::of("Ordered")).await;
    let run = world.runs("?filter=equals(state,%22waiting%22)", 1).await[0]["id"].to_text();
    let action = world.action_of(&flow).await;
    let messages = world.daemon.get(&format!("/api/flow-actions/{action}/flow-messages")).await;
    let message = messages["data"][0]["id"].to_text();
    let preview = Ask::new("POST", &format!("/api/flow-actions/{action}/preview"));
    let preview = world.daemon.ask(preview).await.expect(200)["data"].clone();
    let reviews = world.daemon.get("/api/flow-reviews").await["data"].clone();
    let read = async |path: String| world.daemon.get(&path).await["data"].clone();
    let document = world.daemon.send(Ask::get("/openapi.json")).await.expect(200);
    let properties = |schema: &str| keys(&document["components"]["schemas"][schema]["properties"]);
    for (schema, resource) in [
        ("FlowWithSecret", made),
        ("Flow", read(format!("/api/flows/{flow}?additional-fields[flow]=definition")).await),
        ("FlowAction", read(format!("/api/flow-actions/{action}")).await),
        ("FlowMessage", read(format!("/api/flow-messages/{message}")).await),
        ("FlowRun", read(format!("/api/flow-runs/{run}")).await),
        ("FlowReview", reviews[0].clone()),
        ("FlowPreview", preview),
    ] {
        let expected = properties(&format!("{schema}Attributes"));
        assert_eq!(keys(&resource["attributes"]), expected, "{schema}");
        assert!(keys(&resource).is_subset(&properties(&format!("{schema}Resource"))), "{schema}");
        let kind = &document["components"]["schemas"][format!("{schema}Resource")];
        assert_eq!(resource["type"], kind["properties"]["type"]["const"], "{schema}");
    }
}
