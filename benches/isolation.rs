//! Isolation: how much later deliveries arrive at healthy endpoints while others hang.
//!
//! `cargo bench --bench isolation`, with `-- j` (or `k`) for one figure. Events are sent at a
//! steady pace to two daemons in turn: one whose endpoints are all healthy, and one of whose
//! endpoints some take a connection and never answer. Measured is the time from sending an event
//! to its arrival at a healthy endpoint.

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::load::{self, Connection, Target};
use common::{Daemon, Figure, Goal, ROUNDS};
use tidings::clock::Stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections that send events.
const CONNECTIONS: u64 = 8;
/// Events of one round.
const EVENTS: u64 = 3_000;
/// The pace of each connection: 400 events in a second together.
const BETWEEN_EVENTS: Duration = Duration::from_millis(20);
/// How long the last events of a round may take to arrive.
const REST: Duration = Duration::from_millis(500);

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| arg.len() == 1).collect();
    let wants = |letter: &str| chosen.is_empty() || chosen.iter().any(|one| one == letter);
    common::block_on(async {
        if wants("j") {
            let title = "(j) p99 of the 49 healthy of 50 endpoints while one hangs, over none";
            compare(title, Goal::AtMost(1.10), 50, 1).await;
        }
        if wants("k") {
            let title = "(k) p99 of the 100 healthy of 1,000 endpoints while 900 hang, over none";
            compare(title, Goal::AtMost(2.0), 1_000, 900).await;
        }
    });
}

async fn compare(title: &'static str, goal: Goal, endpoints: u64, hanging: u64) {
    let healthy = World::new(endpoints, 0).await;
    let troubled = World::new(endpoints, hanging).await;
    let mut figure = Figure::new(title, goal);
    // The first rounds open connections, and let the troubled daemon learn whom to leave alone.
    healthy.round(0, hanging).await;
    troubled.round(0, hanging).await;
    for round in 1..=ROUNDS as u64 {
        let reference = healthy.round(round, hanging).await;
        let candidate = troubled.round(round, hanging).await;
        figure.round(p99_ms(reference), p99_ms(candidate));
    }
    figure.report();
}

fn p99_ms(mut latencies: Vec<Duration>) -> f64 {
    latencies.sort_unstable();
    let at = latencies.len() * 99 / 100;
    latencies[at.min(latencies.len() - 1)].as_secs_f64() * 1_000.0
}

/// A daemon with its endpoints.
struct World {
    daemon: Daemon,
    endpoints: u64,
    arrived: Arc<Arrived>,
    _receivers: JoinSet<()>,
}

/// What arrived where, with the time since the event was sent.
struct Arrived {
    watch: Stopwatch,
    latencies: Mutex<Vec<(u64, Duration)>>,
}

impl World {
    /// A daemon with an endpoint for each topic; the first `hanging` of them never answer.
    async fn new(endpoints: u64, hanging: u64) -> Self {
        let daemon = Daemon::start().await;
        let arrived = Arc::new(Arrived { watch: Stopwatch::start(), latencies: Mutex::default() });
        let mut receivers = JoinSet::new();
        let healthy = listen(&mut receivers, Some(Arc::clone(&arrived))).await;
        let never = listen(&mut receivers, None).await;
        let target =
            Target { addr: daemon.server.addr(), key: daemon.key.clone(), path: "/api/webhooks" };
        let body = move |number: u64| {
            let at = if number < hanging { never } else { healthy };
            // Addresses of loopback: each endpoint is a destination of its own.
            let host = format!("127.1.{}.{}", number / 250, 1 + number % 250);
            load::webhook(
                &format!("http://{host}:{}/{number}", at.port()),
                &format!("event:api.topic_{number}"),
            )
        };
        load::send(&target, 8, 0..endpoints, body).await;
        Self { daemon, endpoints, arrived, _receivers: receivers }
    }

    /// Sends the events of one round; returns how long those to healthy endpoints took, not
    /// counting the first `left_out`, which hang in the other world.
    async fn round(&self, round: u64, left_out: u64) -> Vec<Duration> {
        self.arrived.latencies.lock().expect("no holder panics").clear();
        let target = Target::events(self.daemon.server.addr(), &self.daemon.key);
        let mut senders = JoinSet::new();
        for sender in 0..CONNECTIONS {
            let (target, endpoints) = (target.clone(), self.endpoints);
            let watch = self.arrived.watch;
            senders.spawn(async move {
                let mut connection = Connection::open(&target).await;
                let mut pace = tokio::time::interval(BETWEEN_EVENTS);
                for number in (sender..EVENTS).step_by(CONNECTIONS as usize) {
                    pace.tick().await;
                    let topic = (number * 7_919 + round) % endpoints;
                    let sent = watch.elapsed().as_micros();
                    connection.post(&event(round, number, topic, sent)).await;
                }
            });
        }
        while let Some(ended) = senders.join_next().await {
            ended.expect("every event is accepted");
        }
        tokio::time::sleep(REST).await;
        let latencies = self.arrived.latencies.lock().expect("no holder panics");
        let wanted = latencies.iter().filter(|(endpoint, _)| *endpoint >= left_out);
        wanted.map(|(_, latency)| *latency).collect()
    }
}

fn event(round: u64, number: u64, topic: u64, sent_micros: u128) -> String {
    format!(
        r#"{{"data":{{"type":"event","attributes":{{"properties":{{"sent_micros":{sent_micros},"note":"Please ring twice; the bell is a little shy."}},"unique_id":"{round}-{number}","metric":{{"data":{{"type":"metric","attributes":{{"name":"Topic {topic}"}}}}}},"profile":{{"data":{{"type":"profile","attributes":{{"email":"person-{}@example.com"}}}}}}}}}}}}"#,
        number % 1_000
    )
}

/// A receiver on all of loopback: one that notes what arrives, or one that never answers.
async fn listen(tasks: &mut JoinSet<()>, arrived: Option<Arc<Arrived>>) -> SocketAddr {
    let listener = TcpListener::bind(("0.0.0.0", 0)).await.expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(receive(stream, arrived.clone()));
        }
    });
    addr
}

/// Reads requests from the bare socket, because the receiver shares two cores with what is
/// measured; answers each, or none.
async fn receive(mut stream: TcpStream, arrived: Option<Arc<Arrived>>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]).into_owned();
        // The links stand behind the properties, at the very end.
        if !text.ends_with("}}]}") {
            continue;
        }
        let Some(arrived) = &arrived else {
            std::future::pending::<()>().await;
            return;
        };
        let now = arrived.watch.elapsed();
        let endpoint = text.split(['/', ' ']).nth(2).and_then(|part| part.parse().ok());
        let sent = text
            .split(r#""sent_micros":"#)
            .nth(1)
            .and_then(|rest| rest.split(',').next().and_then(|digits| digits.parse().ok()));
        if let (Some(endpoint), Some(sent)) = (endpoint, sent) {
            let latency = now.saturating_sub(Duration::from_micros(sent));
            arrived.latencies.lock().expect("no holder panics").push((endpoint, latency));
        }
        filled = 0;
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}
