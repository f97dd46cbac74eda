//! How far a run gets now: a walk over the graph of its flow, from what it is about to do until it
//! has to wait, changes the person, or ends. Reads; changes nothing.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::context::{Organization, Scene, context};
use super::plan::{Change, Deed, DeedKind, Plan, Send, Then};
use super::traveller::Traveller;
use crate::clock::Timestamp;
use crate::condition::At;
use crate::event::Event;
use crate::flow::run::What;
use crate::flow::{
    Action, ActionStatus, Branch, Conditions, DateTrigger, Definition, Entry, Flow, Live, Run,
    RunState, Step, Trigger, day_of,
};
use crate::id::ActionId;
use crate::limits;
use crate::membership;
use crate::profile::{self, Profile};
use crate::store::{Read, StoreError};

/// Why an action is passed by somebody of whom the flow's profile filter does not hold.
pub(super) const FAILS_FILTER: &str = "the person does not fit the flow's profile filter";

/// Where and when a walk takes place.
#[derive(Clone)]
pub(super) struct World {
    /// The moment.
    pub(super) now: Timestamp,
    /// The calendar of whoever has none of their own.
    pub(super) zone: TimeZone,
    /// What templates call `organization`.
    pub(super) organization: Arc<Organization>,
    /// Whether responses to webhooks can come.
    pub(super) awaits_answers: bool,
}

/// A run with everything that a walk reads.
struct Walk<'a, R> {
    from: &'a R,
    world: &'a World,
    flow: &'a Flow,
    run: &'a Run,
    profile: &'a Profile,
    event: Option<&'a Event>,
    traveller: Traveller<'a, R>,
    at: At,
}

/// Decides how far a run gets. `run` names the person as they are known now.
pub(super) fn walk<R: Read>(
    from: &R,
    world: &World,
    flow: &Live,
    run: Run,
    event: Option<&Event>,
) -> Result<Plan, StoreError> {
    let Some(profile) = profile::get(from, run.profile)? else {
        let then = match run.state {
            RunState::Begun => Then::NotLetIn,
            _ => Then::Ends("the person is gone".to_owned()),
        };
        return Ok(Plan { run, flow: Arc::clone(flow), enters: false, deeds: Vec::new(), then });
    };
    let (enters, deeds, then) = {
        let walk = Walk::new(from, world, flow, (&run, event), &profile);
        let decided = walk.decide()?;
        walk.traveller.checked(decided)?
    };
    Ok(Plan { run, flow: Arc::clone(flow), enters, deeds, then })
}

/// What an action does now, whatever its status; `None` where the action or the person is gone.
pub(super) fn deed_now<R: Read>(
    from: &R,
    world: &World,
    flow: &Live,
    (run, event): (&Run, Option<&Event>),
    action: ActionId,
) -> Result<Option<Deed>, StoreError> {
    let Some(profile) = profile::get(from, run.profile)? else { return Ok(None) };
    let Some(action) = flow.definition.action(action) else { return Ok(None) };
    let walk = Walk::new(from, world, flow, (run, event), &profile);
    let (Passed::On(deed, _) | Passed::Stop(deed, _)) = walk.act(action);
    walk.traveller.checked(deed)
}

impl<'a, R: Read> Walk<'a, R> {
    fn new(
        from: &'a R,
        world: &'a World,
        flow: &'a Flow,
        (run, event): (&'a Run, Option<&'a Event>),
        profile: &'a Profile,
    ) -> Self {
        let at = At::in_zone(world.now, world.zone.clone());
        let traveller = Traveller::new(from, run, event);
        Self { from, world, flow, run, profile, event, traveller, at }
    }

    fn definition(&self) -> &Definition {
        &self.flow.definition
    }

    fn decide(&self) -> Result<(bool, Vec<Deed>, Then), StoreError> {
        if self.run.state == RunState::Begun {
            if !self.may_enter()? {
                return Ok((false, Vec::new(), Then::NotLetIn));
            }
            let (deeds, then) = self.on_from(self.definition().entry)?;
            return Ok((true, deeds, then));
        }
        let Some(at) = self.run.action else { return Ok((false, Vec::new(), Then::Finishes)) };
        let Some(action) = self.definition().action(at) else {
            return Ok((false, Vec::new(), Then::Ends("the action was deleted".to_owned())));
        };
        let first = match self.run.state {
            RunState::Moving => Some(at),
            // The wait is over: it goes on behind the action.
            _ => action.step.links().first().and_then(|(_, next)| *next),
        };
        let (deeds, then) = self.on_from(first)?;
        Ok((false, deeds, then))
    }

    /// Whether the person enters: the flow still takes people, they are still there where joining
    /// let them through, the re-entry rule and the profile filter let them in.
    fn may_enter(&self) -> Result<bool, StoreError> {
        let definition = self.definition();
        if !self.flow.is_open()
            || !definition.reentry().may_enter(self.run.entered_before, self.run.entered)
            || !self.is_still_there()?
        {
            return Ok(false);
        }
        if let Trigger::Date(date) = &definition.trigger {
            let is_planned = |next: Entry| next.enters == self.run.entered;
            let before = self.run.entered.minus(std::time::Duration::from_micros(1));
            let planned = next_entry(date, self.profile, before, &self.world.zone);
            let is_again = self.run.entered_before.is_some_and(|last| last >= self.run.entered);
            if is_again || !planned.is_some_and(is_planned) {
                return Ok(false);
            }
        }
        Ok(self.fits_profile_filter())
    }

