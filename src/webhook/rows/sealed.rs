//! The sealed part of a webhook's row: every secret that it has, in one piece.
//!
//! Packed like a row, then sealed by the vault under the webhook's id, so that one webhook's
//! secrets can not be put into the row of another.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::id::WebhookId;
use crate::store::{Row, StoreError, pack, unpack};
use crate::vault::Vault;
use crate::webhook::Webhook;
use crate::webhook::settings::Auth;

/// Wiped when it is dropped; what is taken out of it before must be wiped by whoever took it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SealedRow {
    pub(super) current: String,
    pub(super) previous: Option<String>,
    pub(super) ed25519: Option<[u8; 32]>,
    pub(super) ed25519_previous: Option<[u8; 32]>,
    /// In the order of the headers' names in the clear part.
    pub(super) header_values: Vec<String>,
    /// The password, token or client secret.
    pub(super) auth: Option<String>,
    pub(super) client_key: Option<String>,
}

impl Row for SealedRow {
    const SCHEMA: u8 = 1;
}

impl Drop for SealedRow {
    fn drop(&mut self) {
        self.current.zeroize();
        self.previous.zeroize();
        self.ed25519.zeroize();
        self.ed25519_previous.zeroize();
        self.header_values.zeroize();
        self.auth.zeroize();
        self.client_key.zeroize();
    }
}

impl SealedRow {
    /// Those of a webhook that has nothing but a signing secret.
    pub(super) fn of_secret(current: String) -> Self {
        let mut row = Self::default();
        row.current = current;
        row
    }

    /// Every secret of a webhook.
    pub(super) fn of(webhook: &Webhook) -> Self {
        let (secrets, settings) = (&webhook.secrets, &webhook.settings);
        let previous = secrets.previous.as_ref();
        let mut row = Self::of_secret(secrets.current.expose().to_owned());
        row.previous = previous.map(|previous| previous.secret.expose().to_owned());
        row.ed25519 = secrets.ed25519.as_ref().map(|key| *key.seed());
        let ed25519_previous = previous.and_then(|previous| previous.ed25519.as_ref());
        row.ed25519_previous = ed25519_previous.map(|key| *key.seed());
        row.header_values =
            settings.headers.iter().map(|(_, value)| value.expose().to_owned()).collect();
        let auth = settings.auth.as_ref().map(|auth| match auth {
            Auth::Basic { password, .. } => password,
            Auth::Bearer { token } => token,
            Auth::OAuth2 { client_secret, .. } => client_secret,
        });
        row.auth = auth.map(|secret| secret.expose().to_owned());
        let shown = settings.tls.client_certificate.as_ref();
        row.client_key = shown.map(|shown| shown.key.expose().to_owned());
        row
    }
}

/// What the vault seals a webhook's secrets under.
fn context(id: WebhookId) -> Vec<u8> {
    format!("webhook:{id}").into_bytes()
}

fn failed(id: WebhookId, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the secrets of webhook {id}: {why}").into())
}

pub(super) fn seal(id: WebhookId, row: &SealedRow, vault: &Vault) -> Result<Vec<u8>, StoreError> {
    let packed = Zeroizing::new(pack(row).map_err(|error| failed(id, &error))?);
    vault.seal(&context(id), &packed).map_err(|error| failed(id, &error))
}

pub(super) fn open(id: WebhookId, sealed: &[u8], vault: &Vault) -> Result<SealedRow, StoreError> {
    let packed = vault.open(&context(id), sealed).map_err(|error| failed(id, &error))?;
    unpack(&packed).map_err(|error| failed(id, &error))
}
