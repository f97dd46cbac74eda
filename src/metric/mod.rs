//! Metrics: the kinds of events, each with its integration and its topic.
//!
//! A metric is made by the first event that names it and is found again by service and name. Its
//! topic, `event:<service>.<slug of the name>`, is fixed when it is made, so that renaming never
//! breaks a subscription; two names with one slug get `_2`, `_3`… The first-party topics of the
//! contract (wire.md §1.7) exist from the start, in `catalogue.rs`.
//!
//! [`Metrics`] holds all of them in memory (they are few: [`limits::METRICS_MAX`]); the rows are
//! the truth, and the registry learns of a metric after its commit.

mod catalogue;
mod document;
mod property;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

pub use property::{InvalidPropertyId, PropertyId};

use crate::clock::Timestamp;
use crate::id::MetricId;
use crate::json::Fault;
use crate::limits;
use crate::store::{Read, StoreError, Tx};

/// The integration key of metrics that producers make through the API.
pub const API_SERVICE: &str = "api";
/// The integration key of first-party metrics.
pub const FIRST_PARTY_SERVICE: &str = "klaviyo";

/// A kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its id.
    pub id: MetricId,
    /// Its name as the producer wrote it.
    pub name: String,
    /// The key of the integration that it belongs to: `api`, `klaviyo`, or a producer's own.
    pub service: String,
    /// The topic that webhooks subscribe to.
    pub topic: String,
    /// When its first event was recorded.
    pub created: Timestamp,
    /// Whether one of its events ever had a value; from then on events without one show `0`
    /// (contract: wire.md §4.2).
    pub has_value: bool,
}

impl Metric {
    /// Whether its events tell of tidings' own deliveries.
    #[must_use]
    pub fn is_operational(&self) -> bool {
        self.service == OWN_SERVICE && OPERATIONAL.contains(&self.name.as_str())
    }
}

/// A metric as an event names it; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricName {
    name: String,
    service: String,
}

impl MetricName {
    /// Checks a metric's name and service (`api` where none is given).
    ///
    /// # Errors
    /// Points at `/name` or `/service`.
    pub fn parse(name: &str, service: Option<&str>) -> Result<Self, Fault> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > limits::METRIC_NAME_CHARS_MAX {
            let most = limits::METRIC_NAME_CHARS_MAX;
            return Err(Fault::new(
                "/name",
                format!("a metric's name has 1 to {most} characters, this one {length}"),
            ));
        }
        if slug(name).is_empty() {
            return Err(Fault::new("/name", "a metric's name needs a letter or a digit"));
        }
        let service = slug(service.unwrap_or(API_SERVICE));
        if service.is_empty() || service.chars().count() > limits::METRIC_SERVICE_CHARS_MAX {
            let most = limits::METRIC_SERVICE_CHARS_MAX;
            return Err(Fault::new(
                "/service",
                format!("a service is 1 to {most} characters with a letter or a digit"),
            ));
        }
        if service == OWN_SERVICE {
            return Err(Fault::new("/service", "`tidings` is reserved for tidings' own events"));
        }
        Ok(Self { name: name.to_owned(), service })
    }

    /// A kind of tidings' own events.
    #[must_use]
    pub fn own(name: &'static str) -> Self {
        Self { name: name.to_owned(), service: OWN_SERVICE.to_owned() }
    }

    /// A kind of event that the original makes by itself, and we too.
    #[must_use]
    pub fn first_party(name: &'static str) -> Self {
        Self { name: name.to_owned(), service: FIRST_PARTY_SERVICE.to_owned() }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The integration's key.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }
}

/// The integration key that no producer may use: tidings' own events.
pub const OWN_SERVICE: &str = "tidings";
/// The names of tidings' own metrics that tell of its deliveries. What becomes of the deliveries of
/// these is announced by no further events.
pub const OPERATIONAL: [&str; 3] = ["Webhook Disabled", "Webhook Recovered", "Delivery Exhausted"];

/// The part of a topic that stands for a name: lower-case letters and digits, every run of other
/// characters one `_`, none at the ends (contract: wire.md §1.7; its open cases are decided here).
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    slug
}

/// Tells whether `topic` has the form `event:<service>.<slug>`.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    let parts = topic.strip_prefix("event:").and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(service, name)| {
        service == slug(service) && name == slug(name) && !service.is_empty() && !name.is_empty()
    })
}

