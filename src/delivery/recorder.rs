//! Writes down what came of attempts, all results that wait in one command, and what follows.
//!
//! An attempt counts as under way until its result is on disk; a crash in between repeats it with
//! the same message id (invariant 4). The queue is bounded, so that this window is.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, error, warn};

use super::handle::{Deliveries, Shared};
use super::lanes::Ready;
use super::notice::{self, NoticeKind};
use super::policy::{self, Control, Next, Rules, Verdict, Wishes};
use super::recent::RecentAttempt;
use super::request::sentence;
use super::rows::Capture;
use super::{Attempt, Outcome, Source, State, rows};
use crate::clock::Timestamp;
use crate::id::{EventId, WebhookId};
use crate::limits;
use crate::store::{Store, StoreError, Tx};
use crate::webhook::{DisableReason, Endpoint, Ordering};

/// The operator's rules, for webhooks that have none of their own.
#[derive(Clone, Debug)]
pub struct Policies {
    /// The delays before retries.
    pub steps: Arc<[Duration]>,
    /// An endpoint that took nothing for so long is disabled; `None` never does that.
    pub disable_after: Option<Duration>,
}

/// The result of one attempt.
pub(super) struct Made {
    pub(super) ready: Ready,
    pub(super) webhook: WebhookId,
    pub(super) attempt: Attempt,
    pub(super) wishes: Wishes,
    /// What of the answer is left for who put the delivery there.
    pub(super) captured: Option<Capture>,
    /// When the webhook had last changed: a verdict on its former self is none on it.
    pub(super) version: Option<Timestamp>,
}

/// What follows an attempt, and the first of the delivery's events, if it has any; `None` where the
/// delivery had left the outbox meanwhile.
type Recorded = Option<(Next, Option<EventId>)>;

pub(super) struct Recorder {
    store: Store,
    desk: Arc<Desk>,
}

/// What recording needs inside the command.
struct Desk {
    shared: Arc<Shared>,
    policies: Policies,
}

impl Recorder {
    pub(super) fn new(store: Store, shared: Arc<Shared>, policies: Policies) -> Self {
        Self { store, desk: Arc::new(Desk { shared, policies }) }
    }

    /// Runs until every sender of results is gone, so that none is lost at a stop.
    pub(super) async fn run(self, mut results: mpsc::Receiver<Made>) {
        let mut waiting = Vec::new();
        while results.recv_many(&mut waiting, limits::RESULTS_PER_COMMAND_MAX).await > 0 {
            let made: Arc<[Made]> = waiting.drain(..).collect();
            if self.record(&made, 0..made.len()).await.is_ok() {
                continue;
            }
            self.forget_what_was_undone();
            // One row that can not be read must not keep the others from being recorded.
            for (place, one) in made.iter().enumerate() {
                if let Err(error) = self.record(&made, place..place + 1).await {
                    let id = one.ready.id;
                    error!(%error, delivery.id = %id, "could not record what came of an attempt");
                    self.tell_lanes(std::iter::once((one, false)));
                }
            }
        }
    }

    /// Records those of `made` in one command.
    async fn record(&self, made: &Arc<[Made]>, range: Range<usize>) -> Result<(), StoreError> {
        let (desk, all, places) = (Arc::clone(&self.desk), Arc::clone(made), range.clone());
        let record = move |tx: &mut Tx<'_, '_>| {
            let some = all.get(places).unwrap_or_default();
            some.iter().map(|made| desk.record(tx, made)).collect::<Result<Vec<Recorded>, _>>()
        };
        let recorded = self.store.commit(record).await?;
        let shared = &self.desk.shared;
        let of = || made.get(range.clone()).unwrap_or_default().iter().zip(&recorded);
        let due = |next: &Recorded| next.and_then(|(next, _)| due_of(next));
        self.tell_lanes(of().map(|(made, next)| (made, due(next).is_some())));
        let earliest = recorded.iter().filter_map(due).min();
        if let Some(due) = earliest {
            shared.due_at(due);
        }
        if earliest.is_some() || shared.with_lanes(|lanes| lanes.need_the_loop()) {
            shared.wake.notify_one();
        }
        shared.traffic.recorded();
        of().for_each(|(made, next)| report(made, *next));
        shared.recent.add(of().filter_map(|(made, next)| next.map(|next| recent(made, next))));
        Ok(())
    }

