//! Listing people: which, in which order, and a page of them.
//!
//! Each order has rows of its own (`rows.rs`), so a page costs its length. A filter that the order
//! does not answer is asked of each person that comes by; a page that reads too many ends early,
//! with a cursor from which the next one goes on. Who has an order of people by something else
//! ([`consent`](crate::consent)) fills its pages with [`gather`] too.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;
use std::str::FromStr;

use super::rows::{self, Range};
use super::{Identifier, Profile, get};
use crate::clock::Timestamp;
use crate::id::{ProfileId, ulid_number};
use crate::limits;
use crate::store::{Order, Read, StoreError};

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The id, which grows with the time of making.
    #[default]
    Id,
    /// The e-mail address, folded; who has none comes last, whatever the order.
    Email,
    /// The last change.
    Updated,
}

/// Where a person stands in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By id.
    Id(ProfileId),
    /// By e-mail address, folded.
    Email(String),
    /// Behind those who have an e-mail address.
    WithoutEmail(ProfileId),
    /// By the last change.
    Updated(Timestamp, ProfileId),
}

/// A page of people that is wanted.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The order.
    pub sort: Sort,
    /// Its direction.
    pub order: Order,
    /// When they were made.
    pub created: (Bound<Timestamp>, Bound<Timestamp>),
    /// When they last changed.
    pub updated: (Bound<Timestamp>, Bound<Timestamp>),
    /// Only these; `None` for all.
    pub among: Option<Vec<ProfileId>>,
    /// The last one of the page before.
    pub after: Option<Place>,
    /// How many, at most.
    pub size: usize,
}

/// Who has this identifier, shown or not.
///
/// # Errors
/// Where the store can not be read.
pub fn find(
    from: &impl Read,
    kind: Identifier,
    text: &str,
) -> Result<Option<ProfileId>, StoreError> {
    rows::owner(from, kind, text)
}

/// Up to `most` people by id, behind `after`.
///
/// # Errors
/// Where the store can not be read.
pub fn by_id(
    from: &impl Read,
    after: Option<ProfileId>,
    order: Order,
    most: usize,
) -> Result<Vec<Profile>, StoreError> {
    let range = match order {
        Order::Ascending => (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded),
        Order::Descending => (Bound::Unbounded, after.map_or(Bound::Unbounded, Bound::Excluded)),
    };
    rows::by_id(from, range, order, most)
}

/// The people of a page for whom `keeps` says yes, and where the next page goes on, if there may be
/// one.
///
/// # Errors
/// Where the store can not be read.
pub fn page<R: Read>(
    from: &R,
    listing: &Listing,
    mut keeps: impl FnMut(&R, &Profile) -> Result<bool, StoreError>,
) -> Result<(Vec<Profile>, Option<Place>), StoreError> {
    let mut last = listing.after.clone();
    let mut chunk = Vec::new().into_iter();
    let mut is_end = false;
    let next = || loop {
        if let Some((place, profile)) = chunk.next() {
            last = Some(Place::clone(&place));
            return Ok(Some((place, profile)));
        }
        if is_end {
            return Ok(None);
        }
        let people = listing.chunk(from, last.as_ref())?;
        is_end = people.is_empty() || listing.among.is_some();
        chunk = people.into_iter();
    };
    let after = listing.after.clone();
    gather(listing.size, after, next, |person| Ok(listing.includes(person) && keeps(from, person)?))
}

/// Fills a page of `size` from what `next` gives, place by place behind `after`; a place may be
/// nobody's. Returns the people for whom `keeps` says yes, and where the next page goes on, if
/// there may be one.
///
/// # Errors
/// Those of `next` and `keeps`.
pub fn gather<P>(
    size: usize,
    after: Option<P>,
    mut next: impl FnMut() -> Result<Option<(P, Option<Profile>)>, StoreError>,
    mut keeps: impl FnMut(&Profile) -> Result<bool, StoreError>,
) -> Result<(Vec<Profile>, Option<P>), StoreError> {
    let mut found: Vec<Profile> = Vec::new();
    let mut last = after;
    for _ in 0..limits::PROFILES_SCAN_ROWS_MAX {
        let Some((place, profile)) = next()? else { return Ok((found, None)) };
        if let Some(profile) = profile
            && keeps(&profile)?
        {
            if found.len() == size {
                return Ok((found, last));
            }
            found.push(profile);
        }
        last = Some(place);
    }
    Ok((found, last))
}

