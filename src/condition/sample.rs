//! `profile-sample`: a share of the runs of a flow, by chance that can be repeated.
//!
//! The draw is a hash of the run's seed and of the condition's own place in its filter, so that an
//! evaluation which is repeated after a crash or shown in an explanation says the same, and two
//! conditions of one filter are independent of each other. Nothing outside a flow has a seed; there
//! it never holds.

use xxhash_rust::xxh3::xxh3_64;

use super::Subject;
use crate::json::Fault;
use crate::json::object::Object;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct SampleTest {
    percentage: i64,
    /// The group in the filter, and the condition in the group.
    place: [usize; 2],
}

impl SampleTest {
    pub(super) fn parse(object: &Object<'_>, place: [usize; 2]) -> Result<Self, Fault> {
        object.only(&["type", "percentage"])?;
        Ok(Self { percentage: object.integer("percentage", 0, 100)?, place })
    }

    pub(super) fn holds(&self, subject: &dyn Subject) -> bool {
        self.drawn(subject).is_some_and(|drawn| drawn < self.percentage)
    }

    /// A number from 0 to 99 for the run; each comes equally often.
    fn drawn(&self, subject: &dyn Subject) -> Option<i64> {
        let mut input = subject.sample_seed()?.to_le_bytes().to_vec();
        self.place.iter().for_each(|number| input.extend((*number as u64).to_le_bytes()));
        // The upper half of the product spreads 2^64 hashes evenly over a hundred.
        Some(((u128::from(xxh3_64(&input)) * 100) >> 64) as i64)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject) -> String {
        let percentage = self.percentage;
        match self.drawn(subject) {
            None => "there is no run of a flow to draw a sample from".to_owned(),
            Some(drawn) => {
                let sense = if drawn < percentage { "" } else { "not " };
                let drawn = drawn + 1;
                format!("the run drew {drawn} of 100, {sense}one of the first {percentage}")
            }
        }
    }
}
