//! How an event stands with a webhook, and what a replay does about it. Pure.

use crate::delivery::{Delivery, State};
use crate::id::{DeliveryId, WebhookId};

/// How an event stands with a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has no delivery.
    Never,
    /// One is in the outbox.
    Scheduled,
    /// All are finished; the newest one so.
    Finished(Choice, DeliveryId),
}

/// What became of an event, as far as replays can want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// It was never scheduled: the webhook did not exist, was off, or did not want it.
    Never,
    /// Its last retry failed.
    Exhausted,
    /// Its delivery was cancelled.
    Cancelled,
    /// Its delivery was parked.
    Parked,
    /// It was delivered.
    Delivered,
}

impl Choice {
    /// Every choice.
    pub const ALL: [Self; 5] =
        [Self::Never, Self::Exhausted, Self::Cancelled, Self::Parked, Self::Delivered];
    /// What a replay wants that does not say: all that did not arrive.
    pub const DEFAULT: [Self; 4] = [Self::Never, Self::Exhausted, Self::Cancelled, Self::Parked];

    /// The choice's name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
            Self::Delivered => "delivered",
        }
    }
}

/// What a replay does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A new delivery, with a message id of its own.
    Schedule,
    /// The same delivery again, under its message id.
    Resend(DeliveryId),
    /// Nothing: it is on its way.
    Skip,
    /// Nothing: the replay does not want it.
    Leave,
}

impl Standing {
    /// How an event with these deliveries, to whatever webhooks, stands with one of them.
    #[must_use]
    pub fn of(deliveries: &[Delivery], webhook: WebhookId) -> Self {
        let own = || deliveries.iter().filter(|delivery| delivery.webhook == webhook);
        if own().any(|delivery| delivery.state == State::Scheduled) {
            return Self::Scheduled;
        }
        let Some(newest) = own().max_by_key(|delivery| delivery.id) else { return Self::Never };
        let choice = match newest.state {
            State::Scheduled => return Self::Scheduled,
            State::Delivered => Choice::Delivered,
            State::Exhausted => Choice::Exhausted,
            State::Cancelled => Choice::Cancelled,
            State::Parked => Choice::Parked,
        };
        Self::Finished(choice, newest.id)
    }

    /// What became of the event; `None` while it is on its way.
    #[must_use]
    pub const fn choice(self) -> Option<Choice> {
        match self {
            Self::Never => Some(Choice::Never),
            Self::Scheduled => None,
            Self::Finished(choice, _) => Some(choice),
        }
    }

    /// What a replay that wants `states` does.
    pub(super) fn action(self, states: &[Choice]) -> Action {
        match (self.choice(), self) {
            (None, _) => Action::Skip,
            (Some(choice), _) if !states.contains(&choice) => Action::Leave,
            (_, Self::Finished(Choice::Delivered, _)) => Action::Schedule,
            (_, Self::Finished(_, id)) => Action::Resend(id),
            _ => Action::Schedule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::delivery::{Phase, Source};
    use crate::id::EventId;

    /// Numbers, webhooks and states of deliveries, and what they make.
    type Case = (&'static [(u128, u128, State)], Standing);

    const HOOK: WebhookId = WebhookId::from_u128(7);

    fn delivery(number: u128, webhook: u128, state: State) -> Delivery {
        Delivery {
            id: DeliveryId::from_u128(number),
            webhook: WebhookId::from_u128(webhook),
            source: Source::Event,
            run: None,
            events: vec![EventId::from_u64(1)],
            profile: None,
            state,
            phase: Phase::Fresh,
            created: Timestamp::EPOCH,
            due: None,
            finished: None,
            resent: None,
            attempts: Vec::new(),
        }
    }

    #[test]
    fn an_event_stands_as_its_newest_delivery_to_the_webhook() {
        let finished = |choice, id| Standing::Finished(choice, DeliveryId::from_u128(id));
        let cases: [Case; 6] = [
            (&[], Standing::Never),
            (&[(1, 8, State::Delivered)], Standing::Never),
            (&[(1, 7, State::Parked)], finished(Choice::Parked, 1)),
            (
                &[(2, 7, State::Exhausted), (1, 7, State::Delivered), (3, 8, State::Scheduled)],
                finished(Choice::Exhausted, 2),
            ),
            (&[(1, 7, State::Cancelled)], finished(Choice::Cancelled, 1)),
            // An older one that was resent by hand is on its way, whatever became of the newer.
            (&[(1, 7, State::Scheduled), (2, 7, State::Delivered)], Standing::Scheduled),
        ];
        for (deliveries, expected) in cases {
            let all: Vec<_> = deliveries.iter().map(|(n, w, s)| delivery(*n, *w, *s)).collect();
            assert_eq!(Standing::of(&all, HOOK), expected, "{deliveries:?}");
        }
    }

    #[test]
    fn what_is_wanted_decides() {
        let id = DeliveryId::from_u128(1);
        let of = |choice| Standing::Finished(choice, id);
        let (all, none) = (Choice::ALL, []);
        for (standing, wanted, unwanted) in [
            (Standing::Never, Action::Schedule, Action::Leave),
            (Standing::Scheduled, Action::Skip, Action::Skip),
            (of(Choice::Delivered), Action::Schedule, Action::Leave),
            (of(Choice::Exhausted), Action::Resend(id), Action::Leave),
            (of(Choice::Cancelled), Action::Resend(id), Action::Leave),
            (of(Choice::Parked), Action::Resend(id), Action::Leave),
        ] {
            assert_eq!(standing.action(&all), wanted, "{standing:?}");
            assert_eq!(standing.action(&none), unwanted, "{standing:?}");
        }
        assert!(!Choice::DEFAULT.contains(&Choice::Delivered));
    }
}
