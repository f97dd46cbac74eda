//! What was sent, made again for whoever looks: per attempt without its body, and once with it.
//!
//! Signatures are made anew, with the secrets that are good now; values of secret headers are
//! masked; the whole URL is shown to those only who may see it. A body is personal data of an
//! event, so it needs the scope to read events; what was rendered for a flow is about its person
//! too.

use serde_json::{Map, Value, json};

use crate::api::Call;
use crate::api::error::Problem;
use crate::delivery::{Attempt, Delivery, Sent};
use crate::webhook::masked_url;

/// The requests of a delivery.
pub(super) struct Requests {
    /// Of each attempt; null where nothing was sent.
    attempts: Vec<Value>,
    /// Of the last of them; or, before the first, what would be sent now.
    last: Value,
}

impl Requests {
    /// Puts them where a delivery's attributes have room for them.
    pub(super) fn add_to(self, attributes: &mut Map<String, Value>) {
        if let Some(shown) = attributes.get_mut("attempts").and_then(Value::as_array_mut) {
            for (attempt, request) in shown.iter_mut().zip(self.attempts) {
                attempt["request"] = request;
            }
        }
        attributes.insert("request".to_owned(), self.last);
    }
}

/// Makes them again. All are null where the webhook is deleted, the events are not stored any more,
/// or nothing was rendered.
pub(super) async fn of(call: &Call, delivery: &Delivery) -> Result<Requests, Problem> {
    let nothing = || vec![Value::Null; delivery.attempts.len()];
    let Some(endpoint) = call.parts().webhooks.get(delivery.webhook) else {
        return Ok(Requests { attempts: nothing(), last: Value::Null });
    };
    let shows_person = delivery.run.is_some() || endpoint.webhook.settings.include.profile;
    let with_body = call.principal.allows("events:read")
        && (!shows_person || call.principal.allows("profiles:read"));
    let sees_urls = call.principal.is_admin();
    let (sender, delivery) = (call.parts().sender.clone(), delivery.clone());
    // A batch of megabytes, forty times over, takes a while.
    let make = move || {
        let made = |attempt: Option<&Attempt>| {
            let sent = sender.sent(&delivery, attempt, &endpoint)?;
            Ok::<_, Problem>(sent.map(|sent| permitted(sent, sees_urls, with_body)))
        };
        let mut attempts = Vec::with_capacity(delivery.attempts.len());
        for attempt in &delivery.attempts {
            let sent = if was_sent(attempt) { made(Some(attempt))? } else { None };
            attempts.push(sent.map_or(Value::Null, |sent| head(&sent, Some(attempt)).into()));
        }
        let last = delivery.attempts.iter().rfind(|attempt| was_sent(attempt));
        let whole = made(last)?.map_or(Value::Null, |sent| whole(&sent, last, with_body));
        Ok(Requests { attempts, last: whole })
    };
    call.apart(make).await?
}

/// What may be shown of a request.
fn permitted(sent: Sent, with_url: bool, with_body: bool) -> Sent {
    let sent = if with_body { sent } else { sent.without_rendered() };
    let url = if with_url { sent.url } else { masked_url(&sent.url) };
    Sent { url, ..sent }
}

/// Whether there was a request, and a version that kept what tells it.
const fn was_sent(attempt: &Attempt) -> bool {
    attempt.body_bytes > 0 || attempt.body_hash != 0
}

fn head(sent: &Sent, attempt: Option<&Attempt>) -> Map<String, Value> {
    let headers: Vec<_> =
        sent.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut head = Map::new();
    head.insert("method".to_owned(), sent.method.into());
    head.insert("url".to_owned(), sent.url.clone().into());
    head.insert("headers".to_owned(), headers.into());
    // Before the first attempt there is nothing that it could be the same as.
    head.insert("is_exact".to_owned(), attempt.map(|_| sent.is_exact).into());
    head
}

fn whole(sent: &Sent, attempt: Option<&Attempt>, with_body: bool) -> Value {
    let mut whole = head(sent, attempt);
    let body = with_body.then(|| String::from_utf8_lossy(&sent.body).into_owned());
    whole.insert("sent_at".to_owned(), attempt.map(|attempt| attempt.at.rfc3339_micros()).into());
    whole.insert("body".to_owned(), body.into());
    whole.insert("curl".to_owned(), with_body.then(|| sent.curl()).into());
    whole.into()
}
