//! All webhooks, in memory: by id, and by topic, because every event asks which of them want it.
//!
//! The rows are the truth; the registry learns of a change after its commit. Whatever changes a
//! webhook goes through here, so that row and registry can not differ. Steps of flows have no rows
//! here: whose they are sets them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use tracing::{info, warn};
use zeroize::Zeroizing;

use super::parse::{NewWebhook, Rotation, WebhookPatch};
use super::secrets::{Fresh, Secrets};
use super::steps::Steps;
use super::{DisableReason, Disabled, Endpoint, Webhook, rows};
use crate::clock::Timestamp;
use crate::egress::Policy;
use crate::id::{DeliveryId, FlowId, WebhookId};
use crate::json::Fault;
use crate::limits;
use crate::secret::Secret;
use crate::signing::{self, Ed25519Key, Scheme};
use crate::store::{Read, Store, StoreError, Tx};
use crate::vault::Vault;

/// All webhooks, in memory. Clones share it.
#[derive(Clone)]
pub struct Webhooks {
    policy: Arc<Policy>,
    vault: Vault,
    index: Arc<RwLock<Index>>,
}

#[derive(Default)]
struct Index {
    by_id: BTreeMap<WebhookId, Arc<Endpoint>>,
    by_topic: HashMap<String, Vec<Arc<Endpoint>>>,
    steps: Steps,
}

/// Why a change of a webhook was refused.
#[derive(Debug)]
pub enum ChangeError {
    /// There is no such webhook.
    Unknown(WebhookId),
    /// There are [`limits::WEBHOOKS_MAX`] already.
    TooMany,
    /// What the webhook would be does not fit together.
    Fault(Fault),
    /// Its secret was rotated, and both are good until this moment.
    Overlap(WebhookId, Timestamp),
    /// It has no previous secret.
    NoOverlap,
    /// It was changed while this change was checked.
    Meanwhile,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for ChangeError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Webhooks {
    /// All webhooks of a store. Where an earlier version of tidings left secrets in the clear, they
    /// are sealed first.
    ///
    /// # Errors
    /// As [`Webhooks::load`].
    pub async fn open(store: &Store, policy: &Policy, vault: Vault) -> Result<Self, StoreError> {
        let (webhooks, unsealed) = Self::load(&store.snapshot()?, policy, vault)?;
        if unsealed > 0 {
            let all = webhooks.clone();
            store.commit(move |tx| all.reseal(tx)).await?;
            info!(webhooks = unsealed, "secrets that were stored in the clear are sealed now");
        }
        Ok(webhooks)
    }

    /// Reads all webhooks from the store; their addresses are parsed under `policy`, their secrets
    /// unsealed by `vault`. Also tells how many rows hold secrets in the clear: if there are any,
    /// they are to be sealed by [`Webhooks::reseal`].
    ///
    /// # Errors
    /// Where the store can not be read, or holds secrets that another key sealed.
    pub fn load(
        from: &impl Read,
        policy: &Policy,
        vault: Vault,
    ) -> Result<(Self, usize), StoreError> {
        let (webhooks, unsealed) = rows::all(from, &vault)?;
        let all = Self { policy: Arc::new(policy.clone()), vault, index: Arc::default() };
        for webhook in webhooks {
            all.learn(webhook);
        }
        Ok((all, unsealed))
    }

    /// A registry without subscriptions, which no store stands behind: for tests of what steps send.
    #[cfg(test)]
    pub(crate) fn of_steps_alone(policy: &Policy) -> Self {
        let vault = Vault::from_key(&Zeroizing::new([1; 32]));
        Self { policy: Arc::new(policy.clone()), vault, index: Arc::default() }
    }

    /// Writes every webhook anew, so that its secrets lie sealed.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn reseal(&self, tx: &mut Tx<'_, '_>) -> Result<(), StoreError> {
        let (webhooks, _) = rows::all(tx, &self.vault)?;
        webhooks.iter().try_for_each(|webhook| rows::put(tx, &self.vault, webhook))
    }

