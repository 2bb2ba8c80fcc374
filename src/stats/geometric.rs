//! A mean of ratios.

use super::{Estimate, student_quantile};

/// Geometric mean of positive values that do not depend on each other, such as ratios of pairs that were measured in turns; in their
/// unit. Student's t on the logarithms (Student 1908, Biometrika 6, 1). O(n).
///
/// Unlike [`location`](fn@super::location) it looks for no memory in the values: of a handful there is no telling, and an interval that
/// allows for it says nothing. Stragglers move it. `None` under 2 values, or where one is not positive.
#[must_use]
pub fn geometric_mean(values: &[f64], level: f64) -> Option<Estimate> {
    let n = values.len();
    if n < 2 || !(level > 0.0 && level < 1.0) || values.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
        return None;
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let variance = logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / (n - 1) as f64;
    let half = student_quantile(0.5 + level / 2.0, (n - 1) as f64) * (variance / n as f64).sqrt();
    Some(Estimate {
        point: mean.exp(),
        lower: (mean - half).exp(),
        upper: (mean + half).exp(),
        level,
        n,
        method: "geometric mean, t on logarithms".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// SciPy 1: `m = log(v).mean(); h = t.ppf(.975, 6) * log(v).std(ddof=1) / sqrt(7)`; `exp` of `m`, `m - h`, `m + h`.
    #[test]
    fn as_scipy_has_it() {
        let e = geometric_mean(&[1.21, 1.35, 0.98, 1.10, 1.42, 1.18, 1.05], 0.95).expect("seven values");
        for (found, wanted) in
            [(e.point, 1.175_321_803_647_429_3), (e.lower, 1.039_396_875_528_481_7), (e.upper, 1.329_022_026_765_938_5)]
        {
            assert!((found - wanted).abs() < 1e-10, "{found} {wanted}");
        }
        assert_eq!(geometric_mean(&[1.0], 0.95), None);
        assert_eq!(geometric_mean(&[1.0, 0.0], 0.95), None);
        assert_eq!(geometric_mean(&[1.0, f64::NAN], 0.95), None);
    }

    proptest! {
        #[test]
        fn it_goes_with_the_unit_and_turns_over_with_the_ratio(
            values in proptest::collection::vec(0.01f64..100.0, 2..30), factor in 0.1f64..10.0,
        ) {
            let e = geometric_mean(&values, 0.9).expect("positive values");
            prop_assert!(e.lower <= e.point && e.point <= e.upper);
            let scaled: Vec<f64> = values.iter().map(|value| value * factor).collect();
            let s = geometric_mean(&scaled, 0.9).expect("positive values");
            prop_assert!((s.lower / e.lower / factor - 1.0).abs() < 1e-9 && (s.upper / e.upper / factor - 1.0).abs() < 1e-9);
            let turned: Vec<f64> = values.iter().map(|value| 1.0 / value).collect();
            let t = geometric_mean(&turned, 0.9).expect("positive values");
            prop_assert!((t.lower * e.upper - 1.0).abs() < 1e-9);
        }
    }
}
