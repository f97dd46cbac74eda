//! Listing people: what a page of each supported filter and sort costs when a hundred thousand are
//! stored, over a thousand.
//!
//! `cargo bench --bench people`. The people come in by import jobs; one in ten is on a list and in a
//! segment, and mail to one in a hundred is held back. Measured is one request after the other on
//! open connections, to one store and the other in turn, each about somebody else; by the slowest
//! in a hundred.

mod common;

use std::time::Duration;

use common::load::{Connection, Target};
use common::{Daemon, Figure, Goal, ROUNDS};
use serde_json::Value;
use tidings::clock::Stopwatch;
use tidings::profile;

const MANY: u64 = 100_000;
const FEW: u64 = 1_000;
const IMPORTED_AT_ONCE: u64 = 5_000;
/// People of one request that holds back mail.
const SUPPRESSED_AT_ONCE: u64 = 100;
/// Pages that one round asks for.
const PAGES: u64 = 500;

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

/// Makes the path of a page about the person of a number.
type Page = fn(&Stock, u64) -> String;

const PAGES_OF: [(&str, Page); 10] = [
    ("(r) p99 of a page at 10⁵ people over 10³: all", |_, _| "profiles?".to_owned()),
    ("(r) of an e-mail address", |_, person| {
        format!("profiles?filter=equals(email,%22p{person}@example.com%22)&")
    }),
    ("(r) of several external ids", |_, person| {
        format!("profiles?filter=any(external_id,[%22x{person}%22,%22x{}%22])&", person / 2)
    }),
    ("(r) made after a moment", |stock, _| {
        format!("profiles?filter=greater-than(created,{})&", stock.middle)
    }),
    ("(r) changed before a moment, the last first", |stock, _| {
        format!("profiles?filter=less-than(updated,{})&sort=-updated&", stock.middle)
    }),
    ("(r) by e-mail address, backwards", |_, _| "profiles?sort=-email&".to_owned()),
    ("(r) by why mail is held back", |_, _| {
        const FIELD: &str = "subscriptions.email.marketing.suppression.reason";
        format!("profiles?filter=equals({FIELD},%22USER_SUPPRESSED%22)&")
    }),
    ("(r) of a list", |stock, _| format!("lists/{}/profiles?", stock.list)),
    ("(r) of a segment, the last first", |stock, _| {
        format!("segments/{}/profiles?sort=-joined_group_at&", stock.segment)
    }),
    ("(r) of a segment with an address", |stock, person| {
        let email = format!("p{}@example.com", person / 10 * 10);
        format!("segments/{}/profiles?filter=equals(email,%22{email}%22)&", stock.segment)
    }),
];

/// A daemon with so many people.
struct Stock {
    daemon: Daemon,
    people: u64,
    list: String,
    segment: String,
    /// When half of them were in.
    middle: String,
}

impl Stock {
    async fn fill(people: u64) -> Self {
        let (list, segment, middle) = (String::new(), String::new(), String::new());
        let daemon = Daemon::start().await;
        let mut stock = Self { daemon, people, list, segment, middle };
        let watch = Stopwatch::start();
        let list = r#"{"data":{"type":"list","attributes":{"name":"bench"}}}"#;
        stock.list = stock.make("/api/lists", list).await;
        let half = people / 2;
        stock.import(0..half).await;
        stock.middle = tidings::clock::Clock::system().now().rfc3339_micros().replace('+', "%2B");
        stock.import(half..people).await;
        let suppressed: Vec<u64> = (0..people).step_by(100).collect();
        let at_once = usize::try_from(SUPPRESSED_AT_ONCE).expect("it is small");
        for some in suppressed.chunks(at_once) {
            stock.suppress(some).await;
        }
        let definition = r#"{"condition_groups":[{"conditions":[{"type":"profile-property","property":"properties['tenth']","filter":{"type":"boolean","operator":"equals","value":true}}]}]}"#;
        let segment = format!(
            r#"{{"data":{{"type":"segment","attributes":{{"name":"bench","definition":{definition}}}}}}}"#
        );
        stock.segment = stock.make("/api/segments", &segment).await;
        stock.settled().await;
        println!("{people} people in {:.1} s", watch.elapsed().as_secs_f64());
        stock
    }

