//! Listing events: what a page of each supported filter costs when a million are stored, over ten
//! thousand; and what the index costs.
//!
//! `cargo bench --bench events`. It writes the events straight into two stores, about 2 GB under
//! `target/`, and removes them. Every person has ten events of twenty metrics, so that a million
//! events are about a hundred thousand people. Measured is one request after the other on open
//! connections, to one store and the other in turn, so that what else the machine does slows both;
//! each about another person, metric and time; by the slowest in a hundred.

mod common;

use common::load::{self, Connection, Target};
use common::{Daemon, Figure, Goal, ROUNDS};
use tidings::clock::{Clock, Stopwatch, Timestamp};
use tidings::event::{self, Event, Indexer};
use tidings::id::{EventId, MetricId, ProfileId};
use tidings::server::STORE_FILE;
use tidings::store::{Store, StoreError, Tx};

const MANY: u64 = 1_000_000;
const FEW: u64 = 10_000;
const EVENTS_PER_PERSON: u64 = 10;
const METRICS: u64 = 20;
/// Events in one commit.
const AT_ONCE: u64 = 2_000;
/// The time of the first event; one follows each second.
const START: u64 = 1_700_000_000;
/// Pages that one round asks for.
const PAGES: u64 = 1_000;

fn main() {
    common::block_on(async {
        let few = Stock::fill(FEW).await;
        let many = Stock::fill(MANY).await;
        for (title, page) in PAGES_OF {
            let mut figure = Figure::new(title, Goal::AtMost(3.0));
            // The first round only warms up.
            for round in 0..=ROUNDS as u64 {
                let (reference, candidate) = p99_ms((&few, &many), round, page).await;
                if round > 0 {
                    figure.round(reference, candidate);
                }
            }
            figure.report();
        }
    });
}

/// Makes the query of a page from what it is about: a person, a metric, a moment.
type Page = fn(&str, &str, &str) -> String;

const PAGES_OF: [(&str, Page); 8] = [
    ("(q) p99 of a page at 10⁶ events over 10⁴: all", |_, _, _| String::new()),
    ("(q) before a moment", |_, _, at| format!("&filter=less-than(datetime,{at})")),
    ("(q) from a moment on, oldest first", |_, _, at| {
        format!("&filter=greater-or-equal(datetime,{at})&sort=datetime")
    }),
    ("(q) of a metric", |_, metric, _| format!("&filter=equals(metric_id,%22{metric}%22)")),
    ("(q) of a metric before a moment", |_, metric, at| {
        format!("&filter=equals(metric_id,%22{metric}%22),less-than(datetime,{at})")
    }),
    ("(q) of a person", |person, _, _| format!("&filter=equals(profile_id,%22{person}%22)")),
    ("(q) of a person before a moment", |person, _, at| {
        format!("&filter=equals(profile_id,%22{person}%22),less-than(datetime,{at})")
    }),
    ("(q) of a person and a metric", |person, metric, _| {
        format!("&filter=equals(profile_id,%22{person}%22),equals(metric_id,%22{metric}%22)")
    }),
];

/// A daemon on so many events, all of them indexed.
struct Stock {
    daemon: Daemon,
    events: u64,
}

impl Stock {
    async fn fill(events: u64) -> Self {
        let directory = common::directory();
        let path = directory.path().join(STORE_FILE);
        let opened = Store::open(&path, 128 << 20, Clock::system()).expect("the file opens");
        let store = opened.0.clone();
        let watch = Stopwatch::start();
        for first in (0..events).step_by(usize::try_from(AT_ONCE).expect("it is small")) {
            let put = move |tx: &mut Tx<'_, '_>| {
                let mut numbers = first..(first + AT_ONCE).min(events);
                numbers.try_for_each(|number| event::put(tx, event_of(number, events)))
            };
            store.commit::<_, StoreError, _>(put).await.expect("there is room");
        }
        let put = watch.elapsed().as_secs_f64();
        let watch = Stopwatch::start();
        Indexer::new(store.clone()).catch_up().await.expect("there is room");
        let (indexed, each) = (watch.elapsed().as_secs_f64(), 1e6 / events as f64);
        println!(
            "{events} events: {:.1} µs each to append, {:.1} µs each to index",
            put * each,
            indexed * each
        );
        drop(store);
        Self { daemon: Daemon::start_on(directory, opened).await, events }
    }

    async fn connection(&self) -> Connection {
        let (addr, key) = (self.daemon.server.addr(), self.daemon.key.clone());
        Connection::open(&Target { addr, key, path: "/" }).await
    }

    /// The path of a page about one of the events.
    fn path(&self, number: u64, page: Page) -> String {
        let about = event_of(scattered(number) % self.events, self.events);
        let at = about.time.rfc3339_seconds().replace('+', "%2B");
        let query = page(&about.profile.to_string(), about.metric.as_str(), &at);
        format!("/api/events?page%5Bsize%5D=20{query}")
    }
}

/// The slowest page in a hundred of each store.
async fn p99_ms((few, many): (&Stock, &Stock), round: u64, page: Page) -> (f64, f64) {
    let stocks = [few, many];
    let mut connections = [few.connection().await, many.connection().await];
    let mut took = [Vec::new(), Vec::new()];
    for number in round * PAGES..(round + 1) * PAGES {
        for which in 0..stocks.len() {
            let path = stocks[which].path(number, page);
            let watch = Stopwatch::start();
            connections[which].get(&path).await;
            took[which].push(watch.elapsed());
        }
    }
    let [few, many] = took.map(|mut took| {
        took.sort_unstable();
        took[took.len() * 99 / 100].as_secs_f64() * 1_000.0
    });
    (few, many)
}

/// The event of this number, its person and its metric scattered.
fn event_of(number: u64, events: u64) -> Event {
    let person = scattered(number) % (events / EVENTS_PER_PERSON);
    let time = i64::try_from(START + number).expect("it is a time");
    Event {
        id: EventId::from_u64((START << 32) | (number + 1)),
        metric: metric(scattered(number + events) % METRICS),
        profile: ProfileId::from_u128(u128::from(scattered(person)) << 64),
        time: Timestamp::from_seconds(time),
        received: Timestamp::from_seconds(time),
        unique_id: format!("u-{number}"),
        value: Some("19.99".to_owned()),
        value_currency: Some("EUR".to_owned()),
        properties: load::properties(number),
        backfill: false,
    }
}

fn metric(number: u64) -> MetricId {
    format!("metr{number:02}").parse().expect("these are six letters and digits")
}

/// A number that looks random and is always the same (SplitMix64).
const fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
