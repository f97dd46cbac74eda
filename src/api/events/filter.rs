//! The `filter` of a listing of events, read term by term; what can not be is refused with what
//! would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::api::error::Problem;
use crate::api::query::{Known, Term};
use crate::clock::Timestamp;
use crate::event::Selection;

const COMPARED: &[&str] = &["greater-than", "greater-or-equal", "less-than", "less-or-equal"];
/// What a listing can be filtered by. Every event has a metric and a profile.
pub(super) const KNOWN: &Known<'_> = &[
    ("metric_id", &["equals"]),
    ("profile_id", &["equals"]),
    ("metric", &["has"]),
    ("profile", &["has"]),
    ("datetime", COMPARED),
    ("timestamp", COMPARED),
];

/// Reads the terms, all of which are to hold.
pub(super) fn read(terms: &[Term]) -> Result<Selection, Problem> {
    let mut of = Selection::ALL;
    for term in terms {
        let operator = term.operator.as_str();
        match term.field.as_str() {
            "metric_id" => once(&mut of.metric, term)?,
            "profile_id" => once(&mut of.profile, term)?,
            "datetime" => of.seconds = narrow_to(of.seconds, operator, term.moment()?),
            "timestamp" => {
                let number = term.number()?;
                // Out of range, it is the first or the last second that there is.
                let whole = (number.floor() as i64, number.ceil() as i64);
                of.seconds = narrow(of.seconds, operator, whole);
            }
            _ => {}
        }
    }
    Ok(of)
}

/// What is left of some seconds when they have to compare so with a moment.
pub(in crate::api) fn narrow_to(
    seconds: RangeInclusive<i64>,
    operator: &str,
    at: Timestamp,
) -> RangeInclusive<i64> {
    let before = at.seconds();
    let is_whole = Timestamp::from_seconds(before) == at;
    narrow(seconds, operator, (before, if is_whole { before } else { before + 1 }))
}

/// What is left of some seconds when they have to compare so with a moment, given by the last whole
/// second before it and the first behind it; both are the moment where it is whole.
fn narrow(
    seconds: RangeInclusive<i64>,
    operator: &str,
    (before, behind): (i64, i64),
) -> RangeInclusive<i64> {
    let (first, last) = seconds.into_inner();
    match operator {
        "greater-than" => first.max(before.saturating_add(1))..=last,
        "greater-or-equal" => first.max(behind)..=last,
        "less-than" => first..=last.min(behind.saturating_sub(1)),
        _ => first..=last.min(before),
    }
}

fn once<T: FromStr<Err: Display>>(into: &mut Option<T>, term: &Term) -> Result<(), Problem> {
    let (field, value) = (&term.field, term.text()?);
    let wrong = |why: String| Problem::parameter("filter", why);
    let id = value.parse().map_err(|error| wrong(format!("`{value}`: {error}")))?;
    match into.replace(id) {
        None => Ok(()),
        Some(_) => Err(wrong(format!("`{field}` stands twice; an event has only one"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::Query;

    fn filter(text: &str) -> Result<Selection, Problem> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", text)
            .finish();
        read(&Query::parse(Some(&query), &["filter"]).unwrap().filter(KNOWN)?)
    }

    #[test]
    fn terms_are_read() {
        let (metric, profile) = ("SkDfHe", "01M1PAC5N9PMXJ7672AC8B75VN");
        let read = filter(&format!(
            "equals(metric_id,\"{metric}\"),has(profile),equals(profile_id,'{profile}'),has(metric),\
             greater-or-equal(datetime,1970-01-01T00:00:05Z),less-than(timestamp,9)"
        ));
        let read = read.unwrap();
        assert_eq!(read.metric, Some(metric.parse().unwrap()));
        assert_eq!(read.profile, Some(profile.parse().unwrap()));
        assert_eq!(read.seconds, 5..=8);
        assert_eq!(filter("").unwrap(), Selection::ALL);
    }

    #[test]
    fn seconds_are_those_that_compare_so() {
        let all = i64::MIN..=i64::MAX;
        for (operator, bound, expected) in [
            ("greater-than", "5", 6..=i64::MAX),
            ("greater-than", "5.5", 6..=i64::MAX),
            ("greater-or-equal", "5", 5..=i64::MAX),
            ("greater-or-equal", "5.5", 6..=i64::MAX),
            ("less-than", "5", i64::MIN..=4),
            ("less-than", "5.5", i64::MIN..=5),
            ("less-or-equal", "5", i64::MIN..=5),
            ("less-or-equal", "5.5", i64::MIN..=5),
            ("less-or-equal", "-5.5", i64::MIN..=-6),
            ("less-than", "1e300", i64::MIN..=i64::MAX - 1),
            ("less-or-equal", "1e300", all),
        ] {
            let text = format!("{operator}(timestamp,{bound})");
            assert_eq!(filter(&text).unwrap().seconds, expected, "{text}");
        }
        let half = "1970-01-01T00:00:05.5Z";
        let between = format!("greater-than(datetime,{half}),less-or-equal(datetime,{half})");
        assert!(filter(&between).unwrap().seconds.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, told) in [
            ("equals(metric_id,x)", "6 letters and digits"),
            ("equals(profile_id,x)", "26 characters"),
            ("equals(metric_id,SkDfHe),equals(metric_id,SkDfHe)", "stands twice"),
            ("equals(metric,SkDfHe)", "for `metric` there is has"),
            ("equals(datetime,2026-09-04T13:38:55Z)", "there are greater-than"),
            ("greater-than(datetime,5)", "RFC 3339"),
            ("greater-than(timestamp,2026-09-04T13:38:55Z)", "no number"),
            ("equals(profil_id,x)", "did you mean `profile_id`?"),
        ] {
            let problem = format!("{:?}", filter(text).unwrap_err());
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }
}
