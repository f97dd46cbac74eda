//! The door: both listeners, and the connections that they accept.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::{SOCKET_FILE, StartError};
use crate::api::{Api, Peer};
use crate::config::Config;
use crate::limits;

/// What both listeners share.
#[derive(Clone)]
pub(super) struct Door {
    api: Arc<Api>,
    slots: Arc<Semaphore>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// Starts accepting connections on both listeners.
    pub(super) fn open(
        api: Arc<Api>,
        (tcp, unix): (TcpListener, UnixListener),
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let door = Self { api, slots, tracker: tracker.clone(), stop };
        let on_tcp = door.clone();
        tracker.spawn(async move {
            while let Some(permit) = on_tcp.slot().await {
                let Some(accepted) = on_tcp.unless_stopped(tcp.accept()).await else { return };
                match accepted {
                    Ok((stream, _)) => {
                        if let Err(error) = stream.set_nodelay(true) {
                            debug!(%error, "could not set TCP_NODELAY");
                        }
                        on_tcp.serve(stream, Peer::Tcp, permit);
                    }
                    Err(error) => on_tcp.pause_after(&error).await,
                }
            }
        });
        tracker.spawn(async move {
            while let Some(permit) = door.slot().await {
                let Some(accepted) = door.unless_stopped(unix.accept()).await else { return };
                match accepted {
                    Ok((stream, _)) => door.serve(stream, Peer::Operator, permit),
                    Err(error) => door.pause_after(&error).await,
                }
            }
        });
    }

    /// Waits for room for one more connection; `None` at the end.
    async fn slot(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.slots).acquire_owned();
        self.unless_stopped(permit).await.and_then(Result::ok)
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.stop.cancelled() => None,
        }
    }

    /// Out of file descriptors, most likely: let some close.
    async fn pause_after(&self, error: &io::Error) {
        warn!(%error, "could not accept a connection");
        self.unless_stopped(tokio::time::sleep(limits::ACCEPT_PAUSE)).await;
    }

    fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
        permit: tokio::sync::OwnedSemaphorePermit,
    ) {
        let (api, stop) = (Arc::clone(&self.api), self.stop.clone());
        self.tracker.spawn(async move {
            let service = service_fn(move |request| {
                let api = Arc::clone(&api);
                async move { Ok::<_, std::convert::Infallible>(api.handle(peer, request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::REQUEST_HEAD_DEADLINE)
                .max_buf_size(limits::REQUEST_HEAD_BYTES_MAX)
                .half_close(true)
                .pipeline_flush(true)
                // Two of the official SDKs look `Retry-After` up in exactly this spelling.
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
}

/// Opens both listeners; returns where they listen.
pub(super) async fn listen(
    config: &Config,
) -> Result<(TcpListener, SocketAddr, UnixListener, PathBuf), StartError> {
    let on_tcp = |error| StartError::Listen(config.listen.to_string(), error);
    let tcp = TcpListener::bind(config.listen).await.map_err(on_tcp)?;
    let addr = tcp.local_addr().map_err(on_tcp)?;
    let socket = config.data_dir.join(SOCKET_FILE);
    let unix = bind_private(&socket)
        .map_err(|error| StartError::Listen(socket.display().to_string(), error))?;
    Ok((tcp, addr, unix, socket))
}

/// Listens on a socket that only its owner may open. A file left by a daemon that was killed is
/// replaced: the store's lock says that no other daemon runs here.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}
