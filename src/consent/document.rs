//! A person's `subscriptions` as the contract shows them: every channel, whether or not they said
//! anything of it (schemas: Subscriptions, EmailMarketing, SMSMarketing …).

use serde_json::{Map, Value, json};

use super::{Channel, Consents, Status};
use crate::profile::{Identifier, Profile};

/// By what a person can be reached.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'p> {
    /// Whether there is an e-mail address.
    pub has_email: bool,
    /// The phone number.
    pub phone_number: Option<&'p str>,
}

impl<'p> Reach<'p> {
    /// By what this person can be reached.
    #[must_use]
    pub fn of(profile: &'p Profile) -> Self {
        Self {
            has_email: profile.identifier(Identifier::Email).is_some(),
            phone_number: profile.identifier(Identifier::PhoneNumber),
        }
    }
}

/// Whether the person may be sent something on a channel: there is a way to reach them, nothing
/// holds it back, and they agreed. Who was never asked may be sent e-mail, and nothing else.
#[must_use]
fn can_receive(consents: &Consents, channel: Channel, reach: Reach<'_>) -> bool {
    match channel {
        Channel::EmailMarketing => {
            reach.has_email
                && consents.suppressions().is_empty()
                && !consents.is_unsubscribed(channel)
        }
        Channel::EmailOpenTracking => reach.has_email && !consents.is_unsubscribed(channel),
        Channel::PushMarketing => consents.is_subscribed(channel),
        Channel::SmsMarketing
        | Channel::SmsTransactional
        | Channel::WhatsappMarketing
        | Channel::WhatsappTransactional
        | Channel::WhatsappConversational => {
            reach.phone_number.is_some() && consents.is_subscribed(channel)
        }
    }
}

/// The `subscriptions` of a person.
#[must_use]
pub fn document(consents: &Consents, reach: Reach<'_>) -> Value {
    let can = |channel| can_receive(consents, channel, reach);
    let sms = |channel, name: &str| {
        let mut shown = said(consents, channel);
        shown.extend(means(consents, channel));
        shown.insert(name.to_owned(), can(channel).into());
        shown
    };
    let later = |channel| {
        let mut shown = said(consents, channel);
        let first = consents.subscription(channel).map(|said| said.first.rfc3339_seconds());
        shown.insert("created_timestamp".to_owned(), first.into());
        shown.insert("metadata".to_owned(), json!({}));
        shown.insert("can_receive".to_owned(), can(channel).into());
        shown.insert("valid_until".to_owned(), Value::Null);
        shown
    };
    let whatsapp = |channel| {
        let mut shown = later(channel);
        shown.insert("phone_number".to_owned(), reach.phone_number.into());
        shown
    };
    let mut push = said(consents, Channel::PushMarketing);
    push.remove("last_updated");
    push.insert("can_receive_push_marketing".to_owned(), can(Channel::PushMarketing).into());
    json!({
        "email": {
            "marketing": email(consents, can(Channel::EmailMarketing)),
            "open_tracking": later(Channel::EmailOpenTracking),
        },
        "sms": {
            "marketing": sms(Channel::SmsMarketing, "can_receive_sms_marketing"),
            "transactional": sms(Channel::SmsTransactional, "can_receive_sms_transactional"),
        },
        "mobile_push": { "marketing": push },
        "whatsapp": {
            "marketing": whatsapp(Channel::WhatsappMarketing),
            "transactional": whatsapp(Channel::WhatsappTransactional),
            "conversational": whatsapp(Channel::WhatsappConversational),
        },
    })
}

fn email(consents: &Consents, can_receive: bool) -> Map<String, Value> {
    let channel = Channel::EmailMarketing;
    let mut shown = said(consents, channel);
    shown.extend(means(consents, channel));
    let said = consents.subscription(channel);
    let custom = said.and_then(|said| said.custom_source.as_deref());
    let held = consents.suppressions().iter().map(
        |held| json!({ "reason": held.reason.name(), "timestamp": held.at.rfc3339_seconds() }),
    );
    let of_lists = consents.list_suppressions().iter().map(|held| {
        json!({
            "list_id": held.list.as_str(),
            "reason": held.reason.name(),
            "timestamp": held.at.rfc3339_seconds(),
        })
    });
    shown.insert("can_receive_email_marketing".to_owned(), can_receive.into());
    shown.insert("custom_method_detail".to_owned(), custom.into());
    shown.insert("double_optin".to_owned(), said.map(|said| said.double_opt_in).into());
    shown.insert("suppression".to_owned(), held.collect());
    shown.insert("list_suppressions".to_owned(), of_lists.collect());
    shown
}

