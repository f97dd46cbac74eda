//! Bounds of people: their identifiers, merges and listings.

use std::time::Duration;

/// Former ids of one person, who was merged that often: each is looked at whenever their history is
/// read.
pub const MERGED_INTO_ONE_MAX: usize = 100;
/// Identifiers of one person besides those that are shown: what [`MERGED_INTO_ONE_MAX`] people
/// bring with them, and then some. They are written together.
pub const PROFILE_ALIASES_MAX: usize = 500;
/// Attributes of a profile in one request; we know some twenty, a read shows a few more.
pub const PROFILE_ATTRIBUTES_MAX: usize = 100;
/// People that one call merges into another: each is read and removed in one command.
pub const MERGE_SOURCES_MAX: usize = 25;
/// Profiles on one page (contract: wire.md §4.1).
pub const PROFILES_PAGE_MAX: usize = 100;
/// Where a listing of profiles does not say how many (contract: wire.md §4.1).
pub const PROFILES_PAGE_DEFAULT: usize = 20;
/// Profiles that one page reads before it answers with what it found: some 100 ms.
pub const PROFILES_SCAN_ROWS_MAX: usize = 10_000;
/// Ids or identifiers that one filter of a listing may have: each is looked up.
pub const PROFILES_NAMED_MAX: usize = 1_000;
/// How long places in the order of the last changes that are no more true may gather, so that a
/// batch is worth its commit.
pub const PROFILES_SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// Such places that one command removes: some milliseconds of the writer.
pub const PROFILES_SWEPT_AT_ONCE: usize = 2_000;
/// Profiles of an earlier version that get their places in the listings in one command.
pub const PROFILES_ORDERED_AT_ONCE: usize = 1_000;
