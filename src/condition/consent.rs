//! What a person has said about being written to, as conditions look at it. The data is the
//! caller's; a channel of which nothing is known is one that nothing was said about.

use std::borrow::Cow;

use crate::clock::Timestamp;

/// A way to reach a person, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Newsletters and the like by e-mail.
    EmailMarketing,
    /// Offers by SMS.
    SmsMarketing,
    /// Messages about an order or account by SMS.
    SmsTransactional,
    /// Offers by push notification.
    PushMarketing,
    /// Offers by WhatsApp.
    WhatsappMarketing,
    /// Messages about an order or account by WhatsApp.
    WhatsappTransactional,
}

/// What was said last about a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    #[default]
    NeverSubscribed,
    /// Yes.
    Subscribed,
    /// No.
    Unsubscribed,
}

impl Status {
    /// The status as conditions spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverSubscribed => "never_subscribed",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// Why nothing is sent to a person whatever was said (contract: wire.md §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suppression {
    /// A message came back for good.
    HardBounce,
    /// The address is none.
    InvalidEmail,
    /// The person called a message spam.
    SpamComplaint,
    /// The person unsubscribed.
    Unsubscribe,
    /// The operator suppressed the person.
    UserSuppressed,
}

impl Suppression {
    /// The reason as the contract spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HardBounce => "HARD_BOUNCE",
            Self::InvalidEmail => "INVALID_EMAIL",
            Self::SpamComplaint => "SPAM_COMPLAINT",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UserSuppressed => "USER_SUPPRESSED",
        }
    }
}

/// What is known about one channel of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent<'s> {
    /// What was said last.
    pub status: Status,
    /// When it was said, as the producer tells.
    pub since: Option<Timestamp>,
    /// When tidings was told.
    pub recorded: Option<Timestamp>,
    /// By which way it was said, as in `form`; upper and lower case do not matter.
    pub method: Option<Cow<'s, str>>,
    /// More about the way: the id of a form, say.
    pub method_detail: Option<Cow<'s, str>>,
    /// What the producer called the source.
    pub custom_source: Option<Cow<'s, str>>,
    /// Whether the person confirmed it.
    pub double_opt_in: bool,
    /// Why nothing is sent all the same, each with its moment.
    pub suppressions: Vec<(Suppression, Timestamp)>,
}

impl Channel {
    /// The attribute of a profile without which the channel leads nowhere.
    #[must_use]
    pub const fn address(self) -> Option<&'static str> {
        match self {
            Self::EmailMarketing => Some("email"),
            Self::PushMarketing => None,
            _ => Some("phone_number"),
        }
    }

    /// Whether the channel takes messages unless the person says no; others wait for a yes.
    #[must_use]
    pub const fn is_open_unasked(self) -> bool {
        matches!(self, Self::EmailMarketing)
    }
}

impl Consent<'_> {
    /// Whether a person with an address of the channel may be written to through it.
    #[must_use]
    pub fn allows(&self, channel: Channel) -> bool {
        let has_said_yes = match self.status {
            Status::Subscribed => true,
            Status::NeverSubscribed => channel.is_open_unasked(),
            Status::Unsubscribed => false,
        };
        has_said_yes && self.suppressions.is_empty()
    }
}
