//! The last attempts of all deliveries, from memory, for those who watch.
//!
//! A watcher asks for what came after the number that it was given last. The numbers begin anew
//! with the daemon: one that is greater than the last is of an earlier start, and everything since
//! this one is answered.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::filter;
use super::resource::sender;
use crate::api::attempts::ms;
use crate::api::error::Problem;
use crate::api::jsonapi::{Resource, attributes};
use crate::api::{Answer, Call, Reply};
use crate::delivery;
use crate::delivery::RecentAttempt;
use crate::id::WebhookId;
use crate::limits;

/// `GET /api/delivery-attempts`.
pub(in crate::api) async fn list(call: Call) -> Answer {
    let webhook = webhook(&call)?;
    let given = cursor(&call)?;
    let recent = call.parts().deliveries.recent();
    let last = recent.last();
    let wanted = |attempt: &RecentAttempt| webhook.is_none_or(|webhook| webhook == attempt.webhook);
    let most = limits::DELIVERY_ATTEMPTS_PAGE_MAX;
    let (found, missed) = match given {
        Some(number) => {
            let number = if number > last { 0 } else { number };
            recent.after(number, most, wanted)
        }
        None => {
            let (mut all, _) = recent.after(0, usize::MAX, wanted);
            let newest = all.split_off(all.len().saturating_sub(limits::DELIVERY_ATTEMPTS_FIRST));
            (newest, 0)
        }
    };
    // Where not all fitted, it goes on behind the last that did.
    let seen = found.last().map(|attempt| attempt.number);
    let last = if found.len() == most {
        seen.unwrap_or(last)
    } else {
        seen.max(Some(last)).unwrap_or(last)
    };
    Ok(document(&call, &found, last, missed))
}

fn document(call: &Call, found: &[RecentAttempt], last: u64, missed: u64) -> Reply {
    let data: Vec<_> =
        found.iter().map(|attempt| resource(call, attempt).to_bytes(call.base(), None)).collect();
    let next = call.query.with_cursor(&last.to_string());
    let next = format!("{}{}?{next}", call.base(), call.path);
    let rest = json!({
        "meta": { "last": last, "missed": missed },
        "links": { "self": call.self_link(), "next": next, "prev": null },
    });
    let mut body = br#"{"data":["#.to_vec();
    body.extend_from_slice(&data.join(&b','));
    body.extend_from_slice(b"],");
    body.extend(rest.to_string().bytes().skip(1));
    Reply::new(StatusCode::OK, body)
}

fn cursor(call: &Call) -> Result<Option<u64>, Problem> {
    const NAME: &str = "page[cursor]";
    let Some(text) = call.query.get(NAME) else { return Ok(None) };
    let wrong = || Problem::parameter(NAME, "is a number here: the `last` of an earlier answer");
    text.parse().map(Some).map_err(|_| wrong())
}

fn webhook(call: &Call) -> Result<Option<WebhookId>, Problem> {
    let mut webhook = None;
    for term in call.query.filter(&filter::SENDERS)? {
        if webhook.replace(filter::sender(&term)?).is_some() {
            let field = term.field;
            let why = format!("`{field}` stands beside another sender; an attempt has only one");
            return Err(Problem::parameter("filter", why));
        }
    }
    Ok(webhook)
}

fn resource(call: &Call, attempt: &RecentAttempt) -> Resource {
    let of = |kind: &str, id: String| json!({ "data": { "type": kind, "id": id } });
    let endpoint = call.parts().webhooks.get(attempt.webhook);
    let mut related = sender(attempt.webhook, endpoint.as_deref());
    related["delivery"] = of("delivery", attempt.delivery.to_string());
    let event = attempt.event.map(|id| of("event", id.to_string()));
    related["event"] = event.unwrap_or_else(|| json!({ "data": null }));
    let shown: Value = json!({
        "at": attempt.at.rfc3339_micros(),
        "duration_ms": ms(attempt.duration),
        "status": attempt.outcome.status(),
        "error": attempt.outcome.error(),
        "summary": delivery::sentence_of_recent(attempt),
        "state": attempt.state.name(),
        "due_at": attempt.due.map(|at| at.rfc3339_micros()),
    });
    Resource {
        kind: "delivery-attempt",
        id: attempt.number.to_string(),
        attributes: attributes(shown),
        relationships: Some(related),
        path: format!("/api/deliveries/{}/", attempt.delivery),
    }
}
