//! Sends what one lane has, one attempt after the other, until it gives no more.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::attempt::{Attempted, Sender};
use super::handle::Shared;
use super::lanes::{Health, Ready};
use super::policy::{self, Verdict};
use super::recorder::Made;
use crate::id::WebhookId;

/// One slot of a lane at work.
#[derive(Clone)]
pub(super) struct Drain {
    pub(super) shared: Arc<Shared>,
    sender: Arc<Sender>,
    results: mpsc::Sender<Made>,
    stop: CancellationToken,
}

impl Drain {
    pub(super) const fn new(
        shared: Arc<Shared>,
        sender: Arc<Sender>,
        results: mpsc::Sender<Made>,
        stop: CancellationToken,
    ) -> Self {
        Self { shared, sender, results, stop }
    }

    pub(super) async fn run(self, webhook: WebhookId, first: Ready) {
        let mut next = Some(first);
        while let Some(ready) = next {
            let endpoint = self.shared.webhooks.get(webhook);
            let made = self.sender.attempt(&ready, endpoint.as_deref()).await;
            let Attempted { attempt, wishes, captured } = made;
            let verdict = policy::verdict(&attempt.outcome);
            let version = endpoint.map(|endpoint| endpoint.webhook.updated);
            let made = Made { ready, webhook, attempt, wishes, captured, version };
            // The recorder outlives every drain; if it is gone, the row stays scheduled.
            let is_recorded = self.results.send(made).await.is_ok();
            let verdict = if is_recorded { verdict } else { Verdict::Silent };
            let now = self.shared.clock.now();
            let (health, needs_the_loop) = self.shared.with_lanes(|lanes| {
                let health = lanes.release(webhook, verdict, wishes.not_before, now);
                next = if self.stop.is_cancelled() { None } else { lanes.take(webhook, now) };
                (health, lanes.need_the_loop())
            });
            if needs_the_loop {
                self.shared.wake.notify_one();
            }
            report(webhook, health);
        }
    }
}

/// A failing endpoint is told once, not with every attempt: those are in the delivery's log.
fn report(webhook: WebhookId, health: Health) {
    match health {
        Health::AsBefore => {}
        Health::BeganToFail => warn!(webhook.id = %webhook, "an endpoint began to fail"),
        Health::Opened => {
            warn!(webhook.id = %webhook, "an endpoint keeps failing; it is probed from time to time");
        }
        Health::Recovered(failures) => {
            info!(webhook.id = %webhook, failures, "an endpoint takes deliveries again");
        }
    }
}
