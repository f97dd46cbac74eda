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
use crate::flow::{Action, Definition, Step};

/// What a webhook of a flow sends, its owner can read: who writes one may do no more with it than
/// read what their key may read, as with subscriptions (contract: wire.md §1.5).
fn permit(call: &Call, definition: &Definition) -> Result<(), Problem> {
    let sends = |action: &Action| matches!(action.step, Step::SendWebhook { .. });
    if !definition.actions.iter().any(sends) {
        return Ok(());
    }
    if !call.principal.allows("profiles:read") {
        let why = "A webhook of a flow can send the person: it needs the scope profiles:read.";
        return Err(Problem::forbidden(why));
    }
    if definition.trigger.metric().is_some() && !call.principal.allows("events:read") {
        let why = "A webhook of this flow can send the event: it needs the scope events:read.";
        return Err(Problem::forbidden(why));
    }
    Ok(())
}

/// Reads an id of a path.
fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|why| Problem::bad_request(format!("`{text}`: {why}.")))
}
