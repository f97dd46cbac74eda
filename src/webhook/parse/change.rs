//! What a request does to the settings of a webhook: one [`Change`] for each attribute it names.
//!
//! A new webhook is the default settings with its changes applied, so that creating and changing
//! are one thing. What an attribute's `null` means, its default, is already worked in.

use std::time::Duration;

use super::credentials::{self, HeaderChanges};
use crate::egress::TlsSettings;
use crate::json::Fault;
use crate::signing::Scheme;
use crate::webhook::settings::{
    Auth, Batch, ContentFilter, Include, Method, Ordering, RateLimit, Schedule, Settings,
    Signatures,
};

/// What is to become of one attribute.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Method(Method),
    Headers(HeaderChanges),
    Filter(Option<ContentFilter>),
    Include(Include),
    Timeout(Option<Duration>),
    Schedule(Schedule),
    MaxAge(Option<Duration>),
    Concurrency(Option<usize>),
    RateLimit(Option<RateLimit>),
    Ordering(Ordering),
    ParkAfter(Option<Duration>),
    Batch(Option<Batch>),
    /// A key that is the mask stays what it was.
    Tls(TlsSettings),
    /// A secret that is the mask stays what it was.
    Auth(Option<Auth>),
    Signatures(Option<Vec<Scheme>>),
    Paused(bool),
    Handshake(bool),
}

/// The webhook goes to another host: secrets that were given for the one before do not go there by
/// themselves, or whoever may change an address could read them.
///
/// # Errors
/// Where one of them is neither given anew nor taken away in the same request.
pub(super) fn leave_secrets_behind(
    settings: &mut Settings,
    changes: &[Change],
) -> Result<(), Fault> {
    let is_named = |wanted: fn(&Change) -> bool| changes.iter().any(wanted);
    for (attribute, is_there, is_named) in [
        (
            "headers",
            !settings.headers.is_empty(),
            is_named(|change| matches!(change, Change::Headers(_))),
        ),
        ("auth", settings.auth.is_some(), is_named(|change| matches!(change, Change::Auth(_)))),
        (
            "tls",
            settings.tls.client_certificate.is_some(),
            is_named(|change| matches!(change, Change::Tls(_))),
        ),
    ] {
        if is_there && !is_named {
            let why = format!(
                "leads to another host, and `{attribute}` holds secrets for the one before: give \
                 `{attribute}` anew in the same request, or null"
            );
            return Err(Fault::new("/data/attributes/endpoint_url", why));
        }
    }
    settings.headers.clear();
    settings.auth = None;
    settings.tls.client_certificate = None;
    Ok(())
}

impl Change {
    /// Applies the change.
    ///
    /// # Errors
    /// Where it keeps a secret that there is none of, or its parts do not belong together.
    pub(super) fn apply(self, settings: &mut Settings) -> Result<(), Fault> {
        match self {
            Self::Method(to) => settings.method = to,
            Self::Headers(changes) => credentials::merge(changes, &mut settings.headers)?,
            Self::Filter(to) => settings.filter = to,
            Self::Include(to) => settings.include = to,
            Self::Timeout(to) => settings.timeout = to,
            Self::Schedule(to) => settings.schedule = to,
            Self::MaxAge(to) => settings.max_age = to,
            Self::Concurrency(to) => settings.concurrency = to,
            Self::RateLimit(to) => settings.rate_limit = to,
            Self::Ordering(to) => settings.ordering = to,
            Self::ParkAfter(to) => settings.park_after = to,
            Self::Batch(to) => settings.batch = to,
            Self::Tls(to) => settings.tls = credentials::complete_tls(to, &settings.tls)?,
            Self::Auth(to) => {
                settings.auth = credentials::complete_auth(to, settings.auth.as_ref())?;
            }
            Self::Signatures(to) => settings.signatures = to.map(Signatures).unwrap_or_default(),
            Self::Paused(to) => settings.is_paused = to,
            Self::Handshake(to) => settings.has_handshake = to,
        }
        Ok(())
    }
}
