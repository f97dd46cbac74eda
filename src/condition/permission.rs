//! `profile-permissions`: whether the person can be reached by WhatsApp, because of what was said
//! (explicitly) or because nothing was said (implicitly).

use super::At;
use super::Subject;
use super::consent::Channel;
use super::consent::Status;
use super::facts;
use super::facts::FactTest;
use super::marketing::all;
use super::marketing::first_reason;
use super::marketing::has_address;
use super::predicate::Patterns;
use super::standing::Standing;
use crate::json::Fault;
use crate::json::object::Object;

/// The statuses of the contract: whether they mean reachable, and which of explicitly and
/// implicitly they take.
const STATUSES: [(&str, Reach); 6] = [
    ("explicitly_reachable", Reach { is_reachable: true, explicit: true, implicit: false }),
    ("implicitly_reachable", Reach { is_reachable: true, explicit: false, implicit: true }),
    (
        "implicitly_or_explicitly_reachable",
        Reach { is_reachable: true, explicit: true, implicit: true },
    ),
    ("explicitly_unreachable", Reach { is_reachable: false, explicit: true, implicit: false }),
    ("implicitly_unreachable", Reach { is_reachable: false, explicit: false, implicit: true }),
    (
        "implicitly_or_explicitly_unreachable",
        Reach { is_reachable: false, explicit: true, implicit: true },
    ),
];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PermissionTest {
    pub(super) channel: Channel,
    name: &'static str,
    reach: Reach,
    filters: Vec<FactTest>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reach {
    is_reachable: bool,
    explicit: bool,
    implicit: bool,
}

impl PermissionTest {
    pub(super) fn parse(object: &Object<'_>, patterns: &mut Patterns) -> Result<Self, Fault> {
        object.only(&["type", "permission", "channel"])?;
        let channels = ["whatsapp_marketing", "whatsapp_transactional"];
        let channel = match object.choice("channel", "a channel of permissions", &channels)? {
            "whatsapp_marketing" => Channel::WhatsappMarketing,
            _ => Channel::WhatsappTransactional,
        };
        let permission = object.object("permission", r#"{"reachable_status":…}"#)?;
        let mut read = || {
            let names = STATUSES.map(|(name, _)| name);
            let name = permission.choice("reachable_status", "a status of reach", &names)?;
            let found = STATUSES.iter().find(|(of, _)| *of == name);
            let reach = found.map_or(STATUSES[0].1, |(_, reach)| *reach);
            // Of what was never said there is neither a date nor a method.
            let has_filters = !reach.implicit;
            permission.only(if has_filters {
                &["reachable_status", "filters"]
            } else {
                &["reachable_status"]
            })?;
            let filters = FactTest::parse_all(&permission, facts::OF_PERMISSION, patterns)?;
            Ok(Self { channel, name, reach, filters })
        };
        read().map_err(|fault: Fault| fault.under("/permission"))
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        let consent = subject.consent(self.channel);
        if !self.reach.takes(Reach::of(consent.status, self.has_address(subject))) {
            return Standing::settled(false);
        }
        all(&self.filters, &consent, at)
    }

    fn has_address(&self, subject: &dyn Subject) -> bool {
        has_address(self.channel, subject)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let consent = subject.consent(self.channel);
        let own = Reach::of(consent.status, self.has_address(subject));
        let name = STATUSES.iter().find(|(_, reach)| *reach == own).map_or("", |(name, _)| name);
        if !self.reach.takes(own) {
            return format!("the person is `{name}`, not `{}`", self.name);
        }
        first_reason(&self.filters, &consent, at)
            .unwrap_or_else(|| format!("the person is `{name}`"))
    }
}

impl Reach {
    /// How a person can be reached: as was said, else if there is a number to write to.
    const fn of(status: Status, has_address: bool) -> Self {
        match status {
            Status::Subscribed => Self { is_reachable: true, explicit: true, implicit: false },
            Status::Unsubscribed => Self { is_reachable: false, explicit: true, implicit: false },
            Status::NeverSubscribed => {
                Self { is_reachable: has_address, explicit: false, implicit: true }
            }
        }
    }

    /// Whether a person who can be reached so is one of those meant.
    const fn takes(self, own: Self) -> bool {
        let is_explicit = self.explicit && own.explicit;
        let is_implicit = self.implicit && own.implicit;
        self.is_reachable == own.is_reachable && (is_explicit || is_implicit)
    }
}
