//! Who is held back, by reason and by since when: the index behind the filters of profiles.
//!
//! Its entries are written with the row that they are about. Whoever has several fitting reasons
//! has a place for each of them; which of these counts is said by [`Wanted::first`]. `listing.rs`
//! makes pages of it.

use std::collections::{BinaryHeap, VecDeque};
use std::ops::{Bound, RangeBounds as _};

use super::rows::reason_number;
use super::{Consents, Reason};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::limits;
use crate::store::{Order, Read, StoreError, Table, Tx};

/// Since when, person.
type Place = (Timestamp, ProfileId);

/// Reason, since when, person.
const CONSENT_SUPPRESSIONS: Table<(u8, Place), ()> = Table::new("consent_suppressions");
/// List, reason, since when, person.
const CONSENT_LIST_SUPPRESSIONS: Table<(GroupId, (u8, Place)), ()> =
    Table::new("consent_list_suppressions");

const FIRST: ProfileId = ProfileId::from_u128(0);
const LAST: ProfileId = ProfileId::from_u128(u128::MAX);

/// Which suppressions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those of all marketing by e-mail.
    Everything,
    /// Those of one list.
    List(GroupId),
    /// Those of any list.
    AnyList,
}

/// Which suppressions count: those for which all of it is true.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What they hold back.
    pub of: Of,
    /// Of one reason; `None` for any.
    pub reason: Option<Reason>,
    /// Since when they are there.
    pub within: (Bound<Timestamp>, Bound<Timestamp>),
}

/// A person who is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Since when.
    pub at: Timestamp,
    /// Who.
    pub profile: ProfileId,
}

impl Wanted {
    /// Since when a person is held back by what counts: the first moment in the given order, where
    /// they are at all.
    #[must_use]
    pub fn first(&self, consents: &Consents, order: Order) -> Option<Timestamp> {
        let all: Vec<(Reason, Timestamp)> = match self.of {
            Of::Everything => {
                consents.suppressions.iter().map(|one| (one.reason, one.at)).collect()
            }
            Of::AnyList | Of::List(_) => {
                let is_wanted = |list| self.of == Of::AnyList || self.of == Of::List(list);
                let of_lists = consents.list_suppressions.iter().filter(|one| is_wanted(one.list));
                of_lists.map(|one| (one.reason, one.at)).collect()
            }
        };
        let fits = |(reason, at): &(Reason, Timestamp)| {
            self.reason.is_none_or(|wanted| wanted == *reason) && self.within.contains(at)
        };
        let fitting = all.into_iter().filter(fits).map(|(_, at)| at);
        match order {
            Order::Ascending => fitting.min(),
            Order::Descending => fitting.max(),
        }
    }

    /// Whether anything that counts holds a person back.
    #[must_use]
    pub fn fits(&self, consents: &Consents) -> bool {
        self.first(consents, Order::Ascending).is_some()
    }
}

/// Brings the index up to date with a row that was `before` and will be `after`.
pub(super) fn update(
    tx: &mut Tx<'_, '_>,
    profile: ProfileId,
    before: &Consents,
    after: &Consents,
) -> Result<(), StoreError> {
    for held in &before.suppressions {
        tx.remove(&CONSENT_SUPPRESSIONS, &(reason_number(held.reason), (held.at, profile)));
    }
    for held in &after.suppressions {
        tx.put(&CONSENT_SUPPRESSIONS, &(reason_number(held.reason), (held.at, profile)), &())?;
    }
    for held in &before.list_suppressions {
        let key = (held.list, (reason_number(held.reason), (held.at, profile)));
        tx.remove(&CONSENT_LIST_SUPPRESSIONS, &key);
    }
    for held in &after.list_suppressions {
        let key = (held.list, (reason_number(held.reason), (held.at, profile)));
        tx.put(&CONSENT_LIST_SUPPRESSIONS, &key, &())?;
    }
    Ok(())
}

/// The people for whom something counts, some maybe twice, where they have no more than `most`
/// places; `None` where they have more.
///
/// # Errors
/// Where the store can not be read.
pub fn few(
    from: &impl Read,
    wanted: &Wanted,
    most: usize,
) -> Result<Option<Vec<ProfileId>>, StoreError> {
    let mut walk = Walk::start(from, wanted, Order::Ascending, None)?;
    let mut people = Vec::new();
    while let Some(held) = walk.next()? {
        if people.len() == most {
            return Ok(None);
        }
        people.push(held.profile);
    }
    Ok(Some(people))
}

/// A part of the index that is in the order of time: list, if any, and reason.
type Run = (Option<GroupId>, u8);

/// The places of several runs as one, in order, read as far as they are asked for.
pub(super) struct Walk<'f, R> {
    from: &'f R,
    order: Order,
    within: (Bound<Timestamp>, Bound<Timestamp>),
    /// Each with what was read of it and not yet given.
    runs: Vec<(Run, VecDeque<Place>)>,
    /// The next place of each run that has one, with the number of the run; the largest is next.
    heads: BinaryHeap<((i64, u128), usize)>,
    last: Option<Place>,
}

