//! Delays: how long, whose clock, what a change of the flow does to those who wait.

use super::*;
use crate::flows::world::{delay, patch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_ends_at_its_moment_by_the_clock_of_the_person() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    // The daemon starts on 2026-09-04 at 13:38:55 UTC, a Friday: 22:38 in Tokyo.
    let until = action(
        "d",
        "time-delay",
        json!({ "next": "w" }),
        json!({
            "unit": "hours", "value": 1, "secondary_value": 30, "timezone": "profile",
            "delay_until_time": "09:00:00", "delay_until_weekdays": ["monday"],
        }),
    );
    let flow = world.live(definition(&metric, &[until, send(&world, "w", "{}", None)])).await;
    let event = Event::of("Ordered").about(json!({
        "email": "a@example.org", "location": { "timezone": "Asia/Tokyo" } }));
    world.daemon.event(event).await;
    let run = world.run_in(&flow, "waiting").await;
    assert_eq!(run["attributes"]["due_at"], "2026-09-07T00:00:00.000000+00:00");
    world.daemon.advance(Duration::from_secs(58 * 3_600));
    world.run_in(&flow, "waiting").await;
    world.daemon.advance(HOUR);
    world.receiver.received(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_flow_reaches_those_who_wait_when_they_go_on() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let actions = [delay("d", 2, Some("w")), send(&world, "w", r#"{"v": 1}"#, None)];
    let flow = world.live(definition(&metric, &actions)).await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    let run = world.run_in(&flow, "waiting").await;
    let due = run["attributes"]["due_at"].clone();
    let path = format!("/api/flows/{flow}?additional-fields[flow]=definition");
    let mut changed = world.daemon.get(&path).await["data"]["attributes"]["definition"].take();
    // Another delay, and another body; the actions keep their ids.
    changed["actions"][0]["data"]["value"] = json!(9);
    changed["actions"][1]["data"]["message"]["body"] = json!(r#"{"v": 2}"#);
    world.change(&flow, json!({ "definition": changed })).await;
    let run = world.run_in(&flow, "waiting").await;
    assert_eq!(run["attributes"]["due_at"], due, "who waits is not put off");
    world.daemon.advance(DAY * 2);
    assert_eq!(world.receiver.received(1).await[0].json(), json!({ "v": 2 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_in_a_deleted_action_stops_there() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let actions = [delay("d", 1, Some("w")), send(&world, "w", "{}", None)];
    let flow = world.live(definition(&metric, &actions)).await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    world.run_in(&flow, "waiting").await;
    let first = world.action_of(&flow).await;
    world.daemon.ask(Ask::delete(&format!("/api/flow-actions/{first}"))).await.expect(204);
    world.daemon.advance(DAY);
    let run = world.run_in(&flow, "cancelled").await;
    assert_eq!(detail(&run, "cancelled"), "ended: the action was deleted");
    // Whoever comes now is sent it at once.
    world.daemon.event(of("Ordered", "b@example.org")).await;
    world.receiver.received(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_action_is_passed_and_a_manual_one_waits_for_approval() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let actions = [
        send(&world, "first", r#"{"n": 1}"#, Some("second")),
        send(&world, "second", r#"{"n": 2}"#, Some("third")),
        send(&world, "third", r#"{"n": 3}"#, None),
    ];
    let flow = world.live(definition(&metric, &actions)).await;
    let shown = world.daemon.get(&format!("/api/flows/{flow}/flow-actions?sort=id")).await;
    for (place, status) in [(0, "draft"), (1, "manual")] {
        let found = &shown["data"][place];
        let id = found["id"].to_text();
        let mut changed = found["attributes"]["definition"].clone();
        changed["data"]["status"] = json!(status);
        let body = patch("flow-action", &id, json!({ "definition": changed }));
        world.daemon.ask(Ask::patch(&format!("/api/flow-actions/{id}"), body)).await.expect(200);
    }
    world.daemon.event(of("Ordered", "a@example.org")).await;
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(told(&run)[..4], ["entered", "skipped", "queued_for_review", "sent"]);
    assert_eq!(world.receiver.received(1).await[0].json(), json!({ "n": 3 }));
    let review = world.daemon.get("/api/flow-reviews").await["data"][0]["id"].to_text();
    world
        .daemon
        .ask(Ask::new("POST", &format!("/api/flow-reviews/{review}/approve")))
        .await
        .expect(200);
    assert_eq!(world.receiver.received(2).await[1].json(), json!({ "n": 2 }));
}
