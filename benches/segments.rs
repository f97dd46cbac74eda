//! Segments: what a hundred of them cost the one who posts events; how long after an event its
//! person is a member; and how fast a new definition is computed.
//!
//! `cargo bench --bench segments`. It records two million events, writes about 3 GB under `target/`
//! and removes them.

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::load::{self, Connection, Target};
use common::{Daemon, Figure, Goal, ROUNDS};
use serde_json::Value;
use tidings::clock::{Stopwatch, Timestamp};
use tidings::event;
use tidings::id::{EventId, GroupId, ProfileId};
use tidings::segment;
use tidings::segmentation;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 64;
const EVENTS: u64 = 20_000;
const PER_SECOND: u64 = 2_000;
const PACED_SECONDS: u64 = 15;
const PACED_CONNECTIONS: u64 = 16;
/// Every so many-th paced event brings somebody into a segment.
const ENTRY: u64 = 10;
const PEOPLE: u64 = 100_000;
const EVENTS_EACH: u64 = 10;
const PEOPLE_PER_REQUEST: u64 = 100;

fn main() {
    common::block_on(async {
        ingest().await;
        lag().await;
        backfill().await;
    });
}

/// The metrics that definitions count; the first is the one that is posted.
const METRICS: [&str; 4] = ["Placed Order", "Opened Email", "Viewed Product", "Started Checkout"];

/// A daemon with these segments, besides what the bench makes.
struct Stage {
    daemon: Daemon,
    metrics: HashMap<String, String>,
}

impl Stage {
    async fn new(segments: usize) -> Self {
        let daemon = Daemon::start().await;
        let events = Target::events(daemon.server.addr(), &daemon.key);
        let mut posting = Connection::open(&events).await;
        for (number, name) in METRICS.iter().enumerate() {
            posting.post(&load::event(number as u64, name)).await;
        }
        posting.post(&load::event(9, "Signed Up")).await;
        let listed: Value =
            serde_json::from_slice(&posting.get("/api/metrics").await).expect("answers are JSON");
        let metrics = listed["data"].as_array().expect("metrics are listed").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metrics = metrics
            .map(|metric| (text(&metric["attributes"]["name"]), text(&metric["id"])))
            .collect();
        let stage = Self { daemon, metrics };
        for number in 0..segments {
            stage.segment(&stage.mixed(number)).await;
        }
        stage.followed().await;
        stage
    }

    fn target(&self, path: &'static str) -> Target {
        Target { addr: self.daemon.server.addr(), key: self.daemon.key.clone(), path }
    }

