//! Deliveries whose request was rendered before: the run of a flow puts them into the outbox with
//! what they send, and they leave by the same lanes, retries and log as all others.
//!
//! A request is fixed once something of it was sent, so that every attempt is the same message. One
//! that could not be rendered is a delivery too, parked from the start, so that it is found where
//! one looks for what did not arrive; once the template is corrected it can be given a request.
//!
//! A step has no row that could be disabled, so what disables a webhook ends the one delivery: 410
//! exhausts it, `webhook-delivery: disable` cancels it, and an endpoint that fails for long is tried
//! by each delivery for as long as its own schedule lasts. The breaker of its lane works as always.
//!
//! Who put it there learns from its [`DeliveryResult`](super::DeliveryResult) how it ended. It is no
//! operational event: the one who runs the flow may want to tell, and a flow that such an event
//! starts must not be told of itself without end.

use std::fmt;

use super::handle::Deliveries;
use super::lanes::Ready;
use super::recent::RecentAttempt;
use super::{Attempt, Delivery, Outcome, State, rows};
use crate::id::{DeliveryId, EventId, ProfileId, RunId, WebhookId};
use crate::store::{StoreError, Tx};

/// A request that was rendered: what goes out as it is, besides what is ours to set (signatures,
/// `X-Klaviyo-Flow-ID`) and the endpoint's own headers and credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// The whole address, at the origin of the endpoint's own.
    pub url: String,
    /// Headers. One of these replaces the endpoint's own of the same name, a `Content-Type` the
    /// `application/json` that a body has else, and a `User-Agent` ours.
    pub headers: Vec<(String, String)>,
    /// The body, without anything around it; not sent with `GET`.
    pub body: String,
}

/// What was rendered is about a person, and no log may have it.
impl fmt::Debug for StoredRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headers, bytes) = (self.headers.len(), self.body.len());
        write!(f, "StoredRequest({headers} headers, {bytes} bytes)")
    }
}

/// For whom a delivery is put into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForRun {
    /// The step that sends it.
    pub webhook: WebhookId,
    /// The run that came to the step.
    pub run: RunId,
    /// Whom the run is about.
    pub profile: ProfileId,
    /// The event that triggered the run, if one did.
    pub event: Option<EventId>,
}

/// A delivery with its request.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The step that sends it.
    pub webhook: WebhookId,
    /// The run that came to the step.
    pub run: RunId,
    /// Whom the run is about.
    pub profile: ProfileId,
    /// The event that triggered the run, if one did.
    pub event: Option<EventId>,
    /// What is sent.
    pub request: StoredRequest,
}

/// Why a delivery is not sent again.
#[derive(Clone, Debug)]
pub enum ResendError {
    /// It has no request, because its template failed: it is to be rendered again for this run.
    NoRequest(RunId),
    /// It takes no other request: something of it was sent, or will be, or it carries events.
    Fixed(State),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ResendError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Deliveries {
    /// Puts a delivery with its request into the outbox, in the transaction of the run's step.
    ///
    /// # Errors
    /// Where the store fails, also because the request is larger than a row may be.
    pub fn send_request(
        &self,
        tx: &mut Tx<'_, '_>,
        new: NewRequest,
    ) -> Result<DeliveryId, StoreError> {
        let NewRequest { webhook, run, profile, event, request } = new;
        let id = DeliveryId::from_u128(tx.ulid()?);
        rows::insert_request(tx, id, &ForRun { webhook, run, profile, event }, request)?;
        // The row tells what is sent, not the event.
        let ready = Ready { id, event: None, key: profile.as_u128(), since: tx.now() };
        let deliveries = self.clone();
        tx.after_commit(move || deliveries.announce(&[(webhook, ready)], None));
        Ok(id)
    }

    /// Writes down that there is nothing to send, and why, in the transaction of the run's step:
    /// a parked delivery, whose result is there at once.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn park_request(
        &self,
        tx: &mut Tx<'_, '_>,
        of: &ForRun,
        reason: String,
    ) -> Result<DeliveryId, StoreError> {
        let id = DeliveryId::from_u128(tx.ulid()?);
        let failed = Attempt::without_request(tx.now(), Outcome::Unrendered { detail: reason });
        rows::insert_parked(tx, id, of, &failed)?;
        let recent = RecentAttempt {
            number: 0,
            delivery: id,
            webhook: of.webhook,
            event: of.event,
            at: failed.at,
            duration: failed.trace.total,
            outcome: failed.outcome,
            state: State::Parked,
            due: None,
        };
        let deliveries = self.clone();
        tx.after_commit(move || {
            deliveries.shared.recent.add([recent]);
            deliveries.shared.traffic.scheduled(1);
        });
        Ok(id)
    }

    /// Gives a parked delivery of which nothing was sent its request, or another one, and schedules
    /// it as [`Deliveries::resend`] does. `None` where there is no such delivery.
    ///
    /// # Errors
    /// [`ResendError::Fixed`] for every other delivery, or where the store fails.
    pub fn send_again(
        &self,
        tx: &mut Tx<'_, '_>,
        id: DeliveryId,
        request: StoredRequest,
    ) -> Result<Option<Delivery>, ResendError> {
        let Some(found) = rows::get(tx, id)? else { return Ok(None) };
        if !rows::awaits_request(tx, id)? {
            return Err(ResendError::Fixed(found.state));
        }
        rows::put_request(tx, id, request)?;
        self.resend(tx, id)
    }

    /// Steps of flows were made, changed or removed; after the commit, and after
    /// [`Webhooks::set_steps`](crate::webhook::Webhooks::set_steps). What waits for a step that is
    /// gone is cancelled; the endpoint of one that is still there begins anew, because a person has
    /// just seen to it.
    pub fn steps_changed(&self, before: &[WebhookId], after: &[WebhookId]) {
        let now = self.shared.clock.now();
        let gone = before.iter().filter(|id| !after.contains(id));
        for id in gone.chain(after) {
            self.refresh(*id);
            self.shared.with_lanes(|lanes| lanes.revive(*id, now));
        }
        self.shared.wake.notify_one();
    }
}
