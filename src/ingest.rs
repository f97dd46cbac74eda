//! Recording events: everything that one event causes, in one command (invariant 2).
//!
//! For each event: its person is found or made, its metric is found or made, a duplicate is
//! dropped, the event is appended to the log, and a delivery is scheduled for every webhook that
//! subscribes to its topic and whose filter it fits, and a run is begun in every flow that it lets
//! the person through to. A request of many events is recorded whole or not at all.
//!
//! A change of a person is an event too: `event:tidings.profile_created` and
//! `event:tidings.profile_updated`, recorded in the command of the change and before what caused
//! it. They are many, so they are recorded only where somebody can react to them. They change
//! nobody, so they cause no further ones.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::clock::Timestamp;
use crate::delivery::{Deliveries, Order, Source};
use crate::event::{self, Event, NewEvent, UniqueIds, UniqueKey};
use crate::flow::run::{self, Begin};
use crate::flow::{Flows, Live};
use crate::id::{EventId, GroupId, ProfileId};
use crate::json::Fault;
use crate::limits;
use crate::matching::{self, Candidate};
use crate::metric::{Metric, MetricError, MetricName, Metrics};
use crate::profile::{self, Done, Effect, ProfilePatch, ResolveError};
use crate::segment::Segments;
use crate::store::{Store, StoreError, Tx};
use crate::webhook::Webhooks;

/// The names of the metrics that tell of changes of people.
pub const METRICS: [&str; 2] = [CREATED, UPDATED];

const CREATED: &str = "Profile Created";
const UPDATED: &str = "Profile Updated";

/// Records events. Clones share it.
#[derive(Clone)]
pub struct Ingest {
    store: Store,
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Metrics,
    reactors: Reactors,
    deliveries: Deliveries,
    unique_ids: UniqueIds,
    /// The last id that was given out; only the writer's commands touch it.
    last: Mutex<EventId>,
}

/// Who reacts to events.
#[derive(Clone)]
pub struct Reactors {
    /// Those who are sent them.
    pub webhooks: Webhooks,
    /// Those who count them.
    pub segments: Segments,
    /// What brings their people on.
    pub flows: Flows,
}

/// Why events were not recorded.
#[derive(Debug)]
pub enum IngestError {
    /// Something in the request can not be stored; nothing of it was.
    Fault(Fault),
    /// The store failed, or has no room.
    Store(StoreError),
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Ingest {
    /// An ingest that goes on after the last event of the log.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn new(
        store: Store,
        metrics: Metrics,
        reactors: Reactors,
        deliveries: Deliveries,
        unique_ids: UniqueIds,
    ) -> Result<Self, StoreError> {
        let last = Mutex::new(event::last(&store.snapshot()?)?);
        let shared = Shared { metrics, reactors, deliveries, unique_ids, last };
        Ok(Self { store, shared: Arc::new(shared) })
    }

    /// Records events, and returns once they are on disk with everything they cause: their ids; of
    /// a duplicate, that of the first.
    ///
    /// # Errors
    /// Where one of them can not be stored; then none is.
    pub async fn record(&self, events: Vec<NewEvent>) -> Result<Vec<EventId>, IngestError> {
        let shared = Arc::clone(&self.shared);
        self.store.commit(move |tx| shared.record(tx, events)).await
    }

    /// Records events in a command that does more.
    ///
    /// # Errors
    /// Where one of them can not be stored; then the command must fail.
    pub fn record_in(
        &self,
        tx: &mut Tx<'_, '_>,
        events: Vec<NewEvent>,
    ) -> Result<Vec<EventId>, IngestError> {
        self.shared.record(tx, events)
    }

    /// Records what became of a person, in the command that changed them; nothing where they did
    /// not change, or nobody would hear of it. Changes that an event brings are told with it.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn tell(&self, tx: &mut Tx<'_, '_>, done: &Done) -> Result<(), StoreError> {
        self.shared.tell(tx, done)
    }

    /// Somebody joined a list or entered a segment, in the command in which they did: begins a run
    /// in every flow that this lets them through to.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn joined(
        &self,
        tx: &mut Tx<'_, '_>,
        group: GroupId,
        profile: ProfileId,
    ) -> Result<(), StoreError> {
        begin(tx, &self.shared.reactors.flows.on_group(group), profile, None)
    }

    /// Whether a flow waits for dates of people, so that their changes matter to it.
    #[must_use]
    pub fn minds_dates(&self) -> bool {
        self.shared.reactors.flows.has_dates()
    }
}

/// Begins a run of a person in each of these flows.
fn begin(
    tx: &mut Tx<'_, '_>,
    flows: &[Live],
    profile: ProfileId,
    event: Option<EventId>,
) -> Result<(), StoreError> {
    for flow in flows {
        let at = tx.now();
        run::begin(tx, &Begin { flow: flow.id, profile, event, at, day: None })?;
    }
    Ok(())
}

impl Shared {
    /// First everything that can be refused, then everything that is written.
    fn record(
        &self,
        tx: &mut Tx<'_, '_>,
        events: Vec<NewEvent>,
    ) -> Result<Vec<EventId>, IngestError> {
        tx.needs_room()?;
        let mut resolved = Vec::with_capacity(events.len());
        for event in events {
            let person = profile::resolve(tx, &event.profile)
                .map_err(|error| unresolved(error, &event.pointer))?;
            let metric = self
                .metrics
                .ensure(tx, &event.metric, event.value.is_some())
                .map_err(|error| no_metric(error, &event.pointer))?;
            resolved.push((event, person, metric));
        }
        let mut ids = Vec::with_capacity(resolved.len());
        for (event, person, metric) in resolved {
            self.tell(tx, &person)?;
            ids.push(self.append(tx, event, person.id, &metric)?);
        }
        Ok(ids)
    }

