//! The knee of a curve: the first value that is as good as the best, as far as that can be told.

use super::Estimate;

/// Within this share of the best a value is as good.
const AS_GOOD: f64 = 0.02;
/// However little can be told apart, one that is a fifth worse is worse.
const MOST_AS_GOOD: f64 = 0.2;

/// The share of the best within which a value is as good, where those values are off by the error's point.
#[must_use]
pub fn as_good(error: Option<&Estimate>) -> f64 {
    error.map_or(AS_GOOD, |error| error.point.clamp(AS_GOOD, MOST_AS_GOOD))
}

/// The place of the first of positive values that is within that share of the least.
#[must_use]
pub fn knee(values: &[f64], as_good: f64) -> Option<usize> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    values.iter().position(|value| *value <= least * (1.0 + as_good))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_as_good_as_the_best() {
        let error = |point| Estimate { point, lower: 0.0, upper: 1.0, level: 0.95, n: 9, method: "m".into() };
        let curve = [200.0, 130.0, 110.0, 101.0, 100.0];
        let at = |of: Option<f64>| knee(&curve, as_good(of.map(error).as_ref()));
        assert_eq!([None, Some(0.0), Some(0.11), Some(9.0)].map(at), [Some(3), Some(3), Some(2), Some(2)]);
        assert_eq!((knee(&[], 0.1), knee(&[f64::INFINITY, 5.0], 0.1)), (None, Some(1)));
    }
}
