//! Webhooks: subscriptions of one endpoint to many topics.
//!
//! [`Webhooks`] holds all of them in memory, by id and by topic, because every event asks which
//! of them want it; the rows are the truth, and the registry learns of a change after its commit.
//! A webhook may subscribe to a topic whose metric does not exist yet, so that receivers can be
//! set up before the first event; only first-party topics, which all exist, are checked by name.

mod parse;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

pub use parse::{NewWebhook, WebhookPatch};

use crate::clock::Timestamp;
use crate::egress::{Destination, Policy};
use crate::id::WebhookId;
use crate::limits;
use crate::secret::Secret;
use crate::signing::Keys;
use crate::signing::Signer;
use crate::store::{Read, StoreError, Tx};

/// A subscription.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where its deliveries go.
    pub endpoint_url: String,
    /// What its deliveries are signed with.
    pub secret: Secret,
    /// Whether it takes new events and sends what is due.
    pub enabled: bool,
    /// The topics it subscribes to, sorted.
    pub topics: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// A webhook ready for delivery: its address parsed, its signing keys computed.
#[derive(Debug)]
pub struct Endpoint {
    /// The subscription.
    pub webhook: Webhook,
    /// The parsed address; an error where the egress policy has become stricter than the one it
    /// was saved under.
    pub destination: Result<Destination, String>,
    /// The prepared signing keys.
    pub signer: Signer,
}

/// All webhooks, in memory. Clones share it.
#[derive(Clone)]
pub struct Webhooks {
    policy: Arc<Policy>,
    index: Arc<RwLock<Index>>,
}

#[derive(Default)]
struct Index {
    by_id: BTreeMap<WebhookId, Arc<Endpoint>>,
    by_topic: HashMap<String, Vec<WebhookId>>,
}

/// Why a change of a webhook was refused.
#[derive(Debug)]
pub enum ChangeError {
    /// There is no such webhook.
    Unknown(WebhookId),
    /// There are [`limits::WEBHOOKS_MAX`] already.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Webhooks {
    /// Reads all webhooks from the store; their addresses are parsed under `policy`.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn load(from: &impl Read, policy: &Policy) -> Result<Self, StoreError> {
        let webhooks = Self { policy: Arc::new(policy.clone()), index: Arc::default() };
        for webhook in rows::all(from)? {
            webhooks.learn(webhook);
        }
        Ok(webhooks)
    }

    /// Makes a webhook, enabled.
    ///
    /// # Errors
    /// Where there are too many or the store fails.
    pub fn create(&self, tx: &mut Tx<'_, '_>, new: NewWebhook) -> Result<Webhook, ChangeError> {
        tx.needs_room()?;
        if self.read().by_id.len() >= limits::WEBHOOKS_MAX {
            return Err(ChangeError::TooMany);
        }
        let webhook = Webhook {
            id: WebhookId::from_u128(tx.ulid()?),
            name: new.name,
            description: new.description,
            endpoint_url: new.endpoint_url,
            secret: new.secret,
            enabled: true,
            topics: new.topics,
            created: tx.now(),
            updated: tx.now(),
        };
        self.save(tx, &webhook)?;
        Ok(webhook)
    }

    /// Changes what `patch` names.
    ///
    /// # Errors
    /// Where there is no such webhook or the store fails.
    pub fn update(
        &self,
        tx: &mut Tx<'_, '_>,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Webhook, ChangeError> {
        let mut webhook = rows::get(tx, id)?.ok_or(ChangeError::Unknown(id))?;
        patch.apply(&mut webhook);
        webhook.updated = tx.now();
        self.save(tx, &webhook)?;
        Ok(webhook)
    }

    /// Removes a webhook. What was scheduled for it is cancelled when its turn comes.
    ///
    /// # Errors
    /// Where there is no such webhook or the store fails.
    pub fn delete(&self, tx: &mut Tx<'_, '_>, id: WebhookId) -> Result<(), ChangeError> {
        rows::get(tx, id)?.ok_or(ChangeError::Unknown(id))?;
        rows::remove(tx, id);
        let index = Arc::clone(&self.index);
        tx.after_commit(move || index.write().expect("no holder panics").forget(id));
        Ok(())
    }

    fn save(&self, tx: &mut Tx<'_, '_>, webhook: &Webhook) -> Result<(), StoreError> {
        rows::put(tx, webhook)?;
        let (webhooks, learned) = (self.clone(), webhook.clone());
        tx.after_commit(move || webhooks.learn(learned));
        Ok(())
    }

    fn learn(&self, webhook: Webhook) {
        let endpoint = Endpoint {
            destination: Destination::parse(&webhook.endpoint_url, &self.policy)
                .map_err(|error| error.to_string()),
            signer: Signer::new(&Keys::new(webhook.secret.clone())),
            webhook,
        };
        let mut index = self.index.write().expect("no holder panics");
        index.forget(endpoint.webhook.id);
        if endpoint.webhook.enabled {
            for topic in &endpoint.webhook.topics {
                index.by_topic.entry(topic.clone()).or_default().push(endpoint.webhook.id);
            }
        }
        index.by_id.insert(endpoint.webhook.id, Arc::new(endpoint));
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().expect("no holder panics")
    }

    /// The webhook with this id.
    #[must_use]
    pub fn get(&self, id: WebhookId) -> Option<Arc<Endpoint>> {
        self.read().by_id.get(&id).cloned()
    }

    /// The enabled webhooks that subscribe to `topic`.
    #[must_use]
    pub fn matching(&self, topic: &str) -> Vec<WebhookId> {
        self.read().by_topic.get(topic).cloned().unwrap_or_default()
    }

    /// Every webhook, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        self.read().by_id.values().cloned().collect()
    }
}

impl Index {
    fn forget(&mut self, id: WebhookId) {
        let Some(old) = self.by_id.remove(&id) else { return };
        for topic in &old.webhook.topics {
            if let Some(subscribers) = self.by_topic.get_mut(topic) {
                subscribers.retain(|of| *of != id);
                if subscribers.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
    }
}
