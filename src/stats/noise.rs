//! The noise of a series around levels that change.

use super::autocorrelation::clamp_phi;
use super::means::dot;

/// Largest autocorrelation that detection believes: beyond it a year of days holds fewer than 30 independent ones.
pub(super) const MAX_PHI: f64 = 0.85;

/// Noise around the levels of a segmentation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Standard deviation of a single point.
    pub(super) sd: f64,
    /// Autocorrelation at lag 1.
    pub(super) phi: f64,
    /// Standard deviation that a mean of many points behaves as if each had it.
    pub(super) long_run_sd: f64,
    /// Degrees of freedom of the variance behind it.
    pub(super) df: f64,
}

impl Noise {
    /// Independent noise of a known standard deviation, to begin with.
    pub(super) fn independent(sd: f64, n: usize) -> Self {
        Self { sd, phi: 0.0, long_run_sd: sd, df: n as f64 }
    }

    /// From residuals with stragglers pulled in closely (`close`) and generously (`wide`), in segments that end at
    /// `ends`, about `fitted` means and slopes.
    ///
    /// The spread is that of `close`. The autocorrelation is the larger of both: pulling in hides memory of strong
    /// deviations, stragglers hide that of the rest. It is corrected for what was fitted, (1 + 4φ)/n
    /// each (Marriott & Pope 1954, Kendall 1954, Biometrika 41). `floor` keeps a noiseless series from having no noise
    /// at all.
    pub(super) fn of_residuals(close: &[f64], wide: &[f64], ends: &[usize], fitted: usize, floor: f64) -> Self {
        let (n, levels) = (close.len() as f64, fitted as f64);
        let squares = dot(close, close);
        let sd = (squares / (n - levels).max(1.0)).sqrt().max(floor);
        let raw = correlation(close, ends).max(correlation(wide, ends));
        let phi = unbiased(raw, fitted, close.len());
        let df = variance_df(close.len(), fitted, phi);
        Self { sd, phi, long_run_sd: sd * ((1.0 + phi) / (1.0 - phi)).sqrt(), df }
    }
}

/// Autocorrelation without the bias of `fitted` means and slopes, up to [`MAX_PHI`].
pub(super) fn unbiased(raw: f64, fitted: usize, n: usize) -> f64 {
    clamp_phi(raw + (1.0 + 4.0 * raw) * fitted as f64 / n as f64).min(MAX_PHI)
}

/// Degrees of freedom of the variance of `n` autocorrelated values about `levels` means: it rests on n (1 - φ²)/(1 + φ²) of
/// them (Bayley & Hammersley 1946).
pub(super) fn variance_df(n: usize, levels: usize, phi: f64) -> f64 {
    (n as f64 * (1.0 - phi * phi) / (1.0 + phi * phi) - levels as f64).max(1.0)
}

/// Lag-1 coefficient of residuals, products within segments only.
fn correlation(residuals: &[f64], ends: &[usize]) -> f64 {
    let squares = dot(residuals, residuals);
    let mut from = 0;
    let mut products = 0.0;
    for &to in ends {
        products += residuals[from..to].split_first().map_or(0.0, |(_, later)| dot(&residuals[from..to - 1], later));
        from = to;
    }
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation;

    #[test]
    fn long_run_noise_is_found() {
        for phi in [0.0, 0.3, 0.6] {
            let mean = (0..40)
                .map(|seed| {
                    let y = simulation::series(seed, 300, simulation::Noise::Ar(phi));
                    Noise::of_residuals(&y, &y, &[300], 1, 1e-9).long_run_sd
                })
                .sum::<f64>()
                / 40.0;
            let want = ((1.0 + phi) / (1.0 - phi)).sqrt();
            assert!((mean / want - 1.0).abs() < 0.08, "phi {phi}: {mean} for {want}");
        }
    }

    #[test]
    fn a_noiseless_series_has_the_floor() {
        assert_eq!(Noise::of_residuals(&[0.0; 20], &[0.0; 20], &[20], 1, 0.01).sd, 0.01);
    }
}
