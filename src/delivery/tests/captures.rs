//! What is captured of answers for the run that waits for them.

use super::receiver::{Receiver, answer};
use super::world::{World, for_run, once, request, step};
use crate::delivery::State;
use crate::limits::CAPTURED_BYTES_MAX;
use crate::webhook::Settings;

const CLOSE: &str = "connection: close\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_body_of_a_success_is_captured_or_nothing() {
    let just = vec![b'a'; CAPTURED_BYTES_MAX];
    let long = vec![b'a'; CAPTURED_BYTES_MAX + 1];
    let broken =
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{\"a\"".to_vec();
    let cases = [
        (answer("201 Created", CLOSE, b"{\"id\":7}"), Some(b"{\"id\":7}".to_vec()), false),
        (answer("204 No Content", CLOSE, b""), Some(Vec::new()), false),
        (answer("200 OK", CLOSE, &just), Some(just), false),
        (answer("200 OK", CLOSE, &long), None, true),
        (broken, None, false),
        (answer("400 Bad Request", CLOSE, b"{\"id\":7}"), None, false),
    ];
    let receiver = Receiver::start().await;
    let settings = Settings { captures_response: true, ..once() };
    let world = World::new(step(receiver.url("/"), settings)).await;
    for (place, (answer, captured, is_too_long)) in cases.into_iter().enumerate() {
        receiver.prepare(answer);
        let run = for_run(place as u128 + 1, None);
        let id = world.send(run, request(receiver.url("/"))).await;
        let attempted = world.attempted(id, 1).await;
        assert!(attempted.attempts[0].excerpt.len() <= 256, "the evidence is as small as ever");
        let (of, result) = world.result().await;
        assert_eq!((of, result.run), (id, run.run));
        assert_eq!((result.captured, result.is_too_long), (captured, is_too_long), "{place}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_captured_where_nobody_asks() {
    let receiver = Receiver::answering([answer("200 OK", CLOSE, b"{}")]).await;
    let world = World::new(step(receiver.url("/"), once())).await;
    let id = world.send(for_run(1, None), request(receiver.url("/"))).await;
    world.settled(id, State::Delivered).await;
    let result = world.result().await.1;
    assert_eq!((result.status, result.captured, result.is_too_long), (Some(200), None, false));
    world.stop().await;
}
