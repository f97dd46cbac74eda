//! The same in HTTP/2, in as few frames as it takes: receivers that stay silent, take the stream or
//! the connection back, or say too much.

use std::io::{self, Read as _, Write as _};

use tidings::egress::Exchange;
use tidings::egress::HttpVersion;
use tidings::egress::SendErrorKind::{Protocol, Timeout};
use tidings::egress::TlsSettings;
use tidings::limits;

use super::tls_receiver::{self, Authority, Speaks, Tls, server};
use super::{assert_fails, egress, request, send};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// ":status: 200" and ":status: 204" of the static table.
const STATUS_200: &[u8] = &[0x88];
const STATUS_204: &[u8] = &[0x89];

/// A frame of stream 1, or of the connection where its kind is one of those.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let stream = u8::from(!matches!(kind, SETTINGS | PING | GOAWAY));
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Sends to a receiver that, once it has the head of the request, behaves.
async fn meet(behave: impl Fn(&mut Tls) -> io::Result<()> + Clone + Send + 'static) -> Exchange {
    let root = Authority::root("the root");
    let shown = root.sign(&server(&["127.0.0.1"]), &[]);
    let speaks = Speaks { protocol: "h2", ..Speaks::default() };
    let address = tls_receiver::start(&shown, &speaks, move |mut tls| {
        let mut preface = [0; 24];
        tls.read_exact(&mut preface)?;
        tls.write_all(&frame(SETTINGS, 0, &[]))?;
        while next(&mut tls)? != HEADERS {}
        behave(&mut tls)?;
        tls.flush()?;
        // Whatever else comes is read, so that the end of it is not a reset.
        io::copy(&mut tls, &mut io::sink()).map(|_| ())
    });
    let settings = TlsSettings { ca: Some(root.certificate.pem()), client_certificate: None };
    let egress = egress().with_tls(&settings).unwrap();
    let exchange = send(&egress, request(&format!("https://{address}/hook?token=T0KEN"))).await;
    assert_eq!(exchange.trace.http, Some(HttpVersion::V2));
    assert_eq!(exchange.trace.remote, Some(address));
    exchange
}

/// Reads a frame and tells its kind.
fn next(tls: &mut Tls) -> io::Result<u8> {
    let mut head = [0; 9];
    tls.read_exact(&mut head)?;
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    tls.read_exact(&mut payload)?;
    Ok(head[3])
}

#[tokio::test]
async fn one_that_answers() {
    let exchange = meet(|tls| tls.write_all(&frame(HEADERS, END_HEADERS | 1, STATUS_204)));
    assert_eq!(exchange.await.result.unwrap().status.as_u16(), 204);
}

#[tokio::test]
async fn one_that_never_answers() {
    let exchange = meet(|_| Ok(())).await;
    assert_fails(exchange.result, Timeout, "while waiting for the response head of https://127.");
}

#[tokio::test]
async fn one_that_takes_the_stream_back() {
    for reason in [1, 2, 8, 11] {
        let exchange = meet(move |tls| tls.write_all(&frame(RST_STREAM, 0, &[0, 0, 0, reason])));
        assert_fails(exchange.await.result, Protocol, "127.0.0.1");
    }
}

#[tokio::test]
async fn one_that_goes_away() {
    for reason in [1, 2, 11] {
        let goaway = [0, 0, 0, 0, 0, 0, 0, reason];
        let exchange = meet(move |tls| tls.write_all(&frame(GOAWAY, 0, &goaway)));
        assert_fails(exchange.await.result, Protocol, "127.0.0.1");
    }
}

#[tokio::test]
async fn one_that_takes_the_stream_back_in_the_body() {
    let exchange = meet(|tls| {
        tls.write_all(&frame(HEADERS, END_HEADERS, STATUS_200))?;
        tls.write_all(&frame(DATA, 0, b"some"))?;
        tls.write_all(&frame(RST_STREAM, 0, &[0, 0, 0, 2]))
    });
    assert_eq!(exchange.await.result.unwrap().status.as_u16(), 200);
}

#[tokio::test]
async fn one_without_end() {
    let exchange = meet(|tls| {
        tls.write_all(&frame(HEADERS, END_HEADERS, STATUS_200))?;
        // As far as it may go without being given more room, and further.
        let data = frame(DATA, 0, &[b'x'; 16 * 1024]);
        (0..16).try_for_each(|_| tls.write_all(&data))
    });
    let response = exchange.await.result.unwrap();
    assert!(response.body_bytes <= limits::RESPONSE_BODY_BYTES_MAX as u64 + 16 * 1024);
}

#[tokio::test]
async fn one_that_says_too_much() {
    let floods: [fn(&mut Tls) -> io::Result<()>; 4] = [
        // ":status: 103", again and again.
        |tls| {
            let many = frame(HEADERS, END_HEADERS, b"\x08\x03103").repeat(1000);
            (0..1000).try_for_each(|_| tls.write_all(&many))
        },
        // A head that never ends.
        |tls| {
            tls.write_all(&frame(HEADERS, 0, STATUS_200))?;
            // A literal header "x: y" without indexing.
            let more = frame(CONTINUATION, 0, &[0, 1, b'x', 1, b'y'].repeat(3000));
            (0..1000).try_for_each(|_| tls.write_all(&more))
        },
        // Frames that ask for an answer each.
        |tls| {
            let many = frame(PING, 0, &[0; 8]).repeat(1000);
            (0..1000).try_for_each(|_| tls.write_all(&many))
        },
        |tls| {
            let many = frame(SETTINGS, 0, &[]).repeat(1000);
            (0..1000).try_for_each(|_| tls.write_all(&many))
        },
    ];
    for flood in floods {
        let error = meet(flood).await.result.unwrap_err();
        assert!(matches!(error.kind, Protocol | Timeout), "{error}");
    }
}
