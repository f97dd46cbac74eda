//! Servers to compare with and to deliver to: a no-op that parses what it gets, and a receiver
//! that counts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the no-op and the receiver do with a request's body.
type Handle = Arc<dyn Fn(&HeaderMap, &str, Bytes) -> StatusCode + Send + Sync>;

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server in this process; it ends with it.
pub(crate) struct Listening {
    pub(crate) addr: SocketAddr,
    tasks: JoinSet<()>,
}

/// Answers 202 to JSON, having parsed it and done nothing with it.
pub(crate) async fn noop() -> Listening {
    noop_on(ANY_PORT).await
}

/// The same on an address, for a process of its own.
pub(crate) async fn noop_on(addr: SocketAddr) -> Listening {
    listen(
        addr,
        Arc::new(|_, _, body| match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(document) if document.get("data").is_some() => StatusCode::ACCEPTED,
            _ => StatusCode::BAD_REQUEST,
        }),
    )
    .await
}

/// What a receiver has got.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) count: AtomicU64,
    /// The first message, to be posted again by the reference.
    pub(crate) first: Mutex<Option<(HeaderMap, Bytes)>>,
}

/// Takes deliveries.
pub(crate) async fn receiver(received: &Arc<Received>) -> Listening {
    receiver_on(ANY_PORT, received).await
}

/// The same on an address, to stand where another one stood.
pub(crate) async fn receiver_on(addr: SocketAddr, received: &Arc<Received>) -> Listening {
    let received = Arc::clone(received);
    listen(
        addr,
        Arc::new(move |headers, _, body| {
            if received.count.fetch_add(1, Ordering::Relaxed) == 0 {
                *received.first.lock().expect("no holder panics") = Some((headers.clone(), body));
            }
            StatusCode::OK
        }),
    )
    .await
}

async fn listen(addr: SocketAddr, handle: Handle) -> Listening {
    let listener = TcpListener::bind(addr).await.expect("the port is free");
    let addr = listener.local_addr().expect("it is bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&handle)));
        }
    });
    Listening { addr, tasks }
}

/// Serves one connection with the daemon's own settings.
async fn serve(stream: TcpStream, handle: Handle) {
    stream.set_nodelay(true).expect("the socket takes options");
    let service = service_fn(move |request: Request<Incoming>| {
        let handle = Arc::clone(&handle);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = handle(&head.headers, head.uri.path(), body);
            Ok::<_, hyper::Error>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).half_close(true).pipeline_flush(true);
    // A client that goes away ends its connection with an error, which is nobody's concern here.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}
