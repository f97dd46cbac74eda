//! Runs what people write in processes of their own, which may hang, crash or eat all they can get.
//!
//! Templates are programs of strangers: forty bytes can recurse until the stack ends or double a
//! text until the memory does, and no counter inside a process stops all of it. So [`Sandbox`]
//! gives every job to a *worker*: this same binary as `tidings worker`, locked into a jail
//! ([`Landlock`], a filter of system calls, limits) before it sees the first byte. A worker that
//! dies or is killed costs the one job that did it, and is replaced.
//!
//! # The parts
//!
//! | file | it… |
//! |---|---|
//! | `pool` | hands out workers in order of asking, replaces them, stops them |
//! | `batch` | spreads many jobs over the workers |
//! | `process` | is one worker seen from the daemon: jobs, answers, deadlines, its end |
//! | `nursery` | starts processes |
//! | `protocol` | is the frames that both sides read |
//! | `death` | says why a worker ended |
//! | `worker`, `jail` | are the worker itself, and what it takes away from itself |
//! | `probe` | tries the jail, for tests and `tidings worker --self-test` |
//!
//! # What it guards against
//!
//! A job that never ends, takes all memory, overflows the stack, crashes or floods its output: it
//! alone fails, with a sentence why. A job that takes over the worker's program: it finds no file,
//! no network, no process to start or signal, no variable, no secret, and no descriptor but its
//! socket; the daemon takes its bytes for what they may be, lies.
//!
//! # What it does not guard against
//!
//! Such a job sees the contexts of later jobs of the same worker and can answer them wrongly, until
//! that worker is replaced; what it answers is still sent only where `egress` lets it. A flaw of
//! the kernel in one of the few calls that are left. Side channels of the CPU. A host whose user is
//! root holds workers as well, except for the number of processes, which the filter forbids too.
//!
//! # The limits
//!
//! | what | how much | kept by | then |
//! |---|---|---|---|
//! | time of a job | [`WORKER_JOB_WALL`](limits::WORKER_JOB_WALL), or as set | daemon, SIGKILL | [`RenderError::TooLong`] |
//! | memory mapped | [`WORKER_MEMORY_BYTES_MAX`](limits::WORKER_MEMORY_BYTES_MAX) | `RLIMIT_AS` | [`RenderError::Died`] |
//! | stack | [`WORKER_STACK_BYTES_MAX`](limits::WORKER_STACK_BYTES_MAX) | `RLIMIT_STACK` | [`RenderError::Died`] |
//! | CPU time of a worker | [`WORKER_CPU_SECONDS_MAX`](limits::WORKER_CPU_SECONDS_MAX) | `RLIMIT_CPU` | [`RenderError::Died`] |
//! | frame, both ways | [`WORKER_FRAME_BYTES_MAX`](limits::WORKER_FRAME_BYTES_MAX) | both sides | a fault, or [`RenderError::Died`] |
//! | files, processes, written bytes | none | `RLIMIT_NOFILE`, `RLIMIT_NPROC`, `RLIMIT_FSIZE` | `EPERM`, in the worker |
//! | system calls | a list of them | seccomp | `EPERM`, in the worker |
//! | jobs, time at work, memory between jobs | [`WORKER_JOBS_MAX`](limits::WORKER_JOBS_MAX), [`WORKER_BUSY_MAX`](limits::WORKER_BUSY_MAX), [`WORKER_IDLE_BYTES_MAX`](limits::WORKER_IDLE_BYTES_MAX) | daemon | another worker |
//! | life | the daemon's | `PR_SET_PDEATHSIG` | SIGKILL |
//! | memory of the host | what is left of it | `oom_score_adj` | workers end before the daemon does |
//!
//! The queue in front of the workers is whoever awaits: callers bound themselves.

mod batch;
mod death;
mod jail;
mod nursery;
mod pool;
mod probe;
mod process;
mod protocol;
mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::probe::{Finding, Probe};
pub use self::protocol::Landlock;
pub use self::worker::{WorkerError, run as run_worker};

use self::pool::Pool;
use self::process::{Answer, Task};
use crate::limits;
use crate::template::{RenderedRequest, RequestTemplate, TemplateFault};

/// The version that a worker must have: the daemon's own.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How workers are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that is started with the argument `worker`: an absolute path, as workers have
    /// the root as their folder.
    pub program: PathBuf,
    /// How many workers run at most: from one to [`WORKERS_MAX`](limits::WORKERS_MAX).
    pub workers: usize,
    /// How long one job may take; at most [`WORKER_JOB_WALL_MAX`](limits::WORKER_JOB_WALL_MAX).
    pub wall: Duration,
}

impl Default for Settings {
    /// This program itself, even where its file was replaced by another version since it started.
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            workers: limits::WORKERS_DEFAULT,
            wall: limits::WORKER_JOB_WALL,
        }
    }
}

/// Why there is no result of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum RenderError {
    /// The template is at fault, or does not fit the context.
    Template(TemplateFault),
    /// The job took longer than it may, and was stopped.
    TooLong(Duration),
    /// The job ended its worker; what is known about it.
    Died(String),
    /// There is no worker; why. The job was not begun, and can be tried again later.
    Unavailable(String),
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(fault) => fault.fmt(f),
            Self::TooLong(wall) => write!(f, "it took longer than {wall:?} and was stopped"),
            Self::Died(cause) => write!(f, "it ended the worker that ran it: {cause}"),
            Self::Unavailable(why) => write!(f, "there is no worker to run it: {why}"),
        }
    }
}

