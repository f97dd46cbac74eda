//! Events: what happened, to whom, when. Recorded once, never changed.
//!
//! The log is the table of events, ordered by id, which is commit order. The properties are kept
//! as the bytes that came (invariant 11); what the contract adds to them (`$event_id`, `$value`,
//! `$value_currency`; wire.md §4.2) is put behind them when an event is shown.
//!
//! What is asked of events by anything but their place in the log (which metric, which person,
//! when they happened) is answered by an index that follows the log a moment behind (`index.rs`,
//! `rows/index.rs`) and by the end of the log that is not in it yet (`tail.rs`).

mod aggregate;
mod document;
mod history;
mod index;
mod listing;
mod merge;
mod parse;
mod place;
mod properties;
mod rows;
mod tail;
#[cfg(test)]
mod tests;
mod unique;

pub use aggregate::{Aggregation, Buckets, Cell, Group, Interval, aggregate};
pub use document::{EventFields, push_resource};
pub use history::{Occurrence, history, last_event_dates};
pub use index::Indexer;
pub use listing::{Page, Selection, list};
pub use parse::{NewEvent, parse_bulk, parse_one};
pub use place::Place;
pub use properties::{Inferred, Property, properties};
pub use rows::{Indexed, erase, exists, get, indexed_to, last, of_people, page, page_intact, put};
pub use tail::{ReadError, count_of_people};
pub use unique::UniqueIds;
pub(crate) use unique::UniqueKey;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::{EventId, MetricId, ProfileId};

/// A recorded event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the log.
    pub id: EventId,
    /// Its kind.
    pub metric: MetricId,
    /// Whom it is about.
    pub profile: ProfileId,
    /// When it happened, in whole seconds.
    pub time: Timestamp,
    /// When it was recorded.
    pub received: Timestamp,
    /// What makes it unique among the events of its metric and profile.
    pub unique_id: String,
    /// Its value, a JSON number as it was written.
    pub value: Option<String>,
    /// The currency of the value.
    pub value_currency: Option<String>,
    /// Its properties, a JSON object as it was written.
    pub properties: String,
    /// Whether it is history that starts no flow.
    pub backfill: bool,
}

impl Event {
    /// What the event has besides its properties and shows among them: `$value`,
    /// `$value_currency`, `$event_id` (contract: wire.md §4.2).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Value> {
        match name {
            "$value" => serde_json::from_str(self.value.as_ref()?).ok(),
            "$value_currency" => self.value_currency.clone().map(Value::String),
            "$event_id" => Some(self.unique_id.clone().into()),
            _ => None,
        }
    }
}
