//! Ratios of plain means and of medians of positive values, beside the robust [`ratio`](super::ratio): a heavier tail moves
//! the mean alone, and what is paid for is the mean.

use statrs::function::gamma::ln_gamma;

use super::distributions::{normal_cdf, normal_quantile, t_reach, t_two_sided};
use super::estimate::Estimate;
use super::location::winsorise;
use super::sample::{Sample, WINSOR_K, pooled_phi};

/// A ratio with the p-value of its being one.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// After divided by before.
    pub estimate: Estimate,
    /// Two-sided p-value of no change, from the same statistic.
    pub p_value: f64,
}

/// Mean of `after` divided by mean of `before`, positive values in order of time; no unit. O(n).
///
/// Delta method on the log of each mean (its variance is that of the mean over the mean squared, Cramér 1946), Welch's t
/// (1947, Biometrika 34, 28), and as many independent observations as an AR(1) of the logs leaves. Honest for tails that
/// the samples show; a straggler that neither sample holds is in no interval. `None` under 3 values a side, or values
/// that are not above 0.
#[must_use]
pub fn ratio_of_means(before: &[f64], after: &[f64], level: f64) -> Option<Ratio> {
    let phi = memory(before, after)?;
    let inflation = (1.0 + phi) / (1.0 - phi);
    let side = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)
        };
        // Stragglers come alone: only what is left without them has a memory.
        let all = squares(values);
        let core = squares(&winsorise(values, WINSOR_K)).min(all);
        Side { log: mean.ln(), variance: (core * inflation + all - core) / (n * mean * mean), n }
    };
    between(&side(before), &side(after), inflation, level, "ratio of means, delta method on logs, AR(1) effective n")
}

/// Median of `after` divided by median of `before`, positive values in order of time; no unit. O(n log n).
///
/// Price & Bonett 2002, Journal of Statistical Computation and Simulation 72, 119: the variance of each log median from two
/// order statistics about it, whose binomial coverage says how far apart they are; distribution-free. Student's t and the
/// memory that the signs of an AR(1) have instead of independence. `None` as in [`ratio_of_means`].
#[must_use]
pub fn ratio_of_medians(before: &[f64], after: &[f64], level: f64) -> Option<Ratio> {
    let inflation = sign_inflation(memory(before, after)?);
    let side = |values: &[f64]| {
        let mut logs: Vec<f64> = values.iter().map(|v| v.ln()).collect();
        logs.sort_by(f64::total_cmp);
        let (log, variance) = log_median(&logs);
        Side { log, variance: variance * inflation, n: values.len() as f64 }
    };
    between(
        &side(before),
        &side(after),
        inflation,
        level,
        "ratio of medians, Price-Bonett order statistics, AR(1) effective n",
    )
}

/// One side on the scale of logs.
struct Side {
    log: f64,
    variance: f64,
    n: f64,
}

fn between(before: &Side, after: &Side, inflation: f64, level: f64, method: &'static str) -> Option<Ratio> {
    let variance = before.variance + after.variance;
    let point = after.log - before.log;
    // A variance of autocorrelated values rests on fewer of them, as everywhere on this floor.
    let own = |side: &Side| (side.n / inflation.sqrt() - 1.0).max(1.0);
    let parts = before.variance.powi(2) / own(before) + after.variance.powi(2) / own(after);
    let df = if parts > 0.0 { variance.powi(2) / parts } else { own(before).min(own(after)) };
    let reach = if variance > 0.0 { t_reach(level, df)? * variance.sqrt() } else { 0.0 };
    let n = (before.n + after.n) as usize;
    let logs = Estimate { point, lower: point - reach, upper: point + reach, level, n, method: method.into() };
    let p_value = if point == 0.0 { 1.0 } else { t_two_sided(point / variance.sqrt(), df) };
    logs.map(f64::exp).point.is_finite().then(|| Ratio { estimate: logs.map(f64::exp), p_value })
}

/// Autocorrelation of the logs of both sides. `None` where they have none.
fn memory(before: &[f64], after: &[f64]) -> Option<f64> {
    let usable = |v: &[f64]| v.len() >= 3 && v.iter().all(|v| v.is_finite() && *v > 0.0);
    if !usable(before) || !usable(after) {
        return None;
    }
    let logs = |v: &[f64]| Sample::new(&v.iter().map(|v| v.ln()).collect::<Vec<f64>>(), None);
    Some(pooled_phi(&[&logs(before)?, &logs(after)?]))
}

/// By how much an AR(1) inflates the variance of a median, which hears of each value only its side: normal values whose
/// correlation is r have signs whose correlation is 2/π asin r (Sheppard 1899).
fn sign_inflation(phi: f64) -> f64 {
    let mut power = phi;
    let mut sum = 1.0;
    while power > 1e-4 {
        sum += 2.0 * std::f64::consts::FRAC_2_PI * power.asin();
        power *= phi;
    }
    sum
}

