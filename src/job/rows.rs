//! The tables of jobs: the job, the chunks of its people, and which wait.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::errors;
use super::format::{JobRow, KINDS, job, number_of, row};
use super::{Counts, Job, JobError, Kind, Status, Task};
use crate::clock::Timestamp;
use crate::id::JobId;
use crate::limits;
use crate::store::{DecodeError, Key as _, Order, Read, Row, StoreError, Table, Tx};

const JOBS: Table<JobId, JobRow> = Table::new("jobs");
/// The jobs that are not finished: they are done in this order.
const JOBS_WAITING: Table<JobId, ()> = Table::new("jobs_waiting");
/// Job, number of the chunk → people.
const JOB_CHUNKS: Table<(JobId, u32), ChunkRow> = Table::new("job_chunks");
/// How many jobs there are.
const JOB_COUNTS: Table<(), CountsRow> = Table::new("job_counts");

/// People as they were received: JSON, one text each.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ChunkRow {
    items: Vec<String>,
}

impl Row for ChunkRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct CountsRow {
    unfinished: u64,
    finished: u64,
}

impl Row for CountsRow {
    const SCHEMA: u8 = 1;
}

fn read(id: JobId, row: JobRow) -> Result<Job, StoreError> {
    let corrupt = || StoreError::Corrupt { table: JOBS.name(), error: DecodeError::Content };
    job(id, row).ok_or_else(corrupt)
}

/// The job with this id.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, id: JobId) -> Result<Option<Job>, StoreError> {
    from.get(&JOBS, &id)?.map(|row| read(id, row)).transpose()
}

