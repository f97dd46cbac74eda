//! tidings: events in over local HTTP, signed deliveries out, nothing lost.

pub mod account;
pub mod api;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod egress;
pub mod event;
pub mod id;
pub mod ingest;
pub mod json;
pub mod key;
pub mod limits;
pub mod metric;
pub mod profile;
pub mod secret;
pub mod server;
pub mod signing;
pub mod store;
pub mod webhook;
