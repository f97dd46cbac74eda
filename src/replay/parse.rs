//! From the body of a request to a checked replay.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Choice, ReplayError, Status, Wanted};
use crate::clock::Timestamp;
use crate::condition::{Filter, Kind, Kinds};
use crate::id::{ReplayId, WebhookId};
use crate::json::{self, Fault};
use crate::limits;
use crate::metric::Metrics;
use crate::webhook::Webhooks;

/// Where a request names its webhook.
pub const WEBHOOK_AT: &str = "/data/relationships/webhook/data/id";
const ATTRIBUTES_AT: &str = "/data/attributes";
/// What a replay's filter may be made of: what a webhook's is.
pub(super) const KINDS: Kinds = Kinds::new("a replay's filter", &Kind::OF_EVENT);

/// A replay as a client asked for it; checked, and filled up from its webhook.
#[derive(Clone, Debug)]
pub struct NewReplay {
    pub(super) name: Option<String>,
    pub(super) wanted: Wanted,
    pub(super) rate_per_second: u32,
}

#[derive(Deserialize)]
struct Document<T> {
    data: T,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    attributes: Attributes,
    #[serde(borrow)]
    relationships: Relationships<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    from: String,
    to: Option<String>,
    topics: Option<Vec<String>>,
    states: Option<Vec<String>>,
    /// `null` is a filter: none. Absent, it is the webhook's.
    #[serde(default, deserialize_with = "given")]
    filter: Option<Box<RawValue>>,
    rate_per_second: Option<Value>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Relationships<'a> {
    #[serde(borrow)]
    webhook: Document<Reference<'a>>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

impl NewReplay {
    /// Reads the body of `POST /api/replays`, or of its preview.
    ///
    /// # Errors
    /// The first fault, or that there is no such webhook.
    pub fn parse(
        body: &[u8],
        webhooks: &Webhooks,
        metrics: &Metrics,
        now: Timestamp,
    ) -> Result<Self, ReplayError> {
        let Document { data }: Document<Data<'_>> = json::parse(body)?;
        expect_type(&data.kind)?;
        let webhook = webhook_id(&data.relationships.webhook.data)?;
        let endpoint = webhooks.subscription(webhook).ok_or(ReplayError::NoWebhook(webhook))?;
        let given = data.attributes;
        let (from, to) = range(&given, now)?;
        let topics = match given.topics {
            Some(topics) => checked_topics(topics, metrics)?,
            None => endpoint.webhook.topics.clone(),
        };
        let filter = match given.filter {
            Some(filter) => checked_filter(&filter)?,
            None => endpoint.webhook.settings.filter.as_ref().map(|own| own.text.clone()),
        };
        let states = match given.states {
            Some(states) => checked_states(&states)?,
            None => Choice::DEFAULT.to_vec(),
        };
        let wanted = Wanted { webhook, from, to, topics, states, filter };
        let rate_per_second = rate(given.rate_per_second.as_ref())?;
        Ok(Self { name: checked_name(given.name)?, wanted, rate_per_second })
    }

    /// Whether what it sends, and how much that is, tells of profiles.
    #[must_use]
    pub fn asks_for_profiles(&self) -> bool {
        let parsed = self.wanted.filter.clone().map(|text| {
            let raw = RawValue::from_string(text).ok()?;
            Filter::parse(&raw, "", KINDS).ok()
        });
        // One that can not be read is judged as one that does.
        parsed.is_some_and(|filter| filter.is_none_or(|filter| filter.needs_profile()))
    }

