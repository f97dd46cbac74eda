//! The members of a group, which is a list or a segment: read as people or as their ids.
//!
//! They are read in the order in which they joined, from the index that has them so; of people who
//! are named, each is looked up. So a page costs what it shows, however large the group.

use std::ops::{Bound, RangeBounds as _};

use serde_json::json;

use super::error::Problem;
use super::query::{Known, Term};
use super::{Answer, Call, jsonapi, profiles};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::limits;
use crate::membership::{self, Member, Page};
use crate::profile::{self, Identifier};
use crate::store::{Order, Snapshot, StoreError};

const MOMENTS: &[&str] = &["greater-than", "greater-or-equal", "less-than", "less-or-equal"];
const NAMED: &[&str] = &["equals", "any"];

/// What the members of a list are filtered by.
pub(super) const FILTERS_OF_LISTS: &Known<'static> = &[
    ("email", NAMED),
    ("phone_number", NAMED),
    ("push_token", NAMED),
    ("_kx", &["equals"]),
    ("joined_group_at", MOMENTS),
];
/// What the members of a segment are filtered by.
pub(super) const FILTERS_OF_SEGMENTS: &Known<'static> = &[
    ("profile_id", NAMED),
    ("email", NAMED),
    ("phone_number", NAMED),
    ("push_token", NAMED),
    ("_kx", &["equals"]),
    ("joined_group_at", MOMENTS),
];
const SORTS: [&str; 1] = ["joined_group_at"];
const PAGE_DEFAULT: usize = 20;

/// What is asked for.
struct Asked {
    within: (Bound<Timestamp>, Bound<Timestamp>),
    order: Order,
    after: Option<Member>,
    size: usize,
    /// Who is named; `None` for everybody.
    named: Option<Vec<Name>>,
}

/// How one term names people: as any of these.
enum Name {
    Ids(Vec<String>),
    By(Identifier, Vec<String>),
    /// By what tidings does not keep: nobody.
    Unknown,
}

/// The members of a group as people.
pub(super) async fn profiles(call: Call, group: GroupId, filters: &Known<'_>) -> Answer {
    let shown = profiles::Asked::of(&call)?;
    let asked = Asked::parse(&call, filters)?;
    let (store, base) = (call.parts().store.clone(), call.base().to_owned());
    let read = move || -> Result<(Vec<Vec<u8>>, Option<String>), Problem> {
        let snapshot = store.snapshot()?;
        let (members, next) = asked.read(&snapshot, group)?;
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            found.extend(profile::get(&snapshot, member.profile)?.map(|of| (of, member.joined)));
        }
        let people: Vec<_> = found.iter().map(|(of, joined)| (of, Some(*joined))).collect();
        Ok((shown.members(&snapshot, &base, &people)?, next))
    };
    let (data, next) = call.apart(read).await??;
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

/// The ids of the members of a group.
pub(super) async fn ids(call: Call, group: GroupId, filters: &Known<'_>) -> Answer {
    let asked = Asked::parse(&call, filters)?;
    let store = call.parts().store.clone();
    let read = move || asked.read(&store.snapshot()?, group);
    let (members, next) = call.apart(read).await??;
    let id = |member: &Member| json!({ "type": "profile", "id": member.profile.to_string() });
    let data: Vec<_> = members.iter().map(|member| id(member).to_string().into_bytes()).collect();
    Ok(jsonapi::many(&call, &data, &[], next.as_deref()))
}

impl Asked {
    fn parse(call: &Call, filters: &Known<'_>) -> Result<Self, Problem> {
        let (_, order) = call.query.sort(&SORTS)?.unwrap_or((SORTS[0], Order::Ascending));
        let mut asked = Self {
            within: (Bound::Unbounded, Bound::Unbounded),
            order,
            after: call.query.cursor()?.map(|text| place(&text)).transpose()?,
            size: call.query.page_size(PAGE_DEFAULT, limits::MEMBERS_PAGE_MAX)?,
            named: None,
        };
        for term in call.query.filter(filters)? {
            asked.take(&term)?;
        }
        Ok(asked)
    }

