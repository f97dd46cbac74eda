//! What a delivery says, besides `meta`: the same bytes for every attempt.
//!
//! An event that goes to ten webhooks is read and written out once: [`Messages`] keeps the last
//! ones. An event never changes, so what is kept never has to be told of a change; it is told when
//! the event is erased. With the profile included, an attempt shows it as it is then.

use std::sync::{Arc, Mutex};

use hyper::body::Bytes;

use super::attempt::Sender;
use crate::event::{self, Event, EventFields, push_resource};
use crate::id::EventId;
use crate::json::push_string;
use crate::limits;
use crate::metric::Metric;
use crate::profile;
use crate::store::StoreError;
use crate::webhook::Include;

/// The `data` of a body: an item for each event with its topic, id and resource (contract: wire.md
/// §1.1); `None` where none of the events is stored any more.
pub(super) fn data(
    sender: &Sender,
    events: &[EventId],
    include: Include,
) -> Result<Option<Bytes>, StoreError> {
    if let [event] = events
        && include == Include::default()
    {
        return sender.messages.data(*event, || array(sender, events, include));
    }
    array(sender, events, include)
}

fn array(
    sender: &Sender,
    events: &[EventId],
    include: Include,
) -> Result<Option<Bytes>, StoreError> {
    let mut data = Vec::with_capacity(1_536 * events.len());
    for id in events {
        let Some(event) = event::get(&sender.store.snapshot()?, *id)? else { continue };
        let Some(metric) = sender.metrics.get(event.metric) else { continue };
        data.push(if data.is_empty() { b'[' } else { b',' });
        push_item(&mut data, sender, &event, &metric, include)?;
    }
    if data.is_empty() {
        return Ok(None);
    }
    data.push(b']');
    Ok(Some(data.into()))
}

/// The `data` of a body with one event that need not be stored.
pub(super) fn data_of(
    sender: &Sender,
    event: &Event,
    metric: &Metric,
    include: Include,
) -> Result<Bytes, StoreError> {
    let mut data = vec![b'['];
    push_item(&mut data, sender, event, metric, include)?;
    data.push(b']');
    Ok(data.into())
}

fn push_item(
    data: &mut Vec<u8>,
    sender: &Sender,
    event: &Event,
    metric: &Metric,
    include: Include,
) -> Result<(), StoreError> {
    data.extend_from_slice(br#"{"topic":"#);
    push_string(data, &metric.topic);
    for part in [r#","external_id":""#, &event.id.to_string(), r#"","payload":{"data":"#] {
        data.extend_from_slice(part.as_bytes());
    }
    push_resource(data, event, &sender.base_url, EventFields::ALL);
    push_included(data, sender, event, metric, include)?;
    data.extend_from_slice(b"}}");
    Ok(())
}

/// What a Get Event response with `include` has beside its `data`.
fn push_included(
    data: &mut Vec<u8>,
    sender: &Sender,
    event: &Event,
    metric: &Metric,
    include: Include,
) -> Result<(), StoreError> {
    let mut included = Vec::new();
    if include.metric {
        included.push(metric.resource(&sender.base_url).to_string().into_bytes());
    }
    if include.profile {
        let profile = profile::get(&sender.store.snapshot()?, event.profile)?;
        included.extend(profile.map(|profile| profile.resource(&sender.base_url, None)));
    }
    if !included.is_empty() {
        data.extend_from_slice(br#","included":["#);
        data.extend_from_slice(&included.join(&b","[..]));
        data.push(b']');
    }
    Ok(())
}

/// The messages that were made last: a slot for each of the last ids of the log.
/// Clones share them.
#[derive(Clone, Debug)]
pub struct Messages(Arc<Mutex<Vec<Slot>>>);

type Slot = Option<(EventId, Bytes)>;

impl Default for Messages {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![None; limits::MESSAGES_KEPT])))
    }
}

impl Messages {
    /// The message of an event: the one that is kept, or the one that `make` makes.
    pub(super) fn data(
        &self,
        id: EventId,
        make: impl FnOnce() -> Result<Option<Bytes>, StoreError>,
    ) -> Result<Option<Bytes>, StoreError> {
        let slot = slot(id);
        if let Some((of, kept)) = &self.0.lock().expect("no holder panics")[slot]
            && *of == id
        {
            return Ok(Some(kept.clone()));
        }
        let made = make()?;
        if let Some(data) =
            made.as_ref().filter(|data| data.len() <= limits::MESSAGE_KEPT_BYTES_MAX)
        {
            self.0.lock().expect("no holder panics")[slot] = Some((id, data.clone()));
        }
        Ok(made)
    }

    /// Forgets the messages of events that were erased.
    pub fn forget(&self, events: &[EventId]) {
        let mut kept = self.0.lock().expect("no holder panics");
        for id in events {
            kept[slot(*id)].take_if(|(of, _)| of == id);
        }
    }
}

const fn slot(id: EventId) -> usize {
    (id.as_u64() % limits::MESSAGES_KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_made_once_and_a_large_one_is_not_kept() {
        let messages = Messages::default();
        let large = Bytes::from(vec![b' '; limits::MESSAGE_KEPT_BYTES_MAX + 1]);
        for (number, data, is_kept) in [(1, Bytes::from_static(b"[]"), true), (2, large, false)] {
            let id = EventId::from_u64(number);
            let first = messages.data(id, || Ok(Some(data.clone())));
            assert_eq!(first.unwrap(), Some(data));
            let mut is_made_again = false;
            drop(messages.data(id, || {
                is_made_again = true;
                Ok(None)
            }));
            assert_eq!(is_made_again, !is_kept);
        }
        // Another event of the same slot is told apart.
        let other = EventId::from_u64(1 + limits::MESSAGES_KEPT as u64);
        assert_eq!(messages.data(other, || Ok(None)).unwrap(), None);
        messages.forget(&[other]);
        let first = EventId::from_u64(1);
        assert!(messages.data(first, || Ok(None)).unwrap().is_some(), "it was not meant");
        messages.forget(&[first]);
        assert_eq!(messages.data(first, || Ok(None)).unwrap(), None);
    }
}