/// All metrics, in memory. Clones share it.
#[derive(Clone, Default)]
pub struct Metrics(Arc<RwLock<Index>>);

#[derive(Default)]
struct Index {
    by_id: BTreeMap<MetricId, Arc<Metric>>,
    by_name: HashMap<(String, String), Arc<Metric>>,
    by_topic: BTreeMap<String, Arc<Metric>>,
}

/// Why a metric could not be found or made.
#[derive(Debug)]
pub enum MetricError {
    /// There are [`limits::METRICS_MAX`] already.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for MetricError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Metrics {
    /// Reads all metrics from the store.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn load(from: &impl Read) -> Result<Self, StoreError> {
        let metrics = Self::default();
        for metric in rows::all(from)? {
            metrics.learn(Arc::new(metric));
        }
        Ok(metrics)
    }

    /// Makes the first-party metrics of the contract that are not there yet, and tidings' own,
    /// however many others there are.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn seed(&self, tx: &mut Tx<'_, '_>, own: &[&'static str]) -> Result<(), MetricError> {
        for name in catalogue::FIRST_PARTY {
            let name =
                MetricName { name: (*name).to_owned(), service: FIRST_PARTY_SERVICE.to_owned() };
            self.ensure_within(tx, &name, false, usize::MAX)?;
        }
        for name in own {
            self.ensure_within(tx, &MetricName::own(name), false, usize::MAX)?;
        }
        Ok(())
    }

    /// The metric of this name, made now if it is new, marked as having values if `has_value`.
    ///
    /// # Errors
    /// Where there are too many metrics or the store fails.
    pub fn ensure(
        &self,
        tx: &mut Tx<'_, '_>,
        name: &MetricName,
        has_value: bool,
    ) -> Result<Arc<Metric>, MetricError> {
        self.ensure_within(tx, name, has_value, limits::METRICS_MAX)
    }

    /// The same, where a new one makes no more than `most`.
    fn ensure_within(
        &self,
        tx: &mut Tx<'_, '_>,
        name: &MetricName,
        has_value: bool,
        most: usize,
    ) -> Result<Arc<Metric>, MetricError> {
        let known = self.by_name(&name.service, &name.name);
        let known = match known {
            Some(metric) => Some(metric),
            None => rows::by_name(tx, &name.service, &name.name)?.map(Arc::new),
        };
        let metric = match known {
            Some(metric) if metric.has_value || !has_value => return Ok(metric),
            Some(metric) => Metric { has_value: true, ..(*metric).clone() },
            None if self.count() >= most => return Err(MetricError::TooMany),
            None => self.make(tx, name, has_value)?,
        };
        rows::put(tx, &metric)?;
        let metric = Arc::new(metric);
        let (metrics, learned) = (self.clone(), Arc::clone(&metric));
        tx.after_commit(move || metrics.learn(learned));
        Ok(metric)
    }

    fn count(&self) -> usize {
        self.0.read().expect("no holder panics").by_id.len()
    }

    fn make(
        &self,
        tx: &mut Tx<'_, '_>,
        name: &MetricName,
        has_value: bool,
    ) -> Result<Metric, MetricError> {
        let id = loop {
            let id = MetricId::from_random(tx.random()?);
            if rows::get(tx, id)?.is_none() {
                break id;
            }
        };
        let wanted = format!("event:{}.{}", name.service, slug(&name.name));
        let mut topic = wanted.clone();
        let mut count = 1;
        while rows::topic_is_taken(tx, &topic)? {
            count += 1;
            topic = format!("{wanted}_{count}");
        }
        Ok(Metric {
            id,
            name: name.name.clone(),
            service: name.service.clone(),
            topic,
            created: tx.now(),
            has_value,
        })
    }

    fn learn(&self, metric: Arc<Metric>) {
        let mut index = self.0.write().expect("no holder panics");
        let name = (metric.service.clone(), metric.name.clone());
        index.by_id.insert(metric.id, Arc::clone(&metric));
        index.by_topic.insert(metric.topic.clone(), Arc::clone(&metric));
        index.by_name.insert(name, metric);
    }

    /// The metric with this id.
    #[must_use]
    pub fn get(&self, id: MetricId) -> Option<Arc<Metric>> {
        self.0.read().expect("no holder panics").by_id.get(&id).cloned()
    }

    /// The metric behind a topic.
    #[must_use]
    pub fn by_topic(&self, topic: &str) -> Option<Arc<Metric>> {
        self.0.read().expect("no holder panics").by_topic.get(topic).cloned()
    }

    /// The metric whose topic looks most like this one, for "did you mean".
    #[must_use]
    pub fn nearest(&self, topic: &str) -> Option<Arc<Metric>> {
        let index = self.0.read().expect("no holder panics");
        let likeness = |metric: &&Arc<Metric>| strsim::jaro(topic, &metric.topic);
        index.by_topic.values().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).cloned()
    }

    fn by_name(&self, service: &str, name: &str) -> Option<Arc<Metric>> {
        let index = self.0.read().expect("no holder panics");
        index.by_name.get(&(service.to_owned(), name.to_owned())).cloned()
    }

    /// The metric of this name, if an event ever had it.
    #[must_use]
    pub fn named(&self, name: &MetricName) -> Option<Arc<Metric>> {
        self.by_name(&name.service, &name.name)
    }

    /// The metric that a person means by this text: its id, or its name where no other service has
    /// one of that name; the API's own goes before them.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Arc<Metric>> {
        let by_id = text.parse().ok().and_then(|id| self.get(id));
        by_id.or_else(|| self.by_name(API_SERVICE, text)).or_else(|| {
            let index = self.0.read().expect("no holder panics");
            let mut named = index.by_id.values().filter(|metric| metric.name == text);
            match (named.next(), named.next()) {
                (Some(only), None) => Some(Arc::clone(only)),
                _ => None,
            }
        })
    }

    /// Every metric, by topic.
    #[must_use]
    pub fn by_topics(&self) -> Vec<Arc<Metric>> {
        self.0.read().expect("no holder panics").by_topic.values().cloned().collect()
    }

    /// Up to `most` metrics after `after`, by id.
    #[must_use]
    pub fn page(&self, after: Option<MetricId>, most: usize) -> Vec<Arc<Metric>> {
        use std::ops::Bound;
        let index = self.0.read().expect("no holder panics");
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        index.by_id.range((from, Bound::Unbounded)).take(most).map(|(_, m)| m.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_follow_the_contract() {
        for (name, expected) in [
            ("SDK Smoke 090430d9", "sdk_smoke_090430d9"),
            ("Viewed Product", "viewed_product"),
            ("  Active -- on/Site! ", "active_on_site"),
            ("Größe ändern", "größe_ändern"),
            ("ÇA VA", "ça_va"),
            ("!!!", ""),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_alone_is_the_producers_or_the_only_one() {
        let metrics = Metrics::default();
        let mut number = 0;
        let mut learn = |service: &str, name: &str| {
            number += 1;
            let id = MetricId::from_random(number);
            let topic = format!("event:{service}.{}", slug(name));
            let (name, service) = (name.to_owned(), service.to_owned());
            let created = Timestamp::EPOCH;
            metrics.learn(Arc::new(Metric { id, name, service, topic, created, has_value: false }));
            id
        };
        let mine = learn(API_SERVICE, "Ordered");
        learn("shop", "Ordered");
        let only = learn("shop", "Refunded");
        learn("shop", "Shipped");
        learn("till", "Shipped");
        let found = |name: &str| metrics.find(name).map(|metric| metric.id);
        assert_eq!(found("Ordered"), Some(mine));
        assert_eq!(found("Refunded"), Some(only));
        assert_eq!(found("Shipped"), None);
        assert_eq!(found("ordered"), None, "a name is exact");
    }

    #[test]
    fn topics_have_one_form() {
        assert!(is_topic("event:api.viewed_product"));
        for wrong in ["api.viewed_product", "event:api", "event:api.", "event:.x", "event:api.A b"]
        {
            assert!(!is_topic(wrong), "{wrong}");
        }
    }

    #[test]
    fn names_are_bounded() {
        assert_eq!(MetricName::parse("", None).unwrap_err().pointer, "/name");
        assert_eq!(MetricName::parse("!?", None).unwrap_err().pointer, "/name");
        assert_eq!(MetricName::parse(&"x".repeat(128), None).unwrap_err().pointer, "/name");
        assert!(MetricName::parse(&"é".repeat(127), None).is_ok());
        assert_eq!(MetricName::parse("x", Some("tidings")).unwrap_err().pointer, "/service");
        assert_eq!(MetricName::parse("x", Some("My App")).unwrap().service(), "my_app");
    }
}
