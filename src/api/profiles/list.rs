//! `GET /api/profiles`: which people, in which order, a page at a time.
//!
//! A filter that has an order of its own says the order where nobody asks for another. Beside
//! another order it is looked up first, where it names few, and asked of everybody who comes by,
//! where it names many.

use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds as _};
use std::sync::Arc;

use super::suppressed::{self, Both, Family};
use super::view::Asked;
use crate::api::error::Problem;
use crate::api::query::Term;
use crate::api::{Answer, Call, jsonapi};
use crate::clock::Timestamp;
use crate::consent;
use crate::id::ProfileId;
use crate::limits;
use crate::profile::{self, Identifier, Profile};
use crate::store::{Order, Read, Snapshot, StoreError};

const SAME: &[&str] = &["equals", "any"];
pub(super) const WHEN: &[&str] =
    &["greater-than", "greater-or-equal", "less-than", "less-or-equal"];
const KNOWN: [(&str, &[&str]); 8] = [
    ("id", SAME),
    ("email", SAME),
    ("phone_number", SAME),
    ("external_id", SAME),
    ("anonymous_id", SAME),
    ("_kx", &["equals"]),
    ("created", WHEN),
    ("updated", WHEN),
];
const SORTS: [&str; 6] =
    ["created", "email", "id", Family::Lists.sort(), Family::Everything.sort(), "updated"];
/// There are none of either here; naming them is no mistake.
const INCLUDE: [&str; 2] = ["conversations", "push-tokens"];

type Span = (Bound<Timestamp>, Bound<Timestamp>);
pub(super) const EVER: Span = (Bound::Unbounded, Bound::Unbounded);

/// `GET /api/profiles`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    call.query.include(&INCLUDE)?;
    let (asked, wanted) = (Asked::of(&call)?, Wanted::parse(&call)?);
    let (store, base) = (call.parts().store.clone(), Arc::clone(&call.parts().base_url));
    let read = move || {
        let snapshot = store.snapshot()?;
        let (people, next) = wanted.page(&snapshot)?;
        let people: Vec<_> = people.iter().collect();
        Ok::<_, Problem>((asked.documents(&snapshot, &base, &people)?, next))
    };
    // A filter that no order answers can take thousands of rows.
    let (data, next) = call.apart(read).await??;
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// What a listing asks for.
struct Wanted {
    by: By,
    order: Order,
    created: Span,
    updated: Span,
    suppressed: Both,
    /// Each names some people; only those that all of them name are wanted.
    among: Vec<Among>,
    size: usize,
}

/// What it is sorted by, and the last one of the page before.
enum By {
    Own(profile::Sort, Option<profile::Place>),
    Held(Family, Option<consent::Place>),
}

/// People by what names them.
enum Among {
    Ids(Vec<ProfileId>),
    Identifiers(Identifier, Vec<String>),
}

impl Wanted {
    fn parse(call: &Call) -> Result<Self, Problem> {
        let size =
            call.query.page_size(limits::PROFILES_PAGE_DEFAULT, limits::PROFILES_PAGE_MAX)?;
        let mut wanted = Self {
            by: By::Own(profile::Sort::Id, None),
            order: Order::Ascending,
            created: EVER,
            updated: EVER,
            suppressed: Both::default(),
            among: Vec::new(),
            size,
        };
        for term in call.query.filter(&[&KNOWN, suppressed::KNOWN].concat())? {
            wanted.take(&term)?;
        }
        wanted.sort(call)?;
        wanted.go_on(call)?;
        Ok(wanted)
    }

    fn take(&mut self, term: &Term) -> Result<(), Problem> {
        if self.suppressed.take(term)? {
            return Ok(());
        }
        match term.field.as_str() {
            "created" => narrow(&mut self.created, &term.operator, term.moment()?),
            "updated" => narrow(&mut self.updated, &term.operator, term.moment()?),
            // No tracking id of the original's leads to anybody here.
            "_kx" => self.among.push(Among::Ids(Vec::new())),
            field => {
                let texts = term.texts()?;
                let most = limits::PROFILES_NAMED_MAX;
                if texts.len() > most {
                    let why = format!("`{field}` names {} values; {most} may be", texts.len());
                    return Err(Problem::parameter("filter", why));
                }
                let kind = Identifier::ALL.into_iter().find(|kind| kind.name() == field);
                self.among.push(match kind {
                    Some(kind) => {
                        Among::Identifiers(kind, texts.into_iter().map(str::to_owned).collect())
                    }
                    // What is no id is nobody's.
                    None => Among::Ids(texts.iter().filter_map(|text| text.parse().ok()).collect()),
                });
            }
        }
        Ok(())
    }

    /// Reads the order, or takes the one that answers the filter.
    fn sort(&mut self, call: &Call) -> Result<(), Problem> {
        if let Some((field, order)) = call.query.sort(&SORTS)? {
            self.order = order;
            let held = Family::ALL.into_iter().find(|family| family.sort() == field);
            self.by = match (field, held) {
                (_, Some(family)) => By::Held(family, None),
                ("email", _) => By::Own(profile::Sort::Email, None),
                ("updated", _) => By::Own(profile::Sort::Updated, None),
                // Ids grow with the time of making.
                _ => By::Own(profile::Sort::Id, None),
            };
        } else if let Some(family) = self.suppressed.first() {
            self.by = By::Held(family, None);
        } else if self.updated != EVER && self.created == EVER {
            self.by = By::Own(profile::Sort::Updated, None);
        }
        Ok(())
    }

