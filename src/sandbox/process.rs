//! One worker, from the outside: gives it jobs, takes its answers, ends it.
//!
//! Nothing that comes from a worker is trusted: not its lengths, not its kinds, not its JSON. What
//! does not fit ends it. Whoever drops a [`Process`] kills it, so one whose conversation was broken
//! off in the middle is never used again.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::process::{Child, ChildStderr};
use tokio::time::timeout;

use super::death;
use super::nursery::Nursery;
use super::probe::{Finding, Probe};
use super::protocol;
use super::protocol::{Kind, Landlock, Ready};
use super::{RenderError, VERSION};
use crate::clock::Stopwatch;
use crate::limits::{
    WORKER_BUSY_MAX, WORKER_END_MAX, WORKER_GATHERED_BYTES, WORKER_IDLE_BYTES_MAX,
    WORKER_JOBS_BETWEEN_LOOKS, WORKER_JOBS_MAX, WORKER_LAST_WORDS_BYTES_MAX, WORKER_START_MAX,
};
use crate::template::{RenderedRequest, TemplateFault};

/// What a worker can be asked. Templates are the JSON of a `RequestTemplate`.
#[derive(Clone, Debug)]
pub(super) enum Task<'a> {
    Check { template: Arc<[u8]> },
    Render { template: Arc<[u8]>, context: &'a [u8] },
    Probe(Probe),
}

/// What it can answer.
#[derive(Debug)]
pub(super) enum Answer {
    Checked,
    Rendered(RenderedRequest),
    Fault(TemplateFault),
    Found(Finding),
}

/// Why a conversation ended before all answers had come.
#[derive(Debug)]
pub(super) enum Broken {
    /// The job took longer than this.
    TooLong(Duration),
    /// The worker closed its socket.
    HungUp,
    /// It said something that is not an answer; what.
    Nonsense(String),
    /// The daemon stops.
    Stopped,
}

/// A worker that said it is ready.
pub(super) struct Process {
    child: Child,
    socket: UnixStream,
    last_words: Option<ChildStderr>,
    /// What it was sent last.
    template: Option<Arc<[u8]>>,
    jobs: u32,
    looked_after_jobs: u32,
    busy: Duration,
}

impl Process {
    /// Starts a worker and waits until it is in its jail; the error is a sentence.
    pub(super) async fn start(nursery: &Nursery) -> Result<(Self, Landlock), String> {
        let program = nursery.program().display();
        let (mut child, socket) =
            nursery.start().await.map_err(|error| format!("cannot start `{program}`: {error}"))?;
        let last_words = child.stderr.take();
        let (template, jobs, looked_after_jobs, busy) = (None, 0, 0, Duration::ZERO);
        let mut new = Self { child, socket, last_words, template, jobs, looked_after_jobs, busy };
        match timeout(WORKER_START_MAX, new.ready()).await {
            Ok(Ok(ready)) if ready.version == VERSION => Ok((new, ready.landlock)),
            Ok(Ok(ready)) => {
                new.end().await;
                Err(format!("`{program}` is version {:?} and not {VERSION}", ready.version))
            }
            Ok(Err(Broken::HungUp)) => {
                let (status, words) = new.died().await;
                let why = death::complaint(&words).unwrap_or_else(|| death::cause(status, ""));
                Err(format!("`{program}` was not ready: {why}"))
            }
            Ok(Err(_)) => {
                new.end().await;
                Err(format!("`{program}` does not speak like a worker of tidings"))
            }
            Err(_) => {
                new.end().await;
                Err(format!("`{program}` was not ready within {WORKER_START_MAX:?}"))
            }
        }
    }

    async fn ready(&mut self) -> Result<Ready, Broken> {
        match protocol::receive(&mut self.socket).await.map_err(broken)? {
            (Kind::Ready, payload) => parsed(&payload),
            (kind, _) => Err(Broken::Nonsense(format!("{kind:?}"))),
        }
    }

