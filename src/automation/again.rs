//! Sending what could not be rendered: once a template was corrected, its parked deliveries are
//! given their requests after all.

use std::sync::Arc;

use super::apply::stored;
use super::plan::DeedKind;
use super::walk::deed_now;
use super::worker::Automation;
use crate::delivery::{self, Delivery, ResendError};
use crate::event;
use crate::flow::run::{self, What};
use crate::id::{ActionId, DeliveryId};
use crate::profile;
use crate::sandbox::{RenderError, RenderJob};
use crate::store::{StoreError, Tx};
use crate::template::RequestTemplate;

/// Why a delivery was not rendered again; then it stays as it is.
#[derive(Debug)]
pub enum AgainError {
    /// The run, the flow, the action or the person is gone.
    Gone(&'static str),
    /// The template still fails; one sentence.
    Template(String),
    /// It can not be rendered now; a sentence for the operator.
    Unavailable(String),
    /// It is not one that waits for a request.
    Resend(ResendError),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for AgainError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a request is made of, now.
struct Again {
    run: crate::id::RunId,
    action: ActionId,
    template: Arc<RequestTemplate>,
    context: Vec<u8>,
}

impl Automation {
    /// Renders the request of a parked delivery with the flow as it is now, and schedules it.
    /// `None` where there is no such delivery.
    ///
    /// # Errors
    /// Where it can not be rendered.
    pub async fn send_again(&self, id: DeliveryId) -> Result<Option<Delivery>, AgainError> {
        let this = self.clone();
        let looking = tokio::task::spawn_blocking(move || this.look_again(id));
        let looked =
            looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))??;
        let Some(Again { run, action, template, context }) = looked else { return Ok(None) };
        let job = RenderJob { template, context };
        let request = match self.sandbox.render_all(vec![job]).await.pop() {
            Some(Ok(request)) => stored(request),
            Some(Err(RenderError::Unavailable(why))) => return Err(AgainError::Unavailable(why)),
            Some(Err(error)) => return Err(AgainError::Template(error.to_string())),
            None => return Err(AgainError::Unavailable("no worker answered".to_owned())),
        };
        let deliveries = self.deliveries.clone();
        let send = move |tx: &mut Tx<'_, '_>| {
            tx.needs_room()?;
            let sent = deliveries.send_again(tx, id, request).map_err(AgainError::Resend)?;
            if let Some(stored) = run::get(tx, run)? {
                let mut noted = stored.clone();
                noted.revision = noted.revision.wrapping_add(1);
                noted.note(tx.now(), Some(action), What::Sent { delivery: id });
                run::put(tx, &stored, &noted)?;
            }
            Ok(sent)
        };
        self.store.commit(send).await
    }

    fn look_again(&self, id: DeliveryId) -> Result<Option<Again>, AgainError> {
        let from = self.store.snapshot()?;
        let Some(delivery) = delivery::get(&from, id)? else { return Ok(None) };
        let gone = |why| AgainError::Gone(why);
        let action = delivery.webhook.action().ok_or_else(|| gone("it is of no flow"))?;
        let run = delivery.run.ok_or_else(|| gone("it is of no flow"))?;
        let mut run = run::get(&from, run)?.ok_or_else(|| gone("its run is gone"))?;
        let flow = self.flows.get(run.flow).ok_or_else(|| gone("its flow was deleted"))?;
        run.profile = profile::current(&from, run.profile)?;
        let event = match run.event {
            Some(id) => event::get(&from, id)?,
            None => None,
        };
        let deed = deed_now(&from, &self.world(), &flow, (&run, event.as_ref()), action)?;
        match deed.map(|deed| deed.kind) {
            Some(DeedKind::Send(send)) => {
                let (template, context) = (send.template, send.context);
                Ok(Some(Again { run: run.id, action, template, context }))
            }
            _ => Err(gone("its action was deleted, or its person is gone")),
        }
    }
}
