//! Processes of their own, for what only a process has: CPU time, memory, bytes written, death.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tidings::clock::Stopwatch;
use tidings::server::DEV_KEY_FILE;

/// The kernel counts CPU time in hundredths of a second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
/// Set in a child that is to be the no-op server, on the given address.
const NOOP: &str = "TIDINGS_BENCH_NOOP";
const START_TAKES_AT_MOST: Duration = Duration::from_secs(60);

/// A child process, killed when dropped.
pub(crate) struct Process {
    pub(crate) addr: SocketAddr,
    /// The key of the daemon; empty for the no-op.
    pub(crate) key: String,
    child: Child,
}

impl Process {
    /// The daemon, from the binary under test. Returns once it answers.
    pub(crate) async fn daemon(directory: &Path, settings: &[(&str, &str)]) -> Self {
        let addr = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command.args(["serve", "--dev", "--listen", &addr.to_string(), "--data-dir"]);
        command.arg(directory).env("TIDINGS_LOG_LEVEL", "error").envs(settings.iter().copied());
        let mut process = Self::start(command, addr);
        process.answers().await;
        let key = fs::read_to_string(directory.join(DEV_KEY_FILE)).expect("--dev makes a key");
        key.trim().clone_into(&mut process.key);
        process
    }

    /// The no-op server: this very binary, told to be it.
    pub(crate) async fn noop() -> Self {
        let addr = free_address();
        let mut command = Command::new(std::env::current_exe().expect("this file exists"));
        command.env(NOOP, addr.to_string());
        let process = Self::start(command, addr);
        process.answers().await;
        process
    }

    fn start(mut command: Command, addr: SocketAddr) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self { addr, key: String::new(), child: child.expect("the binary starts") }
    }

    async fn answers(&self) {
        let watch = Stopwatch::start();
        while tokio::net::TcpStream::connect(self.addr).await.is_err() {
            assert!(watch.elapsed() < START_TAKES_AT_MOST, "the child does not listen");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// CPU time of all its threads so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        // The name in parentheses may hold spaces; user and system time are the 14th and 15th
        // fields of the line, so the 12th and 13th after it.
        let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
        let ticks = fields.split_whitespace().skip(11).take(2).map(number);
        ticks.sum::<f64>() / TICKS_PER_SECOND
    }

    /// Bytes it caused to be written to the disk so far.
    pub(crate) fn written_bytes(&self) -> f64 {
        self.line("io", "write_bytes:")
    }

    /// Its memory now.
    pub(crate) fn resident_bytes(&self) -> f64 {
        self.line("status", "VmRSS:") * 1024.0
    }

    fn line(&self, file: &str, name: &str) -> f64 {
        let text = self.proc(file);
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.split_whitespace().next()).map_or(f64::NAN, number)
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(path).expect("the child runs")
    }

    /// SIGKILL, and the wait until it is gone.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where this process is to be the no-op server, if it is a child of a bench.
pub(crate) fn noop_address() -> Option<SocketAddr> {
    std::env::var(NOOP).ok()?.parse().ok()
}

/// A port nobody listens on right now.
pub(crate) fn free_address() -> SocketAddr {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.expect("a port is free")
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}