    /// Makes a webhook, enabled, with a secret of its own where none was given.
    ///
    /// # Errors
    /// Where there are too many or the store fails.
    pub fn create(&self, tx: &mut Tx<'_, '_>, new: NewWebhook) -> Result<Webhook, ChangeError> {
        tx.needs_room()?;
        if self.read().by_id.len() >= limits::WEBHOOKS_MAX {
            return Err(ChangeError::TooMany);
        }
        let secret = match new.secret {
            Some(secret) => secret,
            None => made_secret(tx)?,
        };
        let mut webhook = Webhook {
            id: WebhookId::from_u128(tx.ulid()?),
            flow: None,
            name: new.name,
            description: new.description,
            endpoint_url: new.endpoint_url,
            secrets: Secrets::new(secret),
            enabled: true,
            disabled: None,
            skip_before: None,
            topics: new.topics,
            settings: new.settings,
            created: tx.now(),
            updated: tx.now(),
        };
        self.save(tx, &mut webhook)?;
        Ok(webhook)
    }

    /// What the webhook would be after `patch`, without changing it.
    ///
    /// # Errors
    /// As [`Webhooks::update`], for what the patch itself can be blamed for.
    pub fn preview(
        &self,
        id: WebhookId,
        patch: WebhookPatch,
        now: Timestamp,
    ) -> Result<Webhook, ChangeError> {
        let found = self.subscription(id).ok_or(ChangeError::Unknown(id))?;
        let mut webhook = found.webhook.clone();
        patch.apply(&mut webhook, now)?;
        Ok(webhook)
    }

    /// Changes what `patch` names.
    ///
    /// # Errors
    /// Where there is no such webhook, the result does not fit together, or the store fails.
    pub fn update(
        &self,
        tx: &mut Tx<'_, '_>,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Webhook, ChangeError> {
        let mut webhook = self.stored(tx, id)?;
        let skips_backlog = patch.skips_backlog();
        patch.apply(&mut webhook, tx.now())?;
        if skips_backlog {
            webhook.skip_before = Some(DeliveryId::from_u128(tx.ulid()?));
        }
        self.save(tx, &mut webhook)?;
        Ok(webhook)
    }

    /// Switches a webhook off, for a reason that the delivery loop found. `false` where it is off
    /// already or gone.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn disable(
        &self,
        tx: &mut Tx<'_, '_>,
        id: WebhookId,
        reason: DisableReason,
        detail: &str,
    ) -> Result<bool, StoreError> {
        let found = rows::get(tx, &self.vault, id)?;
        let Some(mut webhook) = found.filter(|webhook| webhook.enabled) else { return Ok(false) };
        let detail = detail.chars().take(limits::DISABLED_DETAIL_CHARS_MAX).collect();
        webhook.enabled = false;
        webhook.disabled = Some(Disabled { at: tx.now(), reason, detail });
        self.save(tx, &mut webhook)?;
        Ok(true)
    }

    /// Replaces a webhook's secrets; the old ones stay good for the overlap.
    ///
    /// # Errors
    /// Where there is no such webhook, an earlier overlap lasts, or the store fails.
    pub fn rotate(
        &self,
        tx: &mut Tx<'_, '_>,
        id: WebhookId,
        rotation: Rotation,
    ) -> Result<Webhook, ChangeError> {
        let mut webhook = self.stored(tx, id)?;
        if let Some(previous) = webhook.secrets.previous_at(tx.now()) {
            return Err(ChangeError::Overlap(id, previous.expires));
        }
        let secret = match rotation.secret {
            Some(secret) => secret,
            None => made_secret(tx)?,
        };
        let fresh = Fresh { secret, ed25519: made_key(tx)? };
        let expires = tx.now().plus(rotation.overlap);
        webhook.secrets.rotate(fresh, expires, rotation.signs_klaviyo_with_previous);
        self.save(tx, &mut webhook)?;
        Ok(webhook)
    }

    /// Ends the overlap of a rotation: from now on only the current secrets sign.
    ///
    /// # Errors
    /// Where there is no such webhook, it has no previous secret, or the store fails.
    pub fn end_rotation(&self, tx: &mut Tx<'_, '_>, id: WebhookId) -> Result<(), ChangeError> {
        let mut webhook = self.stored(tx, id)?;
        if webhook.secrets.previous_at(tx.now()).is_none() {
            return Err(ChangeError::NoOverlap);
        }
        webhook.secrets.previous = None;
        self.save(tx, &mut webhook)?;
        Ok(())
    }

    /// Removes a webhook. What was scheduled for it is cancelled when its turn comes.
    ///
    /// # Errors
    /// Where there is no such webhook or the store fails.
    pub fn delete(&self, tx: &mut Tx<'_, '_>, id: WebhookId) -> Result<(), ChangeError> {
        self.stored(tx, id)?;
        rows::remove(tx, id);
        let index = Arc::clone(&self.index);
        tx.after_commit(move || index.write().expect("no holder panics").forget(id));
        Ok(())
    }

