//! The harness: a real daemon in this process, with time in the hands of the test.
//!
//! [`Daemon`] is the product as `tidings serve` runs it, on a port and in a directory of its own,
//! with a clock that stands still until a test moves it. [`Receiver`] is the other side.
//! [`eventually`] is the only place that waits; a test never sleeps. Dropping a daemon stops it
//! and asserts that nothing was stuck, which is why tests run on a runtime of several threads.

mod documents;
mod http;
mod receiver;
pub(crate) mod runs;
mod signatures;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidings::clock::{Clock, Timestamp};
use tidings::config::Config;
use tidings::server::Server;
use tokio::net::{TcpStream, UnixStream};

pub(crate) use documents::{
    Event, bulk, key_document, webhook_document, webhook_patch, webhook_with,
};
pub(crate) use http::{Answer, Ask, exchange};
pub(crate) use receiver::{Receiver, Recorded, Reply};
pub(crate) use signatures::assert_signed;

/// The moment at which every daemon starts: 2026-09-04T13:38:55Z.
pub(crate) const START: i64 = 1_788_529_135;
/// The secret of every webhook that [`Daemon::webhook`] makes.
pub(crate) const SECRET: &str = "0123456789abcdef";

/// Longer than any attempt of a test may take; a stop that needs it is a failure.
const STOP_GRACE: Duration = Duration::from_secs(20);
const TRIES_MAX: usize = 1_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Asks until there is an answer, for ten seconds at most.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..TRIES_MAX {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    panic!("this did not happen: {what}");
}

/// A daemon in this process.
pub(crate) struct Daemon {
    server: Option<Server>,
    config: Config,
    clock: Clock,
    key: String,
    _directory: TempDir,
}

