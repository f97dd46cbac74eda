//! The `filter` of a listing of deliveries, read term by term; what can not be is refused with
//! what would be right.

use std::fmt::Display;
use std::str::FromStr;

use crate::api::error::Problem;
use crate::api::query::Term;
use crate::clock::Timestamp;
use crate::delivery::{Created, Filter, State};

const KNOWN: &str = "there are equals(webhook_id,…), equals(event_id,…), equals(profile_id,…), \
                     equals(state,…), any(state,[…]), equals(status,…), and for created_at \
                     greater-than, greater-or-equal, less-than and less-or-equal";

/// Reads the terms, all of which are to hold.
pub(super) fn read(terms: &[Term]) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    for term in terms {
        let value = term.value.as_str();
        let field = term.field.as_str();
        match (term.operator.as_str(), field) {
            ("equals", "webhook_id") => once(&mut filter.webhook, field, id(value)?)?,
            ("equals", "event_id") => once(&mut filter.event, field, id(value)?)?,
            ("equals", "profile_id") => once(&mut filter.profile, field, id(value)?)?,
            ("equals", "status") => once(&mut filter.status, field, status(value)?)?,
            ("equals", "state") => states(&mut filter, vec![state(value)?])?,
            ("any", "state") => states(&mut filter, list(value)?)?,
            (operator, "created_at") => {
                filter.created = created(filter.created, operator, value)?;
            }
            (operator, field) => {
                return Err(wrong(format!("`{operator}({field},…)` is not known here; {KNOWN}")));
            }
        }
    }
    Ok(filter)
}

fn wrong(why: impl Into<Box<str>>) -> Problem {
    Problem::parameter("filter", why)
}

fn once<T>(into: &mut Option<T>, field: &str, value: T) -> Result<(), Problem> {
    match into.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(format!("`{field}` stands twice; a delivery has only one"))),
    }
}

fn id<T: FromStr<Err: Display>>(value: &str) -> Result<T, Problem> {
    value.parse().map_err(|error| wrong(format!("`{value}`: {error}")))
}

fn status(value: &str) -> Result<u16, Problem> {
    match value.parse() {
        Ok(status) if (100..=999).contains(&status) => Ok(status),
        _ => Err(wrong(format!("`{value}` is no HTTP status, a number such as 503"))),
    }
}

fn states(filter: &mut Filter, states: Vec<State>) -> Result<(), Problem> {
    if !filter.states.is_empty() {
        let why = "`state` stands twice; any(state,[\"exhausted\",\"parked\"]) takes several";
        return Err(wrong(why));
    }
    filter.states = states;
    Ok(())
}

fn state(value: &str) -> Result<State, Problem> {
    let known = State::ALL.map(State::name).join(", ");
    let state = State::ALL.into_iter().find(|state| state.name() == value);
    state.ok_or_else(|| wrong(format!("no state `{value}`; there are {known}")))
}

fn list(value: &str) -> Result<Vec<State>, Problem> {
    let shape = || wrong("any(state,…) takes a list, as any(state,[\"exhausted\",\"parked\"])");
    let names: Vec<String> = serde_json::from_str(value).map_err(|_| shape())?;
    if names.is_empty() {
        return Err(shape());
    }
    let mut states = names.iter().map(|name| state(name)).collect::<Result<Vec<_>, _>>()?;
    states.sort_unstable();
    states.dedup();
    Ok(states)
}

fn created(so_far: Created, operator: &str, value: &str) -> Result<Created, Problem> {
    let narrow = match operator {
        "greater-than" => Created::after,
        "greater-or-equal" => Created::from,
        "less-than" => Created::before,
        "less-or-equal" => Created::until,
        _ => {
            return Err(wrong(format!("`{operator}(created_at,…)` is not known here; {KNOWN}")));
        }
    };
    let at = Timestamp::parse_rfc3339(value).ok_or_else(|| {
        wrong(format!("`{value}` is no moment (RFC 3339), such as 2026-09-04T13:38:55Z"))
    })?;
    Ok(narrow(so_far, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::Query;

    fn filter(text: &str) -> Result<Filter, Problem> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", text)
            .finish();
        read(&Query::parse(Some(&query), &["filter"]).unwrap().filter().unwrap())
    }

    #[test]
    fn terms_are_read() {
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        let (first, last) = ("2026-09-04T13:38:55Z", "2026-09-05T00:00:00+02:00");
        let read = filter(&format!(
            "equals(webhook_id,\"01M1PAC5N9PMXJ7672AC8B75VN\"),any(state,[\"parked\",\"exhausted\", \
             \"parked\"]),equals(status,503),greater-or-equal(created_at,{first}),\
             less-than(created_at,\"{last}\")"
        ));
        let read = read.unwrap();
        assert_eq!(read.webhook.unwrap().to_string(), "01M1PAC5N9PMXJ7672AC8B75VN");
        assert_eq!(read.states, [State::Exhausted, State::Parked]);
        assert_eq!(read.status, Some(503));
        assert_eq!(read.created, Created::default().from(at(first)).before(at(last)));
        assert_eq!(filter("equals(state,'delivered')").unwrap().states, [State::Delivered]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, told) in [
            ("equals(webhook_id,x)", "26 characters"),
            ("equals(event_id,x)", "11 characters"),
            ("equals(profile_id,'')", "26 characters"),
            ("equals(state,lost)", "scheduled, delivered, exhausted, cancelled, parked"),
            ("any(state,exhausted)", "takes a list"),
            ("any(state,[])", "takes a list"),
            ("any(state,[\"lost\"])", "no state `lost`"),
            ("equals(state,parked),equals(state,exhausted)", "`state` stands twice"),
            ("equals(status,503),equals(status,500)", "`status` stands twice"),
            ("equals(status,5xx)", "no HTTP status"),
            ("equals(status,99)", "no HTTP status"),
            ("greater-than(created_at,yesterday)", "RFC 3339"),
            ("equals(created_at,2026-09-04T13:38:55Z)", "`equals(created_at,…)` is not known"),
            ("contains(webhook_id,x)", "`contains(webhook_id,…)` is not known here; there are"),
            ("equals(topic,x)", "equals(profile_id,…)"),
        ] {
            let problem = format!("{:?}", filter(text).unwrap_err());
            assert!(problem.contains(told), "{text}: {problem}");
            assert!(problem.contains("(\"parameter\", \"filter\")"), "{problem}");
        }
    }
}