    fn stored(&self, tx: &Tx<'_, '_>, id: WebhookId) -> Result<Webhook, ChangeError> {
        rows::get(tx, &self.vault, id)?.ok_or(ChangeError::Unknown(id))
    }

    /// Stages the row of a changed webhook; what the change makes necessary is done here.
    fn save(&self, tx: &mut Tx<'_, '_>, webhook: &mut Webhook) -> Result<(), StoreError> {
        let signs_with_key = webhook.settings.signatures.0.contains(&Scheme::Ed25519);
        if signs_with_key && webhook.secrets.ed25519.is_none() {
            webhook.secrets.ed25519 = Some(made_key(tx)?);
        }
        webhook.secrets.forget_expired(tx.now());
        webhook.updated = tx.now();
        rows::put(tx, &self.vault, webhook)?;
        let (webhooks, learned) = (self.clone(), webhook.clone());
        tx.after_commit(move || webhooks.learn(learned));
        Ok(())
    }

    fn learn(&self, webhook: Webhook) {
        let endpoint = self.prepared(webhook);
        self.index.write().expect("no holder panics").learn(&endpoint);
    }

    fn prepared(&self, webhook: Webhook) -> Arc<Endpoint> {
        let endpoint = Endpoint::new(webhook, &self.policy);
        if let Err(why) = &endpoint.destination {
            warn!(webhook.id = %endpoint.webhook.id, why, "the policy forbids a webhook's address");
        }
        Arc::new(endpoint)
    }

    /// The webhook steps of a flow are these from now on; without any, it has none.
    ///
    /// After the commit of what changed them, before deliveries are told
    /// (`Deliveries::steps_changed`); at a start, before the delivery loop begins: what is
    /// scheduled for a step that is not here is cancelled.
    pub fn set_steps(&self, flow: FlowId, steps: Vec<Webhook>) {
        let of_flow = |step| self.prepared(Webhook { flow: Some(flow), ..step });
        let steps = steps.into_iter().map(of_flow).collect();
        self.index.write().expect("no holder panics").steps.set(flow, steps);
    }

    /// The ids of all steps, in no particular order.
    #[must_use]
    pub fn steps(&self) -> Vec<WebhookId> {
        self.read().steps.all().map(|step| step.webhook.id).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().expect("no holder panics")
    }

    /// The subscription or the step with this id: whatever a delivery can belong to.
    #[must_use]
    pub fn get(&self, id: WebhookId) -> Option<Arc<Endpoint>> {
        let index = self.read();
        index.by_id.get(&id).cloned().or_else(|| index.steps.get(id))
    }

    /// The subscription with this id: what people make and change as a webhook.
    #[must_use]
    pub fn subscription(&self, id: WebhookId) -> Option<Arc<Endpoint>> {
        self.read().by_id.get(&id).cloned()
    }

    /// The enabled webhooks that subscribe to `topic`. Paused ones are among them: they take
    /// events and hold their deliveries back.
    #[must_use]
    pub fn matching(&self, topic: &str) -> Vec<Arc<Endpoint>> {
        self.read().by_topic.get(topic).cloned().unwrap_or_default()
    }

    /// Every subscription, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        self.read().by_id.values().cloned().collect()
    }
}

impl Index {
    fn learn(&mut self, endpoint: &Arc<Endpoint>) {
        let webhook = &endpoint.webhook;
        self.forget(webhook.id);
        if webhook.enabled {
            for topic in &webhook.topics {
                self.by_topic.entry(topic.clone()).or_default().push(Arc::clone(endpoint));
            }
        }
        self.by_id.insert(webhook.id, Arc::clone(endpoint));
    }

    fn forget(&mut self, id: WebhookId) {
        let Some(old) = self.by_id.remove(&id) else { return };
        for topic in &old.webhook.topics {
            if let Some(subscribers) = self.by_topic.get_mut(topic) {
                subscribers.retain(|of| of.webhook.id != id);
                if subscribers.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
    }
}

/// A signing secret that is made now.
///
/// # Errors
/// Where the system has no randomness.
pub fn made_secret(tx: &mut Tx<'_, '_>) -> Result<Secret, StoreError> {
    Ok(signing::generate_secret(&random(tx)?))
}

fn made_key(tx: &mut Tx<'_, '_>) -> Result<Ed25519Key, StoreError> {
    Ok(Ed25519Key::from_seed(random(tx)?))
}

fn random(tx: &mut Tx<'_, '_>) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&tx.random()?.to_le_bytes());
    }
    Ok(bytes)
}
