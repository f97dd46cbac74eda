//! The sections of the configuration: the keys of each, and the lines that read them.
//!
//! Fields are checked values; a `None` means that the operator said nothing and that nothing is
//! the default. Every `read` asks for all its keys, unconditionally (see `keys`).

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::keys::Keys;
use super::{LIST_ENTRIES_MAX, kinds};
use crate::flow::FORBIDDEN_TRIGGERS;
use crate::limits;

/// Twelve retries over three days: quick while it may be a restart, patient while it may be a
/// weekend.
const RETRY_SCHEDULE_SECONDS: [u64; 12] =
    [5, 30, 120, 600, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// As many attempts at once as one receiver gets connections kept alive.
const CONCURRENCY: usize = limits::KEEP_ALIVE_PER_HOST_MAX;
const UNIQUE_ID_WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// As many as a small host has cores: rendering is all that they do.
const SANDBOX_WORKERS: usize = 2;
const MIB: u64 = 1024 * 1024;
/// Enough by the measurements behind the design; redb's own default is 1 GiB.
const CACHE_BYTES: u64 = 128 * MIB;

/// What the account resource of the API says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// 6 letters and digits; `None` has one made at the first start and stored.
    pub public_api_key: Option<String>,
    /// The name of the organisation.
    pub organization_name: String,
    /// The name that mail is sent under.
    pub default_sender_name: Option<String>,
    /// The address that mail is sent from.
    pub default_sender_email: Option<String>,
    /// The organisation's web site.
    pub website_url: Option<Url>,
    /// An IANA name by its shape; whether the zone exists is not checked.
    pub timezone: String,
    /// An ISO 4217 code by its shape.
    pub preferred_currency: String,
    /// A language tag by its shape.
    pub locale: String,
    /// What the organisation does.
    pub industry: Option<String>,
}

impl Account {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let name = keys.text("account.organization_name", kinds::LINE);
        let timezone = keys.text("account.timezone", kinds::TIMEZONE);
        let currency = keys.text("account.preferred_currency", kinds::CURRENCY);
        let locale = keys.text("account.locale", kinds::LOCALE);
        Self {
            public_api_key: keys.text("account.public_api_key", kinds::PUBLIC_API_KEY),
            organization_name: name.unwrap_or_else(|| "tidings".to_owned()),
            default_sender_name: keys.text("account.default_sender_name", kinds::LINE),
            default_sender_email: keys.text("account.default_sender_email", kinds::EMAIL),
            website_url: keys.text("account.website_url", kinds::WEB_ADDRESS),
            timezone: timezone.unwrap_or_else(|| "UTC".to_owned()),
            preferred_currency: currency.unwrap_or_else(|| "USD".to_owned()),
            locale: locale.unwrap_or_else(|| "en-US".to_owned()),
            industry: keys.text("account.industry", kinds::LINE),
        }
    }
}

/// What deliveries may reach beyond public https. `dev` is already worked in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Networks that are allowed although they are not public.
    pub allow: Vec<IpNet>,
    /// Whether `http://` is allowed.
    pub allow_http: bool,
    /// Whether loopback is allowed; true exactly with `dev`.
    pub allow_loopback: bool,
    /// PEM files of certificate authorities trusted besides the system's. Not opened here.
    pub extra_ca: Vec<PathBuf>,
}

impl Egress {
    pub(super) fn read(keys: &mut Keys, dev: bool) -> Self {
        let allow = keys.list("egress.allow", LIST_ENTRIES_MAX, kinds::NETWORK);
        let extra_ca = keys.list("egress.extra_ca", LIST_ENTRIES_MAX, kinds::PATH);
        Self {
            allow: allow.unwrap_or_default(),
            allow_http: keys.flag("egress.allow_http").unwrap_or(false) || dev,
            allow_loopback: dev,
            extra_ca: extra_ca.unwrap_or_default(),
        }
    }
}

/// How deliveries are attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The deadline of one attempt, from the look-up to the last byte.
    pub timeout: Duration,
    /// The wait before each retry; as many retries as entries.
    pub retry_schedule: Vec<Duration>,
    /// Attempts to one destination at the same time.
    pub concurrency: usize,
    /// A destination that took nothing for so long is disabled; `None` never is.
    pub disable_after: Option<Duration>,
}

