//! Webhooks: subscriptions of one endpoint to many topics.
//!
//! The webhook step of a flow is a webhook too as far as delivery is concerned. It subscribes to
//! nothing, and its truth is the flow's: here it stands in the registry alone, apart from the
//! subscriptions.
//!
//! What the original knows of a webhook stands in [`Webhook`] itself, everything beyond it in
//! [`Settings`], whose default is the original's behaviour. A webhook may subscribe to a topic
//! whose metric does not exist yet, so that receivers can be set up before the first event; only
//! first-party topics, which all exist, are checked by name.
//!
//! - `parse` turns requests into checked values; `check.rs` judges what they make together.
//! - `secrets.rs` says what deliveries are signed with while a secret is being replaced.
//! - `rows.rs` is the table; secrets lie in it sealed.
//! - `registry.rs` holds all webhooks in memory, prepared for delivery (`endpoint.rs`), and
//!   `steps.rs` those that are steps of flows.
//! - `handshake.rs` asks an endpoint for its consent.

mod check;
mod endpoint;
pub mod handshake;
mod parse;
mod registry;
mod rows;
mod secrets;
mod settings;
mod steps;

pub use endpoint::Endpoint;
pub use parse::{MASK, NewWebhook, Rotation, STEP_SETTINGS, WebhookPatch, masked_url};
pub use registry::{ChangeError, Webhooks, made_secret};
pub use secrets::{Previous, Secrets};
pub use settings::{
    Auth, Batch, ContentFilter, Include, Method, Ordering, Period, RateLimit, Schedule, Settings,
    Signatures,
};

use crate::clock::Timestamp;
use crate::id::{DeliveryId, FlowId, WebhookId};

/// A subscription, or the webhook step of a flow.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The flow whose step it is; `None` for a subscription.
    pub flow: Option<FlowId>,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where its deliveries go.
    pub endpoint_url: String,
    /// What its deliveries are signed with.
    pub secrets: Secrets,
    /// Whether it takes new events and sends what is due.
    pub enabled: bool,
    /// Since when and why it is not enabled.
    pub disabled: Option<Disabled>,
    /// Deliveries with smaller ids that are still scheduled are to be cancelled: the backlog that
    /// was skipped when the webhook was enabled again.
    pub skip_before: Option<DeliveryId>,
    /// The topics it subscribes to, sorted.
    pub topics: Vec<String>,
    /// Everything that it says beyond the original.
    pub settings: Settings,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Webhook {
    /// Whether its deliveries stay where they are: it is switched off, or paused.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        !self.enabled || self.settings.is_paused
    }
}

/// Since when and why a webhook is not enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why, in a word.
    pub reason: DisableReason,
    /// Why, in a sentence; empty where the word says it all.
    pub detail: String,
}

/// Why a webhook was switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableReason {
    /// A person did it.
    Manual,
    /// The endpoint answered that it is gone for good (410).
    Gone,
    /// The endpoint asked for it in a header of its answer.
    Receiver,
    /// It failed without a break for too long.
    Failing,
}

impl DisableReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Manual, Self::Gone, Self::Receiver, Self::Failing];

    /// The reason's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Gone => "gone",
            Self::Receiver => "receiver",
            Self::Failing => "failing",
        }
    }
}
