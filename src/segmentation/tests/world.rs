//! A store with everything that segments stand on, without a daemon around it: operations on
//! people, and the naive evaluation that the followed one must agree with.

use std::borrow::Cow;
use std::ops::{ControlFlow, RangeInclusive};
use std::time::Duration;

use jiff::tz::TimeZone;
use redb::backends::InMemoryBackend;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::clock::{Clock, Timestamp};
use crate::condition::{At, Channel, Consent, LazyObject, PastEvent, Subject};
use crate::delivery::{Deliveries, Messages};
use crate::egress::Policy;
use crate::erasure;
use crate::event::{self, Event, Indexer, NewEvent, UniqueIds};
use crate::flow::Flows;
use crate::id::{EventId, GroupId, JobId, MetricId, ProfileId};
use crate::ingest::{Ingest, Reactors};
use crate::membership;
use crate::metric::{MetricError, MetricName, Metrics};
use crate::people::{Merge, People};
use crate::person::Person;
use crate::profile::{self, Aspect, Change, ProfilePatch};
use crate::segment::{self, NewSegment, SegmentPatch, Segments, View};
use crate::segmentation::look::look;
use crate::segmentation::worker::Round;
use crate::segmentation::{self, Worker};
use crate::store::{Snapshot, Store, StoreError, WriterHandle};
use crate::vault::Vault;
use crate::webhook::Webhooks;

/// 2026-01-01.
pub(super) const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// Something that somebody did.
pub(super) struct Past<'p> {
    pub(super) metric: &'p str,
    pub(super) seconds_ago: i64,
    pub(super) properties: &'p str,
    pub(super) value: Option<i64>,
}

impl<'p> Past<'p> {
    /// Just now, and without anything to tell.
    pub(super) const fn just(metric: &'p str) -> Self {
        Self { metric, seconds_ago: 0, properties: "{}", value: None }
    }
}

