//! What a person did: their events of a metric, and when they last did anything.

use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};

use super::listing::all_ids;
use super::merge::Merge;
use super::rows::{self, Entry, Line};
use super::{Place, tail};
use crate::clock::Timestamp;
use crate::id::{EventId, MetricId, ProfileId};
use crate::profile;
use crate::store::{Order, Read, StoreError};

/// An event of a person's history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occurrence {
    /// The event.
    pub id: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// Its value.
    pub value: Option<f64>,
}

impl Occurrence {
    fn of(entry: Entry) -> Self {
        Self { id: entry.place.id(), time: entry.place.time(), value: entry.value }
    }
}

/// Hands a person's events of a metric that happened in `seconds` to `visit`, newest time first,
/// until it breaks. Those of everybody who was merged into the person are theirs. Only events up to
/// [`indexed_to`](super::indexed_to) are seen. Where `from` is a command's transaction, `visit` must
/// not read from it: it has the table open.
///
/// # Errors
/// Where the store can not be read.
pub fn history(
    from: &impl Read,
    profile: ProfileId,
    metric: MetricId,
    seconds: RangeInclusive<i64>,
    mut visit: impl FnMut(Occurrence) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let range = Place::all_of(&seconds);
    let former = profile::sources(from, profile)?;
    if former.is_empty() {
        let line = Line::Person(profile, metric);
        return rows::entries(from, line, range, Order::Descending, |entry| {
            visit(Occurrence::of(entry))
        });
    }
    let ids = former.into_iter().chain([profile]);
    let lines: Vec<_> = ids.map(|id| Line::Person(id, metric)).collect();
    let mut merge = Merge::new(from, &lines, &range, Order::Descending, Vec::new())?;
    while let Some(entry) = merge.next()? {
        if visit(Occurrence::of(entry)).is_break() {
            break;
        }
    }
    Ok(())
}

/// When the last event of each of these people happened, `None` where they have none: indexed or
/// not, but where very much is not ([`limits::EVENTS_TAIL_MAX`](crate::limits::EVENTS_TAIL_MAX)),
/// only the newest of that are looked at.
///
/// # Errors
/// Where the store can not be read.
pub fn last_event_dates(
    from: &impl Read,
    profiles: &[ProfileId],
) -> Result<Vec<Option<Timestamp>>, StoreError> {
    let mut last: Vec<Option<Place>> = vec![None; profiles.len()];
    let mut people: HashMap<ProfileId, Vec<usize>> = HashMap::new();
    for (number, profile) in profiles.iter().enumerate() {
        for id in all_ids(from, *profile)? {
            let latest = rows::metrics_of(from, id)?.into_iter().map(|(_, place)| place).max();
            last[number] = last[number].max(latest);
            people.entry(id).or_default().push(number);
        }
    }
    tail::newest(from, |event| {
        for number in people.get(&event.profile).into_iter().flatten() {
            last[*number] = last[*number].max(Some(event.place));
        }
    })?;
    Ok(last.into_iter().map(|place| place.map(Place::time)).collect())
}
