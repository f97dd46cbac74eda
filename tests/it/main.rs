//! The integration tests: a real daemon in this process, driven from outside, one module per
//! belief. `harness` has the daemon, the receiver and the clock.

mod delivery;
mod fanout;
mod harness;
mod restart;
mod retries;
