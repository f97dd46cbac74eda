//! Time travel: a definition over given events, on a virtual clock, with nothing sent.
//!
//! The events are recorded in a store in memory, each at its own time, by the code that records
//! them in a daemon; in between, the loop's own rounds move the runs, and the clock jumps to
//! whatever is due next. Webhooks are rendered and stay in the outbox, where nothing takes them, so
//! that outputs of responses have their defaults at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use redb::backends::InMemoryBackend;
use serde_json::Value;
use zeroize::Zeroizing;

use super::context::Organization;
use super::save::SaveError;
use super::worker::{Automation, Round};
use crate::clock::{Clock, Timestamp};
use crate::delivery::{self, Deliveries, StoredRequest};
use crate::egress::Policy;
use crate::event::{Indexer, NewEvent, UniqueIds};
use crate::flow::run::{self, Filter, Run, What};
use crate::flow::{Flow, FlowPatch, Flows, Group, Known, Names, NewFlow, Status};
use crate::id::{DeliveryId, MetricId};
use crate::ingest::{Ingest, IngestError, Reactors};
use crate::json::Fault;
use crate::limits;
use crate::metric::{MetricError, MetricName, Metrics, OPERATIONAL};
use crate::profile::{self, Identifier};
use crate::sandbox::Sandbox;
use crate::segment::Segments;
use crate::store::{Store, StoreError, Tx, WriterHandle};
use crate::vault::Vault;
use crate::webhook::Webhooks;

/// What is simulated.
pub struct Setup {
    /// The body of a flow, as `POST /api/flows` takes it. Metrics may be named by their names.
    pub flow: Vec<u8>,
    /// What happens, in any order.
    pub events: Vec<NewEvent>,
    /// Metrics that the flow names, each as it names it: by its name, or by its id elsewhere. Those
    /// of the events are known without this.
    pub metrics: Vec<(String, MetricName)>,
    /// When it ends; where nothing is said, when nothing is due any more, and of a date flow
    /// [`limits::SIMULATION_DATES_AHEAD`] after the last event.
    pub until: Option<Timestamp>,
    /// The calendar of whoever has none of their own.
    pub zone: TimeZone,
    /// What templates call `organization`.
    pub organization: Organization,
    /// Renders the webhooks.
    pub sandbox: Sandbox,
}

/// What came of it.
#[derive(Debug)]
pub struct Simulation {
    /// The flow, with the ids that the timelines name.
    pub flow: Flow,
    /// The runs, the oldest first.
    pub runs: Vec<Simulated>,
    /// When the clock stood at the end.
    pub ended: Timestamp,
    /// Whether runs were still under way then.
    pub is_cut: bool,
    /// Older runs that are not told of: there were more than [`limits::SIMULATION_RUNS_MAX`].
    pub left_out: usize,
}

/// A run of a simulation.
#[derive(Debug)]
pub struct Simulated {
    /// The run.
    pub run: Run,
    /// Whom it was about, by their best identifier.
    pub person: String,
    /// What its webhooks would have sent, by their deliveries.
    pub requests: Vec<(DeliveryId, StoredRequest)>,
}

/// Why there was no simulation.
#[derive(Debug)]
pub enum SimulateError {
    /// Something about the flow, as its body has it.
    Fault(Fault),
    /// Something about an event, where its own pointer says that it stands.
    Event(Fault),
    /// Templates can not be rendered; a sentence.
    Unavailable(String),
    /// The store in memory failed.
    Store(StoreError),
}

impl From<StoreError> for SimulateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MetricError> for SimulateError {
    fn from(error: MetricError) -> Self {
        match error {
            MetricError::TooMany => Self::Fault(Fault::new("", "there are too many metrics")),
            MetricError::Store(error) => Self::Store(error),
        }
    }
}

impl From<SaveError> for SimulateError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Template(fault) => Self::Fault(fault.under("/data/attributes/definition")),
            SaveError::Unavailable(why) => Self::Unavailable(why),
            SaveError::Flow(error) => match error {
                crate::flow::FlowError::CanNotAct(fault) => Self::Fault(fault),
                crate::flow::FlowError::Store(error) => Self::Store(error),
                other => Self::Fault(Fault::new("", format!("{other:?}"))),
            },
        }
    }
}

/// A daemon's loop without a daemon.
struct Bench {
    automation: Automation,
    metrics: Metrics,
    indexer: Indexer,
    writer: WriterHandle,
}

