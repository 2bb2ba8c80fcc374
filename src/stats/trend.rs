//! Slow creep: a slope that holds over the whole series, told apart from autocorrelated wandering.

use super::autocorrelation::{ar1_of_segments, clamp_phi};
use super::distributions::{normal_quantile, normal_two_sided};
use super::estimate::Estimate;
use super::location::{median, median_in_place};

/// Points that are compared pairwise, at most; longer series are thinned to medians of neighbouring points.
pub const MAX_TREND_POINTS: usize = 2000;

/// Slope as the median of the slopes of all pairs; unit of the values per unit of the times, times in any order.
///
/// Theil 1950, Sen 1968 (JASA 63, 1379) with Sen's interval from the variance of Kendall's S, which is inflated for
/// AR(1) residuals as in [`trend_p_value`]. Up to 29 % of wild values do no harm. O(n²), at most 2 million pairs:
/// series beyond [`MAX_TREND_POINTS`] become medians of blocks. `None` under 4 points, for one single time, or lengths
/// that differ.
#[must_use]
pub fn theil_sen(times: &[f64], values: &[f64], level: f64) -> Option<Estimate> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let points = Points::new(times, values)?;
    let mut slopes = points.slopes();
    let last = slopes.len().checked_sub(1)?;
    let slope = median_in_place(&mut slopes)?;
    let reach = normal_quantile(0.5 + 0.5 * level) * points.variance_of_s(slope).sqrt();
    let mut at = |rank: f64| *slopes.select_nth_unstable_by(rank.clamp(0.0, last as f64) as usize, f64::total_cmp).1;
    let pairs = (last + 1) as f64;
    let (lower, upper) = (at(((pairs - reach) / 2.0).floor() - 1.0), at(((pairs + reach) / 2.0).ceil()));
    let method = "Theil-Sen slope, Sen interval with AR(1) variance".into();
    Some(Estimate { point: slope, lower: lower.min(slope), upper: upper.max(slope), level, n: values.len(), method })
}

/// Two-sided p-value of no monotone trend; no unit.
///
/// Mann 1945, Kendall 1975, with the variance of S for autocorrelated data by Hamed & Rao 1998, Journal of Hydrology
/// 204, 182, its rank autocorrelations taken from an AR(1) around the Theil-Sen line (corrected for bias and raised by
/// one standard error) instead of being estimated lag by lag. O(n²), thinned as [`theil_sen`]. `None` as there.
#[must_use]
pub fn trend_p_value(times: &[f64], values: &[f64]) -> Option<f64> {
    let points = Points::new(times, values)?;
    let slope = median_in_place(&mut points.slopes())?;
    let s = points.kendall_s();
    let variance = points.variance_of_s(slope);
    if variance <= 0.0 {
        return Some(1.0);
    }
    Some(normal_two_sided((s.abs() - 1.0).max(0.0) / variance.sqrt()))
}

/// Pairs in order of time.
struct Points(Vec<(f64, f64)>);

impl Points {
    fn new(times: &[f64], values: &[f64]) -> Option<Self> {
        if times.len() != values.len() {
            return None;
        }
        let mut points: Vec<(f64, f64)> =
            times.iter().copied().zip(values.iter().copied()).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let block = points.len().div_ceil(MAX_TREND_POINTS);
        if block > 1 {
            let middle = |part: &[(f64, f64)]| {
                let (t, v): (Vec<f64>, Vec<f64>) = part.iter().copied().unzip();
                Some((median(&t)?, median(&v)?))
            };
            points = points.chunks(block).filter_map(middle).collect();
        }
        (points.len() >= 4 && points.first()?.0 < points.last()?.0).then_some(Self(points))
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().enumerate().flat_map(|(i, a)| self.0[i + 1..].iter().map(move |b| (b.0 - a.0, b.1 - a.1)))
    }

    fn slopes(&self) -> Vec<f64> {
        self.pairs().filter(|d| d.0 > 0.0).map(|d| d.1 / d.0).collect()
    }

    fn kendall_s(&self) -> f64 {
        let sign = |x: f64| f64::from(i8::from(x > 0.0) - i8::from(x < 0.0));
        self.pairs().map(|(t, v)| sign(t) * sign(v)).sum()
    }

    /// Variance of S without trend, for ties in the values and AR(1) around the line of the given slope.
    fn variance_of_s(&self, slope: f64) -> f64 {
        let n = self.0.len() as f64;
        let spread = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
        let mut sorted: Vec<f64> = self.0.iter().map(|p| p.1).collect();
        sorted.sort_by(f64::total_cmp);
        let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|tied| spread(tied.len() as f64)).sum();
        let residuals: Vec<f64> = self.0.iter().map(|(t, v)| v - slope * (t - self.0[0].0)).collect();
        let (phi, se) = ar1_of_segments(&[&residuals]);
        // The slope costs as much bias again as the level (Kendall 1954 for a fitted line).
        let phi = clamp_phi(phi.max(0.0) + 1.0 / n + se.min(0.5));
        let inflation: f64 = (1..self.0.len())
            .map(|lag| {
                let left = n - lag as f64;
                // Spearman's correlation of normal pairs with correlation rho (Pearson 1907).
                let rank = 6.0 / std::f64::consts::PI * (phi.powi(lag.min(500) as i32) / 2.0).asin();
                left * (left - 1.0) * (left - 2.0) * rank
            })
            .sum();
        (spread(n) - ties) / 18.0 * (1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * inflation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    fn days(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    #[test]
    fn slope_is_that_of_scipy() {
        // tests/reference/stats_reference.py, section trend
        let x = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4];
        let got = theil_sen(&days(10), &x, 0.95).expect("10 points");
        assert!((got.point - 0.3).abs() < 1e-11, "{}", got.point);
        let points = Points::new(&days(10), &x).expect("10 points");
        assert_eq!(points.kendall_s(), 13.0);
        assert_eq!(theil_sen(&[1.0, 1.0, 1.0, 1.0], &[1.0, 2.0, 3.0, 4.0], 0.95), None);
        assert_eq!(trend_p_value(&days(4), &[2.0; 4]), Some(1.0));
    }

    #[test]
    fn intervals_cover_and_tests_hold_their_level() {
        for phi in [0.0, 0.5] {
            let (mut covered, mut rejected) = (0, 0);
            for seed in 0..300 {
                let y: Vec<f64> =
                    series(seed, 90, Noise::Ar(phi)).iter().enumerate().map(|(i, v)| v + 0.01 * i as f64).collect();
                covered += usize::from(theil_sen(&days(90), &y, 0.95).expect("90 points").contains(0.01));
                let flat = series(seed + 900, 90, Noise::Ar(phi));
                rejected += usize::from(trend_p_value(&days(90), &flat).expect("90 points") < 0.05);
            }
            assert!(covered >= 276 && rejected <= 24, "phi {phi}: covered {covered}, rejected {rejected} of 300");
        }
    }

    #[test]
    fn order_does_not_matter_and_a_slope_adds() {
        let y = series(3, 60, Noise::Ar(0.0));
        let t = days(60);
        let a = theil_sen(&t, &y, 0.9).expect("60 points");
        let tilted: Vec<f64> = y.iter().zip(&t).map(|(v, t)| v + 2.0 * t).rev().collect();
        let b = theil_sen(&t.iter().rev().copied().collect::<Vec<_>>(), &tilted, 0.9).expect("60 points");
        assert!((b.point - a.point - 2.0).abs() < 1e-9 && (b.upper - a.upper - 2.0).abs() < 1e-9);
    }
}
