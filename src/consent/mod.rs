//! Consents: what a person agreed to receive, on which channel, and why mail to them is held back.
//!
//! A person has a row of these from the first time that they say something; whoever has none was
//! never asked. What a request changes is decided in `decide.rs`, purely; `rows.rs` has the
//! tables and `index.rs` that of suppressions, by which `listing.rs` lists people; `document.rs`
//! shows what was said as the contract does (wire.md §4.5).
//!
//! | | e-mail marketing | other channels |
//! |---|---|---|
//! | subscribe | subscribed; of the suppressions only bounces and bad addresses stay | subscribed |
//! | unsubscribe | unsubscribed, and suppressed as `UNSUBSCRIBE` | unsubscribed |
//! | suppress, unsuppress | `USER_SUPPRESSED` comes or goes; the subscription stays as it is | – |
//!
//! Who is subscribed already keeps the moment of their first consent. A consent of the past
//! (`historical_import`) is taken for what it is: where the person said something later, that stays.
//!
//! There is no mail to confirm a subscription with: subscribing through the API is the consent,
//! also where a list says `double_opt_in`. Whoever posts it has to have it.

mod decide;
mod document;
mod index;
mod listing;
#[cfg(test)]
mod listing_tests;
mod rows;

pub use decide::{Fact, How};
pub use document::{Reach, document};
pub use index::{Of, Wanted, few};
pub use listing::{Listing, Place, people};
pub use rows::{carry_over, erase, get, put};

use crate::clock::Timestamp;
use crate::id::GroupId;

/// What can be consented to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Marketing by e-mail.
    EmailMarketing,
    /// That the opening of e-mails is tracked.
    EmailOpenTracking,
    /// Marketing by SMS.
    SmsMarketing,
    /// Other messages by SMS.
    SmsTransactional,
    /// Push notifications.
    PushMarketing,
    /// Marketing by WhatsApp.
    WhatsappMarketing,
    /// Other messages by WhatsApp.
    WhatsappTransactional,
    /// Answers to what the person wrote by WhatsApp.
    WhatsappConversational,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 8] = [
        Self::EmailMarketing,
        Self::EmailOpenTracking,
        Self::SmsMarketing,
        Self::SmsTransactional,
        Self::PushMarketing,
        Self::WhatsappMarketing,
        Self::WhatsappTransactional,
        Self::WhatsappConversational,
    ];

    /// The two names by which a request says it: the medium and the purpose.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::EmailMarketing => ("email", "marketing"),
            Self::EmailOpenTracking => ("email", "open_tracking"),
            Self::SmsMarketing => ("sms", "marketing"),
            Self::SmsTransactional => ("sms", "transactional"),
            Self::PushMarketing => ("push", "marketing"),
            Self::WhatsappMarketing => ("whatsapp", "marketing"),
            Self::WhatsappTransactional => ("whatsapp", "transactional"),
            Self::WhatsappConversational => ("whatsapp", "conversational"),
        }
    }
}

/// Where a person stands with a channel of which they said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// They agreed.
    Subscribed,
    /// They refused, or ended it.
    Unsubscribed,
}

/// What a person said of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Where they stand.
    pub status: Status,
    /// When they said so.
    pub since: Timestamp,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// When they first said anything of the channel.
    pub first: Timestamp,
    /// By what means: `API`, `CLIENT_API`.
    pub method: String,
    /// What the client calls the place where they said it (`custom_source`).
    pub custom_source: Option<String>,
    /// Whether they confirmed it a second time.
    pub double_opt_in: bool,
}

/// Why mail to a person is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The address does not exist.
    HardBounce,
    /// The address is no address.
    InvalidEmail,
    /// The person called it spam.
    SpamComplaint,
    /// The person unsubscribed.
    Unsubscribe,
    /// The operator said so.
    UserSuppressed,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::HardBounce,
        Self::InvalidEmail,
        Self::SpamComplaint,
        Self::Unsubscribe,
        Self::UserSuppressed,
    ];

    /// The reason's name in the API.
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

    /// The reason of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether a new consent lifts it: it says nothing about whether the address works.
    #[must_use]
    pub const fn ends_by_consent(self) -> bool {
        matches!(self, Self::SpamComplaint | Self::Unsubscribe | Self::UserSuppressed)
    }
}

/// A reason to hold back all marketing by e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Which.
    pub reason: Reason,
    /// Since when.
    pub at: Timestamp,
}

/// A reason to hold back the marketing of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSuppression {
    /// Of which list.
    pub list: GroupId,
    /// Which.
    pub reason: Reason,
    /// Since when.
    pub at: Timestamp,
}

/// All that a person said, and all that is held against mail to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents {
    subscriptions: [Option<Subscription>; Channel::ALL.len()],
    suppressions: Vec<Suppression>,
    list_suppressions: Vec<ListSuppression>,
}

impl Consents {
    /// What the person said of a channel; `None` where they said nothing.
    #[must_use]
    pub const fn subscription(&self, channel: Channel) -> Option<&Subscription> {
        self.subscriptions[channel as usize].as_ref()
    }

    /// The suppressions, each reason once.
    #[must_use]
    pub fn suppressions(&self) -> &[Suppression] {
        &self.suppressions
    }

    /// The suppressions of single lists, each reason once per list.
    #[must_use]
    pub fn list_suppressions(&self) -> &[ListSuppression] {
        &self.list_suppressions
    }

    /// Whether the person is subscribed to a channel.
    #[must_use]
    pub fn is_subscribed(&self, channel: Channel) -> bool {
        self.subscription(channel).is_some_and(|said| said.status == Status::Subscribed)
    }

    /// Whether the person ended or refused a channel.
    #[must_use]
    pub fn is_unsubscribed(&self, channel: Channel) -> bool {
        self.subscription(channel).is_some_and(|said| said.status == Status::Unsubscribed)
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
