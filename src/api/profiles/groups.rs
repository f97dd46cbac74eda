//! The groups of a person, lists and segments: as they are, as their ids, and included beside the
//! person.

use serde_json::{Map, Value, json};

use super::{find, id};
use crate::api::error::Problem;
use crate::api::jsonapi::{self, Resource};
use crate::api::{Answer, Call, lists, segments};
use crate::id::ProfileId;
use crate::list;
use crate::membership;

/// What a read of one profile may include. There are no push tokens and no conversations here.
const INCLUDE: [&str; 4] = ["conversations", "lists", "push-tokens", "segments"];

/// A kind of group.
#[derive(Clone, Copy)]
enum Kind {
    List,
    Segment,
}

/// `GET /api/profiles/{id}/lists`.
pub(in crate::api) async fn lists(call: Call) -> Answer {
    whole(&call, Kind::List)
}

/// `GET /api/profiles/{id}/relationships/lists`.
pub(in crate::api) async fn list_ids(call: Call) -> Answer {
    ids(&call, Kind::List)
}

/// `GET /api/profiles/{id}/segments`.
pub(in crate::api) async fn segments(call: Call) -> Answer {
    whole(&call, Kind::Segment)
}

/// `GET /api/profiles/{id}/relationships/segments`.
pub(in crate::api) async fn segment_ids(call: Call) -> Answer {
    ids(&call, Kind::Segment)
}

fn whole(call: &Call, kind: Kind) -> Answer {
    let fields = kind.fields(call)?;
    let groups = kind.of(call, find(call, id(call)?)?.id)?;
    Ok(jsonapi::many(call, &shown(call, &groups, fields.as_deref()), &[], None))
}

fn ids(call: &Call, kind: Kind) -> Answer {
    let groups = kind.of(call, find(call, id(call)?)?.id)?;
    let data: Vec<_> = groups.iter().map(|one| name(one).to_string().into_bytes()).collect();
    Ok(jsonapi::many(call, &data, &[], None))
}

fn shown(call: &Call, groups: &[Resource], fields: Option<&[&str]>) -> Vec<Vec<u8>> {
    groups.iter().map(|group| group.to_bytes(call.base(), fields)).collect()
}

/// The type and the id.
fn name(group: &Resource) -> Value {
    json!({ "type": group.kind, "id": group.id })
}

impl Kind {
    const ALL: [Self; 2] = [Self::List, Self::Segment];

    /// The name of the relationship that leads from a person to them.
    const fn relationship(self) -> &'static str {
        match self {
            Self::List => "lists",
            Self::Segment => "segments",
        }
    }

    fn fields(self, call: &Call) -> Result<Option<Vec<&str>>, Problem> {
        match self {
            Self::List => call.query.fields("list", &lists::FIELDS),
            Self::Segment => call.query.fields("segment", &segments::FIELDS),
        }
    }

    /// Those that a person belongs to.
    fn of(self, call: &Call, profile: ProfileId) -> Result<Vec<Resource>, Problem> {
        let snapshot = call.parts().store.snapshot()?;
        if matches!(self, Self::List) {
            let found = list::of(&snapshot, profile)?;
            return Ok(found.iter().map(|list| lists::resource(call, list, None)).collect());
        }
        let mut found = Vec::new();
        for live in call.parts().segments.all() {
            if membership::joined(&snapshot, live.segment.id, profile)?.is_some() {
                found.push(segments::resource(&snapshot, call.base(), &live.segment, false)?);
            }
        }
        Ok(found)
    }
}

/// The groups to include beside a person, each kind with the fields to show.
pub(super) struct Included<'c>(Vec<(Kind, Option<Vec<&'c str>>)>);

/// The groups beside a person.
pub(super) struct Beside {
    /// Their types and ids, by the relationship that leads to them.
    pub(super) linked: Map<String, Value>,
    pub(super) resources: Vec<Vec<u8>>,
}

impl<'c> Included<'c> {
    /// Reads `include`, and `fields[…]` of both kinds.
    ///
    /// # Errors
    /// Where they name what is not known.
    pub(super) fn asked(call: &'c Call) -> Result<Self, Problem> {
        let names = call.query.include(&INCLUDE)?;
        let mut wanted = Vec::new();
        for kind in Kind::ALL {
            let fields = kind.fields(call)?;
            wanted.extend(names.contains(&kind.relationship()).then_some((kind, fields)));
        }
        Ok(Self(wanted))
    }

    /// Those of a person.
    pub(super) fn of(&self, call: &Call, profile: ProfileId) -> Result<Beside, Problem> {
        let (mut linked, mut resources) = (Map::new(), Vec::new());
        for (kind, fields) in &self.0 {
            let groups = kind.of(call, profile)?;
            let names = groups.iter().map(name).collect();
            linked.insert(kind.relationship().to_owned(), names);
            resources.extend(shown(call, &groups, fields.as_deref()));
        }
        Ok(Beside { linked, resources })
    }
}
