//! Which deliveries a listing wants, and where their ids stand.

use crate::clock::Timestamp;
use crate::delivery::rows::{IdSource, Owner, is_indexed};
use crate::delivery::{Delivery, State};
use crate::id::{DeliveryId, EventId, ProfileId, WebhookId, ulid_number};

/// Which deliveries a listing wants: those for which all of it holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this webhook.
    pub webhook: Option<WebhookId>,
    /// Only those of this event, alone or in a batch.
    pub event: Option<EventId>,
    /// Only those about this person; a batch is about nobody.
    pub profile: Option<ProfileId>,
    /// Only those in one of these states; all where there are none.
    pub states: Vec<State>,
    /// Only those whose last attempt was answered with this status.
    pub status: Option<u16>,
    /// Only those made then.
    pub created: Created,
}

/// The milliseconds in which deliveries were made, both ends included: as fine as their ids, and
/// as `created_at` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    first_ms: i64,
    last_ms: i64,
}

impl Default for Created {
    fn default() -> Self {
        Self { first_ms: 0, last_ms: (1 << 48) - 1 }
    }
}

impl Created {
    /// Not before `at`.
    #[must_use]
    pub fn from(self, at: Timestamp) -> Self {
        self.not_before(ceil_ms(at))
    }

    /// Later than `at`.
    #[must_use]
    pub fn after(self, at: Timestamp) -> Self {
        self.not_before(at.millis().saturating_add(1))
    }

    /// Not after `at`.
    #[must_use]
    pub fn until(self, at: Timestamp) -> Self {
        self.not_after(at.millis())
    }

    /// Earlier than `at`.
    #[must_use]
    pub fn before(self, at: Timestamp) -> Self {
        self.not_after(ceil_ms(at).saturating_sub(1))
    }

    fn not_before(self, ms: i64) -> Self {
        Self { first_ms: self.first_ms.max(ms), ..self }
    }

    fn not_after(self, ms: i64) -> Self {
        Self { last_ms: self.last_ms.min(ms), ..self }
    }

    /// The first and the last id; `None` where there can be none.
    pub(super) fn ids(self) -> Option<(DeliveryId, DeliveryId)> {
        let id = |ms: i64, tail| {
            let at = Timestamp::from_micros(ms.saturating_mul(1_000));
            DeliveryId::from_u128(ulid_number(at, tail))
        };
        let is_some = self.first_ms <= self.last_ms;
        is_some.then(|| (id(self.first_ms, 0), id(self.last_ms, u128::MAX)))
    }
}

fn ceil_ms(at: Timestamp) -> i64 {
    let is_whole = at.micros().rem_euclid(1_000) == 0;
    at.millis().saturating_add(i64::from(!is_whole))
}

/// Where the ids for which one condition may hold stand: in any of these.
pub(super) type Condition = Vec<IdSource>;

impl Filter {
    /// Whether all of it holds for `delivery`.
    pub(super) fn wants(&self, delivery: &Delivery) -> bool {
        let last_status = || delivery.attempts.last().and_then(|last| last.outcome.status());
        self.webhook.is_none_or(|webhook| webhook == delivery.webhook)
            && self.event.is_none_or(|event| delivery.events.contains(&event))
            && self.profile.is_none_or(|profile| delivery.profile == Some(profile))
            && (self.states.is_empty() || self.states.contains(&delivery.state))
            && self.status.is_none_or(|status| last_status() == Some(status))
    }

    /// Where to look among the deliveries that are not in the index yet: at all of them.
    pub(super) fn unindexed(&self) -> Vec<Condition> {
        let wants = |state| self.states.contains(&state);
        let is_all_finished = !self.states.is_empty() && !wants(State::Scheduled);
        vec![match self.states.as_slice() {
            [State::Scheduled] => vec![IdSource::Outbox],
            _ if is_all_finished => vec![IdSource::Log],
            _ => vec![IdSource::Outbox, IdSource::Log],
        }]
    }

