//! Since when an endpoint has taken nothing: durable, because it decides about disabling it.
//!
//! A row stands exactly while an endpoint fails; it is written when the first attempt fails and
//! removed when one succeeds, so that a healthy endpoint costs nothing. In memory is the same.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::WebhookId;
use crate::limits;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const FAILING: Table<WebhookId, FailingRow> = Table::new("webhooks_failing");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct FailingRow {
    since_micros: i64,
    /// The last failure, give or take [`limits::FAILURE_WRITTEN_EVERY`].
    last_micros: i64,
}

impl Row for FailingRow {
    const SCHEMA: u8 = 1;
}

/// The endpoints that fail. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failing(Arc<Mutex<HashMap<WebhookId, Failure>>>);

/// A failure that goes on.
#[derive(Clone, Copy, Debug)]
struct Failure {
    since: Timestamp,
    /// The last attempt that failed.
    last: Timestamp,
    /// Up to when that is written down.
    written: Timestamp,
}

impl Failing {
    /// Reads which endpoints failed when the daemon stopped.
    pub(super) fn load(&self, from: &impl Read) -> Result<(), StoreError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let rows = from.page(&FAILING, all, Order::Ascending, limits::WEBHOOKS_MAX * 2)?;
        let failure = |row: FailingRow| {
            let last = Timestamp::from_micros(row.last_micros);
            Failure { since: Timestamp::from_micros(row.since_micros), last, written: last }
        };
        let mut failing = self.0.lock().expect("no holder panics");
        *failing = rows.into_iter().map(|(webhook, row)| (webhook, failure(row))).collect();
        Ok(())
    }

    /// Since when this endpoint fails; `None` while it does not.
    pub(super) fn since(&self, webhook: WebhookId) -> Option<Timestamp> {
        self.0.lock().expect("no holder panics").get(&webhook).map(|failure| failure.since)
    }

    /// The endpoint failed now; since when it does. Failures too far apart are not one: nobody
    /// knows how it was in between.
    pub(super) fn fail(
        &self,
        tx: &mut Tx<'_, '_>,
        webhook: WebhookId,
    ) -> Result<Timestamp, StoreError> {
        let now = tx.now();
        let known = self.0.lock().expect("no holder panics").get(&webhook).copied();
        let goes_on = known.filter(|known| now.since(known.last) <= limits::FAILURES_APART_MAX);
        let since = goes_on.map_or(now, |known| known.since);
        let written = match goes_on.map(|known| known.written) {
            Some(written) if now.since(written) < limits::FAILURE_WRITTEN_EVERY => written,
            _ => {
                let row = FailingRow { since_micros: since.micros(), last_micros: now.micros() };
                tx.put(&FAILING, &webhook, &row)?;
                now
            }
        };
        let failure = Failure { since, last: now, written };
        self.0.lock().expect("no holder panics").insert(webhook, failure);
        Ok(since)
    }

    /// The endpoint took something, or is not tried any more; since when it had failed.
    pub(super) fn clear(&self, tx: &mut Tx<'_, '_>, webhook: WebhookId) -> Option<Timestamp> {
        let failure = self.0.lock().expect("no holder panics").remove(&webhook)?;
        tx.remove(&FAILING, &webhook);
        Some(failure.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = || FailingRow { since_micros: 5, last_micros: 6 };
        assert_eq!(hex_of(&row()), "010a0c6c180d7bc2aab843");
        assert_eq!(from_hex("010a0c6c180d7bc2aab843"), Ok(row()));
    }
}
