//! How long an answer stands while nothing but time passes, and how answers combine.
//!
//! Invariant: `until` is never later than the first moment at which the answer differs. It may be
//! earlier, where finding the true one would cost more than asking again.

use crate::clock::Timestamp;

/// Whether a filter holds, and for how long that is sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What [`Filter::evaluate`](super::Filter::evaluate) says at the same moment.
    pub holds: bool,
    /// The earliest moment from which that may be otherwise although nothing happens; `None` is
    /// never. Always after the moment of the evaluation.
    pub until: Option<Timestamp>,
}

impl Standing {
    /// An answer that time alone does not change.
    pub(super) const fn settled(holds: bool) -> Self {
        Self { holds, until: None }
    }

    /// Whether this is, for ever, the answer `holds`.
    pub(super) const fn is_settled(self, holds: bool) -> bool {
        self.holds == holds && self.until.is_none()
    }

    /// Whether one of the two holds.
    pub(super) fn or(self, other: Self) -> Self {
        match (self.holds, other.holds) {
            (true, false) => self,
            (false, true) => other,
            // As long as either of them holds.
            (true, true) => Self { holds: true, until: later(self.until, other.until) },
            (false, false) => Self { holds: false, until: earlier(self.until, other.until) },
        }
    }

    /// Whether both hold.
    pub(super) fn and(self, other: Self) -> Self {
        self.negated().or(other.negated()).negated()
    }

    /// The answer to the opposite question.
    pub(super) const fn negated(self) -> Self {
        Self { holds: !self.holds, until: self.until }
    }
}

/// The earlier of two moments, `None` being never.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

/// The later of two moments, `None` being never.
fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    Some(one?.max(other?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn or_lasts_as_long_as_one_that_holds_and_and_as_one_that_does_not() {
        let standing = |holds, until: Option<i64>| Standing {
            holds,
            until: until.map(Timestamp::from_micros),
        };
        let (yes, no) = (|until| standing(true, until), |until| standing(false, until));
        for (one, other, or, and) in [
            (yes(Some(1)), yes(Some(2)), yes(Some(2)), yes(Some(1))),
            (yes(Some(1)), yes(None), yes(None), yes(Some(1))),
            (yes(Some(1)), no(Some(2)), yes(Some(1)), no(Some(2))),
            (yes(None), no(Some(2)), yes(None), no(Some(2))),
            (yes(Some(1)), no(None), yes(Some(1)), no(None)),
            (no(Some(1)), no(Some(2)), no(Some(1)), no(Some(2))),
            (no(Some(1)), no(None), no(Some(1)), no(None)),
        ] {
            assert_eq!((one.or(other), other.or(one)), (or, or), "{one:?} or {other:?}");
            assert_eq!((one.and(other), other.and(one)), (and, and), "{one:?} and {other:?}");
        }
    }
}