impl Listing {
    fn includes(&self, profile: &Profile) -> bool {
        contains(&self.created, profile.created) && contains(&self.updated, profile.updated)
    }

    /// Where the profile stands.
    fn place(&self, profile: &Profile) -> Place {
        match self.sort {
            Sort::Id => Place::Id(profile.id),
            Sort::Updated => Place::Updated(profile.updated, profile.id),
            Sort::Email => match profile.identifier(Identifier::Email) {
                Some(text) => Place::Email(Identifier::Email.folded(text)),
                None => Place::WithoutEmail(profile.id),
            },
        }
    }

    /// The next ones after `last`; without the person where the place is not, or no more, theirs.
    /// Empty at the end.
    fn chunk(
        &self,
        from: &impl Read,
        last: Option<&Place>,
    ) -> Result<Vec<(Place, Option<Profile>)>, StoreError> {
        if let Some(among) = &self.among {
            return self.given(from, among, last);
        }
        let most = self.size.saturating_add(1);
        match self.sort {
            Sort::Id => {
                let range = self.ids(last);
                if is_empty(&range) {
                    return Ok(Vec::new());
                }
                let profiles = rows::by_id(from, range, self.order, most)?;
                Ok(profiles.into_iter().map(|p| (Place::Id(p.id), Some(p))).collect())
            }
            Sort::Updated => {
                let range = self.moments(last);
                if is_empty(&range) {
                    return Ok(Vec::new());
                }
                let keys = rows::by_updated(from, range, self.order, most)?;
                keys.into_iter()
                    .map(|(at, id)| {
                        // The place may be one of before: see `sweep.rs`.
                        let profile = get(from, id)?.filter(|profile| profile.updated == at);
                        Ok((Place::Updated(at, id), profile))
                    })
                    .collect()
            }
            Sort::Email => self.addresses(from, last, most),
        }
    }

    /// Those of `among` that come after `last`, in order.
    fn given(
        &self,
        from: &impl Read,
        among: &[ProfileId],
        last: Option<&Place>,
    ) -> Result<Vec<(Place, Option<Profile>)>, StoreError> {
        let mut people = Vec::with_capacity(among.len());
        for id in among {
            let Some(profile) = get(from, *id)? else { continue };
            let place = self.place(&profile);
            if last.is_none_or(|last| self.compare(&place, last).is_gt()) {
                people.push((place, Some(profile)));
            }
        }
        people.sort_by(|(a, _), (b, _)| self.compare(a, b));
        people.dedup_by(|(a, _), (b, _)| a == b);
        Ok(people)
    }

    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        let by_order = |ordering: Ordering| match self.order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        match (a, b) {
            (Place::Email(_), Place::WithoutEmail(_)) => Ordering::Less,
            (Place::WithoutEmail(_), Place::Email(_)) => Ordering::Greater,
            (Place::Email(a), Place::Email(b)) => by_order(a.cmp(b)),
            (Place::Updated(at, a), Place::Updated(bt, b)) => by_order((at, a).cmp(&(bt, b))),
            (
                Place::Id(a) | Place::WithoutEmail(a) | Place::Updated(_, a),
                Place::Id(b) | Place::WithoutEmail(b) | Place::Updated(_, b),
            ) => by_order(a.cmp(b)),
            // Places of different orders do not meet: a cursor is checked where it is read.
            (Place::Email(_), _) => Ordering::Less,
            (_, Place::Email(_)) => Ordering::Greater,
        }
    }

    /// The ids that were made in the wanted time and come after `last`.
    fn ids(&self, last: Option<&Place>) -> Range<ProfileId> {
        let first_of = |at: Timestamp| ProfileId::from_u128(ulid_number(at, 0));
        let last_of = |at: Timestamp| ProfileId::from_u128(ulid_number(at, u128::MAX));
        // A millisecond has many moments; which of its people are wanted is asked of each.
        let range = (
            at_of(self.created.0).map_or(Bound::Unbounded, |at| Bound::Included(first_of(at))),
            at_of(self.created.1).map_or(Bound::Unbounded, |at| Bound::Included(last_of(at))),
        );
        match last {
            Some(Place::Id(id)) => self.behind(range, *id),
            _ => range,
        }
    }

    fn moments(&self, last: Option<&Place>) -> Range<(Timestamp, ProfileId)> {
        const FIRST: ProfileId = ProfileId::from_u128(0);
        const LAST: ProfileId = ProfileId::from_u128(u128::MAX);
        let range = (
            match self.updated.0 {
                Bound::Included(at) => Bound::Included((at, FIRST)),
                Bound::Excluded(at) => Bound::Excluded((at, LAST)),
                Bound::Unbounded => Bound::Unbounded,
            },
            match self.updated.1 {
                Bound::Included(at) => Bound::Included((at, LAST)),
                Bound::Excluded(at) => Bound::Excluded((at, FIRST)),
                Bound::Unbounded => Bound::Unbounded,
            },
        );
        match last {
            Some(Place::Updated(at, id)) => self.behind(range, (*at, *id)),
            _ => range,
        }
    }

    /// First those with an address, then the others.
    fn addresses(
        &self,
        from: &impl Read,
        last: Option<&Place>,
        most: usize,
    ) -> Result<Vec<(Place, Option<Profile>)>, StoreError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        let others = match last {
            Some(Place::WithoutEmail(id)) => self.behind(all, *id),
            _ => {
                let after = match last {
                    Some(Place::Email(text)) => Some(text.as_str()),
                    _ => None,
                };
                let keys = rows::by_email(from, after, self.order, most)?;
                if !keys.is_empty() {
                    return keys.into_iter().map(|key| shown_at(from, key)).collect();
                }
                all
            }
        };
        let ids = rows::without_email(from, others, self.order, most)?;
        ids.into_iter().map(|id| Ok((Place::WithoutEmail(id), get(from, id)?))).collect()
    }

    /// The part of the range that comes after `last`.
    fn behind<K: Ord>(&self, (low, high): Range<K>, last: K) -> Range<K> {
        match self.order {
            Order::Ascending => match at(&low) {
                Some(key) if *key > last => (low, high),
                _ => (Bound::Excluded(last), high),
            },
            Order::Descending => match at(&high) {
                Some(key) if *key < last => (low, high),
                _ => (low, Bound::Excluded(last)),
            },
        }
    }
}

