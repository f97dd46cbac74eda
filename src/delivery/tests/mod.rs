//! Deliveries of requests that were rendered before, through the whole loop: from the command that
//! puts them into the outbox, over the wire, to the result that is left for their run.

mod captures;
mod fates;
mod receiver;
mod requests;
mod world;
