//! Several people become one: what the destination takes from the sources.
//!
//! It keeps what it has. What it lacks it takes from the sources, from the one that changed last
//! first: the identifier of a kind, a text, a field of the location, a property. All further
//! identifiers lead to it from then on. The sources' rows are gone.

use super::change::{ChangeError, existing};
use super::draft::Draft;
use super::{Identifier, LOCATION, Profile, TEXTS, merges, rows};
use crate::id::ProfileId;
use crate::json::RawObject;
use crate::limits;
use crate::store::{StoreError, Tx};

/// Why people can not be merged.
#[derive(Debug)]
pub enum AbsorbError {
    /// The destination can not be changed.
    Destination(ChangeError),
    /// The source at this place can not be taken.
    Source(usize, ChangeError),
    /// One person would have more former ids than one may have.
    TooMany,
}

impl From<StoreError> for AbsorbError {
    fn from(error: StoreError) -> Self {
        Self::Destination(error.into())
    }
}

/// A person with whom others were merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// The names of the attributes that they took, in order.
    pub changed: Vec<String>,
}

/// Gives `into` what the `sources`, which are others and each named once, have and it lacks, and
/// removes them. Whatever else hangs on them is the caller's, their former ids too
/// ([`merges::redirect`]).
///
/// # Errors
/// Where one of them is nobody, or there is too much of something, or the store fails.
pub fn absorb(
    tx: &mut Tx<'_, '_>,
    into: ProfileId,
    sources: &[ProfileId],
) -> Result<Absorbed, AbsorbError> {
    let mut draft = Draft::whole(tx, existing(tx, into).map_err(AbsorbError::Destination)?)?;
    let mut former = merges::sources(tx, into)?.len();
    let mut people = Vec::with_capacity(sources.len());
    for (place, id) in sources.iter().enumerate() {
        let person = existing(tx, *id).map_err(|error| AbsorbError::Source(place, error))?;
        former += 1 + merges::sources(tx, *id)?.len();
        people.push(Draft::whole(tx, person)?);
    }
    if former > limits::MERGED_INTO_ONE_MAX {
        return Err(AbsorbError::TooMany);
    }
    people.sort_by_key(|person| std::cmp::Reverse(person.profile.updated));
    for person in &people {
        take(&mut draft, person);
        rows::remove(tx, &person.profile, &person.aliases);
    }
    let written = draft.finish_merged(tx);
    let (_, changed) = written.map_err(|error| AbsorbError::Destination(error.into()))?;
    Ok(Absorbed { changed })
}

fn take(draft: &mut Draft, person: &Draft) {
    for kind in Identifier::ALL {
        if let Some(text) = person.profile.identifier(kind) {
            draft.append(kind, text);
        }
    }
    person.aliases.iter().for_each(|alias| draft.append(alias.kind, &alias.text));
    let Profile { texts, location, properties, .. } = &person.profile;
    for (place, name) in TEXTS.into_iter().enumerate() {
        if draft.profile.texts[place].is_none() && texts[place].is_some() {
            draft.profile.texts[place].clone_from(&texts[place]);
            draft.changed.add(name);
        }
    }
    let missing = |own: &RawObject, key: &str| own.get(key).is_none_or(|raw| raw.get() == "null");
    for (key, value) in location.iter().filter(|(key, _)| LOCATION.contains(key)) {
        if missing(&draft.profile.location, key)
            && draft.profile.location.set(key, value.to_owned())
        {
            draft.changed.add(format!("location.{key}"));
        }
    }
    for (key, value) in properties.iter() {
        if missing(&draft.profile.properties, key)
            && draft.profile.properties.set(key, value.to_owned())
        {
            draft.changed.add(format!("properties.{key}"));
        }
    }
}
