//! All flows in memory, by what lets people in: what recording an event asks.
//!
//! Changed only by commands; others see a change once it is on disk. The webhooks of a flow's
//! actions are handed to delivery's registry at the same moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, RwLock};

use super::definition::{Conditions, Trigger};
use super::parse::{FlowPatch, NewFlow};
use super::step::{ActionStatus, Step};
use super::{Definition, Flow, FlowError, Status, message_id, rows};
use crate::egress::Policy;
use crate::id::{ActionId, FlowId, GroupId, MetricId, WebhookId};
use crate::json::Fault;
use crate::limits;
use crate::store::{Read, StoreError, Tx};
use crate::vault::Vault;
use crate::webhook::{self, Secrets, Webhook, Webhooks};

/// A flow as others see it.
pub type Live = Arc<Flow>;

/// All flows. Clones share them.
#[derive(Clone)]
pub struct Flows(Arc<Shared>);

struct Shared {
    index: RwLock<Index>,
    vault: Vault,
    webhooks: Webhooks,
}

#[derive(Default)]
struct Index {
    by_id: BTreeMap<FlowId, Live>,
    by_action: HashMap<ActionId, FlowId>,
    /// Those that people can enter, by what lets them in.
    by_metric: HashMap<MetricId, Vec<Live>>,
    by_group: HashMap<GroupId, Vec<Live>>,
    has_dates: bool,
    /// Those that ask what people did before.
    reading_history: HashSet<FlowId>,
}

impl Flows {
    /// Reads all flows from the store.
    ///
    /// # Errors
    /// Where the store can not be read, or a flow is damaged.
    pub fn load(
        from: &impl Read,
        vault: Vault,
        policy: &Policy,
        webhooks: Webhooks,
    ) -> Result<Self, StoreError> {
        let flows = Self(Arc::new(Shared { index: RwLock::default(), vault, webhooks }));
        for flow in rows::all(from, &flows.0.vault, policy)? {
            flows.learn(flow);
        }
        Ok(flows)
    }

    /// The flow with this id.
    #[must_use]
    pub fn get(&self, id: FlowId) -> Option<Live> {
        self.0.index.read().expect("no holder panics").by_id.get(&id).cloned()
    }

