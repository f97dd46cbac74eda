//! The loop: a round after every commit that may matter, and when a run is due.

use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::apply::{Hands, apply};
use super::context::Organization;
use super::look::{Looked, look};
use super::plan::Send;
use super::walk::World;
use super::{dates, results};
use crate::clock::{Clock, Timestamp};
use crate::delivery::Deliveries;
use crate::delivery::DeliveryResult;
use crate::flow::{self, Flows, run};
use crate::id::DeliveryId;
use crate::ingest::Ingest;
use crate::limits;
use crate::people::People;
use crate::sandbox::{RenderError, RenderJob, Sandbox};
use crate::store::{Store, StoreError, Tx};

/// Brings people through flows. Clones share everything.
#[derive(Clone)]
pub struct Automation {
    /// Where everything is.
    pub store: Store,
    /// All flows.
    pub flows: Flows,
    /// Records what is told of changes.
    pub ingest: Ingest,
    /// Takes webhooks.
    pub deliveries: Deliveries,
    /// Renders them.
    pub sandbox: Sandbox,
    /// The time.
    pub clock: Clock,
    /// The calendar of whoever has none of their own.
    pub zone: TimeZone,
    /// What templates call `organization`.
    pub organization: Arc<Organization>,
    /// Whether responses to webhooks can come; in a simulation none does.
    pub awaits_answers: bool,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Something was written; there may be more.
    Moved,
    /// Nothing is to be done before this moment, if ever, unless something happens.
    Idle(Option<Timestamp>),
}

impl Automation {
    /// Runs until `stop`; what is due then is done after the next start.
    pub async fn run(self, stop: CancellationToken) {
        // Their lanes have the rules of their steps from here on.
        self.deliveries.steps_changed(&[], &self.deliveries.webhooks().steps());
        if let Err(error) = self.sandbox.start().await {
            warn!(%error, "templates can not be rendered; flows wait until they can");
        }
        self.follow(&stop).await;
        self.sandbox.stop().await;
    }

    async fn follow(&self, stop: &CancellationToken) {
        let mut commits = self.store.commits();
        while !stop.is_cancelled() {
            commits.mark_unchanged();
            let until = match self.round().await {
                Ok(Round::Moved) => continue,
                Ok(Round::Idle(until)) => until,
                Err(error) => {
                    error!(%error, "flows could not be moved");
                    tokio::select! {
                        () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
            };
            tokio::select! {
                changed = commits.changed() => if changed.is_err() { return },
                () = self.rest(until) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn rest(&self, until: Option<Timestamp>) {
        let soon = self.clock.now().plus(limits::RUNS_LOOKED_AT_EVERY);
        self.clock.sleep_until(until.map_or(soon, |until| until.min(soon))).await;
    }

    pub(super) fn world(&self) -> World {
        World {
            now: self.clock.now(),
            zone: self.zone.clone(),
            organization: Arc::clone(&self.organization),
            awaits_answers: self.awaits_answers,
        }
    }

    pub(super) fn hands(&self) -> Hands {
        Hands {
            ingest: self.ingest.clone(),
            people: People::new(self.store.clone(), self.ingest.clone()),
            deliveries: self.deliveries.clone(),
        }
    }

    /// Does a bounded part of what there is to do.
    pub(super) async fn round(&self) -> Result<Round, StoreError> {
        let (store, flows, world) = (self.store.clone(), self.flows.clone(), self.world());
        let looking = tokio::task::spawn_blocking(move || {
            let snapshot = store.snapshot()?;
            Ok::<_, StoreError>((
                results::waiting(&snapshot)?,
                look(&snapshot, &flows, &world)?,
                flow::leaving(&snapshot)?,
                run::next_due(&snapshot)?,
                dates::look(&snapshot, &flows, &world)?,
            ))
        });
        let (results, looked, leaving, next_due, dates) =
            looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))??;
        let is_behind = looked.is_behind;
        let mut has_moved = !results.is_empty() || !looked.is_nothing();
        // Beside each other, so that they share a transaction where they can: neither builds on
        // the other, as what was decided about a run that moved in between is left out.
        tokio::try_join!(self.tell(results), self.carry_out(looked))?;
        if let Some(id) = leaving {
            self.store.commit(move |tx| clear(tx, id)).await?;
            has_moved = true;
        }
        let next_plan = dates.next;
        if !dates.is_nothing() {
            self.store.commit(move |tx| dates::apply(tx, &dates)).await?;
            has_moved = true;
        }
        if has_moved {
            return Ok(Round::Moved);
        }
        if is_behind {
            // The index's next commit wakes the loop.
            return Ok(Round::Idle(Some(self.clock.now().plus(limits::FOLLOW_PAUSE))));
        }
        Ok(Round::Idle([next_due, next_plan].into_iter().flatten().min()))
    }

    async fn tell(&self, results: Vec<(DeliveryId, DeliveryResult)>) -> Result<(), StoreError> {
        if results.is_empty() {
            return Ok(());
        }
        let flows = self.flows.clone();
        self.store.commit(move |tx| results::tell(tx, &flows, &results)).await
    }

    async fn carry_out(&self, mut looked: Looked) -> Result<(), StoreError> {
        if looked.is_nothing() {
            return Ok(());
        }
        let rendered = self.render(&mut looked).await;
        let hands = self.hands();
        self.store.commit(move |tx| apply(tx, &hands, &mut looked)).await?;
        rendered
    }

    /// Has the workers make the requests of all webhooks of a round.
    ///
    /// # Errors
    /// Where there is no worker: what waits for one is left out, and still due.
    async fn render(&self, looked: &mut Looked) -> Result<(), StoreError> {
        let mut sends: Vec<&mut Send> =
            looked.plans.iter_mut().flat_map(super::plan::Plan::sends).collect();
        if sends.is_empty() {
            return Ok(());
        }
        let job = |send: &mut &mut Send| RenderJob {
            template: Arc::clone(&send.template),
            context: std::mem::take(&mut send.context),
        };
        let jobs = sends.iter_mut().map(job).collect();
        let rendered = self.sandbox.render_all(jobs).await;
        let mut failed = None;
        for (send, rendered) in sends.iter_mut().zip(rendered) {
            send.rendered = match rendered {
                Err(error @ RenderError::Unavailable(_)) => {
                    failed = Some(StoreError::Failed(error.to_string().into()));
                    None
                }
                rendered => Some(rendered.map_err(|error| error.to_string())),
            };
        }
        looked.plans.retain_mut(|plan| plan.sends().all(|send| send.rendered.is_some()));
        failed.map_or(Ok(()), Err)
    }
}

/// Removes some of what a deleted flow left behind.
fn clear(tx: &mut Tx<'_, '_>, id: crate::id::FlowId) -> Result<(), StoreError> {
    let most = limits::FLOW_REMNANTS_AT_ONCE_MAX;
    if run::drop_some(tx, id, most)? < most {
        dates::forget(tx, id);
        flow::left(tx, id);
    }
    Ok(())
}
