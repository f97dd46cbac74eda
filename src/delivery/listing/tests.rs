//! Listings against a plain reading of all rows, with the index at every stage of its making.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::delivery::policy::Next;
use crate::delivery::rows::{Gathering, New};
use crate::delivery::{Attempt, Outcome, Source, State, Trace};
use crate::id::EventId;
use crate::id::{ProfileId, WebhookId};
use crate::store::{Snapshot, Store, Tx};

const START: i64 = 1_788_529_135;

/// A store with deliveries of all kinds, one millisecond apart.
struct Population {
    store: Store,
    clock: Clock,
    ids: Vec<DeliveryId>,
    _directory: TempDir,
}

fn attempt(outcome: Outcome) -> Attempt {
    Attempt {
        at: Timestamp::from_seconds(START),
        outcome,
        trace: Trace::default(),
        body_bytes: 0,
        body_hash: 0,
        response_head: String::new(),
        excerpt: String::new(),
    }
}

fn webhook(number: usize) -> WebhookId {
    WebhookId::from_u128(number as u128 % 3 + 1)
}

fn event(number: usize) -> EventId {
    EventId::from_u64(number as u64 / 3 + 1)
}

fn profile(number: usize) -> ProfileId {
    ProfileId::from_u128(number as u128 % 7 + 1)
}

/// What becomes of the delivery with this number: some outcomes, and what follows the last.
fn fate(number: usize) -> (Vec<Outcome>, Option<State>) {
    let answered = |statuses: &[u16]| statuses.iter().map(|of| Outcome::Answered(*of)).collect();
    match number % 10 {
        0 => (answered(&[503, 500]), Some(State::Exhausted)),
        1 => (answered(&[503]), None),
        2 => (vec![Outcome::Gone], Some(State::Cancelled)),
        3 => (answered(&[503, 429, 200]), Some(State::Delivered)),
        4 => (answered(&[503]), Some(State::Parked)),
        5 => (Vec::new(), None),
        6 => (vec![Outcome::Answered(404), Outcome::Gone], None),
        _ => (answered(&[200]), Some(State::Delivered)),
    }
}

impl Population {
    async fn of(count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_seconds(START));
        let path = directory.path().join("s.redb");
        let (store, _) = Store::open(&path, 1 << 20, clock.clone()).unwrap();
        let mut all = Self { store, clock, ids: Vec::new(), _directory: directory };
        all.grow(count).await;
        all
    }

    async fn commit<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Tx<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.commit(command).await.unwrap()
    }

    async fn grow(&mut self, count: usize) {
        for number in self.ids.len()..self.ids.len() + count {
            let id = self.commit(move |tx| insert(tx, number)).await;
            self.ids.push(id);
            self.clock.advance(Duration::from_millis(1));
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.store.snapshot().unwrap()
    }

    /// Brings the index up to date, as the indexer does.
    async fn index(&self) {
        while let Some(new) = rows::unindexed(&self.snapshot()).unwrap() {
            self.commit(move |tx| rows::add_to_index(tx, &new)).await;
        }
    }

    /// What is wanted, newest first, read the plain way.
    fn plain(&self, wants: impl Fn(&Delivery) -> bool) -> Vec<DeliveryId> {
        let from = self.snapshot();
        let all = self.ids.iter().rev().map(|id| rows::get(&from, *id).unwrap().unwrap());
        all.filter(|one| wants(one)).map(|one| one.id).collect()
    }

    /// The same by pages of `most`, each reading so much at most.
    fn paged(&self, filter: &Filter, most: usize, reads_max: usize) -> Vec<DeliveryId> {
        let (mut ids, mut before) = (Vec::new(), None);
        loop {
            let from = self.snapshot();
            let (found, next) = page(&from, filter, before, most, reads_max).unwrap();
            assert!(found.len() <= most);
            ids.extend(found.iter().map(|one| one.id));
            match next {
                None => return ids,
                Some(next) => {
                    assert!(before.is_none_or(|before| next < before), "it goes on");
                    before = Some(next);
                }
            }
        }
    }

    fn assert_lists(&self, filter: &Filter, wants: impl Fn(&Delivery) -> bool) {
        let expected = self.plain(wants);
        for (most, reads_max) in [(1_000, usize::MAX), (7, usize::MAX), (5, 11), (1, 1)] {
            let found = self.paged(filter, most, reads_max);
            assert_eq!(found, expected, "{filter:?}, {most} a page, {reads_max} reads");
        }
    }

    fn assert_lists_everything(&self) {
        let last_status = |one: &Delivery| one.attempts.last().and_then(|of| of.outcome.status());
        let middle = self.ids[self.ids.len() / 2].created();
        self.assert_lists(&Filter::default(), |_| true);
        for number in 0..3 {
            let of = Filter { webhook: Some(webhook(number)), ..Filter::default() };
            self.assert_lists(&of, |one| one.webhook == webhook(number));
            for state in State::ALL {
                let of = Filter { states: vec![state], ..of.clone() };
                self.assert_lists(&of, |one| one.webhook == webhook(number) && one.state == state);
            }
        }
        let of = Filter { event: Some(event(9)), ..Filter::default() };
        self.assert_lists(&of, |one| one.events.contains(&event(9)));
        for status in [200, 404, 429, 500, 503] {
            let of = Filter { status: Some(status), ..Filter::default() };
            self.assert_lists(&of, |one| last_status(one) == Some(status));
            let of = Filter { profile: Some(profile(2)), ..of };
            self.assert_lists(&of, |one| {
                last_status(one) == Some(status) && one.profile == Some(profile(2))
            });
        }
        for states in [
            &[State::Exhausted, State::Parked][..],
            &[State::Scheduled, State::Cancelled],
            &[State::Delivered, State::Exhausted],
            &State::ALL,
        ] {
            let of = Filter { states: states.to_vec(), ..Filter::default() };
            self.assert_lists(&of, |one| states.contains(&one.state));
            let of = Filter { created: Created::default().after(middle), ..of };
            self.assert_lists(&of, |one| states.contains(&one.state) && one.created > middle);
            let of = Filter { created: Created::default().until(middle), ..of };
            self.assert_lists(&of, |one| states.contains(&one.state) && one.created <= middle);
        }
    }
}

