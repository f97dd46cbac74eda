//! Looking and evaluating: whose answer may have changed, and what it is now. Reads, and writes
//! nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use tracing::error;

use super::rows;
use crate::clock::Timestamp;
use crate::condition::At;
use crate::event;
use crate::id::{ChangeId, EventId, GroupId, ProfileId};
use crate::limits;
use crate::membership;
use crate::person::Person;
use crate::profile;
use crate::segment::{self, Backfill, Live, Segment, View, Watch};
use crate::store::{Snapshot, StoreError};

/// What one round is about, and what came of it.
pub(super) struct Looked {
    /// The log was followed to here.
    pub(super) followed_to: Option<EventId>,
    /// Changes that were followed.
    pub(super) changes: Vec<(ChangeId, ProfileId)>,
    /// Timers that fired.
    pub(super) fired: Vec<Watch>,
    /// How far the computations got.
    pub(super) backfills: Vec<Stride>,
    /// What changed.
    pub(super) verdicts: Vec<Verdict>,
    /// Whether there may be more to look at already.
    pub(super) has_more: bool,
}

/// How far a round brought the computation of a definition.
pub(super) struct Stride {
    pub(super) segment: GroupId,
    pub(super) revision: u32,
    pub(super) from: Backfill,
    /// `None` where it is complete.
    pub(super) to: Option<Backfill>,
}

/// What is to be written for one person in one segment.
pub(super) struct Verdict {
    pub(super) segment: Arc<Live>,
    pub(super) profile: ProfileId,
    /// Whether they belong to it from now on; `None` where that stays as it is.
    pub(super) member: Option<bool>,
    /// The timer's new moment; `None` where it stays as it is.
    pub(super) timer: Option<Timestamp>,
    /// Whether nobody is told.
    pub(super) quiet: bool,
}

/// Whom to ask about what.
#[derive(Default)]
struct Questions {
    people: BTreeMap<ProfileId, BTreeMap<GroupId, Question>>,
    count: usize,
}

/// What questions come from: the log, changes, timers.
const SOURCES: usize = 3;

struct Question {
    segment: Arc<Live>,
    quiet: bool,
}

impl Questions {
    /// Adds what to ask about a person. Quiet is only what nothing else causes.
    fn add(&mut self, profile: ProfileId, segments: &[Arc<Live>], quiet: bool) {
        if segments.is_empty() {
            return;
        }
        let asked = self.people.entry(profile).or_default();
        for segment in segments {
            match asked.entry(segment.segment.id) {
                Entry::Occupied(mut again) => again.get_mut().quiet &= quiet,
                Entry::Vacant(first) => {
                    first.insert(Question { segment: Arc::clone(segment), quiet });
                    self.count += 1;
                }
            }
        }
    }

    /// Whether one round has enough of them, up to this source: events, changes and timers have a
    /// third each, so that none keeps the others waiting.
    const fn are_enough(&self, up_to: usize) -> bool {
        self.count >= limits::QUESTIONS_AT_ONCE_MAX * up_to / SOURCES
    }
}

impl Looked {
    /// Whether there is nothing to write.
    pub(super) fn is_nothing(&self) -> bool {
        self.followed_to.is_none()
            && self.changes.is_empty()
            && self.fired.is_empty()
            && self.backfills.is_empty()
    }
}

/// Looks at what happened until now and evaluates it, with one view of all segments.
pub(super) fn look(snapshot: &Snapshot, segments: &View, at: &At) -> Result<Looked, StoreError> {
    let mut questions = Questions::default();
    let (followed_to, log_has_more) = follow_log(snapshot, segments, &mut questions)?;
    let mut changes = Vec::new();
    let noted = profile::changes(snapshot, limits::FOLLOWED_AT_ONCE_MAX)?;
    let mut has_more = log_has_more || noted.len() == limits::FOLLOWED_AT_ONCE_MAX;
    for (id, change) in noted {
        if questions.are_enough(2) {
            has_more = true;
            break;
        }
        questions.add(change.profile, &segments.touched_by(&change.aspect), change.quiet);
        changes.push((id, change.profile));
    }
    let mut fired = Vec::new();
    let due = segment::due(snapshot, at.now(), limits::FOLLOWED_AT_ONCE_MAX)?;
    has_more |= due.len() == limits::FOLLOWED_AT_ONCE_MAX;
    for watch in due {
        if questions.are_enough(SOURCES) {
            has_more = true;
            break;
        }
        let live = segments.get(watch.segment).filter(|live| live.segment.is_active);
        questions.add(watch.profile, live.as_slice(), false);
        fired.push(watch);
    }
    let backfills = next_people(snapshot, segments, &mut questions)?;
    Ok(Looked {
        followed_to,
        changes,
        fired,
        has_more: has_more || !backfills.is_empty(),
        backfills,
        verdicts: evaluate(snapshot, questions, at)?,
    })
}

