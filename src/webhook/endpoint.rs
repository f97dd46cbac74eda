//! A webhook prepared for delivery: its addresses parsed, its signing keys computed.
//!
//! Made anew whenever the webhook changes, and shared by every attempt in between.

use std::sync::OnceLock;

use super::Webhook;
use super::settings::Auth;
use crate::clock::Timestamp;
use crate::egress::{Destination, Egress, Policy, TlsSettings};
use crate::signing::{Schemes, Signer};

/// A webhook ready for delivery.
pub struct Endpoint {
    /// The subscription.
    pub webhook: Webhook,
    /// The parsed address; an error where the egress policy has become stricter than the one it
    /// was saved under.
    pub destination: Result<Destination, String>,
    /// The parsed address of its OAuth tokens, where it has one; an error as above.
    pub token_destination: Option<Result<Destination, String>>,
    /// The signatures that its deliveries carry.
    pub schemes: Schemes,
    /// Its own way out, made when first used, where it has TLS settings.
    own_egress: OnceLock<Result<Egress, String>>,
    /// Signs once there is no previous secret, or none any more.
    settled: Signer,
    /// Signs until this moment, with the previous secret besides the current one.
    overlapping: Option<(Timestamp, Signer)>,
}

impl Endpoint {
    /// Prepares a webhook; its addresses are parsed under `policy`.
    #[must_use]
    pub fn new(webhook: Webhook, policy: &Policy) -> Self {
        let parsed = |url: &str| Destination::parse(url, policy).map_err(|error| error.to_string());
        let token_url = match &webhook.settings.auth {
            Some(Auth::OAuth2 { token_url, .. }) => Some(token_url),
            _ => None,
        };
        let overlap = webhook.secrets.previous.as_ref().map(|previous| previous.expires);
        let settled_from = overlap.unwrap_or(Timestamp::EPOCH);
        Self {
            destination: parsed(&webhook.endpoint_url),
            token_destination: token_url.map(|url| parsed(url)),
            schemes: webhook.settings.signatures.0.iter().copied().collect(),
            own_egress: OnceLock::new(),
            settled: Signer::new(&webhook.secrets.keys_at(settled_from)),
            overlapping: overlap
                .map(|expires| (expires, Signer::new(&webhook.secrets.keys_at(Timestamp::EPOCH)))),
            webhook,
        }
    }

    /// The way out to this endpoint: the one that all share, or with TLS settings its own.
    ///
    /// # Errors
    /// Where its TLS settings can not be used any more; one sentence for the operator.
    pub fn way_out(&self, shared: &Egress) -> Result<Egress, String> {
        let settings = &self.webhook.settings.tls;
        if *settings == TlsSettings::default() {
            return Ok(shared.clone());
        }
        let make = || shared.with_tls(settings).map_err(|error| error.to_string());
        self.own_egress.get_or_init(make).clone()
    }

    /// What signs an attempt of that moment.
    #[must_use]
    pub fn signer(&self, at: Timestamp) -> &Signer {
        match &self.overlapping {
            Some((expires, signer)) if at < *expires => signer,
            _ => &self.settled,
        }
    }
}