    fn tell(&self, tx: &mut Tx<'_, '_>, done: &Done) -> Result<(), StoreError> {
        let (name, properties) = match &done.effect {
            Effect::Unchanged => return Ok(()),
            Effect::Created(kinds) => (CREATED, json!({ "identifiers": kinds })),
            Effect::Updated(names) => (UPDATED, json!({ "changed": names })),
        };
        let name = MetricName::own(name);
        // It is made at the start; without it, there is nothing that could have asked for it.
        let Some(metric) = self.metrics.named(&name).filter(|metric| self.is_heard(metric)) else {
            return Ok(());
        };
        let event = NewEvent {
            metric: name,
            profile: ProfilePatch::of(done.id),
            time: Timestamp::from_seconds(tx.now().seconds()),
            unique_id: format!("{:032x}", tx.ulid()?),
            value: None,
            value_currency: None,
            properties: properties.to_string(),
            backfill: false,
            pointer: String::new(),
        };
        self.append(tx, event, done.id, &metric)?;
        Ok(())
    }

    /// The flows that an event lets its person through to.
    fn flows_on(&self, event: &Event, from: &Tx<'_, '_>) -> Result<Vec<Live>, StoreError> {
        let mut flows = self.reactors.flows.on_metric(event.metric);
        if flows.is_empty() || !is_news(event) {
            return Ok(Vec::new());
        }
        let candidate = Candidate::new(event, from);
        let mut fits = Vec::with_capacity(flows.len());
        for flow in &flows {
            fits.push(match flow.definition.trigger_filter() {
                Some(conditions) => candidate.fits(&conditions.filter, from.now())?,
                None => true,
            });
        }
        let mut fits = fits.into_iter();
        flows.retain(|_| fits.next().unwrap_or_default());
        Ok(flows)
    }

    fn is_heard(&self, metric: &Metric) -> bool {
        let Reactors { webhooks, segments, flows } = &self.reactors;
        segments.listens_to(metric.id)
            || !webhooks.matching(&metric.topic).is_empty()
            || !flows.on_metric(metric.id).is_empty()
    }

    fn append(
        &self,
        tx: &mut Tx<'_, '_>,
        new: NewEvent,
        profile: ProfileId,
        metric: &Metric,
    ) -> Result<EventId, StoreError> {
        let key = UniqueKey { profile, metric: metric.id, unique_id: &new.unique_id };
        if let Some(first) = self.unique_ids.find(tx, key)? {
            return Ok(first);
        }
        let id = {
            let mut last = self.last.lock().expect("no holder panics");
            *last = last.next(tx.now());
            *last
        };
        self.unique_ids.add(tx, key, id)?;
        let event = Event {
            id,
            metric: metric.id,
            profile,
            time: new.time,
            received: tx.now(),
            value: new.value.or_else(|| metric.has_value.then(|| "0".to_owned())),
            value_currency: new.value_currency,
            properties: new.properties,
            unique_id: new.unique_id,
            backfill: new.backfill,
        };
        let subscribers = self.reactors.webhooks.matching(&metric.topic);
        let wanted = matching::wanted_by(&event, subscribers, tx, tx.now())?;
        let source = if metric.is_operational() { Source::Operational } else { Source::Event };
        let order = Order { source, event: id, profile, bytes: event.properties.len() };
        let flows = self.flows_on(&event, tx)?;
        event::put(tx, event)?;
        self.deliveries.schedule(tx, &order, &wanted)?;
        begin(tx, &flows, profile, Some(id))?;
        Ok(id)
    }
}

/// Whether an event may start a flow: one of the past does not (contract: wire.md §2.2).
fn is_news(event: &Event) -> bool {
    !event.backfill && event.received.since(event.time) <= limits::FLOW_TRIGGER_AGE_MAX
}

fn unresolved(error: ResolveError, event_at: &str) -> IngestError {
    let profile = format!("{}/profile/data", attributes(event_at));
    match error {
        ResolveError::Unknown(id) => {
            IngestError::Fault(Fault::new(format!("{profile}/id"), format!("no profile {id}")))
        }
        // Whose it is is not said: pages in browsers post events too.
        ResolveError::TooLarge(_) => IngestError::Fault(Fault::new(
            format!("{profile}/attributes/properties"),
            format!(
                "with these, the profile would hold more than {} bytes",
                limits::PROFILE_BYTES_MAX
            ),
        )),
        ResolveError::Store(error) => IngestError::Store(error),
    }
}

fn no_metric(error: MetricError, event_at: &str) -> IngestError {
    match error {
        MetricError::TooMany => IngestError::Fault(Fault::new(
            format!("{}/metric/data/attributes/name", attributes(event_at)),
            format!(
                "there are {} metrics already; a metric's name is a kind of event, and what \
                 differs from event to event belongs into its properties",
                limits::METRICS_MAX
            ),
        )),
        MetricError::Store(error) => IngestError::Store(error),
    }
}

/// Where the attributes of an event stand in its request. The profile of a bulk entry stands with
/// its group, which is near enough to find it.
fn attributes(event_at: &str) -> String {
    if event_at.is_empty() {
        "/data/attributes".to_owned()
    } else {
        format!("{event_at}/attributes")
    }
}
