//! Writing what was decided: the deeds of runs, their advance, and the counts, in one command.

use serde_json::json;

use super::look::Looked;
use super::plan::{Change, Deed, DeedKind, Plan, Send, Then, webhook_of};
use crate::clock::Timestamp;
use crate::delivery::{Deliveries, ForRun, NewRequest, StoredRequest};
use crate::flow::run::{self, Count, Run, Tally, What};
use crate::flow::{self, Flow, RunState};
use crate::id::{ActionId, DeliveryId, WebhookId};
use crate::ingest::{Ingest, IngestError};
use crate::limits;
use crate::list;
use crate::people::{People, PeopleError};
use crate::profile::{self, ChangeError};
use crate::store::{StoreError, Tx};
use crate::subscriptions::{self, Outcome, When};
use crate::template::RenderedRequest;

/// What deeds are done through.
#[derive(Clone)]
pub(super) struct Hands {
    pub(super) ingest: Ingest,
    pub(super) people: People,
    pub(super) deliveries: Deliveries,
}

/// Writes what came of a round.
pub(super) fn apply(
    tx: &mut Tx<'_, '_>,
    hands: &Hands,
    looked: &mut Looked,
) -> Result<(), StoreError> {
    tx.needs_room()?;
    let mut tally = Tally::default();
    for entry in looked.lost.drain(..) {
        run::forget_due(tx, entry);
    }
    for orphan in looked.orphans.drain(..) {
        if let Some(run) = run::again(tx, &orphan)? {
            run::remove(tx, &run);
        }
    }
    for plan in looked.plans.drain(..) {
        if let Some(stored) = unchanged(tx, &plan)? {
            carry_out(tx, hands, plan, &stored, &mut tally)?;
        }
    }
    tally.write(tx)
}

/// The stored run, if what was decided is still about it.
fn unchanged(tx: &Tx<'_, '_>, plan: &Plan) -> Result<Option<Run>, StoreError> {
    let Some(stored) = run::again(tx, &plan.run)? else { return Ok(None) };
    let is_same = stored.revision == plan.run.revision
        && flow::revision(tx, plan.flow.id)? == Some(plan.flow.revision)
        && profile::current(tx, stored.profile)? == plan.run.profile;
    if !is_same {
        return Ok(None);
    }
    if stored.state == RunState::Begun
        && run::last_entered(tx, stored.flow, plan.run.profile)? != plan.run.entered_before
    {
        return Ok(None);
    }
    Ok(Some(stored))
}

fn carry_out(
    tx: &mut Tx<'_, '_>,
    hands: &Hands,
    plan: Plan,
    stored: &Run,
    tally: &mut Tally,
) -> Result<(), StoreError> {
    let Plan { mut run, flow, enters, deeds, then } = plan;
    if matches!(then, Then::NotLetIn) {
        run::remove(tx, stored);
        return Ok(());
    }
    let now = tx.now();
    run.revision = run.revision.wrapping_add(1);
    if enters {
        run.note(now, None, What::Entered);
        run::put_entered(tx, run.flow, run.profile, run.entered)?;
        tally.add(run.flow, None, Count::Done, 1);
        tally.add(run.flow, None, Count::Waiting, 1);
    } else if matches!(stored.state, RunState::Waiting | RunState::Answering) {
        tally.add(run.flow, stored.action, Count::Waiting, -1);
        let has_waited = stored.action.is_some_and(|id| webhook_of(&flow, id).is_none());
        if has_waited && !matches!(then, Then::Ends(_)) {
            tally.add(run.flow, stored.action, Count::Done, 1);
        }
        give_up_waiting(&flow, &mut run, now);
    }
    let mut last_sent = None;
    for deed in deeds {
        last_sent = do_deed(tx, hands, &mut run, deed, tally)?.or(last_sent);
    }
    stand(&mut run, then, now, last_sent, tally);
    if run.state.is_over() {
        tally.add(run.flow, None, Count::Waiting, -1);
    }
    run::put(tx, stored, &run)
}

