//! Deliveries that a run of a flow put into the outbox, written into the file of a stopped daemon:
//! what the daemon does with them needs no flow.

use redb::backends::InMemoryBackend;
use tidings::delivery::{Deliveries, ForRun, NewRequest, StoredRequest};
use tidings::egress::Policy;
use tidings::id::{ActionId, DeliveryId, RunId, WebhookId};
use tidings::store::{Store, StoreError, Tx};
use tidings::vault::Vault;
use tidings::webhook::Webhooks;
use zeroize::Zeroizing;

use super::Daemon;

/// The action of the flow that [`leave`] sends by.
pub(crate) const ACTION: u64 = 116_466_133;

/// What a run leaves for a person: a request, and one that could not be rendered.
pub(crate) struct Left {
    pub(crate) run: RunId,
    pub(crate) request: DeliveryId,
    pub(crate) parked: DeliveryId,
}

/// Leaves a request with this body, and a failed one with this reason; the daemon has stopped.
pub(crate) async fn leave(
    daemon: &Daemon,
    (profile, event): (&str, Option<&str>),
    body: &str,
    reason: &str,
) -> Left {
    let file = daemon.config().data_dir.join("tidings.redb");
    let (store, writer) =
        Store::open(&file, 1 << 20, daemon.clock().clone()).expect("nobody has it open");
    tidings::delivery::keep_ids_growing(&store).await.expect("it can be written");
    let deliveries = handle(daemon, &store);
    let run = RunId::from_u128(7 << 80);
    let webhook = WebhookId::of_action(ActionId::from_u64(ACTION));
    let profile = profile.parse().expect("it is an id");
    let event = event.map(|event| event.parse().expect("it is an id"));
    let url = "https://h.example/".to_owned();
    let request = StoredRequest { url, headers: Vec::new(), body: body.to_owned() };
    let reason = reason.to_owned();
    let put = move |tx: &mut Tx<'_, '_>| {
        let new = NewRequest { webhook, run, profile, event, request };
        let request = deliveries.send_request(tx, new)?;
        let parked = ForRun { webhook, run, profile, event };
        let parked = deliveries.park_request(tx, &parked, reason)?;
        Ok::<_, StoreError>(Left { run, request, parked })
    };
    let left = store.commit(put).await.expect("it can be written");
    drop(store);
    writer.join().expect("it can be closed");
    left
}

/// What schedules deliveries in `store`, without the webhooks there, whose secrets it can not open.
fn handle(daemon: &Daemon, store: &Store) -> Deliveries {
    let clock = daemon.clock().clone();
    let opened = Store::open_on(InMemoryBackend::new(), 1 << 20, clock.clone());
    let (empty, writer) = opened.expect("memory is there");
    let vault = Vault::from_key(&Zeroizing::new([7; 32]));
    let snapshot = empty.snapshot().expect("it can be read");
    let (webhooks, _) =
        Webhooks::load(&snapshot, &Policy::default(), vault).expect("it can be read");
    drop((snapshot, empty));
    writer.join().expect("it can be closed");
    let snapshot = store.snapshot().expect("it can be read");
    Deliveries::new(webhooks, clock, 1, &snapshot).expect("it can be read")
}
