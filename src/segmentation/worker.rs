//! The loop: a round after every commit that may matter, and when a timer is due.

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::look::{Looked, look};
use super::{apply, rows};
use crate::clock::{Clock, Timestamp};
use crate::condition::At;
use crate::id::GroupId;
use crate::ingest::Ingest;
use crate::limits;
use crate::membership;
use crate::profile::{self, Aspect, Change};
use crate::segment::{self, Backfill, Segments};
use crate::store::{Store, StoreError, Tx};

/// Keeps memberships true.
pub struct Worker {
    /// Where everything is.
    pub store: Store,
    /// All segments.
    pub segments: Segments,
    /// Records entries and exits.
    pub ingest: Ingest,
    /// The time.
    pub clock: Clock,
    /// The calendar of conditions.
    pub zone: TimeZone,
}

/// What came of a round.
pub(super) enum Round {
    /// Something was written; there may be more.
    Moved {
        /// Whether there is more already.
        has_more: bool,
    },
    /// Nothing is to be done before this moment, if ever, unless something happens.
    Idle(Option<Timestamp>),
}

impl Worker {
    /// Runs until `stop`; what is left then is followed after the next start.
    pub async fn run(self, stop: CancellationToken) {
        let mut commits = self.store.commits();
        let mut is_calendar_kept = false;
        while !stop.is_cancelled() {
            commits.mark_unchanged();
            let round = async {
                if !is_calendar_kept {
                    self.keep_calendar().await?;
                    is_calendar_kept = true;
                }
                self.round().await
            };
            let until = match round.await {
                Ok(Round::Moved { has_more: true }) => continue,
                Ok(Round::Moved { has_more: false }) => {
                    // What happens within a moment is followed together.
                    tokio::select! {
                        () = tokio::time::sleep(limits::FOLLOW_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
                Ok(Round::Idle(until)) => until,
                Err(error) => {
                    error!(%error, "segments could not be followed");
                    tokio::select! {
                        () = tokio::time::sleep(limits::STORE_RETRY_PAUSE) => continue,
                        () = stop.cancelled() => return,
                    }
                }
            };
            tokio::select! {
                changed = commits.changed() => if changed.is_err() { return },
                () = self.rest(until) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Where the account's zone is another one than before, or conditions mean something else, every
    /// segment is computed anew.
    pub(super) async fn keep_calendar(&self) -> Result<(), StoreError> {
        let zone = self.zone.iana_name().unwrap_or("UTC").to_owned();
        let people = {
            let snapshot = self.store.snapshot()?;
            if rows::is_calendar(&snapshot, &zone)? {
                return Ok(());
            }
            profile::number(&snapshot)?
        };
        let segments = self.segments.clone();
        let recompute = move |tx: &mut Tx<'_, '_>| {
            for live in segments.all().iter().filter(|live| live.segment.is_active) {
                let start = Backfill { cursor: None, evaluated: 0, total: people };
                segment::put_backfill(tx, live.segment.id, start)?;
            }
            rows::put_calendar(tx, &zone)
        };
        self.store.commit(recompute).await
    }

    async fn rest(&self, until: Option<Timestamp>) {
        match until {
            // The host may sleep meanwhile, or its clock be set: it is looked at now and then.
            Some(until) => {
                let soon = self.clock.now().plus(limits::TIMERS_LOOKED_AT_EVERY);
                self.clock.sleep_until(until.min(soon)).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Looks once and applies what came of it.
    pub(super) async fn round(&self) -> Result<Round, StoreError> {
        let (store, segments) = (self.store.clone(), self.segments.clone());
        let at = At::in_zone(self.clock.now(), self.zone.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let snapshot = store.snapshot()?;
            let looked = look(&snapshot, &segments.view(), &at)?;
            Ok::<_, StoreError>((
                looked,
                segment::leaving(&snapshot)?,
                segment::next_due(&snapshot)?,
            ))
        });
        let (looked, leaving, next_due) =
            looking.await.map_err(|error| StoreError::Failed(error.to_string().into()))??;
        if let Some(id) = leaving {
            self.clear(id).await?;
        }
        if looked.is_nothing() {
            return Ok(if leaving.is_some() {
                Round::Moved { has_more: true }
            } else {
                Round::Idle(next_due)
            });
        }
        let has_more = looked.has_more || leaving.is_some();
        self.apply(looked).await?;
        Ok(Round::Moved { has_more })
    }

    /// Many verdicts are many commands, so that nobody waits long for the writer. What is left
    /// undone when the daemon dies between them is looked at again, because the cursors move last.
    pub(super) async fn apply(&self, mut looked: Looked) -> Result<(), StoreError> {
        let mut rest = std::mem::take(&mut looked.verdicts);
        while rest.len() > limits::VERDICTS_AT_ONCE_MAX {
            let later = rest.split_off(limits::VERDICTS_AT_ONCE_MAX);
            let (now, segments, ingest) = (rest, self.segments.clone(), self.ingest.clone());
            self.store.commit(move |tx| apply::verdicts(tx, &segments, &ingest, &now)).await?;
            rest = later;
        }
        for stride in looked.backfills.iter().filter(|stride| stride.to.is_none()) {
            info!(segment.id = %stride.segment, "a segment is computed");
        }
        let (segments, ingest) = (self.segments.clone(), self.ingest.clone());
        let last = move |tx: &mut Tx<'_, '_>| {
            apply::verdicts(tx, &segments, &ingest, &rest)?;
            apply::progress(tx, &ingest, &looked)
        };
        self.store.commit(last).await
    }

    /// Removes some of what a deleted segment left behind.
    async fn clear(&self, id: GroupId) -> Result<(), StoreError> {
        let segments = self.segments.clone();
        let clear = move |tx: &mut Tx<'_, '_>| {
            let most = limits::VERDICTS_AT_ONCE_MAX;
            if segments.is_named(id) {
                for member in membership::after(tx, id, None, most)? {
                    let (profile, aspect) = (member.profile, Aspect::Group(id));
                    profile::note(tx, Change { profile, aspect, quiet: false })?;
                }
            }
            let members = membership::drop_some(tx, id, most)?;
            let timers = segment::drop_watches(tx, id, most)?;
            if members < most && timers < most {
                segment::left(tx, id);
                membership::release(tx, id);
            }
            Ok::<_, StoreError>(())
        };
        self.store.commit(clear).await
    }
}
