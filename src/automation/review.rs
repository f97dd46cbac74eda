//! What waited for approval: done as it would have been, or let be.

use super::apply::do_deed;
use super::plan::{Deed, DeedKind};
use super::walk::deed_now;
use super::worker::Automation;
use crate::event;
use crate::flow::Run;
use crate::flow::run::{self, Count, Tally, What};
use crate::id::{ActionId, RunId};
use crate::profile;
use crate::sandbox::RenderJob;
use crate::store::{StoreError, Tx};

/// Why a review was not settled; then it waits still.
#[derive(Debug)]
pub enum ReviewError {
    /// Nothing waits for approval there.
    Unknown,
    /// The flow, the action or the person is gone: it can only be discarded.
    Gone(&'static str),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Automation {
    /// Does an action that waited for approval, with what is known now; returns its run.
    ///
    /// # Errors
    /// Where nothing waits there, or it can not be done any more.
    pub async fn approve(&self, id: RunId, action: ActionId) -> Result<Run, ReviewError> {
        let this = self.clone();
        let looking = tokio::task::spawn_blocking(move || this.deed_of(id, action));
        let mut deed =
            looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))??;
        if let DeedKind::Send(send) = &mut deed.kind {
            let context = std::mem::take(&mut send.context);
            let job = RenderJob { template: std::sync::Arc::clone(&send.template), context };
            let rendered = self.sandbox.render_all(vec![job]).await.pop();
            send.rendered = rendered.map(|done| done.map_err(|error| error.to_string()));
        }
        let hands = self.hands();
        let approve = move |tx: &mut Tx<'_, '_>| {
            tx.needs_room()?;
            settle(tx, id, action, What::Approved, |tx, run, tally| {
                do_deed(tx, &hands, run, deed, tally).map(drop)
            })
        };
        self.store.commit(approve).await
    }

    fn deed_of(&self, id: RunId, action: ActionId) -> Result<Deed, ReviewError> {
        let snapshot = self.store.snapshot()?;
        let mut run = run::get(&snapshot, id)?.ok_or(ReviewError::Unknown)?;
        run::review(&snapshot, &run, action)?.ok_or(ReviewError::Unknown)?;
        let flow = self.flows.get(run.flow).ok_or(ReviewError::Gone("the flow was deleted"))?;
        run.profile = profile::current(&snapshot, run.profile)?;
        let event = match run.event {
            Some(id) => event::get(&snapshot, id)?,
            None => None,
        };
        let deed = deed_now(&snapshot, &self.world(), &flow, (&run, event.as_ref()), action)?;
        deed.ok_or(ReviewError::Gone("the action was deleted, or the person is gone"))
    }

    /// Lets an action be that waited for approval; returns its run.
    ///
    /// # Errors
    /// Where nothing waits there.
    pub async fn discard(&self, id: RunId, action: ActionId) -> Result<Run, ReviewError> {
        let discard = move |tx: &mut Tx<'_, '_>| {
            settle(tx, id, action, What::Discarded, |_, run, tally| {
                tally.add(run.flow, Some(action), Count::Skipped, 1);
                Ok(())
            })
        };
        self.store.commit(discard).await
    }

    /// Ends a run on its way.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn cancel(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let cancel = move |tx: &mut Tx<'_, '_>| {
            let Some(stored) = run::get(tx, id)? else { return Ok(None) };
            if stored.state.is_over() {
                return Ok(Some(stored));
            }
            let mut run = stored.clone();
            run.revision = run.revision.wrapping_add(1);
            let why = "a person cancelled it".to_owned();
            run.end(tx.now(), crate::flow::RunState::Cancelled, What::Cancelled { why });
            let mut tally = Tally::default();
            tally.leaves(&stored);
            tally.write(tx)?;
            run::put(tx, &stored, &run)?;
            Ok(Some(run))
        };
        self.store.commit(cancel).await
    }
}

/// Settles a review in the command that does `then`.
fn settle(
    tx: &mut Tx<'_, '_>,
    id: RunId,
    action: ActionId,
    what: What,
    then: impl FnOnce(&mut Tx<'_, '_>, &mut Run, &mut Tally) -> Result<(), StoreError>,
) -> Result<Run, ReviewError> {
    let stored = run::get(tx, id)?.ok_or(ReviewError::Unknown)?;
    run::review(tx, &stored, action)?.ok_or(ReviewError::Unknown)?;
    run::set_review(tx, &stored, action, None)?;
    let (mut run, mut tally) = (stored.clone(), Tally::default());
    run.revision = run.revision.wrapping_add(1);
    run.note(tx.now(), Some(action), what);
    tally.add(run.flow, Some(action), Count::InReview, -1);
    then(tx, &mut run, &mut tally)?;
    tally.write(tx)?;
    run::put(tx, &stored, &run)?;
    Ok(run)
}