    /// Where to look among those in the index: what is wanted stands in every one of these.
    pub(super) fn indexed(&self) -> Vec<Condition> {
        let owners = [
            self.event.map(Owner::Event),
            self.profile.map(Owner::Profile),
            self.status.filter(|status| is_indexed(*status)).map(Owner::Status),
            self.webhook.map(Owner::Webhook),
        ];
        let mut conditions: Vec<Condition> =
            owners.into_iter().flatten().map(|owner| vec![IdSource::Index(owner)]).collect();
        if !self.states.is_empty() {
            conditions.push(self.states.iter().map(|state| source_of(*state)).collect());
        }
        if conditions.is_empty() {
            conditions.push(vec![IdSource::Outbox, IdSource::Log]);
        }
        conditions
    }
}

/// Deliveries in a state are few, or nearly all of a table.
const fn source_of(state: State) -> IdSource {
    match state {
        State::Scheduled => IdSource::Outbox,
        State::Delivered => IdSource::Log,
        State::Exhausted | State::Cancelled | State::Parked => IdSource::Index(Owner::State(state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_bound_ids_by_the_millisecond() {
        let at = Timestamp::from_micros;
        let all = Created::default();
        let bounds = |created: Created| (created.first_ms, created.last_ms);
        let top = (1 << 48) - 1;
        let cases = [
            (all.from(at(5_000)), (5, top)),
            (all.from(at(5_001)), (6, top)),
            (all.after(at(5_000)), (6, top)),
            (all.after(at(5_999)), (6, top)),
            (all.until(at(5_000)), (0, 5)),
            (all.until(at(5_999)), (0, 5)),
            (all.before(at(5_000)), (0, 4)),
            (all.before(at(5_001)), (0, 5)),
            (all.after(at(1_000)).until(at(9_000)).before(at(7_000)), (2, 6)),
        ];
        for (created, expected) in cases {
            assert_eq!(bounds(created), expected);
        }
        let (first, last) = all.from(at(5_000)).until(at(5_000)).ids().unwrap();
        assert_eq!((first.created(), last.created()), (at(5_000), at(5_000)));
        assert!(first < last && last.as_u128() + 1 == first.as_u128() + (1 << 80));
        assert_eq!(all.before(at(0)).ids(), None);
        assert_eq!(all.after(at(5_000)).before(at(5_000)).ids(), None);
        assert_eq!(all.ids().map(|(_, last)| last.as_u128()), Some(u128::MAX));
    }

    #[test]
    fn the_narrow_is_looked_up_and_the_rest_is_read() {
        let webhook = WebhookId::from_u128(1);
        let filter = |states: &[State], status| Filter {
            states: states.to_vec(),
            status,
            ..Filter::default()
        };
        let state = |state| IdSource::Index(Owner::State(state));
        assert_eq!(filter(&[], None).indexed(), [[IdSource::Outbox, IdSource::Log]]);
        assert_eq!(filter(&[State::Scheduled], None).indexed(), [[IdSource::Outbox]]);
        assert_eq!(filter(&[State::Scheduled], None).unindexed(), [[IdSource::Outbox]]);
        let two = [State::Exhausted, State::Parked];
        assert_eq!(filter(&two, None).indexed(), [two.map(state)]);
        assert_eq!(filter(&two, None).unindexed(), [[IdSource::Log]]);
        // No index holds what succeeded.
        assert_eq!(filter(&[], Some(200)).indexed(), [[IdSource::Outbox, IdSource::Log]]);
        let both = Filter { webhook: Some(webhook), ..filter(&[State::Delivered], Some(503)) };
        let status = IdSource::Index(Owner::Status(503));
        let of_webhook = IdSource::Index(Owner::Webhook(webhook));
        assert_eq!(both.indexed(), [[status], [of_webhook], [IdSource::Log]]);
    }
}
