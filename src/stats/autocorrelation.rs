//! How much a value remembers its predecessor (AR(1)), and what that costs in independent observations.
//!
//! Durations of neighbouring runs share load, data volume and caches. Intervals that ignore this cover 61 to 83 %
//! instead of 95 % at an autocorrelation of 0.6 (`research/detection.md`, section 4).

use super::location::{MAD_TO_SD, MEAN_AD_TO_SD, median_in_place};

/// Largest autocorrelation that is taken at face value: beyond it, stretches of the usual length hold less than one
/// independent observation in twenty, and no estimate from them says anything (no unit).
pub const MAX_PHI: f64 = 0.9;

/// Autocorrelation at lag 1 from medians of differences, in \[0, [`MAX_PHI`]\]; level changes do not disturb it.
///
/// Chakar, Lebarbier, Lévy-Leduc & Robin 2017, Bernoulli 23(2), 1408: med|y(t+2)-y(t)|² / med|y(t+1)-y(t)|² - 1.
/// Its standard error is about 2/√n, so prefer [`ar1_residual`] once the levels are known. O(n). 0 under 4 values.
#[must_use]
pub fn ar1_robust(values: &[f64]) -> f64 {
    match (median_absolute_difference(values, 1), median_absolute_difference(values, 2)) {
        (Some(one), Some(two)) if values.len() >= 4 && one > 0.0 => clamp_phi(two * two / (one * one) - 1.0),
        _ => 0.0,
    }
}

/// Autocorrelation at lag 1 of values around one level, with its bias in short series removed, in \[0, [`MAX_PHI`]\].
///
/// Lag-1 coefficient r with E\[r\] ≈ φ - (1 + 4φ)/n for an estimated mean: Marriott & Pope 1954 and Kendall 1954,
/// Biometrika 41, 390 and 403. Negative estimates become 0: they would narrow intervals. O(n). 0 under 4 values.
#[must_use]
pub fn ar1_residual(values: &[f64]) -> f64 {
    clamp_phi(ar1_of_segments(&[values]).0)
}

/// How many independent observations carry as much about the mean as `n` with AR(1) autocorrelation `phi`.
///
/// Exact for a stationary AR(1): n / (1 + 2 Σ (1 - k/n) φᵏ); for large n that is n (1 - φ)/(1 + φ). Bayley & Hammersley
/// 1946, JRSS Supplement 8, 184. Between 1 and n for phi in \[0, 1). O(1).
#[must_use]
pub fn effective_sample_size(n: usize, phi: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let n = n as f64;
    let phi = if phi.is_nan() { 0.0 } else { phi.clamp(-0.99, 0.99) };
    let inflation = (1.0 + phi) / (1.0 - phi) - 2.0 * phi * (1.0 - phi.powf(n)) / (n * (1.0 - phi) * (1.0 - phi));
    n / if inflation.is_finite() && inflation > 0.0 { inflation } else { 1.0 }
}

/// Standard deviation of the noise from first differences, so that level changes do not count; in the unit of the
/// values.
///
/// MAD of differences / √(2 (1 - φ)) with φ from [`ar1_robust`]; see [`noise_sd_given`]. O(n). `None` under 2 values.
#[must_use]
pub fn noise_sd(values: &[f64]) -> Option<f64> {
    noise_sd_given(values, ar1_robust(values))
}

/// [`noise_sd`] with a known autocorrelation `phi`; in the unit of the values.
///
/// A difference of neighbours has variance 2 σ² (1 - φ). Where more than half of the differences are 0 (coarse clocks)
/// the scaled mean absolute difference takes the place of the median. O(n). `None` under 2 values.
#[must_use]
pub fn noise_sd_given(values: &[f64], phi: f64) -> Option<f64> {
    let median = median_absolute_difference(values, 1)?;
    let mean = values.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>() / (values.len() - 1) as f64;
    let spread = if median > 1e-9 * mean { MAD_TO_SD * median } else { MEAN_AD_TO_SD * mean };
    Some(spread / (2.0 * (1.0 - clamp_phi(phi))).sqrt())
}

/// Standard deviation that a mean of many autocorrelated values behaves as if it had: sd · √((1 + φ)/(1 - φ)).
///
/// The square is 2π times the spectral density at frequency 0; Hamilton 1994, Time Series Analysis, section 10.5. O(1).
#[must_use]
pub fn long_run_sd(sd: f64, phi: f64) -> f64 {
    let phi = clamp_phi(phi);
    sd * ((1.0 + phi) / (1.0 - phi)).sqrt()
}