    /// What the replay is to send, and where to.
    #[must_use]
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

fn at(attribute: &str) -> String {
    format!("{ATTRIBUTES_AT}/{attribute}")
}

fn expect_type(found: &str) -> Result<(), Fault> {
    if found == "replay" { Ok(()) } else { Err(Fault::new("/data/type", "must be `replay`")) }
}

fn webhook_id(reference: &Reference<'_>) -> Result<WebhookId, Fault> {
    if reference.kind != "webhook" {
        let pointer = "/data/relationships/webhook/data/type";
        return Err(Fault::new(pointer, "must be `webhook`"));
    }
    reference.id.parse().map_err(|error| Fault::new(WEBHOOK_AT, format!("is no webhook: {error}")))
}

/// Both ends; one that lies ahead of now means now, because clocks differ.
fn range(given: &Attributes, now: Timestamp) -> Result<(Timestamp, Timestamp), Fault> {
    let moment = |name: &str, text: &str| {
        let wrong = "must be a moment in RFC 3339, such as 2026-02-07T00:00:00Z";
        Timestamp::parse_rfc3339(text).ok_or_else(|| Fault::new(at(name), wrong))
    };
    let from = moment("from", &given.from)?;
    let to = given.to.as_deref().map(|text| moment("to", text)).transpose()?;
    let to = to.map_or(now, |to| to.min(now));
    if from >= to {
        let why = format!("must lie before `to`, which is {}", to.rfc3339_seconds());
        return Err(Fault::new(at("from"), why));
    }
    Ok((from, to))
}

/// A topic without a metric has no events: it is a slip of the pen.
fn checked_topics(mut topics: Vec<String>, metrics: &Metrics) -> Result<Vec<String>, Fault> {
    if topics.is_empty() || topics.len() > limits::WEBHOOK_TOPICS_MAX {
        let (count, most) = (topics.len(), limits::WEBHOOK_TOPICS_MAX);
        let why = format!("holds {count} topics; 1 to {most} may be, or leave it out");
        return Err(Fault::new(at("topics"), why));
    }
    let unknown = topics.iter().position(|topic| metrics.by_topic(topic).is_none());
    if let Some(place) = unknown {
        let why = unknown_topic(&topics[place], metrics);
        return Err(Fault::new(format!("{}/{place}", at("topics")), why));
    }
    topics.sort_unstable();
    topics.dedup();
    Ok(topics)
}

fn unknown_topic(topic: &str, metrics: &Metrics) -> String {
    match metrics.nearest(topic) {
        Some(nearest) => {
            format!("no event was recorded for `{topic}`; did you mean `{}`?", nearest.topic)
        }
        None => format!("no event was recorded for `{topic}`"),
    }
}

fn checked_filter(given: &RawValue) -> Result<Option<String>, Fault> {
    if given.get() == "null" {
        return Ok(None);
    }
    Filter::parse(given, &at("filter"), KINDS)?;
    Ok(Some(given.get().to_owned()))
}

fn checked_states(given: &[String]) -> Result<Vec<Choice>, Fault> {
    let known = Choice::ALL.map(Choice::name).join(", ");
    if given.is_empty() {
        let why = format!("is empty; name some of {known}, or leave it out");
        return Err(Fault::new(at("states"), why));
    }
    let mut states = Vec::with_capacity(given.len());
    for (place, name) in given.iter().enumerate() {
        let found = Choice::ALL.into_iter().find(|choice| choice.name() == name);
        states.push(found.ok_or_else(|| {
            let why = format!("no state `{name}` here; there are {known}");
            Fault::new(format!("{}/{place}", at("states")), why)
        })?);
    }
    states.sort_unstable();
    states.dedup();
    Ok(states)
}

fn rate(given: Option<&Value>) -> Result<u32, Fault> {
    let Some(given) = given else { return Ok(limits::REPLAY_RATE_DEFAULT) };
    let bounds = limits::REPLAY_RATE;
    let rate = given.as_u64().filter(|rate| bounds.contains(rate));
    rate.and_then(|rate| u32::try_from(rate).ok()).ok_or_else(|| {
        let why = format!("must be a whole number from {} to {}", bounds.start(), bounds.end());
        Fault::new(at("rate_per_second"), why)
    })
}

fn checked_name(given: Option<String>) -> Result<Option<String>, Fault> {
    let Some(name) = given.map(|name| name.trim().to_owned()) else { return Ok(None) };
    let (length, most) = (name.chars().count(), limits::REPLAY_NAME_CHARS_MAX);
    if length == 0 || length > most {
        let why = format!("a name has 1 to {most} characters, this one {length}");
        return Err(Fault::new(at("name"), why));
    }
    Ok(Some(name))
}

#[derive(Deserialize)]
struct Patch<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attributes: PatchAttributes<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatchAttributes<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
}

/// Reads the body of `PATCH /api/replays/{id}`: whether the replay is to be running or paused.
///
/// # Errors
/// The first fault.
pub fn status_patch(body: &[u8], id: ReplayId) -> Result<Status, Fault> {
    let Document { data }: Document<Patch<'_>> = json::parse(body)?;
    expect_type(&data.kind)?;
    if data.id.is_some_and(|given| given != id.to_string()) {
        return Err(Fault::new("/data/id", "differs from the id in the path"));
    }
    let allowed = [Status::Running, Status::Paused];
    let found = allowed.into_iter().find(|status| status.name() == data.attributes.status);
    let why = "must be `paused` or `running`; POST …/cancel ends a replay";
    found.ok_or_else(|| Fault::new(at("status"), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_pauses_or_resumes() {
        let id = ReplayId::from_u128(7);
        let patch = |id: &str, status: &str| {
            format!(r#"{{"data":{{"type":"replay"{id},"attributes":{{"status":{status}}}}}}}"#)
        };
        let own = format!(r#","id":"{id}""#);
        for (body, expected) in [
            (patch("", "\"paused\""), Ok(Status::Paused)),
            (patch(&own, "\"running\""), Ok(Status::Running)),
            (patch("", "\"cancelled\""), Err("/data/attributes/status")),
            (patch("", "3"), Err("/data/attributes/status")),
            (patch(r#","id":"x""#, "\"paused\""), Err("/data/id")),
            (patch("", "\"paused\"").replace("replay", "job"), Err("/data/type")),
            (patch("", "\"paused\"").replace("status", "state"), Err("/data/attributes/state")),
        ] {
            let read = status_patch(body.as_bytes(), id);
            assert_eq!(read.map_err(|fault| fault.pointer), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn a_rate_has_bounds() {
        let of = |value: Value| rate(Some(&value)).ok();
        assert_eq!(rate(None).ok(), Some(limits::REPLAY_RATE_DEFAULT));
        assert_eq!((of(1.into()), of(10_000.into())), (Some(1), Some(10_000)));
        for wrong in [Value::from(0), Value::from(10_001), Value::from("5"), Value::from(1.5)] {
            assert_eq!(of(wrong), None);
        }
        assert_eq!(of(Value::from(-1)), None);
    }
}
