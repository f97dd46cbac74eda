//! `kill -9` of the real binary under load, again and again on one data directory.
//!
//! Three ledgers are kept outside the daemon: what producers were told is recorded, what they do
//! not know about and send again, and what the receiver took. In the end they must agree:
//! nothing acknowledged is lost, nothing is recorded twice, and a message comes twice only where
//! a kill fell between its delivery and the record of it (invariants 1, 2 and 4).

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod daemon;
mod http;
mod receiver;
mod replays;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tidings::clock::Stopwatch;
use tidings::limits;

use daemon::{Daemon, Started};
use http::Client;
use receiver::{Received, Receiver};

const CYCLES: usize = 50;
const PRODUCERS: usize = 3;
/// Every so many daemons are killed without waiting for them to listen.
const KILLED_EARLY_EVERY: usize = 8;
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What one kill may have repeated: attempts under way, results waiting, results being recorded.
const REPEATED_MAX: usize =
    limits::DELIVERY_CONCURRENCY + limits::RESULTS_QUEUED_MAX + limits::RESULTS_PER_COMMAND_MAX;

/// What the producers know.
#[derive(Default)]
struct Ledger {
    next: u64,
    acknowledged: HashSet<u64>,
    /// Sent, but the answer never came: to be sent again.
    unanswered: VecDeque<u64>,
    sent_again: HashSet<u64>,
    refused: Vec<String>,
}

/// What the test found.
struct Counts {
    acknowledged: usize,
    sent_again: usize,
    lost: usize,
    delivered: usize,
    answered_503: usize,
    duplicates: usize,
    duplicates_of_one_kill_max: usize,
}

#[test]
fn nothing_acknowledged_is_lost_by_fifty_kills() {
    let watch = Stopwatch::start();
    let home = tempfile::tempdir().unwrap();
    let (data, log) = (home.path().join("data"), home.path().join("log"));
    let (receiver, ledger) = (Receiver::start(), Mutex::<Ledger>::default());
    for cycle in 0..CYCLES {
        receiver.next_life();
        let mut daemon = Daemon::spawn(&data, &log);
        if cycle % KILLED_EARLY_EVERY == KILLED_EARLY_EVERY - 1 {
            thread::sleep(random_millis(cycle, 0..60));
            daemon.kill();
        } else {
            let started = daemon.started().unwrap_or_else(|| panic!("{}", read(&log)));
            if cycle == 0 {
                subscribe(&started, &receiver.url());
            }
            load(daemon, &started, &ledger, random_millis(cycle, 150..400));
        }
        receiver.quiesce();
    }
    receiver.next_life();
    let mut daemon = Daemon::spawn(&data, &log);
    let started = daemon.started().unwrap_or_else(|| panic!("{}", read(&log)));
    send_rest(&started, &ledger);
    wait_until_drained(&started);
    let ledger = ledger.into_inner().unwrap();
    let (messages, answered_503, changed) = receiver.take();
    assert_eq!(changed, Vec::<String>::new(), "messages came again with another content");
    assert_eq!(ledger.refused, Vec::<String>::new(), "events were refused");
    check_stored(&started, &messages);
    let counts = count(&ledger, &messages, answered_503);
    println!("{CYCLES} kills in {:.1} s: {counts}", watch.elapsed().as_secs_f64());
    assert_eq!(counts.lost, 0);
    assert!(counts.duplicates_of_one_kill_max <= REPEATED_MAX);
    assert!(counts.acknowledged > CYCLES * 10, "there was no load to speak of");
    assert!(!read(&log).contains("panicked"), "{}", read(&log));
}

