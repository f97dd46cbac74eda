//! Before the body: receivers that never answer, answer without end, or answer with nonsense.

use hyper::StatusCode;
use hyper::body::Bytes;
use tidings::egress::SendErrorKind::{Protocol, Timeout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::receiver::{self, Receiver, read_request, say_forever};
use super::{assert_fails, egress, meet, post, send, told};

const WAITING: &str = "timed out after 1 s while waiting for the response head of http://127.0.0.1";

#[tokio::test]
async fn one_that_never_answers() {
    let result = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.read_u8().await.map(|_| ())
    });
    assert_fails(result.await, Timeout, WAITING);
}

#[tokio::test]
async fn one_that_accepts_and_never_reads() {
    let receiver = Receiver::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    });
    let receiver = receiver.await;
    let mut request = post(receiver.address);
    request.body = Bytes::from(vec![b'x'; 16 << 20]);
    assert_fails(send(&egress(), request).await.result, Timeout, WAITING);
}

#[tokio::test]
async fn one_that_drips_the_head() {
    let result = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        let head = format!("HTTP/1.1 200 OK\r\nx-pad: {}\r\n\r\n", "y".repeat(1000));
        receiver::drip(&mut stream, head.as_bytes()).await
    });
    assert_fails(result.await, Timeout, WAITING);
}

#[tokio::test]
async fn one_with_a_header_of_ten_megabytes() {
    let result = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        let head = format!("HTTP/1.1 200 OK\r\nx-pad: {}\r\n\r\n", "y".repeat(10 << 20));
        stream.write_all(head.as_bytes()).await
    });
    assert_fails(result.await, Protocol, "is larger than 65536 bytes or 100 lines");
}

#[tokio::test]
async fn one_with_header_lines_without_end() {
    for line in ["x: y\r\n", "x-a-longer-name-of-a-header: with a longer value, too\r\n"] {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            say_forever(&mut stream, line.as_bytes()).await
        });
        assert_fails(result.await, Protocol, "is larger than 65536 bytes or 100 lines");
    }
}

#[tokio::test]
async fn one_that_floods_with_interim_answers() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n"] {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            say_forever(&mut stream, interim.as_bytes()).await
        });
        assert_fails(result.await, Protocol, "sent more than 8 interim (1xx) responses");
    }
}

#[tokio::test]
async fn one_that_switches_protocols() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    assert_fails(told(head).await, Protocol, "switched to another protocol (101)");
}

#[tokio::test]
async fn one_that_does_not_speak_http() {
    for nonsense in [
        "<html>HTTP/0.9 has no head</html>\r\n",
        "220 mail.example ESMTP ready\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nspace : before colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \u{0}\r\n\r\n",
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{50}",
    ] {
        assert_fails(told(nonsense).await, Protocol, "is not HTTP");
    }
}

#[tokio::test]
async fn one_that_is_of_two_minds_about_the_length() {
    for lengths in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: -1\r\n",
        "content-length: 2, 3\r\n",
        "content-length: 99999999999999999999999\r\n",
        "content-length: two\r\n",
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{lengths}\r\nok");
        assert_fails(told(head).await, Protocol, "is not HTTP");
    }
}

#[tokio::test]
async fn one_that_closes_before_it_answers() {
    for start in ["", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-"] {
        let words = "broke the connection before it answered";
        assert_fails(told(start).await, Protocol, words);
    }
}

#[tokio::test]
async fn one_that_resets_before_it_answers() {
    for start in ["", "HTTP/1.1 200 OK\r\ncontent-"] {
        let result = meet(move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(start.as_bytes()).await?;
            stream.set_zero_linger()
        });
        assert_fails(result.await, Protocol, "broke the connection before it answered");
    }
}

#[tokio::test]
async fn one_that_answers_before_it_has_read() {
    let receiver = Receiver::start(|mut stream| async move {
        stream.read_u8().await?;
        let head = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\n\
                    content-length: 0\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        std::future::pending().await
    });
    let receiver = receiver.await;
    let mut request = post(receiver.address);
    request.body = Bytes::from(vec![b'x'; 16 << 20]);
    let response = send(&egress(), request).await.result.unwrap();
    assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
}
