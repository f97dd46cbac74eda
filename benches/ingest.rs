//! Taking events in: single events acknowledged after the sync, against a handler that only
//! parses them; and how many events share one sync when syncs are slow.
//!
//! `cargo bench --bench ingest`

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::load::{self, Target};
use common::{Daemon, Figure, Goal, ROUNDS, receiver};
use redb::StorageBackend;
use redb::backends::FileBackend;
use tidings::clock::Clock;
use tidings::server::STORE_FILE;
use tidings::store::Store;

const CONNECTIONS: usize = 64;
const CONNECTIONS_SLOW: usize = 128;
const EVENTS: u64 = 20_000;
const EVENTS_SLOW: u64 = 5_000;
const SYNC_TAKES: Duration = Duration::from_millis(4);

fn main() {
    common::block_on(async {
        throughput().await;
        events_per_sync().await;
    });
}

async fn throughput() {
    let noop = receiver::noop().await;
    let daemon = Daemon::start().await;
    let reference = Target::events(noop.addr, &daemon.key);
    let candidate = Target::events(daemon.server.addr(), &daemon.key);
    warm_up(&reference, &candidate).await;
    let mut figure =
        Figure::new("(a) acknowledged events/s over no-op requests/s", Goal::AtLeast(0.40));
    for round in 1..=ROUNDS as u64 {
        let numbers = round * EVENTS..(round + 1) * EVENTS;
        let plain = load::send(&reference, CONNECTIONS, numbers.clone(), body).await;
        let durable = load::send(&candidate, CONNECTIONS, numbers, body).await;
        let per_second = |took: Duration| EVENTS as f64 / took.as_secs_f64();
        figure.round(per_second(plain), per_second(durable));
    }
    figure.report();
}

fn body(number: u64) -> String {
    load::event(number, "Placed Order")
}

async fn warm_up(reference: &Target, candidate: &Target) {
    load::send(reference, CONNECTIONS, 0..EVENTS / 4, body).await;
    load::send(candidate, CONNECTIONS, 0..EVENTS / 4, body).await;
}

async fn events_per_sync() {
    let syncs = Arc::new(AtomicU64::new(0));
    let directory = common::directory();
    let path = directory.path().join(STORE_FILE);
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).open(path);
    let file = FileBackend::new(file.expect("the file is made")).expect("the file locks");
    let backend = SlowSync { file, syncs: Arc::clone(&syncs) };
    let opened = Store::open_on(backend, 128 << 20, Clock::system()).expect("the store opens");
    let daemon = Daemon::start_on(directory, opened).await;
    let target = Target::events(daemon.server.addr(), &daemon.key);
    load::send(&target, CONNECTIONS_SLOW, 0..EVENTS_SLOW / 5, body).await;
    let mut figure = Figure::new(
        "(e) acknowledged events per sync of 4 ms, 128 connections",
        Goal::AtLeast(40.0),
    );
    for round in 1..=ROUNDS as u64 {
        let before = syncs.load(Ordering::Relaxed);
        let numbers = round * EVENTS_SLOW..(round + 1) * EVENTS_SLOW;
        load::send(&target, CONNECTIONS_SLOW, numbers, body).await;
        let made = syncs.load(Ordering::Relaxed) - before;
        figure.round(made as f64, EVENTS_SLOW as f64);
    }
    figure.report();
}

/// A file whose every sync takes at least [`SYNC_TAKES`], and is counted.
#[derive(Debug)]
struct SlowSync {
    file: FileBackend,
    syncs: Arc<AtomicU64>,
}

type Done<T> = std::io::Result<T>;

impl StorageBackend for SlowSync {
    fn len(&self) -> Done<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Done<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Done<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Done<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(SYNC_TAKES);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Done<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> Done<()> {
        self.file.close()
    }
}
