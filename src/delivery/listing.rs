//! Finding deliveries: newest first, filtered, a page at a time.

use std::ops::{Bound, ControlFlow};

use super::{Delivery, State, rows};
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::store::{Read, StoreError};

/// Which deliveries a listing wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those of this webhook.
    pub webhook: Option<WebhookId>,
    /// Only those of this event.
    pub event: Option<EventId>,
    /// Only those in this state.
    pub state: Option<State>,
}

impl Filter {
    fn wants(&self, delivery: &Delivery) -> bool {
        self.webhook.is_none_or(|webhook| webhook == delivery.webhook)
            && self.event.is_none_or(|event| delivery.events.contains(&event))
            && self.state.is_none_or(|state| state == delivery.state)
    }
}

/// All deliveries of an event, newest first.
///
/// # Errors
/// Where the store can not be read.
pub fn of_event(from: &impl Read, event: EventId) -> Result<Vec<Delivery>, StoreError> {
    let mut found = Vec::new();
    for is_scheduled in [true, false] {
        let all = (Bound::Unbounded, Bound::Unbounded);
        rows::visit_newest_first(from, is_scheduled, all, |delivery| {
            found.extend(delivery.events.contains(&event).then_some(delivery));
            ControlFlow::Continue(())
        })?;
    }
    found.sort_unstable_by_key(|delivery| std::cmp::Reverse(delivery.id));
    Ok(found)
}

/// Up to `most` deliveries that `filter` wants, newest first, older than `before`; and where to go
/// on, if there may be more. Reads at most `rows_max` rows: a page of a rare kind may come back
/// short, or empty, with a place to go on.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    filter: &Filter,
    before: Option<DeliveryId>,
    most: usize,
    rows_max: usize,
) -> Result<(Vec<Delivery>, Option<DeliveryId>), StoreError> {
    let is_scheduled = [
        (true, filter.state.is_none_or(|state| state == State::Scheduled)),
        (false, filter.state.is_none_or(|state| state != State::Scheduled)),
    ];
    let mut found = Vec::new();
    // The newest id down to which every table was read.
    let mut read_to = None;
    for (is_scheduled, _) in is_scheduled.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
        let (mut rows, mut wanted) = (0, 0);
        rows::visit_newest_first(from, is_scheduled, range, |delivery| {
            let id = delivery.id;
            rows += 1;
            if filter.wants(&delivery) {
                wanted += 1;
                found.push(delivery);
            }
            if wanted < most && rows < rows_max {
                return ControlFlow::Continue(());
            }
            read_to = read_to.max(Some(id));
            ControlFlow::Break(())
        })?;
    }
    found.sort_unstable_by_key(|delivery| std::cmp::Reverse(delivery.id));
    found.retain(|delivery| read_to.is_none_or(|to| delivery.id >= to));
    if found.len() > most {
        found.truncate(most);
        read_to = found.last().map(|delivery| delivery.id);
    }
    Ok((found, read_to))
}