    /// Every flow, by their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Live> {
        self.0.index.read().expect("no holder panics").by_id.values().cloned().collect()
    }

    /// The flow that has this action.
    #[must_use]
    pub fn of_action(&self, id: ActionId) -> Option<Live> {
        let index = self.0.index.read().expect("no holder panics");
        index.by_id.get(index.by_action.get(&id)?).cloned()
    }

    /// The flow and the webhook action that has the message with this id.
    #[must_use]
    pub fn of_message(&self, id: &str) -> Option<(Live, ActionId)> {
        let index = self.0.index.read().expect("no holder panics");
        let action = index.by_action.keys().find(|action| message_id(**action) == id)?;
        Some((index.by_id.get(index.by_action.get(action)?)?.clone(), *action))
    }

    /// The flows that events of this metric let people into.
    #[must_use]
    pub fn on_metric(&self, metric: MetricId) -> Vec<Live> {
        let index = self.0.index.read().expect("no holder panics");
        index.by_metric.get(&metric).cloned().unwrap_or_default()
    }

    /// The flows that joining this list or segment lets people into.
    #[must_use]
    pub fn on_group(&self, group: GroupId) -> Vec<Live> {
        let index = self.0.index.read().expect("no holder panics");
        index.by_group.get(&group).cloned().unwrap_or_default()
    }

    /// Whether a flow that people can enter waits for dates.
    #[must_use]
    pub fn has_dates(&self) -> bool {
        self.0.index.read().expect("no holder panics").has_dates
    }

    /// Whether a flow asks what people did before.
    #[must_use]
    pub fn reads_history(&self, id: FlowId) -> bool {
        self.0.index.read().expect("no holder panics").reading_history.contains(&id)
    }

    /// Makes a flow, as a draft.
    ///
    /// # Errors
    /// Where there are too many, or the store fails.
    pub fn create(&self, tx: &mut Tx<'_, '_>, new: NewFlow) -> Result<Flow, FlowError> {
        tx.needs_room()?;
        if self.0.index.read().expect("no holder panics").by_id.len() >= limits::FLOWS_MAX {
            return Err(FlowError::TooMany);
        }
        let mut definition = new.definition;
        definition.settle(|| rows::next_action(tx))?;
        let secret = match new.secret {
            Some(secret) => secret,
            None => webhook::made_secret(tx)?,
        };
        let now = tx.now();
        let flow = Flow {
            id: rows::new_id(tx)?,
            name: new.name,
            status: Status::Draft,
            definition,
            secrets: Secrets::new(secret),
            created: now,
            updated: now,
            revision: 1,
        };
        self.store(tx, flow)
    }

    /// Changes a flow that is still the one that the change was made for.
    ///
    /// # Errors
    /// Where there is none, it is another one by now, it can not be active, or the store fails.
    pub fn change(
        &self,
        tx: &mut Tx<'_, '_>,
        seen: &Flow,
        patch: FlowPatch,
    ) -> Result<Flow, FlowError> {
        tx.needs_room()?;
        let mut flow = self.unchanged(tx, seen)?;
        if let Some(name) = patch.name {
            flow.name = name;
        }
        if let Some(secret) = patch.secret {
            flow.secrets = Secrets::new(secret);
        }
        if let Some(definition) = patch.definition {
            flow.definition = definition;
            flow.definition.settle(|| rows::next_action(tx))?;
        }
        if let Some(status) = patch.status {
            flow.status = status;
            let of_actions = match status {
                Status::Draft => ActionStatus::Draft,
                Status::Manual => ActionStatus::Manual,
                Status::Live => ActionStatus::Live,
            };
            // One that was switched off for good stays so.
            let actions = flow.definition.actions.iter_mut().map(|action| &mut action.step);
            actions
                .filter(|step| step.status() != Some(ActionStatus::Disabled))
                .for_each(|step| step.set_status(of_actions));
        }
        check_active(&flow)?;
        flow.updated = tx.now();
        flow.revision += 1;
        self.store(tx, flow)
    }

    /// Deletes an action: those before it lead to where it led.
    ///
    /// # Errors
    /// Where there is none, where it leads several ways, or the store fails.
    pub fn remove_action(
        &self,
        tx: &mut Tx<'_, '_>,
        seen: &Flow,
        id: ActionId,
    ) -> Result<Flow, FlowError> {
        let mut flow = self.unchanged(tx, seen)?;
        flow.definition.without(id)?;
        flow.updated = tx.now();
        flow.revision += 1;
        self.store(tx, flow)
    }

    /// Deletes a flow. Its runs end a moment later.
    ///
    /// # Errors
    /// Where there is none, or the store fails.
    pub fn remove(&self, tx: &mut Tx<'_, '_>, id: FlowId) -> Result<Live, FlowError> {
        let live = self.get(id).ok_or(FlowError::Unknown(id))?;
        if rows::revision(tx, id)?.is_none() {
            return Err(FlowError::Unknown(id));
        }
        rows::remove(tx, id)?;
        let flows = self.clone();
        tx.after_commit(move || flows.forget(id));
        Ok(live)
    }

    fn unchanged(&self, tx: &Tx<'_, '_>, seen: &Flow) -> Result<Flow, FlowError> {
        match rows::revision(tx, seen.id)? {
            None => Err(FlowError::Unknown(seen.id)),
            Some(revision) if revision != seen.revision => Err(FlowError::Changed(seen.id)),
            Some(_) => Ok(seen.clone()),
        }
    }

    fn store(&self, tx: &mut Tx<'_, '_>, flow: Flow) -> Result<Flow, FlowError> {
        rows::put(tx, &flow, &self.0.vault)?;
        let (flows, learnt) = (self.clone(), flow.clone());
        tx.after_commit(move || flows.learn(learnt));
        Ok(flow)
    }

    fn learn(&self, flow: Flow) {
        self.0.webhooks.set_steps(flow.id, webhooks_of(&flow));
        let flow = Arc::new(flow);
        let mut index = self.0.index.write().expect("no holder panics");
        index.forget(flow.id);
        index.learn(&flow);
    }

    fn forget(&self, id: FlowId) {
        self.0.webhooks.set_steps(id, Vec::new());
        self.0.index.write().expect("no holder panics").forget(id);
    }
}

