//! The store: one redb file, one writer thread, snapshots for readers. Knows no capability.
//!
//! - [`Store::commit`] hands a command to the writer. A command reads through the open
//!   transaction and *stages* its writes; they apply only if it returns `Ok`. Many commands share
//!   one transaction and one sync (group commit); each is answered after that sync, never before.
//! - [`Store::snapshot`] is a consistent view for reading. It is dropped within a second and
//!   never held across an `.await`: a held reader keeps every page that was freed since.
//!
//! Keeps invariant 1: nothing is acknowledged before it is on disk. After a failed commit no
//! command is answered with `Ok` again; [`Store::failed`] tells the process to stop.
//!
//! # Recovery after a crash
//!
//! redb commits in two phases here, so what was acknowledged is intact whatever happens to the
//! last write. What a crash costs is the walk over the file that rebuilds the page allocator,
//! about 2 s per GB, unless the last commit saved the allocator ("quick repair"). Saving it with
//! every commit would add 0.3 ms and 150 KB to each at 1 GB, so the writer *seals* instead: when
//! it has been idle for [`limits::SEAL_AFTER_IDLE`] it makes one
//! commit that saves it. A crash of an idle daemon opens in milliseconds at any size; a crash in
//! the middle of load walks the file.

mod codec;
mod follow;
mod table;
mod tx;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, ReadableDatabase as _, StorageBackend};
use tokio::sync::{mpsc, oneshot, watch};

pub use codec::{DecodeError, Row, pack, read_payload, unpack};
#[cfg(test)]
pub(crate) use codec::{from_hex, hex_of};
pub use follow::{Follower, Next};
pub use table::{Key, Table};
pub use tx::{Order, Read, Snapshot, Tx, Visit};

use crate::clock::Clock;
use crate::limits;
use writer::{Command, Job, Tells, Writer};

/// The layout of the file as a whole: which tables there are and what their keys mean.
const FORMAT: u32 = 1;

/// How the file says which [`FORMAT`] it has.
const META: Table<String, MetaRow> = Table::new("meta");

#[derive(serde::Serialize, serde::Deserialize)]
struct MetaRow(u64);

impl Row for MetaRow {
    const SCHEMA: u8 = 1;
}

/// What can go wrong with the store.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// Another process has the file open.
    InUse(PathBuf),
    /// The file was written by a later version of tidings.
    Format(u64),
    /// Less than the reserve is free on the disk: nothing new is accepted.
    Full,
    /// A row does not verify.
    Corrupt {
        /// The row's table.
        table: &'static str,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// redb or the disk failed.
    Failed(Arc<str>),
    /// The writer has stopped.
    Stopped,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "{} is in use: another tidings daemon runs on this data directory",
                path.display()
            ),
            Self::Format(format) => write!(
                f,
                "the store has format {format} and this version of tidings knows {FORMAT}: \
                 run the version that wrote it, or a later one"
            ),
            Self::Full => write!(
                f,
                "less than {} MiB are free on the disk of the data directory",
                limits::DISK_RESERVE_BYTES >> 20
            ),
            Self::Corrupt { table, error } => write!(f, "table {table}: {error}"),
            Self::Failed(why) => write!(f, "the store failed: {why}"),
            Self::Stopped => f.write_str("the store has stopped"),
        }
    }
}

impl std::error::Error for StoreError {}

macro_rules! failed_from {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Failed(error.to_string().into())
            }
        }
    )*};
}

failed_from!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError,
    std::io::Error
);

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    commands: mpsc::Sender<Command>,
    commits: watch::Receiver<u64>,
    failure: watch::Receiver<Option<StoreError>>,
}

/// The writer thread, to be joined when everything that commits has stopped.
pub struct WriterHandle {
    thread: JoinHandle<()>,
    database: Arc<Database>,
}

