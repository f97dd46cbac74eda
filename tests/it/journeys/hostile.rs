//! Templates that mean harm cost a delivery, or a worker at most.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_template_holds_up_nobody() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let rows = "{% for a in event.rows %}";
    let nested = format!("{}{}{}", rows.repeat(6), "{{ a }}", "{% endfor %}".repeat(6));
    let hostile = [
        format!(r#"{{"x": "{nested}"}}"#),
        r#"{"x": "{{ event.text|ljust:'900000000' }}"}"#.to_owned(),
        r#"{"x": {{ event.text|append:event.text|append:event.text|safe }}, }"#.to_owned(),
    ];
    let mut flows = Vec::new();
    for body in &hostile {
        flows.push(world.live(definition(&metric, &[send(&world, "w", body, None)])).await);
    }
    let good = world.live(definition(&metric, &[send(&world, "w", "{}", None)])).await;
    let numbers: Vec<u32> = (0..200).collect();
    let properties = json!({ "rows": numbers, "text": "a\"b" });
    world.daemon.event(of("Ordered", "a@example.org").properties(&properties.to_string())).await;
    world.receiver.received(1).await;
    world.run_in(&good, "finished").await;
    for flow in &flows {
        let run = world.run_in(flow, "finished").await;
        assert!(told(&run).contains(&"failed".to_owned()), "{run}");
    }
    world.daemon.settled(hostile.len(), "parked").await;
    // The workers still work.
    let again = of("Ordered", "b@example.org").properties(&properties.to_string());
    world.daemon.event(again).await;
    world.receiver.received(2).await;
}
