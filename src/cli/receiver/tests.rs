//! The receiver over real sockets: answers, reports, scripts, and a clean stop.

use std::io::ErrorKind;

use hyper::header::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::secret::Secret;
use crate::signing::{Keys, Message, Scheme, Schemes, Signer};

const NOW: Timestamp = Timestamp::from_seconds(1_704_391_525);

fn secret() -> Secret {
    Secret::new("test-secret".to_owned())
}

async fn receiver(script: &str) -> Receiver {
    let options = ReceiverOptions {
        trust: Trust { secrets: vec![secret()], ..Trust::default() },
        script: script.parse().unwrap(),
        clock: Clock::manual(NOW),
        ..ReceiverOptions::default()
    };
    Receiver::start(options).await.unwrap()
}

/// Posts over a connection of its own and returns what came back until its end.
async fn post(to: &Receiver, headers: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(to.addr()).await?;
    let length = body.len();
    let head = format!("POST /hook?x=1 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}");
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn signed(body: &str) -> String {
    let mut headers = HeaderMap::new();
    let message = Message { id: "msg_1", at: NOW, body: body.as_bytes() };
    let schemes = Schemes::NONE.with(Scheme::Standard).with(Scheme::Github);
    Signer::new(&Keys::new(secret())).sign(schemes, &message, &mut headers);
    let line =
        |(name, value): (_, &HeaderValue)| format!("{name}: {}\r\n", value.to_str().unwrap());
    headers.iter().map(line).collect()
}

#[tokio::test]
async fn a_signed_delivery_is_reported_and_its_attempts_counted() {
    let mut receiver = receiver("503,auto").await;
    let first = post(&receiver, &signed("{}"), "{}").await.unwrap();
    assert!(first.starts_with("HTTP/1.1 503 "), "{first}");
    let second = post(&receiver, &signed("{}"), "{}").await.unwrap();
    assert!(second.starts_with("HTTP/1.1 200 "), "{second}");
    for (attempt, status) in [(1, 503), (2, 200)] {
        let received = receiver.next().await.unwrap();
        assert_eq!((received.attempt, received.answered), (attempt, Some(status)));
        assert_eq!((received.path.as_str(), received.at), ("/hook?x=1", NOW));
        for (scheme, verdict) in received.verdicts.iter() {
            let expected = match scheme {
                Scheme::Standard | Scheme::Github => Verdict::Verified,
                _ => Verdict::Absent,
            };
            assert_eq!(*verdict, expected, "{scheme}");
        }
        assert!(received.verdicts.verified());
    }
    receiver.stop().await;
    assert!(receiver.next().await.is_none());
}

#[tokio::test]
async fn a_wrong_or_missing_signature_is_told_to_the_sender() {
    let mut receiver = receiver("auto").await;
    let changed = post(&receiver, &signed("{}"), "{\"a\":1}").await.unwrap();
    assert!(changed.starts_with("HTTP/1.1 401 "), "{changed}");
    assert!(changed.ends_with("the body was changed, or another secret"), "{changed}");
    let unsigned = post(&receiver, "", "{}").await.unwrap();
    assert!(unsigned.contains("missing header Klaviyo-Signature"), "{unsigned}");
    assert!(!receiver.next().await.unwrap().verdicts.verified());
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_an_end() {
    let receiver = receiver("reset").await;
    let error = post(&receiver, "", "{}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_hanging_answer_does_not_hold_up_the_stop() {
    let mut receiver = receiver("hang").await;
    let mut stream = TcpStream::connect(receiver.addr()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n").await.unwrap();
    assert_eq!(receiver.next().await.unwrap().answered, None);
    receiver.stop().await;
    assert!(receiver.tasks.is_empty(), "every task has ended");
    drop(stream);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused() {
    let mut receiver = receiver("auto").await;
    let mut stream = TcpStream::connect(receiver.addr()).await.unwrap();
    let length = limits::RECEIVER_BODY_BYTES_MAX + 1;
    let head = format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n");
    let sent = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&vec![b'x'; length]).await
    };
    let (received, _cut_off) = tokio::join!(receiver.next(), sent);
    let received = received.unwrap();
    assert_eq!(received.answered, Some(413));
    assert_eq!(*received.verdicts.of(Scheme::Klaviyo), Verdict::Unread(Unread::TooLarge));
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let first = receiver("auto").await;
    let options = ReceiverOptions { port: first.addr().port(), ..ReceiverOptions::default() };
    let error = Receiver::start(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}
