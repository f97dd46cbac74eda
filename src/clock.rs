//! Time: the only file that reads the system's clock.
//!
//! Everything that needs the time is handed a [`Clock`] or a [`Timestamp`]; decisions take `now`
//! as a value. A manual clock moves only when a test says so, and wakes whoever sleeps on it, so
//! that a schedule of 24 hours runs in milliseconds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch itself; orders before every moment that tidings stores.
    pub const EPOCH: Self = Self(0);

    /// A moment from microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A moment from whole seconds since the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// This moment moved forward; it stays at the end of time instead of overflowing.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment moved back; it stays at the beginning of time instead of overflowing.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this moment; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 with microseconds and `+00:00`, as Klaviyo writes `meta.timestamp` and
    /// `created_at` (contract: wire.md §1.1, §1.6).
    #[must_use]
    pub fn rfc3339_micros(self) -> String {
        format!("{}.{:06}+00:00", self.civil(), self.0.rem_euclid(MICROS_PER_SECOND))
    }

    /// RFC 3339 with whole seconds and `+00:00`, as Klaviyo writes an event's `datetime`.
    #[must_use]
    pub fn rfc3339_seconds(self) -> String {
        format!("{}+00:00", self.civil())
    }

    fn civil(self) -> String {
        let whole = jiff::Timestamp::from_second(self.seconds()).unwrap_or_default();
        whole.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// IMF-fixdate (RFC 9110 §5.6.7), as `Klaviyo-Timestamp` wants it.
    #[must_use]
    pub fn http_date(self) -> String {
        let seconds = u64::try_from(self.seconds()).unwrap_or(0);
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Reads an RFC 3339 moment; anything finer than a microsecond is cut off.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()))
    }

    /// Reads an ISO 8601 moment; one without an offset, as some SDKs send, is taken as UTC.
    #[must_use]
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        Self::parse_rfc3339(text).or_else(|| {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(Self(zoned.timestamp().as_microsecond()))
        })
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339_micros())
    }
}

/// The units of a duration's text, the largest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration as the configuration and the API write it: a whole number and `s`, `m`, `h`
/// or `d`, as in `90s`. `None` for anything else.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (_, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.strip_suffix(UNITS.map(|(unit, _)| unit))?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// Writes a duration of whole seconds so that [`parse_duration`] reads it, in the largest unit
/// that it is a whole number of.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fitting = UNITS.into_iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, of_unit) = fitting.unwrap_or(('s', 1));
    format!("{}{unit}", seconds / of_unit)
}

/// A source of time that can be shared: the system's, or one that a test moves.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    micros: AtomicI64,
    moved: watch::Sender<()>,
}

impl Clock {
    /// The clock of this host.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        let moved = watch::Sender::new(());
        Self(Source::Manual(Arc::new(Manual { micros: AtomicI64::new(start.0), moved })))
    }

    /// The present moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the system's clock is read")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Source::Manual(manual) => Timestamp(manual.micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward and wakes its sleepers; does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            manual.micros.fetch_add(micros, Ordering::SeqCst);
            manual.moved.send_replace(());
        }
    }

    /// Returns once the clock shows `until` or later.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Source::System => tokio::time::sleep(until.since(self.now())).await,
            Source::Manual(manual) => {
                let mut moved = manual.moved.subscribe();
                while self.now() < until {
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Measures how long something took, by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the monotonic clock is read")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_three_forms_of_the_contract() {
        let moment = Timestamp::from_micros(1_776_120_612_101_159);
        assert_eq!(moment.rfc3339_micros(), "2026-04-13T22:50:12.101159+00:00");
        assert_eq!(moment.rfc3339_seconds(), "2026-04-13T22:50:12+00:00");
        assert_eq!(moment.http_date(), "Mon, 13 Apr 2026 22:50:12 GMT");
    }

    #[test]
    fn reads_what_it_writes() {
        let moment = Timestamp::from_micros(1_776_120_612_101_159);
        assert_eq!(Timestamp::parse_rfc3339(&moment.rfc3339_micros()), Some(moment));
        assert_eq!(Timestamp::parse_rfc3339("2026-04-13"), None);
    }

    #[test]
    fn durations_have_one_unit() {
        for (text, seconds) in
            [("0s", 0), ("5s", 5), ("90s", 90), ("2m", 120), ("1h", 3_600), ("7d", 604_800)]
        {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(text), Some(duration), "{text}");
            assert_eq!(format_duration(duration), text);
        }
        assert_eq!(parse_duration("120s"), parse_duration("2m"));
        let too_long = format!("{}d", u64::MAX);
        for text in ["", "s", "5", "+5s", "5 s", "1h30m", "5w", "-1s", "1.5h", &too_long] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let sleeper = clock.clone();
        let asleep = async move { sleeper.sleep_until(Timestamp::from_seconds(86_400)).await };
        let advance = async { clock.advance(Duration::from_secs(86_400)) };
        tokio::join!(asleep, advance);
    }
}
