//! The writer thread: takes all queued commands, runs them in one transaction, syncs once,
//! answers them all, seals the file when idle.
//!
//! It is the only code that writes. A commit that fails ends it: the transaction's commands are
//! told so, every later one is refused, and [`Store::failed`](super::Store::failed) returns.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, TableDefinition};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{error, warn};

use super::codec;
use super::tx::{OpenTables, Shared, Tx};
use super::{Key as _, META, MetaRow, StoreError};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::limits;

/// A command with its type erased: run inside a transaction, then answered after the commit.
pub(super) trait Runnable: Send {
    /// Runs the command; returns the bytes it wrote. An error here is the store's, not the
    /// command's own.
    fn run(&mut self, tx: Tx<'_, '_>) -> Result<usize, StoreError>;
    /// Answers the command: with its result, or with what went wrong with the transaction.
    fn answer(self: Box<Self>, failure: Option<&StoreError>);
}

pub(super) type Command = Box<dyn Runnable>;

/// A closure waiting for its turn, and later for the commit.
pub(super) struct Job<F, T, E> {
    pub(super) command: Option<F>,
    pub(super) result: Option<Result<T, E>>,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Runnable for Job<F, T, E>
where
    F: FnOnce(&mut Tx<'_, '_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, mut tx: Tx<'_, '_>) -> Result<usize, StoreError> {
        let command = self.command.take().expect("a job runs once");
        let result = command(&mut tx);
        let written = if result.is_ok() { tx.apply()? } else { 0 };
        self.result = Some(result);
        Ok(written)
    }

    fn answer(self: Box<Self>, failure: Option<&StoreError>) {
        let result = match (failure, self.result) {
            (None, Some(result)) => result,
            (Some(failure), _) => Err(failure.clone().into()),
            (None, None) => Err(StoreError::Stopped.into()),
        };
        // Nobody listens any more where the caller was dropped; what was committed stays.
        drop(self.reply.send(result));
    }
}

/// Whom the writer tells what happened.
pub(super) struct Tells {
    /// Counts commits.
    pub(super) committed: watch::Sender<u64>,
    /// Why no more will come.
    pub(super) failure: watch::Sender<Option<StoreError>>,
}

pub(super) struct Writer {
    database: Arc<Database>,
    queue: mpsc::Receiver<Command>,
    tells: Tells,
    clock: Clock,
    /// Where free space is looked at; `None` for a store that is not a file.
    directory: Option<PathBuf>,
    disk_is_full: bool,
    disk_seen: Timestamp,
    shared: Shared,
    /// Whether the last commit saved the allocator.
    sealed: bool,
    /// How many commands the last transaction held, and how long its commit took.
    last_batch: usize,
    last_commit: Duration,
    /// Only there to wait with a time-out; it drives nothing else.
    waiting: Runtime,
}