impl std::error::Error for RenderError {}

/// One template to render.
#[derive(Clone, Debug)]
pub struct RenderJob {
    /// The template. Neighbours that share one cost less.
    pub template: Arc<RequestTemplate>,
    /// The JSON text that it is rendered with.
    pub context: Vec<u8>,
}

/// Runs jobs in workers. Clones share the workers; the last one that is dropped ends them.
#[derive(Clone)]
pub struct Sandbox(Arc<Pool>);

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("workers", &self.0.workers()).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox without a running worker; the first jobs start them.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Pool::new(settings)))
    }

    /// Starts all workers, so that the first jobs find them warm and an operator learns at once
    /// where something is missing.
    ///
    /// # Errors
    /// [`RenderError::Unavailable`].
    pub async fn start(&self) -> Result<(), RenderError> {
        self.0.start().await
    }

    /// Checks a template without rendering it.
    ///
    /// # Errors
    /// What is wrong with it, or with the worker.
    pub async fn check(&self, template: &RequestTemplate) -> Result<(), RenderError> {
        let template = encoded(template)?;
        match self.one(Task::Check { template }).await? {
            Answer::Checked => Ok(()),
            other => Err(refused(other)),
        }
    }

    /// Renders a template with a context, which is JSON text and passed on as it is.
    ///
    /// # Errors
    /// What is wrong with the template, the context or the worker.
    pub async fn render(
        &self,
        template: &RequestTemplate,
        context: &[u8],
    ) -> Result<RenderedRequest, RenderError> {
        let template = encoded(template)?;
        check_size("context", context)?;
        rendered(self.one(Task::Render { template, context }).await)
    }

    /// Renders many, by as many workers as there are; one result for each, in order. A job that
    /// ends its worker fails alone.
    pub async fn render_all(
        &self,
        jobs: Vec<RenderJob>,
    ) -> Vec<Result<RenderedRequest, RenderError>> {
        batch::render_all(&self.0, &jobs, &[]).await
    }

    /// As [`Sandbox::render_all`], with a probe in place of each job that is named by its place;
    /// for tests of what a killed job costs the others.
    pub async fn render_all_but(
        &self,
        jobs: Vec<RenderJob>,
        probes: &[(usize, Probe)],
    ) -> Vec<Result<RenderedRequest, RenderError>> {
        batch::render_all(&self.0, &jobs, probes).await
    }

    /// Has a worker try something forbidden; for tests and the self-test.
    ///
    /// # Errors
    /// What became of the worker, where it did not live to tell.
    pub async fn probe(&self, probe: Probe) -> Result<Finding, RenderError> {
        match self.one(Task::Probe(probe)).await? {
            Answer::Found(finding) => Ok(finding),
            other => Err(refused(other)),
        }
    }

    /// The ids of the processes that run and wait for jobs.
    #[must_use]
    pub fn idle_process_ids(&self) -> Vec<u32> {
        self.0.idle_ids()
    }

    /// How far Landlock holds the workers; known once one was ready.
    #[must_use]
    pub fn landlock(&self) -> Option<Landlock> {
        self.0.landlock()
    }

    /// Ends all workers and reaps them. Jobs that run or wait get [`RenderError::Unavailable`], as
    /// do all later ones.
    pub async fn stop(&self) {
        self.0.stop().await;
    }

    async fn one(&self, task: Task<'_>) -> Result<Answer, RenderError> {
        self.0.run(&[task]).await.pop().unwrap_or_else(|| Err(stopping()))
    }
}

/// The text of a template, as workers get it.
fn encoded(template: &RequestTemplate) -> Result<Arc<[u8]>, RenderError> {
    let text = serde_json::to_vec(template).expect("texts and flags can be written as JSON");
    check_size("template", &text)?;
    Ok(text.into())
}

/// Refuses what does not fit into a frame.
fn check_size(field: &str, text: &[u8]) -> Result<(), RenderError> {
    let (bytes, most) = (text.len(), limits::WORKER_FRAME_BYTES_MAX);
    if bytes <= most {
        return Ok(());
    }
    let message = format!("it has {bytes} bytes, and at most {most} are allowed");
    Err(RenderError::Template(fault(field, message)))
}

/// A fault that is not about a place in a template.
fn fault(field: &str, message: String) -> TemplateFault {
    TemplateFault { field: field.to_owned(), line: 0, column: 0, excerpt: String::new(), message }
}

fn rendered(result: Result<Answer, RenderError>) -> Result<RenderedRequest, RenderError> {
    match result? {
        Answer::Rendered(request) => Ok(request),
        other => Err(refused(other)),
    }
}

/// What an answer that is no result means. `process` lets only answers through that fit the task.
fn refused(answer: Answer) -> RenderError {
    match answer {
        Answer::Fault(fault) => RenderError::Template(fault),
        Answer::Checked | Answer::Rendered(_) | Answer::Found(_) => {
            RenderError::Died("its answer was to another question".to_owned())
        }
    }
}

fn stopping() -> RenderError {
    RenderError::Unavailable("tidings is stopping".to_owned())
}
