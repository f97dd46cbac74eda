//! The daemon: puts the parts together, serves them, and takes them apart again.
//!
//! Start: store, registries, outbox loop, listeners; a daemon that has started accepts events.
//! Stop: listeners close and requests under way are answered, then attempts under way end and are
//! recorded, then the writer ends and the file is closed. Whatever does not end in time is cut
//! off: everything acknowledged is on disk, and an attempt that was cut off is made again.

mod door;
mod loops;
mod parts;

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use self::door::Door;
use self::parts::Registries;
use crate::api::{Api, Parts, RateLimit};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::{self, Messages, Sender, Tasks, Tokens};
use crate::egress::EgressError;
use crate::master_key::MasterKeyError;
use crate::people::People;
use crate::profile;
use crate::replay::Replays;
use crate::secret::Secret;
use crate::store::{Store, StoreError, WriterHandle};

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
    /// Secrets can not be unsealed.
    MasterKey(MasterKeyError),
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
            Self::MasterKey(error) => error.fmt(f),
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
    writer: Option<WriterHandle>,
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
        let mut writer = Some(writer);
        let started = Self::assemble(config, clock, store, &mut writer).await;
        if let Some(writer) = writer {
            // The file can be opened again once the writer has let go of it.
            let ended = tokio::task::spawn_blocking(move || writer.join()).await;
            debug!(?ended, "did not start");
        }
        started
    }

    /// Puts the parts together; takes the writer once nothing can fail any more.
    async fn assemble(
        config: &Config,
        clock: Clock,
        store: Store,
        writer: &mut Option<WriterHandle>,
    ) -> Result<Self, StartError> {
        let mut registries = Registries::load(config, &store).await?;

        let (tcp, addr, unix, socket) = door::listen(config).await?;

        delivery::keep_ids_growing(&store).await?;
        profile::catch_up(&store).await?;
        let (deliveries, ingest) = registries.recording(config, &store, &clock)?;
        let base_url: Arc<str> = config.public_url_at(addr).as_str().trim_end_matches('/').into();
        let server = Self {
            addr,
            socket,
            dev_key: registries.dev_key.take(),
            store: store.clone(),
            writer: writer.take(),
            requests: TaskTracker::new(),
            deliveries: Tasks::default(),
            stop_requests: CancellationToken::new(),
        };
        let sender = Arc::new(Sender {
            store: store.clone(),
            egress: registries.egress.clone(),
            metrics: registries.metrics.clone(),
            clock: clock.clone(),
            account: registries.account.id,
            base_url: Arc::clone(&base_url),
            timeout: config.delivery.timeout,
            messages: Messages::default(),
            tokens: Tokens::default(),
        });
        let automation = registries.automation(config, (&store, &clock), (&deliveries, &ingest));
        let Registries { policy, egress, metrics, keys, webhooks, segments, account, .. } =
            registries;
        let parts = Parts {
            automation,
            forbidden_triggers: config.flows.forbidden_trigger_metrics.clone().into(),
            people: People::new(store.clone(), ingest.clone()),
            replays: Replays::new(metrics.clone(), webhooks.clone(), deliveries.clone()),
            store,
            ingest,
            metrics,
            webhooks,
            segments,
            deliveries,
            sender,
            keys,
            account,
            policy,
            egress,
            clock,
            base_url,
            allowed_hosts: parts::allowed_hosts(config),
            client: parts::client_access(config),
            rate_limit: RateLimit::new(
                config.rate_limit.requests_per_second,
                config.rate_limit.requests_per_minute,
            ),
        };
        loops::start(config, &parts, &server.deliveries);
        let api = Api::new(parts);
        Door::open(api, (tcp, unix), &server.requests, server.stop_requests.clone());
        Ok(server)
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
        let Some(writer) = writer else { return Ok(()) };
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

/// Makes the data directory, readable by its owner alone; one that exists stays as it is.
fn make_private(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}
