//! How a `date` operator's answer moves with time: the moment at which it next changes about one
//! date, and which seconds it holds for, or will hold for, as ranges that events are read by.

use std::ops::RangeInclusive;

use jiff::civil;

use super::At;
use super::dates::DateTest;
use super::dates::Moment;
use super::dates::day;
use super::standing::Standing;
use crate::clock::Timestamp;

const SECOND: i64 = 1_000_000;
/// From a span of so many microseconds on, every date has an anniversary in it: two of 29 February
/// lie at most 366 days apart, and a change of the clocks takes less than a day.
const EVERY_ANNIVERSARY: i64 = 368 * 86_400 * SECOND;

/// Whole seconds that an event's time can be: none lies before 1970, and the calendar ends with
/// the year 9999.
pub(super) const ANY_TIME: RangeInclusive<i64> = 0..=253_402_207_200;

/// How the dates for which an operator holds move.
#[derive(Clone, Copy, Debug)]
pub(super) enum Motion {
    /// Not at all.
    Still,
    /// They are those from `far` before now (or from the beginning) to `near` before now, both in
    /// microseconds, negative for what lies ahead, and both included.
    Sliding { near: i64, far: Option<i64> },
    /// By days, as the calendar has them.
    Calendar,
}

impl DateTest {
    pub(super) const fn motion(&self) -> Motion {
        match self {
            Self::Before(_)
            | Self::After(_)
            | Self::BetweenStatic(..)
            | Self::CalendarMonth(_)
            | Self::AllTime => Motion::Still,
            Self::InTheLast(span) => Motion::Sliding { near: 0, far: Some(span.micros()) },
            Self::InTheNext(span) => Motion::Sliding { near: -span.micros(), far: Some(0) },
            Self::AtLeast(span) => Motion::Sliding { near: span.micros(), far: None },
            Self::Between(nearer, farther) => {
                Motion::Sliding { near: nearer.micros(), far: Some(farther.micros()) }
            }
            Self::Anniversary
            | Self::AnniversaryMonth
            | Self::AnniversaryLast(_)
            | Self::AnniversaryNext(_) => Motion::Calendar,
        }
    }

    /// Whether it holds for every second that [`inside`](Self::inside) gives; else each has to be
    /// asked for.
    pub(super) const fn is_interval(&self) -> bool {
        !matches!(self.motion(), Motion::Calendar) && !matches!(self, Self::CalendarMonth(_))
    }

    /// Whether it holds for a date, and until when that is so: exactly.
    pub(super) fn stand(&self, given: Moment, at: &At) -> Standing {
        let holds = self.holds_for(given, at).unwrap_or(false);
        let until = match self.motion() {
            Motion::Still => None,
            Motion::Sliding { near, far } => slide(given, near, far, at),
            Motion::Calendar => self.turn_of_calendar(given, holds, at),
        };
        Standing { holds, until }
    }

    /// The seconds for which it holds now; by the calendar, all seconds.
    pub(super) fn inside(&self, at: &At) -> RangeInclusive<i64> {
        let range = match self {
            Self::Before(date) => date.micros(at).map(|date| (i64::MIN, date - 1)),
            Self::After(date) => date.micros(at).map(|date| (date + 1, i64::MAX)),
            Self::BetweenStatic(start, end) => start.micros(at).zip(end.micros(at)),
            _ => match self.motion() {
                Motion::Sliding { near, far } => {
                    let now = at.now.micros();
                    let first = far.map_or(i64::MIN, |far| now.saturating_sub(far));
                    Some((first, now.saturating_sub(near)))
                }
                Motion::Still | Motion::Calendar => Some((i64::MIN, i64::MAX)),
            },
        };
        let (first, last) = range.unwrap_or((i64::MAX, i64::MIN));
        seconds(first, last)
    }

