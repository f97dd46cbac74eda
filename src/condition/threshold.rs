//! What a count or a sum has to be: a `numeric` operator about a number in millionths.
//!
//! Sums are added up in millionths, as integers: exactly, in whatever order, so that an event that
//! leaves takes away just what it brought, and three times 9.99 is 29.97.

use super::numbers::Comparison;
use super::numbers::Number;
use super::numbers::NumberTest;

/// One, in millionths.
pub(super) const MILLION: i128 = 1_000_000;
/// No single number counts for more, so that no sum of events overflows.
const MOST: f64 = 1e30;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Threshold {
    pub(super) negated: bool,
    pub(super) test: NumberTest,
}

impl Threshold {
    /// Whether a total in millionths is allowed.
    pub(super) fn allows(&self, total: i128) -> bool {
        self.is_met(total) != self.negated
    }

    /// Whether a total in millionths meets the positive operator.
    pub(super) fn is_met(&self, total: i128) -> bool {
        match self.test {
            NumberTest::Compare(comparison, with) => comparison.allows(total.cmp(&of(with))),
            NumberTest::Between(start, end) => (of(start)..=of(end)).contains(&total),
        }
    }

    /// The count from which on every larger one gives the same answer.
    pub(super) fn settling_count(&self) -> u64 {
        let above = |number| of(number).div_euclid(MILLION) + 1;
        let count = match self.test {
            NumberTest::Compare(Comparison::GreaterOrEqual | Comparison::Less, with) => {
                (of(with) + MILLION - 1).div_euclid(MILLION)
            }
            NumberTest::Compare(_, with) => above(with),
            NumberTest::Between(_, end) => above(end),
        };
        u64::try_from(count.max(0)).unwrap_or(u64::MAX)
    }
}

/// A number of the filter in millionths.
fn of(number: Number) -> i128 {
    match number {
        Number::Whole(whole) => whole.saturating_mul(MILLION),
        Number::Float(float) => millionths(float),
    }
}

/// A number in millionths, the nearest one.
pub(super) fn millionths(number: f64) -> i128 {
    // The cast takes what is no number as zero.
    (number * 1e6).clamp(-MOST, MOST).round() as i128
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    const COMPARISONS: [Comparison; 5] = [
        Comparison::Equal,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ];

    #[test]
    fn from_the_settling_count_on_the_answer_is_one() {
        for whole in [-2_i128, -1, 0, 1, 2, 5] {
            for with in [Number::Whole(whole), Number::Float(whole as f64 + 0.5)] {
                let compared = COMPARISONS.map(|comparison| NumberTest::Compare(comparison, with));
                let between = NumberTest::Between(Number::Whole(-9), with);
                for test in compared.into_iter().chain(once(between)) {
                    let threshold = Threshold { negated: false, test };
                    let allows = |count: u64| threshold.allows(i128::from(count) * MILLION);
                    let settled = threshold.settling_count();
                    assert!((settled..20).all(|count| allows(count) == allows(99)), "{test:?}");
                    let is_tight = settled == 0 || allows(settled - 1) != allows(settled);
                    let is_fraction = matches!(with, Number::Float(_));
                    assert!(is_tight || is_fraction, "{test:?}: {settled}");
                }
            }
        }
    }

    #[test]
    fn sums_are_exact_to_the_sixth_digit() {
        assert_eq!(3 * millionths(9.99), millionths(29.97));
        assert_eq!(millionths(0.1) + millionths(0.2), millionths(0.3));
        assert_eq!(millionths(-1.0000015), -1_000_002);
        assert_eq!(millionths(f64::NAN), 0);
        assert!(millionths(f64::MAX).checked_mul(100_000_000).is_some());
    }
}
