//! `profile-metric`: how many events of a metric the person has in a time, or what their values
//! add up to.
//!
//! [`MetricTest::holds`] measures. [`MetricTest::stand`] also finds the moment at which the
//! measure is next otherwise, in `sweep`; where dates among an event's properties are asked about,
//! or the calendar decides, the moment at which any event next counts or ceases to count has to do.
//!
//! In a flow the time may begin with the run (`flow-start`): what counts then are the events later
//! than the start. Events have whole seconds, so that the one that began the run, and any other of
//! the same second, is not among them.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::At;
use super::PastEvent;
use super::Subject;
use super::dates::DateTest;
use super::dates::Moment;
use super::explain::shown_number;
use super::predicate::Patterns;
use super::predicate::Predicate;
use super::selector::Selector;
use super::standing::Standing;
use super::standing::earlier;
use super::sweep::Gathered;
use super::sweep::first_turn;
use super::threshold::MILLION;
use super::threshold::Threshold;
use super::threshold::millionths;
use super::windows::Motion;
use crate::json::Fault;
use crate::json::object::Object;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct MetricTest {
    pub(super) selector: Selector,
    measure: Measure,
    threshold: Threshold,
    timeframe: Timeframe,
}

#[derive(Clone, Debug, PartialEq)]
enum Timeframe {
    Date(DateTest),
    /// Since the run of the flow began.
    FlowStart,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    Count,
    /// Of the events' `$value`; those without one add nothing.
    Sum,
}

impl MetricTest {
    /// Reads the condition; `has_flow_start` tells whether there is a flow whose start can be meant.
    pub(super) fn parse(
        object: &Object<'_>,
        has_flow_start: bool,
        patterns: &mut Patterns,
    ) -> Result<Self, Fault> {
        object.only(&[
            "type",
            "metric_id",
            "measurement",
            "measurement_filter",
            "timeframe_filter",
            "metric_filters",
        ])?;
        let measure = match object.choice("measurement", "a measurement", &["count", "sum"])? {
            "count" => Measure::Count,
            _ => Measure::Sum,
        };
        let (negated, test) = Predicate::parse_number(object.required("measurement_filter")?)
            .map_err(|fault| fault.under("/measurement_filter"))?;
        let timeframe = match has_flow_start && is_flow_start(object)? {
            true => Timeframe::FlowStart,
            false => Timeframe::Date(timeframe(object)?),
        };
        let selector = Selector::parse(object, patterns)?;
        Ok(Self { selector, measure, threshold: Threshold { negated, test }, timeframe })
    }

    /// Whether the measure is what it has to be.
    pub(super) fn holds(&self, subject: &dyn Subject, at: &At) -> bool {
        self.measuring(subject, at).holds(subject, at)
    }

    /// The same, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        self.measuring(subject, at).stand(subject, at)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let measuring = self.measuring(subject, at);
        let time = match self.timeframe {
            Timeframe::Date(_) => phrase(&measuring.timeframe),
            Timeframe::FlowStart => {
                let start = subject.flow_start().unwrap_or(at.now);
                format!("since the flow began at {}", start.rfc3339_seconds())
            }
        };
        measuring.reason(&time, subject, at)
    }

    /// The test with its timeframe as dates.
    fn measuring(&self, subject: &dyn Subject, at: &At) -> Measuring<'_> {
        let timeframe = match &self.timeframe {
            Timeframe::Date(test) => Cow::Borrowed(test),
            Timeframe::FlowStart => {
                let start = subject.flow_start().unwrap_or(at.now);
                let start = Moment::of(start).unwrap_or(Moment::Instant(jiff::Timestamp::MAX));
                Cow::Owned(DateTest::After(start))
            }
        };
        let Self { selector, measure, threshold, .. } = self;
        Measuring { selector, measure: *measure, threshold, timeframe }
    }
}

/// A test whose timeframe is known.
struct Measuring<'t> {
    selector: &'t Selector,
    measure: Measure,
    threshold: &'t Threshold,
    timeframe: Cow<'t, DateTest>,
}

