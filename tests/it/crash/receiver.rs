//! The receiver of the crash test: it takes deliveries and keeps the ledger of what it took.
//!
//! It outlives every daemon. [`Receiver::quiesce`] returns when nothing that a killed daemon sent
//! is still on its way here, so that each delivery is booked to the life that sent it.

use std::collections::{HashMap, HashSet};
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::Value;

use super::http::read_message;

/// Every so many messages are refused once, so that retries are part of what is killed.
const REFUSED_EVERY: usize = 7;

/// What one message brought, at its first arrival and at every later one.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) event: String,
    pub(super) unique_id: String,
    /// The lives of the daemon in which it was answered with 200.
    pub(super) accepted_in: Vec<usize>,
}

#[derive(Default)]
struct Ledger {
    messages: HashMap<String, Received>,
    /// The present life of the daemon.
    life: usize,
    refused: usize,
    /// Messages that came again with another content.
    changed: Vec<String>,
    /// Connections that are being served.
    open: usize,
    /// Peers whose connection has ended, since the last [`Receiver::quiesce`].
    ended: HashSet<SocketAddr>,
}

#[derive(Clone)]
pub(super) struct Receiver {
    addr: SocketAddr,
    shared: Arc<(Mutex<Ledger>, Condvar)>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { addr: listener.local_addr().unwrap(), shared: Arc::default() };
        let serving = receiver.clone();
        thread::spawn(move || {
            while let Ok((stream, peer)) = listener.accept() {
                serving.with(|ledger| ledger.open += 1);
                let connection = serving.clone();
                thread::spawn(move || {
                    // A connection that breaks is a daemon that was killed.
                    drop(connection.serve(stream));
                    connection.with(|ledger| {
                        ledger.open -= 1;
                        ledger.ended.insert(peer);
                    });
                });
            }
        });
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// A new life of the daemon begins.
    pub(super) fn next_life(&self) {
        self.with(|ledger| ledger.life += 1);
    }

    /// Waits until everything that was sent here so far has been booked. Only for the time
    /// between a kill and the next start: it waits for every connection to end.
    pub(super) fn quiesce(&self) {
        // Connections are accepted in their order: after this one, all the daemon's have been.
        let last = TcpStream::connect(self.addr).unwrap();
        let peer = last.local_addr().unwrap();
        drop(last);
        let (ledger, moved) = &*self.shared;
        let is_busy = |ledger: &mut Ledger| !ledger.ended.contains(&peer) || ledger.open > 0;
        moved.wait_while(ledger.lock().unwrap(), is_busy).unwrap().ended.clear();
    }

    /// The messages, how many requests were refused, and which messages changed.
    pub(super) fn take(&self) -> (HashMap<String, Received>, usize, Vec<String>) {
        self.with(|ledger| {
            let messages = std::mem::take(&mut ledger.messages);
            (messages, ledger.refused, std::mem::take(&mut ledger.changed))
        })
    }

    fn with<T>(&self, run: impl FnOnce(&mut Ledger) -> T) -> T {
        let result = run(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        result
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_message(&mut stream)? {
            let message = request.header("webhook-id").unwrap().to_owned();
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let status = self.with(|ledger| ledger.book(message, &body["data"][0]));
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes())?;
        }
        Ok(())
    }
}

impl Ledger {
    fn book(&mut self, message: String, item: &Value) -> &'static str {
        let event = item["external_id"].as_str().unwrap();
        let properties = &item["payload"]["data"]["attributes"]["event_properties"];
        let unique_id = properties["$event_id"].as_str().unwrap();
        let count = self.messages.len();
        let Some(known) = self.messages.get_mut(&message) else {
            let mut first = Received {
                event: event.to_owned(),
                unique_id: unique_id.to_owned(),
                accepted_in: Vec::new(),
            };
            let is_refused = count.is_multiple_of(REFUSED_EVERY);
            if is_refused {
                self.refused += 1;
            } else {
                first.accepted_in.push(self.life);
            }
            self.messages.insert(message, first);
            return if is_refused { "503 Service Unavailable" } else { "200 OK" };
        };
        if known.event != event || known.unique_id != unique_id {
            self.changed.push(message);
        }
        known.accepted_in.push(self.life);
        "200 OK"
    }
}
