//! tidings: events in over local HTTP, signed deliveries out, nothing lost.

pub mod clock;
pub mod egress;
pub mod id;
pub mod json;
pub mod limits;
pub mod secret;
pub mod signing;
pub mod store;
