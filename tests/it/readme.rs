//! The README's tables of defaults, held to the constants and to the two documents that name what
//! changes them. Its prose is not judged here.

use std::time::Duration;

use tidings::clock::format_duration as long;
use tidings::config::{Config, Overrides};
use tidings::limits;
use tidings::webhook::Schedule;

use crate::harness::Daemon;

const README: &str = include_str!("../../README.md");
const CONFIGURATION: &str = include_str!("../../packaging/tidings.toml");

fn defaults() -> Config {
    let overrides = Overrides { listen: None, data_dir: Some("data".into()), dev: false };
    Config::load(None, [], overrides).expect("nothing is wrong with nothing")
}

/// The rows of the table of defaults: what, default, bounds, changed by.
fn rows() -> Vec<[&'static str; 4]> {
    let (_, section) = README.split_once("\n## Defaults\n").expect("it has the section");
    let (section, _) = section.split_once("\n## ").expect("and one after it");
    let lines = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    // The first one is the head; the rule beneath it has no blank after its bar.
    cells.skip(1).map(|row| row.try_into().expect("four cells")).collect()
}

/// What, default and bounds of a row.
type Row = [String; 3];

fn row(what: &str, default: impl Into<String>, bounds: impl Into<String>) -> Row {
    [what.to_owned(), default.into(), bounds.into()]
}

fn bytes(count: usize) -> String {
    let units = [("MiB", 1024 * 1024), ("KiB", 1024)];
    let fitting = units.into_iter().find(|(_, unit)| count.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{count} B"), |(name, unit)| format!("{} {name}", count / unit))
}

fn words<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ")
}

/// The rows about attempts, by the constants.
fn attempts(config: &Config) -> Vec<Row> {
    let (timeouts, slots) = (limits::WEBHOOK_TIMEOUT_SECONDS, limits::WEBHOOK_CONCURRENCY);
    let (least, most) = (long(limits::RETRY_DELAY_MIN), long(limits::RETRY_DELAY_MAX));
    let (busy, asked) = (long(limits::BUSY_PAUSE_MAX), long(limits::RETRY_AFTER_MAX));
    vec![
        row(
            "deadline of an attempt, look-up to last byte",
            long(config.delivery.timeout),
            format!("{}s to {}s", timeouts.start(), timeouts.end()),
        ),
        row("retries", "standard", format!("{}, each {least} to {most}", limits::RETRIES_MAX)),
        row(
            "oldest delivery that is retried",
            "as the schedule",
            format!("{least} to {}", long(limits::RETRY_AGE_MAX)),
        ),
        row(
            "`Retry-After` that is believed",
            "",
            format!("to {asked} for the delivery, {busy} for the endpoint"),
        ),
        row(
            "attempts at once to one endpoint, to all",
            format!("{}, beginning with {}", config.delivery.concurrency, limits::WINDOW_FIRST),
            format!("{} to {}, {}", slots.start(), slots.end(), limits::ATTEMPTS_AT_ONCE_MAX),
        ),
        row(
            "rate, spread evenly over its period",
            "none",
            format!("{} in a second, minute or hour", limits::RATE_LIMIT_REQUESTS_MAX),
        ),
    ]
}

/// The rows about endpoints and what is sent to them, by the constants.
fn endpoints(config: &Config) -> Vec<Row> {
    let pauses = [limits::BREAKER_PAUSE_FIRST, limits::BREAKER_PAUSE_MAX].map(long);
    let disabled = config.delivery.disable_after.map(long).expect("it is disabled some time");
    let (wait, wait_max) = (limits::BATCH_WAIT_DEFAULT, *limits::BATCH_WAIT_MS.end());
    let largest = usize::try_from(*limits::BATCH_BYTES.end()).expect("it fits into memory");
    let (events, size) = (limits::BATCH_EVENTS_DEFAULT, bytes(limits::BATCH_BYTES_DEFAULT));
    let wait_max = long(Duration::from_millis(wait_max));
    let read = [limits::RESPONSE_HEAD_BYTES_MAX, limits::RESPONSE_BODY_BYTES_MAX];
    let kept = [
        limits::RESPONSE_HEAD_KEPT_BYTES_MAX,
        limits::EXCERPT_KEPT_BYTES_MAX,
        limits::EXCERPT_OF_SUCCESS_BYTES_MAX,
    ];
    vec![
        row(
            "failures until an endpoint is left alone, for",
            format!("{}, {}", limits::BREAKER_FAILURES, pauses.join(" doubling to ")),
            "",
        ),
        row("failing until it is disabled", disabled, "1h to 365d, or never"),
        row(
            "batch: events, wait, bytes",
            format!("none; then {events}, {}, {size}", long(wait)),
            format!("{}, {wait_max}, {}", limits::BATCH_EVENTS.end(), bytes(largest)),
        ),
        row("response that is read: head, body", "", words(read.map(bytes))),
        row(
            "response that is kept: head, body of a failure, of a success",
            "",
            words(kept.map(bytes)),
        ),
        row(
            "headers of a webhook: number, together",
            "none",
            format!("{}, {}", limits::HEADERS_MAX, bytes(limits::HEADERS_BYTES_MAX)),
        ),
        row(
            "overlap of two secrets",
            long(limits::SECRET_OVERLAP),
            format!("0s to {}", long(limits::SECRET_OVERLAP_MAX)),
        ),
    ]
}

