//! The way out against real receivers on loopback: what is read, what is not, and how failures
//! are told apart.

mod server;

use std::net::SocketAddr;

use self::server::{Receiver, TlsReceiver};
use super::*;

const ENOUGH: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn open_policy() -> Policy {
    Policy { allow_http: true, allow_loopback: true, ..Policy::default() }
}

fn egress(extra_ca: &[PathBuf]) -> Egress {
    Egress::new(open_policy(), extra_ca).unwrap()
}

fn request(url: &str) -> Request {
    let destination = Destination::parse(url, &open_policy()).unwrap();
    let body = Bytes::from_static(b"{}");
    Request { method: Method::POST, destination, headers: HeaderMap::new(), body }
}

fn post(address: SocketAddr) -> Request {
    request(&format!("http://{address}/hook?token=T0KEN"))
}

async fn answer_to(answer: impl Into<Vec<u8>>) -> Result<Response, SendError> {
    let receiver = Receiver::start(answer).await;
    egress(&[]).send(post(receiver.address), ENOUGH).await.result
}

async fn failure(answer: impl Into<Vec<u8>>) -> SendError {
    let error = answer_to(answer).await.unwrap_err();
    assert!(!error.detail.contains("T0KEN"), "{error}");
    error
}

#[tokio::test]
async fn sends_the_message_and_keeps_the_connection() {
    let receiver = Receiver::start(OK).await;
    let egress = egress(&[]);
    for _ in 0..3 {
        let mut request = post(receiver.address);
        request.headers.insert("webhook-id", "msg_1".parse().unwrap());
        request.headers.insert("host", "elsewhere.example".parse().unwrap());
        request.headers.insert("transfer-encoding", "chunked".parse().unwrap());
        let response = egress.send(request, ENOUGH).await.result.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!((response.excerpt.as_slice(), response.body_bytes), (&b"ok"[..], 2));
    }
    assert_eq!(receiver.accepted(), 1);
    let seen = receiver.seen.lock().unwrap();
    let head = "POST /hook?token=T0KEN HTTP/1.1\r\nwebhook-id: msg_1\r\n";
    assert_eq!(seen.matches(head).count(), 3, "{seen}");
    assert_eq!(seen.matches(&format!("host: {}\r\n", receiver.address)).count(), 3, "{seen}");
    assert_eq!(seen.matches("content-length: 2\r\n").count(), 3, "{seen}");
    assert!(!seen.contains("chunked") && !seen.contains("elsewhere"), "{seen}");
}

#[tokio::test]
async fn a_closed_idle_connection_is_replaced_and_nothing_is_sent_twice() {
    let receiver = Receiver::start_closing(OK).await;
    let egress = egress(&[]);
    for _ in 0..5 {
        egress.send(post(receiver.address), ENOUGH).await.result.unwrap();
    }
    assert_eq!(receiver.accepted(), 5);
    assert_eq!(receiver.seen.lock().unwrap().matches("POST").count(), 5);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = Receiver::start(OK).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.address
    );
    let response = answer_to(answer).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn a_huge_body_is_cut_and_the_status_counts() {
    let length = 4 << 20;
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + length, b'x');
    let response = answer_to(answer).await.unwrap();
    assert_eq!(response.excerpt, vec![b'x'; RESPONSE_EXCERPT_BYTES_MAX]);
    // At most one read buffer more than the cap.
    let cap = RESPONSE_BODY_BYTES_MAX as u64;
    assert!((cap + 1..=2 * cap).contains(&response.body_bytes), "{}", response.body_bytes);
}

#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\u{1f}zz";
    assert_eq!(answer_to(answer).await.unwrap().excerpt, b"\x1fzz");
}

#[tokio::test]
async fn a_broken_body_keeps_its_status() {
    let answer = "HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n";
    let response = answer_to(answer).await.unwrap();
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.excerpt, b"abc");
}

#[tokio::test]
async fn the_deadline_tells_what_was_waited_for() {
    for (answer, waiting) in [
        ("", "waiting for the response head"),
        ("HTTP/1.1 200 OK\r\n", "waiting for the response head"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow", "reading the response body"),
    ] {
        let receiver = Receiver::start(answer).await;
        let error = egress(&[]).send(post(receiver.address), SHORT).await.result.unwrap_err();
        let address = receiver.address;
        let expected = format!("timed out after 0.2 s while {waiting} of http://{address}");
        assert_eq!((error.kind, error.detail), (SendErrorKind::Timeout, expected));
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_timeout_while_connecting() {
    let receiver = Receiver::start("").await;
    let url = format!("https://{}/", receiver.address);
    let error = egress(&[]).send(request(&url), SHORT).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Timeout);
    assert!(error.detail.contains("while making the TLS handshake with https://127."), "{error}");
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = egress(&[]).send(post(address), ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Connect);
    assert_eq!(error.detail, format!("connection refused by {address}"));
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let error = failure("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    assert_eq!(error.kind, SendErrorKind::Protocol);
    assert!(error.detail.contains("is not HTTP"), "{error}");
}

#[tokio::test]
async fn a_head_without_bounds_is_a_protocol_error() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 * RESPONSE_HEAD_BYTES_MAX));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(RESPONSE_HEADERS_MAX + 1));
    for answer in [long, many] {
        let error = failure(answer).await;
        assert_eq!(error.kind, SendErrorKind::Protocol);
        assert!(error.detail.contains("is larger than"), "{error}");
    }
}

