//! The real binary as a child process that is killed, never asked to stop.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A daemon; killed by its process id at the latest when it is dropped.
pub(super) struct Daemon {
    child: Child,
    key_file: PathBuf,
}

/// What a daemon that has started says on its standard output.
pub(super) struct Started {
    pub(super) addr: String,
    pub(super) key: String,
}

impl Daemon {
    /// Starts the process; it may be killed before it has said anything.
    pub(super) fn spawn(data_dir: &Path, log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env("TIDINGS_DELIVERY_RETRY_SCHEDULE", "1s,1s,1s,1s,1s")
            .env("TIDINGS_LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, key_file: data_dir.join("dev-key") }
    }

    /// Waits for the two lines of a start; `None` where the process ended instead.
    pub(super) fn started(&mut self) -> Option<Started> {
        let mut lines = BufReader::new(self.child.stdout.take()?).lines().map_while(Result::ok);
        let listens = lines.next()?;
        let addr = listens.split_once("http://")?.1.split(' ').next()?.to_owned();
        lines.next()?;
        let key = std::fs::read_to_string(&self.key_file).ok()?.trim().to_owned();
        Some(Started { addr, key })
    }

    /// `kill -9`, and the end of the process.
    pub(super) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}