/// A moment of the cycle, the same in every run.
fn random_millis(cycle: usize, range: std::ops::Range<u64>) -> Duration {
    let mixed = (cycle as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(range.start + mixed % (range.end - range.start))
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn subscribe(started: &Started, url: &str) {
    let body = json!({ "data": { "type": "webhook",
        "attributes": { "name": "crash", "endpoint_url": url, "secret_key": "sixteen-letters!" },
        "relationships": { "webhook-topics": { "data": [
            { "type": "webhook-topic", "id": "event:api.crash_test" }] } } } });
    let mut client = Client::connect(&started.addr, &started.key).unwrap();
    let (status, answer) = client.post("/api/webhooks", &body.to_string()).unwrap();
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
}

/// Sends events until the daemon is killed after `alive`.
fn load(daemon: Daemon, started: &Started, ledger: &Mutex<Ledger>, alive: Duration) {
    thread::scope(|scope| {
        for _ in 0..PRODUCERS {
            scope.spawn(|| produce(started, ledger, true));
        }
        thread::sleep(alive);
        daemon.kill();
    });
}

/// Sends once more what was never answered.
fn send_rest(started: &Started, ledger: &Mutex<Ledger>) {
    produce(started, ledger, false);
    assert!(ledger.lock().unwrap().unanswered.is_empty());
}

/// Sends what was not answered before and, if wanted, new events, until the connection breaks.
fn produce(started: &Started, ledger: &Mutex<Ledger>, with_new: bool) {
    let Ok(mut client) = Client::connect(&started.addr, &started.key) else { return };
    loop {
        let Some(number) = ledger.lock().unwrap().take(with_new) else { return };
        let answer = client.post("/api/events", &event(number));
        let mut ledger = ledger.lock().unwrap();
        match answer {
            Ok((202, _)) => {
                ledger.acknowledged.insert(number);
            }
            Ok((status, body)) => {
                let why = String::from_utf8_lossy(&body).into_owned();
                ledger.refused.push(format!("{number}: {status} {why}"));
            }
            Err(_) => {
                ledger.unanswered.push_back(number);
                return;
            }
        }
    }
}

impl Ledger {
    fn take(&mut self, with_new: bool) -> Option<u64> {
        if let Some(number) = self.unanswered.pop_front() {
            self.sent_again.insert(number);
            return Some(number);
        }
        self.next += u64::from(with_new);
        with_new.then_some(self.next)
    }
}

fn unique_id(number: u64) -> String {
    format!("crash-{number}")
}

fn event(number: u64) -> String {
    json!({ "data": { "type": "event", "attributes": {
        "properties": { "number": number },
        "unique_id": unique_id(number),
        "metric": { "data": { "type": "metric", "attributes": { "name": "Crash Test" } } },
        "profile": { "data": { "type": "profile",
            "attributes": { "email": format!("p{}@example.com", number % 100) } } } } } })
    .to_string()
}

/// Waits until no delivery is scheduled any more.
fn wait_until_drained(started: &Started) {
    let mut client = Client::connect(&started.addr, &started.key).unwrap();
    let watch = Stopwatch::start();
    loop {
        let path = "/api/deliveries?filter=equals(state,%22scheduled%22)";
        let (status, body) = client.fetch(path).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let listed: Value = serde_json::from_slice(&body).unwrap();
        if listed["data"].as_array().unwrap().is_empty() {
            return;
        }
        assert!(watch.elapsed() < DRAINED_WITHIN, "deliveries are stuck: {listed}");
        thread::sleep(LOOK_EVERY);
    }
}

/// Every delivered event is stored, as it was delivered.
fn check_stored(started: &Started, messages: &HashMap<String, Received>) {
    let mut client = Client::connect(&started.addr, &started.key).unwrap();
    for received in messages.values() {
        let (status, body) = client.fetch(&format!("/api/events/{}", received.event)).unwrap();
        assert_eq!(status, 200, "{received:?} is not stored");
        let event: Value = serde_json::from_slice(&body).unwrap();
        let stored = &event["data"]["attributes"]["event_properties"]["$event_id"];
        assert_eq!(stored.as_str(), Some(received.unique_id.as_str()));
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} acknowledged ({} sent again), {} lost, {} delivered ({} after a 503), \
             {} duplicates, at most {} by one kill",
            self.acknowledged,
            self.sent_again,
            self.lost,
            self.delivered,
            self.answered_503,
            self.duplicates,
            self.duplicates_of_one_kill_max
        )
    }
}

/// Compares the ledgers.
fn count(ledger: &Ledger, messages: &HashMap<String, Received>, answered_503: usize) -> Counts {
    let mut message_of = HashMap::new();
    let mut duplicates_of_kill: HashMap<usize, usize> = HashMap::new();
    for (message, received) in messages {
        let other = message_of.insert(received.unique_id.as_str(), message);
        assert!(other.is_none(), "{received:?} has two messages: {message} and {other:?}");
        assert!(!received.accepted_in.is_empty(), "{received:?} was given up");
        for pair in received.accepted_in.windows(2) {
            assert!(pair[0] < pair[1], "{message} came twice with no kill between: {received:?}");
            *duplicates_of_kill.entry(pair[0]).or_default() += 1;
        }
    }
    let is_lost = |number: &&u64| !message_of.contains_key(unique_id(**number).as_str());
    Counts {
        acknowledged: ledger.acknowledged.len(),
        sent_again: ledger.sent_again.len(),
        lost: ledger.acknowledged.iter().filter(is_lost).count(),
        delivered: messages.len(),
        answered_503,
        duplicates: duplicates_of_kill.values().sum(),
        duplicates_of_one_kill_max: duplicates_of_kill.values().copied().max().unwrap_or(0),
    }
}