    fn fits_profile_filter(&self) -> bool {
        self.traveller.asked_by(None);
        let filter = self.definition().profile_filter.as_ref();
        filter.is_none_or(|filter| self.holds(filter))
    }

    fn holds(&self, conditions: &Conditions) -> bool {
        conditions.filter.evaluate(&self.traveller, &self.at)
    }

    /// Whether the person is still in the list or segment by which they entered.
    fn is_still_there(&self) -> Result<bool, StoreError> {
        match self.definition().trigger.group() {
            Some(group) => Ok(membership::joined(self.from, group, self.run.profile)?.is_some()),
            None => Ok(true),
        }
    }

    fn on_from(&self, first: Option<ActionId>) -> Result<(Vec<Deed>, Then), StoreError> {
        let mut deeds = Vec::new();
        let mut next = first;
        let mut sends = 0;
        for _ in 0..limits::RUN_ACTIONS_AT_ONCE_MAX {
            let Some(id) = next else { return Ok((deeds, Then::Finishes)) };
            // Links were checked when the flow was stored.
            let Some(action) = self.definition().action(id) else {
                return Ok((deeds, Then::Ends("the action was deleted".to_owned())));
            };
            match self.pass(action)? {
                Passed::On(deed, on) => {
                    sends += usize::from(matches!(
                        deed.as_ref().map(|deed| &deed.kind),
                        Some(DeedKind::Send(_))
                    ));
                    deeds.extend(deed);
                    next = on;
                }
                Passed::Stop(deed, then) => {
                    deeds.extend(deed);
                    return Ok((deeds, then));
                }
            }
            if sends >= limits::RUN_WEBHOOKS_AT_ONCE_MAX {
                break;
            }
        }
        Ok((deeds, next.map_or(Then::Finishes, Then::GoesOn)))
    }

    /// Passes one action.
    fn pass(&self, action: &Action) -> Result<Passed, StoreError> {
        let id = action.id;
        Ok(match &action.step {
            Step::TimeDelay { delay, next } => {
                let now = self.world.now;
                let due = delay.due(now, self.traveller.zone(), &self.world.zone);
                if due <= now {
                    return Ok(Passed::On(None, *next));
                }
                Passed::Stop(None, Then::Waits(id, due))
            }
            Step::TargetDate { target, next } => {
                let now = self.world.now;
                let occasion =
                    match (&self.definition().trigger, self.run.day.and_then(day_numbered)) {
                        (Trigger::Date(trigger), Some(day)) => Some(trigger.occasion(day)),
                        _ => None,
                    };
                let own = self.traveller.zone();
                match occasion.map(|of| target.due(of, now, own, &self.world.zone)) {
                    Some(due) if due > now => Passed::Stop(None, Then::Waits(id, due)),
                    _ => Passed::On(None, *next),
                }
            }
            Step::ConditionalSplit { conditions, next }
            | Step::TriggerSplit { conditions, next, .. } => self.split(id, conditions, *next),
            Step::OutputSplit { split, next } => {
                let explained = split.explain(&outputs(self.run), &self.at);
                branch(id, explained.held(), explained.to_string(), *next)
            }
            Step::MultiBranchSplit { branches, .. } => self.multi_branch(id, branches),
            Step::Code { next } => {
                let why = "functions can not be run by this version".to_owned();
                Passed::On(Some(Deed { action: id, kind: DeedKind::Skip(why) }), *next)
            }
            Step::UpdateProfile { next, .. }
            | Step::ListUpdate { next, .. }
            | Step::Suppress { next, .. }
            | Step::SendWebhook { next, .. } => {
                let status = action.step.status().unwrap_or_default();
                match self.held_back(action, status)? {
                    Some(kind) => Passed::On(Some(Deed { action: id, kind }), *next),
                    None => self.act(action),
                }
            }
        })
    }

    /// What happens instead of an action that is not done now.
    fn held_back(
        &self,
        action: &Action,
        status: ActionStatus,
    ) -> Result<Option<DeedKind>, StoreError> {
        let skip = |why: &str| Some(DeedKind::Skip(why.to_owned()));
        match status {
            ActionStatus::Draft => return Ok(skip("the action is a draft")),
            ActionStatus::Disabled => return Ok(skip("the action is disabled")),
            ActionStatus::Manual | ActionStatus::Live => {}
        }
        if !self.fits_profile_filter() {
            return Ok(skip(FAILS_FILTER));
        }
        if matches!(action.step, Step::SendWebhook { .. }) && !self.is_still_there()? {
            return Ok(skip("the person is no longer in the list or segment"));
        }
        Ok((status == ActionStatus::Manual).then_some(DeedKind::Queue))
    }

