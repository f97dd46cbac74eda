//! What is committed while the power is cut, and what must be there afterwards.
//!
//! Command `n` writes an entry, its index and a counter, and removes an older entry with its
//! index; it is the same in every run of a seed. So the state after any number of commands is
//! known, and a store that survived must hold exactly one of those states.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};
use tidings::id::EventId;
use tidings::store::{Order, Read, Row, StoreError, Table, Tx};

use super::disk::Random;

const ENTRIES: Table<EventId, Entry> = Table::new("test_entries");
const INDEX: Table<(u32, EventId), ()> = Table::new("test_index");
const COUNTER: Table<(), Counter> = Table::new("test_counter");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    bucket: u32,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Counter(u64);

impl Row for Entry {
    const SCHEMA: u8 = 1;
}

impl Row for Counter {
    const SCHEMA: u8 = 1;
}

/// All entries of a store, and how many commands made them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) commands: u64,
    entries: BTreeMap<u64, Entry>,
}

/// What command `number` of `seed` does: its entry, and the entry it removes.
fn plan(seed: u64, number: u64) -> (Entry, u64) {
    let mut random = Random::new(seed.wrapping_mul(1_000).wrapping_add(number));
    let bytes = if random.below(10) == 0 { 30_000 } else { random.below(1_500) };
    let text = char::from(b'a' + u8::try_from(random.below(26)).unwrap()).to_string().repeat(bytes);
    let bucket = u32::try_from(random.below(7)).unwrap();
    let victim = number.saturating_sub(1 + random.below(12) as u64);
    (Entry { bucket, text }, victim)
}

/// Runs command `number` in a transaction.
pub(super) fn run(tx: &mut Tx<'_, '_>, seed: u64, number: u64) -> Result<(), StoreError> {
    let (entry, victim) = plan(seed, number);
    let count = tx.get(&COUNTER, &())?.map_or(0, |Counter(count)| count);
    tx.put(&COUNTER, &(), &Counter(count + 1))?;
    let id = EventId::from_u64(number);
    tx.put(&ENTRIES, &id, &entry)?;
    tx.put(&INDEX, &(entry.bucket, id), &())?;
    let victim = EventId::from_u64(victim);
    if let Some(removed) = tx.get(&ENTRIES, &victim)?.filter(|_| victim != id) {
        tx.remove(&ENTRIES, &victim);
        tx.remove(&INDEX, &(removed.bucket, victim));
    }
    Ok(())
}

impl Contents {
    /// What `commands` commands leave behind.
    pub(super) fn after(seed: u64, commands: u64) -> Self {
        let mut entries = BTreeMap::new();
        for number in 1..=commands {
            let (entry, victim) = plan(seed, number);
            entries.insert(number, entry);
            if victim != number {
                entries.remove(&victim);
            }
        }
        Self { commands, entries }
    }

    /// Reads everything, and checks that entries and index agree.
    pub(super) fn read(from: &impl Read) -> Result<Self, StoreError> {
        let commands = from.get(&COUNTER, &())?.map_or(0, |Counter(count)| count);
        let mut contents = Self { commands, entries: BTreeMap::new() };
        let mut expected = Vec::new();
        let all = || (Bound::Unbounded, Bound::Unbounded);
        from.scan(&ENTRIES, all(), Order::Ascending, |id, entry| {
            expected.push((entry.bucket, id));
            contents.entries.insert(id.as_u64(), entry);
            ControlFlow::Continue(())
        })?;
        let mut index = Vec::new();
        from.scan(&INDEX, (Bound::Unbounded, Bound::Unbounded), Order::Ascending, |key, ()| {
            index.push(key);
            ControlFlow::Continue(())
        })?;
        expected.sort_unstable();
        assert_eq!(index, expected, "the index and the entries disagree");
        Ok(contents)
    }
}
