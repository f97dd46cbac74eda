//! The settings of a webhook as they stand in its row, without their secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sealed::SealedRow;
use super::{number_of, value_of};
use crate::egress::{ClientCertificate, TlsSettings};
use crate::secret::Secret;
use crate::signing::Scheme;
use crate::webhook::parse::stored_filter;
use crate::webhook::settings::{
    Auth, Batch, Include, Method, Ordering, Period, RateLimit, Schedule, Settings, Signatures,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SettingsRow {
    pub(super) method: u8,
    /// Their values are sealed, in the same order.
    pub(super) header_names: Vec<String>,
    pub(super) filter: Option<String>,
    pub(super) include_metric: bool,
    pub(super) include_profile: bool,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) schedule: u8,
    /// The delays of a custom schedule; empty for the others.
    pub(super) schedule_seconds: Vec<u64>,
    pub(super) max_age_seconds: Option<u64>,
    pub(super) concurrency: Option<u32>,
    pub(super) rate_limit: Option<RateLimitRow>,
    pub(super) ordering: u8,
    pub(super) park_after_seconds: Option<u64>,
    pub(super) batch: Option<BatchRow>,
    pub(super) ca: Option<String>,
    /// Its key is sealed.
    pub(super) client_certificate: Option<String>,
    /// Its secret is sealed.
    pub(super) auth: Option<AuthRow>,
    pub(super) signatures: Vec<u8>,
    pub(super) is_paused: bool,
    pub(super) has_handshake: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RateLimitRow {
    pub(super) requests: u32,
    pub(super) period: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct BatchRow {
    pub(super) max_events: u32,
    pub(super) max_wait_millis: u64,
    pub(super) max_bytes: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AuthRow {
    pub(super) kind: u8,
    /// The user name or the client id; empty for a bearer token.
    pub(super) name: String,
    /// Empty where there is none.
    pub(super) token_url: String,
    pub(super) scope: Option<String>,
}

/// The numbers stand in the file; they never change.
const METHODS: [(Method, u8); 5] = [
    (Method::Post, 1),
    (Method::Put, 2),
    (Method::Patch, 3),
    (Method::Get, 4),
    (Method::Delete, 5),
];
const ORDERINGS: [(Ordering, u8); 3] =
    [(Ordering::None, 1), (Ordering::ByProfile, 2), (Ordering::Strict, 3)];
const PERIODS: [(Period, u8); 3] = [(Period::Second, 1), (Period::Minute, 2), (Period::Hour, 3)];
const SCHEMES: [(Scheme, u8); 5] = [
    (Scheme::Klaviyo, 1),
    (Scheme::Standard, 2),
    (Scheme::Ed25519, 3),
    (Scheme::Github, 4),
    (Scheme::Stripe, 5),
];
const SCHEDULE_STANDARD: u8 = 1;
const SCHEDULE_KLAVIYO: u8 = 2;
const SCHEDULE_FAST: u8 = 3;
const SCHEDULE_CUSTOM: u8 = 4;
const AUTH_BASIC: u8 = 1;
const AUTH_BEARER: u8 = 2;
const AUTH_OAUTH2: u8 = 3;

impl Default for SettingsRow {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

impl SettingsRow {
    pub(super) fn of(settings: &Settings) -> Self {
        let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs());
        let (schedule, schedule_seconds) = schedule_row(&settings.schedule);
        let shown = settings.tls.client_certificate.as_ref();
        Self {
            method: number_of(&METHODS, &settings.method),
            header_names: settings.headers.iter().map(|(name, _)| name.clone()).collect(),
            filter: settings.filter.as_ref().map(|filter| filter.text.clone()),
            include_metric: settings.include.metric,
            include_profile: settings.include.profile,
            timeout_seconds: seconds(settings.timeout),
            schedule,
            schedule_seconds,
            max_age_seconds: seconds(settings.max_age),
            concurrency: settings.concurrency.map(narrowed),
            rate_limit: settings.rate_limit.map(|limit| RateLimitRow {
                requests: limit.requests,
                period: number_of(&PERIODS, &limit.period),
            }),
            ordering: number_of(&ORDERINGS, &settings.ordering),
            park_after_seconds: seconds(settings.park_after),
            batch: settings.batch.map(|batch| BatchRow {
                max_events: narrowed(batch.max_events),
                max_wait_millis: u64::try_from(batch.max_wait.as_millis()).unwrap_or(u64::MAX),
                max_bytes: narrowed(batch.max_bytes),
            }),
            ca: settings.tls.ca.clone(),
            client_certificate: shown.map(|shown| shown.chain.clone()),
            auth: settings.auth.as_ref().map(auth_row),
            signatures: settings.signatures.0.iter().map(|one| number_of(&SCHEMES, one)).collect(),
            is_paused: settings.is_paused,
            has_handshake: settings.has_handshake,
        }
    }

    /// The settings with their secrets; `None` where row and secrets do not belong together.
    pub(super) fn join(self, sealed: &mut SealedRow) -> Option<Settings> {
        let filter = match self.filter {
            Some(text) => Some(stored_filter(text)?),
            None => None,
        };
        let rate_limit = match self.rate_limit {
            Some(row) => {
                Some(RateLimit { requests: row.requests, period: value_of(&PERIODS, row.period)? })
            }
            None => None,
        };
        let auth = match self.auth {
            Some(row) => Some(auth(row, Secret::new(sealed.auth.take()?))?),
            None => None,
        };
        let client_certificate = match self.client_certificate {
            Some(chain) => {
                Some(ClientCertificate { chain, key: Secret::new(sealed.client_key.take()?) })
            }
            None => None,
        };
        let signatures = self.signatures.iter().map(|one| value_of(&SCHEMES, *one));
        Some(Settings {
            method: value_of(&METHODS, self.method)?,
            headers: headers(self.header_names, std::mem::take(&mut sealed.header_values))?,
            filter,
            include: Include { metric: self.include_metric, profile: self.include_profile },
            timeout: self.timeout_seconds.map(Duration::from_secs),
            schedule: schedule(self.schedule, &self.schedule_seconds)?,
            max_age: self.max_age_seconds.map(Duration::from_secs),
            concurrency: self.concurrency.map(widened),
            rate_limit,
            ordering: value_of(&ORDERINGS, self.ordering)?,
            park_after: self.park_after_seconds.map(Duration::from_secs),
            batch: self.batch.map(|row| Batch {
                max_events: widened(row.max_events),
                max_wait: Duration::from_millis(row.max_wait_millis),
                max_bytes: widened(row.max_bytes),
            }),
            tls: TlsSettings { ca: self.ca, client_certificate },
            auth,
            signatures: Signatures(signatures.collect::<Option<_>>()?),
            is_paused: self.is_paused,
            has_handshake: self.has_handshake,
            captures_response: false,
        })
    }
}

fn headers(names: Vec<String>, values: Vec<String>) -> Option<Vec<(String, Secret)>> {
    let values: Vec<_> = values.into_iter().map(Secret::new).collect();
    (names.len() == values.len()).then(|| names.into_iter().zip(values).collect())
}

fn schedule_row(schedule: &Schedule) -> (u8, Vec<u64>) {
    match schedule {
        Schedule::Standard => (SCHEDULE_STANDARD, Vec::new()),
        Schedule::Klaviyo => (SCHEDULE_KLAVIYO, Vec::new()),
        Schedule::Fast => (SCHEDULE_FAST, Vec::new()),
        Schedule::Custom(steps) => (SCHEDULE_CUSTOM, steps.iter().map(Duration::as_secs).collect()),
    }
}

fn schedule(number: u8, seconds: &[u64]) -> Option<Schedule> {
    Some(match number {
        SCHEDULE_STANDARD => Schedule::Standard,
        SCHEDULE_KLAVIYO => Schedule::Klaviyo,
        SCHEDULE_FAST => Schedule::Fast,
        SCHEDULE_CUSTOM => {
            Schedule::Custom(seconds.iter().copied().map(Duration::from_secs).collect())
        }
        _ => return None,
    })
}

fn auth_row(auth: &Auth) -> AuthRow {
    let (kind, name, token_url, scope) = match auth {
        Auth::Basic { username, .. } => (AUTH_BASIC, username.as_str(), "", None),
        Auth::Bearer { .. } => (AUTH_BEARER, "", "", None),
        Auth::OAuth2 { token_url, client_id, scope, .. } => {
            (AUTH_OAUTH2, client_id.as_str(), token_url.as_str(), scope.clone())
        }
    };
    AuthRow { kind, name: name.to_owned(), token_url: token_url.to_owned(), scope }
}

fn auth(row: AuthRow, secret: Secret) -> Option<Auth> {
    let AuthRow { kind, name, token_url, scope } = row;
    Some(match kind {
        AUTH_BASIC => Auth::Basic { username: name, password: secret },
        AUTH_BEARER => Auth::Bearer { token: secret },
        AUTH_OAUTH2 => Auth::OAuth2 { token_url, client_id: name, client_secret: secret, scope },
        _ => return None,
    })
}

/// What `limits` bounds far below.
fn narrowed(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn widened(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
