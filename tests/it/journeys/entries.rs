//! Who enters: filters, re-entry, what is history and starts nothing.

use super::*;

async fn entered(world: &World, flow: &str, count: usize) {
    let path = format!("/api/flows/{flow}");
    eventually(&format!("{count} entered"), async || {
        let counts = world.daemon.get(&path).await["data"]["attributes"]["counts"].take();
        (counts["entered"] == count).then_some(())
    })
    .await;
}

/// An event that every flow of a test lets through, so that what came before it was looked at.
async fn after_all(world: &World, flow: &str, count: usize, metric: &str) {
    let event = of(metric, "last@example.org").unique(&format!("last{count}"));
    world.daemon.event(event.properties(r#"{"ok": "yes"}"#)).await;
    entered(world, flow, count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_history_keep_people_out() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let mut flow = definition(&metric, &[send(&world, "w", r#"{"to": "{{ email }}"}"#, None)]);
    flow["triggers"][0]["trigger_filter"] = any(json!([{
        "type": "metric-property", "metric_id": metric, "field": "ok",
        "filter": { "type": "string", "operator": "equals", "value": "yes" } }]));
    flow["profile_filter"] = any(json!([{ "type": "profile-property", "property": "email",
        "filter": { "type": "string", "operator": "not-contains", "value": "blocked" } }]));
    let flow = world.live(flow).await;
    let yes = r#"{"ok": "yes"}"#;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    world.daemon.event(of("Ordered", "blocked@example.org").properties(yes)).await;
    let past = of("Ordered", "b@example.org").properties(yes);
    world.daemon.event(past.with("time", "\"2026-09-04T07:00:00+00:00\"")).await;
    let filled = of("Ordered", "c@example.org").properties(yes).with("backfill", "true");
    world.daemon.event(filled).await;
    after_all(&world, &flow, 1, "Ordered").await;
    let sent = world.receiver.received(1).await.remove(0).json();
    assert_eq!(sent, json!({ "to": "last@example.org" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_in_may_enter_again_when_the_flow_says_so() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let (mut daily, mut once) = (definition(&metric, &[]), definition(&metric, &[]));
    daily["reentry_criteria"] = json!({ "duration": 1, "unit": "day" });
    once["reentry_criteria"] = json!({ "duration": 1, "unit": "alltime" });
    let (daily, once) = (world.live(daily).await, world.live(once).await);
    let always = world.live(definition(&metric, &[])).await;
    for number in 0..3 {
        let event = of("Ordered", "a@example.org").unique(&format!("a{number}"));
        world.daemon.event(event).await;
        entered(&world, &always, number + 1).await;
    }
    entered(&world, &daily, 1).await;
    entered(&world, &once, 1).await;
    world.daemon.advance(DAY);
    world.daemon.event(of("Ordered", "a@example.org").unique("next day")).await;
    entered(&world, &always, 4).await;
    entered(&world, &daily, 2).await;
    entered(&world, &once, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_filter_is_asked_again_before_each_action() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let actions = [crate::flows::world::delay("d", 1, Some("w")), send(&world, "w", "{}", None)];
    let mut flow = definition(&metric, &actions);
    flow["profile_filter"] = any(json!([{ "type": "profile-metric", "metric_id": metric,
        "measurement": "count",
        "measurement_filter": { "type": "numeric", "operator": "equals", "value": 0 },
        "timeframe_filter": { "type": "date", "operator": "flow-start" } }]));
    flow["reentry_criteria"] = json!({ "duration": 1, "unit": "alltime" });
    let flow = world.live(flow).await;
    world.daemon.event(of("Ordered", "a@example.org").unique("1")).await;
    world.run_in(&flow, "waiting").await;
    world.daemon.advance(HOUR);
    world.daemon.event(of("Ordered", "a@example.org").unique("2")).await;
    world.daemon.advance(DAY);
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(
        detail(&run, "skipped"),
        "skipped: the person does not fit the flow's profile filter"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_enters_a_draft() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let draft = world.made("f", definition(&metric, &[send(&world, "w", "{}", None)])).await;
    let other = world.live(definition(&metric, &[])).await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    entered(&world, &other, 1).await;
    world.runs(&format!("?filter=equals(flow_id,%22{}%22)", draft["id"].to_text()), 0).await;
}
