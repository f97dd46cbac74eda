//! Saving flows: the templates of a definition are checked by the workers that will render them,
//! because what can harm a process must not harm this one, not even by being looked at; then the
//! flow is stored, and delivery learns of its webhooks.

use super::worker::Automation;
use crate::flow::{Definition, Flow, FlowError, FlowPatch, NewFlow, Step, webhook_ids};
use crate::id::{ActionId, FlowId, WebhookId};
use crate::json::Fault;
use crate::sandbox::RenderError;
use crate::store::Tx;

/// Why a flow was not saved; then nothing was changed.
#[derive(Debug)]
pub enum SaveError {
    /// A template is wrong; the pointer begins below the definition.
    Template(Fault),
    /// Templates could not be checked; a sentence for the operator.
    Unavailable(String),
    /// The flow can not be like this.
    Flow(FlowError),
}

impl From<FlowError> for SaveError {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl Automation {
    /// Makes a flow, as a draft.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn create(&self, new: NewFlow) -> Result<Flow, SaveError> {
        self.check_templates(&new.definition).await?;
        let this = self.clone();
        let create = move |tx: &mut Tx<'_, '_>| {
            let flow = this.flows.create(tx, new)?;
            this.webhooks_changed(tx, Vec::new(), webhook_ids(&flow));
            Ok::<_, FlowError>(flow)
        };
        Ok(self.store.commit(create).await?)
    }

    /// Changes a flow that is still as it was `seen`.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn change(&self, seen: &Flow, patch: FlowPatch) -> Result<Flow, SaveError> {
        if let Some(definition) = &patch.definition {
            self.check_templates(definition).await?;
        }
        let (this, seen) = (self.clone(), seen.clone());
        let change = move |tx: &mut Tx<'_, '_>| {
            let flow = this.flows.change(tx, &seen, patch)?;
            this.webhooks_changed(tx, webhook_ids(&seen), webhook_ids(&flow));
            Ok::<_, FlowError>(flow)
        };
        Ok(self.store.commit(change).await?)
    }

    /// Deletes an action of a flow that is still as it was `seen`.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn remove_action(&self, seen: &Flow, id: ActionId) -> Result<Flow, FlowError> {
        let (this, seen) = (self.clone(), seen.clone());
        let remove = move |tx: &mut Tx<'_, '_>| {
            let flow = this.flows.remove_action(tx, &seen, id)?;
            this.webhooks_changed(tx, webhook_ids(&seen), webhook_ids(&flow));
            Ok(flow)
        };
        self.store.commit(remove).await
    }

    /// Deletes a flow.
    ///
    /// # Errors
    /// Where there is none, or the store fails.
    pub async fn remove(&self, id: FlowId) -> Result<(), FlowError> {
        let this = self.clone();
        let remove = move |tx: &mut Tx<'_, '_>| {
            let flow = this.flows.remove(tx, id)?;
            this.webhooks_changed(tx, webhook_ids(&flow), Vec::new());
            Ok(())
        };
        self.store.commit(remove).await
    }

    /// Tells delivery, once the change is on disk and the registries know it.
    fn webhooks_changed(&self, tx: &mut Tx<'_, '_>, before: Vec<WebhookId>, after: Vec<WebhookId>) {
        let deliveries = self.deliveries.clone();
        tx.after_commit(move || deliveries.steps_changed(&before, &after));
    }

    /// Checks every template of a definition; faults point below the definition.
    async fn check_templates(&self, definition: &Definition) -> Result<(), SaveError> {
        for (place, action) in definition.actions.iter().enumerate() {
            let Step::SendWebhook { webhook, .. } = &action.step else { continue };
            let at = format!("/actions/{place}/data/message");
            match self.sandbox.check(&webhook.whole_template(definition.is_strict)).await {
                Ok(()) => {}
                Err(RenderError::Template(fault)) => {
                    let detail = format!("{fault}\n{}", fault.excerpt);
                    let pointer = format!("{at}{}", fault.field);
                    return Err(SaveError::Template(Fault::new(pointer, detail)));
                }
                Err(RenderError::Unavailable(why)) => return Err(SaveError::Unavailable(why)),
                Err(error) => {
                    let why = format!("a template can not be checked: {error}");
                    return Err(SaveError::Template(Fault::new(at, why)));
                }
            }
        }
        Ok(())
    }
}
