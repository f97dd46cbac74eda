//! Tests of segments as a whole, on a store in memory and with a clock that stands still.

mod erased;
mod laws;
mod told;
mod world;
