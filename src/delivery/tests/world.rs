//! A store with the delivery loop around it and two steps of one flow, without a daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::{Clock, Timestamp};
use crate::delivery::{
    self, Deliveries, Delivery, DeliveryResult, ForRun, Messages, NewRequest, Policies, Sender,
    State, StoredRequest, Tasks, Tokens, keep_ids_growing,
};
use crate::egress::{Egress, Policy};
use crate::id::{AccountId, ActionId, DeliveryId, EventId, FlowId, ProfileId, RunId, WebhookId};
use crate::metric::Metrics;
use crate::secret::Secret;
use crate::store::{Snapshot, Store, StoreError, Tx, WriterHandle};
use crate::webhook::{Schedule, Secrets, Settings, Webhook, Webhooks};

pub(super) const SECRET: &str = "0123456789abcdef";
/// The step that most tests send by.
pub(super) const STEP: WebhookId = WebhookId::of_action(ActionId::from_u64(11));
pub(super) const ANN: ProfileId = ProfileId::from_u128(5);
const START: Timestamp = Timestamp::from_seconds(1_788_529_135);

pub(super) fn flow() -> FlowId {
    FlowId::from_random(7)
}

/// The step, sending to this address.
pub(super) fn step(url: String, settings: Settings) -> Webhook {
    Webhook {
        id: STEP,
        flow: None,
        name: "step".to_owned(),
        description: None,
        endpoint_url: url,
        secrets: Secrets::new(Secret::new(SECRET.to_owned())),
        enabled: true,
        disabled: None,
        skip_before: None,
        topics: Vec::new(),
        settings,
        created: START,
        updated: START,
    }
}

/// Settings of a step that does not try again.
pub(super) fn once() -> Settings {
    Settings { schedule: Schedule::Custom(Vec::new()), ..Settings::default() }
}

pub(super) fn request(url: String) -> StoredRequest {
    StoredRequest { url, headers: Vec::new(), body: r#"{"name":"Ann"}"#.to_owned() }
}

/// For whom a request is put there; without an event, as of a list's flow.
pub(super) fn for_run(run: u128, event: Option<u64>) -> ForRun {
    let (run, event) = (RunId::from_u128(run), event.map(EventId::from_u64));
    ForRun { webhook: STEP, run, profile: ANN, event }
}

pub(super) struct World {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) webhooks: Webhooks,
    pub(super) deliveries: Deliveries,
    pub(super) sender: Arc<Sender>,
    writer: WriterHandle,
    tasks: Tasks,
    step: Webhook,
    file: PathBuf,
    _directory: Arc<TempDir>,
}

impl World {
    pub(super) async fn new(step: Webhook) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let file = directory.path().join("s.redb");
        Self::open(directory, file, Clock::manual(START), step).await
    }

    async fn open(directory: Arc<TempDir>, file: PathBuf, clock: Clock, step: Webhook) -> Self {
        let (store, writer) = Store::open(&file, 1 << 20, clock.clone()).unwrap();
        keep_ids_growing(&store).await.unwrap();
        let policy = Policy { allow_http: true, allow_loopback: true, ..Policy::default() };
        let webhooks = Webhooks::of_steps_alone(&policy);
        webhooks.set_steps(flow(), vec![step.clone()]);
        let snapshot = store.snapshot().unwrap();
        let deliveries = Deliveries::new(webhooks.clone(), clock.clone(), 4, &snapshot).unwrap();
        drop(snapshot);
        let sender = Arc::new(Sender {
            store: store.clone(),
            egress: Egress::new(policy, &[]).unwrap(),
            metrics: Metrics::default(),
            clock: clock.clone(),
            account: AccountId::from_random(1),
            base_url: "http://tidings.example".into(),
            timeout: Duration::from_secs(5),
            messages: Messages::default(),
            tokens: Tokens::default(),
        });
        let steps = [Duration::from_secs(5), Duration::from_secs(60)];
        let policies = Policies { steps: steps.into(), disable_after: Some(Duration::ZERO) };
        let tasks = Tasks::default();
        deliveries.start(Arc::clone(&sender), policies, &tasks);
        Self {
            store,
            clock,
            webhooks,
            deliveries,
            sender,
            writer,
            tasks,
            step,
            file,
            _directory: directory,
        }
    }

    /// Stops the loop, which must end, and closes the file.
    pub(super) async fn stop(self) -> (Arc<TempDir>, PathBuf, Clock, Webhook) {
        let Self {
            store,
            clock,
            webhooks,
            deliveries,
            sender,
            writer,
            tasks,
            step,
            file,
            _directory,
        } = self;
        tasks.stop.cancel();
        tasks.tracker.close();
        tasks.tracker.wait().await;
        drop((store, webhooks, deliveries, sender));
        writer.join().unwrap();
        (_directory, file, clock, step)
    }

    /// The same file with a loop of its own.
    pub(super) async fn restart(self) -> Self {
        let (directory, file, clock, step) = self.stop().await;
        Self::open(directory, file, clock, step).await
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.store.snapshot().unwrap()
    }

    pub(super) async fn commit<T: Send + 'static, E>(
        &self,
        command: impl FnOnce(&mut Tx<'_, '_>, &Deliveries) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        E: From<StoreError> + Send + 'static,
    {
        let deliveries = self.deliveries.clone();
        self.store.commit(move |tx| command(tx, &deliveries)).await
    }

    /// Puts a request into the outbox.
    pub(super) async fn send(&self, of: ForRun, request: StoredRequest) -> DeliveryId {
        let ForRun { webhook, run, profile, event } = of;
        let new = NewRequest { webhook, run, profile, event, request };
        let sent = self.commit::<_, StoreError>(move |tx, to| to.send_request(tx, new)).await;
        sent.unwrap()
    }

    pub(super) fn delivery(&self, id: DeliveryId) -> Delivery {
        delivery::get(&self.snapshot(), id).unwrap().expect("it is there")
    }

    /// The delivery once it is in this state.
    pub(super) async fn settled(&self, id: DeliveryId, state: State) -> Delivery {
        self.eventually(id, |delivery| delivery.state == state).await
    }

    /// The delivery once it has had so many attempts.
    pub(super) async fn attempted(&self, id: DeliveryId, attempts: usize) -> Delivery {
        self.eventually(id, |delivery| delivery.attempts.len() == attempts).await
    }

    async fn eventually(&self, id: DeliveryId, is_so: impl Fn(&Delivery) -> bool) -> Delivery {
        for _ in 0..1_000 {
            let delivery = self.delivery(id);
            if is_so(&delivery) {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("this did not happen: {:?}", self.delivery(id));
    }

    /// Waits until the breaker of the step's lane is open, or not: it hears of an attempt a moment
    /// before or after the store does.
    pub(super) async fn breaker_is_open(&self, is_open: bool) {
        for _ in 0..1_000 {
            if self.deliveries.standing(STEP).is_open == is_open {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the breaker stays as it was: {:?}", self.deliveries.standing(STEP));
    }

    /// The only result there is, which is taken.
    pub(super) async fn result(&self) -> (DeliveryId, DeliveryResult) {
        let mut all = delivery::results(&self.snapshot(), 10).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        let (id, result) = all.remove(0);
        assert_eq!(delivery::result(&self.snapshot(), id).unwrap().as_ref(), Some(&result));
        let forget = move |tx: &mut Tx<'_, '_>, _: &Deliveries| {
            delivery::forget_result(tx, id);
            Ok::<_, StoreError>(())
        };
        self.commit(forget).await.unwrap();
        assert_eq!(delivery::results(&self.snapshot(), 10).unwrap(), []);
        (id, result)
    }
}
