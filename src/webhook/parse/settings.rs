//! The attributes beyond the original: the table of them, and the reading of the plain ones.
//!
//! Every attribute may be absent, which leaves it, and `null`, which sets its default.

use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::change::Change;
use super::credentials;
use super::original::{ATTRIBUTES_AT, Attributes};
use super::value::{self, At as _, Durations, Members, list, must, whole, word};
use crate::condition::{Filter, Kind, Kinds};
use crate::egress::Policy;
use crate::json::Fault;
use crate::limits;
use crate::signing::Scheme;
use crate::webhook::settings::{
    Batch, ContentFilter, Include, Method, Ordering, Period, RateLimit, Schedule, Settings,
};

/// One attribute's value in a request.
pub(super) struct Given<'a> {
    raw: &'a RawValue,
    /// `None` where it is `null`.
    value: Option<Value>,
    pub(super) policy: &'a Policy,
}

impl Given<'_> {
    /// What `read` makes of the value; `None` of `null`.
    pub(super) fn map<T>(
        &self,
        read: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.value.as_ref().map(read).transpose()
    }

    /// The same where `null` is the default.
    fn or_default<T: Default>(
        &self,
        read: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.map(read).map(Option::unwrap_or_default)
    }
}

type Read = fn(&Given<'_>) -> Result<Change, Fault>;

/// Every attribute, in the order in which faults are looked for.
const ATTRIBUTES: [(&str, Read); 17] = [
    ("method", |given| given.or_default(method).map(Change::Method)),
    ("headers", |given| credentials::headers(given).map(Change::Headers)),
    ("filter", |given| filter(given).map(Change::Filter)),
    ("include", |given| given.or_default(include).map(Change::Include)),
    ("timeout_seconds", |given| given.map(timeout).map(Change::Timeout)),
    ("retry_schedule", |given| given.or_default(schedule).map(Change::Schedule)),
    ("retry_max_age", |given| given.map(long).map(Change::MaxAge)),
    ("concurrency", |given| given.map(concurrency).map(Change::Concurrency)),
    ("rate_limit", |given| given.map(rate_limit).map(Change::RateLimit)),
    ("ordering", |given| given.or_default(ordering).map(Change::Ordering)),
    ("park_after", |given| given.map(long).map(Change::ParkAfter)),
    ("batch", |given| given.map(batch).map(Change::Batch)),
    ("tls", |given| given.or_default(credentials::tls).map(Change::Tls)),
    ("auth", |given| given.map(|it| credentials::auth(it, given.policy)).map(Change::Auth)),
    ("signatures", |given| given.map(signatures).map(Change::Signatures)),
    ("paused", |given| given.or_default(value::flag).map(Change::Paused)),
    ("handshake", |given| given.or_default(|it| word(it, &HANDSHAKES)).map(Change::Handshake)),
];

/// The names of the attributes.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.into_iter().map(|(name, _)| name)
}

const HANDSHAKES: [(&str, bool); 2] = [("none", false), ("cloudevents", true)];

/// What the request does to the settings of a webhook.
///
/// # Errors
/// The first fault.
pub(super) fn changes(given: &Attributes, policy: &Policy) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    for (name, read) in ATTRIBUTES {
        let Some(raw) = given.raw(name) else { continue };
        let at = format!("{ATTRIBUTES_AT}/{name}");
        let value = value::read(raw).at(&at)?;
        let value = (!value.is_null()).then_some(value);
        changes.push(read(&Given { raw, value, policy }).at(&at)?);
    }
    Ok(changes)
}

/// The settings that a flow's webhook may have; the others are about events.
pub const STEP_SETTINGS: [&str; 7] = [
    "method",
    "timeout_seconds",
    "retry_schedule",
    "retry_max_age",
    "concurrency",
    "rate_limit",
    "signatures",
];

impl Settings {
    /// The settings of a flow's webhook: those of [`STEP_SETTINGS`] that are `given`. It is retried
    /// as the original does unless it says otherwise (contract: wire.md §2.1).
    ///
    /// # Errors
    /// The first fault; its pointer begins with the setting's name.
    pub fn of_step(given: &Map<String, Value>, policy: &Policy) -> Result<Self, Fault> {
        let mut settings = Self { schedule: Schedule::Klaviyo, ..Self::default() };
        for (name, read) in ATTRIBUTES.iter().filter(|(name, _)| STEP_SETTINGS.contains(name)) {
            let Some(value) = given.get(*name).filter(|value| !value.is_null()) else { continue };
            let at = format!("/{name}");
            if *name == "method" {
                settings.method = word(value, &named(Method::OF_STEPS, Method::name)).at(&at)?;
                continue;
            }
            let raw = to_raw_value(value).expect("a JSON value is JSON");
            let given = Given { raw: &raw, value: Some(value.clone()), policy };
            read(&given).and_then(|change| change.apply(&mut settings)).at(&at)?;
        }
        Ok(settings)
    }
}

fn method(given: &Value) -> Result<Method, Fault> {
    word(given, &named(Method::ALL, Method::name))
}

fn ordering(given: &Value) -> Result<Ordering, Fault> {
    word(given, &named(Ordering::ALL, Ordering::name))
}