    /// Of ten segments two count what is posted, three count something else, three ask for a
    /// property, one for a location and one for a consent.
    fn mixed(&self, number: usize) -> String {
        let count = |metric: &str, at_least: usize, days: usize| {
            let id = &self.metrics[metric];
            format!(
                r#"{{"type":"profile-metric","metric_id":"{id}","measurement":"count","measurement_filter":{{"type":"numeric","operator":"greater-than-or-equal","value":{at_least}}},"timeframe_filter":{{"type":"date","operator":"in-the-last","unit":"day","quantity":{days}}}}}"#
            )
        };
        let property = |name: &str, filter: String| {
            format!(r#"{{"type":"profile-property","property":"{name}","filter":{{{filter}}}}}"#)
        };
        match number % 10 {
            0 | 1 => count(METRICS[0], 1 + number % 7, 1 + number),
            2..=4 => count(METRICS[1 + number % 3], 1 + number % 7, 1 + number),
            5 => property(
                "properties['tier']",
                format!(r#""type":"string","operator":"equals","value":"t{}""#, number % 8),
            ),
            6 => property(
                "properties['visits']",
                format!(r#""type":"numeric","operator":"greater-than","value":{number}"#),
            ),
            7 => property(
                "properties['tags']",
                format!(r#""type":"list","operator":"contains","value":"tag-{number}""#),
            ),
            8 => property(
                "location['country']",
                r#""type":"existence","operator":"is-set""#.to_owned(),
            ),
            _ => r#"{"type":"profile-marketing-consent","consent":{"channel":"email","can_receive_marketing":true,"consent_status":{"subscription":"subscribed"}}}"#.to_owned(),
        }
    }

    async fn segment(&self, condition: &str) -> GroupId {
        let body = format!(
            r#"{{"data":{{"type":"segment","attributes":{{"name":"bench","definition":{{"condition_groups":[{{"conditions":[{condition}]}}]}}}}}}}}"#
        );
        let mut connection = Connection::open(&self.target("/api/segments")).await;
        let made: Value =
            serde_json::from_slice(&connection.post_for(&body).await).expect("answers are JSON");
        made["data"]["id"].as_str().and_then(|id| id.parse().ok()).expect("segments have ids")
    }

    /// Returns once every event that is stored has been followed.
    async fn followed(&self) {
        loop {
            let snapshot = self.daemon.store.snapshot().expect("the file can be read");
            let last = event::last(&snapshot).expect("the file can be read");
            let followed = segmentation::followed_to(&snapshot).expect("the file can be read");
            let computing = segment::backfills(&snapshot).expect("the file can be read");
            if followed >= last && computing.is_empty() {
                return;
            }
            drop(snapshot);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An event of one of a thousand people; every fourth counts up a property of theirs, and every
/// fortieth changes another.
fn body(number: u64) -> String {
    let event = load::event(number, METRICS[0]);
    if !number.is_multiple_of(4) {
        return event;
    }
    let visits = number / 1_000;
    let tier = if number.is_multiple_of(40) {
        format!(r#","tier":"t{}""#, visits % 8)
    } else {
        String::new()
    };
    let changed = format!(r#"@example.com","properties":{{"visits":{visits}{tier}}}"#);
    event.replace(r#"@example.com""#, &changed)
}

async fn ingest() {
    let none = Stage::new(0).await;
    let hundred = Stage::new(100).await;
    let mut acknowledged =
        Figure::new("(m) acknowledged events/s with 100 segments over none", Goal::AtLeast(0.5));
    let mut followed = Vec::new();
    for round in 0..=ROUNDS as u64 {
        let numbers = round * EVENTS..(round + 1) * EVENTS;
        let mut rates = Vec::new();
        for stage in [&none, &hundred] {
            let watch = Stopwatch::start();
            let took =
                load::send(&stage.target("/api/events"), CONNECTIONS, numbers.clone(), body).await;
            stage.followed().await;
            rates.push(EVENTS as f64 / took.as_secs_f64());
            rates.push(EVENTS as f64 / watch.elapsed().as_secs_f64());
        }
        if let ([plain, plain_followed, with, with_followed], 1..) = (rates.as_slice(), round) {
            acknowledged.round(*plain, *with);
            followed.push((*plain_followed, *with_followed));
        }
    }
    acknowledged.report();
    let mut figure = Figure::new("(n) the same until all memberships are true", Goal::AtLeast(0.5));
    followed.into_iter().for_each(|(plain, with)| figure.round(plain, with));
    figure.report();
}

async fn lag() {
    let stage = Stage::new(100).await;
    let id = &stage.metrics["Signed Up"];
    let joined = format!(
        r#"{{"type":"profile-metric","metric_id":"{id}","measurement":"count","measurement_filter":{{"type":"numeric","operator":"greater-than","value":0}},"timeframe_filter":{{"type":"date","operator":"alltime"}}}}"#
    );
    let segment = stage.segment(&joined).await;
    stage.followed().await;
    let snapshot = stage.daemon.store.snapshot().expect("the file can be read");
    let before = event::last(&snapshot).expect("the file can be read");
    drop(snapshot);
    pace(&stage).await;
    stage.followed().await;
    let lags = lags(&stage, before, segment);
    let at = |per_cent: usize| lags[lags.len() * per_cent / 100].as_secs_f64() * 1_000.0;
    println!("\n{} entries at {PER_SECOND} events/s with 101 segments", lags.len());
    println!(
        "  from the commit of the event to the commit of the membership: p50 {:.0} ms",
        at(50)
    );
    let mut figure = Figure::new(
        "(o) its 99th percentile at 2,000 events/s, in ms, over one second",
        Goal::AtMost(1.0),
    );
    figure.round(1_000.0, at(99));
    figure.report();
}

/// Posts events at a steady rate; every tenth is somebody's first.
async fn pace(stage: &Stage) {
    let mut tasks = JoinSet::new();
    let start = Stopwatch::start();
    for lane in 0..PACED_CONNECTIONS {
        let mut connection = Connection::open(&stage.target("/api/events")).await;
        tasks.spawn(async move {
            let mut number = lane;
            while number < PER_SECOND * PACED_SECONDS {
                let due = Duration::from_secs_f64(number as f64 / PER_SECOND as f64);
                tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
                let body = if number.is_multiple_of(ENTRY) {
                    load::event(number, "Signed Up").replace("person-", &format!("entry-{number}-"))
                } else {
                    body(10_000_000 + number)
                };
                connection.post(&body).await;
                number += PACED_CONNECTIONS;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("every request is accepted");
    }
    println!(
        "paced {:.0} events/s",
        (PER_SECOND * PACED_SECONDS) as f64 / start.elapsed().as_secs_f64()
    );
}

/// How long after their event people entered, sorted.
fn lags(stage: &Stage, mut after: EventId, segment: GroupId) -> Vec<Duration> {
    let signed_up = stage.metrics["Signed Up"].parse().expect("metrics have ids");
    let mut began: HashMap<ProfileId, Timestamp> = HashMap::new();
    let mut lags = Vec::new();
    loop {
        let snapshot = stage.daemon.store.snapshot().expect("the file can be read");
        let events = event::page(&snapshot, after, EventId::MAX, 1_000).expect("it can be read");
        let Some(last) = events.last() else { break };
        after = last.id;
        for event in events {
            if event.metric == signed_up {
                began.insert(event.profile, event.received);
            } else if event.properties.contains(segment.as_str())
                && let Some(at) = began.get(&event.profile)
            {
                lags.push(event.received.since(*at));
            }
        }
    }
    assert_eq!(lags.len() as u64, PER_SECOND * PACED_SECONDS / ENTRY, "everybody entered");
    lags.sort_unstable();
    lags
}

async fn backfill() {
    let stage = Stage::new(0).await;
    let watch = Stopwatch::start();
    let requests = PEOPLE / PEOPLE_PER_REQUEST;
    load::send(&stage.target("/api/event-bulk-create-jobs"), 4, 0..requests, history).await;
    stage.followed().await;
    println!(
        "\n(p) {} events of {PEOPLE} people recorded and indexed in {:.0} s",
        PEOPLE * EVENTS_EACH,
        watch.elapsed().as_secs_f64()
    );
    let id = &stage.metrics[METRICS[0]];
    for (title, condition) in [
        ("a count", stage.mixed(0)),
        ("a property", stage.mixed(5)),
        (
            "a sum over everything",
            format!(
                r#"{{"type":"profile-metric","metric_id":"{id}","measurement":"sum","measurement_filter":{{"type":"numeric","operator":"greater-than","value":0}},"timeframe_filter":{{"type":"date","operator":"alltime"}}}}"#
            ),
        ),
    ] {
        let watch = Stopwatch::start();
        stage.segment(&condition).await;
        stage.followed().await;
        let seconds = watch.elapsed().as_secs_f64();
        println!("  {title}: {:.0} people/s, {seconds:.1} s in all", PEOPLE as f64 / seconds);
    }
}

/// Ten events of each of a hundred people.
fn history(request: u64) -> String {
    let groups: Vec<_> = (request * PEOPLE_PER_REQUEST..(request + 1) * PEOPLE_PER_REQUEST)
        .map(|person| {
            let events: Vec<_> = (0..EVENTS_EACH)
                .map(|number| {
                    let metric = METRICS[(number % METRICS.len() as u64) as usize];
                    format!(
                        r#"{{"type":"event","attributes":{{"properties":{{"sku":"S-{number}"}},"value":{number},"unique_id":"h-{person}-{number}","metric":{{"data":{{"type":"metric","attributes":{{"name":"{metric}"}}}}}}}}}}"#
                    )
                })
                .collect();
            format!(
                r#"{{"type":"event-bulk-create","attributes":{{"profile":{{"data":{{"type":"profile","attributes":{{"email":"history-{person}@example.com","properties":{{"tier":"t{}"}}}}}}}},"events":{{"data":[{}]}}}}}}"#,
                person % 8,
                events.join(",")
            )
        })
        .collect();
    let groups = groups.join(",");
    format!(
        r#"{{"data":{{"type":"event-bulk-create-job","attributes":{{"events-bulk-create":{{"data":[{groups}]}}}}}}}}"#
    )
}
