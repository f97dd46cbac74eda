//! The integration tests: a real daemon in this process, driven from outside, one module per
//! belief. `harness` has the daemon, the receiver and the clock.

mod auth;
mod batching;
mod config;
mod crash;
mod delivery;
mod duplicates;
mod endpoint;
mod event_listing;
mod evidence;
mod explanation;
mod fanout;
mod harness;
mod hostile;
mod itself;
mod listing;
mod metric_aggregates;
mod metric_properties;
mod metrics;
mod netns;
mod openapi;
mod ordering;
mod policy;
mod power_cut;
mod profiles;
mod rate_limit;
mod readme;
mod refusals;
mod replays;
mod restart;
mod retries;
mod secrets;
mod trials;
mod webhook_settings;
mod webhooks;
