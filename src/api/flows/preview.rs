//! Previews of what a webhook action would send, and test sends of it: our own.
//!
//! Nothing is stored, and nothing is counted. A test waits for the endpoint, up to the webhook's
//! own deadline, and takes one of the places that test sends of webhooks have too.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::of_preview;
use super::{Answer, Call, actions, jsonapi, messages};
use crate::api::attempts;
use crate::api::jsonapi::{Resource, attributes};
use crate::automation::{Preview, Wish};
use crate::flow::{Flow, Known, WebhookStep, parse_message};
use crate::id::ActionId;
use crate::json::{self, Fault};

const KIND: &str = "flow-preview";
const ATTRIBUTES_AT: &str = "/data/attributes";

/// `POST /api/flow-actions/{id}/preview`.
pub(in crate::api) async fn preview(call: Call) -> Answer {
    answer(&call, false).await
}

/// `POST /api/flow-actions/{id}/test`.
pub(in crate::api) async fn test(call: Call) -> Answer {
    let _place = call.api.trials.place()?;
    answer(&call, true).await
}

async fn answer(call: &Call, sends: bool) -> Answer {
    let (flow, id) = actions::find(call)?;
    let (wish, message) = Asked::parse(&call.body)?.read(call, &flow, id)?;
    let is_given = message.is_some();
    let parts = call.parts();
    let shown = parts.automation.preview((&flow, id), message, wish, (&parts.sender, sends)).await;
    let shown = shown.map_err(|error| of_preview(error, is_given))?;
    let data = resource(call, id, shown).to_bytes(call.base(), None);
    Ok(jsonapi::one(call, StatusCode::OK, &data, &[]))
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    attributes: Option<Asked<'a>>,
}

/// What is asked for; all of it may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    profile_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

impl<'a> Asked<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let Document { data } = json::parse(body)?;
        if data.kind != KIND {
            return Err(Fault::new("/data/type", format!("must be `{KIND}`")));
        }
        Ok(data.attributes.unwrap_or_default())
    }

    /// The event and the person, and the message that stands for the action's own.
    fn read(
        self,
        call: &Call,
        flow: &Flow,
        id: ActionId,
    ) -> Result<(Wish, Option<Arc<WebhookStep>>), Fault> {
        let wish = Wish {
            event: chosen(self.event_id, "event_id")?,
            profile: chosen(self.profile_id, "profile_id")?,
        };
        let Some(message) = self.message else { return Ok((wish, None)) };
        let known = Known { policy: &call.parts().policy, names: None, before: None };
        let before = flow.definition.action(id).and_then(messages::webhook);
        let message = parse_message(message, before.map(|before| &**before), &known)
            .map_err(|fault| fault.under("/message").under(ATTRIBUTES_AT))?;
        Ok((wish, Some(Arc::new(message))))
    }
}

fn chosen<T: std::str::FromStr<Err: std::fmt::Display>>(
    id: Option<Cow<'_, str>>,
    name: &str,
) -> Result<Option<T>, Fault> {
    let Some(text) = id else { return Ok(None) };
    let at = format!("{ATTRIBUTES_AT}/{name}");
    text.parse().map(Some).map_err(|why| Fault::new(at, format!("`{text}`: {why}")))
}

fn resource(call: &Call, action: ActionId, shown: Preview) -> Resource {
    let Preview { event, profile, request, attempt } = shown;
    let call_name = if attempt.is_some() { "test" } else { "preview" };
    Resource {
        kind: KIND,
        id: action.to_string(),
        attributes: attributes(json!({
            "event_id": event.map(|id| id.to_string()),
            "profile_id": profile.to_string(),
            "request": attempts::request(call, request),
            "succeeded": attempt.as_ref().map(|attempt| attempt.outcome.is_success()),
            "attempt": attempt.as_ref().map(attempts::attempt),
        })),
        relationships: Some(json!({
            "flow-action": { "data": { "type": "flow-action", "id": action.to_string() } },
        })),
        path: format!("/api/flow-actions/{action}/{call_name}/"),
    }
}

/// The attributes of the answer, for the OpenAPI document.
pub(in crate::api) fn schema() -> Value {
    let text_or_null = || json!({ "type": ["string", "null"] });
    let attempt = json!({ "anyOf": [
        { "$ref": "#/components/schemas/Attempt" }, { "type": "null" },
    ] });
    json!({
        "event_id": text_or_null(),
        "profile_id": { "type": "string" },
        "request": { "$ref": "#/components/schemas/DeliveryRequest" },
        "succeeded": {
            "type": ["boolean", "null"], "description": "Null where nothing was sent",
        },
        "attempt": attempt,
    })
}
