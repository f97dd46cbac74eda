//! The end of the log that is not in the index yet.
//!
//! The indexer is at most a moment behind, so this is short, and every listing reads it besides the
//! index: an event that was acknowledged is always found. Only while a store of a version without
//! the index is indexed for the first time, in the background, it can be long. A reader then looks
//! at no more than [`limits::EVENTS_TAIL_MAX`] events, some hundred milliseconds, and says that it
//! is too early to ask rather than leave something out.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use super::{Event, Place, rows};
use crate::id::{MetricId, ProfileId};
use crate::limits;
use crate::store::{Read, StoreError};

/// Why events could not be listed or counted.
#[derive(Clone, Debug)]
pub enum ReadError {
    /// More than [`limits::EVENTS_TAIL_MAX`] events are not in the index yet.
    Behind,
    /// There are more events than one answer may look at.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind => f.write_str("the index of events is being made"),
            Self::TooMany => f.write_str("there are too many events to look at"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

/// An event of the tail, about the person's id of then.
#[derive(Clone, Copy, Debug)]
pub(super) struct TailEvent {
    pub(super) place: Place,
    pub(super) metric: MetricId,
    pub(super) profile: ProfileId,
    pub(super) value: Option<f64>,
}

impl TailEvent {
    fn of(event: &Event) -> Self {
        Self {
            place: Place::new(event.time.seconds(), event.id),
            metric: event.metric,
            profile: event.profile,
            value: event.value.as_deref().and_then(|value| value.parse().ok()),
        }
    }
}

/// The events of the tail that are `wanted`, in the order of the log.
///
/// # Errors
/// Where the tail is too long, or the store can not be read.
pub(super) fn read(
    from: &impl Read,
    wanted: impl Fn(&TailEvent) -> bool,
) -> Result<Vec<TailEvent>, ReadError> {
    let (mut found, mut left) = (Vec::new(), limits::EVENTS_TAIL_MAX);
    let mut is_too_long = false;
    rows::follow(from, rows::indexed_to(from)?, |event| {
        if left == 0 {
            is_too_long = true;
            return ControlFlow::Break(());
        }
        left -= 1;
        let event = TailEvent::of(&event);
        if wanted(&event) {
            found.push(event);
        }
        ControlFlow::Continue(())
    })?;
    if is_too_long { Err(ReadError::Behind) } else { Ok(found) }
}

/// How many events of the tail are about one of these ids of people; of the newest
/// [`limits::EVENTS_TAIL_MAX`], where it is longer.
///
/// # Errors
/// Where the store can not be read.
pub fn count_of_people(
    from: &impl Read,
    people: &BTreeSet<ProfileId>,
) -> Result<usize, StoreError> {
    let mut count = 0;
    newest(from, |event| count += usize::from(people.contains(&event.profile)))?;
    Ok(count)
}

/// Hands the newest events of the tail to `visit`, at most [`limits::EVENTS_TAIL_MAX`].
pub(super) fn newest(from: &impl Read, mut visit: impl FnMut(TailEvent)) -> Result<(), StoreError> {
    let mut left = limits::EVENTS_TAIL_MAX;
    rows::follow_back(from, rows::indexed_to(from)?, |event| {
        visit(TailEvent::of(&event));
        left -= 1;
        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}
