//! What a request says of one person: who they are, and what they agree to or end.
//!
//! The same text is read twice: when the request comes in, to refuse it, and when its job gets to
//! the person. So a job keeps what was received, and nothing has to be written in two ways.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::consent::{Channel, Status};
use crate::json::{self, Fault};
use crate::limits;
use crate::profile::{ProfileDocument, ProfilePatch};

/// How the text is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What the person is to be.
    pub status: Status,
    /// Whether it is about consents of the past.
    pub is_historical: bool,
    /// Whether the channels may be left out, and then follow from the identifiers.
    pub channels_are_optional: bool,
    /// The present, which no consent of the past may lie after.
    pub now: Timestamp,
}

/// What was said of a person; checked.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who it is.
    pub person: ProfilePatch,
    /// The channels, and when the person said so, where that is told.
    pub channels: Vec<(Channel, Option<Timestamp>)>,
}

/// A person as the text has them.
#[derive(Deserialize)]
struct RawPerson {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<String>,
    attributes: RawAttributes,
}

#[derive(Deserialize)]
struct RawAttributes {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone_number: Option<String>,
    #[serde(default)]
    subscriptions: Option<BTreeMap<String, BTreeMap<String, Box<RawValue>>>>,
}

#[derive(Deserialize)]
struct RawConsent {
    consent: String,
    #[serde(default)]
    consented_at: Option<String>,
}

const AT: &str = "/attributes/subscriptions";
/// What a push subscription has besides its purpose; there is nothing to send to its tokens with.
const OF_PUSH: [&str; 2] = ["tokens", "anonymous_id"];

impl Said {
    /// Reads a person of a request.
    ///
    /// # Errors
    /// The first fault, its pointer relative to the person.
    pub fn parse(text: &str, ask: Ask) -> Result<Self, Fault> {
        let raw: RawPerson = json::parse(text.as_bytes())?;
        if raw.kind != "profile" {
            return Err(Fault::new("/type", "must be `profile`"));
        }
        let channels = channels(&raw, ask)?;
        for (channel, _) in &channels {
            reachable(*channel, &raw)?;
        }
        let RawPerson { id, attributes, .. } = raw;
        let document = json!({ "data": {
            "type": "profile",
            "id": id,
            "attributes": { "email": attributes.email, "phone_number": attributes.phone_number },
        } });
        Ok(Self { person: person(&document.to_string())?, channels })
    }
}

/// Checks what a client calls the place where people subscribe.
///
/// # Errors
/// Where it is too long.
pub fn custom_source(given: Option<String>) -> Result<Option<String>, Fault> {
    let (length, most) =
        (given.as_ref().map_or(0, |text| text.chars().count()), limits::CUSTOM_SOURCE_CHARS_MAX);
    if length > most {
        let detail = format!("has {length} characters, at most {most} may be");
        return Err(Fault::new("/data/attributes/custom_source", detail));
    }
    Ok(given.filter(|text| !text.is_empty()))
}

/// The person with this e-mail address.
///
/// # Errors
/// Where it is no address, at `/attributes/email`.
pub fn addressed(email: &str) -> Result<ProfilePatch, Fault> {
    let document = json!({ "data": { "type": "profile", "attributes": { "email": email } } });
    person(&document.to_string())
}

/// The person whom a profile's document describes.
pub(crate) fn person(document: &str) -> Result<ProfilePatch, Fault> {
    let parsed = json::parse::<ProfileDocument<'_>>(document.as_bytes());
    parsed.and_then(ProfilePatch::parse).map_err(|fault| {
        let within = fault.pointer.strip_prefix("/data").unwrap_or(&fault.pointer).to_owned();
        Fault::new(within, fault.detail)
    })
}

fn channels(raw: &RawPerson, ask: Ask) -> Result<Vec<(Channel, Option<Timestamp>)>, Fault> {
    let Some(subscriptions) = &raw.attributes.subscriptions else {
        return implied(raw, ask);
    };
    let mut channels = Vec::new();
    for (medium, purposes) in subscriptions {
        for (purpose, consent) in purposes {
            if medium == "push" && OF_PUSH.contains(&purpose.as_str()) {
                continue;
            }
            let at = format!("{AT}/{medium}/{purpose}");
            let channel = channel(medium, purpose, ask).ok_or_else(|| unknown(&at, ask))?;
            channels.push((channel, consented(consent, &at, ask)?));
        }
    }
    if channels.is_empty() {
        return Err(Fault::new(AT, "names no channel"));
    }
    Ok(channels)
}

