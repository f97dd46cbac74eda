//! `profile-not-in-flow`: whether the person has not entered the flow before, or not lately. Of which
//! flow, the subject knows: it is the one whose filter this is.

use super::At;
use super::Subject;
use super::dates::DateTest;
use super::dates::Moment;
use super::metric::timeframe;
use super::standing::Standing;
use crate::json::Fault;
use crate::json::object::Object;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct NotInFlowTest {
    /// The time in which the person must not have entered: any time, or the last of it.
    timeframe: DateTest,
}

impl NotInFlowTest {
    pub(super) fn parse(object: &Object<'_>) -> Result<Self, Fault> {
        object.only(&["type", "timeframe_filter"])?;
        let timeframe = timeframe(object)?;
        if !matches!(timeframe, DateTest::AllTime | DateTest::InTheLast(_)) {
            let why = "must be `alltime` or `in-the-last`: it is about the last entry alone";
            return Err(Fault::new("/timeframe_filter/operator", why));
        }
        Ok(Self { timeframe })
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        match subject.entered_flow().and_then(Moment::of) {
            None => Standing::settled(true),
            Some(entered) => self.timeframe.stand(entered, at).negated(),
        }
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        let Some(entered) = subject.entered_flow() else {
            return "the person has not entered the flow before".to_owned();
        };
        let entered_at = format!("the person last entered the flow {}", entered.rfc3339_seconds());
        match self.timeframe {
            DateTest::InTheLast(_) if self.stand(subject, at).holds => {
                format!("{entered_at}, not {}", self.timeframe)
            }
            DateTest::InTheLast(_) => format!("{entered_at}, {}", self.timeframe),
            _ => entered_at,
        }
    }
}