/// The other rows, by the constants.
fn others(config: &Config) -> Vec<Row> {
    let filter = [limits::CONDITION_GROUPS_MAX, limits::CONDITIONS_PER_GROUP_MAX];
    let (rates, replays) = (limits::REPLAY_RATE, limits::REPLAYS_UNFINISHED_MAX);
    let (quiet, tail) = (limits::INDEX_QUIET.as_millis(), limits::INDEX_TAIL_MAX);
    let reserve = usize::try_from(limits::DISK_RESERVE_BYTES).expect("it fits into memory");
    vec![
        row("filter: groups, conditions of each", "none", words(filter)),
        row(
            "replay: deliveries in a second; unfinished at once",
            limits::REPLAY_RATE_DEFAULT.to_string(),
            format!("{} to {}; {replays}", rates.start(), rates.end()),
        ),
        row(
            "index of deliveries: written when quiet for, or at",
            "",
            format!("{quiet} ms, {tail} deliveries"),
        ),
        row(
            "webhooks, topics of each",
            "",
            words([limits::WEBHOOKS_MAX, limits::WEBHOOK_TOPICS_MAX]),
        ),
        row("lists, segments", "", words([limits::LISTS_MAX, limits::SEGMENTS_MAX])),
        row(
            &format!(
                "a segment is followed, {} events or changes at a time, after",
                limits::FOLLOWED_AT_ONCE_MAX
            ),
            "",
            format!("{} ms", limits::FOLLOW_PAUSE.as_millis()),
        ),
        row(
            "imported people, subscribed, unsubscribed, suppressed in a request",
            "",
            words([
                limits::IMPORT_PROFILES_MAX,
                limits::SUBSCRIBE_PROFILES_MAX,
                limits::UNSUBSCRIBE_PROFILES_MAX,
                limits::SUPPRESS_PROFILES_MAX,
            ]),
        ),
        row(
            "merged in a request; former ids of a person",
            "",
            words([limits::MERGE_SOURCES_MAX, limits::MERGED_INTO_ONE_MAX]),
        ),
        row("duplicates are known for", long(config.events.unique_id_window), "1m to 400d"),
        row("free disk below which nothing is accepted", "", bytes(reserve)),
    ]
}

#[test]
fn the_table_of_defaults_says_what_the_constants_say() {
    let config = defaults();
    let told = rows().into_iter().map(|[what, default, bounds, _]| [what, default, bounds]);
    let expected = [attempts(&config), endpoints(&config), others(&config)].concat();
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn the_schedules_are_told_in_full() {
    let standard = defaults().delivery.retry_schedule;
    let told = |name: &str| {
        let prefix = format!("- `{name}`: ");
        README.lines().find_map(|line| line.strip_prefix(&prefix)).expect("it has a line")
    };
    for (name, schedule) in [("standard", Schedule::Standard), ("fast", Schedule::Fast)] {
        assert_eq!(told(name), words(schedule.steps(&standard).into_iter().map(long)), "{name}");
    }
    let klaviyo = Schedule::Klaviyo.steps(&standard);
    let (doubling, longest) = klaviyo.split_at(11);
    let doubling = words(doubling.iter().map(|delay| format!("{}s", delay.as_secs())));
    assert_eq!(told("klaviyo"), format!("{doubling}, and six times 3h"));
    assert_eq!(longest, [Duration::from_secs(3 * 3_600); 6]);
}

/// A key with a dot stands in the file of the configuration, any other name in the description of
/// the API.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_a_default_exists() {
    let described = Daemon::start().await.get("/openapi.json").await.to_string();
    for [what, _, _, changed_by] in rows() {
        for name in changed_by.split('`').skip(1).step_by(2) {
            let exists = match name.split_once('.') {
                Some((section, key)) => {
                    let (_, rest) = CONFIGURATION
                        .split_once(&format!("\n[{section}]\n"))
                        .unwrap_or_else(|| panic!("{what}: no section of `{name}`"));
                    let section = rest.split("\n[").next().unwrap_or_default();
                    section.contains(&format!("\n#{key} = "))
                }
                None => described.contains(&format!("\"{name}\":")),
            };
            assert!(exists, "{what}: nothing is called `{name}`");
        }
    }
}
