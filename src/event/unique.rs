//! The duplicate index: has this profile had an event of this metric with this `unique_id`?
//!
//! The check stands on the acknowledging path, so it must not write rows under random keys. The
//! index is therefore built like a log-structured tree: the newest entries are a sorted set in
//! memory, filled again at a start from the end of the event log; whenever it holds
//! [`limits::UNIQUE_TAIL_MAX`] entries they become a *run*, written once, in order, under keys of
//! its own, with a Bloom filter that stays in memory. A look-up asks the set, then the filters,
//! and reads the file only where one says "maybe".
//!
//! A hit is believed only after the event itself was read and compared, so neither two texts with
//! one hash nor an entry of a command that was rejected can make an event disappear.
//!
//! How long is remembered: for the configured window, and at most the last
//! `UNIQUE_RUNS_MAX × UNIQUE_TAIL_MAX` events (16.7 million), and no longer than the event is kept.

use std::collections::{BTreeSet, VecDeque};
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::{Event, rows};
use crate::clock::Timestamp;
use crate::id::{EventId, MetricId, ProfileId};
use crate::limits;
use crate::profile;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Run → its newest event and its filter.
const UNIQUE_RUNS: Table<u32, RunRow> = Table::new("event_unique_runs");
/// Run, first byte of the hash → the entries whose hash begins so.
const UNIQUE_ENTRIES: Table<(u32, u8), EntriesRow> = Table::new("event_unique_entries");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RunRow {
    newest: EventId,
    filter: Vec<u64>,
}

impl Row for RunRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EntriesRow(Vec<(u64, EventId)>);

impl Row for EntriesRow {
    const SCHEMA: u8 = 1;
}

/// What makes an event unique.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UniqueKey<'a> {
    pub(crate) profile: ProfileId,
    pub(crate) metric: MetricId,
    pub(crate) unique_id: &'a str,
}

impl UniqueKey<'_> {
    fn hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.profile.as_u128().to_be_bytes());
        hash.update(self.metric.as_bytes());
        hash.update(self.unique_id.as_bytes());
        hash.digest()
    }

    fn is_of(&self, event: &Event) -> bool {
        event.profile == self.profile
            && event.metric == self.metric
            && event.unique_id == self.unique_id
    }
}

/// The index. Only commands of the writer use it, one at a time.
#[derive(Clone)]
pub struct UniqueIds {
    window: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Hash and event, in the order in which a run has them; a tree keeps them in 16 bytes each.
    tail: BTreeSet<(u64, EventId)>,
    newest: Option<EventId>,
    runs: VecDeque<Run>,
    /// How long the tail was when a run was last staged; `None` once that run is on disk.
    staged_at: Option<usize>,
}

struct Run {
    number: u32,
    newest: EventId,
    filter: Filter,
}