/// A run that waited for a response in vain goes on with the defaults of the outputs.
fn give_up_waiting(flow: &Flow, run: &mut Run, now: Timestamp) {
    if run.state == RunState::Answering {
        let why = "there was no result in time; its outputs have their defaults".to_owned();
        run.note(now, run.action, What::Skipped { why });
        if let Some(action) = run.action {
            keep_outputs(flow, run, action, None);
        }
    }
    run.delivery = None;
}

/// Takes the outputs of a webhook from the body of its response; without one they have their
/// defaults.
pub(super) fn keep_outputs(flow: &Flow, run: &mut Run, action: ActionId, body: Option<&[u8]>) {
    let Some(webhook) = webhook_of(flow, action) else { return };
    let step = webhook.name.clone().unwrap_or_else(|| action.to_string());
    run.outputs.retain(|(of, _, _)| *of != step);
    for (name, value) in webhook.outputs.extract(body.unwrap_or_default()) {
        let value = value.to_string();
        let kept: usize = run.outputs.iter().map(|(_, name, value)| name.len() + value.len()).sum();
        let fits = kept + value.len() <= limits::RUN_OUTPUTS_BYTES_MAX;
        let value = if fits { value } else { json!(null).to_string() };
        run.outputs.push((step.clone(), name, value));
    }
}

fn stand(
    run: &mut Run,
    then: Then,
    now: Timestamp,
    last_sent: Option<DeliveryId>,
    tally: &mut Tally,
) {
    let mut goes_on = |run: &mut Run, state, action, due| {
        (run.state, run.action, run.due) = (state, Some(action), Some(due));
        run.delivery = None;
        if state != RunState::Moving {
            tally.add(run.flow, Some(action), Count::Waiting, 1);
        }
    };
    match then {
        Then::NotLetIn => {}
        Then::Waits(action, until) => {
            goes_on(run, RunState::Waiting, action, until);
            run.note(now, Some(action), What::Waits { until_micros: until.micros() });
        }
        // What could not be rendered has no result that could come.
        Then::Answers(action, until) if last_sent.is_some() => {
            goes_on(run, RunState::Answering, action, until);
            run.delivery = last_sent;
        }
        Then::Answers(action, _) => goes_on(run, RunState::Answering, action, now),
        Then::GoesOn(action) => goes_on(run, RunState::Moving, action, now),
        Then::Finishes => {
            run.action = None;
            run.end(now, RunState::Finished, What::Finished);
        }
        Then::Ends(why) => run.end(now, RunState::Cancelled, What::Cancelled { why }),
    }
}

/// Does one deed; returns the delivery that it scheduled.
pub(super) fn do_deed(
    tx: &mut Tx<'_, '_>,
    hands: &Hands,
    run: &mut Run,
    deed: Deed,
    tally: &mut Tally,
) -> Result<Option<DeliveryId>, StoreError> {
    let (now, action) = (tx.now(), deed.action);
    let mut sent = None;
    let (what, count) = match deed.kind {
        DeedKind::Branch(what) => (what, Count::Done),
        DeedKind::Skip(why) => (What::Skipped { why }, Count::Skipped),
        DeedKind::Queue => {
            let is_new = run::review(tx, run, action)?.is_none();
            run::set_review(tx, run, action, Some(now))?;
            tally.add(run.flow, Some(action), Count::InReview, i64::from(is_new));
            run.note(now, Some(action), What::Queued);
            return Ok(None);
        }
        DeedKind::Change(change) => match do_change(tx, hands, run, change)? {
            Ok(how) => (What::Changed { how }, Count::Done),
            Err(why) => (What::Failed { delivery: None, why }, Count::Failed),
        },
        DeedKind::Send(deed) => match send(tx, hands, run, action, *deed)? {
            Ok(delivery) => {
                sent = Some(delivery);
                (What::Sent { delivery }, Count::Done)
            }
            Err((delivery, why)) => (What::Failed { delivery: Some(delivery), why }, Count::Failed),
        },
    };
    run.note(now, Some(action), what);
    tally.add(run.flow, Some(action), count, 1);
    Ok(sent)
}