/// Asks about the events that were indexed since the last round.
fn follow_log(
    snapshot: &Snapshot,
    segments: &View,
    questions: &mut Questions,
) -> Result<(Option<EventId>, bool), StoreError> {
    let (after, to) = (rows::followed_to(snapshot)?, event::indexed_to(snapshot)?);
    if after >= to {
        return Ok((None, false));
    }
    if segments.is_idle() {
        return Ok((Some(to), false));
    }
    let events = event::page_intact(snapshot, after, to, limits::FOLLOWED_AT_ONCE_MAX)?;
    // Where the page is empty, the events up to there were erased.
    let mut followed_to = if events.is_empty() { to } else { after };
    for event in &events {
        if questions.are_enough(1) {
            break;
        }
        questions.add(event.profile, segments.touched_by_metric(event.metric), false);
        followed_to = event.id;
    }
    Ok((Some(followed_to), followed_to < to))
}

/// Asks about the next people of the computations that are furthest behind; those that are at the
/// same person go on together.
fn next_people(
    snapshot: &Snapshot,
    segments: &View,
    questions: &mut Questions,
) -> Result<Vec<Stride>, StoreError> {
    let under_way = segment::backfills(snapshot)?.into_iter();
    let mut under_way: Vec<(Arc<Live>, Backfill)> =
        under_way.filter_map(|(id, backfill)| Some((segments.get(id)?, backfill))).collect();
    let Some(cursor) = under_way.iter().map(|(_, backfill)| backfill.cursor).min() else {
        return Ok(Vec::new());
    };
    under_way.retain(|(_, backfill)| backfill.cursor == cursor);
    // Fewer people at a time where many segments ask about each.
    let most = (limits::BACKFILLED_AT_ONCE_MAX / under_way.len().max(1)).max(1);
    let people = profile::ids_after(snapshot, cursor, most)?;
    let computed: Vec<_> = under_way.iter().map(|(live, _)| Arc::clone(live)).collect();
    for profile in &people {
        questions.add(*profile, &computed, true);
    }
    let is_end = people.len() < most;
    let stride = |(live, from): (Arc<Live>, Backfill)| {
        let evaluated = from.evaluated.saturating_add(people.len() as u64);
        let to = Backfill {
            cursor: people.last().copied().or(from.cursor),
            evaluated,
            total: from.total.max(evaluated),
        };
        let Segment { id, revision, .. } = live.segment;
        Stride { segment: id, revision, from, to: (!is_end).then_some(to) }
    };
    Ok(under_way.into_iter().map(stride).collect())
}

/// Answers the questions; keeps the answers that are to be written. A row that can not be read
/// will not be so tomorrow: who depends on it stays as they are, and the others go on.
fn evaluate(
    snapshot: &Snapshot,
    questions: Questions,
    at: &At,
) -> Result<Vec<Verdict>, StoreError> {
    let mut verdicts = Vec::new();
    for (profile, asked) in questions.people {
        match answer(snapshot, profile, asked, at) {
            Ok(answers) => verdicts.extend(answers),
            Err(StoreError::Corrupt { table, error }) => {
                error!(profile.id = %profile, table, %error, "a person is left out of segments");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(verdicts)
}

/// Answers what is asked about one person.
fn answer(
    snapshot: &Snapshot,
    profile: ProfileId,
    asked: BTreeMap<GroupId, Question>,
    at: &At,
) -> Result<Vec<Verdict>, StoreError> {
    let mut verdicts = Vec::new();
    let person = Person::new(snapshot, profile);
    // Who was deleted or merged belongs to nothing; that commit saw to it.
    if !person.exists()? {
        return Ok(verdicts);
    }
    for (id, Question { segment, quiet }) in asked {
        let standing = segment.filter.stand(&person, at);
        let standing = person.checked(standing)?;
        let is_member = membership::joined(snapshot, id, profile)?.is_some();
        let member = (standing.holds != is_member).then_some(standing.holds);
        // Without a moment there is nothing to move, and what fired is removed anyway.
        let timer = match standing.until {
            Some(until) => moved(segment::watch(snapshot, id, profile)?, until, at.now()),
            None => None,
        };
        if member.is_some() || timer.is_some() {
            verdicts.push(Verdict { segment, profile, member, timer, quiet });
        }
    }
    Ok(verdicts)
}

/// Where the timer goes; `None` where it stays. One that fires early is no harm and moves then, so
/// that it is written only when it has to fire earlier.
fn moved(watched: Option<Timestamp>, until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let stays = watched.is_some_and(|watched| now < watched && watched <= until);
    (!stays).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_moves_only_to_fire_earlier_or_once_it_fired() {
        let at = |second| Some(Timestamp::from_seconds(second));
        let now = Timestamp::from_seconds(10);
        for (watched, expected) in [
            (None, at(20)),
            (at(15), None),
            (at(20), None),
            (at(25), at(20)),
            (at(10), at(20)),
            (at(9), at(20)),
        ] {
            let until = Timestamp::from_seconds(20);
            assert_eq!(moved(watched, until, now), expected, "{watched:?}");
        }
    }
}
