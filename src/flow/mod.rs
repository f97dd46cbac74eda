//! Flows: the decisions about time and people. (The lead's module; this is a stand-in.)

pub mod calendar;
pub mod date_trigger;
pub mod delay;
mod members;
pub mod outputs;
pub mod reentry;
pub mod target_date;
pub mod update;
