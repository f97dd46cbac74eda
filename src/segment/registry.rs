//! All segments, in memory: by id, and by what can touch them, because every change of a person
//! asks which segments to look at again.
//!
//! The rows are the truth; the registry learns of a change after its commit. Whatever changes a
//! segment goes through here, so that row and registry can not differ.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, RwLock};

use super::parse::{self, NewSegment, SegmentPatch};
use super::{Backfill, Segment, rows};
use crate::condition::Filter;
use crate::id::{GroupId, MetricId};
use crate::json::Fault;
use crate::limits;
use crate::membership;
use crate::profile::{Aspect, Names};
use crate::store::{Read, StoreError, Tx};

/// A segment with its conditions.
#[derive(Debug)]
pub struct Live {
    /// The segment.
    pub segment: Segment,
    /// Its definition.
    pub filter: Filter,
    touches: Touches,
}

/// What can change the answer of a segment's conditions.
#[derive(Debug)]
struct Touches {
    metrics: Vec<MetricId>,
    attributes: Names,
    groups: Vec<GroupId>,
    consents: bool,
}

/// All segments, in memory. Clones share it.
#[derive(Clone, Default)]
pub struct Segments(Arc<RwLock<View>>);

/// All segments as they were at one moment: what is found out from one view fits together.
#[derive(Clone, Default)]
pub struct View(Arc<Index>);

#[derive(Clone, Default)]
struct Index {
    by_id: BTreeMap<GroupId, Arc<Live>>,
    /// The active ones that count the events of a metric.
    by_metric: HashMap<MetricId, Vec<Arc<Live>>>,
}

/// Why a change of a segment was refused.
#[derive(Debug)]
pub enum SegmentError {
    /// There is no such segment.
    Unknown(GroupId),
    /// There are [`limits::SEGMENTS_MAX`] already.
    TooMany,
    /// What the segment would be does not fit together.
    Fault(Fault),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for SegmentError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for SegmentError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Live {
    fn new(segment: Segment) -> Result<Self, Fault> {
        let filter = parse::stored_definition(&segment.definition)?;
        let touches = Touches::of(&filter);
        Ok(Self { segment, filter, touches })
    }

    /// Whether a change of this aspect of a person can change the answer.
    #[must_use]
    pub fn is_touched_by(&self, aspect: &Aspect) -> bool {
        match aspect {
            Aspect::Attributes(names) => self.touches.attributes.meets(*names),
            Aspect::Group(group) => self.touches.groups.contains(group),
            Aspect::Consents => self.touches.consents,
            Aspect::Everything => true,
        }
    }

    /// The lists and segments that it names.
    #[must_use]
    pub fn groups(&self) -> &[GroupId] {
        &self.touches.groups
    }
}

impl Touches {
    fn of(filter: &Filter) -> Self {
        let seen = filter.touches();
        let mut attributes = Names::default();
        seen.attributes.iter().for_each(|name| attributes.add(name));
        Self {
            metrics: seen.metrics.iter().filter_map(|id| id.parse().ok()).collect(),
            attributes,
            groups: seen.groups.iter().filter_map(|id| id.parse().ok()).collect(),
            consents: seen.consents,
        }
    }
}

impl Segments {
    /// Reads all segments from the store.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn load(from: &impl Read) -> Result<Self, StoreError> {
        let segments = Self::default();
        for segment in rows::all(from)? {
            let id = segment.id;
            match Live::new(segment) {
                Ok(live) => segments.learn(live),
                // It was parsed before it was stored.
                Err(fault) => {
                    tracing::error!(segment.id = %id, at = %fault.pointer, "a segment is left out");
                }
            }
        }
        Ok(segments)
    }

    fn learn(&self, live: Live) {
        self.now_have(|by_id| drop(by_id.insert(live.segment.id, Arc::new(live))));
    }

    fn forget(&self, id: GroupId) {
        self.now_have(|by_id| drop(by_id.remove(&id)));
    }

    /// Views that were taken before stay as they are.
    fn now_have(&self, change: impl FnOnce(&mut BTreeMap<GroupId, Arc<Live>>)) {
        let mut view = self.0.write().expect("no holder panics");
        let index = Arc::make_mut(&mut view.0);
        change(&mut index.by_id);
        index.sort_by_metric();
    }