pub(super) struct World {
    pub(super) store: Store,
    writer: WriterHandle,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) segments: Segments,
    deliveries: Deliveries,
    ingest: Ingest,
    zone: TimeZone,
    events: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Clock::manual(START);
        let opened = Store::open_on(InMemoryBackend::new(), 16 << 20, clock.clone());
        let (store, writer) = opened.unwrap();
        let metrics = Metrics::default();
        let seeded = metrics.clone();
        let seed = store.commit(move |tx| seeded.seed(tx, &segmentation::METRICS)).await;
        seed.unwrap_or_else(|error: MetricError| panic!("{error:?}"));
        let snapshot = store.snapshot().unwrap();
        let vault = Vault::from_key(&Zeroizing::new([7; 32]));
        let policy = Policy::default();
        let (webhooks, _) = Webhooks::load(&snapshot, &policy, vault.clone()).unwrap();
        let flows = Flows::load(&snapshot, vault, &policy, webhooks.clone()).unwrap();
        let deliveries = Deliveries::new(webhooks.clone(), clock.clone(), 1, &snapshot).unwrap();
        let unique = UniqueIds::load(&snapshot, Duration::from_secs(1)).unwrap();
        drop(snapshot);
        let segments = Segments::default();
        let reactors = Reactors { webhooks, segments: segments.clone(), flows };
        let made =
            Ingest::new(store.clone(), metrics.clone(), reactors, deliveries.clone(), unique);
        let ingest = made.unwrap();
        let zone = TimeZone::UTC;
        Self { store, writer, clock, metrics, segments, deliveries, ingest, zone, events: 0 }
    }

    pub(super) fn end(self) {
        let Self { store, writer, ingest, deliveries, .. } = self;
        drop((store, ingest, deliveries));
        writer.join().unwrap();
    }

    /// The registry of a daemon that was started again.
    pub(super) fn restart(&mut self) {
        self.segments = Segments::load(&self.store.snapshot().unwrap()).unwrap();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The metric of this name, made if it is new.
    pub(super) async fn metric(&self, name: &str) -> MetricId {
        let (metrics, name) = (self.metrics.clone(), MetricName::parse(name, None).unwrap());
        let made = self.store.commit(move |tx| metrics.ensure(tx, &name, false)).await;
        made.unwrap_or_else(|error: MetricError| panic!("{error:?}")).id
    }

    /// Records an event of the person with this external id.
    pub(super) async fn event(&mut self, person: &str, past: Past<'_>) {
        self.events += 1;
        let event = NewEvent {
            metric: MetricName::parse(past.metric, None).unwrap(),
            profile: ProfilePatch::external(person),
            time: Timestamp::from_seconds(self.now().seconds() - past.seconds_ago),
            unique_id: format!("u{}", self.events),
            value: past.value.map(|value| value.to_string()),
            value_currency: None,
            properties: past.properties.to_owned(),
            backfill: false,
            pointer: String::new(),
        };
        self.ingest.record(vec![event]).await.unwrap();
    }

    /// Makes or changes the person with this external id.
    pub(super) async fn person(&self, person: &str, attributes: &str) -> ProfileId {
        let text = format!(
            r#"{{"data":{{"type":"profile","attributes":{{"external_id":"{person}",{attributes}}}}}}}"#
        );
        let people = People::new(self.store.clone(), self.ingest.clone());
        let patch = ProfilePatch::of_import(text.as_bytes()).unwrap();
        people.upsert(patch).await.unwrap().0.id
    }

    /// A new list.
    pub(super) async fn list(&self) -> GroupId {
        self.store.commit(membership::claim).await.unwrap()
    }

    /// Puts the person on a list, or takes them off it.
    pub(super) async fn on_list(&self, list: GroupId, profile: ProfileId, is_on: bool) {
        let change = self.store.commit(move |tx| {
            let now = tx.now();
            let is_changed = match is_on {
                true => membership::join(tx, list, profile, now)?,
                false => membership::leave(tx, list, profile)?,
            };
            if is_changed {
                let aspect = Aspect::Group(list);
                profile::note(tx, Change { profile, aspect, quiet: false })?;
            }
            Ok::<_, StoreError>(())
        });
        change.await.unwrap();
    }

    pub(super) async fn segment(&self, definition: &str) -> GroupId {
        let body = format!(
            r#"{{"data":{{"type":"segment","attributes":{{"name":"s","definition":{definition}}}}}}}"#
        );
        let (segments, new) = (self.segments.clone(), NewSegment::parse(body.as_bytes()).unwrap());
        let made = self.store.commit(move |tx| {
            segments
                .create(tx, new, 0)
                .map_err(|error| StoreError::Failed(format!("{error:?}").into()))
        });
        made.await.unwrap().id
    }

    /// Changes attributes of a segment; tells whether that was allowed.
    pub(super) async fn change(&self, id: GroupId, attributes: &str) -> Result<(), String> {
        let body =
            format!(r#"{{"data":{{"type":"segment","id":"{id}","attributes":{attributes}}}}}"#);
        let patch = SegmentPatch::parse(body.as_bytes(), id.as_str()).unwrap();
        let segments = self.segments.clone();
        let changed = self.store.commit(move |tx| {
            segments
                .change(tx, id, patch, 0)
                .map_err(|error| StoreError::Failed(format!("{error:?}").into()))
        });
        changed.await.map(drop).map_err(|error| error.to_string())
    }

    pub(super) async fn delete(&self, id: GroupId) {
        let segments = self.segments.clone();
        let removed = self.store.commit(move |tx| {
            segments.remove(tx, id).map_err(|error| StoreError::Failed(format!("{error:?}").into()))
        });
        removed.await.unwrap();
    }

    /// Makes one person part of another.
    pub(super) async fn merge(&self, from: ProfileId, into: ProfileId) {
        let people = People::new(self.store.clone(), self.ingest.clone());
        people.merge(Merge { into, sources: vec![from] }).await.unwrap();
    }

    /// Erases a person while nobody follows anything but events; returns the receipt's id.
    pub(super) async fn erase(&self, id: ProfileId) -> JobId {
        let named = erasure::Named::Id(id);
        let made = self.store.commit(move |tx| erasure::create(tx, named)).await.unwrap();
        let worker = erasure::Worker {
            store: self.store.clone(),
            deliveries: self.deliveries.clone(),
            messages: Messages::default(),
        };
        let indexer = Indexer::new(self.store.clone());
        loop {
            indexer.catch_up().await.unwrap();
            worker.step().await.unwrap();
            let now = erasure::get(&self.store.snapshot().unwrap(), made.id).unwrap().unwrap();
            if now.status == erasure::Status::Complete {
                return made.id;
            }
        }
    }

    fn worker(&self) -> Worker {
        Worker {
            store: self.store.clone(),
            segments: self.segments.clone(),
            ingest: self.ingest.clone(),
            clock: self.clock.clone(),
            zone: self.zone.clone(),
        }
    }

    /// Starts by the calendar of this zone, whatever it was before.
    pub(super) async fn start_in(&mut self, zone: &str) {
        self.zone = TimeZone::get(zone).unwrap();
        self.worker().keep_calendar().await.unwrap();
    }

    /// Whether everybody is asked, or still to be asked.
    pub(super) fn is_computed_anew(&self, segment: GroupId) -> bool {
        segment::backfill(&self.store.snapshot().unwrap(), segment).unwrap().is_some()
    }

    /// A round that saw the segments as they were.
    pub(super) async fn round_with(&self, seen: &View) {
        let looked = look(&self.store.snapshot().unwrap(), seen, &At::utc(self.now())).unwrap();
        self.worker().apply(looked).await.unwrap();
    }

    /// Follows everything until nothing is left to do now.
    pub(super) async fn settle(&self) {
        let indexer = Indexer::new(self.store.clone());
        let worker = self.worker();
        for _ in 0..1_000 {
            indexer.catch_up().await.unwrap();
            if let Round::Idle(next) = worker.round().await.unwrap() {
                assert!(next.is_none_or(|next| next > self.now()), "a timer that is due stays");
                return;
            }
        }
        panic!("segments never come to rest");
    }

    /// Who belongs to the group.
    pub(super) fn members(&self, group: GroupId) -> Vec<ProfileId> {
        let snapshot = self.store.snapshot().unwrap();
        let members = membership::after(&snapshot, group, None, 1_000).unwrap();
        assert_eq!(membership::count(&snapshot, group).unwrap(), members.len() as u64);
        members.iter().map(|member| member.profile).collect()
    }

    /// Who belongs to it if everybody is asked and the whole log is read for each.
    pub(super) fn naive(&self, segment: GroupId) -> Vec<ProfileId> {
        let snapshot = self.store.snapshot().unwrap();
        let live = self.segments.get(segment).unwrap();
        let log = event::page(&snapshot, EventId::MIN, EventId::MAX, usize::MAX).unwrap();
        let people = profile::ids_after(&snapshot, None, 1_000).unwrap();
        let at = At::utc(self.now());
        people
            .into_iter()
            .filter(|id| {
                let naive = Naive { id: *id, person: Person::new(&snapshot, *id), log: &log };
                live.filter.evaluate(&naive, &at)
            })
            .collect()
    }

    /// The entries and exits of the segment so far: who, and whether they entered.
    pub(super) fn told(&self, segment: GroupId) -> Vec<(ProfileId, bool)> {
        let snapshot = self.store.snapshot().unwrap();
        let log = event::page(&snapshot, EventId::MIN, EventId::MAX, usize::MAX).unwrap();
        let names = |event: &Event| self.metrics.get(event.metric).unwrap().name.clone();
        let of_it = |event: &&Event| event.properties.contains(segment.as_str());
        log.iter()
            .filter(of_it)
            .map(|event| (event.profile, names(event) == segmentation::ENTERED))
            .collect()
    }
}

/// A person whose history is the whole log, read again for every question.
struct Naive<'a> {
    id: ProfileId,
    person: Person<'a, Snapshot>,
    log: &'a [Event],
}