    /// Reads where the page goes on.
    fn go_on(&mut self, call: &Call) -> Result<(), Problem> {
        let Some(text) = call.query.cursor()? else { return Ok(()) };
        let is_read = match &mut self.by {
            By::Own(sort, after) => {
                let place = text.parse::<profile::Place>().ok();
                *after = place.filter(|place| place.is_of(*sort));
                after.is_some()
            }
            By::Held(family, after) => {
                let of_family = text.split_once(' ').filter(|(name, _)| *name == family.name());
                *after = of_family.and_then(|(_, place)| place.parse().ok());
                after.is_some()
            }
        };
        if is_read {
            return Ok(());
        }
        Err(Problem::parameter("page[cursor]", "is not a cursor that this call gave out"))
    }

    /// The people of the page, and the cursor of the next one.
    fn page(self, from: &Snapshot) -> Result<(Vec<Profile>, Option<String>), StoreError> {
        let among = self.among(from)?;
        let Self { by, order, created, updated, suppressed, size, .. } = self;
        match by {
            By::Own(sort, after) => {
                let listing =
                    profile::Listing { sort, order, created, updated, among, after, size };
                let keeps = |from: &Snapshot, person: &Profile| fits(from, &suppressed, person);
                let (people, next) = profile::page(from, &listing, keeps)?;
                Ok((people, next.map(|place| place.to_string())))
            }
            By::Held(family, after) => {
                let asked = suppressed.of(family);
                // Sorting hides nobody: who is not held back comes last.
                let (wanted, with_others) = (asked.wanted, !asked.is_any);
                let listing = consent::Listing { wanted, order, with_others, among, after, size };
                let keeps = |from: &Snapshot, person: &Profile| {
                    let is_in_time =
                        created.contains(&person.created) && updated.contains(&person.updated);
                    Ok(is_in_time && fits(from, &suppressed, person)?)
                };
                let (people, next) = consent::people(from, &listing, keeps)?;
                Ok((people, next.map(|place| format!("{} {place}", family.name()))))
            }
        }
    }

    /// The only ones that may be wanted, where they are few.
    fn among(&self, from: &impl Read) -> Result<Option<Vec<ProfileId>>, StoreError> {
        if self.suppressed.is_nobody() {
            return Ok(Some(Vec::new()));
        }
        let mut among: Option<BTreeSet<ProfileId>> = None;
        let mut narrow = |ids: BTreeSet<ProfileId>| {
            among = Some(match among.take() {
                None => ids,
                Some(others) => others.intersection(&ids).copied().collect(),
            });
        };
        for named in &self.among {
            narrow(named.find(from)?);
        }
        for family in Family::ALL {
            let asked = self.suppressed.of(family);
            let is_walked = matches!(&self.by, By::Held(by, _) if *by == family);
            // Those who are named are few already.
            if asked.is_any && !is_walked && self.among.is_empty() {
                let few = consent::few(from, &asked.wanted, limits::PROFILES_NAMED_MAX)?;
                few.into_iter().for_each(|ids| narrow(ids.into_iter().collect()));
            }
        }
        Ok(among.map(|ids| ids.into_iter().collect()))
    }
}

/// Whether a person's suppressions are those that are asked for; nothing is read where none are.
fn fits(from: &Snapshot, suppressed: &Both, person: &Profile) -> Result<bool, StoreError> {
    if suppressed.first().is_none() {
        return Ok(true);
    }
    Ok(suppressed.fits(&consent::get(from, person.id)?))
}

impl Among {
    fn find(&self, from: &impl Read) -> Result<BTreeSet<ProfileId>, StoreError> {
        match self {
            Self::Ids(ids) => Ok(ids.iter().copied().collect()),
            Self::Identifiers(kind, texts) => {
                let mut ids = BTreeSet::new();
                for text in texts {
                    ids.extend(profile::find(from, *kind, text.trim())?);
                }
                Ok(ids)
            }
        }
    }
}

/// Makes a span no longer than the operator allows. A moment of a filter has whole seconds in
/// answers, but people change in between: both are compared as they are.
pub(super) fn narrow(span: &mut Span, operator: &str, at: Timestamp) {
    let within = |bound: &Bound<Timestamp>| match bound {
        Bound::Included(at) | Bound::Excluded(at) => Some(*at),
        Bound::Unbounded => None,
    };
    let (low, high) = (within(&span.0), within(&span.1));
    match operator {
        "greater-than" if low.is_none_or(|low| at >= low) => span.0 = Bound::Excluded(at),
        "greater-or-equal" if low.is_none_or(|low| at > low) => span.0 = Bound::Included(at),
        "less-than" if high.is_none_or(|high| at <= high) => span.1 = Bound::Excluded(at),
        "less-or-equal" if high.is_none_or(|high| at < high) => span.1 = Bound::Included(at),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_span_wins() {
        let at = Timestamp::from_seconds;
        for (terms, expected) in [
            (
                &[("greater-than", 5), ("greater-than", 7)][..],
                (Bound::Excluded(at(7)), Bound::Unbounded),
            ),
            (
                &[("greater-than", 7), ("greater-or-equal", 7)],
                (Bound::Excluded(at(7)), Bound::Unbounded),
            ),
            (
                &[("greater-or-equal", 7), ("greater-than", 7)],
                (Bound::Excluded(at(7)), Bound::Unbounded),
            ),
            (&[("less-than", 7), ("less-or-equal", 5)], (Bound::Unbounded, Bound::Included(at(5)))),
            (&[("less-or-equal", 5), ("less-than", 5)], (Bound::Unbounded, Bound::Excluded(at(5)))),
            (
                &[("greater-or-equal", 1), ("less-than", 9)],
                (Bound::Included(at(1)), Bound::Excluded(at(9))),
            ),
        ] {
            let mut span = EVER;
            terms.iter().for_each(|(operator, second)| narrow(&mut span, operator, at(*second)));
            assert_eq!(span, expected, "{terms:?}");
        }
    }
}