    fn target(&self, path: &'static str) -> Target {
        Target { addr: self.daemon.server.addr(), key: self.daemon.key.clone(), path }
    }

    async fn make(&self, path: &'static str, body: &str) -> String {
        let made = Connection::open(&self.target(path)).await.post_for(body).await;
        let made: Value = serde_json::from_slice(&made).expect("answers are JSON");
        made["data"]["id"].as_str().expect("it has an id").to_owned()
    }

    async fn import(&self, numbers: std::ops::Range<u64>) {
        let path = "/api/profile-bulk-import-jobs";
        for first in numbers.clone().step_by(usize::try_from(IMPORTED_AT_ONCE).expect("small")) {
            let last = (first + IMPORTED_AT_ONCE).min(numbers.end);
            let tenths = (first..last).filter(|number| number.is_multiple_of(10));
            let others = (first..last).filter(|number| !number.is_multiple_of(10));
            let list = format!(
                r#","relationships":{{"lists":{{"data":[{{"type":"list","id":"{}"}}]}}}}"#,
                self.list
            );
            for (people, relationships) in
                [(tenths.collect::<Vec<_>>(), list.as_str()), (others.collect(), "")]
            {
                let people: Vec<_> = people.into_iter().map(person).collect();
                let people = people.join(",");
                let body = format!(
                    r#"{{"data":{{"type":"profile-bulk-import-job","attributes":{{"profiles":{{"data":[{people}]}}}}{relationships}}}}}"#
                );
                self.make(path, &body).await;
            }
        }
        while self.stored() < numbers.end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn stored(&self) -> u64 {
        let snapshot = self.daemon.store.snapshot().expect("the file can be read");
        profile::number(&snapshot).expect("the file can be read")
    }

    async fn suppress(&self, numbers: &[u64]) {
        let people: Vec<_> = numbers
            .iter()
            .map(|number| {
                format!(r#"{{"type":"profile","attributes":{{"email":"p{number}@example.com"}}}}"#)
            })
            .collect();
        let body = format!(
            r#"{{"data":{{"type":"profile-suppression-bulk-create-job","attributes":{{"profiles":{{"data":[{}]}}}}}}}}"#,
            people.join(",")
        );
        self.make("/api/profile-suppression-bulk-create-jobs", &body).await;
    }

    /// Returns once all jobs are done and the segment is computed.
    async fn settled(&self) {
        loop {
            let snapshot = self.daemon.store.snapshot().expect("the file can be read");
            let job = tidings::job::next(&snapshot).expect("the file can be read");
            let computed = tidings::segment::backfills(&snapshot).expect("the file can be read");
            if job.is_none() && computed.is_empty() {
                return;
            }
            drop(snapshot);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn person(number: u64) -> String {
    let is_tenth = number.is_multiple_of(10);
    format!(
        r#"{{"type":"profile","attributes":{{"email":"p{number}@example.com","external_id":"x{number}","first_name":"Ada","properties":{{"tenth":{is_tenth},"visits":{number}}}}}}}"#
    )
}

/// The slowest page in a hundred of each store.
async fn p99_ms((few, many): (&Stock, &Stock), round: u64, page: Page) -> (f64, f64) {
    let stocks = [few, many];
    let mut connections =
        [Connection::open(&few.target("/")).await, Connection::open(&many.target("/")).await];
    let mut took = [Vec::new(), Vec::new()];
    for number in round * PAGES..(round + 1) * PAGES {
        for ((stock, connection), took) in stocks.iter().zip(&mut connections).zip(&mut took) {
            // An odd multiplier scatters them.
            let person = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % stock.people;
            let path = format!("/api/{}page%5Bsize%5D=20", page(stock, person));
            let watch = Stopwatch::start();
            connection.get(&path).await;
            took.push(watch.elapsed());
        }
    }
    let [few, many] = took.map(|mut took| {
        took.sort_unstable();
        took[took.len() * 99 / 100].as_secs_f64() * 1_000.0
    });
    (few, many)
}
