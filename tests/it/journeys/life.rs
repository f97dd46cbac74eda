//! What becomes of runs when something happens to the flow, the person or the receiver.

use super::*;
use crate::flows::world::delay;

async fn waiting(world: &World) -> String {
    let metric = world.metric("Ordered").await;
    let actions = [delay("d", 1, Some("w")), send(world, "w", r#"{"to": "{{ email }}"}"#, None)];
    let flow = world.live(definition(&metric, &actions)).await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    world.run_in(&flow, "waiting").await;
    flow
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_its_person_and_goes_on_as_who_they_are_merged_into() {
    let world = World::new().await;
    let flow = waiting(&world).await;
    let (source, kept) =
        (world.person("a@example.org").await, world.make("b@example.org", json!({})).await);
    let merge = json!({ "data": { "type": "profile-merge", "id": kept, "relationships": {
        "profiles": { "data": [{ "type": "profile", "id": source["id"] }] } } } });
    world.daemon.ask(Ask::post("/api/profile-merge", merge)).await.expect(201);
    world.daemon.advance(DAY);
    assert_eq!(world.receiver.received(1).await[0].json(), json!({ "to": "b@example.org" }));
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(run["relationships"]["profile"]["data"]["id"], kept.as_str());
    let erase = json!({ "data": { "type": "data-privacy-deletion-job", "attributes": {
        "profile": { "data": { "type": "profile", "attributes": { "email": "b@example.org" } } } } } });
    world.daemon.ask(Ask::post("/api/data-privacy-deletion-jobs", erase)).await.expect(202);
    world.runs(&format!("?filter=equals(flow_id,%22{flow}%22)"), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_flow_takes_its_runs_and_what_is_in_the_outbox_with_it() {
    let world = World::new().await;
    let flow = waiting(&world).await;
    world.daemon.ask(Ask::delete(&format!("/api/flows/{flow}"))).await.expect(204);
    world.runs("", 0).await;
    world.daemon.advance(DAY);
    world.daemon.event(of("Ordered", "c@example.org")).await;
    world.runs("", 0).await;
    assert_eq!(world.receiver.count(), 0);
    world.daemon.ask(Ask::get(&format!("/api/flows/{flow}"))).await.refused(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_goes_no_further_and_the_counts_agree() {
    let world = World::new().await;
    let flow = waiting(&world).await;
    let run = world.run_in(&flow, "waiting").await["id"].to_text();
    let counts = async || {
        let first = world.daemon.get(&format!("/api/flows/{flow}/flow-actions?sort=id")).await;
        let of_flow = world.daemon.get(&format!("/api/flows/{flow}")).await;
        (
            first["data"][0]["attributes"]["counts"]["waiting"].clone(),
            of_flow["data"]["attributes"]["counts"]["active"].clone(),
        )
    };
    assert_eq!(counts().await, (json!(1), json!(1)));
    world.daemon.ask(Ask::new("POST", &format!("/api/flow-runs/{run}/cancel"))).await.expect(200);
    assert_eq!(counts().await, (json!(0), json!(0)));
    world.daemon.advance(DAY);
    world.daemon.event(of("Ordered", "c@example.org")).await;
    world.run_in(&flow, "waiting").await;
    assert_eq!(world.receiver.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_fails_parks_the_delivery_and_lets_the_run_go_on() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let bad = r#"{"half": {{ event.n|divide:event.zero }}}"#;
    let actions = [send(&world, "bad", bad, Some("good")), send(&world, "good", "{}", None)];
    let flow = world.live(definition(&metric, &actions)).await;
    let event = of("Ordered", "a@example.org").properties(r#"{"n": 4, "zero": 0}"#);
    world.daemon.event(event).await;
    world.receiver.received(1).await;
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(told(&run)[..3], ["entered", "failed", "sent"]);
    assert!(detail(&run, "failed").contains("line 1"), "{run}");
    world.daemon.settled(1, "parked").await;
    // Once the template is corrected, the delivery can be sent after all.
    let action = world.action_of(&flow).await;
    let shown = world.daemon.get(&format!("/api/flow-actions/{action}")).await;
    let mut changed = shown["data"]["attributes"]["definition"].clone();
    changed["data"]["message"]["body"] = json!(r#"{"n": {{ event.n }}}"#);
    let body = crate::flows::world::patch("flow-action", &action, json!({ "definition": changed }));
    world.daemon.ask(Ask::patch(&format!("/api/flow-actions/{action}"), body)).await.expect(200);
    let parked = world.daemon.deliveries("equals(state,%22parked%22)").await[0]["id"].to_text();
    world
        .daemon
        .ask(Ask::new("POST", &format!("/api/deliveries/{parked}/resend")))
        .await
        .expect(202);
    assert_eq!(world.receiver.received(2).await[1].json(), json!({ "n": 4 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_definition_is_kept_and_a_stricter_host_still_starts() {
    let mut world = World::new().await;
    let metric = world.metric("Ordered").await;
    let text = "x".repeat(100_000);
    let body = format!(r#"{{"text": "{text}", "to": "{{{{ email }}}}"}}"#);
    let flow = world.live(definition(&metric, &[send(&world, "w", &body, None)])).await;
    world.daemon.restart().await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    let sent = world.receiver.received(1).await.remove(0).json();
    assert_eq!((sent["text"].to_text().len(), &sent["to"]), (100_000, &json!("a@example.org")));
    // What was stored under a looser policy is there, and refused when it is dialled.
    world.daemon.stop().await;
    world.daemon.reconfigure(|config| {
        config.dev = false;
        config.egress.allow_http = false;
        config.egress.allow_loopback = false;
    });
    world.daemon.restart().await;
    world.daemon.event(of("Ordered", "b@example.org")).await;
    world.runs(&format!("?filter=equals(flow_id,%22{flow}%22)"), 2).await;
    eventually("the attempt is refused", async || {
        let newest = world.daemon.deliveries("").await.first()?["id"].to_text();
        let shown = world.daemon.get(&format!("/api/deliveries/{newest}")).await;
        (shown["data"]["attributes"]["last_error"] == "address_refused").then_some(())
    })
    .await;
    assert_eq!(world.receiver.count(), 1);
}
