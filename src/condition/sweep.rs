//! The way of events through a sliding window: the first moment at which what they add up to is
//! no longer what it has to be, or has become it.

use std::collections::VecDeque;

use super::threshold::Threshold;
use super::windows::passage;
use crate::clock::Timestamp;
use crate::limits;

/// Events that add something to a measure, read from the newest to the oldest.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What all of them add up to, in millionths.
    pub(super) total: i128,
    /// The oldest ones, newest first: when each happened, in microseconds, and what it adds.
    kept: VecDeque<(i64, i128)>,
    /// Whether newer ones than those were left out.
    is_cut: bool,
}

impl Gathered {
    /// Adds the next older event.
    pub(super) fn add(&mut self, time: Timestamp, worth: i128) {
        self.total += worth;
        if self.kept.len() == limits::CONDITION_SWEEP_EVENTS_MAX {
            self.kept.pop_front();
            self.is_cut = true;
        }
        self.kept.push_back((time.micros(), worth));
    }

    /// When the oldest one happened.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.kept.back().map(|(time, _)| Timestamp::from_micros(*time))
    }

    /// The first moment, by `moment`, at which one that was left out may matter.
    fn horizon(&self, moment: impl Fn(i64) -> Option<i64>) -> Option<i64> {
        let newest = self.kept.front().filter(|_| self.is_cut);
        newest.and_then(|(time, _)| moment(*time))
    }
}

/// When `threshold` first says otherwise about what is inside the window than it says now, if
/// nothing happens but that events leave it and those of `coming` enter it. The window is given
/// by its nearer and its farther end, as in [`Motion::Sliding`](super::windows::Motion::Sliding).
pub(super) fn first_turn(
    inside: &Gathered,
    coming: &Gathered,
    (near, far): (i64, Option<i64>),
    threshold: &Threshold,
) -> Option<Timestamp> {
    let enters = |time| passage(time, near, far).0;
    let leaves = |time| passage(time, near, far).1;
    let leaving = inside.kept.iter().chain(&coming.kept);
    let leaving = leaving.filter_map(|(time, worth)| Some((leaves(*time)?, -worth)));
    let entering = coming.kept.iter().map(|(time, worth)| (enters(*time), *worth));
    let mut steps: Vec<(i64, i128)> = leaving.chain(entering).collect();
    steps.sort_unstable();

    let ends = [inside.horizon(leaves), coming.horizon(|time| Some(enters(time)))];
    let horizon = ends.into_iter().flatten().min();
    let now = threshold.allows(inside.total);
    let mut total = inside.total;
    for moment in steps.chunk_by(|one, next| one.0 == next.0) {
        if horizon.is_some_and(|horizon| horizon <= moment[0].0) {
            break;
        }
        total += moment.iter().map(|(_, worth)| worth).sum::<i128>();
        if threshold.allows(total) != now {
            return Some(Timestamp::from_micros(moment[0].0));
        }
    }
    horizon.map(Timestamp::from_micros)
}
