//! Programs that pretend to be workers: nothing they say makes the daemon hang, panic or believe.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tidings::limits::WORKER_FRAME_BYTES_MAX;
use tidings::sandbox::{RenderError, Sandbox, Settings};

use super::{IMPATIENT, PATIENT, assert_renders, context, settings, showing};
use crate::harness::eventually;

/// A shell script as the program of workers. It has no environment, so only what the shell itself
/// can do.
struct Fake {
    folder: TempDir,
}

impl Fake {
    fn new(script: &str) -> Self {
        let fake = Self { folder: TempDir::new().expect("there is a temporary directory") };
        fake.becomes(script);
        fake
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("worker")
    }

    /// Replaces the script. Another process writes it: were it this one, a child that a test beside
    /// this one starts could hold it open, and what is written cannot be run.
    fn becomes(&self, script: &str) {
        let mut writer = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\""])
            .arg(self.program())
            .stdin(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut input = writer.stdin.take().expect("it is a pipe");
        write!(input, "#!/bin/sh\n{script}\n").expect("the shell reads");
        drop(input);
        assert!(writer.wait().expect("it ends").success());
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::new(Settings { program: self.program(), ..settings(1, IMPATIENT) })
    }
}

/// The command by which a script sends a frame.
fn frame(kind: u8, announced: usize, payload: &str) -> String {
    let length = u32::try_from(announced).expect("it fits").to_le_bytes();
    let head: String = [kind].iter().chain(&length).map(|byte| format!("\\{byte:03o}")).collect();
    format!("printf '{head}%s' '{payload}' >&0")
}

const READY: u8 = 65;
const RENDERED: u8 = 66;
const CHECKED: u8 = 67;

fn ready(version: &str) -> String {
    let payload = format!(r#"{{"version":"{version}","landlock":"Full"}}"#);
    frame(READY, payload.len(), &payload)
}

/// A script that is ready, and then does this.
fn ready_then(script: &str) -> String {
    format!("{}\n{script}", ready(env!("CARGO_PKG_VERSION")))
}

/// Waits until the daemon hangs up; `read` alone ends at the first line.
const WAIT: &str = "while read -r line; do :; done";

async fn render_by(script: &str) -> RenderError {
    let fake = Fake::new(script);
    let sandbox = fake.sandbox();
    let error = sandbox.render(&showing(), &context(1)).await.expect_err("it is no worker");
    sandbox.stop().await;
    error
}

#[tokio::test]
async fn who_is_not_ready_is_no_worker() {
    for (script, expected) in [
        ("exit 3".to_owned(), "it ended with status 3"),
        ("echo 'error: a reason' >&2; exit 1".to_owned(), "not ready: a reason"),
        (format!("printf '\\101\\001' >&0; exec 0<&-; {WAIT}"), "it ended with status"),
        (ready("0.0.0"), "is version \"0.0.0\" and not"),
        (frame(CHECKED, 2, "{}"), "does not speak like a worker"),
        (frame(READY, 2, "{}"), "does not speak like a worker"),
        (frame(READY, WORKER_FRAME_BYTES_MAX + 1, ""), "does not speak like a worker"),
        ("printf 'HTTP/1.1 200 OK' >&0".to_owned(), "does not speak like a worker"),
        (WAIT.to_owned(), "was not ready within 5s"),
    ] {
        let error = render_by(&script).await;
        assert!(matches!(error, RenderError::Unavailable(_)), "{script}: {error:?}");
        assert!(error.to_string().contains(expected), "{script}: {error}");
    }
}

#[tokio::test]
async fn whose_answer_is_none_is_ended() {
    let long = frame(RENDERED, WORKER_FRAME_BYTES_MAX + 1, "");
    for (script, expected) in [
        (format!("{long}; {WAIT}"), "a frame of 8388609 bytes, where 8388608 are allowed"),
        (format!("{}; {WAIT}", frame(99, 0, "")), "a frame of the unknown kind 99"),
        (format!("{}; {WAIT}", frame(CHECKED, 2, "{}")), "a frame of the kind Checked"),
        (format!("{}; {WAIT}", frame(RENDERED, 2, "{}")), "JSON that does not fit"),
        (format!("{}; {WAIT}", frame(RENDERED, 4, "\"\\n\"")), "JSON that does not fit"),
        (frame(RENDERED, 900, "{\"url\""), "it ended with status 0"),
        ("printf '\\102' >&0; exit 5".to_owned(), "it ended with status 5"),
        ("kill -9 $$".to_owned(), "it was killed"),
        (format!("exec 0<&-; while :; do :; done; {WAIT}"), "it hung up without ending"),
    ] {
        let error = render_by(&ready_then(&script)).await;
        assert!(matches!(error, RenderError::Died(_)), "{script}: {error:?}");
        assert!(error.to_string().contains(expected), "{script}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_stays_away_is_too_late() {
    for script in [WAIT.to_owned(), format!("{}; {WAIT}", frame(RENDERED, 900, "{"))] {
        let error = render_by(&ready_then(&script)).await;
        assert_eq!(error, RenderError::TooLong(IMPATIENT), "{script}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_clear_sentence() {
    let missing = PathBuf::from("/nowhere/tidings");
    let sandbox = Sandbox::new(Settings { program: missing, ..settings(2, PATIENT) });
    let error = sandbox.start().await.expect_err("there is no such program");
    assert_eq!(
        error.to_string(),
        "there is no worker to run it: cannot start `/nowhere/tidings`: No such file or directory \
         (os error 2)"
    );
    sandbox.stop().await;
}

/// How often the failing program was started.
fn starts(fake: &Fake) -> usize {
    fs::read_to_string(fake.program().with_extension("starts"))
        .map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn a_program_that_fails_is_not_started_in_a_storm_and_works_again_once_repaired() {
    let fake = Fake::new("echo >> \"$0.starts\"; exit 1");
    let sandbox = fake.sandbox();
    for _ in 0..1_000 {
        let error = sandbox.render(&showing(), &context(1)).await.expect_err("there is no worker");
        assert!(matches!(error, RenderError::Unavailable(_)), "{error:?}");
    }
    assert!((1..20).contains(&starts(&fake)), "{} starts", starts(&fake));
    fake.becomes(&format!("exec {} worker", env!("CARGO_BIN_EXE_tidings")));
    eventually("a worker starts", async || sandbox.start().await.ok()).await;
    assert_renders(&sandbox, 2).await;
    sandbox.stop().await;
}
