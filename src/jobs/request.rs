//! Requests for jobs, checked (contract: wire.md §4.5).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::PROFILES_AT;
use crate::clock::Timestamp;
use crate::consent::Status;
use crate::id::GroupId;
use crate::job::{self, Job, JobError, Kind, Over, Task};
use crate::json::{self, Fault};
use crate::limits;
use crate::list;
use crate::membership;
use crate::profile::ProfilePatch;
use crate::segment;
use crate::store::{Read, Tx};
use crate::subscriptions::{self, Ask, Said};

/// A job as a client asked for it; checked.
#[derive(Clone, Debug)]
pub struct NewJob {
    task: Task,
    /// People as received.
    items: Vec<String>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    attributes: Attributes<'a>,
    #[serde(default)]
    relationships: Option<Relationships>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes<'a> {
    #[serde(borrow, default)]
    profiles: Option<People<'a>>,
    #[serde(default)]
    custom_source: Option<String>,
    #[serde(default)]
    historical_import: Option<bool>,
}

#[derive(Deserialize)]
struct People<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Relationships {
    #[serde(default)]
    list: Option<One>,
    #[serde(default)]
    segment: Option<One>,
    #[serde(default)]
    lists: Option<Many>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    data: Option<Reference>,
}

#[derive(Deserialize)]
struct Many {
    #[serde(default)]
    data: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

const LIST_AT: &str = "/data/relationships/list/data";
const SEGMENT_AT: &str = "/data/relationships/segment/data";
const LISTS_AT: &str = "/data/relationships/lists/data";

impl Data<'_> {
    /// Reads the body of a request for a job of this kind.
    fn parse(body: &[u8], kind: Kind) -> Result<Data<'_>, Fault> {
        let Document { data } = json::parse(body)?;
        if data.kind != kind.name() {
            return Err(Fault::new("/data/type", format!("must be `{}`", kind.name())));
        }
        Ok(data)
    }

    /// The people, 1 to `most`.
    fn people(&self, most: usize) -> Result<Vec<String>, Fault> {
        let Some(people) = &self.attributes.profiles else {
            return Err(Fault::new("/data/attributes/profiles", "`profiles` is required"));
        };
        let count = people.data.len();
        if count == 0 || count > most {
            let detail = format!("holds {count} profiles; 1 to {most} may be");
            return Err(Fault::new(PROFILES_AT, detail));
        }
        Ok(people.data.iter().map(|raw| raw.get().to_owned()).collect())
    }

    fn list(&self) -> Result<Option<GroupId>, Fault> {
        let list = self.relationships.as_ref().and_then(|all| all.list.as_ref());
        let list = list.and_then(|one| one.data.as_ref());
        list.map(|reference| group(reference, "list", LIST_AT)).transpose()
    }

    fn segment(&self) -> Result<Option<GroupId>, Fault> {
        let segment = self.relationships.as_ref().and_then(|all| all.segment.as_ref());
        let segment = segment.and_then(|one| one.data.as_ref());
        segment.map(|reference| group(reference, "segment", SEGMENT_AT)).transpose()
    }

    fn lists(&self) -> Result<Vec<GroupId>, Fault> {
        let lists = self.relationships.as_ref().and_then(|all| all.lists.as_ref());
        let lists = lists.map(|many| many.data.as_slice()).unwrap_or_default();
        let (count, most) = (lists.len(), limits::IMPORT_LISTS_MAX);
        if count > most {
            return Err(Fault::new(LISTS_AT, format!("holds {count} lists; up to {most} may be")));
        }
        let at = |place| format!("{LISTS_AT}/{place}");
        (0_usize..).zip(lists).map(|(place, one)| group(one, "list", &at(place))).collect()
    }
}

fn group(reference: &Reference, kind: &str, at: &str) -> Result<GroupId, Fault> {
    if reference.kind != kind {
        return Err(Fault::new(format!("{at}/type"), format!("must be `{kind}`")));
    }
    reference.id.parse().map_err(|why| Fault::new(format!("{at}/id"), format!("{why}")))
}

/// Reads the body of `POST /api/profile-bulk-import-jobs`. The people themselves are looked at when
/// their turn comes.
///
/// # Errors
/// The first fault of the request as a whole.
pub fn parse_import(body: &[u8]) -> Result<NewJob, Fault> {
    let data = Data::parse(body, Kind::Import)?;
    let task = Task {
        kind: Kind::Import,
        lists: data.lists()?,
        over: None,
        is_historical: false,
        custom_source: None,
    };
    Ok(NewJob { task, items: data.people(limits::IMPORT_PROFILES_MAX)? })
}

