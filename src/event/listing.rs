//! Listing events: by metric, by person, by time, in any combination and either order, page by
//! page. A page costs what is on it, whatever the filter:
//!
//! | asked for | read |
//! |---|---|
//! | metric and person | the person's events of that metric |
//! | person | their events of each of their metrics, merged |
//! | metric | the events of the metric |
//! | neither | all events by time |
//!
//! and besides, always, what is not indexed yet (`tail.rs`).

use std::ops::RangeInclusive;

use super::merge::{Merge, behind};
use super::rows::{self, Entry, Line};
use super::tail::{self, ReadError, TailEvent};
use super::{Event, Place};
use crate::id::{MetricId, ProfileId};
use crate::limits;
use crate::profile;
use crate::store::{Order, Read, StoreError};

/// Which events a listing is about; all that it says holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Of this kind.
    pub metric: Option<MetricId>,
    /// About this person, whose id may be a former one.
    pub profile: Option<ProfileId>,
    /// That happened in these seconds.
    pub seconds: RangeInclusive<i64>,
}

impl Selection {
    /// All events.
    pub const ALL: Self = Self { metric: None, profile: None, seconds: i64::MIN..=i64::MAX };
}

/// A page of a listing.
#[derive(Debug)]
pub struct Page {
    /// The events, in the order of the listing.
    pub events: Vec<Event>,
    /// Whether more follow.
    pub has_more: bool,
}

/// The first `most` events of a selection behind `after`, in `order` of their time; fewer, and more
/// to follow, where they are large.
///
/// # Errors
/// Where too many events are not indexed yet, or the store can not be read.
pub fn list(
    from: &impl Read,
    of: &Selection,
    order: Order,
    after: Option<Place>,
    most: usize,
) -> Result<Page, ReadError> {
    let mut range = Place::all_of(&of.seconds);
    if let Some(after) = after {
        range = behind(after, range, order);
    }
    let ids = of.profile.map(|id| all_ids(from, id)).transpose()?;
    let lines = lines(from, of, ids.as_deref())?;
    let wanted = |event: &TailEvent| {
        of.metric.is_none_or(|metric| metric == event.metric)
            && ids.as_ref().is_none_or(|ids| ids.contains(&event.profile))
            && range.contains(&event.place)
    };
    let tail = tail::read(from, wanted)?;
    let tail = tail.iter().map(|event| Entry { place: event.place, value: None }).collect();
    let mut merge = Merge::new(from, &lines, &range, order, tail)?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(entry) = merge.next()? {
        let is_full = events.len() >= most || bytes >= limits::EVENTS_LISTED_BYTES_MAX;
        if is_full {
            return Ok(Page { events, has_more: true });
        }
        if let Some(event) = rows::get(from, entry.place.id())? {
            bytes += event.properties.len();
            events.push(event);
        }
    }
    Ok(Page { events, has_more: false })
}

/// The present id of a person and all former ones.
pub(super) fn all_ids(from: &impl Read, id: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
    let present = profile::current(from, id)?;
    let mut ids = profile::sources(from, present)?;
    ids.push(present);
    Ok(ids)
}

fn lines(
    from: &impl Read,
    of: &Selection,
    ids: Option<&[ProfileId]>,
) -> Result<Vec<Line>, StoreError> {
    let Some(ids) = ids else { return Ok(vec![of.metric.map_or(Line::All, Line::Metric)]) };
    let mut lines = Vec::new();
    for id in ids {
        match of.metric {
            Some(metric) => lines.push(Line::Person(*id, metric)),
            None => {
                let metrics = rows::metrics_of(from, *id)?;
                lines.extend(metrics.into_iter().map(|(metric, _)| Line::Person(*id, metric)));
            }
        }
    }
    Ok(lines)
}
