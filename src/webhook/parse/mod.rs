//! From the body of a request to a checked webhook or a checked change (contract: wire.md §1.6;
//! everything beyond the original is our own).
//!
//! What an attribute can be told alone is told here, with its pointer; what several of them make
//! together is judged by `check.rs` on the result, because a change names only some of them. A
//! secret that comes back as [`MASK`], which is how reads show it, stays what it was, so that a
//! client may read a webhook, change a part and send it all back.

mod change;
mod credentials;
mod original;
mod rotation;
mod settings;
mod topics;
mod value;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::change::Change;
use self::original::{ATTRIBUTES_AT, Attributes};
use self::topics::Relationships;
use super::check;
use super::settings::{RateLimit, Settings};
use super::{DisableReason, Disabled, Webhook};
use crate::clock::Timestamp;
use crate::egress::Policy;
use crate::id::WebhookId;
use crate::json::{self, Bounds, Fault};
use crate::limits;
use crate::metric::Metrics;
use crate::secret::Secret;
use crate::signing::Which;

pub use self::rotation::Rotation;
pub use self::settings::STEP_SETTINGS;
pub(super) use self::settings::stored_filter;

/// What reads show instead of a secret, and of the path of a URL to most keys.
pub const MASK: &str = "*****";

/// A URL as those see it who may not see its path, which often holds a token.
#[must_use]
pub fn masked_url(url: &str) -> String {
    let host_ends = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    let (origin, _) = url.split_at(host_ends);
    let origin = origin.split(['?', '#']).next().unwrap_or_default();
    format!("{origin}/{MASK}")
}

/// What the attributes of a webhook keep within, whatever they are.
const BOUNDS: Bounds = Bounds {
    depth_max: limits::WEBHOOK_ATTRIBUTES_DEPTH_MAX,
    keys_max: limits::WEBHOOK_ATTRIBUTES_MAX,
    string_bytes_max: limits::TLS_SETTINGS_PEM_BYTES_MAX,
    array_items_max: limits::WEBHOOK_TOPICS_MAX,
};

/// A webhook as a client asked for it; checked.
#[derive(Debug)]
pub struct NewWebhook {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) endpoint_url: String,
    /// `None` has one made.
    pub(super) secret: Option<Secret>,
    pub(super) topics: Vec<String>,
    pub(super) settings: Settings,
}

/// A change of a webhook; checked. What is `None` stays.
#[derive(Clone, Debug)]
pub struct WebhookPatch {
    name: Option<String>,
    /// `Some(None)` clears it.
    description: Option<Option<String>>,
    endpoint_url: Option<String>,
    secret: Option<Secret>,
    klaviyo_signed_with: Option<Which>,
    enabled: Option<bool>,
    skips_backlog: bool,
    topics: Option<Vec<String>>,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    relationships: Option<Relationships<'a>>,
}

impl NewWebhook {
    /// Reads the body of `POST /api/webhooks`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8], policy: &Policy, metrics: &Metrics) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        expect_type(&data.kind)?;
        let given = Attributes::of_webhook(data.attributes)?;
        for name in ["enabled", "backlog"] {
            if given.names(name) {
                let why = "is not accepted here: a webhook is made enabled; change it afterwards";
                return Err(Fault::new(format!("{ATTRIBUTES_AT}/{name}"), why));
            }
        }
        let new = Self {
            name: given.required("name", given.name()?)?,
            description: given.description()?.flatten(),
            endpoint_url: given.required("endpoint_url", given.endpoint_url(policy)?)?,
            secret: new_secret(&given)?,
            topics: topics::checked(data.relationships, metrics)?
                .ok_or_else(|| Fault::new(topics::AT, "`webhook-topics` is required"))?,
            settings: new_settings(&given, policy)?,
        };
        check::settings(&new.settings)?;
        Ok(new)
    }

    /// Whether the webhook's secret is to be made, and shown in the answer.
    #[must_use]
    pub const fn makes_secret(&self) -> bool {
        self.secret.is_none()
    }

    /// The topics that it subscribes to.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// The address of the endpoint.
    #[must_use]
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// What the webhook says beyond the original.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets the rate that the endpoint allows.
    pub const fn limit_rate(&mut self, to: RateLimit) {
        self.settings.rate_limit = Some(to);
    }
}

fn new_secret(given: &Attributes) -> Result<Option<Secret>, Fault> {
    let makes_secret = given.flag("generate_secret")?.unwrap_or(false);
    match (given.secret()?, makes_secret) {
        (Some(_), true) => Err(Fault::new(
            format!("{ATTRIBUTES_AT}/generate_secret"),
            "goes without `secret_key`: a secret is either given or made",
        )),
        (None, false) => Err(Fault::new(
            format!("{ATTRIBUTES_AT}/secret_key"),
            "`secret_key` is required; or have one made with `generate_secret`: true",
        )),
        (secret, _) => Ok(secret),
    }
}

