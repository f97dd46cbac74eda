//! The daemon: puts the parts together, serves them, and takes them apart again.
//!
//! Start: store, registries, outbox loop, listeners; a daemon that has started accepts events.
//! Stop: listeners close and requests under way are answered, then attempts under way end and are
//! recorded, then the writer ends and the file is closed. Whatever does not end in time is cut
//! off: everything acknowledged is on disk, and an attempt that was cut off is made again.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::account::{self, Account};
use crate::api::{Api, Parts, Peer, RateLimit};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::{Deliveries, Messages, Schedule, Sender, Tasks};
use crate::egress::{Egress, EgressError, Policy};
use crate::event::UniqueIds;
use crate::id::AccountId;
use crate::ingest::Ingest;
use crate::key::{KeyError, Keys, NewKey};
use crate::limits;
use crate::metric::{MetricError, Metrics};
use crate::secret::Secret;
use crate::store::{Store, StoreError, WriterHandle};
use crate::webhook::Webhooks;

/// The store's file in the data directory.
pub const STORE_FILE: &str = "tidings.redb";
/// The operator's socket in the data directory.
pub const SOCKET_FILE: &str = "tidings.sock";
/// The key of `--dev` in the data directory.
pub const DEV_KEY_FILE: &str = "dev-key";

/// Why a daemon did not start.
#[derive(Debug)]
pub enum StartError {
    /// The data directory can not be used.
    DataDir(PathBuf, io::Error),
    /// The store can not be opened.
    Store(StoreError),
    /// The address can not be listened on.
    Listen(String, io::Error),
    /// The way out can not be set up.
    Egress(EgressError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDir(path, error) => {
                write!(f, "cannot use the data directory {}: {error}", path.display())
            }
            Self::Store(error) => error.fmt(f),
            Self::Listen(at, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "cannot listen on {at}: something else listens there; choose another address with --listen"
                )
            }
            Self::Listen(at, error) => write!(f, "cannot listen on {at}: {error}"),
            Self::Egress(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The key of `--dev`, which stands in a file of the data directory.
#[derive(Clone, Debug)]
pub struct DevKey {
    /// The key.
    pub key: Secret,
    /// Whether this start made it; only then is it printed.
    pub is_new: bool,
}

/// A running daemon.
pub struct Server {
    addr: SocketAddr,
    socket: PathBuf,
    dev_key: Option<DevKey>,
    store: Store,
    writer: WriterHandle,
    requests: TaskTracker,
    deliveries: Tasks,
    stop_requests: CancellationToken,
}

impl Server {
    /// Starts a daemon on a store file in its data directory.
    ///
    /// # Errors
    /// What keeps it from starting; nothing is left running.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let directory = &config.data_dir;
        let unusable = |error| StartError::DataDir(directory.clone(), error);
        make_private(directory).map_err(unusable)?;
        let cache_bytes = usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX);
        let file = directory.join(STORE_FILE);
        let opened = Store::open(&file, cache_bytes, clock.clone())?;
        // It holds people's data and secrets, whatever the directory lets others see.
        fs::set_permissions(&file, Permissions::from_mode(0o600)).map_err(unusable)?;
        Self::start_on(config, clock, opened).await
    }

