//! `delivery_requests`: the requests that were rendered before, each under its delivery for as long
//! as there is the delivery: it is what is sent, and the evidence of what was sent.

use serde::{Deserialize, Serialize};

use super::format::DeliveryRow;
use super::index::{Rare, follow};
use super::results::{self, Capture};
use super::{DELIVERIES, OUTBOX, attempt_row, numbers};
use crate::delivery::{Attempt, ForRun, Source, State, StoredRequest};
use crate::id::DeliveryId;
use crate::store::{Read, Row, StoreError, Table, Tx};

const DELIVERY_REQUESTS: Table<DeliveryId, RequestRow> = Table::new("delivery_requests");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RequestRow {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Row for RequestRow {
    const SCHEMA: u8 = 1;
}

impl From<StoredRequest> for RequestRow {
    fn from(of: StoredRequest) -> Self {
        let StoredRequest { url, headers, body } = of;
        Self { url, headers, body }
    }
}

impl From<RequestRow> for StoredRequest {
    fn from(row: RequestRow) -> Self {
        let RequestRow { url, headers, body } = row;
        Self { url, headers, body }
    }
}

/// The request of a delivery; `None` where it has none.
///
/// # Errors
/// Where the store can not be read.
pub fn request(from: &impl Read, id: DeliveryId) -> Result<Option<StoredRequest>, StoreError> {
    Ok(from.get(&DELIVERY_REQUESTS, &id)?.map(StoredRequest::from))
}

/// Stores the request of a delivery, in the place of any other.
pub(in crate::delivery) fn put_request(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    request: StoredRequest,
) -> Result<(), StoreError> {
    tx.put(&DELIVERY_REQUESTS, &id, &request.into())
}

/// Removes the request of a delivery that is gone, and what was left for its run.
pub(super) fn forget(tx: &mut Tx<'_, '_>, id: DeliveryId) {
    tx.remove(&DELIVERY_REQUESTS, &id);
    results::forget_result(tx, id);
}

/// Puts a fresh delivery with its request into the outbox.
pub(in crate::delivery) fn insert_request(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    of: &ForRun,
    request: StoredRequest,
) -> Result<(), StoreError> {
    put_request(tx, id, request)?;
    tx.put(&OUTBOX, &id, &row(of))
}

/// Puts a delivery that has no request into the log at once, with the attempt that says why.
pub(in crate::delivery) fn insert_parked(
    tx: &mut Tx<'_, '_>,
    id: DeliveryId,
    of: &ForRun,
    failed: &Attempt,
) -> Result<(), StoreError> {
    let mut row = row(of);
    let was = Rare::of(&row);
    row.attempts.push(attempt_row(failed));
    row.state = numbers::state(State::Parked);
    row.finished_micros = tx.now().micros();
    follow(tx, id, was, Rare::of(&row))?;
    results::leave(tx, id, &row, None::<&Capture>)?;
    tx.put(&DELIVERIES, &id, &row)
}

fn row(of: &ForRun) -> DeliveryRow {
    DeliveryRow {
        run: Some(of.run),
        events: of.event.into_iter().collect(),
        profile: of.profile,
        ..DeliveryRow::scheduled(of.webhook, Source::Flow)
    }
}

/// Whether a delivery waits for another request: it is parked, and nothing was sent of it yet.
pub(in crate::delivery) fn awaits_request(
    from: &impl Read,
    id: DeliveryId,
) -> Result<bool, StoreError> {
    let row = from.get(&DELIVERIES, &id)?;
    Ok(row.is_some_and(|row| {
        let is_parked = numbers::state_of(row.state) == State::Parked;
        row.run.is_some() && is_parked && row.was_never_sent()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = || RequestRow {
            url: "https://h/x".to_owned(),
            headers: vec![("X-A".to_owned(), "b".to_owned())],
            body: "{}".to_owned(),
        };
        const FROZEN: &str = "010b68747470733a2f2f682f780103582d410162027b7de9cf13132ddf27fe";
        assert_eq!(hex_of(&row()), FROZEN);
        assert_eq!(from_hex(FROZEN), Ok(row()));
    }
}
