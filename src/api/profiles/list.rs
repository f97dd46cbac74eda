//! `GET /api/profiles`: which people, in which order, a page at a time.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::view::Asked;
use crate::api::error::Problem;
use crate::api::query::{Known, Term};
use crate::api::{Answer, Call, jsonapi};
use crate::clock::Timestamp;
use crate::id::ProfileId;
use crate::limits;
use crate::profile::{self, Identifier, Listing, Place, Sort};
use crate::store::{Order, Read};

const SAME: &[&str] = &["equals", "any"];
const WHEN: &[&str] = &["greater-than", "greater-or-equal", "less-than", "less-or-equal"];
const KNOWN: &Known<'_> = &[
    ("id", SAME),
    ("email", SAME),
    ("phone_number", SAME),
    ("external_id", SAME),
    ("anonymous_id", SAME),
    ("_kx", &["equals"]),
    ("created", WHEN),
    ("updated", WHEN),
];
const SORTS: [&str; 4] = ["created", "email", "id", "updated"];
/// There are none of either here; naming them is no mistake.
const INCLUDE: [&str; 2] = ["conversations", "push-tokens"];

type Span = (Bound<Timestamp>, Bound<Timestamp>);
const EVER: Span = (Bound::Unbounded, Bound::Unbounded);

/// `GET /api/profiles`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    call.query.include(&INCLUDE)?;
    let (asked, wanted) = (Asked::of(&call)?, Wanted::parse(&call)?);
    let (store, base) = (call.parts().store.clone(), Arc::clone(&call.parts().base_url));
    let read = move || {
        let snapshot = store.snapshot()?;
        let listing = wanted.listing(&snapshot)?;
        let (people, next) = profile::page(&snapshot, &listing, |_, _| Ok(true))?;
        let people: Vec<_> = people.iter().collect();
        Ok::<_, Problem>((asked.documents(&snapshot, &base, &people)?, next))
    };
    // A filter that no order answers can take thousands of rows.
    let (data, next) = call.apart(read).await??;
    Ok(jsonapi::many(&call, &data, &[], next.map(|place| place.to_string()).as_deref()))
}

/// What a listing asks for.
struct Wanted {
    sort: Sort,
    order: Order,
    created: Span,
    updated: Span,
    /// Each names some people; only those that all of them name are wanted.
    among: Vec<Among>,
    after: Option<Place>,
    size: usize,
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
            sort: Sort::Id,
            order: Order::Ascending,
            created: EVER,
            updated: EVER,
            among: Vec::new(),
            after: None,
            size,
        };
        for term in call.query.filter(KNOWN)? {
            wanted.take(&term)?;
        }
        if let Some((field, order)) = call.query.sort(&SORTS)? {
            wanted.order = order;
            wanted.sort = match field {
                "email" => Sort::Email,
                "updated" => Sort::Updated,
                // Ids grow with the time of making.
                _ => Sort::Id,
            };
        } else if wanted.updated != EVER && wanted.created == EVER {
            // Nobody asked for an order: the one that answers the filter.
            wanted.sort = Sort::Updated;
        }
        let wrong =
            || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
        if let Some(text) = call.query.cursor()? {
            let place: Place = text.parse().map_err(|_| wrong())?;
            wanted.after = Some(place).filter(|place| place.is_of(wanted.sort));
            if wanted.after.is_none() {
                return Err(wrong());
            }
        }
        Ok(wanted)
    }

    fn take(&mut self, term: &Term) -> Result<(), Problem> {
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

    /// The listing, with the people looked up that the filter names.
    fn listing(self, from: &impl Read) -> Result<Listing, Problem> {
        let mut among: Option<BTreeSet<ProfileId>> = None;
        for named in self.among {
            let ids = named.find(from)?;
            among = Some(match among {
                None => ids,
                Some(others) => others.intersection(&ids).copied().collect(),
            });
        }
        Ok(Listing {
            sort: self.sort,
            order: self.order,
            created: self.created,
            updated: self.updated,
            among: among.map(|ids| ids.into_iter().collect()),
            after: self.after,
            size: self.size,
        })
    }
}

impl Among {
    fn find(self, from: &impl Read) -> Result<BTreeSet<ProfileId>, Problem> {
        match self {
            Self::Ids(ids) => Ok(ids.into_iter().collect()),
            Self::Identifiers(kind, texts) => {
                let mut ids = BTreeSet::new();
                for text in texts {
                    ids.extend(profile::find(from, kind, text.trim())?);
                }
                Ok(ids)
            }
        }
    }
}

/// Makes a span no longer than the operator allows. A moment of a filter has whole seconds in
/// answers, but people change in between: both are compared as they are.
fn narrow(span: &mut Span, operator: &str, at: Timestamp) {
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