fn filter(given: &Given<'_>) -> Result<Option<ContentFilter>, Fault> {
    const KINDS: Kinds = Kinds::new("a webhook's filter", &Kind::OF_EVENT);
    given.map(|_| {
        let text = given.raw.get().to_owned();
        Ok(ContentFilter { text, conditions: Filter::parse(given.raw, "", KINDS)? })
    })
}

/// The conditions of a filter that was stored.
pub(in crate::webhook) fn stored_filter(text: String) -> Option<ContentFilter> {
    let raw = RawValue::from_string(text).ok()?;
    let kinds = Kinds::new("a webhook's filter", &Kind::OF_EVENT);
    let conditions = Filter::parse(&raw, "", kinds).ok()?;
    Some(ContentFilter { text: String::from(Box::<str>::from(raw)), conditions })
}

fn include(given: &Value) -> Result<Include, Fault> {
    const PARTS: [(&str, Include); 2] = [
        ("metric", Include { metric: true, profile: false }),
        ("profile", Include { metric: false, profile: true }),
    ];
    let mut include = Include::default();
    for (place, part) in list(given)?.iter().enumerate() {
        let part = word(part, &PARTS).at(&format!("/{place}"))?;
        include.metric |= part.metric;
        include.profile |= part.profile;
    }
    Ok(include)
}

fn timeout(given: &Value) -> Result<Duration, Fault> {
    whole(given, &limits::WEBHOOK_TIMEOUT_SECONDS).map(Duration::from_secs)
}

fn schedule(given: &Value) -> Result<Schedule, Fault> {
    const DELAYS: Durations = Durations {
        least: limits::RETRY_DELAY_MIN,
        most: limits::RETRY_DELAY_MAX,
        expected: "must be a duration from `1s` to `7d` (a number and s, m, h or d)",
    };
    let Some(delays) = given.as_array() else {
        return match given.as_str() {
            Some("standard") => Ok(Schedule::Standard),
            Some("klaviyo") => Ok(Schedule::Klaviyo),
            Some("fast") => Ok(Schedule::Fast),
            _ => Err(must(format!(
                "must be `{}`, or a list of the delays before each retry such as [\"5s\", \"2m\"]",
                Schedule::NAMES.join("`, `")
            ))),
        };
    };
    if delays.len() > limits::RETRIES_MAX {
        let (count, most) = (delays.len(), limits::RETRIES_MAX);
        return Err(must(format!("has {count} delays; {most} may be")));
    }
    let read = |(place, delay)| value::duration(delay, DELAYS).at(&format!("/{place}"));
    delays.iter().enumerate().map(read).collect::<Result<_, _>>().map(Schedule::Custom)
}

/// A duration of the scale of days.
fn long(given: &Value) -> Result<Duration, Fault> {
    const LONG: Durations = Durations {
        least: limits::RETRY_DELAY_MIN,
        most: limits::RETRY_AGE_MAX,
        expected: "must be a duration from `1s` to `30d` (a number and s, m, h or d)",
    };
    value::duration(given, LONG)
}

fn concurrency(given: &Value) -> Result<usize, Fault> {
    whole(given, &limits::WEBHOOK_CONCURRENCY).map(narrowed)
}

fn rate_limit(given: &Value) -> Result<RateLimit, Fault> {
    let members = Members::of(given, &["requests", "period"])?;
    let most = limits::RATE_LIMIT_REQUESTS_MAX;
    let requests = members.required("requests", |it| whole(it, &(1..=most.into())))?;
    let period = members.required("period", |it| word(it, &named(Period::ALL, Period::name)))?;
    Ok(RateLimit { requests: u32::try_from(requests).unwrap_or(most), period })
}

fn batch(given: &Value) -> Result<Batch, Fault> {
    let members = Members::of(given, &["max_events", "max_wait_ms", "max_bytes"])?;
    let number = |name: &str, bounds| members.optional(name, |it| whole(it, bounds));
    let events = number("max_events", &limits::BATCH_EVENTS)?;
    let wait = number("max_wait_ms", &limits::BATCH_WAIT_MS)?;
    let bytes = number("max_bytes", &limits::BATCH_BYTES)?;
    Ok(Batch {
        max_events: events.map_or(limits::BATCH_EVENTS_DEFAULT, narrowed),
        max_wait: wait.map_or(limits::BATCH_WAIT_DEFAULT, Duration::from_millis),
        max_bytes: bytes.map_or(limits::BATCH_BYTES_DEFAULT, narrowed),
    })
}

fn signatures(given: &Value) -> Result<Vec<Scheme>, Fault> {
    let known = named(Scheme::ALL, Scheme::name);
    let mut schemes = Vec::new();
    for (place, scheme) in list(given)?.iter().enumerate() {
        let at = format!("/{place}");
        let scheme = word(scheme, &known).at(&at)?;
        if schemes.contains(&scheme) {
            return Err(Fault::new(at, format!("`{scheme}` stands twice")));
        }
        schemes.push(scheme);
    }
    if schemes.is_empty() {
        return Err(must("must name at least one scheme: unsigned deliveries prove nothing"));
    }
    Ok(schemes)
}

/// A number that was checked against a bound that any machine's `usize` holds.
fn narrowed(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Every value with its name.
fn named<T: Copy, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> [(&'static str, T); N] {
    all.map(|one| (name(one), one))
}
