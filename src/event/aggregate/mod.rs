//! Counts and sums of a metric's events, by intervals of a calendar and by what their properties
//! say.
//!
//! The index has what is counted: the time, the person and the value. Only where events are grouped
//! or filtered by a property is each of them read, which is why there may be fewer of these. It
//! goes through them in the order of time, a stretch in each snapshot, so that none is held for
//! long; what was recorded since it began is left out. So people are counted with the memory of one
//! interval, and merged ones once.

mod buckets;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::{ControlFlow, RangeInclusive};

pub use self::buckets::{Buckets, Interval};
use super::rows::{self, Entry};
use super::tail::{self, ReadError};
use super::{Event, Place};
use crate::id::{EventId, MetricId, ProfileId};
use crate::json::RawObject;
use crate::limits;
use crate::profile;
use crate::store::{Read, Store, StoreError};

/// What is to be counted.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// Events of this metric.
    pub metric: MetricId,
    /// That happened in these seconds.
    pub seconds: RangeInclusive<i64>,
    /// By these intervals, which are those of the seconds.
    pub buckets: Buckets,
    /// And by what these properties are.
    pub by: Vec<String>,
    /// Only where these properties are one of these texts each.
    pub only: Vec<(String, Vec<String>)>,
    /// Whether people are counted too.
    pub counts_people: bool,
}

/// What was counted in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Events.
    pub count: u64,
    /// Their values together.
    pub sum: f64,
    /// People, where they are counted.
    pub people: u64,
}

/// What was counted of events whose properties are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The number of the interval → what was counted; intervals without any are left out.
    pub cells: BTreeMap<usize, Cell>,
}

