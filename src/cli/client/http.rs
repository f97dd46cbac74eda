//! One request to the daemon over its Unix socket, and the answer.
//!
//! A new connection for each request: a command makes one or two. Everything is bounded, by one
//! deadline and by the size of the answer. Whoever may open the socket needs no key. What the
//! answer means is not known here, except whether it is a refusal.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::error::CliError;
use crate::limits::{CLI_REQUEST_TIMEOUT, CLI_RESPONSE_BYTES_MAX};

const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("tidings-cli/", env!("CARGO_PKG_VERSION")));
/// There is no host name on this way; HTTP/1.1 wants the header all the same.
const LOCALHOST: HeaderValue = HeaderValue::from_static("localhost");

/// The way to one daemon.
#[derive(Debug)]
pub(super) struct Client {
    socket: PathBuf,
    timeout: Duration,
}

/// A document, or nothing, with a 2xx status.
#[derive(Debug)]
pub(in crate::cli) struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// Nothing is connected before the first request.
    pub(super) const fn new(socket: PathBuf) -> Self {
        Self { socket, timeout: CLI_REQUEST_TIMEOUT }
    }

    /// Sends one request, without a body where `body` is empty. Any status but 2xx is an error.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, CliError> {
        self.send_within(method, path, body, self.timeout).await
    }

    /// The same, where the answer may take this long.
    pub(super) async fn send_within(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, CliError> {
        let request = request(method, path, body).map_err(CliError::Request)?;
        let exchanged = tokio::time::timeout(timeout, self.exchange(request)).await;
        exchanged.unwrap_or_else(|_| Err(CliError::TimedOut(self.socket.clone(), timeout)))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, CliError> {
        let broken = |error| CliError::Exchange(self.socket.clone(), error);
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| self.unreachable(error))?;
        let handshaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshaken.map_err(broken)?;
        let mut answered = pin!(async move {
            let response = sender.send_request(request).await.map_err(broken)?;
            answer(response).await
        });
        // The connection is what moves the bytes, so it is polled beside the exchange. It may end
        // first, well or badly; then what it has read is still there, or the exchange says why not.
        tokio::select! {
            answered = &mut answered => answered,
            _ = connection => answered.await,
        }
    }

    fn unreachable(&self, error: io::Error) -> CliError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                CliError::NoDaemon(socket)
            }
            io::ErrorKind::PermissionDenied => CliError::Denied(socket),
            _ => CliError::Connect(socket, error),
        }
    }
}

fn request(
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, LOCALHOST)
        .header(ACCEPT, JSON_API)
        .header(USER_AGENT, AGENT);
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, JSON_API);
    }
    request.body(Full::from(body))
}

async fn answer(response: Response<Incoming>) -> Result<Answer, CliError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, CLI_RESPONSE_BYTES_MAX).collect().await;
    let body = body.map_err(unread)?.to_bytes();
    if head.status.is_success() {
        Ok(Answer { headers: head.headers, body })
    } else {
        Err(CliError::refused(head.status, &body))
    }
}

fn unread(error: Box<dyn std::error::Error + Send + Sync>) -> CliError {
    if error.is::<LengthLimitError>() {
        CliError::TooLong
    } else {
        CliError::Refused(vec![format!("the daemon's answer broke off: {error}")])
    }
}

impl Answer {
    /// The text of a header.
    pub(in crate::cli) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The document as a type of the command.
    pub(in crate::cli) fn parse<D: DeserializeOwned>(&self) -> Result<D, CliError> {
        serde_json::from_slice(&self.body).map_err(CliError::Unexpected)
    }

    /// The document as text that ends with a newline: as it came, or laid out. Nothing where the
    /// answer has none.
    pub(super) fn document(&self, pretty: bool) -> Result<String, CliError> {
        if self.body.is_empty() {
            return Ok(String::new());
        }
        let document: Value = self.parse()?;
        if pretty {
            return Ok(format!("{document:#}\n"));
        }
        Ok(format!("{}\n", String::from_utf8_lossy(&self.body).trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    async fn told(client: &Client) -> String {
        client.send(Method::GET, "/api/keys", Vec::new()).await.unwrap_err().lines().join("\n")
    }

    #[tokio::test]
    async fn without_a_daemon_it_says_how_to_start_one() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("tidings.sock");
        let expected = format!(
            "no tidings daemon is listening on {}; start one with `tidings serve`, or give its \
             --data-dir",
            socket.display()
        );
        let client = Client::new(socket.clone());
        assert_eq!(told(&client).await, expected);
        // What a killed daemon leaves behind.
        drop(UnixListener::bind(&socket).unwrap());
        assert_eq!(told(&client).await, expected);
    }

    #[test]
    fn a_socket_of_someone_else_is_named() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let told = Client::new("/s".into()).unreachable(error).lines();
        assert_eq!(
            told,
            ["permission denied on /s; run this as the user of the daemon, or as root"]
        );
    }

    #[tokio::test]
    async fn silence_ends_with_a_time_out() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("tidings.sock");
        let _silent = UnixListener::bind(&socket).unwrap();
        let client = Client { socket, timeout: Duration::from_millis(20) };
        assert!(told(&client).await.ends_with("did not answer within 0.02 s"));
    }
}
