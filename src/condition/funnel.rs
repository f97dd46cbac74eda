//! `profile-metric-funnel`: whether the person went through steps in order.
//!
//! What a funnel is about are the events in its timeframe; no others exist for it. For each step
//! that has to happen there is an event, none earlier than that of the step before, and the last
//! one is within the completion window of the first. A step that must not happen has no event
//! from the step before it to the step after it; where one of these is missing, from the
//! completion window before the first event or until that window after the last.
//!
//! Times are whole seconds, so events of one second have no order: a step of another metric than
//! its neighbours counts as being on both sides of them. One event serves one step, hence a step
//! whose metric an earlier step has already needs a later second.

use std::ops::ControlFlow;
use std::ops::RangeInclusive;

use super::At;
use super::Subject;
use super::dates::DateTest;
use super::explain::shown_list;
use super::metric::phrase;
use super::metric::stand_of;
use super::metric::timeframe;
use super::predicate::Patterns;
use super::selector::Selector;
use super::standing::Standing;
use super::standing::earlier;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::json::object::Object;
use crate::limits;

/// The completion windows of the contract, with their seconds.
const WINDOWS: [(&str, i64); 9] = [
    ("HOURS_1", 3_600),
    ("DAYS_1", 86_400),
    ("DAYS_3", 3 * 86_400),
    ("DAYS_5", 5 * 86_400),
    ("WEEKS_1", 7 * 86_400),
    ("DAYS_30", 30 * 86_400),
    ("DAYS_90", 90 * 86_400),
    ("DAYS_180", 180 * 86_400),
    ("YEARS_1", 365 * 86_400),
];
/// The window where none is given: longer than any two events lie apart.
const NO_LIMIT: i64 = i64::MAX / 4;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FunnelTest {
    timeframe: DateTest,
    /// In seconds.
    window: i64,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    must_happen: bool,
    selector: Selector,
    /// Whether an earlier step that must happen has the same metric.
    is_repeated: bool,
}

/// An event that ends a way through the steps so far.
#[derive(Clone, Copy, Debug)]
struct Reached {
    time: i64,
    /// The latest first event of such a way.
    start: i64,
}

/// The seconds of the events that one step looks at, in ascending order.
type Times = Vec<i64>;

