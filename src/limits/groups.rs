//! The bounds of lists, consents and jobs, with their reasons.

/// Lists in all, as many as the original has: a listing reads all of them, and so does the question
/// on which of them a person is, in about a millisecond.
pub const LISTS_MAX: usize = 1_000;
/// Lists on one page (contract: operations of lists).
pub const LISTS_PAGE_MAX: usize = 10;
/// Members on one page of their listing (contract: operations of lists and segments).
pub const MEMBERS_PAGE_MAX: usize = 100;
/// People that one request puts on a list or takes off it (contract: wire.md §4.6).
pub const LIST_MEMBERS_AT_ONCE_MAX: usize = 1_000;
/// Addresses that one `any(email,…)` looks for among the members of a group.
pub const FILTER_VALUES_MAX: usize = 100;
/// Members that leave a deleted list in one command: a few milliseconds of the writer.
pub const LIST_DROPPED_AT_ONCE: usize = 500;
/// People of one import (contract: wire.md §4.5).
pub const IMPORT_PROFILES_MAX: usize = 10_000;
/// Lists that one import puts its people on.
pub const IMPORT_LISTS_MAX: usize = 10;
/// People of one request that subscribes (contract: wire.md §4.5).
pub const SUBSCRIBE_PROFILES_MAX: usize = 1_000;
/// People of one request that unsubscribes (contract: wire.md §4.5).
pub const UNSUBSCRIBE_PROFILES_MAX: usize = 100;
/// Addresses of one request that suppresses or lifts that (contract: wire.md §4.5).
pub const SUPPRESS_PROFILES_MAX: usize = 100;
/// Entries of one reason, or of one of a list, that a listing of who is held back reads at a time:
/// it reads all of them side by side, and there may be five reasons of every list.
pub const SUPPRESSIONS_READ_AT_ONCE: usize = 16;
/// Where somebody subscribed, as a client calls it, in characters.
pub const CUSTOM_SOURCE_CHARS_MAX: usize = 255;
/// People that one command of a job takes: others wait for the writer no longer than for a bulk
/// request.
pub const JOB_STEP_ITEMS_MAX: usize = 100;
/// Bytes of the people of one such command, the last of them excepted: large profiles take longer.
pub const JOB_STEP_BYTES_MAX: usize = 256 * 1024;
/// Jobs that are not finished: an hour of work, and an outage of the worker is noticed.
pub const JOBS_UNFINISHED_MAX: u64 = 10_000;
/// Finished jobs that are kept to be looked at, the oldest dropped first.
pub const JOBS_KEPT_MAX: u64 = 1_000;
/// Errors kept of one job, the first ones: who has more reads those and sends the rest again.
pub const JOB_ERRORS_KEPT_MAX: usize = 100;
/// The largest person that is kept with their error; of a larger one the error alone is.
pub const JOB_ERROR_ORIGINAL_BYTES_MAX: usize = 4 * 1024;
/// Jobs, or errors of one, on a page of their listing.
pub const JOBS_PAGE_MAX: usize = 100;
