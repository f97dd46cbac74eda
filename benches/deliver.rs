//! Deliveries: from the event's acknowledgement to the receiver and to the record of it, against
//! doing nothing with the event and against a client that only posts.
//!
//! `cargo bench --bench deliver`, with `-- b` (or `c`, `d`, `i`) for one figure.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::load::{self, Target};
use common::process::{self, Process};
use common::receiver::{self, Listening, Received};
use common::{Daemon, Figure, Goal, ROUNDS};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Uri};
use hyper_util::rt::TokioIo;
use tidings::clock::Stopwatch;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 64;
const TOPIC: &str = "event:api.placed_order";
const FAN_OUT: u64 = 10;
/// Events of one round at fan-out 1.
const EVENTS: u64 = 15_000;
/// Events of one round at fan-out 10: each makes ten deliveries.
const EVENTS_FANNED: u64 = 3_000;
/// Endpoints of the crowded daemon and of the one it is compared with.
const ENDPOINTS_MANY: u64 = 10_000;
const ENDPOINTS_FEW: u64 = 10;

fn main() {
    if let Some(addr) = process::noop_address() {
        common::block_on(async move {
            let _noop = receiver::noop_on(addr).await;
            std::future::pending().await
        });
        return;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| arg.len() == 1).collect();
    let wants = |letter: &str| chosen.is_empty() || chosen.iter().any(|one| one == letter);
    common::block_on(async {
        if wants("b") {
            fan_out_one().await;
        }
        if wants("c") {
            fan_out_ten().await;
        }
        if wants("d") {
            cpu_per_event().await;
        }
        if wants("i") {
            many_endpoints().await;
        }
    });
}

fn body(number: u64) -> String {
    load::event(number, "Placed Order")
}