impl FunnelTest {
    pub(super) fn parse(object: &Object<'_>, patterns: &mut Patterns) -> Result<Self, Fault> {
        object.only(&["type", "timeframe_filter", "completion_window_seconds", "steps"])?;
        let timeframe = timeframe(object)?;
        let names = WINDOWS.map(|(name, _)| name);
        let window = match object.optional("completion_window_seconds") {
            None => NO_LIMIT,
            Some(_) => {
                let key = "completion_window_seconds";
                let name = object.choice(key, "a completion window", &names)?;
                WINDOWS.iter().find(|(of, _)| *of == name).map_or(NO_LIMIT, |(_, secs)| *secs)
            }
        };
        let mut happened: Vec<String> = Vec::new();
        let step = |object: Object<'_>| {
            object.only(&["metric_exists", "metric_id", "metric_filters"])?;
            let must_happen = object.boolean("metric_exists")?;
            let selector = Selector::parse(&object, patterns)?;
            let is_repeated = happened.contains(&selector.metric_id);
            if must_happen {
                happened.push(selector.metric_id.clone());
            }
            Ok(Step { must_happen, selector, is_repeated })
        };
        object.items("steps", limits::CONDITION_FUNNEL_STEPS_MAX)?;
        let steps = object.each("steps", limits::CONDITION_FUNNEL_STEPS_MAX, step)?;
        Ok(Self { timeframe, window, steps })
    }

    /// The metrics of its steps.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.selector.metric_id.as_str())
    }

    pub(super) fn holds(&self, subject: &dyn Subject, at: &At) -> bool {
        self.broken_at(subject, at).is_none()
    }

    /// The same, and until when: until an event comes into the funnel or leaves it.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        let mut until = None;
        let look = |step: &Step| {
            let (times, turn) = self.look(step, subject, at, self.timeframe.hull(at));
            until = earlier(until, turn);
            times
        };
        let times: Vec<_> = self.steps.iter().map(look).collect();
        Standing { holds: self.first_gap(&times).is_none(), until }
    }

    /// The step at which the person is held up; `None` where all are done.
    fn broken_at(&self, subject: &dyn Subject, at: &At) -> Option<usize> {
        let inside = || self.timeframe.inside(at);
        let look = |step: &Step| self.look(step, subject, at, inside()).0;
        let times: Vec<_> = self.steps.iter().map(look).collect();
        self.first_gap(&times)
    }

    /// The newest events of a step, and the moment at which the first of those in `seconds` comes
    /// in or leaves.
    fn look(
        &self,
        step: &Step,
        subject: &dyn Subject,
        at: &At,
        seconds: RangeInclusive<i64>,
    ) -> (Times, Option<Timestamp>) {
        let (mut times, mut until) = (Times::new(), None);
        step.selector.each(subject, seconds, &mut |event| {
            let standing = stand_of(&self.timeframe, &step.selector, event, at);
            until = earlier(until, standing.until);
            if standing.holds {
                times.push(event.time().seconds());
            }
            let is_full = times.len() == limits::CONDITION_FUNNEL_EVENTS_MAX;
            if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        times.reverse();
        (times, until)
    }

    /// The first step that no way through the events gets over.
    fn first_gap(&self, times: &[Times]) -> Option<usize> {
        let mut reached: Option<(&Step, Vec<Reached>)> = None;
        let mut denied = Vec::new();
        for (place, step) in self.steps.iter().enumerate() {
            if !step.must_happen {
                denied.push((step, &times[place]));
                continue;
            }
            let next: Vec<_> = match &reached {
                None => {
                    let is_free = |time: &i64| self.is_free_before(step, *time, &denied);
                    let first = times[place].iter().copied().filter(is_free);
                    first.map(|time| Reached { time, start: time }).collect()
                }
                Some((before, ends)) => {
                    let advance = |time: &i64| self.advance((before, ends), (step, *time), &denied);
                    times[place].iter().filter_map(advance).collect()
                }
            };
            if next.is_empty() {
                return Some(place);
            }
            reached = Some((step, next));
            denied.clear();
        }
        let is_done = match &reached {
            None => denied.iter().all(|(_, times)| times.is_empty()),
            Some((last, ends)) => {
                ends.iter().any(|end| self.is_free_after(last, end.time, &denied))
            }
        };
        (!is_done).then(|| self.steps.len() - 1)
    }

    /// The way to an event of the next step that began latest.
    fn advance(
        &self,
        (before, ends): (&Step, &[Reached]),
        (step, time): (&Step, i64),
        denied: &[(&Step, &Times)],
    ) -> Option<Reached> {
        let latest = if step.is_repeated { time - 1 } else { time };
        let possible = ends.partition_point(|end| end.time <= latest);
        let mut start = None;
        for end in ends[..possible].iter().rev() {
            // Those before it began no later, and a step that was denied is denied to them too.
            let is_free = denied.iter().all(|(denied, times)| {
                let from = end.time + i64::from(denied.is_same(before));
                let to = time - i64::from(denied.is_same(step));
                !has_any(times, from, to)
            });
            if !is_free || start >= Some(end.time) || end.time < time - self.window {
                break;
            }
            start = start.max(Some(end.start));
        }
        let start = start.filter(|start| time - start <= self.window)?;
        Some(Reached { time, start })
    }

    fn is_free_before(&self, step: &Step, time: i64, denied: &[(&Step, &Times)]) -> bool {
        denied.iter().all(|(denied, times)| {
            !has_any(times, time - self.window, time - i64::from(denied.is_same(step)))
        })
    }

    fn is_free_after(&self, step: &Step, time: i64, denied: &[(&Step, &Times)]) -> bool {
        denied.iter().all(|(denied, times)| {
            !has_any(times, time + i64::from(denied.is_same(step)), time + self.window)
        })
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let (steps, time) = (self.steps.len(), phrase(&self.timeframe));
        match self.broken_at(subject, at) {
            None => {
                let metrics = shown_list(self.metrics());
                format!("the events {time} go through all {steps} steps, of metrics {metrics}")
            }
            Some(place) => {
                let step = &self.steps[place];
                let sense = if step.must_happen { "" } else { "no " };
                let (number, events) = (place + 1, step.selector.phrase());
                format!(
                    "the events {time} do not get over step {number} of {steps}: {sense}{events}"
                )
            }
        }
    }
}

impl Step {
    /// Whether it may be about the very event of the other one.
    fn is_same(&self, other: &Self) -> bool {
        self.selector.metric_id == other.selector.metric_id
    }
}

/// Whether one of the ascending times lies from `from` to `to`, both included.
fn has_any(times: &[i64], from: i64, to: i64) -> bool {
    times.get(times.partition_point(|time| *time < from)).is_some_and(|time| *time <= to)
}
