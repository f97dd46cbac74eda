//! How deliveries of steps end: each alone, because there is no webhook to disable, and each with a
//! result for its run.

use super::receiver::{Receiver, answer};
use super::world::{STEP, World, flow, for_run, once, request, step};
use crate::delivery::{Deliveries, Outcome, State, waiting_notices};
use crate::limits::BREAKER_FAILURES;
use crate::store::{StoreError, Tx};
use crate::webhook::Settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_disable_a_webhook_ends_the_delivery_alone() {
    let receiver = Receiver::start().await;
    let world = World::new(step(receiver.url("/"), Settings::default())).await;
    for (status, header, state) in [
        ("410 Gone", "", State::Exhausted),
        ("500 Broken", "webhook-delivery: disable\r\n", State::Cancelled),
        ("400 Bad", "webhook-delivery: abort\r\n", State::Cancelled),
        ("200 OK", "webhook-delivery: disable\r\n", State::Delivered),
    ] {
        let headers = format!("connection: close\r\n{header}");
        receiver.prepare(answer(status, &headers, b""));
        let id = world.send(for_run(1, Some(9)), request(receiver.url("/"))).await;
        let ended = world.settled(id, state).await;
        assert_eq!(ended.attempts.len(), 1, "{status}");
        let result = world.result().await.1;
        assert_eq!((result.state, result.status), (state, ended.attempts[0].outcome.status()));
        // The policy of these tests disables a webhook at its first failure.
        assert!(world.webhooks.get(STEP).is_some_and(|step| step.webhook.enabled));
        assert_eq!(world.deliveries.failing_since(STEP), None, "nothing is written down");
    }
    let exhausted = world.send(for_run(2, None), request(receiver.url("/"))).await;
    world.settled(exhausted, State::Delivered).await;
    assert_eq!(waiting_notices(&world.snapshot(), 9).unwrap(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_retry_that_fails_is_told_to_the_run_and_nobody_else() {
    let receiver = Receiver::answering([answer("500 Broken", "connection: close\r\n", b"")]).await;
    let world = World::new(step(receiver.url("/"), once())).await;
    let id = world.send(for_run(1, Some(9)), request(receiver.url("/"))).await;
    world.settled(id, State::Exhausted).await;
    let result = world.result().await.1;
    assert_eq!((result.state, result.status), (State::Exhausted, Some(500)));
    assert_eq!(waiting_notices(&world.snapshot(), 9).unwrap(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_fails_is_left_alone_until_a_person_sees_to_its_step() {
    let broken = || answer("500 Broken", "connection: close\r\n", b"");
    let failures = usize::try_from(BREAKER_FAILURES).unwrap();
    let receiver = Receiver::answering((0..failures).map(|_| broken())).await;
    let world = World::new(step(receiver.url("/"), once())).await;
    for _ in 0..failures {
        let id = world.send(for_run(1, None), request(receiver.url("/"))).await;
        world.settled(id, State::Exhausted).await;
    }
    world.breaker_is_open(true).await;
    let waiting = world.send(for_run(1, None), request(receiver.url("/"))).await;
    assert_eq!(world.delivery(waiting).attempts.len(), 0);
    world.deliveries.steps_changed(&[STEP], &[STEP]);
    world.settled(waiting, State::Delivered).await;
    world.breaker_is_open(false).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cancels_the_run_is_told() {
    let receiver = Receiver::start().await;
    let paused = Settings { is_paused: true, ..Settings::default() };
    let world = World::new(step(receiver.url("/"), paused)).await;
    let by_hand = world.send(for_run(1, None), request(receiver.url("/"))).await;
    let cancel = move |tx: &mut Tx<'_, '_>, to: &Deliveries| to.cancel(tx, by_hand);
    world.commit::<_, StoreError>(cancel).await.unwrap().expect("it is scheduled");
    let (id, result) = world.result().await;
    assert_eq!((id, result.state, result.status), (by_hand, State::Cancelled, None));

    let of_step = world.send(for_run(2, None), request(receiver.url("/"))).await;
    world.webhooks.set_steps(flow(), Vec::new());
    world.deliveries.steps_changed(&[STEP], &[]);
    let ended = world.settled(of_step, State::Cancelled).await;
    assert_eq!(ended.attempts[0].outcome, Outcome::Gone);
    assert_eq!(world.result().await.0, of_step);
    assert_eq!(receiver.got().len(), 0);
    world.stop().await;
}