impl Measuring<'_> {
    fn holds(&self, subject: &dyn Subject, at: &At) -> bool {
        let (mut count, mut total) = (0, 0);
        let enough = self.enough();
        if enough == Some(0) {
            return self.threshold.allows(0);
        }
        self.selector.each(subject, self.timeframe.inside(at), &mut |event| {
            if self.counts(event, at) {
                count += 1;
                total += self.worth(event);
            }
            if enough == Some(count) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.threshold.allows(total)
    }

    fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        if self.enough() == Some(0) {
            return Standing::settled(self.threshold.allows(0));
        }
        match self.timeframe.motion() {
            Motion::Calendar => self.stand_by_event(subject, at),
            _ if self.selector.is_timed() => self.stand_by_event(subject, at),
            Motion::Still => Standing::settled(self.holds(subject, at)),
            Motion::Sliding { near, far } => self.stand_sliding(subject, at, (near, far)),
        }
    }

    fn stand_sliding(
        &self,
        subject: &dyn Subject,
        at: &At,
        window: (i64, Option<i64>),
    ) -> Standing {
        let (inside, is_enough) = self.gather(subject, at, true);
        let holds = self.threshold.allows(inside.total);
        if is_enough {
            // What comes makes it more, so only the leaving of these can change the answer.
            let turn = inside.oldest().and_then(Moment::of);
            let until = turn.and_then(|oldest| self.timeframe.stand(oldest, at).until);
            return Standing { holds, until };
        }
        let (coming, _) = self.gather(subject, at, false);
        let until = first_turn(&inside, &coming, window, self.threshold);
        Standing { holds, until }
    }

    /// The fitting events in the window, or those that are on their way into it; and whether the
    /// reading ended because so many decide.
    fn gather(&self, subject: &dyn Subject, at: &At, is_inside: bool) -> (Gathered, bool) {
        let seconds = if is_inside { self.timeframe.inside(at) } else { self.timeframe.coming(at) };
        let enough = self.enough().filter(|_| is_inside);
        let (mut gathered, mut count) = (Gathered::default(), 0);
        self.selector.each(subject, seconds, &mut |event| {
            if self.selector.fits(event, at) {
                gathered.add(event.time(), self.worth(event));
                count += 1;
            }
            if enough == Some(count) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (gathered, enough == Some(count))
    }

    /// Asks each event by itself until when it counts or does not.
    fn stand_by_event(&self, subject: &dyn Subject, at: &At) -> Standing {
        let (mut count, mut total) = (0, 0);
        let (mut counted_until, mut until) = (None, None);
        let enough = self.enough();
        self.selector.each(subject, self.timeframe.hull(at), &mut |event| {
            let standing = stand_of(&self.timeframe, self.selector, event, at);
            until = earlier(until, standing.until);
            if standing.holds {
                count += 1;
                total += self.worth(event);
                counted_until = earlier(counted_until, standing.until);
            }
            if enough == Some(count) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // More than enough changes nothing, so only those that were counted matter.
        let until = if enough == Some(count) { counted_until } else { until };
        Standing { holds: self.threshold.allows(total), until }
    }

    /// The number of events from which on no other changes the answer.
    fn enough(&self) -> Option<u64> {
        (self.measure == Measure::Count).then(|| self.threshold.settling_count())
    }

    /// Whether an event of those that [`DateTest::inside`] gives counts.
    fn counts(&self, event: &dyn PastEvent, at: &At) -> bool {
        let is_in_time = || {
            let time = Moment::of(event.time());
            time.and_then(|time| self.timeframe.holds_for(time, at)).unwrap_or(false)
        };
        (self.timeframe.is_interval() || is_in_time()) && self.selector.fits(event, at)
    }

    /// What an event adds to the measure, in millionths.
    fn worth(&self, event: &dyn PastEvent) -> i128 {
        match self.measure {
            Measure::Count => MILLION,
            Measure::Sum => event.value().map_or(0, millionths),
        }
    }

    /// Why it holds or does not; `time` tells when, in a sentence about events.
    fn reason(&self, time: &str, subject: &dyn Subject, at: &At) -> String {
        let mut total = 0;
        self.selector.each(subject, self.timeframe.inside(at), &mut |event| {
            if self.counts(event, at) {
                total += self.worth(event);
            }
            ControlFlow::Continue(())
        });
        let events = self.selector.phrase();
        let sense = if self.threshold.is_met(total) { "" } else { "not " };
        let (total, test) = (shown_number(total), &self.threshold.test);
        match self.measure {
            Measure::Count => format!("the number of {events} {time} is {total}, {sense}{test}"),
            Measure::Sum => {
                format!("the values of {events} {time} add up to {total}, {sense}{test}")
            }
        }
    }
}

/// Whether the `timeframe_filter` of a condition is the start of the flow.
fn is_flow_start(object: &Object<'_>) -> Result<bool, Fault> {
    let filter = object.object("timeframe_filter", r#"{"type":"date","operator":…}"#)?;
    if !filter.is_text("operator", "flow-start") {
        return Ok(false);
    }
    let read = filter
        .choice("type", "a type of filter that is possible here", &["date"])
        .and_then(|_| filter.only(&["type", "operator"]));
    read.map(|()| true).map_err(|fault| fault.under("/timeframe_filter"))
}

/// Reads the `timeframe_filter` of a condition.
pub(super) fn timeframe(object: &Object<'_>) -> Result<DateTest, Fault> {
    Predicate::parse_date(object.required("timeframe_filter")?)
        .map_err(|fault| fault.under("/timeframe_filter"))
}

/// Whether an event is in the time and selected, and until when.
pub(super) fn stand_of(
    timeframe: &DateTest,
    selector: &Selector,
    event: &dyn PastEvent,
    at: &At,
) -> Standing {
    let Some(time) = Moment::of(event.time()) else { return Standing::settled(false) };
    let in_time = timeframe.stand(time, at);
    if in_time.is_settled(false) { in_time } else { in_time.and(selector.stand(event, at)) }
}

/// A timeframe as it stands in a sentence about events.
pub(super) fn phrase(timeframe: &DateTest) -> String {
    match timeframe {
        DateTest::AllTime => "at any time".to_owned(),
        test if matches!(test.motion(), Motion::Calendar) => format!("on {test}"),
        test => test.to_string(),
    }
}
