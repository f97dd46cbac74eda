//! What a page in a browser may post without a key: events, people, subscriptions (contract: wire.md
//! §4.3). Who calls names the account by its public key, which is no secret.
//!
//! So anybody who can reach the daemon can write there, and the operator has to want that: the calls
//! are off until `[client]` of the configuration says otherwise, and pages of other origins are
//! let in by name. Nothing can be read.

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::Problem;
use super::{Answer, Call, Reply};
use crate::consent::Status;
use crate::event::{self, NewEvent};
use crate::id::GroupId;
use crate::ingest::IngestError;
use crate::json::{self, Fault};
use crate::list::{self, List};
use crate::metric::FIRST_PARTY_SERVICE;
use crate::store::Tx;
use crate::subscriptions::{self, Ask, Context, Means, Said};

/// What the paths of these calls begin with.
const PREFIX: &str = "/client/";
/// How long a browser may remember what a preflight said, in seconds: an hour, so that a change of
/// the configuration is felt the same day.
const PREFLIGHT_SECONDS: u64 = 3_600;

/// What the operator allows.
#[derive(Clone, Debug, Default)]
pub struct ClientAccess {
    /// Whether the calls are answered at all.
    pub enabled: bool,
    /// The origins of pages that may make them; `*` is any.
    pub allowed_origins: Vec<String>,
}

impl ClientAccess {
    /// Lets a request to one of these calls in, and answers a browser that asks first.
    ///
    /// # Errors
    /// 403 where the calls are off, or the page's origin is not allowed.
    pub(super) fn admit(&self, head: &request::Parts) -> Result<Option<Reply>, Problem> {
        if !head.uri.path().starts_with(PREFIX) {
            return Ok(None);
        }
        if !self.enabled {
            return Err(Problem::forbidden(
                "The calls under /client are off, because they let anybody write without a key. \
                 `enabled = true` in the section [client] of the configuration switches them on.",
            ));
        }
        let origin = head.headers.get(header::ORIGIN);
        if let Some(origin) = origin.filter(|_| self.shown_origin(&head.headers).is_none()) {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            return Err(Problem::forbidden(format!(
                "Pages of {origin} are not allowed here; `allowed_origins` in the section \
                 [client] of the configuration names those that are."
            )));
        }
        Ok((head.method == Method::OPTIONS).then(preflight))
    }

    /// What the answer of one of these calls tells the browser; `None` for other calls.
    pub(super) fn tell(&self, path: &str, asked: &HeaderMap) -> Option<Told> {
        (self.enabled && path.starts_with(PREFIX)).then(|| Told(self.shown_origin(asked)))
    }

    /// The origin of the page, where it is allowed.
    fn shown_origin(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let origin = asked.get(header::ORIGIN)?;
        let is_allowed = |allowed: &String| {
            allowed == "*" || origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes())
        };
        self.allowed_origins.iter().any(is_allowed).then(|| origin.clone())
    }
}

/// Which page may see an answer.
pub(super) struct Told(Option<HeaderValue>);

impl Told {
    /// Writes it into the answer's head.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.0 {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}

/// What a browser is told that asks before it posts.
fn preflight() -> Reply {
    let mut reply = Reply::empty(StatusCode::NO_CONTENT);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, accept, revision"),
    ] {
        reply.headers.insert(name, HeaderValue::from_static(value));
    }
    reply.headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_SECONDS));
    reply
}

/// Refuses a request that does not name the account.
fn check_company(call: &Call) -> Result<(), Problem> {
    const NAME: &str = "company_id";
    match call.query.get(NAME) {
        None => Err(Problem::parameter(NAME, "is required: the account's public API key")),
        Some(given) if given == call.parts().account.id.as_str() => Ok(()),
        Some(_) => Err(Problem::parameter(NAME, "is not the public API key of this account")),
    }
}

/// `POST /client/events`.
pub(super) async fn create_event(call: Call) -> Answer {
    check_company(&call)?;
    let event = event::parse_one(&call.body, call.parts().clock.now())?;
    record(&call, vec![event], "/data/attributes").await
}

