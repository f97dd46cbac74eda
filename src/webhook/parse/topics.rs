//! The topics that a request subscribes a webhook to (contract: wire.md §1.5, §1.6).

use std::borrow::Cow;

use serde::Deserialize;

use crate::json::Fault;
use crate::limits;
use crate::metric::{self, FIRST_PARTY_SERVICE, Metrics};

/// Where they stand.
pub(super) const AT: &str = "/data/relationships/webhook-topics";

#[derive(Deserialize)]
pub(super) struct Relationships<'a> {
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

/// The topics of the request, sorted and each once; `None` where it names no relationship.
pub(super) fn checked(
    given: Option<Relationships<'_>>,
    metrics: &Metrics,
) -> Result<Option<Vec<String>>, Fault> {
    let Some(Topics { data: Some(given) }) = given.and_then(|all| all.topics) else {
        return Ok(None);
    };
    if given.is_empty() || given.len() > limits::WEBHOOK_TOPICS_MAX {
        let (count, most) = (given.len(), limits::WEBHOOK_TOPICS_MAX);
        let why = format!("holds {count} topics; 1 to {most} may be");
        return Err(Fault::new(format!("{AT}/data"), why));
    }
    let mut topics = Vec::with_capacity(given.len());
    for (place, topic) in given.into_iter().enumerate() {
        if topic.kind != "webhook-topic" {
            let at = format!("{AT}/data/{place}/type");
            return Err(Fault::new(at, "must be `webhook-topic`"));
        }
        check_topic(&topic.id, metrics)
            .map_err(|why| Fault::new(format!("{AT}/data/{place}/id"), why))?;
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
    Err(match metrics.nearest(topic) {
        Some(nearest) => format!("no topic `{topic}`; did you mean `{}`?", nearest.topic),
        None => format!("no topic `{topic}`"),
    })
}
