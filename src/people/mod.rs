//! What is done to people by the calls about them: made, changed, merged; each in one command with
//! the events that tell of it.
//!
//! What an event says about its person is not here: [`Ingest`] does that, in the event's command.

mod merge;

use crate::id::ProfileId;
use crate::ingest::{Ingest, IngestError};
use crate::profile::{self, AbsorbError, ChangeError, Done, Effect, Profile, ProfilePatch};
use crate::store::{Store, StoreError, Tx};

pub use merge::{Merge, SOURCES_AT};

/// Makes, changes and merges people. Clones share it.
#[derive(Clone)]
pub struct People {
    store: Store,
    ingest: Ingest,
}

/// Why something was not done to people.
#[derive(Debug)]
pub enum PeopleError {
    /// A person can not be made or changed like this.
    Change(ChangeError),
    /// People can not be merged like this.
    Absorb(AbsorbError),
    /// What tells of it can not be recorded.
    Ingest(IngestError),
}

impl From<StoreError> for PeopleError {
    fn from(error: StoreError) -> Self {
        Self::Change(ChangeError::Store(error))
    }
}

impl From<ChangeError> for PeopleError {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<AbsorbError> for PeopleError {
    fn from(error: AbsorbError) -> Self {
        Self::Absorb(error)
    }
}

impl From<IngestError> for PeopleError {
    fn from(error: IngestError) -> Self {
        Self::Ingest(error)
    }
}

impl People {
    /// Over this store, telling through this ingest.
    #[must_use]
    pub const fn new(store: Store, ingest: Ingest) -> Self {
        Self { store, ingest }
    }

    /// Makes a person.
    ///
    /// # Errors
    /// Where it is refused; then nothing is stored.
    pub async fn create(&self, new: ProfilePatch) -> Result<Profile, PeopleError> {
        let people = self.clone();
        let command = move |tx: &mut Tx<'_, '_>| {
            tx.needs_room()?;
            let done = profile::create(tx, &new)?;
            people.told(tx, &done)
        };
        self.store.commit(command).await
    }

    /// Makes a person or changes the one who is named; tells whether they are new.
    ///
    /// # Errors
    /// Where it is refused; then nothing is stored.
    pub async fn upsert(&self, patch: ProfilePatch) -> Result<(Profile, bool), PeopleError> {
        let people = self.clone();
        let command = move |tx: &mut Tx<'_, '_>| {
            let done = people.upsert_in(tx, &patch)?;
            Ok((read(tx, done.id)?, matches!(done.effect, Effect::Created(_))))
        };
        self.store.commit(command).await
    }

    /// The same in a command that does more.
    ///
    /// # Errors
    /// Where it is refused; then the command must fail, or leave this person out before anything
    /// else is done to them.
    pub fn upsert_in(
        &self,
        tx: &mut Tx<'_, '_>,
        patch: &ProfilePatch,
    ) -> Result<Done, PeopleError> {
        tx.needs_room()?;
        let done = profile::upsert(tx, patch)?;
        self.ingest.tell(tx, &done)?;
        Ok(done)
    }

    /// Changes a person.
    ///
    /// # Errors
    /// Where it is refused; then nothing is stored.
    pub async fn update(&self, id: ProfileId, patch: ProfilePatch) -> Result<Profile, PeopleError> {
        let people = self.clone();
        let command = move |tx: &mut Tx<'_, '_>| {
            tx.needs_room()?;
            let done = profile::update(tx, id, &patch)?;
            people.told(tx, &done)
        };
        self.store.commit(command).await
    }

    /// The same in a command that does more; tells what it did.
    ///
    /// # Errors
    /// Where it is refused; then nothing was changed.
    pub fn update_in(
        &self,
        tx: &mut Tx<'_, '_>,
        id: ProfileId,
        patch: &ProfilePatch,
    ) -> Result<Effect, PeopleError> {
        let done = profile::update(tx, id, patch)?;
        self.ingest.tell(tx, &done)?;
        Ok(done.effect)
    }

    /// Merges people into one.
    ///
    /// # Errors
    /// Where it is refused; then nothing is stored.
    pub async fn merge(&self, merge: Merge) -> Result<(), PeopleError> {
        let people = self.clone();
        self.store.commit(move |tx| people.merge_in(tx, &merge)).await
    }

    /// Tells what was done, and returns the person as they are now.
    fn told(&self, tx: &mut Tx<'_, '_>, done: &Done) -> Result<Profile, PeopleError> {
        self.ingest.tell(tx, done)?;
        read(tx, done.id)
    }
}

fn read(tx: &Tx<'_, '_>, id: ProfileId) -> Result<Profile, PeopleError> {
    Ok(profile::get(tx, id)?.ok_or(ChangeError::Unknown(id))?)
}
