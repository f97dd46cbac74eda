//! The row of a job: its shape in the file.

use serde::{Deserialize, Serialize};

use super::{Counts, Job, Kind, Over, Status, Task};
use crate::clock::Timestamp;
use crate::id::{GroupId, JobId, ProfileId};
use crate::store::Row;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct JobRow {
    pub(super) kind: u8,
    lists: Vec<GroupId>,
    over_list: Option<GroupId>,
    over_segment: Option<GroupId>,
    is_historical: bool,
    custom_source: Option<String>,
    status: u8,
    total: u64,
    completed: u64,
    skipped: u64,
    failed: u64,
    started_micros: Option<i64>,
    finished_micros: Option<i64>,
    chunk: u32,
    after: Option<ProfileId>,
    errors: u32,
}

impl Row for JobRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
pub(super) const KINDS: [(Kind, u8); 5] = [
    (Kind::Import, 1),
    (Kind::Suppress, 2),
    (Kind::Unsuppress, 3),
    (Kind::Subscribe, 4),
    (Kind::Unsubscribe, 5),
];
const STATUSES: [(Status, u8); 4] =
    [(Status::Queued, 1), (Status::Processing, 2), (Status::Complete, 3), (Status::Cancelled, 4)];

pub(super) fn number_of<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
    pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
}

fn value_of<T: Copy>(pairs: &[(T, u8)], of: u8) -> Option<T> {
    pairs.iter().find(|(_, number)| *number == of).map(|(value, _)| *value)
}

/// The row of a job.
pub(super) fn row(job: &Job) -> JobRow {
    let (task, counts) = (&job.task, job.counts);
    let (over_list, over_segment) = match task.over {
        None => (None, None),
        Some(Over::List(id)) => (Some(id), None),
        Some(Over::Segment(id)) => (None, Some(id)),
    };
    JobRow {
        kind: number_of(&KINDS, &task.kind),
        lists: task.lists.clone(),
        over_list,
        over_segment,
        is_historical: task.is_historical,
        custom_source: task.custom_source.clone(),
        status: number_of(&STATUSES, &job.status),
        total: counts.total,
        completed: counts.completed,
        skipped: counts.skipped,
        failed: counts.failed,
        started_micros: job.started.map(Timestamp::micros),
        finished_micros: job.finished.map(Timestamp::micros),
        chunk: job.chunk,
        after: job.after,
        errors: job.errors,
    }
}

/// The job of a row; `None` where it is of no kind or status that is known.
pub(super) fn job(id: JobId, row: JobRow) -> Option<Job> {
    let over = row.over_list.map(Over::List).or_else(|| row.over_segment.map(Over::Segment));
    Some(Job {
        id,
        task: Task {
            kind: value_of(&KINDS, row.kind)?,
            lists: row.lists,
            over,
            is_historical: row.is_historical,
            custom_source: row.custom_source,
        },
        status: value_of(&STATUSES, row.status)?,
        counts: Counts {
            total: row.total,
            completed: row.completed,
            skipped: row.skipped,
            failed: row.failed,
        },
        started: row.started_micros.map(Timestamp::from_micros),
        finished: row.finished_micros.map(Timestamp::from_micros),
        chunk: row.chunk,
        after: row.after,
        errors: row.errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    fn example() -> Job {
        Job {
            id: JobId::from_u128(5),
            task: Task {
                kind: Kind::Subscribe,
                lists: vec!["AAAAAA".parse().unwrap()],
                over: Some(Over::List("BBBBBB".parse().unwrap())),
                is_historical: true,
                custom_source: Some("form".to_owned()),
            },
            status: Status::Processing,
            counts: Counts { total: 300, completed: 100, skipped: 5, failed: 2 },
            started: Some(Timestamp::from_seconds(1_788_529_135)),
            finished: None,
            chunk: 1,
            after: Some(ProfileId::from_u128(7)),
            errors: 2,
        }
    }

    #[test]
    fn rows_have_frozen_bytes() {
        const FROZEN: &str = "0104014141414141410142424242424200010104666f726d02fb2c0164050201fd803386c750b50c00000101070295ec906a84bca6c5";
        assert_eq!(hex_of(&row(&example())), FROZEN);
        assert_eq!(from_hex::<JobRow>(FROZEN), Ok(row(&example())));
    }

    #[test]
    fn a_row_reads_as_it_was_written() {
        for (status, _) in STATUSES {
            for (kind, _) in KINDS {
                let mut written = example();
                (written.status, written.task.kind) = (status, kind);
                written.task.over = Some(Over::Segment("CCCCCC".parse().unwrap()));
                assert_eq!(job(written.id, row(&written)), Some(written));
            }
        }
        let strange = JobRow { kind: 9, ..row(&example()) };
        assert_eq!(job(example().id, strange), None);
        let strange = JobRow { status: 9, ..row(&example()) };
        assert_eq!(job(example().id, strange), None);
    }
}
