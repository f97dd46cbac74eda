//! Going through ids, newest first, that stand in all of several places at once.
//!
//! Every condition names the newest id, not newer than the candidate, for which it may hold; the
//! oldest of these is the next candidate, until all name the same. So the rarest condition sets
//! the pace, whichever it is, and no index needs to know how large it is.

use super::filter::Condition;
use crate::delivery::Delivery;
use crate::delivery::rows::{self, IdSource};
use crate::id::DeliveryId;
use crate::store::{Read, StoreError};

/// How far a walk got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This one stands everywhere.
    Found(DeliveryId),
    /// It has read enough; nothing that was not found is newer than this.
    Tired(DeliveryId),
    /// There are no more.
    End,
}

/// A walk from newer to older ids.
pub(super) struct Walk<'a, R> {
    from: &'a R,
    conditions: Vec<Vec<Stream>>,
    first: DeliveryId,
    reads_left: usize,
}

/// One source, and what was last seen in it.
struct Stream {
    source: IdSource,
    seen: Seen,
}

#[derive(Clone, Copy)]
enum Seen {
    Nothing,
    Newest(DeliveryId),
    End,
}

impl<'a, R: Read> Walk<'a, R> {
    /// A walk down to `first`, which reads `reads_max` times at most.
    pub(super) fn new(
        from: &'a R,
        conditions: Vec<Condition>,
        first: DeliveryId,
        reads_max: usize,
    ) -> Self {
        let stream = |source| Stream { source, seen: Seen::Nothing };
        let streams = |sources: Condition| sources.into_iter().map(stream).collect();
        let conditions = conditions.into_iter().map(streams).collect();
        Self { from, conditions, first, reads_left: reads_max }
    }

    /// The next id, not newer than `last`, which only goes back from call to call.
    pub(super) fn next(&mut self, last: DeliveryId) -> Result<Step, StoreError> {
        if last < self.first {
            return Ok(Step::End);
        }
        let mut candidate = last;
        'candidate: loop {
            if self.reads_left == 0 {
                return Ok(Step::Tired(candidate));
            }
            for place in 0..self.conditions.len() {
                let Some(newest) = self.newest_of(place, candidate)? else { return Ok(Step::End) };
                if newest < candidate {
                    candidate = newest;
                    continue 'candidate;
                }
            }
            return Ok(Step::Found(candidate));
        }
    }

    /// The newest id of a condition, not newer than `last`.
    fn newest_of(
        &mut self,
        place: usize,
        last: DeliveryId,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let mut newest = None;
        for stream in &mut self.conditions[place] {
            let is_behind = match stream.seen {
                Seen::Nothing => true,
                Seen::Newest(id) => id > last,
                Seen::End => false,
            };
            if is_behind {
                self.reads_left = self.reads_left.saturating_sub(1);
                let found = rows::newest(self.from, stream.source, (self.first, last))?;
                stream.seen = found.map_or(Seen::End, Seen::Newest);
            }
            if let Seen::Newest(id) = stream.seen {
                newest = newest.max(Some(id));
            }
        }
        Ok(newest)
    }

    /// The delivery itself.
    pub(super) fn read(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.reads_left = self.reads_left.saturating_sub(1);
        match rows::get(self.from, id) {
            // One that can not be read must not hide all others.
            Err(StoreError::Corrupt { table, error }) => {
                tracing::error!(table, %error, delivery.id = %id, "a row is left out");
                Ok(None)
            }
            read => read,
        }
    }

    /// How often it may still read.
    pub(super) const fn reads_left(&self) -> usize {
        self.reads_left
    }
}
