//! Deliveries: our own resource, in the conventions of the others.
//!
//! `filter.rs` reads what a listing wants, `resource.rs` shapes a delivery, `request.rs` makes
//! again what was sent, `attempts.rs` has the last attempts for those who watch.

mod attempts;
mod filter;
mod request;
mod resource;

use hyper::StatusCode;

pub(super) use self::attempts::list as list_attempts;
use self::resource::{FIELDS, resource};
use super::error::Problem;
use super::jsonapi;
use super::{Answer, Call};
use crate::automation::AgainError;
use crate::delivery;
use crate::delivery::{Delivery, ResendError, State};
use crate::id::{ActionId, DeliveryId, WebhookId};
use crate::limits;
use crate::store::Tx;
use crate::webhook::Endpoint;

const PAGE_DEFAULT: usize = 20;

/// `GET /api/deliveries`.
pub(super) async fn list(call: Call) -> Answer {
    let filter = filter::read(&call.query.filter(filter::KNOWN)?)?;
    let fields = call.query.fields("delivery", &FIELDS)?;
    let size = call.query.page_size(PAGE_DEFAULT, limits::DELIVERIES_PAGE_MAX)?;
    let wrong = |_| Problem::parameter("page[cursor]", "is not a cursor that this call gave out");
    let before: Option<DeliveryId> =
        call.query.cursor()?.map(|text| text.parse()).transpose().map_err(wrong)?;
    let (store, reads_max) = (call.parts().store.clone(), limits::DELIVERIES_SCAN_ROWS_MAX);
    // A rare mixture can take thousands of rows to find.
    let read = move || delivery::page(&store.snapshot()?, &filter, before, size, reads_max);
    let (found, next) = call.apart(read).await??;
    let data: Vec<_> = found
        .iter()
        .map(|one| resource(&call, one, false).to_bytes(call.base(), fields.as_deref()))
        .collect();
    Ok(jsonapi::many(&call, &data, &[], next.map(|id| id.to_string()).as_deref()))
}

/// `GET /api/deliveries/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let with_request = call.query.additional_fields("delivery", &["request"])?.contains(&"request");
    let id = id(&call)?;
    let found = delivery::get(&call.parts().store.snapshot()?, id)?;
    let found = found.ok_or_else(|| missing(&call.id))?;
    let requests = if with_request { Some(request::of(&call, &found).await?) } else { None };
    answer(&call, StatusCode::OK, &found, requests)
}

/// `POST /api/deliveries/{id}/resend`.
pub(super) async fn resend(call: Call) -> Answer {
    let (id, text) = (id(&call)?, call.id.clone());
    let (deliveries, webhooks) = (call.parts().deliveries.clone(), call.parts().webhooks.clone());
    if let Some(sent) = rendered_again(&call, id).await? {
        return answer(&call, StatusCode::ACCEPTED, &sent, None);
    }
    let command = move |tx: &mut Tx<'_, '_>| {
        let found = delivery::get(tx, id)?.ok_or_else(|| missing(&text))?;
        may_send(found.webhook, webhooks.get(found.webhook).as_deref())?;
        let resent = deliveries.resend(tx, id).map_err(refused)?;
        resent.ok_or_else(|| missing(&text))
    };
    let resent = call.parts().store.commit(command).await?;
    answer(&call, StatusCode::ACCEPTED, &resent, None)
}

/// `POST /api/deliveries/{id}/cancel`.
pub(super) async fn cancel(call: Call) -> Answer {
    let (id, text) = (id(&call)?, call.id.clone());
    let deliveries = call.parts().deliveries.clone();
    let command = move |tx: &mut Tx<'_, '_>| {
        if let Some(cancelled) = deliveries.cancel(tx, id)? {
            return Ok(cancelled);
        }
        let found = delivery::get(tx, id)?.ok_or_else(|| missing(&text))?;
        let state = found.state.name();
        Err(Problem::conflict(format!(
            "The delivery is {state} already: only one that is {} can be cancelled.",
            State::Scheduled.name()
        )))
    };
    let cancelled = call.parts().store.commit(command).await?;
    answer(&call, StatusCode::OK, &cancelled, None)
}

