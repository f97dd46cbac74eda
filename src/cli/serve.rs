//! `tidings serve`: runs the daemon until it is told to stop.
//!
//! Reads the configuration, sets up the log, starts the [`Server`], says where it listens, and
//! waits for a signal or for the store to fail. What the daemon does is not here.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::client::{complain, say};
use crate::clock::Clock;
use crate::config::{Config, Log, LogFormat, Overrides};
use crate::server::{DEV_KEY_FILE, Server};
use crate::store::StoreError;

/// The status after the store failed (`EX_IOERR` of sysexits.h): start again, and it recovers.
const EXIT_STORE_FAILED: u8 = 74;

const EXAMPLES: &str = "\
Examples:
  tidings serve --dev
      For development: allows http and loopback destinations, and makes a key for
      everything (DATA_DIR/dev-key, mode 0600).
  tidings serve --config /etc/tidings/tidings.toml
  TIDINGS_LISTEN=127.0.0.1:9000 TIDINGS_EGRESS_ALLOW=10.0.0.0/8 tidings serve

Flags win over TIDINGS_* variables, those over the file, and that over the defaults.
SIGTERM or Ctrl-C answers what is under way and stops; a second one stops at once. Nothing
acknowledged is lost either way. The status is 0 after a stop, 1 if it could not start, and
74 if the disk failed; start it again then.";

/// Arguments of `tidings serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIDINGS_CONFIG")]
    config: Option<PathBuf>,
    /// Keep everything in this directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Listen on this address [default: 127.0.0.1:4780]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Allow http and loopback destinations, and make a key for everything
    #[arg(long)]
    dev: bool,
}

/// Runs the daemon.
#[must_use]
pub fn run(args: ServeArgs) -> ExitCode {
    let overrides = Overrides { listen: args.listen, data_dir: args.data_dir, dev: args.dev };
    let environment = std::env::vars_os().filter_map(|(name, value)| text_pair(name, value));
    let config = match Config::load(args.config.as_deref(), environment, overrides) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    set_up_log(&config.log);
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    let status = runtime.block_on(serve(&config));
    // A look-up that hangs in the system's resolver holds a thread: it is not waited for.
    runtime.shutdown_background();
    status
}

/// A variable as text; one that is not UTF-8 can not be ours.
fn text_pair(name: OsString, value: OsString) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    complain(&format!("error: {error}"));
    ExitCode::FAILURE
}

/// The log goes to standard error: systemd's journal takes it from there.
fn set_up_log(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => {
            builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
        }
    }
}

/// Every connection takes a file descriptor; the soft limit of 1,024 is for programs that use
/// `select`.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        warn!("could not raise the limit of open files; many connections may be too many");
    }
}

async fn serve(config: &Config) -> ExitCode {
    let signals = signal(SignalKind::terminate()).and_then(|term| {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { term, interrupt })
    });
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => return refuse(&error),
    };
    let server = match Server::start(config, Clock::system()).await {
        Ok(server) => server,
        Err(error) => return refuse(&error),
    };
    announce(config, &server);
    let failure = tokio::select! {
        () = signals.next() => None,
        failure = server.failed() => Some(failure),
    };
    let grace = config.shutdown_grace;
    info!(grace_seconds = grace.as_secs(), "stopping");
    let stopped = tokio::select! {
        stopped = server.stop(grace) => stopped,
        () = signals.next() => {
            info!("told twice: stopping at once");
            return status(failure.as_ref());
        }
    };
    match stopped {
        Ok(()) => info!("stopped"),
        Err(error) => error!(%error, "stopped, but not cleanly"),
    }
    status(failure.as_ref())
}

fn announce(config: &Config, server: &Server) {
    let addr = server.addr();
    say(&format!(
        "tidings {} listens on http://{addr} and {}",
        env!("CARGO_PKG_VERSION"),
        server.socket().display()
    ));
    if let Some(key) = server.dev_key() {
        let path = config.data_dir.join(DEV_KEY_FILE);
        let key = if key.is_new { key.key.expose() } else { "the one made before" };
        say(&format!("key for everything (--dev, in {}): {key}", path.display()));
    }
    info!(listen = %addr, data_dir = %config.data_dir.display(), dev = config.dev, "started");
}

fn status(failure: Option<&StoreError>) -> ExitCode {
    match failure {
        None => ExitCode::SUCCESS,
        Some(error) => {
            error!(%error, "the store failed; everything acknowledged is on disk");
            ExitCode::from(EXIT_STORE_FAILED)
        }
    }
}

struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
