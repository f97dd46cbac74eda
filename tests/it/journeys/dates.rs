//! Date flows: planned ahead, on the day, by the person's clock.

use super::*;

/// Time enough for the loops to do what there is to do: rounds that do something else end.
async fn a_moment(world: &World) {
    let metric = world.metric("Ticked").await;
    let flow = world.live(definition(&metric, &[])).await;
    for number in 0..2 {
        let event = of("Ticked", &format!("tick{number}@example.org")).unique(&flow);
        world.daemon.event(event).await;
        let path = format!("/api/flow-runs?filter=equals(flow_id,%22{flow}%22)");
        eventually("the flow ran", async || {
            let runs = world.daemon.get(&path).await;
            (runs["data"].as_array()?.len() == number + 1).then_some(())
        })
        .await;
    }
}

fn birthday(days_before: i64) -> Value {
    json!([{ "type": "date", "date_field_type": "profile-property",
        "date_profile_property": "birthday", "timedelta_unit_before_date": "days",
        "timedelta_value_before_date": days_before, "recurrence_frequency": "annually",
        "timezone": "profile", "trigger_time": "10:00:00" }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_birthday_is_kept_every_year() {
    let world = World::new().await;
    world.make("a@example.org", json!({ "properties": { "birthday": "1990-09-06" } })).await;
    let target = action(
        "t",
        "target-date",
        json!({ "next": "w" }),
        json!({ "timezone": "profile", "target_time": "12:00:00" }),
    );
    let mut flow = definition(
        "",
        &[
            send(&world, "early", r#"{"n": "early"}"#, Some("t")),
            target,
            send(&world, "w", r#"{"n": "day"}"#, None),
        ],
    );
    flow["triggers"] = birthday(1);
    let flow = world.live(flow).await;
    // 2026-09-04T13:38: the day before is tomorrow at ten.
    world.daemon.advance(HOUR * 20);
    eventually("the plan was made", async || {
        let runs = world.daemon.get("/api/flow-runs").await;
        runs["data"].as_array()?.is_empty().then_some(())
    })
    .await;
    world.daemon.advance(HOUR);
    assert_eq!(world.receiver.received(1).await[0].json(), json!({ "n": "early" }));
    let run = world.run_in(&flow, "waiting").await;
    assert_eq!(run["attributes"]["due_at"], "2026-09-06T12:00:00.000000+00:00");
    assert_eq!(run["attributes"]["date"], "2026-09-06");
    world.daemon.advance(HOUR * 26);
    assert_eq!(world.receiver.received(2).await[1].json(), json!({ "n": "day" }));
    // A year later; the loop plans day by day.
    world.daemon.advance(DAY * 363);
    for _ in 0..3 {
        a_moment(&world).await;
        world.daemon.advance(DAY / 2);
    }
    world.receiver.received(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_date_that_is_set_or_moved_while_a_plan_holds_counts() {
    let world = World::new().await;
    let moved =
        world.make("m@example.org", json!({ "properties": { "birthday": "1990-09-05" } })).await;
    let mut flow = definition("", &[send(&world, "w", r#"{"to": "{{ email }}"}"#, None)]);
    flow["triggers"] = birthday(0);
    world.live(flow).await;
    world.make("new@example.org", json!({ "properties": { "birthday": "1991-09-05" } })).await;
    let body = crate::flows::world::patch(
        "profile",
        &moved,
        json!({ "properties": { "birthday": "1990-12-24" } }),
    );
    world.daemon.ask(Ask::patch(&format!("/api/profiles/{moved}"), body)).await.expect(200);
    // What changed is followed long before the moment comes.
    for _ in 0..7 {
        a_moment(&world).await;
        world.daemon.advance(HOUR * 3);
    }
    let sent = world.receiver.received(1).await.remove(0).json();
    assert_eq!(sent, json!({ "to": "new@example.org" }));
    world.daemon.settled(1, "delivered").await;
}
