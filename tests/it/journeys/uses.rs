//! The uses that the product names for flows, end to end.

use super::*;
use crate::harness::{Receiver, Reply, assert_signed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_a_list_or_enters_a_segment_is_told_of() {
    let world = World::new().await;
    let (list, segment) = (world.list().await, world.segment().await);
    let body = r#"{"hello": "{{ person.first_name|default:'friend' }}", "mail": "{{ email }}"}"#;
    for trigger in
        [json!({ "type": "list", "id": list }), json!({ "type": "segment", "id": segment })]
    {
        let mut of_group = definition("", &[send(&world, "w", body, None)]);
        of_group["triggers"] = json!([trigger]);
        world.live(of_group).await;
    }
    let ann = world.make("ann@example.org", json!({ "first_name": "Ann" })).await;
    world.put_on(&list, &ann).await;
    let bodies = world.receiver.received(1).await;
    assert_eq!(bodies[0].json(), json!({ "hello": "Ann", "mail": "ann@example.org" }));
    world.make("bob@example.org", json!({ "properties": { "plan": "pro" } })).await;
    let bodies = world.receiver.received(2).await;
    assert_eq!(bodies[1].json(), json!({ "hello": "friend", "mail": "bob@example.org" }));
    // Who is on the list already did not join it.
    world.put_on(&list, &ann).await;
    world.daemon.settled(2, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_opens_is_suppressed() {
    let world = World::new().await;
    let (received, opened) = (world.metric("Got Mail").await, world.metric("Read Mail").await);
    let count = |metric: &str, operator: &str, value: u32| {
        json!({ "conditions": [{
            "type": "profile-metric", "metric_id": metric, "measurement": "count",
            "measurement_filter": { "type": "numeric", "operator": operator, "value": value },
            "timeframe_filter": {
                "type": "date", "operator": "in-the-last", "quantity": 90, "unit": "day" },
        }] })
    };
    let unengaged = json!({ "condition_groups": [
        count(&received, "greater-than-or-equal", 3), count(&opened, "equals", 0),
    ] });
    let attributes = json!({ "name": "unengaged", "definition": unengaged });
    let body = json!({ "data": { "type": "segment", "attributes": attributes } });
    let segment = world.daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
    let mut flow = definition(
        "",
        &[action("s", "suppress-profile", json!({ "next": null }), json!({ "status": "live" }))],
    );
    flow["triggers"] = json!([{ "type": "segment", "id": segment["data"]["id"] }]);
    let flow = world.live(flow).await;
    world.daemon.event(of("Read Mail", "ann@example.org")).await;
    for number in 0..3 {
        for person in ["ann@example.org", "bob@example.org"] {
            let event = of("Got Mail", person).unique(&format!("{person}{number}"));
            world.daemon.event(event).await;
        }
    }
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(detail(&run, "changed"), "suppressed");
    let bob = world.person("bob@example.org").await["id"].to_text();
    assert_eq!(run["relationships"]["profile"]["data"]["id"], bob.as_str());
    world.runs(&format!("?filter=equals(flow_id,%22{flow}%22)"), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_thanked_for_through_a_provider() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let message = json!({
        "name": "thanks",
        "url": format!("{}/{{{{ person.id|default:'none' }}}}?to={{{{ email }}}}", world.receiver.url()),
        "headers": { "Authorization": "Bearer token", "X-Order": "{{ event.number }}" },
        "query": { "lang": "{{ person.locale|default:'en' }}" },
        "body": r#"{"to": "{{ person.phone_number }}", "text": "Thank you, {{ first_name }}! {% for item in event.items %}{{ item.name }}{% if not forloop.last %}, {% endif %}{% endfor %}", "items": {{ event.items }}, "total": {{ event|lookup:'$value' }}}"#,
    });
    let secret = "0123456789abcdef";
    let attributes = json!({ "name": "f", "secret_key": secret, "definition": definition(&metric, &[
        json!({ "temporary_id": "w", "type": "send-webhook", "links": { "next": null },
            "data": { "status": "live", "message": message } }),
    ]) });
    let body = json!({ "data": { "type": "flow", "attributes": attributes } });
    let made = world.daemon.ask(Ask::post("/api/flows", body)).await.expect(201);
    let flow = made["data"]["id"].to_text();
    assert!(!made.to_string().contains("Bearer token"), "a header's value is not shown");
    world.change(&flow, json!({ "status": "live" })).await;
    let event = Event::of("Ordered")
        .about(json!({ "email": "a+b@example.org", "phone_number": "+15005550006",
            "external_id": "7/../8", "first_name": "Ann \"the\" \\ Buyer" }))
        .properties(r#"{"number": "N-1", "items": [{"name": "x\ty"}, {"name": "</z>"}]}"#)
        .with("value", "9.90");
    world.daemon.event(event).await;
    let sent = world.receiver.received(1).await.remove(0);
    assert_eq!(
        sent.json(),
        json!({
            "to": "+15005550006",
            "text": "Thank you, Ann \"the\" \\ Buyer! x\ty, </z>",
            "items": [{ "name": "x\ty" }, { "name": "</z>" }],
            "total": 9.9,
        })
    );
    assert_eq!(sent.path, "/hook/7%2F..%2F8?to=a%2Bb%40example.org&lang=en");
    assert_eq!((sent.method.as_str(), sent.header("Authorization")), ("POST", "Bearer token"));
    assert_eq!((sent.header("X-Order"), sent.header("X-Klaviyo-Flow-ID")), ("N-1", flow.as_str()));
    assert_eq!(sent.header("Content-Type"), "application/json");
    assert!(sent.headers.contains_key("Klaviyo-Signature"), "it is signed like a webhook");
    assert_step_signed(&sent, secret);
    // What a person sees of it has no token.
    let delivery = world.daemon.deliveries("").await[0]["id"].to_text();
    let path = format!("/api/deliveries/{delivery}?additional-fields[delivery]=request");
    let shown = world.daemon.get(&path).await.to_string();
    assert!(shown.contains("Thank you") && !shown.contains("Bearer token"), "{shown}");
}

/// A flow's request is signed over its whole body, by both schemes.
fn assert_step_signed(sent: &crate::harness::Recorded, secret: &str) {
    let (id, seconds) = (sent.header("webhook-id"), sent.header("webhook-timestamp"));
    let seconds: i64 = seconds.parse().expect("whole seconds");
    let own = standardwebhooks::Webhook::from_bytes(secret.as_bytes().to_vec());
    let signed = own.and_then(|own| own.sign(id, seconds, &sent.body)).expect("it can sign");
    assert!(sent.header("webhook-signature").split(' ').any(|it| it == signed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_used_by_what_comes_after_it() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let other = Receiver::scripted([
        Reply::Json(r#"{"score": 71, "who": {"name": "Ann \"A\""}}"#),
        Reply::Json(r#"{"score": 5}"#),
        Reply::Status(422),
    ])
    .await;
    let ask = json!({ "temporary_id": "ask", "type": "send-webhook", "links": { "next": "split" },
        "data": { "status": "live", "message": {
            "name": "scoring", "url": other.url(), "method": "POST", "body": "{}",
            "retry_schedule": [],
            "outputs": [
                { "name": "score", "pointer": "/score", "type": "number", "default": 0 },
                { "name": "name", "pointer": "/who/name", "type": "string", "default": "nobody" },
            ] } } });
    let high = json!({ "type": "action-output", "output_config_id": 1, "field": "score",
        "filter": { "type": "numeric", "operator": "greater-than", "value": 50 } });
    let split = action(
        "split",
        "action-output-split",
        json!({ "next_if_true": "high", "next_if_false": "low" }),
        json!({ "action_output_filter": any(json!([high])) }),
    );
    let body = r#"{"name": "{{ outputs.name }}", "score": {{ outputs.scoring.score }}}"#;
    let low = r#"{"low": {{ outputs.score }}}"#;
    let flow = world
        .live(definition(
            &metric,
            &[ask, split, send(&world, "high", body, None), send(&world, "low", low, None)],
        ))
        .await;
    for number in 0..3 {
        let event = of("Ordered", "a@example.org").unique(&format!("u{number}"));
        world.daemon.event(event).await;
        let sent = world.receiver.received(number + 1).await;
        let expected = match number {
            0 => json!({ "name": "Ann \"A\"", "score": 71 }),
            1 => json!({ "low": 5 }),
            // It refused: the defaults stand.
            _ => json!({ "low": 0 }),
        };
        assert_eq!(sent[number].json(), expected);
    }
    let run = world.run_in(&flow, "finished").await;
    assert!(told(&run).contains(&"result".to_owned()), "{run}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_where_it_was_after_a_restart() {
    let mut world = World::new().await;
    let metric = world.metric("Ordered").await;
    let wait = crate::flows::world::delay("d", 1, Some("w"));
    let flow = world.live(definition(&metric, &[wait, send(&world, "w", "{}", None)])).await;
    world.daemon.event(of("Ordered", "a@example.org")).await;
    world.run_in(&flow, "waiting").await;
    world.daemon.restart().await;
    assert_eq!(world.receiver.count(), 0);
    world.daemon.advance(DAY);
    world.receiver.received(1).await;
    let run = world.run_in(&flow, "finished").await;
    assert_eq!(told(&run)[..3], ["entered", "waits", "sent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_of_webhooks_verify_flows_unchanged() {
    let world = World::new().await;
    let metric = world.metric("Ordered").await;
    let body = r#"{"meta": {"klaviyo_webhook_id": "{{ event.id }}"}}"#;
    let attributes = json!({ "name": "f", "secret_key": crate::harness::SECRET,
        "definition": definition(&metric, &[send(&world, "w", body, None)]) });
    let made = json!({ "data": { "type": "flow", "attributes": attributes } });
    let flow = world.daemon.ask(Ask::post("/api/flows", made)).await.expect(201);
    let id = flow["data"]["id"].to_text();
    world.change(&id, json!({ "status": "live" })).await;
    let action = world.action_of(&id).await;
    let step: tidings::id::ActionId = action.parse().expect("it is one");
    let webhook = tidings::id::WebhookId::of_action(step).to_string();
    let event = of("Ordered", "a@example.org").properties(&json!({ "id": webhook }).to_string());
    world.daemon.event(event).await;
    let sent = world.receiver.received(1).await.remove(0);
    assert_signed(&sent, crate::harness::SECRET);
}