impl Writer {
    pub(super) fn new(
        database: Arc<Database>,
        queue: mpsc::Receiver<Command>,
        tells: Tells,
        clock: Clock,
        directory: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            database,
            queue,
            tells,
            clock,
            directory,
            disk_is_full: false,
            disk_seen: Timestamp::EPOCH,
            shared: Shared { last_ulid: 0, after: Vec::new() },
            sealed: false,
            last_batch: 0,
            last_commit: Duration::ZERO,
            waiting: Builder::new_current_thread().enable_time().build()?,
        })
    }

    /// Runs until every [`Store`](super::Store) is dropped or a commit fails.
    pub(super) fn run(mut self) {
        while let Some(first) = self.next() {
            let mut batch = Vec::new();
            match self.transaction(first, &mut batch) {
                Ok(()) => {
                    // Registries first: who reads its answer finds what it made.
                    for told in self.shared.after.drain(..) {
                        told();
                    }
                    for command in batch {
                        command.answer(None);
                    }
                    self.tells.committed.send_modify(|count| *count += 1);
                }
                Err(failure) => {
                    error!(error = %failure, "a commit failed; stopping");
                    for command in batch {
                        command.answer(Some(&failure));
                    }
                    self.tells.failure.send_replace(Some(failure));
                    return;
                }
            }
        }
    }

    /// The next command, sealing the file when none comes for a while; `None` at the end.
    fn next(&mut self) -> Option<Command> {
        if let Ok(command) = self.queue.try_recv() {
            return Some(command);
        }
        if !self.sealed {
            let queue = &mut self.queue;
            let waited = async { timeout(limits::SEAL_AFTER_IDLE, queue.recv()).await };
            match self.waiting.block_on(waited) {
                Ok(command) => return command,
                Err(_) => self.seal(),
            }
        }
        self.queue.blocking_recv()
    }

    /// Runs commands until the queue is empty or the batch is full, then commits them.
    fn transaction(&mut self, first: Command, batch: &mut Vec<Command>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.look_at_disk(now);
        let mut transaction = self.database.begin_write()?;
        transaction.set_two_phase_commit(true);
        {
            let tables = OpenTables::new(&transaction);
            let mut bytes = 0;
            let mut next = Some(first);
            let mut gathering = None;
            while let Some(mut command) = next {
                let tx = Tx::new(&tables, &mut self.shared, now, self.disk_is_full);
                let ran = command.run(tx);
                batch.push(command);
                bytes += ran?;
                let is_full =
                    batch.len() >= limits::BATCH_COMMANDS_MAX || bytes >= limits::BATCH_BYTES_MAX;
                next = if is_full {
                    None
                } else {
                    self.queue.try_recv().ok().or_else(|| self.gather(&mut gathering))
                };
            }
        }
        let commit = Stopwatch::start();
        transaction.commit()?;
        self.last_commit = commit.elapsed();
        self.last_batch = batch.len();
        self.sealed = false;
        Ok(())
    }

    /// Waits a moment for more commands where clients work side by side: those that were just
    /// answered are about to come back, and a commit for all of them costs what one for half of
    /// them does. It ends when nobody comes, or after half the time of a commit; a client that is
    /// alone never waits.
    fn gather(&mut self, gathering: &mut Option<Stopwatch>) -> Option<Command> {
        let most = (self.last_commit / 2).min(limits::GATHER_MAX);
        let began = gathering.get_or_insert_with(Stopwatch::start);
        if self.last_batch < 2 || began.elapsed() >= most {
            return None;
        }
        std::thread::sleep(limits::GATHER_STEP);
        self.queue.try_recv().ok()
    }

    /// One commit that saves the page allocator, so that a crash from here on opens at once.
    fn seal(&mut self) {
        let sealed = (|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_quick_repair(true);
            {
                let mut table =
                    transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(META.name()))?;
                let now = self.clock.now().micros().unsigned_abs();
                let row = codec::encode(&MetaRow(now))
                    .map_err(|error| StoreError::Corrupt { table: META.name(), error })?;
                table.insert("sealed".to_owned().to_bytes().as_slice(), row.as_slice())?;
            }
            transaction.commit()?;
            Ok::<(), StoreError>(())
        })();
        if let Err(failure) = sealed {
            error!(error = %failure, "sealing the store failed; stopping");
            self.tells.failure.send_replace(Some(failure));
            self.queue.close();
        }
        self.sealed = true;
    }

    /// Looks at the free space once a second.
    fn look_at_disk(&mut self, now: Timestamp) {
        let Some(directory) = &self.directory else { return };
        if now.since(self.disk_seen) < limits::DISK_LOOK_EVERY {
            return;
        }
        self.disk_seen = now;
        let Ok(disk) = rustix::fs::statvfs(directory) else { return };
        let is_full = disk.f_bavail.saturating_mul(disk.f_frsize) < limits::DISK_RESERVE_BYTES;
        if is_full && !self.disk_is_full {
            warn!(
                reserve_bytes = limits::DISK_RESERVE_BYTES,
                "disk nearly full: refusing new data"
            );
        }
        self.disk_is_full = is_full;
    }
}
