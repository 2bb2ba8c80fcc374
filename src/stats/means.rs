//! Differences of plain means, where parts must sum to the whole: a robust location does not add up.

use super::{Estimate, Gap, Level, ar1_residual, effective_sample_size};

/// Sums that run side by side.
const LANES: usize = 8;

/// Arithmetic mean; in the unit of the values. O(n), summed in eight parts, which is quicker than one after the other and rounds less.
/// NaN for no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    (sums.iter().sum::<f64>() + rest.iter().sum::<f64>()) / values.len() as f64
}

/// Sum of products of pairs, in eight parts. O(n).
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, rest), (b, other)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + rest.iter().zip(other).map(|(a, b)| a * b).sum::<f64>()
}

/// Mean of `after` minus mean of `before`; in the unit of the values, each side in order of time. O(n).
///
/// Welch 1947, Biometrika 34, 28, with AR(1) effective sample sizes. A straggler moves it: that is the price of adding up.
/// `None` where a side has fewer than 2 values.
#[must_use]
pub fn plain_mean_difference(before: &[f64], after: &[f64], level: f64) -> Option<Estimate> {
    let gap = plain_gap(before, after)?;
    let (lower, upper) = if gap.standard_error > 0.0 { gap.interval(level)? } else { (gap.point, gap.point) };
    Some(Estimate {
        point: gap.point,
        lower,
        upper,
        level,
        n: before.len() + after.len(),
        method: "difference of plain means, Welch t, AR(1) effective n".into(),
    })
}

/// What [`plain_mean_difference`] rests on. `None` as there.
#[must_use]
pub fn plain_gap(before: &[f64], after: &[f64]) -> Option<Gap> {
    let level = |m: Moments, n: usize| Level { mean: m.mean, variance: m.variance, df: (m.n - 1.0).max(1.0), n };
    let gap = Gap::between(&level(moments(before)?, before.len()), &level(moments(after)?, after.len()));
    Some(Gap { df: gap.df.max(1.0), ..gap })
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
