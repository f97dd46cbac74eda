//! The part of a listing that is about who is held back: its filters and sorts, of all marketing by
//! e-mail and of single lists.
//!
//! The terms of a family are about one suppression: `equals(….reason,"HARD_BOUNCE")` with
//! `greater-than(….timestamp,…)` finds those who bounced since then, and nobody who bounced before
//! and was suppressed for something else since.

use super::list::{EVER, WHEN, narrow};
use crate::api::error::Problem;
use crate::api::query::{Known, Term};
use crate::consent::{Consents, Of, Reason, Wanted};
use crate::id::GroupId;

const EVERYTHING: &str = "subscriptions.email.marketing.suppression.";
const LISTS: &str = "subscriptions.email.marketing.list_suppressions.";

pub(super) const KNOWN: &Known<'_> = &[
    ("subscriptions.email.marketing.suppression.reason", &["equals"]),
    ("subscriptions.email.marketing.suppression.timestamp", WHEN),
    ("subscriptions.email.marketing.list_suppressions.reason", &["equals"]),
    ("subscriptions.email.marketing.list_suppressions.timestamp", WHEN),
    ("subscriptions.email.marketing.list_suppressions.list_id", &["equals"]),
];

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// All marketing by e-mail.
    Everything,
    /// That of single lists.
    Lists,
}

impl Family {
    pub(super) const ALL: [Self; 2] = [Self::Everything, Self::Lists];

    /// The sort by since when.
    pub(super) const fn sort(self) -> &'static str {
        match self {
            Self::Everything => "subscriptions.email.marketing.suppression.timestamp",
            Self::Lists => "subscriptions.email.marketing.list_suppressions.timestamp",
        }
    }

    /// The name that its cursors begin with.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Everything => "suppression",
            Self::Lists => "list_suppressions",
        }
    }
}

/// What the terms of one family ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    /// Whether there are any; where there are none, everybody fits.
    pub(super) is_any: bool,
    /// Whether no suppression can be all that is asked for.
    pub(super) is_nobody: bool,
}

impl Asked {
    const fn nothing(of: Of) -> Self {
        let wanted = Wanted { of, reason: None, within: EVER };
        Self { wanted, is_any: false, is_nobody: false }
    }

    fn take(&mut self, part: &str, term: &Term) -> Result<(), Problem> {
        self.is_any = true;
        match part {
            "reason" => {
                let reason = reason(term.text()?)?;
                let is_other = self.wanted.reason.replace(reason).is_some_and(|of| of != reason);
                self.is_nobody |= is_other;
            }
            "timestamp" => narrow(&mut self.wanted.within, &term.operator, term.moment()?),
            _ => match term.text()?.parse::<GroupId>() {
                Ok(list) => {
                    let before = std::mem::replace(&mut self.wanted.of, Of::List(list));
                    self.is_nobody |= matches!(before, Of::List(of) if of != list);
                }
                // What is no id is no list's.
                Err(_) => self.is_nobody = true,
            },
        }
        Ok(())
    }

    fn fits(&self, consents: &Consents) -> bool {
        !self.is_any || (!self.is_nobody && self.wanted.fits(consents))
    }
}

/// What a listing asks of both families.
#[derive(Clone, Copy, Debug)]
pub(super) struct Both {
    everything: Asked,
    lists: Asked,
}

impl Default for Both {
    fn default() -> Self {
        Self { everything: Asked::nothing(Of::Everything), lists: Asked::nothing(Of::AnyList) }
    }
}

impl Both {
    /// Takes a term; whether it is one of these.
    ///
    /// # Errors
    /// Where its value is none of its field's.
    pub(super) fn take(&mut self, term: &Term) -> Result<bool, Problem> {
        if let Some(part) = term.field.strip_prefix(EVERYTHING) {
            self.everything.take(part, term)?;
        } else if let Some(part) = term.field.strip_prefix(LISTS) {
            self.lists.take(part, term)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) const fn of(&self, family: Family) -> &Asked {
        match family {
            Family::Everything => &self.everything,
            Family::Lists => &self.lists,
        }
    }

    /// The first family that is asked about.
    pub(super) fn first(&self) -> Option<Family> {
        Family::ALL.into_iter().find(|family| self.of(*family).is_any)
    }

    /// Whether nobody can be what is asked for.
    pub(super) fn is_nobody(&self) -> bool {
        Family::ALL.into_iter().any(|family| self.of(family).is_nobody)
    }

    /// Whether a person is all that is asked for.
    pub(super) fn fits(&self, consents: &Consents) -> bool {
        Family::ALL.into_iter().all(|family| self.of(family).fits(consents))
    }
}

fn reason(name: &str) -> Result<Reason, Problem> {
    Reason::of_name(name).ok_or_else(|| {
        let known = Reason::ALL.map(Reason::name).join(", ");
        Problem::parameter("filter", format!("no reason `{name}`; there are {known}"))
    })
}
