//! What a read of people shows, as the query asks for it.

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::api::Call;
use crate::api::error::Problem;
use crate::event;
use crate::profile::{FIELDS, Profile, View};
use crate::store::Read;

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
        Ok(Self { fields, subscriptions, predictions })
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
        let is_dated =
            self.fields.as_ref().is_none_or(|fields| fields.contains(&"last_event_date"));
        let dates = if is_dated {
            let ids: Vec<_> = people.iter().map(|profile| profile.id).collect();
            event::last_event_dates(from, &ids)?
        } else {
            vec![None; people.len()]
        };
        let documents = people.iter().zip(dates).map(|(profile, last_event_date)| {
            let view = View {
                fields: self.fields.as_deref(),
                last_event_date,
                subscriptions: self.subscriptions.then(nobody_asked),
                predictions: self.predictions,
                joined_group_at: None,
            };
            profile.document(base, &view)
        });
        Ok(documents.collect())
    }
}

/// Consent of somebody who was never asked for any.
fn nobody_asked() -> Box<RawValue> {
    let marketing = json!({ "marketing": { "consent": "NEVER_SUBSCRIBED" } });
    let all = json!({ "email": marketing, "sms": marketing, "mobile_push": marketing });
    to_raw_value(&all).expect("texts are JSON")
}
