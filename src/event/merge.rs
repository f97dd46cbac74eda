//! Several lines of the index as one, in the order of places.
//!
//! A line is read in chunks that begin small and grow, so that the first page of a person with
//! many metrics costs a few entries of each, and a long walk along one of them costs what a scan
//! does.

use std::collections::{BinaryHeap, VecDeque};
use std::ops::{ControlFlow, RangeInclusive};

use super::Place;
use super::rows::{self, Entry, Line};
use crate::limits;
use crate::store::{Order, Read, StoreError};

/// A walk over several lines.
pub(super) struct Merge<'r, R> {
    from: &'r R,
    order: Order,
    sources: Vec<Source>,
    /// The next place of each source that has one: how soon it is, and which source.
    heads: BinaryHeap<(u128, usize)>,
}

/// A line, as far as it is read.
struct Source {
    read: VecDeque<Entry>,
    /// What is left to be read of it.
    rest: Option<(Line, RangeInclusive<Place>)>,
    chunk: usize,
}

impl<'r, R: Read> Merge<'r, R> {
    /// A walk over `lines` within `range`, in `order`, and over entries that are in no line.
    pub(super) fn new(
        from: &'r R,
        lines: &[Line],
        range: &RangeInclusive<Place>,
        order: Order,
        mut besides: Vec<Entry>,
    ) -> Result<Self, StoreError> {
        besides.retain(|entry| range.contains(&entry.place));
        besides.sort_unstable_by_key(|entry| std::cmp::Reverse(soonness(order, entry.place)));
        let besides = Source { read: besides.into(), rest: None, chunk: 0 };
        let line = |line: &Line| Source {
            read: VecDeque::new(),
            rest: Some((*line, range.clone())),
            chunk: limits::EVENTS_CHUNK_FIRST,
        };
        let sources = lines.iter().map(line).chain([besides]).collect();
        let mut merge = Self { from, order, sources, heads: BinaryHeap::new() };
        for place in 0..merge.sources.len() {
            merge.advance(place)?;
        }
        Ok(merge)
    }

    /// The next entry of all lines; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        let Some((_, source)) = self.heads.pop() else { return Ok(None) };
        let entry = self.sources[source].read.pop_front();
        self.advance(source)?;
        Ok(entry)
    }

    /// Puts the head of a source, read on if need be, among the heads.
    fn advance(&mut self, number: usize) -> Result<(), StoreError> {
        let source = &mut self.sources[number];
        if source.read.is_empty() {
            source.fill(self.from, self.order)?;
        }
        if let Some(entry) = source.read.front() {
            self.heads.push((soonness(self.order, entry.place), number));
        }
        Ok(())
    }
}

impl Source {
    fn fill(&mut self, from: &impl Read, order: Order) -> Result<(), StoreError> {
        let Some((line, range)) = self.rest.take() else { return Ok(()) };
        let (chunk, read) = (self.chunk, &mut self.read);
        rows::entries(from, line, range.clone(), order, |entry| {
            read.push_back(entry);
            if read.len() < chunk { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if let Some(last) = self.read.back().filter(|_| self.read.len() == chunk) {
            self.rest = Some((line, behind(last.place, range, order)));
            self.chunk = (chunk * 4).min(limits::EVENTS_CHUNK_MAX);
        }
        Ok(())
    }
}

/// How soon a place comes in this order: the larger, the sooner.
const fn soonness(order: Order, place: Place) -> u128 {
    match order {
        Order::Ascending => !place.number(),
        Order::Descending => place.number(),
    }
}

/// What of a range comes behind a place of it.
pub(super) fn behind(
    place: Place,
    range: RangeInclusive<Place>,
    order: Order,
) -> RangeInclusive<Place> {
    let (first, last) = range.into_inner();
    match order {
        Order::Ascending => place.next()..=last,
        Order::Descending => first..=place.previous(),
    }
}