/// Runs a definition over events.
///
/// # Errors
/// Where the flow or an event is refused, or templates can not be rendered.
pub async fn simulate(setup: Setup) -> Result<Simulation, SimulateError> {
    let Setup { flow, mut events, metrics, until, zone, organization, sandbox } = setup;
    events.sort_by_key(|event| event.time);
    let start = events.first().map_or(Timestamp::EPOCH, |event| event.time);
    let bench = Bench::new(start, zone, organization, sandbox).await?;
    let simulated = bench.over(&flow, (events, metrics), until).await;
    // The writer ends when nobody can give it commands any more: the indexer can, too.
    let Bench { automation, metrics, indexer, writer } = bench;
    drop((automation, metrics, indexer));
    // The store lies in memory: whatever closing it meets is gone with it.
    let closed = tokio::task::spawn_blocking(move || writer.join()).await;
    tracing::debug!(?closed, "a simulation ended");
    simulated
}

impl Bench {
    async fn new(
        start: Timestamp,
        zone: TimeZone,
        organization: Organization,
        sandbox: Sandbox,
    ) -> Result<Self, SimulateError> {
        let clock = Clock::manual(start);
        let memory = InMemoryBackend::new();
        let (store, writer) =
            Store::open_on(memory, limits::SIMULATION_CACHE_BYTES, clock.clone())?;
        let metrics = Metrics::default();
        let seeded = metrics.clone();
        let own = [&OPERATIONAL[..], &crate::ingest::METRICS].concat();
        store.commit(move |tx| seeded.seed(tx, &own)).await?;
        let snapshot = store.snapshot()?;
        // Nothing that is sealed here outlives the process.
        let vault = Vault::from_key(&Zeroizing::new([0; 32]));
        let policy = Policy { allow_http: true, allow_loopback: true, ..Policy::default() };
        let (webhooks, _) = Webhooks::load(&snapshot, &policy, vault.clone())?;
        let deliveries = Deliveries::new(webhooks.clone(), clock.clone(), 1, &snapshot)?;
        let unique_ids = UniqueIds::load(&snapshot, Duration::from_secs(7 * 86_400))?;
        let flows = Flows::load(&snapshot, vault, &policy, webhooks.clone())?;
        drop(snapshot);
        let segments = Segments::default();
        let reactors = Reactors { webhooks, segments, flows: flows.clone() };
        let ingest =
            Ingest::new(store.clone(), metrics.clone(), reactors, deliveries.clone(), unique_ids)?;
        let indexer = Indexer::new(store.clone());
        let automation = Automation {
            store,
            flows,
            ingest,
            deliveries,
            sandbox,
            clock,
            zone,
            organization: Arc::new(organization),
            awaits_answers: false,
        };
        Ok(Self { automation, metrics, indexer, writer })
    }

    async fn over(
        &self,
        flow: &[u8],
        (events, metrics): (Vec<NewEvent>, Vec<(String, MetricName)>),
        until: Option<Timestamp>,
    ) -> Result<Simulation, SimulateError> {
        let aliases = self.learn(&events, metrics).await?;
        let flow = self.flow(flow, &aliases).await?;
        for event in events {
            let at = event.time;
            if until.is_some_and(|until| at > until) {
                break;
            }
            self.move_to(at).await?;
            let recorded = self.automation.ingest.record(vec![event]).await;
            recorded.map_err(|error| match error {
                IngestError::Store(error) => SimulateError::Store(error),
                IngestError::Fault(fault) => SimulateError::Event(fault),
            })?;
            self.indexer.catch_up().await?;
            self.drain().await?;
        }
        self.to_the_end(until).await?;
        self.told(flow)
    }

    /// Makes the metrics of the events, and those that are given; returns what these are called.
    async fn learn(
        &self,
        events: &[NewEvent],
        given: Vec<(String, MetricName)>,
    ) -> Result<HashMap<String, MetricId>, SimulateError> {
        let metrics = self.metrics.clone();
        let of_events: Vec<_> =
            events.iter().map(|event| (event.metric.clone(), event.value.is_some())).collect();
        let learn = move |tx: &mut Tx<'_, '_>| {
            let mut seen = HashSet::new();
            for (name, has_value) in of_events {
                let key = (name.service().to_owned(), name.name().to_owned(), has_value);
                if seen.insert(key) {
                    metrics.ensure(tx, &name, has_value)?;
                }
            }
            let id = |(alias, name): (String, MetricName)| {
                Ok::<_, MetricError>((alias, metrics.ensure(tx, &name, false)?.id))
            };
            given.into_iter().map(id).collect::<Result<HashMap<_, _>, _>>()
        };
        Ok(self.automation.store.commit(learn).await?)
    }

