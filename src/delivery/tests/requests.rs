//! What leaves: the request as it was rendered, signed anew with every attempt, at its own origin.

use std::time::Duration;

use super::receiver::{Got, Receiver, answer};
use super::world::{ANN, SECRET, World, flow, for_run, request, step};
use crate::delivery::{
    Deliveries, Filter, ForRun, Outcome, ResendError, Source, State, StoredRequest, of_event, page,
};
use crate::id::{DeliveryId, EventId, RunId};
use crate::secret::Secret;
use crate::signing::verify_standard;
use crate::store::{StoreError, Tx};
use crate::webhook::{Auth, Method, Settings};

/// Checks the signature over the very bytes that arrived.
fn assert_signed(got: &Got, world: &World) {
    let secret = Secret::new(SECRET.to_owned());
    let (now, tolerance) = (world.clock.now(), Duration::from_secs(300));
    verify_standard(&secret, &got.headers, &got.body, now, tolerance).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_as_it_was_rendered() {
    let receiver = Receiver::start().await;
    let own = [("X-Key", "hidden"), ("X-Other", "own")];
    let own = own.map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())));
    let token = Secret::new("t0ken".to_owned());
    let settings = Settings {
        headers: own.to_vec(),
        auth: Some(Auth::Bearer { token }),
        ..Settings::default()
    };
    let world = World::new(step(receiver.url("/own"), settings)).await;
    let rendered = [("Content-Type", "text/plain"), ("x-other", "Ann's"), ("Authorization", "no")];
    let rendered = rendered.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = receiver.url("/for/Ann?a=b");
    let sent = StoredRequest { url: url.clone(), headers: rendered.to_vec(), body: "Ünn".into() };
    let id = world.send(for_run(3, Some(9)), sent).await;
    let delivery = world.settled(id, State::Delivered).await;
    let got = receiver.got().remove(0);
    assert_eq!((got.line.as_str(), got.body.as_slice()), ("POST /for/Ann?a=b", "Ünn".as_bytes()));
    for (name, value) in [
        ("content-type", Some("text/plain")),
        ("x-key", Some("hidden")),
        ("x-other", Some("Ann's")),
        ("authorization", Some("Bearer t0ken")),
        ("x-klaviyo-flow-id", Some(flow().as_str())),
        ("webhook-id", Some(id.to_string().as_str())),
        ("klaviyo-webhook-id", Some(delivery.webhook.to_string().as_str())),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    assert!(got.header("user-agent").is_some_and(|agent| agent.starts_with("tidings/")));
    assert_signed(&got, &world);
    assert_eq!((delivery.source, delivery.run), (Source::Flow, Some(RunId::from_u128(3))));
    assert_eq!((delivery.event(), delivery.profile), (Some(EventId::from_u64(9)), Some(ANN)));

    // The evidence is the same, without what is secret.
    let endpoint = world.webhooks.get(delivery.webhook).unwrap();
    let shown = world.sender.sent(&delivery, delivery.attempts.first(), &endpoint).unwrap();
    let shown = shown.expect("it is stored");
    assert!(shown.is_exact && shown.body == "Ünn".as_bytes() && shown.url == url);
    let header = |headers: &[(String, String)], name: &str| {
        headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    };
    let masked = || Some("*****".to_owned());
    let plain = Some("text/plain".to_owned());
    for (name, value) in
        [("x-key", masked()), ("authorization", masked()), ("content-type", plain.clone())]
    {
        assert_eq!(header(&shown.headers, name), value, "{name}");
    }
    let unseen = shown.without_rendered().headers;
    assert_eq!(header(&unseen, "content-type"), masked());
    assert_eq!(header(&unseen, "x-klaviyo-flow-id").as_deref(), Some(flow().as_str()));
    let result = world.result().await;
    assert_eq!((result.0, result.1.status, result.1.captured), (id, Some(200), None));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_a_restart_signs_the_same_body_anew() {
    let busy = answer("503 Busy", "connection: close\r\n", b"");
    let receiver = Receiver::answering([busy.clone(), busy]).await;
    let mut world = World::new(step(receiver.url("/own"), Settings::default())).await;
    // Of a list's flow: there is no event.
    let id = world.send(for_run(3, None), request(receiver.url("/own"))).await;
    let first = world.attempted(id, 1).await;
    assert_eq!((first.event(), first.state), (None, State::Scheduled));
    assert_signed(&receiver.got()[0], &world);
    world = world.restart().await;
    world.clock.advance(Duration::from_secs(6));
    world.attempted(id, 2).await;
    assert_signed(&receiver.got()[1], &world);
    world = world.restart().await;
    world.clock.advance(Duration::from_secs(70));
    let delivered = world.settled(id, State::Delivered).await;
    let got = receiver.got();
    assert_signed(&got[2], &world);
    for one in &got {
        assert_eq!(one.body, got[0].body);
        assert_eq!(one.header("webhook-id"), Some(id.to_string().as_str()));
    }
    let stamps: Vec<_> = got.iter().map(|one| one.header("webhook-timestamp")).collect();
    assert!(stamps[0] < stamps[1] && stamps[1] < stamps[2], "{stamps:?}");
    assert_eq!(delivered.attempts[0].body_hash, delivered.attempts[2].body_hash);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_request_leaves_after_a_restart_too() {
    let receiver = Receiver::start().await;
    let paused = Settings { is_paused: true, ..Settings::default() };
    let mut world = World::new(step(receiver.url("/own"), paused.clone())).await;
    let id = world.send(for_run(3, Some(9)), request(receiver.url("/a"))).await;
    world = world.restart().await;
    assert_eq!((world.delivery(id).attempts.len(), receiver.got().len()), (0, 0), "it is held");
    let live = step(receiver.url("/own"), Settings { is_paused: false, ..paused });
    let steps = [live.id];
    world.webhooks.set_steps(flow(), vec![live]);
    world.deliveries.steps_changed(&steps, &steps);
    world.settled(id, State::Delivered).await;
    assert_eq!(receiver.got()[0].body, br#"{"name":"Ann"}"#);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_has_no_body_and_a_delete_may_have_one() {
    for (method, line, body) in
        [(Method::Get, "GET /a", &b""[..]), (Method::Delete, "DELETE /a", br#"{"name":"Ann"}"#)]
    {
        let receiver = Receiver::start().await;
        let settings = Settings { method, ..Settings::default() };
        let world = World::new(step(receiver.url("/"), settings)).await;
        let id = world.send(for_run(3, None), request(receiver.url("/a"))).await;
        let delivery = world.settled(id, State::Delivered).await;
        let got = receiver.got().remove(0);
        assert_eq!((got.line.as_str(), got.body.as_slice()), (line, body));
        let kind = (!body.is_empty()).then_some("application/json");
        assert_eq!(got.header("content-type"), kind);
        assert_signed(&got, &world);
        let endpoint = world.webhooks.get(delivery.webhook).unwrap();
        let shown = world.sender.sent(&delivery, delivery.attempts.first(), &endpoint).unwrap();
        let shown = shown.expect("it is stored");
        assert!(shown.is_exact && shown.body == body);
        assert_eq!(shown.curl().contains("--data-binary"), !body.is_empty());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rendered_to_another_origin_is_never_sent() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let world = World::new(step(receiver.url("/own"), Settings::default())).await;
    let id = world.send(for_run(3, None), request(other.url("/own"))).await;
    let parked = world.settled(id, State::Parked).await;
    let [attempt] = parked.attempts.as_slice() else { panic!("{parked:?}") };
    let Outcome::Unrendered { detail } = &attempt.outcome else { panic!("{attempt:?}") };
    assert!(detail.contains(other.url("").as_str()) && detail.contains("sends to"), "{detail}");
    assert_eq!((receiver.got().len(), other.got().len()), (0, 0));
    assert_eq!(world.deliveries.standing(parked.webhook).failures_in_a_row, 0);
    assert_eq!(world.result().await.1.state, State::Parked);
    // It still has its request, and waits for a better one.
    let right = request(receiver.url("/own"));
    let again = move |tx: &mut Tx<'_, '_>, to: &Deliveries| to.send_again(tx, id, right);
    world.commit(again).await.unwrap().expect("it is there");
    world.settled(id, State::Delivered).await;
    assert_eq!(world.result().await.1.state, State::Delivered);
    world.stop().await;
}

async fn park(world: &World, of: ForRun) -> DeliveryId {
    let why = "line 3: no filter `shout`".to_owned();
    let park = move |tx: &mut Tx<'_, '_>, to: &Deliveries| to.park_request(tx, &of, why);
    world.commit::<_, StoreError>(park).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_template_is_parked_and_sent_once_it_is_rendered() {
    let receiver = Receiver::start().await;
    let world = World::new(step(receiver.url("/own"), Settings::default())).await;
    let id = park(&world, for_run(3, Some(9))).await;
    let parked = world.delivery(id);
    assert_eq!((parked.state, parked.attempts.len()), (State::Parked, 1));
    assert!(parked.finished.is_some() && parked.due.is_none());
    let attempt = &parked.attempts[0];
    assert_eq!(attempt.outcome.error(), Some("template"));
    let told = crate::delivery::sentence(attempt);
    assert_eq!(told, "nothing was sent: line 3: no filter `shout`");
    let endpoint = world.webhooks.get(parked.webhook).unwrap();
    assert!(world.sender.sent(&parked, None, &endpoint).unwrap().is_none());
    let (recent, _) = world.deliveries.recent().after(0, 9, |_| true);
    assert_eq!((recent.len(), recent[0].state), (1, State::Parked));
    let result = world.result().await.1;
    assert_eq!((result.run, result.state), (RunId::from_u128(3), State::Parked));
    assert_eq!((result.status, result.captured, result.is_too_long), (None, None, false));

    let resend = move |tx: &mut Tx<'_, '_>, to: &Deliveries| to.resend(tx, id);
    let refused = world.commit(resend).await.unwrap_err();
    assert!(matches!(refused, ResendError::NoRequest(run) if run == RunId::from_u128(3)));
    assert_eq!(world.delivery(id), parked, "nothing has changed");
    let again = async || {
        let right = request(receiver.url("/right"));
        let again = move |tx: &mut Tx<'_, '_>, to: &Deliveries| to.send_again(tx, id, right);
        world.commit(again).await
    };
    again().await.unwrap().expect("it is there");
    let delivered = world.settled(id, State::Delivered).await;
    assert!(delivered.resent.is_some() && receiver.got()[0].line == "POST /right");
    assert_eq!(world.result().await.1.status, Some(200));
    let refused = again().await.unwrap_err();
    assert!(matches!(refused, ResendError::Fixed(State::Delivered)), "{refused:?}");
    // As it was sent it may be sent again, and that is another result.
    world.commit(resend).await.unwrap().expect("it is there");
    world.attempted(id, 3).await;
    assert_eq!(world.result().await.0, id);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_send_is_listed_but_is_no_delivery_of_the_event() {
    let receiver = Receiver::start().await;
    let world = World::new(step(receiver.url("/own"), Settings::default())).await;
    let of_event_9 = world.send(for_run(3, Some(9)), request(receiver.url("/a"))).await;
    let without = world.send(for_run(4, None), request(receiver.url("/a"))).await;
    let parked = park(&world, for_run(5, Some(9))).await;
    for id in [of_event_9, without] {
        world.settled(id, State::Delivered).await;
    }
    let event = EventId::from_u64(9);
    let ids = |filter: Filter| {
        let (found, _) = page(&world.snapshot(), &filter, None, 9, 1_000).unwrap();
        found.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let webhook = Some(world.delivery(parked).webhook);
    for _ in 0..2 {
        let states = vec![State::Parked];
        assert_eq!(ids(Filter { states, ..Filter::default() }), [parked]);
        assert_eq!(ids(Filter { webhook, ..Filter::default() }), [parked, without, of_event_9]);
        let of = Filter { event: Some(event), ..Filter::default() };
        assert_eq!(ids(of), [parked, of_event_9]);
        assert_eq!(of_event(&world.snapshot(), event).unwrap(), []);
        // And once more from the index.
        for _ in 0..1_000 {
            let newest = crate::delivery::rows::indexed_to(&world.snapshot()).unwrap();
            if newest == parked {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(receiver.got().len(), 2);
    world.stop().await;
}