/// What every channel shows.
fn said(consents: &Consents, channel: Channel) -> Map<String, Value> {
    let said = consents.subscription(channel);
    let consent = match said.map(|said| said.status) {
        None => "NEVER_SUBSCRIBED",
        Some(Status::Subscribed) => "SUBSCRIBED",
        Some(Status::Unsubscribed) => "UNSUBSCRIBED",
    };
    let mut shown = Map::new();
    shown.insert("consent".to_owned(), consent.into());
    let since = said.map(|said| said.since.rfc3339_seconds());
    shown.insert("consent_timestamp".to_owned(), since.into());
    let recorded = said.map(|said| said.recorded.rfc3339_seconds());
    shown.insert("last_updated".to_owned(), recorded.into());
    shown
}

/// By what means it was said.
fn means(consents: &Consents, channel: Channel) -> Map<String, Value> {
    let said = consents.subscription(channel);
    let mut shown = Map::new();
    shown.insert("method".to_owned(), said.map(|said| said.method.as_str()).into());
    shown.insert("method_detail".to_owned(), "".into());
    shown
}

#[cfg(test)]
mod tests {
    use super::super::How;
    use super::*;
    use crate::clock::Timestamp;

    const BOTH: Reach<'_> = Reach { has_email: true, phone_number: Some("+15005550006") };

    fn how(second: i64) -> How {
        let at = Timestamp::from_seconds(second);
        How { at, now: at, method: "API", custom_source: Some("form".to_owned()) }
    }

    #[test]
    fn who_said_nothing_may_be_sent_mail_and_nothing_else() {
        let shown = document(&Consents::default(), BOTH);
        assert_eq!(shown["email"]["marketing"]["can_receive_email_marketing"], true);
        assert_eq!(shown["email"]["marketing"]["consent"], "NEVER_SUBSCRIBED");
        assert_eq!(shown["email"]["marketing"]["consent_timestamp"], Value::Null);
        assert_eq!(shown["sms"]["marketing"]["can_receive_sms_marketing"], false);
        assert_eq!(shown["mobile_push"]["marketing"]["can_receive_push_marketing"], false);
        assert_eq!(shown["whatsapp"]["transactional"]["can_receive"], false);
        let unreachable =
            document(&Consents::default(), Reach { has_email: false, phone_number: None });
        assert_eq!(unreachable["email"]["marketing"]["can_receive_email_marketing"], false);
    }

    #[test]
    fn what_was_said_is_shown() {
        let mut consents = Consents::default();
        consents.subscribe(Channel::EmailMarketing, &how(0));
        consents.subscribe(Channel::SmsMarketing, &how(0));
        let shown = document(&consents, Reach { phone_number: None, ..BOTH });
        let email = &shown["email"]["marketing"];
        assert_eq!(email["consent"], "SUBSCRIBED");
        assert_eq!(email["consent_timestamp"], "1970-01-01T00:00:00+00:00");
        assert_eq!((&email["method"], &email["method_detail"]), (&"API".into(), &"".into()));
        assert_eq!(email["custom_method_detail"], "form");
        assert_eq!(email["double_optin"], false);
        assert_eq!(shown["sms"]["marketing"]["consent"], "SUBSCRIBED");
        let without_number = &shown["sms"]["marketing"]["can_receive_sms_marketing"];
        assert_eq!(*without_number, false, "there is no number to send to");
        consents.unsubscribe(Channel::EmailMarketing, &how(60));
        let shown = document(&consents, BOTH);
        let email = &shown["email"]["marketing"];
        assert_eq!(email["can_receive_email_marketing"], false);
        assert_eq!(email["suppression"][0]["reason"], "UNSUBSCRIBE");
        assert_eq!(email["suppression"][0]["timestamp"], "1970-01-01T00:01:00+00:00");
        assert_eq!(shown["sms"]["marketing"]["can_receive_sms_marketing"], true);
    }
}