/// The person of an address, where it is the one that is shown.
fn shown_at(
    from: &impl Read,
    (text, id): (String, ProfileId),
) -> Result<(Place, Option<Profile>), StoreError> {
    let is_shown = |profile: &Profile| {
        profile
            .identifier(Identifier::Email)
            .is_some_and(|shown| Identifier::Email.folded(shown) == text)
    };
    let profile = get(from, id)?.filter(is_shown);
    Ok((Place::Email(text), profile))
}

const fn at<K>(bound: &Bound<K>) -> Option<&K> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

fn at_of(bound: Bound<Timestamp>) -> Option<Timestamp> {
    at(&bound).copied()
}

/// Whether the range holds nothing: a table may not be asked for such a one.
fn is_empty<K: Ord>((low, high): &Range<K>) -> bool {
    let (Some(first), Some(last)) = (at(low), at(high)) else { return false };
    let is_open = matches!((low, high), (Bound::Excluded(_), _) | (_, Bound::Excluded(_)));
    first > last || (is_open && first == last)
}

fn contains(range: &(Bound<Timestamp>, Bound<Timestamp>), at: Timestamp) -> bool {
    std::ops::RangeBounds::contains(range, &at)
}

impl Place {
    /// Whether a listing in this order has such places.
    #[must_use]
    pub const fn is_of(&self, sort: Sort) -> bool {
        match self {
            Self::Id(_) => matches!(sort, Sort::Id),
            Self::Email(_) | Self::WithoutEmail(_) => matches!(sort, Sort::Email),
            Self::Updated(..) => matches!(sort, Sort::Updated),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Email(text) => write!(f, "email:{text}"),
            Self::WithoutEmail(id) => write!(f, "none:{id}"),
            Self::Updated(at, id) => write!(f, "updated:{}:{id}", at.micros()),
        }
    }
}

/// A text that is no place in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (kind, rest) = text.split_once(':').ok_or(NoPlace)?;
        let id = |text: &str| text.parse::<ProfileId>().map_err(|_| NoPlace);
        match kind {
            "id" => id(rest).map(Self::Id),
            "email" => Ok(Self::Email(rest.to_owned())),
            "none" => id(rest).map(Self::WithoutEmail),
            "updated" => {
                let (micros, rest) = rest.split_once(':').ok_or(NoPlace)?;
                let micros = micros.parse().map_err(|_| NoPlace)?;
                Ok(Self::Updated(Timestamp::from_micros(micros), id(rest)?))
            }
            _ => Err(NoPlace),
        }
    }
}
