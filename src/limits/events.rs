//! The bounds of reading events: their index, their listings, and what is counted of them.

use std::time::Duration;

/// How long the indexer of events waits after a commit for more of them, where few come: a segment
/// knows of an event well within a second.
pub const EVENTS_INDEX_PAUSE: Duration = Duration::from_millis(50);
/// And where many come: a batch is then worth its pages, and still a quarter of a second behind.
pub const EVENTS_INDEX_PAUSE_MAX: Duration = Duration::from_millis(250);
/// From so many events on that it found the last time, it waits longer, in proportion.
pub const EVENTS_INDEX_PAUSE_GROWS_AT: u32 = 200;
/// Events that one command of the indexer takes: all that a busy producer brings in the longest
/// pause. The writer is held by some 3 to 20 µs each, by how many people they are about; at 2,000
/// events a second, where a batch has 100, by a millisecond or two.
pub const EVENTS_INDEXED_AT_ONCE: usize = 8_000;
/// Events that are not indexed yet of which a listing reads all, in some hundred milliseconds. A
/// running indexer is never that far behind; while an old store is indexed for the first time,
/// listings are refused until it is this near.
pub const EVENTS_TAIL_MAX: usize = 100_000;
/// What a client is asked to wait when the index is further behind, in seconds.
pub const EVENTS_BEHIND_RETRY_AFTER_SECONDS: u64 = 5;
/// Entries that are read at first of each line of the index that is merged with others.
pub const EVENTS_CHUNK_FIRST: usize = 16;
/// Entries that are read at once of such a line later: a page's worth.
pub const EVENTS_CHUNK_MAX: usize = 1_024;
/// Events on one page (contract: wire.md §4.1).
pub const EVENTS_PAGE_MAX: usize = 1_000;
/// Properties of the events on one page, in bytes; the event that passes it is the last one.
pub const EVENTS_LISTED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Newest events of a metric that are looked at for the properties that its events have.
pub const METRIC_PROPERTIES_EVENTS_MAX: usize = 1_000;
/// Properties of one metric that are told; a producer with more puts data into their names.
pub const METRIC_PROPERTIES_MAX: usize = 1_000;
/// Sample values of one property.
pub const METRIC_PROPERTY_SAMPLES_MAX: usize = 10;
/// A sample value, in characters; a longer one is no sample to look at.
pub const METRIC_PROPERTY_SAMPLE_CHARS_MAX: usize = 250;
/// Intervals of one aggregate: the hours of a year, and 27 years of days.
pub const AGGREGATE_DATES_MAX: usize = 10_000;
/// Events that one aggregate counts by the index alone: some seconds on a thread of its own.
pub const AGGREGATE_EVENTS_MAX: usize = 5_000_000;
/// Events whose properties one aggregate reads: as long.
pub const AGGREGATE_EVENTS_READ_MAX: usize = 500_000;
/// Events that are counted in one snapshot: some fifty milliseconds.
pub const AGGREGATE_STRETCH_EVENTS: usize = 20_000;
/// Groups of one aggregate; a property with more values is an id, and no one reads such a table.
pub const AGGREGATE_GROUPS_MAX: usize = 10_000;
/// How much of a property's text tells groups apart, in characters.
pub const AGGREGATE_TEXT_CHARS_MAX: usize = 250;
/// Present ids of people that one aggregate remembers: a few megabytes.
pub const AGGREGATE_PEOPLE_KEPT: usize = 100_000;
/// Properties that one aggregate is grouped by, and that it is filtered by.
pub const AGGREGATE_PROPERTIES_MAX: usize = 5;
/// Rows on one page of an aggregate where it does not say (contract: wire.md §4.4).
pub const AGGREGATE_PAGE_DEFAULT: usize = 500;
/// Rows on one page of an aggregate.
pub const AGGREGATE_PAGE_MAX: usize = 10_000;
/// Cells on one page of an aggregate, rows times intervals; a page with more ends earlier.
pub const AGGREGATE_CELLS_MAX: usize = 200_000;
