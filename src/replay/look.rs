//! Reading the log ahead of a replay: which events it wants, as far as a snapshot can tell.
//!
//! It changes nothing and keeps nobody waiting. Long stretches of events that nobody wants are
//! passed here, so that the writer only sees those that are to be sent; it judges those again.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use serde_json::value::RawValue;

use super::standing::Action;
use super::{Choice, Counts, Standing, Stretch, Wanted, parse};
use crate::clock::{Stopwatch, Timestamp};
use crate::condition::Filter;
use crate::delivery::{OfEvents, Order, Source};
use crate::event::{self, Event};
use crate::id::{EventId, MetricId, WebhookId};
use crate::limits;
use crate::matching::Candidate;
use crate::metric::{Metric, Metrics};
use crate::store::{DecodeError, Read, Store, StoreError};

/// What a replay looks for, prepared for looking.
pub(super) struct Search {
    webhook: WebhookId,
    metrics: BTreeMap<MetricId, Source>,
    states: Vec<Choice>,
    filter: Option<Filter>,
}

impl Search {
    /// # Errors
    /// Where the filter was stored by a version that knew other conditions.
    pub(super) fn new(wanted: &Wanted, metrics: &Metrics) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt { table: "replays", error: DecodeError::Content };
        let filter = wanted.filter.clone().map(|text| {
            let raw = RawValue::from_string(text).ok()?;
            Filter::parse(&raw, "", parse::KINDS).ok()
        });
        let filter = filter.map(|parsed| parsed.ok_or_else(corrupt)).transpose()?;
        let metrics = wanted.topics.iter().filter_map(|topic| metrics.by_topic(topic));
        // What becomes of operational events is announced by no further ones, replayed or not.
        let source = |metric: &Metric| {
            if metric.is_operational() { Source::Operational } else { Source::Replay }
        };
        let metrics = metrics.map(|metric| (metric.id, source(&metric))).collect();
        Ok(Self { webhook: wanted.webhook, metrics, states: wanted.states.clone(), filter })
    }

    /// The order for an event that is of a wanted topic and fits the filter.
    fn order(
        &self,
        from: &impl Read,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<Order>, StoreError> {
        let Some(source) = self.metrics.get(&event.metric) else { return Ok(None) };
        let fits = match &self.filter {
            Some(filter) => Candidate::new(event, from).fits(filter, now)?,
            None => true,
        };
        let order = || Order {
            source: *source,
            event: event.id,
            profile: event.profile,
            bytes: event.properties.len(),
        };
        Ok(fits.then(order))
    }

    /// Hands the events of a stretch to `visit`, in their order, until it breaks or
    /// [`limits::REPLAY_LOOK_TIME_MAX`] is over: those that match with their order and how they
    /// stand. Returns how far it got, which is at least one event.
    fn walk(
        &self,
        from: &impl Read,
        stretch: Stretch,
        now: Timestamp,
        mut visit: impl FnMut(EventId, Option<(Order, Standing)>) -> ControlFlow<()>,
    ) -> Result<Reached, StoreError> {
        let (mut cursor, watch) = (stretch.after, Stopwatch::start());
        let deliveries = OfEvents::new(from)?;
        loop {
            let most = limits::REPLAY_PAGE_EVENTS_MAX;
            let page = event::page(from, cursor, stretch.to, most)?;
            if page.is_empty() {
                return Ok(Reached { cursor, is_end: true, deliveries });
            }
            for event in page {
                cursor = event.id;
                let found = match self.order(from, &event, now)? {
                    Some(order) => {
                        let standing = Standing::of(&deliveries.of(from, event.id)?, self.webhook);
                        Some((order, standing))
                    }
                    None => None,
                };
                let has_time = watch.elapsed() < limits::REPLAY_LOOK_TIME_MAX;
                if visit(event.id, found).is_break() || !has_time {
                    return Ok(Reached { cursor, is_end: cursor >= stretch.to, deliveries });
                }
            }
        }
    }
}

struct Reached {
    cursor: EventId,
    is_end: bool,
    deliveries: OfEvents,
}

/// What a look found.
#[derive(Debug)]
pub(super) struct Looked {
    /// The last event that it passed.
    pub(super) cursor: EventId,
    /// Whether there is none after it.
    pub(super) is_end: bool,
    /// What it passed, without what is to be scheduled.
    pub(super) counts: Counts,
    /// What is to be scheduled, in order.
    pub(super) orders: Vec<Order>,
    /// The deliveries that there were, so that a step need only read those that came since.
    pub(super) deliveries: OfEvents,
}