    /// All segments as they are now.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.read().expect("no holder panics").clone()
    }

    /// Every segment, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Live>> {
        self.view().0.by_id.values().cloned().collect()
    }

    /// The segment with this id.
    #[must_use]
    pub fn get(&self, id: GroupId) -> Option<Arc<Live>> {
        self.view().get(id)
    }

    /// Whether a segment depends on who belongs to this list or segment.
    #[must_use]
    pub fn is_named(&self, group: GroupId) -> bool {
        self.view().0.by_id.values().any(|live| live.groups().contains(&group))
    }

    /// Whether a segment counts the events of this metric.
    #[must_use]
    pub fn listens_to(&self, metric: MetricId) -> bool {
        self.0.read().expect("no holder panics").0.by_metric.contains_key(&metric)
    }

    /// Makes a segment, whose members are found from now on.
    ///
    /// # Errors
    /// Where there are too many or the store fails.
    pub fn create(
        &self,
        tx: &mut Tx<'_, '_>,
        new: NewSegment,
        people: u64,
    ) -> Result<Segment, SegmentError> {
        tx.needs_room()?;
        if rows::ids(tx)?.len() >= limits::SEGMENTS_MAX {
            return Err(SegmentError::TooMany);
        }
        let segment = Segment {
            id: membership::claim(tx)?,
            name: new.name,
            definition: new.definition,
            is_starred: new.is_starred,
            is_active: true,
            created: tx.now(),
            updated: tx.now(),
            revision: 1,
        };
        self.store(tx, &segment, Some(people))?;
        Ok(segment)
    }

    /// Changes a segment; a definition that differs, or one that follows again what happens, is
    /// computed anew.
    ///
    /// # Errors
    /// Where it does not exist, would depend on itself, or the store fails.
    pub fn change(
        &self,
        tx: &mut Tx<'_, '_>,
        id: GroupId,
        patch: SegmentPatch,
        people: u64,
    ) -> Result<Segment, SegmentError> {
        tx.needs_room()?;
        let mut segment = rows::get(tx, id)?.ok_or(SegmentError::Unknown(id))?;
        let was_active = segment.is_active;
        let mut is_new = false;
        if let Some(definition) = patch.definition {
            check_no_circle(tx, id, &definition)?;
            is_new = definition != segment.definition;
            segment.definition = definition;
        }
        segment.name = patch.name.unwrap_or(segment.name);
        segment.is_starred = patch.is_starred.unwrap_or(segment.is_starred);
        segment.is_active = patch.is_active.unwrap_or(segment.is_active);
        segment.updated = tx.now();
        let is_computed = (is_new || !was_active) && segment.is_active;
        if is_new || is_computed {
            segment.revision += 1;
        }
        if !segment.is_active {
            rows::remove_backfill(tx, id);
        }
        // What changed while it was not active is computed when it is again.
        self.store(tx, &segment, is_computed.then_some(people))?;
        Ok(segment)
    }

    fn store(
        &self,
        tx: &mut Tx<'_, '_>,
        segment: &Segment,
        computed_for: Option<u64>,
    ) -> Result<(), SegmentError> {
        rows::put(tx, segment)?;
        if let Some(total) = computed_for {
            let start = Backfill { cursor: None, evaluated: 0, total };
            rows::put_backfill(tx, segment.id, start)?;
        }
        let live = Live::new(segment.clone())?;
        let segments = self.clone();
        tx.after_commit(move || segments.learn(live));
        Ok(())
    }

    /// Removes a segment.
    ///
    /// # Errors
    /// Where it does not exist or the store fails.
    pub fn remove(&self, tx: &mut Tx<'_, '_>, id: GroupId) -> Result<(), SegmentError> {
        rows::get(tx, id)?.ok_or(SegmentError::Unknown(id))?;
        rows::remove(tx, id)?;
        let segments = self.clone();
        tx.after_commit(move || segments.forget(id));
        Ok(())
    }
}

/// Refuses a definition by which the segment would depend on itself: nobody could say who belongs
/// to it. The rows are asked, because a change of the same commit may be the other half.
fn check_no_circle(from: &impl Read, id: GroupId, definition: &str) -> Result<(), SegmentError> {
    let mut open = Touches::of(&parse::stored_definition(definition)?).groups;
    let mut seen = HashSet::new();
    while let Some(group) = open.pop() {
        if group == id {
            let why = "names a segment that depends on this one: who belongs to it would depend \
                       on who belongs to it";
            return Err(Fault::new(parse::DEFINITION_AT, why).into());
        }
        if seen.insert(group)
            && let Some(segment) = rows::get(from, group)?
        {
            open.extend(Touches::of(&parse::stored_definition(&segment.definition)?).groups);
        }
    }
    Ok(())
}

impl View {
    /// The segment with this id.
    #[must_use]
    pub fn get(&self, id: GroupId) -> Option<Arc<Live>> {
        self.0.by_id.get(&id).cloned()
    }

    /// The active segments that an event of this metric can change.
    #[must_use]
    pub fn touched_by_metric(&self, metric: MetricId) -> &[Arc<Live>] {
        self.0.by_metric.get(&metric).map(Vec::as_slice).unwrap_or_default()
    }

    /// The active segments that a change of a person can change.
    #[must_use]
    pub fn touched_by(&self, aspect: &Aspect) -> Vec<Arc<Live>> {
        let touched = self.0.by_id.values().filter(|live| live.segment.is_active);
        touched.filter(|live| live.is_touched_by(aspect)).cloned().collect()
    }

    /// Whether there is no segment that follows anything.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.0.by_id.values().any(|live| live.segment.is_active)
    }
}

impl Index {
    fn sort_by_metric(&mut self) {
        self.by_metric.clear();
        for live in self.by_id.values().filter(|live| live.segment.is_active) {
            for metric in &live.touches.metrics {
                self.by_metric.entry(*metric).or_default().push(Arc::clone(live));
            }
        }
    }
}
