//! The webhook steps of flows, in memory, so that deliveries find them by id as they find
//! subscriptions.
//!
//! They are kept apart from subscriptions: a step is in no listing, under no topic and counts
//! towards no limit of theirs. Its row is the flow's, whose registry tells of it at the start and
//! after every commit that changes the flow; nothing here is stored.

use std::collections::HashMap;
use std::sync::Arc;

use super::Endpoint;
use crate::id::{FlowId, WebhookId};

/// The steps of all flows.
#[derive(Default)]
pub(super) struct Steps {
    by_id: HashMap<WebhookId, Arc<Endpoint>>,
    of_flow: HashMap<FlowId, Vec<WebhookId>>,
}

impl Steps {
    /// These are the steps of the flow from now on.
    pub(super) fn set(&mut self, flow: FlowId, steps: Vec<Arc<Endpoint>>) {
        for id in self.of_flow.remove(&flow).into_iter().flatten() {
            self.by_id.remove(&id);
        }
        if steps.is_empty() {
            return;
        }
        self.of_flow.insert(flow, steps.iter().map(|step| step.webhook.id).collect());
        self.by_id.extend(steps.into_iter().map(|step| (step.webhook.id, step)));
    }

    /// The step with this id.
    pub(super) fn get(&self, id: WebhookId) -> Option<Arc<Endpoint>> {
        self.by_id.get(&id).cloned()
    }

    /// Every step, in no particular order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.by_id.values()
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Timestamp;
    use crate::egress::Policy;
    use crate::id::{ActionId, FlowId, WebhookId};
    use crate::secret::Secret;
    use crate::webhook::{Secrets, Settings, Webhook, Webhooks};

    fn step(action: u64) -> Webhook {
        Webhook {
            id: WebhookId::of_action(ActionId::from_u64(action)),
            flow: None,
            name: format!("step {action}"),
            description: None,
            endpoint_url: "https://h.example/".to_owned(),
            secrets: Secrets::new(Secret::new("sixteen-letters!".to_owned())),
            enabled: true,
            disabled: None,
            skip_before: None,
            topics: vec!["event:api.x".to_owned()],
            settings: Settings::default(),
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
        }
    }

    #[test]
    fn steps_are_found_by_id_and_nowhere_among_subscriptions() {
        let webhooks = Webhooks::of_steps_alone(&Policy::default());
        let (one, other) = (FlowId::from_random(1), FlowId::from_random(2));
        let id = |action| step(action).id;
        webhooks.set_steps(one, vec![step(1), step(2)]);
        webhooks.set_steps(other, vec![step(3)]);
        let flow_of = |id| webhooks.get(id).and_then(|found| found.webhook.flow);
        assert_eq!([id(1), id(2), id(3)].map(flow_of), [Some(one), Some(one), Some(other)]);
        assert!(webhooks.all().is_empty() && webhooks.matching("event:api.x").is_empty());
        assert!(webhooks.subscription(id(1)).is_none());
        let mut steps = webhooks.steps();
        steps.sort_unstable();
        assert_eq!(steps, [id(1), id(2), id(3)]);

        webhooks.set_steps(one, vec![step(2), step(4)]);
        assert_eq!([id(1), id(2), id(4)].map(flow_of), [None, Some(one), Some(one)]);
        webhooks.set_steps(one, Vec::new());
        assert_eq!(webhooks.steps(), [id(3)], "those of the other flow stay");
    }
}
