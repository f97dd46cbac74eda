//! The table of webhooks.
//!
//! A row has a clear part and a sealed one. The sealed part holds every secret of the webhook and
//! can be opened only by the vault's key and only as this webhook's (`sealed.rs`). Rows of schema
//! 1 held the signing secret in the clear; they are read, and written sealed.

mod sealed;
mod settings;

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use self::sealed::SealedRow;
use self::settings::SettingsRow;
use super::secrets::{Previous, Secrets};
use super::{DisableReason, Disabled, Webhook};
use crate::clock::Timestamp;
use crate::id::{DeliveryId, WebhookId};
use crate::limits::WEBHOOKS_MAX;
use crate::secret::Secret;
use crate::signing::Ed25519Key;
use crate::store::{DecodeError, Order, Read, Row, StoreError, Table, Tx, read_payload};
use crate::vault::Vault;

const WEBHOOKS: Table<WebhookId, WebhookRow> = Table::new("webhooks");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct WebhookRow {
    name: String,
    description: Option<String>,
    endpoint_url: String,
    enabled: bool,
    disabled: Option<DisabledRow>,
    skip_before: Option<DeliveryId>,
    topics: Vec<String>,
    created_micros: i64,
    updated_micros: i64,
    /// There is a previous secret, good until this moment.
    previous_expires_micros: Option<i64>,
    previous_signs_klaviyo: bool,
    settings: SettingsRow,
    secrets: SecretsRow,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct DisabledRow {
    at_micros: i64,
    reason: u8,
    detail: String,
}

#[derive(PartialEq, Serialize, Deserialize)]
enum SecretsRow {
    Sealed(Vec<u8>),
    /// Only ever read, from schema 1.
    Clear(String),
}

impl std::fmt::Debug for SecretsRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sealed(_) => "Sealed(…)",
            Self::Clear(_) => "Clear(…)",
        })
    }
}

impl Row for WebhookRow {
    const SCHEMA: u8 = 2;

    fn upgrade(schema: u8, payload: &[u8]) -> Option<Self> {
        (schema == 1).then(|| read_payload::<WebhookRowV1>(payload))?.map(Self::from)
    }
}

/// Schema 1, of tidings before it knew anything beyond the original.
#[derive(Serialize, Deserialize)]
struct WebhookRowV1 {
    name: String,
    description: Option<String>,
    endpoint_url: String,
    secret: String,
    enabled: bool,
    topics: Vec<String>,
    created_micros: i64,
    updated_micros: i64,
}

impl From<WebhookRowV1> for WebhookRow {
    fn from(old: WebhookRowV1) -> Self {
        // Who switched it off was not recorded; only a person could.
        let disabled = (!old.enabled).then(|| DisabledRow {
            at_micros: old.updated_micros,
            reason: number_of(&REASONS, &DisableReason::Manual),
            detail: String::new(),
        });
        Self {
            name: old.name,
            description: old.description,
            endpoint_url: old.endpoint_url,
            enabled: old.enabled,
            disabled,
            skip_before: None,
            topics: old.topics,
            created_micros: old.created_micros,
            updated_micros: old.updated_micros,
            previous_expires_micros: None,
            previous_signs_klaviyo: false,
            settings: SettingsRow::default(),
            secrets: SecretsRow::Clear(old.secret),
        }
    }
}

/// The numbers stand in the file; they never change.
const REASONS: [(DisableReason, u8); 4] = [
    (DisableReason::Manual, 1),
    (DisableReason::Gone, 2),
    (DisableReason::Receiver, 3),
    (DisableReason::Failing, 4),
];

fn number_of<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
    pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
}

fn value_of<T: Copy>(pairs: &[(T, u8)], of: u8) -> Option<T> {
    pairs.iter().find(|(_, number)| *number == of).map(|(value, _)| *value)
}

