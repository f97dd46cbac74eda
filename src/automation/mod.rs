//! The automation loop: brings people through flows.
//!
//! A round takes what is due, a bounded number of runs, and does three things with them:
//!
//! 1. `look.rs` reads them from one snapshot, and `walk.rs` decides for each how far it gets: which
//!    actions it passes, what they do, where it waits next. Nothing is changed.
//! 2. The requests of webhooks are rendered by workers, past the store.
//! 3. `apply.rs` writes everything in one command: what the actions do, their deliveries, the run's
//!    advance, the counts. A run that moved in between, or whose flow changed, is left out and
//!    looked at again; so what an action does inside happens exactly once (invariant 2), and what
//!    leaves does so at least once, as every delivery does.
//!
//! An action that changes the person ends a run's round, because what comes next may ask about the
//! change. Date flows are planned ahead (`dates.rs`); what became of deliveries comes back through
//! the store (`results.rs`); `review.rs` does what waited for approval; `preview.rs` shows what a
//! webhook would send; `simulate.rs` runs the same loop over past events on a virtual clock.

mod again;
mod apply;
mod context;
mod dates;
mod look;
mod plan;
mod preview;
mod results;
mod review;
mod save;
mod simulate;
mod traveller;
mod walk;
mod worker;

pub use again::AgainError;
pub use context::{Organization, Scene, context};
pub use preview::{Preview, PreviewError, Wish};
pub use review::ReviewError;
pub use save::SaveError;
pub use simulate::{Setup, SimulateError, Simulated, Simulation, simulate};
pub use worker::Automation;
