//! The first-party events: what is told of a person whose subscriptions change.

use serde_json::{Map, Value};

use super::people::Means;
use crate::clock::Timestamp;
use crate::consent::{Channel, Fact};
use crate::event::NewEvent;
use crate::id::{ChangeId, ProfileId};
use crate::list::List;
use crate::metric::MetricName;
use crate::profile::{Identifier, Profile, ProfilePatch};
use crate::store::{StoreError, Tx};

/// The metric of who joins a list.
pub(super) const JOINED: &str = "Subscribed to List";
/// The metric of who leaves one.
pub(super) const LEFT: &str = "Unsubscribed from List";

/// When something happened, and whether that is history.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// That moment.
    pub at: Timestamp,
    /// Whether it is of the past, and told only now.
    pub is_history: bool,
}

impl When {
    /// In this command.
    #[must_use]
    pub fn now(tx: &Tx<'_, '_>) -> Self {
        Self { at: tx.now(), is_history: false }
    }
}

/// The event of a change of somebody's consents; `None` where the contract has none for it.
pub(super) fn of_fact(
    tx: &mut Tx<'_, '_>,
    fact: Fact,
    profile: &Profile,
    means: &Means,
    when: When,
) -> Result<Option<NewEvent>, StoreError> {
    let Some(metric) = fact.metric() else { return Ok(None) };
    let (name, kind) = match fact {
        Fact::Subscribed(Channel::SmsMarketing) | Fact::Unsubscribed(Channel::SmsMarketing) => {
            ("phone_number", Identifier::PhoneNumber)
        }
        _ => ("email_address", Identifier::Email),
    };
    let mut properties = Map::new();
    properties.insert("method".to_owned(), means.method.into());
    if let Some(source) = &means.custom_source {
        properties.insert("custom_source".to_owned(), source.as_str().into());
    }
    properties.insert(name.to_owned(), profile.identifier(kind).into());
    event(tx, metric, profile.id, Value::Object(properties), when).map(Some)
}

/// The event of who joins or leaves a list.
pub(super) fn of_list(
    tx: &mut Tx<'_, '_>,
    metric: &'static str,
    list: &List,
    profile: ProfileId,
    when: When,
) -> Result<NewEvent, StoreError> {
    let properties = serde_json::json!({ "List": list.name, "list_id": list.id.as_str() });
    event(tx, metric, profile, properties, when)
}

fn event(
    tx: &mut Tx<'_, '_>,
    metric: &'static str,
    profile: ProfileId,
    properties: Value,
    when: When,
) -> Result<NewEvent, StoreError> {
    Ok(NewEvent {
        metric: MetricName::first_party(metric),
        profile: ProfilePatch::of(profile),
        time: Timestamp::from_seconds(when.at.seconds()),
        // Whoever joins, leaves and joins again in one second does so three times.
        unique_id: ChangeId::from_u128(tx.ulid()?).to_string(),
        value: None,
        value_currency: None,
        properties: properties.to_string(),
        backfill: when.is_history,
        pointer: String::new(),
    })
}
