//! The members of lists: who joins and who leaves, with what is told of it.

use serde::Deserialize;

use super::tell::{self, When};
use crate::event::NewEvent;
use crate::id::ProfileId;
use crate::ingest::{Ingest, IngestError};
use crate::json::{self, Fault};
use crate::limits;
use crate::list::List;
use crate::membership;
use crate::profile::{self, Aspect, Change};
use crate::store::{StoreError, Tx};

/// The people of a request, in its order; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(Vec<ProfileId>);

/// Why people were not put on a list or taken off it; then none was.
#[derive(Debug)]
pub enum MemberError {
    /// There is no such person; where they stand in the request, and who.
    Unknown(usize, ProfileId),
    /// The events could not be recorded.
    Ingest(IngestError),
}

impl From<StoreError> for MemberError {
    fn from(error: StoreError) -> Self {
        Self::Ingest(IngestError::Store(error))
    }
}

#[derive(Deserialize)]
struct Document {
    data: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

impl Members {
    /// Reads the body of the calls on `relationships/profiles` of a list.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        let (count, most) = (data.len(), limits::LIST_MEMBERS_AT_ONCE_MAX);
        if count == 0 || count > most {
            return Err(Fault::new("/data", format!("holds {count} profiles; 1 to {most} may be")));
        }
        let mut members = Vec::with_capacity(count);
        for (place, reference) in data.into_iter().enumerate() {
            if reference.kind != "profile" {
                return Err(Fault::new(format!("/data/{place}/type"), "must be `profile`"));
            }
            let id = reference.id.parse();
            let wrong = |why| Fault::new(format!("/data/{place}/id"), format!("{why}"));
            members.push(id.map_err(wrong)?);
        }
        Ok(Self(members))
    }

    /// The ids under which these people are known now.
    fn current(&self, tx: &Tx<'_, '_>) -> Result<Vec<ProfileId>, MemberError> {
        let mut ids = Vec::with_capacity(self.0.len());
        for (place, id) in self.0.iter().enumerate() {
            let now = profile::current(tx, *id)?;
            profile::get(tx, now)?.ok_or(MemberError::Unknown(place, *id))?;
            ids.push(now);
        }
        Ok(ids)
    }
}

/// Puts people on a list. Who is on it already stays as they are.
///
/// # Errors
/// Where one of them is not known, or the store fails.
pub fn add(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    list: &List,
    members: &Members,
) -> Result<(), MemberError> {
    let mut events = Vec::new();
    for profile in members.current(tx)? {
        let when = When::now(tx);
        events.extend(join(tx, ingest, list, profile, when)?);
    }
    ingest.record_in(tx, events).map_err(MemberError::Ingest)?;
    Ok(())
}

/// Takes people off a list. Their consents stay as they are.
///
/// # Errors
/// Where one of them is not known, or the store fails.
pub fn remove(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    list: &List,
    members: &Members,
) -> Result<(), MemberError> {
    let mut events = Vec::new();
    for profile in members.current(tx)? {
        events.extend(leave(tx, list, profile)?);
    }
    ingest.record_in(tx, events).map_err(MemberError::Ingest)?;
    Ok(())
}

/// Puts a person on a list; returns the event that tells it, to be recorded in the same command,
/// where they were not on it. They joined now; what is told is said of `when`, and of the past
/// nothing follows in flows.
///
/// # Errors
/// Where the store fails.
pub fn join(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    list: &List,
    profile: ProfileId,
    when: When,
) -> Result<Option<NewEvent>, StoreError> {
    let now = tx.now();
    if !membership::join(tx, list.id, profile, now)? {
        return Ok(None);
    }
    profile::note(tx, Change { profile, aspect: Aspect::Group(list.id), quiet: false })?;
    if !when.is_history {
        ingest.joined(tx, list.id, profile)?;
    }
    tell::of_list(tx, tell::JOINED, list, profile, when).map(Some)
}

/// Takes a person off a list; returns the event that tells it, to be recorded in the same command,
/// where they were on it.
///
/// # Errors
/// Where the store fails.
pub fn leave(
    tx: &mut Tx<'_, '_>,
    list: &List,
    profile: ProfileId,
) -> Result<Option<NewEvent>, StoreError> {
    if !membership::leave(tx, list.id, profile)? {
        return Ok(None);
    }
    profile::note(tx, Change { profile, aspect: Aspect::Group(list.id), quiet: false })?;
    let when = When::now(tx);
    tell::of_list(tx, tell::LEFT, list, profile, when).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_profiles_with_ids() {
        let entry = r#"{"type":"profile","id":"01GDDKASAP8TKDDA2GRZDSVP4H"}"#;
        let many = vec![entry; limits::LIST_MEMBERS_AT_ONCE_MAX + 1].join(",");
        let segment = entry.replace("profile", "segment");
        for (data, pointer) in [
            (String::new(), "/data"),
            (many, "/data"),
            (format!("{entry},{segment}"), "/data/1/type"),
            (r#"{"type":"profile","id":"x"}"#.to_owned(), "/data/0/id"),
            (r#"{"type":"profile"}"#.to_owned(), "/data/0/id"),
        ] {
            let body = format!(r#"{{"data":[{data}]}}"#);
            assert_eq!(Members::parse(body.as_bytes()).unwrap_err().pointer, pointer);
        }
        let good = format!(r#"{{"data":[{entry},{entry}]}}"#);
        assert_eq!(Members::parse(good.as_bytes()).unwrap().0.len(), 2);
    }
}
