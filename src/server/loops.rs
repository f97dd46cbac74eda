//! What works without being asked: each loop in a task of its own, ended by one token.

use std::sync::Arc;

use crate::api::Parts;
use crate::config::Config;
use crate::delivery::{Policies, Tasks};
use crate::erasure;
use crate::event;
use crate::jobs;
use crate::operations::Operations;
use crate::profile;
use crate::replay;
use crate::segmentation;

/// Starts the loops of a daemon.
pub(super) fn start(config: &Config, parts: &Parts, tasks: &Tasks) {
    let policies = Policies {
        steps: config.delivery.retry_schedule.clone().into(),
        disable_after: config.delivery.disable_after,
    };
    parts.deliveries.start(Arc::clone(&parts.sender), policies, tasks);
    let (store, stop) = (&parts.store, &tasks.stop);
    let operations = Operations {
        store: store.clone(),
        deliveries: parts.deliveries.clone(),
        ingest: parts.ingest.clone(),
    };
    tasks.tracker.spawn(operations.run(stop.clone()));
    let replaying = replay::Worker::new(store.clone(), parts.replays.clone(), parts.clock.clone());
    tasks.tracker.spawn(replaying.run(stop.clone()));
    tasks.tracker.spawn(event::Indexer::new(store.clone()).run(stop.clone()));
    tasks.tracker.spawn(profile::Sweeper::new(store.clone()).run(stop.clone()));
    let following = segmentation::Worker {
        store: store.clone(),
        segments: parts.segments.clone(),
        ingest: parts.ingest.clone(),
        clock: parts.clock.clone(),
        zone: parts.account.zone(),
    };
    tasks.tracker.spawn(following.run(stop.clone()));
    tasks.tracker.spawn(parts.automation.clone().run(stop.clone()));
    let jobs = jobs::Worker::new(store.clone(), parts.ingest.clone());
    tasks.tracker.spawn(jobs.run(stop.clone()));
    let erasing = erasure::Worker {
        store: store.clone(),
        deliveries: parts.deliveries.clone(),
        messages: parts.sender.messages.clone(),
    };
    tasks.tracker.spawn(erasing.run(stop.clone()));
}