/// Median of sorted values and its variance.
fn log_median(sorted: &[f64]) -> (f64, f64) {
    let n = sorted.len();
    let median = 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
    let size = n as f64;
    // Rank about one standard deviation of the binomial below the middle, the choice of Price & Bonett.
    let rank = ((size + 1.0) / 2.0 - size.sqrt()).round().clamp(1.0, (size / 2.0).floor().max(1.0)) as usize;
    let outside = binomial_half_below(n, rank);
    // Probability that the median lies beyond either order statistic, as a normal deviate.
    let deviate = if outside < 0.5 { -normal_quantile(outside) } else { normal_quantile(normal_cdf(1.0)) };
    let width = sorted[n - rank] - sorted[rank - 1];
    (median, (width / (2.0 * deviate)).powi(2))
}

/// Probability that fewer than `rank` of `n` values lie below the true median.
fn binomial_half_below(n: usize, rank: usize) -> f64 {
    let n = n as f64;
    let log_choose = |k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (0..rank).map(|k| (log_choose(k as f64) - n * std::f64::consts::LN_2).exp()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};
    use proptest::prelude::*;

    const X: [f64; 10] = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4];
    const Y: [f64; 7] = [5.2, 7.7, 6.1, 4.9, 8.8, 6.6, 30.0];

    #[test]
    fn points_are_plain_ratios() {
        let mean = ratio_of_means(&X, &Y, 0.95).expect("enough values").estimate;
        assert!((mean.point - (69.3 / 7.0) / 6.49).abs() < 1e-12);
        let median = ratio_of_medians(&X, &Y, 0.95).expect("enough values").estimate;
        assert!((median.point - 6.6 / (4.4_f64 * 4.7).sqrt()).abs() < 1e-12);
        assert_eq!(ratio_of_means(&[1.0, 2.0], &Y, 0.95), None);
        assert_eq!(ratio_of_medians(&[0.0, 1.0, 2.0], &Y, 0.95), None);
    }

    #[test]
    fn the_median_of_ten_has_the_variance_of_price_and_bonett() {
        // n = 10: ranks 2 and 9, outside = (1 + 10) / 1024; tests/reference/stats_reference.py, section ratios.
        assert!((binomial_half_below(10, 2) - 11.0 / 1024.0).abs() < 1e-12);
        let mut logs: Vec<f64> = X.iter().map(|v| v.ln()).collect();
        logs.sort_by(f64::total_cmp);
        let (median, variance) = log_median(&logs);
        assert!((median - 0.5 * (4.4_f64.ln() + 4.7_f64.ln())).abs() < 1e-12);
        assert!((variance - 0.060_417_050_086_7).abs() < 1e-10, "{variance}");
    }

    #[test]
    fn a_heavier_tail_moves_the_mean_alone() {
        let y: Vec<f64> = series(3, 200, Noise::Ar(0.0)).iter().map(|v| (0.2 * v).exp()).collect();
        let tail: Vec<f64> = series(4, 200, Noise::Ar(0.0))
            .iter()
            .enumerate()
            .map(|(i, v)| (0.2 * v).exp() * if i % 8 == 0 { 4.0 } else { 1.0 })
            .collect();
        let (mean, median) = (ratio_of_means(&y, &tail, 0.95), ratio_of_medians(&y, &tail, 0.95));
        assert!(mean.is_some_and(|m| m.estimate.lower > 1.1 && m.p_value < 1e-3));
        assert!(median.is_some_and(|m| m.estimate.upper < 1.2 && m.estimate.lower > 0.9));
    }

    #[test]
    fn intervals_cover() {
        for phi in [0.0, 0.5] {
            for n in [12, 60] {
                let (mut mean, mut median) = (0, 0);
                for seed in 0..300 {
                    let side = |seed, by: f64| {
                        series(seed, n, Noise::Ar(phi)).iter().map(|v| by * (0.3 * v).exp()).collect::<Vec<f64>>()
                    };
                    let (a, b) = (side(seed, 1.0), side(seed + 7_000, 1.3));
                    let holds = |r: Option<Ratio>| usize::from(r.is_some_and(|r| r.estimate.contains(1.3)));
                    mean += holds(ratio_of_means(&a, &b, 0.95));
                    median += holds(ratio_of_medians(&a, &b, 0.95));
                }
                assert!(mean >= 276 && median >= 276, "phi {phi} n {n}: mean {mean}, median {median} of 300");
            }
        }
    }

    proptest! {
        #[test]
        fn a_common_factor_cancels(
            a in prop::collection::vec(0.1..9.0f64, 3..30),
            b in prop::collection::vec(0.1..9.0f64, 3..30),
            by in 0.01..100.0f64,
        ) {
            let scaled = |v: &[f64]| v.iter().map(|v| by * v).collect::<Vec<f64>>();
            for f in [ratio_of_means, ratio_of_medians] {
                let (one, two) = (f(&a, &b, 0.9).expect("values"), f(&scaled(&a), &scaled(&b), 0.9).expect("values"));
                prop_assert!((one.estimate.point / two.estimate.point - 1.0).abs() < 1e-9);
                prop_assert!((one.p_value - two.p_value).abs() < 1e-6);
                prop_assert!(one.estimate.lower <= one.estimate.point && one.estimate.point <= one.estimate.upper);
            }
        }
    }
}