    /// Starts a daemon on a store that the caller opened.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(
        config: &Config,
        clock: Clock,
        (store, writer): (Store, WriterHandle),
    ) -> Result<Self, StartError> {
        let policy = Policy {
            allow: config.egress.allow.clone(),
            allow_http: config.egress.allow_http,
            allow_loopback: config.egress.allow_loopback,
        };
        let egress =
            Egress::new(policy.clone(), &config.egress.extra_ca).map_err(StartError::Egress)?;
        let metrics = Metrics::load(&store.snapshot()?)?;
        let keys = Keys::load(&store.snapshot()?)?;
        let webhooks = Webhooks::load(&store.snapshot()?, &policy)?;
        let unique_ids = UniqueIds::load(&store.snapshot()?, config.events.unique_id_window)?;
        let account = prepare(&store, &metrics, config).await?;
        let dev_key = if config.dev { Some(dev_key(&store, &keys, config).await?) } else { None };

        let (tcp, addr, unix, socket) = listen(config).await?;

        let deliveries = Deliveries::new(config.delivery.concurrency);
        let ingest = Ingest::new(
            store.clone(),
            metrics.clone(),
            webhooks.clone(),
            deliveries.clone(),
            unique_ids,
        )?;
        let base_url: Arc<str> = config.public_url_at(addr).as_str().trim_end_matches('/').into();
        let server = Self {
            addr,
            socket,
            dev_key,
            store: store.clone(),
            writer,
            requests: TaskTracker::new(),
            deliveries: Tasks::default(),
            stop_requests: CancellationToken::new(),
        };
        let sender = Sender {
            store: store.clone(),
            egress,
            metrics: metrics.clone(),
            clock: clock.clone(),
            account: account.id,
            base_url: Arc::clone(&base_url),
            timeout: config.delivery.timeout,
            messages: Messages::default(),
        };
        let schedule = Schedule(config.delivery.retry_schedule.clone());
        deliveries.start(sender, webhooks.clone(), schedule, &server.deliveries);
        let api = Api::new(Parts {
            store,
            ingest,
            metrics,
            webhooks,
            deliveries,
            keys,
            account,
            policy,
            clock,
            base_url,
            allowed_hosts: allowed_hosts(config),
            rate_limit: RateLimit::new(
                config.rate_limit.requests_per_second,
                config.rate_limit.requests_per_minute,
            ),
        });
        server.accept(api, tcp, unix);
        Ok(server)
    }

    /// Starts accepting connections on both listeners.
    fn accept(&self, api: Arc<Api>, tcp: TcpListener, unix: UnixListener) {
        let slots = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let door =
            Door { api, slots, tracker: self.requests.clone(), stop: self.stop_requests.clone() };
        let on_tcp = door.clone();
        self.requests.spawn(async move {
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
        self.requests.spawn(async move {
            while let Some(permit) = door.slot().await {
                let Some(accepted) = door.unless_stopped(unix.accept()).await else { return };
                match accepted {
                    Ok((stream, _)) => door.serve(stream, Peer::Operator, permit),
                    Err(error) => door.pause_after(&error).await,
                }
            }
        });
    }

    /// Where the API listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the operator's socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The key of `--dev`.
    #[must_use]
    pub const fn dev_key(&self) -> Option<&DevKey> {
        self.dev_key.as_ref()
    }

    /// Returns when the store has failed and the daemon must stop.
    pub async fn failed(&self) -> StoreError {
        self.store.failed().await
    }

    /// Stops: no more requests, no more attempts, the file closed. Waits at most `grace` for what
    /// is under way.
    ///
    /// # Errors
    /// Where something did not end in time, or the file can not be closed. What was acknowledged
    /// is on disk either way.
    pub async fn stop(self, grace: Duration) -> Result<(), StopError> {
        self.stop_requests.cancel();
        self.deliveries.stop.cancel();
        self.requests.close();
        self.deliveries.tracker.close();
        let ended = async {
            self.requests.wait().await;
            self.deliveries.tracker.wait().await;
        };
        let is_clean = tokio::time::timeout(grace, ended).await.is_ok();
        if let Err(error) = fs::remove_file(&self.socket) {
            debug!(%error, "could not remove the socket");
        }
        if !is_clean {
            return Err(StopError::TookTooLong(grace));
        }
        let Self { store, writer, .. } = self;
        drop(store);
        match tokio::task::spawn_blocking(move || writer.join()).await {
            Ok(joined) => joined.map_err(StopError::Store),
            Err(_) => Err(StopError::Store(StoreError::Stopped)),
        }
    }
}

/// Why a daemon did not stop cleanly.
#[derive(Debug)]
pub enum StopError {
    /// Requests or attempts were still under way.
    TookTooLong(Duration),
    /// The file could not be closed.
    Store(StoreError),
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TookTooLong(grace) => write!(
                f,
                "attempts were still under way after {} s; they will be made again",
                grace.as_secs()
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// What both listeners share.
#[derive(Clone)]
struct Door {
    api: Arc<Api>,
    slots: Arc<Semaphore>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Door {
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
async fn listen(
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

/// Makes the data directory, readable by its owner alone; one that exists stays as it is.
fn make_private(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
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

/// What every start makes sure of: the first-party metrics and the account.
async fn prepare(store: &Store, metrics: &Metrics, config: &Config) -> Result<Account, StartError> {
    let configured: Option<AccountId> =
        config.account.public_api_key.as_ref().and_then(|text| text.parse().ok());
    let metrics = metrics.clone();
    let id = store
        .commit(move |tx| {
            match metrics.seed(tx) {
                Ok(()) | Err(MetricError::TooMany) => {}
                Err(MetricError::Store(error)) => return Err(error),
            }
            account::id(tx, configured)
        })
        .await?;
    let from = &config.account;
    Ok(Account {
        id,
        organization_name: from.organization_name.clone(),
        default_sender_name: from.default_sender_name.clone().unwrap_or_default(),
        default_sender_email: from.default_sender_email.clone().unwrap_or_default(),
        website_url: from.website_url.as_ref().map(ToString::to_string),
        industry: from.industry.clone(),
        timezone: from.timezone.clone(),
        preferred_currency: from.preferred_currency.clone(),
        locale: from.locale.clone(),
    })
}

/// The key of `--dev`: the one in its file while it is good, else a new one.
async fn dev_key(store: &Store, keys: &Keys, config: &Config) -> Result<DevKey, StartError> {
    let path = config.data_dir.join(DEV_KEY_FILE);
    let written = fs::read_to_string(&path).unwrap_or_default();
    let written = written.trim();
    if keys.find(written).is_some() {
        return Ok(DevKey { key: Secret::new(written.to_owned()), is_new: false });
    }
    let registry = keys.clone();
    let made = store.commit(move |tx| registry.create(tx, NewKey::full("dev"))).await;
    let (_, key) = made.map_err(|error| match error {
        KeyError::Store(error) => StartError::Store(error),
        other => StartError::Store(StoreError::Failed(format!("{other:?}").into())),
    })?;
    write_private(&path, key.expose()).map_err(|error| StartError::DataDir(path, error))?;
    Ok(DevKey { key, is_new: true })
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{text}")
}

/// The names that requests may be addressed to, besides loopback's.
fn allowed_hosts(config: &Config) -> Vec<String> {
    let public = config.public_url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
    config.allowed_hosts.iter().map(ToString::to_string).chain(public).collect()
}
