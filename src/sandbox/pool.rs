//! The workers of one sandbox: as many as are allowed, kept while they are of use.
//!
//! Whoever has jobs takes a worker, in the order of asking, and gives it back or buries it. A job
//! that breaks its worker gets the error; those behind it go to another worker, behind whoever
//! waits by then. After a worker that could not be started comes a pause in which nobody tries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::nursery::Nursery;
use super::process::{Answer, Broken, Process, Task};
use super::protocol::Landlock;
use super::{RenderError, Settings, stopping};
use crate::clock::Stopwatch;
use crate::limits::{
    WORKER_JOB_WALL_MAX, WORKER_PAUSE_FIRST, WORKER_PAUSE_MAX, WORKERS_MAX, WORKERS_STOP_MAX,
};

pub(super) struct Pool {
    nursery: Nursery,
    wall: Duration,
    workers: usize,
    /// One permit for each worker that may be at work.
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    /// Running workers that wait for jobs; the one that worked last comes first.
    idle: Vec<Process>,
    failure: Option<Failure>,
    /// What the first worker that was ready said of it; where it is missing, that was logged.
    landlock: Option<Landlock>,
}

/// That no worker could be started.
struct Failure {
    sentence: String,
    times: u32,
    since: Stopwatch,
}

/// A worker that somebody uses. Dropping it kills the worker, and then lets the next one in.
struct Lease {
    process: Process,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(settings: Settings) -> Self {
        let workers = settings.workers.clamp(1, WORKERS_MAX);
        Self {
            nursery: Nursery::new(settings.program),
            wall: settings.wall.min(WORKER_JOB_WALL_MAX),
            workers,
            permits: Arc::new(Semaphore::new(workers)),
            state: Mutex::default(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) const fn workers(&self) -> usize {
        self.workers
    }

    /// Starts all workers that do not run yet.
    pub(super) async fn start(&self) -> Result<(), RenderError> {
        // All permits at once: two that each wait for the other's would wait for ever.
        let _permits = self.permits.acquire_many(self.all()).await.map_err(|_| stopping())?;
        while self.state().idle.len() < self.workers {
            let process = self.start_one().await?;
            self.state().idle.push(process);
        }
        Ok(())
    }

    /// Has `tasks` done; one result for each, in order.
    pub(super) async fn run(&self, tasks: &[Task<'_>]) -> Vec<Result<Answer, RenderError>> {
        let mut results = Vec::with_capacity(tasks.len());
        while let Some(rest) = tasks.get(results.len()..).filter(|rest| !rest.is_empty()) {
            match self.take().await {
                Ok(lease) => self.work(lease, rest, &mut results).await,
                Err(error) => results.extend(rest.iter().map(|_| Err(error.clone()))),
            }
        }
        results
    }

    /// Gives a worker the tasks; adds a result for at least one of them.
    async fn work(
        &self,
        mut lease: Lease,
        tasks: &[Task<'_>],
        results: &mut Vec<Result<Answer, RenderError>>,
    ) {
        let mut answers = Vec::with_capacity(tasks.len());
        let served = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Broken::Stopped),
            served = lease.process.serve(tasks, self.wall, &mut answers) => served,
        };
        results.extend(answers.into_iter().map(Ok));
        match served {
            Ok(()) if lease.process.is_worn() => lease.process.end().await,
            Ok(()) => self.give_back(lease),
            Err(broken) => results.push(Err(lease.process.bury(broken).await)),
        }
    }

    async fn take(&self) -> Result<Lease, RenderError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| stopping())?;
        if self.stop.is_cancelled() {
            return Err(stopping());
        }
        while let Some(mut process) = self.next_idle() {
            if process.is_running() {
                return Ok(Lease { process, _permit: permit });
            }
            // Something outside ended it while it waited, and that is no job's fault.
            process.end().await;
        }
        let process = self.start_one().await?;
        Ok(Lease { process, _permit: permit })
    }

    async fn start_one(&self) -> Result<Process, RenderError> {
        if let Some(failure) = &self.state().failure
            && failure.since.elapsed() < pause(failure.times)
        {
            return Err(RenderError::Unavailable(failure.sentence.clone()));
        }
        let started = Process::start(&self.nursery).await;
        let mut state = self.state();
        match started {
            Ok((process, landlock)) => {
                state.failure = None;
                if state.landlock.is_none() {
                    if let Landlock::Missing(why) = &landlock {
                        warn!(reason = why, "workers run without Landlock; the other locks hold");
                    }
                    state.landlock = Some(landlock);
                }
                Ok(process)
            }
            Err(sentence) => {
                let times = state.failure.as_ref().map_or(1, |last| last.times.saturating_add(1));
                let since = Stopwatch::start();
                state.failure = Some(Failure { sentence: sentence.clone(), times, since });
                Err(RenderError::Unavailable(sentence))
            }
        }
    }

    fn next_idle(&self) -> Option<Process> {
        self.state().idle.pop()
    }

    fn give_back(&self, lease: Lease) {
        self.state().idle.push(lease.process);
    }

    /// The ids of the workers that wait for jobs.
    pub(super) fn idle_ids(&self) -> Vec<u32> {
        self.state().idle.iter().filter_map(Process::id).collect()
    }

    /// What Landlock holds, once a worker was ready.
    pub(super) fn landlock(&self) -> Option<Landlock> {
        self.state().landlock.clone()
    }

    /// Ends all workers and reaps them; jobs that wait or run are told so.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        // Who has all permits knows that nobody uses a worker.
        let everybody_is_out =
            timeout(WORKERS_STOP_MAX, self.permits.acquire_many(self.all())).await;
        self.permits.close();
        if everybody_is_out.is_err() {
            warn!("a job of a worker did not end; its process is killed with the daemon");
        }
        let idle = std::mem::take(&mut self.state().idle);
        for process in idle {
            process.end().await;
        }
    }

    /// The permits of all workers.
    fn all(&self) -> u32 {
        u32::try_from(self.workers).expect("`new` bounds them")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long nobody tries to start a worker after that many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    WORKER_PAUSE_FIRST.saturating_mul(doubled).min(WORKER_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_cap() {
        for (failures, millis) in
            [(1, 100), (2, 200), (3, 400), (6, 3_200), (7, 5_000), (40, 5_000), (u32::MAX, 5_000)]
        {
            assert_eq!(pause(failures), Duration::from_millis(millis), "{failures}");
        }
    }
}