/// Looks at the next events of a stretch: a bounded number of them, of which `most` at most are to
/// be scheduled.
pub(super) fn look(
    from: &impl Read,
    search: &Search,
    stretch: Stretch,
    most: usize,
    now: Timestamp,
) -> Result<Looked, StoreError> {
    let (mut counts, mut orders) = (Counts::default(), Vec::new());
    let reached = search.walk(from, stretch, now, |_, found| {
        counts.scanned += 1;
        if let Some((order, standing)) = found {
            counts.matched += 1;
            match standing.action(&search.states) {
                Action::Schedule | Action::Resend(_) => orders.push(order),
                Action::Skip => counts.skipped += 1,
                Action::Leave => {}
            }
        }
        let has_room =
            orders.len() < most && counts.scanned < limits::REPLAY_LOOK_EVENTS_MAX as u64;
        if has_room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let Reached { cursor, is_end, deliveries } = reached;
    Ok(Looked { cursor, is_end, counts, orders, deliveries })
}

/// What a replay would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Events of a wanted topic that fit the filter.
    pub events: u64,
    /// Deliveries that would be scheduled now. A batch that is sent again is one.
    pub deliveries: u64,
    /// The events by what became of them.
    pub by_choice: BTreeMap<Choice, u64>,
    /// The events that are on their way.
    pub scheduled: u64,
    /// Whether all of the stretch was read; else all numbers are lower bounds.
    pub is_complete: bool,
    /// Events that were read.
    pub scanned: u64,
    /// The second of receipt of the first event that would be sent.
    pub oldest: Option<Timestamp>,
    /// The second of receipt of the last one, as far as was read.
    pub newest: Option<Timestamp>,
}

/// What a replay would do now. It reads up to [`limits::REPLAY_PREVIEW_EVENTS_MAX`] events, for
/// [`limits::REPLAY_PREVIEW_TIME_MAX`] at most: not on a thread that others need.
///
/// # Errors
/// Where the store can not be read.
pub fn preview(
    store: &Store,
    wanted: &Wanted,
    metrics: &Metrics,
    now: Timestamp,
) -> Result<Preview, StoreError> {
    let search = Search::new(wanted, metrics)?;
    let mut left = stretch_of(&store.snapshot()?, wanted)?;
    let (mut preview, mut resent, watch) = (Preview::default(), HashSet::new(), Stopwatch::start());
    while !preview.is_complete
        && preview.scanned < limits::REPLAY_PREVIEW_EVENTS_MAX as u64
        && watch.elapsed() < limits::REPLAY_PREVIEW_TIME_MAX
    {
        let until = preview.scanned + limits::REPLAY_LOOK_EVENTS_MAX as u64;
        // A snapshot for each look: one that is held long keeps pages from being used again.
        let reached = search.walk(&store.snapshot()?, left, now, |event, found| {
            preview.scanned += 1;
            if let Some((_, standing)) = found {
                let is_sent = match standing.action(&wanted.states) {
                    Action::Schedule => true,
                    Action::Resend(id) => resent.insert(id),
                    Action::Skip | Action::Leave => false,
                };
                preview.count(event, standing, is_sent);
            }
            if preview.scanned < until { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        left.after = reached.cursor;
        preview.is_complete = reached.is_end;
    }
    Ok(preview)
}

impl Preview {
    fn count(&mut self, event: EventId, standing: Standing, is_sent: bool) {
        self.events += 1;
        match standing.choice() {
            Some(choice) => *self.by_choice.entry(choice).or_default() += 1,
            None => self.scheduled += 1,
        }
        if is_sent {
            self.deliveries += 1;
            self.oldest = self.oldest.or_else(|| Some(event.received()));
            self.newest = Some(event.received());
        }
    }
}

/// The part of the log between the two moments of `wanted`, from its first event to the last one
/// that there is now.
pub(super) fn stretch_of(from: &impl Read, wanted: &Wanted) -> Result<Stretch, StoreError> {
    let before = second_of(wanted.from) << 32;
    let after = EventId::from_u64(before.saturating_sub(1));
    let to = EventId::from_u64((second_of(wanted.to) << 32) | u64::from(u32::MAX));
    let to = to.min(event::last(from)?);
    Ok(match event::page(from, after, to, 1)?.first() {
        Some(first) => Stretch { after: EventId::from_u64(first.id.as_u64() - 1), to },
        None => Stretch { after: to, to },
    })
}

/// The second of a moment as event ids have it.
fn second_of(moment: Timestamp) -> u64 {
    u64::from(u32::try_from(moment.seconds().max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_before_the_epoch_or_after_its_end_is_the_nearest() {
        let cases = [(-5, 0), (0, 0), (7, 7), (i64::from(u32::MAX) + 1, u64::from(u32::MAX))];
        for (seconds, expected) in cases {
            assert_eq!(second_of(Timestamp::from_seconds(seconds)), expected);
        }
    }

    #[test]
    fn a_preview_counts_by_what_became_of_events() {
        let mut preview = Preview::default();
        let id = crate::id::DeliveryId::from_u128(1);
        for (second, standing, is_sent) in [
            (5, Standing::Finished(Choice::Delivered, id), false),
            (6, Standing::Never, true),
            (7, Standing::Scheduled, false),
            (8, Standing::Finished(Choice::Parked, id), true),
            (9, Standing::Finished(Choice::Parked, id), false),
        ] {
            preview.count(EventId::from_u64(second << 32), standing, is_sent);
        }
        let counted: Vec<_> = preview.by_choice.into_iter().collect();
        assert_eq!(counted, [(Choice::Never, 1), (Choice::Parked, 2), (Choice::Delivered, 1)]);
        assert_eq!((preview.events, preview.deliveries, preview.scheduled), (5, 2, 1));
        let at = |second| Some(Timestamp::from_seconds(second));
        assert_eq!((preview.oldest, preview.newest), (at(6), at(8)));
    }
}