/// The channels of who does not say: marketing by what there is of e-mail and phone.
fn implied(raw: &RawPerson, ask: Ask) -> Result<Vec<(Channel, Option<Timestamp>)>, Fault> {
    if !ask.channels_are_optional {
        return Err(Fault::new(AT, "`subscriptions` is required"));
    }
    let RawAttributes { email, phone_number, .. } = &raw.attributes;
    let of_email = email.as_ref().map(|_| (Channel::EmailMarketing, None));
    let of_phone = phone_number.as_ref().map(|_| (Channel::SmsMarketing, None));
    let channels: Vec<_> = of_email.into_iter().chain(of_phone).collect();
    if channels.is_empty() {
        return Err(Fault::new("/attributes", "needs an `email` or a `phone_number`"));
    }
    Ok(channels)
}

/// The channels that a request of this kind can name.
fn possible(ask: Ask) -> impl Iterator<Item = Channel> {
    // A conversation begins by a message of the person, so only its end can be asked for.
    let is_possible = move |channel: &Channel| {
        ask.status == Status::Unsubscribed || *channel != Channel::WhatsappConversational
    };
    Channel::ALL.into_iter().filter(is_possible)
}

fn channel(medium: &str, purpose: &str, ask: Ask) -> Option<Channel> {
    possible(ask).find(|channel| channel.names() == (medium, purpose))
}

fn unknown(at: &str, ask: Ask) -> Fault {
    let names = possible(ask).map(|channel| {
        let (medium, purpose) = channel.names();
        format!("{medium}.{purpose}")
    });
    let known = names.collect::<Vec<_>>().join(", ");
    Fault::new(at, format!("is no channel that can be named here; there are {known}"))
}

/// When the person said so, where the request tells it.
fn consented(raw: &RawValue, at: &str, ask: Ask) -> Result<Option<Timestamp>, Fault> {
    let given: RawConsent = json::parse(raw.get().as_bytes()).map_err(|fault| fault.under(at))?;
    let expected = match ask.status {
        Status::Subscribed => "SUBSCRIBED",
        Status::Unsubscribed => "UNSUBSCRIBED",
    };
    if given.consent != expected {
        return Err(Fault::new(format!("{at}/consent"), format!("must be `{expected}`")));
    }
    let at = format!("{at}/consented_at");
    let moment = match (given.consented_at, ask.is_historical) {
        (None, false) => return Ok(None),
        (None, true) => {
            return Err(Fault::new(at, "is required where `historical_import` is true"));
        }
        (Some(_), false) => {
            return Err(Fault::new(at, "is for requests whose `historical_import` is true"));
        }
        (Some(text), true) => Timestamp::parse_iso8601(&text),
    };
    let Some(moment) = moment else {
        return Err(Fault::new(at, "is not an ISO 8601 moment, as 2026-02-07T00:00:00+00:00"));
    };
    if moment > ask.now || moment.seconds() < limits::EVENT_TIME_MIN_SECONDS {
        return Err(Fault::new(at, "must lie in the past, and not before 1990"));
    }
    Ok(Some(moment))
}

