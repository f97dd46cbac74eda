//! Planning date flows: who enters within the next day or two, and when.
//!
//! A plan walks over everybody once for a stretch of time and begins a run, with its moment, for
//! whoever has a date in it. People who change while a plan holds are looked at again. Whether the
//! date still says so is asked when the moment comes, so that a run that is begun too often is
//! simply not let in.

use super::walk::{World, next_entry, number_of};
use crate::clock::Timestamp;
use crate::flow::run::{self, Begin};
use crate::flow::{self, DatePlan, DateTrigger, Flow, Flows, Live, Trigger};
use crate::id::{FlowId, ProfileId};
use crate::limits;
use crate::profile;
use crate::store::{Read, StoreError, Tx};

/// What one round of planning found.
#[derive(Default)]
pub(super) struct Planned {
    /// Who enters, and when.
    begins: Vec<Begin>,
    /// How far the plan is then; of one flow.
    plan: Option<(FlowId, DatePlan)>,
    /// People who changed and were looked at again.
    touched: Vec<ProfileId>,
    /// When there is something to plan next.
    pub(super) next: Option<Timestamp>,
}

impl Planned {
    pub(super) fn is_nothing(&self) -> bool {
        self.begins.is_empty() && self.plan.is_none() && self.touched.is_empty()
    }
}

fn dates(flows: &Flows) -> Vec<Live> {
    flows.all().into_iter().filter(|flow| date_of(flow).is_some() && flow.is_open()).collect()
}

const fn date_of(flow: &Flow) -> Option<&DateTrigger> {
    match &flow.definition.trigger {
        Trigger::Date(date) => Some(date),
        _ => None,
    }
}

/// Plans a bounded part of what there is to plan.
pub(super) fn look(from: &impl Read, flows: &Flows, world: &World) -> Result<Planned, StoreError> {
    let mut planned = Planned::default();
    let open = dates(flows);
    planned.touched = flow::touched(from, limits::DATES_PLANNED_AT_ONCE_MAX)?;
    for flow in &open {
        let Some(plan) = flow::plan(from, flow.id)? else { continue };
        for profile in &planned.touched {
            // Behind the cursor they are looked at anyway.
            planned.begins.extend(entry(from, flow, *profile, (world.now, plan.to), world)?);
        }
    }
    for flow in &open {
        match due_plan(from, flow, world.now)? {
            Due::Later(at) => {
                planned.next = Some(planned.next.map_or(at, |next: Timestamp| next.min(at)));
            }
            Due::Now(plan) => {
                stride(from, flow, plan, world, &mut planned)?;
                break;
            }
        }
    }
    Ok(planned)
}

/// When a flow is to be planned.
enum Due {
    Now(DatePlan),
    Later(Timestamp),
}

fn due_plan(from: &impl Read, flow: &Flow, now: Timestamp) -> Result<Due, StoreError> {
    let begin = |from: Timestamp| DatePlan {
        revision: flow.revision,
        from,
        to: now.plus(limits::DATES_PLANNED_AHEAD),
        cursor: None,
        is_complete: false,
    };
    Ok(match flow::plan(from, flow.id)?.filter(|plan| plan.revision == flow.revision) {
        None => Due::Now(begin(now)),
        Some(plan) if !plan.is_complete => Due::Now(plan),
        Some(plan) => {
            let next = plan.to.minus(limits::DATES_PLANNED_LEFT_MIN);
            // What lies in the past by now, after a long stop, is not made up for.
            if next <= now { Due::Now(begin(plan.to.max(now))) } else { Due::Later(next) }
        }
    })
}

fn stride(
    from: &impl Read,
    flow: &Flow,
    mut plan: DatePlan,
    world: &World,
    planned: &mut Planned,
) -> Result<(), StoreError> {
    let most = limits::DATES_PLANNED_AT_ONCE_MAX;
    let people = profile::ids_after(from, plan.cursor, most)?;
    for profile in &people {
        planned.begins.extend(entry(from, flow, *profile, (plan.from, plan.to), world)?);
    }
    plan.is_complete = people.len() < most;
    plan.cursor = people.last().copied().or(plan.cursor);
    planned.plan = Some((flow.id, plan));
    Ok(())
}

/// The entry of a person within a stretch of time.
fn entry(
    from: &impl Read,
    flow: &Flow,
    profile: ProfileId,
    (after, to): (Timestamp, Timestamp),
    world: &World,
) -> Result<Option<Begin>, StoreError> {
    let (Some(date), Some(person)) = (date_of(flow), profile::get(from, profile)?) else {
        return Ok(None);
    };
    let next = next_entry(date, &person, after, &world.zone).filter(|next| next.enters <= to);
    Ok(next.map(|next| Begin {
        flow: flow.id,
        profile,
        event: None,
        at: next.enters,
        day: number_of(next.occasion.date),
    }))
}

/// Writes what one round of planning found.
pub(super) fn apply(tx: &mut Tx<'_, '_>, planned: &Planned) -> Result<(), StoreError> {
    for begin in &planned.begins {
        run::begin(tx, begin)?;
    }
    if let Some((flow, plan)) = &planned.plan {
        // A flow that was deleted meanwhile needs none.
        if flow::revision(tx, *flow)?.is_some() {
            flow::put_plan(tx, *flow, plan)?;
        }
    }
    for profile in &planned.touched {
        flow::forget_touched(tx, *profile);
    }
    Ok(())
}

/// Forgets the plan of a flow that is no more.
pub(super) fn forget(tx: &mut Tx<'_, '_>, flow: FlowId) {
    flow::forget_plan(tx, flow);
}