impl<'f, R: Read> Walk<'f, R> {
    /// Before the first place behind `after`.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(super) fn start(
        from: &'f R,
        wanted: &Wanted,
        order: Order,
        after: Option<Suppressed>,
    ) -> Result<Self, StoreError> {
        let runs = runs(from, wanted)?.into_iter().map(|run| (run, VecDeque::new())).collect();
        let last = after.map(|held| (held.at, held.profile));
        let heads = BinaryHeap::new();
        let mut walk = Self { from, order, within: wanted.within, runs, heads, last };
        for number in 0..walk.runs.len() {
            walk.read_on(number, last)?;
        }
        Ok(walk)
    }

    /// The next place; `None` at the end.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(super) fn next(&mut self) -> Result<Option<Suppressed>, StoreError> {
        while let Some((_, number)) = self.heads.pop() {
            let Some(place) = self.runs[number].1.pop_front() else { continue };
            self.read_on(number, Some(place))?;
            // Two reasons since the same moment are one place.
            if self.last.replace(place) != Some(place) {
                let (at, profile) = place;
                return Ok(Some(Suppressed { at, profile }));
            }
        }
        Ok(None)
    }

    /// Names the next place of a run, which is the first behind `last`.
    fn read_on(&mut self, number: usize, last: Option<Place>) -> Result<(), StoreError> {
        let (run, places) = &mut self.runs[number];
        if places.is_empty()
            && let Some(range) = range(self.within, last, self.order)
        {
            places.extend(read(self.from, *run, range, self.order)?);
        }
        if let Some((at, profile)) = places.front() {
            let (micros, id) = (at.micros(), profile.as_u128());
            let rank = match self.order {
                // The complement turns the order around.
                Order::Ascending => (!micros, !id),
                Order::Descending => (micros, id),
            };
            self.heads.push((rank, number));
        }
        Ok(())
    }
}

/// The parts of the index that have what is wanted.
fn runs(from: &impl Read, wanted: &Wanted) -> Result<Vec<Run>, StoreError> {
    let lists = match wanted.of {
        Of::Everything => vec![None],
        Of::List(list) => vec![Some(list)],
        Of::AnyList => lists(from)?.into_iter().map(Some).collect(),
    };
    let reasons = Reason::ALL.into_iter().filter(|own| wanted.reason.is_none_or(|of| of == *own));
    let numbers: Vec<u8> = reasons.map(reason_number).collect();
    Ok(lists.iter().flat_map(|list| numbers.iter().map(move |number| (*list, *number))).collect())
}

/// The lists that the index knows, found by leaping from one to the next.
fn lists(from: &impl Read) -> Result<Vec<GroupId>, StoreError> {
    let mut lists: Vec<GroupId> = Vec::new();
    let end = (u8::MAX, (Timestamp::from_micros(i64::MAX), LAST));
    loop {
        let start = lists.last().map_or(Bound::Unbounded, |last| Bound::Excluded((*last, end)));
        let range = (start, Bound::Unbounded);
        let next = from.page(&CONSENT_LIST_SUPPRESSIONS, range, Order::Ascending, 1)?;
        let Some(((list, _), ())) = next.first() else { return Ok(lists) };
        lists.push(*list);
    }
}

/// The places within a time and behind `last`, both ends included; `None` where there can be none.
fn range(
    within: (Bound<Timestamp>, Bound<Timestamp>),
    last: Option<Place>,
    order: Order,
) -> Option<(Place, Place)> {
    let micro = |at: Timestamp, step: i64| Timestamp::from_micros(at.micros().saturating_add(step));
    let mut low = match within.0 {
        Bound::Included(at) => (at, FIRST),
        Bound::Excluded(at) => (micro(at, 1), FIRST),
        Bound::Unbounded => (Timestamp::from_micros(i64::MIN), FIRST),
    };
    let mut high = match within.1 {
        Bound::Included(at) => (at, LAST),
        Bound::Excluded(at) => (micro(at, -1), LAST),
        Bound::Unbounded => (Timestamp::from_micros(i64::MAX), LAST),
    };
    if let Some((at, profile)) = last {
        let number = profile.as_u128();
        match order {
            Order::Ascending => {
                low = low.max((at, ProfileId::from_u128(number.saturating_add(1))));
            }
            Order::Descending => {
                high = high.min((at, ProfileId::from_u128(number.saturating_sub(1))));
            }
        }
    }
    (low <= high).then_some((low, high))
}

/// The first places of a run within a range.
fn read(
    from: &impl Read,
    (list, reason): Run,
    (low, high): (Place, Place),
    order: Order,
) -> Result<Vec<Place>, StoreError> {
    let most = limits::SUPPRESSIONS_READ_AT_ONCE;
    let Some(list) = list else {
        let range = (Bound::Included((reason, low)), Bound::Included((reason, high)));
        let rows = from.page(&CONSENT_SUPPRESSIONS, range, order, most)?;
        return Ok(rows.into_iter().map(|((_, place), ())| place).collect());
    };
    let range = (Bound::Included((list, (reason, low))), Bound::Included((list, (reason, high))));
    let rows = from.page(&CONSENT_LIST_SUPPRESSIONS, range, order, most)?;
    Ok(rows.into_iter().map(|((_, (_, place)), ())| place).collect())
}
