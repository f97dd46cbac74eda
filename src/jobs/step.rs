//! One step of a job: the command that does the next of its people, counts them and moves the
//! cursor past them, all in one commit.

use super::PROFILES_AT;
use super::request::{address, ask};
use crate::consent::Status as Consented;
use crate::id::{JobId, ProfileId};
use crate::ingest::{Ingest, IngestError};
use crate::job::{self, Job, Kind, Status};
use crate::json::Fault;
use crate::limits;
use crate::list::{self, List};
use crate::membership;
use crate::people::{People, PeopleError};
use crate::profile::{self, ChangeError, Identifier, ProfilePatch};
use crate::store::{StoreError, Tx};
use crate::subscriptions::{self, Context, Means, Outcome, Said, When};

/// What a step needs besides its transaction.
struct Step<'s> {
    ingest: &'s Ingest,
    people: &'s People,
    /// The lists that people join or leave, as far as they are still there.
    lists: Vec<List>,
}

/// What a person of a job can not be done for.
enum Trouble {
    /// Something is wrong with them; nothing of them was written.
    Person(Fault),
    /// The job can not go on.
    Job(IngestError),
}

impl From<IngestError> for Trouble {
    fn from(error: IngestError) -> Self {
        Self::Job(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Job(error.into())
    }
}

/// Takes the next step of a job, and ends it after the last one.
///
/// # Errors
/// A fault where the job can not go on; else the store's.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    ingest: &Ingest,
    people: &People,
    id: JobId,
) -> Result<(), IngestError> {
    tx.needs_room()?;
    let Some(mut job) = job::get(tx, id)?.filter(|job| !job.status.is_finished()) else {
        return Ok(());
    };
    job::start(&mut job, tx.now());
    let mut lists = Vec::new();
    for list in &job.task.lists {
        lists.extend(list::get(tx, *list)?);
    }
    let step = Step { ingest, people, lists };
    let taken = match job.task.over {
        Some(over) => {
            let members =
                membership::after(tx, over.group(), job.after, limits::JOB_STEP_ITEMS_MAX)?;
            for member in &members {
                let outcome = step.suppression(tx, job.task.kind, member.profile)?;
                count(&mut job, outcome);
                job.after = Some(member.profile);
            }
            members.len()
        }
        None => step.items(tx, &mut job)?,
    };
    job::step_done(tx, &mut job)?;
    if taken == 0 {
        job::finish(tx, &mut job, Status::Complete)?;
    }
    Ok(())
}

/// Ends a job that can not go on.
pub(super) fn cancel(tx: &mut Tx<'_, '_>, id: JobId, why: Fault) -> Result<(), StoreError> {
    let Some(mut job) = job::get(tx, id)? else { return Ok(()) };
    job::fail_item(tx, &mut job, why.pointer, why.detail, "null")?;
    job::finish(tx, &mut job, Status::Cancelled)
}

const fn count(job: &mut Job, outcome: Outcome) {
    match outcome {
        Outcome::Changed => job.counts.completed += 1,
        Outcome::Unchanged => job.counts.skipped += 1,
    }
}

