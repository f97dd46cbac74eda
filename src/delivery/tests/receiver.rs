//! A receiver on loopback that keeps what it got, and answers what a test prepared.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What arrived.
#[derive(Clone, Debug)]
pub(super) struct Got {
    /// Method and path.
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Answers one request on each connection, with the prepared bytes or else with an empty 200.
pub(super) struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    task: JoinHandle<()>,
}

/// An answer with this head, whose body is as long as it says.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

impl Receiver {
    pub(super) async fn start() -> Self {
        Self::answering([]).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test server has no task tracker")]
    pub(super) async fn answering(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let (kept, prepared) = (Arc::clone(&got), Arc::clone(&answers));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(one) = read(&mut stream).await else { continue };
                kept.lock().unwrap().push(one);
                let next = prepared.lock().unwrap().pop_front();
                let next = next.unwrap_or_else(|| answer("200 OK", "connection: close\r\n", b""));
                stream.write_all(&next).await.unwrap();
            }
        });
        Self { address, got, answers, task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Prepares one more answer.
    pub(super) fn prepare(&self, answer: Vec<u8>) {
        self.answers.lock().unwrap().push_back(answer);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let got = parsed(head, body.as_bytes().to_vec());
        let length = got.header("content-length").map_or(0, |text| text.parse().unwrap());
        if got.body.len() >= length {
            return Some(got);
        }
    }
}

fn parsed(head: &str, body: Vec<u8>) -> Got {
    let mut lines = head.lines();
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    };
    Got { line, headers: lines.map(header).collect(), body }
}
