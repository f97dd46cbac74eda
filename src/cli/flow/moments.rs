//! Timelines of runs as a table: when, how long after the beginning, where, what. Pure; `run` and
//! `simulate` show them.

use std::time::Duration;

use crate::cli::table::{Cell, Table};
use crate::clock::Timestamp;

/// A moment of a timeline.
pub(super) struct Told<'a> {
    /// When it was.
    pub(super) at: Timestamp,
    /// When the run began.
    pub(super) start: Timestamp,
    /// Where it was.
    pub(super) action: &'a str,
    /// Its name in the API.
    pub(super) event: &'a str,
    /// What it was, in a sentence.
    pub(super) detail: &'a str,
}

/// An empty timeline.
pub(super) fn timeline() -> Table {
    Table::new(&["AT", "AFTER", "ACTION", "WHAT"])
}

/// A row of a timeline.
pub(super) fn row(told: &Told<'_>) -> Vec<Cell> {
    // A reason can be an outline of several lines.
    let lines: Vec<&str> = told.detail.lines().map(str::trim).collect();
    let detail = lines.join("; ");
    let what = match told.event {
        "finished" | "approved" => Cell::good(&detail),
        "failed" => Cell::bad(&detail),
        "skipped" | "discarded" | "cancelled" => Cell::faint(&detail),
        _ => Cell::plain(&detail),
    };
    let after = apart(told.at.since(told.start));
    vec![
        Cell::moment(Some(&told.at.rfc3339_micros())),
        Cell::faint(&after),
        Cell::plain(told.action),
        what,
    ]
}

/// How long after, in the two largest units.
fn apart(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = time.as_secs();
    let mut parts = Vec::new();
    for (seconds, unit) in UNITS {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "+0 s".to_owned() } else { format!("+{}", parts.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_after_is_told_in_two_units() {
        for (seconds, expected) in [
            (0, "+0 s"),
            (59, "+59 s"),
            (61, "+1 min 1 s"),
            (3_600, "+1 h"),
            (3_601, "+1 h"),
            (2 * 86_400 + 3 * 3_600 + 5, "+2 d 3 h"),
        ] {
            assert_eq!(apart(Duration::from_secs(seconds)), expected);
        }
    }
}