/// Refuses a channel that the request says no address for.
fn reachable(channel: Channel, raw: &RawPerson) -> Result<(), Fault> {
    let RawAttributes { email, phone_number, .. } = &raw.attributes;
    let (name, is_there) = match channel.names().0 {
        "email" => ("email", email.is_some()),
        "sms" | "whatsapp" => ("phone_number", phone_number.is_some()),
        _ => return Ok(()),
    };
    if is_there || raw.id.is_some() {
        return Ok(());
    }
    let (medium, purpose) = channel.names();
    let detail = format!("`{name}` is required for {medium}.{purpose}, or the profile's `id`");
    Err(Fault::new(format!("/attributes/{name}"), detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIBE: Ask = Ask {
        status: Status::Subscribed,
        is_historical: false,
        channels_are_optional: false,
        now: Timestamp::from_seconds(1_788_529_135),
    };

    fn said(attributes: &str, ask: Ask) -> Result<Said, Fault> {
        Said::parse(&format!(r#"{{"type":"profile","attributes":{{{attributes}}}}}"#), ask)
    }

    #[test]
    fn each_fault_points_at_its_field() {
        let past = Ask { is_historical: true, ..SUBSCRIBE };
        let end = Ask { status: Status::Unsubscribed, ..SUBSCRIBE };
        let email = r#""email":"a@b.c","subscriptions":"#;
        let agreed = |more: &str| {
            format!(r#"{email}{{"email":{{"marketing":{{"consent":"SUBSCRIBED"{more}}}}}}}"#)
        };
        const MARKETING: &str = "/attributes/subscriptions/email/marketing";
        for (attributes, ask, pointer) in [
            (r#""email":"a@b.c""#.to_owned(), SUBSCRIBE, AT.to_owned()),
            (format!("{email}{{}}"), SUBSCRIBE, AT.to_owned()),
            (format!(r#"{email}{{"push":{{"tokens":[]}}}}"#), SUBSCRIBE, AT.to_owned()),
            (agreed(""), end, format!("{MARKETING}/consent")),
            (agreed(""), past, format!("{MARKETING}/consented_at")),
            (
                agreed(r#","consented_at":"2020-01-01T00:00:00Z""#),
                SUBSCRIBE,
                format!("{MARKETING}/consented_at"),
            ),
            (agreed(r#","consented_at":"soon""#), past, format!("{MARKETING}/consented_at")),
            (
                agreed(r#","consented_at":"2030-01-01T00:00:00Z""#),
                past,
                format!("{MARKETING}/consented_at"),
            ),
            (
                format!(r#"{email}{{"fax":{{"marketing":{{}}}}}}"#),
                SUBSCRIBE,
                format!("{AT}/fax/marketing"),
            ),
            (
                format!(r#"{email}{{"whatsapp":{{"conversational":{{}}}}}}"#),
                SUBSCRIBE,
                format!("{AT}/whatsapp/conversational"),
            ),
            (
                format!(r#"{email}{{"sms":{{"marketing":{{"consent":"SUBSCRIBED"}}}}}}"#),
                SUBSCRIBE,
                "/attributes/phone_number".to_owned(),
            ),
            (agreed("").replace("a@b.c", "nobody"), SUBSCRIBE, "/attributes/email".to_owned()),
        ] {
            assert_eq!(said(&attributes, ask).unwrap_err().pointer, pointer, "{attributes}");
        }
    }

    #[test]
    fn channels_are_named_or_follow_from_the_identifiers() {
        let named = said(
            r#""email":"a@b.c","phone_number":"+15005550006","age_gated_date_of_birth":null,
                "subscriptions":{"sms":{"transactional":{"consent":"SUBSCRIBED"}},
                "email":{"marketing":{"consent":"SUBSCRIBED"}}}"#,
            SUBSCRIBE,
        );
        let expected = [(Channel::EmailMarketing, None), (Channel::SmsTransactional, None)];
        assert_eq!(named.unwrap().channels, expected);
        let optional = Ask { channels_are_optional: true, ..SUBSCRIBE };
        let implied = said(r#""phone_number":"+15005550006""#, optional).unwrap();
        assert_eq!(implied.channels, [(Channel::SmsMarketing, None)]);
        assert_eq!(said("", optional).unwrap_err().pointer, "/attributes");
        let end = Ask { status: Status::Unsubscribed, ..SUBSCRIBE };
        let ended = r#""phone_number":"+15005550006","subscriptions":
            {"whatsapp":{"conversational":{"consent":"UNSUBSCRIBED"}}}"#;
        assert_eq!(said(ended, end).unwrap().channels, [(Channel::WhatsappConversational, None)]);
    }

    #[test]
    fn a_consent_of_the_past_has_its_moment() {
        let past = Ask { is_historical: true, ..SUBSCRIBE };
        let of_2020 = r#""email":"a@b.c","subscriptions":{"email":{"marketing":
            {"consent":"SUBSCRIBED","consented_at":"2020-01-01T00:00:00+00:00"}}}"#;
        let channels = said(of_2020, past).unwrap().channels;
        let moment = Timestamp::from_seconds(1_577_836_800);
        assert_eq!(channels, [(Channel::EmailMarketing, Some(moment))]);
    }
}
