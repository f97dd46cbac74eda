//! `profile-marketing-consent`: whether marketing may reach the person by a channel, and what was
//! said about it.

use super::At;
use super::Subject;
use super::consent::Channel;
use super::consent::Consent;
use super::consent::Status;
use super::facts;
use super::facts::FactTest;
use super::predicate::Patterns;
use super::standing::Standing;
use crate::json::Fault;
use crate::json::object::Object;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct MarketingTest {
    pub(super) channel: Channel,
    /// Whether marketing must, or must not, be able to reach the person.
    can_receive: bool,
    /// What was said; `None` is anything.
    status: Option<Status>,
    filters: Vec<FactTest>,
}

impl MarketingTest {
    pub(super) fn parse(object: &Object<'_>, patterns: &mut Patterns) -> Result<Self, Fault> {
        object.only(&["type", "consent"])?;
        let consent = object.object("consent", r#"{"channel":"email",…}"#)?;
        parse(&consent, patterns).map_err(|fault| fault.under("/consent"))
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        let consent = subject.consent(self.channel);
        let can_receive = has_address(self.channel, subject) && consent.allows(self.channel);
        if can_receive != self.can_receive || !self.is_of_status(&consent) {
            return Standing::settled(false);
        }
        all(&self.filters, &consent, at)
    }

    fn is_of_status(&self, consent: &Consent<'_>) -> bool {
        self.status.is_none_or(|status| status == consent.status)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let consent = subject.consent(self.channel);
        let status = consent.status.name();
        let obstacle = obstacle(self.channel, subject, &consent);
        if obstacle.is_none() != self.can_receive {
            return match obstacle {
                None => format!("marketing can be received: the status is `{status}`"),
                Some(why) => format!("marketing can not be received: {why}"),
            };
        }
        if let Some(wanted) = self.status.filter(|wanted| *wanted != consent.status) {
            return format!("the status is `{status}`, not `{}`", wanted.name());
        }
        first_reason(&self.filters, &consent, at)
            .unwrap_or_else(|| format!("the status is `{status}`"))
    }
}

fn parse(consent: &Object<'_>, patterns: &mut Patterns) -> Result<MarketingTest, Fault> {
    consent.only(&["channel", "can_receive_marketing", "consent_status"])?;
    let (channel, fields) =
        match consent.choice("channel", "a channel of marketing", &["email", "sms", "push"])? {
            "email" => (Channel::EmailMarketing, facts::OF_EMAIL),
            "sms" => (Channel::SmsMarketing, facts::OF_SMS),
            _ => (Channel::PushMarketing, facts::OF_PUSH),
        };
    let can_receive = consent.boolean("can_receive_marketing")?;
    let said = consent.object("consent_status", r#"{"subscription":"any"}"#)?;
    let mut read = || {
        said.only(&["subscription", "filters"])?;
        let what = "a subscription that this channel can have so";
        let status = match said.choice("subscription", what, subscriptions(channel, can_receive))? {
            "subscribed" => Some(Status::Subscribed),
            "unsubscribed" => Some(Status::Unsubscribed),
            "never_subscribed" => Some(Status::NeverSubscribed),
            _ => None,
        };
        Ok((status, FactTest::parse_all(&said, fields, patterns)?))
    };
    let (status, filters) = read().map_err(|fault: Fault| fault.under("/consent_status"))?;
    Ok(MarketingTest { channel, can_receive, status, filters })
}

/// What can have been said where marketing can be received, or can not; the rest would never hold.
const fn subscriptions(channel: Channel, can_receive: bool) -> &'static [&'static str] {
    match (channel, can_receive) {
        (Channel::EmailMarketing, true) => &["any", "subscribed", "never_subscribed"],
        (_, true) => &["any", "subscribed"],
        (_, false) => &["any", "subscribed", "unsubscribed", "never_subscribed"],
    }
}

/// Why nothing may be sent by the channel, if so.
fn obstacle(channel: Channel, subject: &dyn Subject, consent: &Consent<'_>) -> Option<String> {
    if !has_address(channel, subject) {
        let address = channel.address().unwrap_or_default();
        return Some(format!("`{address}` is not set"));
    }
    if consent.allows(channel) {
        return None;
    }
    Some(match consent.suppressions.first() {
        Some((why, _)) => format!("the person is suppressed, as {}", why.name()),
        None => format!("the status is `{}`", consent.status.name()),
    })
}

/// Whether the person has what the channel sends to.
pub(super) fn has_address(channel: Channel, subject: &dyn Subject) -> bool {
    let Some(address) = channel.address() else { return true };
    subject.profile_attribute(address).is_some_and(|value| !value.is_null())
}

/// Whether all filters hold of a consent, and until when.
pub(super) fn all(filters: &[FactTest], consent: &Consent<'_>, at: &At) -> Standing {
    filters
        .iter()
        .map(|filter| filter.stand(consent, at))
        .fold(Standing::settled(true), Standing::and)
}

/// The reason of the first filter that does not hold, else of the first.
pub(super) fn first_reason(filters: &[FactTest], consent: &Consent<'_>, at: &At) -> Option<String> {
    let failing = filters.iter().find(|filter| !filter.stand(consent, at).holds);
    failing.or_else(|| filters.first()).map(|filter| filter.reason(consent, at))
}
