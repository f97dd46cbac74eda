//! What an operator should know, written down for upper layers in the commit in which it happened.
//!
//! The delivery loop does not know who listens: a use case above it turns notices into events and
//! removes them. Nothing is lost in between, because a notice is a row.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{DeliveryId, EventId, NoticeId, WebhookId};
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const NOTICES: Table<NoticeId, NoticeRow> = Table::new("notices");

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// When it happened.
    pub at: Timestamp,
    /// To which webhook.
    pub webhook: WebhookId,
    /// What it was.
    pub kind: NoticeKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// A webhook was disabled, not by a person.
    WebhookDisabled {
        /// Why, by its name in the API.
        reason: String,
        /// Why, as a sentence.
        detail: String,
    },
    /// A webhook takes deliveries again, after it failed for a while.
    WebhookRecovered {
        /// Since when it had failed.
        failing_since: Timestamp,
    },
    /// The last retry of a delivery failed, or its time was over.
    DeliveryExhausted {
        /// The delivery.
        delivery: DeliveryId,
        /// The first of its events.
        event: EventId,
        /// The last failure, as a sentence.
        detail: String,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NoticeRow {
    webhook: WebhookId,
    at_micros: i64,
    kind: KindRow,
}

impl Row for NoticeRow {
    const SCHEMA: u8 = 1;
}

/// The order of the variants is the format.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum KindRow {
    Disabled { reason: String, detail: String },
    Recovered { failing_since_micros: i64 },
    Exhausted { delivery: DeliveryId, event: EventId, detail: String },
}

/// Writes a notice.
pub(super) fn add(
    tx: &mut Tx<'_, '_>,
    webhook: WebhookId,
    kind: NoticeKind,
) -> Result<(), StoreError> {
    let id = NoticeId::from_u128(tx.ulid()?);
    let kind = match kind {
        NoticeKind::WebhookDisabled { reason, detail } => KindRow::Disabled { reason, detail },
        NoticeKind::WebhookRecovered { failing_since } => {
            KindRow::Recovered { failing_since_micros: failing_since.micros() }
        }
        NoticeKind::DeliveryExhausted { delivery, event, detail } => {
            KindRow::Exhausted { delivery, event, detail }
        }
    };
    tx.put(&NOTICES, &id, &NoticeRow { webhook, at_micros: tx.now().micros(), kind })
}

/// The oldest notices that wait, at most `most`.
///
/// # Errors
/// Where the store can not be read.
pub fn waiting(from: &impl Read, most: usize) -> Result<Vec<Notice>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let rows = from.page(&NOTICES, all, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(id, row)| notice(id, row)).collect())
}

/// Removes a notice.
pub fn remove(tx: &mut Tx<'_, '_>, id: NoticeId) {
    tx.remove(&NOTICES, &id);
}

fn notice(id: NoticeId, row: NoticeRow) -> Notice {
    let kind = match row.kind {
        KindRow::Disabled { reason, detail } => NoticeKind::WebhookDisabled { reason, detail },
        KindRow::Recovered { failing_since_micros } => NoticeKind::WebhookRecovered {
            failing_since: Timestamp::from_micros(failing_since_micros),
        },
        KindRow::Exhausted { delivery, event, detail } => {
            NoticeKind::DeliveryExhausted { delivery, event, detail }
        }
    };
    Notice { id, at: Timestamp::from_micros(row.at_micros), webhook: row.webhook, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = |kind| NoticeRow { webhook: WebhookId::from_u128(3), at_micros: 5, kind };
        let disabled = KindRow::Disabled { reason: "gone".to_owned(), detail: "d".to_owned() };
        let exhausted = KindRow::Exhausted {
            delivery: DeliveryId::from_u128(4),
            event: EventId::from_u64(6),
            detail: "d".to_owned(),
        };
        for (kind, frozen) in [
            (disabled, "01030a0004676f6e6501644a6557238ac8839d"),
            (KindRow::Recovered { failing_since_micros: 4 }, "01030a01088f252796a5d24d05"),
            (exhausted, "01030a020406016484ce9e7e9729faa8"),
        ] {
            let row = row(kind);
            assert_eq!(hex_of(&row), frozen);
            assert_eq!(from_hex::<NoticeRow>(frozen), Ok(row));
        }
    }
}