fn new_settings(given: &Attributes, policy: &Policy) -> Result<Settings, Fault> {
    let mut settings = Settings::default();
    for change in settings::changes(given, policy)? {
        change.apply(&mut settings)?;
    }
    Ok(settings)
}

impl WebhookPatch {
    /// Reads the body of `PATCH /api/webhooks/{id}`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(
        body: &[u8],
        id: WebhookId,
        policy: &Policy,
        metrics: &Metrics,
    ) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        expect_type(&data.kind)?;
        match data.id.as_deref() {
            Some(given) if given == id.to_string() => {}
            Some(_) => return Err(Fault::new("/data/id", "differs from the id in the path")),
            None => return Err(Fault::new("/data/id", "`id` is required")),
        }
        let given = Attributes::of_webhook(data.attributes)?;
        if given.names("generate_secret") {
            let why = "is for new webhooks; POST …/rotate-secret makes a new one, with an overlap";
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/generate_secret"), why));
        }
        let enabled = given.flag("enabled")?;
        Ok(Self {
            name: given.name()?,
            description: given.description()?,
            endpoint_url: given.endpoint_url(policy)?,
            secret: given.secret()?,
            klaviyo_signed_with: given.klaviyo_signed_with()?,
            enabled,
            skips_backlog: given.skips_backlog(enabled)?,
            topics: topics::checked(data.relationships, metrics)?,
            changes: settings::changes(&given, policy)?,
        })
    }

    /// Whether deliveries that wait are to be cancelled instead of sent.
    #[must_use]
    pub const fn skips_backlog(&self) -> bool {
        self.skips_backlog
    }

    /// Sets the rate that the endpoint allows.
    pub fn limit_rate(&mut self, to: RateLimit) {
        self.changes.push(Change::RateLimit(Some(to)));
    }

    pub(super) fn apply(self, webhook: &mut Webhook, now: Timestamp) -> Result<(), Fault> {
        webhook.name = self.name.unwrap_or_else(|| std::mem::take(&mut webhook.name));
        if let Some(description) = self.description {
            webhook.description = description;
        }
        if let Some(url) = self.endpoint_url.filter(|url| *url != masked_url(&webhook.endpoint_url))
        {
            if origin(&url) != origin(&webhook.endpoint_url) {
                change::leave_secrets_behind(&mut webhook.settings, &self.changes)?;
            }
            webhook.endpoint_url = url;
        }
        if let Some(secret) = self.secret {
            webhook.secrets.replace(secret);
        }
        if let Some(which) = self.klaviyo_signed_with {
            sign_klaviyo_with(which, webhook, now)?;
        }
        if let Some(enabled) = self.enabled {
            enable(enabled, webhook, now);
        }
        webhook.topics = self.topics.unwrap_or_else(|| std::mem::take(&mut webhook.topics));
        for change in self.changes {
            change.apply(&mut webhook.settings)?;
        }
        check::settings(&webhook.settings)
    }
}

/// Whom a URL leads to.
fn origin(url: &str) -> Option<url::Origin> {
    url::Url::parse(url).ok().map(|url| url.origin())
}

fn enable(enabled: bool, webhook: &mut Webhook, now: Timestamp) {
    if enabled {
        webhook.disabled = None;
    } else if webhook.enabled {
        let (reason, detail) = (DisableReason::Manual, String::new());
        webhook.disabled = Some(Disabled { at: now, reason, detail });
    }
    webhook.enabled = enabled;
}

fn sign_klaviyo_with(which: Which, webhook: &mut Webhook, now: Timestamp) -> Result<(), Fault> {
    let has_overlap = webhook.secrets.previous_at(now).is_some();
    match (&mut webhook.secrets.previous, which) {
        (Some(previous), _) if has_overlap => previous.signs_klaviyo = which == Which::Previous,
        (_, Which::Current) => {}
        (_, Which::Previous) => {
            let why = "the webhook has no previous secret: this is a choice only while the \
                       overlap of a rotation lasts";
            return Err(Fault::new(format!("{ATTRIBUTES_AT}/klaviyo_signed_with"), why));
        }
    }
    Ok(())
}

fn expect_type(found: &str) -> Result<(), Fault> {
    if found == "webhook" {
        return Ok(());
    }
    Err(Fault::new("/data/type", "must be `webhook`"))
}

#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod tests;
