//! The daemon's configuration: flags over `TIDINGS_*` variables over one TOML file over defaults.
//!
//! [`Config::load`] is called once, at the start; what it returns is checked and final. It reads
//! the file and nothing else: the environment is handed in. Whatever nothing reads is refused,
//! with a suggestion, because a misspelt key that is silently ignored is found too late.
//!
//! A key is added by a field here or in `sections`, the line of the `read` beneath that fills it,
//! and a paragraph in `packaging/tidings.toml`, which a test holds equal to the defaults. The
//! variable of `egress.allow` is `TIDINGS_EGRESS_ALLOW`; a list there is written with commas or
//! as a TOML array.
//!
//! `raw` parses the file, `keys` layers and finds strangers, `kinds` parses values.

mod error;
mod keys;
mod kinds;
mod raw;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

pub use self::error::{ConfigError, Position};
use self::keys::Keys;
use self::raw::RawFile;
pub use self::sections::{
    Account, Client, Delivery, Egress, Events, Flows, Log, LogFormat, RateLimit, Sandbox, Secrets,
    Store,
};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4780);
/// Most attempts under way end well within it, the others are repeated after the next start;
/// shorter than the 90 s after which systemd kills.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// Entries of a list for which no smaller number is documented.
const LIST_ENTRIES_MAX: usize = 256;

/// Everything an operator decides, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the TCP listener binds; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The directory of the store and all that lies beside it.
    pub data_dir: PathBuf,
    /// The base of links, ending in a slash; see [`Config::public_url_at`] for its default.
    pub public_url: Option<Url>,
    /// Hosts accepted in the `Host` header besides those of `listen` and `public_url`.
    pub allowed_hosts: Vec<Host>,
    /// A developer's machine: deliveries to plain http and to loopback are allowed.
    pub dev: bool,
    /// How long a stop waits for requests and attempts under way.
    pub shutdown_grace: Duration,
    /// `[account]`
    pub account: Account,
    /// `[egress]`
    pub egress: Egress,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[events]`
    pub events: Events,
    /// `[flows]`
    pub flows: Flows,
    /// `[sandbox]`
    pub sandbox: Sandbox,
    /// `[client]`
    pub client: Client,
    /// `[rate_limit]`
    pub rate_limit: RateLimit,
    /// `[secrets]`
    pub secrets: Secrets,
    /// `[store]`
    pub store: Store,
    /// `[log]`
    pub log: Log,
}

/// What the command line says; it wins over everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--dev`; absent, the other layers decide.
    pub dev: bool,
}

impl Config {
    /// Layers flags over the environment over the file over the defaults.
    ///
    /// # Errors
    ///
    /// The first mistake, in the order of the file and then of the environment. A named file
    /// that cannot be read is one.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let file = file.map(RawFile::read).transpose()?.unwrap_or_default();
        let env: BTreeMap<String, String> = env.into_iter().collect();
        let data_dir = default_data_dir(&env).unwrap_or_default();
        let mut keys = Keys::new(file, env);
        let config = Self::read(&mut keys, overrides, data_dir);
        keys.finish()?;
        if config.data_dir.as_os_str().is_empty() {
            return Err(ConfigError::NoDataDir);
        }
        Ok(config)
    }

    /// The defaults, with the data in `data_dir`: for tests and the demo.
    #[must_use]
    pub fn default_for(data_dir: PathBuf) -> Self {
        Self::read(&mut Keys::default(), Overrides::default(), data_dir)
    }

    /// The base of links: `public_url`, or plain http to `bound`, the address really listened on.
    /// An unspecified address, which nobody can visit, becomes `localhost`.
    #[must_use]
    pub fn public_url_at(&self, bound: SocketAddr) -> Url {
        let derived = || {
            let port = bound.port();
            let authority = match bound.ip() {
                ip if ip.is_unspecified() => format!("localhost:{port}"),
                ip => SocketAddr::new(ip, port).to_string(),
            };
            Url::parse(&format!("http://{authority}/")).expect("an address and a port make a URL")
        };
        self.public_url.clone().unwrap_or_else(derived)
    }

    /// Asks for every key; unconditionally, since asking is what makes a key known.
    fn read(keys: &mut Keys, flags: Overrides, data_dir: PathBuf) -> Self {
        let listen = keys.text("listen", kinds::ADDRESS).unwrap_or(LISTEN);
        let data_dir = keys.text("data_dir", kinds::PATH).unwrap_or(data_dir);
        let dev = keys.flag("dev").unwrap_or(false) || flags.dev;
        let grace = keys.whole("shutdown_grace_seconds", 1..=300);
        Self {
            listen: flags.listen.unwrap_or(listen),
            data_dir: flags.data_dir.unwrap_or(data_dir),
            public_url: keys.text("public_url", kinds::BASE_URL),
            allowed_hosts: keys
                .list("allowed_hosts", LIST_ENTRIES_MAX, kinds::HOST)
                .unwrap_or_default(),
            dev,
            shutdown_grace: grace.map_or(SHUTDOWN_GRACE, Duration::from_secs),
            account: Account::read(keys),
            egress: Egress::read(keys, dev),
            delivery: Delivery::read(keys),
            events: Events::read(keys),
            flows: Flows::read(keys),
            sandbox: Sandbox::read(keys),
            client: Client::read(keys),
            rate_limit: RateLimit::read(keys),
            secrets: Secrets::read(keys),
            store: Store::read(keys),
            log: Log::read(keys),
        }
    }
}

/// Where the data goes if nothing says otherwise: systemd's state directory (the first, should a
/// unit name several), else the user's. The XDG specification has relative paths ignored.
fn default_data_dir(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = env.get("STATE_DIRECTORY").and_then(|paths| paths.split(':').next());
    state
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| absolute("XDG_DATA_HOME").map(|data| data.join("tidings")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share/tidings")))
}