    /// The seconds for which it does not hold now but will, without those of the calendar.
    pub(super) fn coming(&self, at: &At) -> RangeInclusive<i64> {
        match self.motion() {
            Motion::Sliding { near, .. } => {
                seconds(at.now.micros().saturating_sub(near).saturating_add(1), i64::MAX)
            }
            Motion::Still | Motion::Calendar => seconds(i64::MAX, i64::MIN),
        }
    }

    /// The seconds for which it holds now or may hold later.
    pub(super) fn hull(&self, at: &At) -> RangeInclusive<i64> {
        let inside = self.inside(at);
        match self.motion() {
            Motion::Sliding { .. } => *inside.start()..=*ANY_TIME.end(),
            Motion::Still | Motion::Calendar => inside,
        }
    }

    /// The first day's end or beginning at which the answer becomes another.
    fn turn_of_calendar(&self, given: Moment, holds: bool, at: &At) -> Option<Timestamp> {
        let (before, after) = match self {
            Self::AnniversaryLast(span) => (0, span.micros()),
            Self::AnniversaryNext(span) => (span.micros(), 0),
            _ => (0, 0),
        };
        if before.max(after) >= EVERY_ANNIVERSARY {
            return None;
        }
        let (of, now) = (given.day(at), at.now.micros());
        let this_year = day(now, at)?.year();
        let mut turn = None;
        // An anniversary of two years ago can still be in a span of 368 days; and a span of nearly a
        // year misses one only where a leap day comes, which can take eight years.
        for year in this_year.saturating_sub(2)..=this_year.saturating_add(10) {
            let Some((first, next)) = self.days_in(year, of) else { continue };
            let ends = [start(first, at).map(|t| t - before), start(next, at).map(|t| t + after)];
            for end in ends.into_iter().flatten().filter(|end| *end > now) {
                let then = At { now: Timestamp::from_micros(end), zone: at.zone.clone() };
                let is_earlier = turn.is_none_or(|turn| end < turn);
                if is_earlier && self.holds_for(given, &then).unwrap_or(false) != holds {
                    turn = Some(end);
                }
            }
        }
        turn.map(Timestamp::from_micros)
    }

    /// The first day of a date's anniversary in a year, or of its month, and the day after the
    /// last.
    fn days_in(&self, year: i16, of: civil::Date) -> Option<(civil::Date, civil::Date)> {
        if *self == Self::AnniversaryMonth {
            let first = civil::Date::new(year, of.month(), 1).ok()?;
            return Some((first, first.last_of_month().tomorrow().ok()?));
        }
        let first = super::dates::anniversary(of, year)?;
        Some((first, first.tomorrow().ok()?))
    }
}

/// When a date next comes into a sliding window, or leaves it.
fn slide(given: Moment, near: i64, far: Option<i64>, at: &At) -> Option<Timestamp> {
    let (given, now) = (given.micros(at)?, at.now.micros());
    let (enters, leaves) = passage(given, near, far);
    let next = if now < enters { Some(enters) } else { leaves.filter(|leaves| now < *leaves) };
    next.map(Timestamp::from_micros)
}

/// The moments at which a date comes into a sliding window and is no longer in it.
pub(super) fn passage(given: i64, near: i64, far: Option<i64>) -> (i64, Option<i64>) {
    (given.saturating_add(near), far.map(|far| given.saturating_add(far).saturating_add(1)))
}

/// The whole seconds from one microsecond to another, both included.
fn seconds(first: i64, last: i64) -> RangeInclusive<i64> {
    let (whole, rest) = (first.div_euclid(SECOND), first.rem_euclid(SECOND));
    let first = whole + i64::from(rest > 0);
    first.max(*ANY_TIME.start())..=last.div_euclid(SECOND).min(*ANY_TIME.end())
}

/// The first moment of a day.
fn start(day: civil::Date, at: &At) -> Option<i64> {
    let start = at.zone.to_timestamp(day.to_datetime(civil::Time::midnight())).ok()?;
    Some(start.as_microsecond())
}
