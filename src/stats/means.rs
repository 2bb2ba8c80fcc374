//! Differences of plain means, where parts must sum to the whole: a robust location does not add up.

use super::distributions::t_reach;
use super::{Estimate, ar1_residual, effective_sample_size};

/// Mean of `after` minus mean of `before`; in the unit of the values, each side in order of time. O(n).
///
/// Welch 1947, Biometrika 34, 28, with AR(1) effective sample sizes. A straggler moves it: that is the price of adding up.
/// `None` where a side has fewer than 2 values.
#[must_use]
pub fn plain_mean_difference(before: &[f64], after: &[f64], level: f64) -> Option<Estimate> {
    let (a, b) = (moments(before)?, moments(after)?);
    let variance = a.variance + b.variance;
    let df = if variance > 0.0 {
        variance.powi(2) / (a.variance.powi(2) / (a.n - 1.0).max(1.0) + b.variance.powi(2) / (b.n - 1.0).max(1.0))
    } else {
        1.0
    };
    let half = if variance > 0.0 { t_reach(level, df.max(1.0))? * variance.sqrt() } else { 0.0 };
    let point = b.mean - a.mean;
    Some(Estimate {
        point,
        lower: point - half,
        upper: point + half,
        level,
        n: before.len() + after.len(),
        method: "difference of plain means, Welch t, AR(1) effective n".into(),
    })
}

struct Moments {
    mean: f64,
    /// Of the mean.
    variance: f64,
    n: f64,
}

fn moments(values: &[f64]) -> Option<Moments> {
    if values.len() < 2 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let residuals: Vec<f64> = values.iter().map(|v| v - mean).collect();
    let variance = residuals.iter().map(|r| r * r).sum::<f64>() / (n - 1.0);
    let effective = effective_sample_size(values.len(), ar1_residual(&residuals).max(0.0)).clamp(1.0, n);
    Some(Moments { mean, variance: variance / effective, n: effective })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_is_the_plain_difference() {
        let found = plain_mean_difference(&[1.0, 2.0, 3.0], &[5.0, 6.0, 10.0], 0.95).expect("enough");
        assert!((found.point - 5.0).abs() < 1e-12);
        assert!(found.lower < 5.0 && found.upper > 5.0);
    }

    #[test]
    fn constants_have_no_width_and_one_value_says_nothing() {
        let found = plain_mean_difference(&[1.0, 1.0], &[4.0, 4.0], 0.95).expect("enough");
        assert_eq!((found.lower, found.upper), (3.0, 3.0));
        assert_eq!(plain_mean_difference(&[1.0], &[4.0, 4.0], 0.95), None);
    }
}
