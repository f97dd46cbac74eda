//! What a receiver does to the connection between requests: closing it, saying too much on it,
//! stalling before it is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::StatusCode;
use tidings::egress::SendErrorKind::{Connect, Timeout, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::receiver::{Receiver, read_request, say};
use super::{A_MOMENT, assert_fails, egress, post, request, send};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn one_that_closes_after_every_second_answer() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let receiver = Receiver::start(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            for _ in 0..2 {
                read_request(&mut stream).await?;
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(OK).await?;
            }
            Ok(())
        }
    });
    let receiver = receiver.await;
    let egress = egress();
    let mut reused = Vec::new();
    for _ in 0..10 {
        let exchange = send(&egress, post(receiver.address)).await;
        assert_eq!(exchange.result.unwrap().status, StatusCode::OK);
        reused.push(exchange.trace.reused);
        tokio::time::sleep(A_MOMENT).await;
    }
    assert_eq!((receiver.accepted(), requests.load(Ordering::SeqCst)), (5, 10));
    assert_eq!(reused, [false, true].repeat(5));
}

#[tokio::test]
async fn one_that_takes_a_request_and_closes_gets_it_once() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let receiver = Receiver::start(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            while read_request(&mut stream).await.is_ok() {
                // The second one on each connection is taken, and nothing is said about it.
                if count.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
                    break;
                }
                stream.write_all(OK).await?;
            }
            Ok(())
        }
    });
    let receiver = receiver.await;
    let egress = egress();
    send(&egress, post(receiver.address)).await.result.unwrap();
    let exchange = send(&egress, post(receiver.address)).await;
    assert!(exchange.trace.reused && exchange.trace.remote == Some(receiver.address));
    let error = exchange.result.unwrap_err();
    assert!(error.detail.contains("broke the connection before it answered"), "{error}");
    assert_eq!((receiver.accepted(), requests.load(Ordering::SeqCst)), (1, 2));
}

/// Whatever a receiver says beyond its answer must not become the answer to the next request.
#[tokio::test]
async fn one_that_answers_ahead() {
    for first in [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
    ] {
        let receiver = Receiver::start(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(first.as_bytes()).await?;
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await?;
            stream.read_u8().await.map(|_| ())
        });
        let receiver = receiver.await;
        let egress = egress();
        for _ in 0..5 {
            let result = send(&egress, post(receiver.address)).await.result;
            assert_ne!(result.map(|response| response.status), Ok(StatusCode::CREATED), "{first}");
        }
    }
}

#[tokio::test]
async fn one_that_stalls_in_the_handshake() {
    for start in ["", "\u{16}\u{3}\u{3}\u{0}\u{7a}\u{2}"] {
        let receiver = Receiver::start(move |mut stream| async move {
            stream.write_all(start.as_bytes()).await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ())
        });
        let receiver = receiver.await;
        let exchange = send(&egress(), request(&format!("https://{}/", receiver.address))).await;
        let words = "timed out after 1 s while making the TLS handshake with https://127.0.0.1";
        assert_fails(exchange.result, Timeout, words);
        let trace = exchange.trace;
        assert!(trace.remote == Some(receiver.address) && trace.connect.is_some(), "{trace:?}");
        assert!(trace.tls_handshake > Some(super::DEADLINE / 2), "{trace:?}");
    }
}

#[tokio::test]
async fn one_that_does_not_speak_tls_or_no_longer() {
    let answers: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS on this port"),
        // Alerts of an old server: protocol_version, handshake_failure.
        (&[0x15, 3, 1, 0, 2, 2, 70], "speaks neither TLS 1.2 nor 1.3"),
        (&[0x15, 3, 3, 0, 2, 2, 40], "refused the handshake"),
        (b"", "127.0.0.1 broke the connection off in the TLS handshake"),
    ];
    for (answer, words) in answers {
        let receiver = Receiver::start(move |mut stream| async move {
            stream.read_u8().await?;
            say(&mut stream, answer).await
        });
        let receiver = receiver.await;
        let exchange = send(&egress(), request(&format!("https://{}/", receiver.address))).await;
        assert_fails(exchange.result, Tls, words);
    }
}

#[tokio::test]
async fn one_that_is_not_there() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let exchange = send(&egress(), post(address)).await;
    assert_fails(exchange.result, Connect, &format!("connection refused by {address}"));
    let trace = exchange.trace;
    assert!(trace.remote == Some(address) && trace.connect.is_some(), "{trace:?}");
    assert!(trace.dns.is_none() && trace.first_byte.is_none() && !trace.reused, "{trace:?}");
}