/// The webhooks of a flow's actions.
fn webhooks_of(flow: &Flow) -> Vec<Webhook> {
    let webhook = |action: &super::Action| match &action.step {
        Step::SendWebhook { webhook, .. } => Some(webhook.webhook(flow, action.id)),
        _ => None,
    };
    flow.definition.actions.iter().filter_map(webhook).collect()
}

/// The ids under which delivery knows the webhooks of a flow.
#[must_use]
pub fn webhook_ids(flow: &Flow) -> Vec<WebhookId> {
    webhooks_of(flow).into_iter().map(|webhook| webhook.id).collect()
}

/// What is known and can not be done yet must not be active.
fn check_active(flow: &Flow) -> Result<(), FlowError> {
    if flow.status == Status::Draft {
        return Ok(());
    }
    let code = flow.definition.actions.iter().find(|it| matches!(it.step, Step::Code { .. }));
    match code {
        None => Ok(()),
        Some(action) => {
            let why = format!(
                "action {} is a `code` action, which this version can not run; take it out, or \
                 keep the flow a draft",
                action.id
            );
            Err(FlowError::CanNotAct(Fault::new("/data/attributes/status", why)))
        }
    }
}

impl Definition {
    /// Takes an action out.
    fn without(&mut self, id: ActionId) -> Result<(), FlowError> {
        let place = self.actions.iter().position(|action| action.id == id);
        let place = place.ok_or(FlowError::UnknownAction(id))?;
        let targets: Vec<_> =
            self.actions[place].step.links().into_iter().map(|(_, next)| next).collect();
        let leads_to = match targets.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other == first) => *first,
            Some(_) => {
                let why = format!(
                    "action {id} leads several ways; delete what comes after all but one of them, \
                     or change the flow's `definition`"
                );
                return Err(FlowError::CanNotAct(Fault::new("", why)));
            }
            None => None,
        };
        let leads_to = leads_to.filter(|next| *next != id);
        self.actions.remove(place);
        let bend = |next: &mut Option<ActionId>| {
            if *next == Some(id) {
                *next = leads_to;
            }
        };
        self.actions.iter_mut().for_each(|action| action.step.each_link(bend));
        bend(&mut self.entry);
        super::graph::check(self).map_err(|problem| {
            let fault = match problem {
                super::graph::Problem::Action(_, fault)
                | super::graph::Problem::Definition(fault) => fault,
            };
            FlowError::CanNotAct(fault)
        })
    }

    /// The conditions of the trigger, where it has some.
    #[must_use]
    pub const fn trigger_filter(&self) -> Option<&Conditions> {
        match &self.trigger {
            Trigger::Metric { filter, .. } => filter.as_ref(),
            _ => None,
        }
    }
}

impl Index {
    fn learn(&mut self, flow: &Live) {
        for action in &flow.definition.actions {
            self.by_action.insert(action.id, flow.id);
        }
        if flow.is_open() {
            if let Some(metric) = flow.definition.trigger.metric() {
                self.by_metric.entry(metric).or_default().push(Arc::clone(flow));
            }
            if let Some(group) = flow.definition.trigger.group() {
                self.by_group.entry(group).or_default().push(Arc::clone(flow));
            }
        }
        if flow.definition.reads_history() {
            self.reading_history.insert(flow.id);
        }
        self.by_id.insert(flow.id, Arc::clone(flow));
        self.look_for_dates();
    }

    fn look_for_dates(&mut self) {
        let waits =
            |flow: &Live| matches!(flow.definition.trigger, Trigger::Date(_)) && flow.is_open();
        self.has_dates = self.by_id.values().any(waits);
    }

    fn forget(&mut self, id: FlowId) {
        let Some(old) = self.by_id.remove(&id) else { return };
        self.look_for_dates();
        self.reading_history.remove(&id);
        self.by_action.retain(|_, of| *of != id);
        if let Some(metric) = old.definition.trigger.metric() {
            self.by_metric.entry(metric).or_default().retain(|flow| flow.id != id);
        }
        if let Some(group) = old.definition.trigger.group() {
            self.by_group.entry(group).or_default().retain(|flow| flow.id != id);
        }
    }
}