/// Unclamped bias-corrected lag-1 coefficient pooled over stretches with a level each, and its standard error.
///
/// Each stretch is centred on its own mean, values that are not finite are gaps; the bias of -(1 + 4φ)/n is paid once
/// per estimated level, the standard error is √((1 - φ²)/n), Bartlett 1946.
pub(super) fn ar1_of_segments(segments: &[&[f64]]) -> (f64, f64) {
    let (mut products, mut pairs, mut squares, mut n, mut slots, mut levels) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for values in segments {
        let present = values.iter().filter(|v| v.is_finite());
        let (count, sum) = present.clone().fold((0.0, 0.0), |(c, s), v| (c + 1.0, s + v));
        if count < 1.0 {
            continue;
        }
        let mean = sum / count;
        squares += present.map(|v| (v - mean) * (v - mean)).sum::<f64>();
        for product in values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).filter(|p| p.is_finite()) {
            products += product;
            pairs += 1.0;
        }
        n += count;
        slots += count * (1.0 - 1.0 / values.len() as f64);
        levels += 1.0;
    }
    if n < 4.0 || pairs < 2.0 || squares.is_nan() || squares <= 0.0 {
        return (0.0, 1.0);
    }
    // As many products as there would be without gaps; without any this is the ordinary lag-1 coefficient.
    let r = products / pairs * slots / squares;
    let phi = r + (1.0 + 4.0 * r) * levels / n;
    (phi, ((1.0 - phi * phi).max(0.01) / n).sqrt())
}

/// Into \[0, [`MAX_PHI`]\]; NaN counts as no autocorrelation.
pub(super) fn clamp_phi(phi: f64) -> f64 {
    if phi.is_nan() { 0.0 } else { phi.clamp(0.0, MAX_PHI) }
}

fn median_absolute_difference(values: &[f64], lag: usize) -> Option<f64> {
    let mut off: Vec<f64> = values.iter().zip(values.iter().skip(lag)).map(|(a, b)| (b - a).abs()).collect();
    median_in_place(&mut off)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};
    use proptest::prelude::*;

    #[test]
    fn estimators_find_the_truth_and_survive_a_step() {
        for phi in [0.0, 0.3, 0.6] {
            let mut y = series(5, 3000, Noise::Ar(phi));
            assert!((ar1_residual(&y) - phi).abs() < 0.05, "residual at {phi}");
            y.iter_mut().skip(1500).for_each(|v| *v += 8.0);
            assert!((ar1_robust(&y) - phi).abs() < 0.09, "robust at {phi}: {}", ar1_robust(&y));
            let sd = noise_sd_given(&y, phi).expect("enough values");
            assert!((sd - 1.0).abs() < 0.06, "sd at {phi}: {sd}");
        }
    }

    #[test]
    fn short_series_are_unbiased_on_average() {
        let mean = (0..400).map(|s| ar1_of_segments(&[&series(s, 20, Noise::Ar(0.5))]).0).sum::<f64>() / 400.0;
        assert!((mean - 0.5).abs() < 0.06, "{mean}");
    }

    #[test]
    fn effective_size_is_exact() {
        // n = 3, phi = .5: variance factor (3 + 2 (2 * .5 + 1 * .25)) / 3
        assert!((effective_sample_size(3, 0.5) - 3.0 / (5.5 / 3.0)).abs() < 1e-12);
        assert_eq!(effective_sample_size(0, 0.5), 0.0);
        assert!((effective_sample_size(100_000, 0.5) * 3.0 / 1e5 - 1.0).abs() < 1e-4);
    }

    #[test]
    fn degenerate_input_is_answered() {
        assert_eq!(ar1_robust(&[]), 0.0);
        assert_eq!(ar1_residual(&[1.0; 9]), 0.0);
        assert_eq!(noise_sd(&[1.0]), None);
        assert_eq!(noise_sd(&[1.0; 9]), Some(0.0));
        assert_eq!(ar1_residual(&[f64::NAN; 9]), 0.0);
    }

    proptest! {
        #[test]
        fn scale_and_shift(
            v in prop::collection::vec(-10.0..10.0f64, 8..40),
            scale in 0.5..4.0f64,
            shift in -50.0..50.0f64,
        ) {
            let moved: Vec<f64> = v.iter().map(|x| scale * x + shift).collect();
            prop_assert!((ar1_residual(&moved) - ar1_residual(&v)).abs() < 1e-8);
            let (a, b) = (noise_sd(&v).expect("8 values"), noise_sd(&moved).expect("8 values"));
            prop_assert!((b - scale * a).abs() < 1e-8 * (1.0 + b));
        }

        #[test]
        fn effective_size_within_bounds(n in 1usize..500, phi in 0.0..0.9f64) {
            let e = effective_sample_size(n, phi);
            prop_assert!(e >= 1.0 - 1e-9 && e <= n as f64 + 1e-9);
        }
    }
}
