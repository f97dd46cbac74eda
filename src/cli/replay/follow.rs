//! `tidings replay show --follow`: looks at a replay again and again until it stops, and draws a
//! line about it on a terminal.
//!
//! The line goes to standard error, and only where a person sits; what is asked for, the replay
//! itself, comes at the end. The exit status tells whether it was completed.

use std::io::{self, Write as _};
use std::time::Duration;

use super::text::{Attributes, bar, fields, percent};
use super::{Replay, path};
use crate::cli::client::{CliError, Report, Session};
use crate::cli::table::until;
use crate::clock::Timestamp;
use crate::id::ReplayId;
use crate::limits::REPLAY_FOLLOWED_EVERY;

/// Returns to the beginning of the line and clears it.
const AGAIN: &str = "\r\x1b[2K";

/// What was seen of a replay at some moment.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Timestamp,
    progress: f64,
    scheduled: u64,
}

impl Seen {
    fn of(replay: &Attributes, at: Timestamp) -> Self {
        Self { at, progress: replay.progress, scheduled: replay.scheduled_count }
    }
}

/// Follows the replay until it is completed, or does not go on by itself.
pub(super) async fn perform(session: &Session, id: ReplayId) -> Result<Report, CliError> {
    let path = path(&id.to_string());
    let mut first = None;
    loop {
        let answer = session.get(&path).await?;
        let replay: Replay = answer.parse()?;
        let of = &replay.data.attributes;
        if !of.is_running() {
            draw(session, AGAIN);
            let failed = !of.is_completed();
            let report = session.report(&answer, |it| fields(&it).text(session.colours))?;
            return Ok(Report { failed, ..report });
        }
        let now = Seen::of(of, session.clock.now());
        draw(session, &format!("{AGAIN}{}", line(first.get_or_insert(now), &now)));
        tokio::time::sleep(REPLAY_FOLLOWED_EVERY).await;
    }
}

/// Where the terminal is gone there is nobody left to draw for.
fn draw(session: &Session, text: &str) {
    if session.interactive {
        let mut stderr = io::stderr();
        write!(stderr, "{text}").and_then(|()| stderr.flush()).unwrap_or_default();
    }
}

/// How far it is, how fast it went since `first`, and when it ends if it goes on so.
fn line(first: &Seen, now: &Seen) -> String {
    let mut line =
        format!("{} {}  {} scheduled", bar(now.progress), percent(now.progress), now.scheduled);
    if let Some(rate) = rate(first, now) {
        line.push_str(&format!(", {rate} a second"));
    }
    if let Some(left) = left(first, now) {
        line.push_str(&format!(", ends {}", until(now.at.plus(left), now.at)));
    }
    line
}

fn rate(first: &Seen, now: &Seen) -> Option<u64> {
    let elapsed = u64::try_from(now.at.since(first.at).as_millis()).ok()?;
    let scheduled = now.scheduled.saturating_sub(first.scheduled);
    scheduled.saturating_mul(1_000).checked_div(elapsed)
}

fn left(first: &Seen, now: &Seen) -> Option<Duration> {
    let passed = now.progress - first.progress;
    let elapsed = now.at.since(first.at).as_secs_f64();
    if passed <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64((1.0 - now.progress).max(0.0) * elapsed / passed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_share_rate_and_end() {
        let seen = |second, progress, scheduled| Seen {
            at: Timestamp::from_seconds(second),
            progress,
            scheduled,
        };
        let first = seen(100, 0.25, 1_000);
        for (now, expected) in [
            (first, "[######..................] 25%  1000 scheduled"),
            (seen(110, 0.25, 1_000), "[######..................] 25%  1000 scheduled, 0 a second"),
            (
                seen(110, 0.5, 2_000),
                "[############............] 50%  2000 scheduled, 100 a second, ends in 20 s",
            ),
            (
                seen(110, 0.999, 2_005),
                "[#######################.] 99%  2005 scheduled, 100 a second, ends now",
            ),
        ] {
            assert_eq!(line(&first, &now), expected);
        }
    }
}
