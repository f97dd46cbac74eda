//! Previews: the request that a webhook action would send, for a chosen event and person, with
//! nothing stored; and test sends of it.

use std::sync::Arc;

use super::apply::stored;
use super::context::{Scene, context};
use super::worker::Automation;
use crate::delivery::{Attempt, Sender, Sent, StoredRequest};
use crate::event::{self, Event, ReadError, Selection};
use crate::flow::{Live, Step, Trigger, WebhookStep};
use crate::id::{ActionId, DeliveryId, EventId, ProfileId, WebhookId};
use crate::json::Fault;
use crate::profile::{self, Profile};
use crate::sandbox::RenderError;
use crate::store::{Order, Snapshot, StoreError};
use crate::template::TemplateFault;

/// Whom and what a preview is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The event; where none is named, the person's or anybody's newest of the flow's metric.
    pub event: Option<EventId>,
    /// The person; where none is named, the event's.
    pub profile: Option<ProfileId>,
}

/// What a webhook action would send.
#[derive(Debug)]
pub struct Preview {
    /// The event that it was rendered for.
    pub event: Option<EventId>,
    /// The person that it was rendered for.
    pub profile: ProfileId,
    /// The request, as it may be shown.
    pub request: Sent,
    /// What came of sending it; `None` where it was not sent.
    pub attempt: Option<Attempt>,
}

/// Why there is no preview.
#[derive(Debug)]
pub enum PreviewError {
    /// The action is no webhook, or gone.
    NoWebhook(ActionId),
    /// What is wished for is not there.
    Fault(Fault),
    /// The template fails for it.
    Template(TemplateFault),
    /// It can not be rendered; a sentence for the operator.
    Unavailable(String),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for PreviewError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a preview is made of.
struct Stage {
    profile: Profile,
    event: Option<Event>,
}

impl Automation {
    /// Renders what a webhook action would send, and sends it through `sender` where there is one.
    /// `message` stands for the action's own, where it is given: to try it before it is saved.
    ///
    /// # Errors
    /// Where it can not be rendered.
    pub async fn preview(
        &self,
        (flow, action): (&Live, ActionId),
        message: Option<Arc<WebhookStep>>,
        wish: Wish,
        sender: (&Sender, bool),
    ) -> Result<Preview, PreviewError> {
        let own = flow.definition.action(action).and_then(|action| match &action.step {
            Step::SendWebhook { webhook, .. } => Some(Arc::clone(webhook)),
            _ => None,
        });
        let webhook = message.or(own).ok_or(PreviewError::NoWebhook(action))?;
        let (this, of) = (self.clone(), Arc::clone(flow));
        let setting = tokio::task::spawn_blocking(move || this.stage(&of, wish));
        let stage =
            setting.await.map_err(|error| StoreError::Failed(error.to_string().into()))??;
        let request = self.render_for(flow, &webhook, &stage).await?;
        let shown = webhook.webhook(flow, action);
        let id = DeliveryId::from_u128(crate::id::ulid_number(
            self.clock.now(),
            u128::from(WebhookId::of_action(action).as_u128() as u64),
        ));
        let (sender, sends) = sender;
        let (request, attempt) = sender.try_request(id, shown, request, sends).await;
        Ok(Preview {
            event: stage.event.map(|event| event.id),
            profile: stage.profile.id,
            request,
            attempt,
        })
    }

    async fn render_for(
        &self,
        flow: &Live,
        webhook: &WebhookStep,
        stage: &Stage,
    ) -> Result<StoredRequest, PreviewError> {
        let names = context(&Scene {
            flow,
            run: None,
            profile: &stage.profile,
            event: stage.event.as_ref(),
            organization: &self.organization,
            now: self.clock.now(),
        });
        let template = webhook.template(flow.definition.is_strict);
        match self.sandbox.render(&template, &names).await {
            Ok(request) => Ok(stored(request)),
            Err(RenderError::Template(fault)) => Err(PreviewError::Template(fault)),
            Err(RenderError::Unavailable(why)) => Err(PreviewError::Unavailable(why)),
            Err(error) => {
                let why = format!("can not be rendered: {error}");
                Err(PreviewError::Fault(Fault::new("/data/attributes", why)))
            }
        }
    }

    fn stage(&self, flow: &Live, wish: Wish) -> Result<Stage, PreviewError> {
        let from = self.store.snapshot()?;
        let at = |name: &str| format!("/data/attributes/{name}");
        let event = match wish.event {
            Some(id) => {
                let unknown = || Fault::new(at("event_id"), format!("there is no event {id}"));
                Some(event::get(&from, id)?.ok_or_else(|| PreviewError::Fault(unknown()))?)
            }
            None => newest(&from, flow, wish.profile)?,
        };
        let id = wish.profile.or_else(|| event.as_ref().map(|event| event.profile));
        let Some(id) = id else {
            let why = "name a person: there is no event of the flow's metric to take one from";
            return Err(PreviewError::Fault(Fault::new(at("profile_id"), why)));
        };
        let profile = profile::get(&from, profile::current(&from, id)?)?;
        let unknown = || Fault::new(at("profile_id"), format!("there is no profile {id}"));
        Ok(Stage { profile: profile.ok_or_else(|| PreviewError::Fault(unknown()))?, event })
    }
}

/// The newest event that could have started the flow: the person's, or anybody's.
fn newest(
    from: &Snapshot,
    flow: &Live,
    profile: Option<ProfileId>,
) -> Result<Option<Event>, StoreError> {
    let Trigger::Metric { metric, .. } = &flow.definition.trigger else { return Ok(None) };
    let of = Selection { metric: Some(*metric), profile, ..Selection::ALL };
    match event::list(from, &of, Order::Descending, None, 1) {
        Ok(page) => Ok(page.events.into_iter().next()),
        Err(ReadError::Store(error)) => Err(error),
        // The index is behind: there is none to choose yet.
        Err(_) => Ok(None),
    }
}
