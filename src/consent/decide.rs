//! What a request changes of a person's consents, and what it makes known. Pure.

use super::{Channel, Consents, ListSuppression, Reason, Status, Subscription, Suppression};
use crate::clock::Timestamp;
use crate::id::GroupId;

/// What became known by a change: the first-party events (contract: wire.md §1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The person subscribed to a channel.
    Subscribed(Channel),
    /// The person unsubscribed from a channel.
    Unsubscribed(Channel),
    /// The operator holds back mail to them.
    Suppressed,
    /// The operator, or a new consent, lifted that.
    Unsuppressed,
}

impl Fact {
    /// The name of its metric; `None` where the contract has none.
    #[must_use]
    pub const fn metric(self) -> Option<&'static str> {
        match self {
            Self::Subscribed(Channel::EmailMarketing) => Some("Subscribed to Email Marketing"),
            Self::Subscribed(Channel::SmsMarketing) => Some("Subscribed to SMS Marketing"),
            Self::Unsubscribed(Channel::EmailMarketing) => {
                Some("Unsubscribed from Email Marketing")
            }
            Self::Unsubscribed(Channel::SmsMarketing) => Some("Unsubscribed from SMS Marketing"),
            Self::Suppressed => Some("Manually Suppressed from Email Marketing"),
            Self::Unsuppressed => Some("Manually Unsuppressed from Email Marketing"),
            Self::Subscribed(_) | Self::Unsubscribed(_) => None,
        }
    }
}

/// How a person said something of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// When they said it.
    pub at: Timestamp,
    /// When it is recorded.
    pub now: Timestamp,
    /// By what means.
    pub method: &'static str,
    /// What the client calls the place.
    pub custom_source: Option<String>,
}

impl How {
    /// Whether it was said before it is recorded. What is said now counts also where the clock was
    /// set back meanwhile.
    fn is_past(&self) -> bool {
        self.at < self.now
    }

    fn subscription(&self, status: Status, old: Option<&Subscription>) -> Subscription {
        Subscription {
            status,
            since: self.at,
            recorded: self.now,
            first: old.map_or(self.at, |old| old.first.min(self.at)),
            method: self.method.to_owned(),
            custom_source: self.custom_source.clone(),
            double_opt_in: false,
        }
    }
}

impl Consents {
    /// The person agrees to a channel.
    ///
    /// A consent of the past changes nothing where they said something of it later.
    pub fn subscribe(&mut self, channel: Channel, how: &How) -> Vec<Fact> {
        let old = self.subscription(channel);
        if how.is_past() && old.is_some_and(|old| old.since > how.at) {
            return Vec::new();
        }
        let mut facts = Vec::new();
        if !self.is_subscribed(channel) {
            let said = how.subscription(Status::Subscribed, old);
            self.subscriptions[channel as usize] = Some(said);
            facts.push(Fact::Subscribed(channel));
        }
        if channel == Channel::EmailMarketing {
            let lifts = |held: &Suppression| {
                let is_older = !how.is_past() || held.at <= how.at;
                held.reason.ends_by_consent() && is_older
            };
            let by_operator =
                |held: &Suppression| lifts(held) && held.reason == Reason::UserSuppressed;
            if self.suppressions.iter().any(by_operator) {
                facts.push(Fact::Unsuppressed);
            }
            self.suppressions.retain(|held| !lifts(held));
        }
        facts
    }

    /// The person ends or refuses a channel.
    pub fn unsubscribe(&mut self, channel: Channel, how: &How) -> Vec<Fact> {
        if self.is_unsubscribed(channel) {
            return Vec::new();
        }
        let said = how.subscription(Status::Unsubscribed, self.subscription(channel));
        self.subscriptions[channel as usize] = Some(said);
        if channel == Channel::EmailMarketing {
            self.hold(Reason::Unsubscribe, how.at);
        }
        vec![Fact::Unsubscribed(channel)]
    }

    /// The operator holds back mail to the person.
    pub fn suppress(&mut self, at: Timestamp) -> Vec<Fact> {
        if self.hold(Reason::UserSuppressed, at) { vec![Fact::Suppressed] } else { Vec::new() }
    }

    /// The operator lifts what the operator said; what others said stays.
    pub fn unsuppress(&mut self) -> Vec<Fact> {
        let before = self.suppressions.len();
        self.suppressions.retain(|held| held.reason != Reason::UserSuppressed);
        if self.suppressions.len() < before { vec![Fact::Unsuppressed] } else { Vec::new() }
    }

