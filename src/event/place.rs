//! The place of an event in time: its second, and among those of one second its id.
//!
//! It is the order of every listing and the end of every key of the index. An event never changes,
//! so neither does its place: a cursor that is one stays good whatever arrives.

use std::ops::RangeInclusive;

use crate::clock::Timestamp;
use crate::id::EventId;
use crate::store::Key;

/// Flips the sign, so that earlier seconds are smaller numbers.
const SIGN: u64 = 1 << 63;

/// The place of an event in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u128);

impl Place {
    /// The place of this event, which happened in this second.
    #[must_use]
    pub fn new(second: i64, id: EventId) -> Self {
        Self((u128::from(second.cast_unsigned() ^ SIGN) << 64) | u128::from(id.as_u64()))
    }

    /// The second in which the event happened.
    #[must_use]
    pub fn second(self) -> i64 {
        let high = u64::try_from(self.0 >> 64).expect("64 bits are left");
        (high ^ SIGN).cast_signed()
    }

    /// The same as a moment.
    #[must_use]
    pub fn time(self) -> Timestamp {
        Timestamp::from_seconds(self.second())
    }

    /// The event.
    #[must_use]
    pub fn id(self) -> EventId {
        let low = u64::try_from(self.0 & u128::from(u64::MAX)).expect("64 bits are left");
        EventId::from_u64(low)
    }

    /// All places of these seconds.
    pub(super) fn all_of(seconds: &RangeInclusive<i64>) -> RangeInclusive<Self> {
        Self::new(*seconds.start(), EventId::MIN)..=Self::new(*seconds.end(), EventId::MAX)
    }

    /// The place behind this one; the last is its own.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The place before this one; the first is its own.
    pub(super) const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// A number that is the larger, the later the place.
    pub(super) const fn number(self) -> u128 {
        self.0
    }
}

impl Key for Place {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0.to_be_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(Self(u128::from_be_bytes(*bytes)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_sort_by_second_and_id_and_keep_both(a: (i64, u64), b: (i64, u64)) {
            let place = |(second, id): (i64, u64)| Place::new(second, EventId::from_u64(id));
            prop_assert_eq!(a.cmp(&b), place(a).cmp(&place(b)));
            prop_assert_eq!(a.cmp(&b), place(a).to_bytes().cmp(&place(b).to_bytes()));
            prop_assert_eq!((place(a).second(), place(a).id().as_u64()), a);
            prop_assert_eq!(Place::from_bytes(&place(a).to_bytes()), Some(place(a)));
            prop_assert!(Place::all_of(&(a.0..=a.0)).contains(&place(a)));
        }
    }
}