    /// A command that failed may have told more of endpoints' health than is stored.
    fn forget_what_was_undone(&self) {
        let shared = &self.desk.shared;
        let stored = self.store.snapshot().and_then(|from| shared.failing.load(&from));
        if let Err(error) = stored {
            error!(%error, "could not read which endpoints fail");
        }
    }

    /// Tells the lanes which results are on disk, and whether a retry follows.
    fn tell_lanes<'a>(&self, recorded: impl Iterator<Item = (&'a Made, bool)>) {
        let shared = &self.desk.shared;
        let now = shared.clock.now();
        shared.with_lanes(|lanes| {
            for (made, will_retry) in recorded {
                lanes.recorded(made.webhook, &made.ready, will_retry);
                lanes.wake_after_record(made.webhook, (made.ready.id, will_retry), now);
            }
        });
    }
}

const fn due_of(next: Next) -> Option<Timestamp> {
    match next {
        Next::Retry(due) => Some(due),
        Next::Finished(_) => None,
    }
}

impl Desk {
    fn record(&self, tx: &mut Tx<'_, '_>, made: &Made) -> Result<Recorded, StoreError> {
        let endpoint = self.shared.webhooks.get(made.webhook);
        let next = self.decide(tx, made, endpoint.as_deref())?;
        // A failure to deliver such news is no news itself: there would be no end. A run learns it
        // from the result.
        if let Some((Next::Finished(State::Exhausted), source, Some(event))) = next
            && !matches!(source, Source::Operational | Source::Flow)
        {
            let detail = sentence(&made.attempt);
            let kind = NoticeKind::DeliveryExhausted { delivery: made.ready.id, event, detail };
            self.tell(tx, made.webhook, kind)?;
        }
        let is_of_now = |endpoint: &Arc<Endpoint>| Some(endpoint.webhook.updated) == made.version;
        // Of a step nothing is written down: there is no row to disable, and what would disable a
        // webhook has ended this delivery.
        let is_judged = |endpoint: &Arc<Endpoint>| endpoint.webhook.flow.is_none();
        if let Some(endpoint) = endpoint.filter(is_of_now).filter(is_judged) {
            let source = next.map(|(_, source, _)| source);
            self.judge(tx, made, &endpoint, source)?;
        }
        Ok(next.map(|(next, _, event)| (next, event)))
    }

    fn decide(
        &self,
        tx: &mut Tx<'_, '_>,
        made: &Made,
        endpoint: Option<&Endpoint>,
    ) -> Result<Option<(Next, Source, Option<EventId>)>, StoreError> {
        let outcome = &made.attempt.outcome;
        let now = tx.now();
        let settings = endpoint.map(|endpoint| &endpoint.webhook.settings);
        let ends_alone = endpoint.is_some_and(|endpoint| endpoint.webhook.flow.is_some());
        let captured = made.captured.as_ref();
        rows::record(tx, made.ready.id, &made.attempt, captured, |course| {
            let rows::Course { number, began, first_attempt } = course;
            let (id, wishes) = (made.ready.id, made.wishes);
            let made = policy::Made { id, number, outcome, wishes, began, first_attempt };
            // Nearly every attempt succeeds, and then nobody asks for the steps.
            let steps = match settings {
                Some(settings) if !outcome.is_success() => {
                    settings.schedule.steps(&self.policies.steps)
                }
                _ => Vec::new(),
            };
            let ordered = settings.filter(|settings| settings.ordering != Ordering::None);
            let rules = Rules {
                steps: &steps,
                max_age: settings.and_then(|settings| settings.max_age),
                park_after: ordered.and_then(|settings| settings.park_after),
                ends_alone,
            };
            policy::after(&made, &rules, now)
        })
    }

