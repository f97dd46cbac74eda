//! What was wrong with people of jobs: the first errors of each job, with the person as received.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{ItemError, Job};
use crate::id::JobId;
use crate::limits;
use crate::store::{Order, Read, Row, StoreError, Table, Tx};

/// Job, number of the error → error.
const JOB_ERRORS: Table<(JobId, u32), ErrorRow> = Table::new("job_errors");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ErrorRow {
    pointer: String,
    detail: String,
    original: String,
}

impl Row for ErrorRow {
    const SCHEMA: u8 = 1;
}

/// Stands for a person who is not kept: JSON's null.
const NOTHING: &str = "null";
/// Stands for what was wrong with a person who was erased.
const ERASED: &str = "this person was erased";

/// Keeps what was wrong with the person who is taken, and counts it.
///
/// # Errors
/// Where the store fails.
pub fn fail_item(
    tx: &mut Tx<'_, '_>,
    job: &mut Job,
    pointer: String,
    detail: String,
    original: &str,
) -> Result<(), StoreError> {
    job.counts.failed += 1;
    if usize::try_from(job.errors).is_ok_and(|kept| kept < limits::JOB_ERRORS_KEPT_MAX) {
        let is_kept = original.len() <= limits::JOB_ERROR_ORIGINAL_BYTES_MAX;
        let original = if is_kept { original } else { NOTHING };
        let row = ErrorRow { pointer, detail, original: original.to_owned() };
        tx.put(&JOB_ERRORS, &(job.id, job.errors), &row)?;
        job.errors += 1;
    }
    Ok(())
}

/// Up to `most` errors of a job after the one of this number.
///
/// # Errors
/// Where the store can not be read.
pub fn errors(
    from: &impl Read,
    id: JobId,
    after: Option<u32>,
    most: usize,
) -> Result<Vec<ItemError>, StoreError> {
    let start = match after {
        Some(number) => Bound::Excluded((id, number)),
        None => Bound::Included((id, 0)),
    };
    let range = (start, Bound::Included((id, u32::MAX)));
    let rows = from.page(&JOB_ERRORS, range, Order::Ascending, most)?;
    Ok(rows.into_iter().map(|(key, row)| item(key, row)).collect())
}

fn item((_, number): (JobId, u32), row: ErrorRow) -> ItemError {
    ItemError { number, pointer: row.pointer, detail: row.detail, original: row.original }
}

/// Looks at up to `most` errors after `after`, and takes out the person as received and what was
/// wrong with them where `mentions` says yes: for who is to be forgotten. Returns where it got to;
/// `None` at the end.
///
/// # Errors
/// Where the store fails.
pub fn forget_some(
    tx: &mut Tx<'_, '_>,
    after: Option<(JobId, u32)>,
    most: usize,
    mentions: impl Fn(&ItemError) -> bool,
) -> Result<Option<(JobId, u32)>, StoreError> {
    let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let rows = tx.page(&JOB_ERRORS, range, Order::Ascending, most)?;
    let last = rows.last().map(|(key, _)| *key).filter(|_| rows.len() == most);
    for (key, row) in rows {
        let error = item(key, row);
        if mentions(&error) {
            let (pointer, original) = (error.pointer, NOTHING.to_owned());
            tx.put(&JOB_ERRORS, &key, &ErrorRow { pointer, detail: ERASED.to_owned(), original })?;
        }
    }
    Ok(last)
}

/// Drops the errors of a job that is no more.
///
/// # Errors
/// Where the store fails.
pub(super) fn drop_all(tx: &mut Tx<'_, '_>, id: JobId) -> Result<(), StoreError> {
    for error in errors(tx, id, None, limits::JOB_ERRORS_KEPT_MAX)? {
        tx.remove(&JOB_ERRORS, &(id, error.number));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::job::{JobError, Kind, Task, create};
    use crate::store::{Store, from_hex, hex_of};

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
    async fn who_is_forgotten_is_taken_out_of_the_errors() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let (store, writer) = Store::open_on(InMemoryBackend::new(), 1 << 20, clock).unwrap();
        let made = store.commit(|tx| {
            let mut job = create(tx, import(), Vec::new(), 5)?;
            for original in ["ann 1", "bob", "ann 2", "ann 3"] {
                fail_item(tx, &mut job, "/a".to_owned(), "is wrong".to_owned(), original)?;
            }
            let large = "ann".repeat(limits::JOB_ERROR_ORIGINAL_BYTES_MAX);
            fail_item(tx, &mut job, "/a".to_owned(), "is large".to_owned(), &large)?;
            Ok::<_, JobError>(job.id)
        });
        let id = made.await.unwrap();
        let mut after = None;
        let mut steps = 0;
        loop {
            let forgotten = store.commit(move |tx| {
                forget_some(tx, after, 2, |error| error.original.contains("ann"))
            });
            after = forgotten.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
            steps += 1;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(steps, 3);
        let kept = errors(&store.snapshot().unwrap(), id, None, 10).unwrap();
        let originals: Vec<_> = kept.iter().map(|error| error.original.as_str()).collect();
        assert_eq!(originals, [NOTHING, "bob", NOTHING, NOTHING, NOTHING]);
        let details: Vec<_> = kept.iter().map(|error| error.detail.as_str()).collect();
        assert_eq!(details, [ERASED, "is wrong", ERASED, ERASED, "is large"]);
        drop(store);
        writer.join().unwrap();
    }

    #[test]
    fn rows_have_frozen_bytes() {
        let error = ErrorRow {
            pointer: "/a".to_owned(),
            detail: "is wrong".to_owned(),
            original: "{}".to_owned(),
        };
        const FROZEN: &str = "01022f610869732077726f6e67027b7de19001cc3ea87513";
        assert_eq!(hex_of(&error), FROZEN);
        assert_eq!(from_hex::<ErrorRow>(FROZEN), Ok(error));
    }
}
