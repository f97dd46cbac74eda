//! Doing the jobs: imports, suppressions and subscriptions of many people.
//!
//! A request is checked and becomes a job (`request.rs`); the worker (`worker.rs`) takes the oldest
//! job and does it step by step, each step a command of its own (`step.rs`) that others share their
//! commits with. It also lets the members of deleted lists go.
//!
//! What can be said of a whole request at once refuses it; then nothing of it is done. An import is
//! the exception: one person who is no person among ten thousand fails alone, with an error that is
//! kept (contract: import-errors of wire.md §4.5).

mod request;
mod step;
mod worker;

pub use request::{NewJob, parse_import, parse_subscriptions, parse_suppressions};
pub use worker::Worker;

/// Where the people of a request stand in it.
const PROFILES_AT: &str = "/data/attributes/profiles/data";