fn numbers_of(round: usize, events: u64) -> std::ops::Range<u64> {
    let round = round as u64;
    round * events..(round + 1) * events
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Subscribes `urls(n)` to `topics(n)` for every n below `count`, over the API.
async fn subscribe(
    (addr, key): (SocketAddr, &str),
    count: u64,
    endpoint: impl Fn(u64) -> (String, String) + Clone + Send + Sync + 'static,
) {
    let target = Target { addr, key: key.to_owned(), path: "/api/webhooks" };
    let body = move |number| {
        let (url, topic) = endpoint(number);
        load::webhook(&url, &topic)
    };
    load::send(&target, CONNECTIONS, 0..count, body).await;
}

/// Sends events and waits until every delivery is recorded.
async fn deliver(
    daemon: &Daemon,
    numbers: std::ops::Range<u64>,
    body: impl Fn(u64) -> String + Clone + Send + Sync + 'static,
) -> Duration {
    let target = Target::events(daemon.server.addr(), &daemon.key);
    let watch = Stopwatch::start();
    load::send(&target, CONNECTIONS, numbers, body).await;
    daemon.drained().await;
    watch.elapsed()
}

async fn fan_out_one() {
    let noop = receiver::noop().await;
    let received = Arc::default();
    let receiver = receiver::receiver(&received).await;
    let daemon = Daemon::start().await;
    let url = format!("http://{}/hook", receiver.addr);
    subscribe((daemon.server.addr(), &daemon.key), 1, move |_| (url.clone(), TOPIC.to_owned()))
        .await;
    let reference = Target::events(noop.addr, "");
    let mut figure = Figure::new(
        "(b) events delivered and recorded/s at fan-out 1 over no-op requests/s",
        Goal::AtLeast(0.22),
    );
    deliver(&daemon, numbers_of(0, EVENTS / 3), body).await;
    for round in 1..=ROUNDS {
        let plain = load::send(&reference, CONNECTIONS, numbers_of(round, EVENTS), body).await;
        let before = received.count.load(Ordering::Relaxed);
        let delivered = deliver(&daemon, numbers_of(round, EVENTS), body).await;
        assert!(received.count.load(Ordering::Relaxed) - before >= EVENTS, "all were delivered");
        figure.round(per_second(EVENTS, plain), per_second(EVENTS, delivered));
    }
    figure.report();
}

async fn fan_out_ten() {
    let received: Arc<Received> = Arc::default();
    let receivers = receivers(FAN_OUT, &received).await;
    let addrs: Arc<[SocketAddr]> = receivers.iter().map(|receiver| receiver.addr).collect();
    let daemon = Daemon::start().await;
    let at = Arc::clone(&addrs);
    let endpoint =
        move |number: u64| (format!("http://{}/hook", at[number as usize]), TOPIC.to_owned());
    subscribe((daemon.server.addr(), &daemon.key), FAN_OUT, endpoint).await;
    let mut figure = Figure::new(
        "(c) deliveries/s at fan-out 10 over posts/s of a bare client",
        Goal::AtLeast(0.50),
    );
    deliver(&daemon, numbers_of(0, EVENTS_FANNED / 3), body).await;
    let first = received.first.lock().expect("no holder panics").clone();
    let message = first.expect("something was delivered");
    for round in 1..=ROUNDS {
        let posts = EVENTS_FANNED * FAN_OUT;
        let plain = post(&addrs, posts, &message).await;
        let delivered = deliver(&daemon, numbers_of(round, EVENTS_FANNED), body).await;
        figure.round(per_second(posts, plain), per_second(posts, delivered));
    }
    figure.report();
}

async fn receivers(count: u64, received: &Arc<Received>) -> Vec<Listening> {
    let mut receivers = Vec::new();
    for _ in 0..count {
        receivers.push(receiver::receiver(received).await);
    }
    receivers
}

/// Posts one message `posts` times with a bare client, as fast as the receivers take it.
async fn post(addrs: &[SocketAddr], posts: u64, message: &(HeaderMap, Bytes)) -> Duration {
    let next = Arc::new(AtomicU64::new(0));
    let mut open = Vec::new();
    let mut connections = JoinSet::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(addrs[number % addrs.len()]).await;
        let stream = stream.expect("the receiver accepts");
        stream.set_nodelay(true).expect("the socket takes options");
        let made = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await;
        let (sender, connection) = made.expect("the connection is HTTP");
        connections.spawn(connection);
        open.push(sender);
    }
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for mut sender in open {
        let (next, (headers, body)) = (Arc::clone(&next), message.clone());
        tasks.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < posts {
                let mut request = Request::post(Uri::from_static("/hook"));
                *request.headers_mut().expect("the builder has no error") = headers.clone();
                let request = request.body(Full::new(body.clone())).expect("the parts are good");
                let response = sender.send_request(request).await.expect("the receiver answers");
                response.into_body().collect().await.expect("the answer ends");
                sender.ready().await.expect("the connection stays");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("every post is answered");
    }
    watch.elapsed()
}

async fn cpu_per_event() {
    let received: Arc<Received> = Arc::default();
    let receiver = receiver::receiver(&received).await;
    let directory = common::directory();
    let noop = Process::noop().await;
    let daemon = Process::daemon(directory.path(), &[]).await;
    let url = format!("http://{}/hook", receiver.addr);
    subscribe((daemon.addr, &daemon.key), 1, move |_| (url.clone(), TOPIC.to_owned())).await;
    let mut figure = Figure::new(
        "(d) CPU µs per event at fan-out 1 over CPU µs of a no-op request",
        Goal::AtMost(6.0),
    );
    for round in 0..=ROUNDS {
        // Twice as many requests for the no-op: its CPU time is counted in hundredths too.
        let requests = EVENTS * 2;
        let before = noop.cpu_seconds();
        let target = Target::events(noop.addr, "");
        load::send(&target, CONNECTIONS, numbers_of(round, requests), body).await;
        let plain = (noop.cpu_seconds() - before) / requests as f64;

        let (before, wanted) = (daemon.cpu_seconds(), (round as u64 + 1) * EVENTS);
        let target = Target::events(daemon.addr, &daemon.key);
        load::send(&target, CONNECTIONS, numbers_of(round, EVENTS), body).await;
        while received.count.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The last results are recorded within the next commit.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let delivered = (daemon.cpu_seconds() - before) / EVENTS as f64;
        if round > 0 {
            figure.round(plain * 1e6, delivered * 1e6);
        }
    }
    figure.report();
}

async fn many_endpoints() {
    let received: Arc<Received> = Arc::default();
    let receivers = receivers(ENDPOINTS_FEW, &received).await;
    let addrs: Arc<[SocketAddr]> = receivers.iter().map(|receiver| receiver.addr).collect();
    let few = crowd(ENDPOINTS_FEW, &addrs).await;
    let many = crowd(ENDPOINTS_MANY, &addrs).await;
    let mut figure = Figure::new(
        "(i) deliveries/s to 10,000 endpoints over deliveries/s to 10",
        Goal::AtLeast(0.8),
    );
    for round in 1..=ROUNDS {
        let numbers = numbers_of(round, ENDPOINTS_MANY);
        let to_few = deliver(&few, numbers.clone(), crowd_body(ENDPOINTS_FEW)).await;
        let to_many = deliver(&many, numbers, crowd_body(ENDPOINTS_MANY)).await;
        figure.round(per_second(ENDPOINTS_MANY, to_few), per_second(ENDPOINTS_MANY, to_many));
    }
    figure.report();
}

/// A daemon with so many endpoints, each with a topic and a path of its own, and its metrics made.
async fn crowd(endpoints: u64, addrs: &Arc<[SocketAddr]>) -> Daemon {
    let daemon = Daemon::start().await;
    let at = Arc::clone(addrs);
    let endpoint = move |number: u64| {
        let addr = at[number as usize % at.len()];
        (format!("http://{addr}/hook/{number}"), format!("event:api.kind_{number}"))
    };
    let watch = Stopwatch::start();
    subscribe((daemon.server.addr(), &daemon.key), endpoints, endpoint).await;
    println!("  {endpoints} webhooks made in {:.1} s", watch.elapsed().as_secs_f64());
    deliver(&daemon, numbers_of(0, ENDPOINTS_MANY), crowd_body(endpoints)).await;
    daemon
}

fn crowd_body(endpoints: u64) -> impl Fn(u64) -> String + Clone + Send + Sync + 'static {
    move |number| load::event(number, &format!("Kind {}", number % endpoints))
}
