//! Aggregates against a plain count.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn aggregation(seconds: std::ops::RangeInclusive<i64>) -> Aggregation {
    let buckets = Buckets::of(&seconds, Interval::Hour, &TimeZone::UTC).unwrap();
    let (by, only) = (Vec::new(), Vec::new());
    Aggregation { metric: metric(1), seconds, buckets, by, only, counts_people: true }
}

/// An event an hour for each of the seed's steps, with its person as a property.
fn hourly(number: u64, (of, who, hour): Seed) -> Event {
    let mut event = event(number, (of, who, 0));
    event.time = Timestamp::from_seconds(START + i64::from(hour) * 1_000);
    event.properties = format!(r#"{{"who":"{who}","odd":{}}}"#, number % 2 == 1);
    event
}

type Key = (Vec<String>, usize);
type Counted = BTreeMap<Key, (u64, f64, u64)>;

fn naive(log: &Log, of: &Aggregation, merged: bool) -> Counted {
    let mut cells: BTreeMap<Key, (u64, f64, BTreeSet<ProfileId>)> = BTreeMap::new();
    for event in &log.events {
        let is_odd = event.id.as_u64() % 2 == 1;
        let is_wanted = of.only.is_empty() || is_odd;
        if event.metric != of.metric || !of.seconds.contains(&event.time.seconds()) || !is_wanted {
            continue;
        }
        let who = event.profile.as_u128().to_string();
        let group = of.by.iter().map(|_| who.clone()).collect();
        let starts = of.buckets.starts();
        let bucket = starts.iter().rposition(|start| *start <= event.time).unwrap();
        let cell = cells.entry((group, bucket)).or_default();
        cell.0 += 1;
        cell.1 += event.value.as_deref().map_or(0.0, |value| value.parse::<f64>().unwrap());
        let one = person(1);
        cell.2.insert(if merged && event.profile == one { person(0) } else { event.profile });
    }
    cells.into_iter().map(|(key, cell)| (key, (cell.0, cell.1, cell.2.len() as u64))).collect()
}

fn counted(log: &Log, of: &Aggregation) -> Counted {
    let groups = aggregate(&log.store, of).unwrap();
    let cells = groups.into_iter().flat_map(|(group, counted)| {
        counted.cells.into_iter().map(move |(bucket, cell)| {
            ((group.clone(), bucket), (cell.count, cell.sum, cell.people))
        })
    });
    cells.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn aggregates_are_what_a_plain_count_finds(
        seeds in prop::collection::vec((0..2_u8, 0..4_u8, -8..8_i8), 0..60),
        indexed in 0..70_usize,
        bounds in (-9_000..9_000_i64, 0..18_000_i64),
        is_grouped: bool,
        is_filtered: bool,
        merged: bool,
    ) {
        let mut log = Log::of(&[]);
        let events: Vec<Event> = (0..).zip(&seeds).map(|(at, seed)| hourly(at, *seed)).collect();
        log.events.clone_from(&events);
        log.commit(move |tx| events.into_iter().try_for_each(|event| put(tx, event)));
        log.index(indexed.max(1));
        if merged {
            log.merge(1, 0);
        }
        let mut of = aggregation(START + bounds.0..=START + bounds.0 + bounds.1);
        if is_grouped {
            of.by.push("who".to_owned());
        }
        if is_filtered {
            of.only.push(("odd".to_owned(), vec!["true".to_owned()]));
        }
        prop_assert_eq!(counted(&log, &of), naive(&log, &of, merged));
    }
}

#[test]
fn properties_are_grouped_by_their_texts() {
    let mut log = Log::of(&[]);
    let values = [r#""x""#, "5", "true", "null", r#"["a"]"#, r#"{"b":1}"#];
    let mut all: Vec<Event> = values
        .iter()
        .zip(0..)
        .map(|(value, number)| {
            let mut event = hourly(number, (1, 1, 0));
            event.properties = format!(r#"{{"p":{value}}}"#);
            event
        })
        .collect();
    all[1].value_currency = Some("EUR".to_owned());
    log.events.clone_from(&all);
    log.commit(move |tx| all.into_iter().try_for_each(|event| put(tx, event)));
    let mut of = aggregation(START..=START);
    of.by = vec!["p".to_owned(), "$value_currency".to_owned()];
    let groups: Vec<Vec<String>> = aggregate(&log.store, &of).unwrap().into_keys().collect();
    let expected =
        [["", ""], ["5", "EUR"], [r#"["a"]"#, ""], ["true", ""], ["x", ""], [r#"{"b":1}"#, ""]];
    assert_eq!(groups, expected.map(|group| group.map(str::to_owned).to_vec()));
}
