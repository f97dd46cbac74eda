//! The table of webhooks.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::Webhook;
use crate::clock::Timestamp;
use crate::id::WebhookId;
use crate::limits::WEBHOOKS_MAX;
use crate::secret::Secret;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

const WEBHOOKS: Table<WebhookId, WebhookRow> = Table::new("webhooks");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct WebhookRow {
    name: String,
    description: Option<String>,
    endpoint_url: String,
    secret: String,
    enabled: bool,
    topics: Vec<String>,
    created_micros: i64,
    updated_micros: i64,
}

impl Row for WebhookRow {
    const SCHEMA: u8 = 1;
}

fn webhook(id: WebhookId, row: WebhookRow) -> Webhook {
    Webhook {
        id,
        name: row.name,
        description: row.description,
        endpoint_url: row.endpoint_url,
        secret: Secret::new(row.secret),
        enabled: row.enabled,
        topics: row.topics,
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
    }
}

pub(super) fn get(from: &impl Read, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    Ok(from.get(&WEBHOOKS, &id)?.map(|row| webhook(id, row)))
}

pub(super) fn all(from: &impl Read) -> Result<Vec<Webhook>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    // Commands of one batch may pass the bound together; what is stored is read all the same.
    let rows = from.page(&WEBHOOKS, everything, Order::Ascending, WEBHOOKS_MAX * 2)?;
    Ok(rows.into_iter().map(|(id, row)| webhook(id, row)).collect())
}

pub(super) fn put(tx: &mut Tx<'_, '_>, webhook: &Webhook) -> Result<(), StoreError> {
    let row = WebhookRow {
        name: webhook.name.clone(),
        description: webhook.description.clone(),
        endpoint_url: webhook.endpoint_url.clone(),
        secret: webhook.secret.expose().to_owned(),
        enabled: webhook.enabled,
        topics: webhook.topics.clone(),
        created_micros: webhook.created.micros(),
        updated_micros: webhook.updated.micros(),
    };
    tx.put(&WEBHOOKS, &webhook.id, &row)
}

pub(super) fn remove(tx: &mut Tx<'_, '_>, id: WebhookId) {
    tx.remove(&WEBHOOKS, &id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let row = WebhookRow {
            name: "n".to_owned(),
            description: None,
            endpoint_url: "https://h/x".to_owned(),
            secret: "sixteen-letters!".to_owned(),
            enabled: true,
            topics: vec!["event:api.x".to_owned()],
            created_micros: 1,
            updated_micros: 2,
        };
        const FROZEN: &str = "01016e000b68747470733a2f2f682f78107369787465656e2d6c6574746572732101010b6576656e743a6170692e7802048a72901a00881e5a";
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<WebhookRow>(FROZEN), Ok(row));
    }
}
