//! Reading the message of a webhook action: the templates of its request, and how it is sent.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{BOUNDS, Known, raw};
use crate::egress::Destination;
use crate::flow::outputs::Outputs;
use crate::flow::webhook::{WebhookStep, literal_part, origin};
use crate::json::object::{Object, fault_at, must_be, unknown};
use crate::json::{self, Fault, pointer_to};
use crate::limits;
use crate::secret::Secret;
use crate::template::Escaping;
use crate::webhook::{MASK, STEP_SETTINGS, Settings};

/// What a message may say about its request.
const REQUEST: [&str; 8] = ["id", "name", "url", "query", "headers", "body", "escaping", "outputs"];

/// Reads a message that stands alone, as for a preview; `before` is the one that it stands for.
///
/// # Errors
/// The first fault, relative to the message.
pub fn parse_message(
    message: &RawValue,
    before: Option<&WebhookStep>,
    known: &Known<'_>,
) -> Result<WebhookStep, Fault> {
    json::check_object(message, &BOUNDS)?;
    read(&json::parse(message.get().as_bytes())?, before, known)
}

/// Reads a message; `before` is the one that it takes the place of.
pub(super) fn read(
    value: &Value,
    before: Option<&WebhookStep>,
    known: &Known<'_>,
) -> Result<WebhookStep, Fault> {
    let completed = before.map(|before| completed(value, before));
    let value = completed.as_ref().unwrap_or(value);
    let object = Object::read(value, r#"{"url":"https://…","headers":{},"body":"…"}"#)?;
    let all: Vec<&str> = REQUEST.into_iter().chain(STEP_SETTINGS).collect();
    object.only(&all)?;
    let settings_json = settings_json(value);
    let settings = Settings::of_step(&settings_json, known.policy)?;
    let body = match object.optional("body") {
        Some(_) => Some(object.text("body")?.to_owned()),
        None => None,
    };
    if body.as_ref().is_some_and(|body| !body.is_empty()) && !settings.method.has_body() {
        return Err(fault_at("body", format!("a {} has none", settings.method.name())));
    }
    Ok(WebhookStep {
        name: super::actions::name(&object)?,
        url: url(&object, known)?,
        query: pairs(&object, "query")?,
        headers: headers(&object, before)?,
        body,
        escaping: escaping(&object)?,
        outputs: match object.optional("outputs") {
            Some(given) => Outputs::parse(&raw(given), "/outputs")?,
            None => Outputs::default(),
        },
        settings,
        settings_json,
    })
}

/// The message with what it leaves out of our own members as it was before: clients of the original
/// read and write messages without them. `null` sets a default.
fn completed(value: &Value, before: &WebhookStep) -> Value {
    const OWN: [&str; 3] = ["query", "escaping", "outputs"];
    let mut completed = value.clone();
    if let Some(members) = completed.as_object_mut() {
        let mut kept = before.own_members();
        kept.retain(|name, _| {
            OWN.contains(&name.as_str()) || STEP_SETTINGS.contains(&name.as_str())
        });
        for (name, value) in kept {
            members.entry(name).or_insert(value);
        }
    }
    completed
}

fn settings_json(value: &Value) -> Map<String, Value> {
    let members = value.as_object().into_iter().flatten();
    let own = members.filter(|(name, _)| STEP_SETTINGS.contains(&name.as_str()));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The address: what stands before the first tag is checked like that of a webhook.
fn url(object: &Object<'_>, known: &Known<'_>) -> Result<String, Fault> {
    let url = object.text("url")?;
    let literal = literal_part(url);
    let after_scheme = literal.split_once("://").map(|(_, rest)| rest);
    let is_whole = literal.len() == url.len()
        || after_scheme.is_some_and(|rest| rest.contains(['/', '?', '#']));
    if !is_whole {
        let why = "scheme, host and port must stand in it as they are, up to the `/` before the \
                   path: values may change path and query alone";
        return Err(fault_at("url", why));
    }
    // One that was stored was judged by the policy of then; each attempt judges it by that of now.
    if known.names.is_some() {
        Destination::parse(&origin(url), known.policy)
            .map_err(|error| fault_at("url", error.to_string()))?;
    }
    Ok(url.to_owned())
}

fn escaping(object: &Object<'_>) -> Result<Escaping, Fault> {
    if object.optional("escaping").is_none() {
        return Ok(Escaping::Context);
    }
    match object.text("escaping")? {
        "context" => Ok(Escaping::Context),
        "klaviyo" => Ok(Escaping::Klaviyo),
        given => Err(fault_at("escaping", unknown(given, "a way", &["context", "klaviyo"]))),
    }
}

fn pairs(object: &Object<'_>, key: &str) -> Result<Vec<(String, String)>, Fault> {
    let Some(value) = object.optional(key) else { return Ok(Vec::new()) };
    let Some(members) = value.as_object() else {
        return Err(fault_at(key, must_be("an object of texts", value)));
    };
    let (count, most) = (members.len(), limits::HEADERS_MAX);
    if count > most {
        return Err(fault_at(key, format!("has {count} members; {most} may be")));
    }
    let pair = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => Ok((name.clone(), text.to_owned())),
        None => Err(fault_at(name, must_be("a string", value)).under(&pointer_to(key))),
    };
    members.iter().map(pair).collect()
}

/// The headers; a value that is the mask stays what it was.
fn headers(
    object: &Object<'_>,
    before: Option<&WebhookStep>,
) -> Result<Vec<(String, Secret)>, Fault> {
    let mut headers = Vec::new();
    for (name, value) in pairs(object, "headers")? {
        let kept = before.and_then(|before| {
            before.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name))
        });
        let value = match (value == MASK, kept) {
            (false, _) => Secret::new(value),
            (true, Some((_, value))) => value.clone(),
            (true, None) => {
                let why =
                    format!("`{MASK}` stands for a value that is kept, and there is none yet");
                return Err(fault_at(&name, why).under("/headers"));
            }
        };
        headers.push((name, value));
    }
    Ok(headers)
}