    /// What the attempt means for its webhook.
    fn judge(
        &self,
        tx: &mut Tx<'_, '_>,
        made: &Made,
        endpoint: &Endpoint,
        source: Option<Source>,
    ) -> Result<(), StoreError> {
        let verdict = policy::verdict(&made.attempt.outcome);
        if verdict == Verdict::Silent {
            return Ok(());
        }
        let webhook = made.webhook;
        let mut failing_for = Duration::ZERO;
        if matches!(verdict, Verdict::Well | Verdict::Refusal) {
            let since = self.shared.failing.clear(tx, webhook);
            let long = |since: &Timestamp| tx.now().since(*since) >= limits::RECOVERED_AFTER;
            if let Some(failing_since) = since.filter(long)
                // News of the delivery of such news would have no end.
                && source != Some(Source::Operational)
            {
                self.tell(tx, webhook, NoticeKind::WebhookRecovered { failing_since })?;
            }
        } else {
            failing_for = tx.now().since(self.shared.failing.fail(tx, webhook)?);
        }
        if !endpoint.webhook.enabled {
            return Ok(());
        }
        let is_hopeless = self.policies.disable_after.is_some_and(|most| failing_for >= most);
        let (reason, detail) = if made.wishes.control == Some(Control::Disable) {
            (
                DisableReason::Receiver,
                "the endpoint answered with `webhook-delivery: disable`".into(),
            )
        } else if verdict == Verdict::Gone {
            (DisableReason::Gone, "the endpoint answered 410 Gone".into())
        } else if is_hopeless {
            let days = failing_for.as_secs_f64() / 86_400.0;
            let last = sentence(&made.attempt);
            (DisableReason::Failing, format!("it took nothing for {days:.1} days; last: {last}"))
        } else {
            return Ok(());
        };
        self.disable(tx, webhook, reason, detail)
    }

    fn disable(
        &self,
        tx: &mut Tx<'_, '_>,
        webhook: WebhookId,
        reason: DisableReason,
        detail: String,
    ) -> Result<(), StoreError> {
        if !self.shared.webhooks.disable(tx, webhook, reason, &detail)? {
            return Ok(());
        }
        self.shared.failing.clear(tx, webhook);
        warn!(webhook.id = %webhook, reason = reason.name(), detail, "a webhook is disabled");
        let deliveries = Deliveries { shared: Arc::clone(&self.shared) };
        tx.after_commit(move || deliveries.refresh(webhook));
        let reason = reason.name().to_owned();
        self.tell(tx, webhook, NoticeKind::WebhookDisabled { reason, detail })
    }

    fn tell(
        &self,
        tx: &mut Tx<'_, '_>,
        webhook: WebhookId,
        kind: NoticeKind,
    ) -> Result<(), StoreError> {
        notice::add(tx, webhook, kind)?;
        let shared = Arc::clone(&self.shared);
        tx.after_commit(move || shared.noticed.notify_one());
        Ok(())
    }
}

fn recent(made: &Made, (next, event): (Next, Option<EventId>)) -> RecentAttempt {
    let Made { ready, webhook, attempt, .. } = made;
    let (state, due) = match next {
        Next::Retry(due) => (State::Scheduled, Some(due)),
        Next::Finished(state) => (state, None),
    };
    RecentAttempt {
        number: 0,
        delivery: ready.id,
        webhook: *webhook,
        event,
        at: attempt.at,
        duration: attempt.trace.total,
        outcome: attempt.outcome.clone(),
        state,
        due,
    }
}

/// Says in the log what came of an attempt: loud only where a delivery was given up.
fn report(made: &Made, recorded: Recorded) {
    let Made { ready, webhook, attempt, .. } = made;
    let id = ready.id;
    let duration_ms = attempt.trace.total.as_secs_f64() * 1_000.0;
    let status = attempt.outcome.status().unwrap_or_default();
    match recorded {
        Some((Next::Finished(State::Delivered), _)) => {
            debug!(delivery.id = %id, webhook.id = %webhook, status, duration_ms, "delivered");
        }
        Some((Next::Retry(due), _)) => {
            let error = sentence(attempt);
            debug!(
                delivery.id = %id, webhook.id = %webhook, status, error, duration_ms, ?due,
                "attempt failed, will be retried"
            );
        }
        Some((Next::Finished(State::Cancelled), _))
            if matches!(attempt.outcome, Outcome::Gone | Outcome::Unwanted) =>
        {
            debug!(delivery.id = %id, webhook.id = %webhook, "cancelled, as nobody wants it");
        }
        Some((Next::Finished(state), _)) => {
            let (state, error) = (state.name(), sentence(attempt));
            warn!(delivery.id = %id, webhook.id = %webhook, status, error, state, "given up");
        }
        None => debug!(delivery.id = %id, "the delivery was finished meanwhile"),
    }
}
