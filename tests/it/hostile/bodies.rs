//! The body: without end, too slow, too short, of the wrong length, broken, or a bomb. A status
//! that arrived counts, whatever follows it.

use hyper::StatusCode;
use tidings::egress::SendErrorKind::Timeout;
use tidings::limits;
use tokio::io::AsyncWriteExt as _;

use super::receiver::{self, read_request, say_forever};
use super::{A_MOMENT, assert_fails, meet, told};

/// What `gzip -9` makes of 20,000 zeros.
const BOMB: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00,
    0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0x30, 0x02,
    0x53, 0x2f, 0x97, 0x20, 0x4e, 0x00, 0x00,
];

#[tokio::test]
async fn one_without_end() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9000000000000000000\r\n\r\n",
    ] {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(head.as_bytes()).await?;
            say_forever(&mut stream, b"x").await
        });
        let response = result.await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert!(response.body_bytes > limits::RESPONSE_BODY_BYTES_MAX as u64);
        assert_eq!(response.excerpt, vec![b'x'; limits::RESPONSE_EXCERPT_BYTES_MAX]);
    }
}

#[tokio::test]
async fn one_of_chunks_without_end() {
    // Extensions of chunks have a cap of their own in hyper, far below that of the body.
    for (chunk, more_than) in
        [("8\r\nxxxxxxxx\r\n", limits::RESPONSE_BODY_BYTES_MAX as u64), ("3;ext=1\r\nxxx\r\n", 0)]
    {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            say_forever(&mut stream, chunk.as_bytes()).await
        });
        assert!(result.await.unwrap().body_bytes > more_than, "{chunk}");
    }
}

#[tokio::test]
async fn one_of_a_chunk_extension_or_of_trailers_without_end() {
    for (start, rest) in [("1;ext=", "x"), ("0\r\n", "x: y\r\n")] {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(start.as_bytes()).await?;
            say_forever(&mut stream, rest.as_bytes()).await
        });
        assert_eq!(result.await.unwrap().body_bytes, 0);
    }
}

#[tokio::test]
async fn one_that_drips() {
    let result = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
        receiver::drip(&mut stream, &[b'x'; 1000]).await
    });
    let words = "timed out after 1 s while reading the response body of http://127.0.0.1";
    assert_fails(result.await, Timeout, words);
}

#[tokio::test]
async fn one_with_broken_chunks() {
    for (chunks, kept) in [
        ("nonsense\r\n", ""),
        ("3\r\nabc\r\n-1\r\n", "abc"),
        ("3\r\nabcdef", "abc"),
        ("fffffffffffffffff\r\nabc", ""),
        ("3\r\nabc\r\n", "abc"),
    ] {
        let head = "HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n";
        let response = told(format!("{head}{chunks}")).await.unwrap();
        assert_eq!(response.status, StatusCode::ACCEPTED);
        assert_eq!(String::from_utf8_lossy(&response.excerpt), kept, "{chunks}");
    }
}

#[tokio::test]
async fn one_of_another_length_than_announced() {
    for (length, body, kept) in [(100, "short", "short"), (2, "okHTTP/1.1 500 No", "ok")] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        let response = told(answer).await.unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(String::from_utf8_lossy(&response.excerpt), kept);
    }
}

#[tokio::test]
async fn one_that_is_reset_in_the_middle() {
    let result = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").await?;
        // A reset takes with it what was not yet read.
        tokio::time::sleep(A_MOMENT).await;
        stream.set_zero_linger()
    });
    let response = result.await.unwrap();
    assert_eq!((response.status, response.excerpt.as_slice()), (StatusCode::OK, &b"some"[..]));
}

#[tokio::test]
async fn a_gzip_bomb_does_not_go_off() {
    let length = BOMB.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    let response = told([head.as_bytes(), BOMB].concat()).await.unwrap();
    assert_eq!((response.excerpt.as_slice(), response.body_bytes), (BOMB, length as u64));
}

#[tokio::test]
async fn one_that_must_not_be_there() {
    for status in ["204 No Content", "304 Not Modified"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nhello");
        let response = told(answer).await.unwrap();
        assert!(status.starts_with(response.status.as_str()));
        assert_eq!(response.body_bytes, 0, "{status}");
    }
}