impl Subject for Naive<'_> {
    fn profile_attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.person.profile_attribute(name)
    }

    fn profile_location(&self) -> Option<&Map<String, Value>> {
        self.person.profile_location()
    }

    fn profile_properties(&self) -> Option<&Map<String, Value>> {
        self.person.profile_properties()
    }

    fn history(
        &self,
        metric_id: &str,
        seconds: RangeInclusive<i64>,
        visit: &mut dyn FnMut(&dyn PastEvent) -> ControlFlow<()>,
    ) {
        let mut events: Vec<_> = self
            .log
            .iter()
            .filter(|event| event.profile == self.id && event.metric.as_str() == metric_id)
            .filter(|event| seconds.contains(&event.time.seconds()))
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse((event.time, event.id)));
        for event in events {
            let properties = LazyObject::new(event.properties.as_str());
            if visit(&Logged { event, properties }).is_break() {
                return;
            }
        }
    }

    fn joined(&self, group_id: &str) -> Option<Timestamp> {
        self.person.joined(group_id)
    }

    fn consent(&self, channel: Channel) -> Consent<'_> {
        self.person.consent(channel)
    }
}

struct Logged<'a> {
    event: &'a Event,
    properties: LazyObject<'a>,
}

impl PastEvent for Logged<'_> {
    fn time(&self) -> Timestamp {
        self.event.time
    }

    fn value(&self) -> Option<f64> {
        self.event.value.as_ref()?.parse().ok()
    }

    fn properties(&self) -> Option<&Map<String, Value>> {
        Some(self.properties.get())
    }

    fn attribute(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.event.attribute(name).map(Cow::Owned)
    }
}
