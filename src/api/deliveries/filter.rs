//! The `filter` of a listing of deliveries, read term by term; what can not be is refused with
//! what would be right.

use std::fmt::Display;
use std::str::FromStr;

use crate::api::error::Problem;
use crate::api::query::{Known, Term};
use crate::clock::Timestamp;
use crate::delivery::{Created, Filter, State};
use crate::id::WebhookId;

/// By whom something was sent.
pub(super) const SENDERS: [(&str, &[&str]); 2] =
    [("webhook_id", &["equals"]), ("flow_action_id", &["equals"])];

/// What a listing can be filtered by.
pub(super) const KNOWN: &Known<'_> = &[
    SENDERS[0],
    SENDERS[1],
    ("event_id", &["equals"]),
    ("profile_id", &["equals"]),
    ("state", &["equals", "any"]),
    ("status", &["equals"]),
    ("created_at", &["greater-than", "greater-or-equal", "less-than", "less-or-equal"]),
];

/// Reads the terms, all of which are to hold.
pub(super) fn read(terms: &[Term]) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    for term in terms {
        let field = term.field.as_str();
        match field {
            "webhook_id" | "flow_action_id" => once(&mut filter.webhook, field, sender(term)?)?,
            "event_id" => once(&mut filter.event, field, id(term.text()?)?)?,
            "profile_id" => once(&mut filter.profile, field, id(term.text()?)?)?,
            "status" => once(&mut filter.status, field, status(term.text()?)?)?,
            "state" => states(&mut filter, term)?,
            _ => filter.created = created(filter.created, &term.operator, term.moment()?),
        }
    }
    Ok(filter)
}

/// The webhook of a term about the sender: a subscription's, or that of a flow's action. An action
/// is named by its own id alone.
pub(super) fn sender(term: &Term) -> Result<WebhookId, Problem> {
    let value = term.text()?;
    if term.field == "flow_action_id" {
        return id(value).map(WebhookId::of_action);
    }
    let webhook: WebhookId = id(value)?;
    match webhook.action() {
        None => Ok(webhook),
        Some(_) => Err(wrong(format!(
            "`{value}` is the id of no webhook; what a flow sends is found by `flow_action_id`"
        ))),
    }
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

fn states(filter: &mut Filter, term: &Term) -> Result<(), Problem> {
    if !filter.states.is_empty() {
        let why = "`state` stands twice; any(state,[\"exhausted\",\"parked\"]) takes several";
        return Err(wrong(why));
    }
    let mut states = term.texts()?.into_iter().map(state).collect::<Result<Vec<_>, _>>()?;
    states.sort_unstable();
    states.dedup();
    filter.states = states;
    Ok(())
}

fn state(value: &str) -> Result<State, Problem> {
    let known = State::ALL.map(State::name).join(", ");
    let state = State::ALL.into_iter().find(|state| state.name() == value);
    state.ok_or_else(|| wrong(format!("no state `{value}`; there are {known}")))
}

fn created(so_far: Created, operator: &str, at: Timestamp) -> Created {
    let narrow = match operator {
        "greater-than" => Created::after,
        "greater-or-equal" => Created::from,
        "less-than" => Created::before,
        _ => Created::until,
    };
    narrow(so_far, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::Query;

    fn filter(text: &str) -> Result<Filter, Problem> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", text)
            .finish();
        read(&Query::parse(Some(&query), &["filter"]).unwrap().filter(KNOWN)?)
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
        let action = filter("equals(flow_action_id,'116466133')").unwrap().webhook.unwrap();
        assert_eq!(action.action().unwrap().as_u64(), 116_466_133);
        assert_eq!(filter("equals(state,'delivered')").unwrap().states, [State::Delivered]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (text, told) in [
            ("equals(webhook_id,x)", "26 characters"),
            ("equals(event_id,x)", "11 characters"),
            ("equals(profile_id,'')", "26 characters"),
            ("equals(state,lost)", "scheduled, delivered, exhausted, cancelled, parked"),
            ("any(state,[])", "takes a list"),
            ("any(state,[\"lost\"])", "no state `lost`"),
            ("equals(state,parked),equals(state,exhausted)", "`state` stands twice"),
            ("equals(status,503),equals(status,500)", "`status` stands twice"),
            ("equals(status,5xx)", "no HTTP status"),
            ("equals(status,99)", "no HTTP status"),
            ("greater-than(created_at,yesterday)", "RFC 3339"),
            ("equals(created_at,2026-09-04T13:38:55Z)", "for `created_at` there are greater-than"),
            ("contains(webhook_id,x)", "for `webhook_id` there is equals"),
            ("equals(webhook_id,00000000000000000000003F2K)", "found by `flow_action_id`"),
            ("equals(flow_action_id,x)", "a decimal number"),
            (
                "equals(flow_action_id,'7'),equals(webhook_id,\"01M1PAC5N9PMXJ7672AC8B75VN\")",
                "`webhook_id` stands twice",
            ),
            ("equals(topic,x)", "profile_id, state, status"),
        ] {
            let problem = format!("{:?}", filter(text).unwrap_err());
            assert!(problem.contains(told), "{text}: {problem}");
            assert!(problem.contains("(\"parameter\", \"filter\")"), "{problem}");
        }
    }
}
