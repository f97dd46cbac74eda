//! Why a webhook did not react to an event: from facts to a verdict and a sentence. Pure.
//!
//! What is certain comes before what is likely. Without a delivery, the webhook was not there, not
//! switched on, not subscribed, or its filter said no, all at the moment of the event; but only
//! what it is now is known, and when it last changed.

use crate::clock::Timestamp;
use crate::condition::Explanation;
use crate::delivery::State;
use crate::event::Event;
use crate::webhook::{DisableReason, Disabled, Webhook};

/// Two topics of one service with names this much alike are easily mistaken for each other (by
/// Jaro's measure): `placed_order` and `placed_orders` are, `placed_order` and `viewed_product`
/// are not.
const SIMILAR: f64 = 0.9;

/// What became of an event at one webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is a delivery, in this state.
    Reacted(State),
    /// It does not subscribe to the topic.
    NotSubscribed,
    /// It was switched off before the event, and still is.
    Disabled,
    /// Its filter does not fit.
    Filtered,
    /// It was made after the event.
    CreatedLater,
    /// It, or the person that its filter looks at, was changed after the event, so that nobody
    /// can tell.
    ChangedSince,
    /// Nothing speaks against it.
    Unknown,
}

impl Verdict {
    /// The verdict's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reacted(state) => state.name(),
            Self::NotSubscribed => "not_subscribed",
            Self::Disabled => "disabled",
            Self::Filtered => "filtered",
            Self::CreatedLater => "created_later",
            Self::ChangedSince => "changed_since",
            Self::Unknown => "unknown",
        }
    }

    /// Whether there is a delivery.
    #[must_use]
    pub const fn has_reacted(self) -> bool {
        matches!(self, Self::Reacted(_))
    }
}

/// A verdict with its reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
}

/// What is known of a webhook that has no delivery of an event.
pub(super) struct Facts<'a> {
    pub(super) event: &'a Event,
    pub(super) topic: &'a str,
    pub(super) webhook: &'a Webhook,
    /// What its filter says, where it has one and subscribes to the topic.
    pub(super) filter: Option<&'a Explanation>,
    /// When the person changed after the event, where the filter looks at the person.
    pub(super) person_changed: Option<Timestamp>,
}

/// Why there is no delivery.
pub(super) fn of_absence(facts: &Facts<'_>) -> Judgement {
    let (verdict, reason) = certain(facts)
        .or_else(|| Some((Verdict::Filtered, filtered(facts)?)))
        .or_else(|| Some((Verdict::ChangedSince, changed(facts)?)))
        .unwrap_or_else(|| {
            let reason = "nothing speaks against it; its delivery may have been removed since";
            (Verdict::Unknown, reason.to_owned())
        });
    Judgement { verdict, reason }
}

/// What was so at the moment of the event, or is so now and need not be asked further.
fn certain(facts: &Facts<'_>) -> Option<(Verdict, String)> {
    let Facts { event, topic, webhook, .. } = facts;
    if !webhook.topics.iter().any(|own| own == topic) {
        return Some((Verdict::NotSubscribed, not_subscribed(topic, &webhook.topics)));
    }
    if webhook.created > event.received {
        let (made, id) = (webhook.created.rfc3339_seconds(), webhook.id);
        let mut reason = format!("it was made at {made}, after the event");
        if facts.failing().is_some() {
            reason.push_str("; besides, its filter does not fit the event");
        } else {
            let from = event.received.rfc3339_seconds();
            let from = from.strip_suffix("+00:00").unwrap_or(&from);
            let replay = format!("tidings replay create --webhook {id} --from {from}Z");
            reason.push_str(&format!("; replay it: {replay}"));
        }
        return Some((Verdict::CreatedLater, reason));
    }
    let since = off_since(webhook).filter(|since| *since <= event.received)?;
    let mut reason = disabled(webhook.disabled.as_ref(), since);
    if facts.failing().is_some() {
        reason.push_str("; besides, its filter does not fit the event");
    }
    Some((Verdict::Disabled, reason))
}

fn filtered(facts: &Facts<'_>) -> Option<String> {
    let mut reason = format!("its filter does not fit the event: {}", decisive(facts.failing()?));
    if let Some(at) = facts.person_changed {
        let at = at.rfc3339_seconds();
        reason.push_str(&format!("; the person was changed at {at} and is looked at as now"));
    }
    if let Some(at) = facts.webhook_changed() {
        let at = at.rfc3339_seconds();
        reason.push_str(&format!("; the webhook was changed at {at}, perhaps its filter too"));
    }
    Some(reason)
}

fn changed(facts: &Facts<'_>) -> Option<String> {
    if let Some(at) = facts.webhook_changed() {
        let at = at.rfc3339_seconds();
        return Some(format!(
            "it was changed at {at}, after the event; until then it may have been disabled, had \
             other topics or another filter"
        ));
    }
    let at = facts.person_changed?.rfc3339_seconds();
    Some(format!(
        "its filter fits now, but looks at the person, who was changed at {at}, after the event"
    ))
}

impl Facts<'_> {
    /// The filter, where it does not fit.
    fn failing(&self) -> Option<&Explanation> {
        self.filter.filter(|filter| !filter.held())
    }

    /// When the webhook changed, if that was after the event.
    fn webhook_changed(&self) -> Option<Timestamp> {
        Some(self.webhook.updated).filter(|updated| *updated > self.event.received)
    }
}

/// Since when it is off; of one that does not say, since it was changed last.
fn off_since(webhook: &Webhook) -> Option<Timestamp> {
    let disabled = webhook.disabled.as_ref().map_or(webhook.updated, |disabled| disabled.at);
    (!webhook.enabled).then_some(disabled)
}

fn disabled(why: Option<&Disabled>, since: Timestamp) -> String {
    let reason = match why.map(|why| why.reason) {
        Some(DisableReason::Manual) => ": a person switched it off",
        Some(DisableReason::Gone) => ": the endpoint answered that it is gone for good",
        Some(DisableReason::Receiver) => ": the endpoint asked for it",
        Some(DisableReason::Failing) => ": the endpoint failed for too long",
        None => "",
    };
    format!("it has been disabled since {}{reason}", since.rfc3339_seconds())
}

fn not_subscribed(topic: &str, own: &[String]) -> String {
    match own.iter().find(|own| is_similar(topic, own)) {
        Some(similar) => {
            format!("it does not subscribe to `{topic}`; it does to the similar `{similar}`")
        }
        None => format!("it does not subscribe to `{topic}`"),
    }
}

/// Whether two topics are easily mistaken for each other: one name of two services, or two names
/// of one service that look alike.
fn is_similar(a: &str, b: &str) -> bool {
    match (a.split_once('.'), b.split_once('.')) {
        (Some((service_a, a)), Some((service_b, b))) => {
            a == b || (service_a == service_b && strsim::jaro(a, b) >= SIMILAR)
        }
        _ => false,
    }
}

/// The reasons of the first group that does not hold.
fn decisive(filter: &Explanation) -> String {
    let group = filter.groups.iter().find(|group| !group.held());
    let conditions = group.map_or(&[][..], |group| &group.conditions);
    match conditions {
        [] => "it has no conditions".to_owned(),
        [only] => only.reason.clone(),
        [first, others @ ..] => {
            format!("{}, and {} more of that group do not hold", first.reason, others.len())
        }
    }
}
