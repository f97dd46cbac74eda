//! `tidings flow` as people run it: the binary, its files, its output and its exit status; alone
//! where it simulates, and against a daemon for the rest.

mod daemon;
mod simulation;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a command said.
struct Told {
    status: i32,
    out: String,
    err: String,
}

impl Told {
    /// Its output, where it went well.
    fn good(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

/// Runs `tidings flow` with nothing but these arguments: no variable, no terminal.
async fn flow(args: &[&str]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.arg("flow").args(args).env_clear().stdin(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("nothing panics").expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told {
        status: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// A directory with files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory can be made"))
    }

    /// Writes a file, and returns its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        shown(&path)
    }

    fn write_json(&self, name: &str, value: &Value) -> String {
        self.write(name, &value.to_string())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
