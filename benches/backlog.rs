//! A million events stored and not delivered: what they cost the next event, the memory, and the
//! next start after a SIGKILL.
//!
//! `cargo bench --bench backlog`. It writes about 2 GB under `target/` and removes them.

mod common;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::load::{self, Target};
use common::process::{self, Process};
use common::receiver::{self, Received};
use common::{Figure, Goal, ROUNDS};
use tempfile::TempDir;
use tidings::clock::Stopwatch;
use tidings::server::STORE_FILE;

const CONNECTIONS: usize = 64;
/// Connections of the fill: each request has 1,000 events and half a megabyte.
const CONNECTIONS_BULK: usize = 4;
const BULK_MANY: u64 = 1_000;
const BULK_SOME: u64 = 10;
const BULK_FEW: u64 = 1;
/// Single events of one round of (f).
const EVENTS: u64 = 12_000;
const CACHE_BYTES: u64 = 16 << 20;
const SMALL_CACHE: [(&str, &str); 1] = [("TIDINGS_STORE_CACHE_BYTES", "16777216")];
/// Longer than the daemon waits before it seals the file.
const IDLE: Duration = Duration::from_millis(1_500);

fn main() {
    common::block_on(async {
        let port = process::free_address();
        let hanging = hang(port);
        let large = Stock::fill(BULK_MANY, port).await;
        let large = memory(large, port).await;
        let large = large.restarted(&[]).await;
        ingest(&large, port).await;
        restart(large, port, hanging).await;
    });
}

/// Accepts connections, by the kernel's hand, and answers nothing.
fn hang(addr: SocketAddr) -> TcpListener {
    TcpListener::bind(addr).expect("the port is free")
}

/// A daemon in a process of its own, with events for a receiver that hangs.
struct Stock {
    process: Process,
    directory: TempDir,
}

impl Stock {
    async fn fill(bulks: u64, receiver: SocketAddr) -> Self {
        let directory = common::directory();
        let process = Process::daemon(directory.path(), &SMALL_CACHE).await;
        let mut subscribing = load::Connection::open(&at(&process, "/api/webhooks")).await;
        let url = format!("http://{receiver}/hook");
        subscribing.post(&load::webhook(&url, "event:api.placed_order")).await;
        let watch = Stopwatch::start();
        let target = at(&process, "/api/event-bulk-create-jobs");
        let body = |number| load::bulk(number, "Placed Order");
        load::send(&target, CONNECTIONS_BULK, 0..bulks, body).await;
        let (took, bytes) = (watch.elapsed().as_secs_f64(), file_bytes(directory.path()) >> 20);
        println!("filled with {bulks},000 events in {took:.1} s, {bytes} MiB");
        Self { process, directory }
    }

    /// Killed while idle, and started again.
    async fn restarted(self, settings: &[(&str, &str)]) -> Self {
        tokio::time::sleep(IDLE).await;
        let Self { process, directory } = self;
        process.kill();
        let process = Process::daemon(directory.path(), settings).await;
        Self { process, directory }
    }

    /// Its memory beyond the cache, of which it fills no more than there is in the file.
    fn resident_beyond_cache(&self) -> f64 {
        let cached = CACHE_BYTES.min(file_bytes(self.directory.path()));
        self.process.resident_bytes() - cached as f64
    }
}

fn at(process: &Process, path: &'static str) -> Target {
    Target { addr: process.addr, key: process.key.clone(), path }
}

fn file_bytes(directory: &Path) -> u64 {
    fs::metadata(directory.join(STORE_FILE)).map_or(0, |file| file.len())
}

/// Right after the fill, with whatever that left in the allocator, and after a start.
async fn memory(large: Stock, port: SocketAddr) -> Stock {
    let small = Stock::fill(BULK_FEW, port).await;
    let title = "(g) MiB resident beyond the cache: 10⁶ undelivered events over 10³";
    compare_memory(title, &small, &large).await;
    let (small, large) = (small.restarted(&SMALL_CACHE).await, large.restarted(&SMALL_CACHE).await);
    compare_memory("(g) the same after a start", &small, &large).await;
    large
}

