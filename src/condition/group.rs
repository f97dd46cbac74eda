//! `profile-group-membership`: whether the person is in one of some lists and segments, and since
//! when. Whether these exist is not known here.

use super::At;
use super::Subject;
use super::dates::DateTest;
use super::dates::Moment;
use super::explain::shown_list;
use super::metric::timeframe;
use super::standing::Standing;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::json::object::shown;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupTest {
    is_member: bool,
    pub(super) group_ids: Vec<String>,
    /// When the person joined; any time where it is absent.
    joined: Option<DateTest>,
}

impl GroupTest {
    pub(super) fn parse(object: &Object<'_>) -> Result<Self, Fault> {
        object.only(&["type", "is_member", "group_ids", "timeframe_filter"])?;
        let is_member = object.boolean("is_member")?;
        let group_ids = object.texts("group_ids")?;
        if let Some(place) = group_ids.iter().position(|id| id.is_empty()) {
            let why = "must be the id of a list or segment, such as \"Y6nRLr\"";
            return Err(Fault::new(format!("/group_ids/{place}"), why));
        }
        let group_ids = group_ids.into_iter().map(str::to_owned).collect();
        let joined = match object.optional("timeframe_filter") {
            None => None,
            Some(_) if is_member => Some(timeframe(object)?),
            Some(_) => {
                let why = "is about the time of joining and possible only with `is_member` `true`";
                return Err(fault_at("timeframe_filter", why));
            }
        };
        Ok(Self { is_member, group_ids, joined })
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        let is_in_one = self
            .memberships(subject)
            .map(|(_, since)| self.stand_of(since, at))
            .fold(Standing::settled(false), Standing::or);
        if self.is_member { is_in_one } else { is_in_one.negated() }
    }

    /// The groups that the person is in, with the moments of joining.
    fn memberships<'a>(
        &'a self,
        subject: &'a dyn Subject,
    ) -> impl Iterator<Item = (&'a str, Timestamp)> {
        self.group_ids.iter().filter_map(|id| Some((id.as_str(), subject.joined(id)?)))
    }

    fn stand_of(&self, since: Timestamp, at: &At) -> Standing {
        match (&self.joined, Moment::of(since)) {
            (None, _) => Standing::settled(true),
            (Some(test), Some(since)) => test.stand(since, at),
            (Some(_), None) => Standing::settled(false),
        }
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let fitting = self.memberships(subject).find(|(_, since)| self.stand_of(*since, at).holds);
        let Some((id, since)) = fitting.or_else(|| self.memberships(subject).next()) else {
            let ids = shown_list(self.group_ids.iter().map(String::as_str));
            return format!("the person is in none of {ids}");
        };
        let member = format!("the person is in `{}` since {}", shown(id), since.rfc3339_seconds());
        match &self.joined {
            None => member,
            Some(test) if fitting.is_some() => format!("{member}, {test}"),
            Some(test) => format!("{member}, not {test}"),
        }
    }
}