#[tokio::test]
async fn interim_responses_are_passed_over_but_not_without_end() {
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let few = [interim.repeat(RESPONSE_INTERIM_MAX).as_bytes(), OK].concat();
    assert_eq!(answer_to(few).await.unwrap().status, StatusCode::OK);
    let error = failure(interim.repeat(RESPONSE_INTERIM_MAX + 1)).await;
    assert_eq!(error.kind, SendErrorKind::Protocol);
    assert!(error.detail.contains("interim"), "{error}");
}

#[tokio::test]
async fn a_receiver_that_hangs_up_is_a_protocol_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hang_up = async { drop(listener.accept().await.unwrap()) };
    let egress = egress(&[]);
    let (exchange, ()) = tokio::join!(egress.send(post(address), ENOUGH), hang_up);
    let error = exchange.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Protocol, "{error}");
    assert!(error.detail.contains("broke the connection before it answered"), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_permitted() {
    let receiver = Receiver::start(OK).await;
    let strict = Egress::new(Policy { allow_http: true, ..Policy::default() }, &[]).unwrap();
    let port = receiver.address.port();
    // The literal was permitted when it was saved; the name never was looked up before.
    for host in ["127.0.0.1", "localhost"] {
        let request = request(&format!("http://{host}:{port}/"));
        let error = strict.send(request, ENOUGH).await.result.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::AddressRefused);
        assert!(error.detail.contains("is a loopback address"), "{error}");
    }
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn http_and_tunnels_are_not_sent_when_they_are_not_permitted() {
    let receiver = Receiver::start(OK).await;
    let mut tunnel = post(receiver.address);
    tunnel.method = Method::CONNECT;
    let error = egress(&[]).send(tunnel, ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::AddressRefused);
    let tls = TlsReceiver::start("localhost", "http/1.1");
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    let strict = Egress::new(policy, &[tls.authority]).unwrap();
    let error = strict.send(post(receiver.address), ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::AddressRefused);
    assert!(error.detail.contains("egress.allow_http"), "{error}");
    assert_eq!(receiver.accepted(), 0);
}

#[tokio::test]
async fn an_extra_authority_is_trusted() {
    let receiver = TlsReceiver::start("localhost", "http/1.1");
    let url = format!("https://localhost:{}/hook", receiver.address.port());
    let egress = egress(std::slice::from_ref(&receiver.authority));
    let response = egress.send(request(&url), ENOUGH).await.result.unwrap();
    assert_eq!((response.status, response.excerpt.as_slice()), (StatusCode::OK, &b"ok"[..]));
}

#[tokio::test]
async fn http2_is_spoken_where_the_receiver_offers_it() {
    let receiver = TlsReceiver::start("127.0.0.1", "h2");
    let egress = egress(std::slice::from_ref(&receiver.authority));
    let url = format!("https://{}/hook", receiver.address);
    let response = egress.send(request(&url), ENOUGH).await.result.unwrap();
    assert_eq!((response.status, response.body_bytes), (StatusCode::NO_CONTENT, 0));
}

#[tokio::test]
async fn a_certificate_that_is_not_acceptable_is_told() {
    let unknown = TlsReceiver::start("localhost", "http/1.1");
    let url = format!("https://localhost:{}/hook", unknown.address.port());
    let error = egress(&[]).send(request(&url), ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Tls);
    assert!(error.detail.contains("not signed by a trusted authority"), "{error}");

    let misnamed = TlsReceiver::start("other.example", "http/1.1");
    let url = format!("https://localhost:{}/hook", misnamed.address.port());
    let egress = egress(std::slice::from_ref(&misnamed.authority));
    let error = egress.send(request(&url), ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Tls);
    assert!(error.detail.contains("is for another name: other.example"), "{error}");
}

#[tokio::test]
async fn a_receiver_without_tls_is_a_tls_error() {
    let receiver = Receiver::start("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let url = format!("https://{}/", receiver.address);
    let error = egress(&[]).send(request(&url), ENOUGH).await.result.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Tls, "{error}");
}