async fn compare_memory(title: &'static str, small: &Stock, large: &Stock) {
    let mut figure = Figure::new(title, Goal::AtMost(1.5));
    for _ in 1..=ROUNDS {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mib = |stock: &Stock| stock.resident_beyond_cache() / f64::from(1 << 20);
        figure.round(mib(small), mib(large));
    }
    figure.report();
}

/// Events that nobody subscribes to, so that only taking them in is measured.
async fn ingest(large: &Stock, port: SocketAddr) {
    let small = Stock::fill(BULK_SOME, port).await.restarted(&[]).await;
    let mut cpu = Figure::new("(f) CPU µs of an event at 10⁶ stored over 10⁴", Goal::AtMost(1.2));
    let mut cpu_rounds = Vec::new();
    let mut written_rounds = Vec::new();
    for round in 0..=ROUNDS as u64 {
        let numbers = round * EVENTS..(round + 1) * EVENTS;
        let (small_cpu, small_written) = cost(&small.process, numbers.clone()).await;
        let (large_cpu, large_written) = cost(&large.process, numbers).await;
        if round > 0 {
            cpu_rounds.push((small_cpu, large_cpu));
            written_rounds.push((small_written, large_written));
        }
    }
    for (small, large) in cpu_rounds {
        cpu.round(small, large);
    }
    cpu.report();
    let title = "(f) KiB written for an event at 10⁶ stored over 10⁴";
    let mut written = Figure::new(title, Goal::AtMost(1.2));
    for (small, large) in written_rounds {
        written.round(small, large);
    }
    written.report();
}

/// What one event costs: CPU in µs, KiB written.
async fn cost(process: &Process, numbers: std::ops::Range<u64>) -> (f64, f64) {
    let (cpu, written) = (process.cpu_seconds(), process.written_bytes());
    let count = (numbers.end - numbers.start) as f64;
    let body = |number| load::event(number, "Viewed Product");
    load::send(&at(process, "/api/events"), CONNECTIONS, numbers, body).await;
    let cpu = (process.cpu_seconds() - cpu) / count * 1e6;
    (cpu, (process.written_bytes() - written) / count / 1024.0)
}

/// The receiver comes back with the daemon; the first delivery is of what was stored before.
async fn restart(large: Stock, port: SocketAddr, hanging: TcpListener) {
    let Stock { process, directory } = large;
    let (mut process, mut hanging) = (process, hanging);
    let mut after_idle = Vec::new();
    let mut after_load = Vec::new();
    for _ in 1..=ROUNDS {
        tokio::time::sleep(IDLE).await;
        process.kill();
        drop(hanging);
        let (seconds, delivering) = first_delivery(directory.path(), port).await;
        after_idle.push(seconds);
        delivering.kill();
        let (seconds, delivering) = first_delivery(directory.path(), port).await;
        after_load.push(seconds);
        delivering.kill();
        hanging = hang(port);
        process = Process::daemon(directory.path(), &[]).await;
    }
    for (title, seconds) in [
        ("(h) seconds from the start to the first delivery, killed while idle", after_idle),
        ("(h) the same, killed while delivering", after_load),
    ] {
        let mut figure = Figure::new(title, Goal::AtMost(1.0));
        for seconds in seconds {
            figure.round(1.0, seconds);
        }
        figure.report();
    }
}

async fn first_delivery(directory: &Path, port: SocketAddr) -> (f64, Process) {
    let received: Arc<Received> = Arc::default();
    let receiver = receiver::receiver_on(port, &received).await;
    let watch = Stopwatch::start();
    let process = Process::daemon(directory, &[]).await;
    while received.count.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = watch.elapsed().as_secs_f64();
    // Well into the delivery of the backlog, so that the next kill comes under load.
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(receiver);
    (seconds, process)
}
