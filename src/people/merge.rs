//! Merging people (contract: wire.md §4.5): what is asked, and how it is done.
//!
//! In one command the destination takes what it lacks, everything that hangs on the sources comes
//! to it, the sources are gone, and the event "Merged Profile" tells of it. It is quiet: nobody
//! "enters" a segment because two people turned out to be one.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;
use serde_json::json;

use super::{People, PeopleError};
use crate::clock::Timestamp;
use crate::consent;
use crate::event::NewEvent;
use crate::flow::run;
use crate::id::ProfileId;
use crate::json::{self, Fault};
use crate::limits;
use crate::list;
use crate::membership;
use crate::metric::{FIRST_PARTY_SERVICE, MetricName};
use crate::profile::{self, Done, Effect, ProfilePatch};
use crate::segment;
use crate::store::{StoreError, Tx};

/// Where the sources stand in the body of the call.
pub const SOURCES_AT: &str = "/data/relationships/profiles/data";

const METRIC: &str = "Merged Profile";

/// People to be merged; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Who stays.
    pub into: ProfileId,
    /// Who becomes that person: others, each once, at least one.
    pub sources: Vec<ProfileId>,
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
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    relationships: Relationships<'a>,
}

#[derive(Deserialize)]
struct Relationships<'a> {
    #[serde(borrow)]
    profiles: Sources<'a>,
}

#[derive(Deserialize)]
struct Sources<'a> {
    #[serde(borrow)]
    data: Vec<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

impl Merge {
    /// Reads the body of `POST /api/profile-merge`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let Document { data } = json::parse(body)?;
        if data.kind != "profile-merge" {
            return Err(Fault::new("/data/type", "must be `profile-merge`"));
        }
        let into = id(&data.id, "/data/id")?;
        let given = data.relationships.profiles.data;
        let most = limits::MERGE_SOURCES_MAX;
        if given.is_empty() || given.len() > most {
            let why = format!("holds {} profiles; 1 to {most} may be", given.len());
            return Err(Fault::new(SOURCES_AT, why));
        }
        let (mut seen, mut sources) = (HashSet::new(), Vec::with_capacity(given.len()));
        for (place, source) in given.iter().enumerate() {
            let at = format!("{SOURCES_AT}/{place}");
            if source.kind != "profile" {
                return Err(Fault::new(format!("{at}/type"), "must be `profile`"));
            }
            let at = format!("{at}/id");
            let source = id(&source.id, &at)?;
            if source == into {
                let why = "is the profile that the others are merged into";
                return Err(Fault::new(at, why));
            }
            if !seen.insert(source) {
                return Err(Fault::new(at, "stands twice"));
            }
            sources.push(source);
        }
        Ok(Self { into, sources })
    }
}

fn id(text: &str, at: &str) -> Result<ProfileId, Fault> {
    text.parse().map_err(|why| Fault::new(at, format!("{why}")))
}

impl People {
    /// Merges people in a command that may do more.
    ///
    /// # Errors
    /// Where it is refused; then the command must fail.
    pub fn merge_in(&self, tx: &mut Tx<'_, '_>, merge: &Merge) -> Result<(), PeopleError> {
        tx.needs_room()?;
        let absorbed = profile::absorb(tx, merge.into, &merge.sources)?;
        for source in &merge.sources {
            carry_over(tx, *source, merge.into)?;
        }
        if !absorbed.changed.is_empty() {
            let effect = Effect::Updated(absorbed.changed);
            self.ingest.tell(tx, &Done { id: merge.into, effect })?;
        }
        let told = event(tx, merge)?;
        self.ingest.record_in(tx, vec![told])?;
        Ok(())
    }
}

/// Gives the destination what hangs on a source besides its profile: the ids by which it was known,
/// and so its history, its consents, and its lists since when it was on them.
fn carry_over(tx: &mut Tx<'_, '_>, source: ProfileId, into: ProfileId) -> Result<(), StoreError> {
    list::carry_over(tx, source, into)?;
    for segment in segment::ids(tx)? {
        membership::leave(tx, segment, source)?;
        segment::set_watch(tx, segment, source, None)?;
    }
    consent::carry_over(tx, source, into)?;
    run::carry_over(tx, source, into)?;
    profile::redirect(tx, source, into)
}

fn event(tx: &mut Tx<'_, '_>, merge: &Merge) -> Result<NewEvent, StoreError> {
    let sources: Vec<String> = merge.sources.iter().map(ToString::to_string).collect();
    let metric = MetricName::parse(METRIC, Some(FIRST_PARTY_SERVICE));
    Ok(NewEvent {
        metric: metric.expect("it is one of the catalogue's"),
        profile: ProfilePatch::of(merge.into),
        time: Timestamp::from_seconds(tx.now().seconds()),
        unique_id: format!("{:032x}", tx.ulid()?),
        value: None,
        value_currency: None,
        properties: json!({ "merged_profile_ids": sources }).to_string(),
        backfill: false,
        pointer: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0000000000000000000000000A";
    const B: &str = "0000000000000000000000000B";

    fn parse(into: &str, sources: &[&str]) -> Result<Merge, Fault> {
        let sources: Vec<_> =
            sources.iter().map(|id| json!({ "type": "profile", "id": id })).collect();
        let body = json!({ "data": {
            "type": "profile-merge", "id": into,
            "relationships": { "profiles": { "data": sources } },
        } });
        Merge::parse(body.to_string().as_bytes())
    }

    #[test]
    fn each_fault_points_at_its_field() {
        let many: Vec<_> = (0..=limits::MERGE_SOURCES_MAX).map(|_| B).collect();
        for (into, sources, pointer) in [
            ("x", &[B][..], "/data/id".to_owned()),
            (A, &[], SOURCES_AT.to_owned()),
            (A, &many, SOURCES_AT.to_owned()),
            (A, &["x"], format!("{SOURCES_AT}/0/id")),
            (A, &[B, A], format!("{SOURCES_AT}/1/id")),
            (A, &[B, B], format!("{SOURCES_AT}/1/id")),
        ] {
            assert_eq!(parse(into, sources).unwrap_err().pointer, pointer, "{sources:?}");
        }
        let fine = Merge { into: A.parse().unwrap(), sources: vec![B.parse().unwrap()] };
        assert_eq!(parse(A, &[B]), Ok(fine));
    }
}