/// Opens the sealed part and joins it with the clear one; `None` where they do not belong
/// together.
fn webhook(id: WebhookId, row: WebhookRow, mut sealed: SealedRow) -> Option<Webhook> {
    let disabled = match row.disabled {
        None => None,
        Some(DisabledRow { at_micros, reason, detail }) => {
            let (at, reason) = (Timestamp::from_micros(at_micros), value_of(&REASONS, reason)?);
            Some(Disabled { at, reason, detail })
        }
    };
    let settings = row.settings.join(&mut sealed)?;
    let key = |seed: Option<[u8; 32]>| seed.map(|seed| Ed25519Key::from_seed(seed.into()));
    let previous = match (row.previous_expires_micros, sealed.previous.take()) {
        (Some(expires), Some(secret)) => Some(Previous {
            secret: Secret::new(secret),
            ed25519: key(sealed.ed25519_previous.take()),
            expires: Timestamp::from_micros(expires),
            signs_klaviyo: row.previous_signs_klaviyo,
        }),
        (None, None) => None,
        _ => return None,
    };
    let current = Secret::new(std::mem::take(&mut sealed.current));
    Some(Webhook {
        id,
        flow: None,
        name: row.name,
        description: row.description,
        endpoint_url: row.endpoint_url,
        secrets: Secrets { current, ed25519: key(sealed.ed25519.take()), previous },
        enabled: row.enabled,
        disabled,
        skip_before: row.skip_before,
        topics: row.topics,
        settings,
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
    })
}

fn read(id: WebhookId, mut row: WebhookRow, vault: &Vault) -> Result<Webhook, StoreError> {
    let sealed = match &mut row.secrets {
        SecretsRow::Clear(secret) => SealedRow::of_secret(std::mem::take(secret)),
        SecretsRow::Sealed(bytes) => sealed::open(id, bytes, vault)?,
    };
    webhook(id, row, sealed).ok_or_else(|| corrupt(DecodeError::Content))
}

const fn corrupt(error: DecodeError) -> StoreError {
    StoreError::Corrupt { table: WEBHOOKS.name(), error }
}

pub(super) fn get(
    from: &impl Read,
    vault: &Vault,
    id: WebhookId,
) -> Result<Option<Webhook>, StoreError> {
    from.get(&WEBHOOKS, &id)?.map(|row| read(id, row, vault)).transpose()
}

/// Every webhook, and how many of their rows hold their secret in the clear.
pub(super) fn all(from: &impl Read, vault: &Vault) -> Result<(Vec<Webhook>, usize), StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    // Commands of one batch may pass the bound together; what is stored is read all the same.
    let rows = from.page(&WEBHOOKS, everything, Order::Ascending, WEBHOOKS_MAX * 2)?;
    let unsealed = rows.iter().filter(|(_, row)| matches!(row.secrets, SecretsRow::Clear(_)));
    let unsealed = unsealed.count();
    let webhooks = rows.into_iter().map(|(id, row)| read(id, row, vault));
    Ok((webhooks.collect::<Result<_, _>>()?, unsealed))
}

pub(super) fn put(tx: &mut Tx<'_, '_>, vault: &Vault, webhook: &Webhook) -> Result<(), StoreError> {
    let sealed = sealed::seal(webhook.id, &SealedRow::of(webhook), vault)?;
    tx.put(&WEBHOOKS, &webhook.id, &row(webhook, sealed))
}

fn row(webhook: &Webhook, sealed: Vec<u8>) -> WebhookRow {
    let previous = webhook.secrets.previous.as_ref();
    WebhookRow {
        name: webhook.name.clone(),
        description: webhook.description.clone(),
        endpoint_url: webhook.endpoint_url.clone(),
        enabled: webhook.enabled,
        disabled: webhook.disabled.as_ref().map(|disabled| DisabledRow {
            at_micros: disabled.at.micros(),
            reason: number_of(&REASONS, &disabled.reason),
            detail: disabled.detail.clone(),
        }),
        skip_before: webhook.skip_before,
        topics: webhook.topics.clone(),
        created_micros: webhook.created.micros(),
        updated_micros: webhook.updated.micros(),
        previous_expires_micros: previous.map(|previous| previous.expires.micros()),
        previous_signs_klaviyo: previous.is_some_and(|previous| previous.signs_klaviyo),
        settings: SettingsRow::of(&webhook.settings),
        secrets: SecretsRow::Sealed(sealed),
    }
}

pub(super) fn remove(tx: &mut Tx<'_, '_>, id: WebhookId) {
    tx.remove(&WEBHOOKS, &id);
}

#[cfg(test)]
mod tests;
