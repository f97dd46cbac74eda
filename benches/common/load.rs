//! The load generator: keep-alive connections that write a request, read its answer, and go on.
//!
//! Written on the bare socket, because it shares two cores with what it measures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidings::clock::Stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// People whom the events are about.
const PROFILES: u64 = 1_000;

/// Where requests go, and with which key.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) key: String,
    pub(crate) path: &'static str,
}

impl Target {
    pub(crate) fn events(addr: SocketAddr, key: &str) -> Self {
        Self { addr, key: key.to_owned(), path: "/api/events" }
    }
}

/// The properties of every event: about 500 bytes.
pub(crate) fn properties(number: u64) -> String {
    format!(
        r#"{{"order_id":"ord_{number:012}","item":"A rather long product name, as shops have them","sku":"SKU-4711-{number:08}","quantity":3,"price":19.99,"currency":"EUR","categories":["books","gifts","sale"],"url":"https://shop.example/products/a-rather-long-product-name?ref=mail","image":"https://cdn.shop.example/images/4711/large.jpg","address":{{"city":"Bielefeld","zip":"33602","country":"DE","street":"Detmolder Strasse 1"}},"note":"Please ring twice; the bell is a little shy.","is_gift":true}}"#
    )
}

/// The body of `POST /api/events`, every one with a `unique_id` of its own.
pub(crate) fn event(number: u64, metric: &str) -> String {
    let (profile, properties) = (number % PROFILES, properties(number));
    format!(
        r#"{{"data":{{"type":"event","attributes":{{"properties":{properties},"unique_id":"u-{number:012}","metric":{{"data":{{"type":"metric","attributes":{{"name":"{metric}"}}}}}},"profile":{{"data":{{"type":"profile","attributes":{{"email":"person-{profile}@example.com"}}}}}}}}}}}}"#
    )
}

/// The body of `POST /api/event-bulk-create-jobs`: 1,000 events of one person.
pub(crate) fn bulk(number: u64, metric: &str) -> String {
    let profile = number % PROFILES;
    let entries: Vec<_> = (number * 1_000..(number + 1) * 1_000)
        .map(|number| {
            let properties = properties(number);
            format!(
                r#"{{"type":"event","attributes":{{"properties":{properties},"unique_id":"b-{number:012}","metric":{{"data":{{"type":"metric","attributes":{{"name":"{metric}"}}}}}}}}}}"#
            )
        })
        .collect();
    let entries = entries.join(",");
    format!(
        r#"{{"data":{{"type":"event-bulk-create-job","attributes":{{"events-bulk-create":{{"data":[{{"type":"event-bulk-create","attributes":{{"profile":{{"data":{{"type":"profile","attributes":{{"email":"person-{profile}@example.com"}}}}}},"events":{{"data":[{entries}]}}}}}}]}}}}}}}}"#
    )
}

/// The body of `POST /api/webhooks`.
pub(crate) fn webhook(url: &str, topic: &str) -> String {
    format!(
        r#"{{"data":{{"type":"webhook","attributes":{{"name":"bench","endpoint_url":"{url}","secret_key":"sixteen-letters!"}},"relationships":{{"webhook-topics":{{"data":[{{"type":"webhook-topic","id":"{topic}"}}]}}}}}}}}"#
    )
}

/// Sends the requests numbered `numbers` over `connections`; returns how long that took.
pub(crate) async fn send(
    target: &Target,
    connections: usize,
    numbers: std::ops::Range<u64>,
    body: impl Fn(u64) -> String + Clone + Send + Sync + 'static,
) -> Duration {
    let next = Arc::new(AtomicU64::new(numbers.start));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(target).await);
    }
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (next, body, end) = (Arc::clone(&next), body.clone(), numbers.end);
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return;
                }
                connection.post(&body(number)).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("every request is accepted");
    }
    watch.elapsed()
}

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The head of every POST, up to the length of its body.
    head: String,
    /// What every request carries.
    common: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Self {
        let stream = TcpStream::connect(target.addr).await.expect("the server accepts");
        stream.set_nodelay(true).expect("the socket takes options");
        let common = format!(
            "HTTP/1.1\r\nhost: {}\r\nauthorization: Klaviyo-API-Key {}\r\n",
            target.addr, target.key
        );
        let head = format!(
            "POST {} {common}content-type: application/json\r\ncontent-length: ",
            target.path
        );
        Self { stream, head, common, buffer: vec![0; 64 * 1024] }
    }

    /// Posts a body and reads the answer, which must be a success.
    pub(crate) async fn post(&mut self, body: &str) {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        self.exchange(&request).await;
    }

    /// Posts a body and returns that of the answer, which must be a success.
    pub(crate) async fn post_for(&mut self, body: &str) -> Vec<u8> {
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        let filled = self.exchange(&request).await;
        self.body_of(filled)
    }

    /// Gets a path and returns the body of the answer, which must be a success.
    pub(crate) async fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} {}\r\n", self.common);
        let filled = self.exchange(&request).await;
        self.body_of(filled)
    }

    /// Changes what is at a path; the answer must be a success.
    pub(crate) async fn patch(&mut self, path: &str, body: &str) {
        let (common, length) = (&self.common, body.len());
        let head = format!("PATCH {path} {common}content-type: application/json\r\n");
        self.exchange(&format!("{head}content-length: {length}\r\n\r\n{body}")).await;
    }

    fn body_of(&self, filled: usize) -> Vec<u8> {
        let answer = &self.buffer[..filled];
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        answer[end.expect("it is whole") + 4..].to_vec()
    }

    /// Sends a request and reads its answer, which must be a success; returns its length.
    async fn exchange(&mut self, request: &str) -> usize {
        self.stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await;
            let read = read.expect("the server answers");
            assert!(read > 0, "the answer is over 64 KiB, or the server closed the connection");
            filled += read;
            if is_whole(&self.buffer[..filled]) {
                break;
            }
        }
        let answer = &self.buffer[..filled];
        assert_eq!(answer[9], b'2', "{}", String::from_utf8_lossy(answer));
        filled
    }
}

/// Whether head and body of an answer are there.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    answer.len() >= end + 4 + length.unwrap_or(0)
}
