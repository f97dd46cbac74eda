//! From the body of a request to a checked webhook or a checked change (contract: wire.md §1.6).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::Webhook;
use crate::egress::{Destination, Policy};
use crate::id::WebhookId;
use crate::json::{self, Fault};
use crate::limits;
use crate::metric::{self, FIRST_PARTY_SERVICE, Metrics};
use crate::secret::Secret;

const TOPICS_AT: &str = "/data/relationships/webhook-topics";

/// A webhook as a client asked for it; checked.
#[derive(Debug)]
pub struct NewWebhook {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) endpoint_url: String,
    pub(super) secret: Secret,
    pub(super) topics: Vec<String>,
}

/// A change of a webhook; checked. What is `None` stays.
#[derive(Debug, Default)]
pub struct WebhookPatch {
    name: Option<String>,
    /// `Some(None)` clears it.
    description: Option<Option<String>>,
    endpoint_url: Option<String>,
    secret: Option<Secret>,
    enabled: Option<bool>,
    topics: Option<Vec<String>>,
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
    attributes: Attributes<'a>,
    #[serde(borrow, default)]
    relationships: Option<Relationships<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "present")]
    description: Option<Option<Cow<'a, str>>>,
    #[serde(borrow)]
    endpoint_url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secret_key: Option<Cow<'a, str>>,
    enabled: Option<bool>,
}

/// Tells `"x": null` (clear it) from an absent `x` (leave it).
fn present<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

#[derive(Deserialize)]
struct Relationships<'a> {
    #[serde(rename = "webhook-topics", borrow, default)]
    topics: Option<Topics<'a>>,
}

#[derive(Deserialize)]
struct Topics<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<Topic<'a>>>,
}

#[derive(Deserialize)]
struct Topic<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

impl NewWebhook {
    /// Reads the body of `POST /api/webhooks`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8], policy: &Policy, metrics: &Metrics) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        expect_type(&data.kind)?;
        let Attributes { name, description, endpoint_url, secret_key, enabled } = data.attributes;
        if enabled.is_some() {
            let why = "is not accepted here: a webhook is made enabled; change it afterwards";
            return Err(Fault::new("/data/attributes/enabled", why));
        }
        Ok(Self {
            name: checked_name(&required(name, "name")?)?,
            description: checked_description(description.flatten())?,
            endpoint_url: checked_url(&required(endpoint_url, "endpoint_url")?, policy)?,
            secret: checked_secret(&required(secret_key, "secret_key")?)?,
            topics: checked_topics(data.relationships, metrics)?
                .ok_or_else(|| Fault::new(TOPICS_AT, "`webhook-topics` is required"))?,
        })
    }
}

impl WebhookPatch {
    /// The change that switches a webhook on or off.
    #[must_use]
    pub fn enabled(enabled: bool) -> Self {
        Self { enabled: Some(enabled), ..Self::default() }
    }

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
        let given = data.attributes;
        Ok(Self {
            name: given.name.map(|name| checked_name(&name)).transpose()?,
            description: given.description.map(checked_description).transpose()?,
            endpoint_url: given.endpoint_url.map(|url| checked_url(&url, policy)).transpose()?,
            secret: given.secret_key.map(|secret| checked_secret(&secret)).transpose()?,
            enabled: given.enabled,
            topics: checked_topics(data.relationships, metrics)?,
        })
    }

    pub(super) fn apply(self, webhook: &mut Webhook) {
        let Self { name, description, endpoint_url, secret, enabled, topics } = self;
        webhook.name = name.unwrap_or_else(|| std::mem::take(&mut webhook.name));
        if let Some(description) = description {
            webhook.description = description;
        }
        webhook.endpoint_url =
            endpoint_url.unwrap_or_else(|| std::mem::take(&mut webhook.endpoint_url));
        webhook.secret = secret.unwrap_or_else(|| webhook.secret.clone());
        webhook.enabled = enabled.unwrap_or(webhook.enabled);
        webhook.topics = topics.unwrap_or_else(|| std::mem::take(&mut webhook.topics));
    }
}

fn expect_type(found: &str) -> Result<(), Fault> {
    if found == "webhook" {
        return Ok(());
    }
    Err(Fault::new("/data/type", "must be `webhook`"))
}

fn required<'a>(given: Option<Cow<'a, str>>, name: &str) -> Result<Cow<'a, str>, Fault> {
    given.ok_or_else(|| {
        Fault::new(format!("/data/attributes/{name}"), format!("`{name}` is required"))
    })
}

fn checked_name(given: &str) -> Result<String, Fault> {
    let name = given.trim();
    let (length, most) = (name.chars().count(), limits::WEBHOOK_NAME_CHARS_MAX);
    if length == 0 || length > most {
        let why = format!("has {length} characters; 1 to {most} may be");
        return Err(Fault::new("/data/attributes/name", why));
    }
    Ok(name.to_owned())
}

fn checked_description(given: Option<Cow<'_, str>>) -> Result<Option<String>, Fault> {
    let most = limits::WEBHOOK_DESCRIPTION_CHARS_MAX;
    if given.as_ref().is_some_and(|text| text.chars().count() > most) {
        let why = format!("has more than {most} characters");
        return Err(Fault::new("/data/attributes/description", why));
    }
    Ok(given.map(Cow::into_owned))
}

fn checked_url(given: &str, policy: &Policy) -> Result<String, Fault> {
    Destination::parse(given, policy)
        .map(|_| given.to_owned())
        .map_err(|error| Fault::new("/data/attributes/endpoint_url", error.to_string()))
}

