//! Splits, and changes of the person that splits see.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_sees_what_the_action_before_it_changed() {
    let world = World::new().await;
    let (metric, list) = (world.metric("Ordered").await, world.list().await);
    let update = action(
        "u",
        "update-profile",
        json!({ "next": "l" }),
        json!({
        "status": "live", "profile_operations": [
            { "operator": "create", "property_type": "string", "property_key": "plan",
              "property_value": "pro" },
            { "operator": "update", "property_type": "date", "property_key": "seen",
              "property_value": "today" },
        ] }),
    );
    let join = action(
        "l",
        "list-update",
        json!({ "next": "c" }),
        json!({
        "name": "join", "list_id": list, "on_execution": true, "status": "live" }),
    );
    let member = json!({ "type": "profile-group-membership", "is_member": true,
        "group_ids": [list], "timeframe_filter": null });
    let both = json!({ "condition_groups": [
        { "conditions": [property("plan", "pro")] }, { "conditions": [member] },
    ] });
    let split = action(
        "c",
        "conditional-split",
        json!({ "next_if_true": "yes", "next_if_false": "no" }),
        json!({ "profile_filter": both }),
    );
    let body = r#"{"plan": "{{ person.plan }}", "seen": "{{ person.seen }}"}"#;
    let flow = world
        .live(definition(
            &metric,
            &[update, join, split, send(&world, "yes", body, None), send(&world, "no", "{}", None)],
        ))
        .await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    let sent = world.receiver.received(1).await.remove(0).json();
    assert_eq!(sent, json!({ "plan": "pro", "seen": "2026-09-04" }));
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(told(&run)[..5], ["entered", "changed", "changed", "branch", "sent"]);
    assert!(detail(&run, "branch").starts_with("took the branch true"), "{run}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_through_splits_is_taken_by_whom_it_is_for() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let field = |name: &str, value: &str| {
        json!({ "type": "metric-property", "metric_id": metric, "field": name,
            "filter": { "type": "string", "operator": "equals", "value": value } })
    };
    let trigger_split = action(
        "t",
        "trigger-split",
        json!({ "next_if_true": "m", "next_if_false": "off" }),
        json!({ "trigger_id": metric, "trigger_type": "metric",
            "trigger_filter": any(json!([field("channel", "web")])) }),
    );
    let multi = json!({ "temporary_id": "m", "type": "multi-branch-split", "data": {
        "name": "which", "branches": [
            { "branch_id": "else", "is_else": true, "links": { "next": "rest" } },
            { "branch_id": "red", "branch_filter": any(json!([field("color", "red")])),
              "links": { "next": "red" } },
            { "branch_id": "pro", "branch_filter": any(json!([property("plan", "pro")])),
              "links": { "next": "pro" } },
        ] } });
    let sends = ["off", "rest", "red", "pro"].map(|name| {
        send(&world, name, &format!(r#"{{"way": "{name}", "who": "{{{{ email }}}}"}}"#), None)
    });
    let actions: Vec<Value> = [trigger_split, multi].into_iter().chain(sends).collect();
    world.live(definition(&metric, &actions)).await;
    for (who, properties, person, way) in [
        ("a@example.org", json!({ "channel": "shop" }), json!({}), "off"),
        (
            "b@example.org",
            json!({ "channel": "web", "color": "red" }),
            json!({ "plan": "pro" }),
            "red",
        ),
        ("c@example.org", json!({ "channel": "web" }), json!({ "plan": "pro" }), "pro"),
        ("d@example.org", json!({ "channel": "web" }), json!({}), "rest"),
    ] {
        let before = world.receiver.count();
        let event = Event::of("Ordered").about(json!({ "email": who, "properties": person }));
        world.daemon.event(event.properties(&properties.to_string())).await;
        let sent = world.receiver.received(before + 1).await.remove(before).json();
        assert_eq!(sent, json!({ "way": way, "who": who }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_random_split_parts_people_by_its_percentage() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let sample = json!({ "type": "profile-sample", "percentage": 30 });
    let split = action(
        "c",
        "conditional-split",
        json!({ "next_if_true": "yes", "next_if_false": null }),
        json!({ "profile_filter": any(json!([sample])) }),
    );
    let flow = world.live(definition(&metric, &[split, send(&world, "yes", "{}", None)])).await;
    let people: Vec<Event> =
        (0..200).map(|number| of("Ordered", &format!("p{number}@example.org"))).collect();
    let bulk = crate::harness::bulk(&people);
    world.daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk)).await.expect(202);
    let finished = format!(
        "/api/flow-runs?page[size]=100&filter=equals(flow_id,%22{flow}%22),equals(state,%22finished%22)"
    );
    eventually("everybody came through", async || {
        let page = world.daemon.get(&finished).await;
        let next = page["links"]["next"].as_str()?.to_owned();
        let rest = world.daemon.get(next.strip_prefix(&world.daemon.base())?).await;
        (rest["data"].as_array()?.len() == 100).then_some(())
    })
    .await;
    let taken = world.daemon.deliveries("").await.len();
    assert!((35..=85).contains(&taken), "{taken} of 200");
}
