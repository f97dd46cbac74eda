//! Time travel: a definition over given events, on a virtual clock, with nothing sent.
//!
//! The events are recorded in a store in memory, each at its own time, by the code that records
//! them in a daemon; in between, the loop's own rounds move the runs, and the clock jumps to
//! whatever is due next. Webhooks are rendered and stay in the outbox, where nothing takes them, so
//! that outputs of responses have their defaults at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use redb::backends::InMemoryBackend;
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
use crate::metric::{MetricError, Metrics, OPERATIONAL};
use crate::profile::{self, Identifier};
use crate::sandbox::Sandbox;
use crate::segment::Segments;
use crate::store::{Store, StoreError, WriterHandle};
use crate::vault::Vault;
use crate::webhook::Webhooks;

/// What is simulated.
pub struct Setup {
    /// The body of a flow, as `POST /api/flows` takes it. Metrics may be named by their names.
    pub flow: Vec<u8>,
    /// What happens, in any order.
    pub events: Vec<NewEvent>,
    /// When it ends; where nothing is said, when nothing is due any more.
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
    /// Something about the flow, or about one of the events.
    Fault(Fault),
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
    let Setup { flow, mut events, until, zone, organization, sandbox } = setup;
    events.sort_by_key(|event| event.time);
    let start = events.first().map_or(Timestamp::EPOCH, |event| event.time);
    let bench = Bench::new(start, zone, organization, sandbox).await?;
    let simulated = bench.over(&flow, events, until).await;
    let Bench { automation, writer, .. } = bench;
    drop(automation);
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
        events: Vec<NewEvent>,
        until: Option<Timestamp>,
    ) -> Result<Simulation, SimulateError> {
        let flow = self.flow(flow, &events).await?;
        for (number, event) in events.into_iter().enumerate() {
            let at = event.time;
            if until.is_some_and(|until| at > until) {
                break;
            }
            self.move_to(at).await?;
            let recorded = self.automation.ingest.record(vec![event]).await;
            recorded.map_err(|error| match error {
                IngestError::Store(error) => SimulateError::Store(error),
                IngestError::Fault(fault) => {
                    SimulateError::Fault(fault.under(&format!("event {}: ", number + 1)))
                }
            })?;
            self.indexer.catch_up().await?;
            self.drain().await?;
        }
        let rounds = self.to_the_end(until).await?;
        self.told(flow, rounds)
    }

    /// Makes the flow, and lets people in.
    async fn flow(&self, body: &[u8], events: &[NewEvent]) -> Result<Flow, SimulateError> {
        for event in events {
            let (metrics, name) = (self.metrics.clone(), event.metric.clone());
            let has_value = event.value.is_some();
            self.automation.store.commit(move |tx| metrics.ensure(tx, &name, has_value)).await?;
        }
        let metric = |text: &str| -> Option<(MetricId, String)> {
            let found = self.metrics.find(text)?;
            Some((found.id, found.name.clone()))
        };
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
        let new = NewFlow::parse(body, &known).map_err(SimulateError::Fault)?;
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

    /// Brings the clock there, stopping wherever something is due.
    async fn move_to(&self, to: Timestamp) -> Result<(), SimulateError> {
        loop {
            self.drain().await?;
            match run::next_due(&self.automation.store.snapshot()?)?.filter(|due| *due <= to) {
                Some(due) => self.set(due),
                None => {
                    self.set(to);
                    return Ok(());
                }
            }
        }
    }

    /// Goes on until nothing is due any more, or the end; returns whether something still was.
    async fn to_the_end(&self, until: Option<Timestamp>) -> Result<bool, SimulateError> {
        for _ in 0..limits::SIMULATION_JUMPS_MAX {
            self.drain().await?;
            let Some(due) = run::next_due(&self.automation.store.snapshot()?)? else {
                if let Some(until) = until {
                    self.set(until);
                }
                return Ok(false);
            };
            if until.is_some_and(|until| due > until) {
                self.set(until.unwrap_or(due));
                return Ok(true);
            }
            self.set(due);
        }
        Ok(true)
    }

    fn set(&self, to: Timestamp) {
        let clock = &self.automation.clock;
        clock.advance(to.since(clock.now()));
    }

    async fn drain(&self) -> Result<(), SimulateError> {
        while self.automation.round().await? == Round::Moved {}
        Ok(())
    }

    fn told(&self, flow: Flow, is_cut: bool) -> Result<Simulation, SimulateError> {
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
        Ok(Simulation { flow, runs, ended: self.automation.clock.now(), is_cut })
    }
}

/// The identifier by which people know somebody.
fn best_name(profile: &profile::Profile) -> String {
    [Identifier::Email, Identifier::PhoneNumber, Identifier::ExternalId, Identifier::AnonymousId]
        .into_iter()
        .find_map(|kind| profile.identifier(kind))
        .map_or_else(|| profile.id.to_string(), str::to_owned)
}
