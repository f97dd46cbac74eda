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
    /// The last attempt that failed; after a restart, the restart.
    last: Timestamp,
}

impl Failing {
    /// Reads which endpoints failed when the daemon stopped.
    pub(super) fn load(&self, from: &impl Read, now: Timestamp) -> Result<(), StoreError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let rows = from.page(&FAILING, all, Order::Ascending, limits::WEBHOOKS_MAX * 2)?;
        let since = |row: FailingRow| Failure {
            since: Timestamp::from_micros(row.since_micros),
            last: now,
        };
        let mut failing = self.0.lock().expect("no holder panics");
        *failing = rows.into_iter().map(|(webhook, row)| (webhook, since(row))).collect();
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
        let mut failing = self.0.lock().expect("no holder panics");
        if let Some(failure) = failing.get_mut(&webhook)
            && now.since(failure.last) <= limits::FAILURES_APART_MAX
        {
            failure.last = now;
            return Ok(failure.since);
        }
        failing.insert(webhook, Failure { since: now, last: now });
        drop(failing);
        tx.put(&FAILING, &webhook, &FailingRow { since_micros: now.micros() })?;
        Ok(now)
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
        assert_eq!(hex_of(&FailingRow { since_micros: 5 }), "010af91620dd8786b05c");
        assert_eq!(from_hex("010af91620dd8786b05c"), Ok(FailingRow { since_micros: 5 }));
    }
}
