//! What the filters of flows, their actions and their messages share.

use crate::api::error::Problem;
use crate::api::query::Term;
use crate::clock::Timestamp;

/// The operators of a name.
pub(super) const TEXTS: &[&str] = &["contains", "ends-with", "equals", "starts-with"];
/// The operators of a moment.
pub(super) const MOMENTS: &[&str] =
    &["equals", "greater-or-equal", "greater-than", "less-or-equal", "less-than"];

/// Whether a term about a text holds.
pub(super) fn text(found: &str, term: &Term) -> Result<bool, Problem> {
    let given = term.text()?;
    Ok(match term.operator.as_str() {
        "contains" => found.contains(given),
        "ends-with" => found.ends_with(given),
        "starts-with" => found.starts_with(given),
        _ => found == given,
    })
}

/// Whether a term about a moment holds. Whole seconds are shown, so whole seconds are compared.
pub(super) fn moment(found: Timestamp, term: &Term) -> Result<bool, Problem> {
    let (found, given) = (found.seconds(), term.moment()?.seconds());
    Ok(match term.operator.as_str() {
        "greater-than" => found > given,
        "greater-or-equal" => found >= given,
        "less-than" => found < given,
        "less-or-equal" => found <= given,
        _ => found == given,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::query::parse_filter;

    fn term(text: &str) -> Term {
        parse_filter(text).unwrap().remove(0)
    }

    #[test]
    fn texts_are_compared_in_four_ways() {
        for (filter, holds) in [
            ("equals(name,'Welcome')", true),
            ("equals(name,'welcome')", false),
            ("contains(name,'com')", true),
            ("contains(name,'bye')", false),
            ("starts-with(name,'Wel')", true),
            ("starts-with(name,'come')", false),
            ("ends-with(name,'come')", true),
            ("ends-with(name,'Wel')", false),
        ] {
            assert_eq!(text("Welcome", &term(filter)).unwrap(), holds, "{filter}");
        }
    }

    #[test]
    fn moments_are_compared_as_they_are_shown() {
        let at = Timestamp::parse_rfc3339("2026-09-04T13:38:55.900Z").unwrap();
        for (operator, of_same, of_next) in [
            ("equals", true, false),
            ("greater-than", false, false),
            ("greater-or-equal", true, false),
            ("less-than", false, true),
            ("less-or-equal", true, true),
        ] {
            let holds = |second: u8| {
                let filter = format!("{operator}(created,2026-09-04T13:38:{second}Z)");
                moment(at, &term(&filter)).unwrap()
            };
            assert_eq!((holds(55), holds(56)), (of_same, of_next), "{operator}");
        }
        assert!(moment(at, &term("equals(created,soon)")).is_err());
    }
}
