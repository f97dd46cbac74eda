//! A person who is being changed within a command: what they were, what they are now, and the names
//! of what differs. Everything that writes a profile ends in [`Draft::finish`].

use std::collections::BTreeSet;

use super::rows::{self, Before, Write};
use super::{Alias, Aspect, Identifier, Names, Profile};
use crate::id::ProfileId;
use crate::limits;
use crate::store::{Read, StoreError, Tx};

/// The name that every change has besides its own.
const UPDATED: &str = "updated";
const CREATED: &str = "created";

/// Names of attributes that changed, spelt as conditions spell them: `email`, `location.city`,
/// `properties.plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed(BTreeSet<String>);

impl Changed {
    pub(super) fn add(&mut self, name: impl Into<String>) {
        self.0.insert(name.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn mask(&self) -> Names {
        let mut names = Names::default();
        self.0.iter().for_each(|name| names.add(name));
        names
    }
}

/// What a command did to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: they were like this before.
    Unchanged,
    /// They are new, and have identifiers of these kinds, in order of their names.
    Created(Vec<&'static str>),
    /// Attributes of these names changed, in order.
    Updated(Vec<String>),
}

/// A person after a command, and what it did.
#[derive(Clone, Debug)]
pub struct Done {
    /// Whom it was about.
    pub id: ProfileId,
    /// What it did to them.
    pub effect: Effect,
}

/// Why a draft can not be written.
#[derive(Debug)]
pub(super) enum DraftError {
    TooLarge(ProfileId),
    TooManyIdentifiers(ProfileId),
    Store(StoreError),
}

impl From<StoreError> for DraftError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) struct Draft {
    pub(super) profile: Profile,
    pub(super) aliases: Vec<Alias>,
    pub(super) changed: Changed,
    before: Before,
}

impl Draft {
    /// Somebody new.
    pub(super) fn fresh(tx: &mut Tx<'_, '_>) -> Result<Self, StoreError> {
        let profile = Profile::new(ProfileId::from_u128(tx.ulid()?), tx.now());
        Ok(Self {
            profile,
            aliases: Vec::new(),
            changed: Changed(BTreeSet::from([CREATED.to_owned()])),
            before: Before::default(),
        })
    }

    /// Somebody known whose further identifiers are not looked at.
    pub(super) fn of(profile: Profile) -> Self {
        let before = Before {
            identifiers: profile.identifiers.clone(),
            aliases: Vec::new(),
            updated: Some(profile.updated),
        };
        Self { profile, aliases: Vec::new(), changed: Changed::default(), before }
    }

    /// Somebody known, with all their identifiers.
    pub(super) fn whole(from: &impl Read, profile: Profile) -> Result<Self, StoreError> {
        let aliases = rows::aliases(from, profile.id)?;
        let mut draft = Self::of(profile);
        draft.before.aliases.clone_from(&aliases);
        draft.aliases = aliases;
        Ok(draft)
    }

    /// Whether the person has this identifier, shown or not.
    pub(super) fn has(&self, kind: Identifier, text: &str) -> bool {
        self.shows(kind, text) || self.aliases.iter().any(|alias| alias.is(kind, text))
    }

    fn shows(&self, kind: Identifier, text: &str) -> bool {
        self.profile.identifier(kind).is_some_and(|shown| kind.is_same(shown, text))
    }

    /// Makes this the identifier that is shown; the one before is given up.
    pub(super) fn show(&mut self, kind: Identifier, text: &str) {
        if self.profile.identifier(kind) != Some(text) {
            self.aliases.retain(|alias| !alias.is(kind, text));
            self.profile.identifiers[kind as usize] = Some(text.to_owned());
            self.changed.add(kind.name());
        }
    }

    /// Gives up all identifiers of a kind.
    pub(super) fn clear(&mut self, kind: Identifier) {
        let aliases = self.aliases.len();
        self.aliases.retain(|alias| alias.kind != kind);
        let shown = self.profile.identifiers[kind as usize].take();
        if shown.is_some() || self.aliases.len() < aliases {
            self.changed.add(kind.name());
        }
    }

    /// Adds an identifier: shown where there is none of its kind yet.
    pub(super) fn append(&mut self, kind: Identifier, text: &str) {
        if self.has(kind, text) {
            return;
        }
        match &mut self.profile.identifiers[kind as usize] {
            Some(_) => self.aliases.push(Alias { kind, text: text.to_owned() }),
            none => *none = Some(text.to_owned()),
        }
        self.changed.add(kind.name());
    }

    /// Gives up one identifier; where it was the one that is shown, the oldest other of its kind
    /// takes its place.
    pub(super) fn unappend(&mut self, kind: Identifier, text: &str) {
        if !self.has(kind, text) {
            return;
        }
        self.aliases.retain(|alias| !alias.is(kind, text));
        if self.shows(kind, text) {
            let next = self.aliases.iter().position(|alias| alias.kind == kind);
            self.profile.identifiers[kind as usize] =
                next.map(|place| self.aliases.remove(place).text);
        }
        self.changed.add(kind.name());
    }

    /// Writes the person, if anything changed.
    pub(super) fn finish(self, tx: &mut Tx<'_, '_>) -> Result<Done, DraftError> {
        if self.changed.is_empty() {
            return Ok(Done { id: self.profile.id, effect: Effect::Unchanged });
        }
        let mut noted = self.changed.clone();
        noted.add(UPDATED);
        let (is_new, changed) = (self.before.updated.is_none(), self.changed.clone());
        // Nobody has asked anything about somebody new: also what they have not can be an answer.
        let aspect = if is_new { Aspect::Everything } else { Aspect::Attributes(noted.mask()) };
        let profile = self.write(tx, aspect, false)?;
        let effect = if is_new {
            let mut kinds: Vec<_> = Identifier::ALL
                .into_iter()
                .filter(|kind| profile.identifier(*kind).is_some())
                .map(Identifier::name)
                .collect();
            kinds.sort_unstable();
            Effect::Created(kinds)
        } else {
            Effect::Updated(changed.0.into_iter().collect())
        };
        Ok(Done { id: profile.id, effect })
    }

    /// Writes a person who was merged with others, whether or not it shows.
    pub(super) fn finish_merged(
        self,
        tx: &mut Tx<'_, '_>,
    ) -> Result<(ProfileId, Vec<String>), DraftError> {
        let changed = self.changed.0.iter().cloned().collect();
        let profile = self.write(tx, Aspect::Everything, true)?;
        Ok((profile.id, changed))
    }

    fn write(
        mut self,
        tx: &mut Tx<'_, '_>,
        aspect: Aspect,
        quiet: bool,
    ) -> Result<Profile, DraftError> {
        let bytes = self.profile.properties.to_text().len() + self.profile.location.to_text().len();
        if bytes > limits::PROFILE_BYTES_MAX {
            return Err(DraftError::TooLarge(self.profile.id));
        }
        if self.aliases.len() > limits::PROFILE_ALIASES_MAX {
            return Err(DraftError::TooManyIdentifiers(self.profile.id));
        }
        self.profile.updated = tx.now();
        let write = Write { profile: &self.profile, aliases: &self.aliases, aspect, quiet };
        rows::put(tx, &write, &self.before)?;
        Ok(self.profile)
    }
}