impl UniqueIds {
    /// Reads the runs, and the events after the last of them.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub fn load(from: &impl Read, window: Duration) -> Result<Self, StoreError> {
        let mut state = State::default();
        let everything = (Bound::Unbounded, Bound::Unbounded);
        from.scan(&UNIQUE_RUNS, everything, Order::Ascending, |number, row| {
            let filter = Filter(row.filter);
            state.runs.push_back(Run { number, newest: row.newest, filter });
            ControlFlow::Continue(())
        })?;
        let after = state.runs.back().map_or(EventId::MIN, |run| run.newest);
        rows::follow(from, after, |event| {
            let key = UniqueKey {
                profile: event.profile,
                metric: event.metric,
                unique_id: &event.unique_id,
            };
            state.add(key.hash(), event.id);
            ControlFlow::Continue(())
        })?;
        Ok(Self { window, state: Arc::new(Mutex::new(state)) })
    }

    /// The event that was recorded under this key, of the person or of one who was merged into
    /// them, and is still remembered.
    pub(crate) fn find(
        &self,
        tx: &Tx<'_, '_>,
        key: UniqueKey<'_>,
    ) -> Result<Option<EventId>, StoreError> {
        if let Some(id) = self.find_as(tx, key)? {
            return Ok(Some(id));
        }
        for profile in profile::sources(tx, key.profile)? {
            if let Some(id) = self.find_as(tx, UniqueKey { profile, ..key })? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// As [`UniqueIds::find`], of exactly this id of a person.
    fn find_as(&self, tx: &Tx<'_, '_>, key: UniqueKey<'_>) -> Result<Option<EventId>, StoreError> {
        let hash = key.hash();
        let state = self.state.lock().expect("no holder panics");
        let oldest = tx
            .now()
            .micros()
            .saturating_sub(i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX));
        let oldest = Timestamp::from_micros(oldest);
        for (_, id) in state.tail.range((hash, EventId::MIN)..=(hash, EventId::MAX)) {
            if is_this(tx, key, *id, oldest)? {
                return Ok(Some(*id));
            }
        }
        for run in state.runs.iter().rev() {
            if run.newest.received() < oldest {
                break;
            }
            if !run.filter.may_have(hash) {
                continue;
            }
            let entries = tx.get(&UNIQUE_ENTRIES, &(run.number, first_byte(hash)))?;
            for (of, id) in entries.map(|row| row.0).unwrap_or_default() {
                if of == hash && is_this(tx, key, id, oldest)? {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// Remembers an event that is being recorded; makes a run of the tail when it is full.
    pub(crate) fn add(
        &self,
        tx: &mut Tx<'_, '_>,
        key: UniqueKey<'_>,
        id: EventId,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock().expect("no holder panics");
        state.add(key.hash(), id);
        // A batch adds far less than a whole tail: where that much came since, the command that
        // staged the run was rejected, and it is staged again.
        let is_full = state.tail.len() >= state.staged_at.unwrap_or(0) + limits::UNIQUE_TAIL_MAX;
        if is_full {
            state.staged_at = Some(state.tail.len());
            self.seal(tx, &state)?;
        }
        Ok(())
    }

    /// Stages the tail as a run, and the removal of runs that are too old or too many. The state
    /// changes after the commit: a rejected command leaves it as it was.
    fn seal(&self, tx: &mut Tx<'_, '_>, state: &State) -> Result<(), StoreError> {
        let Some(newest) = state.newest else { return Ok(()) };
        let number = state.runs.back().map_or(0, |run| run.number + 1);
        let mut filter = Filter::for_entries(state.tail.len());
        let mut buckets: Vec<Vec<(u64, EventId)>> = vec![Vec::new(); 256];
        for (hash, id) in &state.tail {
            filter.insert(*hash);
            buckets[usize::from(first_byte(*hash))].push((*hash, *id));
        }
        for (byte, entries) in (0_u8..=255).zip(buckets) {
            tx.put(&UNIQUE_ENTRIES, &(number, byte), &EntriesRow(entries))?;
        }
        tx.put(&UNIQUE_RUNS, &number, &RunRow { newest, filter: filter.0.clone() })?;
        let is_old = |run: &&Run| tx.now().since(run.newest.received()) > self.window;
        let too_many = (state.runs.len() + 1).saturating_sub(limits::UNIQUE_RUNS_MAX);
        let dropped = state.runs.iter().take_while(is_old).count().max(too_many);
        let numbers: Vec<u32> = state.runs.iter().take(dropped).map(|run| run.number).collect();
        for number in numbers {
            tx.remove(&UNIQUE_RUNS, &number);
            for byte in 0..=255 {
                tx.remove(&UNIQUE_ENTRIES, &(number, byte));
            }
        }
        let shared = Arc::clone(&self.state);
        tx.after_commit(move || {
            let mut state = shared.lock().expect("no holder panics");
            state.runs.drain(..dropped);
            state.runs.push_back(Run { number, newest, filter });
            state.drop_tail_to(newest);
            state.staged_at = None;
        });
        Ok(())
    }
}

impl State {
    fn add(&mut self, hash: u64, id: EventId) {
        self.tail.insert((hash, id));
        self.newest = self.newest.max(Some(id));
    }

    /// Forgets what the new run holds; later commands of the same batch may have added more.
    fn drop_tail_to(&mut self, newest: EventId) {
        self.tail.retain(|(_, id)| *id > newest);
        self.newest = self.tail.iter().map(|(_, id)| *id).max();
    }
}

fn is_this(
    tx: &Tx<'_, '_>,
    key: UniqueKey<'_>,
    id: EventId,
    oldest: Timestamp,
) -> Result<bool, StoreError> {
    let event = rows::stored(tx, id)?;
    Ok(event.is_some_and(|event| event.received >= oldest && key.is_of(&event)))
}

const fn first_byte(hash: u64) -> u8 {
    hash.to_be_bytes()[0]
}

/// A Bloom filter: 16 bits an entry, 8 probes, one wrong "maybe" in about 1,700.
struct Filter(Vec<u64>);

const BITS_PER_ENTRY: usize = 16;
const PROBES: u64 = 8;

impl Filter {
    fn for_entries(count: usize) -> Self {
        Self(vec![0; (count.max(1) * BITS_PER_ENTRY).div_ceil(64)])
    }

    /// The bits of a hash: double hashing with its two halves, the second made odd.
    fn places(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.0.len() as u64 * 64;
        let step = (hash >> 32) | 1;
        (0..PROBES).map(move |probe| {
            let bit = hash.wrapping_add(probe.wrapping_mul(step).wrapping_mul(step)) % bits.max(1);
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, hash: u64) {
        for (word, bit) in self.places(hash) {
            self.0[word] |= bit;
        }
    }

    fn may_have(&self, hash: u64) -> bool {
        !self.0.is_empty() && self.places(hash).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hex_of;

    #[test]
    fn a_filter_never_denies_what_it_has_and_seldom_affirms_what_it_has_not() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_be_bytes());
        let mut filter = Filter::for_entries(10_000);
        (0..10_000).for_each(|n| filter.insert(hash(n)));
        assert!((0..10_000).all(|n| filter.may_have(hash(n))));
        let wrong = (10_000..110_000).filter(|n| filter.may_have(hash(*n))).count();
        assert!(wrong < 200, "{wrong} of 100,000");
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let run = RunRow { newest: EventId::from_u64(7), filter: vec![1, 300] };
        assert_eq!(hex_of(&run), "01070201fb2c01a40015f5517c511e");
        assert_eq!(
            hex_of(&EntriesRow(vec![(9, EventId::from_u64(7))])),
            "0101090763a3f145c69d6ac6"
        );
    }
}
