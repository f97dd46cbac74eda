//! Why a worker ended, as far as its status and its last words tell: a pure decision.
//!
//! The last words were written by what may be an attacker and may hold people's data, so they are
//! only looked at for the sentences of the standard library, and of a panic the place is shown.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use crate::limits::{WORKER_CPU_SECONDS_MAX, WORKER_MEMORY_BYTES_MAX, WORKER_STACK_BYTES_MAX};

const MIB: u64 = 1024 * 1024;

/// What ended the worker, as the rest of a sentence about it.
pub(super) fn cause(status: Option<ExitStatus>, last_words: &str) -> String {
    let Some(status) = status else {
        return "it hung up without ending and was stopped".to_owned();
    };
    if last_words.contains("has overflowed its stack") {
        return format!("its stack of {} MiB overflowed", WORKER_STACK_BYTES_MAX / MIB);
    }
    if last_words.contains("memory allocation of ") {
        return format!("it ran out of its {} MiB of memory", WORKER_MEMORY_BYTES_MAX / MIB);
    }
    if let Some(place) = panic_place(last_words) {
        return format!("it panicked at {place}");
    }
    match (status.signal(), status.code()) {
        (Some(libc::SIGKILL), _) => format!(
            "it was killed, by its limit of {WORKER_CPU_SECONDS_MAX} s of CPU time or because the \
             host ran out of memory"
        ),
        (Some(signal), _) => format!("signal {signal} ended it"),
        (None, Some(code)) => format!("it ended with status {code}"),
        (None, None) => "it ended".to_owned(),
    }
}

/// The file, line and column of a panic, where they look like ones.
fn panic_place(last_words: &str) -> Option<&str> {
    let (_, after) = last_words.split_once("panicked at ")?;
    let place = after.split(['\n', ' ']).next()?.trim_end_matches(':');
    let is_place = |c: char| c.is_ascii_alphanumeric() || "/._-:".contains(c);
    (!place.is_empty() && place.len() <= 200 && place.chars().all(is_place)).then_some(place)
}

/// What a worker complained about before it was ready, when nobody else's text was in it yet: the
/// first line, without what could disturb a terminal or a log.
pub(super) fn complaint(last_words: &str) -> Option<String> {
    let line = last_words.lines().find(|line| !line.trim().is_empty())?;
    let plain = line.trim().trim_start_matches("error: ").chars().filter(|c| !c.is_control());
    Some(plain.take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_and_the_last_words_tell_why() {
        let signal = |signal| Some(ExitStatus::from_raw(signal));
        let status = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let panic = "\nthread 'main' panicked at src/a-b/c.rs:7:9:\nsecret of Ada\n";
        let overflow = "\nthread 'main' has overflowed its stack\nfatal runtime error";
        for (status, last_words, expected) in [
            (signal(6), overflow, "its stack of 8 MiB overflowed"),
            (
                signal(6),
                "memory allocation of 9 bytes failed",
                "it ran out of its 256 MiB of memory",
            ),
            (status(101), panic, "it panicked at src/a-b/c.rs:7:9"),
            (status(101), "panicked at \u{1b}[31m:1", "it ended with status 101"),
            (signal(11), "", "signal 11 ended it"),
            (signal(6), "people's data", "signal 6 ended it"),
            (status(0), "", "it ended with status 0"),
            (None, "", "it hung up without ending and was stopped"),
        ] {
            assert_eq!(cause(status, last_words), expected, "{last_words}");
        }
        assert!(cause(signal(9), "").contains("CPU time"));
    }

    #[test]
    fn a_complaint_is_one_plain_line() {
        assert_eq!(complaint("\n error: no\u{7} way \nmore").as_deref(), Some("no way"));
        assert_eq!(complaint(" \n"), None);
        assert_eq!(complaint(&"x".repeat(9_000)).map(|text| text.len()), Some(300));
    }
}