    /// The id of the process, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether the process still runs, so far as is known.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Has `tasks` done, in order, each within `wall`, and adds the answers as they come. All are
    /// sent ahead of the answers. `Ok` with fewer answers than tasks: the worker has worked enough.
    ///
    /// # Errors
    /// The one task after those that were answered broke the conversation; the worker is of no use
    /// any more.
    pub(super) async fn serve(
        &mut self,
        tasks: &[Task<'_>],
        wall: Duration,
        answers: &mut Vec<Answer>,
    ) -> Result<(), Broken> {
        let watch = Stopwatch::start();
        let (reading, writing) = self.socket.split();
        let asking = async {
            // An error here is seen by the other side, which misses an answer.
            drop(ask(writing, tasks, &mut self.template).await);
            std::future::pending().await
        };
        let enough = WORKER_BUSY_MAX.saturating_sub(self.busy);
        let listening = async {
            let mut reading = BufReader::new(reading);
            for task in tasks {
                let answer = timeout(wall, listen(&mut reading, task)).await;
                answers.push(answer.map_err(|_| Broken::TooLong(wall))??);
                self.jobs += 1;
                if watch.elapsed() >= enough {
                    break;
                }
            }
            Ok(())
        };
        let result = tokio::select! {
            biased;
            result = listening => result,
            never = asking => never,
        };
        self.busy += watch.elapsed();
        result
    }

    /// Whether it worked enough to be replaced, or holds too much memory.
    pub(super) fn is_worn(&mut self) -> bool {
        if self.jobs >= WORKER_JOBS_MAX || self.busy >= WORKER_BUSY_MAX {
            return true;
        }
        if self.jobs - self.looked_after_jobs < WORKER_JOBS_BETWEEN_LOOKS {
            return false;
        }
        self.looked_after_jobs = self.jobs;
        self.id().and_then(resident_bytes).is_some_and(|bytes| bytes > WORKER_IDLE_BYTES_MAX)
    }

    /// Kills and reaps it.
    pub(super) async fn end(mut self) {
        // Either may fail where it ended by itself; what cannot be reaped now, the runtime reaps.
        drop(self.child.start_kill());
        drop(timeout(WORKER_END_MAX, self.child.wait()).await);
    }

    /// Ends it after its conversation broke; says what that means for the job.
    pub(super) async fn bury(self, broken: Broken) -> RenderError {
        match broken {
            Broken::HungUp => {
                let (status, words) = self.died().await;
                RenderError::Died(death::cause(status, &words))
            }
            Broken::TooLong(wall) => {
                self.end().await;
                RenderError::TooLong(wall)
            }
            Broken::Nonsense(what) => {
                self.end().await;
                RenderError::Died(format!("its answer was none: {what}"))
            }
            Broken::Stopped => {
                self.end().await;
                super::stopping()
            }
        }
    }

    /// Waits for the end of a process that hung up; its status and last words.
    async fn died(mut self) -> (Option<ExitStatus>, String) {
        let status = timeout(WORKER_END_MAX, self.child.wait()).await.ok().and_then(Result::ok);
        let mut words = Vec::new();
        if let (Some(_), Some(pipe)) = (status, self.last_words.take()) {
            // All it wrote is in the pipe; only one whose pipe somebody else holds has no end.
            let mut pipe = pipe.take(WORKER_LAST_WORDS_BYTES_MAX);
            drop(timeout(WORKER_END_MAX, pipe.read_to_end(&mut words)).await);
        }
        self.end().await;
        (status, String::from_utf8_lossy(&words).into_owned())
    }
}

/// Sends tasks, each template only where it is another than before.
async fn ask(
    socket: WriteHalf<'_>,
    tasks: &[Task<'_>],
    sent: &mut Option<Arc<[u8]>>,
) -> io::Result<()> {
    let mut socket = BufWriter::with_capacity(WORKER_GATHERED_BYTES, socket);
    for task in tasks {
        if let Task::Check { template } | Task::Render { template, .. } = task
            && sent.as_ref() != Some(template)
        {
            write(&mut socket, Kind::Template, template).await?;
            *sent = Some(Arc::clone(template));
        }
        match task {
            Task::Check { .. } => write(&mut socket, Kind::Check, b"").await?,
            Task::Render { context, .. } => write(&mut socket, Kind::Render, context).await?,
            Task::Probe(probe) => {
                write(&mut socket, Kind::Probe, &serde_json::to_vec(probe)?).await?;
            }
        }
    }
    socket.flush().await
}

async fn write(
    socket: &mut BufWriter<WriteHalf<'_>>,
    kind: Kind,
    payload: &[u8],
) -> io::Result<()> {
    socket.write_all(&protocol::head(kind, payload)?).await?;
    socket.write_all(payload).await
}

/// The answer to `task`, if that is what comes.
async fn listen(socket: &mut BufReader<ReadHalf<'_>>, task: &Task<'_>) -> Result<Answer, Broken> {
    let (kind, payload) = protocol::receive(socket).await.map_err(broken)?;
    match (task, kind) {
        (Task::Check { .. }, Kind::Checked) => Ok(Answer::Checked),
        (Task::Render { .. }, Kind::Rendered) => parsed(&payload).map(Answer::Rendered),
        (Task::Check { .. } | Task::Render { .. }, Kind::Fault) => {
            parsed(&payload).map(Answer::Fault)
        }
        (Task::Probe(_), Kind::Found) => parsed(&payload).map(Answer::Found),
        (_, kind) => Err(Broken::Nonsense(format!("a frame of the kind {kind:?}"))),
    }
}

fn parsed<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Broken> {
    // Not the whole message: it can quote what the worker said.
    serde_json::from_slice(payload).map_err(|error| {
        Broken::Nonsense(format!("JSON that does not fit, at column {}", error.column()))
    })
}

fn broken(error: io::Error) -> Broken {
    match error.kind() {
        io::ErrorKind::InvalidData => Broken::Nonsense(error.to_string()),
        _ => Broken::HungUp,
    }
}

/// The memory that a process holds, where the kernel shows it.
fn resident_bytes(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_seen() {
        assert!(resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 1024 * 1024));
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