/// Makes a delivery and lets its fate happen, one commit of its own after the other.
fn insert(tx: &mut Tx<'_, '_>, number: usize) -> Result<DeliveryId, StoreError> {
    let id = DeliveryId::from_u128(tx.ulid()?);
    let (webhook, event) = (webhook(number), event(number));
    rows::insert(
        tx,
        id,
        New { webhook, source: Source::Event, event, profile: Some(profile(number)) },
    )?;
    let (outcomes, end) = fate(number);
    let count = outcomes.len();
    for (place, outcome) in outcomes.into_iter().enumerate() {
        let due = tx.now().plus(Duration::from_secs(60));
        let next = end.filter(|_| place + 1 == count).map_or(Next::Retry(due), Next::Finished);
        rows::record(tx, id, &attempt(outcome), None, |_| next)?;
    }
    Ok(id)
}

#[tokio::test]
async fn every_filter_finds_what_there_is_however_much_is_indexed() {
    let mut all = Population::of(60).await;
    all.assert_lists_everything();
    all.index().await;
    assert_eq!(Some(&rows::indexed_to(&all.snapshot()).unwrap()), all.ids.last());
    all.assert_lists_everything();
    all.grow(25).await;
    all.assert_lists_everything();
}

#[tokio::test]
async fn entries_follow_what_becomes_of_a_delivery() {
    let all = Population::of(40).await;
    all.index().await;
    // Everything that is finished goes back; everything else is cancelled.
    for id in all.ids.clone() {
        all.commit(move |tx| match rows::cancel(tx, id)? {
            Some(_) => Ok(()),
            None => rows::resend(tx, id).map(drop),
        })
        .await;
    }
    all.assert_lists_everything();
    for id in all.ids.clone() {
        let taken = attempt(Outcome::Answered(201));
        let end = |_: rows::Course| Next::Finished(State::Delivered);
        all.commit(move |tx| rows::record(tx, id, &taken, None, end)).await;
    }
    all.assert_lists_everything();
    let exhausted = Filter { states: vec![State::Exhausted], ..Filter::default() };
    assert!(all.paged(&exhausted, 10, usize::MAX).is_empty());
    // An empty index needs one look.
    let (found, next) = page(&all.snapshot(), &exhausted, None, 10, 2).unwrap();
    assert_eq!((found.len(), next), (0, None));
}

#[tokio::test]
async fn a_batch_that_gathers_is_where_the_index_ends() {
    let mut all = Population::of(4).await;
    let closes = Timestamp::from_seconds(START + 60);
    let new = New {
        webhook: webhook(0),
        source: Source::Event,
        event: EventId::from_u64(1_000),
        profile: None,
    };
    let begin = move |tx: &mut Tx<'_, '_>| {
        let id = DeliveryId::from_u128(tx.ulid()?);
        rows::begin_batch(tx, new, Gathering { id, events: 1, bytes: 1, closes })?;
        Ok(id)
    };
    let batch = all.commit(begin).await;
    all.ids.push(batch);
    all.clock.advance(Duration::from_millis(1));
    all.grow(3).await;
    all.index().await;
    assert_eq!(rows::indexed_to(&all.snapshot()).unwrap(), all.ids[3]);
    let late = EventId::from_u64(2_000);
    let gathering = Gathering { id: batch, events: 2, bytes: 2, closes };
    all.commit(move |tx| rows::add_to_batch(tx, new.webhook, late, gathering)).await;
    let ids = |all: &Population, event| {
        let found = of_event(&all.snapshot(), event).unwrap();
        found.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&all, late), [batch], "from the row");
    let complete = all.commit(move |tx| rows::close_batch(tx, new.webhook, batch)).await;
    let complete = complete.expect("it was there");
    all.ids.retain(|id| *id != batch);
    all.ids.push(complete);
    all.index().await;
    assert_eq!(Some(&rows::indexed_to(&all.snapshot()).unwrap()), all.ids.last());
    assert_eq!(
        (ids(&all, late), ids(&all, new.event)),
        (vec![complete], vec![complete]),
        "from the index"
    );
    assert_eq!(ids(&all, event(0)), all.ids.get(..3).unwrap(), "the oldest first");
    all.assert_lists_everything();
}

#[tokio::test]
async fn a_page_goes_on_where_it_was_while_deliveries_arrive_and_move() {
    let mut all = Population::of(50).await;
    let before = all.plain(|_| true);
    let (mut ids, mut place) = (Vec::new(), None);
    loop {
        let (found, next) = page(&all.snapshot(), &Filter::default(), place, 8, 50).unwrap();
        ids.extend(found.iter().map(|one| one.id));
        all.grow(3).await;
        let moved = all.ids[ids.len() / 2];
        all.commit(move |tx| rows::resend(tx, moved)).await;
        all.index().await;
        let Some(next) = next else { break };
        place = Some(next);
    }
    assert_eq!(ids, before, "each once, and none that came later");
}

#[tokio::test]
async fn rows_of_a_version_without_an_index_are_indexed_with_all_they_need() {
    let all = Population::of(30).await;
    // As such a version left them: the entries that came with the rows are gone.
    all.commit(|tx| {
        rows::forget_index(tx);
        Ok(())
    })
    .await;
    all.assert_lists_everything();
    all.index().await;
    all.assert_lists_everything();
}
