//! The power is cut, or the disk fails, at every kind of moment; then the store is opened again.
//!
//! A dry run of each seed counts the calls that change the disk; the run itself is then struck at
//! one of them, mid-commit as a rule. What survives must open, verify, and hold exactly the state
//! after some number of commands: at least all that were acknowledged (invariant 1), and each
//! command whole (invariant 2). A third of the recoveries is cut as well.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod disk;
mod workload;

use std::sync::mpsc;
use std::time::Duration;

use tidings::clock::{Clock, Stopwatch, Timestamp};
use tidings::store::{Store, StoreError};
use tokio_util::task::TaskTracker;

use disk::{Disk, Fault, Random};
use workload::Contents;

const SEEDS: u64 = 60;
const CUTS_PER_SEED: u64 = 6;
const ERRORS_PER_SEED: u64 = 2;
const CACHE_BYTES: usize = 1024 * 1024;
const FAILS_WITHIN: Duration = Duration::from_secs(10);

/// What a run left.
struct Ended {
    image: Vec<u8>,
    issued: u64,
    acknowledged: u64,
    /// Calls until the store was made: a fault before that leaves a file with nothing in it,
    /// which is the business of `Store::open`, not of what was acknowledged.
    calls_to_make: usize,
    calls: usize,
    has_struck: bool,
}

#[derive(Default)]
struct Counts {
    cuts: usize,
    cuts_unacknowledged: usize,
    survived_unacknowledged: usize,
    recoveries_cut: usize,
    errors: usize,
}

#[test]
fn what_was_acknowledged_survives_power_cuts_and_disk_errors() {
    let watch = Stopwatch::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut counts = Counts::default();
    for seed in 0..SEEDS {
        let dry = runtime.block_on(run(seed, None));
        check(seed, &dry, dry.image.clone());
        for turn in 0..CUTS_PER_SEED + ERRORS_PER_SEED {
            let fault = if turn < CUTS_PER_SEED { Fault::PowerCut } else { Fault::Error };
            let mut random = Random::new(seed * 100 + turn);
            let at = dry.calls_to_make + 1 + random.below(dry.calls - dry.calls_to_make);
            let ended = runtime.block_on(run(seed, Some((at, fault))));
            assert!(ended.has_struck);
            let mut image = ended.image.clone();
            if turn % 3 == 0 {
                let (recovered, was_cut) = recover_and_cut(image, &mut random);
                image = recovered;
                counts.recoveries_cut += usize::from(was_cut);
            }
            let survived = check(seed, &ended, image);
            counts.cuts += usize::from(fault == Fault::PowerCut);
            counts.errors += usize::from(fault == Fault::Error);
            counts.cuts_unacknowledged += usize::from(ended.issued > ended.acknowledged);
            counts.survived_unacknowledged += usize::from(survived > ended.acknowledged);
        }
    }
    println!(
        "{} power cuts and {} disk errors in {:.1} s: {} with commands under way, {} of these \
         survived whole, {} recoveries cut; 0 lost, 0 halves",
        counts.cuts,
        counts.errors,
        watch.elapsed().as_secs_f64(),
        counts.cuts_unacknowledged,
        counts.survived_unacknowledged,
        counts.recoveries_cut
    );
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_seconds(1_800_000_000))
}

/// Commits groups of commands on a new disk until all are made or the fault strikes.
async fn run(seed: u64, fault: Option<(usize, Fault)>) -> Ended {
    let disk = Disk::new(Vec::new(), seed + 7 * fault.map_or(0, |(at, _)| at as u64), fault);
    let (mut issued, mut acknowledged, mut calls_to_make) = (0, 0, 0);
    if let Ok((store, writer)) = Store::open_on(disk.clone(), CACHE_BYTES, clock()) {
        calls_to_make = disk.calls();
        let mut random = Random::new(seed);
        let groups = 2 + random.below(8);
        for _ in 0..groups {
            let size = 1 + random.below(5) as u64;
            let answers = commit_group(&store, seed, issued + 1..issued + 1 + size).await;
            let ok = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
            assert!(ok == 0 || ok == size, "one transaction, one answer: {answers:?}");
            issued += size;
            if ok == 0 {
                let failed = tokio::time::timeout(FAILS_WITHIN, store.failed()).await;
                assert!(failed.is_ok(), "the store does not say that it failed");
                let refused = commit_group(&store, seed, issued + 1..issued + 2).await;
                assert!(refused[0].is_err(), "acknowledged after a failure");
                issued += 1;
                break;
            }
            acknowledged += ok;
        }
        drop(store);
        // Closing writes as well, and may be what was struck.
        drop(writer.join());
    }
    let (calls, has_struck) = (disk.calls(), disk.has_struck());
    Ended { image: disk.survivor(), issued, acknowledged, calls_to_make, calls, has_struck }
}

/// Commits commands in one transaction: the first one waits in it until all others are queued.
async fn commit_group(
    store: &Store,
    seed: u64,
    numbers: std::ops::Range<u64>,
) -> Vec<Result<(), StoreError>> {
    let (release, gate) = mpsc::channel::<()>();
    let mut gate = Some(gate);
    let tasks = TaskTracker::new();
    let mut answers = Vec::new();
    for number in numbers {
        let (store, gate) = (store.clone(), gate.take());
        answers.push(tasks.spawn(async move {
            let command = move |tx: &mut tidings::store::Tx<'_, '_>| {
                if let Some(gate) = gate {
                    assert!(gate.recv().is_err(), "it is dropped, not used");
                }
                workload::run(tx, seed, number)
            };
            store.commit(command).await
        }));
    }
    // Runs after the tasks above, which this runtime starts in their order.
    answers.push(tasks.spawn(async move {
        drop(release);
        Ok(())
    }));
    answers.rotate_right(1);
    let mut results = Vec::new();
    for answer in answers.drain(..).skip(1) {
        results.push(answer.await.unwrap());
    }
    results
}

/// Opens what survived on a disk that fails again, somewhere in the recovery.
fn recover_and_cut(image: Vec<u8>, random: &mut Random) -> (Vec<u8>, bool) {
    let at = 1 + random.below(8);
    let disk = Disk::new(image, at as u64, Some((at, Fault::PowerCut)));
    if let Ok((store, writer)) = Store::open_on(disk.clone(), CACHE_BYTES, clock()) {
        drop(store);
        drop(writer.join());
    }
    let was_cut = disk.has_struck();
    (disk.survivor(), was_cut)
}

/// Opens what survived and compares it with what must be there; returns the commands in it.
fn check(seed: u64, ended: &Ended, image: Vec<u8>) -> u64 {
    let disk = Disk::new(image, seed, None);
    let opened = Store::open_on(disk.clone(), CACHE_BYTES, clock());
    let (store, writer) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let contents = Contents::read(&store.snapshot().unwrap()).unwrap();
    let found = contents.commands;
    let allowed = ended.acknowledged..=ended.issued;
    assert!(allowed.contains(&found), "seed {seed}: {found} commands, not {allowed:?}");
    assert_eq!(contents, Contents::after(seed, found), "seed {seed}");
    drop(store);
    writer.join().unwrap();
    let database = redb::Database::builder().create_with_backend(disk);
    assert!(database.unwrap().check_integrity().unwrap(), "seed {seed}: not a sound file");
    found
}
