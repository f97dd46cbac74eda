//! Listing: what a page of deliveries costs when a million are stored, over ten thousand.
//!
//! `cargo bench --bench listing`. It delivers a million events to a receiver of its own, writes
//! about 2 GB under `target/` and removes them. One in a hundred goes to a second webhook, so that
//! a filter has something rare to find. Measured is one request after the other on an open
//! connection, by the slowest in a hundred.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::load::{self, Connection, Target};
use common::process::Process;
use common::receiver::{self, Received};
use common::{Figure, Goal, ROUNDS};
use serde_json::Value;
use tempfile::TempDir;
use tidings::clock::{Clock, Stopwatch};

/// Requests with a thousand events each.
const BULKS_MANY: u64 = 1_000;
const BULKS_FEW: u64 = 10;
const CONNECTIONS_BULK: usize = 4;
/// Every so many-th request is about what only the second webhook wants.
const RARE: u64 = 100;
/// Pages that one round asks for.
const PAGES: usize = 500;
/// Less CPU than this in a while means that the index is written.
const QUIET_CPU_SECONDS: f64 = 0.02;
const WHILE: Duration = Duration::from_millis(500);

fn main() {
    common::block_on(async {
        let few = Stock::fill(BULKS_FEW).await;
        let many = Stock::fill(BULKS_MANY).await;
        let (few_pages, many_pages) = (few.pages().await, many.pages().await);
        for ((title, small), (_, large)) in few_pages.into_iter().zip(many_pages) {
            compare(title, (&few, &small), (&many, &large)).await;
        }
    });
}

async fn compare(title: &'static str, small: (&Stock, &str), large: (&Stock, &str)) {
    let mut figure = Figure::new(title, Goal::AtMost(2.0));
    p99_ms(small).await;
    p99_ms(large).await;
    for _ in 1..=ROUNDS {
        let reference = p99_ms(small).await;
        figure.round(reference, p99_ms(large).await);
    }
    figure.report();
}

async fn p99_ms((stock, path): (&Stock, &str)) -> f64 {
    let mut connection = stock.connection().await;
    let mut took = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let watch = Stopwatch::start();
        connection.get(path).await;
        took.push(watch.elapsed());
    }
    took.sort_unstable();
    took[PAGES * 99 / 100].as_secs_f64() * 1_000.0
}

/// A daemon in a process of its own, all of whose deliveries are made and indexed.
struct Stock {
    process: Process,
    /// When half of the events were in.
    middle: String,
    _directory: TempDir,
}

impl Stock {
    async fn fill(bulks: u64) -> Self {
        let received: Arc<Received> = Arc::default();
        let receiver = receiver::receiver(&received).await;
        let directory = common::directory();
        let process = Process::daemon(directory.path(), &[]).await;
        let target = |path| Target { addr: process.addr, key: process.key.clone(), path };
        let mut subscribing = Connection::open(&target("/api/webhooks")).await;
        let url = format!("http://{}/hook", receiver.addr);
        for topic in ["event:api.placed_order", "event:api.viewed_product"] {
            subscribing.post(&load::webhook(&url, topic)).await;
        }
        let body = |number: u64| {
            let is_rare = number.is_multiple_of(RARE);
            load::bulk(number, if is_rare { "Viewed Product" } else { "Placed Order" })
        };
        let watch = Stopwatch::start();
        let events = target("/api/event-bulk-create-jobs");
        load::send(&events, CONNECTIONS_BULK, 0..bulks / 2, body).await;
        let middle = Clock::system().now().rfc3339_micros().replace('+', "%2B");
        load::send(&events, CONNECTIONS_BULK, bulks / 2..bulks, body).await;
        while received.count.load(Ordering::Relaxed) < bulks * 1_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut used = process.cpu_seconds();
        loop {
            tokio::time::sleep(WHILE).await;
            let now = process.cpu_seconds();
            if now - used < QUIET_CPU_SECONDS {
                break;
            }
            used = now;
        }
        println!("{bulks},000 delivered and indexed in {:.1} s", watch.elapsed().as_secs_f64());
        Self { process, middle, _directory: directory }
    }

    async fn connection(&self) -> Connection {
        let (addr, key) = (self.process.addr, self.process.key.clone());
        Connection::open(&Target { addr, key, path: "/" }).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.connection().await.get(path).await;
        serde_json::from_slice(&answer).expect("answers are JSON")
    }

    /// The pages to be asked for.
    async fn pages(&self) -> Vec<(&'static str, String)> {
        let rare = "/api/deliveries?filter=equals(status,200)&page%5Bsize%5D=1";
        let first = self.json(rare).await;
        let profile = text(&first, "/data/0/relationships/profile/data/id");
        let webhooks = self.json("/api/webhooks").await;
        let webhooks = webhooks["data"].as_array().expect("webhooks are listed");
        let wanting = |topic: &str| {
            let wants = |webhook: &&Value| webhook.to_string().contains(topic);
            let webhook = webhooks.iter().find(wants).expect("it subscribes");
            text(webhook, "/id")
        };
        let (common, rare) = (wanting("placed_order"), wanting("viewed_product"));
        let middle = &self.middle;
        let page = |filter: String| format!("/api/deliveries?filter={filter}");
        vec![
            ("(l) p99 of a page at 10⁶ deliveries over 10⁴: all", "/api/deliveries".to_owned()),
            ("(l) of a webhook of most", page(format!("equals(webhook_id,%22{common}%22)"))),
            ("(l) of a webhook of few", page(format!("equals(webhook_id,%22{rare}%22)"))),
            ("(l) of a person", page(format!("equals(profile_id,%22{profile}%22)"))),
            ("(l) of a state and a webhook", {
                page(format!("equals(state,%22delivered%22),equals(webhook_id,%22{rare}%22)"))
            }),
            ("(l) of a status that none has", page("equals(status,503)".to_owned())),
            ("(l) from the middle on", page(format!("less-than(created_at,{middle})"))),
        ]
    }
}

fn text(document: &Value, pointer: &str) -> String {
    let found = document.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {document}")).to_owned()
}