/// `POST /client/event-bulk-create`: the events of one person.
pub(super) async fn create_events(call: Call) -> Answer {
    const AT: &str = "/data/attributes/events-bulk-create/data";
    check_company(&call)?;
    let Whole { data } = json::parse(&call.body)?;
    // It is one group of what the call with a key takes many of.
    let document = format!(
        r#"{{"data":{{"type":"event-bulk-create-job","attributes":{{"events-bulk-create":{{"data":[{data}]}}}}}}}}"#
    );
    let moved = |pointer: &str| match pointer.strip_prefix(AT) {
        Some("") => "/data/attributes/events/data".to_owned(),
        Some(rest) => format!("/data{}", rest.strip_prefix("/0").unwrap_or(rest)),
        None => pointer.to_owned(),
    };
    let parsed = event::parse_bulk(document.as_bytes(), call.parts().clock.now());
    let mut events = parsed.map_err(|fault| Fault::new(moved(&fault.pointer), fault.detail))?;
    for event in &mut events {
        event.pointer = moved(&event.pointer);
    }
    record(&call, events, "/data/attributes/events/data").await
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

async fn record(call: &Call, events: Vec<NewEvent>, at: &str) -> Answer {
    // What a page says happened is never what tidings itself says of somebody's consent.
    if events.iter().any(|event| event.metric.service() == FIRST_PARTY_SERVICE) {
        let detail =
            format!("the service `{FIRST_PARTY_SERVICE}` needs a key: post to /api/events");
        return Err(Fault::new(at, detail).into());
    }
    call.parts().ingest.record(events).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// `POST /client/profiles`.
pub(super) async fn create_profile(call: Call) -> Answer {
    check_company(&call)?;
    let text: &RawValue = json::parse(&call.body)?;
    let person = subscriptions::person(text.get()).map_err(|fault| fault.under("/data"))?;
    let ingest = call.parts().ingest.clone();
    let made = move |tx: &mut Tx<'_, '_>| {
        tx.needs_room()?;
        subscriptions::resolve(tx, &ingest, &person)
    };
    call.parts().store.commit(made).await.map_err(|error| under(error, "/data"))?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    attributes: Attributes<'a>,
    #[serde(default)]
    relationships: Option<Relationships>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(default)]
    custom_source: Option<String>,
    #[serde(borrow)]
    profile: Whole<'a>,
}

#[derive(Deserialize)]
struct Relationships {
    #[serde(default)]
    list: Option<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    data: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

/// `POST /client/subscriptions`: carried out at once.
pub(super) async fn create_subscription(call: Call) -> Answer {
    const PERSON_AT: &str = "/data/attributes/profile/data";
    check_company(&call)?;
    let Document { data } = json::parse(&call.body)?;
    if data.kind != "subscription" {
        return Err(Fault::new("/data/type", "must be `subscription`").into());
    }
    let list = list_of(&call, data.relationships)?;
    let custom_source = subscriptions::custom_source(data.attributes.custom_source)?;
    let text = data.attributes.profile.data.get();
    let ask = Ask {
        status: Status::Subscribed,
        is_historical: false,
        channels_are_optional: true,
        now: call.parts().clock.now(),
    };
    let said = Said::parse(text, ask).map_err(|fault| fault.under(PERSON_AT))?;
    // The whole of what is said of the person, not only how they can be reached.
    let person = subscriptions::person(&format!(r#"{{"data":{text}}}"#))
        .map_err(|fault| fault.under(PERSON_AT))?;
    let means = Means { method: "CLIENT_API", custom_source };
    let mut context = Context { status: Status::Subscribed, list, means };
    let ingest = call.parts().ingest.clone();
    let subscribe = move |tx: &mut Tx<'_, '_>| {
        // It may have been deleted meanwhile.
        if let Some(named) = &context.list {
            context.list = list::get(tx, named.id)?;
        }
        let profile = subscriptions::resolve(tx, &ingest, &person)?;
        subscriptions::apply(tx, &ingest, profile, &said.channels, &context)
    };
    call.parts().store.commit(subscribe).await.map_err(|error| under(error, PERSON_AT))?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// The list that the request names.
fn list_of(call: &Call, named: Option<Relationships>) -> Result<Option<List>, Problem> {
    let reference = named.and_then(|all| all.list).and_then(|one| one.data);
    let Some(Reference { id }) = reference else { return Ok(None) };
    let wrong = |why: String| Fault::new("/data/relationships/list/data/id", why);
    let id: GroupId = id.parse().map_err(|why| wrong(format!("{why}")))?;
    let found = list::get(&call.parts().store.snapshot()?, id)?;
    found.ok_or_else(|| wrong(format!("there is no list {id}")).into()).map(Some)
}

fn under(error: IngestError, at: &str) -> IngestError {
    match error {
        IngestError::Fault(fault) => IngestError::Fault(fault.under(at)),
        store @ IngestError::Store(_) => store,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_let_in_by_their_origin() {
        let access = |origins: &[&str]| ClientAccess {
            enabled: true,
            allowed_origins: origins.iter().map(ToString::to_string).collect(),
        };
        let shown = |access: &ClientAccess, origin: Option<&'static str>| {
            let mut asked = HeaderMap::new();
            if let Some(origin) = origin {
                asked.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            access.shown_origin(&asked).map(|value| value.to_str().unwrap_or_default().to_owned())
        };
        for (origins, origin, is_shown) in [
            (&["*"][..], Some("https://any.example"), true),
            (&["*"], None, false),
            (&["https://a.example"], Some("https://a.example"), true),
            (&["https://a.example"], Some("https://a.example.evil"), false),
            (&["https://a.example"], Some("http://a.example"), false),
            (&["https://a.example"], Some("null"), false),
            (&[], Some("https://a.example"), false),
        ] {
            let expected = origin.filter(|_| is_shown).map(str::to_owned);
            assert_eq!(shown(&access(origins), origin), expected, "{origins:?} {origin:?}");
        }
        let off = ClientAccess::default();
        assert!(off.tell("/client/events", &HeaderMap::new()).is_none());
        assert!(access(&["*"]).tell("/api/events", &HeaderMap::new()).is_none());
    }
}