    /// The person wants nothing more of one list.
    pub fn leave_list(&mut self, list: GroupId, at: Timestamp) {
        let is_held =
            |held: &ListSuppression| held.list == list && held.reason == Reason::Unsubscribe;
        if !self.list_suppressions.iter().any(is_held) {
            let reason = Reason::Unsubscribe;
            self.list_suppressions.push(ListSuppression { list, reason, at });
        }
    }

    /// The person wants a list again.
    pub fn join_list(&mut self, list: GroupId) {
        self.list_suppressions.retain(|held| held.list != list || !held.reason.ends_by_consent());
    }

    /// Adds a suppression; returns whether it was not there.
    fn hold(&mut self, reason: Reason, at: Timestamp) -> bool {
        if self.suppressions.iter().any(|held| held.reason == reason) {
            return false;
        }
        self.suppressions.push(Suppression { reason, at });
        true
    }

    /// Takes over what another one has, who turned out to be the same person: where both said
    /// something of a channel their own word counts, and what holds mail back is united, since when
    /// it was first so.
    pub(super) fn unite(&mut self, other: Self) {
        for (own, theirs) in self.subscriptions.iter_mut().zip(other.subscriptions) {
            if own.is_none() {
                *own = theirs;
            }
        }
        for held in other.suppressions {
            match self.suppressions.iter_mut().find(|own| own.reason == held.reason) {
                Some(own) => own.at = own.at.min(held.at),
                None => self.suppressions.push(held),
            }
        }
        for held in other.list_suppressions {
            let same =
                |own: &&mut ListSuppression| (own.list, own.reason) == (held.list, held.reason);
            match self.list_suppressions.iter_mut().find(same) {
                Some(own) => own.at = own.at.min(held.at),
                None => self.list_suppressions.push(held),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: Channel = Channel::EmailMarketing;
    const SMS: Channel = Channel::SmsMarketing;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn how(second: i64) -> How {
        How { at: at(second), now: at(1_000), method: "API", custom_source: None }
    }

    /// What is asked, one after the other.
    #[derive(Clone, Copy, Debug)]
    enum Ask {
        Subscribe(Channel, i64),
        Unsubscribe(Channel, i64),
        Suppress(i64),
        Unsuppress,
        Bounce(i64),
    }

    fn after(asks: &[Ask]) -> (Consents, Vec<Fact>) {
        let mut consents = Consents::default();
        let mut last = Vec::new();
        for ask in asks {
            last = match *ask {
                Ask::Subscribe(channel, second) => consents.subscribe(channel, &how(second)),
                Ask::Unsubscribe(channel, second) => consents.unsubscribe(channel, &how(second)),
                Ask::Suppress(second) => consents.suppress(at(second)),
                Ask::Unsuppress => consents.unsuppress(),
                Ask::Bounce(second) => {
                    consents.hold(Reason::HardBounce, at(second));
                    Vec::new()
                }
            };
        }
        (consents, last)
    }

    /// What was asked, what the last of it makes known, and then: whether each of e-mail and SMS
    /// is subscribed, and the reasons that hold mail back.
    type Case = (&'static [Ask], &'static [Fact], [Option<bool>; 2], &'static [Reason]);

    #[test]
    fn each_request_changes_what_it_says_and_no_more() {
        use Ask::{Bounce, Subscribe, Suppress, Unsubscribe, Unsuppress};
        let cases: [Case; 14] = [
            (&[Subscribe(EMAIL, 5)], &[Fact::Subscribed(EMAIL)], [Some(true), None], &[]),
            (&[Subscribe(EMAIL, 5), Subscribe(EMAIL, 6)], &[], [Some(true), None], &[]),
            (&[Subscribe(SMS, 5)], &[Fact::Subscribed(SMS)], [None, Some(true)], &[]),
            (
                &[Unsubscribe(EMAIL, 5)],
                &[Fact::Unsubscribed(EMAIL)],
                [Some(false), None],
                &[Reason::Unsubscribe],
            ),
            (
                &[Unsubscribe(EMAIL, 5), Unsubscribe(EMAIL, 6)],
                &[],
                [Some(false), None],
                &[Reason::Unsubscribe],
            ),
            (&[Unsubscribe(SMS, 5)], &[Fact::Unsubscribed(SMS)], [None, Some(false)], &[]),
            // Consent lifts what was said, and nothing of what is known of the address.
            (
                &[Unsubscribe(EMAIL, 5), Bounce(6), Subscribe(EMAIL, 7)],
                &[Fact::Subscribed(EMAIL)],
                [Some(true), None],
                &[Reason::HardBounce],
            ),
            (
                &[Subscribe(EMAIL, 5), Suppress(6), Subscribe(EMAIL, 7)],
                &[Fact::Unsuppressed],
                [Some(true), None],
                &[],
            ),
            (
                &[Suppress(6), Subscribe(SMS, 7)],
                &[Fact::Subscribed(SMS)],
                [None, Some(true)],
                &[Reason::UserSuppressed],
            ),
            // A consent of the past does not undo what came after it.
            (
                &[Unsubscribe(EMAIL, 5), Subscribe(EMAIL, 4)],
                &[],
                [Some(false), None],
                &[Reason::Unsubscribe],
            ),
            (
                &[Suppress(6), Subscribe(EMAIL, 4)],
                &[Fact::Subscribed(EMAIL)],
                [Some(true), None],
                &[Reason::UserSuppressed],
            ),
            (&[Suppress(5)], &[Fact::Suppressed], [None, None], &[Reason::UserSuppressed]),
            (&[Suppress(5), Suppress(6)], &[], [None, None], &[Reason::UserSuppressed]),
            (
                &[Unsubscribe(EMAIL, 5), Suppress(6), Unsuppress],
                &[Fact::Unsuppressed],
                [Some(false), None],
                &[Reason::Unsubscribe],
            ),
        ];
        for (asks, facts, subscribed, reasons) in cases {
            let (consents, last) = after(asks);
            assert_eq!(last, facts, "{asks:?}");
            let shown = [EMAIL, SMS].map(|channel| {
                consents.subscription(channel).map(|said| said.status == Status::Subscribed)
            });
            assert_eq!(shown, subscribed, "{asks:?}");
            let held: Vec<_> = consents.suppressions().iter().map(|held| held.reason).collect();
            assert_eq!(held, reasons, "{asks:?}");
        }
    }

    #[test]
    fn the_first_consent_is_kept() {
        let (consents, _) = after(&[Ask::Subscribe(EMAIL, 5), Ask::Subscribe(EMAIL, 9)]);
        assert_eq!(consents.subscription(EMAIL).unwrap().since, at(5));
        let asks = [Ask::Subscribe(EMAIL, 5), Ask::Unsubscribe(EMAIL, 7), Ask::Subscribe(EMAIL, 9)];
        let (consents, _) = after(&asks);
        let said = consents.subscription(EMAIL).unwrap();
        assert_eq!((said.since, said.first, said.recorded), (at(9), at(5), at(1_000)));
    }

    #[test]
    fn what_is_said_now_counts_also_after_the_clock_was_set_back() {
        let now = How { now: at(3), ..how(3) };
        let (mut consents, _) = after(&[Ask::Unsubscribe(EMAIL, 5), Ask::Suppress(6)]);
        let facts = consents.subscribe(EMAIL, &now);
        assert_eq!(facts, [Fact::Subscribed(EMAIL), Fact::Unsuppressed]);
        assert!(consents.suppressions().is_empty());
    }

    #[test]
    fn a_list_is_left_and_joined_again() {
        let (list, other): (GroupId, GroupId) =
            ("AAAAAA".parse().unwrap(), "AAAAAB".parse().unwrap());
        let mut consents = Consents::default();
        consents.leave_list(list, at(1));
        consents.leave_list(list, at(2));
        consents.leave_list(other, at(3));
        assert_eq!(consents.list_suppressions().len(), 2);
        consents.join_list(list);
        assert_eq!(consents.list_suppressions()[0].list, other);
        assert_eq!(consents.list_suppressions().len(), 1);
    }

    #[test]
    fn two_people_become_one() {
        let (mut own, _) = after(&[Ask::Subscribe(EMAIL, 5), Ask::Suppress(8)]);
        let (other, _) =
            after(&[Ask::Unsubscribe(EMAIL, 6), Ask::Subscribe(SMS, 6), Ask::Suppress(7)]);
        own.unite(other);
        assert!(own.is_subscribed(EMAIL), "their own word counts");
        assert!(own.is_subscribed(SMS));
        let held: Vec<_> = own.suppressions().iter().map(|held| (held.reason, held.at)).collect();
        assert_eq!(held, [(Reason::UserSuppressed, at(7)), (Reason::Unsubscribe, at(6))]);
    }
}
