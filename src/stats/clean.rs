//! A series made ready for segmentation: stragglers pulled in, noise measured, slow drift taken out.

use super::autocorrelation::{ar1_of_segments, clamp_phi};
use super::location::{MAD_TO_SD, MEAN_AD_TO_SD, median, median_in_place};

/// Half the width of the running median: 7 points see through three stragglers in a row and follow a step within one
/// point.
const HALF_WINDOW: usize = 3;

/// Reach around the running median in noise standard deviations (Hampel's three).
const REACH: f64 = 3.0;

/// Distance over which drift is measured, in points: eight weeks of daily runs, so that weekdays cancel.
const DRIFT_LAG: usize = 56;

/// Noise around the levels of a segmentation.
#[derive(Clone, Copy)]
pub(super) struct Residuals {
    /// Long-run standard deviation at unit weight.
    pub(super) long_run_sd: f64,
    /// Degrees of freedom of the variance behind it.
    pub(super) df: f64,
}

/// Standard deviation at unit weight from first differences, blind to steps; 0 only for a constant series.
pub(super) fn difference_sd(values: &[f64], weights: &[f64]) -> f64 {
    let mut off: Vec<f64> = (1..values.len())
        .map(|i| (values[i] - values[i - 1]).abs() / (1.0 / weights[i] + 1.0 / weights[i - 1]).sqrt())
        .collect();
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    match median_in_place(&mut off) {
        Some(m) if m > 1e-9 * mean => MAD_TO_SD * m,
        _ => MEAN_AD_TO_SD * mean,
    }
}

/// Pulls each value in to its running median (7 points, fewer at the ends) ± 3 `sd`, wider where its weight is small.
pub(super) fn winsorise_locally(values: &[f64], weights: &[f64], sd: f64) -> Vec<f64> {
    (0..values.len())
        .map(|i| {
            let half = HALF_WINDOW.min(i).min(values.len() - 1 - i);
            let reach = REACH * sd / weights[i].sqrt();
            // A copy on the stack: this runs once per point, and an allocation would be most of its cost.
            let mut window = [0.0; 2 * HALF_WINDOW + 1];
            let window = &mut window[..=2 * half];
            window.copy_from_slice(&values[i - half..=i + half]);
            window.sort_unstable_by(f64::total_cmp);
            let centre = window[half];
            if reach.is_finite() { values[i].clamp(centre - reach, centre + reach) } else { values[i] }
        })
        .collect()
}

/// Drift per point that is clearly there over the whole series, else 0: the median difference over [`DRIFT_LAG`]
/// points.
pub(super) fn robust_drift(values: &[f64]) -> f64 {
    let n = values.len();
    if n < DRIFT_LAG + DRIFT_LAG / 2 {
        return 0.0;
    }
    let lag = DRIFT_LAG as f64;
    let slopes: Vec<f64> = values.iter().zip(&values[DRIFT_LAG..]).map(|(a, b)| (b - a) / lag).collect();
    let Some(slope) = median(&slopes) else { return 0.0 };
    let mut off: Vec<f64> = slopes.iter().map(|s| (s - slope).abs()).collect();
    let sd = MAD_TO_SD * median_in_place(&mut off).unwrap_or(0.0);
    // Neighbouring differences share their points: about two independent ones per lag. 1.25 is the price of a median.
    let error = 1.25 * sd / (2.0 * (n - DRIFT_LAG) as f64 / lag).max(2.0).sqrt();
    if slope.abs() > 2.0 * error { slope } else { 0.0 }
}

/// Standard deviation and autocorrelation around the weighted means between `changes`.
///
/// The autocorrelation is corrected for bias per level and raised by half a standard error, at most 0.85 as in
/// `research/prototypes/wt2.py`. `floor` keeps a noiseless series from having no noise at all.
pub(super) fn residuals(values: &[f64], weights: &[f64], changes: &[usize], floor: f64) -> Residuals {
    let n = values.len();
    let mut standardised = Vec::with_capacity(n);
    let mut bounds = vec![0];
    bounds.extend_from_slice(changes);
    bounds.push(n);
    for ends in bounds.windows(2) {
        let (v, w) = (&values[ends[0]..ends[1]], &weights[ends[0]..ends[1]]);
        let mean = v.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / w.iter().sum::<f64>();
        standardised.extend(v.iter().zip(w).map(|(v, w)| (v - mean) * w.sqrt()));
    }
    let levels = bounds.len() - 1;
    let squares: f64 = standardised.iter().map(|r| r * r).sum();
    let sd = (squares / n.saturating_sub(levels).max(1) as f64).sqrt().max(floor);
    let slices: Vec<&[f64]> = bounds.windows(2).map(|ends| &standardised[ends[0]..ends[1]]).collect();
    let (phi, se) = ar1_of_segments(&slices);
    let phi = clamp_phi(phi.max(0.0) + 0.5 * se.min(0.5)).min(0.85);
    // A variance of autocorrelated values rests on n (1 - φ²)/(1 + φ²) of them (Bayley & Hammersley 1946).
    let independent = n as f64 * (1.0 - phi * phi) / (1.0 + phi * phi);
    Residuals { long_run_sd: sd * ((1.0 + phi) / (1.0 - phi)).sqrt(), df: (independent - levels as f64).max(1.0) }
}
