//! What a read of people shows, as the query asks for it.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::api::Call;
use crate::api::error::Problem;
use crate::clock::Timestamp;
use crate::consent;
use crate::event;
use crate::profile::{FIELDS, Profile, View};
use crate::store::{Read, StoreError};

/// What is shown where it is asked for.
const ADDITIONAL: [&str; 2] = [SUBSCRIPTIONS, PREDICTIONS];
const SUBSCRIPTIONS: &str = "subscriptions";
const PREDICTIONS: &str = "predictive_analytics";

/// What a query asks to see of people.
#[derive(Clone, Debug)]
pub(in crate::api) struct Asked {
    fields: Option<Vec<&'static str>>,
    subscriptions: bool,
    predictions: bool,
    /// What is included beside the person, by the relationship that leads to it.
    included: Map<String, Value>,
}

impl Asked {
    /// Reads `fields[profile]` and `additional-fields[profile]`. What is additional is shown where
    /// either names it.
    ///
    /// # Errors
    /// Where one of them names what is not known.
    pub(in crate::api) fn of(call: &Call) -> Result<Self, Problem> {
        let given = call.query.fields("profile", &FIELDS)?;
        let known = |given: Vec<&str>| {
            FIELDS.into_iter().filter(|field| given.contains(field)).collect::<Vec<_>>()
        };
        let fields = given.map(known);
        let more = call.query.additional_fields("profile", &ADDITIONAL)?;
        let asks = |name: &str| {
            let is_part = |field: &&str| {
                field
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            more.contains(&name) || fields.as_deref().unwrap_or_default().iter().any(is_part)
        };
        let (subscriptions, predictions) = (asks(SUBSCRIPTIONS), asks(PREDICTIONS));
        Ok(Self { fields, subscriptions, predictions, included: Map::new() })
    }

    /// The same of one person, beside whom this is included: types and ids, by the relationship
    /// that leads to them.
    pub(super) fn with(self, included: Map<String, Value>) -> Self {
        Self { included, ..self }
    }

    /// The resource object of a person.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(in crate::api) fn document(
        &self,
        from: &impl Read,
        base: &str,
        profile: &Profile,
    ) -> Result<Vec<u8>, Problem> {
        let mut documents = self.documents(from, base, &[profile])?;
        Ok(documents.pop().unwrap_or_default())
    }

    /// The resource objects of people, in their order.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(in crate::api) fn documents(
        &self,
        from: &impl Read,
        base: &str,
        people: &[&Profile],
    ) -> Result<Vec<Vec<u8>>, Problem> {
        let members: Vec<_> = people.iter().map(|profile| (*profile, None)).collect();
        self.members(from, base, &members)
    }

    /// The resource objects of the members of a group, each with the time of their joining.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(in crate::api) fn members(
        &self,
        from: &impl Read,
        base: &str,
        people: &[(&Profile, Option<Timestamp>)],
    ) -> Result<Vec<Vec<u8>>, Problem> {
        let is_dated =
            self.fields.as_ref().is_none_or(|fields| fields.contains(&"last_event_date"));
        let dates = if is_dated {
            let ids: Vec<_> = people.iter().map(|(profile, _)| profile.id).collect();
            event::last_event_dates(from, &ids)?
        } else {
            vec![None; people.len()]
        };
        let mut documents = Vec::with_capacity(people.len());
        for ((profile, joined_group_at), last_event_date) in people.iter().zip(dates) {
            let view = View {
                fields: self.fields.as_deref(),
                last_event_date,
                subscriptions: self.subscriptions_of(from, profile)?,
                predictions: self.predictions,
                joined_group_at: *joined_group_at,
                included: self.included.clone(),
            };
            documents.push(profile.document(base, &view));
        }
        Ok(documents)
    }

    /// The person's consents, where they are asked for.
    fn subscriptions_of(
        &self,
        from: &impl Read,
        profile: &Profile,
    ) -> Result<Option<Box<RawValue>>, StoreError> {
        if !self.subscriptions {
            return Ok(None);
        }
        let consents = consent::get(from, profile.id)?;
        let shown = consent::document(&consents, consent::Reach::of(profile));
        Ok(Some(to_raw_value(&shown).expect("it is JSON")))
    }
}