/// Whether the webhook's endpoint is sent anything at all; if not, what to do about it.
fn may_send(webhook: WebhookId, endpoint: Option<&Endpoint>) -> Result<(), Problem> {
    if let Some(action) = webhook.action() {
        return may_send_step(action, endpoint);
    }
    let Some(endpoint) = endpoint else {
        return Err(Problem::conflict(format!(
            "Its webhook {webhook} was deleted: there is nothing to send it to. Make a new webhook, \
             and replay the event to that."
        )));
    };
    let patch = |attribute: &str| format!("PATCH /api/webhooks/{webhook} with {attribute}");
    if !endpoint.webhook.enabled {
        return Err(Problem::conflict(format!(
            "Its webhook {webhook} is disabled: enable it first ({}), then resend.",
            patch("`enabled: true`")
        )));
    }
    if endpoint.webhook.settings.is_paused {
        return Err(Problem::conflict(format!(
            "Its webhook {webhook} is paused: let it go on first ({}), then resend.",
            patch("`paused: false`")
        )));
    }
    Ok(())
}

/// The same for the step of a flow.
fn may_send_step(action: ActionId, endpoint: Option<&Endpoint>) -> Result<(), Problem> {
    match endpoint {
        None => Err(Problem::conflict(format!(
            "Its flow action {action} was deleted: there is nothing to send it to."
        ))),
        Some(endpoint) if endpoint.webhook.is_held() => Err(Problem::conflict(format!(
            "Its flow action {action} is not live: set its flow live first, then resend."
        ))),
        Some(_) => Ok(()),
    }
}

/// Gives a request to a delivery of a flow of which nothing was sent, because its template failed;
/// `None` of every other.
async fn rendered_again(call: &Call, id: DeliveryId) -> Result<Option<Delivery>, Problem> {
    let parts = call.parts();
    let found = delivery::get(&parts.store.snapshot()?, id)?;
    let Some(found) = found.filter(|of| of.run.is_some() && of.state == State::Parked) else {
        return Ok(None);
    };
    may_send(found.webhook, parts.webhooks.get(found.webhook).as_deref())?;
    match parts.automation.send_again(id).await {
        Ok(sent) => Ok(sent),
        Err(AgainError::Resend(ResendError::Fixed(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Why a delivery is not sent again, and what to do about it.
fn refused(error: ResendError) -> Problem {
    match error {
        ResendError::NoRequest(_) => Problem::conflict(
            "The delivery has no request: its template failed. Correct the template, then resend.",
        ),
        ResendError::Fixed(state) => Problem::conflict(format!(
            "The delivery is {}, and its request is fixed: something of it was sent, or will be.",
            state.name()
        )),
        ResendError::Store(error) => error.into(),
    }
}

fn id(call: &Call) -> Result<DeliveryId, Problem> {
    call.id.parse().map_err(|_| missing(&call.id))
}

fn missing(id: &str) -> Problem {
    Problem::not_found(format!("No delivery {id}."))
}

fn answer(
    call: &Call,
    status: StatusCode,
    delivery: &Delivery,
    requests: Option<request::Requests>,
) -> Answer {
    let fields = call.query.fields("delivery", &FIELDS)?;
    let mut whole = resource(call, delivery, true);
    if let Some(requests) = requests {
        requests.add_to(&mut whole.attributes);
    }
    let data = whole.to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(call, status, &data, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;

    #[test]
    fn who_asks_in_vain_is_told_what_would_help() {
        let told = |problem: Problem| format!("{problem:?}");
        let run = RunId::from_u128(7);
        let without = told(refused(ResendError::NoRequest(run)));
        assert!(without.contains("409") && without.contains("Correct the template"), "{without}");
        assert!(told(refused(ResendError::Fixed(State::Exhausted))).contains("is exhausted"));
        let step = WebhookId::of_action(ActionId::from_u64(12));
        let gone = told(may_send(step, None).unwrap_err());
        assert!(gone.contains("flow action 12 was deleted"), "{gone}");
    }
}
