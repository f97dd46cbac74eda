//! Receivers that mean harm or are broken, met by the way out itself: every exchange ends in time,
//! reads and keeps little, is told in a useful sentence, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod bodies;
mod certificates;
mod connections;
mod evidence;
mod heads;
mod http2;
mod memory;
mod receiver;
mod tls_receiver;

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use tidings::clock::Stopwatch;
use tidings::egress::{Destination, Egress, Exchange, Policy, Request, Response};
use tidings::egress::{SendError, SendErrorKind};
use tidings::limits;
use tokio::net::TcpStream;

use receiver::Receiver;

/// What a hostile receiver is given.
const DEADLINE: Duration = Duration::from_secs(1);
/// How much later than its deadline an exchange may end, on a busy machine.
const GRACE: Duration = Duration::from_millis(500);
/// The kernel delivers on loopback at once; this lets the other side see it.
const A_MOMENT: Duration = Duration::from_millis(50);
/// What is read of a body: the cap, and at most one read buffer more.
const READ_MAX: u64 = 2 * limits::RESPONSE_BODY_BYTES_MAX as u64;
/// What is kept of a body.
const KEPT_MAX: usize = 8 * 1024;

fn policy() -> Policy {
    Policy { allow_http: true, allow_loopback: true, ..Policy::default() }
}

fn egress() -> Egress {
    Egress::new(policy(), &[]).unwrap()
}

fn request(url: &str) -> Request {
    let destination = Destination::parse(url, &policy()).unwrap();
    let body = Bytes::from_static(receiver::BODY);
    Request { method: Method::POST, destination, headers: HeaderMap::new(), body }
}

fn post(address: SocketAddr) -> Request {
    request(&format!("http://{address}/hook?token=T0KEN"))
}

/// Sends, and holds what is true of every exchange, however hostile.
async fn send(egress: &Egress, request: Request) -> Exchange {
    let watch = Stopwatch::start();
    let exchange = egress.send(request, DEADLINE).await;
    let took = watch.elapsed();
    assert!(took <= DEADLINE + GRACE, "took {took:?}: {exchange:?}");
    assert!(exchange.trace.total <= took, "{exchange:?}");
    match &exchange.result {
        Ok(response) => {
            assert!(response.body_bytes <= READ_MAX, "read {}", response.body_bytes);
            assert!(response.excerpt.len() <= KEPT_MAX, "kept {}", response.excerpt.len());
        }
        Err(error) => {
            let detail = &error.detail;
            let size = detail.len();
            assert!((10..=limits::SEND_ERROR_DETAIL_BYTES_MAX).contains(&size), "{detail}");
            assert!(!detail.contains("T0KEN") && !detail.contains(char::is_control), "{detail}");
        }
    }
    exchange
}

/// One request to a receiver that reads it and then behaves.
async fn meet<F, Fut>(behave: F) -> Result<Response, SendError>
where
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let receiver = Receiver::start(behave).await;
    send(&egress(), post(receiver.address)).await.result
}

/// One request to a receiver that reads it, says `bytes` and closes.
async fn told(bytes: impl Into<Vec<u8>>) -> Result<Response, SendError> {
    let bytes: Vec<u8> = bytes.into();
    meet(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            receiver::read_request(&mut stream).await?;
            receiver::say(&mut stream, &bytes).await
        }
    })
    .await
}

fn assert_fails(result: Result<Response, SendError>, kind: SendErrorKind, words: &str) {
    let error = result.expect_err(words);
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.detail.contains(words), "{words}: {error}");
}
