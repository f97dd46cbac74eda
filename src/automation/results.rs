//! What became of deliveries: told to the runs that sent them, and counted.

use super::apply::keep_outputs;
use crate::delivery::{self, DeliveryResult, State};
use crate::flow::run::{self, Count, Tally, What};
use crate::flow::{Flows, RunState};
use crate::id::DeliveryId;
use crate::limits;
use crate::store::{Read, StoreError, Tx};

/// The results that wait to be told.
pub(super) fn waiting(from: &impl Read) -> Result<Vec<(DeliveryId, DeliveryResult)>, StoreError> {
    delivery::results(from, limits::DELIVERY_RESULTS_AT_ONCE_MAX)
}

/// Tells results to their runs.
pub(super) fn tell(
    tx: &mut Tx<'_, '_>,
    flows: &Flows,
    results: &[(DeliveryId, DeliveryResult)],
) -> Result<(), StoreError> {
    let mut tally = Tally::default();
    for (id, _) in results {
        // Another one may have taken its place, or its person was erased.
        let Some(result) = delivery::result(tx, *id)? else { continue };
        delivery::forget_result(tx, *id);
        let Some(action) = result.webhook.action() else { continue };
        let Some(stored) = run::get(tx, result.run)? else { continue };
        // What was never sent was counted when it was parked.
        if result.state != State::Parked {
            let count = if result.state == State::Delivered { Count::Sent } else { Count::Failed };
            tally.add(stored.flow, Some(action), count, 1);
        }
        let mut run = stored.clone();
        let (state, status) = (result.state.name().to_owned(), result.status);
        run.note(tx.now(), Some(action), What::Result { delivery: *id, state, status });
        if run.state == RunState::Answering && run.delivery == Some(*id) {
            if let Some(flow) = flows.get(run.flow) {
                keep_outputs(&flow, &mut run, action, result.captured.as_deref());
            }
            // It goes on behind the action, as one whose wait is over.
            (run.state, run.due) = (RunState::Waiting, Some(tx.now()));
            run.delivery = None;
        }
        run.revision = run.revision.wrapping_add(1);
        run::put(tx, &stored, &run)?;
    }
    tally.write(tx)
}
