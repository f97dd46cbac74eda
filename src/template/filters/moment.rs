//! Moments in templates: read from what people and shops write, and written by Django's patterns
//! (`d.m.Y`) or those of `strftime` (`%d.%m.%Y`).

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Zoned};
use minijinja::value::Value;

use super::super::values::{self, Number, Told, kind_name, number};
use crate::limits::TEMPLATE_DATE_PATTERN_BYTES_MAX;

/// A moment, in the zone that it is shown in.
#[derive(Clone, Debug)]
pub(in super::super) struct Moment {
    pub(in super::super) at: Zoned,
    /// It was written without a time, and is again.
    is_day: bool,
}

/// Ways of writing a date that are not ISO 8601.
const WRITTEN: [&str; 8] = [
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%B %d, %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%d %b %Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
];

impl Moment {
    /// The moment that a value is. A text with an offset keeps it, one without is taken as UTC; a
    /// number is shown in the zone of `now`.
    pub(super) fn of(value: &Value, now: &Zoned) -> Told<Self> {
        let Some(text) = values::string(value) else {
            let seconds = number(value).map(Number::float);
            let timestamp = seconds.and_then(|s| jiff::Timestamp::from_second(s as i64).ok());
            let zoned = timestamp.map(|timestamp| timestamp.to_zoned(now.time_zone().clone()));
            let zoned = zoned.filter(|_| value.is_number());
            let no_date = || format!("{} is no date", kind_name(value));
            return zoned.map(|at| Self { at, is_day: false }).ok_or_else(no_date);
        };
        let text = text.trim();
        if text == "now" || text == "today" {
            return Ok(Self { at: now.clone(), is_day: false });
        }
        let shown: String = text.chars().take(40).collect();
        from_iso(text).or_else(|| from_words(text)).ok_or_else(|| format!("`{shown}` is no date"))
    }

    /// The day so much later, at the same time.
    pub(super) fn days_later(self, days: i64) -> Told<Self> {
        let later = Span::new().try_days(days).and_then(|span| self.at.checked_add(span));
        let at = later.map_err(|_| "the date lies outside of the calendar".to_owned())?;
        Ok(Self { at, ..self })
    }

    /// ISO 8601, which is read again as the same moment.
    pub(super) fn text(&self) -> String {
        if self.is_day { self.at.date().to_string() } else { iso(&self.at) }
    }
}

/// ISO 8601 with the offset.
pub(in super::super) fn iso(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn from_iso(text: &str) -> Option<Moment> {
    let pieces = Pieces::parse(text).ok()?;
    let time = pieces.time();
    let civil = DateTime::from_parts(pieces.date(), time.unwrap_or_default());
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let at = civil.to_zoned(TimeZone::fixed(offset)).ok()?;
    Some(Moment { at, is_day: time.is_none() })
}

fn from_words(text: &str) -> Option<Moment> {
    WRITTEN.into_iter().find_map(|pattern| {
        let parsed = jiff::fmt::strtime::parse(pattern, text).ok()?;
        let day = parsed.to_date().ok()?;
        let time = parsed.to_time().unwrap_or_default();
        let at = DateTime::from_parts(day, time).to_zoned(TimeZone::UTC).ok()?;
        Some(Moment { at, is_day: !pattern.contains("%H") })
    })
}

/// The moment by a pattern: with a `%` in it one of `strftime`, without one Django's.
pub(in super::super) fn formatted(at: &Zoned, pattern: &str) -> Told<String> {
    if pattern.len() > TEMPLATE_DATE_PATTERN_BYTES_MAX {
        let most = TEMPLATE_DATE_PATTERN_BYTES_MAX;
        return Err(format!("the pattern of the date is longer than {most} bytes"));
    }
    if pattern.contains('%') {
        let formatted = jiff::fmt::strtime::format(pattern, at);
        return formatted.map_err(|error| format!("the pattern `{pattern}` does not fit: {error}"));
    }
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push_str(&part(at, c).unwrap_or_else(|| c.to_string())),
        }
    }
    Ok(text)
}

/// What one letter of Django's patterns stands for.
fn part(at: &Zoned, letter: char) -> Option<String> {
    let by = |pattern: &str| at.strftime(pattern).to_string();
    let hour = |of: i8| if of % 12 == 0 { 12 } else { of % 12 };
    Some(match letter {
        'd' => by("%d"),
        'j' => at.day().to_string(),
        'D' => by("%a"),
        'l' => by("%A"),
        'S' => match at.day() {
            1 | 21 | 31 => "st",
            2 | 22 => "nd",
            3 | 23 => "rd",
            _ => "th",
        }
        .to_owned(),
        'w' => by("%w"),
        'z' => at.day_of_year().to_string(),
        'W' => by("%V").trim_start_matches('0').to_owned(),
        'm' => by("%m"),
        'n' => at.month().to_string(),
        'M' => by("%b"),
        'b' => by("%b").to_lowercase(),
        'F' | 'E' => by("%B"),
        'N' => ap_month(at),
        't' => at.days_in_month().to_string(),
        'Y' => by("%Y"),
        'y' => by("%y"),
        'o' => by("%G"),
        'L' => (if at.in_leap_year() { "True" } else { "False" }).to_owned(),
        'H' => by("%H"),
        'G' => at.hour().to_string(),
        'h' => format!("{:02}", hour(at.hour())),
        'g' => hour(at.hour()).to_string(),
        'i' => by("%M"),
        's' => by("%S"),
        'u' => format!("{:06}", at.subsec_nanosecond() / 1_000),
        'a' => (if at.hour() < 12 { "a.m." } else { "p.m." }).to_owned(),
        'A' => (if at.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        'f' if at.minute() == 0 => hour(at.hour()).to_string(),
        'f' => format!("{}:{:02}", hour(at.hour()), at.minute()),
        'P' => match (at.hour(), at.minute()) {
            (0, 0) => "midnight".to_owned(),
            (12, 0) => "noon".to_owned(),
            _ => format!("{} {}", part(at, 'f')?, part(at, 'a')?),
        },
        'e' | 'T' => by("%Z"),
        'O' => by("%z"),
        'Z' => at.offset().seconds().to_string(),
        'c' => iso(at),
        'r' => by("%a, %d %b %Y %H:%M:%S %z"),
        'U' => at.timestamp().as_second().to_string(),
        'I' => "0".to_owned(),
        _ => return None,
    })
}

/// Months as the Associated Press shortens them.
fn ap_month(at: &Zoned) -> String {
    match at.month() {
        3..=7 => at.strftime("%B").to_string(),
        9 => "Sept.".to_owned(),
        _ => format!("{}.", at.strftime("%b")),
    }
}