    /// Makes the flow, and lets people in.
    async fn flow(
        &self,
        body: &[u8],
        aliases: &HashMap<String, MetricId>,
    ) -> Result<Flow, SimulateError> {
        let metric = |text: &str| -> Option<(MetricId, String)> {
            let by_alias = aliases.get(text).and_then(|id| self.metrics.get(*id));
            let found = by_alias.or_else(|| self.metrics.find(text))?;
            Some((found.id, found.name.clone()))
        };
        let body = with_metric_ids(body, &|text| metric(text).map(|(id, _)| id));
        let policy = Policy { allow_http: true, allow_loopback: true, ..Policy::default() };
        let known = Known {
            policy: &policy,
            // Nobody is on a list here; what names one is taken as it is.
            names: Some(Names {
                metric: &metric,
                group: &|_| Some(Group::List),
                forbidden_triggers: &[],
            }),
            before: None,
        };
        let new = NewFlow::parse(&body, &known).map_err(SimulateError::Fault)?;
        if new.definition.trigger.group().is_some() {
            let why = "a simulation follows events and dates, and nobody joins a list or segment \
                       in it: try the flow with a metric, such as `Subscribed to List`";
            let at = "/data/attributes/definition/triggers/0/type";
            return Err(SimulateError::Fault(Fault::new(at, why)));
        }
        let flow = self.automation.create(new).await?;
        let live = FlowPatch { status: Some(Status::Live), ..FlowPatch::default() };
        Ok(self.automation.change(&flow, live).await?)
    }

    /// Brings the clock there, stopping wherever something is to be done.
    async fn move_to(&self, to: Timestamp) -> Result<(), SimulateError> {
        loop {
            match self.drain().await?.filter(|due| *due <= to) {
                Some(due) => self.set(due),
                None => {
                    self.set(to);
                    return Ok(());
                }
            }
        }
    }

    /// Goes on until nothing is to be done any more, or the end.
    async fn to_the_end(&self, until: Option<Timestamp>) -> Result<(), SimulateError> {
        // Dates come back for ever, so that such a flow is planned again and again.
        let dates_end = || self.automation.clock.now().plus(limits::SIMULATION_DATES_AHEAD);
        let until = until.or_else(|| self.automation.flows.has_dates().then(dates_end));
        for _ in 0..limits::SIMULATION_JUMPS_MAX {
            let due = self.drain().await?;
            match due.filter(|due| until.is_none_or(|until| *due <= until)) {
                Some(due) => self.set(due),
                None => {
                    until.into_iter().for_each(|until| self.set(until));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn set(&self, to: Timestamp) {
        let clock = &self.automation.clock;
        clock.advance(to.since(clock.now()));
    }

    /// Does all that is to be done now; returns when there is more.
    async fn drain(&self) -> Result<Option<Timestamp>, SimulateError> {
        loop {
            if let Round::Idle(next) = self.automation.round().await? {
                return Ok(next);
            }
        }
    }

    fn told(&self, flow: Flow) -> Result<Simulation, SimulateError> {
        let from = self.automation.store.snapshot()?;
        let filter = Filter { flow: Some(flow.id), ..Filter::default() };
        let page = run::page(&from, &filter, None, limits::SIMULATION_RUNS_MAX)?;
        let mut runs = Vec::with_capacity(page.runs.len());
        for run in page.runs.into_iter().rev() {
            let person = profile::get(&from, run.profile)?;
            let person = person.map_or_else(|| run.profile.to_string(), |of| best_name(&of));
            let mut requests = Vec::new();
            for moment in &run.timeline {
                let What::Sent { delivery } = moment.what else { continue };
                let request = delivery::stored_request(&from, delivery)?;
                requests.extend(request.map(|request| (delivery, request)));
            }
            runs.push(Simulated { run, person, requests });
        }
        let counts = run::of_flow(&from, flow.id)?;
        let is_cut = counts.waiting > 0;
        let left_out = usize::try_from(counts.done).unwrap_or_default().saturating_sub(runs.len());
        Ok(Simulation { flow, runs, ended: self.automation.clock.now(), is_cut, left_out })
    }
}

/// The body with ids in the places where conditions and trigger splits name metrics, which take ids
/// alone. One that is no JSON stays, to be refused by who reads it.
fn with_metric_ids(body: &[u8], find: &dyn Fn(&str) -> Option<MetricId>) -> Vec<u8> {
    match serde_json::from_slice::<Value>(body) {
        Err(_) => body.to_vec(),
        Ok(mut value) => {
            set_metric_ids(&mut value, find);
            value.to_string().into_bytes()
        }
    }
}

fn set_metric_ids(value: &mut Value, find: &dyn Fn(&str) -> Option<MetricId>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let names_metric = matches!(key.as_str(), "metric_id" | "trigger_id");
                let found = member.as_str().filter(|_| names_metric).and_then(find);
                match found {
                    Some(id) => *member = Value::String(id.to_string()),
                    None => set_metric_ids(member, find),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_metric_ids(item, find)),
        _ => {}
    }
}

/// The identifier by which people know somebody.
fn best_name(profile: &profile::Profile) -> String {
    [Identifier::Email, Identifier::PhoneNumber, Identifier::ExternalId, Identifier::AnonymousId]
        .into_iter()
        .find_map(|kind| profile.identifier(kind))
        .map_or_else(|| profile.id.to_string(), str::to_owned)
}