    /// Does an action.
    fn act(&self, action: &Action) -> Passed {
        let deed = |kind| Some(Deed { action: action.id, kind });
        let change = |change: Change, next: Option<ActionId>| {
            let then = next.map_or(Then::Finishes, Then::GoesOn);
            Passed::Stop(deed(DeedKind::Change(change)), then)
        };
        match &action.step {
            Step::UpdateProfile { update, next, .. } => {
                let zone = zone_of(self.traveller.zone(), &self.world.zone);
                let today = day_of(self.world.now, &zone);
                change(Change::Properties(Box::new(update.patch(today))), *next)
            }
            Step::ListUpdate { list, joins, next, .. } => {
                change(Change::List { list: *list, joins: *joins }, *next)
            }
            Step::Suppress { suppresses, next, .. } => {
                change(Change::Suppression { suppresses: *suppresses }, *next)
            }
            Step::SendWebhook { webhook, next, .. } => {
                let template = Arc::new(webhook.template(self.definition().is_strict));
                let send = Send { template, context: self.names(), rendered: None };
                let deed = deed(DeedKind::Send(Box::new(send)));
                if webhook.outputs.is_empty() {
                    return Passed::On(deed, *next);
                }
                let World { now, awaits_answers, .. } = *self.world;
                let until = if awaits_answers { now.plus(limits::RUN_ANSWER_MAX) } else { now };
                Passed::Stop(deed, Then::Answers(action.id, until))
            }
            _ => Passed::On(None, None),
        }
    }

    fn names(&self) -> Vec<u8> {
        context(&Scene {
            flow: self.flow,
            run: Some(self.run),
            profile: self.profile,
            event: self.event,
            organization: &self.world.organization,
            now: self.world.now,
        })
    }

    fn split(&self, id: ActionId, conditions: &Conditions, next: [Option<ActionId>; 2]) -> Passed {
        self.traveller.asked_by(Some(id));
        let explained = conditions.filter.explain(&self.traveller, &self.at);
        branch(id, explained.held(), explained.to_string(), next)
    }

    fn multi_branch(&self, id: ActionId, branches: &[Branch]) -> Passed {
        self.traveller.asked_by(Some(id));
        let holds = |branch: &&Branch| {
            branch.conditions.as_ref().is_none_or(|conditions| self.holds(conditions))
        };
        let taken = branches.iter().find(holds);
        let why = match taken.and_then(|branch| branch.conditions.as_ref()) {
            Some(conditions) => conditions.filter.explain(&self.traveller, &self.at).to_string(),
            None => "no other branch holds".to_owned(),
        };
        let name = taken.map_or_else(String::new, |branch| branch.id.clone());
        let what = What::Branch { taken: name, why: shortened(why) };
        let deed = Deed { action: id, kind: DeedKind::Branch(what) };
        Passed::On(Some(deed), taken.and_then(|branch| branch.next))
    }
}

/// The outputs of a run by their names; those of later actions go before those of earlier ones.
fn outputs(run: &Run) -> Map<String, Value> {
    let value = |json: &str| serde_json::from_str(json).unwrap_or_default();
    run.outputs.iter().map(|(_, name, json)| (name.clone(), value(json))).collect()
}

/// What came of passing an action.
enum Passed {
    /// It goes on there.
    On(Option<Deed>, Option<ActionId>),
    /// It goes no further now.
    Stop(Option<Deed>, Then),
}

fn branch(id: ActionId, holds: bool, why: String, next: [Option<ActionId>; 2]) -> Passed {
    let what = What::Branch { taken: holds.to_string(), why: shortened(why) };
    let deed = Deed { action: id, kind: DeedKind::Branch(what) };
    Passed::On(Some(deed), next[usize::from(!holds)])
}

/// A reason short enough to be kept with each run.
fn shortened(why: String) -> String {
    let most = limits::RUN_REASON_CHARS_MAX;
    match why.char_indices().nth(most) {
        None => why,
        Some((end, _)) => why.get(..end).unwrap_or_default().to_owned() + "…",
    }
}

/// The calendar of a person: their own where it is known, else the account's.
pub(super) fn zone_of(own: Option<&str>, account: &TimeZone) -> TimeZone {
    own.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| account.clone())
}

/// When a person next enters a date flow, after this moment.
pub(super) fn next_entry(
    date: &DateTrigger,
    profile: &Profile,
    after: Timestamp,
    zone: &TimeZone,
) -> Option<Entry> {
    let value = profile.properties.get(date.property())?;
    let value: Value = serde_json::from_str(value.get()).ok()?;
    let own: Option<String> =
        profile.location.get("timezone").and_then(|name| serde_json::from_str(name.get()).ok());
    date.next(&value, after, own.as_deref(), zone)
}

/// The number of a day since 1970.
pub(super) fn number_of(day: Date) -> Option<i32> {
    let since = day.since((jiff::Unit::Day, jiff::civil::date(1970, 1, 1))).ok()?;
    Some(since.get_days())
}

/// The day with this number since 1970.
fn day_numbered(number: i32) -> Option<Date> {
    use jiff::ToSpan as _;
    jiff::civil::date(1970, 1, 1).checked_add(i64::from(number).days()).ok()
}
