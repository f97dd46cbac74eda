//! Carrying out what was said of a person, in a command.

use super::groups;
use super::tell::{self, When};
use crate::clock::Timestamp;
use crate::consent::{self, Channel, Consents, Fact, How, Status};
use crate::event::NewEvent;
use crate::id::ProfileId;
use crate::ingest::{Ingest, IngestError};
use crate::json::Fault;
use crate::limits;
use crate::list::List;
use crate::profile::{self, Profile, ProfilePatch, ResolveError};
use crate::store::{StoreError, Tx};

/// What all people of a request share.
#[derive(Clone, Debug)]
pub struct Context {
    /// What they are to be.
    pub status: Status,
    /// The list that they join or leave besides.
    pub list: Option<List>,
    /// By what means they said so.
    pub means: Means,
}

/// By what means something was said.
#[derive(Clone, Debug)]
pub struct Means {
    /// `API`, `CLIENT_API`.
    pub method: &'static str,
    /// What the client calls the place.
    pub custom_source: Option<String>,
}

impl Means {
    /// By a request of somebody with a key.
    pub const API: Self = Self { method: "API", custom_source: None };
}

/// Whether something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Finds or makes a person and brings them up to date, as an event does.
///
/// # Errors
/// A fault, relative to the person, where they have an id that nobody has or would be too large;
/// then nothing was changed. Else the store's.
pub fn resolve(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    person: &ProfilePatch,
) -> Result<ProfileId, IngestError> {
    let done = profile::resolve(tx, person).map_err(|error| match error {
        ResolveError::Unknown(id) => {
            IngestError::Fault(Fault::new("/id", format!("no profile {id}")))
        }
        ResolveError::TooLarge(_) => {
            let most = limits::PROFILE_BYTES_MAX;
            let detail = format!("with these, the profile would hold more than {most} bytes");
            IngestError::Fault(Fault::new("/attributes/properties", detail))
        }
        ResolveError::Store(error) => IngestError::Store(error),
    })?;
    ingest.tell(tx, &done)?;
    Ok(done.id)
}

/// Carries out what a person said: consents, list, events.
///
/// # Errors
/// Where an event can not be recorded, or the store fails.
pub fn apply(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    id: ProfileId,
    channels: &[(Channel, Option<Timestamp>)],
    context: &Context,
) -> Result<Outcome, IngestError> {
    let before = consent::get(tx, id)?;
    let mut after = before.clone();
    let mut told: Vec<(Fact, When)> = Vec::new();
    for (channel, consented) in channels {
        let when =
            When { at: consented.unwrap_or_else(|| tx.now()), is_history: consented.is_some() };
        let how = How {
            at: when.at,
            now: tx.now(),
            method: context.means.method,
            custom_source: context.means.custom_source.clone(),
        };
        let facts = match context.status {
            Status::Subscribed => after.subscribe(*channel, &how),
            Status::Unsubscribed => after.unsubscribe(*channel, &how),
        };
        told.extend(facts.into_iter().map(|fact| (fact, when)));
    }
    let mut events = of_list(tx, ingest, (id, &mut after), channels, context)?;
    let has_changed = consent::put(tx, id, &before, &after)? || !events.is_empty();
    if let Some(profile) = profile::get(tx, id)?.filter(|_| !told.is_empty()) {
        events.extend(of_facts(tx, &profile, &told, &context.means)?);
    }
    ingest.record_in(tx, events)?;
    Ok(if has_changed { Outcome::Changed } else { Outcome::Unchanged })
}

/// Puts the person on the request's list, or takes them off it.
fn of_list(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    (profile, consents): (ProfileId, &mut Consents),
    channels: &[(Channel, Option<Timestamp>)],
    context: &Context,
) -> Result<Vec<NewEvent>, StoreError> {
    let Some(list) = &context.list else { return Ok(Vec::new()) };
    let is_by_mail = channels.iter().any(|(channel, _)| *channel == Channel::EmailMarketing);
    let event = match context.status {
        Status::Subscribed => {
            if is_by_mail {
                consents.join_list(list.id);
            }
            let consented = channels.iter().find_map(|(_, consented)| *consented);
            let at = consented.unwrap_or_else(|| tx.now());
            let when = When { at, is_history: consented.is_some() };
            groups::join(tx, ingest, list, profile, when)?
        }
        Status::Unsubscribed => {
            if is_by_mail {
                consents.leave_list(list.id, tx.now());
            }
            groups::leave(tx, list, profile)?
        }
    };
    Ok(event.into_iter().collect())
}

fn of_facts(
    tx: &mut Tx<'_, '_>,
    profile: &Profile,
    told: &[(Fact, When)],
    means: &Means,
) -> Result<Vec<NewEvent>, StoreError> {
    let mut events = Vec::new();
    for (fact, when) in told {
        events.extend(tell::of_fact(tx, *fact, profile, means, *when)?);
    }
    Ok(events)
}

/// Holds back mail to a person.
///
/// # Errors
/// Where the store fails.
pub fn suppress(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    profile: ProfileId,
) -> Result<Outcome, IngestError> {
    let now = tx.now();
    change(tx, ingest, profile, |consents| consents.suppress(now))
}

/// Lifts what [`suppress`] said.
///
/// # Errors
/// Where the store fails.
pub fn unsuppress(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    profile: ProfileId,
) -> Result<Outcome, IngestError> {
    change(tx, ingest, profile, Consents::unsuppress)
}

fn change(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    id: ProfileId,
    decide: impl FnOnce(&mut Consents) -> Vec<Fact>,
) -> Result<Outcome, IngestError> {
    let before = consent::get(tx, id)?;
    let mut after = before.clone();
    let facts = decide(&mut after);
    if !consent::put(tx, id, &before, &after)? {
        return Ok(Outcome::Unchanged);
    }
    let when = When::now(tx);
    let told: Vec<_> = facts.into_iter().map(|fact| (fact, when)).collect();
    if let Some(profile) = profile::get(tx, id)? {
        let events = of_facts(tx, &profile, &told, &Means::API)?;
        ingest.record_in(tx, events)?;
    }
    Ok(Outcome::Changed)
}