impl Store {
    /// Opens or makes the file at `path`, with a page cache of `cache_bytes`.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Format`], or what redb says of the file.
    pub fn open(
        path: &Path,
        cache_bytes: usize,
        clock: Clock,
    ) -> Result<(Self, WriterHandle), StoreError> {
        if !path.exists() {
            make(path)?;
        }
        let opened = Database::builder().set_cache_size(cache_bytes).create(path);
        let database = opened.map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
            other => StoreError::Failed(format!("{}: {other}", path.display()).into()),
        })?;
        Self::start(database, clock, path.parent().map(Path::to_owned))
    }

    /// Opens a store on a storage of the caller's: fault injection in tests, slow disks in
    /// benches.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(
        backend: impl StorageBackend,
        cache_bytes: usize,
        clock: Clock,
    ) -> Result<(Self, WriterHandle), StoreError> {
        let database = Database::builder()
            .set_cache_size(cache_bytes)
            .create_with_backend(backend)
            .map_err(|error| StoreError::Failed(error.to_string().into()))?;
        Self::start(database, clock, None)
    }

    fn start(
        database: Database,
        clock: Clock,
        directory: Option<PathBuf>,
    ) -> Result<(Self, WriterHandle), StoreError> {
        check_format(&database)?;
        let database = Arc::new(database);
        let (commands, queue) = mpsc::channel(limits::COMMANDS_QUEUED_MAX);
        let (failure_sender, failure) = watch::channel(None);
        let (committed, commits) = watch::channel(0);
        let tells = Tells { committed, failure: failure_sender };
        let writer = Writer::new(Arc::clone(&database), queue, tells, clock, directory)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())?;
        let handle = WriterHandle { thread, database: Arc::clone(&database) };
        Ok((Self { database, commands, commits, failure }, handle))
    }

    /// Runs `command` in the writer's next transaction and returns its result once that
    /// transaction is on disk. If it returns `Err`, nothing of it is stored.
    ///
    /// The command runs even if the caller stops waiting for it.
    ///
    /// # Errors
    /// The command's own, or a [`StoreError`] turned into it.
    pub async fn commit<T, E, F>(&self, command: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_, '_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Job { command: Some(command), result: None, reply };
        if self.commands.send(Box::new(job)).await.is_err() {
            return Err(self.why_stopped().into());
        }
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.why_stopped().into()),
        }
    }

    fn why_stopped(&self) -> StoreError {
        self.failure.borrow().clone().unwrap_or(StoreError::Stopped)
    }

    /// A consistent view of everything committed so far.
    ///
    /// # Errors
    /// Where the file can not be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(self.database.begin_read()?))
    }

    /// Moves with every commit: what follows a log looks for more when it does.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }

    /// Returns when a commit has failed: the process must stop and recover at its next start.
    pub async fn failed(&self) -> StoreError {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await;
        failed.ok().and_then(|error| error.clone()).unwrap_or(StoreError::Stopped)
    }
}

impl WriterHandle {
    /// Waits for the writer, which ends when the last [`Store`] is dropped, and closes the file.
    ///
    /// # Errors
    /// Where the file can not be closed; everything acknowledged is on disk all the same.
    pub fn join(self) -> Result<(), StoreError> {
        let joined = self.thread.join();
        joined.map_err(|_| StoreError::Failed("the writer thread panicked".into()))?;
        match Arc::try_unwrap(self.database) {
            Ok(database) => {
                database.close().map_err(|error| StoreError::Failed(error.to_string().into()))
            }
            Err(_) => Err(StoreError::Failed("a reader was still open".into())),
        }
    }
}

/// Makes a new file whole before it gets its name: redb refuses one that was cut off while it was
/// being laid out. Where two first starts meet, one of them gives the name and both open its file.
fn make(path: &Path) -> Result<(), StoreError> {
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let failed = |error: &dyn fmt::Display| {
        StoreError::Failed(format!("cannot make {}: {error}", path.display()).into())
    };
    let database = Database::create(&fresh).map_err(|error| failed(&error))?;
    check_format(&database)?;
    database.close().map_err(|error| failed(&error))?;
    let named = match std::fs::hard_link(&fresh, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    std::fs::remove_file(&fresh)?;
    named.map_err(|error| failed(&error))?;
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Refuses a file of a later format; marks a new file with ours.
fn check_format(database: &Database) -> Result<(), StoreError> {
    let key = "format".to_owned();
    let found = Snapshot::new(database.begin_read()?).get(&META, &key)?;
    match found {
        Some(MetaRow(format)) if format == u64::from(FORMAT) => Ok(()),
        Some(MetaRow(format)) => Err(StoreError::Format(format)),
        None => {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(META.definition())?;
                let row = codec::encode(&MetaRow(u64::from(FORMAT)))
                    .map_err(|error| StoreError::Corrupt { table: META.name(), error })?;
                table.insert(key.to_bytes().as_slice(), row.as_slice())?;
            }
            transaction.commit()?;
            Ok(())
        }
    }
}