    fn take(&mut self, term: &Term) -> Result<(), Problem> {
        let values = |term: &Term| -> Result<Vec<String>, Problem> {
            let texts = term.texts()?;
            let most = limits::FILTER_VALUES_MAX;
            if texts.len() > most {
                return Err(Problem::parameter("filter", format!("names more than {most} values")));
            }
            Ok(texts.into_iter().map(str::to_owned).collect())
        };
        let name = match term.field.as_str() {
            "joined_group_at" => return self.bound(&term.operator, term.moment()?),
            "profile_id" => Name::Ids(values(term)?),
            "email" => Name::By(Identifier::Email, values(term)?),
            "phone_number" => Name::By(Identifier::PhoneNumber, values(term)?),
            _ => Name::Unknown,
        };
        self.named.get_or_insert_default().push(name);
        Ok(())
    }

    /// Narrows the time of joining.
    fn bound(&mut self, operator: &str, moment: Timestamp) -> Result<(), Problem> {
        let side = match operator {
            "greater-than" | "greater-or-equal" => &mut self.within.0,
            _ => &mut self.within.1,
        };
        if *side != Bound::Unbounded {
            let why = "names one end of joined_group_at twice";
            return Err(Problem::parameter("filter", why));
        }
        *side = match operator {
            "greater-than" | "less-than" => Bound::Excluded(moment),
            _ => Bound::Included(moment),
        };
        Ok(())
    }

    /// The members of the page, and the cursor of the next one.
    fn read(
        &self,
        from: &Snapshot,
        group: GroupId,
    ) -> Result<(Vec<Member>, Option<String>), Problem> {
        let mut members = match &self.named {
            None => {
                let Self { within, order, after, size, .. } = *self;
                membership::page(from, group, Page { within, after, order, most: size + 1 })?
            }
            Some(names) => self.of_names(from, group, names)?,
        };
        let has_more = members.len() > self.size;
        members.truncate(self.size);
        let next = members.last().filter(|_| has_more);
        let next = next.map(|last| format!("{} {}", last.joined.micros(), last.profile));
        Ok((members, next))
    }

    fn of_names(
        &self,
        from: &Snapshot,
        group: GroupId,
        names: &[Name],
    ) -> Result<Vec<Member>, StoreError> {
        let mut people: Option<Vec<ProfileId>> = None;
        for name in names {
            let mut named = name.people(from)?;
            named.sort_unstable();
            named.dedup();
            // All terms must hold.
            named.retain(|id| people.as_ref().is_none_or(|people| people.contains(id)));
            people = Some(named);
        }
        let mut members = Vec::new();
        for profile in people.unwrap_or_default() {
            let joined = membership::joined(from, group, profile)?;
            members.extend(joined.map(|joined| Member { profile, joined }));
        }
        members.retain(|member| self.within.contains(&member.joined));
        let place = |member: &Member| (member.joined, member.profile);
        members.sort_unstable_by_key(place);
        if self.order == Order::Descending {
            members.reverse();
        }
        if let Some(after) = &self.after {
            members.retain(|member| match self.order {
                Order::Ascending => place(member) > place(after),
                Order::Descending => place(member) < place(after),
            });
        }
        Ok(members)
    }
}

impl Name {
    /// The people of this name who are known.
    fn people(&self, from: &Snapshot) -> Result<Vec<ProfileId>, StoreError> {
        let mut people = Vec::new();
        match self {
            Self::Unknown => {}
            Self::Ids(ids) => {
                for id in ids.iter().filter_map(|id| id.parse().ok()) {
                    people.push(profile::current(from, id)?);
                }
            }
            Self::By(kind, texts) => {
                for text in texts {
                    people.extend(profile::find(from, *kind, text)?);
                }
            }
        }
        Ok(people)
    }
}

fn place(text: &str) -> Result<Member, Problem> {
    let place = text.split_once(' ').and_then(|(micros, profile)| {
        let joined = Timestamp::from_micros(micros.parse().ok()?);
        Some(Member { profile: profile.parse().ok()?, joined })
    });
    let wrong = || Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    place.ok_or_else(wrong)
}