/// Counts; the groups are found by the texts of their properties, in the order of `by`.
///
/// # Errors
/// Where there are too many events or groups, too many are not indexed yet, or the store can not be
/// read.
pub fn aggregate(
    store: &Store,
    of: &Aggregation,
) -> Result<BTreeMap<Vec<String>, Group>, ReadError> {
    let range = Place::all_of(&of.seconds);
    let from = store.snapshot()?;
    let to = rows::indexed_to(&from)?;
    let wanted =
        |event: &tail::TailEvent| event.metric == of.metric && range.contains(&event.place);
    let mut tail = tail::read(&from, wanted)?;
    tail.sort_unstable_by_key(|event| event.place);
    drop(from);
    let tail = tail.into_iter().map(|event| {
        let entry = Entry { place: event.place, value: event.value };
        (entry, event.profile)
    });
    let (mut tail, mut count) = (tail.collect::<VecDeque<_>>(), Count::new(of));
    let mut next = *range.start();
    loop {
        let from = store.snapshot()?;
        let (mut read, mut last) = (Vec::new(), None);
        rows::people(&from, of.metric, next..=*range.end(), |entry, profile| {
            last = Some(entry.place);
            read.push((entry, profile));
            let has_room = read.len() < limits::AGGREGATE_STRETCH_EVENTS;
            if has_room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let is_last = read.len() < limits::AGGREGATE_STRETCH_EVENTS;
        // What came into the index meanwhile was in the tail, or is too new.
        for (entry, profile) in read.into_iter().filter(|(entry, _)| entry.place.id() <= to) {
            count.take_before(&from, entry.place, &mut tail)?;
            count.take(&from, entry, profile)?;
        }
        let Some(last) = last.filter(|_| !is_last) else {
            let end = range.end().next();
            count.take_before(&from, end, &mut tail)?;
            return Ok(count.finish());
        };
        next = last.next();
    }
}

/// A count that is under way.
struct Count<'a> {
    of: &'a Aggregation,
    groups: BTreeMap<Vec<String>, Group>,
    left: usize,
    /// The interval that is being counted, and the people in it by group.
    bucket: usize,
    people: HashMap<Vec<String>, HashSet<ProfileId>>,
    /// Present ids that were looked up.
    present: HashMap<ProfileId, ProfileId>,
}

impl<'a> Count<'a> {
    fn new(of: &'a Aggregation) -> Self {
        let (groups, people, present) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let left = if of.by.is_empty() && of.only.is_empty() {
            limits::AGGREGATE_EVENTS_MAX
        } else {
            limits::AGGREGATE_EVENTS_READ_MAX
        };
        Self { of, groups, left, bucket: 0, people, present }
    }

    /// Takes what of the tail comes before a place.
    fn take_before(
        &mut self,
        from: &impl Read,
        place: Place,
        tail: &mut VecDeque<(Entry, ProfileId)>,
    ) -> Result<(), ReadError> {
        while let Some((entry, profile)) = tail.pop_front_if(|(entry, _)| entry.place < place) {
            self.take(from, entry, profile)?;
        }
        Ok(())
    }

    /// Counts an event; none is before the one that was counted last.
    fn take(
        &mut self,
        from: &impl Read,
        entry: Entry,
        profile: ProfileId,
    ) -> Result<(), ReadError> {
        self.left = self.left.checked_sub(1).ok_or(ReadError::TooMany)?;
        let Some(group) = self.group(from, entry.place.id())? else { return Ok(()) };
        let bucket = self.of.buckets.find(entry.place.second());
        if bucket != self.bucket {
            self.close();
            self.bucket = bucket;
        }
        if self.of.counts_people {
            let person = self.person(from, profile)?;
            self.people.entry(group.clone()).or_default().insert(person);
        }
        if !self.groups.contains_key(&group) && self.groups.len() == limits::AGGREGATE_GROUPS_MAX {
            return Err(ReadError::TooMany);
        }
        let cell = self.groups.entry(group).or_default().cells.entry(bucket).or_default();
        cell.count += 1;
        cell.sum += entry.value.unwrap_or(0.0);
        Ok(())
    }

    /// What the properties of an event are; `None` where it is not wanted or gone meanwhile.
    fn group(&self, from: &impl Read, id: EventId) -> Result<Option<Vec<String>>, StoreError> {
        if self.of.by.is_empty() && self.of.only.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let Some(event) = rows::stored(from, id)? else { return Ok(None) };
        let shown = Shown::of(&event);
        let is_wanted = self.of.only.iter().all(|(name, texts)| texts.contains(&shown.text(name)));
        let group = || self.of.by.iter().map(|name| shown.text(name)).collect();
        Ok(is_wanted.then(group))
    }

    fn person(&mut self, from: &impl Read, id: ProfileId) -> Result<ProfileId, StoreError> {
        if let Some(present) = self.present.get(&id) {
            return Ok(*present);
        }
        if self.present.len() == limits::AGGREGATE_PEOPLE_KEPT {
            self.present.clear();
        }
        let present = profile::current(from, id)?;
        self.present.insert(id, present);
        Ok(present)
    }

    /// Writes down how many people there were in the interval.
    fn close(&mut self) {
        for (group, people) in self.people.drain() {
            let cell = self.groups.entry(group).or_default().cells.entry(self.bucket).or_default();
            cell.people = people.len() as u64;
        }
    }

    fn finish(mut self) -> BTreeMap<Vec<String>, Group> {
        self.close();
        self.groups
    }
}

/// What an event has to be grouped by.
struct Shown<'e> {
    event: &'e Event,
    properties: RawObject,
}

impl<'e> Shown<'e> {
    fn of(event: &'e Event) -> Self {
        Self { event, properties: serde_json::from_str(&event.properties).unwrap_or_default() }
    }

    /// A property as text: a string as it is, anything else as JSON, nothing and `null` as the
    /// empty text; only as much of it as is worth telling apart.
    fn text(&self, name: &str) -> String {
        let text = match self.properties.get(name).map(|value| value.get()) {
            Some("null") => String::new(),
            Some(json) => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
            None => self.besides(name).unwrap_or_default().to_owned(),
        };
        match text.char_indices().nth(limits::AGGREGATE_TEXT_CHARS_MAX) {
            Some((at, _)) => text.split_at(at).0.to_owned(),
            None => text,
        }
    }

    /// What the contract adds to the properties.
    fn besides(&self, name: &str) -> Option<&str> {
        match name {
            "$event_id" => Some(&self.event.unique_id),
            "$value" => self.event.value.as_deref(),
            "$value_currency" => self.event.value_currency.as_deref(),
            _ => None,
        }
    }
}
