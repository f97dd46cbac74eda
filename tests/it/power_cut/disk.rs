//! A disk in memory that can lose power: what was not synced is lost, torn or reordered.
//!
//! It counts its writes, syncs and changes of length; the fault strikes at the n-th of them, so
//! that one run after the other can be cut at every place. After a cut every call fails, as for a
//! process that is gone; after an error, calls go on to work, which is the harder case.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// What is written as a whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    PowerCut,
    /// One call fails. Where it is a sync, what it should have written may be lost for good.
    Error,
}

/// xorshift64*: the same numbers in every run.
#[derive(Debug)]
pub(super) struct Random(u64);

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug)]
struct State {
    /// What survives for sure.
    durable: Vec<u8>,
    /// What the process sees.
    seen: Vec<u8>,
    unsynced: Vec<Change>,
    random: Random,
    calls: usize,
    /// The number of the call at which the fault strikes.
    fault: Option<(usize, Fault)>,
    has_struck: bool,
    is_off: bool,
}

/// The disk. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }
}

impl Disk {
    pub(super) fn new(image: Vec<u8>, seed: u64, fault: Option<(usize, Fault)>) -> Self {
        Self(Arc::new(Mutex::new(State {
            durable: image.clone(),
            seen: image,
            unsynced: Vec::new(),
            random: Random::new(seed),
            calls: 0,
            fault,
            has_struck: false,
            is_off: false,
        })))
    }

    pub(super) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(super) fn has_struck(&self) -> bool {
        self.0.lock().unwrap().has_struck
    }

    /// Switches the power off and returns what is left.
    pub(super) fn survivor(&self) -> Vec<u8> {
        let mut state = self.0.lock().unwrap();
        state.is_off = true;
        state.settle();
        state.durable.clone()
    }

    /// Counts a call that changes something, made by `change`; strikes if it is its turn.
    fn change(&self, change: Option<Change>) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.check_power()?;
        state.calls += 1;
        let strikes = state.fault.filter(|(at, _)| *at == state.calls).map(|(_, fault)| fault);
        state.has_struck |= strikes.is_some();
        state.is_off |= strikes == Some(Fault::PowerCut);
        match (change, strikes) {
            (Some(change), None) => {
                apply(&mut state.seen, &change, None);
                state.unsynced.push(change);
                return Ok(());
            }
            // It was under way: some of it may have got there.
            (Some(change), Some(_)) => state.unsynced.push(change),
            (None, None) => {
                state.durable = state.seen.clone();
                state.unsynced.clear();
                return Ok(());
            }
            (None, Some(_)) => state.settle(),
        }
        Err(io::Error::other("the disk failed"))
    }
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    /// Decides what became of the changes that were not synced.
    fn settle(&mut self) {
        let mut changes = std::mem::take(&mut self.unsynced);
        // Nothing, everything, or anything in between.
        let lost_in_four = self.random.below(5);
        if self.random.below(2) == 0 {
            for place in (1..changes.len()).rev() {
                changes.swap(place, self.random.below(place + 1));
            }
        }
        for change in changes {
            if self.random.below(4) < lost_in_four {
                continue;
            }
            let is_torn = lost_in_four > 0 && self.random.below(3) == 0;
            let sectors = is_torn.then(|| self.random.below(9));
            apply(&mut self.durable, &change, sectors);
        }
    }
}

/// Makes a change, or only the first `sectors` of it.
fn apply(image: &mut Vec<u8>, change: &Change, sectors: Option<usize>) {
    match change {
        Change::Length(length) => image.resize(*length, 0),
        Change::Write(offset, bytes) => {
            let first = SECTOR_BYTES - offset % SECTOR_BYTES;
            let kept = sectors.map_or(bytes.len(), |count| match count {
                0 => 0,
                more => first + (more - 1) * SECTOR_BYTES,
            });
            let bytes = &bytes[..kept.min(bytes.len())];
            let end = offset + bytes.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[*offset..end].copy_from_slice(bytes);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let state = self.0.lock().unwrap();
        state.check_power()?;
        Ok(state.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        state.check_power()?;
        let offset = usize::try_from(offset).unwrap();
        let found = state.seen.get(offset..offset + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Some(Change::Length(usize::try_from(length).unwrap())))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Some(Change::Write(usize::try_from(offset).unwrap(), data.to_vec())))
    }
}