impl Step<'_> {
    /// Does the people of the next chunk; returns how many there were.
    fn items(&self, tx: &mut Tx<'_, '_>, job: &mut Job) -> Result<usize, IngestError> {
        let items = job::chunk(tx, job)?;
        for item in &items {
            match self.item(tx, job, item) {
                Ok(outcome) => count(job, outcome),
                Err(Trouble::Job(error)) => return Err(error),
                Err(Trouble::Person(fault)) => {
                    let at = format!("{PROFILES_AT}/{}{}", job.counts.taken(), fault.pointer);
                    job::fail_item(tx, job, at, fault.detail, item)?;
                }
            }
        }
        Ok(items.len())
    }

    fn item(&self, tx: &mut Tx<'_, '_>, job: &Job, item: &str) -> Result<Outcome, Trouble> {
        let task = &job.task;
        match task.kind {
            Kind::Import => self.import(tx, item),
            Kind::Suppress => {
                let (_, person) = address(item).map_err(Trouble::Person)?;
                let profile = self.resolve(tx, &person)?;
                Ok(self.suppression(tx, task.kind, profile)?)
            }
            Kind::Unsuppress => {
                let (email, _) = address(item).map_err(Trouble::Person)?;
                match profile::find(tx, Identifier::Email, &email)? {
                    Some(profile) => Ok(self.suppression(tx, task.kind, profile)?),
                    None => Ok(Outcome::Unchanged),
                }
            }
            Kind::Subscribe | Kind::Unsubscribe => {
                let said = Said::parse(item, ask(task, tx.now())).map_err(Trouble::Person)?;
                let means = Means { custom_source: task.custom_source.clone(), ..Means::API };
                let status = match task.kind {
                    Kind::Unsubscribe => Consented::Unsubscribed,
                    _ => Consented::Subscribed,
                };
                let list = self.lists.first().cloned();
                let context = Context { status, list, means };
                let profile = self.resolve(tx, &said.person)?;
                subscriptions::apply(tx, self.ingest, profile, &said.channels, &context)?;
                // Who said so before is done too: nobody asks for the difference.
                Ok(Outcome::Changed)
            }
        }
    }

    /// Makes or updates a person and puts them on the job's lists.
    fn import(&self, tx: &mut Tx<'_, '_>, item: &str) -> Result<Outcome, Trouble> {
        let document = format!(r#"{{"data":{item}}}"#);
        let patch = ProfilePatch::of_import(document.as_bytes()).map_err(within_item)?;
        let profile = self.people.upsert_in(tx, &patch).map_err(refused)?.id;
        let mut events = Vec::new();
        for list in &self.lists {
            let when = When::now(tx);
            events.extend(subscriptions::join(tx, self.ingest, list, profile, when)?);
        }
        self.ingest.record_in(tx, events)?;
        Ok(Outcome::Changed)
    }

    fn resolve(&self, tx: &mut Tx<'_, '_>, person: &ProfilePatch) -> Result<ProfileId, Trouble> {
        subscriptions::resolve(tx, self.ingest, person).map_err(|error| match error {
            IngestError::Fault(fault) => Trouble::Person(fault),
            IngestError::Store(_) => Trouble::Job(error),
        })
    }

    fn suppression(
        &self,
        tx: &mut Tx<'_, '_>,
        kind: Kind,
        profile: ProfileId,
    ) -> Result<Outcome, IngestError> {
        let has_email = profile::get(tx, profile)?
            .is_some_and(|profile| profile.identifier(Identifier::Email).is_some());
        match kind {
            // There is nothing to hold back from who has no address.
            _ if !has_email => Ok(Outcome::Unchanged),
            Kind::Unsuppress => subscriptions::unsuppress(tx, self.ingest, profile),
            _ => subscriptions::suppress(tx, self.ingest, profile),
        }
    }
}

/// What a person of an import can not be made or changed for.
fn refused(error: PeopleError) -> Trouble {
    let (at, why) = match error {
        PeopleError::Ingest(error) => return error.into(),
        PeopleError::Change(ChangeError::Store(error)) => return error.into(),
        PeopleError::Change(ChangeError::Unknown(id) | ChangeError::Merged(id, _)) => {
            ("/id", format!("no profile {id}"))
        }
        PeopleError::Change(ChangeError::Taken(owner)) => {
            ("/attributes", format!("profile {owner} has one of these identifiers"))
        }
        PeopleError::Change(ChangeError::TooLarge(id)) => {
            let most = limits::PROFILE_BYTES_MAX;
            let why = format!("with these, profile {id} would hold more than {most} bytes");
            ("/attributes/properties", why)
        }
        PeopleError::Change(ChangeError::TooManyIdentifiers(id)) => {
            let most = limits::PROFILE_ALIASES_MAX;
            let why = format!("with these, profile {id} would have more than {most} of them");
            ("/meta/patch_identifiers/append", why)
        }
        PeopleError::Absorb(_) => ("", "people are not merged by an import".to_owned()),
    };
    Trouble::Person(Fault::new(at, why))
}

/// A fault of a document that the item alone is.
fn within_item(fault: Fault) -> Trouble {
    let within = fault.pointer.strip_prefix("/data").unwrap_or(&fault.pointer).to_owned();
    Trouble::Person(Fault::new(within, fault.detail))
}
