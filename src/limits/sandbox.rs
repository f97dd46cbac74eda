//! Bounds of the worker processes that run what people write.

use std::time::Duration;

/// Workers at once, where the operator does not say. Two keep a small host busy, and one that hangs
/// until its deadline leaves the other to everybody else.
pub const WORKERS_DEFAULT: usize = 2;
/// Workers that can be asked for: more than the CPUs of any host that this is for.
pub const WORKERS_MAX: usize = 64;
/// How long one job may take. Templates render in less than a millisecond; this is for a host under
/// load, and bounds how long a hanging one keeps a worker from others.
pub const WORKER_JOB_WALL: Duration = Duration::from_secs(2);
/// The longest time for one job that can be set: with [`WORKER_BUSY_MAX`] it stays below
/// [`WORKER_CPU_SECONDS_MAX`], so that no honest job meets that limit.
pub const WORKER_JOB_WALL_MAX: Duration = Duration::from_secs(30);
/// How long a new worker may take until it is ready: it needs some milliseconds, and a host that
/// swaps needs seconds.
pub const WORKER_START_MAX: Duration = Duration::from_secs(5);
/// How long a worker that hung up may take to end before it is killed: it has nothing to do.
pub const WORKER_END_MAX: Duration = Duration::from_secs(1);
/// How long stopping waits for jobs to notice. Each notices at once; only one that nobody polls any
/// more does not.
pub const WORKERS_STOP_MAX: Duration = Duration::from_secs(5);
/// A worker is replaced after this many jobs: what leaks or lingers is gone, and starting another is
/// a thousandth of the work.
pub const WORKER_JOBS_MAX: u32 = 10_000;
/// A worker is replaced after it was at work for this long, which is more than its time on a CPU.
pub const WORKER_BUSY_MAX: Duration = Duration::from_secs(60);
/// After how many jobs it is looked at how much memory a worker holds: often enough for a leak, so
/// seldom that the look costs nothing.
pub const WORKER_JOBS_BETWEEN_LOOKS: u32 = 64;
/// A worker that holds more than this between jobs is replaced: several times what it starts with.
pub const WORKER_IDLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// All memory that a worker can map, the program itself included (`RLIMIT_AS`): a request of some
/// megabytes as a tree of values, several times over. Two workers at once fit into a small host.
pub const WORKER_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The stack of a worker (`RLIMIT_STACK`): the usual one. It is only ever made smaller, because the
/// program has its place for it when it starts.
pub const WORKER_STACK_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// CPU time of a worker in its whole life (`RLIMIT_CPU`): ends one that nobody watches any more.
pub const WORKER_CPU_SECONDS_MAX: u64 = 120;
/// One frame to or from a worker: an event of the largest request with everything else that a
/// template can name.
pub const WORKER_FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What is read of the last words of a worker: enough for the sentence of a panic.
pub const WORKER_LAST_WORDS_BYTES_MAX: u64 = 4 * 1024;
/// Jobs that one worker is given together: their frames share a few system calls, and who comes
/// next waits for a few milliseconds.
pub const WORKER_JOBS_TOGETHER_MAX: usize = 64;
/// Frames on their way to a worker that are gathered before they are written.
pub const WORKER_GATHERED_BYTES: usize = 64 * 1024;
/// How long no worker is started after one could not be; doubled with every further failure.
pub const WORKER_PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest such pause: what an operator repaired works again at once.
pub const WORKER_PAUSE_MAX: Duration = Duration::from_secs(5);
/// When to ask again where no worker could be started, in seconds: by then one was tried anew.
pub const WORKERS_RETRY_AFTER_SECONDS: u64 = 5;