/// Schedules a webhook, or parks it with the reason why it could not be rendered.
fn send(
    tx: &mut Tx<'_, '_>,
    hands: &Hands,
    run: &Run,
    action: ActionId,
    send: Send,
) -> Result<Result<DeliveryId, (DeliveryId, String)>, StoreError> {
    let webhook = WebhookId::of_action(action);
    let of = ForRun { webhook, run: run.id, profile: run.profile, event: run.event };
    match send.rendered {
        Some(Ok(request)) => {
            let ForRun { webhook, run, profile, event } = of;
            let request = stored(request);
            let new = NewRequest { webhook, run, profile, event, request };
            hands.deliveries.send_request(tx, new).map(Ok)
        }
        failed => {
            let why = match failed {
                Some(Err(why)) => why,
                _ => "it was not rendered".to_owned(),
            };
            let delivery = hands.deliveries.park_request(tx, &of, why.clone())?;
            Ok(Err((delivery, why)))
        }
    }
}

/// A rendered request as delivery keeps it.
pub(super) fn stored(request: RenderedRequest) -> StoredRequest {
    StoredRequest { url: request.url, headers: request.headers, body: request.body }
}

/// Changes the person: how, in a sentence; or why not.
fn do_change(
    tx: &mut Tx<'_, '_>,
    hands: &Hands,
    run: &Run,
    change: Change,
) -> Result<Result<String, String>, StoreError> {
    let profile = run.profile;
    match change {
        Change::Properties(patch) => match hands.people.update_in(tx, profile, &patch) {
            Ok(profile::Effect::Updated(names)) => Ok(Ok(format!("changed {}", names.join(", ")))),
            Ok(_) => Ok(Ok("changed nothing: the profile was like this before".to_owned())),
            Err(PeopleError::Change(ChangeError::Store(error))) => Err(error),
            Err(PeopleError::Change(ChangeError::TooLarge(_))) => {
                let most = limits::PROFILE_BYTES_MAX;
                Ok(Err(format!("the profile would hold more than {most} bytes")))
            }
            Err(error) => Ok(Err(format!("the profile can not be changed like this: {error:?}"))),
        },
        Change::List { list: id, joins } => {
            let Some(list) = list::get(tx, id)? else {
                return Ok(Err(format!("there is no list {id} any more")));
            };
            let event = if joins {
                let when = When::now(tx);
                subscriptions::join(tx, &hands.ingest, &list, profile, when)?
            } else {
                subscriptions::leave(tx, &list, profile)?
            };
            let did = if joins { "put on" } else { "taken off" };
            let how = match event {
                Some(_) => format!("{did} the list {}", list.name),
                None => format!("{did} the list {} before", list.name),
            };
            recorded(hands.ingest.record_in(tx, event.into_iter().collect()).map(drop))?;
            Ok(Ok(how))
        }
        Change::Suppression { suppresses } => {
            let has_email = profile::get(tx, profile)?
                .is_some_and(|of| of.identifier(profile::Identifier::Email).is_some());
            if !has_email {
                return Ok(Err("the person has no e-mail address".to_owned()));
            }
            let done = if suppresses {
                subscriptions::suppress(tx, &hands.ingest, profile)
            } else {
                subscriptions::unsuppress(tx, &hands.ingest, profile)
            };
            let how = match (recorded(done)?, suppresses) {
                (Outcome::Changed, true) => "suppressed",
                (Outcome::Unchanged, true) => "was suppressed before",
                (Outcome::Changed, false) => "unsuppressed",
                (Outcome::Unchanged, false) => "was not suppressed",
            };
            Ok(Ok(how.to_owned()))
        }
    }
}

/// The metrics of our own events are there since the start, and the person since this command, so
/// that only the store can refuse one.
fn recorded<T>(done: Result<T, IngestError>) -> Result<T, StoreError> {
    done.map_err(|error| match error {
        IngestError::Store(error) => error,
        IngestError::Fault(fault) => StoreError::Failed(fault.to_string().into()),
    })
}
