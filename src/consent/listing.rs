//! Listing people by since when mail to them is held back.
//!
//! Everybody is listed once: at the first of their suppressions that count, in the order that is
//! asked for. Those of whom none counts come last, by their ids, where they are wanted at all. A
//! page costs its length; the index says who is next (`index.rs`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::get;
use super::index::{Suppressed, Walk, Wanted};
use crate::clock::Timestamp;
use crate::id::ProfileId;
use crate::profile;
use crate::profile::Profile;
use crate::store::{Order, Read, StoreError};

/// Where a person stands in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By since when they are held back.
    Held(Suppressed),
    /// Behind those who are held back.
    Free(ProfileId),
}

/// A page of people that is wanted.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which suppressions count.
    pub wanted: Wanted,
    /// By since when they are there.
    pub order: Order,
    /// Whether the others follow.
    pub with_others: bool,
    /// Only these; `None` for all.
    pub among: Option<Vec<ProfileId>>,
    /// The last one of the page before.
    pub after: Option<Place>,
    /// How many, at most.
    pub size: usize,
}

/// A place, and whose it is; nobody's where the person is gone or stands elsewhere.
type Step = (Place, Option<Profile>);

/// The people of a page for whom `keeps` says yes, and where the next page goes on, if there may be
/// one.
///
/// # Errors
/// Where the store can not be read.
pub fn people<R: Read>(
    from: &R,
    listing: &Listing,
    mut keeps: impl FnMut(&R, &Profile) -> Result<bool, StoreError>,
) -> Result<(Vec<Profile>, Option<Place>), StoreError> {
    let keeps = |person: &Profile| keeps(from, person);
    let (size, after) = (listing.size, listing.after);
    if let Some(among) = &listing.among {
        let mut given = listing.given(from, among)?.into_iter();
        return profile::gather(size, after, || Ok(given.next()), keeps);
    }
    let mut all = All::behind(from, listing)?;
    profile::gather(size, after, || all.next(), keeps)
}

impl Listing {
    /// Where a person stands; `None` for one who is not listed.
    fn place(&self, from: &impl Read, id: ProfileId) -> Result<Option<Place>, StoreError> {
        Ok(match self.wanted.first(&get(from, id)?, self.order) {
            Some(at) => Some(Place::Held(Suppressed { at, profile: id })),
            None => self.with_others.then_some(Place::Free(id)),
        })
    }

    /// Those of `among` that come behind the last page, in order.
    fn given(&self, from: &impl Read, among: &[ProfileId]) -> Result<Vec<Step>, StoreError> {
        let mut places = Vec::with_capacity(among.len());
        for id in among {
            places.extend(self.place(from, *id)?);
        }
        places.retain(|place| self.after.is_none_or(|last| self.compare(place, &last).is_gt()));
        places.sort_by(|a, b| self.compare(a, b));
        places.dedup();
        places.into_iter().map(|place| Ok((place, profile::get(from, place.profile())?))).collect()
    }

    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        let by_order = |ordering: Ordering| match self.order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        match (a, b) {
            (Place::Held(_), Place::Free(_)) => Ordering::Less,
            (Place::Free(_), Place::Held(_)) => Ordering::Greater,
            (Place::Held(a), Place::Held(b)) => by_order((a.at, a.profile).cmp(&(b.at, b.profile))),
            (Place::Free(a), Place::Free(b)) => by_order(a.cmp(b)),
        }
    }
}

/// Everybody, in order.
struct All<'l, R> {
    from: &'l R,
    listing: &'l Listing,
    /// Those who are held back; `None` once all of them were given.
    held: Option<Walk<'l, R>>,
    /// Those who were read for the part behind them.
    others: std::vec::IntoIter<Profile>,
    last: Option<ProfileId>,
}

impl<'l, R: Read> All<'l, R> {
    fn behind(from: &'l R, listing: &'l Listing) -> Result<Self, StoreError> {
        let walk = |after| Walk::start(from, &listing.wanted, listing.order, after).map(Some);
        let (held, last) = match listing.after {
            None => (walk(None)?, None),
            Some(Place::Held(held)) => (walk(Some(held))?, None),
            Some(Place::Free(id)) => (None, Some(id)),
        };
        Ok(Self { from, listing, held, others: Vec::new().into_iter(), last })
    }

    fn next(&mut self) -> Result<Option<Step>, StoreError> {
        if let Some(held) = &mut self.held {
            if let Some(held) = held.next()? {
                let place = Place::Held(held);
                return Ok(Some((place, self.owner(place)?)));
            }
            self.held = None;
        }
        if self.listing.with_others { self.other() } else { Ok(None) }
    }

    /// The person of the index's place, where it is the one that they are listed at.
    fn owner(&self, place: Place) -> Result<Option<Profile>, StoreError> {
        let id = place.profile();
        let is_theirs = self.listing.place(self.from, id)? == Some(place);
        if is_theirs { profile::get(self.from, id) } else { Ok(None) }
    }

    fn other(&mut self) -> Result<Option<Step>, StoreError> {
        let Listing { order, size, .. } = *self.listing;
        if self.others.len() == 0 {
            let most = size.saturating_add(1);
            self.others = profile::by_id(self.from, self.last, order, most)?.into_iter();
        }
        let Some(person) = self.others.next() else { return Ok(None) };
        self.last = Some(person.id);
        let place = Place::Free(person.id);
        let is_theirs = self.listing.place(self.from, person.id)? == Some(place);
        Ok(Some((place, is_theirs.then_some(person))))
    }
}

impl Place {
    const fn profile(self) -> ProfileId {
        match self {
            Self::Held(held) => held.profile,
            Self::Free(id) => id,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(held) => write!(f, "held:{}:{}", held.at.micros(), held.profile),
            Self::Free(id) => write!(f, "free:{id}"),
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
            "held" => {
                let (micros, rest) = rest.split_once(':').ok_or(NoPlace)?;
                let at = Timestamp::from_micros(micros.parse().map_err(|_| NoPlace)?);
                Ok(Self::Held(Suppressed { at, profile: id(rest)? }))
            }
            "free" => id(rest).map(Self::Free),
            _ => Err(NoPlace),
        }
    }
}
