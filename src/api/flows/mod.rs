//! Flows over HTTP (contract: wire.md §2.6), and what is our own of them: runs, reviews, previews.
//!
//! | file | has |
//! |---|---|
//! | `resource.rs` | flows themselves |
//! | `actions.rs`, `messages.rs` | what they are made of |
//! | `triggers.rs` | the flows that a metric, a list or a segment starts |
//! | `runs.rs`, `reviews.rs` | people's ways through them, and what waits for approval |
//! | `preview.rs` | what a webhook action would send |
//! | `names.rs` | what a definition may name |
//! | `filter.rs`, `error.rs` | what listings share; refusals |
//!
//! An id of another shape is a 400, as in the original (contract: wire.md §4.1).

pub(super) mod actions;
mod error;
mod filter;
pub(super) mod messages;
mod names;
pub(super) mod preview;
pub(super) mod resource;
pub(super) mod reviews;
pub(super) mod runs;
pub(super) mod triggers;

use std::fmt::Display;
use std::str::FromStr;

use super::error::Problem;
use super::{Answer, Call, Reply, jsonapi};

/// Reads an id of a path.
fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|why| Problem::bad_request(format!("`{text}`: {why}.")))
}