#[derive(Deserialize)]
struct Addressed {
    #[serde(rename = "type")]
    kind: String,
    attributes: Address,
}

#[derive(Deserialize)]
struct Address {
    email: String,
}

/// Reads the body of a request that suppresses people, or lifts that: of e-mail addresses, or of a
/// list, or of a segment.
///
/// # Errors
/// The first fault.
pub fn parse_suppressions(body: &[u8], kind: Kind) -> Result<NewJob, Fault> {
    let data = Data::parse(body, kind)?;
    let over = match (data.list()?, data.segment()?) {
        (Some(_), Some(_)) => {
            let detail = "a request is about a list or a segment, not both";
            return Err(Fault::new("/data/relationships", detail));
        }
        (list, segment) => list.map(Over::List).or_else(|| segment.map(Over::Segment)),
    };
    let items = match (&over, &data.attributes.profiles) {
        (Some(_), Some(people)) if !people.data.is_empty() => {
            let detail = "a request names people, or a list or segment, not both";
            return Err(Fault::new("/data/attributes/profiles", detail));
        }
        (Some(_), _) => Vec::new(),
        (None, _) => addresses(&data.people(limits::SUPPRESS_PROFILES_MAX)?)?,
    };
    let task = Task { kind, lists: Vec::new(), over, is_historical: false, custom_source: None };
    Ok(NewJob { task, items })
}

/// Checks that each of these has an address; they stay as they are.
fn addresses(items: &[String]) -> Result<Vec<String>, Fault> {
    for (place, item) in items.iter().enumerate() {
        address(item).map_err(|fault| fault.under(&format!("{PROFILES_AT}/{place}")))?;
    }
    Ok(items.to_vec())
}

/// The person with the address of an entry.
pub(super) fn address(item: &str) -> Result<(String, ProfilePatch), Fault> {
    let entry: Addressed = json::parse(item.as_bytes())?;
    if entry.kind != "profile" {
        return Err(Fault::new("/type", "must be `profile`"));
    }
    let email = entry.attributes.email;
    Ok((email.clone(), subscriptions::addressed(&email)?))
}

/// Reads the body of a request that subscribes people or ends that.
///
/// # Errors
/// The first fault, of whomever of them.
pub fn parse_subscriptions(body: &[u8], kind: Kind, now: Timestamp) -> Result<NewJob, Fault> {
    let data = Data::parse(body, kind)?;
    let most = match kind {
        Kind::Unsubscribe => limits::UNSUBSCRIBE_PROFILES_MAX,
        _ => limits::SUBSCRIBE_PROFILES_MAX,
    };
    let custom_source = subscriptions::custom_source(data.attributes.custom_source.clone())?;
    let task = Task {
        kind,
        lists: data.list()?.into_iter().collect(),
        over: None,
        is_historical: data.attributes.historical_import.unwrap_or(false),
        custom_source,
    };
    let items = data.people(most)?;
    let ask = ask(&task, now);
    for (place, item) in items.iter().enumerate() {
        let at = || format!("{PROFILES_AT}/{place}");
        Said::parse(item, ask).map_err(|fault| fault.under(&at()))?;
    }
    Ok(NewJob { task, items })
}

/// How the people of a job are to be read.
pub(super) const fn ask(task: &Task, now: Timestamp) -> Ask {
    let status = match task.kind {
        Kind::Unsubscribe => Status::Unsubscribed,
        _ => Status::Subscribed,
    };
    Ask { status, is_historical: task.is_historical, channels_are_optional: false, now }
}

impl NewJob {
    /// Makes the job, which begins when those before it are done.
    ///
    /// # Errors
    /// Where it names a group that there is not, too many jobs wait, or the store fails.
    pub fn create(self, tx: &mut Tx<'_, '_>) -> Result<Job, JobError> {
        let Self { task, items } = self;
        let at = if task.kind == Kind::Import { LISTS_AT } else { LIST_AT };
        for id in &task.lists {
            list::get(tx, *id)?.ok_or(JobError::NoGroup(at, *id))?;
        }
        let total = match task.over {
            None => items.len() as u64,
            Some(over) => members(tx, over)?,
        };
        job::create(tx, task, items, total)
    }
}

/// How many members the group has that a job is about.
fn members(from: &impl Read, over: Over) -> Result<u64, JobError> {
    let (at, is_there) = match over {
        Over::List(id) => (LIST_AT, list::get(from, id)?.is_some()),
        Over::Segment(id) => (SEGMENT_AT, segment::get(from, id)?.is_some()),
    };
    if !is_there {
        return Err(JobError::NoGroup(at, over.group()));
    }
    Ok(membership::count(from, over.group())?)
}
