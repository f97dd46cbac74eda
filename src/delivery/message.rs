//! What a delivery says, besides `meta`: the same bytes for every webhook and every attempt.
//!
//! An event that goes to ten webhooks is read and written out once: [`Messages`] keeps the last
//! ones. An event never changes, so what is kept never has to be told of a change.

use std::sync::Mutex;

use hyper::body::Bytes;

use crate::event::{Event, EventFields, push_resource};
use crate::id::EventId;
use crate::json::push_string;
use crate::limits;
use crate::store::StoreError;

/// The `data` of a body: one item with the event's topic, id and resource (contract: wire.md
/// §1.1).
pub(super) fn data(event: &Event, topic: &str, base_url: &str) -> Bytes {
    let mut data = Vec::with_capacity(1_024 + event.properties.len());
    data.extend_from_slice(br#"[{"topic":"#);
    push_string(&mut data, topic);
    for part in [r#","external_id":""#, &event.id.to_string(), r#"","payload":{"data":"#] {
        data.extend_from_slice(part.as_bytes());
    }
    push_resource(&mut data, event, base_url, EventFields::ALL);
    data.extend_from_slice(b"}}]");
    data.into()
}

/// The messages that were made last: a slot for each of the last ids of the log.
#[derive(Debug)]
pub struct Messages(Mutex<Vec<Option<(EventId, Bytes)>>>);

impl Default for Messages {
    fn default() -> Self {
        Self(Mutex::new(vec![None; limits::MESSAGES_KEPT]))
    }
}

impl Messages {
    /// The message of an event: the one that is kept, or the one that `make` makes.
    pub(super) fn data(
        &self,
        id: EventId,
        make: impl FnOnce() -> Result<Option<Bytes>, StoreError>,
    ) -> Result<Option<Bytes>, StoreError> {
        let slot = (id.as_u64() % limits::MESSAGES_KEPT as u64) as usize;
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
    }
}
