//! This test binary, run once more for a single test: in a process, or a world, of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tidings::clock::Stopwatch;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The arguments by which the binary runs just the test with this full name, and shows its output.
pub(crate) fn only(test: &str) -> [&str; 5] {
    [test, "--exact", "--nocapture", "--test-threads", "1"]
}

/// Runs `command` to its end, or kills it when it overruns; `Ok` where it succeeded.
pub(crate) fn run(command: &mut Command, within: Duration) -> Result<(), String> {
    let child = command.stdin(Stdio::null()).spawn();
    let mut child = Killed(child.map_err(|error| format!("cannot start: {error}"))?);
    let watch = Stopwatch::start();
    while watch.elapsed() < within {
        match child.0.try_wait() {
            Ok(None) => std::thread::sleep(LOOK_EVERY),
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("failed: {status}")),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
    Err(format!("still running after {within:?}, and killed"))
}

/// A child that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
