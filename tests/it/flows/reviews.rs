//! What waits for approval: listed, approved, discarded.

use serde_json::{Value, json};

use super::world::World;
use crate::harness::{Ask, Event, ToText as _, eventually};

/// A flow whose webhook waits for approval for three people.
async fn three(world: &World) -> (String, Vec<Value>) {
    let flow = world.made("f", world.one_webhook().await).await["id"].to_text();
    world.change(&flow, json!({ "status": "manual" })).await;
    for person in ["ann@example.org", "bob@example.org", "cid@example.org"] {
        let event = Event::of("Ordered").about(json!({ "email": person })).unique(person);
        world.daemon.event(event).await;
    }
    let reviews = eventually("three wait for approval", async || {
        let found = world.daemon.get("/api/flow-reviews").await["data"].clone();
        let found = found.as_array().expect("reviews are a list").clone();
        (found.len() == 3).then_some(found)
    });
    (flow, reviews.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_listed_and_settled() {
    let world = World::new().await;
    let (flow, reviews) = three(&world).await;
    let first = &reviews[0];
    let id = first["id"].to_text();
    let related = |to: &str| first["relationships"][to]["data"]["id"].to_text();
    assert_eq!(id, format!("{}-{}", related("flow-run"), related("flow-action")));
    assert_eq!(related("flow"), flow);
    assert_eq!(related("profile").len(), 26);
    assert!(first["attributes"]["queued_at"].is_string());
    assert!(world.daemon.deliveries("").await.is_empty());

    let page = world.daemon.get("/api/flow-reviews?page[size]=2").await;
    let next = page["links"]["next"].to_text();
    let next = next.strip_prefix(&world.daemon.base()).expect("it is ours");
    assert_eq!(world.daemon.get(next).await["data"], json!([reviews[2]]));
    for (filter, count) in [(flow.as_str(), 3), ("Zzzzzz", 0)] {
        let filter = format!("/api/flow-reviews?filter=equals(flow_id,%22{filter}%22)");
        assert_eq!(world.daemon.get(&filter).await["data"].as_array().map(Vec::len), Some(count));
    }
    for query in ["filter=equals(flow_id,%22x%22)", "page[cursor]=eA"] {
        world.daemon.ask(Ask::get(&format!("/api/flow-reviews?{query}"))).await.refused(400);
    }

    let settle = async |id: &str, how: &str| {
        world.daemon.ask(Ask::new("POST", &format!("/api/flow-reviews/{id}/{how}"))).await
    };
    let approved = settle(&id, "approve").await.expect(200)["data"].clone();
    assert_eq!(
        (&approved["type"], &approved["id"]),
        (&json!("flow-run"), &json!(related("flow-run")))
    );
    let timeline = approved["attributes"]["timeline"].to_string();
    assert!(timeline.contains(r#""approved""#) && timeline.contains(r#""sent""#), "{timeline}");
    world.daemon.settled(1, "delivered").await;
    settle(&id, "approve").await.refused(404);
    settle(&id, "discard").await.refused(404);

    let other = reviews[1]["id"].to_text();
    let discarded = settle(&other, "discard").await.expect(200);
    assert!(discarded.to_string().contains(r#""discarded""#));
    assert_eq!(world.daemon.deliveries("").await.len(), 1);
    let action = world.daemon.get(&format!("/api/flow-actions/{}", related("flow-action"))).await;
    let counts = &action["data"]["attributes"]["counts"];
    assert_eq!((&counts["in_review"], &counts["skipped"]), (&json!(1), &json!(1)), "{counts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_can_only_be_discarded() {
    let world = World::new().await;
    let (_, reviews) = three(&world).await;
    let action = reviews[0]["relationships"]["flow-action"]["data"]["id"].to_text();
    let gone = world.daemon.ask(Ask::delete(&format!("/api/flow-actions/{action}"))).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let at = format!("/api/flow-reviews/{}", reviews[0]["id"].to_text());
    let approve = world.daemon.ask(Ask::new("POST", &format!("{at}/approve"))).await;
    let refused = approve.refused(409);
    assert!(refused["detail"].to_text().contains("only be discarded"), "{refused}");
    world.daemon.ask(Ask::new("POST", &format!("{at}/discard"))).await.expect(200);
}