fn checked_secret(given: &str) -> Result<Secret, Fault> {
    let length = given.chars().count();
    let (least, most) = (limits::SECRET_CHARS_MIN, limits::SECRET_CHARS_MAX);
    if !(least..=most).contains(&length) {
        let why = format!("has {length} characters; {least} to {most} may be");
        return Err(Fault::new("/data/attributes/secret_key", why));
    }
    Ok(Secret::new(given.to_owned()))
}

/// The topics of the request, sorted and each once; `None` where it names no relationship.
fn checked_topics(
    given: Option<Relationships<'_>>,
    metrics: &Metrics,
) -> Result<Option<Vec<String>>, Fault> {
    let Some(Topics { data: Some(given) }) = given.and_then(|all| all.topics) else {
        return Ok(None);
    };
    if given.is_empty() || given.len() > limits::WEBHOOK_TOPICS_MAX {
        let (count, most) = (given.len(), limits::WEBHOOK_TOPICS_MAX);
        let why = format!("holds {count} topics; 1 to {most} may be");
        return Err(Fault::new(format!("{TOPICS_AT}/data"), why));
    }
    let mut topics = Vec::with_capacity(given.len());
    for (place, topic) in given.into_iter().enumerate() {
        if topic.kind != "webhook-topic" {
            let at = format!("{TOPICS_AT}/data/{place}/type");
            return Err(Fault::new(at, "must be `webhook-topic`"));
        }
        check_topic(&topic.id, metrics)
            .map_err(|why| Fault::new(format!("{TOPICS_AT}/data/{place}/id"), why))?;
        topics.push(topic.id.into_owned());
    }
    topics.sort_unstable();
    topics.dedup();
    Ok(Some(topics))
}

/// A topic must have the form of one; a first-party topic must exist.
fn check_topic(topic: &str, metrics: &Metrics) -> Result<(), String> {
    if !metric::is_topic(topic) {
        return Err(format!("`{topic}` is not a topic; topics look like event:api.viewed_product"));
    }
    let is_first_party = topic.starts_with(&format!("event:{FIRST_PARTY_SERVICE}."));
    if !is_first_party || metrics.by_topic(topic).is_some() {
        return Ok(());
    }
    let known = metrics.by_topics();
    let nearest = known
        .iter()
        .max_by(|a, b| strsim::jaro(topic, &a.topic).total_cmp(&strsim::jaro(topic, &b.topic)));
    Err(match nearest {
        Some(nearest) => format!("no topic `{topic}`; did you mean `{}`?", nearest.topic),
        None => format!("no topic `{topic}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(attributes: &str, topics: &str) -> Result<NewWebhook, Fault> {
        let text = format!(
            r#"{{"data":{{"type":"webhook","attributes":{{{attributes}}},
                "relationships":{{"webhook-topics":{{"data":[{topics}]}}}}}}}}"#
        );
        NewWebhook::parse(text.as_bytes(), &Policy::default(), &Metrics::default())
    }

    #[test]
    fn each_fault_points_at_its_field() {
        const TOPIC: &str = r#"{"type":"webhook-topic","id":"event:api.x"}"#;
        const NAME: &str = r#""name":"n""#;
        const URL: &str = r#""endpoint_url":"https://h.example/x""#;
        const SECRET: &str = r#""secret_key":"sixteen-letters!""#;
        let all = [NAME, URL, SECRET].join(",");
        assert!(parse(&all, TOPIC).is_ok());
        for (attributes, topics, pointer) in [
            ([URL, SECRET].join(","), TOPIC, "/data/attributes/name"),
            ([NAME, SECRET].join(","), TOPIC, "/data/attributes/endpoint_url"),
            ([NAME, URL].join(","), TOPIC, "/data/attributes/secret_key"),
            (
                [NAME, URL, r#""secret_key":"short""#].join(","),
                TOPIC,
                "/data/attributes/secret_key",
            ),
            (
                [NAME, SECRET, r#""endpoint_url":"http://h.example/""#].join(","),
                TOPIC,
                "/data/attributes/endpoint_url",
            ),
            (
                [NAME, SECRET, r#""endpoint_url":"https://127.0.0.1/""#].join(","),
                TOPIC,
                "/data/attributes/endpoint_url",
            ),
            ([&all, r#""enabled":true"#].join(","), TOPIC, "/data/attributes/enabled"),
            (all.clone(), "", "/data/relationships/webhook-topics/data"),
            (
                all.clone(),
                r#"{"type":"webhook-topic","id":"profile.created"}"#,
                "/data/relationships/webhook-topics/data/0/id",
            ),
            (
                all.clone(),
                r#"{"type":"webhook-topic","id":"event:klaviyo.no_such"}"#,
                "/data/relationships/webhook-topics/data/0/id",
            ),
        ] {
            assert_eq!(parse(&attributes, topics).unwrap_err().pointer, pointer, "{attributes}");
        }
    }

    #[test]
    fn null_clears_a_description_and_absence_keeps_it() {
        let id = WebhookId::from_u128(1);
        let patch = |attributes: &str| {
            let text = format!(
                r#"{{"data":{{"type":"webhook","id":"{id}","attributes":{{{attributes}}}}}}}"#
            );
            WebhookPatch::parse(text.as_bytes(), id, &Policy::default(), &Metrics::default())
        };
        assert_eq!(patch(r#""description":null"#).unwrap().description, Some(None));
        assert_eq!(patch("").unwrap().description, None);
    }
}