impl Delivery {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let timeout = keys.whole("delivery.timeout_seconds", 1..=120);
        let schedule =
            keys.list("delivery.retry_schedule", limits::RETRIES_MAX, kinds::RETRY_DELAY);
        Self {
            timeout: timeout.map_or(limits::DELIVERY_TIMEOUT, Duration::from_secs),
            retry_schedule: schedule
                .unwrap_or_else(|| RETRY_SCHEDULE_SECONDS.map(Duration::from_secs).to_vec()),
            concurrency: keys.whole("delivery.concurrency", 1..=256).unwrap_or(CONCURRENCY),
            disable_after: keys
                .text("delivery.disable_after", kinds::DISABLE_AFTER)
                .unwrap_or(Some(limits::DISABLE_AFTER)),
        }
    }
}

/// What pages in browsers may write without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Whether the calls under `/client` are answered.
    pub enabled: bool,
    /// The origins of pages that may make them, such as `https://shop.example.com`; `*` is any.
    pub allowed_origins: Vec<String>,
}

impl Client {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let origins = keys.list("client.allowed_origins", LIST_ENTRIES_MAX, kinds::ORIGIN);
        Self {
            enabled: keys.flag("client.enabled").unwrap_or(false),
            allowed_origins: origins.unwrap_or_default(),
        }
    }
}

/// How events are taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// How long a `unique_id` is remembered, and a second event with it taken for a duplicate.
    pub unique_id_window: Duration,
}

impl Events {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let window = keys.text("events.unique_id_window", kinds::UNIQUE_ID_WINDOW);
        Self { unique_id_window: window.unwrap_or(UNIQUE_ID_WINDOW) }
    }
}

/// How often one API key may ask; `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in any one second.
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests in any one minute.
    pub requests_per_minute: Option<NonZeroU32>,
}

impl RateLimit {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let mut limit = |key| keys.whole(key, 1..=u32::MAX).and_then(NonZeroU32::new);
        Self {
            requests_per_second: limit("rate_limit.requests_per_second"),
            requests_per_minute: limit("rate_limit.requests_per_minute"),
        }
    }
}

/// How flows behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flows {
    /// The names of metrics that start no flow.
    pub forbidden_trigger_metrics: Vec<String>,
}

impl Flows {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let names = keys.list("flows.forbidden_trigger_metrics", LIST_ENTRIES_MAX, kinds::LINE);
        let default = || FORBIDDEN_TRIGGERS.map(str::to_owned).to_vec();
        Self { forbidden_trigger_metrics: names.unwrap_or_else(default) }
    }
}

/// The processes that run what people write: templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// How many there are.
    pub workers: usize,
    /// The program that they are, where it is not this one; for tests, which are another.
    pub program: Option<PathBuf>,
}

impl Sandbox {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let workers = keys.whole("sandbox.workers", 1..=64);
        Self { workers: workers.unwrap_or(SANDBOX_WORKERS), program: None }
    }
}

/// How secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The file of the key that secrets in the store are sealed with. Not opened here.
    pub master_key_file: Option<PathBuf>,
}

impl Secrets {
    pub(super) fn read(keys: &mut Keys) -> Self {
        Self { master_key_file: keys.text("secrets.master_key_file", kinds::PATH) }
    }
}

/// How the store uses the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Memory for cached pages.
    pub cache_bytes: u64,
}

impl Store {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let cache = keys.whole("store.cache_bytes", 8 * MIB..=64 * 1024 * MIB);
        Self { cache_bytes: cache.unwrap_or(CACHE_BYTES) }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// An `EnvFilter` that has been parsed once and is known to be good.
    pub level: String,
    /// The shape of a line.
    pub format: LogFormat,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Log {
    pub(super) fn read(keys: &mut Keys) -> Self {
        let level = keys.text("log.level", kinds::LOG_LEVEL);
        Self {
            level: level.unwrap_or_else(|| "info".to_owned()),
            format: keys.text("log.format", kinds::LOG_FORMAT).unwrap_or(LogFormat::Text),
        }
    }
}
