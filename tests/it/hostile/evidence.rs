//! What an exchange leaves as evidence, and that ways out with TLS of their own are apart.

use hyper::{Method, StatusCode};
use tidings::egress::SendErrorKind::Resolve;
use tidings::egress::{HttpVersion, TlsSettings, TlsVersion};
use tokio::io::AsyncWriteExt as _;

use super::receiver::{Receiver, read_request};
use super::tls_receiver::{self, Authority, Speaks, server};
use super::{egress, meet, post, request, send, told};

async fn answering() -> Receiver {
    Receiver::start(|mut stream| async move {
        loop {
            read_request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
        }
    })
    .await
}

#[tokio::test]
async fn a_first_request_has_its_phases_and_the_next_has_none() {
    let receiver = answering().await;
    let egress = egress();
    let url = format!("http://localhost:{}/", receiver.address.port());
    let first = send(&egress, request(&url)).await.trace;
    assert_eq!((first.remote, first.tls), (Some(receiver.address), None));
    assert_eq!((first.http, first.reused), (Some(HttpVersion::V1_1), false));
    let phases = [first.dns, first.connect, first.first_byte].map(Option::unwrap);
    assert!(phases.iter().sum::<std::time::Duration>() <= first.total, "{first:?}");
    assert_eq!(first.tls_handshake, None);

    let second = send(&egress, request(&url)).await.trace;
    assert!(second.reused && second.first_byte.is_some(), "{second:?}");
    assert_eq!((second.remote, second.http), (first.remote, first.http));
    assert_eq!((second.dns, second.connect, second.tls_handshake), (None, None, None));
    assert_eq!(receiver.accepted(), 1);
}

#[tokio::test]
async fn a_literal_address_is_not_looked_up() {
    let receiver = answering().await;
    let trace = send(&egress(), post(receiver.address)).await.trace;
    assert!(trace.dns.is_none() && trace.connect.is_some(), "{trace:?}");
}

#[tokio::test]
async fn tls_has_its_version_and_its_time() {
    let root = Authority::root("the root");
    let shown = root.sign(&server(&["localhost"]), &[]);
    let address = tls_receiver::start(&shown, &Speaks::default(), tls_receiver::answer);
    let settings = TlsSettings { ca: Some(root.certificate.pem()), client_certificate: None };
    let egress = egress().with_tls(&settings).unwrap();
    let url = format!("https://localhost:{}/", address.port());
    let first = send(&egress, request(&url)).await.trace;
    assert_eq!(first.tls, Some(TlsVersion::V1_3));
    assert!(first.tls_handshake.is_some() && first.http == Some(HttpVersion::V1_1), "{first:?}");
    let second = send(&egress, request(&url)).await.trace;
    assert!(second.reused && second.tls == first.tls, "{second:?}");
    assert_eq!(second.tls_handshake, None);
}

#[tokio::test]
async fn an_answer_in_http_1_0_is_told_as_such() {
    let receiver = Receiver::start(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await
    });
    let exchange = send(&egress(), post(receiver.await.address)).await;
    assert_eq!(exchange.trace.http.map(HttpVersion::as_str), Some("HTTP/1.0"));
}

#[tokio::test]
async fn a_failed_look_up_has_its_time_and_no_address() {
    let exchange = send(&egress(), request("http://nowhere.invalid/")).await;
    let (error, trace) = (exchange.result.unwrap_err(), exchange.trace);
    assert_eq!(error.kind, Resolve, "{error}");
    assert!(trace.dns.is_some() && trace.remote.is_none(), "{trace:?}");
    assert!(trace.connect.is_none() && trace.http.is_none(), "{trace:?}");
}

#[tokio::test]
async fn a_failure_after_the_connection_keeps_what_is_known() {
    let receiver = Receiver::start(|mut stream| async move { read_request(&mut stream).await });
    let receiver = receiver.await;
    let exchange = send(&egress(), post(receiver.address)).await;
    assert!(exchange.result.is_err());
    let trace = exchange.trace;
    assert_eq!((trace.remote, trace.reused), (Some(receiver.address), false));
    assert!(trace.connect.is_some() && trace.first_byte.is_none(), "{trace:?}");
    assert_eq!(trace.http, Some(HttpVersion::V1_1));
}

#[tokio::test]
async fn ways_out_with_tls_of_their_own_share_no_connection() {
    let receiver = answering().await;
    let base = egress();
    let other = base.with_tls(&TlsSettings::default()).unwrap();
    for egress in [&base, &other, &base.clone(), &other.clone()] {
        send(egress, post(receiver.address)).await.result.unwrap();
    }
    assert_eq!(receiver.accepted(), 2);
}

#[tokio::test]
async fn any_method_but_connect_is_sent() {
    for method in ["GET", "OPTIONS", "PUT", "DELETE", "PURGE"] {
        let receiver = answering().await;
        let mut request = post(receiver.address);
        request.method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = send(&egress(), request).await.result.unwrap();
        assert_eq!(response.status, StatusCode::OK, "{method}");
    }
}

#[tokio::test]
async fn an_error_page_is_kept_whole() {
    let page = "y".repeat(4096);
    let response = told(format!("HTTP/1.1 500 No\r\ncontent-length: 4096\r\n\r\n{page}")).await;
    assert_eq!(response.unwrap().excerpt, page.as_bytes());
    let none = meet(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await
    });
    assert_eq!(none.await.unwrap().excerpt, b"");
}