impl Daemon {
    /// A developer's daemon with the defaults.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A developer's daemon, its configuration changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut config = Config::default_for(directory.path().join("data"));
        config.listen = "127.0.0.1:0".parse().expect("this is an address");
        config.dev = true;
        config.egress.allow_http = true;
        config.egress.allow_loopback = true;
        // This process is the test; workers are the product.
        config.sandbox.program = Some(env!("CARGO_BIN_EXE_tidings").into());
        change(&mut config);
        let clock = Clock::manual(Timestamp::from_seconds(START));
        let mut daemon =
            Self { server: None, config, clock, key: String::new(), _directory: directory };
        daemon.run().await;
        daemon
    }

    async fn run(&mut self) {
        let server = Server::start(&self.config, self.clock.clone()).await;
        let server = server.unwrap_or_else(|error| panic!("the daemon did not start: {error}"));
        let dev_key = server.dev_key().map(|dev| dev.key.expose().to_owned());
        self.server = Some(server);
        if let Some(key) = dev_key {
            self.key = key;
        } else if self.key.is_empty() {
            let made = self.operator(Ask::post("/api/keys", key_document("test", &["full"]))).await;
            self.key = made.expect(201)["data"]["attributes"]["key"].to_text();
        }
    }

    /// Stops the daemon cleanly and starts it again on the same directory.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Stops the daemon, which must end in time.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            let stopped = server.stop(STOP_GRACE).await;
            stopped.unwrap_or_else(|error| panic!("the daemon did not stop: {error}"));
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("the daemon runs")
    }

    /// Changes what the next start is done with.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// What the daemon was started with.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// The clock, which more daemons may share.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A key that may do everything.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The operator's socket.
    pub(crate) fn socket(&self) -> &Path {
        self.server().socket()
    }

    /// Where the API listens, as a URL without a slash at its end.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.server().addr())
    }

    /// Moves time.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A connection on which a test writes what it likes.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server().addr()).await.expect("the daemon listens")
    }

    /// Sends a request exactly as it is.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        exchange(self.connect().await, &ask.into_bytes(), None).await
    }

    /// Sends a request over the operator's socket.
    pub(crate) async fn operator(&self, ask: Ask) -> Answer {
        let stream = UnixStream::connect(self.socket()).await.expect("the daemon listens");
        exchange(stream, &ask.into_bytes(), None).await
    }

    /// Sends a request with the daemon's full key.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        self.send(ask.key(&self.key)).await
    }

    /// `GET`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(Ask::get(path)).await.expect(200)
    }

    /// Makes a webhook and returns its id.
    pub(crate) async fn webhook(&self, url: &str, topics: &[&str]) -> String {
        let made = self.ask(Ask::post("/api/webhooks", webhook_document(url, topics))).await;
        made.expect(201)["data"]["id"].to_text()
    }

    /// Makes a webhook with more attributes and returns its id.
    pub(crate) async fn webhook_with(
        &self,
        url: &str,
        topics: &[&str],
        attributes: Value,
    ) -> String {
        let document = webhook_with(url, topics, attributes);
        let made = self.ask(Ask::post("/api/webhooks", document)).await;
        made.expect(201)["data"]["id"].to_text()
    }

    /// The attributes of a webhook.
    pub(crate) async fn webhook_now(&self, webhook: &str) -> Value {
        self.get(&format!("/api/webhooks/{webhook}")).await["data"]["attributes"].take()
    }

    /// Changes attributes of a webhook.
    pub(crate) async fn change(&self, webhook: &str, attributes: Value) {
        let body = webhook_patch(webhook, attributes);
        self.ask(Ask::patch(&format!("/api/webhooks/{webhook}"), body)).await.expect(200);
    }

    /// Switches a webhook on or off.
    pub(crate) async fn enable(&self, webhook: &str, enabled: bool) {
        self.change(webhook, serde_json::json!({ "enabled": enabled })).await;
    }

    /// Records an event.
    pub(crate) async fn event(&self, event: Event) {
        self.ask(Ask::post("/api/events", event.document())).await.expect(202);
    }

    /// Records an event to whose topic a webhook subscribes, and returns its id.
    pub(crate) async fn recorded(&self, event: Event) -> String {
        self.event(event).await;
        let newest = self.deliveries("").await.into_iter().next().expect("there is a delivery");
        newest["relationships"]["event"]["data"]["id"].to_text()
    }

    /// Makes a key with these scopes and returns its text.
    pub(crate) async fn make_key(&self, scopes: &[&str]) -> String {
        let made = self.ask(Ask::post("/api/keys", key_document("made", scopes))).await;
        made.expect(201)["data"]["attributes"]["key"].to_text()
    }

    /// The newest deliveries that `filter` lets through, at most a hundred.
    pub(crate) async fn deliveries(&self, filter: &str) -> Vec<Value> {
        let filter = if filter.is_empty() { String::new() } else { format!("&filter={filter}") };
        let page = self.get(&format!("/api/deliveries?page[size]=100{filter}")).await;
        page["data"].as_array().expect("data is a list").clone()
    }

    /// The only delivery there is, with its attempts, once it has had `attempts`.
    pub(crate) async fn attempted(&self, attempts: usize) -> Value {
        eventually(&format!("attempt {attempts} of the delivery"), async || {
            let id = self.deliveries("").await.first()?["id"].to_text();
            let delivery = self.get(&format!("/api/deliveries/{id}")).await;
            let shown = delivery["data"]["attributes"].clone();
            (shown["attempt_count"] == attempts).then_some(shown)
        })
        .await
    }

    /// Waits until `count` deliveries, up to a hundred, are in this state.
    pub(crate) async fn settled(&self, count: usize, state: &str) {
        let filter = format!("equals(state,%22{state}%22)");
        eventually(&format!("{count} deliveries are {state}"), async || {
            (self.deliveries(&filter).await.len() == count).then_some(())
        })
        .await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(self.stop()));
        }
    }
}

/// Text out of a document.
pub(crate) trait ToText {
    /// The string that the value is.
    fn to_text(&self) -> String;
}

impl ToText for Value {
    fn to_text(&self) -> String {
        self.as_str().unwrap_or_else(|| panic!("{self} is not text")).to_owned()
    }
}