/// Up to `most` jobs of a kind before `before`, newest first.
///
/// # Errors
/// Where the store can not be read.
pub fn page(
    from: &impl Read,
    kind: Kind,
    before: Option<JobId>,
    most: usize,
) -> Result<Vec<Job>, StoreError> {
    let range = (Bound::Unbounded, before.map_or(Bound::Unbounded, Bound::Excluded));
    let mut found = Vec::new();
    // The jobs of all kinds together are few: they are bounded by what waits and what is kept.
    from.scan(&JOBS, range, Order::Descending, |id, row| {
        if row.kind == number_of(&KINDS, &kind) {
            found.push((id, row));
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    found.into_iter().map(|(id, row)| read(id, row)).collect()
}

/// The job that is to be done next, if there is one.
///
/// # Errors
/// Where the store can not be read.
pub fn next(from: &impl Read) -> Result<Option<JobId>, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let first = from.page(&JOBS_WAITING, all, Order::Ascending, 1)?;
    Ok(first.first().map(|(id, ())| *id))
}

/// Makes a job of these people, or of `total` members of its group.
///
/// # Errors
/// Where too many wait, or the store fails or is full.
pub fn create(
    tx: &mut Tx<'_, '_>,
    task: Task,
    items: Vec<String>,
    total: u64,
) -> Result<Job, JobError> {
    tx.needs_room()?;
    let mut counts = tx.get(&JOB_COUNTS, &())?.unwrap_or_default();
    if counts.unfinished >= limits::JOBS_UNFINISHED_MAX {
        return Err(JobError::TooMany);
    }
    counts.unfinished += 1;
    tx.put(&JOB_COUNTS, &(), &counts)?;
    let job = Job {
        id: JobId::from_u128(tx.ulid()?),
        task,
        status: Status::Queued,
        counts: Counts { total, ..Counts::default() },
        started: None,
        finished: None,
        chunk: 0,
        after: None,
        errors: 0,
    };
    for (number, items) in (0..).zip(chunks(items)) {
        tx.put(&JOB_CHUNKS, &(job.id, number), &ChunkRow { items })?;
    }
    tx.put(&JOBS_WAITING, &job.id, &())?;
    tx.put(&JOBS, &job.id, &row(&job))?;
    Ok(job)
}

/// Parts of a step each.
fn chunks(items: Vec<String>) -> Vec<Vec<String>> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let is_full = chunks.last().is_none_or(|chunk| chunk.len() >= limits::JOB_STEP_ITEMS_MAX);
        if is_full || bytes >= limits::JOB_STEP_BYTES_MAX {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += item.len();
        chunks.last_mut().expect("one was just made where there was none").push(item);
    }
    chunks
}

/// The people of the job's next step; none where all were taken.
///
/// # Errors
/// Where the store can not be read.
pub fn chunk(from: &impl Read, job: &Job) -> Result<Vec<String>, StoreError> {
    Ok(from.get(&JOB_CHUNKS, &(job.id, job.chunk))?.map(|row| row.items).unwrap_or_default())
}

/// Marks a job as begun.
pub fn start(job: &mut Job, now: Timestamp) {
    job.status = Status::Processing;
    job.started.get_or_insert(now);
}

/// Writes how far a job got; the chunk that was done is gone.
///
/// # Errors
/// Where the store fails.
pub fn step_done(tx: &mut Tx<'_, '_>, job: &mut Job) -> Result<(), StoreError> {
    tx.remove(&JOB_CHUNKS, &(job.id, job.chunk));
    job.chunk += 1;
    tx.put(&JOBS, &job.id, &row(job))
}

/// Ends a job, with what is left of it, and drops the oldest finished one where there are too many.
///
/// # Errors
/// Where the store fails.
pub fn finish(tx: &mut Tx<'_, '_>, job: &mut Job, status: Status) -> Result<(), StoreError> {
    job.status = status;
    job.finished = Some(tx.now());
    // Nobody asks for it any more, and the person may be erased some day.
    job.after = None;
    drop_chunks(tx, job.id)?;
    tx.put(&JOBS, &job.id, &row(job))?;
    count_finished(tx, job.id)
}

/// Removes a job that can not be read, so that the others go on.
///
/// # Errors
/// Where the store fails.
pub fn give_up(tx: &mut Tx<'_, '_>, id: JobId) -> Result<(), StoreError> {
    drop_chunks(tx, id)?;
    tx.remove(&JOBS, &id);
    count_finished(tx, id)
}

/// What the chunks hold does not matter any more, nor whether it can be read.
fn drop_chunks(tx: &mut Tx<'_, '_>, id: JobId) -> Result<(), StoreError> {
    let key = |chunk| (id, chunk).to_bytes();
    let range = (Bound::Included(key(0)), Bound::Included(key(u32::MAX)));
    let mut left = Vec::new();
    tx.scan_bytes(JOB_CHUNKS.name(), range, Order::Ascending, &mut |key, _| {
        left.extend(<(JobId, u32)>::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    for key in left {
        tx.remove(&JOB_CHUNKS, &key);
    }
    Ok(())
}

fn count_finished(tx: &mut Tx<'_, '_>, id: JobId) -> Result<(), StoreError> {
    tx.remove(&JOBS_WAITING, &id);
    let mut counts = tx.get(&JOB_COUNTS, &())?.unwrap_or_default();
    counts.unfinished = counts.unfinished.saturating_sub(1);
    counts.finished += 1;
    if counts.finished > limits::JOBS_KEPT_MAX && drop_oldest(tx)? {
        counts.finished -= 1;
    }
    tx.put(&JOB_COUNTS, &(), &counts)
}

/// Forgets the oldest job, where it is finished; returns whether it was. Jobs are done in their
/// order, so the oldest one is, save where all others wait.
fn drop_oldest(tx: &mut Tx<'_, '_>) -> Result<bool, StoreError> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let oldest = tx.page(&JOBS, all, Order::Ascending, 1)?;
    let Some((id, _)) = oldest.first() else { return Ok(false) };
    if tx.get(&JOBS_WAITING, id)?.is_some() {
        return Ok(false);
    }
    errors::drop_all(tx, *id)?;
    tx.remove(&JOBS, id);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::clock::Clock;
    use crate::store::{Store, hex_of};

    fn import() -> Task {
        Task {
            kind: Kind::Import,
            lists: Vec::new(),
            over: None,
            is_historical: false,
            custom_source: None,
        }
    }

    #[tokio::test]
    async fn finished_jobs_are_kept_up_to_a_bound_and_the_oldest_goes_first() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let mut ids = Vec::new();
        for _ in 0..=limits::JOBS_KEPT_MAX {
            let done = store.commit(|tx| {
                let mut job = create(tx, import(), vec!["{}".to_owned()], 1)?;
                finish(tx, &mut job, Status::Complete)?;
                Ok::<_, JobError>(job.id)
            });
            ids.push(done.await.unwrap());
        }
        let waiting = store.commit(|tx| create(tx, import(), vec!["{}".to_owned()], 1));
        let waiting = waiting.await.unwrap();
        let snapshot = store.snapshot().unwrap();
        assert_eq!(get(&snapshot, ids[0]).unwrap(), None);
        assert!(get(&snapshot, ids[1]).unwrap().is_some());
        assert_eq!(next(&snapshot).unwrap(), Some(waiting.id));
        assert_eq!(chunk(&snapshot, &waiting).unwrap(), ["{}"]);
        let listed = page(&snapshot, Kind::Import, Some(waiting.id), 2).unwrap();
        let newest: Vec<_> = listed.iter().map(|job| job.id).collect();
        assert_eq!(newest, [ids[ids.len() - 1], ids[ids.len() - 2]]);
        assert_eq!(page(&snapshot, Kind::Suppress, None, 2).unwrap(), []);
        drop((snapshot, store));
        writer.join().unwrap();
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let chunk = ChunkRow { items: vec!["{}".to_owned()] };
        assert_eq!(hex_of(&chunk), "0101027b7df6f2772aa2ec1eff");
        let counts = CountsRow { unfinished: 1, finished: 2 };
        assert_eq!(hex_of(&counts), "010102ea45c52c757e94d7");
    }

    #[test]
    fn chunks_are_bounded_in_items_and_bytes() {
        let sizes = |items: Vec<String>| chunks(items).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(Vec::new()), Vec::<usize>::new());
        assert_eq!(sizes(vec![String::new(); 250]), [100, 100, 50]);
        let large = "x".repeat(limits::JOB_STEP_BYTES_MAX / 2);
        assert_eq!(sizes(vec![large; 5]), [2, 2, 1]);
    }
}
