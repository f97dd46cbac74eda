//! What a delivery sends: the data of its events, around which the body is made, or a request that
//! was rendered before and goes out as it lies in the store.
//!
//! A rendered address is not trusted: it may differ from that of its endpoint behind the origin
//! only, because who can be reached is the decision of who wrote the endpoint's address, and not of
//! what stands in an event. What breaks that is never sent.

use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};

use super::attempt::Sender;
use super::lanes::Ready;
use super::message;
use super::ready_made::StoredRequest;
use super::{Delivery, Outcome, State, rows};
use crate::egress::{Destination, Policy};
use crate::store::{Read, StoreError};
use crate::webhook::Endpoint;

/// What is sent, apart from what every attempt has of its own.
pub(super) enum Content {
    /// The `data` of a body.
    Events(Bytes),
    /// All of a request but what is ours to set.
    Request(StoredRequest),
}

/// Why there is nothing to send.
pub(super) enum Nothing {
    Gone,
    Unwanted,
    Unreadable(StoreError),
}

impl From<StoreError> for Nothing {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<Nothing> for Outcome {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Gone => Self::Gone,
            Nothing::Unwanted => Self::Unwanted,
            Nothing::Unreadable(error) => Self::Unreadable { detail: error.to_string() },
        }
    }
}

impl Sender {
    /// What an attempt of the delivery sends.
    pub(super) fn content(&self, ready: &Ready, endpoint: &Endpoint) -> Result<Content, Nothing> {
        let is_skipped = endpoint.webhook.skip_before.is_some_and(|first| ready.id < first);
        let include = endpoint.webhook.settings.include;
        if let Some(event) = ready.event {
            if is_skipped {
                return Err(Nothing::Unwanted);
            }
            let data = message::data(self, &[event], include)?;
            return data.map(Content::Events).ok_or(Nothing::Gone);
        }
        let from = self.store.snapshot()?;
        let found = rows::get(&from, ready.id)?;
        let found = found.filter(|found| found.state == State::Scheduled).ok_or(Nothing::Gone)?;
        // What a person asked for again since is wanted.
        if is_skipped && found.resent.is_none() {
            return Err(Nothing::Unwanted);
        }
        self.content_of(&from, &found, endpoint)?.ok_or(Nothing::Gone)
    }

    /// What a delivery sends; `None` where it is not stored, or not any more.
    pub(super) fn content_of(
        &self,
        from: &impl Read,
        delivery: &Delivery,
        endpoint: &Endpoint,
    ) -> Result<Option<Content>, StoreError> {
        if delivery.run.is_some() {
            return Ok(rows::request(from, delivery.id)?.map(Content::Request));
        }
        let include = endpoint.webhook.settings.include;
        Ok(message::data(self, &delivery.events, include)?.map(Content::Events))
    }
}

impl Content {
    /// Where it goes, given the endpoint's own address.
    ///
    /// # Errors
    /// Where it was rendered to something that must not, or can not, be sent: one sentence for the
    /// operator, without what was rendered behind the origin.
    pub(super) fn destination(
        &self,
        own: Destination,
        policy: &Policy,
    ) -> Result<Destination, String> {
        let Self::Request(request) = self else { return Ok(own) };
        let rendered = Destination::parse(&request.url, policy).map_err(|error| {
            format!("the address that was rendered can not be sent to: {error}")
        })?;
        if rendered.origin() != own.origin() {
            return Err(format!(
                "the address that was rendered is at {}, and its step sends to {} alone",
                rendered.origin(),
                own.origin()
            ));
        }
        if let Some(name) = request.headers.iter().find_map(unsendable) {
            return Err(format!("the header `{name}` was rendered to what no header may hold"));
        }
        Ok(rendered)
    }
}

/// The name of a header that can not be sent as it is.
fn unsendable((name, value): &(String, String)) -> Option<String> {
    let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok();
    let is_value = HeaderValue::from_str(value).is_ok();
    (!is_name || !is_value).then(|| name.escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, header: (&str, &str)) -> Content {
        let header = (header.0.to_owned(), header.1.to_owned());
        Content::Request(StoredRequest {
            url: url.to_owned(),
            headers: vec![header],
            body: String::new(),
        })
    }

    #[test]
    fn a_rendered_request_stays_at_the_origin_of_its_step() {
        let policy = Policy { allow_http: true, ..Policy::default() };
        let own = || Destination::parse("https://h.example/hook", &policy).unwrap();
        let plain = ("X-A", "b");
        for (url, header, expected) in [
            ("https://h.example/other?x=1", plain, Ok("https://h.example")),
            ("https://H.EXAMPLE:443/", plain, Ok("https://h.example")),
            ("https://evil.example/hook", plain, Err("is at https://evil.example, and its step")),
            ("http://h.example/hook", plain, Err("is at http://h.example, and")),
            ("https://h.example:8443/", plain, Err("is at https://h.example:8443, and")),
            ("https://u:p@h.example/", plain, Err("can not be sent to")),
            ("https://h.example.evil.example/", plain, Err("evil.example, and")),
            ("https://127.0.0.1/", plain, Err("can not be sent to")),
            ("/hook", plain, Err("can not be sent to")),
            ("https://h.example/", ("X-A", "b\r\nX-C: d"), Err("header `X-A` was")),
            ("https://h.example/", ("X A", "b"), Err("header `X A` was")),
        ] {
            let found = request(url, header).destination(own(), &policy);
            match (found, expected) {
                (Ok(found), Ok(origin)) => assert_eq!(found.origin(), origin, "{url}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{url}: {why}"),
                (found, _) => panic!("{url}: {found:?}"),
            }
        }
        let events = Content::Events(Bytes::new());
        assert_eq!(events.destination(own(), &policy), Ok(own()));
    }
}
