//! What the benches share: a daemon in this process, a no-op server to compare with, a load
//! generator, and the report of rounds.
//!
//! Every figure is a ratio of two things measured in turn in one run, because the machine is noisy
//! and its speed is not ours to state.

#![allow(dead_code, clippy::allow_attributes, reason = "each bench uses its own part of it")]

pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod receiver;

use std::path::PathBuf;

use tempfile::TempDir;
use tidings::clock::Clock;
use tidings::config::Config;
use tidings::server::{STORE_FILE, Server};
use tidings::store::{Store, WriterHandle};

/// Rounds of every comparison.
pub(crate) const ROUNDS: usize = 5;

/// A directory on the disk that the build is on, never in memory.
pub(crate) fn directory() -> TempDir {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    tempfile::Builder::new().prefix("bench-").tempdir_in(target).expect("target/ is writable")
}

/// Runs a bench on a runtime like the daemon's.
pub(crate) fn block_on(bench: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads can be started").block_on(bench);
}

/// A daemon in this process. It ends with the process: benches do not test stopping.
pub(crate) struct Daemon {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) key: String,
    directory: TempDir,
}

impl Daemon {
    /// A daemon on a file.
    pub(crate) async fn start() -> Self {
        let directory = directory();
        let cache_bytes = 128 << 20;
        let path = directory.path().join(STORE_FILE);
        let opened = Store::open(&path, cache_bytes, Clock::system()).expect("the file opens");
        Self::start_on(directory, opened).await
    }

    /// A daemon on a store of the bench's.
    pub(crate) async fn start_on(directory: TempDir, opened: (Store, WriterHandle)) -> Self {
        let mut config = Config::default_for(directory.path().to_owned());
        config.dev = true;
        config.egress.allow_http = true;
        config.egress.allow_loopback = true;
        config.listen = ([127, 0, 0, 1], 0).into();
        // Workers are the daemon's binary; this one would run the whole bench again.
        config.sandbox.program = Some(env!("CARGO_BIN_EXE_tidings").into());
        let store = opened.0.clone();
        let server = Server::start_on(&config, Clock::system(), opened).await;
        let server = server.expect("the daemon starts");
        let key = server.dev_key().expect("--dev makes one").key.expose().to_owned();
        Self { server, store, key, directory }
    }

    /// Waits until the outbox is empty: everything delivered, and recorded.
    pub(crate) async fn drained(&self) {
        loop {
            let snapshot = self.store.snapshot().expect("the file can be read");
            if !tidings::delivery::has_backlog(&snapshot).expect("the file can be read") {
                return;
            }
            drop(snapshot);
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// What a ratio is to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A comparison, round by round.
pub(crate) struct Figure {
    title: &'static str,
    goal: Goal,
    ratios: Vec<f64>,
}

impl Figure {
    pub(crate) fn new(title: &'static str, goal: Goal) -> Self {
        println!("\n{title}");
        Self { title, goal, ratios: Vec::new() }
    }

    /// One round: what was compared with, what is compared.
    pub(crate) fn round(&mut self, reference: f64, candidate: f64) {
        let ratio = candidate / reference;
        let number = self.ratios.len() + 1;
        println!(
            "  round {number}: reference {reference:.2}, candidate {candidate:.2}, ratio {ratio:.3}"
        );
        self.ratios.push(ratio);
    }

    /// Prints the median, the range and the verdict.
    pub(crate) fn report(mut self) {
        self.ratios.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (self.ratios.first(), self.ratios.last()) else { return };
        let median = self.ratios[self.ratios.len() / 2];
        let (goal, is_met) = match self.goal {
            Goal::AtLeast(goal) => (format!(">= {goal}"), median >= goal),
            Goal::AtMost(goal) => (format!("<= {goal}"), median <= goal),
        };
        let verdict = if is_met { "met" } else { "MISSED" };
        let title = self.title;
        println!("= {title}: median {median:.3} ({least:.3} to {most:.3}), goal {goal}: {verdict}");
    }
}
