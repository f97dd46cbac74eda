//! Operational facts as events: what the delivery loop noticed is recorded like any other event,
//! with topics of its own, so that webhooks, and all that reacts to events, can react to it.
//!
//! | topic | when |
//! |---|---|
//! | `event:tidings.webhook_disabled` | a webhook was disabled, not by a person |
//! | `event:tidings.webhook_recovered` | a webhook takes deliveries again after a minute or more |
//! | `event:tidings.delivery_exhausted` | the last retry of a delivery failed |
//!
//! They are about one person, who stands for this installation. There is no loop: what becomes of
//! the deliveries of these events is announced by no further event.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::delivery::{self, Deliveries, Notice, NoticeKind};
use crate::event::NewEvent;
use crate::ingest::{Ingest, IngestError};
use crate::limits;
use crate::metric::{MetricName, OPERATIONAL};
use crate::profile::ProfilePatch;
use crate::store::{Store, StoreError};

/// The `external_id` of the person that operational events are about.
pub const OPERATOR: &str = "tidings";

const DISABLED: &str = OPERATIONAL[0];
const RECOVERED: &str = OPERATIONAL[1];
const EXHAUSTED: &str = OPERATIONAL[2];

/// Turns notices into events.
pub struct Operations {
    /// Where notices wait.
    pub store: Store,
    /// Tells when there are some.
    pub deliveries: Deliveries,
    /// Records the events.
    pub ingest: Ingest,
}

impl Operations {
    /// Runs until `stop`; what is left then is recorded after the next start.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.record_some().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    error!(%error, "could not record operational events");
                    tokio::select! {
                        () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
            }
            tokio::select! {
                () = self.deliveries.noticed() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Records the oldest notices; returns how many.
    async fn record_some(&self) -> Result<usize, StoreError> {
        let notices = delivery::waiting_notices(&self.store.snapshot()?, limits::NOTICES_AT_ONCE)?;
        let count = notices.len();
        if count == 0 {
            return Ok(0);
        }
        let events = notices.iter().map(|notice| self.event(notice)).collect();
        let ingest = self.ingest.clone();
        // Recorded and removed in one commit: neither lost nor told twice.
        let record = move |tx: &mut crate::store::Tx<'_, '_>| {
            match ingest.record_in(tx, events) {
                Ok(_) => {}
                Err(IngestError::Store(error)) => return Err(error),
                // Only a bound on metrics can refuse them, and then there is nobody to tell.
                Err(IngestError::Fault(fault)) => error!(%fault, "an operational event is lost"),
            }
            notices.iter().for_each(|notice| delivery::remove_notice(tx, notice.id));
            Ok(())
        };
        self.store.commit(record).await?;
        Ok(count)
    }

    fn event(&self, notice: &Notice) -> NewEvent {
        let webhook = self.deliveries.webhooks().get(notice.webhook);
        let (name, mut properties) = match &notice.kind {
            NoticeKind::WebhookDisabled { reason, detail } => {
                (DISABLED, json!({ "reason": reason, "detail": detail }))
            }
            NoticeKind::WebhookRecovered { failing_since } => {
                (RECOVERED, json!({ "failing_since": failing_since.rfc3339_seconds() }))
            }
            NoticeKind::DeliveryExhausted { delivery, event, detail } => {
                let (delivery, event) = (delivery.to_string(), event.to_string());
                let told = json!({ "delivery_id": delivery, "event_id": event, "detail": detail });
                (EXHAUSTED, told)
            }
        };
        properties["webhook_id"] = notice.webhook.to_string().into();
        properties["webhook_name"] =
            webhook.map_or(Value::Null, |endpoint| endpoint.webhook.name.clone().into());
        NewEvent {
            metric: MetricName::own(name),
            profile: ProfilePatch::external(OPERATOR),
            time: crate::clock::Timestamp::from_seconds(notice.at.seconds()),
            unique_id: notice.id.to_string(),
            value: None,
            value_currency: None,
            properties: properties.to_string(),
            backfill: false,
            pointer: String::new(),
        }
    }
}
